"""The table that grading prints."""

from __future__ import annotations

from rich.box import SIMPLE_HEAD
from rich.console import Console
from rich.table import Table
from rich.text import Text

from ..dates import in_words
from .results import Graded, Row, absent_words
from ..authoring.source import Cell
from ..text import one_line

WAITS = "·"
LONGEST = 10_000
"""Characters of a sentence."""


def number(value: float) -> str:
    return f"{round(value, 2):g}"


def shown(value: object) -> Text:
    """Text without terminal control sequences and rich markup (emoji codes included)."""
    return Text(one_line(value, LONGEST))


def show(found: Graded, console: Console) -> None:
    """Print one line per student: the points of every exercise, part by part, bonus, total, waiting, what went
    wrong."""
    assignment = found.assignment
    parts = by_part(found)
    table = Table(
        title=shown(f"{assignment.title}, {number(assignment.points)} points: {len(found.rows)} students"),
        title_justify="left",
        pad_edge=False,
        box=SIMPLE_HEAD,
        padding=(0, 1, 0, 0),
    )
    table.add_column("student", no_wrap=True, max_width=24)
    for part, exercises in parts.items():
        most = [number(sum(cell.points for cell in cells)) for cells in exercises.values()]
        table.add_column(Text(f"{part}\n{' '.join(most)}"), no_wrap=True)
    table.add_column("bonus", justify="right", no_wrap=True)
    if found.late:
        table.add_column("late", justify="right", no_wrap=True)
    table.add_column("total", justify="right", no_wrap=True)
    table.add_column("waiting", justify="right", no_wrap=True)
    table.add_column("what went wrong", ratio=1, min_width=24)
    for row in found.rows:
        table.add_row(*_cells(row, parts, found.late))
    console.print(table)
    for sentence in legend(found):
        console.print(shown(sentence))


def by_part(found: Graded) -> dict[str, dict[str, list[Cell]]]:
    """Part -> exercise -> its graded cells."""
    parts: dict[str, dict[str, list[Cell]]] = {part: {} for part in found.assignment.parts}
    for exercise, cells in found.assignment.exercises().items():
        parts[cells[0].part][exercise] = cells
    return parts


def late_words(row: Row) -> str:
    """How late, and what it costs."""
    return (in_words(row.late) + (f", −{number(row.penalty)}" if row.penalty else "")) if row.late else ""


def _cells(row: Row, parts: dict[str, dict[str, list[Cell]]], late: bool) -> list[Text]:
    if row.reason:
        return [shown(row.student), *([Text("–")] * (len(parts) + 1 + late)), Text("0"), Text(""), shown(row.status)]
    return [
        shown(row.student),
        *(Text(" ".join(_points(row, cells) for cells in exercises.values())) for exercises in parts.values()),
        Text(number(row.bonus) if row.bonus else ""),
        *([Text(late_words(row))] if late else []),
        Text(number(row.total)),
        Text(number(sum(row.waiting.values())) if row.waiting else ""),
        shown(shorten(row.words)),
    ]


def _points(row: Row, cells: list[Cell]) -> str:
    earned = number(sum(row.scores.get(cell.id, 0.0) for cell in cells))
    return WAITS if earned == "0" and any(cell.id in row.waiting for cell in cells) else earned


def shorten(words: str, limit: int = 160) -> str:
    """Cut at a word, so that a long message stays readable."""
    return words if len(words) <= limit else words[:limit].rsplit(" ", 1)[0] + " …"


def legend(found: Graded) -> list[str]:
    order = [
        f"{part}: {', '.join(e.removeprefix(part + '-') for e in exercises)}"
        for part, exercises in by_part(found).items()
    ]
    told = [f"Points in the order of the exercises. {'; '.join(order)}."]
    waiting = [r for r in found.rows if r.waiting]
    if waiting:
        told.append(
            f"{WAITS} and waiting: answers of {len(waiting)} students that a human has to grade, in the formgrader."
        )
    bad = [r.student for r in found.rows if r.reason]
    if bad:
        told.append(f"could not be graded: {', '.join(bad)} (their total shows 0).")
    told += found.told
    told += [absent_words(module, students) for module, students in found.absent.items()]
    regraded = len(found.regraded)
    told.append(f"{regraded} graded now, {len(found.rows) - regraded} unchanged since the last time.")
    return told
