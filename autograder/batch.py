"""One run over one assignment: who has to be graded, results as they come, and what is kept of each at once."""

from __future__ import annotations

import contextlib
import gc
import json
import sys
import threading
import uuid
from collections import deque
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

import nbformat

from helpers.errors import CourseError

from . import bonus as bonus_module
from . import preflight
from .course import Course
from .findings import Findings, find
from .grading.files import data_files
from .grading.prepare import Prepared, keep
from .grading.record import Blocked, Kept, Pending, Writer
from .grading.task import Result, Task
from .intake import Ungradable, hand_in
from .parallel.executor import results as graded_by
from .parallel.parcel import Executor
from .results import Row, row_of
from .state import State, code_digest, contents, digest, source_digest

Told = Callable[[Result, int, int], None]


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


class Batch:
    """One run over one assignment. Only this process writes to the class folder."""

    def __init__(self, course: Course, prepared: Prepared, terms: Terms, told: Told | None, patience: float) -> None:
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
        self.prints = {s: digest([self.common.encode(), *contents(here.submitted / s / self.name)]) for s in chosen}
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
        self.imports = threading.Thread(target=_import_nbgrader, args=(executor,), daemon=True)
        self.imports.start()
        shown: deque[Kept] = deque()
        for kept in self._kept(executor):
            self._show(kept)
            shown.append(kept)
            while shown and not self.imports.is_alive():  # two threads that import the same can meet half of a module
                self._record(shown.popleft())
        self.imports.join()
        for kept in shown:
            self._record(kept)
        if self.writer.blocked:
            raise Blocked(self.writer.blocked)

    def _kept(self, executor: Executor | None) -> Iterator[Kept]:
        """What an earlier run could not record, then what is graded now."""
        yield from self.pending
        if executor is not None:
            for result in self._results(executor):
                yield Kept(result, self.prints[result.student])

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

    def _show(self, kept: Kept) -> None:
        """Keep a result on the disk, so that no run after this one has to grade it again, and tell of it."""
        self.waiting.keep(kept)
        self.done += 1
        if self.told:
            self.told(kept.result, self.done, len(self.chosen))

    def _record(self, kept: Kept) -> None:
        """Record a result and write its page."""
        result = kept.result
        found = result.found(self.assignment) if result.notebook is not None else None
        try:
            submission = self.writer.record(result, found)
        except Blocked:
            return
        self.state.students[result.student] = {
            "student": result.student, "reason": result.reason, "notes": result.notes, "seconds": result.seconds,
            "mode": result.mode, "fingerprint": kept.fingerprint, "page": "",
        }  # fmt: skip
        self.recorded.append(result.student)
        if found is not None:
            self.state.remember(result.student, found.words)
            bonus = bonus_module.of(submission), found.words.form
            row = row_of(result.student, "", submission, self.assignment, result.notes, bonus, found.words)
            self._page(row, found)
        if self.state.due:
            self.save()

    def _page(self, row: Row, found: Findings) -> None:
        from .feedback_page.page import write_page  # brings jinja2

        entry = self.state.students[row.student]
        target = self.course.feedback / row.student / self.name / f"{self.name}.html"
        fault = found.fault
        try:
            if found.page is not None:
                write_page(row, found.page, self.assignment, target)
                entry["page"] = stamp(row)
        except Exception as error:  # the points stand, so this is no reason to show none
            fault = type(error).__name__
        if fault:
            entry["notes"] = [*entry["notes"], f"The feedback page could not be written ({fault})."]

    def renew_pages(self, rows: list[Row]) -> None:
        """A human may have given points or comments since a page was written."""
        for row in rows:
            entry = self.state.students.get(row.student, {})
            if not row.reason and entry and entry.get("page") != stamp(row):
                with contextlib.suppress(OSError, ValueError):
                    path = self.course.autograded / row.student / self.name / f"{self.name}.ipynb"
                    self._page(row, find(nbformat.read(path, as_version=4), self.assignment))

    def save(self) -> None:
        """Remember what was recorded; only then is a kept result forgotten."""
        if self.recorded or self.state.data.get("model"):
            self.state.save()
        for student in self.recorded:
            self.waiting.forget(student)
        self.recorded.clear()
        self.waiting.clear()


def _import_nbgrader(executor: Executor | None) -> None:
    """It takes a second, and so does what a first page and a first record take: while the kernels warm up.

    Not before the workers have started, for whom the first result waits; it does not wait for this.
    """
    if executor is not None:
        executor.hired.wait()
    import nbgrader.preprocessors  # noqa: F401
    from sqlalchemy.orm import configure_mappers

    from .feedback_page import page

    configure_mappers()
    page.warm_up()
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
