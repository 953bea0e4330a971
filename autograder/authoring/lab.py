"""A student's own copy of the notebooks, which new releases are merged into, and JupyterLab in it."""

from __future__ import annotations

import copy
import os
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path

import nbformat
from nbformat import NotebookNode

from helpers.errors import CourseError

from ..course import Course
from ..files import write_bytes, write_notebook
from .release import worked_in
from .source import grade_id
from .start_page import START

RELEASED, EARLIER = ".released", ".earlier"
"""In the copy: the release that each file was last brought up to date with, and a notebook as it was before that."""
SETTINGS = Path(__file__).with_name("templates") / "jupyter"
"""JupyterLab's and Jupyter Server's settings for a student: without what nbgrader has for instructors."""


def update(folder: Path, course: Course | None = None) -> list[str]:
    """Bring the copy of notebooks/ in `folder` up to date, without touching what was written; returns sentences.

    A file that was not changed in the copy is renewed, one that was stays. A notebook that was worked in and whose
    release is a new one is merged cell by cell, and what it was before lies in `folder`/.earlier.
    CourseError where there is nothing to copy, or `folder` is none.
    """
    course = course or Course()
    if not (course.notebooks / START).is_file():
        raise CourseError("There is no notebooks/START_HERE.ipynb to copy; `make release ASSIGNMENT=…` makes it.")
    if folder.exists() and not folder.is_dir():
        raise CourseError(f"{str(folder)!r} is a file; name another folder for your copy of the notebooks.")
    told = list[str]()
    for path in sorted(released(course.notebooks)):
        place = path.relative_to(course.notebooks)
        told += _update(path, folder / place, folder / RELEASED / place, folder / EARLIER / place)
    return told


def released(notebooks: Path) -> Iterator[Path]:
    """The files of the releases: no hidden ones, no folders of caches."""
    for path in notebooks.rglob("*"):
        parts = path.relative_to(notebooks).parts
        if path.is_file() and not any(part.startswith(".") or part == "__pycache__" for part in parts):
            yield path


def _update(new: Path, mine: Path, base: Path, earlier: Path) -> Iterator[str]:
    """Bring one file up to date; a sentence where that is worth telling."""
    release = new.read_bytes()
    before = base.read_bytes() if base.is_file() else None
    if before == release:
        return
    content = mine.read_bytes() if mine.is_file() else None
    notebook = new.suffix == ".ipynb"
    untouched = before is not None and not (notebook and worked_in(base))  # else somebody worked in notebooks/ itself
    if content in (None, release) or (content == before and untouched):
        write_bytes(release, mine)
        if content is not None and content != release:
            yield f"{_name(mine)} was renewed: there is a new release, and you had not changed it."
    elif notebook:
        try:
            work = nbformat.reads((content or b"").decode("utf-8"), as_version=4)
        except Exception:  # whatever a damaged file makes of it
            yield f"{_name(mine)} can't be read as a notebook, so it stays as it is; the new release is {str(new)!r}."
            return
        given = nbformat.read(new, as_version=4)
        merged, notes = merge(work, nbformat.read(base, as_version=4) if untouched else given, given)
        write_bytes(content or b"", earlier)
        write_notebook(merged, mine)
        yield f"{_name(mine)}: a new release was merged in; what you wrote stays ({EARLIER}/ has it as it was)."
        yield from notes
    else:
        yield f"{_name(mine)} stays as it is: there is a new release, and you had changed it."
    write_bytes(release, base)


def _name(path: Path) -> str:
    return f"{path.parent.name}/{path.name}"


def merge(mine: NotebookNode, base: NotebookNode, new: NotebookNode) -> tuple[NotebookNode, list[str]]:
    """The new release with what was written in it, and notes.

    Args:
        mine: the notebook with work in it.
        base: the release that it was made from.
        new: the release to come to.

    A cell that may be written in (an exercise, an answer, the form, a free cell) stays where it differs from `base`;
    all others are those of `new`. Outputs stay where the cell's text does. The student's own cells stay behind the cell
    that they stood behind.
    """
    merged, notes = copy.deepcopy(new), list[str]()
    before, wanted = _by_key(base), _by_key(new)
    found: dict[str, NotebookNode] = {}
    own: dict[str, list[NotebookNode]] = {}
    behind: dict[str, str] = {}
    last = ""
    for cell in mine.cells:
        key = _key(cell)
        changed = _changed(cell, before.get(key))
        if key in wanted and (key not in found or (changed and not _locked(wanted[key]))):
            if key in found and _changed(found[key], before.get(key)):  # of copies the last one written in counts
                own.setdefault(behind[key], []).append(_plain(found[key]))
            behind.setdefault(key, last)
            found[key], last = cell, key
        elif changed and not _locked(cell):
            own.setdefault(last, []).append(_plain(cell))
    cells = list(own.get("", []))
    for cell in merged.cells:
        key = _key(cell)
        work, was = found.get(key), before.get(key)
        if work is not None and work.cell_type == cell.cell_type:
            kept = not _locked(cell) and work.source != (was or cell).source
            if kept and was is not None and was.source != cell.source:
                notes.append(f"In cell {key!r} the given text is new, and yours stays.")
            if kept:
                cell.source = work.source
                if "attachments" in work:
                    cell.attachments = work.attachments
            if cell.cell_type == "code" and cell.source == work.source:
                cell.outputs, cell.execution_count = work.outputs, work.execution_count
        elif work is not None and not _locked(cell):
            own.setdefault(key, []).insert(0, _plain(work))
        cells += [cell, *own.get(key, [])]
    seen: set[str] = set()
    for cell in cells:
        name = str(cell.get("id") or "own")
        while name in seen:
            name += "x"
        cell["id"] = name
        seen.add(name)
    merged.cells = cells
    return merged, notes


def _changed(cell: NotebookNode, was: NotebookNode | None) -> bool:
    return was is None or cell.source != was.source


def _by_key(notebook: NotebookNode) -> dict[str, NotebookNode]:
    return {_key(cell): cell for cell in notebook.cells}


def _key(cell: NotebookNode) -> str:
    """What a cell is the same by in two releases: its grade id, else the format's own id."""
    return grade_id(cell) or str(cell.get("id", ""))


def _locked(cell: NotebookNode) -> bool:
    about = cell.metadata.get("nbgrader", {})
    return bool(about) and not about.get("solution")


def _plain(cell: NotebookNode) -> NotebookNode:
    """A copy of a cell that is none of the assignment's any more."""
    made = copy.deepcopy(cell)
    for key in ("nbgrader", "course"):
        made.metadata.pop(key, None)
    return made


def start(folder: Path, arguments: Sequence[str]) -> None:
    """Become JupyterLab in `folder`, on its first page."""
    settings = os.pathsep.join(filter(None, [str(SETTINGS), os.environ.get("JUPYTER_CONFIG_PATH")]))
    page = f"--LabApp.default_url=/lab/tree/{START}"
    os.chdir(folder)
    os.execve(
        sys.executable, [sys.executable, "-m", "jupyterlab", page, *arguments],
        {**os.environ, "JUPYTER_CONFIG_PATH": settings},
    )  # fmt: skip
