"""Find instructor-only content in the notebooks that students get, by content and not by
marker."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from ..course import Course
from .source import REGIONS, Assignment, Cell, regions, shown
from .source import read as read_source

MARKERS = tuple(f"{edge} {what}" for edge in ("BEGIN", "END") for what in REGIONS.values())
SHINGLE = 6
CODE_RUN = 9
SHORTEST = 12


def squeeze(text: str) -> str:
    return re.sub(r"\s+", "", text)


def words(text: str) -> list[str]:
    return re.findall(r"[^\W_]+", text.lower())


def shingles(text: str) -> set[tuple[str, ...]]:
    """Every run of SHINGLE words."""
    found = words(text)
    return {tuple(found[i : i + SHINGLE]) for i in range(len(found) - SHINGLE + 1)}


def code_runs(text: str) -> set[tuple[str, ...]]:
    """Every run of CODE_RUN names, numbers and signs, of which three at least are names or numbers."""
    found = re.findall(r"\w+|[^\w\s]", text)
    runs = (tuple(found[i : i + CODE_RUN]) for i in range(len(found) - CODE_RUN + 1))
    return {run for run in runs if sum(token.isalnum() for token in run) >= 3}


def split(cell: Cell) -> tuple[list[str], list[str], str]:
    """A cell's secret code lines, its secret prose, and the text that students may see."""
    if cell.kind == "answer" and "BEGIN SOLUTION" not in cell.text:
        return (cell.text.splitlines(), [], "") if cell.type == "code" else ([], [cell.text], "")
    code, prose = [], []
    for marker in REGIONS.values():
        for lines in regions(cell.text, marker):
            if cell.type == "code":
                code += lines
            else:
                prose.append("\n".join(lines))
    return code, prose, shown(cell.text)


def secrets(assignment: Assignment) -> tuple[dict[str, str], dict[tuple[str, ...], str]]:
    """(squeezed secret line -> grade id, secret word run -> grade id), less what also stands in a given
    part."""
    lines: dict[str, str] = {}
    runs: dict[tuple[str, ...], str] = {}
    given = []
    for cell in assignment.cells:
        code, prose, public_text = split(cell)
        given.append(public_text)
        where = cell.id or f"line {cell.line}"
        for line in code:
            comment = line.partition("#")[2]
            for text in (line, line.partition("#")[0]):
                if len(squeeze(text)) >= SHORTEST and len(words(text)) > 1:
                    lines.setdefault(squeeze(text), where)
            runs.update(dict.fromkeys(shingles(comment) | code_runs(line), where))
        for text in prose:
            runs.update(dict.fromkeys(shingles(text), where))
            for sentence in re.split(r"(?<=[.!?;:])\s+|\n", text):
                if len(squeeze(sentence)) >= SHORTEST and len(words(sentence)) > 2:
                    lines.setdefault(squeeze(sentence), where)
    public = squeeze("\n".join(given))
    public_runs = set().union(*(shingles(text) | code_runs(text) for text in given)) if given else set()
    return (
        {line: where for line, where in lines.items() if line not in public},
        {run: where for run, where in runs.items() if run not in public_runs},
    )


def strings(value: Any) -> Iterator[str]:
    """Every string of a JSON value, keys included; lists of lines also joined."""
    if isinstance(value, str):
        yield value
    elif isinstance(value, dict):
        for key, item in value.items():
            yield str(key)
            yield from strings(item)
    elif isinstance(value, list):
        if value and all(isinstance(item, str) for item in value):
            yield "".join(value)
        for item in value:
            yield from strings(item)


def texts(path: Path) -> list[str]:
    """Everything that can be read from a file: its text, and a notebook's decoded strings."""
    raw = path.read_bytes().decode("utf-8", errors="replace")
    if path.suffix in (".ipynb", ".json"):
        try:
            return [raw, *strings(json.loads(raw))]
        except ValueError:
            pass
    return [raw]


def leaks(name: str, course: Course | None = None, released: Path | None = None) -> list[str]:
    """One sentence for each thing in notebooks/NAME that only instructors may see; an empty list is good.

    `released` looks at another folder, before it is put in place.
    """
    course = course or Course()
    assignment, _ = read_source(course.source(name))
    folder = released or course.notebooks / name
    lines, runs = secrets(assignment)
    found: dict[str, None] = {}
    for path in sorted(p for p in folder.rglob("*") if p.is_file()):
        place = f"notebooks/{name}/{path.relative_to(folder)}"
        if path.name in (f"{name}.py", "assignment.toml") or path.name.startswith("rubric"):
            found[f"{place} belongs to the instructor and must not be released."] = None
        for text in texts(path):
            squeezed = squeeze(text)
            for marker in MARKERS:
                if marker in text:
                    found[f"{place} still holds the marker {marker!r}."] = None
            for line, where in lines.items():
                if line in squeezed:
                    found[f"{place} shows what {where!r} hides: {line[:60]!r}."] = None
            for run in (shingles(text) | code_runs(text)) & runs.keys():
                found.setdefault(f"{place} shows words that {runs[run]!r} hides: {' '.join(run)!r}.", None)
    return list(found)
