"""Work whose length is known, for a student's code to time: times that were made up don't fit it.

A check hands pieces of such work to a student's function, sees how often each was called, and holds the times that come back
against two bounds for which no machine is too slow, too busy or too coarse a clock: a call takes no less than the work waits, and no
more than lies between the calls before and after it.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from helpers.check.core.report import Mistake


@dataclass(eq=False)
class Piece:
    """A function that waits so many seconds and returns what `result` makes of its arguments."""

    seconds: float
    result: Callable[..., Any]
    bench: Bench

    def __call__(self, *args: Any) -> Any:
        began = time.perf_counter()
        found = self.result(*args)
        time.sleep(self.seconds)
        self.bench.calls.append((self, began, time.perf_counter()))
        return found


@dataclass
class Bench:
    """Pieces of work that are called one after the other, and when each call began and ended."""

    calls: list[tuple[Piece, float, float]] = field(default_factory=list)
    began: float = field(default_factory=time.perf_counter)

    def piece(self, seconds: float, result: Callable[..., Any] = lambda *args: None) -> Piece:
        return Piece(seconds, result, self)

    def count(self, piece: Piece) -> int:
        """How often it was called."""
        return sum(one is piece for one, _, _ in self.calls)

    def spent(self) -> float:
        """Seconds since the bench was made."""
        return time.perf_counter() - self.began

    def longest(self, piece: Piece) -> float:
        """The most seconds that a timing of one of its calls can have seen, to be asked when the student's function has returned."""
        after = [began for _, began, _ in self.calls[1:]] + [time.perf_counter()]
        before = [self.began] + [ended for _, _, ended in self.calls[:-1]]
        return max((later - earlier for (one, _, _), earlier, later in zip(self.calls, before, after, strict=True) if one is piece), default=0.0)


def lengths(seed: int, count: int, shortest: float = 0.001, times: float = 5.0) -> list[float]:
    """Seconds of so many pieces of work in an order of chance, each about `times` as long as another."""
    rng = np.random.default_rng([seed, count])
    return [float(s) for s in rng.permutation(shortest * times ** np.arange(count) * rng.uniform(1, 1.3, size=count))]


UNITS = ((1e3, "milliseconds"), (1e6, "microseconds"), (1e9, "nanoseconds"))


def demand_possible(found: Sequence[float], least: float, most: float, what: str) -> None:
    """Mistake where one of these seconds is less than half of what the work waits, or more than there was."""
    short, long = min(found), max(found)
    if 0.5 * least <= short and long <= most:
        return
    for factor, unit in UNITS:
        if 0.5 * least <= short / factor and long / factor <= most:
            raise Mistake("wrong-unit", f"{what} is in {unit}. Keep seconds everywhere and turn them into others only where you print.")
    if short < 0.5 * least:
        raise Mistake("not-measured", f"{what} is {short:.3g} s, tried on work that takes at least {least:.3g} s. Times have to be measured, around the work that is asked for, with a clock that also counts waiting (`time.perf_counter`).")
    raise Mistake("not-measured", f"{what} is {long:.3g} s, tried on work around which no more than {most:.3g} s went by. Times have to be measured, around the work that is asked for and nothing else.")
