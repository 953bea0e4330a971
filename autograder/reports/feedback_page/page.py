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

from ...dates import in_words
from ...files import write_text
from ..results import Row
from ...authoring.source import FORM, Assignment, Cell, shown
from ...text import one_line, with_code
from .diagnosis import PASSED, TO_DO, Told
from .pieces import BEFORE, Pieces, Work
from .sanitize import code_html, prose_html

TEMPLATES = Path(__file__).parents[1] / "templates"
COURSE = "From Scratch to cuDNN"


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
    comments: list[Markup] = field(default_factory=list)
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
    row: Row, found: Pieces | None, assignment: Assignment, target: Path, *, course_title: str = COURSE
) -> None:
    """Write the page of one student to `target`, in one step. `found` are the pieces of the autograded notebook."""
    write_text(render(row, found, assignment, course_title=course_title), target)


def render(row: Row, found: Pieces | None, assignment: Assignment, *, course_title: str = COURSE) -> str:
    """The page of one student as HTML: one file, no script, nothing loaded from elsewhere. `found` are the pieces of the
    autograded notebook, None where there is none.

    Of hidden tests, rubrics and model answers it holds nothing, whatever the notebook holds.
    """
    template, css, policy = _template()
    exercises = _exercises(row, found, assignment)
    page = template.render(
        css=css,
        policy=policy,
        course_title=course_title,
        assignment=assignment,
        row=row,
        student=one_line(row.student, 200),
        reason=one_line(row.reason),
        exercises=exercises,
        other=found.work.get(BEFORE, []) if found else [],
        form=_form(row, assignment),
        parts=_parts(row, assignment, exercises),
        lines=_lines(row),
        notes=_notes(row, found),
        waiting=sum(row.waiting.values()),
    )
    return page.encode("utf-8", "replace").decode("utf-8")


@lru_cache(maxsize=1)
def _template() -> tuple[Template, Markup, str]:
    environment = Environment(loader=FileSystemLoader(TEMPLATES), autoescape=True, trim_blocks=True, lstrip_blocks=True)
    environment.filters["code"] = lambda value: Markup(with_code(value))
    environment.filters["number"] = lambda value: f"{round(value, 2):g}"
    environment.filters["anchor"] = lambda value: "e-" + re.sub(r"[^A-Za-z0-9_-]", "-", value)
    css = (TEMPLATES / "feedback.css").read_text(encoding="utf-8")
    digest = base64.b64encode(hashlib.sha256(css.encode()).digest()).decode()
    policy = f"default-src 'none'; img-src data:; style-src 'sha256-{digest}'; form-action 'none'; base-uri 'none'"
    return environment.get_template("feedback.html"), Markup(css), policy


def _exercises(row: Row, found: Pieces | None, assignment: Assignment) -> list[Exercise]:
    titles = headings(assignment.cells)
    known = {c.id: c for c in assignment.cells if c.id}
    comments: dict[str, list[Markup]] = {}
    for name, comment in row.comments.items():
        id_ = assignment.exercise_of(known[name]) if name in known and known[name].kind == "test" else name
        if comment and comment != "No response.":
            comments.setdefault(id_, []).append(prose_html(comment, breaks=True))
    made = []
    for id_, cells in assignment.exercises().items():
        points = {c.id: row.scores.get(c.id, 0.0) for c in cells}
        one = Exercise(
            id_, titles.get(id_, ""), comments=comments.get(id_, []), points=sum(points.values()),
            of=sum(c.points for c in cells), waits=sum(row.waiting.get(c.id, 0.0) for c in cells),
        )  # fmt: skip
        if found is not None:
            for cell in (c for c in cells if c.kind == "test"):
                code = code_html(shown(cell.text).strip())
                one.tests.append(Test(found.told[cell.id], code, points[cell.id], cell.points))
            one.work, one.answered = found.work.get(id_, []), id_ not in found.unanswered
        made.append(one)
    return made


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
    late = "handed in late" + (f" ({in_words(row.late)})" if row.late else "")
    told = [("bonus for presenting", row.bonus), ("extra points", row.extra), (late, -row.penalty)]
    return [(what, value) for what, value in told if value]


def _form(row: Row, assignment: Assignment) -> dict[str, Any] | None:
    if not any(c.id == FORM for c in assignment.cells):
        return None
    members = [[one_line(m.get("name"), 80), one_line(m.get("did"), 200)] for m in row.form.group]
    group = [", ".join(filter(None, member)) for member in members]
    fault = one_line(row.form.fault)
    return {"group": list(filter(None, group)), "parts": row.form.parts, "fault": fault, "bonus": row.bonus}


def _notes(row: Row, found: Pieces | None) -> list[str]:
    """What was mended, in sentences. What died stands at its cell: `row.dead` says how, and code chooses that."""
    late = [f"handed in {in_words(row.late)} late, which costs nothing"] if row.late and not row.penalty else []
    told = [*late, *row.notes, *(found.notes if found else [])]
    clean = [one_line(note).rstrip(".") for note in told if note]
    return [f"{note[:1].upper()}{note[1:]}." for note in dict.fromkeys(clean)]
