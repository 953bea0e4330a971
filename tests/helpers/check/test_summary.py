"""The points so far: counted right, also after a restart, and for the student alone."""

from __future__ import annotations

import json
import os
import re

import pytest
from nbclient import NotebookClient
from nbformat import v4, writes

from autograder.authoring.source import read as read_source
from autograder.course import Course
from helpers import check
from helpers.check.core import report, summary

PASSED = v4.new_output("display_data", data={"text/plain": "passed"})
FAILED = v4.new_output("error", ename="CheckFailed", evalue="no", traceback=["no"])
TO_DO = v4.new_output("display_data", data={report.MIME: {"check": "x", "passed": False, "mistake": "still-to-do"}})
EMPTY = "*Your answer here: replace this line.*"


def graded(name, points, source, solution=False, **cell):
    about = {"grade": True, "solution": solution, "grade_id": name, "points": points}
    make = v4.new_markdown_cell if solution else v4.new_code_cell
    return make(source, metadata={"nbgrader": about}, **cell)


def ran(*outputs):
    return {"outputs": list(outputs), "execution_count": 1}


def notebook(first=EMPTY):
    """Exercises A1 (3 points by checks), A2 (2 and 4 by hand) and part B (1, without a heading of its own)."""
    return v4.new_notebook(cells=[
        v4.new_markdown_cell("# A <b>title</b>"),
        v4.new_markdown_cell('## Part A. Numbers (9 points)\n\n<a id="A1"></a>\n\n### A1. Linear (3 points, 5 min)'),
        graded("A-one", 1, "check.one(f)", **ran(PASSED)),
        graded("A-two", 2, "check.two(f)", **ran(FAILED)),
        v4.new_markdown_cell("### A2. Words (2 + 4 points, 5 min)\n\n## A heading of the student's own"),
        graded("A-three", 2, "check.three(f)", **ran(TO_DO, FAILED)),
        graded("A-why", 4, first, solution=True),
        v4.new_markdown_cell("## Part B. One exercise (1 point, 5 min)"),
        graded("B-four", 1, "check.four(f)"),
        graded("form-check", 0, "check.form()", **ran(FAILED)),
    ])  # fmt: skip


@pytest.fixture
def desk(tmp_path, monkeypatch):
    """desk(notebook, name) lays a notebook of that name beside the others; the session is in that of "mini"."""
    (tmp_path / "mini").mkdir()
    monkeypatch.chdir(tmp_path / "mini")
    monkeypatch.delenv("JPY_SESSION_NAME", raising=False)
    monkeypatch.setattr(report, "session", {})
    monkeypatch.setattr(summary, "session", report.session)

    def lay(made, name="mini", file=""):
        path = tmp_path / name / f"{file or name}.ipynb"
        path.parent.mkdir(exist_ok=True)
        path.write_text(made if isinstance(made, str) else writes(made), encoding="utf-8")
        return path

    return lay


@pytest.fixture
def shown(monkeypatch):
    seen = []
    monkeypatch.setattr(summary, "show", seen.append)

    def call():
        check.summary()
        return seen.pop()

    return call


def test_points_by_exercise_and_what_is_left(desk, shown):
    desk(notebook())
    here = shown().here
    rows = {one.title: (one.mark, one.got, one.points, one.by_hand, one.left) for one in here.exercises if one.title}
    assert rows["A1. Linear"] == ("✗", 1, 3, 0, "not yet passed: A-two")
    assert rows["A2. Words"] == ("○", 0, 2, 4, "to write and run: A-three; to answer: A-why")
    assert rows["B. One exercise"] == ("○", 0, 1, 0, "to write and run: B-four")
    assert str(here) == "1 of 6 points, and 4 more that a person gives for answers (1 answer still to write)"


def test_what_ran_in_this_kernel_counts_before_it_is_saved(desk, shown):
    desk(notebook())
    report.session |= {"check.two(f)": "", "check.one(f)": "sign-flipped", "check.four(f)": ""}
    assert [one.got for one in shown().here.exercises if one.points] == [2, 0, 1]


def test_after_a_restart_the_saved_notebook_tells(desk, shown):
    desk(notebook())
    report.session["check.four(f)"] = ""
    assert shown().here.total("got") == 2
    report.session.clear()
    assert shown().here.total("got") == 1


def test_a_written_answer_waits_for_a_person(desk, shown):
    desk(notebook("Because they like each other."))
    here = shown().here
    assert str(here) == "1 of 6 points, and 4 more that a person gives for answers"
    assert "answered, a person gives the points: A-why" in str(shown())


def test_the_other_assignments_stand_below_with_links(desk, shown):
    desk(notebook())
    desk(notebook(), "other")
    desk(notebook(), "other", "Copy of other")
    said = shown()
    assert [other.path.parent.name for other in said.others] == ["other"]
    page = said._repr_html_()
    assert 'href="../other/other.ipynb"' in page
    assert '<a href="#A1">A1. Linear</a>' in page
    assert "<b>title</b>" not in page


def test_on_the_first_page_all_assignments_are_listed(desk, shown, monkeypatch, tmp_path):
    desk(notebook())
    desk(notebook(), "other")
    desk(v4.new_notebook(cells=[v4.new_code_cell("check.summary()")]), ".", "START_HERE")
    monkeypatch.chdir(tmp_path)
    said = shown()
    assert said.here is None
    assert len(said.others) == 2
    assert 'href="mini/mini.ipynb"' in said._repr_html_()


def test_assignments_stand_in_the_order_of_the_first_page(desk, shown, monkeypatch, tmp_path):
    for name in ("mini", "other", "unlisted", "before"):
        desk(notebook(), name)
    table = "| 1 | [Other](other/other.ipynb) |\n| 2 | [Mini](mini/mini.ipynb) |\n| 3 | [Gone](gone/gone.ipynb) |"
    desk(v4.new_notebook(cells=[v4.new_markdown_cell(table)]), ".", "START_HERE")
    assert [other.path.stem for other in shown().others] == ["other", "before", "unlisted"]
    monkeypatch.chdir(tmp_path)
    assert [other.path.stem for other in shown().others] == ["other", "mini", "before", "unlisted"]


def test_of_several_notebooks_in_a_folder_the_one_that_is_open_counts(desk, shown, monkeypatch):
    desk(notebook())
    desk(notebook("Written."), "mini", "mine")
    monkeypatch.setenv("JPY_SESSION_NAME", "/somewhere/mini/mine.ipynb")
    assert shown().here.path.name == "mine.ipynb"
    monkeypatch.delenv("JPY_SESSION_NAME")
    assert shown().here is not None


@pytest.mark.parametrize("text", ["", "[]", '{"cells": 3}', '{"cells": [1]}', "{" * 20_000, '{"cells": [{}]}'])
def test_what_is_no_notebook_is_left_out(desk, shown, text):
    desk(text)
    assert shown().here is None
    assert str(shown()) == summary.NOTHING == re.sub(r"<.*?>", "", shown()._repr_html_())


SESSION = '''\
from helpers.check.core.report import Mistake, check as make


@make("A check", "A1")
def one(fine):
    yield "something"
    if not fine:
        raise Mistake("wrong", "It is wrong.")
'''


@pytest.mark.parametrize("fine", [True, False])
def test_in_a_notebook_a_check_is_noted_with_its_cell(tmp_path, fine):
    """Run by a kernel, unsaved: the file says nothing of it, the cells that ran do."""
    made = v4.new_notebook(cells=[
        v4.new_code_cell("from helpers import check\n" + SESSION),
        graded("A-one", 2, f"one({fine})\n\n"),
        v4.new_code_cell("check.summary()"),
    ])  # fmt: skip
    folder = tmp_path / "mini"
    folder.mkdir()
    (folder / "mini.ipynb").write_text(writes(made), encoding="utf-8")
    NotebookClient(made, resources={"metadata": {"path": str(folder)}}, allow_errors=True).execute(env={**os.environ})
    told = made.cells[-1].outputs[0]["data"]["text/plain"]
    assert f"{2 * fine} of 2 points" in told


@pytest.mark.parametrize("name", Course().assignments())
def test_every_notebook_ends_with_its_summary_and_all_its_points_are_in_it(name, tmp_path):
    assignment, made = read_source(Course().source(name))
    assert made.cells[-1].source.strip() == "check.summary()"
    path = tmp_path / f"{name}.ipynb"
    path.write_text(writes(made), encoding="utf-8")
    found = summary.read(path)
    assert found.total("points") + found.total("by_hand") == assignment.points
    assert found.title == assignment.title or found.title.startswith(assignment.title.split(":")[0])
    assert found.total("got") == 0
    anchors = set(re.findall(r'<a id="(\w+)">', json.dumps([cell.source for cell in made.cells]).replace('\\"', '"')))
    assert {one.anchor for one in found.exercises if one.points or one.by_hand} <= anchors
