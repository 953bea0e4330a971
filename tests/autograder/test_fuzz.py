"""Thousands of ways to spoil a notebook: none stops the batch, and everybody gets points or a reason.

FUZZ=5000 tries that many (`make fuzz`); the usual run of the tests takes fewer.
"""

from __future__ import annotations

import os
import shutil
import sqlite3
from random import Random

import nbformat
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from mutations import moved, mutated

from autograder.authoring.prepare import prepare
from autograder.authoring.source import cells_by_id
from autograder.grade import grade
from autograder.submission.reading import Ungradable, parse
from autograder.submission.rebuild import rebuild

EXAMPLES = int(os.environ.get("FUZZ", "45"))
CLASS = EXAMPLES // 5
QUIET = {"deadline": None, "suppress_health_check": list(HealthCheck), "database": None}
pytestmark = pytest.mark.filterwarnings("ignore:Non-unique cell id", "ignore:Cell is missing an id")


@pytest.fixture(scope="module")
def handed_in(mini):
    """The model student's notebook, as plain data."""
    path = mini.submitted / "model" / "mini" / "mini.ipynb"
    return nbformat.read(path, as_version=4)


@pytest.fixture(scope="module")
def snapshot(mini):
    return prepare(mini, "mini").snapshot


@settings(max_examples=4 * EXAMPLES, **QUIET)
@given(rng=st.randoms(use_true_random=False))
def test_a_rebuilt_notebook_has_every_graded_cell_once_with_the_sources_tests(rng, handed_in, snapshot):
    try:
        read, _ = parse(mutated(rng, handed_in), "a.ipynb")
        notebook, _ = rebuild(read, snapshot, "a.ipynb")
    except Ungradable:
        return
    nbformat.validate(notebook)
    nbformat.writes(notebook).encode("utf-8")
    ids = [c.metadata.get("nbgrader", {}).get("grade_id") for c in notebook.cells]
    for name, cell in snapshot.graded.items():
        assert ids.count(name) == 1
        if cell.judged:
            assert cells_by_id(notebook)[name].source == cell.source
    assert all("tags" not in c.metadata for c in notebook.cells)


@settings(max_examples=2 * EXAMPLES, **QUIET)
@given(rng=st.randoms(use_true_random=False))
def test_work_that_was_only_moved_about_is_all_there(rng, handed_in, snapshot):
    read, _ = parse(moved(rng, handed_in), "a.ipynb")
    notebook, _ = rebuild(read, snapshot, "a.ipynb")
    sources = [c.source for c in notebook.cells if c.cell_type == "code"]
    for name, cell in cells_by_id(handed_in).items():
        if snapshot.known[name].kind == "exercise":
            assert cell.source in sources
            # What comes after it must not take it back.
            stub = snapshot.known[name].source
            assert stub not in sources[sources.index(cell.source) :]


def test_a_class_of_spoiled_notebooks_is_graded_to_the_end(mini, handed_in, copy_of):
    course = copy_of(mini)
    for student in course.submitted.iterdir():
        if student.is_dir() and student.name != "model":
            shutil.rmtree(student)
    for number in range(CLASS):
        folder = course.submitted / f"spoiled {number:04d}" / "mini"
        folder.mkdir(parents=True)
        (folder / "mini.ipynb").write_bytes(mutated(Random(number), handed_in))
    found = grade("mini", course, timeout=1, budget=20)
    spoiled = [row for row in found.rows if row.student.startswith("spoiled")]
    assert len(spoiled) == CLASS
    assert all(row.total == 0 for row in spoiled if row.reason)
    graded = [row for row in spoiled if not row.reason]
    assert len(graded) > CLASS / 2
    assert all(row.scores.keys() >= {c.id for c in found.assignment.graded} for row in graded)
    with sqlite3.connect(course.class_dir / "gradebook.db") as db:
        empty = db.execute("select count(*) from grade where auto_score is null and needs_manual_grade = 0")
        assert empty.fetchone() == (0,)
    assert {r.student: r.auto for r in found.rows}["model"] == 7
