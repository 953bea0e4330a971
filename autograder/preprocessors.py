"""The grading engine for nbgrader's own `autograde` and for the formgrader's button, as two preprocessors."""

from __future__ import annotations

import dataclasses
from pathlib import Path
from typing import Any

import nbformat
from nbformat import NotebookNode
from nbgrader.api import Gradebook
from nbgrader.plugins import LateSubmissionPlugin
from nbgrader.preprocessors import NbGraderPreprocessor, SaveAutoGrades
from traitlets import Bool, Dict, Integer, Unicode

from . import dates
from .authoring.prepare import prepare
from .authoring.snapshot import Snapshot
from .authoring.source import settings
from .course import Course
from .execution.execute import execute
from .execution.scrub import scrub
from .execution.task import Task, about
from .execution.workplace import workplace
from .recording import gradebook as rows
from .recording.answer_digests import answers, changed
from .submission.intake import data_beside
from .submission.rebuild import rebuild

Made = tuple[NotebookNode, Any]


def snapshot_for(info: dict[str, str]) -> Snapshot:
    """The assignment from its text source, if the gradebook knows it as it is there, else as the gradebook has it."""
    course, name = Course(), info["assignment"]
    with Gradebook(info["db_url"]) as gradebook:
        if name in course.assignments() and info["notebook"] == name:
            snapshot = prepare(course, name).snapshot
            if rows.holds(gradebook, snapshot):
                return snapshot
        known = rows.known_to(gradebook, name, info["notebook"])
    closed = settings(course.source(name))["closed"] if name in course.assignments() else {}
    return dataclasses.replace(known, closed=closed)


class RebuildSubmission(NbGraderPreprocessor):
    """Gives a submission the assignment's own cells back, whatever was done to them."""

    def preprocess(self, nb: NotebookNode, resources: Any) -> Made:
        snapshot = snapshot_for(resources["nbgrader"])
        made, notes = rebuild(nb, snapshot)
        made.metadata["course"] = NotebookNode(notes=notes)
        scrub(made, snapshot)  # nbgrader writes this, too, and runs it after that
        return made, resources


class ExecuteSubmission(NbGraderPreprocessor):
    """Runs the student's cells in the sandbox and the test cells in a process that no student's code reaches."""

    timeout = Integer(60, help="Seconds for one cell.").tag(config=True)
    budget = Integer(300, help="Seconds for one submission; see docs/grading.md.").tag(config=True)
    unsafe = Bool(False, help="Go on without a sandbox: students' code then has your rights.").tag(config=True)
    mode = Unicode("", help="The sandbox: namespaces, landlock or none (default: the strongest).").tag(config=True)
    limits = Dict({}, help="Fields of autograder.sandbox.Limits, such as memory_mb.").tag(config=True)

    def preprocess(self, nb: NotebookNode, resources: Any) -> Made:
        info, folder = resources["nbgrader"], Path(resources["metadata"]["path"])
        files = data_beside(folder, modules=True)
        course = Course()
        guarded = tuple(str(p) for p in (course.class_dir / "gradebook.db", course.solutions, folder) if p.exists())
        task = Task(
            info["student"], nbformat.writes(nb).encode(), snapshot_for(info), files, limits=dict(self.limits),
            mode=self.mode, timeout=self.timeout, budget=self.budget, unsafe=self.unsafe, guarded=guarded,
        )  # fmt: skip
        mode = workplace.mode(task)
        notes = list(nb.metadata.get("course", {}).get("notes", []))
        machine = workplace.machine(task, mode)
        done = execute(nb, task.snapshot, machine, self.timeout, self.budget)
        notes += [*done.skipped, *([done.left_out] if done.left_out else [])]
        nb.metadata["course"] = about(mode, notes, done.dead, machine.words())
        scrub(nb, task.snapshot)
        return nb, resources


class SaveGrades(SaveAutoGrades):
    """nbgrader's own, but that what a human graded is flagged only where its answer has changed."""

    def preprocess(self, nb: NotebookNode, resources: Any) -> Made:
        source = snapshot_for(resources["nbgrader"]).source
        self.now = answers(nb, source) if source is not None else {}
        self.changed: set[str] | None = None
        made: Made = super().preprocess(nb, resources)
        return made

    def _add_score(self, cell: NotebookNode, resources: Any) -> None:
        name = cell.metadata.nbgrader.grade_id
        if self.changed is None:  # asked here, where nbgrader has the gradebook open
            self.changed = changed(self.gradebook, self.assignment_id, self.student_id, self.now)
        grade = self.gradebook.find_grade(name, self.notebook_id, self.assignment_id, self.student_id)
        flagged = bool(grade.needs_manual_grade)
        super()._add_score(cell, resources)
        if grade.manual_score is not None and name in self.now:
            grade.needs_manual_grade = flagged or name in self.changed
            self.gradebook.db.commit()


class LatePenalty(LateSubmissionPlugin):
    """What dates.toml of the class says, else nbgrader's own `penalty_method`."""

    course: Course | None = None

    def late_submission_penalty(self, student_id: str, score: float, total_seconds_late: float) -> float | None:
        said = dates.penalty(dates.read(self.course or Course()), score, total_seconds_late)
        if said is not None:
            return said
        stock: float | None = super().late_submission_penalty(student_id, score, total_seconds_late)
        return stock
