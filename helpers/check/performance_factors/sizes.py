"""Checks of Part D of `performance_factors`: quantisation, its bytes, pruning."""

from __future__ import annotations

import math
import re
from collections.abc import Iterator
from typing import Any

import numpy as np

from helpers.check.core.ask import array, ask
from helpers.check.core.cases import primes
from helpers.check.core.compare import NOTHING, Hypothesis, close
from helpers.check.core.formulas import numbers, verify_formula
from helpers.check.core.probe import calls
from helpers.check.core.report import Mistake, check


def matrices(seed: int) -> list[tuple[np.ndarray, int]]:
    """Weights whose columns differ in size and whose largest one is now negative, now positive, at 8, 4 and 2 bits;
    a column of zeros, one of very small weights, and one whose sum is 0; float32."""
    rng = np.random.default_rng([seed, 41])
    found = []
    for bits, dtype in ((8, "float64"), (4, "float64"), (2, "float64"), (5, "float32"), (8, "float64")):
        n_in, n_out = primes(rng, 2, 5, 17)
        w = rng.normal(size=(n_in, n_out)) * 10 ** rng.uniform(-1.5, 0.5, n_out)
        for j in range(n_out):  # the largest of each column is clear, and every other one is negative
            i = int(np.abs(w[:, j]).argmax())
            w[i, j] = (-1) ** j * 1.3 * abs(w[i, j])
        found.append((w.astype(dtype), bits))
    found[-1][0][:, 1] = 0.0
    found[-1][0][:, 2] *= 1e-10
    found[-1][0][:, 3] = 0.0
    found[-1][0][:2, 3] = 0.7, -0.7  # not a column of zeros, though its sum is 0
    return found


def right(w: np.ndarray, bits: int) -> tuple[np.ndarray, np.ndarray]:
    """(q, scales), with the scale 1 for a column of zeros."""
    largest = np.abs(w.astype(float)).max(axis=0)
    scale = np.where(largest > 0, largest / (2 ** (bits - 1) - 1), 1.0)
    return np.round(w / scale), scale


@check("Quantisation", "D1")
def quantise(quantise: Any, *, seed: int = 0) -> Iterator[str]:
    """Scales of each column, rounded whole numbers, int8; a column of zeros."""
    cases = matrices(seed)
    seen = ask(calls, "quantise", quantise, cases, ("w",), advice=_axis_advice)
    for i, (w, bits) in enumerate(cases):
        found = seen[i]
        if found is None:
            raise Mistake("returns-none", "quantise returns None. Is the `return` missing?")
        if not isinstance(found, tuple | list) or len(found) != 2:
            raise Mistake("not-a-pair", "quantise should return two arrays, (q, scales).")
        q, scale = array(found[0], "q"), array(found[1], "the scales")
        if q.shape != w.shape and scale.shape == w.shape:
            raise Mistake("exchanged", "The two results are exchanged: return (q, scales).")
        _scales(scale, q, w, bits)
        _whole_numbers(q, scale, w, bits)
        if np.asarray(found[0]).dtype != np.int8:
            raise Mistake(
                "wrong-type",
                f"q is stored as {np.asarray(found[0]).dtype}, which takes as many bytes as "
                "before or "
                "more; make it int8: `.astype(np.int8)`.",
            )
        yield f"{bits} bits{', a column of zeros among them' if not w.any(axis=0).all() else ''}"


def _axis_advice(error: BaseException, what: str) -> str:
    """Where a number for each row meets the columns."""
    found = re.search(r"shapes \((\d+),(\d+)\) \((\d+),\)", str(error))
    if "broadcast" in str(error) and found and found[1] == found[3] != found[2]:
        return (
            f" There are {found[3]} numbers here, one for each *row* (input) of w. Each of its {found[2]} columns "
            "(outputs) has a scale: the maximum over `axis=0`."
        )
    return ""


def _scales(scale: np.ndarray, q: np.ndarray, w: np.ndarray, bits: int) -> None:
    _, expected = right(w, bits)
    zero = ~w.any(axis=0)
    n_out = w.shape[1]
    got = scale.reshape(-1) if scale.size == n_out else scale
    if scale.shape == (1, n_out):
        raise Mistake("axis-kept", f"The scales have shape {scale.shape}; they should have ({n_out},), one for each "
            "output. `keepdims=True` keeps an axis: leave it out, or return `scales[0]`.")
    if got.shape == expected.shape and close(np.where(zero, 1, got), np.where(zero, 1, expected)):
        if not np.isfinite(q).all() or not np.isfinite(got).all() or (got[zero] != 1).any():
            raise Mistake(
                "column-of-zeros",
                "A column of zeros gets the scale "
                f"{got[zero][0] if zero.any() else got[0]:g}, and dividing by 0 gives no "
                "number. "
                "Give it the scale 1.",
            )
        return
    w = w.astype(float)
    levels = 2 ** (bits - 1) - 1
    largest = np.abs(w).max(axis=0)
    whole = float(np.abs(w).max())
    wrong = [
        *(Hypothesis("one-scale-for-all", one, "There is one scale for the whole matrix. Its largest weight then rules "
                                               "the columns of small "
                     "weights, which lose most of their digits: take the maximum over each column, `axis=0`.")
          for one in (np.array(whole / levels), np.full(n_out, whole / levels), np.array([whole / levels]))),
        *(Hypothesis("scale-per-input", one, "There is one scale for each *row* (input). Each output, a column, has a "
                                             "scale of its own: the "
                     "maximum over `axis=0`.")
          for one in (np.abs(w).max(axis=1) / levels, (np.abs(w).max(axis=1) / levels)[:, None])),
        Hypothesis("levels-unsigned", largest / (2**bits - 1), "The scale divides by 2^b − 1, as if there were no "
                                                               "negative numbers. Half of the "
                   "patterns are negative: 2^(b−1) − 1."),
        Hypothesis("one-level-too-many", largest / 2 ** (bits - 1), "The scale divides by 2^(b−1). Then the largest "
                                                                    "weight becomes 2^(b−1) itself, "
                   "one more than b bits hold (128 in int8 turns into −128): 2^(b−1) − 1."),
        Hypothesis("one-level-too-few",
                   largest / (2 ** (bits - 1) - 2), "The scale divides by one too few: 2^(b−1) − 1."),
        Hypothesis("bits-for-levels", largest / bits, "The scale divides by the number of bits; b bits hold whole "
                                                      "numbers up to 2^(b−1) − 1."),
        Hypothesis("eight-bits-written-in", largest / 127, "127 is written into the code; it is 2^(b−1) − 1 for 8 bits "
                                                           "alone."),
        Hypothesis("sign-forgotten", w.max(axis=0) / levels, "The largest *value* of each column is taken; a negative "
                                                             "weight may be larger in "
                   "magnitude: `np.abs(w).max(axis=0)`."),
        Hypothesis("range-for-largest", (w.max(axis=0) - w.min(axis=0)) / levels,
                   "The scale is made of maximum minus minimum. Here zero stays zero and both signs have the same "
                   "scale: the largest magnitude."),
        Hypothesis("range-for-largest", (w.max(axis=0) - w.min(axis=0)) / (2**bits - 1),
                   "The scale is made of maximum minus minimum, as for an asymmetric quantisation. Here zero stays "
                   "zero: the largest magnitude by 2^(b−1) − 1."),
        Hypothesis("mean-for-largest", np.abs(w).mean(axis=0) / levels,
                   "The scale is made of the mean magnitude; larger weights are then cut off: take the maximum."),
        Hypothesis("deviation-for-largest", w.std(axis=0) / levels, "The scale is made of the standard deviation; "
                                                                    "larger weights are then cut off: "
                   "take the maximum."),
        Hypothesis("scale-inverted", levels / largest, "The scale is upside down: w ≈ q · scale, so scale = largest / "
                                                       "(2^(b−1) − 1)."),
        Hypothesis("levels-forgotten", largest, "This is the largest magnitude itself; the scale is that divided by "
                                                "2^(b−1) − 1."),
    ]  # fmt: skip
    wrong += [
        Hypothesis("xor-for-power", largest / ((2 ^ (bits - 1)) - 1), "`^` is no power in Python: write "
                   "`2 ** (bits - 1)`."),
        Hypothesis("scale-in-float16", expected.astype(np.float16), "The scales have three digits only, those of "
                   "float16."),
    ]  # fmt: skip
    for hypothesis in wrong:
        if hypothesis.explains(scale) or hypothesis.explains(got):
            raise Mistake(hypothesis.name, hypothesis.hint)
    ones = (got == 1) & ~zero if got.shape == expected.shape else np.zeros(n_out, dtype=bool)
    if zero.any() and ones.any() and close(got[~ones], expected[~ones]):
        raise Mistake(
            "not-a-column-of-zeros",
            f"Column {int(np.flatnonzero(ones)[0])} gets the scale 1, though not all of its weights are 0. Only a "
            "column whose largest *magnitude* is 0 has the scale 1, each column by itself.",
        )
    if scale.size != n_out:
        raise Mistake(
            "wrong-shape",
            f"There are scales of shape {scale.shape}; there should be one for each of the {n_out} columns.",
        )
    if not np.isfinite(got).all():
        raise Mistake("not-finite", "A scale is not a number.")
    j = int(np.flatnonzero(~np.isclose(got, expected, rtol=2e-4))[0])
    raise Mistake(
        "differs",
        f"The scale of column {j} is {got[j]:.6g}; its largest magnitude is {largest[j]:.6g}, so "
        f"at {bits} bits it "
        f"should be {expected[j]:.6g}.",
    )


def _whole_numbers(q: np.ndarray, scale: np.ndarray, w: np.ndarray, bits: int) -> None:
    expected, scales = right(w, bits)
    if q.shape != w.shape:
        raise Mistake("wrong-shape", f"q has shape {q.shape}; it should be that of w, {w.shape}.")
    exact = w.astype(float) / scales
    # A weight that lies halfway between two numbers may be rounded to either.
    if (np.abs(q - exact) <= 0.5 + 1e-4).all() and (q == np.round(q)).all():
        return
    levels = 2 ** (bits - 1) - 1
    if np.allclose(q, exact, rtol=1e-4, atol=1e-6):
        raise Mistake("not-rounded", "q is not rounded: whole numbers are stored.")
    wrong = [
        Hypothesis("cut-off-for-rounded", np.trunc(exact), "The fractions are cut off, as `astype(int8)` does. Round "
                                                           "first: an error of up to a whole "
                   "step becomes one of at most half a step."),
        Hypothesis("down-for-rounded", np.floor(exact), "All are rounded down; round to the nearest whole number."),
        Hypothesis("up-for-rounded", np.ceil(exact), "All are rounded up; round to the nearest whole number."),
        Hypothesis("sign-lost", np.abs(expected), "The signs are lost: a negative weight becomes a negative whole "
                                                  "number."),
        Hypothesis("dequantised", expected * scales, "This is q · scale, the weights after rounding; return the whole "
                                                     "numbers q themselves."),
        Hypothesis("not-divided", np.round(w.astype(float)), "The weights are rounded themselves; divide them by the "
                                                             "scale first."),
        Hypothesis("multiplied-for-divided",
                   np.round(w.astype(float) * scales), "The weights are multiplied by the scale; divide them."),
        Hypothesis("clipped", np.clip(expected, -(levels // 2), levels // 2),
                   "The whole numbers are cut off at half of what b bits hold; with this scale nothing has to be "
                   "cut off."),
        Hypothesis("clipped",
                   np.clip(expected, -(levels - 1), levels - 1),
                   "The largest numbers are cut off at one less than b bits hold."),
        Hypothesis("negative-cut-off", np.clip(expected, 0, None), "Negative numbers are cut off at 0."),
        Hypothesis("overflow",
                   (np.round(w.astype(float) / (scales * levels) * (levels + 1)).astype(np.int64) + 128) % 256 - 128.0,
                   "A number does not fit into its type and turned its sign; the largest is 2^(b−1) − 1."),
        Hypothesis("unsigned",
                   expected % 256, "Negative numbers turned into large ones: store them in int8, not uint8."),
    ]  # fmt: skip
    for hypothesis in wrong:
        if hypothesis.explains(q):
            raise Mistake(hypothesis.name, hypothesis.hint)
    i, j = (int(k) for k in np.argwhere(np.abs(q - exact) > 0.5 + 1e-4)[0])
    raise Mistake(
        "differs",
        f"q[{i}, {j}] is {q[i, j]:g}; the weight {w[i, j]:.5g} by its column's scale "
        f"{scales[j]:.5g} is "
        f"{exact[i, j]:.3f}.",
    )


@check("Bytes of a quantised matrix", "D2")
def quantised_bytes(quantised_bytes: Any, *, seed: int = 0) -> Iterator[str]:
    """⌈n·m·b/8⌉ and 4 bytes for each column."""
    rng = np.random.default_rng([seed, 42])
    cases = [(*primes(rng, 2, 3, 23), bits) for bits in (8, 4, 2, 3, 5)]
    large = (16_411, 16_417, 8)  # more bits than int32 holds
    seen = ask(calls, "quantised_bytes", quantised_bytes, [*cases, large])
    got = numbers([seen[i] for i in range(len(cases))], "the result of quantised_bytes")
    verify_formula(
        got,
        lambda n, m, b: math.ceil(n * m * b / 8) + 4 * m,
        [
            ("scales-forgotten", lambda n, m, b: math.ceil(n * m * b / 8), "The scales are left out: 4 bytes for each "
             "column."),
            ("one-scale-only", lambda n, m, b: math.ceil(n * m * b / 8) + 4,
             "One scale is counted; each column has its own."),
            ("scale-per-input", lambda n, m, b: math.ceil(n * m * b / 8) + 4 * n,
             "A scale is counted for each input; there is one for each *output*, n_out of them."),
            ("not-packed", lambda n, m, b: n * m + 4 * m, "A whole byte is counted for each weight; packed, it takes b "
                                                          "bits, an "
             "eighth of b bytes."),
            ("bits-for-bytes", lambda n, m, b: n * m * b + 32 * m, "These are bits; a byte has 8."),
            ("bits-for-bytes", lambda n, m, b: n * m * b + 4 * m, "The weights are counted in bits; a byte has 8."),
            ("last-byte-lost", lambda n, m, b: n * m * b // 8 + 4 * m,
             "The last byte, which is only partly filled, is cut off: round up, `math.ceil`."),
            ("fraction-of-a-byte", lambda n, m, b: n * m * b / 8 + 4 * m,
             "A fraction of a byte can't be stored: the last one is filled up, `math.ceil`."),
            ("packed-by-column", lambda n, m, b: m * math.ceil(n * b / 8) + 4 * m,
             "Each column is filled up to whole bytes by itself; without gaps, only the very last byte is."),
            ("packed-by-row", lambda n, m, b: n * math.ceil(m * b / 8) + 4 * m,
             "Each row is filled up to whole bytes by itself; without gaps, only the very last byte is."),
            ("float32-counted", lambda n, m, b: 4 * n * m, "These are the float32 weights; quantised, each takes b "
                                                           "bits."),
            ("scales-in-float64", lambda n, m, b: math.ceil(n * m * b / 8) + 8 * m, "8 bytes are counted for each "
             "column. A scale is a float32, 4 bytes, and there is nothing else for a column (no zero point)."),
            ("whole-bytes-for-bits", lambda n, m, b: n * m * (b // 8) + 4 * m,
             "`bits // 8` is 0 below 8 bits. Multiply first, then divide by 8."),
            ("scales-in-bits", lambda n, m, b: math.ceil(n * m * b / 8) + math.ceil(m * b / 8),
             "The scales have b bits here; they are float32, 4 bytes each."),
            ("scales-in-bits", lambda n, m, b: math.ceil((n + 1) * m * b / 8),
             "The scales have b bits here; they are float32, 4 bytes each."),
            ("gaps-in-bytes", lambda n, m, b: math.ceil(n * m / (8 // b)) + 4 * m,
             "A byte holds `8 // bits` whole numbers here, and what is left of it stays empty. Packed without gaps, a "
             "number may begin in one byte and end in the next."),
            ("byte-too-many", lambda n, m, b: n * m * b // 8 + 1 + 4 * m,
             "A byte is added even where the last one is full: round up, `math.ceil`."),
            ("last-byte-rounded", lambda n, m, b: round(n * m * b / 8) + 4 * m,
             "The bytes are rounded to the nearest; the last one is there even if it is hardly filled: `math.ceil`."),
        ],
        cases, "The number of bytes", ("n_in", "n_out", "bits"),
    )  # fmt: skip
    bytes_, least = numbers([seen[len(cases)]], "the result of quantised_bytes")[0], large[0] * large[1]
    if not 0.9 * least <= bytes_ <= 1.1 * least:
        raise Mistake("overflow", f"A matrix of {large[0]:,} by {large[1]:,} weights has {bytes_:,.0f} bytes at 8 bits "
                      f"here; there are more than {least:,}. So many bits do not fit into a small type such as int32: "
                      "count in Python's own whole numbers.")
    yield "weights packed without gaps, and the scales, for 8, 5, 4, 3 and 2 bits"


@check("Pruning", "D3")
def prune(prune: Any, *, seed: int = 0) -> Iterator[str]:
    """Exactly so many of the smallest magnitudes are zero, the others as they were; w itself, too."""
    rng = np.random.default_rng([seed, 43])
    cases: list[tuple[np.ndarray, float]] = []
    for fraction in (0.8, 0.5, 0.37, 0.0, 1.0):
        n_in, n_out = primes(rng, 2, 5, 13)
        w = rng.normal(size=(n_in, n_out)) * rng.uniform(0.2, 3, n_out)
        cases.append((w, fraction))
    ties = np.round(rng.normal(size=(7, 5)), 0) + 0.0
    ties[np.abs(ties) < 1] = 1.0
    sparse = rng.normal(0, 4, size=(7, 11))
    sparse.reshape(-1)[::5] = 0.0
    cases.append((sparse, 0.5))
    cases.append((np.asfortranarray(rng.normal(size=(5, 11))), 0.4))
    cases.append((ties, 0.4))
    seen = ask(calls, "prune", prune, cases, ("w",), advice=_advice)
    for i, (w, fraction) in enumerate(cases):
        got = array(seen[i], "the result of prune")
        if got.shape != w.shape:
            raise Mistake("wrong-shape", f"The result has shape {got.shape}; it should be that of w, {w.shape}.")
        _pruned(got, w, fraction, tied=i == len(cases) - 1)
        if i == len(cases) - 1:
            yield "as many as asked for where many are equal"
        else:
            yield f"{fraction:.0%} pruned"


def _advice(error: BaseException, what: str) -> str:
    return " Nothing is pruned with the fraction 0: there is no 0th smallest." if "k out of range" in str(error) else ""


def _pruned(got: np.ndarray, w: np.ndarray, fraction: float, tied: bool) -> None:
    count = round(fraction * w.size)
    zeros = got == 0
    kept = ~zeros
    smallest = not zeros.any() or not kept.any() or np.abs(w[zeros]).max() <= np.abs(w[kept]).min()
    if smallest and zeros.sum() == count and np.array_equal(got[kept], w[kept].astype(float)):
        return
    if not np.isfinite(got).all():
        raise Mistake("not-finite", "The result has values that are no numbers; pruned weights are 0.")
    if not tied and 0 < count < w.size and w.all() and np.array_equal(got, w):
        raise Mistake(
            "nothing-pruned",
            ("This w is stored by columns, as a transposed one is, and nothing is pruned in it: `ravel` and `reshape` "
             "of it, or of a copy that keeps its order, make" if w.flags.f_contiguous and not w.flags.c_contiguous
             else "Nothing is pruned. `flatten` makes, and `ravel` and `reshape` sometimes make,")
            + " a copy, and zeros that are written into that are lost.",
        )  # fmt: skip
    flat = np.argsort(np.abs(w), axis=None)
    size = np.abs(w)
    already = int((w == 0).sum())
    if already and zeros.sum() == min(w.size, count + already):
        raise Mistake(
            "zeros-not-counted",
            f"{already} of {w.size} weights are zero already, and {count} more became zero; {count} in all are asked "
            "for, and weights that are zero are among the smallest.",
        )

    def without(places: np.ndarray) -> np.ndarray:
        one = w.astype(float).copy()
        one.reshape(-1)[places] = 0
        return one

    by_column = w.astype(float).copy()
    for j in range(w.shape[1]):
        by_column[np.argsort(size[:, j])[: round(fraction * len(w))], j] = 0
    by_row = w.astype(float).copy()
    for i in range(len(w)):
        by_row[i, np.argsort(size[i])[: round(fraction * w.shape[1])]] = 0
    wrong = [
        Hypothesis("fraction-kept", without(flat[: w.size - count]) if abs(w.size - 2 * count) > 2 else NOTHING,
                   "The fraction is what is *kept* here; it is to become zero."),
        Hypothesis("largest-pruned", without(flat[::-1][:count]), "The largest weights are zero; the smallest in "
                                                                  "magnitude are to be."),
        Hypothesis("sign-forgotten", without(np.argsort(w, axis=None)[:count]),
                   "The smallest *values* are zero, so large negative weights go first: compare magnitudes, "
                   "`np.abs`."),
        Hypothesis("pruned-by-column", by_column, "Each column loses the same share; the smallest of the whole matrix "
                                                  "are asked for."),
        Hypothesis("pruned-by-row", by_row, "Each row loses the same share; the smallest of the whole matrix are asked "
                                            "for."),
        Hypothesis("rows-for-weights", without(flat[: round(fraction * len(w))]), "The fraction is taken of the number "
                   "of rows, `len(w)`; there are `w.size` weights."),
        Hypothesis("share-of-the-largest", np.where(size < fraction * size.max(), 0, w),
                   "Everything below that share of the *largest* weight is zero; the fraction is one of the number "
                   "of weights."),
        Hypothesis("fraction-for-threshold", np.where(size < fraction, 0, w),
                   "The fraction is taken for a threshold; it is a share of the number of weights."),
        Hypothesis("at-random", got if _some_pruned(got, w, count) else NOTHING,
                   "As many weights are zero as asked for, but not those of the smallest magnitude."),
        Hypothesis("others-changed", got if zeros.sum() == count else NOTHING,
                   "Weights that stay were changed; only the pruned ones become 0."),
    ]  # fmt: skip
    if tied and zeros.sum() > count:
        raise Mistake(
            "ties-all-pruned",
            f"Many weights here are equal in magnitude, and {zeros.sum()} of {w.size} are "
            f"zero instead of {count}: all that are at "
            "the threshold went. Choose by rank (`np.argsort`) and not by a threshold.",
        )
    if tied and zeros.sum() < count:
        raise Mistake(
            "ties-all-kept",
            f"Many weights here are equal in magnitude, and {zeros.sum()} of {w.size} are "
            f"zero instead of {count}: all that are at the "
            "threshold stayed. Choose by rank (`np.argsort`) and not by a threshold.",
        )
    for hypothesis in wrong:
        if count not in (0, w.size) and hypothesis.explains(got):
            raise Mistake(hypothesis.name, hypothesis.hint)
    if not tied and abs(int(zeros.sum()) - count) == 1:
        many, exact = int(zeros.sum()), fraction * w.size
        why = f", and {exact:.4g} cut off is {many}" if many == int(exact) else ""
        if not why and many == math.ceil(exact):
            why = f", and {exact:.4g} rounded up is {many}"
        if not why and many < count:
            why = ". With a threshold, does the weight that is equal to it stay (`<` for `<=`)"
        raise Mistake("one-off", f"{many} of {w.size} weights are zero; it should be round({fraction:g} · {w.size}) = "
                      f"{count}{why}{'?' if 'threshold' in why else '.'}")
    if fraction in (0, 1):
        raise Mistake(
            "nothing-or-all",
            f"With the fraction {fraction:g}, {int(zeros.sum())} of {w.size} weights are zero; it should be {count}.",
        )
    raise Mistake(
        "differs",
        f"{int(zeros.sum())} of {w.size} weights are zero; it should be {count}, those of the "
        "smallest "
        "magnitude, and all others as they were.",
    )


def _some_pruned(got: np.ndarray, w: np.ndarray, count: int) -> bool:
    zeros = got == 0
    return int(zeros.sum()) == count and np.array_equal(got[~zeros], w[~zeros].astype(float))
