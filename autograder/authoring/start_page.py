"""The first page that students open, notebooks/START_HERE.ipynb, and the links from one assignment to the next, made of
what the assignments' sources say."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path

import nbformat
from nbformat import NotebookNode

from ..course import Course
from ..files import write_notebook, write_text
from .source import settings

TEMPLATES = Path(__file__).with_name("templates")
START, CONFIG = "START_HERE.ipynb", "nbgrader_config.py"
NEIGHBOURS = "neighbours"
"""The id of the cell with the links to the previous and next assignment: a free cell, that grading does not know."""
MINUTES = re.compile(r"^# \|.*\| (\d+) min \|$", re.M)
LAST = 1_000


@dataclass(frozen=True)
class Entry:
    """An assignment as the first page lists it. `minutes`: 0 where the source has no table of parts with times."""

    name: str
    title: str
    points: float
    minutes: int
    goal: str
    prerequisites: str

    @property
    def time(self) -> str:
        halves = round(self.minutes / 30)
        return f"{halves // 2 or ''}{'½' * (halves % 2)}\u00a0h" if halves else "–"


def entries(course: Course) -> list[Entry]:
    """All assignments, in the order in which they build on each other, then by name."""
    found = []
    for name in course.assignments():
        source = course.source(name)
        said = settings(source)
        minutes = sum(map(int, MINUTES.findall(source.read_text(encoding="utf-8"))))
        words = str(said.get("goal", "")), str(said.get("prerequisites", ""))
        order = said.get("order", LAST)
        entry = Entry(name, str(said["title"]), said["points"], minutes, *words)
        found.append((order if isinstance(order, int) else LAST, name, entry))
    return [entry for *_, entry in sorted(found, key=lambda one: one[:2])]


def neighbours(name: str, listed: list[Entry]) -> NotebookNode | None:
    """The cell with the links to START_HERE and the assignments before and after; None where there is no other."""
    place = next((at for at, entry in enumerate(listed) if entry.name == name), None)
    if place is None or len(listed) < 2:
        return None
    links = [f"[Start here](../{START})"]
    if place > 0:
        links.insert(0, _link("← ", listed[place - 1]))
    if place + 1 < len(listed):
        links.append(_link("", listed[place + 1], " →"))
    return nbformat.v4.new_markdown_cell(" · ".join(links), id=NEIGHBOURS)


def _link(before: str, entry: Entry, after: str = "") -> str:
    return f"[{before}{entry.title}{after}](../{entry.name}/{entry.name}.ipynb)"


def with_neighbours(notebook: NotebookNode, name: str, listed: list[Entry]) -> NotebookNode:
    """The notebook with these links below its first cell; what it had of them before goes."""
    cells = [cell for cell in notebook.cells if cell.get("id") != NEIGHBOURS]
    cell = neighbours(name, listed)
    notebook.cells = [*cells[:1], *([cell] if cell else []), *cells[1:]]
    return notebook


def page(listed: list[Entry]) -> NotebookNode:
    """The first page."""
    rows = "\n".join(
        f"| {number} | [{e.title}]({e.name}/{e.name}.ipynb) | {e.goal} | {e.prerequisites} | {e.time} | {e.points:g} |"
        for number, e in enumerate(listed, 1)
    )
    before, after = (TEMPLATES / "start_here.md").read_text(encoding="utf-8").split("\n<!-- points -->\n")
    texts = (before.replace("ASSIGNMENTS", rows), after)
    cells = [nbformat.v4.new_markdown_cell(text.strip(), id=f"start-{at}") for at, text in enumerate(texts)]
    code = "from helpers import check\n\ncheck.summary()"
    cells.insert(1, nbformat.v4.new_code_cell(code, id="points"))
    spec = {"display_name": "Python 3 (ipykernel)", "language": "python", "name": "python3"}
    return nbformat.v4.new_notebook(cells=cells, metadata={"kernelspec": spec, "language_info": {"name": "python"}})


def bring_up_to_date(course: Course) -> None:
    """Write START_HERE.ipynb and Validate's configuration to notebooks/, and the links into each released notebook."""
    listed = entries(course)
    write_notebook(page(listed), course.notebooks / START)
    write_text((TEMPLATES / CONFIG).read_text(encoding="utf-8"), course.notebooks / CONFIG)
    for entry in listed:
        path = course.notebooks / entry.name / f"{entry.name}.ipynb"
        try:
            notebook = nbformat.read(path, as_version=4)
        except Exception:  # not released yet, or damaged: its own release makes it anew
            continue
        before = links_of(notebook)
        if links_of(with_neighbours(notebook, entry.name, listed)) != before:
            write_notebook(notebook, path)


def links_of(notebook: NotebookNode) -> list[str]:
    return [cell.source for cell in notebook.cells if cell.get("id") == NEIGHBOURS]
