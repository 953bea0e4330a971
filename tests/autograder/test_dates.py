"""Due dates, more time and late penalties of a class, in dates.toml: changed ones hold at the next run."""

from __future__ import annotations

import csv
import sqlite3
from datetime import datetime, timedelta

import pytest
from naive import Here
from rich.console import Console

from autograder import dates
from autograder.grade import grade, results
from autograder.reports import class_report, terminal
from autograder.reports.csv_table import to_csv
from helpers.errors import CourseError
from tests.autograder.test_grading_record import Nobody, course, filled  # noqa: F401

# ruff: noqa: F811
HANDED_IN = {"ann": "2026-11-30 22:30:00 UTC", "bob": "2026-12-02 23:00:00 UTC", "cem": "2026-11-30 22:00:00 UTC"}
DUE = """
timezone = "Europe/Berlin"
penalty = 0.1

[mini]
due = 2026-11-30 23:30:00
"""


@pytest.fixture
def handed_in(course):
    for student, when in HANDED_IN.items():
        (course.submitted / student / "mini" / "timestamp.txt").write_text(when)
    return course


def write(course, text: str) -> None:
    (course.class_dir / "dates.toml").write_text(text, encoding="utf-8")


def late(found) -> dict[str, tuple[float, float]]:
    """Hours and penalty of those who are late."""
    return {row.student: (round(row.late / 3600, 2), round(row.penalty, 6)) for row in found.rows if row.late}


@pytest.mark.promise("A changed date holds from the next `grade` or `report` on, which runs nobody again for it.")
@pytest.mark.promise("`due` is in your own time")
@pytest.mark.promise(
    "**Dates.** A file `dates.toml` in the class folder says when hand-ins are due, what it costs to be late, and who "
    "has more time:"
)
def test_a_changed_date_holds_at_the_next_run_without_force(handed_in):
    assert late(grade("mini", handed_in, executor=Here())) == {}
    write(handed_in, DUE)
    found = grade("mini", handed_in, executor=Nobody())
    assert found.regraded == []
    assert late(found) == {"bob": (48.5, 1.2)}
    assert {row.student: row.total for row in found.rows}["bob"] == pytest.approx(4 * 0.7)
    write(handed_in, DUE.replace("23:30:00", "23:00:00"))
    assert late(results("mini", handed_in)) == {"ann": (0.5, 0.7), "bob": (49.0, 1.2)}
    write(handed_in, DUE.replace("11-30", "12-03"))
    assert late(grade("mini", handed_in, executor=Nobody())) == {}
    with sqlite3.connect(handed_in.class_dir / "gradebook.db") as db:
        assert {row[0] for row in db.execute("select late_submission_penalty from submitted_notebook")} <= {None, 0.0}


@pytest.mark.promise("`more_time` is a student's own date, nbgrader's extension.")
def test_a_student_gets_more_time(handed_in):
    write(handed_in, DUE + "\n[mini.more_time]\nbob = 2026-12-03\nzoe = 2026-12-03\n")
    found = grade("mini", handed_in, executor=Here())
    assert late(found) == {}
    assert found.told == ["dates.toml gives 'zoe' more time, who has not handed in mini."]
    assert ("dates.toml", found.told[0]) in class_report.look_at(found)
    write(handed_in, DUE)
    assert late(grade("mini", handed_in, executor=Nobody()))["bob"] == (48.5, 1.2)


@pytest.mark.promise("Table, report, CSV and the student's page say how late somebody was and what it costs.")
def test_it_is_shown_wherever_points_are(handed_in):
    write(handed_in, DUE)
    found = grade("mini", handed_in, executor=Here())
    console = Console(width=160, record=True)
    terminal.show(found, console)
    assert "2 d 0 h, −1.2" in console.export_text()
    assert "2 d 0 h, −1.2" in class_report.render(found, handed_in)
    rows = {row["student"]: row for row in csv.DictReader(to_csv(found).splitlines())}
    assert (rows["bob"]["hours late"], rows["bob"]["penalty"], rows["bob"]["total"]) == ("48.5", "1.2", "2.8")
    assert rows["ann"]["hours late"] == "0.0"
    page = handed_in.feedback / "bob" / "mini" / "mini.html"
    assert "Handed in late (2 d 0 h)" in page.read_text(encoding="utf-8")
    write(handed_in, DUE.replace("11-30", "12-03"))
    in_time = grade("mini", handed_in, executor=Nobody())
    assert "Handed in late" not in page.read_text(encoding="utf-8")
    console = Console(width=160, record=True)
    terminal.show(in_time, console)
    assert " late " not in console.export_text()


@pytest.mark.promise("`penalty` holds for all assignments.")
def test_points_that_a_human_gives_later_cost_their_part_too(handed_in):
    from nbgrader.api import Gradebook

    write(handed_in, DUE)
    grade("mini", handed_in, executor=Here())
    with Gradebook(handed_in.db_url) as gradebook:
        gradebook.find_grade("B-why", "mini", "mini", "bob").manual_score = 3.0
        gradebook.db.commit()
    found = grade("mini", handed_in, executor=Nobody())
    assert late(found)["bob"][1] == round(7 * 0.1 * 3, 6)
    with Gradebook(handed_in.db_url) as gradebook:
        submission = gradebook.find_submission("mini", "bob")
        assert submission.score - submission.late_submission_penalty == pytest.approx(7 * 0.7)


@pytest.mark.promise("Without it nbgrader's `LateSubmissionPlugin.penalty_method` decides: nothing.")
def test_without_a_penalty_it_is_told_and_costs_nothing(handed_in):
    write(handed_in, DUE.replace("penalty = 0.1", ""))
    found = grade("mini", handed_in, executor=Here())
    assert late(found) == {"bob": (48.5, 0)}
    assert "late, which costs nothing" in (handed_in.feedback / "bob/mini/mini.html").read_text(encoding="utf-8")


@pytest.mark.promise(
    "An assignment that is not in the file keeps the date that `nbgrader db assignment add NAME --duedate` gave it."
)
def test_a_date_of_nbgraders_own_stays_and_holds(handed_in):
    from nbgrader.api import Gradebook

    grade("mini", handed_in, executor=Here())
    write(handed_in, "penalty = 1")
    with Gradebook(handed_in.db_url) as gradebook:
        gradebook.update_or_create_assignment("mini", duedate="2026-11-30 22:15:00 UTC")
    assert late(grade("mini", handed_in, executor=Nobody())) == {"ann": (0.25, 7), "bob": (48.75, 4)}


@pytest.mark.promise("or with a zone, and a day alone lasts until it ends.")
def test_forms_of_dates(course, monkeypatch):
    def due(text: str, zone: str = 'timezone = "America/New_York"') -> datetime:
        write(course, f"{zone}\n[mini]\ndue = {text}\n")
        return dates.read(course).due["mini"]

    assert due("2026-07-01 12:00:00") == datetime(2026, 7, 1, 16)
    assert due("2026-12-01 12:00:00") == datetime(2026, 12, 1, 17)
    assert due("2026-12-01T12:00:00+01:00") == datetime(2026, 12, 1, 11)
    assert due("2026-12-01") == datetime(2026, 12, 2, 4, 59, 59)
    here = datetime(2026, 12, 1, 12).astimezone()
    assert due("2026-12-01 12:00:00", "") == here.replace(tzinfo=None) - (here.utcoffset() or timedelta())


WRONG = {
    "due = 2026-11-30": "'due' is neither timezone nor penalty nor an assignment",
    "[maxi]\ndue = 2026-11-30": "'maxi' is neither timezone nor penalty nor an assignment (mini)",
    '[mini]\ndue = "30.11."': "due of [mini] must be a date like 2026-11-30 23:59:00, without quotes, not '30.11.'",
    "[mini]\ndeu = 2026-11-30": "[mini] needs due, and may have more_time; there is deu",
    "[mini]\ndue = 2026-11-30\nmore_time = 3": "more_time of [mini] needs a line STUDENT = DATE",
    "penalty = 10": "penalty must be a part of the points from 0 to 1 for each day, not 10",
    'timezone = "Berlin"': "'Berlin' is no time zone; write one like \"Europe/Berlin\"",
    "timezone = 1": "1 is no time zone",
    "[mini\n": "can't be read",
}


@pytest.mark.parametrize("text", WRONG)
def test_what_is_wrong_in_it_is_told_before_anything_is_graded(course, text):
    write(course, text)
    with pytest.raises(CourseError) as error:
        grade("mini", course, executor=Nobody())
    assert WRONG[text] in str(error.value)
    assert not (course.class_dir / "gradebook.db").exists()
