"""nbgrader's own commands grade by the same engine: `nbgrader autograde` gives what our command gives."""

from __future__ import annotations

import json
import os
import subprocess
import sys

import pytest
from test_grading_equality import rows_of

from autograder import nbgrader_plugins
from autograder.authoring.prepare import prepare
from autograder.course import REPOSITORY, Course
from autograder.execution.task import Result
from autograder.grade import results
from autograder.recording.writer import Writer
from autograder.reports import class_report

EMOJI = 'group = [{"name": "X \\ud83d\\ude00"}]\nready_to_present = ["A"]'
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
    whole = json.loads((mini.submitted / "model" / "mini" / "mini.ipynb").read_text(encoding="utf-8"))
    for name, text in (("emoji", EMOJI), ("caf\udce9", EMOJI)):
        target = course.submitted / name / "mini" / "mini.ipynb"
        target.parent.mkdir(parents=True)
        form = next(cell for cell in whole["cells"] if cell["metadata"].get("course"))
        target.write_text(json.dumps(whole | {"cells": [c if c is not form else c | {"source": text}
                                                        for c in whole["cells"]]}))  # fmt: skip
    (course.submitted / "folder" / "mini" / "mini.ipynb").mkdir(parents=True)
    prepared = prepare(course, "mini")
    with Writer(course, prepared.assignment, prepared.snapshot) as writer:
        writer.record(Result("nobody", reason="only so that the gradebook knows the assignment"))
    environment = os.environ | {
        "COURSE_ROOT": str(course.root), "COURSE_CLASS_DIR": str(folder),
    }  # fmt: skip
    ran = subprocess.run([sys.executable, "-m", "nbgrader", "autograde", "mini"], cwd=REPOSITORY / "autograder",
                         env=environment, capture_output=True, text=True, timeout=400)  # fmt: skip
    return course, ran


@pytest.mark.promise(
    "**nbgrader's own commands** work, too: start them in `autograder/`, where nbgrader finds its configuration, "
    "with `COURSE_CLASS_DIR=/path/to/class`."
)
@pytest.mark.promise("`nbgrader autograde NAME` uses the same engine, one hand-in after the other.")
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


def test_names_forms_and_folders_that_it_can_not_take_leave_a_report_for_everybody(commanded):
    course, _ = commanded
    found = results("mini", course)
    rows = {row.student: row for row in found.rows}
    assert {row.auto for student, row in rows.items() if student in ("model", "emoji")} == {7}
    assert rows["emoji"].form.group == ({"name": "X \U0001f600"},)
    assert (rows["folder"].auto, rows["caf\\xe9"].reason) == (0, "not graded yet")
    page = class_report.write(found, course)
    for path in (page, page.with_suffix(".csv")):
        assert "caf\\xe9" in path.read_text(encoding="utf-8")


@pytest.mark.slow
def test_a_new_gradebook_has_the_version_that_nbgrader_asks_its_process_for():
    ask = (
        "from autograder.course import prepare_environment; prepare_environment()\n"
        "from nbgrader.api import get_alembic_version; print(get_alembic_version())"
    )
    ran = subprocess.run([sys.executable, "-c", ask], cwd=REPOSITORY, capture_output=True, text=True, check=True)
    assert ran.stdout.strip() == nbgrader_plugins.version_of_gradebooks()
