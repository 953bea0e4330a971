"""Before a class is graded: the model solution must get all its points here, by the same road as every hand-in.

Where it does not, the fault is in the installation or in the assignment, and a whole class would lose points for it.
"""

from __future__ import annotations

import nbformat

from helpers.errors import CourseError

from .grading.cells import metadata
from .grading.snapshot import Snapshot
from .grading.task import Result
from .leaks import MARKERS
from .results import Row
from .source import FORM, Assignment

MODEL = "/the model solution"
"""In place of a student's name; no folder can be called that."""


def hand_in(snapshot: Snapshot) -> bytes:
    """The notebook of somebody who writes the model solution into the release."""
    make = {"code": nbformat.v4.new_code_cell, "markdown": nbformat.v4.new_markdown_cell}
    cells = []
    for known in snapshot.cells:
        cell = make.get(known.cell_type, nbformat.v4.new_raw_cell)(known.released, id=known.id)
        if known.solution or known.kind == FORM:
            cell.source = "\n".join(line for line in known.model.splitlines() if not any(m in line for m in MARKERS))
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
