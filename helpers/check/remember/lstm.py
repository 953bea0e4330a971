"""Checks of Part B of `remember`: a step of an LSTM, its backward, where it begins, what it costs."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from functools import partial
from itertools import combinations, permutations
from typing import Any

import numpy as np

from helpers.check.core.ask import ask
from helpers.check.core.cases import primes
from helpers.check.core.compare import Hypothesis, close, verify
from helpers.check.core.formulas import numbers, verify_formula
from helpers.check.core.oracle import sigmoid
from helpers.check.core.probe import calls
from helpers.check.core.report import Mistake, check
from helpers.check.remember import probes
from helpers.check.remember.results import Whole, counted, kept_apart, parts, same_again, verify_parts
from helpers.check.remember.rnn import (
    KEPT,
    LARGE,
    PASSES,
    linear_part,
    numerical_step,
    of_linear_part,
    step_cases,
    verified,
)

GATES = ("i", "f", "o", "g")
NAMES = ("The new h", "The new c")
OVERFLOW = (
    LARGE[:-1]
    + ": e^z / (1 + e^z) is inf / inf there; 1 / (1 + e^−z) stays finite (or clip z, or use tanh: ½ + ½ tanh(z/2))."
)


def blocks(x: Any, h: Any, W: Any, U: Any, b: Any) -> list[np.ndarray]:
    """z in its four blocks."""
    return list(np.split(x @ W + h @ U + b, 4, axis=1))


def step_of(z: Any, c: Any, order: Any = (0, 1, 2, 3)) -> tuple[np.ndarray, np.ndarray]:
    """(h, c) from the blocks of z; order: where i, f, o and g stand."""
    zi, zf, zo, zg = (z[k] for k in order)
    new = sigmoid(zf) * c + sigmoid(zi) * np.tanh(zg)
    return sigmoid(zo) * np.tanh(new), new


def step(x: Any, h: Any, c: Any, W: Any, U: Any, b: Any) -> tuple[np.ndarray, np.ndarray]:
    return step_of(blocks(x, h, W, U, b), c)


def order_hint(order: tuple[int, ...], who: str) -> str:
    """Which order the blocks were read in."""
    read = [""] * 4
    for gate, place in zip(GATES, order, strict=True):
        read[place] = gate
    theirs = "PyTorch's, " if read == ["i", "f", "g", "o"] else ""
    return (
        f"{who} takes the four blocks of z in another order, {theirs}{', '.join(read)}; here they are i, f, o, g: the "
        "first H columns are those of the input gate."
    )


def wrong_steps(x: Any, h: Any, c: Any, W: Any, U: Any, b: Any) -> Whole:
    z = blocks(x, h, W, U, b)
    zi, zf, zo, zg = z
    i, f, o, g = sigmoid(zi), sigmoid(zf), sigmoid(zo), np.tanh(zg)
    units = h.shape[1]
    flat = np.concatenate(z, axis=1)
    right_h, right_c = step_of(z, c)

    def out(new: Any, gate: Any = o) -> tuple[Any, Any]:
        return gate * np.tanh(new), new

    def said(name: str, pair: Any, hint: str) -> tuple[str, Any, str]:
        return name, pair, f"lstm_step {hint}"

    def hard(slope: float) -> tuple[Any, Any]:
        i, f, o = (np.clip(slope * part + 0.5, 0, 1) for part in (zi, zf, zo))
        return out(f * c + i * g, o)

    zero = [np.zeros_like(part) for part in z]
    return [
        *(("gate-order", step_of(z, c, order), order_hint(order, "lstm_step")) for order in permutations(range(4))
          if order != (0, 1, 2, 3)),
        said("gates-interleaved", step_of([flat[:, k::4] for k in range(4)], c), "takes every fourth column for a "
             "gate; the gates are blocks of H columns side by side."),
        said("gates-interleaved", step_of(list(flat.reshape(-1, units, 4).transpose(2, 0, 1)), c), "takes every fourth "
             "column for a gate; the gates are blocks of H columns side by side."),
        said("sigmoid-for-tanh", out(f * c + i * sigmoid(zg)), "squashes g with σ; what is written may be negative: g "
             "= tanh(z_g)."),
        said("tanh-for-sigmoid", out(np.tanh(zf) * c + np.tanh(zi) * g, np.tanh(zo)), "squashes the gates with tanh; a "
             "gate lies between 0 and 1: σ."),
        said("tanh-for-sigmoid", out(np.tanh(zf) * c + i * g), "squashes the forget gate with tanh; a gate lies "
             "between 0 and 1: σ."),
        said("tanh-for-sigmoid", out(f * c + np.tanh(zi) * g), "squashes the input gate with tanh; a gate lies between "
             "0 and 1: σ."),
        said("tanh-for-sigmoid", out(f * c + i * g, np.tanh(zo)), "squashes the output gate with tanh; a gate lies "
             "between 0 and 1: σ."),
        *(said("hard-sigmoid", hard(slope), "squashes the gates with three straight lines, clip(z · a + ½, 0, 1), a "
               "'hard sigmoid'; it is σ(z) = 1 / (1 + e^−z).") for slope in (0.2, 0.25, 1 / 6)),
        said("forget-bias-in-step", out(sigmoid(zf + 1) * c + i * g), "adds 1 to the forget gate's z; its bias stands "
             "in b, where `lstm_start` puts it."),
        said("sign-in-sigmoid", out((1 - f) * c + (1 - i) * g, 1 - o), "has the wrong sign in σ: "
             "it is 1 / (1 + e^−z)."),
        said("squashing-missing", out(f * c + i * zg), "leaves z_g as it is; g = tanh(z_g)."),
        said("forget-gate-missing", out(c + i * g), "keeps all of c: the forget gate is missing, c = f ⊙ c + i ⊙ g."),
        said("input-gate-missing", out(f * c + g), "writes g without its gate: c = f ⊙ c + i ⊙ g."),
        said("gates-coupled", out(f * c + (1 - f) * g), "writes with 1 − f; the input gate is one of its own, i."),
        said("gates-coupled", out((1 - i) * c + i * g), "keeps 1 − i of c; the forget gate is one of its own, f."),
        said("forget-inverted", out((1 - f) * c + i * g), "keeps 1 − f of c; it is f that says how much *stays*."),
        said("h-for-c", out(f * h + i * g), "keeps h in the cell; it is the cell before, c: f ⊙ c."),
        said("cell-not-kept", out(i * g), "does not use c: the new cell is f ⊙ c + i ⊙ g."),
        said("cell-not-written", out(f * c), "writes nothing into the cell: + i ⊙ g is missing."),
        said("tanh-of-c-missing", (o * right_c, right_c), "shows o ⊙ c; h = o ⊙ tanh(c)."),
        said("output-gate-missing", (np.tanh(right_c), right_c), "shows tanh(c) without the output gate o."),
        said("old-c-shown", (o * np.tanh(c), right_c), "computes h from the cell *before*; it "
             "is o ⊙ tanh of the new c."),
        said("tanh-outside", (np.tanh(o * right_c), right_c), "takes tanh of o ⊙ c; h = o ⊙ tanh(c)."),
        said("squashed-cell", (o * np.tanh(np.tanh(right_c)), np.tanh(right_c)), "puts tanh around the new cell "
             "itself; c = f ⊙ c + i ⊙ g is not squashed, only what is shown of it."),
        said("squashed-cell", (o * np.tanh(right_c), np.tanh(right_c)), "returns tanh(c) for the new cell; return c "
             "itself."),
        said("sigmoid-for-tanh", (o * sigmoid(right_c), right_c), "shows o ⊙ σ(c); h = o ⊙ tanh(c)."),
        said("bias-missing", step_of([a + bb for a, bb in zip(blocks(x, h, W, U, 0 * b), zero, strict=True)], c),
             "leaves out the bias b."),
        said("bias-twice", step_of(blocks(x, h, W, U, 2 * b), c), "adds b twice. There is one bias (PyTorch has two)."),
        said("state-ignored", step_of(blocks(x, 0 * h, W, U, b), c), "does not use h: h U is left out of z."),
        said("input-ignored", step_of(blocks(0 * x, h, W, U, b), c), "does not use x: x W is left out of z."),
        said("c-for-h", step_of(blocks(x, c, W, U, b), c), "multiplies U by c; z = xW + hU + b has h in it."),
        said("old-returned", (right_h, c), "returns the cell before in place of the new one."),
        said("old-returned", (h, right_c), "returns the h before in place of the new one."),
        said("h-twice", (right_h, right_h), "returns h twice; the second is the new cell c."),
    ]  # fmt: skip


@check("lstm_step", "B1")
def lstm_step(lstm_step: Any, *, seed: int = 0) -> Iterator[str]:
    """h, c and something that is kept; the order of the gates."""
    cases = step_cases(seed, 2, 4)
    seen = ask(probes.steps, "lstm_step", lstm_step, 2, [one.given()["case"] for one in cases],
               advice=partial(_of_blocks, cases[0].case))
    for k, (words, one) in enumerate(zip(PASSES, cases, strict=True)):
        here = seen.part(k)
        counted(here, "the new h, the new c, and what is kept", 3)
        verify_parts(parts(here, NAMES, "lstm_step"), step(*one.case), NAMES, "lstm_step", wrong_steps(*one.case),
                     sizes=one.sizes, extreme=OVERFLOW if one.large else "")  # fmt: skip
        yield f"new h and c for {verified(words)}"
    same_again(parts(seen.part(0), NAMES, "lstm_step"), parts(seen.part(len(cases)), NAMES, "lstm_step"), "lstm_step")
    kept_apart(seen, NAMES, "lstm_step")


def _of_blocks(case: Sequence[np.ndarray], error: BaseException, what: str) -> str:
    """Where blocks of z don't fit; `x * W` is told as everywhere."""
    x, h, _, W = case[:4]
    shapes = re.findall(r"\((\d+),(\d+)\)", str(error))
    if "broadcast" not in str(error) or len(shapes) != 2 or any(s[1] == str(W.shape[1]) for s in shapes):
        return ""
    return (
        f" Each of the four blocks of z has H columns, as h and c have, H = h.shape[1]. In the first case tried x has "
        f"the shape {x.shape} and h {h.shape}: the blocks have {h.shape[1]} columns, whatever the number of inputs is."
    )


# Its backward ------------------------------------------------------------------------------------------------------

SIX = ("g_x", "g_h", "g_c", "g_W", "g_U", "g_b")


def six(gz: Any, gc: Any, x: Any, h: Any, W: Any, U: Any) -> list[np.ndarray]:
    gx, gh, gW, gU, gb = linear_part(gz, x, h, W, U)
    return [gx, gh, gc, gW, gU, gb]


def back(grad_h: Any, grad_c: Any, case: Any, **changed: Any) -> list[np.ndarray]:
    """All six; changed: pieces that a mistake computes differently, as functions of all that there is."""
    x, h, c, W, U, b = case
    zi, zf, zo, zg = blocks(x, h, W, U, b)
    i, f, o, g = sigmoid(zi), sigmoid(zf), sigmoid(zo), np.tanh(zg)
    new = f * c + i * g
    have = {"x": x, "h": h, "c": c, "i": i, "f": f, "o": o, "g": g, "new": new, "tc": np.tanh(new), "gh": grad_h,
            "gc": grad_c, "new_h": o * np.tanh(new)}  # fmt: skip

    def piece(name: str, right: Any) -> Any:
        have[name] = changed[name](have) if name in changed else right(have)
        return have[name]

    piece("dc", lambda v: v["gc"] + v["gh"] * v["o"] * (1 - v["tc"] ** 2))
    piece("di", lambda v: v["dc"] * v["g"])
    piece("df", lambda v: v["dc"] * v["c"])
    piece("do", lambda v: v["gh"] * v["tc"])
    piece("dg", lambda v: v["dc"] * v["i"])
    slopes = [
        piece("si", lambda v: v["i"] * (1 - v["i"])), piece("sf", lambda v: v["f"] * (1 - v["f"])),
        piece("so", lambda v: v["o"] * (1 - v["o"])), piece("sg", lambda v: 1 - v["g"] ** 2),
    ]  # fmt: skip
    four = [have[name] * slope for name, slope in zip(("di", "df", "do", "dg"), slopes, strict=True)]
    order = changed.get("order", (0, 1, 2, 3))
    gz = np.concatenate([four[order.index(k)] for k in range(4)], axis=1)
    return six(gz, piece("dcb", lambda v: v["dc"] * v["f"]), x, h, W, U)


def wrong_backs(grad_h: Any, grad_c: Any, case: Any) -> Whole:
    def of(**changed: Any) -> list[np.ndarray]:
        return back(grad_h, grad_c, case, **changed)

    def one(v: Any) -> Any:
        return np.ones_like(v["i"])

    who = "lstm_step_backward"
    rows: list[tuple[str, dict[str, Any], str]] = [
        ("gradient-for-c-ignored", {"dc": lambda v: v["gh"] * v["o"] * (1 - v["tc"] ** 2)},
         "does not use grad_c, which comes from the next step: nothing "
         "is carried back through the cell. ĝ_c = g_c + …"),
        ("path-through-h-missing", {"dc": lambda v: v["gc"]}, "uses grad_c alone; the new c also acts through the new "
         "h: + g_h ⊙ o ⊙ (1 − tanh² c)."),
        ("slope-of-tanh-c-missing", {"dc": lambda v: v["gc"] + v["gh"] * v["o"]}, "leaves out the slope of tanh(c), 1 "
         "− tanh² c, on the way from h to c."),
        ("output-gate-missing", {"dc": lambda v: v["gc"] + v["gh"] * (1 - v["tc"] ** 2)}, "leaves out o on the way "
         "from h to c: g_h ⊙ o ⊙ (1 − tanh² c)."),
        ("slope-of-c", {"dc": lambda v: v["gc"] + v["gh"] * v["o"] * (1 - v["new"] ** 2)}, "takes 1 − c²; the slope is "
         "that of tanh at c: 1 − tanh² c."),
        ("square-missing", {"dc": lambda v: v["gc"] + v["gh"] * v["o"] * (1 - v["tc"])}, "takes 1 − tanh c; the slope "
         "of tanh is 1 − tanh² c."),
        ("slope-of-old-c", {"dc": lambda v: v["gc"] + v["gh"] * v["o"] * (1 - np.tanh(v["c"]) ** 2)}, "takes the slope "
         "at the cell *before*; h was made of the new c."),
        ("gradient-for-h-for-o", {"do": lambda v: v["gh"] * v["new"]}, "takes g_h ⊙ c for the output gate; it is g_h ⊙ "
         "tanh c."),
        ("old-c-for-new", {"do": lambda v: v["gh"] * np.tanh(v["c"])}, "takes tanh of the cell *before* for the output "
         "gate; h was made of the new c."),
        ("through-c-for-o", {"do": lambda v: v["dc"] * v["tc"]}, "takes ĝ_c for the output gate; o acts on h alone: "
         "g_h ⊙ tanh c."),
        ("i-and-g-exchanged", {"di": lambda v: v["dc"] * v["i"], "dg": lambda v: v["dc"] * v["g"]}, "exchanges the "
         "factors of i and g: the gradient of a product has the *other* factor, g_i = ĝ_c ⊙ g and g_g = ĝ_c ⊙ i."),
        ("new-c-for-old", {"df": lambda v: v["dc"] * v["new"]}, "takes the *new* cell for the forget gate; f was "
         "multiplied by the cell before: g_f = ĝ_c ⊙ c_(t−1)."),
        ("f-for-c", {"df": lambda v: v["dc"] * v["f"]}, "takes f for the forget gate's own gradient; the other factor "
         "is the cell before: g_f = ĝ_c ⊙ c_(t−1)."),
        ("h-for-c", {"df": lambda v: v["dc"] * v["h"]}, "takes h for the forget gate; it was multiplied by the cell "
         "before: g_f = ĝ_c ⊙ c_(t−1)."),
        ("forget-gate-missing", {"dcb": lambda v: v["dc"]}, "passes ĝ_c back to the cell before without the forget "
         "gate: g_c(t−1) = ĝ_c ⊙ f."),
        ("path-through-h-missing", {"dcb": lambda v: v["gc"] * v["f"]}, "passes grad_c ⊙ f back to the cell before, "
         "without what came through h: it is ĝ_c ⊙ f."),
        ("input-gate-for-forget", {"dcb": lambda v: v["dc"] * v["i"]}, "passes ĝ_c ⊙ i back to the cell before; the "
         "cell before was multiplied by f."),
        ("sigmoid-slope-missing", {"si": one, "sf": one, "so": one}, "leaves out the slope of the gates, σ' = σ (1 − "
         "σ)."),
        ("tanh-slope-missing", {"sg": one}, "leaves out the slope of g, 1 − g²."),
        ("slopes-missing", {"si": one, "sf": one, "so": one, "sg": one}, "leaves out the slopes of all four gates: σ "
         "(1 − σ) for i, f and o, and 1 − g² for g."),
        ("tanh-slope-for-sigmoid", {"si": lambda v: 1 - v["i"] ** 2, "sf": lambda v: 1 - v["f"] ** 2,
         "so": lambda v: 1 - v["o"] ** 2}, "takes 1 − σ² for the gates; the slope of σ is σ (1 − σ)."),
        ("sigmoid-slope-for-tanh", {"sg": lambda v: v["g"] * (1 - v["g"])}, "takes g (1 − g) for g, which tanh has "
         "made; its slope is 1 − g²."),
        ("square-missing", {"sg": lambda v: 1 - v["g"]}, "takes 1 − g; the slope of tanh is 1 − g²."),
        *(("sigmoid-slope-missing", {f"s{k}": one}, f"leaves out the slope of the gate {k}, σ (1 − σ).")
          for k in "ifo"),
        *(("gate-without-gradient", {f"d{k}": lambda v: 0 * v["i"]}, f"gives {k} no gradient at all: its block of g_z "
           "is zero.") for k in "ifog"),
    ]  # fmt: skip
    found: list[tuple[str, Any, str]] = [(name, of(**changed), f"{who} {hint}") for name, changed, hint in rows]
    right = back(grad_h, grad_c, case)
    for order in permutations(range(4)):
        if order != (0, 1, 2, 3):
            moved = of(order=order)
            read = [GATES[order.index(k)] for k in range(4)]
            hint = f"{who} puts the blocks of g_z together as {', '.join(read)}; they are i, f, o, g, as in lstm_step."
            found.append(("gate-order", moved, hint))
    del right
    return found


@check("lstm_step_backward", "B2", builds_on="lstm_step", after="B1")
def lstm_step_backward(lstm_step: Any, lstm_step_backward: Any, *, seed: int = 0) -> Iterator[str]:
    """Six gradients, against finite differences."""
    cases = step_cases(seed, 2, 4)
    what = "lstm_step_backward"
    asked = [one.given() for one in cases]
    seen = ask(probes.backwards, "lstm_step", lstm_step, lstm_step_backward, 2, 6, asked, advice=_advice)
    for k, (words, one) in enumerate(zip(PASSES, cases, strict=True)):
        here = seen.part(k)
        counted(here, ", ".join(SIX), 6)
        x, h, _, W, U, _ = one.case
        grad_h, grad_c = one.grads
        right = back(grad_h, grad_c, one.case)
        gz = _gz(grad_h, grad_c, one.case)
        kept = back(grad_h, grad_c, one.other)
        whole = [*wrong_backs(grad_h, grad_c, one.case), (KEPT[0], kept, KEPT[1].replace("rnn", "lstm"))]
        single = of_linear_part(gz, x, h, W, U, what, step(*one.case)[0], (0, 1, 3, 4, 5))
        got = parts(here, SIX, what)
        verify_parts(got, right, SIX, what, whole, single, one.sizes,
                     None if one.large else numerical_step(one, step, (0, 1, 2, 3, 4, 5)),
                     OVERFLOW if one.large else "")  # fmt: skip
        same_again(got, parts(here, SIX, what, "again "), what)
        yield f"six gradients for {verified(words)}" + ("" if k else ", which agree with finite differences")


def _advice(error: BaseException, what: str) -> str:
    if isinstance(error, ValueError) and what == "lstm_step_backward":
        return (
            " The four blocks stand side by side in g_z, (N, 4H): `np.concatenate` needs `axis=1` for that; W is (D, "
            "4H), U (H, 4H), so that both are needed transposed on the way back."
        )
    return ""


def _gz(grad_h: Any, grad_c: Any, case: Any) -> np.ndarray:
    """g_z, read off g_b's summands: back() of each row alone."""
    rows = [
        back(grad_h[n : n + 1], grad_c[n : n + 1], (*(a[n : n + 1] for a in case[:3]), *case[3:]))[5]
        for n in range(len(grad_h))
    ]
    return np.stack(rows)


# Where it begins, and what it costs --------------------------------------------------------------------------------


@check("lstm_start", "B3")
def lstm_start(lstm_start: Any, *, seed: int = 0) -> Iterator[str]:
    """Shapes, the range of the draws, the block of the forget gate; the rng that was given."""
    rng = np.random.default_rng([seed, 80])
    small, large = ((37, 53), (61, 43)) if seed % 2 else ((41, 47), (59, 37))
    forgets = [float(rng.uniform(2.1, 2.9)), float(rng.uniform(-1.9, -1.1)), 0.0]
    sizes = [(*small, forgets[0]), (*large, forgets[1]), (*small[::-1], forgets[2]), (3, 1, 2.5)]
    seen = ask(probes.starts, lstm_start, sizes, (1 + seed, 2 + seed))
    for k, (inputs, units, forget) in enumerate(sizes):
        here = seen.part(k)
        counted(here, "W, U and b", 3)
        W, U, b = parts(here, "WUb", "lstm_start")
        _shapes(W, U, b, inputs, units)
        if k < 3:
            _draws(W, U, inputs, units)
        _bias(b, units, forget)
        if k == 0:
            yield "W and U uniform between ±1/√H, b zero but for the forget gate"
    yield "for other sizes and other biases, negative and zero too"
    first, again, other = (parts(seen.part(k), "WUb", "lstm_start") for k in (0, len(sizes), len(sizes) + 1))
    if not (close(first[0], again[0]) and close(first[1], again[1])):
        raise Mistake("not-reproducible", "lstm_start gives other weights for an rng with the same seed: draw them "
                      "with the `rng` that is given, not with `np.random`.")
    if close(first[0], other[0]) or close(first[1], other[1]):
        raise Mistake("seed-reused", "lstm_start gives the same weights whatever the rng: it draws with a seed of its "
                      "own. Use the `rng` that is given.")
    rows = min(len(first[0]), len(first[1]))
    if close(first[0][:rows], first[1][:rows]):
        raise Mistake("seed-reused", "W and U of lstm_start are the same numbers: both are drawn from the same seed. "
                      "Draw one after the other with `rng`.")
    yield "the same rng gives the same weights, another one others"


def _shapes(W: np.ndarray, U: np.ndarray, b: np.ndarray, inputs: int, units: int) -> None:
    for name, found, shape in (("W", W, (inputs, 4 * units)), ("U", U, (units, 4 * units)), ("b", b, (4 * units,))):
        if found.shape == shape:
            continue
        if found.shape == shape[::-1] and len(shape) == 2:
            raise Mistake("transposed", f"{name} of lstm_start has shape {found.shape}, as PyTorch keeps it; here it "
                          f"is {shape}: a column for each of the 4·H gates.")
        more = " A column for each of the 4·H gates is needed." if found.ndim == 2 and found.shape[1] == units else ""
        raise Mistake("wrong-shape", f"{name} of lstm_start has shape {found.shape}; it should be {shape}.{more}")


def _draws(W: np.ndarray, U: np.ndarray, inputs: int, units: int) -> None:
    most = units**-0.5
    for name, found in (("W", W), ("U", U)):
        top, low = float(found.max()), float(found.min())
        if found.std() == 0:
            raise Mistake("not-drawn", f"All entries of {name} are {top:g}: draw them with `rng.uniform`. Equal "
                          "weights get equal gradients and stay equal.")
        if low >= 0:
            raise Mistake("only-positive", f"{name} of lstm_start has no negative "
                          "entry; draw between −1/√H *and* 1/√H.")
        measured = max(top, -low)
        for other, words in ((1 / units, "1/H; take the root: 1/√H"), (inputs**-0.5, "1/√D; it is 1/√H, also for W"),
                             ((4 * units) ** -0.5, "1/√(4H); H is the number of units, not that of columns"),
                             (units**0.5, "√H; divide by it"), (1.0, "1; it is 1/√H"),
                             ((inputs + units) ** -0.5, "1/√(D + H); it is 1/√H"),
                             (0.5 * most, "half of 1/√H"), (2 * most, "twice 1/√H")):  # fmt: skip
            if 0.97 * other < measured <= other * 1.0001 and not 0.97 * most < measured <= most * 1.0001:
                raise Mistake("wrong-range", f"{name} of lstm_start is drawn between plus and minus {words}.")
        if measured > most * 1.0001:
            raise Mistake("wrong-range" if abs(found.std() / (most / 3**0.5) - 1) > 0.1 and found.std() < most / 3**0.5
                          else "normal-for-uniform" if found.std() > 0.8 * most else "wrong-range",
                          f"{name} of lstm_start has an entry of {measured:.3g}; all lie between −1/√H and 1/√H, which "
                          f"is ±{most:.3g} here. Are they drawn with `rng.uniform` (not `rng.normal`)?")  # fmt: skip
        if measured < 0.97 * most or abs(found.mean()) > 0.1 * most:
            raise Mistake("wrong-range", f"{name} of lstm_start lies between {low:.3g} and {top:.3g}; it should fill "
                          f"−1/√H to 1/√H, ±{most:.3g} here.")
        four = np.split(found, 4, axis=1)
        for repeated, words in ((any(np.array_equal(a, b) for a, b in combinations(four, 2)), "blocks of gates have"),
                                ((found == found[:1]).all(), "rows have"), ((found == found[:, :1]).all(), "columns "
                                 "have")):  # fmt: skip
            if repeated:
                raise Mistake("weights-repeated", f"{name} of lstm_start: several {words} the same numbers. Every "
                              "entry is drawn by itself, `rng.uniform` with the whole shape: what begins equally and "
                              "gets equal gradients stays equal.")


def _bias(b: np.ndarray, units: int, forget: float) -> None:
    right = np.zeros(4 * units)
    right[units : 2 * units] = forget
    if close(b, right):
        return
    for k, gate in enumerate(GATES):
        wrong = np.zeros(4 * units)
        wrong[k * units : (k + 1) * units] = forget
        if k != 1 and close(b, wrong):
            raise Mistake("forget-in-wrong-block", f"lstm_start gives the bias `forget` to the gate {gate}; the forget "
                          "gate is the second block, b[H : 2H].")
    wrong_ones = [
        Hypothesis("forget-everywhere", np.full(4 * units, forget), "lstm_start gives all gates the bias `forget`; "
                   "only the forget gate's block, b[H : 2H], has it, the others are zero."),
        Hypothesis("forget-ignored", np.zeros(4 * units), "b of lstm_start is zero everywhere: the forget gate's "
                   "block, b[H : 2H], is `forget`."),
        Hypothesis("forget-written-in", np.where(right != 0, 1.0, 0.0), "lstm_start gives the forget gate a bias of 1, "
                   "whatever `forget` says."),
        Hypothesis("forget-written-in", np.where(right != 0, 3.0, 0.0), "lstm_start gives the forget gate a bias of 3, "
                   "whatever `forget` says."),
        Hypothesis("sigmoid-of-forget", np.where(right != 0, sigmoid(np.asarray(forget)), 0), "lstm_start puts "
                   "σ(forget) into b; the gate applies σ itself, so b is `forget`."),
        Hypothesis("sign-flipped", -right, "lstm_start gives the forget gate −forget; a positive bias keeps."),
        Hypothesis("fractions-lost", np.trunc(right), "The bias of lstm_start has lost its fraction: b is an array of "
                   "integers. Use `np.zeros`."),
        Hypothesis("one-unit-only", np.where(np.arange(4 * units) == units, forget, 0), "lstm_start sets the bias of "
                   "one unit; the forget gate's block has H, b[H : 2H]."),
        Hypothesis("one-unit-only", np.where(np.arange(4 * units) == 1, forget, 0), "lstm_start sets b[1]; the forget "
                   "gate's block is b[H : 2H]."),
    ]  # fmt: skip
    interleaved = np.zeros(4 * units)
    interleaved[1::4] = forget
    wrong_ones.append(Hypothesis("forget-in-wrong-block", interleaved, "lstm_start gives every fourth entry the bias "
                                 "`forget`; the gates are blocks of H entries: b[H : 2H]."))
    for one in wrong_ones:
        if one.explains(b):
            raise Mistake(one.name, one.hint)
    if (b[: units] != 0).any() and np.ptp(b[: units]) > 0:
        raise Mistake("bias-drawn", "b of lstm_start is drawn at random; it is zero, but for the forget gate's block.")
    at = int(np.flatnonzero(~np.isclose(b, right))[0])
    raise Mistake("differs", f"b[{at}] of lstm_start is {b[at]:.4g}; it should be {right[at]:.4g} for H = {units} and "
                  f"forget = {forget:.4g}.")


@check("recurrent_operations", "B4")
def recurrent_operations(recurrent_operations: Any, *, seed: int = 0) -> Iterator[str]:
    """6·T·N·(D + H)·gates·H."""
    rng = np.random.default_rng([seed, 81])
    cases = [(gates, *primes(rng, 4, 3, 23)) for gates in (1, 4, 4, 1)]
    cases[2] = (4, 1, *cases[2][2:])
    large = (4, 100, 64, 512, 512)
    seen = ask(calls, "recurrent_operations", recurrent_operations, [*cases, large])
    got = numbers([seen[i] for i in range(len(cases))], "the result of recurrent_operations")
    half = "recurrent_operations leaves out {}"
    verify_formula(
        got,
        lambda g, T, N, D, H: 6 * T * N * (D + H) * g * H,
        [
            ("forward-only", lambda g, T, N, D, H: 2 * T * N * (D + H) * g * H, half.format(
                "the backward: it is two products as large for "
                "each one of forward, three times the operations in all.")),
            ("backward-only", lambda g, T, N, D, H: 4 * T * N * (D + H) * g * H, "These are the operations of the "
             "backward alone, or the backward counted as one product; forward and backward are three."),
            ("factor-two-missing", lambda g, T, N, D, H: 3 * T * N * (D + H) * g * H, half.format(
                "a factor 2: a multiplication and an addition are two operations.")),
            ("forward-only", lambda g, T, N, D, H: T * N * (D + H) * g * H, half.format(
                "the backward and a factor 2: a multiplication and an addition are two.")),
            ("gates-missing", lambda g, T, N, D, H: 6 * T * N * (D + H) * H, half.format(
                "the gates: W and U have gates · H columns.")),
            ("gates-written-in", lambda g, T, N, D, H: 6 * T * N * (D + H) * 4 * H, "recurrent_operations counts 4 "
             "gates for every cell; take `gates`."),
            ("state-product-missing", lambda g, T, N, D, H: 6 * T * N * D * g * H, half.format(
                "the product h U: there are two products in a step.")),
            ("input-product-missing", lambda g, T, N, D, H: 6 * T * N * H * g * H, half.format(
                "the product x W: there are two products in a step.")),
            ("steps-missing", lambda g, T, N, D, H: 6 * N * (D + H) * g * H, half.format("the T steps.")),
            ("batch-missing", lambda g, T, N, D, H: 6 * T * (D + H) * g * H, half.format("the N rows of a batch.")),
            ("sizes-multiplied", lambda g, T, N, D, H: 6 * T * N * D * H * g * H, "recurrent_operations multiplies D "
             "by H; the operations of xW and hU add up, 2N · D · M + 2N · H · M."),
            ("columns-missing", lambda g, T, N, D, H: 6 * T * N * (D + H) * g, half.format(
                "the H columns of each gate: W is (D, gates · H).")),
            ("backward-once", lambda g, T, N, D, H: 2 * T * N * (D + H) * g * H + 4 * N * (D + H) * g * H,
             "The backward is counted for one step alone; it goes through all T steps."),
            ("bias-counted", lambda g, T, N, D, H: 6 * T * N * (D + H + 1) * g * H, "The bias is counted as a product, "
             "too; only the products xW and hU are asked for."),
            ("bias-counted", lambda g, T, N, D, H: 3 * T * (2 * N * (D + H) * g * H + N * g * H), "The additions of "
             "the bias are counted, too; only the products xW and hU are asked for."),
            ("gates-missing", lambda g, T, N, D, H: 6 * T * N * (D * g * H + H * H), half.format(
                "the gates of U: it has gates · H columns, too.")),
            ("gates-missing", lambda g, T, N, D, H: 6 * T * N * (D * H + g * H * H), half.format(
                "the gates of W: it has gates · H columns, too.")),
            ("gates-on-both-sides", lambda g, T, N, D, H: 6 * T * N * (D + g * H) * g * H, "The state has H numbers, "
             "not gates · H: U is (H, gates · H)."),
            ("gates-squared", lambda g, T, N, D, H: 6 * T * N * (D + H) * g * g * H, "The gates are counted twice."),
        ],
        cases, "The number of operations", ("gates", "T", "N", "D", "H"),
    )  # fmt: skip
    of_large = numbers([seen[len(cases)]], "the result of recurrent_operations")
    verify(of_large, np.array([6.0 * 100 * 64 * 1024 * 2048]), "The number of operations of 100 steps with N = 64 and "
           "D = H = 512")
    yield "forward and backward over T steps, for 1 and 4 gates, for a single step, and for a large cell"


