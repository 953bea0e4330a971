"""Which arrays the routines of this room take: floats, of numpy or PyTorch."""

from __future__ import annotations

from typing import Any

from helpers.backend import array_namespace
from helpers.errors import CourseError


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
