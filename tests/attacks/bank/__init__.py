"""The attacks: a file a kind, one for those who read what is handed in, one for notebooks that are too large, one for
the engine's own channels."""

from __future__ import annotations

from collections.abc import Iterable
from functools import cache
from importlib import import_module

from helpers.errors import CourseError

from ..attack import KINDS, NOTHING, Attack

FILES = (*KINDS, "readers", "large", "channel")


@cache
def attacks() -> tuple[Attack, ...]:
    """All of them, in the order of their kinds."""
    found = [attack for name in FILES for attack in import_module(f"{__name__}.{name}").ATTACKS]
    return tuple(sorted(found, key=lambda attack: list(KINDS).index(attack.kind)))


def by_name(name: str) -> Attack:
    """One attack; CourseError where there is none of that name."""
    for attack in (NOTHING, *attacks()):
        if attack.name == name:
            return attack
    raise CourseError(f"There is no attack called {name!r}.")


def chosen(names: Iterable[str]) -> list[Attack]:
    """Those attacks or whole kinds, in the bank's order; all where none is named."""
    wanted = list(names)
    for name in wanted:
        if name not in KINDS:
            by_name(name)
    return [a for a in attacks() if not wanted or a.name in wanted or a.kind in wanted]
