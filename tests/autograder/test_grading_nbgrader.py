"""nbgrader's own commands grade by the same engine: `nbgrader autograde` gives what our command gives."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest
from test_grading_equality import rows_of

from autograder.course import REPOSITORY, Course
from autograder.grading.prepare import prepare
from autograder.grading.record import Writer
from autograder.grading.task import Result

GRADED = ("model", "wrong", "warned", "crash", "deleted", "twice")


@pytest.fixture(scope="module")
def commanded(mini, tmp_path_factory):
    """Part of the mini class, graded by `nbgrader autograde`, one damaged hand-in among them."""
    folder = tmp_path_factory.mktemp("nbgrader")
    course = Course(root=mini.root, class_dir=folder)
    for student in (*GRADED, "other"):
        target = course.submitted / student / "mini"
        target.mkdir(parents=True)
        source = mini.submitted / student / "mini" / "mini.ipynb"
        (target / "mini.ipynb").write_bytes(source.read_bytes())
    prepared = prepare(course, "mini")
    with Writer(course, prepared.assignment, prepared.snapshot) as writer:
        writer.record(Result("nobody", reason="only so that the gradebook knows the assignment"))
    environment = os.environ | {
        "COURSE_ROOT": str(course.root), "COURSE_CLASS_DIR": str(folder),
        "JUPYTER_CONFIG_PATH": str(REPOSITORY / "autograder"),
        "PYTHONPATH": str(REPOSITORY),
    }  # fmt: skip
    ran = subprocess.run([sys.executable, "-m", "nbgrader", "autograde", "mini"], cwd=REPOSITORY / "autograder",
                         env=environment, capture_output=True, text=True, timeout=400)  # fmt: skip
    return course, ran


@pytest.mark.parametrize("student", GRADED)
def test_the_rows_are_those_of_our_command(commanded, graded, mini, student):
    course, ran = commanded
    theirs, ours = rows_of(course.db_url, student), rows_of(mini.db_url, student)
    assert theirs, ran.stderr[-2000:]
    for rows in (theirs, ours):
        rows["grades"].pop("form-check")  # carries the bonus, which our command writes at once
        del rows["score"]
    assert theirs == ours


def test_one_that_can_not_be_graded_is_named_and_stops_nobody(commanded):
    course, ran = commanded
    assert "holds none of the cells of this assignment" in ran.stderr
    assert not (course.autograded / "other" / "mini").exists()
