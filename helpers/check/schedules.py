"""Checks of functions of the epoch: the sweet spot and decaying rates."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np

from helpers.check.calls import call, number
from helpers.check.compare import Hypothesis, verify
from helpers.check.report import Mistake, check


@check("Sweet spot", "C3")
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


@check("step_decay", "D1")
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


@check("exponential_decay", "D1")
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
