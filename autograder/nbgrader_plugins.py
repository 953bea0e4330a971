"""What nbgrader_config.py plugs into nbgrader: grading, late penalties, feedback, export, and escaped names.

So nbgrader's own commands and the formgrader's buttons do what `python -m autograder` does.
"""

from __future__ import annotations

import dataclasses
import logging
import sys
from pathlib import Path
from typing import Any

import nbformat
import nbgrader.api
from alembic.script import ScriptDirectory
from jinja2 import pass_context
from nbconvert.exporters import Exporter
from nbconvert.filters.markdown_mistune import IPythonRenderer, MarkdownWithMath
from nbconvert.preprocessors import Preprocessor
from nbformat import NotebookNode
from nbgrader.api import Gradebook
from nbgrader.dbutil import ALEMBIC_DIR
from nbgrader.plugins import ExportPlugin, LateSubmissionPlugin
from nbgrader.preprocessors import NbGraderPreprocessor, SaveAutoGrades
from traitlets import Bool, Dict, Integer, Unicode

from helpers.errors import CourseError

from . import dates
from .authoring.prepare import prepare
from .authoring.snapshot import Snapshot
from .authoring.source import Assignment, settings
from .authoring.source import read as read_source
from .course import Course
from .execution.execute import execute
from .execution.scrub import scrub
from .execution.task import Task
from .execution.work import about
from .execution.workplace import workplace
from .files import write_text
from .grade import results
from .recording import bonus
from .recording import gradebook as rows
from .reports.csv_table import to_csv
from .reports.feedback_page.formula import mathml
from .reports.feedback_page.page import render
from .reports.feedback_page.pieces import pieces
from .reports.findings import answers
from .reports.results import Row, bonus_of, row_of, words_in
from .submission.intake import data_beside
from .submission.rebuild import rebuild
from .submission.saved_figures import put_beside, saved
from .text import text

log = logging.getLogger("autograder.nbgrader_plugins")
BASE = "nbgrader.server_extensions.formgrader.base"
MARKUP = str.maketrans({"<": "&lt;", ">": "&gt;", '"': "&quot;"})
"""What ends the places in which the pages print names: text, attributes and strings of scripts, all in double quotes.
An apostrophe or an ampersand does not, and the pages' scripts look people up by their names as they are."""
Made = tuple[NotebookNode, Any]


def version_of_gradebooks() -> str:
    """The version of a new gradebook's tables, for which nbgrader itself starts a process of two seconds."""
    return str(ScriptDirectory(ALEMBIC_DIR).get_current_head())


nbgrader.api.get_alembic_version = version_of_gradebooks


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
        figures = saved(nb)
        done = execute(nb, task.snapshot, machine, self.timeout, self.budget)
        put_beside(nb, figures, task.snapshot)
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
            self.changed = rows.changed_answers(self.gradebook, self.assignment_id, self.student_id, self.now)
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


def bonus_hook(assignment: str = "", **_: Any) -> None:
    """nbgrader's pre-convert hook: bring the bonus up to date before feedback is written."""
    course = Course()
    try:
        parsed, _notebook = read_source(course.source(assignment))
        with Gradebook(course.db_url) as gradebook:
            bonus.update(gradebook, parsed, course)
    except Exception as error:  # feedback without a fresh bonus is better than none
        log.warning("The bonus could not be brought up to date: %s", error)


class FeedbackExporter(Exporter):
    """Writes a student's page instead of the notebook; nothing of nbconvert's HTML is in it."""

    file_extension = ".html"
    output_mimetype = "text/html"

    def from_notebook_node(self, nb: NotebookNode, resources: Any = None, **_: Any) -> tuple[Any, Any]:
        """CourseError where the assignment is none of the course's; whose it is stands in `resources`."""
        resources = self._init_resources(resources)
        about = resources["nbgrader"]
        assignment = prepare(Course(), about["assignment"]).assignment
        row = _row(about["db_url"], assignment, about["student"], nb)
        return render(row, pieces(nb, assignment), assignment), resources


def _row(db_url: str, assignment: Assignment, student: str, notebook: NotebookNode) -> Row:
    with Gradebook(db_url) as gradebook:
        submission = gradebook.find_submission(assignment.name, student)
        words = words_in(notebook, assignment)
        return row_of(student, "", submission, assignment, [], (bonus_of(submission), words.form), words)


class TableExporter(ExportPlugin):
    """`nbgrader export`: all graded assignments of the class folder in one table (default grades.csv). Of those that
    are asked for each must be there."""

    def export(self, gradebook: Gradebook) -> None:
        course, asked = Course(), [str(a) for a in self.assignment]
        found = []
        for name in asked or [a.name for a in gradebook.assignments]:
            try:
                found.append(results(name, course))
            except CourseError as error:
                if asked or (name in course.assignments() and gradebook.assignment_submissions(name)):
                    raise
                self.log.warning("%s was left out: %s", name, error)  # another course's, or not graded yet
        if not found:
            raise CourseError(f"Nothing was graded yet in {str(course.class_dir)!r}.")
        target = Path(self.to or "grades.csv")
        write_text(to_csv(*found, students=[str(s) for s in self.student]), target)
        self.log.info("Exported %s to %s", ", ".join(one.assignment.name for one in found), target)


def escaped(values: dict[str, Any]) -> dict[str, Any]:
    return {key: value.translate(MARKUP) if isinstance(value, str) else value for key, value in values.items()}


class FormulasAsMathML(IPythonRenderer):
    """nbconvert's own, but that formulas need no MathJax, and so no network."""

    def block_math(self, body: str) -> str:
        return mathml(body, block=True)

    def inline_math(self, body: str) -> str:
        return mathml(body)

    def latex_environment(self, name: str, body: str) -> str:
        return mathml(f"\\begin{{{name}}}{body}\\end{{{name}}}", block=True)


@pass_context
def markdown2html(context: Any, source: str) -> str:
    """nbconvert's filter of this name, for the formgrader."""
    attachments = context.get("cell", {}).get("attachments", {})
    made: str = MarkdownWithMath(renderer=FormulasAsMathML(escape=False, attachments=attachments)).render(source)
    return made


class EscapeNames(Preprocessor):
    """For the page of one hand-in, which nbconvert makes."""

    def preprocess(self, nb: NotebookNode, resources: Any) -> tuple[NotebookNode, Any]:
        for output in (output for cell in nb.cells for output in cell.get("outputs", ())):
            if "text/latex" in output.get("data", {}) and "text/html" not in output.data:
                output.data["text/html"] = mathml(text(output.data["text/latex"]).strip("$ \n"), block=True)
        told = ("student", "first_name", "last_name", "notebook_path", "filename", "assignment_id", "notebook_id")
        resources.update(escaped({key: resources[key] for key in told if key in resources}))
        return nb, resources


def escape_names_in_pages() -> None:
    """For all other pages, where a formgrader runs in this process: a link to one may hold any name, too."""
    handler = getattr(sys.modules.get(BASE), "BaseHandler", None)
    if handler is None or hasattr(handler.render, "stock"):
        return
    stock = handler.render

    def render(self: Any, name: str, **values: Any) -> Any:
        return stock(self, name, **escaped(values))

    render.stock = stock  # type: ignore[attr-defined]
    handler.render = render
