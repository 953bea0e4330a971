"""Checks of Part C of the CNN assignment: the plateau's length, gradient norms, predictions and their test."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np

from helpers.check.cnn_learning import oracle
from helpers.check.cnn_learning.cnn import Student, same
from helpers.check.cnn_learning.sizes import LEVEL, study_size
from helpers.check.core.calls import array, call, number
from helpers.check.core.compare import Hypothesis, verify
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


@check("plateau_length", "C2")
def plateau_length(function: Any, *, seed: int = 0) -> Iterator[str]:
    """The first run of losses whose mean is below the level, counted in steps; None where there is none."""
    rng = np.random.default_rng([seed, 23])
    tried: list[Tried] = []
    for level, window in ((2.0, 5), (1.5, 5), (2.0, 3), (1.0, 8)):
        losses = _falling(rng, int(rng.integers(24, 40)), 30, 11)
        right = length_of(losses, level, window)
        assert right is not None
        tried.append(Tried(_length(function, losses, level, window), losses, level, window, right))
    _right_lengths(tried)
    yield "steps until the mean of a window is below the level; one lucky batch doesn't count"
    flat = [2.3 + 0.01 * float(rng.normal()) for _ in range(20)]
    for losses, words in ((flat, "a run that stays on its plateau"), (flat[:3], "a run of 3 steps, fewer than the window"), ([], "a run without steps")):
        got = _length(function, losses, 2.0, 5)
        if got is not None:
            raise Mistake("not-yet-is-a-length", f"For {words} plateau_length returns {got:g}; it should return None. 'Not yet' is not a length, and a number would be drawn and averaged like any other.")
    got = _length(function, [1.0] * 9, 2.0, 5)
    if got != 5:
        raise Mistake("window-not-counted", f"For a run that is below the level from its first step on the length is {'None' if got is None else f'{got:g}'}; it should be 5: the first window consists of that many steps.")
    if (got := _length(function, [2.3] * 10 + [0.1], 2.0, 5)) != 11:
        raise Mistake("last-window-missing", f"For a run whose last window is the first below the level, 11 steps, the length is {'None' if got is None else f'{got:g}'}. The last n to try is len(losses).")
    for window in (4, 2):
        losses = [2.5] * 6 + [2.0] * 7 + [1.75] * 5  # in binary exact, so that a mean is 2 and not nearly 2
        got = _length(function, losses, 2.0, window)
        if got != 14:
            shown = "None" if got is None else f"{got:g}"
            if got == 6 + window:
                raise Mistake("equal-counts", f"For losses that are exactly at the level for a while and then below it the length is {shown}; it should be 14. A mean that equals the level is not below it: `<`, not `<=`.")
            _right_lengths([Tried(got, losses, 2.0, window, 14)])
    low = [float("nan")] * 30
    if _length(function, low, 2.0, 5) is not None:
        raise Mistake("nan-wins", "For a run whose losses are NaN plateau_length returns a number; a run that diverged has not left its plateau. A comparison with NaN is always False.")
    yield "None for a run that never leaves; NaN doesn't count"


def _length(function: Any, losses: list[float], level: float, window: int) -> float | None:
    given = list(losses)
    value = call(function, given, level, window, what="plateau_length")
    if repr(given) != repr(losses):
        raise Mistake("input-changed", "plateau_length changed the list that it was given. Work on a copy.")
    return None if value is None else number(value, "the length")


class Tried(NamedTuple):
    """A student's answer, what it answers, and the right one."""

    got: float | None
    losses: list[float]
    level: float
    window: int
    right: int


def _right_lengths(tried: Sequence[Tried]) -> None:
    """Raise for the slip that explains all answers, or at least the wrong ones, or the first of these."""
    wrong = [each for each in tried if each.got != each.right]
    if not wrong:
        return
    first = wrong[0]
    shown = "None" if first.got is None else f"{first.got:g}"
    begin = f"For a run that leaves its plateau after {first.right} steps (level {first.level:g}, window {first.window}) the length is {shown}."
    if first.got is None:
        raise Mistake("returns-none", f"{begin} Is it the mean of the window, sum / window, that is compared, and is the number returned where it is found?")
    tables = {id(each): _length_slips(*each[1:]) for each in tried}
    for group in (tried, wrong, [first]):
        for i, (name, _, hint) in enumerate(tables[id(first)]):
            if all(tables[id(each)][i][1] == each.got for each in group):
                raise Mistake(name, f"{begin} {hint}")
    raise Mistake("differs", f"{begin} Find the smallest n with mean(losses[n - window : n]) < level.")


def _length_slips(losses: list[float], level: float, window: int, right: int) -> list[tuple[str, float | None, str]]:
    """(mistake, the length that it gives, hint)."""

    def at(other_level: float, width: int) -> int | None:
        return length_of(losses, other_level, width)

    below = [i for i, loss in enumerate(losses) if loss < level]
    means = [sum(losses[i : i + window]) / window for i in range(len(losses) - window + 1)]
    return [
        ("lucky-batch", at(level, 1), "A single batch below the level ends the plateau here; it may be luck. Take the mean of `window` batches in a row."),
        ("lucky-batch", below[0] if below else None, "A single batch below the level ends the plateau here; it may be luck. Take the mean of `window` batches in a row."),
        ("window-start", right - window, "That is where the window begins; the steps are counted to its end: losses[n - window : n] gives n."),
        ("window-start", right - window + 1, "That is where the window begins; the steps are counted to its end: losses[n - window : n] gives n."),
        ("off-by-one", right - 1, "That is the place of the window's last loss; as places count from 0, the number of steps is one more."),
        ("off-by-one", right + 1, "That is one step too many: losses[n - window : n] are the last `window` of n losses."),
        ("window-ignored", at(level, 5), "`window` is ignored: 5 is hard-coded."),
        ("level-ignored", at(2.0, window), "`level` is ignored: 2.0 is hard-coded."),
        ("level-ignored", at(1.0, window), "`level` is ignored: 1.0 is hard-coded."),
        ("last-crossing", max((i + 1 for i, loss in enumerate(losses) if loss >= level), default=0), "That is the last time that the loss is above the level; the first window below it is asked for."),
        ("last-crossing", max((i + window for i, m in enumerate(means) if m >= level), default=0), "That is the last window above the level; the first one below it is asked for."),
        ("steps-below", float(len(below)), "That is the number of steps below the level; the steps until then are asked for."),
        ("steps-above", float(len(losses) - len(below)), "That is the number of all steps above the level, later ones included; count up to the first window below it."),
        ("wrong-direction", length_of([-loss for loss in losses], -level, window), "That is the first window above the level; the first one below it is asked for."),
        ("all-in-window", next((n for n in range(window, len(losses) + 1) if max(losses[n - window : n]) < level), None), "Every batch of the window must be below the level here; their mean is asked for."),
        ("running-mean", next((n for n in range(window, len(losses) + 1) if sum(losses[:n]) / n < level), None), "The mean runs over all steps so far; only the last `window` count: losses[n - window : n]."),
        ("windows-side-by-side", next((n for n in range(window, len(losses) + 1, window) if sum(losses[n - window : n]) / window < level), None), "The windows lie side by side here; every n is tried, so that they overlap."),
        ("median-for-mean", next((n for n in range(window, len(losses) + 1) if sorted(losses[n - window : n])[window // 2] < level), None), "The median of the window is compared; its mean is asked for."),
        ("stays-below", next((n for n in range(window, len(losses) + 1) if all(sum(losses[m - window : m]) / window < level for m in range(n, len(losses) + 1))), None), "From there on every window is below the level; the first one is asked for, also where a later one is above."),
        ("window-not-full", next((n for n in range(1, len(losses) + 1) if sum(losses[max(0, n - window) : n]) / window < level), None), "A window that is not full yet is divided by `window` and looks small. Begin at n = window."),
        ("window-middle", right - window // 2, "That is the middle of the window; the steps are counted to its end: losses[n - window : n] gives n."),
        ("whole-run", float(len(losses)), "That is the end of the run. The first window below the level is asked for, not the last."),
    ]


@check("gradient_norms", "C3", builds_on="your network")
def gradient_norms(function: Any, build: Any, *, seed: int = 0) -> Iterator[str]:
    """√Σg² of each layer's weights, in the order of forward."""
    net, x, labels = oracle.small_problem(seed)
    student = Student(build, net)
    student.forward(x)
    student.backward(labels)
    grads = net.gradients(x, labels)
    result = call(function, student.network, what="gradient_norms")
    if isinstance(result, dict):
        result = list(result.values())
    if isinstance(result, list | tuple) and any(np.ndim(each) for each in result if isinstance(each, np.ndarray)):
        raise Mistake("not-one-number", "gradient_norms gives several numbers for a layer; return one norm for each layer, over all entries of its gradient (no `axis`).")
    if isinstance(result, str):
        raise Mistake("not-an-array", "gradient_norms returns text; return a list of numbers, one per layer.")
    got = array(result, "the list of norms")
    right = np.asarray([np.sqrt((g**2).sum()) for g in grads.weights])
    flat = [g.reshape(-1) for g in grads.weights]
    with_bias = np.asarray([np.sqrt((g**2).sum() + (b**2).sum()) for g, b in zip(grads.weights, grads.biases, strict=True)])

    def each(of: Any) -> np.ndarray:
        return np.asarray([float(of(g)) for g in flat])

    spectral = np.asarray([float(np.linalg.norm(g, 2)) if g.ndim == 2 else float(np.linalg.norm(g)) for g in grads.weights])
    layers = len(student.network.layers)
    if got.ndim == 1 and got.size not in (1, len(right)) and got.size in (layers, layers - 1):
        raise Mistake("wrong-length", f"There are {got.size} norms, one for each of {got.size} layers, it seems; return one for each of the {len(right)} layers that have weights.")
    verify(got, right, "the list of norms", [
        Hypothesis("root-missing", right**2, "The square root is missing: these are sums of squares."),
        Hypothesis("mean-for-sum", each(lambda g: np.sqrt((g**2).mean())), "These are root mean squares: the sum of the squares is divided by their number. The norm is not a mean."),
        Hypothesis("mean-for-sum", each(lambda g: (g**2).mean()), "These are mean squares; the norm is the root of their sum."),
        Hypothesis("other-norm", each(lambda g: np.abs(g).sum()), "These are sums of absolute values, the 1-norm. The Euclidean norm is √Σg²."),
        Hypothesis("other-norm", each(lambda g: np.abs(g).max()), "These are the largest entries. The Euclidean norm is √Σg²."),
        Hypothesis("other-norm", each(lambda g: np.abs(g).mean()), "These are means of absolute values. The Euclidean norm is √Σg²."),
        Hypothesis("other-norm", each(np.std), "These are standard deviations. The Euclidean norm is √Σg²."),
        Hypothesis("other-norm", each(np.sum), "The entries are added up, and positive and negative ones cancel. Square them first."),
        Hypothesis("other-norm", np.asarray([float(np.linalg.norm(g.reshape(len(g), -1), 2)) for g in grads.weights]), "This is the largest singular value (`np.linalg.norm(g, 2)` of a matrix). Leave the 2 out, or write √Σg²."),
        Hypothesis("other-norm", spectral, "For matrices this is the largest singular value (`np.linalg.norm(g, 2)`). Leave the 2 out, or write √Σg²."),
        Hypothesis("weights-for-gradients", np.asarray([np.sqrt((w**2).sum()) for w in net.weights]), "These are the norms of the weights; those of their gradients, `grad_weight`, are asked for."),
        Hypothesis("bias-included", with_bias, "The biases' gradients are counted, too; only those of the weights are asked for."),
        Hypothesis("bias-included", np.asarray([n for pair in zip(right, (np.sqrt((b**2).sum()) for b in grads.biases), strict=True) for n in pair]), "The biases have entries of their own here; only the weights are asked for, one number per layer."),
        Hypothesis("bias-for-weight", np.asarray([np.sqrt((b**2).sum()) for b in grads.biases]), "These are the norms of the biases' gradients; those of the weights are asked for."),
        Hypothesis("order-reversed", right[::-1], "The order is reversed: the first layer comes first."),
        Hypothesis("one-norm-for-all", np.asarray(np.sqrt((right**2).sum())), "This is one norm for the whole network; one for each layer is asked for."),
        Hypothesis("one-norm-for-all", np.asarray([np.sqrt((right**2).sum())]), "This is one norm for the whole network; one for each layer is asked for."),
        Hypothesis("some-layers-only", right[2:], "Only the dense layers are there; the convolutions have weights, too."),
        Hypothesis("some-layers-only", right[:2], "Only the convolutions are there; the dense layers have weights, too."),
        Hypothesis("normalised", right / right.sum(), "The norms are divided by their sum. Return them as they are."),
        Hypothesis("normalised", right / right.max(), "The norms are divided by the largest. Return them as they are."),
    ])  # fmt: skip
    if not same(student.read(net, ("grad_weight", "grad_bias")), grads) or not same(student.read(net), net):
        raise Mistake("input-changed", "gradient_norms changed the network. It should only read it.")
    yield f"{len(right)} layers, first to last; the network unchanged"


@check("Predictions", "C4")
def predictions(predict_length: Any, slowest_rate: Any, *, seed: int = 0) -> Iterator[str]:
    """length · rate / new rate, rounded up; length · rate / steps."""
    rng = np.random.default_rng([seed, 31])
    for _ in range(4):
        length, rate, new = int(rng.integers(60, 400)), float(rng.choice([0.02, 0.05, 0.08])), float(rng.choice([0.013, 0.03, 0.11]))
        exact = length * rate / new
        got = number(call(predict_length, length, rate, new, what="predict_length"), "the predicted length")
        if got == math.ceil(exact - 1e-9):
            continue
        for value, name, hint in (
            (exact, "not-rounded", "It is not rounded: steps are whole numbers, and the plateau is left at the end of one (`math.ceil`)."),
            (math.floor(exact), "rounded-down", "It is rounded down; after so many steps the plateau is not left yet (`math.ceil`)."),
            (round(exact), "rounded-down", "It is rounded to the nearest, not up; after fewer steps the plateau is not left yet (`math.ceil`)."),
            (length * new / rate, "ratio-inverted", "The ratio is upside down: at a smaller rate the plateau takes more steps."),
            (math.ceil(length * new / rate), "ratio-inverted", "The ratio is upside down: at a smaller rate the plateau takes more steps."),
            (length, "rate-ignored", "The new rate is ignored: the length changes with it."),
            (math.ceil(length * (rate / new) ** 2), "squared", "The ratio of the rates is squared; rate × steps stays the same."),
            (math.ceil(length * (rate / new) ** 0.5), "squared", "The root of the ratio is taken; rate × steps stays the same."),
            (length * rate, "not-divided", "This is length · rate; divide it by the new rate."),
            (length + (rate - new), "difference-for-ratio", "The difference of the rates is used; rate × steps stays the same, so it is their ratio."),
        ):
            if math.isclose(got, value, rel_tol=1e-9):
                raise Mistake(name, f"From {length} steps at {rate:g}, predict_length gives {got:,.10g} steps at {new:g}; it should be {math.ceil(exact)}. {hint}")
        raise Mistake("differs", f"From {length} steps at {rate:g}, predict_length gives {got:,.10g} steps at {new:g}; it should be {math.ceil(exact)}: rate × steps stays the same.")
    for length, rate, new in ((81, 0.5, 0.25), (96, 0.25, 0.5)):
        exact = length * rate / new  # whole, and in binary exact
        got = number(call(predict_length, length, rate, new, what="predict_length"), "the predicted length")
        if got == exact + 1:
            raise Mistake("always-one-more", f"From {length} steps at {rate:g}, predict_length gives {got:g} steps at {new:g}; it should be {exact:g}. That is a whole number already, and needs no rounding: `math.ceil`, not `int(…) + 1`.")
        if got != exact:
            raise Mistake("differs", f"From {length} steps at {rate:g}, predict_length gives {got:,.10g} steps at {new:g}; it should be {exact:g}: rate × steps stays the same.")
    yield "lengths at other rates, rounded up"
    for length, rate, steps in ((int(rng.integers(60, 200)), 0.04, 630), (120, 0.08, 40), (17, 0.3, 2000)):
        right = length * rate / steps
        got = number(call(slowest_rate, length, rate, steps, what="slowest_rate"), "the slowest rate")
        if math.isclose(got, right, rel_tol=1e-6):
            continue
        for value, name, hint in (
            (1 / right, "ratio-inverted", "The fraction is upside down."),
            (rate * steps / length, "ratio-inverted", "Steps and length are swapped: with more steps a smaller rate suffices."),
            (steps / (length * rate), "ratio-inverted", "The fraction is upside down."),
            (length * rate, "not-divided", "This is length · rate; divide it by the steps."),
            (rate / steps, "length-ignored", "The length is missing."),
            (length / steps, "rate-ignored", "The rate at which the length was measured is missing."),
            (math.ceil(right), "rounded", "It is rounded up; a rate need not be a whole number."),
            (round(right, 2), "rounded", "It is rounded. Return it as it is."),
            (round(right, 3), "rounded", "It is rounded. Return it as it is."),
        ):
            if math.isclose(got, value, rel_tol=1e-9):
                raise Mistake(name, f"From {length} steps at {rate:g}, slowest_rate gives {got:.6g} for {steps} steps; it should be {right:.6g}. {hint}")
        raise Mistake("differs", f"From {length} steps at {rate:g}, slowest_rate gives {got:.6g} for {steps} steps; it should be {right:.6g}: rate × steps is the same at the edge.")
    yield "the slowest rate for three budgets"


@check("The scale", "C6")
def scale_for(function: Any, *, seed: int = 0) -> Iterator[str]:
    """scale · √(length · rate / (edge · steps)), for four sets of drawn numbers."""
    rng = np.random.default_rng([seed, 37])
    for _ in range(4):
        edge, rate, scale = (float(rng.choice(each)) for each in ((0.03, 0.07), (0.02, 0.05, 0.08), (0.2, 0.35, 0.6)))
        steps, length = int(rng.integers(3000, 9000)), int(rng.integers(60, 400))
        ratio = length * rate / (edge * steps)
        right = scale * math.sqrt(ratio)
        got = number(call(function, edge, steps, length, rate, scale, what="scale_for"), "the scale")
        if math.isclose(got, right, rel_tol=1e-6):
            continue
        begin = f"From {length} steps at rate {rate:g} and scale {scale:g}, scale_for gives {got:.6g} for an edge at {edge:g} in {steps:,} steps; it should be {right:.6g}."
        for value, name, hint in (
            (scale * ratio, "root-missing", "The square root is missing: rate × steps goes as 1/scale²."),
            (scale * ratio**2, "squared", "The ratio is squared; solved for the new scale it stands under a square root."),
            (scale / math.sqrt(ratio), "ratio-inverted", "The fraction is upside down: a longer distance, edge · steps, needs a smaller scale."),
            (scale / ratio, "ratio-inverted", "The fraction is upside down, and the square root is missing."),
            (math.sqrt(ratio), "scale-ignored", "This is the factor between the scales; multiply it by the scale of the run that you know."),
            (ratio, "scale-ignored", "The scale of the run that you know is missing, and the square root."),
            (scale**2 * ratio, "not-solved", "This is the new scale squared; take the square root."),
            (scale * ratio ** (1 / 3), "other-power", "The cube root is taken. The gradient goes as scale³, the distance in rate × steps as 1/scale²."),
            (scale * math.sqrt(length / steps), "rate-ignored", "The two rates are missing: it is rate × steps that is compared."),
            (scale * math.sqrt(rate / edge), "length-ignored", "The numbers of steps are missing: it is rate × steps that is compared."),
            *((round(right, digits), "rounded", "It is rounded. Return it as it is.") for digits in (1, 2, 3)),
        ):
            if math.isclose(got, value, rel_tol=1e-9):
                raise Mistake(name, f"{begin} {hint}")
        raise Mistake("differs", f"{begin} Solve edge · steps = length · rate · (scale / new scale)² for the new scale.")
    yield "the scale for four edges"


@check("A prediction, tested", "C5", builds_on="`plateau_length`")
def prediction_tested(tested: Any, lengths: Any, *, size: str = "standard") -> Iterator[str]:
    """An untried rate or scale, a prediction made from the experiment, and a measurement that can be repeated."""
    chosen = study_size(size)
    if tested is None or not isinstance(tested, Mapping):
        raise Mistake("not-a-dictionary", "`tested` should be a dictionary with scale, rate, predicted and measured.")
    for key in ("scale", "rate", "predicted", "measured"):
        if key not in tested:
            raise Mistake("entry-missing", f"`tested` has no {key!r}; it should have scale, rate, predicted and measured.")
    if tested["rate"] is None or tested["predicted"] is None:
        raise Mistake("still-to-do", "Still to do: `tested` is still empty; write and run the exercise's cell above.")
    if tested["measured"] is None:
        raise Mistake("not-reached", f"`tested` has no measured length: the run did not leave its plateau within {chosen.steps} steps, which tests nothing. Take a larger rate or scale.")
    scale, rate, predicted, measured = (number(tested[key], f"tested[{key!r}]") for key in ("scale", "rate", "predicted", "measured"))
    if not isinstance(lengths, Mapping) or not all(isinstance(each, Mapping) for each in lengths.values()):
        raise Mistake("not-a-dictionary", "`lengths` should be the dictionary of the experiment, scale → rate → length. Run the cell that makes it again.")
    row = next((dict(r) for s, r in lengths.items() if math.isclose(s, scale)), {})
    if any(math.isclose(r, rate) for r in row):
        raise Mistake("already-tried", f"The rate {rate:g} with weights × {scale:g} is already in the experiment. A rule derived from a figure fits that figure; test it on a rate or a scale that is not in it.")
    if not (rate > 0 and scale > 0 and math.isfinite(rate + scale + predicted) and predicted > 0):
        raise Mistake("not-a-length", f"Rate, scale and predicted length must be positive numbers; they are {rate:g}, {scale:g} and {predicted:g}.")
    yield "a rate or scale that the experiment did not have"
    from helpers.study.cnn_learning import plateau

    again = plateau([scale], [rate], [0], jobs=0, progress=False, **chosen.plateau_settings)
    right = length_of(next(iter(next(iter(again.values())).values()))[0].loss, LEVEL)
    if right is None or measured != right:
        words = f"{right} steps" if right is not None else f"no end within {chosen.steps} steps"
        if any(n is not None and measured == n for n in row.values()):
            raise Mistake("not-measured", f"tested['measured'] is {measured:g}, a length of the experiment; the run at {rate:g} has {words}. Measure at the new rate.")
        raise Mistake("not-reproduced", f"tested['measured'] is {measured:g}; the run with weights × {scale:g} at {rate:g}, seed 0, made again, has {words}.")
    yield "the measurement, made again, is the same"
    possible = {math.ceil(n * r / rate - 1e-9) for r, n in row.items() if n is not None}
    if row and possible and not any(abs(predicted - p) <= 1 for p in possible):
        if predicted == measured:
            raise Mistake("prediction-copied", f"The prediction equals the measurement, {measured:g}, and follows from none of the lengths ({', '.join(map(str, sorted(possible)))} would). Predict before you measure.")
        low, high = min(possible), max(possible)
        if not 0.9 * low - 1 <= predicted <= 1.1 * high + 1:
            raise Mistake("prediction-unfounded", f"The prediction is {predicted:g} steps; from the lengths with weights × {scale:g}, rate × steps gives {low} to {high}.")
    yield "a prediction that follows from the experiment"
