"""Restore the assignment's own cells in a hand-in, and lose nothing that the student wrote.

It depends on the notebook and the snapshot alone. Work that stock nbgrader accepts keeps exactly the cells that stock
would grade. Everything else is mended, in an order in which honest work runs, and what was mended is told in notes.
"""

from __future__ import annotations

import copy
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

from nbformat import NotebookNode

from ..authoring.snapshot import Snapshot, SnapshotCell
from ..authoring.source import FORM, grade_id
from ..text import some
from . import nbgrader_rules as rules
from .bindings import Names, names, used
from .lenient_parse import ID
from .reading import Ungradable, kept_metadata
from .saved_figures import keep_figures

Cell = NotebookNode


def rebuild(notebook: NotebookNode, snapshot: Snapshot, file: str = "the notebook") -> tuple[NotebookNode, list[str]]:
    """The notebook to execute and grade, and the notes; Ungradable if nothing of the assignment is in it.

    What is given is made into what is returned.
    """
    work = _Rebuild(notebook, snapshot)
    work.claim()
    work.single()
    work.recognise()
    if not work.roles:
        raise Ungradable(f"{file} is another notebook: it holds none of the cells of this assignment")
    work.restore()
    work.dress()
    if not in_order(work.cells, work.roles, snapshot):
        work.sort()
    return work.finish(), work.notes


class _Rebuild:
    """The steps, in their order. `roles` says which cell of the assignment a cell of the hand-in is, by its `id()`."""

    def __init__(self, notebook: NotebookNode, snapshot: Snapshot) -> None:
        self.notebook = notebook
        self.cells: list[Cell] = self.notebook.cells
        self.snapshot = snapshot
        self.known = snapshot.known
        self.roles: dict[int, str] = {}
        self.notes: list[str] = []

    # What each cell says that it is

    def claim(self) -> None:
        """Believe the grade ids that the assignment has, and no other metadata."""
        for cell in self.cells:
            claimed = grade_id(cell)
            cell.metadata = kept_metadata(cell.metadata)
            for field in ("tags", "nbgrader", "course"):
                cell.metadata.pop(field, None)
            if cell.cell_type == "code":
                for field in ("collapsed", "scrolled"):
                    cell.metadata.pop(field, None)
            if claimed in self.known and (self.known[claimed].kind != FORM or cell.cell_type == "code"):
                self.roles[id(cell)] = claimed
        self._unmask()

    def _unmask(self) -> None:
        """Another cell's id on the only work for an exercise is a mistake: a locked cell is overwritten, and an answer
        does not run."""
        there = set(self.roles.values())
        for cell in self.cells:
            source = self.known.get(self.roles.get(id(cell), ""))
            if source is None or source.kind not in ("given", "test", "answer") or self._same(cell, source):
                continue
            if source.kind == "answer" and (source.cell_type == "code" or cell.cell_type != "code"):
                continue
            own = names(cell.source).defines - names(source.source).defines
            wanted = {n for e in self._exercises() if e.name not in there for n in self._wanted(e)}
            if own & wanted:
                del self.roles[id(cell)]

    def single(self) -> None:
        """Of several copies of a cell one keeps the role; untouched copies of a stub go: they would undo the work."""
        for name, copies in self._by_role().items():
            if len(copies) < 2:
                continue
            source = self.known[name]
            changed = [c for c in copies if source.solution and not self._same(c, source)]
            kept = copies[0] if source.kind == "given" else (changed or copies)[-1]
            for cell in copies:
                if cell is not kept:
                    del self.roles[id(cell)]
            if changed:
                gone = {id(c) for c in copies if c is not kept and self._same(c, source)}
                self._drop(gone)
            self.notes.append(f"The cell {name!r} stood {len(copies)} times; the last one written in was graded.")

    # Cells that lost their ids

    def recognise(self) -> None:
        """Find missing cells among those without a role: by the format's own id, by their text, by what they define."""
        missing = self._missing()
        if not missing:
            return
        by_id = self._unique({id(c): str(c.get("id", "")) for c in self._free()})
        by_text = self._unique({id(c): squash(c.source) for c in self._free()})
        for source in missing:
            if source.kind == FORM:
                continue
            here = by_id.get(source.id)
            text = by_text.get(squash(source.released)) or by_text.get(squash(source.source))
            found = None
            if source.locked:
                found = text or (here if here and not self._holds_work(here) else None)
            elif source.cell_type == "code":
                found = self._by_names(source, here) or text
            else:
                found = here or text
            if found and found not in self.roles:
                self.roles[found] = source.name
                if not source.locked:
                    self.notes.append(
                        f"The cell {source.name!r} had lost its id; what stands in it told which it is."
                    )
        for source in self._missing():
            if source.kind == "answer":
                self._between(source)

    def _by_names(self, source: SnapshotCell, here: int | None) -> int | None:
        """The last cell that defines most of what the exercise asks for; no untouched stub, where there is another."""
        wanted = self._wanted(source)
        best: tuple[int, bool, bool, int] | None = None
        for place, cell in enumerate(self.cells):
            if id(cell) in self.roles or not wanted:
                continue
            found = names(cell.source)
            if cell.cell_type != "code" and not found.code:
                continue
            covered = len(found.defines & wanted)
            rank = (covered, not self._same(cell, source), id(cell) == here, place)
            if covered and (best is None or rank > best):
                best = rank
        return id(self.cells[best[-1]]) if best else (here if not wanted else None)

    def _between(self, source: SnapshotCell) -> None:
        """An answer that lost its id: the one text that stands between the assignment's cells around it."""
        before, after = self._around(source)
        released = {squash(c.released) for c in self.snapshot.cells}
        between = [c for c in self.cells[before + 1 : after] if id(c) not in self.roles and c.source.strip()]
        found = [c for c in between if c.cell_type == source.cell_type and squash(c.source) not in released]
        if found:
            self.roles[id(max(found, key=lambda c: len(c.source)))] = source.name
            self.notes.append(f"The answer {source.name!r} had lost its id; the text in its place was taken for it.")

    # Cells that are gone

    def restore(self) -> None:
        """Put missing cells back where they belong, but never a stub over work that stands elsewhere."""
        back: dict[bool, list[str]] = {True: [], False: []}
        for source in self._missing():
            at = self._place(source)
            elsewhere = self._elsewhere(source) if source.kind in ("exercise", "answer") else None
            if elsewhere is not None:
                self.notes.append(
                    f"The cell {source.name!r} was missing; its work stands in another cell."
                )
                if source.kind == "exercise":
                    continue
                at = min(at, elsewhere)
            if source.kind == FORM:
                continue
            cell = NotebookNode(cell_type=source.cell_type, source=source.source, id=source.id)
            cell["metadata"] = NotebookNode(copy.deepcopy(dict(source.metadata)))
            self.cells.insert(at, cell)
            self.roles[id(cell)] = source.name
            back[source.grade].append(source.name)
        self._restore_free()
        if len(back[True]) > 3:
            self.notes.append(f"{len(back[True])} graded cells were missing and were put back: {listing(back[True])}.")
        else:
            self.notes += [
                f"The graded cell {n!r} was missing from the submission and was put back." for n in back[True]
            ]
        if back[False]:
            count = len(back[False])
            what = "1 cell of the assignment was" if count == 1 else f"{count} cells of the assignment were"
            self.notes.append(f"{what} missing and put back: {listing(back[False])}.")

    def _restore_free(self) -> None:
        """A free cell of the assignment that is gone comes back only where locked cells need what it defines."""
        there = {n for c in self.cells if c.cell_type == "code" for n in names(c.source).defines}
        needed = {n for s in self.known.values() if s.locked and s.cell_type == "code" for n in names(s.source).uses}
        for place, source in enumerate(self.snapshot.cells):
            if source.name or source.cell_type != "code" or not (names(source.source).defines - there) & needed:
                continue
            earlier = {c.name for c in self.snapshot.cells[:place] if c.name}
            at = 1 + max((i for i, c in enumerate(self.cells) if self.roles.get(id(c)) in earlier), default=-1)
            cell = NotebookNode(cell_type="code", source=source.source, id=source.id, metadata=NotebookNode())
            self.cells.insert(at, cell)
            self.notes.append("A code cell of the assignment that later cells need was missing and put back.")

    def _place(self, source: SnapshotCell) -> int:
        """A test as late as it may stand, so that the student's own cells run before it; others as early."""
        before, after = self._around(source)
        return after if source.judged and before < after else before + 1

    def _around(self, source: SnapshotCell) -> tuple[int, int]:
        """Where the nearest present cells before and after it in the assignment stand."""
        order = list(self.known)
        at = {self.roles[id(c)]: i for i, c in enumerate(self.cells) if id(c) in self.roles}
        mine = order.index(source.name)
        before = next((at[n] for n in reversed(order[:mine]) if n in at), -1)
        after = next((at[n] for n in order[mine + 1 :] if n in at), len(self.cells))
        return before, after

    def _elsewhere(self, source: SnapshotCell) -> int | None:
        wanted = self._wanted(source)
        for place, cell in enumerate(self.cells):
            own = self.known.get(self.roles.get(id(cell), ""))
            runs = cell.cell_type == "code" if own is None else own.solution and own.cell_type == "code"
            if runs and names(cell.source).defines & wanted:
                return place
        return None

    # What every cell of the assignment must be

    def dress(self) -> None:
        """Types, texts and metadata as the gradebook knows them; locked text comes from the source."""
        changed, retyped = [], []
        for cell in self.cells:
            source = self.known.get(self.roles.get(id(cell), ""))
            if source is not None:
                if cell.cell_type != source.cell_type:
                    retyped.append(source.name)
                    cell.cell_type = source.cell_type
                if source.kind == FORM:
                    cell.metadata["course"] = NotebookNode(id=FORM)
                else:
                    cell.metadata["nbgrader"] = rules.metadata(source)
                if source.locked:
                    if not self._same(cell, source):
                        changed.append(source.name)
                    cell.source = source.source
            if cell.cell_type == "code":
                if source is not None and source.judged:
                    cell.outputs = []
                cell.execution_count = None
                cell.pop("attachments", None)
            else:
                cell.pop("outputs", None)
                cell.pop("execution_count", None)
        keep_figures(cell for cell in self.cells if cell.cell_type == "code")
        if retyped:
            self.notes.append(f"Cells of another type than in the assignment were changed back: {listing(retyped)}.")
        if changed:
            self.notes.append(f"Locked cells were edited; the assignment's own text was used: {listing(changed)}.")

    def sort(self) -> None:
        """The assignment's order; the student's own cells stay behind the cell that they stood behind."""
        groups: dict[str, list[Cell]] = {"": []}
        last = ""
        for cell in self.cells:
            last = self.roles.get(id(cell), last)
            groups.setdefault(last, []).append(cell)
        self.cells = [c for name in ("", *self.known) for c in groups.get(name, [])]
        self.notes.append(
            "The cells stood in an order in which they can't run; the assignment's order was used."
        )

    def finish(self) -> NotebookNode:
        """Valid ids that don't repeat, the assignment's kernel."""
        seen: set[str] = set()
        for number, cell in enumerate(self.cells):
            wanted = str(cell.get("id", ""))
            if not ID.match(wanted) or wanted in seen:
                wanted = f"cell-{number}"
                while wanted in seen:
                    wanted += "x"
            cell["id"] = wanted
            cell["metadata"] = kept_metadata(cell.metadata)
            seen.add(wanted)
        self.notebook.cells = self.cells
        self.notebook.metadata = kept_metadata(self.notebook.metadata)
        self.notebook.metadata.pop("course", None)
        self.notebook.nbformat, self.notebook.nbformat_minor = 4, 5
        if self.snapshot.kernelspec:
            self.notebook.metadata["kernelspec"] = NotebookNode(self.snapshot.kernelspec)
        return self.notebook

    # Small questions about both

    def _same(self, cell: Cell, source: SnapshotCell) -> bool:
        return squash(cell.source) in (squash(source.released), squash(source.source))

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
        defined = {n for c in earlier for n in names(c.source).defines}
        if (used([cell.source], [c.source for c in earlier]) - above) & defined:
            return False
    return True


def squash(text: Any) -> str:
    """Text without the white space in which editors and converters differ."""
    return "\n".join(line.strip() for line in str(text).strip().splitlines() if line.strip())



def listing(found: list[str]) -> str:
    return some([*map(repr, found)])
