"""Learning rates over the epochs. Each function returns a callable: epoch (from 0) -> rate."""

from __future__ import annotations

import math
from collections.abc import Callable

from helpers.errors import CourseError

Schedule = Callable[[int], float]


def constant(lr: float) -> Schedule:
    """The same rate in every epoch."""
    _positive("lr", lr)
    return lambda epoch: lr


def step_decay(lr: float, factor: float = 0.5, every: int = 10) -> Schedule:
    """lr · factor^⌊epoch / every⌋: constant for `every` epochs, then multiplied by `factor`, and so on."""
    _positive("lr", lr)
    _positive("factor", factor)
    if every < 1:
        raise CourseError(f"every={every} is not a number of epochs; give a whole number of at least 1.")
    return lambda epoch: lr * factor ** (epoch // every)


def exponential_decay(lr: float, factor: float = 0.9) -> Schedule:
    """lr · factor^epoch."""
    _positive("lr", lr)
    _positive("factor", factor)
    return lambda epoch: lr * factor**epoch


def cosine_decay(lr: float, epochs: int, final: float = 0.0) -> Schedule:
    """Half a cosine from lr in epoch 0 towards `final` after the last of `epochs` (Loshchilov and Hutter
    2017).
    """
    _positive("lr", lr)
    if epochs < 1:
        raise CourseError(f"epochs={epochs} is not a number of epochs; give a whole number of at least 1.")
    return lambda epoch: final + (lr - final) * 0.5 * (1 + math.cos(math.pi * min(epoch, epochs) / epochs))


def _positive(name: str, value: float) -> None:
    if not (math.isfinite(value) and value > 0):
        raise CourseError(f"{name}={value} is not usable; give a positive finite number.")
