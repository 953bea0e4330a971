"""Checks of Part A of `remember`: a step of an RNN, its backward, back-propagation through time, clipping."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from functools import partial
from typing import Any

import numpy as np

from helpers.check.core.ask import Answer, array, ask, number
from helpers.check.core.cases import primes
from helpers.check.core.compare import NOTHING, Hypothesis, close
from helpers.check.core.gradients import numerical_gradient
from helpers.check.core.oracle import sigmoid
from helpers.check.core.report import Mistake, check
from helpers.check.remember import probes
from helpers.check.remember.results import Whole, counted, kept_apart, parts, same_again, verify_parts

Arrays = tuple[np.ndarray, ...]
PASSES = ("a usual batch", "a batch of one", "float32", "large inputs")
"""What is tried; the words of the last two stand in sentences."""
LARGE = "for large inputs (±1000)."


@dataclass(frozen=True)
class StepCase:
    """Arguments of a step, others of the same sizes, and gradients for its outputs; float64, or as `dtype` says."""

    case: Arrays
    other: Arrays
    grads: Arrays
    dtype: str = "float64"
    large: bool = False

    @property
    def sizes(self) -> dict[str, float]:
        n, d = self.case[0].shape
        return {"batch size": n, "number of inputs": d, "number of units": self.case[1].shape[1]}

    def given(self) -> dict[str, Any]:
        """As a probe gets it."""
        cast = {name: [a.astype(self.dtype) for a in getattr(self, name)] for name in ("case", "other", "grads")}
        return cast


def step_cases(seed: int, states: int, gates: int) -> list[StepCase]:
    """Of a cell with so many states and gates: a usual batch, one example, float32, and large inputs."""
    rng, found = np.random.default_rng([seed, 60 + gates]), []
    for words in PASSES:
        n, d, units = primes(rng, 3, 3, 11)
        n = 1 if words == "a batch of one" else n

        def drawn(n: int = n, d: int = d, units: int = units) -> Arrays:
            state = [rng.normal(0, 0.7, (n, units)) for _ in range(states)]
            shapes = ((d, gates * units), (units, gates * units), (gates * units,))
            return rng.normal(size=(n, d)), *state, *(rng.normal(0, 0.5, shape) for shape in shapes)

        case, other = drawn(), drawn()
        if large := words == "large inputs":
            x = case[0] * 1000
            case = (x + np.sign(x) * 50, *case[1:])
        grads = tuple(rng.normal(size=(n, units)) for _ in range(states))
        found.append(StepCase(case, other, grads, "float32" if words == "float32" else "float64", large))
    return found


def verified(words: str) -> str:
    return {"large inputs": "inputs of ±1000"}.get(words, words)


# A step ------------------------------------------------------------------------------------------------------------

NEW = "The new state"


def step(x: Any, h: Any, W: Any, U: Any, b: Any) -> np.ndarray:
    return np.tanh(x @ W + h @ U + b)


def wrong_steps(x: Any, h: Any, W: Any, U: Any, b: Any) -> list[Hypothesis]:
    z = x @ W + h @ U + b
    return [
        Hypothesis("tanh-missing", z, "rnn_step returns xW + hU + b itself; the new state is tanh of it."),
        Hypothesis("sigmoid-for-tanh", sigmoid(z), "rnn_step squashes with the sigmoid, 1/(1 + e^−z); "
                   "the text asks for tanh."),
        Hypothesis("relu-for-tanh", np.maximum(z, 0), "rnn_step uses ReLU; the text asks for tanh."),
        Hypothesis("bias-missing", np.tanh(x @ W + h @ U), "The bias b is left out of rnn_step."),
        Hypothesis("bias-outside", np.tanh(x @ W + h @ U) + b, "rnn_step adds b behind tanh; it belongs inside."),
        Hypothesis("bias-twice", np.tanh(z + b), "rnn_step adds b twice. There is one bias (PyTorch has two)."),
        Hypothesis("bias-subtracted", np.tanh(z - 2 * b), "rnn_step subtracts b; it is added."),
        Hypothesis("state-ignored", np.tanh(x @ W + b), "rnn_step does not use the state before: h U is left out, so "
                   "that nothing is remembered."),
        Hypothesis("input-ignored", np.tanh(h @ U + b), "rnn_step does not use x: x W is left out."),
        Hypothesis("U-transposed", lambda: np.tanh(x @ W + h @ U.T + b), "rnn_step uses U transposed. h is a row here: "
                   "h @ U."),
        Hypothesis("tanh-of-each", np.tanh(x @ W) + np.tanh(h @ U + b), "rnn_step takes tanh of each product by "
                   "itself; add them first, then take tanh once."),
        Hypothesis("tanh-of-each", np.tanh(x @ W + b) + np.tanh(h @ U), "rnn_step takes tanh of each product by "
                   "itself; add them first, then take tanh once."),
        Hypothesis("tanh-of-each", np.tanh(x @ W + b) + h @ U, "tanh in rnn_step covers only x W + b; h U belongs "
                   "inside, too."),
        Hypothesis("state-added", h + np.tanh(z), "rnn_step adds the state before to the result; the new state is "
                   "tanh(…) alone."),
        Hypothesis("tanh-twice", np.tanh(np.tanh(z)), "rnn_step takes tanh twice."),
        Hypothesis("state-returned", h, "rnn_step gives back the state that it was given."),
        Hypothesis("state-not-multiplied", lambda: np.tanh(x @ W + h + b), "rnn_step adds h itself; it is multiplied "
                   "by U first."),
        Hypothesis("state-not-multiplied", lambda: np.tanh(x @ W + h * U.sum(axis=0) + b), "rnn_step multiplies h "
                   "entry by entry; h U is a product of matrices, `h @ U`."),
        Hypothesis("products-multiplied", np.tanh((x @ W) * (h @ U) + b), "rnn_step multiplies xW by hU; they are "
                   "added."),
    ]  # fmt: skip


@check("rnn_step", "A1")
def rnn_step(rnn_step: Any, *, seed: int = 0) -> Iterator[str]:
    """tanh(xW + hU + b), and something that is kept."""
    cases = step_cases(seed, 1, 1)
    seen = ask(probes.steps, "rnn_step", rnn_step, 1, [one.given()["case"] for one in cases])
    for i, (words, one) in enumerate(zip(PASSES, cases, strict=True)):
        here = seen.part(i)
        counted(here, "the new state and what is kept", 2)
        verify_parts(parts(here, [NEW], "rnn_step"), [step(*one.case)], [NEW], "rnn_step",
                     single={0: wrong_steps(*one.case)}, sizes=one.sizes,
                     extreme=LARGE if one.large else "")  # fmt: skip
        yield f"new state for {verified(words)}"
    same_again(parts(seen.part(0), [NEW], "rnn_step"), parts(seen.part(len(cases)), [NEW], "rnn_step"), "rnn_step")
    kept_apart(seen, [NEW], "rnn_step")


# Its backward ------------------------------------------------------------------------------------------------------

FIVE = ("g_x", "g_h", "g_W", "g_U", "g_b")


def linear_part(gz: Any, x: Any, h: Any, W: Any, U: Any) -> list[np.ndarray]:
    """From the gradient for z = xW + hU + b to those for x, h, W, U and b."""
    return [gz @ W.T, gz @ U.T, x.T @ gz, h.T @ gz, gz.sum(axis=0)]


def back(grad: Any, x: Any, h: Any, W: Any, U: Any, b: Any) -> list[np.ndarray]:
    return linear_part(grad * (1 - step(x, h, W, U, b) ** 2), x, h, W, U)


def of_linear_part(gz: Any, x: Any, h: Any, W: Any, U: Any, who: str, new: Any = None, at: Sequence[int] = range(5),
                   grad: Any = None) -> dict[int, list[Hypothesis]]:  # fmt: skip
    """What goes wrong in one of the five alone; at: their places among a function's results; grad: the gradient for
    the new state, where it has the shape of g_z."""
    n = len(x)
    mean = f"{who} takes the mean over the batch; the loss is a mean already, so that here it is the sum over the rows."
    squared = U.shape[0] == U.shape[1]
    found: dict[int, list[Hypothesis]] = {
        at[0]: [
            Hypothesis("W-not-transposed", lambda: gz @ W, f"{who}: g_x is g_z by W *transposed*, `gz @ W.T`."),
        ],
        at[1]: [
            Hypothesis("U-not-transposed", lambda: gz @ U if squared else NOTHING,
                       f"{who}: g_h uses U itself; backward needs it transposed, `gz @ U.T`."),
            Hypothesis("U-missing", gz, f"{who}: g_h is g_z itself; on its way back it goes through U: `gz @ U.T`."),
        ],
        at[2]: [Hypothesis("divided-by-batch-size", x.T @ gz / n if n > 1 else NOTHING, mean)],
        at[3]: [
            Hypothesis("divided-by-batch-size", h.T @ gz / n if n > 1 else NOTHING, mean),
            Hypothesis("transposed", lambda: gz.T @ h if squared else NOTHING, f"{who}: g_U is transposed; it is hᵀ "
                       "g_z, with the state *before* on the left."),
        ],
        at[4]: [
            Hypothesis("divided-by-batch-size", gz.mean(axis=0) if n > 1 else NOTHING, mean),
            Hypothesis("not-summed", gz if n > 1 else NOTHING, f"{who}: g_b is not summed over the batch: b serves all "
                       "rows, so that their gradients add up, `gz.sum(axis=0)`."),
            Hypothesis("summed-over-units", gz.sum(axis=1), f"{who}: g_b is summed over the units; sum over the rows, "
                       "`axis=0`: b has one number a unit."),
            Hypothesis("summed-to-one-number", gz.sum(), f"{who}: g_b is one number; "
                       "sum over the rows alone, `axis=0`."),
        ],
    }  # fmt: skip
    if new is not None:
        found[at[3]].append(Hypothesis("new-state-for-old", new.T @ gz, f"{who}: g_U uses the *new* state; U was "
                                       "multiplied by the state *before* this step."))
    if grad is not None:
        slope = f"{who}: the slope of tanh, 1 − h², is missing in {{}}: use g_z, not the gradient that comes in."
        for place, name, wrong in zip(at, FIVE, linear_part(grad, x, h, W, U), strict=True):
            found[place].append(Hypothesis("slope-missing", wrong, slope.format(name)))
    return found


def wrong_backs(grad: Any, x: Any, h: Any, W: Any, U: Any, b: Any) -> Whole:
    z = x @ W + h @ U + b
    new = np.tanh(z)
    slopes = [
        ("slope-missing", np.ones_like(new), "rnn_step_backward leaves the slope of tanh out: g_z = g · (1 − h²)."),
        ("slope-of-old-state", 1 - h**2, "rnn_step_backward takes the slope 1 − h² of the state *before*; it is that "
         "of the new state, which tanh has made."),
        ("square-missing", 1 - new, "rnn_step_backward uses 1 − h; the slope of tanh is 1 − h²."),
        ("slope-of-sigmoid", new * (1 - new), "rnn_step_backward uses h (1 − h), the slope of the sigmoid; that of "
         "tanh is 1 − h²."),
        ("tanh-twice", 1 - np.tanh(new) ** 2, "rnn_step_backward takes tanh of the new state once more; that *is* "
         "tanh(z) already, so that its slope is 1 − h²."),
        ("slope-of-z", 1 - z**2, "rnn_step_backward takes 1 − z² of what is inside tanh; the slope is 1 − h² of its "
         "result."),
        ("one-missing", new**2, "rnn_step_backward multiplies by h²; the slope of tanh is 1 − h²."),
        ("slope-squared", (1 - new**2) ** 2, "rnn_step_backward multiplies by the slope twice."),
        ("slope-of-relu", (new > 0).astype(float), "rnn_step_backward uses the slope of ReLU; that of tanh is 1 − h²."),
        ("root-for-square", np.sqrt(np.maximum(0, 1 - new**2)), "rnn_step_backward takes a root; the slope of tanh is "
         "1 − h² itself."),
    ]  # fmt: skip
    found = [(name, linear_part(grad * slope, x, h, W, U), hint) for name, slope, hint in slopes]
    found.append(("gradient-ignored", linear_part(1 - new**2, x, h, W, U), "rnn_step_backward does not use `grad`: g_z "
                  "= grad · (1 − h²)."))  # fmt: skip
    return found


KEPT = ("kept-overwritten", "rnn_step_backward gives the gradients of the *last* step instead of the one whose `kept` "
        "it got. Keep what is needed in `kept`, which each step returns, and in no variable outside.")  # fmt: skip


def numerical_step(one: StepCase, function: Any, order: Sequence[int]) -> Any:
    """Finite differences of the i-th result, for the argument order[i] of the function."""

    def of(i: int) -> np.ndarray:
        at = order[i]

        def loss(v: np.ndarray) -> float:
            outs = function(*one.case[:at], v, *one.case[at + 1 :])
            outs = outs if isinstance(outs, tuple) else (outs,)
            return float(sum((g * o).sum() for g, o in zip(one.grads, outs, strict=True)))

        return numerical_gradient(loss, one.case[at])

    return of


@check("rnn_step_backward", "A2", builds_on="rnn_step", after="A1")
def rnn_step_backward(rnn_step: Any, rnn_step_backward: Any, *, seed: int = 0) -> Iterator[str]:
    """Five gradients, against finite differences."""
    cases = step_cases(seed, 1, 1)
    seen = ask(probes.backwards, "rnn_step", rnn_step, rnn_step_backward, 1, 5, [one.given() for one in cases])
    what = "rnn_step_backward"
    for i, (words, one) in enumerate(zip(PASSES, cases, strict=True)):
        here = seen.part(i)
        counted(here, ", ".join(FIVE), 5)
        x, h, W, U, _ = one.case
        grad, new = one.grads[0], step(*one.case)
        gz = grad * (1 - new**2)
        whole = [*wrong_backs(grad, *one.case), (KEPT[0], back(grad, *one.other), KEPT[1])]
        got = parts(here, FIVE, what)
        single = of_linear_part(gz, x, h, W, U, what, new, grad=grad)
        verify_parts(got, back(grad, *one.case), FIVE, what, whole, single,
                     one.sizes, None if one.large else numerical_step(one, step, range(5)),
                     LARGE if one.large else "")  # fmt: skip
        same_again(got, parts(here, FIVE, what, "again "), what)
        yield f"five gradients for {verified(words)}" + ("" if i else ", which agree with finite differences")


# Through time ------------------------------------------------------------------------------------------------------

FOUR = ("carried", "g_W", "g_U", "g_b")


@dataclass(frozen=True)
class TimeCase:
    """x (T, N, D), h (N, H), W, U, b, and the gradients (T, N, H) that the states get from the readout."""

    x: np.ndarray
    h: np.ndarray
    W: np.ndarray
    U: np.ndarray
    b: np.ndarray
    grad_h: np.ndarray

    @property
    def states(self) -> list[np.ndarray]:
        """h before the first step, and after each."""
        found = [self.h]
        for x in self.x:
            found.append(step(x, found[-1], self.W, self.U, self.b))
        return found

    @property
    def sizes(self) -> dict[str, float]:
        t, n, d = self.x.shape
        return {"number of steps": t, "batch size": n, "number of inputs": d, "number of units": self.h.shape[1]}


def time_cases(seed: int) -> list[TimeCase]:
    """A usual sequence, one whose loss is at the last step alone, a single step, and a batch of one."""
    rng, found = np.random.default_rng([seed, 70]), []
    for kind in ("usual", "last", "one step", "one example"):
        t, n, d, units = primes(rng, 4, 3, 13)
        t, n = 1 if kind == "one step" else t, 1 if kind == "one example" else n
        shapes = ((t, n, d), (n, units), (d, units), (units, units), (units,), (t, n, units))
        x, h, W, U, b, grad = (rng.normal(0, scale, shape) for scale, shape in
                               zip((1, 0.7, 0.5, 0.5, 0.5, 1), shapes, strict=True))  # fmt: skip
        if kind == "last":
            grad[:-1] = 0
        found.append(TimeCase(x, h, W, U, b, grad))
    return found


def backward_through_time(one: TimeCase, later: Any = None, direct: Any = None, steps: Any = None, total: Any = None,
                          note: Any = None) -> list[np.ndarray]:  # fmt: skip
    """The right loop, with pieces that a mistake changes.

    later: (what came back, t) -> what step t gets in addition; direct: t -> its own gradient; steps: their order;
    total: (sums, found, t) -> the new sums; note: (for the state before, for the new one, what came back) -> what is
    noted.
    """
    states, t_all = one.states, len(one.x)
    carried = np.zeros_like(one.grad_h)
    sums: list[Any] = [np.zeros_like(a) for a in (one.W, one.U, one.b)]
    back_to: Any = np.zeros_like(one.h)
    for t in steps if steps is not None else reversed(range(t_all)):
        own = one.grad_h[t] if direct is None else direct(t)
        got = own + (back_to if later is None else later(back_to, t))
        gz = got * (1 - states[t + 1] ** 2)
        _, h, W, U, b = linear_part(gz, one.x[t], states[t], one.W, one.U)
        before, back_to = back_to, h
        carried[t] = h if note is None else note(h, got, before)
        sums = [s + g for s, g in zip(sums, (W, U, b), strict=True)] if total is None else total(sums, (W, U, b), t)
    return [carried, *sums]


def wrong_times(one: TimeCase) -> Whole:
    t_all = len(one.x)
    right = backward_through_time(one)
    piled: list[Any] = [0]

    def pile(carried: Any, t: int) -> Any:
        piled[0] = piled[0] + carried
        return piled[0]

    local = backward_through_time(one, later=lambda c, t: 0)
    once = backward_through_time(one, later=lambda c, t: local[0][t + 1] if t + 1 < t_all else 0)
    overwritten = [
        ("gradients-overwritten", "keeps the gradients for W, U and b of one step alone. All steps use the same W, U "
         "and b, so their gradients add up: `total += …`.")
    ]  # fmt: skip
    found: list[tuple[str, Any, str]] = [
        ("cut-between-steps", local, "rnn_backward gives each step only its own gradient, `grad_h[t]`: nothing comes "
         "back from later steps, so that nothing is learned about the past. Add what rnn_step_backward returned for h "
         "in step t + 1."),
        ("cut-after-one-step", once, "What comes back from step t + 1 in rnn_backward is only that step's own "
         "gradient, without what it got from step t + 2: the sum must go on through all steps."),
        ("direct-gradient-missing", backward_through_time(one, direct=lambda t: one.grad_h[t] * (t == t_all - 1)),
         "rnn_backward uses `grad_h` of the last step alone. Each step's state may get a gradient from the readout: "
         "add `grad_h[t]` in every step."),
        ("forwards-in-time", backward_through_time(one, steps=range(t_all)), "rnn_backward goes from the first step to "
         "the last; gradients come from later steps, so begin with the last one."),
        ("later-piles-up", backward_through_time(one, later=pile), "What comes back in rnn_backward piles up: a step "
         "gets what *the next* step returned for h, not the "
         "sum of all later ones, which have come through it already."),
        ("carried-after-step", backward_through_time(one, note=lambda h, got, before: got), "`carried[t]` is the "
         "gradient for the state *after* step t here; it is that for the state before: what rnn_step_backward returns "
         "second."),
        ("carried-after-step", backward_through_time(one, note=lambda h, got, before: before), "`carried[t]` is what "
         "came back from the step after; it is the gradient for the state before step t: note it *after* "
         "rnn_step_backward."),
        ("carried-reversed", [right[0][::-1], *right[1:]], "`carried` in rnn_backward is in the order in which it was "
         "computed, from the last step to the first; `carried[t]` belongs to step t: turn it around."),
        ("first-step-missing", backward_through_time(one, steps=range(t_all - 1, 0, -1)), "The loop of rnn_backward "
         "leaves out step 0: `range(T - 1, 0, -1)` ends before 0; write `reversed(range(T))`."),
        ("clipped-on-the-way", backward_through_time(one, later=lambda c, t: np.clip(c, -1, 1),
         note=lambda h, got, before: np.clip(h, -1, 1)), "rnn_backward clips what it carries from step to step; "
         "clipping comes once, at the end, by the norm of all gradients together (A4)."),
        ("last-step-missing", backward_through_time(one, steps=range(t_all - 2, -1, -1)), "The loop of rnn_backward "
         "leaves out the last step, T − 1."),
        ("direct-gradient-twice", backward_through_time(one, direct=lambda t: 2 * one.grad_h[t]), "rnn_backward adds "
         "`grad_h[t]` twice."),
        ("averaged-over-steps", [right[0], *(g / t_all for g in right[1:])], "rnn_backward takes the mean over the "
         "steps; the gradients of W, U and b add up."),
        ("detached", [one.grad_h, *local[1:]], "rnn_backward passes nothing from step to step; `carried[t]` is what "
         "rnn_step_backward returns for the state before."),
        ("direct-gradient-shifted", backward_through_time(one, direct=lambda t: one.grad_h[(t + 1) % t_all]),
         "rnn_backward gives step t the gradient `grad_h[t + 1]`; its own is `grad_h[t]`."),
        ("direct-gradient-shifted", backward_through_time(one, direct=lambda t: one.grad_h[t - 1]),
         "rnn_backward gives step t the gradient `grad_h[t - 1]`; its own is `grad_h[t]`."),
        ("direct-gradient-shifted", backward_through_time(one, direct=lambda t: one.grad_h[t_all - 1 - t]),
         "rnn_backward gives step t the gradient `grad_h[T - 1 - t]`: it counts from the other end; its own is "
         "`grad_h[t]`."),
    ]  # fmt: skip
    for name, hint in overwritten:
        for at in (0, t_all - 1):
            wrong = backward_through_time(one, total=lambda s, f, t, at=at: list(f) if t == at else s)
            found.append((name, wrong, f"rnn_backward {hint}"))
    return found


@check("rnn_backward", "A3", builds_on="rnn_step and rnn_step_backward", after="A1 A2")
def rnn_backward(rnn_step: Any, rnn_step_backward: Any, rnn_backward: Any, *, seed: int = 0) -> Iterator[str]:
    """carried and the summed gradients, for sequences of several lengths."""
    cases = time_cases(seed)
    del rnn_step_backward  # what rnn_backward calls is the notebook's own; named here so that its cell stands above
    asked = [{name: getattr(one, name) for name in ("x", "h", "W", "U", "b", "grad_h")} for one in cases]
    seen = ask(probes.through_time, rnn_step, rnn_backward, asked, advice=partial(_time_advice, cases))
    said = ("a loss at every step, which agrees with finite differences", "a loss at the last step alone",
            "a single step", "a batch of one")  # fmt: skip
    for i, (one, words) in enumerate(zip(cases, said, strict=True)):
        here = seen.part(i)
        counted(here, "carried, g_W, g_U, g_b", 4)
        got, right = parts(here, FOUR, "rnn_backward"), backward_through_time(one)
        t_all = len(one.x)
        if got[0].shape == (t_all + 1, *one.h.shape):
            raise Mistake("carried-too-long", f"`carried` of rnn_backward has {t_all + 1} entries for {t_all} steps; "
                          "`carried[t]` is the gradient for the state before step t, one for each.")
        single = {k: [Hypothesis("gradients-overwritten", w[k], h) for n, w, h in wrong_times(one)
                      if n == "gradients-overwritten"] for k in (1, 2, 3)} if t_all > 1 else {}  # fmt: skip
        verify_parts(got, right, FOUR, "rnn_backward", wrong_times(one) if t_all > 1 else (), single, one.sizes,
                     partial(_numerical_time, one))  # fmt: skip
        yield words


def _time_advice(cases: Sequence[TimeCase], error: BaseException, what: str) -> str:
    if what != "rnn_backward":
        return ""
    if isinstance(error, IndexError):
        return " Time is the first axis of `grad_h`: there are `len(kept)` steps, from 0 to `len(kept) - 1`."
    five = "rnn_step_backward returns five gradients, g_x, g_h, g_W, g_U, g_b"
    if isinstance(error, ValueError) and "unpack" in str(error):
        return f" {five}."
    shapes = {tuple(map(int, found)) for found in re.findall(r"\((\d+),(\d+)\)", str(error))}
    if isinstance(error, ValueError) and any(shapes == {one.x[0].shape, one.h.shape} for one in cases):
        return f" {five}: the *second* goes on to the step before, and not g_x. `grad_h[t]` is (N, H)."
    return ""


def _numerical_time(one: TimeCase, k: int) -> np.ndarray | None:
    if k == 0:
        return None

    def loss(v: np.ndarray) -> float:
        changed = replace(one, **{"WUb"[k - 1]: v})
        return float(sum((g * h).sum() for g, h in zip(one.grad_h, changed.states[1:], strict=True)))

    return numerical_gradient(loss, (one.W, one.U, one.b)[k - 1])


# Clipping ----------------------------------------------------------------------------------------------------------


def clip_cases(seed: int) -> list[tuple[list[np.ndarray], float]]:
    """Too long, short enough, zero, one array, too long by far in float32."""
    rng = np.random.default_rng([seed, 71])
    a, b, c = primes(rng, 3, 3, 11)

    def drawn(*shapes: tuple[int, ...], scale: float = 1.0) -> list[np.ndarray]:
        return [rng.normal(0, scale, shape) for shape in shapes]

    usual = drawn((a, b), (b,), (c, a))
    return [
        (usual, 0.5 * max(float(np.abs(g).max()) for g in usual)),
        (drawn((a, b), (c,), scale=0.1), 20.0),
        ([np.zeros((b, c)), np.zeros(a)], 1.0),
        (drawn((c, b), scale=3.0), 0.7),
        ([g.astype(np.float32) for g in drawn((b, a), (a,), scale=1e4)], 2.5),
    ]


def _norm(gradients: Sequence[np.ndarray]) -> float:
    return float(np.sqrt(sum((np.asarray(g, dtype=float) ** 2).sum() for g in gradients)))


def _flat(gradients: Sequence[np.ndarray]) -> np.ndarray:
    return np.concatenate([np.ravel(g) for g in gradients]).astype(float)


def right_clip(gradients: Sequence[np.ndarray], most: float) -> np.ndarray:
    norm = _norm(gradients)
    return _flat(gradients) * (most / norm if norm > most else 1)


def _wrong_clips(gradients: list[np.ndarray], most: float) -> list[Hypothesis]:
    flat, norm = _flat(gradients), _norm(gradients)
    own = [float(np.linalg.norm(g)) for g in gradients]
    count = flat.size

    def by(other: float) -> np.ndarray:
        return flat * (most / other if other > most else 1)

    other_norm = "clip_by_norm computes another norm: it is the root of the sum of all squares, of all arrays together."
    return [
        Hypothesis("clipped-by-value", np.clip(flat, -most, most), "clip_by_norm cuts single values at ±most. That "
                   "changes the direction; multiply all by the same factor, most / norm."),
        Hypothesis("norm-of-each-array", _flat([g * (most / n if n > most else 1) for g, n in
                   zip(gradients, own, strict=True)]), "clip_by_norm clips each array by its own norm. Their "
                   "directions change against each other; take one norm of all together."),
        Hypothesis("clipped-always", flat * (most / norm) if norm else flat, "clip_by_norm changes gradients that are "
                   "short enough: only where norm > most there is something to do."),
        Hypothesis("most-ignored", flat / norm if norm else flat, "clip_by_norm makes the norm "
                   "1; it should be `most`."),
        Hypothesis("most-ignored", flat / norm if norm > most else flat, "clip_by_norm makes the norm 1 instead of "
                   "`most`: multiply by most / norm."),
        Hypothesis("not-clipped", flat if norm > most else NOTHING, "clip_by_norm returns the gradients unchanged, "
                   "although their norm is larger than `most`."),
        Hypothesis("factor-inverted", flat * (norm / most) if norm > most else flat, "clip_by_norm multiplies by norm "
                   "/ most, which makes them longer; it is most / norm."),
        Hypothesis("clipped-below", flat * (most / norm if norm and norm < most else 1), "The condition in "
                   "clip_by_norm is turned around: it changes what is shorter than `most` and leaves what is longer."),
        Hypothesis("root-missing", by(norm**2), "clip_by_norm leaves the root out of the norm: √(sum of all squares)."),
        Hypothesis("root-missing", flat * most / norm**2 if norm > most else flat, "clip_by_norm divides by the "
                   "squared norm: the root is missing."),
        Hypothesis("root-of-factor", flat * np.sqrt(most / norm) if norm > most else flat, "clip_by_norm multiplies by "
                   "the root of most / norm; leave that root out."),
        Hypothesis("norms-added", by(sum(own)), "clip_by_norm adds the norms of the arrays; add their *squares* and "
                   "take one root at the end."),
        Hypothesis("another-norm", by(float(np.abs(flat).sum())), other_norm + " This is the sum of magnitudes."),
        Hypothesis("another-norm", by(float(np.abs(flat).max())), other_norm + " This is the largest magnitude."),
        Hypothesis("mean-for-sum", by(norm / np.sqrt(count)), "clip_by_norm takes the mean of the squares; a norm is "
                   "the root of their *sum*."),
        Hypothesis("norm-of-one-array", by(own[0]), "clip_by_norm takes the norm of the first array alone; it is that "
                   "of all together."),
        Hypothesis("norm-of-one-array", by(own[-1]), "clip_by_norm takes the norm of the last array alone; it is that "
                   "of all together."),
        Hypothesis("norm-of-one-array", by(max(own)), "clip_by_norm takes the largest norm of one array; it is that of "
                   "all together."),
    ]  # fmt: skip


@check("clip_by_norm", "A4")
def clip_by_norm(clip_by_norm: Any, *, seed: int = 0) -> Iterator[str]:
    """Scaled together where the norm is larger than `most`, and the norm before."""
    cases = clip_cases(seed)
    seen = ask(probes.clipping, clip_by_norm, cases)
    said = ("longer than `most`: the direction stays", "short enough: unchanged", "zero: no division by 0",
            "a single array", "float32")  # fmt: skip
    for i, ((gradients, most), words) in enumerate(zip(cases, said, strict=True)):
        here = seen.part(i)
        counted(here, "the list of the clipped gradients and the norm before", 2)
        if "exchanged" in here:
            raise Mistake("wrong-order-of-results", "clip_by_norm returns (norm, gradients); the text asks for "
                          "(gradients, norm).")
        got, right = _clipped(here, gradients), right_clip(gradients, most)
        _norm_before(here, gradients, most)
        if not np.isfinite(got).all() and not right.any():
            raise Mistake("zero-divided-by-zero", "clip_by_norm makes nan of gradients that are all zero: it divides "
                          "by a norm of 0. Divide only where the norm is larger than `most`.")
        wrong = _wrong_clips(gradients, most)
        if i == 0 and close(got, _flat(gradients)):
            short, its_most = cases[1]
            if close(_clipped(seen.part(1), short), _flat(short) * its_most / _norm(short)):
                raise Mistake("clipped-below", "The condition in clip_by_norm is turned around: it changes what is "
                              "shorter than `most` and leaves what is longer.")
        verify_parts([got], [right], ["The clipped gradients"], "clip_by_norm", single={0: wrong},
                     sizes={"number of arrays": len(gradients)})  # fmt: skip
        yield words


def _clipped(here: Answer, gradients: list[np.ndarray]) -> np.ndarray:
    if "clipped" in here:
        found = here["clipped"]
        if found is None:
            raise Mistake("returns-none", "clip_by_norm returns None in place of the list of gradients.")
        if len(gradients) == 1:
            return np.ravel(array(found, "what clip_by_norm returns first"))
        raise Mistake("not-a-list", "What clip_by_norm returns first should be the list of the clipped gradients.")
    if here["count"] != len(gradients):
        raise Mistake("wrong-number-of-gradients", f"clip_by_norm returns {here['count']} gradients for "
                      f"{len(gradients)}; the list should be as long as before.")
    found = [here.array(str(k), f"gradient {k} of clip_by_norm") for k in range(len(gradients))]
    for k, (one, given) in enumerate(zip(found, gradients, strict=True)):
        if one.shape != given.shape:
            raise Mistake("wrong-shape", f"Gradient {k} of clip_by_norm has shape {one.shape}; it should keep its "
                          f"shape {given.shape}.")
    return _flat(found)


def _norm_before(here: Answer, gradients: list[np.ndarray], most: float) -> None:
    got, norm = number(here["norm"], "the norm that clip_by_norm returns"), _norm(gradients)
    if close(np.array(got), np.array(norm)):
        return
    for name, wrong, hint in (
        ("norm-after", min(norm, most), "clip_by_norm returns the norm *after* clipping; return the norm before."),
        ("root-missing", norm**2, "clip_by_norm returns the squared norm: the root is missing."),
        ("most-for-norm", most, "clip_by_norm returns `most`; return the norm before."),
        ("factor-for-norm", most / norm if norm else 0, "clip_by_norm returns the factor; return the norm before."),
        ("norm-of-one-array", float(np.linalg.norm(gradients[-1])), "The norm that clip_by_norm returns is that of the "
         "last array; it is that of all together."),
        ("another-norm", sum(float(np.abs(g).sum()) for g in gradients), "clip_by_norm returns the sum of magnitudes; "
         "the norm is the root of the sum of all squares."),
        ("another-norm", max(float(np.abs(g).max()) for g in gradients), "The norm that clip_by_norm returns is the "
         "largest magnitude; the norm is the root of the sum of all squares."),
        ("mean-for-sum", norm / sum(g.size for g in gradients) ** 0.5, "clip_by_norm takes the mean of the squares; a "
         "norm is the root of their *sum*."),
        ("norm-of-one-array", float(np.linalg.norm(gradients[0])), "The norm that clip_by_norm returns is that of the "
         "first array; it is that of all together."),
        ("norms-added", sum(float(np.linalg.norm(g)) for g in gradients), "clip_by_norm adds the norms of the arrays; "
         "add their *squares* and take one root at the end."),
    ):  # fmt: skip
        if close(np.array(got), np.array(wrong)):
            raise Mistake(name, hint)
    raise Mistake("differs", f"The norm that clip_by_norm returns is {got:.6g}; it should be {norm:.6g}.")
