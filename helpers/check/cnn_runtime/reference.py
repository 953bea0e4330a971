"""What Parts D to F of `cnn_runtime` are checked against: intervals, fits, held-out errors, crossings."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np

from helpers.study.cnn_runtime.student_t import t_quantile

Numbers = Sequence[float] | np.ndarray

KINDS = ("linear", "quadratic", "exponential")


def student_t(level: float, degrees: int) -> float:
    """t such that a share `level` of Student's distribution with so many degrees of freedom lies in [−t, t]."""
    return t_quantile((1 + level) / 2, degrees)


def prediction_interval(seconds: Numbers, epochs: int, level: float) -> tuple[float, float]:
    """(low, high) for the total of a run of m epochs, n of them measured, r = m − n to come: m·mean ± t·s·√(r +
    r²/n)."""
    n = len(seconds)
    middle, deviation, rest = float(np.mean(seconds)), float(np.std(seconds, ddof=1)), epochs - n
    half = student_t(level, n - 1) * deviation * math.sqrt(rest + rest**2 / n)
    return epochs * middle - half, epochs * middle + half


WAYS = (0.0, 1.0, 0.5)
"""Powers of 1/y by which differences may be weighted: not at all, relative errors, or 1/y on their squares, as
statistics books write weights."""


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
