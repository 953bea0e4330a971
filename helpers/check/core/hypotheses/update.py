"""What can go wrong in a step of gradient descent, parameter -= lr · gradient."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

import numpy as np

from helpers.check.core.compare import NOTHING, Hypothesis
from helpers.check.core.hypotheses.linear import _plus_any_multiple

RATES = (1.0, 0.1, 0.01, 0.001)
"""Rates that people write into code."""


def step(
    name: str, got: np.ndarray, before: np.ndarray, rate: float, gradient: np.ndarray, earlier_rate: float | None = None
) -> list[Hypothesis]:
    """Of the step of the parameter `name`, before minus after. earlier_rate: of the update before, from other
    values."""
    right = rate * gradient
    return [
        Hypothesis(f"{name}-not-updated", 0 * gradient, f"update leaves {name} as it was. Each parameter takes the "
                   f"step parameter − lr · gradient; assign to `self.{name}`."),
        Hypothesis("update-adds", -right, f"update adds the gradient to {name}: the loss would rise. Subtract it."),
        Hypothesis("update-assigns", before - right, f"{name} becomes the step itself: lr · gradient is assigned "
                   f"where it should be subtracted (`-=`)."),
        Hypothesis("update-assigns", before + right, f"{name} becomes the step itself: −lr · gradient is assigned "
                   f"where it should be subtracted (`-=`)."),
        Hypothesis("weight-decay", _plus_any_multiple(got, right, before),
                   f"A multiple of {name} itself is subtracted, too (weight decay). The step is lr · gradient alone."),
        Hypothesis("step-multiplied", before * right, f"{name} is multiplied by (1 − lr · gradient); subtract lr · "
                   f"gradient."),
        Hypothesis("updated-twice", 2 * right, f"The step of {name} is twice as long as it should be: is the gradient "
                   f"subtracted twice?"),
        Hypothesis("step-scaled", right / 2, f"The step of {name} is half as long as it should be. Is lr divided by "
                   f"2?"),
        Hypothesis("step-reversed", 2 * before - right, f"{name} becomes lr · gradient − {name}: the two sides of the "
                   f"minus are swapped."),
        Hypothesis("rate-kept", NOTHING if earlier_rate is None else earlier_rate * gradient,
                   "The second update takes the lr of the first: it is kept somewhere. Use the lr that is given."),
        *(Hypothesis("gradient-clipped", partial(_clipped, right, gradient, most), f"The gradient of {name} is cut "
                     f"off where it is larger than {most:g} (clipping). The step is lr · gradient, however large.")
          for most in (1.0, 0.1, 0.5, 2.0, 5.0, 10.0)),
        *(Hypothesis("gradient-clipped", partial(_shortened, right, gradient, most), f"The gradient of {name} is "
                     f"shortened to a norm of {most:g} (clipping by norm). The step is lr · gradient, however large.")
          for most in (1.0, 0.1, 0.5, 2.0, 5.0, 10.0)),
        *rate_ignored(lambda rate: rate * gradient, f"update ignores the lr it is given: {name} moves as with"),
    ]


def _clipped(right: np.ndarray, gradient: np.ndarray, most: float) -> np.ndarray:
    return right * np.minimum(1, most / np.maximum(np.abs(gradient), 1e-300))


def _shortened(right: np.ndarray, gradient: np.ndarray, most: float) -> np.ndarray:
    return right * min(1, most / float(np.linalg.norm(gradient)))


def rate_ignored(moved: Callable[[float], Any], told: str) -> list[Hypothesis]:
    """moved: what comes of a rate."""
    return [Hypothesis("rate-ignored", partial(moved, rate), f"{told} {rate:g}.") for rate in RATES]
