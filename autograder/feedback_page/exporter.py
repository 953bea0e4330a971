"""The same page for nbgrader's own `generate_feedback` and for the formgrader's button."""

from __future__ import annotations

from typing import Any

from nbconvert.exporters import Exporter
from nbformat import NotebookNode
from nbgrader.api import Gradebook

from ..bonus import read_form
from ..course import Course
from ..results import Row, collect
from ..source import FORM, FORM_CHECK, Assignment, grade_id
from ..source import read as read_source
from .page import render
from .safe import text


class FeedbackExporter(Exporter):
    """Writes a student's page instead of the notebook; nothing of nbconvert's HTML is in it."""

    file_extension = ".html"
    output_mimetype = "text/html"
    _assignments: dict[str, Assignment] = {}  # noqa: RUF012  (traitlets owns the class; read once a process)

    def from_notebook_node(self, nb: NotebookNode, resources: Any = None, **_: Any) -> tuple[Any, Any]:
        """CourseError where the assignment is none of the course's; whose it is stands in `resources`."""
        resources = self._init_resources(resources)
        about = resources["nbgrader"]
        course, name = Course(), about["assignment"]
        if name not in self._assignments:
            self._assignments[name] = read_source(course.source(name))[0]
        assignment = self._assignments[name]
        row = _row(about["db_url"], course, assignment, about["student"], nb)
        return render(row, nb, assignment), resources


def _row(db_url: str, course: Course, assignment: Assignment, student: str, notebook: NotebookNode) -> Row:
    forms = [cell for cell in notebook.cells if grade_id(cell) == FORM and cell.cell_type == "code"]
    with Gradebook(db_url) as gradebook:
        submission = gradebook.find_submission(assignment.name, student)
        grades = [grade for n in submission.notebooks for grade in n.grades]
        bonus = sum(float(grade.extra_credit or 0.0) for grade in grades if grade.name == FORM_CHECK)
        declared = read_form(text(forms[-1].source) if forms else "", assignment.parts)
        return collect(gradebook, course, assignment, {student: ""}, {}, {student: (bonus, declared)})[0]
