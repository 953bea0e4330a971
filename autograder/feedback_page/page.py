"""Put the page together: points from the gradebook's row, words and pictures from the autograded notebook."""

from __future__ import annotations

import base64
import hashlib
import re
from dataclasses import dataclass, field
from functools import lru_cache
from pathlib import Path
from typing import Any

from jinja2 import Environment, FileSystemLoader, Template
from markupsafe import Markup
from nbformat import NotebookNode

from ..engine import write_text
from ..results import Row
from ..source import FORM, FORM_CHECK, Assignment, Cell, grade_id
from .diagnosis import PASSED, TO_DO, Told, course_data, diagnose
from .outputs import AFTER_HIDDEN, KEPT_OUT, Block, Room, blocks
from .redact import Secrets, secrets, shown
from .safe import code_html, one_line, plain, prose_html, text

TEMPLATES = Path(__file__).parent.parent / "templates"
COURSE = "From Scratch to cuDNN"
EMPTY = "*Your answer here: replace this line.*"


@dataclass
class Work:
    """A cell on the page: its code or prose, and what it put out. `own` is False for the notebook's own cells."""

    html: Markup = field(default_factory=Markup)
    outputs: list[Block] = field(default_factory=list)
    own: bool = True


@dataclass
class Test:
    told: Told
    code: Markup
    points: float
    of: float


@dataclass
class Exercise:
    """One exercise on the page."""

    id: str
    title: str
    tests: list[Test] = field(default_factory=list)
    work: list[Work] = field(default_factory=list)
    comments: list[str] = field(default_factory=list)
    answered: bool = True
    waits: float = 0.0
    points: float = 0.0
    of: float = 0.0

    @property
    def state(self) -> str:
        if self.waits:
            return "waits"
        if self.points >= self.of:
            return "full"
        open_ = [t for t in self.tests if t.told.state != PASSED]
        untouched = all(t.told.state == TO_DO for t in open_) if open_ else not self.answered
        if not self.points and untouched:
            return "todo"
        return "some" if self.points else "none"


def write_page(
    row: Row, notebook: NotebookNode | None, assignment: Assignment, target: Path, *, course_title: str = COURSE
) -> None:
    """Write the page of one student to `target`, in one step. `notebook` is the autograded one."""
    write_text(render(row, notebook, assignment, course_title=course_title), target)


def render(row: Row, notebook: NotebookNode | None, assignment: Assignment, *, course_title: str = COURSE) -> str:
    """The page as HTML: one file, no script, nothing loaded from elsewhere.

    Of hidden tests, rubrics and model answers it holds nothing, whatever the notebook holds.
    """
    template, css, policy = _template()
    exercises, other = _exercises(row, notebook, assignment)
    page = template.render(
        css=css,
        policy=policy,
        course_title=course_title,
        assignment=assignment,
        row=row,
        student=one_line(row.student, 200),
        reason=one_line(row.reason),
        exercises=exercises,
        other=other,
        form=_form(row, assignment),
        parts=_parts(row, assignment, exercises),
        lines=_lines(row),
        notes=_notes(row, notebook),
        waiting=sum(row.waiting.values()),
    )
    return page.encode("utf-8", "replace").decode("utf-8")


@lru_cache(maxsize=1)
def _template() -> tuple[Template, Markup, str]:
    environment = Environment(loader=FileSystemLoader(TEMPLATES), autoescape=True, trim_blocks=True, lstrip_blocks=True)
    environment.filters["number"] = lambda value: f"{round(value, 2):g}"
    environment.filters["anchor"] = lambda value: "e-" + re.sub(r"[^A-Za-z0-9_-]", "-", value)
    css = (TEMPLATES / "feedback.css").read_text(encoding="utf-8")
    digest = base64.b64encode(hashlib.sha256(css.encode()).digest()).decode()
    policy = f"default-src 'none'; img-src data:; style-src 'sha256-{digest}'; form-action 'none'; base-uri 'none'"
    return environment.get_template("feedback.html"), Markup(css), policy


def warm_up() -> None:
    """What the first page takes and no later one: the template is compiled, and the rules of the code's colours."""
    _template()
    code_html("x = 1")


def _exercises(row: Row, notebook: NotebookNode | None, assignment: Assignment) -> tuple[list[Exercise], list[Work]]:
    groups = assignment.exercises()
    titles = headings(assignment.cells)
    made = {
        id_: Exercise(
            id_,
            titles.get(id_, ""),
            points=sum(row.scores.get(c.id, 0.0) for c in cells),
            of=sum(c.points for c in cells),
            waits=sum(row.waiting.get(c.id, 0.0) for c in cells),
        )
        for id_, cells in groups.items()
    }
    cells = [c for c in notebook.cells if isinstance(c, dict)] if notebook is not None else []
    known = {c.id: c for c in assignment.cells if c.id}
    found: dict[str, Any] = {_id(c): c for c in cells if _id(c)}
    tests = [plain(c.get("source")) for id_, c in found.items() if id_ in known and known[id_].kind == "test"]
    secret = secrets(assignment, tests)
    for id_, graded in groups.items():
        for cell in graded:
            if cell.kind == "test" and notebook is not None:
                told = diagnose(cell, found.get(cell.id), secret)
                made[id_].tests.append(
                    Test(told, code_html(shown(cell.text).strip()), row.scores.get(cell.id, 0.0), cell.points)
                )
    other = _work(made, cells, assignment, known, secret)
    for name, comment in row.comments.items():
        id_ = assignment.exercise_of(known[name]) if name in known and known[name].kind == "test" else name
        if comment and id_ in made and comment != "No response.":
            made[id_].comments.append(plain(comment))
    return list(made.values()), other


def _id(cell: Any) -> str:
    return grade_id(cell) if isinstance(cell.get("metadata"), dict) else ""


def _work(
    made: dict[str, Exercise], cells: list[Any], assignment: Assignment, known: dict[str, Cell], secret: Secrets
) -> list[Work]:
    """Put the student's cells under their exercises; returns those that stand before the first."""
    given = {"".join(c.text.split()) for c in assignment.cells if not c.kind}
    other: list[Work] = []
    here, room = other, Room()
    for cell in cells:
        course = known.get(_id(cell))
        kind, source = course.kind if course else "", text(cell.get("source"))
        if kind == "test" or (course and course.id in (FORM, FORM_CHECK)):
            continue
        if course and course.id in made:
            here = made[course.id].work
            made[course.id].answered = kind != "answer" or _answered(source, course)
        own = kind in ("exercise", "answer") or (not kind and "".join(source.split()) not in given)
        told = course_data(cell).get("told")
        outputs = blocks(cell.get("outputs"), secret, room) if cell.get("cell_type") == "code" and not told else []
        if "BEGIN " in source:
            source = shown(source)
        if not kind and secret.in_text(source):
            html = Markup(f'<p class="note">{KEPT_OUT}</p>')
        else:
            html = code_html(source) if cell.get("cell_type") == "code" else prose_html(source)
        if told and own and cell.get("outputs"):
            html += Markup(f'<p class="note">{AFTER_HIDDEN}</p>')
        if outputs or (own and source.strip()):
            here.append(Work(html, outputs, own))
    return other


def _answered(source: str, course: Cell) -> bool:
    released = "".join(shown(course.text).split()) if "BEGIN SOLUTION" in course.text else ""
    return bool(source.strip()) and source.strip() != EMPTY and "".join(source.split()) != released


@lru_cache(maxsize=8)
def headings(cells: tuple[Cell, ...]) -> dict[str, str]:
    """Exercise id -> the heading above it, less its points and minutes."""
    found, title = {}, ""
    for cell in cells:
        if cell.type == "markdown" and cell.kind in ("", "given"):
            lines = re.findall(r"^#{1,4} +(.+)$", shown(cell.text), re.MULTILINE)
            title = re.sub(r"\s*\([^()]*(?:points?|min)[^()]*\)\s*$", "", lines[-1]) if lines else title
        if cell.kind in ("exercise", "answer"):
            found[cell.id] = title
    return found


def _parts(row: Row, assignment: Assignment, exercises: list[Exercise]) -> list[dict[str, Any]]:
    points = row.part_points(assignment)
    first = {p: next((e.id for e in exercises if e.id.partition("-")[0] == p), "") for p in assignment.parts}
    return [
        {"letter": p, "name": name, "points": points[p], "of": sum(c.points for c in assignment.graded if c.part == p),
         "waits": sum(v for k, v in row.waiting.items() if k.partition("-")[0] == p), "first": first[p]}
        for p, name in assignment.parts.items()
    ]  # fmt: skip


def _lines(row: Row) -> list[tuple[str, float]]:
    """What the total is made of besides the exercises' points."""
    told = [("bonus for presenting", row.bonus), ("extra points", row.extra), ("handed in late", -row.penalty)]
    return [(what, value) for what, value in told if value]


def _form(row: Row, assignment: Assignment) -> dict[str, Any] | None:
    if not any(c.id == FORM for c in assignment.cells):
        return None
    members = [[one_line(m.get("name"), 80), one_line(m.get("did"), 200)] for m in row.form.group]
    group = [", ".join(filter(None, member)) for member in members]
    fault = one_line(row.form.fault)
    return {"group": list(filter(None, group)), "parts": row.form.parts, "fault": fault, "bonus": row.bonus}


def _notes(row: Row, notebook: NotebookNode | None) -> list[str]:
    """What was mended, and what died, in sentences."""
    data = course_data(notebook) if notebook is not None else {}
    told = [row.dead or one_line(data.get("dead")), *row.notes]
    told += [n for n in data.get("notes", []) if isinstance(n, str)] if isinstance(data.get("notes"), list) else []
    clean = [one_line(note).rstrip(".") for note in told if note]
    return [f"{note[:1].upper()}{note[1:]}." for note in dict.fromkeys(clean)]
