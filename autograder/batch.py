"""One run over one assignment: who has to be graded, results as they come, and what is kept of each at once."""

from __future__ import annotations

import contextlib
import json
import sys
import threading
import uuid
from collections import deque
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import nbformat

from helpers.errors import CourseError

from .authoring.prepare import Prepared, keep
from .course import Course
from .execution import preflight
from .execution.task import Result, Task, order
from .execution.task import results as graded_by
from .parallel.executor import Executor, Order
from .recording.state import State, code_digest, contents, digest, source_digest
from .recording.writer import Blocked, Kept, Pending, Writer
from .reports.findings import Findings, find
from .reports.results import Row, bonus_of, row_of
from .submission.intake import Ungradable, data_files, hand_in
from .text import fault

Told = Callable[[Result, int, int], None]
TRIES = 2
"""How often one result is tried to be recorded."""


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
        self.failed: list[str] = []
        self.anew: set[str] = set()
        self.absent: dict[str, list[str]] = {}
        self.done = 0

    def look(self, chosen: list[str], force: bool) -> None:
        """Find who has to be graded, and what an earlier run graded but could not record."""
        here, terms = self.course, self.terms
        limits = sorted(dict(terms.limits).items())
        common = [source_digest(here, self.name), code_digest(), str(terms.timeout), str(terms.budget), str(limits)]
        self.common = digest(part.encode() for part in common)
        self.prints = {student: self._print(student) for student in chosen}
        for kept in self.waiting:
            student = kept.result.student
            if not force and kept.fingerprint and self.prints.get(student) == kept.fingerprint:
                self.pending.append(kept)
            elif student in self.prints:
                self.waiting.forget(student)
        settled = {kept.result.student for kept in self.pending}
        self.chosen = [s for s in chosen if force or s in settled or not self._known(s)]
        self.stale = [s for s in self.chosen if s not in settled]

    def _print(self, student: str) -> str:
        """Of all that decides about a student's points; "", which is nobody's, where it can't be taken."""
        try:
            found = list(contents(self.course.submitted / student / self.name))
            self.absent[student] = preflight.absent(found)
            return digest([self.common.encode(), *found, *map(str.encode, self.absent[student])])
        except Exception:  # what is wrong there is told when it is handed in
            return ""

    def _known(self, student: str) -> bool:
        fingerprint = self.state.students.get(student, {}).get("fingerprint")
        return bool(fingerprint) and fingerprint == self.prints[student] and self.state.whole(student)

    def run(self, hire: Callable[[], Executor]) -> None:
        """Grade and record; `hire` brings an executor, once it is needed. CourseError, at the end, if the gradebook
        could not be written."""
        if not sys.platform.startswith("linux"):
            from .sandbox import choose as sandbox

            sandbox(self.terms.unsafe, self.terms.mode or None)  # says why it can't be, before anything starts
        executor = hire() if self.stale else None
        self.imports = threading.Thread(target=_import_nbgrader, args=(executor,), daemon=True)
        self.imports.start()
        self._round(executor)
        if self.failed and not self.writer.blocked:
            self.pending, self.stale, self.failed = [], self.failed, []
            self.anew = set(self.stale)
            self._round(hire())
        if self.writer.blocked:
            raise Blocked(self.writer.blocked)

    def _round(self, executor: Executor | None) -> None:
        shown: deque[Kept] = deque()
        for kept in self._kept(executor):
            self._show(kept)
            shown.append(kept)
            while shown and not self.imports.is_alive():  # two threads that import the same can meet half of a module
                self._record(shown.popleft())
        self.imports.join()
        for kept in shown:
            self._record(kept)

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
        starved: list[Result] = []
        proven = self.state.data.get("model") == self.common

        here = self.course
        secret = here.class_dir / "gradebook.db", here.submitted, here.autograded, here.reports, here.solutions
        guarded = tuple(str(path) for path in secret if path.exists())
        files = data_files(here, self.name, {})
        make = Task("", b"", self.snapshot, files, **vars(self.terms), batch=uuid.uuid4().hex, guarded=guarded)

        def order_of(student: str) -> tuple[Order, list[str]]:
            taken = hand_in(here, self.name, student)
            files = data_files(here, self.name, taken.files)
            made = replace(make, student=student, notebook=taken.notebook, file=taken.file, files=files,
                           others=taken.others)  # fmt: skip
            return order(made), taken.notes

        def orders() -> Iterator[Order]:
            if not proven:
                yield order(replace(make, student=preflight.MODEL, notebook=preflight.hand_in(self.snapshot)))
            for student in self.stale:
                try:
                    made_of, self.intake[student] = order_of(student)
                except Ungradable as error:
                    early.append(Result(student, reason=str(error)))
                    continue
                except CourseError:
                    raise
                except Exception as error:
                    early.append(Result(student, reason=fault(error)))
                    continue
                yield made_of

        self.intake: dict[str, list[str]] = {}
        for result in graded_by(executor, orders()):
            if result.fatal:
                raise CourseError(result.fatal)
            if result.student == preflight.MODEL:
                self.imports.join()
                preflight.check(result, self.assignment)
                proven = True
                keep(self.prepared, self.course)
                self.state.data["model"] = self.common
            else:
                (starved if result.starved else held).append(result)
            if proven:
                yield from map(self._noted, [*held, *early])
                held.clear()
                early.clear()
        yield from early
        for result in starved:  # now that nothing else runs, one after the other
            found = [result]
            with contextlib.suppress(Ungradable, OSError):  # it has been taken away meanwhile
                found += graded_by(executor, [order_of(result.student)[0]])
            better = max(reversed(found), key=self._worth)  # of equal ones the second
            better.note("The machine was too busy, and its time ran out; so it was graded once more, alone.")
            yield self._noted(better)

    def _noted(self, result: Result) -> Result:
        result.notes = self.intake.get(result.student, []) + result.notes
        return result

    def _worth(self, result: Result) -> float:
        """Points of a result, -1 for none."""
        points = result.found(self.assignment).points.values() if result.notebook is not None else [-1.0]
        return sum(point or 0.0 for point in points)

    def _show(self, kept: Kept) -> None:
        """Keep a result on the disk, so that no run after this one has to grade it again, and tell of it."""
        try:
            self.waiting.keep(kept)
        except CourseError:
            raise
        except Exception as error:  # it is recorded in this run, or its hand-in graded in the next
            kept.result.note(f"The result was not kept: {fault(error)}.")
        self.done += kept.result.student not in self.anew
        if self.told:
            self.told(kept.result, self.done, len(self.chosen))

    def _record(self, kept: Kept) -> None:
        """Record a result and write its page. What fails twice is graded again; what then fails has that as its reason,
        and so has nobody else. What the machine or the instructor is to blame for is a CourseError and ends the run."""
        student = kept.result.student
        try:
            met = self._tried(kept)
            if met is not None:
                if student not in self.anew and kept.result.notebook is not None:
                    self.waiting.forget(student)
                    self.failed.append(student)
                    return
                self._give_up(kept, met)
        except Blocked:
            return
        self.recorded.append(student)
        if self.state.due:
            self.save()

    def _tried(self, kept: Kept) -> Exception | None:
        """What kept a result from being recorded, each time that it was tried."""
        met: Exception | None = None
        for _ in range(TRIES):
            try:
                self._settle(kept)
                return None
            except CourseError:
                raise
            except Exception as error:
                met = error
        return met

    def _settle(self, kept: Kept) -> None:
        result, student = kept.result, kept.result.student
        found = result.found(self.assignment) if result.notebook is not None else None
        submission = self.writer.record(result, found)
        entry = {"student": student, "reason": result.reason, "notes": [*result.notes], "seconds": result.seconds,
                 "mode": result.mode, "fingerprint": kept.fingerprint, "page": "",
                 "absent": self.absent.get(student, [])}  # fmt: skip
        self.state.remember(student, entry, found.words if found is not None else None)
        if found is not None:
            self._page(student, found, submission)
        else:
            self._reason_page(result)

    def _reason_page(self, result: Result) -> None:
        """For who can't be graded: why, and what to do."""
        from .reports.feedback_page.page import write_page

        row = Row(result.student, result.reason, maximum=self.assignment.points, notes=[*result.notes])
        try:
            write_page(row, None, self.assignment, self._page_of(result.student))
        except Exception as error:
            self._no_page(result.student, _why(error))

    def _give_up(self, kept: Kept, met: Exception) -> None:
        """Of this result nothing can be recorded but why."""
        result, told = kept.result, fault(met)
        lost = Result(result.student, result.reason or told, [told] if result.reason else [], mode=result.mode)
        try:
            self._settle(Kept(lost, kept.fingerprint))
        except CourseError:
            raise
        except Exception:  # not even the gradebook can be asked about it
            entry = {"student": lost.student, "reason": lost.reason, "fingerprint": kept.fingerprint}
            self.state.remember(lost.student, entry, None)

    def _page(self, student: str, found: Findings, submission: Any = None, row: Row | None = None) -> None:
        """Of a submission of nbgrader's, or of what was read of it. The points stand whatever becomes of the page."""
        from .reports.feedback_page.page import write_page  # brings jinja2

        why = found.fault
        try:
            if row is None:
                bonus = bonus_of(submission), found.words.form
                row = row_of(student, "", submission, self.assignment, self.state.notes(student), bonus, found.words)
            if found.page is not None:
                write_page(row, found.page, self.assignment, self._page_of(student))
                self.state.students[student]["page"] = stamp(row)
        except Exception as error:
            why = _why(error)
        if why:
            self._no_page(student, why)

    def _page_of(self, student: str) -> Path:
        return self.course.feedback / student / self.name / f"{self.name}.html"

    def _no_page(self, student: str, why: str) -> None:
        self.state.note(student, f"The feedback page could not be written ({why}).")

    def renew_pages(self, rows: list[Row]) -> list[str]:
        """A human may have given points or comments since a page was written; whose page was written anew."""
        renewed = []
        for row in rows:
            entry = self.state.students.get(row.student, {})
            if not row.reason and entry and entry.get("page") != stamp(row):
                try:
                    path = self.course.autograded / row.student / self.name / f"{self.name}.ipynb"
                    found = find(nbformat.read(path, as_version=4), self.assignment)
                except Exception as error:
                    told = type(error).__name__
                    self.state.note(row.student, f"The feedback page could not be written anew ({told}).")
                else:
                    self._page(row.student, found, row=row)
                    renewed.append(row.student)
        return renewed

    def save(self) -> None:
        """Remember what was recorded; only then is a kept result forgotten."""
        if self.recorded or self.state.data.get("model"):
            self.state.save()
        for student in self.recorded:
            self.waiting.forget(student)
        self.recorded.clear()
        self.waiting.clear()


def _import_nbgrader(executor: Executor | None) -> None:
    """It takes a second: while the kernels warm up, but not before the workers have started, for whom the first result
    waits."""
    if executor is not None:
        executor.hired.wait()
    import nbgrader.preprocessors  # noqa: F401

    from .reports.feedback_page import page  # noqa: F401


def _why(error: Exception) -> str:
    return getattr(error, "strerror", None) or type(error).__name__


def stamp(row: Row) -> str:
    """Of what a feedback page shows and a human can change."""
    late = [row.late] if row.late else []
    return digest([json.dumps([row.scores, row.bonus, row.extra, row.penalty, row.comments, *late]).encode()])
