"""Run the mistake bank: every solution through the notebook's own test cells, visible ones first."""

from __future__ import annotations

import contextlib
import io
import itertools
import multiprocessing
import os
import pickle
from collections.abc import Callable, Iterator
from concurrent.futures import ProcessPoolExecutor
from dataclasses import asdict, dataclass, replace
from functools import partial
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
) -> tuple[list[Verdict], list[Verdict]]:
    """Verdicts on the wrong and on the right solutions of an assignment's bank, in its order.

    every: only on one in so many of either.
    """
    course = course or Course()
    bank = thinned(load(name), every)
    # One BLAS thread a process: their pools would only spin against each other. Numpy reads it when it is imported.
    os.environ.update(OPENBLAS_NUM_THREADS="1", OMP_NUM_THREADS="1", MKL_NUM_THREADS="1")
    groups = _groups(bank, read_source(course.source(name))[0])
    found: dict[int, Verdict] = {}
    with ProcessPoolExecutor(jobs, multiprocessing.get_context("spawn"), _prepare, (name, course.root, every)) as pool:
        for group, verdicts in zip(groups, pool.map(_judge_group, groups), strict=True):
            found.update(zip(group, verdicts, strict=True))
            if told:
                told(len(found), len(bank.solutions))
    ordered = [found[index] for index in range(len(bank.solutions))]
    return ordered[: len(bank.wrong)], ordered[len(bank.wrong) :]


def thinned(bank: Bank, every: int) -> Bank:
    """The bank with one in so many of its solutions."""
    return replace(bank, wrong=bank.wrong[::every], right=bank.right[::every])


_here: dict[str, Any] = {}


def _prepare(name: str, root: Path, every: int) -> None:
    """Once in each process: the bank, the source, small sizes, and all that the model solution imports."""
    import warnings

    from helpers.check import calls

    os.environ["COURSE_SIZE"] = "quick"
    warnings.simplefilter("ignore")
    calls.SECONDS = SECONDS
    bank, assignment = thinned(load(name), every), read_source(Course(root=root).source(name))[0]
    judge(assignment, bank, Solution("model", {}))
    _here.update(bank=bank, assignment=assignment)


def _groups(bank: Bank, assignment: Assignment) -> list[list[int]]:
    """Numbers of the solutions that first change the same cell, at most 24 together."""
    places = {cell.id: place for place, cell in enumerate(assignment.cells)}
    by_place: dict[int, list[int]] = {}
    for index, solution in enumerate(bank.solutions):
        by_place.setdefault(min((places.get(id_, 0) for id_ in solution.cells), default=0), []).append(index)
    return [same[i : i + 24] for _, same in sorted(by_place.items()) for i in range(0, len(same), 24)]


def _judge_group(group: list[int]) -> list[Verdict]:
    """Verdicts on solutions with the same first change. What stands above it is run once; then each goes on in a
    process forked from there, so that none sees what another one left behind.
    """
    bank, assignment = _here["bank"], _here["assignment"]
    solutions = [bank.solutions[index] for index in group]
    if not hasattr(os, "fork"):
        return [judge(assignment, bank, solution) for solution in solutions]
    first = _first_change(assignment, solutions[0])
    above = _fresh()
    with _quietly():
        for cell in itertools.islice(_cells(assignment, bank, solutions[0]), first):
            exec(compile(_text(cell, bank, solutions[0], False), f"<{cell.id}>", "exec"), above)
    verdicts = []
    for solution in solutions:
        for full in (False, True):
            verdict = _apart(partial(_pass, assignment, bank, solution, full, above, first))
            if verdict.by:
                break
        verdicts.append(verdict)
    return verdicts


def _first_change(assignment: Assignment, solution: Solution) -> int:
    """How many of the cells that are run stand above the first one that this solution changes."""
    ids = [cell.id for cell in _cells(assignment, _here["bank"], solution)]
    return next((place for place, id_ in enumerate(ids) if id_ in solution.cells), 0)


def _apart(work: Callable[[], Verdict]) -> Verdict:
    """The result of work() in a forked process; its error is raised here."""
    reader, writer = os.pipe()
    child = os.fork()
    if not child:
        try:
            os.close(reader)
            try:
                answer: Any = work()
            except Exception as error:
                answer = CourseError(str(error))
            with os.fdopen(writer, "wb") as stream:
                pickle.dump(answer, stream)
        finally:
            os._exit(0)
    os.close(writer)
    with os.fdopen(reader, "rb") as stream:
        said = stream.read()
    os.waitpid(child, 0)
    if not said:
        raise CourseError("A solution of the bank ended its process; give it a row that doesn't.")
    answer = pickle.loads(said)
    if isinstance(answer, CourseError):
        raise answer
    return answer


@contextlib.contextmanager
def _quietly() -> Iterator[None]:
    with contextlib.redirect_stdout(io.StringIO()), contextlib.redirect_stderr(io.StringIO()):
        yield


def judge(assignment: Assignment, bank: Bank, solution: Solution) -> Verdict:
    """Run a solution's cells and the tests of what they define, in the notebook's order; visible tests first."""
    for full in (False, True):
        verdict = _pass(assignment, bank, solution, full, _fresh())
        if verdict.by:
            break
    return verdict


def _fresh() -> dict[str, Any]:
    return {"__name__": "__main__", "np": np}  # students import numpy somewhere


def _pass(
    assignment: Assignment, bank: Bank, solution: Solution, full: bool, names: dict[str, Any], first: int = 0
) -> Verdict:
    """One run, with or without the hidden tests. names: what the first so many cells have defined already."""
    with _kept_reports() as reports, _quietly():
        for cell in itertools.islice(_cells(assignment, bank, solution), first, None):
            del reports[:]
            text = _text(cell, bank, solution, full)
            try:
                exec(compile(text, f"<{cell.id}>", "exec"), names)
            except BaseException as error:
                if isinstance(error, KeyboardInterrupt):
                    raise
                last = reports[-1] if reports else None
                mistake = last.mistake if last else type(error).__name__
                message = last.message if last else str(error)
                if cell.kind != "test" and not solution.named:
                    raise CourseError(f"{solution.name}: cell {cell.id} fails: {error!r}") from error
                by = "hidden" if full else "visible"
                return Verdict(solution.name, solution.named, by, cell.id, mistake, message)
    return Verdict(solution.name, solution.named, "")


@contextlib.contextmanager
def _kept_reports() -> Iterator[list[Any]]:
    """Reports of checks go into the list instead of onto the screen."""
    from helpers.check import report

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


def _text(cell: Cell, bank: Bank, solution: Solution, full: bool) -> str:
    if cell.id in bank.slow and cell.id not in solution.cells:
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
