"""Whole classes of students whose every name, text, file and size is hostile, beside three honest ones.

FUZZ=3000 grades sixty such classes (`make fuzz`); the usual run of the tests three.
"""

from __future__ import annotations

import csv
import io
import json
import math
import os
import shutil
import tempfile
from pathlib import Path
from random import Random
from types import SimpleNamespace

import nbformat
import pytest
from hostile import Hostile, hand_ins, lay_out
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st
from naive import Here, run_cells
from test_nothing_stops import POINTS, Nobody, filled  # noqa: F401

from autograder.course import Course
from autograder.execution.execute import Done, Machine
from autograder.execution.task import Task
from autograder.execution.work import work
from autograder.grade import Graded, grade
from autograder.grade import results as read_again
from autograder.parallel.executor import Answer
from autograder.reports import class_report
from autograder.scratch import remove

EXAMPLES = max(3, int(os.environ.get("FUZZ", "150")) // 50)
pytestmark = pytest.mark.filterwarnings(
    "ignore:Non-unique cell id", "ignore:Cell is missing an id", "ignore::SyntaxWarning", "ignore::DeprecationWarning"
)


class Pretend(Here):
    """Does all that a worker does, but that hostile cells are not run: what they put out was drawn at random."""

    def run(self, orders):
        for order in orders:
            self.asked.append(order.key)
            yield Answer(order.key, work(Task.unpack(order.body)).pack())


@pytest.fixture(scope="module")
def pretended(filled):  # noqa: F811
    """What the students' processes say is looked up in `said`, by what their notebooks' files hold."""
    said: dict[bytes, Hostile] = {}

    def execute(notebook, snapshot, machine, timeout, budget):
        one = said.get(machine.start_k)
        if one is None:
            run_cells(notebook)
            return Done()
        rng = Random(one.seed)
        for number, cell in enumerate(notebook.cells):
            if cell.cell_type == "code":
                cell.outputs = nbformat.from_dict(rng.choice(one.outputs))
                cell.execution_count = number
        return Done("; ".join(one.said))

    def machine_of(task, mode):
        return Machine(task.notebook, None)

    place = SimpleNamespace(mode=lambda task: SimpleNamespace(name="none", words=""), machine=machine_of)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("autograder.batch.code_digest", lambda: "the code")
        patch.setattr("autograder.execution.execute.execute", execute)
        patch.setattr("autograder.execution.workplace.workplace", place)
        patch.setattr(class_report, "figures", lambda found: [])
        yield filled, said


def written(course: Course, found: Graded) -> list[tuple]:
    """Each student's row, once all that is written for a class was seen to be whole."""
    target = class_report.write(found, course)
    assert target.read_bytes().decode("utf-8").endswith("</html>")
    table = list(csv.reader(io.StringIO(target.with_suffix(".csv").read_bytes().decode("utf-8"), newline="")))
    assert len(table) == 1 + len(found.rows)
    assert target.stat().st_size < 1_000_000
    json.loads((course.reports / ".mini.json").read_bytes().decode("utf-8"))
    for path in course.feedback.rglob("*.html"):
        assert path.stat().st_size < 10_000_000
        path.read_bytes().decode("utf-8")
    return [(r.student, r.reason, r.total, r.auto, r.words, tuple(r.notes)) for r in found.rows]


def look(course: Course, found: Graded, folders: int) -> None:
    rows = {row.student: row for row in found.rows}
    assert len(rows) == len(found.rows) == folders
    for student, points in POINTS.items():
        assert rows[student].auto == points
        assert rows[student].wrong == [] or student != "ann"
    for row in found.rows:
        assert math.isfinite(row.total)
        assert (row.total == 0 and row.scores == {}) if row.reason else row.scores
        assert "the grader met" not in row.reason, row.reason


@settings(max_examples=EXAMPLES, deadline=None, suppress_health_check=list(HealthCheck), database=None,
          phases=[Phase.generate], print_blob=True)  # fmt: skip
@given(students=st.lists(hand_ins, min_size=3, max_size=8))
def test_a_class_of_hostile_students_is_graded_to_the_end(pretended, students):
    filled, said = pretended  # noqa: F811
    folder = Path(tempfile.mkdtemp(prefix="hostile-"))
    try:
        shutil.copytree(filled / "class", folder / "class")
        course = Course(root=filled / "course", class_dir=folder / "class")
        honest = json.loads((course.submitted / "ann" / "mini" / "mini.ipynb").read_text())
        said.clear()
        for one in students:
            name = lay_out(one, course.submitted, honest)
            target = course.submitted / name / "mini" / "mini.ipynb"
            if name and target.is_file() and not target.is_symlink() and target.stat().st_size < 10**9:
                said[target.read_bytes()] = one
        folders = sum(name[:1] != "." for name in os.listdir(course.submitted))
        first = grade("mini", course, executor=Pretend())
        look(course, first, folders)
        before = written(course, first)
        assert written(course, grade("mini", course, executor=Nobody())) == before
        assert written(course, read_again("mini", course)) == before
        again = grade("mini", course, executor=Pretend(), force=True)
        assert written(course, again) == before
    finally:
        remove(folder)
