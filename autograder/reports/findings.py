"""What a graded notebook says to the process that records it: points, words and the pieces of its page.

Whoever graded a notebook works it out, and so the one process that records, for which all workers wait in the end, need
not even read the notebook.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass

from nbformat import NotebookNode

from .feedback_page.pieces import Pieces, pieces
from ..plain_data import Plain
from ..submission import nbgrader_rules as rules
from .results import Words, words_in
from ..authoring.source import Assignment, grade_id


@dataclass
class Findings(Plain):
    """`points` of the graded cells by their names, None where a human must look; `untouched` cells hold what was
    released; `answers` are digests of what was written for the graded cells. Without a `page` there is the `fault` that
    kept it from being made.
    """

    points: dict[str, float | None]
    untouched: list[str]
    words: Words
    page: Pieces | None
    answers: dict[str, str]
    fault: str = ""


def find(notebook: NotebookNode, assignment: Assignment) -> Findings:
    """In an autograded notebook. Whatever keeps its page from being made, the points stand."""
    points, untouched = {}, []
    for cell in notebook.cells:
        about = rules.meta(cell)
        if about.get("grade"):
            points[grade_id(cell)] = rules.points(cell)
        if about.get("solution") and about.get("checksum") == rules.checksum(cell):
            untouched.append(grade_id(cell))
    page, fault = None, ""
    try:
        page = pieces(notebook, assignment)
    except Exception as error:
        fault = type(error).__name__
    return Findings(points, untouched, words_in(notebook, assignment), page, answers(notebook, assignment), fault)


def answers(notebook: NotebookNode, assignment: Assignment) -> dict[str, str]:
    """Graded cell -> digest of what the student wrote for it: the answer itself, or of a test the exercise's cell.
    Line endings and blanks at the ends of lines don't count."""
    texts = {grade_id(cell): cell.source for cell in notebook.cells if rules.meta(cell).get("solution")}
    return {cell.id: _digest(texts.get(assignment.exercise_of(cell), "")) for cell in assignment.graded}


def _digest(text: str) -> str:
    plain = "\n".join(line.rstrip() for line in text.splitlines()).strip("\n")
    return hashlib.sha256(plain.encode("utf-8", "replace")).hexdigest()
