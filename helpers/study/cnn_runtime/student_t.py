"""Student's t distribution, and an interval that is made with it."""

from __future__ import annotations

import math
from dataclasses import dataclass

from helpers.errors import CourseError


@dataclass(frozen=True)
class Interval:
    """A predicted total in seconds and the bounds between which it should lie with that confidence."""

    total: float
    low: float
    high: float
    confidence: float


def t_quantile(p: float, freedom: int) -> float:
    """The p-quantile of Student's t with so many degrees of freedom; t_quantile(0.975, 1) is 12.706."""
    if not 0 < p < 1 or freedom < 1:
        raise CourseError(f"p={p} and freedom={freedom} have no quantile; give 0 < p < 1 and freedom of at least 1.")
    if p < 0.5:
        return -t_quantile(1 - p, freedom)
    low, high = 0.0, math.pi / 2
    for _ in range(200):
        middle = (low + high) / 2
        low, high = (middle, high) if _t_share(middle, freedom) < p else (low, middle)
    return math.sqrt(freedom) * math.tan(low)


def _t_share(angle: float, freedom: int) -> float:
    """P(T ≤ √freedom · tan(angle)): so substituted, the density is cos(angle)^(freedom − 1) up to a factor, and its
    integral follows from the next lower power but one.
    """
    sine, cosine = math.sin(angle), math.cos(angle)
    if freedom % 2:
        total, term, k = angle, sine * cosine, 3
        while k <= freedom:
            total, term, k = total + term, term * cosine**2 * (k - 1) / k, k + 2
        return 0.5 + total / math.pi
    total, term, k = 0.0, sine, 2
    while k <= freedom:
        total, term, k = total + term, term * cosine**2 * (k - 1) / k, k + 2
    return 0.5 + total / 2
