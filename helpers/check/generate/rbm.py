"""Checks of Part B of `generate`: probabilities, drawn units, and the update with weight decay."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial
from typing import Any

import numpy as np

from helpers.check.core.ask import Answer, array, ask
from helpers.check.core.cases import primes, rates
from helpers.check.core.compare import Hypothesis, close, verify
from helpers.check.core.oracle import sigmoid, softmax
from helpers.check.core.probe import calls_of_each
from helpers.check.core.report import Mistake, check
from helpers.check.generate import probes
from helpers.check.generate.results import hypotheses, in_type

Machine = tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]
"""v (N, visible), weight, b, c"""


def machine(
    rng: np.random.Generator, n: int, visible: int, hidden: int, scale: float = 1.0, binary: bool = True
) -> Machine:
    v = (rng.random((n, visible)) < 0.5) * 1.0 if binary else rng.random((n, visible))
    return (
        v, scale * rng.normal(size=(visible, hidden)), scale * rng.normal(0, 0.7, visible),
        scale * rng.normal(0, 0.7, hidden),
    )  # fmt: skip


def _of_probabilities(x: Any, b: Any, used: Any, pre: Any, bias: Any, got: Any, function: Any) -> list[Hypothesis]:
    return hypotheses([
        ("weights-transposed", lambda *_: sigmoid(x @ used.T + b), f"In {function} the weights are "
         f"transposed where they should not be, or the other way round: weight has shape (visible, "
         f"hidden)."),
        ("sigmoid-forgotten", lambda *_: pre, f"{function} returns the sum that goes into the sigmoid; "
         f"apply `sigmoid` to it."),
        ("bias-forgotten", lambda *_: sigmoid(x @ used), f"{function} leaves out the bias {bias}."),
        ("sigmoid-sign", lambda *_: sigmoid(-pre), f"{function} gives the probability of 0: the sign "
         f"inside of the sigmoid is wrong. The energy has minus signs, the sum in the sigmoid has none."),
        ("bias-outside", lambda *_: sigmoid(x @ used) + b, f"In {function} the bias {bias} is added after "
         f"the sigmoid; it belongs inside."),
        ("bias-sign", lambda *_: sigmoid(x @ used - b), f"In {function} the bias {bias} is subtracted; add "
         f"it."),
        ("softmax-for-sigmoid", lambda *_: softmax(pre), "This is a softmax over the row: the units would "
         "compete. Each unit has a sigmoid of its own."),
        ("tanh-for-sigmoid", lambda *_: np.tanh(pre), "This is tanh, which lies between −1 and 1."),
        ("threshold", lambda *_: (pre > 0) * 1.0, f"{function} returns 0 or 1; the probabilities "
         f"themselves are asked for."),
        ("sigmoid-twice", lambda *_: sigmoid(sigmoid(pre)), "The sigmoid is applied twice."),
        ("scaled-energy", lambda *_: sigmoid(2 * pre), "The sum is doubled before the sigmoid."),
        ("bits-for-probabilities", lambda *_: _bits(got), f"{function} returns 0 or 1, drawn or rounded; "
         f"the probabilities themselves are asked for, `draw` comes later."),
    ], ())  # fmt: skip


@check("hidden_probabilities and visible_probabilities", "B1")
def probabilities(hidden: Any, visible: Any, *, seed: int = 0) -> Iterator[str]:
    """σ(c + vW) and σ(b + hWᵀ), for grey pixels, too, and for large inputs."""
    rng = np.random.default_rng([seed, 81])
    n, wide, narrow, other, side = primes(rng, 5, 3, 17)
    machines = [
        machine(rng, n, side, side, binary=False), machine(rng, other, wide, narrow, binary=False),
        machine(rng, 1, narrow, wide), machine(rng, n, wide, other, 600.0),
    ]  # fmt: skip
    for m in machines[:3]:
        m[2][:] += 0.5  # so that b and c are different where both have one size
    upward = [(v, w, c) for v, w, _, c in machines]
    downward = [(rng.random((len(v), len(c))), w, b) for v, w, b, c in machines]
    what = "hidden_probabilities", "visible_probabilities"
    seen = ask(
        calls_of_each,
        [(what[0], hidden, upward, ("v", "weight", "c")), (what[1], visible, downward, ("h", "weight", "b"))],
    )
    for up, function, cases in ((True, what[0], upward), (False, what[1], downward)):
        units, bias = ("hidden", "c") if up else ("visible", "b")
        for i, (x, w, b) in enumerate(cases):
            used = w if up else w.T
            pre = x @ used + b
            got = array(seen.part(function)[i], f"the result of {function}")
            what_for = f"the result of {function}" + (" for large inputs" if i == 3 else "")
            verify(
                got, sigmoid(pre), what_for,
                partial(_of_probabilities, x, b, used, pre, bias, got, function),
            )  # fmt: skip
        yield f"p of the {units} units, for several sizes, a batch of one and large inputs"


def _bits(got: np.ndarray) -> Any:
    """The result itself where it is only 0 and 1."""
    return got if np.isin(got, (0, 1)).all() else np.nan


@check("draw", "B2")
def draw(function: Any, *, seed: int = 0) -> Iterator[str]:
    """0 or 1, each with its own probability, independently; from the generator that is given."""
    rng = np.random.default_rng([seed, 82])
    level = np.array([0.1, 0.35, 0.6, 0.9])[rng.permutation(4)]
    columns = np.broadcast_to(level, (3000, 4)).astype(np.float32)
    rows = np.broadcast_to(np.linspace(0.05, 0.95, 19)[:, None], (19, 1500)).copy()
    half = np.full((300, 5), 0.5)
    certain = np.where(rng.random((7, 3)) < 0.5, 0.0, 1.0)
    one = rng.uniform(0.2, 0.8, (1, 400))
    cases = [(p,) for p in (half, columns, rows, certain, one)]
    seen = ask(probes.random, "draw", function, cases, 1000 + seed, ("p",))
    yield from _verify_draws(seen, [p for (p,) in cases])


def _verify_draws(seen: Answer, cases: list[np.ndarray]) -> Iterator[str]:
    certain = cases[3]
    for i, p in enumerate(cases):
        first = seen.part(i)["first"]
        got = array(first, "the result of draw")
        if got.shape != p.shape:
            raise Mistake("wrong-shape", f"The result of draw has shape {got.shape} where p has {p.shape}: one unit "
                          f"for each probability.")
        if not np.isin(got, (0, 1)).all():
            if close(got, p):
                raise Mistake("probabilities-for-units", "draw returns the probabilities; draw 0 or 1 with them.")
            raise Mistake("not-bits", "draw returns numbers that are neither 0 nor 1: compare the random numbers with "
                          "p, `rng.random(p.shape) < p`.")
    if close(array(seen.part(3)["first"], "the units"), 1 - certain):
        raise Mistake("inverted", "draw gives 1 where the probability is 0, and 0 where it is 1: a unit is 1 where the "
                      "random number is *below* p.")
    every = [(i, name) for i in (1, 2) for name in ("first", "other")]
    if all(close(array(seen.part(i)[name], "the units"), (cases[i] > 0.5) * 1.0) for i, name in every):
        raise Mistake("threshold", "A unit is 1 exactly where its probability is above ½: nothing is drawn. Compare p "
                      "with random numbers, `rng.random(p.shape)`.")
    _shared(array(seen.part(0)["first"], "the units"))
    first, later, again, other = (array(seen.part(0)[name], "the units") for name in ("first", "next", "again",
                                                                                       "other"))  # fmt: skip
    if close(first, other) and close(first, later):
        raise Mistake("seed-reused", "draw gives the same units in every call, whatever generator it gets: it makes "
                      "one of its own from a fixed seed. Take the numbers from `rng`.")
    if not close(first, again):
        raise Mistake("rng-ignored", "Two generators of one seed give different units: the numbers don't come from "
                      "`rng`. Use `rng.random`, not `np.random`.")
    if close(first, later):
        raise Mistake("seed-reused", "A second call with the same generator gives the same units: the generator is "
                      "copied or made anew. Take the numbers from `rng`, which goes on.")
    yield "0 or 1, independent of each other, from the generator that is given, which goes on"
    for i, axis in ((1, 0), (2, 1)):
        p, got = cases[i].astype(float), array(seen.part(i)["first"], "the units")
        wanted, found = p.mean(axis=axis), got.mean(axis=axis)
        error = 5.5 * np.sqrt(wanted * (1 - wanted) / p.shape[axis])
        if (np.abs(found - wanted) > error).any():
            raise _wrong_share(found, wanted, error)
    if not close(array(seen.part(3)["first"], "the units"), certain):
        raise Mistake("wrong-probabilities", "Where the probability is 0 or 1, a unit differs from it.")
    yield "each with its own probability, 0 and 1 among them"
    in_type(seen.part(1)["first"], "float32", "The result of draw")
    yield "in float32, too"


def _shared(got: np.ndarray) -> None:
    """Of units that all have the probability ½."""
    if np.ptp(got) == 0:
        raise Mistake("one-number-for-all", "All units are equal where each has the probability ½: one random number "
                      "is compared with all of them. Draw one for each, `rng.random(p.shape)`.")
    if np.ptp(got, axis=0).max() == 0:
        raise Mistake("one-vector-for-all", "All rows get the same units where each has the probability ½: one vector "
                      "of random numbers is used for the whole batch. Draw one for each row and unit, "
                      "`rng.random(p.shape)`.")
    if np.ptp(got, axis=1).max() == 0:
        raise Mistake("one-number-for-a-row", "All units of a row are equal where each has the probability ½: one "
                      "random number is used for the whole row. Draw one for each, `rng.random(p.shape)`.")


def _wrong_share(found: np.ndarray, wanted: np.ndarray, error: np.ndarray) -> Mistake:
    from math import erf, sqrt

    def like(other: np.ndarray) -> bool:
        return bool((np.abs(found - other) <= error + 0.01).all())

    if like(1 - wanted):
        return Mistake("inverted", "Units are 1 with the probability 1 − p: a unit is 1 where the random number is "
                       "*below* p.")
    if like(np.array([0.5 * (1 + erf(p / sqrt(2))) for p in wanted])):
        return Mistake("normal-for-uniform", "The random numbers come from a normal distribution; compare p with "
                       "uniform ones from 0 to 1, `rng.random`.")
    if np.ptp(found) < 2 * error.max() or like(np.full_like(wanted, 0.5)):
        return Mistake("same-for-all", "All units are 1 equally often, whatever their probability.")
    worst = int(np.abs(found - wanted).argmax())
    return Mistake("wrong-probabilities", f"Units with the probability {wanted[worst]:.2f} are 1 in "
                   f"{found[worst]:.0%} of the rows.")


@check("update", "B4")
def update(function: Any, *, seed: int = 0) -> Iterator[str]:
    """W − η(g + λW), b − ηg, c − ηg, in place; for two rates and decays."""
    rng = np.random.default_rng([seed, 84])
    visible, hidden = primes(rng, 2, 3, 11)
    shapes = (visible, hidden), (visible,), (hidden,)
    start = [rng.normal(size=shape) for shape in shapes]
    steps = [([rng.normal(size=shape) for shape in shapes], lr, decay)
             for lr, decay in zip(rates(seed), (0.3, 0.07), strict=True)]  # fmt: skip
    seen = ask(probes.updates, function, start, steps)
    before = start
    for i, (gradients, lr, decay) in enumerate(steps):
        after = [seen.part(i).array(name, name) for name in ("weight", "b", "c")]
        right = [p - lr * (g + (decay * p if p.ndim == 2 else 0)) for p, g in zip(before, gradients, strict=True)]
        if all(np.array_equal(p, q) for p, q in zip(before, after, strict=True)):
            raise Mistake("not-in-place", "update leaves all three arrays as they were. Change them in place: "
                          "`weight -= …` on the array; `weight = weight - …` makes a new one, which nobody else has.")
        for name, p, g, got, expected in zip(("weight", "b", "c"), before, gradients, after, right, strict=True):
            verify(got, expected, f"{name} after the update", _of_step(name, p, g, lr, decay))
        before = right
        yield f"a step with lr = {lr:.2f} and decay = {decay:g}"


def _of_step(name: str, p: np.ndarray, g: np.ndarray, lr: float, decay: float) -> list[Hypothesis]:
    if name != "weight":
        return hypotheses([
            (f"{name}-not-updated", lambda *_: p, f"{name} is not changed in place; it takes the step {name} − lr · "
             f"gradient."),
            ("decay-on-biases", lambda *_: p - lr * (g + decay * p), f"{name} decays, too: weight decay is for the "
             f"weights alone."),
            ("decay-on-biases", lambda *_: p - lr * g - decay * p, f"{name} decays, too: weight decay is for the "
             f"weights alone."),
            ("update-adds", lambda *_: p + lr * g, f"lr · gradient is added to {name}; subtract it."),
            ("rate-forgotten", lambda *_: p - g, f"{name} takes a step of the whole gradient: lr is forgotten."),
            *((("rate-ignored"), lambda *_, r=r: p - r * g, f"{name} moves as with the rate {r:g}: use the `lr` that "
               f"is given.") for r in (0.1, 0.01, 0.001)),
        ], ())  # fmt: skip
    step = lr * g
    return hypotheses([
        ("weight-not-updated", lambda *_: p, "weight is not changed in place; it takes the step weight − lr · "
         "(gradient + decay · weight)."),
        ("decay-without-rate", lambda *_: p - step - decay * p, "Weight decay is subtracted without the rate: it "
         "belongs to the gradient, lr · (gradient + decay · weight)."),
        ("decay-ignored", lambda *_: p - step, "There is no weight decay: add decay · weight to the weights' "
         "gradient."),
        ("decay-sign", lambda *_: p - step + lr * decay * p, "Weight decay has the wrong sign: the weights would "
         "grow."),
        ("decay-sign", lambda *_: p - step + decay * p, "Weight decay has the wrong sign, and the rate is missing in "
         "it."),
        ("decay-doubled", lambda *_: p - step - 2 * lr * decay * p, "Weight decay is twice as strong as it should be: "
         "the term is decay · weight, without a 2."),
        ("decay-after-step", lambda *_: (p - step) * (1 - lr * decay), "Weight decay is taken of the weights *after* "
         "the step; take it of those before: one step, lr · (gradient + decay · weight)."),
        ("decay-after-step", lambda *_: p * (1 - lr * decay) - step * (1 - lr * decay), "The step decays, too; only "
         "the weights do."),
        ("decay-of-signs", lambda *_: p - lr * (g + decay * np.sign(p)), "The decay takes the signs of the weights "
         "(L1); take the weights themselves."),
        ("decay-constant", lambda *_: p - lr * (g + decay), "decay itself is added to the gradient; add decay · "
         "weight."),
        ("decay-on-gradient", lambda *_: p - lr * g * (1 + decay), "decay multiplies the gradient; add decay · "
         "weight."),
        ("update-adds", lambda *_: p + lr * (g + decay * p), "lr · (gradient + decay · weight) is added; subtract it."),
        ("update-adds", lambda *_: p + step - lr * decay * p, "lr · gradient is added; subtract it."),
        ("rate-forgotten", lambda *_: p - (g + decay * p), "The step is the whole gradient: lr is forgotten."),
        ("rate-forgotten", lambda *_: p - g - lr * decay * p, "lr multiplies the decay alone; the gradient, too."),
        *(("rate-ignored", lambda *_, r=r: p - r * (g + decay * p), f"The weights move as with the rate {r:g}: use "
           f"the `lr` that is given.") for r in (0.1, 0.01, 0.001)),
    ], ())  # fmt: skip
