"""Dropout, with the same mask on every backend."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np

from helpers.backend import array_namespace
from helpers.errors import CourseError
from helpers.nn.activations import NoParameters
from helpers.nn.loss import check_gradient


class Dropout(NoParameters):
    """Each number becomes 0 with probability `rate`, the others are divided by 1 − rate; in evaluation y = x.

    Srivastava et al., *Dropout* (JMLR 2014), in the inverted form: the expectation of y is x, so that evaluation has
    nothing to rescale. Any shape. `training` is the switch (see `set_training`). The mask of the t-th forward in
    training comes from `seed` and t alone, whatever the backend; `drawn` is t, and setting it resumes a run.
    """

    def __init__(self, rate: float, seed: int | Sequence[int] = 0) -> None:
        if isinstance(rate, bool) or not isinstance(rate, int | float) or not 0 <= rate < 1:
            raise CourseError(f"A dropout rate of {rate!r} is not a probability; give a number from 0 to below 1.")
        self.rate = rate
        self.training = True
        self.drawn = 0
        self._seed = [seed] if isinstance(seed, int) else list(seed)
        self._mask: Any = None
        self._shape: Any = None

    def forward(self, x: Any) -> Any:
        self._shape = tuple(x.shape)
        if not self.training or self.rate == 0:
            self._mask = None
            return x
        # The generator is numpy's everywhere, since no two libraries draw the same numbers from one seed.
        kept = np.random.default_rng([*self._seed, self.drawn]).random(self._shape, np.float32) >= self.rate
        self.drawn += 1
        xp = array_namespace(x)
        self._mask = xp.astype(xp.asarray(kept, device=x.device), x.dtype) / (1 - self.rate)
        return x * self._mask

    def backward(self, grad_output: Any) -> Any:
        check_gradient(self, grad_output, self._shape)
        return grad_output if self._mask is None else grad_output * self._mask

    def __str__(self) -> str:
        return f"Dropout {self.rate:g}"


def set_training(layers: Iterable[Any], training: bool) -> None:
    """Switches all layers that behave differently in training and in evaluation."""
    for layer in layers:
        if hasattr(layer, "training"):
            layer.training = training
