"""How long workers take to add up a vector that each of them has, so that all have the sum: all-reduce.

A message of b bytes takes α + b/β seconds: the latency α passes however short it is, the bandwidth β says how fast its
bytes follow (Hockney 1994). Paleo (Qi, Sparks and Talwalkar 2016) counts bytes/bandwidth alone, which is right for
large vectors and wrong for small ones; `bandwidth_only` is that formula.

Workers send and receive at the same time, and pairs do not disturb each other.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass

from helpers.backend import nearest
from helpers.errors import CourseError


@dataclass(frozen=True)
class Link:
    """Between two workers. latency: α in seconds; bandwidth: β in bytes/s, in one direction."""

    latency: float
    bandwidth: float

    def __post_init__(self) -> None:
        if not (0 <= self.latency < math.inf and 0 < self.bandwidth < math.inf):
            raise CourseError(
                f"A link with a latency of {self.latency:g} s and {self.bandwidth:g} bytes/s is impossible; give a "
                "latency of at least 0 and a bandwidth above 0."
            )

    def seconds(self, nbytes: float) -> float:
        """Of one message: α + b/β."""
        return self.latency + nbytes / self.bandwidth


def ring(nbytes: float, workers: int, link: Link) -> float:
    """2(n − 1)·(α + B/(n·β)): each passes a chunk of B/n to its neighbour, n − 1 times to add, n − 1 times to spread.

    Bytes per worker hardly grow with n, but messages do. Patarasuk and Yuan 2009.
    """
    return 2 * (workers - 1) * link.seconds(nbytes / workers)


def tree(nbytes: float, workers: int, link: Link) -> float:
    """2·⌈log₂ n⌉·(α + B/β): pairs add up until one worker has the sum, and it goes back the same way."""
    return 2 * _rounds(workers) * link.seconds(nbytes)


def butterfly(nbytes: float, workers: int, link: Link) -> float:
    """⌈log₂ n⌉·(α + B/β): in each round all exchange with a partner twice as far away (for n a power of two)."""
    return _rounds(workers) * link.seconds(nbytes)


def parameter_server(nbytes: float, workers: int, link: Link) -> float:
    """2(n − 1)·(α + B/β): one worker gets the vectors of all others one after the other, and sends the sum to each.

    Paleo's one-to-all.
    """
    return 2 * (workers - 1) * link.seconds(nbytes)


ALGORITHMS: dict[str, Callable[[float, int, Link], float]] = {
    "ring": ring, "tree": tree, "butterfly": butterfly, "parameter_server": parameter_server,
}  # fmt: skip


def messages(algorithm: str, workers: int) -> int:
    """How many messages follow one another: how often the latency counts."""
    return round(all_reduce(algorithm, 0, workers, Link(1.0, 1.0)))


def all_reduce(algorithm: str, nbytes: float, workers: int, link: Link) -> float:
    """Seconds of an all-reduce of nbytes bytes: one of ALGORITHMS by its name; 0 for one worker."""
    if algorithm not in ALGORITHMS:
        known = tuple(ALGORITHMS)
        raise CourseError(
            f"There is no all-reduce {algorithm!r}{nearest(algorithm, known)}; choose one of {', '.join(known)}."
        )
    if type(workers) is not int or workers < 1:
        raise CourseError(f"{workers!r} is not a number of workers; give a whole number of at least 1.")
    if not 0 <= nbytes < math.inf:
        raise CourseError(f"{nbytes!r} is not a number of bytes; give at least 0.")
    return ALGORITHMS[algorithm](nbytes, workers, link)


def bandwidth_only(algorithm: str, nbytes: float, workers: int, link: Link) -> float:
    """The same by Paleo's formulas, which have no latency."""
    return all_reduce(algorithm, nbytes, workers, Link(0.0, link.bandwidth))


def half_size(link: Link) -> float:
    """Bytes of a message that takes half of its time for the latency, α·β; below it, fewer bytes save little."""
    return link.latency * link.bandwidth


def _rounds(workers: int) -> int:
    """⌈log₂ n⌉, in whole numbers."""
    return (workers - 1).bit_length()
