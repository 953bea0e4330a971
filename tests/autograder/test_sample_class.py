"""The sample classes of all assignments: what every student must score, and why, stands in their expected.csv."""

from __future__ import annotations

import csv
import html
import re
import shutil
from pathlib import Path

import pytest
from PIL import Image

from autograder import grade, readme_figures
from autograder.authoring.leaks import squeeze
from autograder.authoring.sample import fill, load
from autograder.course import REPOSITORY, Course

TABLES = sorted((REPOSITORY / "solutions").glob("*/class/expected.csv"))
SIX = ("dalia", "hana", "igor", "jun", "quentin", "rosa")
"""Right with PyTorch, untouched, one part alone, a slip, a damaged file, and records without training: whom `make test`
grades; `make prove` grades all classes whole. Of these only two train, which takes longest."""
CLASSES = [
    pytest.param((REPOSITORY / "solutions" / readme_figures.NAME / "class/expected.csv", SIX), id="six"),
    *(pytest.param((table, ()), id=table.parents[1].name, marks=pytest.mark.slow) for table in TABLES),
]


def _rows(path: Path) -> dict[str, dict[str, str]]:
    with path.open(newline="") as file:
        return {row["student"]: row for row in csv.DictReader(file)}


@pytest.fixture(scope="module", params=CLASSES)
def graded(request, tmp_path_factory):
    table, only = request.param
    name = table.parents[1].name
    # Not in the checkout, where the canary would leave something for a moment that other tests see.
    root = tmp_path_factory.mktemp("course")
    shutil.copytree(REPOSITORY / "solutions" / name, root / "solutions" / name)
    course = Course(root=root, class_dir=tmp_path_factory.mktemp("class"))
    fill(name, course, [student for student in load(name) if not only or student.name in only])
    handed_in = {path: path.read_bytes() for path in course.submitted.rglob("*.ipynb")}
    found = grade.grade(name, course, timeout=30, budget=150)
    expected = {student: row for student, row in _rows(table).items() if student in (only or _rows(table))}
    return course, found, expected, handed_in


@pytest.mark.promise("With the wheel installed, the notebook needs nothing else, not even a network.")
@pytest.mark.promise("seconds instead of minutes;")
@pytest.mark.promise(
    "In both sandboxes a filter lets through the system calls that Python, numpy, torch, matplotlib and the programs "
    "of a shell make,"
)
def test_every_student_has_the_expected_points_for_every_exercise(graded):
    _, found, expected, _ = graded
    tests = [cell.id for cell in found.assignment.graded if cell.kind == "test" and cell.points]
    scores = {
        row.student: {
            "total": row.auto,
            "bonus": row.bonus,
            "waiting": sum(row.waiting.values()),
            **{id_: row.scores.get(id_, 0.0) for id_ in tests},
        }
        for row in found.rows
    }
    numbers = {
        student: {key: float(value) for key, value in row.items() if key not in ("student", "first mistake")}
        for student, row in expected.items()
    }
    assert scores == numbers


def test_the_first_mistake_of_every_student_is_named(graded):
    _, found, expected, _ = graded
    named = {r.student: "ungradable" if r.reason else next((m.id for m in r.mistakes), "") for r in found.rows}
    assert named == {student: row["first mistake"] for student, row in expected.items()}


def test_the_report_in_the_readme_says_what_the_report_says(graded):
    """What the engine itself says, such as of time, depends on the machine, and so does what a stopped call raises."""
    _, found, expected, _ = graded
    if found.assignment.name != readme_figures.NAME:
        pytest.skip("the README shows another class")
    words = Image.open(readme_figures.FOLDER / "report.png").info["Description"].splitlines()
    drawn = [line for line in words if re.match(r"\S+, [a-z-]+: ", line)]
    now = {f"{m.exercise}, {m.id}: {m.message}" for row in found.rows for m in row.wrong}
    kinds = {line.split(": ")[0] for line in now if ", raises: " not in line}
    missing = [line for line in drawn if line.split(": ")[0] in kinds and line not in now]
    assert len(drawn) > 5
    assert now.intersection(drawn)
    assert not missing or set(expected) == set(SIX), f"run `make figures`: {missing}"  # it may quote who is not here


@pytest.mark.promise("Grading never changes the files under `submitted/`.")
def test_nobody_is_left_without_points_or_a_reason_and_nothing_handed_in_was_changed(graded):
    course, found, expected, handed_in = graded
    assert [row.student for row in found.rows] == sorted(expected)
    assert all(row.reason or row.scores for row in found.rows)
    assert {path: path.read_bytes() for path in course.submitted.rglob("*.ipynb")} == handed_in


@pytest.mark.promise("Hand-ins that have not changed since the last time are not run again,")
def test_grading_again_runs_nothing_and_shows_the_same(graded):
    course, found, _, _ = graded
    again = grade.grade(found.assignment.name, course, timeout=30, budget=150)
    assert again.regraded == []
    assert [(r.student, r.scores, r.bonus) for r in again.rows] == [(r.student, r.scores, r.bonus) for r in found.rows]


@pytest.mark.promise("`feedback/STUDENT/NAME/NAME.html`, a page for each student;")
def test_feedback_shows_no_hidden_test(graded):
    course, found, _, _ = graded
    source = course.source(found.assignment.name).read_text()
    seen, hidden = source.split("### BEGIN HIDDEN TESTS")[0], []
    for block in source.split("### BEGIN HIDDEN TESTS")[1:]:
        kept, _, rest = block.partition("### END HIDDEN TESTS")
        hidden += [squeeze(line) for line in kept.splitlines()]
        seen += rest
    seen = squeeze(seen)
    hidden = [line for line in hidden if len(line) > 12 and line not in seen]
    pages = list(course.feedback.rglob("*.html"))
    assert hidden
    assert len(pages) == len(found.rows)
    for page in pages:
        text = squeeze(html.unescape(re.sub("<[^>]+>", "", page.read_text())))
        assert "HIDDENTESTS" not in text
        assert [line for line in hidden if line in text] == [], page
