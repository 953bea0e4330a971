"""Names that need not be requested again: functions, classes, numbers and texts that the student's process watches.

A test cell sees a student's name as it is when the cell begins. Most name the same as before: a quarter of all
questions were for names, and more than half of these are spared. The student's side tells with each answer which of
the watched names now name something else.
"""

from __future__ import annotations

import types
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from ..kernel.wire import WireError

MISSING: Any = object()
STEADY = frozenset(
    {types.FunctionType, types.BuiltinFunctionType, type, int, float, bool, str, types.NoneType, type(MISSING)}
)
"""What stays the same, or is only named and asked anew each time, as long as the name is not bound again."""


class Watch:
    """The student's side: what those who asked were told, and what is different now."""

    def __init__(self) -> None:
        self._seen: dict[str, Any] = {}
        self._kept: list[str] = []

    def asked(self, names: Mapping[str, Any], wanted: Sequence[str]) -> dict[str, Any]:
        """Those of `wanted` that are defined."""
        found = {name: names[name] for name in wanted if name in names}
        steady = {name: found.get(name, MISSING) for name in wanted if type(found.get(name, MISSING)) in STEADY}
        self._seen = {name: value for name, value in self._seen.items() if name not in wanted} | steady
        self._kept = list(steady)
        return found

    def note(self, names: Mapping[str, Any]) -> list[list[str]] | None:
        """What to tell with the next answer: which names are watched from now on, and which are no longer the same."""
        changed = [name for name, value in self._seen.items() if names.get(name, MISSING) is not value]
        for name in changed:
            del self._seen[name]
        kept, self._kept = self._kept, []
        return [kept, changed] if kept or changed else None


class Steady:
    """The side of the checks: what is known of the student's names."""

    def __init__(self) -> None:
        self._known: dict[str, Any] = {}
        self._kept: set[str] = set()

    def hear(self, note: Any) -> None:
        """What the other side told with an answer; WireError if that is no such thing."""
        if not isinstance(note, list) or len(note) != 2 or not all(isinstance(part, list) for part in note):
            raise WireError("a note of nothing")
        kept, changed = note
        if not all(type(name) is str for name in (*kept, *changed)):
            raise WireError("a note of no names")
        for name in changed:
            self._known.pop(name, None)
        self._kept = set(kept).difference(changed)

    def values(
        self, wanted: Sequence[str], ask: Callable[[Sequence[str]], dict[str, Any]], moved: bool
    ) -> dict[str, Any]:
        """The wanted names that are defined. `moved`: student's code ran meanwhile, so all are asked for."""
        values: dict[str, Any] = {}
        asked: set[str] = set()
        while more := [n for n in wanted if n not in asked and (n not in self._known or (moved and not asked))]:
            for name in more:
                self._known.pop(name, None)  # a handle is made anew, as what it stands for may have changed its kind
            self._kept = set()
            found = ask(more)
            asked.update(more)
            values |= found
            self._known |= {name: found.get(name, MISSING) for name in more if name in self._kept}
        values |= {name: self._known[name] for name in wanted if name in self._known}
        return {name: value for name, value in values.items() if value is not MISSING}
