"""What an error means for whoever runs a command, in one sentence, for the errors that are no fault of the program."""

from __future__ import annotations

import errno
import sqlite3
import sys
from types import TracebackType

from helpers.errors import CourseError

from .course import Course
from .text import one_line

DISK = {
    errno.ENOSPC: "make room",
    errno.EDQUOT: "make room",
    errno.EROFS: "choose a folder on another disk, or make this one writable",
    errno.EIO: "check the disk",
    errno.ENOTDIR: "move what stands in the place of a folder away",
    errno.EEXIST: "move what stands in the place of a folder away",
    errno.EISDIR: "move the folder that stands in the place of a file away",
}
"""What to do about a disk that takes nothing."""


def sentence(error: BaseException) -> str:
    """"" for an error that nobody foresaw."""
    if isinstance(error, CourseError):
        return str(error)
    if isinstance(error, OSError):
        where = repr(str(error.filename)) if error.filename else "A file"
        if isinstance(error, PermissionError):
            return f"{where} may not be used ({error.strerror}): choose another folder, or ask for the right to it."
        if error.errno in DISK:
            return f"{where} could not be written ({error.strerror}): {DISK[error.errno]}, then do the same again."
    database = getattr(error, "orig", error)  # sqlalchemy's errors hold the database's own
    if isinstance(database, sqlite3.DatabaseError):
        return damage(str(database), Course())
    return ""


def hook(kind: type[BaseException], error: BaseException, trace: TracebackType | None) -> None:
    """For nbgrader's own commands, as `sys.excepthook`."""
    if told := sentence(error):
        print(f"error: {one_line(told, 2000)}", file=sys.stderr)
    else:
        sys.__excepthook__(kind, error, trace)


def damage(told: str, course: Course) -> str:
    """A database's complaint as a sentence that says what to do."""
    where = "gradebook.db" if course.db_url.startswith("sqlite:") else "The gradebook"
    known = {
        "readonly": f"{where} can't be written: give yourself the right to write it and the class folder.",
        "locked": f"{where} is locked by another program: close that program and try again.",
        "malformed": f"{where} is damaged: restore it from a copy, or move it away to grade everything anew.",
        "not a database": f"{where} is no database: restore it from a copy, or move it away to grade everything anew.",
        "full": f"The disk with {where} is full: make room and grade again.",
        "unable to open": f"{where} can't be opened: check the rights of the class folder.",
        "no such table": f"{where} was made by another version of nbgrader: run `nbgrader db upgrade`.",
        "no such column": f"{where} was made by another version of nbgrader: run `nbgrader db upgrade`.",
        "disk I/O": f"The disk with {where} does not answer properly: check it and grade again.",
    }
    for sign, sentence in known.items():
        if sign in told:
            return sentence
    return f"{where} refused what was written to it ({told.splitlines()[0][:150] if told else 'no reason given'})."
