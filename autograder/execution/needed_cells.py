"""Which cells of a notebook some of its cells need, as far as their code tells."""

from __future__ import annotations

import re
from collections.abc import Collection, Sequence
from dataclasses import dataclass

from ..judge.namespace import statements
from ..submission.bindings import parsed

UNSEEN = re.compile(r"\b(?:exec|eval|globals|locals|vars|get_ipython)\b|^[^\S\n]*[%!]|\bimport[^\S\n]+\*", re.MULTILINE)
"""Code that may take or make names which can't be seen in it."""


@dataclass(frozen=True)
class _Cell:
    """Names that a cell binds, changes a part of, needs when it runs, and needs or changes when its functions do."""

    binds: frozenset[str]
    changes: frozenset[str]
    now: frozenset[str]
    later: frozenset[str]
    changes_later: frozenset[str]
    functions: frozenset[str]
    imports: frozenset[str]


def needed(sources: Sequence[str], wanted: Collection[int]) -> set[int]:
    """The places of the `wanted` cells and of all that these need. All, where a wanted cell can't be judged.

    A method that is called for nothing but its effect changes what it belongs to; what a function changes outside of
    itself, each cell may change that mentions a function.
    """
    try:
        cells = [_read(source) for source in sources]
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return {*range(len(sources))}
    if any(UNSEEN.search(sources[place]) for place in wanted):
        return {*range(len(sources))}
    imports, functions, state = (
        frozenset().union(*(getattr(cell, of) for cell in cells)) for of in ("imports", "functions", "changes_later")
    )
    makes = [
        cell.binds | (cell.changes - imports) | (state if (cell.now | cell.later) & functions else frozenset())
        for cell in cells
    ]
    found = {*wanted}
    while True:
        any_time = frozenset().union(*(cells[place].later for place in found))
        from_above: frozenset[str] = frozenset()
        more = set()
        for place in reversed(range(len(cells))):
            if place not in found and makes[place] & (from_above | any_time):
                more.add(place)
            if place in found or place in more:
                from_above |= cells[place].now
        if not more:
            return found
        found |= more


def _read(source: str) -> _Cell:
    """SyntaxError, ValueError, RecursionError or MemoryError for what is no code."""
    found = statements(source)
    if not found and source.strip():
        parsed(source)
    now: frozenset[str] = frozenset()
    bound: frozenset[str] = frozenset()
    for one in found:
        now |= one.now - bound
        bound |= one.binds

    def union(names: list[frozenset[str]]) -> frozenset[str]:
        return frozenset().union(*names)

    return _Cell(
        bound, union([one.changes for one in found]), now, union([one.later for one in found]),
        union([one.changes & one.later for one in found]), union([one.binds for one in found if one.function]),
        union([one.binds for one in found if one.imports]),
    )  # fmt: skip
