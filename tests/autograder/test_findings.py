"""What a worker finds is what stands in the notebook that it writes."""

import json

import nbformat
import pytest
from feedback_kit import render

from autograder.authoring.prepare import prepare
from autograder.execution.task import Result, Task
from autograder.execution.work import work
from autograder.reports.feedback_page import page as pages
from autograder.reports.findings import Findings, find
from autograder.submission.intake import hand_in
from tests.autograder.conftest import CLASS

NAMES = sorted({student.name.replace("/", "_") for student in CLASS})


def travelled(found: Findings) -> Findings:
    return Findings.of(json.loads(json.dumps(found.plain())))


@pytest.fixture(scope="module")
def assignment(mini, graded):
    return prepare(mini, "mini").assignment


@pytest.mark.parametrize("student", NAMES)
def test_a_page_made_of_what_travelled_is_the_notebooks_page(mini, graded, rows, assignment, student):
    path = mini.autograded / student / "mini" / "mini.ipynb"
    if not path.is_file():
        assert rows[student].reason
        return
    notebook = nbformat.read(path, as_version=4)
    found = travelled(find(notebook, assignment))
    page = pages.render(rows[student], found.page, assignment)
    assert page == render(rows[student], notebook, assignment)
    assert (mini.feedback / student / "mini" / "mini.html").read_text(encoding="utf-8") == page
    assert {name: points or 0.0 for name, points in found.points.items()} == rows[student].scores


def test_a_worker_finds_what_it_wrote(mini, graded, assignment):
    snapshot = prepare(mini, "mini").snapshot
    for student in ("model", "crash"):
        taken = hand_in(mini, "mini", student)
        result = work(Task(student, taken.notebook, snapshot, mode="none", unsafe=True, timeout=3))
        assert result.reason == ""
        told = Result.unpack(result.pack())
        assert told.findings == json.loads(json.dumps(find(result.graded, assignment).plain()))
        assert told.found(assignment).plain() == find(result.graded, assignment).plain()


def test_findings_of_another_version_are_worked_out_again(mini, graded, assignment):
    notebook = (mini.autograded / "wrong" / "mini" / "mini.ipynb").read_bytes()
    known = Result("wrong", notebook=notebook).found(assignment)
    for findings in ({"points": {}}, known.plain() | {"more": 1}, known.plain() | {"page": {"told": {"A": 1}}}):
        assert Result("wrong", notebook=notebook, findings=findings).found(assignment) == known
