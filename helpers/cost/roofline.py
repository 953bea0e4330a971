"""The roofline: no more speed than the processor's peak, and none than memory can feed.

Williams, Waterman, Patterson, *Roofline: An Insightful Visual Performance Model for Multicore Architectures* (2009).
Peak in FLOP/s, bandwidth in bytes/s, intensity in FLOPs per byte; all of them above zero.
"""

from __future__ import annotations

from helpers.cost.layers import Work
from helpers.errors import CourseError


def ridge(peak: float, bandwidth: float) -> float:
    """Arithmetic intensity from which on the peak is the limit: peak / bandwidth, in FLOPs per byte."""
    _positive(peak, bandwidth)
    return peak / bandwidth


def attainable(intensity: float, peak: float, bandwidth: float) -> float:
    """The roof in FLOP/s above this intensity: min(peak, intensity · bandwidth)."""
    _positive(peak, bandwidth)
    return min(peak, intensity * bandwidth)


def roofline_seconds(work: Work, peak: float, bandwidth: float) -> float:
    """The least time for this work, computing and moving at once: max(flops / peak, bytes / bandwidth)."""
    _positive(peak, bandwidth)
    return max(work.flops / peak, work.bytes / bandwidth)


def bound(work: Work, peak: float, bandwidth: float) -> str:
    """What limits this work: "compute" at or to the right of the ridge, "memory" to the left of it."""
    return "compute" if work.intensity >= ridge(peak, bandwidth) else "memory"


def _positive(peak: float, bandwidth: float) -> None:
    if not (peak > 0 and bandwidth > 0):
        raise CourseError(
            f"A peak of {peak:g} FLOP/s with {bandwidth:g} bytes/s is no machine; give both above zero."
        )
