"""Checks of what was recorded: learning curves, the learning-rate study, the decay experiment."""

from __future__ import annotations

import itertools
import math
from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np

from helpers.check.bands import bands
from helpers.check.calls import array, attribute, call, number
from helpers.check.compare import Hypothesis, verify
from helpers.check.report import Mistake, check
from helpers.train import study_size

GUESSING = math.log(10)
"""Loss of a network that gives each of ten digits the same probability."""


def _curve(history: Any, name: str, what: str, epochs: int | None) -> np.ndarray:
    if history is None:
        raise Mistake("still-to-do", f"Still to do: {what} is still None; write and run the exercise's cell above.")
    found = array(attribute(history, name, what), f"{what}.{name}")
    if found.ndim != 1 or found.size == 0:
        raise Mistake("not-a-curve", f"{what}.{name} should be a list with one number an epoch; it has shape {found.shape}.")
    if epochs is not None and found.size != epochs:
        if found.size % epochs == 0:
            raise Mistake("lists-shared", f"{what}.{name} has {found.size} entries for {epochs} epochs: several runs were written into one list. Make a new network and a new history for each run.")
        raise Mistake("wrong-length", f"{what}.{name} has {found.size} entries; there should be one for each of the {epochs} epochs.")
    return found


def _learns(history: Any, what: str, epochs: int | None) -> None:
    """A run at a sensible rate: starts near guessing, learns, and its scales are right."""
    train, test = _curve(history, "train_loss", what, epochs), _curve(history, "test_loss", what, epochs)
    accuracy = _curve(history, "test_accuracy", what, epochs)
    for name, values in (("train_loss", train), ("test_loss", test)):
        if not np.isfinite(values).all():
            raise Mistake("loss-not-finite", f"{what}.{name} is not finite from epoch {int(np.argmin(np.isfinite(values))) + 1} on. Is the learning rate the one asked for, and the gradient that of the mean loss?")
    if (accuracy > 1).any():
        raise Mistake("accuracy-in-percent", f"{what}.test_accuracy goes up to {accuracy.max():.4g}; it should lie between 0 and 1.")
    if train[0] < GUESSING / 20:
        raise Mistake("loss-divided-twice", f"{what}.train_loss starts at {train[0]:.4f}, but a network that guesses has a loss of ln 10 = {GUESSING:.2f}. Is a mean divided once more by the batch size or the number of images?")
    if train[0] > 5 * GUESSING:
        raise Mistake("loss-summed", f"{what}.train_loss starts at {train[0]:.4g}, but a network that guesses has a loss of ln 10 = {GUESSING:.2f}. Is the loss summed instead of averaged?")
    if len(train) > 1 and np.ptp(train) == 0:
        raise Mistake("curve-flat", f"{what}.train_loss never changes: is the same number recorded every epoch, or the network never updated?")
    if len(train) > 1 and train[-1] > 1.05 * train[0]:
        raise Mistake("loss-rises", f"{what}.train_loss rises from {train[0]:.3f} to {train[-1]:.3f}. Is the sign of the gradient or of the step wrong?")
    if np.array_equal(train, test):
        raise Mistake("train-is-test", f"{what}.train_loss and test_loss are the same numbers: one of them was measured on the wrong set.")


@check("Learning curves")
def learning_curves(history: Any, *, size: str = "standard") -> Iterator[str]:
    """One entry an epoch, plausible scales, falling training loss; inside the band measured over many seeds."""
    epochs = study_size(size).epochs
    _learns(history, "history", epochs)
    yield f"{epochs} epochs; losses on the right scale and falling"
    measured = bands().get(size)
    if measured is None:
        return
    for name, words in (("train_loss", "training loss"), ("test_loss", "test loss"), ("test_accuracy", "test accuracy")):
        low, high = np.asarray(measured[name]["low"]), np.asarray(measured[name]["high"])
        curve = _curve(history, name, "history", epochs)
        # Seeds that were not measured may leave the band a little; other rates and mistakes leave it by far.
        margin = 0.5 * (high - low) + 0.02 * np.abs(high)
        outside = (curve < low - margin) | (curve > high + margin)
        if outside.mean() > 0.2:
            epoch = int(np.argmax(outside))
            raise Mistake(
                "outside-the-band",
                f"The {words} after epoch {epoch + 1} is {curve[epoch]:.3f}; with the rate {measured['rate']:g} that the text names, "
                f"{measured['seeds']} seeds gave {low[epoch]:.3f} to {high[epoch]:.3f}. Was another rate, batch size or network used?",
            )
    yield f"all three curves lie where {measured['seeds']} seeds lay"


@check("Learning-rate study")
def learning_rate_study(histories: Any, rates: Sequence[float], *, epochs: int | None = None) -> Iterator[str]:
    """One history for each rate, each trained with its own rate from the same start, none shared."""
    if histories is None or len(histories) == 0:
        raise Mistake("still-to-do", "Still to do: `histories` is still empty; write and run the exercise's cell above.")
    if len(set(rates)) < 5 or max(rates) < 0.5 or min(rates) > 0.005:
        raise Mistake("too-few-rates", f"The study needs at least five rates that span 1.0 to 0.001; there are {len(set(rates))} from {max(rates):g} to {min(rates):g}.")
    keys = sorted(float(k) for k in histories)
    if keys != sorted(float(r) for r in rates):
        raise Mistake("rates-missing", f"`histories` should have one entry for each of the rates {sorted(rates)}; its keys are {keys}.")
    curves = {}
    for rate in rates:
        what = f"histories[{rate:g}]"
        curves[rate] = np.concatenate([_curve(histories[rate], name, what, epochs) for name in ("train_loss", "test_loss", "test_accuracy")])
        used = _curve(histories[rate], "learning_rate", what, epochs)
        if not np.allclose(used, rate):
            raise Mistake("loop-variable-ignored", f"{what} was trained with a rate of {used[0]:g}, not {rate:g}. Does the loop's own variable reach `fit`?")
    yield f"{len(rates)} histories with one entry an epoch"
    if not any(np.isfinite(curve).all() for curve in curves.values()):
        raise Mistake("loss-not-finite", "Every run has losses that are NaN or infinite, at the smallest rate too. Look at the layers and the loss first.")
    for a, b in itertools.combinations(rates, 2):
        if np.array_equal(curves[a], curves[b], equal_nan=True):
            raise Mistake("curves-identical", f"The curves for {a:g} and {b:g} are identical: the loop's rate does not reach the training, or both entries are the same history.")
    small = min(rates)
    first = _curve(histories[small], "train_loss", f"histories[{small:g}]", epochs)[0]
    if first < 0.6 * GUESSING:
        raise Mistake("network-not-renewed", f"The run at {small:g} starts with a loss of {first:.2f}, far below guessing (ln 10 = 2.30): it went on with a network that was trained before. Make a new one for each rate.")
    yield "each run from a new network, no two curves alike"


@check("Sweet spot")
def sweet_spot(function: Any, *, seed: int = 0) -> Iterator[str]:
    """Number (from 1) of the epoch with the lowest test loss, NaN ignored."""
    rng = np.random.default_rng(seed)
    for length in (9, 6):
        test = [float(v) for v in rng.permutation(np.linspace(0.2, 2.0, length))]
        # The lowest value must be neither first nor last, or 'the last epoch' would pass for it.
        low = test.index(min(test))
        middle = int(rng.integers(2, length - 2))
        test[low], test[middle] = test[middle], test[low]
        got = np.asarray(number(call(function, list(test), what="sweet_spot"), "the epoch"))
        hypotheses = [
            Hypothesis("counts-from-zero", np.asarray(middle), "The epoch is counted from 0. Epochs in the text and in the figures count from 1."),
            Hypothesis("last-epoch", np.asarray(length), "This is the last epoch. The sweet spot is where the test loss is lowest."),
            Hypothesis("highest-loss", np.asarray(int(np.argmax(test)) + 1), "This is the epoch with the highest test loss; look for the lowest."),
            Hypothesis("returns-the-loss", np.asarray(min(test)), "This is the lowest loss itself. Return the number of its epoch."),
        ]
        verify(got, np.asarray(middle + 1), "the epoch", hypotheses)
    yield "the epoch of the lowest test loss, counted from 1"
    epoch = number(call(function, [2.0, 1.0, 1.5, float("nan")], what="sweet_spot"), "the epoch")
    if epoch != 2:
        raise Mistake("nan-wins", f"With a NaN among the losses the answer was epoch {epoch:g}; a run that blew up must not win (`np.nanargmin`).")
    yield "a NaN does not win"


@check("step_decay")
def step_decay(function: Any) -> Iterator[str]:
    """first · factor^⌊epoch / every⌋."""
    for first, factor, every in ((1.0, 0.5, 4), (0.3, 0.1, 3)):
        epochs = np.arange(12)
        got = np.asarray([number(call(function, int(e), first, factor, every, what="step_decay"), "the rate") for e in epochs])
        hypotheses = [
            Hypothesis("decay-does-nothing", np.full(12, first), "The rate never changes."),
            Hypothesis("decays-every-epoch", first * factor**epochs, "The rate falls every epoch; `every` is ignored."),
            Hypothesis("no-floor", first * factor ** (epochs / every), "The rate falls a little every epoch. It should stay for `every` epochs and then drop: divide with `//`."),
            Hypothesis("drops-once", np.where(epochs < every, first, first * factor), "The rate drops only once."),
            Hypothesis("counts-from-one", first * factor ** ((epochs + 1) // every), "The drop comes one epoch too early: epochs count from 0 here."),
            Hypothesis("linear-drop", first * factor * np.maximum(epochs // every, 1), "The factor is multiplied by the number of drops; it should be raised to that power."),
        ]
        verify(got, first * factor ** (epochs // every), "the rate over epochs 0 … 11", hypotheses)
    yield "two settings over 12 epochs"


@check("exponential_decay")
def exponential_decay(function: Any) -> Iterator[str]:
    """first · gamma^epoch."""
    for first, gamma in ((1.0, 0.9), (0.4, 0.75)):
        epochs = np.arange(8)
        got = np.asarray([number(call(function, int(e), first, gamma, what="exponential_decay"), "the rate") for e in epochs])
        hypotheses = [
            Hypothesis("decay-does-nothing", np.full(8, first), "The rate never changes."),
            Hypothesis("counts-from-one", first * gamma ** (epochs + 1), "Epoch 0 should have the first rate itself; here it is multiplied by gamma already."),
            Hypothesis("linear-decay", first * gamma * epochs, "gamma is multiplied by the epoch; it should be raised to that power."),
            Hypothesis("exp-of-gamma", first * np.exp(-gamma * epochs), "This is first · e^(−gamma·epoch). Here gamma is the factor of one epoch: first · gamma^epoch."),
        ]
        verify(got, first * gamma**epochs, "the rate over epochs 0 … 7", hypotheses)
    yield "two settings over 8 epochs"


@check("Decay experiment")
def decay_experiment(results: Any, *, seeds: int, epochs: int | None = None) -> Iterator[str]:
    """One constant rate and at least two decays, each over several seeds that differ, decays that decay."""
    if results is None or len(results) == 0:
        raise Mistake("still-to-do", "Still to do: `results` is still empty; write and run the exercise's cell above.")
    names = [str(n) for n in results]
    constant: list[tuple[str, np.ndarray]] = []
    decays: list[tuple[str, np.ndarray]] = []
    seen: dict[bytes, str] = {}
    for name in names:
        runs = results[name]
        if len(runs) != seeds:
            raise Mistake("seeds-missing", f"results[{name!r}] has {len(runs)} runs; there should be one for each of the {seeds} seeds.")
        for i in range(len(runs)):
            what = f"results[{name!r}][{i}]"
            losses = _curve(runs[i], "test_loss", what, epochs)
            if not np.isfinite(losses).any():
                raise Mistake("loss-not-finite", f"{what} has no finite loss: the training blew up from the start.")
            key = losses.tobytes()
            if key in seen:
                hint = "is the same seed used for every run?" if seen[key].rsplit("[", 1)[0] == what.rsplit("[", 1)[0] else "does the schedule reach `fit`?"
                raise Mistake("runs-identical", f"{seen[key]} and {what} are identical: {hint}")
            seen[key] = what
            rates = _curve(runs[i], "learning_rate", what, epochs)
        (constant if np.ptp(rates) == 0 else decays).append((name, rates))
    yield f"{len(names)} settings, {seeds} seeds each, no two runs alike"
    if not constant:
        raise Mistake("no-constant-rate", "There is nothing to compare with: one setting should keep the best constant rate of Part C.")
    if len(decays) < 2:
        raise Mistake("decay-does-nothing", f"Only {len(decays)} of the settings {names} changed its rate during training; two decays are asked for. Do they reach `fit` as functions of the epoch?")
    for name, rates in decays:
        if (np.diff(rates) > 1e-12).any():
            raise Mistake("rate-rises", f"The rate of {name!r} rises at epoch {int(np.argmax(np.diff(rates) > 1e-12)) + 2}; a decay only falls.")
    yield f"{len(constant)} constant, {len(decays)} falling"


@check("The same on all backends")
def same_on_all(by_backend: Any, names: Sequence[str]) -> Iterator[str]:
    """One history for each backend; from the same weights the curves agree up to float32 rounding."""
    if by_backend is None or len(by_backend) == 0:
        raise Mistake("still-to-do", "Still to do: `by_backend` is still empty; write and run the exercise's cell above.")
    missing = [name for name in names if name not in by_backend]
    if missing:
        raise Mistake("backend-missing", f"There is no history for the backend {missing[0]!r}.")
    curves = {name: _curve(by_backend[name], "train_loss", f"by_backend[{name!r}]", None) for name in names}
    labels = {name: getattr(by_backend[name], "label", name) for name in names}
    first = curves[names[0]]
    if not np.isfinite(first).all():
        raise Mistake("loss-not-finite", f"The training loss on {names[0]} is not finite: the training blew up.")
    for name in names[1:]:
        if curves[name].shape != first.shape or not np.allclose(curves[name], first, rtol=0.02):
            raise Mistake(
                "backends-differ",
                f"The training losses on {names[0]} and {name} differ ({first[-1]:.4f} and {curves[name][-1]:.4f} at the end). "
                "Was each run given a new network with seed 0, the same rate and the same data?",
            )
        if by_backend[name] is by_backend[names[0]]:
            raise Mistake("curves-identical", f"The histories of {names[0]} and {name} are one and the same object: train once on each backend.")
    yield f"the curves on {', '.join(map(str, labels.values()))} agree"
