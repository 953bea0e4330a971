"""Checks of one run's learning curves: their scale, their direction, and the band in which many seeds lie."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np

from helpers.check.core.bands import CURVES, RATE, bands, outside, roughness
from helpers.check.core.hypotheses import study
from helpers.check.core.recorded import Record, curve
from helpers.check.core.report import Mistake, check
from helpers.check.network_from_scratch.recorded import Recorded
from helpers.train import Size, study_size

Curves = tuple[np.ndarray, np.ndarray, np.ndarray]
"""Training loss, test loss and test accuracy over the epochs."""


def _learns(history: Record, what: str, epochs: int | None) -> Curves:
    """A run at a sensible rate: starts near guessing, learns, and its scales are right."""
    train, test = curve(history, "train_loss", what, epochs), curve(history, "test_loss", what, epochs)
    accuracy = curve(history, "test_accuracy", what, epochs)
    for name, values in (("train_loss", train), ("test_loss", test)):
        study.finite(values, f"{what}.{name}")
    study.fractions(accuracy, f"{what}.test_accuracy")
    study.learns(train, f"{what}.train_loss")
    if np.array_equal(train, test):
        raise Mistake("train-is-test", f"{what}.train_loss and test_loss are the same numbers: one of them was "
                      f"measured on the wrong set.")
    return train, test, accuracy


@check("Learning curves", "B4")
def learning_curves(
    history: Any, MLP: Any, train_epoch: Any, evaluate: Any, *, size: str = "standard"
) -> Iterator[str]:
    """One entry an epoch, plausible scales, falling training loss; inside the band measured over many seeds; and made
    by the student's own functions.
    """
    chosen = study_size(size)
    seen = Recorded("history", {"history": history}, (MLP, train_epoch, evaluate), size, 0)
    found = _learns(seen.record(*seen.filled()), "history", chosen.epochs)
    yield f"{chosen.epochs} epochs; losses on the right scale and falling"
    try:
        yield from _in_band(found, size, chosen)
    except Mistake:
        seen.known_start("history", "history")
        raise
    yield from seen.own_functions({"history": ("history", 0)})


def _in_band(found: Curves, size: str, chosen: Size) -> Iterator[str]:
    measured = bands().get(size)
    if measured is None:
        return
    asked = f"{RATE:g}"
    right = measured["rates"][asked]
    inside = _inside(found, right)
    if not inside:
        for name, changed, hint in _explanations(found, chosen.train, chosen.test):
            if _inside(changed, right):
                raise Mistake(name, hint)
        for rate, band in measured["rates"].items():
            if rate != asked and _inside(found, band):
                raise Mistake("another-rate", f"These look like the curves of the learning rate {rate}; the text asks "
                              f"for {asked}, and for batches of 64.")
    if roughness(found[0]) > 3 * measured["roughness"]:
        raise Mistake("last-batch-logged", "history.train_loss jumps up and down far more than a mean over all images "
                      "does. Is only the loss of the last batch recorded?")
    if not inside:
        raise _outside(found, right, measured["seeds"])
    yield f"all three curves lie in the band of {measured['seeds']} seeds"


WORDS = ("training loss", "test loss", "test accuracy")


def _misfit(values: np.ndarray, band: dict[str, list[float]]) -> np.ndarray:
    """Whether a curve is outside, at each epoch."""
    return outside(values, band, 0.02 * np.abs(band["high"]))


def _inside(found: Curves, band: dict[str, Any]) -> bool:
    return all(_misfit(values, band[name]).mean() <= 0.2 for values, name in zip(found, CURVES, strict=True))


def _outside(found: Curves, band: dict[str, Any], seeds: int) -> Mistake:
    for values, name, words in zip(found, CURVES, WORDS, strict=True):
        wrong = _misfit(values, band[name])
        if wrong.mean() > 0.2:
            at = int(np.argmax(wrong))
            low, high = band[name]["low"][at], band[name]["high"][at]
            return Mistake("outside-the-band", f"The {words} after epoch {at + 1} is {values[at]:.3f}; with the rate "
                           f"{RATE:g} that the text names, {seeds} seeds gave {low:.3f} to {high:.3f}. Was another "
                           f"rate, batch size or network used?")
    raise AssertionError("all curves are inside")


def _explanations(found: Curves, train: int, test: int) -> Iterator[tuple[str, Curves, str]]:
    """(mistake, the curves with that mistake undone, hint)."""
    tr, te, acc = found
    yield (
        "train-test-swapped",
        (te, tr, acc),
        "The training and the test loss are swapped, or the training and the test set are.",
    )
    yield (
        "error-for-accuracy",
        (tr, te, 1 - acc),
        "history.test_accuracy is the share of wrong answers; the accuracy is 1 minus that.",
    )
    batches = -(-train // 64)
    for factor, what in (
        (64, "the batch size"),
        (batches, "the number of batches"),
        (train, "the number of images"),
        (test, "the number of test images"),
    ):
        twice = f"divided by {factor}, {what}, though it is a mean already. Divide once only"
        yield "loss-divided-twice", (factor * tr, te, acc), f"history.train_loss is {twice}."
        yield "loss-divided-twice", (tr, factor * te, acc), f"history.test_loss is {twice}."
        yield "loss-divided-twice", (factor * tr, factor * te, acc), f"Both losses are {twice}."
        summed = f"{factor} times too large, and {factor} is {what}: it is a sum where a mean is asked for"
        yield "loss-summed", (tr / factor, te, acc), f"history.train_loss is {summed}."
        yield "loss-summed", (tr, te / factor, acc), f"history.test_loss is {summed}."
        yield "loss-summed", (tr / factor, te / factor, acc), f"Each loss is {summed}."
