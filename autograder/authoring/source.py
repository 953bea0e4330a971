"""Read an assignment's text source and turn it into the notebook that nbgrader knows.

A source cell carries one short key (`given`, `exercise`, `test`, `answer`) beside its `# %%`; here the key
becomes nbgrader's metadata, and everything that would only show up in class is refused with a sentence.
"""

from __future__ import annotations

import hashlib
import re
import tomllib
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from fnmatch import fnmatch
from pathlib import Path
from typing import Any

import nbformat
from nbformat import NotebookNode

import helpers
from helpers.errors import CourseError

from .landmarks import parts_in, with_anchors, with_answer_line, with_links

KINDS = ("given", "exercise", "test", "answer")
FLAGS = {  # grade, solution, locked
    "given": (False, False, True),
    "exercise": (False, True, False),
    "test": (True, False, True),
    "answer": (True, True, False),
}
REGIONS = {"solution": "SOLUTION", "hidden test": "HIDDEN TESTS", "rubric": "MARK SCHEME"}
EDGE = re.compile(rf"(BEGIN|END) (?:{'|'.join(REGIONS.values())})")
ID = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.-]*\Z")
FORM, FORM_CHECK = "form", "form-check"
SEED = re.compile(r"\bSEED\b")
"""In a hidden part of a test: the class's secret number."""
PUBLIC_SEED = 41
"""What takes its place where there is no class."""


class SourceError(CourseError):
    """The source of an assignment breaks its rules. The message lists every place, one sentence each."""


@dataclass(frozen=True)
class Cell:
    """One cell of the source: `kind` is one of KINDS or "" for a free cell; `line` counts from 1."""

    kind: str
    id: str
    points: float
    type: str
    text: str
    line: int
    position: int

    @property
    def place(self) -> str:
        return f"cell {self.id!r} (line {self.line})" if self.id else f"the cell at line {self.line}"

    @property
    def part(self) -> str:
        """The part letter that the id begins with, "" for the form and for free cells."""
        return "" if self.id in ("", FORM, FORM_CHECK) else self.id.partition("-")[0]


@dataclass(frozen=True)
class Assignment:
    """An assignment as its source says it. `closed`: modules of `helpers` that hold what students are to write,
    with what of each stays."""

    name: str
    title: str
    points: float
    parts: dict[str, str]
    cells: tuple[Cell, ...]
    closed: dict[str, list[str]] = field(default_factory=dict)

    @classmethod
    def of(cls, plain: dict[str, Any]) -> Assignment:
        """From what `dataclasses.asdict` makes of one; raises TypeError or KeyError where it is something else."""
        return cls(**plain | {"cells": tuple(Cell(**cell) for cell in plain["cells"])})

    @property
    def graded(self) -> list[Cell]:
        return [c for c in self.cells if c.kind in ("test", "answer")]

    def exercise_of(self, graded: Cell) -> str:
        """Id of the exercise a graded cell belongs to: the longest id it begins with, else the one above
        it."""
        if graded.kind == "answer":
            return graded.id
        above = [c for c in self.cells if c.kind == "exercise" and c.position < graded.position]
        named = [c for c in above if graded.id == c.id or graded.id.startswith(c.id + "-")]
        if named:
            return max(named, key=lambda c: len(c.id)).id
        same_part = [c for c in above if c.part == graded.part]
        return same_part[-1].id if same_part else ""

    def exercises(self) -> dict[str, list[Cell]]:
        """Exercise id -> its graded cells, in the order of the notebook, the form left out."""
        groups: dict[str, list[Cell]] = {}
        for cell in self.graded:
            if cell.id != FORM_CHECK:
                groups.setdefault(self.exercise_of(cell), []).append(cell)
        return groups


def regions(text: str, marker: str) -> Iterator[list[str]]:
    """The lines between each BEGIN and END of a marker; ValueError where they don't pair up."""
    inside: list[str] | None = None
    for line in text.splitlines():
        if f"BEGIN {marker}" in line:
            if inside is not None:
                raise ValueError(f"BEGIN {marker} stands twice without an END {marker} between")
            inside = []
        elif f"END {marker}" in line:
            if inside is None:
                raise ValueError(f"END {marker} has no BEGIN {marker} before it")
            yield inside
            inside = None
        elif inside is not None:
            inside.append(line)
    if inside is not None:
        raise ValueError(f"BEGIN {marker} has no END {marker} after it")


def shown(text: str) -> str:
    """A cell's text less its hidden tests, rubrics and model solutions; what is not closed goes to the end."""
    kept, inside = [], False
    for line in text.splitlines():
        edge = EDGE.search(line)
        inside = edge[1] == "BEGIN" if edge else inside
        if not inside and not edge:
            kept.append(line)
    return "\n".join(kept)


def without_markers(text: str) -> str:
    """A cell's text less the lines that mark where regions begin and end."""
    return "\n".join(line for line in text.splitlines() if not EDGE.search(line))


def cell_lines(text: str, count: int) -> list[int]:
    """Line numbers of the `# %%` markers; zeros where they don't match the number of cells."""
    lines = [n for n, line in enumerate(text.splitlines(), 1) if re.match(r"#\s*%%", line)]
    return lines if len(lines) == count else [0] * count


def seeded(text: str, seed: int) -> str:
    """A test cell with the number in place of SEED in its hidden parts."""
    lines, hidden = [], False
    for line in text.splitlines():
        hidden = (hidden or f"BEGIN {REGIONS['hidden test']}" in line) and f"END {REGIONS['hidden test']}" not in line
        lines.append(SEED.sub(str(seed), line) if hidden else line)
    return "\n".join(lines)


def read(path: Path, seed: int = PUBLIC_SEED) -> tuple[Assignment, NotebookNode]:
    """Read `path` (a percent-format .py with assignment.toml beside it), lint it, expand it.

    seed: stands for `SEED` in hidden parts of tests.

    Returns the assignment and its notebook with nbgrader metadata, no outputs, and ids that depend only on
    the text. Raises SourceError with one sentence a fault.
    """
    import jupytext  # takes a second, which most commands don't need

    name, faults = path.stem, []
    about, faults_toml = _settings(path.with_name("assignment.toml"))
    faults += faults_toml
    text = path.read_text(encoding="utf-8")
    raw = jupytext.reads(text, fmt="py:percent")
    lines = cell_lines(text, len(raw.cells))
    cells: list[Cell] = []
    for position, (cell, line) in enumerate(zip(raw.cells, lines, strict=True)):
        if "test" in cell.metadata:
            cell.source = seeded(cell.source, seed)
        parsed, found = _parse(cell, line, position)
        cells.append(parsed)
        faults += found
    assignment = Assignment(name, about["title"], about["points"], about["parts"], tuple(cells), about["closed"])
    faults += lint(assignment)
    if faults:
        raise SourceError(f"solutions/{name}: " + " ".join(faults))
    return assignment, _expand(assignment, raw)


def settings(source: Path) -> dict[str, Any]:
    """What the assignment.toml beside a source says, or what stands for it where it breaks its rules."""
    return _settings(source.with_name("assignment.toml"))[0]


def _settings(path: Path) -> tuple[dict[str, Any], list[str]]:
    empty: dict[str, Any] = {"title": path.parent.name, "points": 0.0, "parts": {}, "closed": {}}
    if not path.is_file():
        return empty, ["assignment.toml is missing; it gives title, points and the parts' letters."]
    try:
        found = tomllib.loads(path.read_text(encoding="utf-8"))
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        return empty, [f"assignment.toml can't be read: {error}."]
    faults = []
    if not isinstance(found.get("title"), str):
        faults.append("assignment.toml needs a title in quotes.")
    if not isinstance(found.get("points"), (int, float)):
        faults.append("assignment.toml needs points as a number.")
    if not isinstance(found.get("parts"), dict):
        faults.append("assignment.toml needs a [parts] table of letters and names.")
    faults += _closed_faults(found.get("closed", {}))
    return empty | ({} if faults else found), faults


def _closed_faults(closed: Any) -> Iterator[str]:
    if not isinstance(closed, dict) or not all(isinstance(kept, list) for kept in closed.values()):
        yield 'assignment.toml needs [closed] as a table, each line like "helpers.nn" = ["what", "stays", "of", "it"].'
        return
    for module, kept in closed.items():
        for name in (module, *(f"{module}.{one}" for one in kept)):
            place = Path(helpers.__file__).parent.joinpath(*name.split(".")[1:])
            if not name.startswith("helpers.") or not (place.is_dir() or place.with_name(f"{place.name}.py").is_file()):
                yield f"assignment.toml names {name!r} in [closed], which is no module of helpers."


def _parse(cell: NotebookNode, line: int, position: int) -> tuple[Cell, list[str]]:
    meta = {k: v for k, v in cell.metadata.items() if k not in ("lines_to_next_cell",)}
    where, faults = f"The cell at line {line}", []
    kinds = [k for k in KINDS if k in meta]
    unknown = sorted(set(meta) - {*KINDS, "points", "tags"})
    if unknown:
        faults.append(f"{where} has the unknown key {unknown[0]!r}; known are {', '.join(KINDS)} and points.")
    if len(kinds) > 1:
        faults.append(f"{where} is both {kinds[0]} and {kinds[1]}; keep one.")
    kind = kinds[0] if kinds else ""
    id_, points = meta.get(kind, "") if kind else "", meta.get("points")
    if kind and (not isinstance(id_, str) or not ID.match(id_)):
        faults.append(f"{where} needs an id: {kind}=\"…\" made of letters, digits, '-', '_' and '.'.")
        id_ = str(id_)
    if kind in ("test", "answer"):
        if isinstance(points, bool) or not isinstance(points, (int, float)) or points < 0:
            faults.append(f"{where} ({id_}) needs points=… as a number that is not negative.")
            points = 0
    elif points is not None:
        faults.append(f"{where} has points but is neither a test nor an answer.")
        points = 0
    return Cell(kind, id_, float(points or 0), cell.cell_type, cell.source, line, position), faults


def lint(assignment: Assignment) -> list[str]:
    """Every breach of the rules as one sentence that names the cell."""
    faults: list[str] = []
    seen: dict[str, Cell] = {}
    for cell in assignment.cells:
        if cell.id and cell.id in seen:
            faults.append(f"The id {cell.id!r} stands twice, at lines {seen[cell.id].line} and {cell.line}.")
        seen.setdefault(cell.id, cell)
        faults += list(_lint_cell(assignment, cell))
    total = sum(c.points for c in assignment.graded)
    if total != assignment.points:
        faults.append(f"The points of the cells add up to {total:g}, but assignment.toml says {assignment.points:g}.")
    return faults


def _lint_cell(assignment: Assignment, cell: Cell) -> Iterator[str]:
    allowed = {"solution": ("exercise", "answer"), "hidden test": ("test",), "rubric": ("given",)}
    for what, marker in REGIONS.items():
        try:
            found = list(regions(cell.text, marker))
        except ValueError as error:
            yield f"In {cell.place} {error}."
            continue
        if found and cell.kind not in allowed[what]:
            needed = " or ".join(allowed[what])
            yield f"A {what} region stands in {cell.place}, which is not a {needed} cell; it could leak."
        if what == "solution" and cell.kind == "exercise" and not found and cell.id != FORM:
            yield f"The exercise {cell.place} has no BEGIN SOLUTION … END SOLUTION region."
    if cell.kind == "test" and SEED.search(cell.text):
        yield f"SEED stands in the visible part of {cell.place}; it is the secret number of hidden parts."
    wanted = {"exercise": "code", "test": "code"}.get(cell.kind)
    if wanted and cell.type != wanted:
        yield f"The {cell.kind} {cell.place} must be a {wanted} cell."
    if cell.kind and cell.id not in (FORM, FORM_CHECK):
        graded = cell.kind != "given"
        if cell.part not in assignment.parts and (graded or "-" in cell.id):
            letters = ", ".join(assignment.parts) or "none"
            yield f"The id of {cell.place} begins with {cell.part!r}, but the parts are {letters}."
        if cell.kind == "test" and not assignment.exercise_of(cell):
            yield f"The test {cell.place} has no exercise above it in its part."
    if cell.id == FORM_CHECK and (cell.kind != "test" or cell.points):
        yield f"{FORM_CHECK!r} must be a test of 0 points; it carries the bonus."


def _expand(assignment: Assignment, raw: NotebookNode) -> NotebookNode:
    cells, anchor, since = [], "", 0
    parts = parts_in([cell.text for cell in assignment.cells if cell.type == "markdown"])
    following: list[Cell | None] = [*assignment.cells[1:], None]
    for parsed, source, below in zip(assignment.cells, raw.cells, following, strict=True):
        anchor, since = (parsed.id, 0) if parsed.id else (anchor, since + 1)
        key = f"{assignment.name}/{anchor}/{since}"
        make = {"code": nbformat.v4.new_code_cell, "markdown": nbformat.v4.new_markdown_cell}
        text = source.source
        if parsed.type == "markdown" and parsed.kind != "answer":
            text = with_links(with_anchors(text), parts)
            if parsed.kind == "given" and below is not None and below.kind == "answer":
                text = with_answer_line(text, below.type == "code")
        cell = make.get(parsed.type, nbformat.v4.new_raw_cell)(text)
        cell.id = hashlib.sha256(key.encode()).hexdigest()[:12]
        cell.metadata = _metadata(parsed)
        cells.append(cell)
    return nbformat.v4.new_notebook(
        cells=cells,
        metadata={
            "kernelspec": {"display_name": "Python 3 (ipykernel)", "language": "python", "name": "python3"},
            "language_info": {"name": "python"},
        },
    )


def _metadata(cell: Cell) -> NotebookNode:
    if not cell.kind:
        return NotebookNode()
    grade, solution, locked = FLAGS[cell.kind]
    if cell.id == FORM and "BEGIN SOLUTION" not in cell.text:
        # A form to fill in, released as it stands; nbgrader would take its id away, so it is marked beside.
        return nbformat.from_dict({"course": {"id": FORM}})
    meta: dict[str, Any] = {"grade": grade, "grade_id": cell.id, "locked": locked, "schema_version": 3,
                            "solution": solution, "task": False}  # fmt: skip
    if grade:
        meta["points"] = cell.points
    return nbformat.from_dict({"nbgrader": meta})


def grade_id(cell: NotebookNode) -> str:
    """The id of a notebook's cell (nbgrader's, or the form's mark), "" where it has none or is damaged."""
    for key, name in (("nbgrader", "grade_id"), ("course", "id")):
        meta = cell.get("metadata", {}).get(key)
        found = meta.get(name, "") if isinstance(meta, dict) else ""
        if found and isinstance(found, str):
            return found
    return ""


def label(cell: NotebookNode, index: int) -> str:
    """What to call a cell in a sentence: its grade id, or its number with its first line."""
    if grade_id(cell):
        return repr(grade_id(cell))
    first = next((line.strip() for line in cell.source.splitlines() if line.strip()), "")
    return f"number {index + 1} ({first[:40]!r})"


def cells_by_id(notebook: NotebookNode) -> dict[str, NotebookNode]:
    return {grade_id(c): c for c in notebook.cells if grade_id(c)}


def source_files(folder: Path, ignore: Iterable[str]) -> list[Path]:
    """The data files beside a source that travel with the assignment, sorted."""
    patterns = [*ignore, "*.ipynb"]

    def kept(path: Path) -> bool:
        parts = path.relative_to(folder).parts
        return path.is_file() and not any(fnmatch(part, pattern) for part in parts for pattern in patterns)

    return sorted(path for path in folder.rglob("*") if kept(path))
