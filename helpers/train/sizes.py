"""How big the runs of an assignment are."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from helpers.backend import nearest
from helpers.errors import CourseError


@dataclass(frozen=True)
class Size:
    """How big the runs of an assignment are.

    train, test: images; epochs: of the main run and of each learning rate; small_train, small_epochs, seeds:
    of comparisons over several seeds; trap_epochs: of the many short runs of the convention trap.
    """

    name: str
    train: int
    test: int
    epochs: int
    small_train: int
    small_epochs: int
    seeds: int
    trap_epochs: int


SIZES = {
    size.name: size
    for size in (
        #    name        train   test    epochs  small_train  small_epochs  seeds  trap_epochs
        Size("quick", 200, 200, 30, 100, 12, 3, 3),
        Size("standard", 10_000, 2_000, 30, 5_000, 12, 3, 3),
        Size("full", 60_000, 10_000, 30, 60_000, 15, 5, 3),
    )
}


def study_size(name: str | None = None) -> Size:
    """The size called "quick", "standard" or "full"; None takes the environment's COURSE_SIZE, else
    "standard".
    """
    return size_called(name, SIZES)


def size_called(name: str | None, sizes: Mapping[str, Any]) -> Any:
    """The one of an assignment's sizes that `study_size` would take."""
    name = name or os.environ.get("COURSE_SIZE") or "standard"
    if name not in sizes:
        raise CourseError(f"There is no size {name!r}{nearest(name, list(sizes))}; choose one of {', '.join(sizes)}.")
    return sizes[name]
