"""Sample classes: changes that don't fit are told, and other people's classes are left alone."""

import json

import pytest

from autograder.authoring.sample import fill, load
from autograder.authoring.source import grade_id
from autograder.authoring.student import Edit, Student
from helpers.errors import CourseError


def test_an_edit_that_does_not_fit_writes_nothing(mini, copy_of):
    course = copy_of(mini)
    before = sorted(course.submitted.rglob("*"))
    bad = Student("model", "", edits=[Edit("A-double", "there is no such text", "")])
    others = [Student(p.name, "") for p in course.submitted.iterdir() if p.name != "model"]
    with pytest.raises(CourseError, match=r"'there is no such text' does not occur in cell 'A-double'"):
        fill("mini", course, [bad, *others])
    assert sorted(course.submitted.rglob("*")) == before
    with pytest.raises(CourseError, match="has no cell 'A-nope'"):
        fill("mini", course, [Student("model", "", replace={"A-nope": ""}), *others])


def test_refuses_a_real_class(mini, copy_of):
    course = copy_of(mini)
    with pytest.raises(CourseError, match="who is not of the sample class"):
        fill("mini", course, [Student("model", "")])


def test_same_bytes_twice_and_parts(mini, write_course, copy_of):
    course = copy_of(mini)
    for path in course.submitted.rglob("*.ipynb"):
        path.unlink()
    for path in sorted(course.submitted.glob("*/mini")) + sorted(course.submitted.glob("*")):
        path.rmdir()
    students = [Student("half", "only A", done=("A",), cells_added=[("A-double", "1 + 1")])]
    folder = fill("mini", course, students)[0]
    before = (folder / "mini.ipynb").read_bytes()
    fill("mini", course, students)
    assert (folder / "mini.ipynb").read_bytes() == before
    cells = json.loads(before)["cells"]
    text = {c["metadata"]["nbgrader"]["grade_id"]: "".join(c["source"]) for c in cells if "nbgrader" in c["metadata"]}
    assert "sum_with_itself" in text["A-double"]
    assert "BEGIN" not in text["A-double"]
    assert "YOUR CODE HERE" in text["B-hello"]
    position = next(i for i, c in enumerate(cells) if grade_id(c) == "A-double")
    assert "".join(cells[position + 1]["source"]) == "1 + 1"


def test_unknown_sample_class():
    with pytest.raises(CourseError, match="There is no sample class for 'nope'"):
        load("nope")
