"""ReLU, sigmoid and tanh, forward and backward, for numpy and PyTorch arrays of any shape.

Chetlur et al., *cuDNN* (arXiv 1410.0759), section 2. Each backward pass works from the output y, not from the input: so
a network need not keep x, and ReLU may overwrite it.
"""

from __future__ import annotations

import math
from typing import Any

from helpers.backend import array_namespace
from helpers.errors import CourseError


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


def check_floats(what: str, *arrays: Any) -> Any:
    """The array namespace of numpy or PyTorch arrays of floats; a CourseError for anything else."""
    for array in arrays:
        if not hasattr(array, "dtype") or not hasattr(array, "shape"):
            raise CourseError(f"The {what} is a {type(array).__name__}; pass a numpy array or a PyTorch tensor.")
    if len({type(array) for array in arrays}) > 1:
        kinds = " and ".join(sorted(type(array).__name__ for array in arrays))
        raise CourseError(f"The {what} mixes {kinds}; pass arrays of one kind.")
    xp = array_namespace(*arrays)
    for array in arrays:
        if not xp.isdtype(array.dtype, "real floating"):
            raise CourseError(f"The {what} holds {array.dtype}; convert it to float32 or float64 first.")
    return xp


def check_alike(y: Any, dy: Any) -> Any:
    """The array namespace of an output and its gradient; a CourseError unless shapes and float dtypes agree."""
    xp = check_floats("output or its gradient", y, dy)
    if tuple(y.shape) != tuple(dy.shape):
        raise CourseError(
            f"The gradient has shape {tuple(dy.shape)} and the output {tuple(y.shape)}; they must have the same."
        )
    if y.dtype != dy.dtype:
        raise CourseError(f"The gradient holds {dy.dtype} and the output {y.dtype}; convert one to the other.")
    return xp


def _scalar(xp: Any, like: Any, value: float) -> Any:
    return xp.asarray(value, dtype=like.dtype, device=like.device)
