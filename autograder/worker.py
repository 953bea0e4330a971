"""Grade one hand-in; runs in a process of its own, so what it meets can't stop the others."""

from __future__ import annotations

import os
import time
import warnings
from dataclasses import dataclass, field
from pathlib import Path

import nbformat

from helpers.errors import CourseError

from . import bonus
from .course import Course, prepare_environment
from .engine import EngineError, convert, load_config, make_writable, replace_folder, stage
from .intake import Ungradable, hand_in, lay_out
from .source import Assignment

TRIES = 4


@dataclass(frozen=True)
class Job:
    """One hand-in. `source` is a scratch folder whose solutions/ holds the assignment as nbgrader knows
    it."""

    course: Course
    assignment: Assignment
    source: Path
    student: str
    timeout: int
    budget: int
    regrade: bool = True


@dataclass
class Outcome:
    student: str
    reason: str = ""
    notes: list[str] = field(default_factory=list)
    seconds: float = 0.0
    page: bool = True


def initialise(root: str, class_dir: str) -> None:
    """Set a fresh process up once: environment, and the imports that take seconds."""
    os.environ.update(COURSE_ROOT=root, COURSE_CLASS_DIR=class_dir)
    prepare_environment()
    warnings.simplefilter("ignore")  # nbgrader's and SQLAlchemy's own, which nobody here can mend
    import nbgrader.converters  # noqa: F401

    load_config()


def work(job: Job) -> Outcome:
    """Grade and write feedback; never raises, the reason stands in the outcome."""
    begun = time.monotonic()
    outcome = Outcome(job.student)
    try:
        _work(job, outcome)
    except Ungradable as error:
        outcome.reason = str(error)
    except CourseError as error:
        outcome.reason = str(error).rstrip(".")
    except Exception as error:
        outcome.reason = f"the grader met {type(error).__name__}: {str(error)[:200]}"
    outcome.seconds = time.monotonic() - begun
    return outcome


def _work(job: Job, outcome: Outcome) -> None:
    from nbgrader.api import Gradebook
    from nbgrader.converters import Autograde, GenerateFeedback

    course, name, student = job.course, job.assignment.name, job.student
    config = load_config()
    config.Execute.timeout = job.timeout
    config.ExecuteSubmission.budget = job.budget
    config.GenerateFeedback.pop("pre_convert_hook", None)  # it reads the whole class
    kept = course.autograded / student / name
    with stage("grade-") as folder:
        if job.regrade:
            taken = hand_in(course, job.assignment, student)
            (folder / "solutions").symlink_to(job.source / "solutions")
            lay_out(taken, course, name, student, folder)
            _try(Autograde, folder, name, course.db_url, config)
            outcome.notes += taken.notes
            replace_folder(folder / "autograded" / student / name, kept)
        else:
            replace_folder(kept, folder / "autograded" / student / name)
        notebook = nbformat.read(kept / f"{name}.ipynb", as_version=4)
        outcome.notes += notebook.metadata.get("course", {}).get("notes", [])
        try:
            with Gradebook(course.db_url) as gradebook:
                bonus.update(gradebook, job.assignment, course.autograded, [student])
            _try(GenerateFeedback, folder, name, course.db_url, config)
            make_writable(folder / "feedback")
            replace_folder(folder / "feedback" / student / name, course.feedback / student / name)
        except Exception as error:  # the points stand, so this is no reason to show none
            outcome.page = False
            outcome.notes.append(f"The feedback page could not be written ({type(error).__name__}).")


def _try(converter: type, folder: Path, *rest: object) -> None:
    """Run a converter; wait and try again while another program holds the gradebook or Python won't start."""
    for attempt in range(TRIES):
        try:
            convert(converter, folder, *rest)  # type: ignore[arg-type]
            return
        except EngineError as error:
            passing = "database is locked" in error.details or "Kernel died before replying" in error.details
            if not passing or attempt == TRIES - 1:
                raise
            time.sleep(2**attempt)
