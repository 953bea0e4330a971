"""A class is graded only where the model solution gets its own points."""

from __future__ import annotations

import json

import pytest

from autograder import grade
from autograder.authoring import sample
from autograder.authoring.student import Student
from autograder.execution import preflight
from helpers.errors import CourseError

HONEST = [Student("honest", "the model solution")]


def test_a_model_solution_that_fails_stops_grading_and_nothing_is_written(write_course):
    course = write_course()
    source = course.source("mini")
    source.write_text(source.read_text().replace("return x / 2", "return x / 3"))
    sample.fill("mini", course, HONEST)
    before = sorted(course.class_dir.rglob("*"))
    with pytest.raises(CourseError, match=r"does not get its own points here.*half\(1\) must be 0.5"):
        grade.grade("mini", course, timeout=20, budget=60)
    assert sorted(course.class_dir.rglob("*")) == before


def test_it_is_asked_once_for_one_state_of_the_course(write_course, monkeypatch):
    course = write_course()
    sample.fill("mini", course, HONEST)
    asked = []
    monkeypatch.setattr(preflight, "check", lambda result, assignment: asked.append(result.student))
    grade.grade("mini", course, timeout=20, budget=60)
    grade.grade("mini", course, timeout=20, budget=60, force=True)
    assert asked == [preflight.MODEL]
    assert json.loads((course.reports / ".mini.json").read_text())["model"]
