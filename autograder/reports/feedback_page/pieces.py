"""What a page takes from a graded notebook: worked out where it was graded, put together where points are recorded."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from markupsafe import Markup
from nbformat import NotebookNode

from ...authoring.source import FORM, FORM_CHECK, Assignment, Cell, grade_id, shown
from ...plain_data import Plain
from ...text import plain, sentences, text
from .diagnosis import Told, course_data, diagnose
from .outputs import AFTER_HIDDEN, CELLS, FRAME, KEPT_OUT, PICTURES, TEXTS, Block, Room, attached, blocks, without_data
from .redact import Secrets, secrets
from .sanitize import Html, code_html, prose_html

EMPTY = "*Your answer here: replace this line.*"
BEFORE = "before the first exercise"
"""Stands for an exercise's id, which has no spaces."""


@dataclass
class Work:
    """A cell on the page: its code or prose, and what it put out. `own` is False for the notebook's own cells."""

    html: Html = field(default_factory=Markup)
    outputs: list[Block] = field(default_factory=list)
    own: bool = True


@dataclass
class Pieces(Plain):
    """What its tests say, by their ids; the student's cells and whether there is an answer, by their exercises' ids;
    what was mended. Nothing in it is secret or runs.
    """

    told: dict[str, Told] = field(default_factory=dict)
    work: dict[str, list[Work]] = field(default_factory=dict)
    unanswered: list[str] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)


def pieces(notebook: NotebookNode, assignment: Assignment) -> Pieces:
    """Of an autograded notebook, whatever it holds."""
    cells = [c for c in notebook.cells if isinstance(c, dict)]
    known = {c.id: c for c in assignment.cells if c.id}
    found: dict[str, Any] = {_id(c): c for c in cells if _id(c)}
    tests = [plain(c.get("source")) for id_, c in found.items() if id_ in known and known[id_].kind == "test"]
    secret = secrets(assignment, tests)
    made = Pieces()
    for graded in assignment.graded:
        if graded.kind == "test":
            made.told[graded.id] = diagnose(graded, found.get(graded.id), secret)
    _work(made, cells, assignment, known, secret)
    about = course_data(notebook)
    made.notes = sentences(about.get("notes"))
    return made


def _id(cell: Any) -> str:
    return grade_id(cell) if isinstance(cell.get("metadata"), dict) else ""


def _work(made: Pieces, cells: list[Any], assignment: Assignment, known: dict[str, Cell], secret: Secrets) -> None:
    """Put the student's cells under their exercises."""
    given = {"".join(c.text.split()) for c in assignment.cells if not c.kind}
    exercises = assignment.exercises()
    answered: dict[str, bool] = {}
    left_out: dict[str, int] = {}
    here, pictures, texts, code = BEFORE, Room(PICTURES), Room(TEXTS), Room(CELLS)
    for cell in cells:
        course = known.get(_id(cell))
        kind = course.kind if course else ""
        source = text(course_data(cell).get("written", cell.get("source")))
        if kind == "test" or (course and course.id in (FORM, FORM_CHECK)):
            continue
        if course and course.id in exercises:
            here = course.id
            answered[here] = kind != "answer" or _answered(source, course)
        own = kind in ("exercise", "answer") or (not kind and "".join(source.split()) not in given)
        if code.full:
            left_out[here] = left_out.get(here, 0) + 1
            continue
        told = course_data(cell).get("told")
        runs = cell.get("cell_type") == "code"
        outputs = blocks(cell.get("outputs"), secret, pictures, texts) if runs and not told else []
        if own and not runs:
            outputs, source = attached(cell | {"source": source}, secret, pictures), without_data(source)
        if "BEGIN " in source:
            source = shown(source)
        if not kind and secret.in_text(source):
            html = Markup(f'<p class="note">{KEPT_OUT}</p>')
        else:
            html = code_html(source) if runs else prose_html(source)
        if told and own and source.strip():  # also where it printed nothing: to print or not would tell something
            html += Markup(f'<p class="note">{AFTER_HIDDEN}</p>')
        if outputs or (own and source.strip()):
            if code.take(len(html.encode()) + FRAME):
                made.work.setdefault(here, []).append(Work(html, outputs, own))
            else:
                left_out[here] = left_out.get(here, 0) + 1
    for id_, count in left_out.items():
        cells_are = "1 more cell is" if count == 1 else f"{count:,} more cells are"
        note = f'<p class="note">{cells_are} left out here, because this page already holds much.</p>'
        made.work.setdefault(id_, []).append(Work(Markup(note)))
    made.unanswered = [id_ for id_, one in answered.items() if not one]


def _answered(source: str, course: Cell) -> bool:
    released = "".join(shown(course.text).split()) if "BEGIN SOLUTION" in course.text else ""
    return bool(source.strip()) and source.strip() != EMPTY and "".join(source.split()) != released
