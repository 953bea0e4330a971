"""Sizes in a network file: one number for both axes, or a list [down, across]."""

from __future__ import annotations

from typing import Any

from helpers.errors import CourseError

LARGEST_SIZE = 4096
PADDINGS = ("same", "valid", "full")


def size_schema(least: int) -> dict[str, Any]:
    """JSON Schema of a size of at least `least`."""
    number = {"type": "integer", "minimum": least, "maximum": LARGEST_SIZE}
    return {"anyOf": [number, {"type": "array", "items": number, "minItems": 2, "maxItems": 2}]}


def padding_schema() -> dict[str, Any]:
    """JSON Schema of a padding: a size that may be 0, or a name."""
    return {"anyOf": [*size_schema(0)["anyOf"], {"enum": list(PADDINGS)}]}


def image_schema() -> dict[str, Any]:
    """JSON Schema of [C, H, W]."""
    return {"type": "array", "items": size_schema(1)["anyOf"][0], "minItems": 3, "maxItems": 3}


def pair_of(value: Any, least: int = 1) -> tuple[int, ...]:
    """(down, across) of a size. ValueError for anything else."""
    return _wholes((value, value) if type(value) is int else value, 2, least)


def padding_value(value: Any) -> tuple[int, ...] | str:
    """(rows, columns) or the name. ValueError for anything else."""
    return value if isinstance(value, str) and value in PADDINGS else pair_of(value, 0)


def image_of(value: Any) -> tuple[int, ...]:
    """(C, H, W). ValueError for anything else."""
    return _wholes(value, 3, 1)


def padding_of(window: tuple[int, int], padding: tuple[int, int] | str) -> tuple[int, int]:
    """(rows, columns) of padding: "valid" is none, "same" half a window, "full" a window less one; a pair is itself.

    With stride 1, "same" keeps the size, which needs windows of odd size; CourseError for even ones.
    """
    if not isinstance(padding, str):
        return padding
    r, s = window
    if padding == "same" and (r % 2 == 0 or s % 2 == 0):
        raise CourseError(
            f'Padding "same" needs a window of odd size, and {r}×{s} is not; take an odd size, or give the padding as '
            "[rows, columns]."
        )
    return {"valid": (0, 0), "same": (r // 2, s // 2), "full": (r - 1, s - 1)}[padding]


def _wholes(value: Any, count: int, least: int) -> tuple[int, ...]:
    if not isinstance(value, list | tuple) or len(value) != count:
        raise ValueError("another number of sizes")
    if any(type(v) is not int or not least <= v <= LARGEST_SIZE for v in value):
        raise ValueError("no sizes")
    return tuple(value)
