"""One sentence for what cannot be trained, and for training that has blown up."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from helpers.errors import CourseError


def check_size(least: int = 1, **sizes: Any) -> None:
    """A CourseError unless all are whole numbers of at least `least`: check_size(latent=2)."""
    for name, size in sizes.items():
        if isinstance(size, bool) or not isinstance(size, int | np.integer) or size < least:
            raise CourseError(f"{name}={size!r} is not a size; give a whole number of at least {least}.")


def check_rows(what: str, x: Any, columns: int, low: float = -math.inf, high: float = math.inf) -> None:
    """A CourseError unless x is (N, columns) with at least one row, and finite numbers from low to high."""
    if x.ndim != 2 or x.shape[1] != columns or len(x) == 0:
        raise CourseError(
            f"The {what} takes arrays of shape (N, {columns}) and got {tuple(x.shape)}; reshape the input."
        )
    if not bool(np.isfinite(x.sum())):
        raise CourseError(f"The input of the {what} holds NaN or infinite values; clean the data before training.")
    if x.min() < low or x.max() > high:
        wrong = float(x.min() if x.min() < low else x.max())
        raise CourseError(f"The {what} takes numbers from {low:g} to {high:g} and got {wrong:.4g}; scale the pixels.")


def check_loss(what: str, loss: float, step: int) -> float:
    """The loss; a CourseError that names it and the step if it is NaN or infinite."""
    if not math.isfinite(loss):
        raise CourseError(f"{what} became {float(loss)} at step {step}; train with a smaller learning rate.")
    return float(loss)
