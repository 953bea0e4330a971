"""Willingness to present: half of the points earned in each part that a group declared.

The declaration is read from the form's text and never run. The bonus lives in nbgrader's gradebook as the
extra credit of the `form-check` cell, so that every export of nbgrader's own counts it.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ..authoring.source import FORM_CHECK, Assignment
from ..course import Course
from ..reports.results import bonus_of, earned_points, read_words
from ..submission.form import Declaration
from ..text import fault

SHARE = 0.5


def compute(assignment: Assignment, declared: Declaration, scores: dict[str, float]) -> float:
    """Half of what `scores` (grade id -> points earned) gives in the declared parts."""
    earned = sum(scores.get(c.id, 0.0) for c in assignment.graded if c.part in declared.parts)
    return SHARE * earned


def update(
    gradebook: Any, assignment: Assignment, course: Course, declared: Mapping[str, Declaration] | None = None
) -> dict[str, tuple[float, Declaration]]:
    """Write each student's bonus into the gradebook; returns student -> (bonus, Declaration).

    Forms that were read already are in `declared`, others are read from the graded notebooks of `course`. Extra credit
    of other cells is the instructor's and stays.
    """
    from sqlalchemy.exc import DatabaseError

    found: dict[str, tuple[float, Declaration]] = {}
    if not any(cell.id == FORM_CHECK for cell in assignment.cells):
        return found
    for submission in gradebook.assignment_submissions(assignment.name):
        student = submission.student_id
        try:
            form = (declared or {}).get(student)
            form = form or read_words(course, assignment, student).form
            found[student] = (carry(submission, assignment, form), form)
        except DatabaseError:
            raise
        except Exception as error:
            found[student] = (bonus_of(submission), Declaration(fault=f"The bonus was left as it is: {fault(error)}."))
    gradebook.db.commit()
    return found


def carry(submission: Any, assignment: Assignment, form: Declaration) -> float:
    """Make the bonus of nbgrader's `submission` the extra credit of the form's check; returns it."""
    grades = {g.name: g for n in submission.notebooks for g in n.grades}
    bonus = compute(assignment, form, {name: earned_points(g) for name, g in grades.items()})
    carrier = grades.get(FORM_CHECK)
    if carrier is None:
        return 0.0
    if (carrier.extra_credit or 0.0) != bonus:
        carrier.extra_credit = bonus
    return bonus
