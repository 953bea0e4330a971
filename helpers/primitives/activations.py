"""ReLU, sigmoid and tanh, forward and backward, for numpy and PyTorch arrays of any shape.

Chetlur et al., *cuDNN* (arXiv 1410.0759), section 2. Each backward pass works from the output y, not from the input: so
a network need not keep x, and ReLU may overwrite it.
"""

from __future__ import annotations

import math
from typing import Any

from helpers.primitives.arrays import check_alike, check_floats


def relu_forward(x: Any) -> Any:
    """y = max(x, 0), of the shape, dtype and physical layout of x. Raises CourseError for anything but floats."""
    xp = check_floats("input", x)
    return xp.maximum(x, _scalar(xp, x, 0.0))


def relu_backward(y: Any, dy: Any) -> Any:
    """dx = dy where y > 0, else 0: the derivative at 0 is taken as 0. y, dy and dx have the same shape."""
    check_alike(y, dy)
    return dy * (y > 0)


def sigmoid_forward(x: Any) -> Any:
    """y = 1 / (1 + exp(−x)), without overflow for any x."""
    xp = check_floats("input", x)
    least = -0.99 * math.log(float(xp.finfo(x.dtype).max))
    return 1 / (1 + xp.exp(-xp.maximum(x, _scalar(xp, x, least))))


def sigmoid_backward(y: Any, dy: Any) -> Any:
    """dx = dy · y · (1 − y). y, dy and dx have the same shape."""
    check_alike(y, dy)
    return dy * (y * (1 - y))


def tanh_forward(x: Any) -> Any:
    """y = tanh(x)."""
    return check_floats("input", x).tanh(x)


def tanh_backward(y: Any, dy: Any) -> Any:
    """dx = dy · (1 − y²). y, dy and dx have the same shape."""
    check_alike(y, dy)
    return dy * (1 - y * y)


def _scalar(xp: Any, like: Any, value: float) -> Any:
    return xp.asarray(value, dtype=like.dtype, device=like.device)
