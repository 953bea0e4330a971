"""What each side remembers of sent and received objects, so that object identity is preserved."""

from __future__ import annotations

import collections
import itertools
import weakref
from collections.abc import Callable
from typing import Any

from ..kernel.wire import WireError

KEPT = 100_000
"""Handles that one side may have of the other's objects at a time."""
CONTAINERS = 2_000
"""Lists and the like that are remembered, the last ones; they can't be held weakly."""


class _Weak(weakref.ref[Any]):
    """A reference that knows, when its object dies, as what it was remembered. `_weak` makes it: a constructor of its
    own takes three times as long."""

    __slots__ = ("address", "number")
    number: int
    address: int


class Memory:
    """References and identities of one side of a link.

    Objects that stay here and are only named on the other side have a number in `own`. Copies that were made of a value
    carry the number of their original: whoever gets the same, unchanged object again sees that it is the same.
    """

    def __init__(self, handle: Callable[[int, str, int], Any]) -> None:
        self._make = handle
        self._count = itertools.count(1)
        self.own: dict[int, Any] = {}
        self._own_numbers: dict[int, int] = {}
        self._handles: dict[int, _Weak] = {}
        self._numbers: dict[int, tuple[int, Any]] = {}
        self._copied: dict[int, Any] = {}
        self._strong: collections.deque[tuple[int, int]] = collections.deque()
        self.forgotten: dict[int, None] = {}
        """Handles that are no longer referenced; the other side is told with the next request."""

    def name(self, value: Any) -> int:
        """The number of an object that stays here."""
        number = self._own_numbers.get(id(value))
        if number is None:
            number = next(self._count)
            self.own[number] = value
            self._own_numbers[id(value)] = number
        return number

    def is_own(self, value: Any) -> bool:
        return self.own.get(self._own_numbers.get(id(value), 0), self) is value

    def drop(self, numbers: list[int]) -> None:
        for number in numbers:
            value = self.own.pop(number, self)
            if value is not self:
                self._own_numbers.pop(id(value), None)

    def handle(self, number: int, kind: str, shape: int) -> Any:
        """The only handle of the other side's object."""
        held = self._handles.get(number)
        found = None if held is None else held()
        if found is None:
            if len(self._handles) >= KEPT:
                raise WireError("too many objects of the other process are in use")
            self.forgotten.pop(number, None)
            found = self._make(number, kind, shape)
            self._handles[number] = _weak(found, self._let_go, number)
        return found

    def _let_go(self, entry: _Weak) -> None:
        if self._handles.get(entry.number) is entry:
            del self._handles[entry.number]
            self.forgotten[entry.number] = None

    def key(self, value: Any) -> int:
        """The number of a value that is copied: positive for one's own, negative for a copy of the other side's."""
        known = self._numbers.get(id(value))
        if known is not None and _strong(known[1]) is value:
            return known[0]
        number = next(self._count)
        self._remember(number, value)
        return number

    def same(self, key: int) -> Any:
        """The object that the other side's `key` names, where it is still here; its content may have changed."""
        entry = self._copied.get(-key)
        return None if entry is None else _strong(entry)

    def learn(self, key: int, value: Any) -> None:
        """Record that `value` is a copy of the other side's original."""
        if key > 0:
            self._remember(-key, value)

    def _remember(self, number: int, value: Any) -> None:
        address, entry = id(value), value
        if type(value) not in _NOT_WEAKLY:
            try:
                entry = _weak(value, self._died, number)
            except TypeError:
                entry = value
        self._copied[number] = entry
        self._numbers[address] = (number, entry)
        if entry is value:
            self._strong.append((number, address))
            if len(self._strong) > CONTAINERS:
                self._forget(*self._strong.popleft())

    def _died(self, entry: Any) -> None:
        self._forget(entry.number, entry.address)

    def _forget(self, number: int, address: int) -> None:
        self._copied.pop(number, None)
        if self._numbers.get(address, (None,))[0] == number:
            del self._numbers[address]


_NOT_WEAKLY = (list, dict, set)


def _weak(value: Any, died: Callable[[Any], None], number: int) -> _Weak:
    made = _Weak(value, died)
    made.number, made.address = number, id(value)
    return made


def _strong(entry: Any) -> Any:
    return entry() if type(entry) is _Weak else entry
