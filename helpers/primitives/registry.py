"""The numpy algorithms by name."""

from __future__ import annotations

from importlib import import_module
from types import ModuleType
from typing import Any

from helpers.backend import nearest
from helpers.errors import CourseError

NAMES = ("direct", "im2col", "tiled", "width", "dft", "dft_width", "winograd", "shift")
"""Each is a module of this package with forward, backward_data, backward_filter, supports and workspace."""


def run(module: ModuleType, spec: Any, which: str, x: Any = None, w: Any = None, dy: Any = None) -> Any:
    """One pass by a module that has forward, backward_data and backward_filter, with the two arrays that it takes."""
    first, second = {"forward": (x, w), "backward-data": (dy, w), "backward-filter": (x, dy)}[which]
    return getattr(module, which.replace("-", "_"))(spec, first, second)


def get(name: str) -> ModuleType:
    """The algorithm's module; a CourseError for an unknown name."""
    if name not in NAMES:
        raise CourseError(
            f"There is no algorithm {name!r}{nearest(name, NAMES)}; choose one of {', '.join(NAMES)}, or auto."
        )
    return import_module(f"helpers.primitives.{name}")
