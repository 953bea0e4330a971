"""A table of results as CSV that spreadsheets and learning platforms read, for nbgrader's `export` and
for reports."""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Iterable

from nbgrader.api import Gradebook
from nbgrader.plugins import ExportPlugin

from helpers.errors import CourseError

from ..course import Course
from ..files import write_text
from .results import Graded, Row
from ..authoring.source import Assignment
from ..text import one_line

HEAD = (
    "assignment",
    "student",
    "auto",
    "manual",
    "extra",
    "bonus",
    "hours late",
    "penalty",
    "total",
    "max",
    "waiting",
    "status",
)


LONGEST = 10_000
RUNS = re.compile("(^|;)([\\s\"'\\xad\u200c\u200d\ufe0f]*)(?=[-=+@＝＋－＠﹢﹣﹦﹫])")
"""Before what spreadsheets run: the beginning of a cell and, where a comma is no separator, what follows a semicolon.
Spaces and quotes between may be read away. In Japanese and Chinese settings the wide forms count, too."""


def safe(text: str) -> str:
    """Text on one line that a spreadsheet shows and does not run as a formula, whatever its separator.

    Nothing is taken away: what could run has an apostrophe before it.
    """
    return RUNS.sub(r"\1\2'", one_line(text, LONGEST))


def record(assignment: Assignment, row: Row, exercises: Iterable[str]) -> list[object]:
    numbers = (
        row.auto,
        row.manual,
        row.extra,
        row.bonus,
        row.late / 3600,
        row.penalty,
        0.0 if row.reason else row.total,
        row.maximum,
    )
    points = row.exercise_points(assignment)
    return [
        assignment.name, row.student, *(round(n, 4) for n in numbers),
        round(sum(row.waiting.values()), 4), row.status,
        *("" if row.reason or e not in points else round(points[e], 4) for e in exercises),
        row.words,
    ]  # fmt: skip


def to_csv(*classes: Graded, students: Iterable[str] = ()) -> str:
    """One line a student and assignment: points by kind, total, status in words, points of each exercise, what went
    wrong. Exercises of all assignments are columns of the one table."""
    wanted = set(students)
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    exercises = list(dict.fromkeys(exercise for found in classes for exercise in found.assignment.exercises()))
    lines: list[list[object]] = [[*HEAD, *exercises, "what went wrong"]]
    for found in classes:
        chosen = (row for row in found.rows if not wanted or row.student in wanted)
        lines += [record(found.assignment, row, exercises) for row in chosen]
    for line in lines:
        writer.writerow([safe(value) if isinstance(value, str) else value for value in line])
    return text.getvalue()
