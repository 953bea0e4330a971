"""Whether the cells of a hand-in stand in an order in which they can run."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from nbformat import NotebookNode

from ..authoring.snapshot import Snapshot
from .bindings import names


def in_order(cells: Sequence[NotebookNode], roles: Mapping[int, str], snapshot: Snapshot) -> bool:
    """False if a locked code cell needs a name that only stands below it, though the assignment defines it above.

    `roles` gives the assignment's name of a cell by its identity.
    """
    rank = {name: place for place, name in enumerate(snapshot.known)}
    ranks = [rank[roles[id(cell)]] for cell in cells if id(cell) in roles]
    if ranks == sorted(ranks):
        return True
    code = [(place, cell) for place, cell in enumerate(cells) if cell.cell_type == "code"]
    for place, cell in code:
        role = roles.get(id(cell))
        if role is None or not snapshot.known[role].locked:
            continue
        above = {n for p, c in code if p < place for n in names(c.source).defines}
        mine = rank[role]
        earlier = [c for _, c in code if id(c) in roles and rank[roles[id(c)]] < mine]
        if (_needed(cell, earlier) - above) & {n for c in earlier for n in names(c.source).defines}:
            return False
    return True


def _needed(cell: NotebookNode, earlier: Sequence[NotebookNode]) -> set[str]:
    """The names that a cell uses, and those that their definitions use in turn."""
    needed = set(names(cell.source).uses)
    while True:
        more = {n for c in earlier if names(c.source).defines & needed for n in names(c.source).uses}
        if more <= needed:
            return needed
        needed |= more
