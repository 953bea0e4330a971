"""What an assignment asks for can't be fetched from the course's own package while a hand-in is graded."""

import dataclasses

import nbformat
import pytest
from reference_hand_ins import REFERENCE

from autograder.course import Course, prepare_environment
from autograder.grading.files import data_files
from autograder.grading.prepare import prepare
from autograder.grading.task import Task, work
from autograder.source import grade_id

LEFT = {"network_from_scratch": 0, "cnn_learning": 0, "cnn_runtime": 0, "convolution": 0, "cudnn_reading": 0}
"""Points that the reference earns in its exercises."""


def handed_in(name, cells, **options):
    """(points of automatic tests by cell, graded notebook) of a hand-in with these cells, else as released."""
    prepare_environment()
    course = Course()
    snapshot = prepare(course, name).snapshot
    if options.pop("open", False):
        snapshot = dataclasses.replace(snapshot, closed={})
    notebook = nbformat.v4.new_notebook()
    for known in snapshot.cells:
        text = cells.get(known.name, known.released) if known.name else known.released
        if cells.get("*") and known.name not in cells and known.kind in ("exercise", "answer", "form"):
            text = known.model
        make = nbformat.v4.new_code_cell if known.cell_type == "code" else nbformat.v4.new_markdown_cell
        cell = make(text, id=known.id)
        if known.name:
            about = {"grade_id": known.name, "grade": known.grade, "solution": known.solution, "locked": known.locked}
            cell.metadata["nbgrader"] = about | {"schema_version": 3, "task": False}
            if known.grade:
                cell.metadata["nbgrader"]["points"] = known.points
        notebook.cells.append(cell)
    task = Task("somebody", nbformat.writes(notebook).encode(), snapshot, data_files(course, name, {}), **options)
    result = work(task)
    assert not result.reason, result.reason
    tests = {cell.id for cell in snapshot.source.graded if cell.kind == "test"}
    points = {cell: value or 0 for cell, value in result.found(snapshot.source).points.items() if cell in tests}
    return points, result.graded, snapshot


def words(notebook):
    return {grade_id(c): " ".join(o.evalue for o in c.get("outputs", []) if o.output_type == "error")
            for c in notebook.cells if grade_id(c)}  # fmt: skip


def in_these(snapshot, cells, points):
    return sum(value for cell, value in points.items()
               if snapshot.source.exercise_of(next(c for c in snapshot.source.cells if c.id == cell)) in cells)  # fmt: skip


@pytest.mark.parametrize("name", REFERENCE)
def test_the_reference_earns_nothing(name):
    points, notebook, snapshot = handed_in(name, REFERENCE[name])
    earned = in_these(snapshot, REFERENCE[name], points)
    print(name, earned, points)
    assert earned <= LEFT[name], points
