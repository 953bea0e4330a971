"""Before a class is graded: the model solution must get all its points here, by the same road as every hand-in.

Where it does not, the fault is in the installation or in the assignment, and a whole class would lose points for it.
"""

from __future__ import annotations

from dataclasses import replace

from helpers.errors import CourseError

from .course import Course
from .engine import stage
from .pool import run
from .release import generate
from .results import collect
from .sample import fill
from .sample_class import Student
from .source import Assignment
from .worker import Job

MODEL = "model-solution"


def model_solution(course: Course, assignment: Assignment, timeout: int, budget: int) -> None:
    """Grade the model solution in a folder of its own; CourseError names what failed. Runs in a fresh process."""
    name = assignment.name
    with stage("model-") as folder:
        trial = replace(course, class_dir=folder / "class")
        fill(name, trial, [Student(MODEL, "the model solution")])
        source = folder / "source"
        source.mkdir()
        generate(name, trial, source, trial.db_url)
        (outcome,) = run([Job(trial, assignment, source, MODEL, timeout, budget)], 1, None)
        fault = outcome.reason or _lost(trial, assignment)
    if fault:
        raise CourseError(
            f"The model solution of {name} does not get its own points here, so nothing was graded: {fault} "
            "Mend the installation or the assignment, then grade again."
        )


def _lost(trial: Course, assignment: Assignment) -> str:
    from nbgrader.api import Gradebook

    with Gradebook(trial.db_url) as gradebook:
        (row,) = collect(gradebook, trial, assignment, {MODEL: ""}, {}, {})
    short = [c.id for c in assignment.graded if c.kind == "test" and row.scores.get(c.id, 0.0) < c.points]
    return (row.words or f"points are missing in {', '.join(short)}.") if short else ""
