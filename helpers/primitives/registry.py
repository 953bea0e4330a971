"""The numpy algorithms by name."""

from __future__ import annotations

from importlib import import_module
from types import ModuleType

from helpers.backend import nearest
from helpers.errors import CourseError

NAMES = ("direct", "im2col", "tiled", "width", "dft", "dft_width", "winograd", "shift")
"""Each is a module of this package with forward, backward_data, backward_filter, supports and workspace."""


def get(name: str) -> ModuleType:
    """The algorithm's module; a CourseError for an unknown name."""
    if name not in NAMES:
        raise CourseError(
            f"There is no algorithm {name!r}{nearest(name, NAMES)}; choose one of {', '.join(NAMES)}, or auto."
        )
    return import_module(f"helpers.primitives.{name}")
