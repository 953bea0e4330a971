"""Softmax over any axes, forward and backward, for numpy and PyTorch arrays.

Chetlur et al., *cuDNN* (arXiv 1410.0759), section 2, where it is numerically stable by default. Over the axis C of
(N, C, H, W), axis=1, each pixel gets its own distribution over the channels (cuDNN's "channel" mode); over
axis=(1, 2, 3) each image gets one (its "instance" mode).
"""

from __future__ import annotations

from typing import Any

from helpers.errors import CourseError
from helpers.primitives.arrays import check_alike, check_floats


def softmax_forward(x: Any, axis: int | tuple[int, ...] = 1) -> Any:
    """y = exp(x − max x) / Σ exp(x − max x), maximum and sum over `axis`, of the shape and dtype of x.

    Subtracting the maximum changes nothing in exact arithmetic and keeps exp from overflowing. Raises CourseError for
    anything but floats and for axes that x does not have.
    """
    xp = check_floats("input", x)
    axes = _axes(x, axis)
    y = xp.exp(x - xp.max(x, axis=axes, keepdims=True))
    return y / xp.sum(y, axis=axes, keepdims=True)


def softmax_backward(y: Any, dy: Any, axis: int | tuple[int, ...] = 1) -> Any:
    """dx = y · (dy − Σ dy · y), the sum over `axis`, from the output y and its gradient dy, both of x's shape."""
    xp = check_alike(y, dy)
    return y * (dy - xp.sum(dy * y, axis=_axes(y, axis), keepdims=True))


def _axes(x: Any, axis: int | tuple[int, ...]) -> tuple[int, ...]:
    given, n = axis if isinstance(axis, tuple | list) else (axis,), len(x.shape)
    try:
        axes = [a if a >= 0 else a + n for a in given if isinstance(a, int) and -n <= a < n]
    except TypeError:
        axes = []
    if len(set(axes)) != len(given) or not axes:
        raise CourseError(
            f"Softmax over axis={axis!r} is not possible for an array of shape {tuple(x.shape)}; give one axis or "
            f"different ones, from 0 to {n - 1}."
        )
    return tuple(axes)
