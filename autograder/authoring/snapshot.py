"""What grading needs to know of an assignment: its cells as the gradebook has them, as plain data that can travel."""

from __future__ import annotations

import copy
import hashlib
import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from functools import cached_property
from typing import Any

from nbformat import NotebookNode

from .source import FORM, Assignment, grade_id


@dataclass(frozen=True)
class SnapshotCell:
    """One cell of the source notebook.

    `source` is what the gradebook holds: solutions replaced by stubs, hidden tests and rubrics in it. `released` is
    what students get, `model` the source notebook's own text, model solutions in it. `name` is the grade id, "form"
    for the form and "" for a free cell; `id` is the notebook format's cell id. `checksum` is nbgrader's.
    """

    name: str
    id: str
    cell_type: str
    source: str
    released: str
    model: str
    checksum: str = ""
    grade: bool = False
    solution: bool = False
    locked: bool = False
    points: float = 0.0
    metadata: Mapping[str, Any] = field(default_factory=dict)

    @property
    def kind(self) -> str:
        """ "test", "answer", "exercise", "given", "form" or "" for a free cell, as in autograder.authoring.source."""
        if self.grade:
            return "answer" if self.solution else "test"
        if self.solution:
            return "exercise"
        if self.locked:
            return "given"
        return FORM if self.name == FORM else ""

    @property
    def judged(self) -> bool:
        """Whether this is a test cell, which runs where no student's code runs."""
        return self.kind == "test" and self.cell_type == "code"


@dataclass(frozen=True)
class Snapshot:
    """An assignment as the engine sees it. Holds hidden tests and solutions: it never enters a student's process.

    `source` is the assignment as its source says it; None where only the gradebook was asked. `closed`: modules that a
    student's process does without, with what of each stays.
    """

    assignment: str
    cells: tuple[SnapshotCell, ...]
    kernelspec: Mapping[str, Any] = field(default_factory=dict)
    size: str = "quick"
    source: Assignment | None = None
    closed: Mapping[str, list[str]] = field(default_factory=dict)

    @cached_property
    def known(self) -> dict[str, SnapshotCell]:
        """Name -> cell, for all cells that have one, in the order of the source."""
        return {cell.name: cell for cell in self.cells if cell.name}

    @cached_property
    def graded(self) -> dict[str, SnapshotCell]:
        return {cell.name: cell for cell in self.cells if cell.grade}

    @cached_property
    def handed_out(self) -> frozenset[str]:
        """The texts of the cells that students get."""
        return frozenset(cell.released for cell in self.cells)

    @cached_property
    def encoded(self) -> bytes:
        """The snapshot as it travels."""
        return self.to_json().encode("utf-8", "surrogatepass")

    @cached_property
    def digest(self) -> str:
        return hashlib.sha256(self.encoded).hexdigest()

    def to_json(self) -> str:
        source = asdict(self.source) if self.source else None
        plain = {"assignment": self.assignment, "kernelspec": dict(self.kernelspec), "size": self.size,
                 "closed": dict(self.closed), "source": source,
                 "cells": [asdict(cell) for cell in self.cells]}  # fmt: skip
        return json.dumps(plain, ensure_ascii=False)

    @classmethod
    def from_json(cls, text: str) -> Snapshot:
        """Raises ValueError, KeyError or TypeError where `text` is no snapshot."""
        plain = json.loads(text)
        cells = tuple(SnapshotCell(**cell) for cell in plain["cells"])
        source = Assignment.of(plain["source"]) if plain["source"] else None
        return cls(plain["assignment"], cells, plain["kernelspec"], plain["size"], source, plain["closed"])


def take(source: Assignment, notebook: NotebookNode, config: Any, size: str = "quick") -> Snapshot:
    """The snapshot of a source notebook, made by nbgrader's own preprocessors with the class's configuration."""
    from nbgrader.converters import GenerateAssignment
    from nbgrader.preprocessors import SaveCells

    name = source.name
    resources: dict[str, Any] = {"nbgrader": {"student": ".", "assignment": name, "notebook": name}}
    made, recorded = copy.deepcopy(notebook), None
    for kind in GenerateAssignment(config=config).preprocessors:
        if kind is SaveCells:
            recorded = copy.deepcopy(made)
            continue
        step = kind(config=config)
        if step.enabled:
            made, resources = step.preprocess(made, resources)
    if recorded is None:
        raise ValueError("c.GenerateAssignment.preprocessors has no SaveCells")
    cells = zip(notebook.cells, recorded.cells, made.cells, strict=True)
    made_of = tuple(_cell(*three) for three in cells)
    return Snapshot(name, made_of, dict(recorded.metadata.get("kernelspec", {})), size, source, source.closed)


def _cell(model: NotebookNode, recorded: NotebookNode, released: NotebookNode) -> SnapshotCell:
    meta = recorded.metadata.get("nbgrader", {})
    return SnapshotCell(
        name=grade_id(recorded), id=str(recorded.get("id", "")), cell_type=recorded.cell_type, source=recorded.source,
        released=released.source, model=model.source, checksum=meta.get("checksum", ""),
        grade=bool(meta.get("grade")), solution=bool(meta.get("solution")),
        locked=not meta.get("solution") and bool(meta.get("grade") or meta.get("locked")),
        points=float(meta.get("points", 0.0)) if meta.get("grade") else 0.0,
        metadata={k: v for k, v in recorded.metadata.items() if k != "nbgrader"},
    )  # fmt: skip
