"""Fill the release in as a class of made-up students would."""

from __future__ import annotations

import copy
import runpy
from collections.abc import Sequence
from pathlib import Path

import nbformat
from nbformat import NotebookNode

from helpers.errors import CourseError

from ..course import Course, clean_name
from ..files import stage, write_notebook
from .release import generate, worked_in
from .source import FORM, cells_by_id, without_markers
from .source import read as read_source
from .student import Student


def load(name: str, course: Course | None = None) -> list[Student]:
    """The students of solutions/NAME/class/students.py; CourseError where there are none."""
    path = (course or Course()).solutions / name / "class/students.py"
    if not path.is_file():
        raise CourseError(f"There is no sample class for {name!r}: no file solutions/{name}/class/students.py.")
    return list(runpy.run_path(str(path))["STUDENTS"])


def fill(name: str, course: Course, students: Sequence[Student] | None = None) -> list[Path]:
    """Write each student's hand-in to CLASSDIR/submitted/STUDENT/NAME; returns the folders.

    CourseError, before anything is written, if the class holds other students or if a student's change
    doesn't fit the model solution.
    """
    _, solved = read_source(course.source(name))
    chosen = load(name, course) if students is None else list(students)
    names = [clean_name(s.name, "a student") for s in chosen]
    if len(set(names)) < len(names):
        raise CourseError(f"Two students of the sample class of {name} have the same name.")
    strangers = sorted(p.name for p in course.submitted.glob("*") if p.name not in names and p.is_dir())
    if strangers:
        raise CourseError(
            f"{str(course.submitted)!r} holds {strangers[0]!r}, who is not of the sample class; "
            "choose another --class-dir."
        )
    released = release_of(name, course)
    made = [(s, None if s.raw is not None or s.empty else build(s, released, solved)) for s in chosen]
    folders = []
    for student, notebook in made:
        folder = course.submitted / student.name / name
        folder.mkdir(parents=True, exist_ok=True)
        target = folder / (student.filename or f"{name}.ipynb")
        for old in folder.glob("*.ipynb"):
            if old != target or student.empty:
                old.unlink()
        if notebook is not None:
            write_notebook(notebook, target)
        elif student.raw is not None:
            target.write_bytes(student.raw)
        folders.append(folder)
    return folders


def release_of(name: str, course: Course) -> NotebookNode:
    """The student's notebook: the committed one, or a fresh one where that was worked in or is missing."""
    path = course.notebooks / name / f"{name}.ipynb"
    if path.is_file() and not worked_in(path):
        return nbformat.read(path, as_version=4)
    with stage() as folder:
        made = generate(name, course, folder, f"sqlite:///{folder / 'gradebook.db'}")
        return nbformat.read(made / f"{name}.ipynb", as_version=4)


def build(student: Student, released: NotebookNode, solved: NotebookNode) -> NotebookNode:
    """The notebook that a student hands in."""
    notebook = copy.deepcopy(released)
    model, cells = cells_by_id(solved), cells_by_id(notebook)
    for id_, cell in cells.items():
        part = "" if id_.startswith(FORM) else id_.partition("-")[0]
        wanted = student.done is None or id_ in student.done or part in student.done
        meta = cell.metadata.get("nbgrader", {"solution": id_ == FORM})
        if wanted and meta["solution"]:
            cell.source = without_markers(model[id_].source)
    for id_, text in student.replace.items():
        find(cells, id_, student).source = text
    for edit in student.edits:
        cell = find(cells, edit.grade_id, student)
        if edit.old not in cell.source:
            raise CourseError(f"Student {student.name!r}: {edit.old[:60]!r} does not occur in cell {edit.grade_id!r}.")
        cell.source = cell.source.replace(edit.old, edit.new, edit.count)
    if student.form is not None:
        lines = [f"{key} = {value!r}" for key, value in student.form.items()]
        find(cells, FORM, student).source = "\n".join(lines)
    for number, (id_, text) in enumerate(student.cells_added):
        at = notebook.cells.index(find(cells, id_, student)) + 1
        notebook.cells.insert(at, nbformat.v4.new_code_cell(text, id=f"own-{number}"))
    for number, id_ in enumerate(student.cells_copied):
        copied = copy.deepcopy(find(cells, id_, student))
        copied.id = f"copy-{number}"
        notebook.cells.insert(notebook.cells.index(cells[id_]) + 1, copied)
    gone = {id(find(cells, id_, student)) for id_ in student.cells_removed}
    notebook.cells = [c for c in notebook.cells if id(c) not in gone]
    return notebook


def find(cells: dict[str, NotebookNode], id_: str, student: Student) -> NotebookNode:
    if id_ not in cells:
        raise CourseError(f"Student {student.name!r}: the notebook has no cell {id_!r}.")
    return cells[id_]
