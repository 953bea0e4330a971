"""Work whose length is known, for a student's code to time: times that were made up don't fit it.

A probe hands pieces of such work (`probe.Bench`) to a student's function and notes when each was called. A verdict
holds the times that come back against two bounds for which no machine is too slow, too busy or too coarse a clock: a
call takes no less than the work waits, and no more than lies between the calls before and after it.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import groupby
from typing import Any

import numpy as np

from helpers.check.core.report import Mistake


class Calls:
    """What a `Bench` noted: `made`, the names of the pieces in the order in which they were called.

    noted: what `Bench.notes` returned; it was made beside the student's code, and anything odd in it is left out.
    """

    def __init__(self, noted: Any):
        noted = noted if isinstance(noted, dict) else {}
        calls = noted.get("calls")
        shape = [str, float, float]
        self._calls = [one for one in calls if [type(part) for part in one] == shape] if _rows(calls) else []
        began, ended = noted.get("began"), noted.get("ended")
        self._began, self._ended = (float(at) if isinstance(at, float) else 0.0 for at in (began, ended))
        self.made: list[str] = [name for name, _, _ in self._calls]

    def count(self, piece: str) -> int:
        """How often it was called."""
        return self.made.count(piece)

    def turns(self, piece: str) -> int:
        """How often it was called, where calls without one of another between count once."""
        return sum(name == piece for name, _ in groupby(self.made))

    def spent(self) -> float:
        """Seconds from the making of the bench to the return of the student's function."""
        return self._ended - self._began

    def longest(self, piece: str) -> float:
        """The most seconds that a timing of one of its calls can have seen."""
        before = [self._began, *(ended for _, _, ended in self._calls)]
        after = [*(began for _, began, _ in self._calls[1:]), self._ended]
        between = zip(self.made, before, after, strict=False)
        return max((later - earlier for name, earlier, later in between if name == piece), default=0.0)


    def spent_on(self, piece: str, seconds: Sequence[float]) -> bool:
        """Whether these can be the times of its last so many calls, in their order: each as long as the call at least,
        and no longer than from the end of the call before to the beginning of the next."""
        before = [self._began, *(ended for _, _, ended in self._calls)]
        after = [*(began for _, began, _ in self._calls[1:]), self._ended]
        each = zip(self._calls, before, after, strict=False)
        own = [(ended - began, end - start) for (name, began, ended), start, end in each if name == piece]
        last = own[-len(seconds) :] if seconds else []
        return len(last) == len(seconds) and all(
            least <= one <= most for (least, most), one in zip(last, seconds, strict=True)
        )


def _rows(calls: Any) -> bool:
    return isinstance(calls, list) and all(isinstance(one, tuple) for one in calls)


def lengths(seed: int, count: int, shortest: float = 0.001, times: float = 5.0) -> list[float]:
    """Seconds of so many pieces of work in an order of chance, each about `times` as long as another."""
    rng = np.random.default_rng([seed, count])
    return [float(s) for s in rng.permutation(shortest * times ** np.arange(count) * rng.uniform(1, 1.3, size=count))]


UNITS = ((1e3, "milliseconds"), (1e6, "microseconds"), (1e9, "nanoseconds"))


def demand_possible(found: Sequence[float], least: float, most: float, what: str) -> None:
    """Mistake where one of these seconds is less than half of what the work waits, or more than there was.

    least, most: seconds that the work waits, and that a timing of it can have seen. what: "The time of 'rows'".
    """
    short, long = min(found), max(found)
    if 0.5 * least <= short and long <= most:
        return
    for factor, unit in UNITS:
        if 0.5 * least <= short / factor and long / factor <= most:
            raise Mistake(
                "wrong-unit",
                f"{what} is in {unit}. Keep seconds everywhere and turn them into others only where you print.",
            )
    if short < 0.5 * least:
        raise Mistake(
            "not-measured",
            f"{what} is {short:.3g} s, tried on work that takes at least {least:.3g} s. Times have to be measured, "
            "around the work that is asked for, with a clock that also counts waiting (`time.perf_counter`).",
        )
    raise Mistake(
        "not-measured",
        f"{what} is {long:.3g} s, tried on work around which no more than {most:.3g} s went by. Times have to be "
        "measured, around the work that is asked for and nothing else.",
    )
