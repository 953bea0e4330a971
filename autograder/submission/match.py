"""Which cell of a hand-in is which cell of the assignment, and small questions about both."""

from __future__ import annotations

import functools
from collections.abc import Iterable, Iterator
from typing import Any

from nbformat import NotebookNode

from ..authoring.snapshot import Snapshot, SnapshotCell
from .bindings import Names, names

Cell = NotebookNode


class Roles:
    """`roles` says which cell of the assignment a cell of the hand-in is, by its `id()`; `notes` what was mended."""

    def __init__(self, notebook: NotebookNode, snapshot: Snapshot) -> None:
        self.notebook = notebook
        self.cells: list[Cell] = self.notebook.cells
        self.snapshot = snapshot
        self.known = snapshot.known
        self.roles: dict[int, str] = {}
        self.notes: list[str] = []

    def _same(self, cell: Cell, source: SnapshotCell) -> bool:
        return squash(cell.source) in (_squashed(source.released), _squashed(source.source))

    def _by_role(self) -> dict[str, list[Cell]]:
        found: dict[str, list[Cell]] = {}
        for cell in self.cells:
            if id(cell) in self.roles:
                found.setdefault(self.roles[id(cell)], []).append(cell)
        return found

    def _missing(self) -> list[SnapshotCell]:
        there = set(self.roles.values())
        return [source for name, source in self.known.items() if name not in there]

    def _free(self) -> Iterator[Cell]:
        return (cell for cell in self.cells if id(cell) not in self.roles)

    def _exercises(self) -> Iterator[SnapshotCell]:
        return (s for s in self.known.values() if s.solution and s.cell_type == "code")

    def _holds_work(self, key: int) -> bool:
        cell = next(c for c in self.cells if id(c) == key)
        wanted = {n for e in self._exercises() for n in self._wanted(e)}
        return cell.cell_type == "code" and bool(names(cell.source).defines & wanted)

    def _drop(self, gone: Iterable[int]) -> None:
        gone = set(gone)
        self.cells[:] = [c for c in self.cells if id(c) not in gone]

    @staticmethod
    def _wanted(source: SnapshotCell) -> frozenset[str]:
        """What an exercise must define: what its stub defines, else what the model solution does."""
        stub: Names = names(source.source)
        return stub.defines or names(source.model).defines

    @staticmethod
    def _unique(texts: dict[int, str]) -> dict[str, int]:
        found: dict[str, int] = {}
        for key, text in texts.items():
            if text:
                found.setdefault(text, key)
        return found


def squash(text: Any) -> str:
    """Text without the white space in which editors and converters differ."""
    return "\n".join(line.strip() for line in str(text).strip().splitlines() if line.strip())


_squashed = functools.lru_cache(maxsize=1024)(squash)
"""Of the assignment's own texts, which are asked for with each cell of each hand-in."""


def listing(found: list[str]) -> str:
    return ", ".join(map(repr, found[:3])) + (f" and {len(found) - 3} more" if len(found) > 3 else "")
