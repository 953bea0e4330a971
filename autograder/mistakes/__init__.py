"""The mistake bank: wrong solutions that checks must catch and name, and different right ones that must pass.

`autograder/mistakes/NAME/wrong.py` gives WRONG, exercise -> rows; `right.py` gives RIGHT, name -> changed cells;
`NAME/__init__.py` gives SLOW: cells that train, and the text that stands in for them where a row changes neither them
nor the exercise after which they are called ("G-measure-layers" after "G-measure").
"""

from __future__ import annotations

import importlib
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

from helpers.errors import CourseError

Edits = tuple[tuple[str, str], ...]


@dataclass(frozen=True)
class Solution:
    """A change of the model solution.

    `cells`: exercise -> its whole new text, or pairs (old text, new text) that are replaced in it.
    `named`: the mistakes of which a check must name one; empty for a right solution.
    """

    name: str
    cells: dict[str, str | Edits]
    named: tuple[str, ...] = ()


@dataclass(frozen=True)
class Bank:
    """All solutions of one assignment."""

    assignment: str
    wrong: list[Solution]
    right: list[Solution]
    slow: dict[str, str] = field(default_factory=dict)

    @property
    def solutions(self) -> list[Solution]:
        """The wrong ones, then the right ones."""
        return [*self.wrong, *self.right]


def load(name: str) -> Bank:
    """The bank of an assignment; CourseError where it has none."""
    here = f"autograder.mistakes.{name}"
    try:
        slow = importlib.import_module(here).SLOW
        wrong = importlib.import_module(f"{here}.wrong").WRONG
        right = importlib.import_module(f"{here}.right").RIGHT
    except ModuleNotFoundError as error:
        if error.name is None or not f"{here}.wrong".startswith(error.name):
            raise
        raise CourseError(f"There is no mistake bank for {name!r} in autograder/mistakes/.") from None
    return Bank(name, list(_wrong(wrong)), [Solution(n, dict(cells)) for n, cells in right.items()], dict(slow))


def _wrong(table: dict[str, list[tuple[Any, ...]]]) -> Iterable[Solution]:
    """Rows are (mistakes, new cell), (mistakes, old text, new text) or (mistakes, {cell: new cell}); mistakes are
    separated by ' | '.
    """
    seen: dict[str, int] = {}
    for cell, rows in table.items():
        for named, *change in rows:
            first = named.split(" | ")[0]
            label = f"{cell}: {first}"
            seen[label] = seen.get(label, 0) + 1
            number = f" ({seen[label]})" if seen[label] > 1 else ""
            whole = change[0] if isinstance(change[0], dict) else {cell: change[0]}
            cells: dict[str, str | Edits] = dict(whole) if len(change) == 1 else {cell: ((change[0], change[1]),)}
            yield Solution(label + number, cells, tuple(named.split(" | ")))
