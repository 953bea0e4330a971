"""The notebook that holds the student's work, where several were handed in or one can be read in several ways."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from nbformat import NotebookNode

from ..authoring.snapshot import Snapshot
from ..authoring.source import FORM, grade_id
from .reading import Ungradable, ways
from .rebuild import rebuild, squash

UNTOUCHED = "Nothing was written: this is the notebook as it was handed out. Was it saved?"
TEMPLATE = Path(__file__).parents[1] / "authoring" / "templates" / "install_cell.py"
INSTALL_CELL = squash(TEMPLATE.read_text(encoding="utf-8")).partition('install("WHEEL")')[0]
"""How the cell begins that a handout's notebook has on top; in it stands the name of the handout's wheel."""


def best(files: Mapping[str, bytes], snapshot: Snapshot) -> tuple[NotebookNode, list[str], str]:
    """Of notebook files by their names, those to prefer first: the one that holds most of the student's work, rebuilt;
    notes; its name. Ungradable, with the reason of each, where none can be graded."""
    found: list[tuple[tuple[int, int, int], NotebookNode, list[str], str]] = []
    failed: list[str] = []
    for name, raw in files.items():
        try:
            for read, mended in ways(raw, name):
                notebook, rebuilt = rebuild(read, snapshot, name)
                found.append((work(notebook, snapshot), notebook, [*mended, *rebuilt], name))
        except Ungradable as error:
            failed.append(str(error))
    if not found:
        raise Ungradable("; ".join(failed))
    most, notebook, notes, name = max(found, key=lambda one: one[0])  # of equal ones the first
    others = [other for other in files if other != name]
    if others:
        cells = "1 cell" if most[0] == 1 else f"{most[0]} cells"
        told = f"{len(files)} notebooks were handed in; {name} was taken, which holds most of the student's own work"
        notes.insert(0, f"{told} ({cells}). Left out: {', '.join(others)}.")
    if most == (0, 0, 0):
        notes.insert(0, UNTOUCHED)
    return notebook, notes, name


def work(notebook: NotebookNode, snapshot: Snapshot) -> tuple[int, int, int]:
    """How many of the assignment's solution cells a rebuilt notebook holds written in, in how many of them nothing is
    still to do, and how many other cells of the student's it holds: the form, and what the release has not."""
    released = {squash(cell.released) for cell in snapshot.cells}
    solutions = done = others = 0
    for cell in notebook.cells:
        source = snapshot.known.get(grade_id(cell))
        if source is not None and (source.solution or source.kind == FORM):
            changed = squash(cell.source) not in (squash(source.released), squash(source.source), "")
            solutions += changed and source.solution
            done += changed and source.solution and "raise NotImplementedError" not in cell.source
            others += changed and not source.solution
        elif source is None:
            written = squash(cell.source)
            others += written not in released | {""} and not written.startswith(INSTALL_CELL)
    return solutions, done, others


def around(notebook: str, files: Mapping[str, bytes]) -> dict[str, bytes]:
    """The files of a hand-in as a notebook finds them that stands in one of its folders: also those of that folder by
    the names that they have there."""
    folder = notebook.rpartition("/")[0]
    inside = {name.removeprefix(f"{folder}/"): content for name, content in files.items() if folder}
    return {**inside, **files}
