"""Before a class is graded: the model solution must get all its points here, by the same road as every hand-in, and
what hand-ins import should be installed.

Where it does not, the fault is in the installation or in the assignment, and a whole class would lose points for it.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

import nbformat

from helpers.errors import CourseError

from ..authoring.snapshot import Snapshot
from ..authoring.source import FORM, Assignment, without_markers
from ..reports.results import Row
from ..submission.bindings import parsed, python
from ..submission.collect.file_kinds import PERHAPS_NOTEBOOK
from ..submission.intake import installed
from ..submission.nbgrader_rules import metadata
from ..submission.reading import Ungradable, parse, slim
from .task import Result

MODEL = "/the model solution"
"""In place of a student's name; no folder can be called that."""
IMPORT = re.compile(rb"""(?:"|\\n)[ \t]*(?:import[ \t]+([\w., \t]+)|from[ \t]+(\w+)[\w.]*[ \t]+import\b)""")
"""What looks like an import in a notebook's JSON."""


def hand_in(snapshot: Snapshot) -> bytes:
    """The notebook of somebody who writes the model solution into the release."""
    make = {"code": nbformat.v4.new_code_cell, "markdown": nbformat.v4.new_markdown_cell}
    cells = []
    for known in snapshot.cells:
        cell = make.get(known.cell_type, nbformat.v4.new_raw_cell)(known.released, id=known.id)
        if known.solution or known.kind == FORM:
            cell.source = without_markers(known.model)
        if known.kind == FORM:
            cell.metadata["course"] = {"id": FORM}
        elif known.name:
            cell.metadata["nbgrader"] = metadata(known)
        cells.append(cell)
    return nbformat.writes(nbformat.v4.new_notebook(cells=cells)).encode()


def check(result: Result, assignment: Assignment) -> None:
    """CourseError names what the model solution lost."""
    fault = result.reason or _lost(result, assignment)
    mend = "Mend the installation or the assignment, then grade again."
    if result.starved:
        mend = "This machine is too busy: grade again when it is quieter, or with -j 1 and a longer --timeout."
    if fault:
        raise CourseError(
            f"The model solution of {assignment.name} does not get its own points here, so nothing was graded: "
            f"{fault.rstrip('.')}. {mend}"
        )


def _lost(result: Result, assignment: Assignment) -> str:
    found = result.found(assignment)
    tests = {c.id: c.points for c in assignment.graded if c.kind == "test"}
    short = [id_ for id_, points in tests.items() if (found.points.get(id_) or 0.0) < points]
    row = Row(MODEL, mistakes=list(found.words.mistakes), dead=found.words.dead)
    return (row.words or f"points are missing in {', '.join(short)}") if short else ""


def absent(contents: Iterable[bytes]) -> list[str]:
    """Modules that a hand-in's notebooks import, outside any `try`, and that are neither installed nor handed in.
    `contents`: names and bytes of its files, in turn."""
    parts = list(contents)
    files = dict(zip(parts[::2], parts[1::2], strict=False))
    own = {part for name in files if name.endswith(b".py") for part in re.split(rb"[/.]", name)}
    found: set[str] = set()
    for name, raw in files.items():
        if PERHAPS_NOTEBOOK.search(name.decode("utf-8", "replace")):
            likely = {module for one in IMPORT.finditer(raw) for module in _modules(one)}
            if any(not installed(module) and module.encode() not in own for module in likely):
                found |= {module for module in _imports(raw) if module.encode() not in own and not installed(module)}
    return sorted(found - {"google"})


def _modules(found: re.Match[bytes]) -> list[str]:
    """Top-level modules of an import's text."""
    if found[2]:
        return [found[2].decode()]
    return [name.split()[0].split(b".")[0].decode() for name in found[1].split(b",") if name.strip(b" \t.")]


def _imports(raw: bytes) -> set[str]:
    try:
        cells = parse(slim(raw), "")[0].cells
    except Ungradable:
        return set()
    found: set[str] = set()
    for cell in cells:
        if cell.cell_type == "code" and "import" in cell.source:
            try:
                tree = parsed(python(cell.source))
            except (SyntaxError, ValueError, RecursionError, MemoryError):
                continue
            for node in _outside_try(tree):
                if isinstance(node, ast.Import):
                    found |= {alias.name.split(".")[0] for alias in node.names}
                elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
                    found.add(node.module.split(".")[0])
    return found


def _outside_try(tree: ast.AST) -> Iterator[ast.AST]:
    waiting = [tree]
    while waiting:
        node = waiting.pop()
        yield node
        waiting += [one for one in ast.iter_child_nodes(node) if not isinstance(one, ast.Try)]


def tally(entries: Mapping[str, Any]) -> dict[str, list[str]]:
    """Absent module -> students who import it, those first that most miss. `entries`: student -> absent modules."""
    found: dict[str, list[str]] = {}
    for student, modules in entries.items():
        for module in modules if isinstance(modules, list) else ():
            found.setdefault(str(module), []).append(student)
    return dict(sorted(found.items(), key=lambda one: (-len(one[1]), one[0])))
