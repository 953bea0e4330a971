"""Whether the text that a human graded is still the student's: only a changed one has to be graded again.

The gradebook keeps a digest of each answer, in a table of ours beside nbgrader's and in the same transaction as points.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping
from typing import Any

from nbformat import NotebookNode

from ..authoring.source import Assignment, grade_id
from ..submission import nbgrader_rules as rules

Earlier = Callable[[], Mapping[str, str]]
CREATE = """create table if not exists course_answer (
    assignment varchar(128), student varchar(128), cell varchar(128), digest varchar(64),
    primary key (assignment, student, cell))"""


def answers(notebook: NotebookNode, assignment: Assignment) -> dict[str, str]:
    """Graded cell -> digest of what the student wrote for it: the answer itself, or of a test the exercise's cell.
    Line endings and blanks at the ends of lines don't count."""
    texts = {grade_id(cell): cell.source for cell in notebook.cells if rules.meta(cell).get("solution")}
    return {cell.id: _digest(texts.get(assignment.exercise_of(cell), "")) for cell in assignment.graded}


def _digest(text: str) -> str:
    plain = "\n".join(line.rstrip() for line in text.splitlines()).strip("\n")
    return hashlib.sha256(plain.encode("utf-8", "replace")).hexdigest()


def changed(
    gradebook: Any, name: str, student: str, now: Mapping[str, str], earlier: Earlier = dict
) -> set[str]:
    """The graded cells whose answer is not the one that was recorded last, and record those that are there `now`.

    `earlier` is asked where none were recorded: by a version that did not do so.
    """
    from sqlalchemy import text

    who = {"assignment": name, "student": student}
    gradebook.db.execute(text(CREATE))
    asked = text("select cell, digest from course_answer where assignment = :assignment and student = :student")
    known: dict[str, str] = dict(gradebook.db.execute(asked, who).all())
    found = known or earlier()
    differ = {cell for cell, digest in now.items() if found.get(cell) != digest}
    if rows := [who | {"cell": cell, "digest": digest} for cell, digest in now.items() if known.get(cell) != digest]:
        write = "delete from course_answer where assignment = :assignment and student = :student and cell = :cell"
        if known:
            gradebook.db.execute(text(write), rows)
        put = "insert into course_answer values (:assignment, :student, :cell, :digest)"
        gradebook.db.execute(text(put), rows)
    return differ
