"""The bank as hand-ins are graded: a solution's cells in a process of their own, the test cells here."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator, Sequence
from typing import Any

from ..authoring.source import Assignment, Cell
from ..course import Course
from ..judge.local import pupil
from ..judge.namespace import Code, namespace
from . import Bank, Solution, bank
from .bank import BEGIN, Run, Verdict, cell_text


def two_rooms(assignment: Assignment, bank: Bank) -> Callable[[], contextlib.AbstractContextManager[Run]]:
    """Where cells run. What tests take from the source itself is made once, now."""
    model = Solution("the model solution", {})
    cells = [cell for cell in assignment.cells if cell.type == "code"]
    names = namespace(Code(cell.kind, cell_text(cell, bank, model, True)) for cell in cells)
    given: dict[str, Any] = dict(BEGIN)
    names.run(given)

    @contextlib.contextmanager
    def rooms() -> Iterator[Run]:
        with pupil(BEGIN) as student:
            judges = dict(given)

            def run(cell: Cell, text: str) -> None:
                if cell.kind == "test":
                    judges.update(student.names(*names.wanted(text)))
                    exec(compile(text, f"<{cell.id}>", "exec"), judges)
                else:
                    student.run(text, f"<{cell.id}>")

            yield run

    return rooms


def compared(name: str, rows: Sequence[int], jobs: int = 2) -> list[tuple[Verdict, Verdict]]:
    """Verdicts on these solutions of a bank, in one process and judged; rows count from 0, the wrong ones first."""
    with bank.workers(name, Course(), 1, True, jobs) as pool:
        return list(pool.map(_compare, rows))


def _compare(row: int) -> tuple[Verdict, Verdict]:
    assignment, whole, rooms = (bank.here[key] for key in ("assignment", "bank", "rooms"))
    solution = whole.solutions[row]
    return bank.judge(assignment, whole, solution), bank.judge(assignment, whole, solution, rooms)
