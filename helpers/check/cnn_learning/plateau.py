"""Checks of Part C: the plateau's length, gradient norms, predictions and their test."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np

from helpers.check.cnn_learning import oracle, probes
from helpers.check.cnn_learning.cnn import advice, given, net_of, same, shapes_right
from helpers.check.cnn_learning.sizes import LEVEL, study_size
from helpers.check.core.ask import array, ask, number
from helpers.check.core.compare import Hypothesis, needed, verify
from helpers.check.core.probe import calls
from helpers.check.core.report import Mistake, check


def length_of(losses: Sequence[float], level: float, window: int = 5) -> int | None:
    """Steps until the mean of `window` losses in a row is below `level`, None where it never is."""
    for n in range(window, len(losses) + 1):
        if sum(losses[n - window : n]) / window < level:
            return n
    return None


def _falling(rng: np.random.Generator, stay: int, fall: int, dip: int) -> list[float]:
    """Losses near 2.3 for `stay` steps, with one lucky batch at `dip`, then falling, with one unlucky batch."""
    losses = [2.3 + 0.01 * float(rng.normal()) for _ in range(stay)]
    losses[dip] = 1.2
    losses += [2.3 - 2.0 * k / fall + 0.02 * float(rng.normal()) for k in range(fall)]
    losses[stay + fall - 2] = 2.4
    return losses


class Answered(NamedTuple):
    """One of a function's answers, the right one, and what mistakes give; begin: a sentence that tells both."""

    got: float | None
    right: float | None
    hypotheses: Sequence[Hypothesis]
    begin: str

    @property
    def correct(self) -> bool:
        return _equal(self.got, self.right)


def _equal(one: float | None, other: float | None) -> bool:
    return one is other if one is None or other is None else math.isclose(one, other, rel_tol=1e-6)


def _explain(answered: Sequence[Answered], otherwise: str, alone: bool = False) -> None:
    """Raise for the mistake that explains all answers, or at least the wrong ones; or, alone, the first of these."""
    wrong = [each for each in answered if not each.correct]
    for group in (answered, wrong, *([wrong[:1]] * alone)) if wrong else ():
        for i, hypothesis in enumerate(wrong[0].hypotheses):
            if all(_equal(each.got, needed(each.hypotheses[i].wrong)) for each in group):
                raise Mistake(hypothesis.name, f"{wrong[0].begin} {hypothesis.hint}")
    if wrong:
        raise Mistake("differs", f"{wrong[0].begin} {otherwise}")


def _shown(length: float | None) -> str:
    return "None" if length is None else f"{length:g}"


@check("plateau_length", "C2")
def plateau_length(function: Any, *, seed: int = 0) -> Iterator[str]:
    """The first run of losses whose mean is below the level, counted in steps; None where there is none."""
    rng = np.random.default_rng([seed, 23])
    falling = [
        (_falling(rng, int(rng.integers(24, 40)), 30, 11), level, window)
        for level, window in ((2.0, 5), (1.5, 5), (2.0, 3), (1.0, 8))
    ]
    flat = [2.3 + 0.01 * float(rng.normal()) for _ in range(20)]
    stays = {
        "a run that stays on its plateau": flat,
        "a run of 3 steps, fewer than the window": flat[:3],
        "a run without steps": [],
    }
    level_for_a_while = [2.5] * 6 + [2.0] * 7 + [1.75] * 5  # in binary exact, so that a mean is 2 and not nearly 2
    edges = ([1.0] * 9, [2.3] * 10 + [0.1])
    short = ([1.0] * 3, 2.0, 5)
    equal = [(level_for_a_while, 2.0, window) for window in (4, 2)]
    usual = [(losses, 2.0, 5) for losses in (*stays.values(), *edges)]
    cases = [*falling, *usual, *equal, ([math.nan] * 30, 2.0, 5), short]
    seen = ask(calls, "plateau_length", function, cases, ("losses",))

    def got(i: int) -> float | None:
        return None if seen[i] is None else number(seen[i], "the length")

    answered = [_of_case(got(i), *case) for i, case in enumerate(falling)]
    for each in [each for each in answered if not each.correct][:1]:
        if each.got is None:
            raise Mistake("returns-none", f"{each.begin} Is it the mean of the window, sum / window, that is "
                          f"compared, and is the number returned where it is found?")
    _explain(answered, LENGTH, alone=True)
    yield "steps until the mean of a window is below the level; one lucky batch doesn't count"
    at = len(falling)
    for i, words in enumerate(stays, at):
        if (found := got(i)) is not None:
            raise Mistake("not-yet-is-a-length", f"For {words} plateau_length returns {found:g}; it should return "
                          f"None. 'Not yet' is not a length, and a number would be drawn and averaged like any other.")
    at += len(stays)
    if (found := got(at)) != 5:
        raise Mistake("window-not-counted", f"For a run that is below the level from its first step on the length is "
                      f"{_shown(found)}; it should be 5: the first window consists of that many steps.")
    if (found := got(at + 1)) != 11:
        raise Mistake("last-window-missing", f"For a run whose last window is the first below the level, 11 steps, "
                      f"the length is {_shown(found)}. The last n to try is len(losses).")
    at += len(edges)
    for i, case in enumerate(equal, at):
        each = _of_case(got(i), *case)
        if each.got == 6 + case[2]:
            raise Mistake("equal-counts", f"{each.begin} For some steps the mean is exactly the level, which is not "
                          f"below it: `<`, not `<=`.")
        _explain([each], LENGTH)
    if got(at + len(equal)) is not None:
        raise Mistake("nan-wins", "For a run whose losses are NaN plateau_length returns a number; such "
                      "a run has not left its plateau. A comparison with NaN is always False.")
    if (found := got(at + len(equal) + 1)) is not None:
        raise Mistake("negative-index", f"For a run of 3 steps, fewer than the window of 5, whose losses are all below "
                      f"the level, plateau_length returns {found:g}; it should return None, as there is no full window "
                      f"yet. Begin at n = window: where n is smaller, losses[n - window : n] begins at a negative "
                      f"index, which counts from the end.")
    yield "None for a run that never leaves; NaN doesn't count"


LENGTH = "Find the smallest n with mean(losses[n - window : n]) < level."


def _of_case(got: float | None, losses: list[float], level: float, window: int) -> Answered:
    right = length_of(losses, level, window)
    begin = (
        f"For a run that leaves its plateau after {right} steps "
        f"(level {level:g}, window {window}) the length is {_shown(got)}."
    )
    return Answered(got, right, [] if right is None else _length_hypotheses(losses, level, window, right), begin)


def _length_hypotheses(losses: list[float], level: float, window: int, right: int) -> list[Hypothesis]:
    """Of mistakes the length that each gives, or None."""
    steps = range(window, len(losses) + 1)
    below = [i for i, loss in enumerate(losses) if loss < level]
    means = {n: sum(losses[n - window : n]) / window for n in steps}

    def first(leaves: Callable[[int], bool], among: Iterable[int] = steps) -> int | None:
        return next((n for n in among if leaves(n)), None)

    last_above = max((i + 1 for i, loss in enumerate(losses) if loss >= level), default=0)
    window_above = max((n for n in steps if means[n] >= level), default=0)
    not_full = first(lambda n: sum(losses[max(0, n - window) : n]) / window < level, range(1, len(losses) + 1))
    counted = "the steps are counted to its end: losses[n - window : n] gives n."
    lucky = (
        "A single batch below the level ends the plateau here; it may be luck. "
        "Take the mean of `window` batches in a row."
    )
    def moving(share: float, begin: int) -> int | None:
        """Where a moving average is below the level, looked at from this step on."""
        average = losses[0]
        for n, loss in enumerate(losses, 1):
            average += share * (loss - average)
            if n >= begin and average < level:
                return n
        return None

    return [
        *(Hypothesis("moving-average", moving(share, begin), "This is an exponential moving average, in which all "
                     "earlier losses count a little; only the last `window` count: losses[n - window : n].")
          for share in (1 / window, 2 / (window + 1)) for begin in (window, 1)),
        Hypothesis("lucky-batch", length_of(losses, level, 1), lucky),
        Hypothesis("lucky-batch", below[0] if below else None, lucky),
        Hypothesis("window-start", right - window, f"That is where the window begins; {counted}"),
        Hypothesis("window-start", right - window + 1, f"That is where the window begins; {counted}"),
        Hypothesis("off-by-one", right - 1, "That is the place of the window's last loss; as places count from 0, the "
                   "number of steps is one more."),
        Hypothesis("off-by-one", right + 1, "That is one step too many: losses[n - window : n] are the last `window` "
                   "of n losses."),
        Hypothesis("window-ignored", length_of(losses, level, 5), "`window` is ignored: 5 is hard-coded."),
        Hypothesis("level-ignored", length_of(losses, 2.0, window), "`level` is ignored: 2.0 is hard-coded."),
        Hypothesis("level-ignored", length_of(losses, 1.0, window), "`level` is ignored: 1.0 is hard-coded."),
        Hypothesis("last-crossing", last_above, "That is the last time that the loss is above the level; the first "
                   "window below it is asked for."),
        Hypothesis("last-crossing", window_above, "That is the last window above the level; the first one below it is "
                   "asked for."),
        Hypothesis("steps-below", len(below), "That is the number of steps below the level; the steps until then are "
                   "asked for."),
        Hypothesis("steps-above", len(losses) - len(below), "That is the number of all steps above the level, later "
                   "ones included; count up to the first window below it."),
        Hypothesis("wrong-direction", first(lambda n: means[n] > level), "That is the first window above the level; "
                   "the first one below it is asked for."),
        Hypothesis("all-in-window", first(lambda n: max(losses[n - window : n]) < level),
                   "Every batch of the window must be below the level here; their mean is asked for."),
        Hypothesis("running-mean", first(lambda n: sum(losses[:n]) / n < level), "The mean runs over all steps so "
                   "far; only the last `window` count: losses[n - window : n]."),
        Hypothesis("windows-side-by-side", first(lambda n: means[n] < level, steps[::window]),
                   "The windows lie side by side here; every n is tried, so that they overlap."),
        Hypothesis("median-for-mean", first(lambda n: sorted(losses[n - window : n])[window // 2] < level),
                   "The median of the window is compared; its mean is asked for."),
        Hypothesis("stays-below", first(lambda n: all(means[m] < level for m in steps if m >= n)),
                   "From there on every window is below the level; "
                   "the first one is asked for, also where a later one is above."),
        Hypothesis("window-not-full", not_full, "A window that is not full yet is divided by `window` and looks "
                   "small. Begin at n = window."),
        Hypothesis("window-middle", right - window // 2, f"That is the middle of the window; {counted}"),
        Hypothesis("whole-run", len(losses), "That is the end of the run. The first window below the level is asked "
                   "for, not the last."),
    ]


@check("gradient_norms", "C3", builds_on="your network", after="A4 A5 A6 A7")
def gradient_norms(function: Any, build: Any, *, seed: int = 0) -> Iterator[str]:
    """√Σg² of each layer's weights, in the order of forward."""
    net, x, labels = oracle.small_problem(seed)
    seen = ask(probes.norms, function, build, given(net), x, labels, advice=advice)
    shapes_right(seen, net)
    result = seen["result"]
    before, after = (seen.part(name) for name in ("before", "after"))
    grads = net_of(before, net, probes.GRADIENTS)
    pairs = zip(grads.weights, net.weights, strict=True)
    if not all(np.isfinite(g).all() and g.any() and g.shape == w.shape for g, w in pairs):
        grads = net.gradients(x, labels)  # a mistake in the gradients has cost its points before
    if isinstance(result, dict):
        result = list(result.values())
    if isinstance(result, list | tuple) and any(np.ndim(each) for each in result if isinstance(each, np.ndarray)):
        raise Mistake("not-one-number", "gradient_norms gives several numbers for a layer; return one norm for each "
                      "layer, over all entries of its gradient (no `axis`).")
    if isinstance(result, str):
        raise Mistake("not-an-array", "gradient_norms returns text; return a list of numbers, one per layer.")
    got = array(result, "the list of norms")

    def each(of: Callable[[np.ndarray], Any], arrays: Sequence[np.ndarray] = grads.weights) -> np.ndarray:
        return np.asarray([float(of(g)) for g in arrays])

    right, biases = each(np.linalg.norm, [g.reshape(-1) for g in grads.weights]), each(np.linalg.norm, grads.biases)
    layers = seen["layers"]
    if got.ndim == 1 and got.size not in (1, len(right)) and got.size in (layers, layers - 1):
        raise Mistake("wrong-length", f"There are {got.size} norms, one for each of {got.size} layers, it seems; "
                      f"return one for each of the {len(right)} layers that have weights.")
    verify(got, right, "the list of norms", [
        Hypothesis("root-missing", right**2, "The square root is missing: these are sums of squares."),
        Hypothesis("mean-for-sum", each(lambda g: np.sqrt((g**2).mean())), "These are root mean squares: the sum of "
                   "the squares is divided by their number. The norm is not a mean."),
        Hypothesis("mean-for-sum", each(lambda g: (g**2).mean()), "These are mean squares; the norm is the root of "
                   "their sum."),
        Hypothesis("other-norm", each(lambda g: np.abs(g).sum()), "These are sums of absolute values, the 1-norm. The "
                   "Euclidean norm is √Σg²."),
        Hypothesis("other-norm", each(lambda g: np.abs(g).max()), "These are the largest entries. The Euclidean norm "
                   "is √Σg²."),
        Hypothesis("other-norm", each(lambda g: np.abs(g).mean()), "These are means of absolute values. The Euclidean "
                   "norm is √Σg²."),
        Hypothesis("other-norm", each(np.std), "These are standard deviations. The Euclidean norm is √Σg²."),
        Hypothesis("other-norm", each(np.sum), "The entries are added up, and positive and negative ones cancel. "
                   "Square them first."),
        Hypothesis("other-norm", each(lambda g: np.linalg.norm(g.reshape(len(g), -1), 2)),
                   "This is the largest singular value (`np.linalg.norm(g, 2)` of a matrix). "
                   "Leave the 2 out, or write √Σg²."),
        Hypothesis("other-norm", each(lambda g: np.linalg.norm(g, 2) if g.ndim == 2 else np.linalg.norm(g)),
                   "For matrices this is the largest singular value (`np.linalg.norm(g, 2)`). "
                   "Leave the 2 out, or write √Σg²."),
        Hypothesis("weights-for-gradients", each(np.linalg.norm, [w.reshape(-1) for w in net.weights]),
                   "These are the norms of the weights; those of their gradients, `grad_weight`, are asked for."),
        Hypothesis("bias-included", np.hypot(right, biases), "The biases' gradients are counted, too; only those of "
                   "the weights are asked for."),
        Hypothesis("bias-included", np.ravel([right, biases], "F"), "The biases have entries of their own here; only "
                   "the weights are asked for, one number per layer."),
        Hypothesis("bias-for-weight", biases, "These are the norms of the biases' gradients; those of the weights are "
                   "asked for."),
        Hypothesis("order-reversed", right[::-1], "The order is reversed: the first layer comes first."),
        Hypothesis("one-norm-for-all", np.asarray(np.sqrt((right**2).sum())),
                   "This is one norm for the whole network; one for each layer is asked for."),
        Hypothesis("one-norm-for-all", np.asarray([np.sqrt((right**2).sum())]),
                   "This is one norm for the whole network; one for each layer is asked for."),
        Hypothesis("one-norm-for-a-class", right[[1, 3]], "There is one norm for each *class* of layers, that of its "
                   "last one: a dictionary by class name holds one of each. Append to a list."),
        Hypothesis("some-layers-only", right[2:], "Only the dense layers are there; the convolutions have weights, "
                   "too."),
        Hypothesis("some-layers-only", right[:2], "Only the convolutions are there; the dense layers have weights, "
                   "too."),
        Hypothesis("normalised", right / right.sum(), "The norms are divided by their sum. Return them as they are."),
        Hypothesis("normalised", right / right.max(), "The norms are divided by the largest. Return them as they are."),
    ])  # fmt: skip
    every = (probes.PARAMETERS, probes.GRADIENTS)
    if not all(same(net_of(before, net, names), net_of(after, net, names)) for names in every):
        raise Mistake("input-changed", "gradient_norms changed the network. It should only read it.")
    yield f"{len(right)} layers, first to last; the network unchanged"


# Predictions ------------------------------------------------------------------------------------------------------


@check("Predictions", "C4")
def predictions(predict_length: Any, slowest_rate: Any, *, seed: int = 0) -> Iterator[str]:
    """length · rate / new rate, rounded up; length · rate / steps."""
    rng = np.random.default_rng([seed, 31])
    drawn: list[tuple[int, float, float]] = []
    while len(drawn) < 4:
        length = int(rng.integers(60, 400))
        rate, new = float(rng.choice([0.02, 0.05, 0.08])), float(rng.choice([0.013, 0.03, 0.11]))
        low = 0.05 + 0.5 * (len(drawn) % 2)  # no rounding of the computer's decides; the nearest is below, then above
        if low < length * rate / new % 1 < low + 0.4:
            drawn.append((length, rate, new))
    whole = [(81, 0.5, 0.25), (96, 0.25, 0.5)]  # whole, and in binary exact
    budgets = ((int(rng.integers(60, 200)), 0.04, 630), (120, 0.08, 40), (17, 0.3, 2000))
    asked = [("predict_length", predict_length, [*drawn, *whole]), ("slowest_rate", slowest_rate, budgets)]
    seen = ask(probes.functions, asked)
    lengths = [number(seen.part("predict_length")[i], "the predicted length") for i in range(len(drawn) + len(whole))]
    answered = [_of_length(got, *case) for got, case in zip(lengths, [*drawn, *whole], strict=True)]
    _explain(answered[: len(drawn)], "rate × steps stays the same.")
    for each in answered[len(drawn) :]:
        if each.right is not None and each.got == each.right + 1:
            raise Mistake("always-one-more", f"{each.begin} That is a whole number already, and needs no rounding: "
                          f"`math.ceil`, not `int(…) + 1`.")
    _explain(answered[len(drawn) :], "rate × steps stays the same.")
    yield "lengths at other rates, rounded up"
    found = [number(seen.part("slowest_rate")[i], "the slowest rate") for i in range(len(budgets))]
    _explain([_of_rate(got, *case) for got, case in zip(found, budgets, strict=True)],
             "At the edge rate × steps is the same.")
    yield "the slowest rate for three budgets"


def _of_length(got: float, length: int, rate: float, new: float) -> Answered:
    exact = length * rate / new
    begin = (
        f"From {length} steps at {rate:g}, predict_length gives {got:,.10g} steps at {new:g}; it should be "
        f"{math.ceil(exact)}."
    )
    upside_down = "The ratio is upside down: at a smaller rate the plateau takes more steps."
    same = "rate × steps stays the same."
    return Answered(got, math.ceil(exact), [
        Hypothesis("not-rounded", exact, "It is not rounded: steps are whole numbers, and the plateau is left at the "
                   "end of one (`math.ceil`)."),
        Hypothesis("rounded-down", math.floor(exact), "It is rounded down; after so many steps the plateau is not "
                   "left yet (`math.ceil`)."),
        Hypothesis("rounded-down", round(exact), "It is rounded to the nearest, not up; after fewer steps the plateau "
                   "is not left yet (`math.ceil`)."),
        Hypothesis("ratio-inverted", length * new / rate, upside_down),
        Hypothesis("ratio-inverted", math.ceil(length * new / rate), upside_down),
        Hypothesis("rate-ignored", length, "The new rate is ignored: the length changes with it."),
        Hypothesis("squared", math.ceil(length * (rate / new) ** 2), f"The ratio of the rates is squared; {same}"),
        Hypothesis("squared", math.ceil(length * (rate / new) ** 0.5), f"The root of the ratio is taken; {same}"),
        Hypothesis("ratio-rounded", length * math.ceil(rate / new), "The ratio of the rates is rounded up before it is "
                   "multiplied by the length. Multiply first, and round the steps."),
        *(Hypothesis("ratio-rounded", math.ceil(length * (rate // new)) + one, "The ratio of the rates is rounded down "
                     "(`//`, `int`) before it is multiplied by the length. Divide with `/`, and round the steps alone.")
          for one in (0, 1)),
        Hypothesis("ratio-rounded", length * round(rate / new), "The ratio of the rates is rounded before it is "
                   "multiplied by the length. Multiply first, and round the steps."),
        Hypothesis("not-divided", length * rate, "This is length · rate; divide it by the new rate."),
        Hypothesis("difference-for-ratio", length + (rate - new), f"The difference of the rates is used; {same} So it "
                   f"is their ratio."),
    ], begin)  # fmt: skip


def _of_rate(got: float, length: int, rate: float, steps: int) -> Answered:
    right = length * rate / steps
    begin = (
        f"From {length} steps at {rate:g}, slowest_rate gives {got:.6g} for {steps} steps; it should be {right:.6g}."
    )
    return Answered(got, right, [
        Hypothesis("ratio-inverted", 1 / right, "The fraction is upside down."),
        Hypothesis("ratio-inverted", rate * steps / length, "Steps and length are swapped: with more steps a smaller "
                   "rate suffices."),
        Hypothesis("not-divided", length * rate, "This is length · rate; divide it by the steps."),
        Hypothesis("length-ignored", rate / steps, "The length is missing."),
        Hypothesis("rate-ignored", length / steps, "The rate at which the length was measured is missing."),
        Hypothesis("rounded", math.ceil(right), "It is rounded up; a rate need not be a whole number."),
        *(Hypothesis("rounded", round(right, digits), "It is rounded. Return it as it is.") for digits in (2, 3)),
    ], begin)  # fmt: skip


@check("The scale", "C6")
def scale_for(function: Any, *, seed: int = 0) -> Iterator[str]:
    """scale · √(length · rate / (edge · steps)), for four sets of drawn numbers."""
    rng = np.random.default_rng([seed, 37])
    drawn = []
    for _ in range(4):
        edge, rate, scale = (float(rng.choice(each)) for each in ((0.03, 0.07), (0.02, 0.05, 0.08), (0.2, 0.35, 0.6)))
        drawn.append((edge, int(rng.integers(3000, 9000)), int(rng.integers(60, 400)), rate, scale))
    seen = ask(calls, "scale_for", function, drawn)
    answered = [_of_scale(number(seen[i], "the scale"), *case) for i, case in enumerate(drawn)]
    _explain(answered, "Solve edge · steps = length · rate · (scale / new scale)² for the new scale.")
    yield "the scale for four edges"


def _of_scale(got: float, edge: float, steps: int, length: int, rate: float, scale: float) -> Answered:
    ratio = length * rate / (edge * steps)
    right = scale * math.sqrt(ratio)
    begin = (
        f"From {length} steps at rate {rate:g} and scale {scale:g}, scale_for gives {got:.6g} for an edge at {edge:g} "
        f"in {steps:,} steps; it should be {right:.6g}."
    )
    return Answered(got, right, [
        Hypothesis("root-missing", scale * ratio, "The square root is missing: rate × steps goes as 1/scale²."),
        Hypothesis("brackets-missing", scale * ratio / 2, "`x ** 1 / 2` is half of x: the power comes first. Write "
                   "`x ** 0.5`, or `math.sqrt(x)`."),
        Hypothesis("brackets-missing", scale * math.sqrt(length * rate / edge * steps), "The steps are multiplied "
                   "where they should divide: `a / b * c` is (a / b) · c. Put brackets around edge · steps."),
        Hypothesis("brackets-missing", scale * length * rate / edge * steps, "The square root is missing, and the "
                   "steps are multiplied where they should divide: put brackets around edge · steps."),
        Hypothesis("squared", scale * ratio**2, "The ratio is squared; solved for the new scale it stands under a "
                   "square root."),
        Hypothesis("ratio-inverted", scale / math.sqrt(ratio), "The fraction is upside down: a longer distance, edge "
                   "· steps, needs a smaller scale."),
        Hypothesis("ratio-inverted", scale / ratio, "The fraction is upside down, and the square root is missing."),
        Hypothesis("scale-ignored", math.sqrt(ratio), "This is the factor between the scales; multiply it by the "
                   "scale of the run that you know."),
        Hypothesis("scale-under-root", math.sqrt(scale * ratio), "The scale of the run that you know stands under the "
                   "square root, too; multiply the root by it."),
        Hypothesis("scale-ignored", ratio, "The scale of the run that you know is missing, and the square root."),
        Hypothesis("not-solved", scale**2 * ratio, "This is the new scale squared; take the square root."),
        Hypothesis("other-power", scale * ratio ** (1 / 3), "The cube root is taken. The gradient goes as scale³, the "
                   "distance in rate × steps as 1/scale²."),
        Hypothesis("rate-ignored", scale * math.sqrt(length / steps), "The two rates are missing: it is rate × steps "
                   "that is compared."),
        Hypothesis("length-ignored", scale * math.sqrt(rate / edge), "The numbers of steps are missing: it is rate × "
                   "steps that is compared."),
        *(Hypothesis("rounded", round(right, digits), "It is rounded. Return it as it is.") for digits in (1, 2, 3)),
    ], begin)  # fmt: skip


@check("A prediction, tested", "C5", builds_on="`plateau_length`", after="C2")
def prediction_tested(tested: Any, lengths: Any, *, size: str = "standard") -> Iterator[str]:
    """An untried rate or scale, a prediction made from the experiment, and a measurement that can be repeated."""
    chosen = study_size(size)
    if tested is None or not isinstance(tested, Mapping):
        raise Mistake("not-a-dictionary", "`tested` should be a dictionary with scale, rate, predicted and measured.")
    for key in ("scale", "rate", "predicted", "measured"):
        if key not in tested:
            raise Mistake("entry-missing", f"`tested` has no {key!r}; it should have scale, rate, predicted and "
                          f"measured.")
    if tested["rate"] is None or tested["predicted"] is None:
        raise Mistake("still-to-do", "Still to do: `tested` is still empty; write and run the exercise's cell above.")
    if tested["measured"] is None:
        raise Mistake("not-reached", f"`tested` has no measured length: the run did not leave its plateau within "
                      f"{chosen.steps} steps, which tests nothing. Take a larger rate or scale.")
    told = ("scale", "rate", "predicted", "measured")
    scale, rate, predicted, measured = (number(tested[key], f"tested[{key!r}]") for key in told)
    if not isinstance(lengths, Mapping) or not all(isinstance(each, Mapping) for each in lengths.values()):
        raise Mistake("not-a-dictionary", "`lengths` should be the dictionary of the experiment, scale → rate → "
                      "length. Run the cell that makes it again.")
    row = next((dict(r) for s, r in lengths.items() if math.isclose(s, scale)), {})
    if any(math.isclose(r, rate) for r in row):
        raise Mistake("already-tried", f"The rate {rate:g} with weights × {scale:g} is already in the experiment. A "
                      f"rule derived from a figure fits that figure; test it on a rate or a scale that is not in it.")
    if not (rate > 0 and scale > 0 and math.isfinite(rate + scale + predicted) and predicted > 0):
        raise Mistake("not-a-length", f"Rate, scale and predicted length must be positive numbers; they are {rate:g}, "
                      f"{scale:g} and {predicted:g}.")
    yield "a rate or scale that the experiment did not have"
    from helpers.study.cnn_learning import plateau

    again = plateau([scale], [rate], [0], jobs=0, progress=False, **chosen.plateau_settings)
    right = length_of(next(iter(next(iter(again.values())).values()))[0].loss, LEVEL)
    if right is None or measured != right:
        words = f"{right} steps" if right is not None else f"no end within {chosen.steps} steps"
        if any(n is not None and measured == n for n in row.values()):
            raise Mistake("not-measured", f"tested['measured'] is {measured:g}, a length of the experiment; the run "
                          f"at {rate:g} has {words}. Measure at the new rate.")
        whole = len(next(iter(next(iter(again.values())).values()))[0].loss)
        if measured == whole:
            raise Mistake("whole-run", f"tested['measured'] is {measured:g}, the steps of the whole run; its plateau "
                          f"ends before: {words}. That is `plateau_length(history.loss, LEVEL)`.")
        raise Mistake("not-reproduced", f"tested['measured'] is {measured:g}; the run with weights × {scale:g} at "
                      f"{rate:g}, seed 0, made again, has {words}.")
    yield "the measurement, made again, is the same"
    possible = {math.ceil(n * r / rate - 1e-9) for r, n in row.items() if n is not None}
    if row and possible and not any(abs(predicted - p) <= 1 for p in possible):
        if predicted == measured:
            raise Mistake("prediction-copied", f"The prediction equals the measurement, {measured:g}, and follows "
                          f"from none of the lengths ({', '.join(map(str, sorted(possible)))} would). Predict before "
                          f"you measure.")
        low, high = min(possible), max(possible)
        near = 0.9 * low - 1 <= predicted <= 1.1 * high + 1
        turned = {math.ceil(n * rate / r - 1e-9) for r, n in row.items() if n is not None}
        others = {math.ceil(n * r / rate - 1e-9): float(s) for s, lengths_of in lengths.items()
                  for r, n in lengths_of.items() if n is not None and not math.isclose(s, scale)}  # fmt: skip
        from_another = next((s for p, s in others.items() if abs(predicted - p) < 1), None)
        if from_another is not None and not near:
            raise Mistake("another-scale", f"The prediction is {predicted:g} steps; a length with weights × "
                          f"{from_another:g} gives that. The rule of the rate holds for runs of one scale: begin with "
                          f"a length with weights × {scale:g}, or take the scale into account, too.")
        if any(abs(predicted - p) < 1 for p in turned):
            raise Mistake("rates-swapped", f"The prediction is {predicted:g} steps, as if the run that you know had "
                          f"the rate {rate:g}: the two rates are swapped. It is `predict_length(length, rate, "
                          f"new_rate)`.")
        if not near:
            raise Mistake("prediction-unfounded", f"The prediction is {predicted:g} steps; from the lengths with "
                          f"weights × {scale:g}, rate × steps gives {low} to {high}.")
    yield "a prediction that follows from the experiment"
