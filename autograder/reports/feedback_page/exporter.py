"""The same page for nbgrader's own `generate_feedback` and for the formgrader's button."""

from __future__ import annotations

from typing import Any

from nbconvert.exporters import Exporter
from nbformat import NotebookNode
from nbgrader.api import Gradebook

from ...recording import bonus
from ...course import Course
from ..results import Row, row_of, words_in
from ...authoring.source import Assignment
from ...authoring.source import read as read_source
from .page import render


class FeedbackExporter(Exporter):
    """Writes a student's page instead of the notebook; nothing of nbconvert's HTML is in it."""

    file_extension = ".html"
    output_mimetype = "text/html"
    _assignments: dict[str, Assignment] = {}  # noqa: RUF012  (traitlets owns the class; read once per process)

    def from_notebook_node(self, nb: NotebookNode, resources: Any = None, **_: Any) -> tuple[Any, Any]:
        """CourseError where the assignment is none of the course's; whose it is stands in `resources`."""
        resources = self._init_resources(resources)
        about = resources["nbgrader"]
        name = about["assignment"]
        if name not in self._assignments:
            self._assignments[name] = read_source(Course().source(name))[0]
        assignment = self._assignments[name]
        row = _row(about["db_url"], assignment, about["student"], nb)
        return render(row, nb, assignment), resources


def _row(db_url: str, assignment: Assignment, student: str, notebook: NotebookNode) -> Row:
    with Gradebook(db_url) as gradebook:
        submission = gradebook.find_submission(assignment.name, student)
        words = words_in(notebook, assignment)
        return row_of(student, "", submission, assignment, [], (bonus.of(submission), words.form), words)
