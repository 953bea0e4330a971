"""How a training step is timed: warmed up, in turns with the others, waiting for the device before a clock is read."""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Mapping
from typing import Any, Protocol

from helpers.errors import CourseError

ROUND, MOST = 0.04, 200
"""Seconds that one reading of the clock should span, and the most steps for it."""

LEAST_ROUNDS = 3


class Training(Protocol):
    """A network with its batches where they are needed, so that `step` loads nothing."""

    def step(self) -> None:
        """One training step on the next batch. A GPU may still be at it when this returns."""

    def synchronise(self) -> None:
        """Wait for the device."""


def time_steps(
    candidates: Mapping[Any, Training],
    *,
    rounds: int = 15,
    warmup: int = 3,
    budget_seconds: float | None = None,
    clock: Callable[[], float] = time.perf_counter,
    on_round: Callable[[], None] | None = None,
) -> dict[Any, list[float]]:
    """Seconds of a step, one entry per round, for every candidate.

    warmup: untimed steps of each at the start. A round is a few steps in a row, so that the device's queue is as full
    as in training and the clock's own time doesn't count, with the device waited for before and after. Candidates take
    turns, in alternating order, each after one untimed step that brings its data back into the caches. budget_seconds:
    after that long, no new round begins, though three always do.
    """
    if not candidates or rounds < 1 or warmup < 0:
        raise CourseError(
            f"{len(candidates)} networks, rounds={rounds} and warmup={warmup} can't be timed; give at least one "
            "network and one round, and a whole number of warm-up steps."
        )
    began = clock()
    inner = {}
    for name, training in candidates.items():
        for _ in range(warmup):
            training.step()
        inner[name] = min(MOST, max(1, math.ceil(ROUND / max(_span(training, 1, clock), 1e-9))))
    seconds: dict[Any, list[float]] = {name: [] for name in candidates}
    names = list(candidates)
    for turn in range(rounds):
        if budget_seconds is not None and turn >= LEAST_ROUNDS and clock() - began >= budget_seconds:
            break
        for name in names if turn % 2 == 0 else reversed(names):
            candidates[name].step()
            seconds[name].append(_span(candidates[name], inner[name], clock) / inner[name])
        if on_round is not None:
            on_round()
    return seconds


def _span(training: Training, steps: int, clock: Callable[[], float]) -> float:
    training.synchronise()
    began = clock()
    for _ in range(steps):
        training.step()
    training.synchronise()
    return clock() - began
