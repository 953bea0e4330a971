"""Derivatives by finite differences: slow, simple, and independent of anybody's calculus."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np


def numerical_gradient(f: Callable[[np.ndarray], float], x: np.ndarray, step: float = 1e-5) -> np.ndarray:
    """Gradient of a scalar function by central differences, (f(x + h) − f(x − h)) / 2h for each entry.

    Args:
        f: takes an array of x's shape and returns one number.
        x: any shape; taken as float64 and left unchanged.
        step: h. The error is O(h²) from the formula and O(1e-16 / h) from rounding; 1e-5 balances them.

    Returns:
        float64 array of x's shape.
    """
    point = np.array(x, dtype=np.float64)
    gradient = np.zeros_like(point)
    for index in np.ndindex(point.shape):
        centre = point[index]
        point[index] = centre + step
        above = float(f(point))
        point[index] = centre - step
        below = float(f(point))
        point[index] = centre
        gradient[index] = (above - below) / (2 * step)
    return gradient
