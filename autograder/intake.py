"""Take a student's hand-in as it lies there, or say in words why that can't be done."""

from __future__ import annotations

import shutil
from dataclasses import dataclass, field
from pathlib import Path

from nbformat import NotebookNode

from .course import Course
from .engine import write_notebook
from .grading.reading import LARGEST, Ungradable, parse
from .source import Assignment, grade_id


@dataclass
class HandIn:
    """A hand-in that can be graded, and what is worth knowing about it."""

    notebook: NotebookNode
    files: list[Path]
    notes: list[str] = field(default_factory=list)


def students(course: Course, name: str) -> list[str]:
    """Everybody who has something in submitted/ that may be meant for this assignment, sorted."""
    if not course.submitted.is_dir():
        return []
    others = set(course.assignments()) - {name}
    found = []
    for path in course.submitted.iterdir():
        if path.name.startswith("."):
            continue
        inside = {p.name for p in path.iterdir() if not p.name.startswith(".")} if path.is_dir() else set()
        if name in inside or not inside or not inside <= others:
            found.append(path.name)
    return sorted(found)


def hand_in(course: Course, assignment: Assignment, student: str) -> HandIn:
    """Read submitted/STUDENT/NAME; Ungradable with a sentence where there is nothing to grade."""
    name, place = assignment.name, course.submitted / student
    if any(ord(c) < 32 for c in student):
        raise Ungradable("the name of the folder holds control characters")
    if not place.is_dir():
        raise Ungradable("it is a file, where a folder with the student's name is expected")
    folder = place / name
    if not folder.is_dir():
        inside = sorted(p.name for p in place.iterdir() if not p.name.startswith("."))
        if not inside:
            raise Ungradable("the folder is empty, nothing was handed in")
        raise Ungradable(f"there is no folder {name!r} in it, only {listing(inside)}")
    files = sorted(p for p in folder.rglob("*") if p.is_file() and not p.is_symlink() and visible(p, folder))
    path, notes = choose(files, folder, name)
    notebook, mended = read_with_notes(path)
    notes += mended
    ids = {cell.id for cell in assignment.cells if cell.id}
    if not ids & {grade_id(cell) for cell in notebook.cells}:
        raise Ungradable(f"{path.name} is another notebook: it holds none of the cells of this assignment")
    others = [p for p in files if p.suffix not in (".ipynb", ".py")]
    code = [p.name for p in files if p.suffix == ".py"]
    if code:
        notes.append(f"Python files beside the notebook were left out: {listing(code)}.")
    return HandIn(notebook, others, notes)


def visible(path: Path, folder: Path) -> bool:
    return not any(p.startswith(".") or p == "__pycache__" for p in path.relative_to(folder).parts)


def listing(names: list[str]) -> str:
    return ", ".join(names[:3]) + (f" and {len(names) - 3} more" if len(names) > 3 else "")


def choose(files: list[Path], folder: Path, name: str) -> tuple[Path, list[str]]:
    """The notebook among the files, and a note where it has another name."""
    if folder / f"{name}.ipynb" in files:
        return folder / f"{name}.ipynb", []
    notebooks = [p for p in files if p.suffix == ".ipynb"]
    if len(notebooks) == 1:
        return notebooks[0], [f"The notebook is called {notebooks[0].name!r}; it was taken as {name}.ipynb."]
    if notebooks:
        raise Ungradable(
            f"none of its {len(notebooks)} notebooks is called {name}.ipynb ({listing([p.name for p in notebooks])})"
        )
    if files:
        raise Ungradable(f"there is no notebook in it, only {listing([p.name for p in files])}")
    raise Ungradable("the folder is empty, nothing was handed in")


def read_notebook(path: Path) -> NotebookNode:
    """Read a notebook of any version as version 4; Ungradable with a sentence if it is damaged."""
    return read_with_notes(path)[0]


def read_with_notes(path: Path) -> tuple[NotebookNode, list[str]]:
    """The notebook, and a note where the file had to be mended."""
    if path.stat().st_size > LARGEST:
        raise Ungradable(f"{path.name} is {path.stat().st_size / 1e6:.0f} MB large, more than {LARGEST // 10**6}")
    return parse(path.read_bytes(), path.name)


def lay_out(taken: HandIn, course: Course, name: str, student: str, folder: Path) -> None:
    """Copy a hand-in into the scratch course `folder` under the names that nbgrader expects."""
    target = folder / "submitted" / student / name
    write_notebook(taken.notebook, target / f"{name}.ipynb")
    here = course.submitted / student / name
    for path in taken.files:
        copy = target / path.relative_to(here)
        if path.name == "timestamp.txt" and not readable_time(path):
            taken.notes.append("timestamp.txt holds no date that can be read; it was left out.")
            continue
        copy.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(path, copy)


def readable_time(path: Path) -> bool:
    from nbgrader.utils import parse_utc

    try:
        text = path.read_text(encoding="utf-8").strip()
        return not text or parse_utc(text) is not None
    except (ValueError, OverflowError):
        return False
