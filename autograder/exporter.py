"""A table of results as CSV that spreadsheets and learning platforms read, for nbgrader's `export` and
for reports."""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Iterable

from nbgrader.api import Gradebook
from nbgrader.plugins import ExportPlugin

from .course import Course
from .engine import write_text
from .grade import Graded, results
from .results import Row
from .source import Assignment
from .text import one_line

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
    """Text on one line that a spreadsheet shows and does not run as a formula, whichever separator it goes by.

    Nothing is taken away: what could run has an apostrophe before it.
    """
    return RUNS.sub(r"\1\2'", one_line(text, LONGEST))


def record(assignment: Assignment, row: Row) -> list[object]:
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
        *("" if row.reason else round(p, 4) for p in points.values()),
        row.words,
    ]  # fmt: skip


def to_csv(found: Graded, students: Iterable[str] = ()) -> str:
    """One line a student: points by kind, total, status in words, points of each exercise, what went
    wrong."""
    wanted = set(students)
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    lines: list[list[object]] = [[*HEAD, *found.assignment.exercises(), "what went wrong"]]
    lines += [record(found.assignment, row) for row in found.rows if not wanted or row.student in wanted]
    for line in lines:
        writer.writerow([safe(value) if isinstance(value, str) else value for value in line])
    return text.getvalue()


class TableExporter(ExportPlugin):
    """`nbgrader export`: every graded assignment of the class folder, one table after the other (default
    grades.csv)."""

    def export(self, gradebook: Gradebook) -> None:
        from pathlib import Path

        course = Course()
        names = [str(a) for a in self.assignment] or [a.name for a in gradebook.assignments]
        students = [str(s) for s in self.student]
        tables = [to_csv(results(name, course), students) for name in names]
        target = Path(self.to or "grades.csv")
        write_text("\n".join(tables), target)
        self.log.info("Exported %s to %s", ", ".join(names) or "nothing", target)
