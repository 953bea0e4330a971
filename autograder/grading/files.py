"""Files of a class: what lies beside a hand-in's notebook, and writing to the disk with sentences for what fails."""

from __future__ import annotations

import contextlib
import os
import shutil
import stat
from collections.abc import Iterator
from datetime import datetime
from pathlib import Path

from helpers.errors import CourseError

from ..course import IGNORED, Course
from ..engine import make_writable
from ..intake import data_beside
from ..source import source_files


def data_files(course: Course, name: str, student: str | None) -> dict[str, Path]:
    """What lies beside the graded notebook: the hand-in's data files, and over them those of the assignment."""
    found = data_beside(course.submitted / student / name) if student is not None else {}
    here = course.solutions / name
    return found | {str(p.relative_to(here)): p for p in source_files(here, IGNORED)}


def read_timestamp(path: Path) -> datetime | None:
    """nbgrader's timestamp.txt, in UTC; None where there is none that can be read."""
    from nbgrader.utils import parse_utc

    try:
        # What was handed in may be a pipe, which never ends, or a link to anything.
        with open(os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK), "rb") as file:
            if not stat.S_ISREG(os.fstat(file.fileno()).st_mode):
                return None
            text = file.read(200).decode("utf-8").strip()
        found: datetime | None = parse_utc(text) if text else None
        return found
    except (OSError, ValueError, OverflowError):
        return None


def sound_timestamp(path: Path) -> bool:
    """No file, an empty one, or one that can be read."""
    return not path.is_file() or not path.stat().st_size or read_timestamp(path) is not None


def remove(folder: Path) -> None:
    if folder.is_dir() and not folder.is_symlink():
        make_writable(folder)
        shutil.rmtree(folder)


def glob_safe(name: str) -> str:
    return "".join(f"[{c}]" if c in "*?[" else c for c in name)


@contextlib.contextmanager
def disk_in_words(what: str) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        told = f"{error.strerror or error}" + (f" ({error.filename})" if error.filename else "")
        raise CourseError(
            f"{what} could not be written: {told}. Mend that and grade again; what was recorded stays."
        ) from None
