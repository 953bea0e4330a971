"""Grade a class: every hand-in gets points or a reason in words, and one bad one never stops the rest."""

from __future__ import annotations

import contextlib
import gc
import json
import os
import sys
import threading
import uuid
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

import nbformat

from helpers.errors import CourseError

from . import bonus as bonus_module
from . import preflight
from .course import Course, clean_name
from .grading.gradebook import whole
from .grading.prepare import Prepared, keep, prepare
from .grading.record import PATIENCE, Blocked, Kept, Pending, Writer, data_files
from .grading.task import Result, Task
from .intake import Ungradable, hand_in
from .intake import students as students_of
from .parallel.executor import choose
from .parallel.executor import results as graded_by
from .parallel.parcel import Executor
from .results import NOT_YET, Row, Words, collect, row_of, words_in
from .source import Assignment
from .state import State, code_digest, contents, digest, source_digest

Told = Callable[[Result, int, int], None]


@dataclass(frozen=True)
class Graded:
    """What one run of grading found: rows in the order of the names, and who was graded in this run."""

    assignment: Assignment
    rows: list[Row]
    regraded: list[str]


@dataclass(frozen=True)
class Terms:
    """How hand-ins are run: seconds for a cell and for a hand-in, the sandbox, its limits (of sandbox.Limits)."""

    timeout: int = 60
    budget: int = 300
    unsafe: bool = False
    mode: str = ""
    limits: Mapping[str, Any] = field(default_factory=dict)

    def check(self) -> None:
        for what, value in (("timeout", self.timeout), ("budget", self.budget)):
            if value < 1:
                raise CourseError(f"--{what} must be at least 1, not {value}.")


def grade(
    name: str,
    course: Course | None = None,
    only: Iterable[str] = (),
    *,
    jobs: int = 2,
    force: bool = False,
    timeout: int = 60,
    budget: int = 300,
    unsafe: bool = False,
    mode: str = "",
    limits: Mapping[str, Any] | None = None,
    patience: float = PATIENCE,
    executor: Executor | None = None,
    told: Told | None = None,
) -> Graded:
    """Grade the hand-ins in CLASSDIR/submitted/*/NAME and write feedback; those that did not change are skipped.

    `timeout` and `budget` are seconds for one cell and for one submission. `executor` does the work (default: `jobs`
    processes here), in the sandbox `mode` (default: the strongest); `unsafe` goes on where there is none. A gradebook
    that another program holds is waited for `patience` seconds. `told` hears each result with how many are done.
    CourseError where nothing can be graded or recorded; a hand-in that can't be graded is a row with a reason.
    """
    course = course or Course()
    if jobs < 1:
        raise CourseError(f"--jobs must be at least 1, not {jobs}.")
    terms = Terms(timeout, budget, unsafe, mode, limits or {})
    terms.check()
    everybody = _everybody(course, name)
    chosen = _chosen(list(only), everybody, course)
    with contextlib.ExitStack() as stack:
        stack.enter_context(_alone(course))
        batch = _Batch(course, prepare(course, name), terms, told, patience)
        stack.callback(batch.save)
        stack.enter_context(batch.writer)
        batch.look(chosen, force)
        if batch.stale or batch.pending:
            if batch.stale and executor is None:
                executor = stack.enter_context(contextlib.closing(choose(min(jobs, len(batch.stale)))))
            batch.run(executor)
        batch.save()
        found = Graded(batch.assignment, refresh(course, batch.assignment, everybody, batch.state), batch.chosen)
        batch.renew_pages(found.rows)
    return found


class _Batch:
    """One run over one assignment. Only this process writes to the class folder."""

    def __init__(
        self, course: Course, prepared: Prepared, terms: Terms, told: Told | None, patience: float
    ) -> None:
        self.course, self.prepared, self.terms, self.told = course, prepared, terms, told
        self.assignment, self.snapshot = prepared.assignment, prepared.snapshot
        self.name = self.assignment.name
        self.state = State(course, self.name)
        self.waiting = Pending(course, self.name)
        self.writer = Writer(course, self.assignment, self.snapshot, patience=patience)
        self.recorded: list[str] = []
        self.pending: list[Kept] = []
        self.stale: list[str] = []
        self.chosen: list[str] = []
        self.prints: dict[str, str] = {}
        self.done = 0

    def look(self, chosen: list[str], force: bool) -> None:
        """Find who has to be graded, and what an earlier run graded but could not record."""
        here, terms = self.course, self.terms
        limits = sorted(dict(terms.limits).items())
        common = [source_digest(here, self.name), code_digest(), str(terms.timeout), str(terms.budget), str(limits)]
        self.common = digest(part.encode() for part in common)
        self.prints = {
            s: digest([self.common.encode(), *contents(here.submitted / s / self.name)]) for s in chosen
        }
        for kept in self.waiting:
            student = kept.result.student
            if not force and self.prints.get(student) == kept.fingerprint:
                self.pending.append(kept)
            elif student in self.prints:
                self.waiting.forget(student)
        settled = {kept.result.student for kept in self.pending}
        self.chosen = [s for s in chosen if force or s in settled or not self._known(s)]
        self.stale = [s for s in self.chosen if s not in settled]

    def _known(self, student: str) -> bool:
        entry = self.state.students.get(student, {})
        return entry.get("fingerprint") == self.prints[student] and self.state.whole(student)

    def run(self, executor: Executor | None) -> None:
        """Grade and record. CourseError, at the end, if the gradebook could not be written."""
        if not sys.platform.startswith("linux"):
            from .sandbox import choose as sandbox

            sandbox(self.terms.unsafe, self.terms.mode or None)  # says why it can't be, before anything starts
        self.imports = threading.Thread(target=_import_nbgrader, daemon=True)
        self.imports.start()
        for kept in self.pending:
            self._take(kept.result, kept.fingerprint)
        if executor is not None:
            for result in self._results(executor):
                self._take(result, self.prints[result.student])
        if self.writer.blocked:
            raise Blocked(self.writer.blocked)

    def _results(self, executor: Executor) -> Iterator[Result]:
        """Results as they come, none before the model solution has got its points."""
        early: deque[Result] = deque()
        held: list[Result] = []
        proven = self.state.data.get("model") == self.common

        def tasks() -> Iterator[Task]:
            here = self.course
            secret = here.class_dir / "gradebook.db", here.submitted, here.autograded, here.reports, here.solutions
            guarded = tuple(str(path) for path in secret if path.exists())
            make = Task("", b"", self.snapshot, **vars(self.terms), batch=uuid.uuid4().hex, guarded=guarded)
            if not proven:
                files = _bytes(data_files(self.course, self.name, None))
                yield replace(make, student=preflight.MODEL, notebook=preflight.hand_in(self.snapshot), files=files)
            for student in self.stale:
                try:
                    taken = hand_in(self.course, self.name, student)
                    self.intake[student] = taken.notes
                    files = _bytes(data_files(self.course, self.name, student))
                    yield replace(make, student=student, notebook=taken.notebook, file=taken.file, files=files)
                except Ungradable as error:
                    early.append(Result(student, reason=str(error)))

        self.intake: dict[str, list[str]] = {}
        for result in graded_by(executor, tasks()):
            if result.fatal:
                raise CourseError(result.fatal)
            if result.student == preflight.MODEL:
                self.imports.join()
                preflight.check(result, self.assignment)
                proven = True
                keep(self.prepared, self.course)
                self.state.data["model"] = self.common
            else:
                result.notes = self.intake.get(result.student, []) + result.notes
                held.append(result)
            if proven:
                yield from held + list(early)
                held.clear()
                early.clear()
        yield from early

    def _take(self, result: Result, fingerprint: str) -> None:
        """Show a result, keep it, record it and write its page."""
        self.done += 1
        if self.told:
            self.told(result, self.done, len(self.chosen))
        self.waiting.keep(Kept(result, fingerprint))
        self.imports.join()  # two threads that import the same modules can meet half of one
        try:
            submission = self.writer.record(result)
        except Blocked:
            return
        self.state.students[result.student] = {
            "student": result.student, "reason": result.reason, "notes": result.notes, "seconds": result.seconds,
            "mode": result.mode, "fingerprint": fingerprint, "page": "",
        }  # fmt: skip
        self.recorded.append(result.student)
        if result.notebook is not None:
            notebook = result.graded
            words = words_in(notebook, self.assignment)
            self.state.remember(result.student, words)
            bonus = bonus_module.of(submission), words.form
            row = row_of(result.student, "", submission, self.assignment, result.notes, bonus, words)
            self._page(row, notebook)
        if self.state.due:
            self.save()

    def _page(self, row: Row, notebook: Any) -> None:
        entry = self.state.students[row.student]
        from .feedback_page import write_page  # brings numpy

        target = self.course.feedback / row.student / self.name / f"{self.name}.html"
        try:
            write_page(row, notebook, self.assignment, target)
            entry["page"] = stamp(row)
        except Exception as error:  # the points stand, so this is no reason to show none
            entry["notes"] = [*entry["notes"], f"The feedback page could not be written ({type(error).__name__})."]

    def renew_pages(self, rows: list[Row]) -> None:
        """A human may have given points or comments since a page was written."""
        for row in rows:
            entry = self.state.students.get(row.student, {})
            if not row.reason and entry and entry.get("page") != stamp(row):
                with contextlib.suppress(OSError, ValueError):
                    path = self.course.autograded / row.student / self.name / f"{self.name}.ipynb"
                    self._page(row, nbformat.read(path, as_version=4))

    def save(self) -> None:
        """Remember what was recorded; only then is a kept result forgotten."""
        if self.recorded or self.state.data.get("model"):
            self.state.save()
        for student in self.recorded:
            self.waiting.forget(student)
        self.recorded.clear()
        self.waiting.clear()


@contextlib.contextmanager
def _alone(course: Course) -> Iterator[None]:
    """One writer: a second run over the same class folder is refused."""
    if sys.platform == "win32":
        yield
        return
    import fcntl

    folder = os.open(course.class_dir, os.O_RDONLY)
    try:
        try:
            fcntl.flock(folder, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            told = f"Another grading of {str(course.class_dir)!r} is running; wait until it is done."
            raise CourseError(told) from None
        yield
    finally:
        os.close(folder)


def _import_nbgrader() -> None:
    """It takes two seconds, which pass while the kernels warm up; and what a first page and a first record take."""
    import nbgrader.preprocessors  # noqa: F401
    from sqlalchemy.orm import configure_mappers

    from . import feedback_page

    configure_mappers()
    feedback_page.warm_up()
    gc.freeze()  # modules are no garbage, and to find that out takes a tenth of a second each time


def _bytes(files: Mapping[str, Any]) -> dict[str, bytes]:
    found = {}
    for name, path in files.items():
        with contextlib.suppress(OSError):
            found[name] = path.read_bytes()
    return found


def stamp(row: Row) -> str:
    """Of what a feedback page shows and a human can change."""
    return digest([json.dumps([row.scores, row.bonus, row.extra, row.penalty, row.comments]).encode()])


def _everybody(course: Course, name: str) -> list[str]:
    if not course.class_dir.is_dir():
        raise CourseError(f"The class folder {str(course.class_dir)!r} does not exist.")
    if "?" in str(course.class_dir):
        raise CourseError(f"The class folder {str(course.class_dir)!r} has a '?' in its name; rename it.")
    everybody = students_of(course, name)
    if not everybody:
        raise CourseError(
            f"Nothing was handed in for {name}: put notebooks into {course.submitted}/STUDENT/{name}/{name}.ipynb."
        )
    return everybody


def _chosen(only: list[str], everybody: list[str], course: Course) -> list[str]:
    for student in only:
        if student not in everybody:
            clean_name(student, "a student")
            raise CourseError(f"There is no submission of a student called {student!r} in {course.submitted}.")
    return [s for s in everybody if s in only] if only else everybody


def results(name: str, course: Course) -> Graded:
    """What the last run found, with today's gradebook and bonus; nothing is executed."""
    assignment = prepare(course, name).assignment
    everybody = _everybody(course, name)
    if not (course.class_dir / "gradebook.db").is_file():
        raise CourseError(f"{name} was not graded yet in {str(course.class_dir)!r}; grade it first.")
    return Graded(assignment, refresh(course, assignment, everybody, State(course, name)), [])


def refresh(course: Course, assignment: Assignment, everybody: list[str], state: State) -> list[Row]:
    """Bring the bonus up to date and read everybody's results; who was never graded says so."""
    from nbgrader.api import Gradebook

    with Gradebook(course.db_url) as gradebook:
        held = whole(gradebook, assignment.name)
        # Students that nbgrader's own commands graded are in no state file.
        known = {submission.student_id for submission in held}
        reasons = {s: state.reason(s) or ("" if s in known or s in state.students else NOT_YET) for s in everybody}
        notes = {s: state.notes(s) for s in everybody}
        words: dict[str, Words] = {s: w for s in everybody if (w := state.words(s)) is not None}
        forms = {s: w.form for s, w in words.items()}
        bonuses = bonus_module.update(gradebook, assignment, course.autograded, forms)
        return collect(gradebook, course, assignment, reasons, notes, bonuses, words)
