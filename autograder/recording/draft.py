"""A first hand-in in time: its rows of the gradebook as plain objects, which go to the database in four statements.

nbgrader's own objects for them, one for each of 75 rows, take the recording process as long as all else of a hand-in.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any


@dataclass
class Grade:
    """A row of nbgrader's table `grade`; `manual_score` is a human's, who has not seen it yet."""

    name: str
    cell_id: str
    auto_score: float | None = None
    needs_manual_grade: bool = True
    extra_credit: float | None = None
    manual_score: None = None


@dataclass
class Comment:
    """A row of nbgrader's table `comment`."""

    name: str
    cell_id: str
    auto_comment: str | None = None
    manual_comment: None = None


@dataclass
class Draft:
    """Stands for nbgrader's submission and for its one notebook wherever points are read."""

    student_id: str
    timestamp: Any
    assignment_id: str
    notebook_id: str
    grades: list[Grade]
    comments: list[Comment]
    late_submission_penalty: float = 0.0

    @property
    def notebooks(self) -> tuple[Draft]:
        return (self,)


def draft(student: str, timestamp: Any, notebook: Any) -> Draft:
    """Without points; `notebook` is nbgrader's of the assignment, `timestamp` in UTC without a zone, or None."""
    grades = [Grade(cell.name, cell.id) for cell in notebook.grade_cells]
    comments = [Comment(cell.name, cell.id) for cell in notebook.solution_cells]
    return Draft(student, timestamp, notebook.assignment_id, notebook.id, grades, comments)


def insert(session: Any, made: Draft) -> None:
    """Send the rows; the caller commits."""
    from nbgrader import api

    submission, notebook = api.new_uuid(), api.new_uuid()

    def send(kind: Any, rows: Iterable[dict[str, Any]]) -> None:
        if rows := list(rows):
            session.execute(kind.__table__.insert(), rows)

    session.flush()
    about = {"assignment_id": made.assignment_id, "student_id": made.student_id, "timestamp": made.timestamp}
    send(api.SubmittedAssignment, [{"id": submission, **about}])
    send(api.SubmittedNotebook, [{"id": notebook, "assignment_id": submission, "notebook_id": made.notebook_id}])
    for kind, rows in ((api.Grade, made.grades), (api.Comment, made.comments)):
        send(kind, ({k: v for k, v in vars(row).items() if k != "name"} | {"notebook_id": notebook} for row in rows))
