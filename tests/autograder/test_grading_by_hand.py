"""What a human graded stays graded: only an answer whose text has changed waits for a human again."""

from __future__ import annotations

import os
import shutil
import sqlite3
import subprocess
import sys

import nbformat
import pytest
from naive import Here

from autograder.authoring.source import cells_by_id
from autograder.course import REPOSITORY, Course
from autograder.grade import grade
from autograder.recording.writer import Pending
from tests.autograder.test_grading_record import filled, killed  # noqa: F401

BY_HAND = ("B-why", "A-half-one")
"""An answer in text, and the test of an answer in code."""


@pytest.fixture
def course(filled, tmp_path) -> Course:  # noqa: F811
    shutil.copytree(filled, tmp_path, dirs_exist_ok=True)
    course = Course(root=tmp_path / "course", class_dir=tmp_path / "class")
    grade("mini", course, executor=Here())
    by_hand(course)
    return course


def by_hand(course: Course) -> None:
    """As the formgrader does it."""
    from nbgrader.api import Gradebook

    with Gradebook(course.db_url) as gradebook:
        for cell in BY_HAND:
            found = gradebook.find_grade(cell, "mini", "mini", "ann")
            found.manual_score, found.needs_manual_grade = 1.5, False
        gradebook.find_comment("B-why", "mini", "mini", "ann").manual_comment = "well said"
        gradebook.db.commit()


def kept(course: Course) -> tuple[dict[str, tuple[float, bool]], str]:
    from nbgrader.api import Gradebook

    with Gradebook(course.db_url) as gradebook:
        grades = [gradebook.find_grade(cell, "mini", "mini", "ann") for cell in BY_HAND]
        comment = gradebook.find_comment("B-why", "mini", "mini", "ann").comment
        return {g.name: (g.manual_score, bool(g.needs_manual_grade)) for g in grades}, comment


def hand_in(course: Course, **texts: str) -> None:
    """Ann's notebook again, with other texts in these cells (`_` for `-`)."""
    path = course.submitted / "ann" / "mini" / "mini.ipynb"
    notebook = nbformat.read(path, as_version=4)
    for name, text in texts.items():
        cells_by_id(notebook)[name.replace("_", "-")].source = text
    nbformat.write(notebook, path)


def text_of(course: Course, cell: str) -> str:
    return cells_by_id(nbformat.read(course.submitted / "ann/mini/mini.ipynb", as_version=4))[cell].source


def waits(course: Course) -> list[str]:
    found, comment = kept(course)
    assert {score for score, _ in found.values()} == {1.5}
    assert comment == "well said"
    return [cell for cell, (_, flag) in found.items() if flag]


@pytest.mark.promise("What you graded by hand stays graded until that answer's own text changes;")
def test_force_another_engine_and_a_new_release_send_nothing_back(course, monkeypatch):
    assert "ann" in grade("mini", course, executor=Here(), force=True).regraded
    assert waits(course) == []
    monkeypatch.setattr("autograder.batch.code_digest", lambda: "another engine")
    assert "ann" in grade("mini", course, executor=Here()).regraded
    assert waits(course) == []
    source = course.source("mini")
    source.write_text(source.read_text().replace('"half(1) must be 0.5"', '"half(1) is a half"'))
    assert "ann" in grade("mini", course, executor=Here()).regraded
    assert waits(course) == []


@pytest.mark.promise("only then does it wait for you again, with your points and comment.")
def test_only_the_answer_that_changed_waits_again(course):
    hand_in(course, B_hello="def hello(name):\n    return 'hello ' + name")
    grade("mini", course, executor=Here())
    assert waits(course) == []
    hand_in(course, B_why="Because.")
    grade("mini", course, executor=Here())
    assert waits(course) == ["B-why"]
    hand_in(course, A_half="def half(x):\n    return 0.5 * x")
    grade("mini", course, executor=Here())
    assert waits(course) == [*BY_HAND]  # a flag that a human has not taken away stays
    by_hand(course)
    grade("mini", course, executor=Here(), force=True)
    assert waits(course) == []


def test_ends_of_lines_are_no_change_and_an_emptied_answer_is_one(course):
    hand_in(course, B_why=text_of(course, "B-why").replace("\n", " \r\n") + "  \n\n")
    grade("mini", course, executor=Here())
    assert waits(course) == []
    hand_in(course, B_why="")
    grade("mini", course, executor=Here())
    assert waits(course) == ["B-why"]


def test_a_cell_that_has_to_be_rebuilt_is_the_same_answer_and_a_deleted_one_is_not(course):
    path = course.submitted / "ann" / "mini" / "mini.ipynb"
    notebook = nbformat.read(path, as_version=4)
    cells_by_id(notebook)["B-why"].metadata.nbgrader["points"] = 100
    notebook.cells.append(notebook.cells.pop(notebook.cells.index(cells_by_id(notebook)["A-half"])))
    nbformat.write(notebook, path)
    grade("mini", course, executor=Here())
    assert waits(course) == []
    notebook.cells.remove(cells_by_id(notebook)["A-half"])
    nbformat.write(notebook, path)
    grade("mini", course, executor=Here())
    assert waits(course) == ["A-half-one"]


@pytest.mark.parametrize("where", ["place", "save"])
def test_killed_while_it_was_recorded_a_changed_answer_still_waits(course, where):
    hand_in(course, B_why="Because.")
    with pytest.raises(KeyboardInterrupt):
        killed(course, where, after=0)
    assert len(list(Pending(course, "mini"))) > 0
    if where == "save":
        assert text_of_graded(course) == "Because."
    grade("mini", course, executor=Here())
    assert waits(course) == ["B-why"]


def text_of_graded(course: Course) -> str:
    return cells_by_id(nbformat.read(course.autograded / "ann/mini/mini.ipynb", as_version=4))["B-why"].source


def test_a_class_that_was_graded_before_answers_were_recorded(course):
    with sqlite3.connect(course.class_dir / "gradebook.db") as db:
        db.execute("drop table course_answer")
    grade("mini", course, executor=Here(), force=True)
    assert waits(course) == []
    with sqlite3.connect(course.class_dir / "gradebook.db") as db:
        db.execute("drop table course_answer")
    hand_in(course, B_why="Because.")
    grade("mini", course, executor=Here())
    assert waits(course) == ["B-why"]


def test_nbgraders_own_autograde_keeps_to_the_same_rule(course):
    environment = os.environ | {
        "COURSE_ROOT": str(course.root), "COURSE_CLASS_DIR": str(course.class_dir),
        "JUPYTER_CONFIG_PATH": str(REPOSITORY / "autograder"), "PYTHONPATH": str(REPOSITORY),
    }  # fmt: skip

    hand_in(course, B_why="Because.")
    command = [sys.executable, "-m", "nbgrader", "autograde", "mini", "--force", "--student", "ann"]
    ran = subprocess.run(command, cwd=REPOSITORY / "autograder", env=environment, capture_output=True, text=True)
    assert ran.returncode == 0, ran.stderr[-2000:]
    assert waits(course) == ["B-why"]  # and not A-half-one, which did not change
