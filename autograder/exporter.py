"""A table of results as CSV that spreadsheets and learning platforms read, for nbgrader's `export` and
for reports."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable

from nbgrader.api import Gradebook
from nbgrader.plugins import ExportPlugin

from .course import Course
from .engine import write_text
from .grade import Graded, results
from .results import Row
from .source import Assignment

HEAD = (
    "assignment",
    "student",
    "auto",
    "manual",
    "extra",
    "bonus",
    "penalty",
    "total",
    "max",
    "waiting",
    "status",
)


def safe(text: str) -> str:
    """Text that a spreadsheet shows and does not run as a formula."""
    flat = " ".join(str(text).split())
    return "'" + flat if flat[:1] in "=+-@" and flat else flat


def record(assignment: Assignment, row: Row) -> list[object]:
    numbers = (
        row.auto,
        row.manual,
        row.extra,
        row.bonus,
        row.penalty,
        0.0 if row.reason else row.total,
        row.maximum,
    )
    points = row.exercise_points(assignment)
    return [
        assignment.name, safe(row.student), *(round(n, 4) for n in numbers),
        round(sum(row.waiting.values()), 4), safe(row.status),
        *("" if row.reason else round(p, 4) for p in points.values()),
        safe(row.words),
    ]  # fmt: skip


def to_csv(found: Graded, students: Iterable[str] = ()) -> str:
    """One line a student: points by kind, total, status in words, points of each exercise, what went
    wrong."""
    wanted = set(students)
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow([*HEAD, *found.assignment.exercises(), "what went wrong"])
    for row in found.rows:
        if not wanted or row.student in wanted:
            writer.writerow(record(found.assignment, row))
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
