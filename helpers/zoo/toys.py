"""Toys that are small enough to see all of: bars and stripes, and eight Gaussians in the plane."""

from __future__ import annotations

import numpy as np

from helpers.errors import CourseError

MOST = 20
"""Units whose states can be summed over: 2²⁰ are a million."""

MODES = np.array([(np.cos(a), np.sin(a)) for a in np.arange(8) * np.pi / 4])
SPREAD = 0.05
"""Standard deviation of each of the eight Gaussians, which stand on a circle of radius 1."""


def states(units: int) -> np.ndarray:
    """All states of so many units, (2^units, units) of 0 and 1."""
    if units > MOST:
        raise CourseError(f"{units} units have 2^{units} states, too many to sum over; take at most {MOST}.")
    return ((np.arange(2**units)[:, None] >> np.arange(units)) & 1).astype(np.float64)


def bars_and_stripes(side: int = 3) -> np.ndarray:
    """The 2·2^side − 2 pictures of full rows or of full columns, (patterns, side²)."""
    rows = np.repeat(states(side), side, axis=1)
    columns = np.tile(states(side), (1, side))
    return np.unique(np.concatenate([rows, columns]), axis=0)


def gaussians(n: int, rng: np.random.Generator) -> np.ndarray:
    """n points of the eight Gaussians, float32 (n, 2)."""
    return (MODES[rng.integers(8, size=n)] + SPREAD * rng.standard_normal((n, 2))).astype(np.float32)
