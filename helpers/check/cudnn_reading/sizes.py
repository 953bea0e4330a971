"""Checks of the paper's formulas: output sizes, FLOPs, lowered matrices, arithmetic intensity, index functions.

Chetlur et al., arXiv 1410.0759: equation (1), equations (2) and (3), Figure 1.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np

from helpers.check.core.ask import GENERATOR, Answer, array, ask, kind_of
from helpers.check.core.compare import Hypothesis, verify
from helpers.check.core.hypotheses.arguments import mixed_up
from helpers.check.core.probe import calls_of_each
from helpers.check.core.report import Mistake, check
from helpers.check.cudnn_reading.probes import lowered_matrices
from helpers.check.cudnn_reading.words import amount, returned
from helpers.primitives.spec import output_size


def _sizes(seed: int) -> list[tuple[int, int, int, int]]:
    """(size, window, stride, pad) where floor, ceiling and true division all differ somewhere."""
    rng = np.random.default_rng(seed)
    cases = [(7, 3, 2, 0), (8, 3, 2, 0), (8, 3, 2, 1), (13, 3, 1, 0), (227, 11, 4, 0), (10, 4, 3, 2), (9, 2, 4, 1)]
    for _ in range(8):
        window, stride, pad = (int(v) for v in rng.integers((2, 2, 1), (6, 5, 4)))
        cases.append((window + int(rng.integers(3, 30)), window, stride, pad))
    return cases


@check("Output size, two formulas", "B1")
def output_sizes(paper: Any, today: Any, *, seed: int = 0) -> Iterator[str]:
    """Equation (1), ⌈(H − R + 1 + 2 pad) / u⌉, and today's ⌊(H + 2 pad − R) / u⌋ + 1."""
    cases = _sizes(seed)
    h, r, u, p = np.asarray(cases, dtype=float).T
    right = np.asarray([output_size(*case) for case in cases], dtype=float)
    a, b = h - r + 1 + 2 * p, h + 2 * p - r
    common = [
        ("pad-once",
         "The padding is counted once; rows of zeros stand on both sides, so it is 2·pad.",
         np.ceil((a - p) / u), (b - p) // u + 1),
        ("padding-ignored", "The padding is ignored.", np.ceil((h - r + 1) / u), (h - r) // u + 1),
        ("stride-ignored", "The stride is ignored: divide by u.", a, b + 1),
        ("pad-subtracted",
         "The padding is subtracted; it makes the image larger.",
         np.ceil((a - 4 * p) / u), (b - 4 * p) // u + 1),
        ("off-by-one",
         "The result is one too large. Is a 1 added twice, inside and outside the rounding?",
         right + 1, right + 1),
        ("brackets-missing",
         "Division goes first: put brackets around everything that the stride divides.",
         np.ceil(h - r + 1 + 2 * p / u), np.floor(h + 2 * p - r / u) + 1),
        ("brackets-missing",
         "Division goes first: put brackets around everything that the stride divides.",
         np.ceil((h - r) / u + 1 + 2 * p), np.floor(h + 2 * p - r // u) + 1),
        ("off-by-one",
         "The result is one too small: the window's first position counts, too. Look for a missing + 1.",
         right - 1, right - 1),
    ]
    seen = ask(calls_of_each, [("size_paper", paper, cases), ("size_today", today, cases)])
    for name, own in (
        ("size_paper", [
            Hypothesis("floor-for-ceiling", a // u,
                       "This rounds down. Equation (1) in section 2 rounds up: look at its brackets. "
                       "(`//` rounds down, too, before `ceil` can see the fraction.)"),
            Hypothesis("not-rounded", a / u,
                       "The quotient is not rounded; the brackets in equation (1) mean rounding up."),
            Hypothesis("plus-one-outside", np.ceil((a - 1) / u) + 1,
                       "The + 1 stands outside the rounding. In equation (1) it is part of what is divided by u."),
            Hypothesis("plus-one-missing", np.ceil(b / u), "The + 1 of equation (1) is missing."),
            Hypothesis("one-added-for-rounding", a // u + 1,
                       "This is one too large where the division leaves no rest: rounding down and adding 1 (`int(…) + "
                       "1`) is not rounding up. `math.ceil(…)` is, and so is `-(-a // b)`."),
            *(Hypothesis("same-size", size,
                         "Where there is a padding, this is ⌈H / u⌉, as if it kept the size (\"same\"). Equation (1) "
                         "takes the padding that is given, 2·pad.")
              for size in (np.where(p > 0, np.ceil(h / u), np.ceil((h - r + 1) / u)), np.ceil(h / u))),
            Hypothesis("rounded-to-nearest", np.round(a / u),
                       "`round` goes to the nearest whole number; equation (1) always rounds up."),
        ]),
        ("size_today", [
            Hypothesis("ceiling-for-floor", np.ceil(b / u) + 1,
                       "This rounds up. Today's formula rounds down, and adds 1 afterwards."),
            Hypothesis("not-rounded", b / u + 1,
                       "The quotient is not rounded; today's formula rounds it down before the 1 is added."),
            Hypothesis("plus-one-missing", b // u,
                       "The + 1 is missing: the window's first position is one output already."),
            Hypothesis("plus-one-inside", a // u,
                       "The + 1 is divided by the stride, too. In today's formula it is added after rounding down."),
            Hypothesis("stride-as-dilation", (h + 2 * p - u * (r - 1) - 1) // u + 1,
                       "The stride stands in the place of a dilation, too: it multiplies the window. The window has R "
                       "rows that follow each other; the stride only divides."),
            Hypothesis("divided-apart", (h - r) // u + 1 + 2 * p // u,
                       "The padding is divided and rounded on its own. Add it first: only the whole is divided by u, "
                       "and rounded once."),
            Hypothesis("divided-apart", (h - r) // u + 1 + 2 * (p // u),
                       "The padding is divided and rounded on its own. Add it first: only the whole is divided by u, "
                       "and rounded once."),
            Hypothesis("rounded-to-nearest", np.round(b / u) + 1,
                       "`round` goes to the nearest whole number; today's formula always rounds down."),
        ]),
    ):  # fmt: skip
        got = _each(seen, name, len(cases))
        index = 0 if name == "size_paper" else 1
        verify(got, right,
               f"{name} for (H, R, u, pad) = {', '.join(map(str, cases[:5]))}, …",
               lambda own=own, index=index, got=got: [  # type: ignore[misc]
                   *own, *(Hypothesis(n, w[index], hint) for n, hint, *w in common),
                   *mixed_up(got, _windows, ("H", "R", "u", "pad"), cases, what="The result")])
        yield f"{name}: {len(cases)} cases with strides 1 to 4"


@check("The two formulas agree", "B1", builds_on="your two formulas", after="B1")
def formulas_agree(cases: Any, differences: Any) -> Iterator[str]:
    """Many legal cases that could tell the formulas apart, and no difference among them."""
    if cases is not None and differences is None and hasattr(cases, "__len__") and len(cases):
        raise Mistake("still-to-do",
                      "Still to do: `differences` is None. It should be a list of the cases in which the two formulas "
                      "differ, and an empty one where there is none (`… or None` makes None of an empty list).")
    if cases is None or differences is None:
        raise Mistake("still-to-do",
                      "Still to do: `cases` and `differences` are still empty; "
                      "write and run the exercise's cell above.")
    if kind_of(cases) == GENERATOR or hasattr(cases, "__next__"):
        raise Mistake("generator-for-list",
                      "`cases` is a generator: it can be gone through once, and is empty then. Make a list, with "
                      "square brackets around it.")
    try:
        rows = sorted({tuple(int(v) for v in case) for case in cases})
        assert all(len(row) == 4 for row in rows)
    except Exception:
        raise Mistake("cases-wrong",
                      "`cases` should be a list of tuples (size, window, stride, pad) of whole numbers.") from None
    if len(rows) < 100:
        raise Mistake("too-few-cases",
                      f"`cases` holds {len(rows)} different cases; try at least 100, from loops over all four numbers.")
    h, r, u, p = np.asarray(rows).T
    if (u < 1).any() or (p < 0).any() or (r < 1).any():
        turned = " Do the last two stand in the order pad, stride? It is (size, window, stride, pad)." if (
            (u < 1).any() and (u >= 0).all() and (p >= 1).all() and (r >= 1).all()) else ""
        raise Mistake("cases-wrong",
                      f"Some of the cases have a stride or window below 1, or a negative padding.{turned}")
    if (r > h + 2 * p).any():
        bad = rows[int(np.argmax(r > h + 2 * p))]
        raise Mistake("window-too-large",
                      f"In the case {bad} the window is larger than the padded image, "
                      f"so there is no output to count. Leave such cases out.{_turned(rows)}")
    for values, what in ((u, "stride"), (p, "padding")):
        if len(set(values.tolist())) == 1:
            raise Mistake("cases-alike",
                          f"All of the cases have the same {what}, {values[0]}. "
                          "Take several, so that a formula that forgets it is caught.")
    if not ((h + 2 * p - r) % u).any() or not p.any():
        raise Mistake("cases-too-easy",
                      "None of the cases can tell the formulas apart: "
                      "take strides that do not divide H + 2·pad − R, and paddings above 0.")
    yield f"{len(rows)} cases with strides up to {u.max()} and paddings up to {p.max()}"
    try:
        many = len(differences)
    except TypeError:
        many = int(amount(differences, "differences"))
    if many:
        _demand_cases(differences, rows)
        try:
            first = tuple(int(v) for v in next(iter(differences)))
            shown = f" For {first} both should give {output_size(*first)}." if first in rows else ""
        except Exception:
            shown = ""
        raise Mistake("formulas-differ",
                      f"`differences` holds {many} cases in which your two formulas differ. "
                      f"They agree in every legal case: one of them is not right yet.{shown}")
    yield "no difference"


def _turned(rows: list[tuple[int, ...]]) -> str:
    """What to ask where all cases are legal with their numbers in another order."""
    names = "size", "window", "stride", "pad"
    for order in ((0, 2, 1, 3), (1, 0, 2, 3), (0, 3, 2, 1), (0, 2, 3, 1), (0, 3, 1, 2)):
        h, r, u, p = np.asarray(rows).T[list(order)]
        if (r >= 1).all() and (u >= 1).all() and (p >= 0).all() and (r <= h + 2 * p).all():
            stand = ", ".join(names[order.index(place)] for place in range(4))
            return f" (Or do the numbers stand in the order {stand}? It is (size, window, stride, pad).)"
    return ""


def _demand_cases(differences: Any, rows: list[tuple[int, ...]]) -> None:
    """A Mistake where `differences` are no cases, or those that a wrong comparison collects."""
    try:
        listed = {tuple(int(v) for v in case) for case in differences}
    except Exception:
        raise Mistake("differences-not-cases",
                      f"`differences` should hold the cases in which the two functions differ, each a tuple (size, "
                      f"window, stride, pad); it holds {next(iter(differences), None)!r}. Leave out cases without a "
                      "difference.") from None
    every = listed == set(rows)
    if every or listed == {row for row in rows if output_size(*row) > 256}:
        which = "all of your cases" if every else "your cases with an output above 256"
        raise Mistake("compared-wrongly",
                      f"`differences` holds {which}. If the check of the formulas above passes, the comparison is "
                      "wrong: collect a case where the two results differ, `!=` (not `==`; nor `is not`, which asks "
                      "whether they are the same object).")


def _windows(h: Any, r: Any, u: Any, p: Any) -> Any:
    return (h + 2 * p - r) // u + 1


# No 2 and no 4 among them: a forgotten size must not look like a forgotten factor 2 or like the 4 bytes.
NUMBERS = {"N": 5, "C": 3, "H": 34, "W": 52, "K": 7, "R": 13, "S": 19, "P": 11, "Q": 17}


LARGE = (128, 128, 64, 9, 9, 56, 56)
"""N, K, C, R, S, P, Q of a layer as large as those of Table 2: its FLOPs need more than 32 bits."""


def _shape(seed: int) -> dict[str, int]:
    if not seed:
        return dict(NUMBERS)
    rng = np.random.default_rng(seed)
    n, c, k, r, s, p, q = (int(v) for v in rng.permutation([3, 5, 7, 11, 13, 17, 19]))
    return {"N": n, "C": c, "H": 2 * p + r - 1, "W": 2 * q + s - 1, "K": k, "R": r, "S": s, "P": p, "Q": q}


def _product(z: dict[str, int], names: str) -> float:
    return float(np.prod([z[name] for name in names]))


@check("FLOPs and the lowered matrices", "B2")
def lowering_cost(forward_flops: Any, lowered_shapes: Any, *, seed: int = 0) -> Iterator[str]:
    """2·N·K·C·R·S·P·Q, and the shapes of F_m (K, CRS), D_m (CRS, NPQ), O_m (K, NPQ)."""
    z = _shape(seed)
    args = [z[name] for name in "NKCRSPQ"]
    shown = ", ".join(f"{name}={z[name]}" for name in "NKCRSPQ")
    asked = [("forward_flops", forward_flops, [args, LARGE]), ("lowered_shapes", lowered_shapes, [args])]
    seen = ask(calls_of_each, asked)
    got, large = _each(seen, "forward_flops", 2)
    got = np.asarray(got)
    right = 2 * _product(z, "NKCRSPQ")
    missing = [
        Hypothesis(f"{m}-forgotten", np.asarray(right / z[m]),
                   f"{m} is missing from the product: equation (3) has four loops for the outputs and three sums, "
                   f"and {m} runs in one of them.")
        for m in "NKCRSPQ"
    ]
    verify(got, np.asarray(right), f"forward_flops for {shown}", [
        Hypothesis("additions-forgotten", np.asarray(right / 2),
                   "This counts multiplications only. "
                   "Each is followed by an addition, so there are twice as many FLOPs."),
        Hypothesis("first-addition", np.asarray((2 * _product(z, "CRS") - 1) * _product(z, "NKPQ")),
                   "This leaves out one addition for each output, because a sum of n products has n − 1. "
                   "That is exact, but equation (3) adds to an output that starts at zero, "
                   "and the usual convention counts 2 FLOPs for each product."),
        Hypothesis("per-image", np.asarray(right / z["N"] / z["K"]),
                   "This is one output channel of one image. Count all N·K of them."),
        Hypothesis("units-changed", np.asarray(right / 1e9),
                   "This is in GFLOP. Return the number of operations itself."),
        Hypothesis("counted-twice", np.asarray(right * 2),
                   "This is twice the right number: one multiplication and one addition make 2."),
        Hypothesis("outputs-only", np.asarray(2 * _product(z, "NKPQ")),
                   "This counts 2 for each output. Each output is a sum of C·R·S products, equation (3)."),
        Hypothesis("input-size-for-output",
                   np.asarray(2 * _product(z, "NKCRS") * (z["P"] + z["R"] - 1) * (z["Q"] + z["S"] - 1)),
                   "H and W are used for P and Q: count the outputs, not the inputs."),
        *missing,
        *(Hypothesis("xor-for-power", np.asarray(2 * _product(z, "NKC") * (z[a] ^ 2) * (z[b] ^ 2)),
                     f"`^` is no power in Python: `x^2` is another number than x². Write `**`, and write {pair} where "
                     "the two can differ.")
          for a, b, pair in (("R", "P", "R·S and P·Q"), ("S", "Q", "R·S and P·Q"))),
        *mixed_up(got, lambda *of: 2 * math.prod(of), "NKCRSPQ", [args], what="This number"),
    ])  # fmt: skip
    operations = 2 * math.prod(LARGE)
    if not math.isclose(large, operations, rel_tol=1e-3):
        raise Mistake("integer-overflow",
                      f"forward_flops is right for small sizes, and for a layer such as Table 2's, "
                      f"{', '.join(f'{n}={v}' for n, v in zip('NKCRSPQ', LARGE, strict=True))}, it returns {large:g} "
                      f"instead of {operations:g}. Are the numbers kept in 32 bits? These end at {2**31 - 1}; "
                      "Python's own whole numbers have no end.")
    yield "FLOPs of the forward pass"
    found = seen.part("lowered_shapes")["0"]
    crs, npq = int(_product(z, "CRS")), int(_product(z, "NPQ"))
    rights = {"F_m": (z["K"], crs), "D_m": (crs, npq), "O_m": (z["K"], npq)}
    if isinstance(found, dict):
        raise Mistake("shapes-wrong",
                      "lowered_shapes returns a dictionary. Return the three shapes alone, "
                      "of F_m, D_m and O_m in this order, such as ((2, 12), (12, 4), (2, 4)).")
    try:
        shapes = [tuple(int(v) for v in shape) for shape in found]
    except Exception:
        raise Mistake("shapes-wrong",
                      "lowered_shapes should return three shapes, such as ((2, 12), (12, 4), (2, 4)); "
                      f"it returned {found!r}.") from None
    if len(shapes) != 3:
        raise Mistake("shapes-wrong",
                      f"lowered_shapes should return three shapes, of F_m, D_m and O_m; it returned {len(shapes)}.")
    if sorted(shapes) == sorted(rights.values()) and shapes != list(rights.values()):
        raise Mistake("shapes-in-another-order",
                      "The three shapes are right and stand in another order: return those of F_m, D_m and O_m.")
    for (name, right_), shape in zip(rights.items(), shapes, strict=True):
        if shape == right_:
            continue
        if shape == right_[::-1]:
            raise Mistake("shape-transposed",
                          f"{name} has shape {shape}: rows and columns are swapped. "
                          "In section 3 O_m = F_m · D_m, and a row of F_m is a filter.")
        if name == "D_m" and shape == (z["C"] * z["R"] * z["S"], z["P"] * z["Q"]):
            raise Mistake("one-image-only",
                          f"D_m has shape {shape}, which has room for one image. "
                          "The paper lowers the whole mini-batch at once: N of them.")
        if name == "D_m" and int(np.prod(shape)) == z["N"] * z["C"] * z["P"] * z["Q"]:
            raise Mistake("not-lowered",
                          f"D_m has shape {shape}, which holds each input once. "
                          "Lowering copies an input element for each of the R·S positions in the filter.")
        if len(shape) == 2 and shape[0] == right_[0] and shape[1] in (z["R"] * z["S"], z["P"] * z["Q"]):
            what = "channels" if name == "F_m" else "images"
            raise Mistake("dimension-forgotten", f"{name} has shape {shape}: the {what} are missing from its columns.")
        if len(shape) != 2:
            raise Mistake("not-a-matrix",
                          f"{name} has shape {shape}, with {len(shape)} axes. The lowered arrays are matrices, of two: "
                          "rows and columns, in each of which several dimensions are joined.")
        letters = [
            f"its {words} are {made}"
            for words, side, own in zip(("rows", "columns"), shape, right_, strict=True)
            if side != own and (made := _letters(side, z))
        ]
        if letters:
            raise Mistake("letters-mixed-up",
                          f"{name} has shape {shape}: {' and '.join(letters)}. Figure 1's example is 2×12 times 12×4: "
                          "find out there which dimensions belong to the 12 and to the 4.")
        raise Mistake("shapes-wrong",
                      f"{name} has shape {shape} for {shown}. Figure 1's example is 2×12 times 12×4: "
                      "find out there which dimensions make the 12 and the 4.")
    yield "shapes of F_m, D_m and O_m"


def _letters(number: int, z: dict[str, int]) -> str:
    """The number as a product of sizes, "C · R · R"; "" where it is none."""
    for count in range(1, 5):
        for names in itertools.combinations_with_replacement("NCHWKRSPQ", count):
            if math.prod(z[name] for name in names) == number:
                return " · ".join(names)
    return ""


def _of_numbers(n: Any, c: Any, h: Any, w: Any, k: Any, r: Any, s: Any, p: Any, q: Any) -> Any:
    return 2 * n * k * c * r * s * p * q / (4 * (n * c * h * w + k * c * r * s + n * k * p * q))


def _intensity(z: dict[str, int]) -> np.ndarray:
    moved = sum(_product(z, names) for names in ("NCHW", "KCRS", "NKPQ"))
    return np.asarray(2 * _product(z, "NKCRSPQ") / (4 * moved))


@check("Arithmetic intensity", "B2")
def arithmetic_intensity(intensity: Any, *, seed: int = 0) -> Iterator[str]:
    """FLOPs per byte, where images, filters and outputs move once each."""
    z = _shape(seed)
    args = [z[name] for name in "NCHWKRSPQ"]
    flops = 2 * _product(z, "NKCRSPQ")
    parts = {"images": _product(z, "NCHW"), "filters": _product(z, "KCRS"), "outputs": _product(z, "NKPQ")}
    total = sum(parts.values())
    got = _each(ask(calls_of_each, [("intensity", intensity, [args])]), "intensity", 1).reshape(())
    right = flops / (4 * total)
    verify(got, np.asarray(right), "the intensity", [
        Hypothesis("numbers-for-bytes", np.asarray(right * 4), "This is FLOPs per number. A float32 has 4 bytes."),
        Hypothesis("half-as-large", np.asarray(right / 2),
                   "This is half of what it should be: either a number was counted with 8 bytes (float32 has 4), "
                   "or a multiplication and an addition as one operation."),
        Hypothesis("brackets-missing", np.asarray(flops / 4 * total),
                   "The bytes are multiplied where they should divide: put brackets around the whole product 4 · (…)."),
        *(Hypothesis("brackets-missing", np.asarray(flops / (total + 3 * size)),
                     f"The 4 bytes are counted for the {name} alone. Each of the three has numbers of 4 bytes: put "
                     "brackets around the sum.")
          for name, size in parts.items() if name != "outputs"),  # which gives what "output-recomputed" gives
        Hypothesis("outputs-twice", np.asarray(flops / (4 * (total + parts["outputs"]))),
                   "The outputs are counted twice, as if they were read and written. "
                   "Here they are only written, once."),
        Hypothesis("output-recomputed", lambda: _intensity(z | {"P": z["H"] - z["R"] + 1, "Q": z["W"] - z["S"] + 1}),
                   "P and Q are computed anew from H, R, W and S, as if the stride were 1; they are among the "
                   "arguments."),
        Hypothesis("upside-down", np.asarray(1 / right), "This is bytes per FLOP. Intensity is FLOPs per byte."),
        Hypothesis("lowered-bytes",
                   np.asarray(flops / (4 * (_product(z, "CRSNPQ") + parts["filters"] + parts["outputs"]))),
                   "This moves the lowered images. Count each number of D, F and O once: "
                   "the least that any algorithm must move."),
        *(Hypothesis("size-forgotten", np.asarray(flops / (4 * (total - size + size / z[letter]))),
                     f"{letter} is missing among the {name}' numbers: {' · '.join(letters)}.")
          for name, letters in (("images", "NCHW"), ("filters", "KCRS"), ("outputs", "NKPQ"))
          for size in [parts[name]] for letter in letters),
        *(Hypothesis(f"{name}-forgotten", np.asarray(flops / (4 * (total - size))),
                     f"The bytes of the {name} are missing: D and F are read, O is written.")
          for name, size in parts.items()),
        *mixed_up(got, _of_numbers, "NCHWKRSPQ", [args], what="This number"),
    ])  # fmt: skip
    yield "FLOPs per byte, float32"


def _arrays(n: int, c: int, h: int, w: int, k: int, r: int, s: int, seed: int) -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(seed)
    return (
        rng.permutation(n * c * h * w).reshape(n, c, h, w) + 1.5,
        rng.permutation(k * c * r * s).reshape(k, c, r, s) - 5.5,
    )


def _patches(d: np.ndarray, r: int, s: int) -> np.ndarray:
    """(N, P, Q, C, R, S) of stride 1 without padding."""
    return np.lib.stride_tricks.sliding_window_view(d, (r, s), axis=(2, 3)).transpose(0, 2, 3, 1, 4, 5)


def _examples(seed: int) -> list[tuple[int, int, int, int, int, int, int]]:
    """(N, C, H, W, K, R, S): those of Figure 1; others that all differ from each other; one filter and channel."""
    one = (1, 1, 4, 3, 1, 2, 2)
    if not seed:
        return [(1, 3, 3, 3, 2, 2, 2), (2, 3, 5, 4, 4, 2, 3), one]
    rng = np.random.default_rng([seed, 3])
    r, s = (int(v) for v in rng.permutation([2, 3]))
    n, c, k = (int(v) for v in rng.permutation([2, 3, 4]))
    return [(1, 3, 3, 3, 2, 2, 2), (n, c, r + int(rng.integers(2, 4)), s + 1, k, r, s), one]


@check("The lowered matrices of Figure 1", "B3")
def lowered(lower_filters: Any, lower_images: Any, *, seed: int = 0) -> Iterator[str]:
    """F_m · D_m is the cross-correlation of D with F, as (K, N·P·Q);
    any order of the C·R·S will do, if both have the same."""
    examples = _examples(seed)
    arrays = [_arrays(*sizes, seed) for sizes in examples]
    arrays[1] = np.asfortranarray(arrays[1][0]), arrays[1][1]  # in another order in memory
    seen = ask(lowered_matrices, lower_filters, lower_images, arrays)
    for number, ((n, c, h, w, k, r, s), (d, f)) in enumerate(zip(examples, arrays, strict=True)):
        patches = _patches(d, r, s)
        p, q = patches.shape[1:3]
        example = f"N={n}, C={c}, {h}×{w} images, K={k}, {r}×{s} filters"
        try:
            fm = array(seen.part(number)["F_m"], "the result of lower_filters")
            dm = array(seen.part(number)["D_m"], "the result of lower_images")
        except Mistake as error:
            if n == 1 or error.name != "raises":
                raise
            said = error.message.split(" The shapes don't fit")[0]  # what follows there is about layers
            raise Mistake("sizes-of-the-example",
                          f"This works for the sizes of Figure 1 and fails for {example}: {said} Take every size from "
                          "the arrays' own shapes, and P from H and R, Q from W and S.") from None
        for name, got, shape in (("F_m", fm, (k, c * r * s)), ("D_m", dm, (c * r * s, n * p * q))):
            if got.shape != shape and k == 1:
                raise Mistake("axis-squeezed",
                              f"For {example}, {name} has shape {got.shape}; it should be {shape}. `squeeze` takes "
                              "away every axis of length 1, that of a single filter, channel or image, too.")
            if got.shape != shape and got.shape == (c * r * s, n * (h - s + 1) * (w - r + 1)) and r != s:
                raise Mistake("letters-mixed-up",
                              f"For {example}, {name} has shape {got.shape}; it should be {shape}. That is what comes "
                              "out when R and S are exchanged: R rows of H, S columns of W.")
            if got.shape != shape:
                mistake, hint = _shape_hint(got.shape, shape, c, n, name)
                raise Mistake(mistake, f"For {example}, {name} has shape {got.shape}; it should be {shape}.{hint}")
        columns = patches.reshape(n * p * q, -1)
        if not _holds(dm, columns):
            if np.array_equal(np.sort(dm.ravel()), np.sort(columns.ravel())):
                reordered = patches.transpose(1, 2, 0, 3, 4, 5).reshape(n * p * q, -1).T
                if n > 1 and np.array_equal(np.sort(dm, axis=0), np.sort(reordered, axis=0)):
                    raise Mistake("images-innermost",
                                  "In the columns of D_m the image index varies fastest. O_m has one row per filter "
                                  "and columns in the order n, p, q, so that it can be reshaped to the output.")
                reordered = patches.transpose(0, 2, 1, 3, 4, 5).reshape(n * p * q, -1).T
                if np.array_equal(np.sort(dm, axis=0), np.sort(reordered, axis=0)):
                    raise Mistake("columns-transposed",
                                  f"For {example}, the columns of D_m stand in the order n, q, p: p runs fastest. In "
                                  "O_m they are n, p, q, as the output is read row by row: q is the inner loop.")
                if any(np.array_equal(dm, mixed) for mixed in _reshaped(d, patches)):
                    raise Mistake("reshape-for-transpose",
                                  f"For {example}, D_m holds the right numbers in the wrong columns: axes are brought "
                                  "into another order by `reshape`, which only cuts the same numbers anew. Move images "
                                  "and channels by `transpose` (or `moveaxis`), and reshape after it.")
                raise Mistake("patches-mixed",
                              f"For {example}, D_m holds the right numbers in the wrong columns: "
                              "a column should be the C·R·S numbers at one position of the window.")
            if len(dm) > 1 and (dm == dm[0]).all():
                raise Mistake("rows-alike",
                              f"For {example}, all rows of D_m are the same. Are they one and the same list, as "
                              "`[[0] * columns] * rows` makes them? What is written into one then stands in all: make "
                              "each row anew, or take `np.zeros((rows, columns))`.")
            if n > 1 and np.array_equal(dm, np.tile(dm[:, : p * q], n)):
                raise Mistake("one-image-repeated",
                              f"For {example}, every image has the same columns in D_m. "
                              "Does the loop over n also move to the next image, and to the next p·q columns?")
            if _holds(dm, np.trunc(columns)):
                raise Mistake("fractions-lost",
                              "D_m holds whole numbers only: the fractions of D are lost. Is it made as an array of "
                              "integers?")
            if _holds(dm, _patches(d.ravel(order="K").reshape(d.shape), r, s).reshape(n * p * q, -1)):
                raise Mistake("memory-order",
                              f"For {example}, D_m holds other pixels: D lies in memory in another order than its axes "
                              "are. With `as_strided`, compute the strides from `D.strides`.")
            at = int((np.sort(dm, axis=0) != np.sort(columns.T, axis=0)).any(axis=0).argmax())
            raise Mistake("patches-wrong",
                          f"For {example}, column {at} of D_m holds the numbers {_some(dm[:, at])}; "
                          f"at that position of the window are {_some(columns[at])} (both sorted).")
        right = f.reshape(k, -1) @ columns.T
        flipped = f[:, :, ::-1, ::-1].reshape(k, -1) @ columns.T
        verify(fm @ dm, right, f"F_m @ D_m for {example}", [
            Hypothesis("fractions-lost", np.trunc(f).reshape(k, -1) @ columns.T,
                       "F_m holds whole numbers only: the fractions of F are lost."),
            Hypothesis("filter-flipped", flipped,
                       "This is the convolution of equation (3), with the filter rotated by 180°. The exercise asks "
                       "for cross-correlation, as libraries compute by default: leave the filter as it is."),
            *(Hypothesis("orders-differ", product,
                         "The rows of D_m and the columns of F_m run through channels and window positions "
                         "in different orders. Keep C, then R, then S in both.")
              for product in _other_orders(f, patches)),
        ])  # fmt: skip
        try:
            again, later = (array(seen.part(number)[name], "D_m") for name in ("D_m again", "D_m later"))
        except Mistake:
            again = later = np.zeros(0)
        other = _patches(d[::-1, ::-1, ::-1, ::-1], r, s).reshape(n * p * q, -1)
        if not np.array_equal(later, dm) or not _holds(again, other):
            raise Mistake("kept-between-calls",
                          "lower_images is right when it is called for the first time, and not when it is called again "
                          "with other images: something is kept from call to call, in a variable outside of the "
                          "function or in a default argument such as `columns=[]`, which is made only once.")
        yield f"{example}: {k}×{c * r * s} times {c * r * s}×{n * p * q}"


def _reshaped(d: np.ndarray, patches: np.ndarray) -> Iterator[np.ndarray]:
    """D_m where images and channels change places by `reshape` alone: before the windows are taken, or after."""
    n, p, q, c, r, s = patches.shape
    for order in ("C", "F"):
        cut = _patches(d.reshape((c, n, *d.shape[2:]), order=order), r, s)  # type: ignore[call-overload]
        yield cut.transpose(0, 4, 5, 3, 1, 2).reshape(c * r * s, -1)
    for axes in ((0, 3, 4, 5, 1, 2), (0, 1, 2, 3, 4, 5), (0, 3, 1, 2, 4, 5), (3, 0, 1, 2, 4, 5), (3, 0, 4, 5, 1, 2)):
        yield patches.transpose(axes).reshape(c * r * s, n * p * q)


def _holds(dm: np.ndarray, columns: np.ndarray) -> bool:
    """Whether the columns of D_m hold these rows of numbers, in any order within each."""
    return np.array_equal(np.sort(dm, axis=0), np.sort(columns.T, axis=0))


def _some(values: np.ndarray) -> str:
    """The first few of sorted numbers."""
    shown = ", ".join(f"{v:g}" for v in np.sort(values)[:8])
    return f"{shown}, …" if len(values) > 8 else shown


def _other_orders(f: np.ndarray, patches: np.ndarray) -> Iterator[np.ndarray]:
    """F_m · D_m for every pair of different orders of C, R and S."""
    orders = list(itertools.permutations((0, 1, 2)))
    rows = [f.transpose(0, *(1 + i for i in order)).reshape(len(f), -1) for order in orders]
    columns = [patches.transpose(0, 1, 2, *(3 + i for i in order)).reshape(-1, rows[0].shape[1]).T for order in orders]
    return (a @ b for (i, a), (j, b) in itertools.product(enumerate(rows), enumerate(columns)) if i != j)


def _shape_hint(got: tuple[int, ...], shape: tuple[int, int], c: int, n: int, name: str) -> tuple[str, str]:
    """Mistake and hint for a matrix of another shape."""
    if got == shape[::-1]:
        return "shape-transposed", " It is transposed."
    if len(got) != 2:
        return "not-a-matrix", " It should be a matrix, with two axes: merge the others."
    rows, columns = shape
    if name == "F_m" and got[0] == rows and got[1] * c == columns:
        return "one-channel-only", " The channels are missing: a row of F_m holds a whole filter, with all C of them."
    if name == "D_m" and got[0] * c == rows:
        return "one-channel-only", " It has one channel only: a column holds what the window sees in all of them."
    if name == "D_m" and got[0] == rows and n > 1 and got[1] * n == columns:
        return "one-image-only", " It has one image only: the columns of all images stand side by side."
    if name == "D_m" and got[0] == rows and got[1] < columns:
        return "windows-missing", " Positions of the window are missing: there are H − R + 1 down and W − S + 1 across."
    return "wrong-shape", ""


def _each(seen: Answer, name: str, count: int) -> np.ndarray:
    """The numbers that a function returned for its cases."""
    return np.asarray([returned(seen.part(name)[str(number)], name) for number in range(count)])


def _convolution(p: Any, u: Any, size: Any, r: Any, pad: Any) -> Any:
    return p * u + size - r - 1 - pad


def _correlation(p: Any, u: Any, size: Any, r: Any, pad: Any) -> Any:
    return p * u + r - pad + 0 * size


@check("Index functions", "B4")
def index_functions(g_paper: Any, g_correlation: Any, flip: Any, *, seed: int = 0) -> Iterator[str]:
    """Equation (2), g = p·u + R − r − 1 − pad; of cross-correlation, p·u + r − pad;
    a filter turned by 180° joins the two."""
    cases = [
        (p, u, r_, r, pad)
        for (u, r_, pad), p in itertools.product(((1, 3, 1), (2, 4, 0), (3, 5, 2 + seed % 3)), range(3))
        for r in range(r_)
    ]
    p, u, size, r, pad = np.asarray(cases, dtype=float).T
    convolution, correlation = p * u + size - r - 1 - pad, p * u + r - pad
    both: list[tuple[str, str, Callable[[np.ndarray], np.ndarray]]] = [
        ("pad-added",
         "The padding is added. Row 0 of the padded image lies pad rows above the image, so subtract it.",
         lambda g: g + 2 * pad),
        ("padding-ignored", "The padding is ignored.", lambda g: g + pad),
        ("clipped-at-zero",
         "Negative rows became 0. A negative row is one of padding: "
         "return it as it is, so that it can be told from row 0.",
         lambda g: np.maximum(g, 0)),
        ("stride-ignored",
         "The stride is ignored: from one output to the next the window moves by u.",
         lambda g: g - p * u + p),
        ("counted-from-one",
         "p is counted from 1 here. It counts from 0, so that the first output has p = 0.",
         lambda g: g - u),
        ("stride-on-r",
         "The stride multiplies r, and p is not multiplied. From one output to the next the window moves by u; inside "
         "the window neighbours are one apart.",
         lambda g: g - p * u + p + np.sign(g[1] - g[0]) * (u - 1) * r),
        ("stride-on-the-padding",
         "The padding is subtracted from p, and so multiplied by the stride, too. Subtract it from the product p·u.",
         lambda g: g + pad - pad * u),
        ("stride-on-r",
         "The stride multiplies the mirrored row R − 1 − r as well. Inside the window neighbours are one apart, "
         "whatever the stride.",
         lambda g: g + (u - 1) * (size - 1 - r)),
        ("stride-on-r",
         "The stride multiplies r as well. Inside the window neighbours are one apart, whatever the stride.",
         lambda g: g + np.sign(g[1] - g[0]) * (u - 1) * r),
    ]
    f = _arrays(1, 1, 1, 1, 3, 4, 2 + seed % 2, seed)[1]
    f = np.stack([f[:, 0], f[:, 0] + 100, f[:, 0] - 300, f[:, 0] * 7, f[:, 0] * 3], axis=1)
    seen = ask(
        calls_of_each,
        [("g_paper", g_paper, cases), ("g_correlation", g_correlation, cases), ("flip", flip, [(f,)], ("F",))],
    )
    for name, right, other, own in (
        ("g_paper", convolution, correlation, [
            Hypothesis("minus-one-forgotten", convolution + 1,
                       "It is one too large. r counts from 0 to R − 1, so the mirror image of r is R − 1 − r."),
        ]),
        ("g_correlation", correlation, convolution, [
            Hypothesis("signs-turned", p * u - r + pad,
                       "The signs of r and pad are wrong: a later row of the filter meets a later row of the image, "
                       "and padding shifts the image down."),
            Hypothesis("size-of-the-filter", p * u - size + r + 1 - pad,
                       "R belongs to the mirror image, R − 1 − r. Nothing is mirrored here, so R does not occur."),
            Hypothesis("off-by-one", correlation + 1, "It is one too large: r counts from 0."),
            Hypothesis("off-by-one", correlation - 1, "It is one too small: r counts from 0."),
        ]),
    ):  # fmt: skip
        got = _each(seen, name, len(cases))
        swapped = (
            "This does not flip the filter: filter and image are traversed in the same direction. "
            "Equation (2) traverses the filter backwards."
            if name == "g_paper"
            else "This flips the filter, as equation (2) does. "
            "Cross-correlation traverses filter and image in the same direction."
        )
        verify(got, right, name, [
            Hypothesis("convolution-and-correlation-swapped", other, swapped),
            *own,
            *(Hypothesis(n, change(right), hint) for n, hint, change in both),
            *mixed_up(got, _convolution if name == "g_paper" else _correlation, ("p", "u", "R", "r", "pad"), cases),
        ])  # fmt: skip
        yield f"{name} for {len(cases)} positions"
    got = array(seen.part("flip")["0"], "the result of flip")
    verify(got, f[:, :, ::-1, ::-1], "flip(F)", [
        Hypothesis("channels-flipped", f[:, ::-1, ::-1, ::-1],
                   "The channels are reversed, too. Equation (3) flips only r and s."),
        Hypothesis("everything-flipped", f[::-1, ::-1, ::-1, ::-1],
                   "All four axes are reversed. Equation (3) flips only r and s; K and C stay."),
        Hypothesis("filters-flipped", f[::-1, ::-1], "K and C are reversed, and r and s, the last two axes, are not."),
        Hypothesis("one-axis-only", f[:, :, ::-1],
                   "Only the rows are reversed. Equation (3) uses g for the rows and for the columns."),
        Hypothesis("one-axis-only", f[:, :, :, ::-1],
                   "Only the columns are reversed. Equation (3) uses g for the rows and for the columns."),
        Hypothesis("wrong-axis", f[:, ::-1],
                   "The channels are reversed, and r and s, the last two axes, are not. "
                   "(`fliplr` and `flipud` know the first two axes only.)"),
        Hypothesis("wrong-axis", f[::-1],
                   "The order of the filters is reversed, and r and s, the last two axes, are not. "
                   "(`fliplr` and `flipud` know the first two axes only.)"),
        Hypothesis("turned-by-90", np.rot90(f, 1, (2, 3)),
                   "This rotates by 90°. Both axes have to be reversed, which is a rotation by 180°."),
        Hypothesis("turned-by-90", np.rot90(f, 3, (2, 3)),
                   "This rotates by 90°. Both axes have to be reversed, which is a rotation by 180°."),
        Hypothesis("signs-changed", -f, "The signs are changed. The numbers stay; only their positions change."),
        Hypothesis("transposed", f.transpose(0, 1, 3, 2),
                   "This transposes the filter. Rotating by 180° reverses both axes."),
        Hypothesis("not-flipped", f, "The filter comes back unchanged."),
    ])  # fmt: skip
    yield "flip reverses the filter's rows and columns"
