"""What can go wrong in a study: runs of a training, of which each should learn, and only one setting should differ."""

from __future__ import annotations

import itertools
import math
from collections.abc import Iterable, Mapping
from typing import Any

import numpy as np

from helpers.check.core.report import Mistake

GUESSING = math.log(10)
"""Loss of a network that gives each of ten digits the same probability."""


def fractions(values: np.ndarray, what: str) -> None:
    """Accuracies or errors of a curve are shares, not percent."""
    if (values > 1).any():
        raise Mistake("percent-for-share", f"{what} goes up to {values.max():.4g}; it should lie between 0 and 1.")


def finite(losses: np.ndarray, what: str) -> None:
    if not np.isfinite(losses).all():
        raise Mistake("loss-not-finite", f"{what} is not finite from epoch {int(np.argmin(np.isfinite(losses))) + 1} "
                      f"on: the weights grew too large. "
                      f"Is the learning rate the one asked for, and the gradient that of "
                      f"the mean loss?")


def learns(losses: np.ndarray, what: str) -> None:
    """The training losses of a run at a sensible rate start near guessing, and fall."""
    guess = f"a network that guesses has a loss of ln 10 = {GUESSING:.2f}"
    if not losses.any():
        raise Mistake("never-accumulated", f"{what} is 0 in every epoch: the losses of the batches are never added up, "
                      f"or not returned.")
    if losses[0] < GUESSING / 20:
        raise Mistake("loss-divided-twice", f"{what} starts at {losses[0]:.4f}, but {guess}. Is a mean divided again "
                      "by the batch size or the number of images?")
    if losses[0] > 5 * GUESSING:
        raise Mistake("loss-summed", f"{what} starts at {losses[0]:.4g}, but {guess}. Is the loss summed instead of "
                      f"averaged?")
    if len(losses) > 1 and np.ptp(losses) == 0:
        raise Mistake("curve-flat", f"{what} never changes: is the same number recorded every epoch, or the network "
                      f"never updated?")
    if len(losses) > 1 and losses[-1] > 1.05 * losses[0]:
        raise Mistake("loss-rises", f"{what} rises from {losses[0]:.3f} to {losses[-1]:.3f}. Is the sign of the "
                      f"gradient or of the step wrong?")


def constant_rate(used: np.ndarray, rate: float, what: str) -> None:
    if np.ptp(used) > 0:
        raise Mistake("rate-changes", f"The rate of {what} changes during the run, from {used[0]:g} to {used[-1]:g}; "
                      f"this study compares constant rates.")
    if not np.allclose(used, rate):
        raise Mistake("another-rate", f"{what} was trained at a rate of {used[0]:g}, not {rate:g}. Does the loop's own "
                      f"variable reach the training?")


def none_alike(curves: Mapping[str, np.ndarray]) -> None:
    """curves: of each run, under what it is called, all that was measured."""
    for (one, a), (other, b) in itertools.combinations(curves.items(), 2):
        if np.array_equal(a, b, equal_nan=True):
            raise Mistake("curves-identical", f"{one} and {other} are identical, number for number: what should differ "
                          f"between them (the rate, or the seed) does not reach the training, or one history stands in "
                          f"both places. (A lambda "
                          f"in a loop sees the loop's last values; `lambda epoch, g=g: …` keeps its own.)")


def each_from_a_new_network(runs: Mapping[str, Any]) -> None:
    """runs: records with `started_from` and `ended_at`, under what they are called."""
    ends = {str(run.ended_at): what for what, run in runs.items() if getattr(run, "ended_at", "")}
    for what, run in runs.items():
        if (start := str(getattr(run, "started_from", ""))) and start in ends:
            raise Mistake("network-not-renewed", f"{what} went on with the network that {ends[start]} had trained. "
                          "Make a new one for each run, inside the loop.")


def same_start(runs: Iterable[Any], which: str) -> None:
    """The same weights and the same order of images in runs that are compared with one another."""
    runs = list(runs)
    if len({str(run.started_from) for run in runs if getattr(run, "started_from", "")}) > 1:
        raise Mistake("seed-not-reset", f"{which} start from different weights, so the curves differ by luck as well "
                      "as by rate. Give each network the same seed, and draw the weights from it.")
    if len({getattr(run, "seed", 0) for run in runs}) > 1:
        raise Mistake("seed-not-reset", f"{which} see the images in different orders. Give each training the same "
                      "seed, so that only the rate differs.")


def other_starts(runs: Iterable[Any], which: str) -> None:
    """Other weights and another order of images in each of several runs of one setting."""
    runs = list(runs)
    starts = [str(getattr(run, "started_from", "")) for run in runs]
    if len(runs) > 1 and len({getattr(run, "seed", i) for i, run in enumerate(runs)}) == 1:
        raise Mistake("order-seed-fixed", f"All runs of {which} see the images in the same order: give the training "
                      "the seed, too (`seed=seed`).")
    if len(runs) > 1 and all(starts) and len(set(starts)) == 1:
        raise Mistake("network-seed-fixed", f"All runs of {which} start from the same weights: give the network the "
                      f"seed, too.")


def same_settings(runs: Mapping[str, Any], asked: Mapping[str, int | None]) -> None:
    """asked: settings that are the same in all runs -> the value that they should have, None for any."""
    for name, right in asked.items():
        words = "images" if name == "images" else "images per batch"
        values = {what: getattr(run, name, right) for what, run in runs.items()}
        first, of_first = next(iter(values.items()))
        for what, value in values.items():
            if right is not None and value != right:
                raise Mistake("settings-differ", f"{what} was trained with {value} {words}; {right} are asked for, in "
                              f"every run, so that only what you compare differs.")
            if value != of_first:
                raise Mistake("settings-differ", f"{first} was trained with {of_first} {words} and {what} with "
                              f"{value}. Only what you compare should differ: keep everything else the same.")
