"""Run the mistake bank: every solution through the notebook's own test cells, visible ones first.

In one process, as in a notebook, or judged, as when hand-ins are graded: the solution in a process of its own, and the
tests in this one.
"""

from __future__ import annotations

import contextlib
import io
import multiprocessing
import os
import time
from collections.abc import Callable, Collection, Iterator, Sequence
from concurrent.futures import Executor, ProcessPoolExecutor
from dataclasses import asdict, dataclass, replace
from functools import cache, partial
from pathlib import Path
from typing import Any, TypeVar

import numpy as np

from helpers.check.core import report
from helpers.errors import CourseError

from ..authoring.source import FORM, FORM_CHECK, PUBLIC_SEED, Assignment, Cell
from ..authoring.source import read as read_source
from ..course import Course
from ..judge.local import execute, pupil
from ..judge.namespace import Code, namespace
from .bank import Bank, Solution, load

SECONDS = 3
"""A check's patience with one call here, instead of a student's 5 seconds."""
NO_BLAME = (*report.UNNAMED, "earlier-mistake", "still-to-do")
"""What a check says that finds no fault with what it checks, or can't say which."""


@dataclass(frozen=True)
class Verdict:
    """What the checks said: `by` is "visible", "hidden" or "" (passed), `test` the first cell that failed."""

    solution: str
    expected: tuple[str, ...]
    by: str
    test: str = ""
    mistake: str = ""
    message: str = ""
    place: str = ""
    edit: str = ""
    """Kind of the small change that makes the check pass, where it found one (`helpers.check.core.edits`)."""
    later: tuple[tuple[str, str, str], ...] = ()
    """(test, mistake, message) of what fails further down, of exercises whose code is right."""

    @property
    def accused(self) -> tuple[tuple[str, str, str], ...]:
        """Those further down that are blamed for a mistake by name."""
        return tuple(one for one in self.later if one[1] not in NO_BLAME)

    @property
    def good(self) -> bool:
        """Caught and rightly named, or right and passed."""
        return self.mistake in self.expected if self.expected else not self.by


def run(
    name: str,
    course: Course | None = None,
    jobs: int = 2,
    told: Callable[[int, int], None] | None = None,
    only: Collection[str] | None = None,
    judged: bool = False,
    seed: int = PUBLIC_SEED,
    pool: Executor | None = None,
) -> tuple[list[Verdict], list[Verdict]]:
    """Verdicts on the wrong and on the right solutions of an assignment's bank, in its order.

    only: names of solutions, all where it is None. judged: tests run in another process than the solution. pool: of
    `workers`, where several banks are run.
    """
    course = course or Course()
    bank = load(name, course)
    wrong, right = ([s.name for s in some if only is None or s.name in only] for some in (bank.wrong, bank.right))
    one = partial(_judge, name, course.root, judged, seed)
    verdicts = []
    with contextlib.nullcontext(pool) if pool else workers(jobs) as some:
        for verdict in some.map(one, [*wrong, *right]):
            verdicts.append(verdict)
            if told:
                told(len(verdicts), len(wrong) + len(right))
    return verdicts[: len(wrong)], verdicts[len(wrong) :]


def workers(jobs: int) -> Executor:
    """Processes that run solutions."""
    # One BLAS thread a process: their pools would only spin against each other. Numpy reads it when it is imported.
    os.environ.update(OPENBLAS_NUM_THREADS="1", OMP_NUM_THREADS="1", MKL_NUM_THREADS="1")
    return ProcessPoolExecutor(jobs, multiprocessing.get_context("spawn"), _begin)


def _begin() -> None:
    """Once in each process: small sizes, and little patience."""
    import warnings

    from helpers.check.core import probe

    os.environ["COURSE_SIZE"] = "quick"
    warnings.simplefilter("ignore")
    probe.SECONDS = SECONDS


@cache
def prepared(name: str, root: Path, seed: int = PUBLIC_SEED) -> tuple[Assignment, Bank]:
    """An assignment and its bank, read once in a process. seed: of the hidden parts of tests."""
    course = Course(root=root)
    return read_source(course.source(name), seed)[0], load(name, course)


@cache
def rooms(name: str, root: Path, judged: bool, seed: int = PUBLIC_SEED) -> Rooms:
    """Where an assignment's solutions run, made once in a process."""
    if not judged:
        return one_room
    with _silent():
        return two_rooms(*prepared(name, root, seed))


def _judge(name: str, root: Path, judged: bool, seed: int, row: str) -> Verdict:
    assignment, bank = prepared(name, root, seed)
    return judge(assignment, bank, bank[row], rooms(name, root, judged, seed))


def compared(name: str, rows: Sequence[str], pool: Executor) -> list[tuple[Verdict, Verdict]]:
    """Verdicts on the solutions of these names, in one process and judged."""
    return list(pool.map(partial(_compare, name, Course().root), rows))


def _compare(name: str, root: Path, row: str) -> tuple[Verdict, Verdict]:
    assignment, whole = prepared(name, root)
    here, judged = (judge(assignment, whole, whole[row], rooms(name, root, apart)) for apart in (False, True))
    return here, judged


Made = TypeVar("Made")
kept: dict[str, Any] = {}


def once(name: str, make: Callable[[], Made]) -> Made:
    """What `make` returns, made once in a process: for stand-ins that take seconds."""
    if name not in kept:
        kept[name] = make()
    return kept[name]


Run = Callable[[Cell, str], None]
"""Runs the text of a cell where it belongs, and raises what it raises."""
Rooms = Callable[[], contextlib.AbstractContextManager[Run]]


BEGIN = {"__name__": "__main__", "np": np}  # students import numpy somewhere


@contextlib.contextmanager
def one_room() -> Iterator[Run]:
    """Everything in this process, in one namespace, as in a notebook."""
    names: dict[str, Any] = dict(BEGIN)
    yield lambda cell, text: execute(text, f"<{cell.id}>", names)


def two_rooms(assignment: Assignment, bank: Bank) -> Rooms:
    """A solution's cells in a process of their own and its tests in this one, as hand-ins are graded. What tests take
    from the source itself is made once, now."""
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


def judge(
    assignment: Assignment,
    bank: Bank,
    solution: Solution,
    rooms: Rooms = one_room,
) -> Verdict:
    """Run a solution's cells and the tests of what they define, in the notebook's order."""
    with _kept_reports() as reports, _silent():
        for full in (False, True):
            report.failed.clear()
            with rooms() as run:
                verdict = _told(assignment, bank, solution, full, run, reports)
            if verdict:
                return verdict
    return Verdict(solution.name, solution.named, "", place=solution.place)


def _told(
    assignment: Assignment, bank: Bank, solution: Solution, full: bool, run: Run, reports: list[Any]
) -> Verdict | None:
    """What the first cell that fails says, and those further down of exercises that are right; None where none does."""
    first: Verdict | None = None
    later = []
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
            if first is None:
                by = "hidden" if full else "visible"
                edit = last.edit if last else ""
                first = Verdict(solution.name, solution.named, by, cell.id, mistake, message, solution.place, edit)
            elif last and assignment.exercise_of(cell) not in solution.cells:
                later.append((cell.id, last.edit or mistake, message))
            if mistake == "never-returns":
                break  # so would the cells below
    return first and replace(first, later=tuple(later))


@contextlib.contextmanager
def _silent() -> Iterator[None]:
    with contextlib.redirect_stdout(io.StringIO()), contextlib.redirect_stderr(io.StringIO()):
        yield


@contextlib.contextmanager
def _kept_reports() -> Iterator[list[Any]]:
    """Reports of checks go into the list instead of onto the screen."""
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
    return cell.kind == "test" and any(
        cell.id == f"{name}-check" for name in bank.stand_ins.keys() - solution.cells.keys()
    )


def cell_text(cell: Cell, bank: Bank, solution: Solution, full: bool) -> str:
    """What runs in the place of a cell. full: with its hidden tests."""
    if cell.id in bank.stand_ins and not any(f"{cell.id}-".startswith(f"{name}-") for name in solution.cells):
        return bank.stand_ins[cell.id]
    text = solution.cells.get(cell.id, cell.text)
    if cell.kind == "test" and not full:
        text = text.split("### BEGIN HIDDEN TESTS")[0]
    return "\n".join(line for line in text.splitlines() if not line.startswith("%"))


def seconds(name: str, course: Course | None = None) -> list[tuple[str, float, float]]:
    """(id, seconds, seconds of the processor) of each visible test of the model solution, all of whose cells run one
    after the other, as in a notebook."""
    assignment, _ = prepared(name, (course or Course()).root)
    whole, found = Bank(name, [], []), []
    with _kept_reports(), _silent(), one_room() as run:
        for cell in _cells(assignment, whole, Solution("the model solution", {})):
            text = cell_text(cell, whole, Solution("the model solution", {}), full=False)
            began, computed = time.perf_counter(), time.process_time()
            run(cell, text)
            if cell.kind == "test":
                found.append((cell.id, time.perf_counter() - began, time.process_time() - computed))
    return found


def as_dict(verdict: Verdict) -> dict[str, Any]:
    return {**asdict(verdict), "good": verdict.good}
