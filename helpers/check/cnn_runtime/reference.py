"""What Parts D to F of `cnn_runtime` are checked against: Student's t, intervals, fits, held-out errors, crossings."""

from __future__ import annotations

import math
from collections.abc import Sequence
from functools import cache

import numpy as np

Numbers = Sequence[float] | np.ndarray

KINDS = ("linear", "quadratic", "exponential")


@cache
def student_t(level: float, degrees: int) -> float:
    """t such that a share `level` of Student's distribution with so many degrees of freedom lies in [−t, t].

    From the sums for whole degrees (Abramowitz and Stegun 1964, 26.7.3 and 26.7.4), turned round by bisection.

    Raises ValueError for a level outside (0, 1) or fewer than one degree.
    """
    if not 0 < level < 1 or degrees < 1:
        raise ValueError(f"level={level} and degrees={degrees}: give a level between 0 and 1 and at least one degree of freedom.")
    low, high = 0.0, 1.0
    while share_within(high, degrees) < level:
        high *= 2
    for _ in range(200):
        middle = (low + high) / 2
        low, high = (middle, high) if share_within(middle, degrees) < level else (low, middle)
    return high


def share_within(t: float, degrees: int) -> float:
    """How much of Student's distribution lies in [−t, t]."""
    angle = math.atan(t / math.sqrt(degrees))
    sine, cosine = math.sin(angle), math.cos(angle)
    if degrees % 2:
        term, total = cosine, 0.0
        for k in range(1, degrees - 1, 2):
            total += term
            term *= cosine**2 * (k + 1) / (k + 2)
        return 2 / math.pi * (angle + sine * total)
    term, total = 1.0, 0.0
    for k in range(0, degrees - 1, 2):
        total += term
        term *= cosine**2 * (k + 1) / (k + 2)
    return sine * total


def prediction_interval(seconds: Numbers, epochs: int, level: float) -> tuple[float, float]:
    """(low, high) for the total of a run of m epochs, n of them measured, r = m − n to come: m·mean ± t·s·√(r + r²/n)."""
    n = len(seconds)
    middle, deviation, rest = float(np.mean(seconds)), float(np.std(seconds, ddof=1)), epochs - n
    half = student_t(level, n - 1) * deviation * math.sqrt(rest + rest**2 / n)
    return epochs * middle - half, epochs * middle + half


WAYS = (0.0, 1.0, 0.5)
"""Powers of 1/y by which differences may be weighted: not at all, relative errors, or 1/y on their squares, as statistics books write weights."""


def fit(x: Numbers, y: Numbers, kind: str, relative: float = 0.0) -> np.ndarray:
    """Least squares: [a, b] of a + b·x, [a, b, c] of a + b·x + c·x², [a, b] of a·e^(b·x) through ln y.

    relative: the squares of (curve − y)/y^relative; no difference for the exponential.
    """
    xs, ys = np.asarray(x, dtype=float), np.asarray(y, dtype=float)
    if kind == "exponential":
        found = np.linalg.lstsq(np.stack([np.ones_like(xs), xs], axis=1), np.log(ys), rcond=None)[0]
        return np.array([math.exp(found[0]), found[1]])
    weights = ys**-relative
    design = np.stack([xs**k for k in range(3 if kind == "quadratic" else 2)], axis=1)
    return np.asarray(np.linalg.lstsq(design * weights[:, None], ys * weights, rcond=None)[0])


def predict(coefficients: Numbers, x: float, kind: str) -> float:
    """The fitted curve at x."""
    if kind == "exponential":
        return float(coefficients[0] * np.exp(coefficients[1] * x))
    return float(sum(c * x**k for k, c in enumerate(coefficients)))


def held_out_errors(x: Numbers, y: Numbers, kind: str, relative: float = 0.0) -> np.ndarray:
    """Relative error at each point of the fit that did not see it."""
    xs, ys = np.asarray(x, dtype=float), np.asarray(y, dtype=float)
    found = [predict(fit(np.delete(xs, i), np.delete(ys, i), kind, relative), xs[i], kind) for i in range(len(xs))]
    return np.abs(np.array(found) - ys) / ys


def crossover(sizes: Numbers, a: Numbers, b: Numbers, logarithmic: bool = True) -> float | None:
    """The first size at which a and b are equal, on straight lines between the points; None where they never are.

    logarithmic: straight in the logarithms of size and time, as in a figure with such axes.
    """
    where = [math.log(s) if logarithmic else float(s) for s in sizes]
    gap = [math.log(p / q) if logarithmic else float(p) - float(q) for p, q in zip(a, b, strict=True)]
    for i, here in enumerate(gap):
        if here == 0:
            return float(sizes[i])
        if i + 1 < len(gap) and here * gap[i + 1] < 0:
            found = where[i] + (where[i + 1] - where[i]) * here / (here - gap[i + 1])
            return math.exp(found) if logarithmic else found
    return None
