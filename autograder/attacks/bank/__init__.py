"""The attacks, one file a kind."""

from __future__ import annotations

from functools import cache
from importlib import import_module

from helpers.errors import CourseError

from ..attack import KINDS, NOTHING, Attack


@cache
def attacks() -> tuple[Attack, ...]:
    """All of them, in the order of their kinds."""
    return tuple(attack for kind in KINDS for attack in import_module(f"{__name__}.{kind}").ATTACKS)


def by_name(name: str) -> Attack:
    """One attack; CourseError where there is none of that name."""
    for attack in (NOTHING, *attacks()):
        if attack.name == name:
            return attack
    raise CourseError(f"There is no attack called {name!r}.")
