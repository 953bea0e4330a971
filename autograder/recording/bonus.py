"""Willingness to present: half of the points earned in each part that a group declared.

The declaration is read from the form's text and never run. The bonus lives in nbgrader's gradebook as the
extra credit of the `form-check` cell, so that every export of nbgrader's own counts it.
"""

from __future__ import annotations

import ast
import logging
import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import nbformat
from nbformat import NotebookNode

from ..authoring.source import FORM, FORM_CHECK, Assignment, grade_id
from ..authoring.source import read as read_source
from ..text import fault, one_line

SHARE = 0.5
LONGEST, MOST_MEMBERS, MOST_FIELDS, MOST_WORDS = 20_000, 20, 10, 200
"""Characters of a form, members of a group, entries of a member, characters of an entry."""
log = logging.getLogger("autograder.recording.bonus")


@dataclass(frozen=True)
class Declaration:
    """What a form says: the members, the letters of the parts declared, and what is wrong with it in
    words."""

    group: tuple[dict[str, str], ...] = ()
    parts: tuple[str, ...] = ()
    fault: str = ""


def read_form(source: str, letters: Iterable[str]) -> Declaration:
    """Read `group` and `ready_to_present` out of a form cell's text. Never raises; `fault` says what is
    wrong. Whatever stands in the form, a declaration holds short texts that can be written to a file."""
    letters = list(letters)
    if len(source) > LONGEST:
        return Declaration(fault=f"The form is longer than {LONGEST:,} characters, so it was not read.")
    try:
        tree = ast.parse(source)
        values = {
            target.id: ast.literal_eval(node.value)
            for node in tree.body
            if isinstance(node, ast.Assign)
            for target in node.targets
            if isinstance(target, ast.Name) and target.id in ("group", "ready_to_present")
        }
    except SyntaxError as error:
        return Declaration(fault=f"The form can't be read: {one_line(error.msg, 200)} in its line {error.lineno}.")
    except Exception:  # also what is nested too deeply, or has more digits than Python reads
        return Declaration(fault="The form holds something other than plain lists and texts.")
    for name in ("group", "ready_to_present"):
        if not isinstance(values.get(name), (list, tuple)):
            return Declaration(fault=f"The form does not give {name} as a list.")
    group = values["group"]
    if not all(isinstance(m, dict) for m in group):
        return Declaration(fault="The form's group must hold one {…} for each member.")
    members = tuple({_words(k): _words(v) for k, v in list(m.items())[:MOST_FIELDS]} for m in group[:MOST_MEMBERS])
    declared = [(d, d.strip().upper() if isinstance(d, str) else "") for d in values["ready_to_present"]]
    parts = tuple(dict.fromkeys(part for _, part in declared if part in letters))
    wrong = next((d for d, part in declared if part not in letters), None)
    told = ""
    if len(group) > MOST_MEMBERS:
        told = f"The form names {len(group)} members; the first {MOST_MEMBERS} are shown."
    if any(part not in letters for _, part in declared):
        what = repr(_words(wrong)) if isinstance(wrong, str) else _words(wrong)
        told = f"The form declares {what}, which is not a part ({', '.join(letters)})."
    return Declaration(members, parts, told)


def _words(value: Any) -> str:
    """A value of the form in one short line. Python writes no number of thousands of digits, and nothing too deep."""
    try:
        return one_line(value if isinstance(value, str) else str(value), MOST_WORDS)
    except Exception:
        return f"({type(value).__name__})"


def declared_in(notebook: NotebookNode, assignment: Assignment) -> Declaration:
    """The form in a graded notebook."""
    if not any(cell.id == FORM for cell in assignment.cells):
        return Declaration()
    forms = [c for c in notebook.cells if grade_id(c) == FORM and c.cell_type == "code"]
    return read_form(forms[-1].source, assignment.parts) if forms else Declaration(fault="The form is missing.")


def declaration(autograded: Path, assignment: Assignment) -> Declaration:
    """The form in the file of a graded notebook."""
    if not any(cell.id == FORM for cell in assignment.cells):
        return Declaration()
    try:
        return declared_in(nbformat.read(autograded, as_version=4), assignment)
    except Exception:  # a damaged file is told of elsewhere
        return Declaration(fault="The form can't be read.")


def compute(assignment: Assignment, declared: Declaration, scores: dict[str, float]) -> float:
    """Half of what `scores` (grade id -> points earned) gives in the declared parts."""
    earned = sum(scores.get(c.id, 0.0) for c in assignment.graded if c.part in declared.parts)
    return SHARE * earned


def earned_points(grade: Any) -> float:
    """Points of a nbgrader grade without extra credit: the human's score where there is one."""
    return finite(grade.manual_score if grade.manual_score is not None else grade.auto_score)


def finite(points: float | None) -> float:
    """Points as a gradebook holds them; 0 for what can't be added up."""
    return float(points) if points and math.isfinite(points) else 0.0


def update(
    gradebook: Any, assignment: Assignment, autograded: Path, declared: Mapping[str, Declaration] | None = None
) -> dict[str, tuple[float, Declaration]]:
    """Write each student's bonus into the gradebook; returns student -> (bonus, Declaration).

    `autograded` is the class's folder of that name; forms that were read already are in `declared`. Extra credit of
    other cells is the instructor's and stays.
    """
    from sqlalchemy.exc import DatabaseError

    found: dict[str, tuple[float, Declaration]] = {}
    if not any(cell.id == FORM_CHECK for cell in assignment.cells):
        return found
    for submission in gradebook.assignment_submissions(assignment.name):
        student = submission.student_id
        try:
            form = (declared or {}).get(student)
            if form is None:
                path = autograded / student / assignment.name / f"{assignment.name}.ipynb"
                form = declaration(path, assignment) if path.is_file() else Declaration(fault="The form is missing.")
            found[student] = (carry(submission, assignment, form), form)
        except DatabaseError:
            raise
        except Exception as error:
            found[student] = (of(submission), Declaration(fault=f"The bonus was left as it is: {fault(error)}."))
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


def of(submission: Any) -> float:
    """The bonus that nbgrader's `submission` carries."""
    return sum(finite(g.extra_credit) for n in submission.notebooks for g in n.grades if g.name == FORM_CHECK)


def bonus_hook(assignment: str = "", **_: Any) -> None:
    """nbgrader's pre-convert hook: bring the bonus up to date before feedback is written."""
    from nbgrader.api import Gradebook

    from ..course import Course

    course = Course()
    try:
        parsed, _notebook = read_source(course.source(assignment))
        with Gradebook(course.db_url) as gradebook:
            update(gradebook, parsed, course.autograded)
    except Exception as error:  # feedback without a fresh bonus is better than none
        log.warning("The bonus could not be brought up to date: %s", error)
