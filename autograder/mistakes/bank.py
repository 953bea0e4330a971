"""Run the mistake bank: every solution through the notebook's own test cells, visible ones first.

In one process, as in a notebook, or judged, as when hand-ins are graded: the solution in a process of its own, and the
tests in this one.
"""

from __future__ import annotations

import contextlib
import io
import multiprocessing
import os
from collections.abc import Callable, Iterator
from concurrent.futures import ProcessPoolExecutor
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from helpers.errors import CourseError

from ..course import Course
from ..source import FORM, FORM_CHECK, Assignment, Cell
from ..source import read as read_source
from . import Bank, Edits, Solution, load

SECONDS = 3
"""A check's patience with one call here, instead of a student's 5 seconds."""


@dataclass(frozen=True)
class Verdict:
    """What the checks said: `by` is "visible", "hidden" or "" (passed), `test` the first cell that failed."""

    solution: str
    expected: tuple[str, ...]
    by: str
    test: str = ""
    mistake: str = ""
    message: str = ""

    @property
    def good(self) -> bool:
        """Caught and rightly named, or right and passed."""
        return self.mistake in self.expected if self.expected else not self.by


def run(
    name: str,
    course: Course | None = None,
    jobs: int = 2,
    told: Callable[[int, int], None] | None = None,
    every: int = 1,
    judged: bool = False,
) -> tuple[list[Verdict], list[Verdict]]:
    """Verdicts on the wrong and on the right solutions of an assignment's bank, in its order.

    every: only on one in so many of either. judged: tests run in another process than the solution.
    """
    bank = thinned(load(name), every)
    verdicts = []
    with workers(name, course or Course(), every, judged, jobs) as pool:
        for verdict in pool.map(_judge, range(len(bank.solutions))):
            verdicts.append(verdict)
            if told:
                told(len(verdicts), len(bank.solutions))
    return verdicts[: len(bank.wrong)], verdicts[len(bank.wrong) :]


def workers(name: str, course: Course, every: int, judged: bool, jobs: int) -> ProcessPoolExecutor:
    """Processes that have the bank before them."""
    # One BLAS thread a process: their pools would only spin against each other. Numpy reads it when it is imported.
    os.environ.update(OPENBLAS_NUM_THREADS="1", OMP_NUM_THREADS="1", MKL_NUM_THREADS="1")
    context = multiprocessing.get_context("spawn")
    return ProcessPoolExecutor(jobs, context, _prepare, (name, course.root, every, judged))


def thinned(bank: Bank, every: int) -> Bank:
    """The bank with one in so many of its solutions."""
    return replace(bank, wrong=bank.wrong[::every], right=bank.right[::every])


here: dict[str, Any] = {}


def _prepare(name: str, root: Path, every: int, judged: bool) -> None:
    """Once in each process: the bank, the source, and small sizes."""
    import warnings

    from helpers.check.core import calls

    os.environ["COURSE_SIZE"] = "quick"
    warnings.simplefilter("ignore")
    calls.SECONDS = SECONDS
    assignment = read_source(Course(root=root).source(name))[0]
    bank = thinned(load(name), every)
    here.update(bank=bank, assignment=assignment, rooms=one_room)
    if judged:
        from .judged import two_rooms

        with _silent():
            here.update(rooms=two_rooms(assignment, bank))


def _judge(index: int) -> Verdict:
    bank: Bank = here["bank"]
    return judge(here["assignment"], bank, bank.solutions[index], here["rooms"])


Run = Callable[[Cell, str], None]
"""Runs the text of a cell where it belongs, and raises what it raises."""


BEGIN = {"__name__": "__main__", "np": np}  # students import numpy somewhere


@contextlib.contextmanager
def one_room() -> Iterator[Run]:
    """Everything in this process, in one namespace."""
    names: dict[str, Any] = dict(BEGIN)
    yield lambda cell, text: exec(compile(text, f"<{cell.id}>", "exec"), names)


def judge(
    assignment: Assignment,
    bank: Bank,
    solution: Solution,
    rooms: Callable[[], contextlib.AbstractContextManager[Run]] = one_room,
) -> Verdict:
    """Run a solution's cells and the tests of what they define, in the notebook's order."""
    with _kept_reports() as reports, _silent():
        for full in (False, True):
            with rooms() as run:
                verdict = _told(assignment, bank, solution, full, run, reports)
            if verdict:
                return verdict
    return Verdict(solution.name, solution.named, "")


def _told(
    assignment: Assignment, bank: Bank, solution: Solution, full: bool, run: Run, reports: list[Any]
) -> Verdict | None:
    """What the first cell that fails says, None where none does."""
    for cell in _cells(assignment, bank, solution):
        del reports[:]
        text = cell_text(cell, bank, solution, full)
        try:
            run(cell, text)
        except BaseException as error:
            if isinstance(error, KeyboardInterrupt):
                raise
            last = reports[-1] if reports else None
            mistake = last.mistake if last else type(error).__name__
            message = last.message if last else str(error)
            if cell.kind != "test" and not solution.named:
                raise CourseError(f"{solution.name}: cell {cell.id} fails: {error!r}") from error
            if cell.kind == "given":
                continue  # as in grading: what was not recorded is told by the test below
            by = "hidden" if full else "visible"
            return Verdict(solution.name, solution.named, by, cell.id, mistake, message)
    return None


@contextlib.contextmanager
def _silent() -> Iterator[None]:
    with contextlib.redirect_stdout(io.StringIO()), contextlib.redirect_stderr(io.StringIO()):
        yield


@contextlib.contextmanager
def _kept_reports() -> Iterator[list[Any]]:
    """Reports of checks go into the list instead of onto the screen."""
    from helpers.check.core import report

    reports: list[Any] = []
    show = report._show
    report._show = reports.append  # type: ignore[assignment]
    try:
        yield reports
    finally:
        report._show = show


def _cells(assignment: Assignment, bank: Bank, solution: Solution) -> Iterator[Cell]:
    """Code cells in order, without the training ones that this solution leaves alone, their tests, and tests above the
    first change.
    """
    ids = {cell.id for cell in assignment.cells}
    unknown = sorted(set(solution.cells) - ids)
    if unknown:
        raise CourseError(f"{solution.name}: the notebook has no cell {unknown[0]!r}.")
    changed = not solution.cells
    for cell in assignment.cells:
        changed = changed or cell.id in solution.cells
        # What stands above the first change is the model solution's, whose checks are run once, for all.
        if cell.kind == "test" and not changed:
            continue
        if cell.type == "code" and cell.id and cell.id not in (FORM, FORM_CHECK) and not _skipped(cell, bank, solution):
            yield cell


def _skipped(cell: Cell, bank: Bank, solution: Solution) -> bool:
    """The check of a training cell that did not run: by its id."""
    return cell.kind == "test" and any(cell.id == f"{name}-check" for name in bank.slow.keys() - solution.cells.keys())


def cell_text(cell: Cell, bank: Bank, solution: Solution, full: bool) -> str:
    if cell.id in bank.slow and not any(f"{cell.id}-".startswith(f"{name}-") for name in solution.cells):
        return bank.slow[cell.id]
    change = solution.cells.get(cell.id, ())
    text = change if isinstance(change, str) else _edited(cell, solution, change)
    if cell.kind == "test" and not full:
        text = text.split("### BEGIN HIDDEN TESTS")[0]
    return "\n".join(line for line in text.splitlines() if not line.startswith("%"))


def _edited(cell: Cell, solution: Solution, edits: Edits) -> str:
    text = cell.text
    for old, new in edits:
        if old not in text:
            raise CourseError(f"{solution.name}: {old[:60]!r} does not occur in cell {cell.id!r}.")
        text = text.replace(old, new)
    return text


def as_dict(verdict: Verdict) -> dict[str, Any]:
    return {**asdict(verdict), "good": verdict.good}
