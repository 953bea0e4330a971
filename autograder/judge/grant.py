"""The checks' side: what a student's process may ask while a check waits for it. Everything else is refused."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any

import numpy as np

from . import kinds
from .link import Limits, Link, patience


def judging(sock: Any, limits: Limits | None = None, sealed: Iterable[Any] = ()) -> Link:
    """The checks' end of a link. Functions that a check handed over may be called, and a few attributes read."""

    def answer(operation: str, values: list[Any], header: Mapping[str, Any]) -> Any:
        target, rest = (values[0], values[1:]) if values else (None, [])
        if not link.handed_over(target):
            raise TypeError("That object does not belong to the check.")
        if operation == "call" and callable(target) and len(rest) == 2:
            args, named = rest
            return target(*args, **dict(named))
        allowed = kinds.HARMLESS.get(kinds.name_of(type(target)), frozenset())
        if operation == "get" and len(rest) == 1 and type(rest[0]) is str and rest[0] in allowed:
            return getattr(target, rest[0])
        if operation in _SPECIAL and f"__{operation}__" in allowed:
            return _SPECIAL[operation](target)
        if operation in ("str", "repr"):
            return f"<{type(target).__name__}>"
        raise AttributeError(f"The {type(target).__name__} of the check can't be asked for that.")

    link = Link(sock, answer, patience, limits, sealed)
    return link


_SPECIAL: dict[str, Callable[[Any], Any]] = {"float": float, "str": str, "repr": repr}


def sealed(values: Iterable[Any]) -> Iterator[Any]:
    """Arrays, containers and records that the values lead to: for `Link`, which leaves them as they are."""
    seen: set[int] = set()
    waiting = list(values)
    while waiting:
        value = waiting.pop()
        if id(value) in seen:
            continue
        seen.add(id(value))
        if isinstance(value, list | tuple | set | frozenset):
            waiting += value
        elif isinstance(value, dict):
            waiting += [*value.keys(), *value.values()]
        elif kinds.name_of(type(value)) in kinds.RECORDS:
            waiting += vars(value).values()
        elif not isinstance(value, np.ndarray) and not hasattr(value, "requires_grad"):
            continue
        yield value
