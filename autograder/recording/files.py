"""Files of a class: what lies beside a hand-in's notebook, and writing to the disk with sentences for what fails."""

from __future__ import annotations

import contextlib
import shutil
from collections.abc import Iterator, Mapping
from datetime import datetime
from pathlib import Path, PurePosixPath

from helpers.errors import CourseError

from ..authoring.source import source_files
from ..course import IGNORED, Course
from ..engine import make_writable
from ..submission.intake import read


def data_files(course: Course, name: str, handed_in: Mapping[str, bytes]) -> dict[str, bytes]:
    """What lies beside the graded notebook: the hand-in's data files, and over them those of the assignment.

    What of the hand-in stands in the place of these, or of the notebook, is left out: a folder of the same name, too.
    """
    here = course.solutions / name
    try:
        own = {str(p.relative_to(here)): p.read_bytes() for p in source_files(here, IGNORED)}
    except OSError as error:
        raise CourseError(f"{error.filename} can't be read ({error.strerror}): mend that and grade again.") from None
    files = {*own, f"{name}.ipynb"}
    folders = {str(parent) for file in files for parent in PurePosixPath(file).parents}
    kept = {
        file: content
        for file, content in handed_in.items()
        if file not in folders and files.isdisjoint(map(str, [PurePosixPath(file), *PurePosixPath(file).parents]))
    }
    return kept | own


def read_timestamp(path: Path) -> datetime | None:
    """nbgrader's timestamp.txt, in UTC; None where there is none that can be read."""
    from nbgrader.utils import parse_utc

    try:
        text = read(path, 200).decode("utf-8").strip()
        found: datetime | None = parse_utc(text) if text else None
        return found
    except Exception:  # dateutil has many ways to fail
        return None


def sound_timestamp(path: Path) -> bool:
    """No file, an empty one, or one that can be read."""
    try:
        return not path.is_file() or not path.stat().st_size or read_timestamp(path) is not None
    except OSError:
        return True


def remove(path: Path) -> None:
    """A folder with all that lies in it, or a file; nothing where there is nothing."""
    if path.is_dir() and not path.is_symlink():
        make_writable(path)
        shutil.rmtree(path)
    else:
        with contextlib.suppress(NotADirectoryError):  # a file stands in the place of its folder
            path.unlink(missing_ok=True)


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
