"""The points so far, as a notebook's last cell shows them: read from the notebook's file and from what ran since.

There is no other record: what a check said stands in the notebook that was saved. It is for the student alone; grading
runs everything anew and reads none of it.
"""

from __future__ import annotations

import html
import json
import os
import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from helpers.check.core.report import session, show

HEADING = re.compile(r"^#{2,3} (?:Part )?((?<=Part )[A-Z]|[A-Z]\d)((?:(?:, | and )[A-Z]\d)*\. .*)$", re.M)
EMPTY = re.compile(r"^\*Your answer here: replace this line\.\*$|NotImplementedError", re.M)
TO_DO = "still-to-do"
"""The mistake of a check whose exercise is not written."""
FIRST_PAGE = "START_HERE.ipynb"
LARGEST = 50_000_000
"""Bytes of a notebook; a larger one is left out."""


@dataclass
class Exercise:
    """What stands under one heading: points that checks have given, that are open, and that a person gives."""

    anchor: str
    title: str
    points: float = 0
    got: float = 0
    by_hand: float = 0
    failed: list[str] = field(default_factory=list)
    to_run: list[str] = field(default_factory=list)
    written: list[str] = field(default_factory=list)
    empty: list[str] = field(default_factory=list)

    @property
    def left(self) -> str:
        """What is left to do, and what waits for a person; "" where all is done."""
        parts = [
            f"not yet passed: {', '.join(self.failed)}" if self.failed else "",
            f"to write and run: {', '.join(self.to_run)}" if self.to_run else "",
            f"to answer: {', '.join(self.empty)}" if self.empty else "",
            f"answered, a person gives the points: {', '.join(self.written)}" if self.written else "",
        ]
        return "; ".join(filter(None, parts))

    @property
    def mark(self) -> str:
        return "✗" if self.failed else "○" if self.to_run or self.empty else "✓"


@dataclass
class Points:
    """A notebook of the course."""

    path: Path
    title: str
    exercises: list[Exercise]

    def total(self, what: str) -> float:
        return sum(getattr(exercise, what) for exercise in self.exercises)

    def __str__(self) -> str:
        said = f"{self.total('got'):g} of {self.total('points'):g} points"
        by_hand, open_answers = self.total("by_hand"), sum(len(exercise.empty) for exercise in self.exercises)
        if by_hand:
            said += f", and {by_hand:g} more that a person gives for answers"
            said += f" ({_count(open_answers, 'answer')} still to write)" if open_answers else ""
        return said


class Summary:
    """What `summary` shows. `here`: the notebook that it was called in, if that is an assignment."""

    def __init__(self, here: Points | None, others: list[Points], base: Path) -> None:
        self.here, self.others, self.base = here, others, base

    def __repr__(self) -> str:
        lines = []
        if self.here:
            lines.append(f"{self.here.title}: {self.here}")
            for one in self.here.exercises:
                if one.points or one.by_hand:
                    row = f"  {one.mark} {one.title:<44} {_of(one)}"
                    lines.append(f"{row}  {one.left}".rstrip())
        lines += [f"{other.title}: {other}" for other in self.others]
        return "\n".join([*lines, NOTE]) if lines else NOTHING

    def _repr_html_(self) -> str:
        if not (self.here or self.others):
            return f"<p>{NOTHING}</p>"
        parts = []
        if self.here:
            rows = (
                f'{_cell(one.mark)}{_cell(_anchor(one))}{_cell(_of(one))}{_cell(html.escape(one.left))}'
                for one in self.here.exercises
                if one.points or one.by_hand
            )
            parts.append(f"<b>{html.escape(f'{self.here.title}: {self.here}')}</b>{_table(rows)}")
        if self.others:
            rows = (f"{_cell(self._link(other))}{_cell(html.escape(str(other)))}" for other in self.others)
            parts.append((f"<b>{'Other assignments' if self.here else 'Assignments'}</b>") + _table(rows))
        return f'<div role="status">{"".join(parts)}<p>{NOTE}</p></div>'

    def _link(self, other: Points) -> str:
        where = os.path.relpath(other.path, self.base).replace(os.sep, "/")
        return f'<a href="{html.escape(where)}">{html.escape(other.title)}</a>'


NOTE = "Counted from the notebooks as last saved and the checks that ran here since: save, and run this cell again."
NOTHING = "The notebook's file is not found from here, so its points can't be added up; each check says what it found."


def summary() -> None:
    """Show the points so far by exercise, what is left, and how far the other assignments beside this one are.

    Answers that a person grades count as written or not. Where no notebook of the course is found, a sentence says so.
    """
    base = Path.cwd()
    here = _this(base)
    course = base.parent if here else base
    order = _order(course)
    beside = sorted(course.glob("*/*.ipynb"), key=lambda path: (order.get(path.stem, len(order)), path))
    others = [path for path in beside if path.stem == path.parent.name and (not here or path != here.path)]
    show(Summary(here, [found for path in others if (found := read(path))], base))


def _order(course: Path) -> dict[str, int]:
    """assignment -> its place in the table of the course's first page."""
    page = _load(course / FIRST_PAGE)
    names = re.findall(r"\((\w+)/\1\.ipynb\)", "\n".join(map(_source, page["cells"])) if page else "")
    return {name: place for place, name in enumerate(dict.fromkeys(names))}


def _this(base: Path) -> Points | None:
    """The assignment in this folder; of several notebooks that which Jupyter runs here, else that of which most ran."""
    named = os.path.basename(os.environ.get("JPY_SESSION_NAME", ""))
    found = {path: notebook for path in sorted(base.glob("*.ipynb")) if (notebook := _load(path))}

    def rank(path: Path) -> tuple[bool, int]:
        return path.name == named, sum(_source(cell) in session for cell in found[path]["cells"])

    readable = [points for path in sorted(found, key=rank, reverse=True) if (points := read(path, here=True))]
    return readable[0] if readable else None


def read(path: Path, here: bool = False) -> Points | None:
    """The points of a saved notebook; None where it is none of an assignment. `here`: what this kernel ran counts."""
    notebook = _load(path)
    if notebook is None:
        return None
    title, exercises, graded = path.stem, [Exercise("", "")], 0
    for cell in notebook["cells"]:
        source, about = _source(cell), cell.get("metadata", {}).get("nbgrader") or {}
        if cell.get("cell_type") == "markdown" and not about.get("grade"):
            heading = re.match(r"# (.+)", source)
            title = heading[1].strip() if heading and title == path.stem else title
            exercises += [Exercise(found[1], _plain(found[1] + found[2])) for found in HEADING.finditer(source)]
        elif about.get("grade"):
            graded += 1
            _add(exercises[-1], cell, source, about, session if here else {})
    return Points(path, title, exercises) if graded else None


def _add(exercise: Exercise, cell: dict[str, Any], source: str, about: dict[str, Any], ran: dict[str, str]) -> None:
    name, points = str(about.get("grade_id", "")), about.get("points", 0)
    points = points if isinstance(points, int | float) else 0
    if not points:
        return
    if about.get("solution"):
        exercise.by_hand += points
        (exercise.empty if EMPTY.search(source) or not source.strip() else exercise.written).append(name)
        return
    exercise.points += points
    mistake = ran.get(source, _saved(cell))
    if not mistake:
        exercise.got += points
    else:
        (exercise.to_run if mistake == TO_DO else exercise.failed).append(name)


def _saved(cell: dict[str, Any]) -> str:
    """What a saved test cell says: "" where it ran without an error, TO_DO where it or its exercise is not done yet."""
    outputs = cell.get("outputs") or []
    if cell.get("execution_count") is None and not outputs:
        return TO_DO
    if not any(output.get("output_type") == "error" for output in outputs):
        return ""
    return TO_DO if f'"{TO_DO}"' in json.dumps(outputs) else "failed"


def _load(path: Path) -> dict[str, Any] | None:
    try:
        found = json.loads(path.read_bytes()) if path.stat().st_size <= LARGEST else None
    except (OSError, ValueError, RecursionError):
        return None
    cells = found.get("cells") if isinstance(found, dict) else None
    fits = isinstance(cells, list) and all(isinstance(cell, dict) for cell in cells)
    return found if fits else None


def _source(cell: dict[str, Any]) -> str:
    source = cell.get("source", "")
    return ("".join(map(str, source)) if isinstance(source, list) else str(source)).rstrip()


def _plain(heading: str) -> str:
    """A heading without its points and minutes."""
    return re.sub(r"\s*\([^()]*\)\s*$", "", heading).strip()


def _of(one: Exercise) -> str:
    by_hand = f"{one.by_hand:g} by hand" if one.by_hand else ""
    return " + ".join(filter(None, [f"{one.got:g} of {one.points:g}" if one.points else "", by_hand]))


def _count(number: int, what: str) -> str:
    return f"{number} {what}" if number == 1 else f"{number} {what}s"


def _anchor(one: Exercise) -> str:
    title = html.escape(one.title)
    return f'<a href="#{one.anchor}">{title}</a>' if one.anchor else title


def _cell(content: str) -> str:
    return f'<td style="text-align:left;vertical-align:top;padding:1px 12px 1px 0">{content}</td>'


def _table(rows: Iterator[str]) -> str:
    return f'<table style="margin:2px 0 8px;border:none">{"".join(f"<tr>{row}</tr>" for row in rows)}</table>'
