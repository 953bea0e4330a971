"""Files written in one step, folders that are replaced or removed, and sentences for what a disk refuses."""

from __future__ import annotations

import contextlib
import errno
import os
import shutil
import stat
import tempfile
from collections.abc import Iterator
from pathlib import Path

import nbformat
from nbformat import NotebookNode

from helpers.errors import CourseError

UNFIT_NAME = (errno.ENAMETOOLONG, errno.EILSEQ, errno.EINVAL)
"""What a disk says of a name that it can't hold, and not of itself."""


def read(path: Path, most: int) -> bytes:
    """The bytes of a plain file; OSError where it is a link or a pipe, or has more than `most` bytes."""
    with open(os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC), "rb") as file:
        if not stat.S_ISREG(os.fstat(file.fileno()).st_mode):
            raise OSError(errno.EINVAL, "it is no plain file", str(path))
        content = file.read(most + 1)
    if len(content) > most:
        raise OSError(errno.EFBIG, "it is too large", str(path))
    return content


def write_text(text: str, path: Path) -> None:
    """In one step, in UTF-8: an OSError, which names `path`, leaves what was there."""
    with _in_one_step(path) as scratch:
        scratch.write_text(text, encoding="utf-8")


def write_bytes(content: bytes, path: Path) -> None:
    """As `write_text`."""
    with _in_one_step(path) as scratch:
        scratch.write_bytes(content)


def write_notebook(notebook: NotebookNode, path: Path) -> None:
    """Write a notebook in one step, in the same bytes for the same content."""
    nbformat.validate(notebook)
    write_text(nbformat.writes(notebook).rstrip("\n") + "\n", path)


@contextlib.contextmanager
def _in_one_step(path: Path) -> Iterator[Path]:
    """A file to write beside `path`, which then takes its place."""
    scratch = path.with_name(f".{path.name}.{os.getpid()}.tmp")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        yield scratch
        scratch.replace(path)
    except OSError as error:
        error.filename = str(path)
        raise
    finally:
        with contextlib.suppress(OSError):
            scratch.unlink(missing_ok=True)


@contextlib.contextmanager
def new_folder(target: Path) -> Iterator[Path]:
    """A folder to fill, which then takes the place of `target`; that stays complete if anything fails."""
    target.parent.mkdir(parents=True, exist_ok=True)
    for leftover in target.parent.glob(f".{glob_safe(target.name)}.*"):  # of a program that was killed
        remove(leftover)
    incoming, outgoing = (target.with_name(f".{target.name}.{os.getpid()}.{which}") for which in ("new", "old"))
    incoming.mkdir()
    try:
        yield incoming
        if target.exists():
            target.rename(outgoing)
        try:
            incoming.rename(target)
        except OSError:
            if outgoing.exists():
                outgoing.rename(target)
            raise
    finally:
        remove(incoming)
        remove(outgoing)


@contextlib.contextmanager
def stage(prefix: str = "course-") -> Iterator[Path]:
    """A temporary course folder, removed afterwards."""
    folder = Path(tempfile.mkdtemp(prefix=prefix)).resolve()
    try:
        yield folder
    finally:
        make_writable(folder)
        shutil.rmtree(folder, ignore_errors=True)


def make_writable(folder: Path) -> None:
    """nbgrader writes read-only files; give the owner the right to replace them."""
    for path in [folder, *folder.rglob("*")]:
        if not path.is_symlink():
            path.chmod(path.stat().st_mode | 0o600 | (0o100 if path.is_dir() else 0))


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
