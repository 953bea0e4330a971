"""The one writer: results become files and gradebook rows, each submission in one commit, and none is ever lost.

A result is kept in a file first (CLASSDIR/reports/.pending), then its notebook is put in place, then the gradebook is
committed. Whatever stops that, the next run records what was kept and runs no student's code again.
"""

from __future__ import annotations

import contextlib
import hashlib
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import nbformat

from helpers.errors import CourseError

from ..authoring.snapshot import Snapshot
from ..authoring.source import Assignment
from ..course import Course, load_config
from ..error_sentence import damage
from ..execution.task import Result
from ..files import UNFIT_NAME, disk_in_words, new_folder, remove, write_bytes
from ..parallel.parcel import unwrap, wrap
from ..reports.findings import Findings, answers
from ..submission.intake import data_beside, data_files, read_timestamp, shown, sound_timestamp
from ..text import one_line
from . import bonus
from . import gradebook as rows

PATIENCE = 60.0
PAUSE = 0.1
READ_ONLY = 0o444
ACTIVE = (".htm", ".html", ".mht", ".mhtml", ".shtml", ".svg", ".svgz", ".xht", ".xhtml", ".xml", ".xsl", ".xslt")
"""Files in which a browser runs scripts, when somebody opens them in the formgrader's Jupyter."""


class Blocked(CourseError):
    """The gradebook can't be written now; the results that wait are kept."""


@dataclass(frozen=True)
class Kept:
    """A result that waits to be recorded, and of which state of the hand-in it is."""

    result: Result
    fingerprint: str


class Pending:
    """Results of one assignment that are not recorded yet, a file each."""

    def __init__(self, course: Course, name: str) -> None:
        self.folder = course.reports / ".pending" / name

    def path(self, student: str) -> Path:
        return self.folder / hashlib.sha256(student.encode("utf-8", "surrogatepass")).hexdigest()[:32]

    def keep(self, kept: Kept) -> None:
        """CourseError in words if the disk does not take it."""
        body = wrap({"fingerprint": kept.fingerprint}, [kept.result.pack()])
        with disk_in_words("a result"):
            write_bytes(body, self.path(kept.result.student))

    def forget(self, student: str) -> None:
        self.path(student).unlink(missing_ok=True)

    def clear(self) -> None:
        """Take empty folders away."""
        for folder in (self.folder, self.folder.parent):
            with contextlib.suppress(OSError):
                folder.rmdir()

    def __iter__(self) -> Iterator[Kept]:
        """Those that can be read; others are removed, their hand-ins are simply graded again."""
        for path in sorted(self.folder.glob("*")) if self.folder.is_dir() else []:
            try:
                head, (body,) = unwrap(path.read_bytes())
                kept = Kept(Result.unpack(body), str(head["fingerprint"]))
                if path != self.path(kept.result.student):
                    raise ValueError("not its name")
            except Exception:  # whatever it is, it is no result
                remove(path)
                continue
            yield kept


class Writer:
    """Records results of one assignment. Use it with `with`; the gradebook opens with the first result."""

    def __init__(
        self, course: Course, assignment: Assignment, snapshot: Snapshot, *, patience: float = PATIENCE
    ) -> None:
        self.course, self.assignment, self.snapshot = course, assignment, snapshot
        self.patience = patience
        self.blocked = ""
        self.gradebook: Any = None
        self.plugin: Any = None

    def __enter__(self) -> Writer:
        return self

    def __exit__(self, *_: object) -> None:
        if self.gradebook is not None:
            self.gradebook.close()

    def record(self, result: Result, found: Findings | None = None) -> Any:
        """Write one result, whose notebook says what was `found`; returns nbgrader's submission, or None for one that
        can't be graded.

        Blocked, with a sentence, if the gradebook can't be written; nothing of this result is then in it.
        """
        if self.blocked:
            raise Blocked(self.blocked)
        if result.notebook is not None:
            found = found or result.found(self.assignment)
            if not sound_timestamp(self._timestamp(result.student)):
                result.note("timestamp.txt holds no date that can be read; it was left out.")
            earlier = self._earlier(result.student)
            self._place(result, result.notebook)
            return self._patiently(lambda: self._save(result.student, found, earlier))
        self._patiently(lambda: self._forget(result))
        return None

    def _earlier(self, student: str) -> bytes:
        """The graded notebook that a human may have read, b"" where there is none."""
        name = self.assignment.name
        with contextlib.suppress(OSError):
            return (self.course.autograded / student / name / f"{name}.ipynb").read_bytes()
        return b""

    def _answers(self, notebook: bytes) -> dict[str, str]:
        with contextlib.suppress(Exception):  # somebody else's file
            return answers(nbformat.reads(notebook.decode("utf-8"), as_version=4), self.assignment)
        return {}

    def _save(self, student: str, found: Findings, earlier: bytes) -> Any:
        name, timestamp = self.assignment.name, read_timestamp(self._timestamp(student))
        submission = rows.save(
            self.gradebook, found, name, student, timestamp, lambda: self._answers(earlier) if earlier else {}
        )
        bonus.carry(submission, self.assignment, found.words.form)
        rows.punish(self.gradebook, submission, self.plugin)
        return submission

    def _forget(self, result: Result) -> None:
        """A hand-in that can't be graded has no points: drop those of an earlier one, unless a human graded it."""
        from nbgrader.api import MissingEntry

        name = self.assignment.name
        with contextlib.suppress(MissingEntry):
            if rows.touched_by_hand(self.gradebook.find_submission(name, result.student)):
                result.note("The gradebook still holds a human's grades of an earlier hand-in.")
                return
            self.gradebook.remove_submission(name, result.student)
        with disk_in_words("an earlier result"):
            for folder in (self.course.autograded, self.course.feedback):
                remove(folder / result.student / name)

    def _patiently(self, write: Callable[[], Any]) -> Any:
        """Do it and commit, in one transaction; wait while another program holds the gradebook."""
        from sqlalchemy.exc import DatabaseError, DataError, IntegrityError

        until = time.monotonic() + self.patience
        while True:
            try:
                self._open()
                done = write()
                self.gradebook.commit_all()
                return done
            except (DatabaseError, ValueError) as error:
                # nbgrader wraps what the database says into a ValueError of its own.
                database = error if isinstance(error, DatabaseError) else error.__context__
                self._roll_back()
                if not isinstance(database, DatabaseError) or isinstance(database, DataError | IntegrityError):
                    raise  # what was to be written can't be held; others' results can
                told = str(database.orig)
                if "locked" in told or "busy" in told:
                    if time.monotonic() < until:
                        time.sleep(PAUSE)
                        continue
                    self.blocked = (
                        f"The gradebook was locked by another program for {self.patience:g} s: close that program "
                        "and grade again. Nothing is lost: the results wait in the class folder's reports/.pending."
                    )
                else:
                    waits = "The results wait in the class folder's reports/.pending."
                    self.blocked = f"{damage(told, self.course)} {waits}"
                raise Blocked(self.blocked) from None
            except Exception as error:
                self._roll_back()
                if self.plugin is None and not isinstance(error, CourseError):
                    why = f"{type(error).__name__}: {one_line(error, 200)}"
                    raise CourseError(f"nbgrader's configuration or gradebook can't be used ({why}).") from None
                raise
            except BaseException:
                self._roll_back()
                raise

    def _roll_back(self) -> None:
        if self.gradebook is not None:
            with contextlib.suppress(Exception):
                self.gradebook.db.rollback()
                rows.let_go(self.gradebook)  # whoever held the gradebook may have changed its cells

    def _open(self) -> None:
        """The gradebook with this assignment in it, as its source is now."""
        if self.plugin is not None:
            return
        config = load_config()
        if self.gradebook is None:
            course_id = str(config.CourseDirectory.get("course_id", "default_course"))
            self.gradebook = rows.open_gradebook(self.course.db_url, course_id)
        if not rows.holds(self.gradebook, self.snapshot):
            try:
                rows.enter(self.gradebook, self.course.db_url, self.snapshot, config)
            except RuntimeError:
                raise CourseError(
                    "The assignment's cells are not those that this class was first graded with; grade it into a new "
                    "--class-dir or restore the old source."
                ) from None
        self.plugin = rows.late_plugin(self.course, config)

    def _timestamp(self, student: str) -> Path:
        return self.course.submitted / student / self.assignment.name / "timestamp.txt"

    def _place(self, result: Result, notebook: bytes) -> None:
        """autograded/STUDENT/NAME as nbgrader leaves it: the notebook and the data files, read-only."""
        name, student = self.assignment.name, result.student
        target = self.course.autograded / student / name
        handed_in = data_beside(self.course.submitted / student / name)
        if not sound_timestamp(self._timestamp(student)):
            handed_in.pop("timestamp.txt", None)  # nbgrader's commands would end at it
        for file in [file for file in handed_in if file.lower().endswith(ACTIVE)]:
            del handed_in[file]
            result.note(f"{shown(file)} was left out of autograded/: a browser could run what is in it.")
        files = data_files(self.course, name, handed_in)
        with disk_in_words("a graded notebook"), new_folder(target) as folder:
            for relative, content in {**files, f"{name}.ipynb": notebook}.items():
                copy = folder / relative
                try:
                    copy.parent.mkdir(parents=True, exist_ok=True)
                    copy.write_bytes(content)
                    copy.chmod(READ_ONLY)
                except OSError as error:
                    if error.errno not in UNFIT_NAME:
                        raise
                    result.note(f"{shown(relative)} was left out of autograded/ ({error.strerror}).")
