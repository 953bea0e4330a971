"""The bank as hand-ins are graded: a solution's cells in a process of their own, the test cells here."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator, Sequence
from concurrent.futures import Executor
from functools import partial
from pathlib import Path
from typing import Any

from ..authoring.source import Assignment, Cell
from ..course import Course
from ..judge.local import pupil
from ..judge.namespace import Code, namespace
from .bank import Bank, Solution
from .run import BEGIN, Rooms, Run, Verdict, cell_text, judge, prepared, rooms


def two_rooms(assignment: Assignment, bank: Bank) -> Rooms:
    """Where cells run. What tests take from the source itself is made once, now."""
    model = Solution("the model solution", {})
    cells = [cell for cell in assignment.cells if cell.type == "code"]
    names = namespace(Code(cell.kind, cell_text(cell, bank, model, True)) for cell in cells)
    given: dict[str, Any] = dict(BEGIN)
    names.run(given)

    @contextlib.contextmanager
    def both() -> Iterator[Run]:
        with pupil(BEGIN) as student:
            judges = dict(given)

            def run(cell: Cell, text: str) -> None:
                if cell.kind == "test":
                    judges.update(student.names(*names.wanted(text)))
                    exec(compile(text, f"<{cell.id}>", "exec"), judges)
                else:
                    student.run(text, f"<{cell.id}>")

            yield run

    return both


def compared(name: str, rows: Sequence[str], pool: Executor) -> list[tuple[Verdict, Verdict]]:
    """Verdicts on the solutions of these names, in one process and judged."""
    return list(pool.map(partial(_compare, name, Course().root), rows))


def _compare(name: str, root: Path, row: str) -> tuple[Verdict, Verdict]:
    assignment, whole = prepared(name, root)
    here, judged = (judge(assignment, whole, whole[row], rooms(name, root, apart)) for apart in (False, True))
    return here, judged
