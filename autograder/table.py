"""The table that grading prints."""

from __future__ import annotations

from rich.console import Console
from rich.table import Table
from rich.text import Text

from .grade import Graded
from .results import Row
from .worker import Outcome


def number(value: float) -> str:
    return f"{round(value, 2):g}"


def summary(outcome: Outcome) -> str:
    """One line for the moment a hand-in is done."""
    return f"{outcome.student}: {outcome.reason or 'graded'} ({outcome.seconds:.1f} s)"


def show(found: Graded, console: Console, wide: bool = False) -> None:
    """Print one line a student: points per part (per exercise if `wide`), bonus, total, waiting, what
    went wrong."""
    assignment = found.assignment
    columns = list(assignment.exercises()) if wide else list(assignment.parts)
    points = {
        c: sum(g.points for g in (assignment.exercises()[c] if wide else assignment.graded) if wide or g.part == c)
        for c in columns
    }
    table = Table(title=f"{assignment.title}: {len(found.rows)} students", title_justify="left", pad_edge=False)
    table.add_column("student", no_wrap=True, max_width=24)
    for column in columns:
        table.add_column(Text(f"{column}\n/{number(points[column])}"), justify="right", no_wrap=not wide)
    table.add_column("bonus", justify="right", no_wrap=True)
    table.add_column(Text(f"total\n/{number(assignment.points)}"), justify="right", no_wrap=True)
    table.add_column("waiting", justify="right", no_wrap=True)
    table.add_column("what went wrong", ratio=1, min_width=24)
    for row in found.rows:
        table.add_row(*_cells(row, found, columns, wide))
    console.print(table)
    for sentence in legend(found):
        console.print(sentence, markup=False, highlight=False)


def _cells(row: Row, found: Graded, columns: list[str], wide: bool) -> list[Text]:
    if row.reason:
        return [Text(row.student), *([Text("–")] * (len(columns) + 1)), Text("0"), Text(""), Text(row.status)]
    earned = row.exercise_points(found.assignment) if wide else row.part_points(found.assignment)
    waiting = sum(row.waiting.values())
    return [
        Text(row.student),
        *(Text(number(earned.get(c, 0.0))) for c in columns),
        Text(number(row.bonus) if row.bonus else ""),
        Text(number(row.total)),
        Text(number(waiting) if waiting else ""),
        Text(shorten(row.words)),
    ]


def shorten(words: str, limit: int = 160) -> str:
    """Cut at a word, so that a long message stays readable."""
    return words if len(words) <= limit else words[:limit].rsplit(" ", 1)[0] + " …"


def legend(found: Graded) -> list[str]:
    told = []
    waiting = [r for r in found.rows if r.waiting]
    if waiting:
        told.append(
            f"waiting: points of answers that {len(waiting)} students still wait for; grade them in the formgrader."
        )
    bad = [r.student for r in found.rows if r.reason]
    if bad:
        told.append(f"could not be graded: {', '.join(bad)} (their total shows 0).")
    regraded = len(found.regraded)
    told.append(f"{regraded} graded now, {len(found.rows) - regraded} unchanged since the last time.")
    return told
