"""Run nbgrader's own converters inside a scratch folder, with this course's configuration.

A scratch folder keeps students' files untouched, leaves no half-finished run behind, and avoids
nbgrader the folder names that its path patterns can't read (it uses them as globs and as regular
expressions).
"""

from __future__ import annotations

import contextlib
import logging
import os
import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import nbformat
from nbformat import NotebookNode
from traitlets.config import Config
from traitlets.config.loader import PyFileConfigLoader

from helpers.errors import CourseError

from . import course as course_module
from .authoring.source import source_files
from .course import Course

CONFIG = Path(__file__).with_name("nbgrader_config.py")
log = logging.getLogger("autograder.nbgrader")


def load_config() -> Config:
    """The class's nbgrader configuration, the same that stock commands read."""
    return PyFileConfigLoader(CONFIG.name, path=str(CONFIG.parent)).load_config()


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


def write_notebook(notebook: NotebookNode, path: Path) -> None:
    """Write a notebook in one step, in the same bytes for the same content."""
    nbformat.validate(notebook)
    write_text(nbformat.writes(notebook).rstrip("\n") + "\n", path)


def write_text(text: str, path: Path) -> None:
    """In one step, in UTF-8: an OSError, which names `path`, leaves what was there."""
    with _in_one_step(path) as scratch:
        scratch.write_text(text, encoding="utf-8")


def write_bytes(content: bytes, path: Path) -> None:
    """As `write_text`."""
    with _in_one_step(path) as scratch:
        scratch.write_bytes(content)


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


def replace_folder(new: Path, old: Path) -> None:
    """Replace folder `old` by `new`; `old` stays complete if that fails."""
    old.parent.mkdir(parents=True, exist_ok=True)
    incoming = old.with_name(f".{old.name}.{os.getpid()}.new")
    outgoing = old.with_name(f".{old.name}.{os.getpid()}.old")
    shutil.rmtree(incoming, ignore_errors=True)
    shutil.copytree(new, incoming)
    make_writable(incoming)
    try:
        if old.exists():
            old.rename(outgoing)
        incoming.rename(old)
    except OSError:
        if outgoing.exists() and not old.exists():
            outgoing.rename(old)
        raise
    finally:
        for leftover in (incoming, outgoing):
            if leftover.exists():
                make_writable(leftover)
                shutil.rmtree(leftover, ignore_errors=True)


def put_source(folder: Path, course: Course, name: str, notebook: NotebookNode, ignore: list[str]) -> None:
    """Copy an assignment's notebook and data files to the scratch course's source folder."""
    target = folder / "solutions" / name
    write_notebook(notebook, target / f"{name}.ipynb")
    here = course.solutions / name
    for path in source_files(here, ignore):
        copy = target / path.relative_to(here)
        copy.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(path, copy)


def convert(converter: type, folder: Path, name: str, db_url: str, config: Config, **options: Any) -> str:
    """Run one nbgrader converter over the scratch course in `folder`; returns its log, CourseError if it
    failed."""
    from nbgrader.coursedir import CourseDirectory
    from nbgrader.utils import capture_log

    course_module.prepare_environment()
    local = Config(config)
    local.CourseDirectory.merge(
        {
            "root": str(folder), "db_url": db_url, "assignment_id": name, "submitted_directory": "submitted",
            "autograded_directory": "autograded", "feedback_directory": "feedback",
        }
    )  # fmt: skip
    directory = CourseDirectory(config=local)
    app = converter(coursedir=directory, config=local, log=log)
    app.force = True
    for option, value in options.items():
        setattr(app, option, value)
    log.propagate = False
    result = capture_log(app)
    if not result["success"]:
        raise EngineError(result.get("log", "") + "\n" + result.get("error", ""))
    return result.get("log", "")


class EngineError(CourseError):
    """nbgrader stopped; `details` is its log."""

    def __init__(self, details: str) -> None:
        self.details = details
        super().__init__(in_words(details))


def in_words(details: str) -> str:
    """One sentence for each known way in which nbgrader stops."""
    known = {
        "Cannot add or remove cells": "The assignment's cells are not those that this class was first graded "
        "with; grade it into a new --class-dir or restore the old source.",
        "database is locked": "The gradebook was locked by another program; close it and grade again.",
        "readonly database": "The gradebook can't be written; check the rights of the class folder.",
        "Kernel died before replying": "Python could not be started for this submission.",
        "database disk image is malformed": "gradebook.db is damaged; restore it from a copy.",
        "no such table": "gradebook.db was made by another version of nbgrader; run `nbgrader db upgrade`.",
    }
    for sign, sentence in known.items():
        if sign in details:
            return sentence
    last = [line.strip() for line in details.splitlines() if line.strip() and not line.startswith(" ")]
    errors = [line for line in last if "Error" in line.split(":")[0] or "Exception" in line.split(":")[0]]
    told = [line for line in errors if "NbGraderException" not in line] or errors or last or ["no reason given"]
    return f"nbgrader stopped: {told[-1][:200]}"
