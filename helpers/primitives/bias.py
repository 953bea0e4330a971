"""A bias for each channel, forward and backward, for numpy and PyTorch arrays (N, K) or (N, K, P, Q)."""

from __future__ import annotations

from typing import Any

import numpy as np

from helpers.errors import CourseError
from helpers.primitives.arrays import check_floats


def bias_forward(y: Any, b: Any) -> Any:
    """y + b as a new array: b (K,) is added over axis 1 of y (N, K) or (N, K, P, Q), in the physical layout of y.

    Raises CourseError for other shapes, different dtypes, and anything but floats.
    """
    check_floats("output or its bias", y, b)
    _check_axes("output", y)
    if tuple(b.shape) != (y.shape[1],):
        raise CourseError(
            f"The bias has shape {tuple(b.shape)}, but the output {tuple(y.shape)} has {y.shape[1]} channels; "
            f"give one number per channel, ({y.shape[1]},)."
        )
    if b.dtype != y.dtype:
        raise CourseError(f"The bias holds {b.dtype} and the output {y.dtype}; convert one to the other.")
    return y + b.reshape(-1, *(1,) * (len(y.shape) - 2))


def bias_backward(dy: Any) -> Any:
    """db (K,) = the sum of dy (N, K) or (N, K, P, Q) over all axes but axis 1."""
    xp = check_floats("gradient", dy)
    _check_axes("gradient", dy)
    if xp is not np:
        return xp.sum(dy, axis=tuple(a for a in range(len(dy.shape)) if a != 1))
    if dy.ndim == 4 and dy.strides[1] != dy.itemsize:
        # Where a channel's numbers follow each other in memory, einsum adds them 2 to 4 times faster than np.sum.
        return np.einsum("nkpq->k", dy)
    # Channels side by side: a row of ones times the matrix (N·P·Q, K) is the sum of its rows.
    rows = np.moveaxis(dy, 1, -1).reshape(-1, dy.shape[1])
    return np.ones(len(rows), dy.dtype) @ rows


def _check_axes(what: str, array: Any) -> None:
    if len(array.shape) not in (2, 4):
        raise CourseError(
            f"The {what} has shape {tuple(array.shape)}; a bias takes two axes, (N, K), or four, (N, K, P, Q)."
        )
