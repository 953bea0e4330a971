"""The two engines that attacks are tried on: ours, and stock nbgrader without any configuration but its folders."""

from __future__ import annotations

import logging
import os
import re
import sys
import time
import warnings
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import nbformat

from autograder.course import Course, prepare_environment

from .attack import Places
from .course import NAME

ENGINES = ("ours", "stock")
WEAK = "none"
"""The mode of our engine without any sandbox: what detectors must notice."""


@dataclass
class Graded:
    """What an engine says about its own run: seconds and reasons by student, where it gives them; its last words."""

    seconds: dict[str, float] = field(default_factory=dict)
    reasons: dict[str, str] = field(default_factory=dict)
    error: str = ""
    total: float = 0.0


def run(engine: str, places: Places, timeout: int, jobs: int, mode: str = "") -> Graded:
    """Grade everybody who was not graded yet, and write feedback. Call it in a process of its own.

    `mode` is the sandbox of our engine, by default the strongest.
    """
    os.chdir(places.class_dir)
    warnings.simplefilter("ignore")
    logging.disable(logging.NOTSET)
    begun = time.monotonic()
    graded = Graded()
    try:
        if engine == "stock":
            stock(places, timeout, graded)
        else:
            ours(places, timeout, jobs, graded, mode)
    except BaseException as error:
        graded.error = f"{type(error).__name__}: {str(error)[:2000]}"
    graded.total = time.monotonic() - begun
    return graded


def ours(places: Places, timeout: int, jobs: int, graded: Graded, mode: str) -> None:
    from autograder.grade import grade
    from autograder.reports.class_report import write

    def told(outcome: Any, done: int, total: int) -> None:
        graded.seconds[outcome.student] = float(outcome.seconds)

    course = Course(root=places.course, class_dir=places.class_dir)
    found = grade(
        NAME, course, jobs=jobs, timeout=timeout, budget=8 * timeout, told=told, mode=mode, unsafe=mode == WEAK
    )
    graded.reasons = {row.student: row.reason or row.words or row.status for row in found.rows}
    write(found, course)


class Clock(logging.Handler):
    """Notes when stock nbgrader says that it begins with a student."""

    def __init__(self, seconds: dict[str, float]) -> None:
        super().__init__()
        self.seconds, self.student, self.since = seconds, "", time.monotonic()

    def emit(self, record: logging.LogRecord) -> None:
        found = re.match(r"Converting notebook .*/submitted/([^/]+)/", record.getMessage())
        if found:
            self.turn(found[1])

    def turn(self, student: str) -> None:
        now = time.monotonic()
        if self.student:
            self.seconds[self.student] = now - self.since
        self.student, self.since = student, now


def stock(places: Places, timeout: int, graded: Graded) -> None:
    """`nbgrader autograde` and `nbgrader generate_feedback`, in this process."""
    from nbgrader.converters import Autograde, GenerateFeedback

    log = logging.getLogger("attacks.stock")
    log.setLevel(logging.INFO)
    log.propagate = False
    clock = Clock(graded.seconds)
    log.addHandler(clock)
    try:
        _convert(Autograde, places, timeout, log)
    except BaseException as error:
        graded.error = f"{type(error).__name__}: {str(error)[:2000]}"
    finally:
        clock.turn("")
    try:
        _convert(GenerateFeedback, places, timeout, log)
    except BaseException as error:
        graded.error = graded.error or f"{type(error).__name__}: {str(error)[:2000]}"


def _convert(converter: type, places: Places, timeout: int, log: logging.Logger) -> None:
    from nbgrader.coursedir import CourseDirectory
    from traitlets.config import Config

    config = Config()
    config.CourseDirectory.root = str(places.class_dir)
    config.CourseDirectory.assignment_id = NAME
    config.Execute.timeout = timeout
    app = converter(coursedir=CourseDirectory(config=config), config=config, log=log)
    app.start()


def prepare(engine: str, places: Places) -> nbformat.NotebookNode:
    """What the instructor does beforehand; returns the released notebook."""
    from autograder.authoring.release import release
    from autograder.authoring.sample import release_of
    from autograder.authoring.source import read

    prepare_environment()
    course = Course(root=places.course, class_dir=places.class_dir)
    release(NAME, course)
    if engine == "stock":
        from nbgrader.converters import GenerateAssignment

        _, notebook = read(course.source(NAME))
        folder = places.class_dir / "source" / NAME
        folder.mkdir(parents=True)
        nbformat.write(notebook, folder / f"{NAME}.ipynb")
        (folder / "numbers.csv").write_text("1,2\n")
        _convert(GenerateAssignment, places, 30, logging.getLogger("attacks.stock"))
    return release_of(NAME, course)


def environment(places: Places, token: str) -> None:
    """The environment of an instructor who keeps a secret there."""
    keep = {k: v for k, v in os.environ.items() if k in ("PATH", "LANG", "LC_ALL", "LD_LIBRARY_PATH")}
    keep |= {"HOME": str(places.home), "GRADING_TOKEN": token, "TMPDIR": str(places.root / "tmp"), "TERM": "dumb"}
    os.environ.clear()
    os.environ.update(keep)
    for directory in (places.home, Path(os.environ["TMPDIR"])):
        directory.mkdir(parents=True, exist_ok=True)
    prepare_environment()
    sys.stdout.flush()
