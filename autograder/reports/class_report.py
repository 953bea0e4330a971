"""The class report: one HTML file that needs nothing else, and one CSV file beside it."""

from __future__ import annotations

import os
from collections import Counter
from functools import cache
from pathlib import Path
from statistics import mean, median
from typing import Any
from urllib.parse import quote

from jinja2 import Environment, FileSystemLoader, Template
from markupsafe import Markup

from ..text import some, with_code
from .borrowed import copies
from ..course import Course
from ..dates import FILE
from ..files import write_text
from .csv_table import to_csv
from .figures import Figure, distribution, success
from .results import Graded, Row, TO_DO, absent_words
from .terminal import late_words, number

TEMPLATES = Path(__file__).with_name("templates")
AFTERMATH = ("NotRun",)


def write(found: Graded, course: Course) -> Path:
    """Write CLASSDIR/reports/NAME.html and NAME.csv; returns the HTML's path."""
    target = course.reports / f"{found.assignment.name}.html"
    write_text(render(found, course), target)
    write_text(to_csv(found), target.with_suffix(".csv"))
    return target


def render(found: Graded, course: Course) -> str:
    """The report's HTML. Whatever comes from students is escaped."""
    return _template().render(
        assignment=found.assignment,
        facts=facts(found),
        figures=figures(found),
        late=found.late,
        look_at=look_at(found),
        mistakes=frequent(found),
        to_do=to_do(found),
        links={row.student: _link(row, found, course) for row in found.rows},
        students=[_student(row, found) for row in found.rows],
        exercises=exercises(found),
    )


@cache
def _template() -> Template:
    environment = Environment(loader=FileSystemLoader(TEMPLATES), autoescape=True, trim_blocks=False)
    environment.filters["code"] = lambda value: Markup(with_code(value))
    environment.filters["number"] = number
    return environment.get_template("report.html")


def good(found: Graded) -> list[Row]:
    return [row for row in found.rows if not row.reason]


def figures(found: Graded) -> list[Figure]:
    rows = good(found)
    return [distribution(found, rows), success(found, rows)] if rows and found.assignment.graded else []


def facts(found: Graded) -> list[tuple[str, str]]:
    totals = [row.total for row in good(found)]
    waiting = sum(sum(row.waiting.values()) for row in found.rows)
    told = [(str(len(found.rows)), "students")]
    if totals:
        told += [(number(median(totals)), "median total"), (f"{mean(totals):.1f}", "mean total")]
    told.append((str(sum(bool(row.reason) for row in found.rows)), "could not be graded"))
    modes = sorted({row.mode for row in found.rows if row.mode})
    if modes:
        told.append((", ".join(modes), "sandbox"))
    return [*told, (number(waiting), "points wait for a human")]


def look_at(found: Graded) -> list[tuple[str, str]]:
    """(student, sentence) for everything that a human should see."""
    told = [(FILE, sentence) for sentence in found.told]
    told += [(module, absent_words(module, students)) for module, students in found.absent.items()]
    for row in found.rows:
        if row.reason:
            told.append((row.student, f"{row.status}."))
            continue
        if row.dead:
            told.append((row.student, f"{row.dead[:1].upper()}{row.dead[1:]}; the rest ran in a fresh process."))
        if row.late_cells:
            told.append((row.student, f"Ran out of time in {', '.join(row.late_cells)}."))
        if row.form.fault:
            told.append((row.student, row.form.fault))
        told += [(row.student, sentence) for sentence in (*row.notes, *row.borrowed)]
    told += copies(((row.student, row.fingerprints) for row in good(found)), found.assignment)
    for cell in found.assignment.graded:
        names = [row.student for row in found.rows if cell.id in row.waiting]
        if names:
            many = f"{number(cell.points)} point" + "s" * (cell.points != 1)
            told.append((cell.id, f"{many} to grade by hand for {some(names, 4)}."))
    return told


def frequent(found: Graded, most: int = 15) -> list[dict[str, Any]]:
    """Equal mistakes counted once per student, the most frequent first."""
    count: Counter[tuple[str, str]] = Counter()
    first: dict[tuple[str, str], str] = {}
    for row in found.rows:
        kinds = {(m.exercise, m.id): m.message for m in reversed(row.wrong) if m.id not in AFTERMATH}
        for kind, message in kinds.items():
            count[kind] += 1
            first.setdefault(kind, message)
    return [
        {"exercise": kind[0], "id": kind[1], "message": first[kind], "count": n} for kind, n in count.most_common(most)
    ]


def to_do(found: Graded) -> list[tuple[str, int]]:
    """(exercise, students who left it open), in the order of the notebook."""
    count = Counter(e for row in found.rows for e in {m.exercise for m in row.mistakes if m.id == TO_DO})
    return [(e, count[e]) for e in found.assignment.exercises() if count[e]]


def exercises(found: Graded) -> list[dict[str, Any]]:
    told = []
    rows = good(found)
    for id_, cells in found.assignment.exercises().items():
        top = sum(c.points for c in cells)
        earned = [sum(row.scores.get(c.id, 0.0) for c in cells) for row in rows]
        told.append({"id": id_, "points": top, "mean": f"{mean(earned):.2f}" if earned else "",
                     "full": sum(e >= top for e in earned), "none": sum(e == 0 for e in earned)})  # fmt: skip
    return told


def _link(row: Row, found: Graded, course: Course) -> str:
    """To a student's feedback page; "" where there is none."""
    name = found.assignment.name
    page = course.feedback / row.student / name / f"{name}.html"
    return quote(os.fsencode(os.path.relpath(page, course.reports))) if page.is_file() else ""


def _student(row: Row, found: Graded) -> dict[str, Any]:
    waiting = sum(row.waiting.values())
    parts = row.part_points(found.assignment)
    return {
        "row": row,
        "parts": ["–" if row.reason else number(p) for p in parts.values()],
        "bonus": number(row.bonus) if row.bonus else "",
        "late": late_words(row),
        "total": "0" if row.reason else number(row.total),
        "waiting": number(waiting) if waiting else "",
        "words": row.words,
    }
