"""Amdahl's law: what several workers gain where a part of the work stays serial.

Amdahl, *Validity of the single processor approach to achieving large scale computing capabilities* (1967).
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass

from helpers.errors import CourseError


@dataclass(frozen=True)
class Amdahl:
    """A fit of seconds(n) = serial_seconds + parallel_seconds / n.

    residual: the largest |measured ÷ fitted − 1|. A large one says that the law does not describe the times: where more
    workers make it slower, as with more threads than cores, no serial part does that.
    """

    serial_seconds: float
    parallel_seconds: float
    residual: float

    @property
    def one(self) -> float:
        """Fitted seconds of one worker."""
        return self.serial_seconds + self.parallel_seconds

    @property
    def serial(self) -> float:
        """The serial fraction s of one worker's time, 0 to 1."""
        return self.serial_seconds / self.one

    @property
    def limit(self) -> float:
        """Speed-up that no number of workers passes, 1 / s."""
        return 1 / self.serial if self.serial else math.inf

    def seconds(self, workers: int) -> float:
        """Fitted seconds of so many workers."""
        return self.one / speedup(self.serial, workers)

    def speedup(self, workers: int) -> float:
        """Fitted time of one worker ÷ that of so many."""
        return speedup(self.serial, workers)


def speedup(serial: float, workers: int) -> float:
    """1 / (s + (1 − s) / n) for a serial fraction s of 0 to 1 and n workers."""
    if not 0 <= serial <= 1:
        raise CourseError(f"A serial fraction of {serial!r} is impossible; give 0 to 1, 0.05 for 5%.")
    _check_workers(workers)
    return 1 / (serial + (1 - serial) / workers)


def fit_amdahl(seconds: Mapping[int, float]) -> Amdahl:
    """The law that comes nearest to measured times, number of workers -> seconds, at least two of them.

    Least squares of the relative errors, so that short times count as much as long ones; neither part is negative.
    """
    for workers, value in seconds.items():
        _check_workers(workers)
        if not (isinstance(value, int | float) and 0 < value < math.inf):
            raise CourseError(f"{value!r} is not a time for {workers} workers; give seconds above zero.")
    if len(seconds) < 2:
        raise CourseError("Two unknowns take two times at least; give the seconds of two numbers of workers.")
    # (a + b/n) / t = 1 for every measurement: two columns, 1/t and 1/(n·t).
    columns = [(1 / t, 1 / (n * t)) for n, t in seconds.items()]
    aa, ab, bb = (sum(p[i] * p[j] for p in columns) for i, j in ((0, 0), (0, 1), (1, 1)))
    a, b = sum(p[0] for p in columns), sum(p[1] for p in columns)
    determinant = aa * bb - ab * ab
    serial, parallel = (a * bb - b * ab) / determinant, (b * aa - a * ab) / determinant
    if serial < 0:
        serial, parallel = 0.0, b / bb
    elif parallel < 0:
        serial, parallel = a / aa, 0.0
    residual = max(abs(t / (serial + parallel / n) - 1) for n, t in seconds.items())
    return Amdahl(serial, parallel, residual)


def _check_workers(workers: int) -> None:
    if type(workers) is not int or workers < 1:
        raise CourseError(f"{workers!r} is not a number of workers; give a whole number of at least 1.")
