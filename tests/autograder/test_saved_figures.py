"""The figure that a student saved stands beside the one that grading draws."""

from __future__ import annotations

import base64
import copy

import nbformat
import pytest
from feedback_kit import autograded, display, read, render, row, words
from formgrader_kit import NAME, page, snapshot
from nbformat import NotebookNode

from autograder.execution.scrub import scrub
from autograder.submission import saved_figures
from autograder.submission.reading import ways
from autograder.submission.rebuild import rebuild
from autograder.submission.saved_figures import SAVED, SMALL_RUN, put_beside, saved

PNG = base64.b64encode(b"\x89PNG\r\n\x1a\nsaved").decode()
OTHER = base64.b64encode(b"\x89PNG\r\n\x1a\ndrawn").decode()
ALT = "What the student saw: a curve that falls."


def picture(data: str = PNG, alt: str = ALT) -> NotebookNode:
    return NotebookNode(
        output_type="display_data", data=NotebookNode({"image/png": data}),
        metadata=NotebookNode({"image/png": NotebookNode(alt=alt, width=300, height=200)}),
    )  # fmt: skip


@pytest.fixture
def hand_in() -> NotebookNode:
    """As a student saved it: a figure in the cell before C-seen and in a test, text and HTML besides."""
    notebook = copy.deepcopy(autograded(NAME))
    figure, check = cells(notebook)
    figure.outputs = [picture(), display(text_html="<script>1</script>"), nbformat.v4.new_output("stream", text="x")]
    check.outputs = [picture()]
    return notebook


def cells(notebook: NotebookNode) -> tuple[NotebookNode, NotebookNode]:
    """The cell that draws the learning rates, and a test."""
    figure = next(c for c in notebook.cells if "plots.learning_rates(histories)" in c.source)
    return figure, next(c for c in notebook.cells if c.metadata.get("nbgrader", {}).get("grade_id") == "C-study-check")


def taken_in(notebook: NotebookNode) -> NotebookNode:
    (read_, _), *_ = ways(nbformat.writes(notebook).encode(), "x.ipynb")
    return rebuild(read_, snapshot())[0]


def ran(notebook: NotebookNode, *drawn: NotebookNode) -> NotebookNode:
    """Graded, where this is what the cell drew."""
    own = saved(notebook)
    for cell in notebook.cells:
        if cell.cell_type == "code":
            cell.outputs = []
    cells(notebook)[0].outputs = [copy.deepcopy(one) for one in drawn]
    put_beside(notebook, own, snapshot())
    scrub(notebook, snapshot())
    return notebook


def said(notebook: NotebookNode) -> list[str]:
    outputs = cells(notebook)[0].outputs
    return [o.data.get("image/png") or o.data["text/plain"] for o in outputs]


def test_only_the_figures_of_cells_that_are_no_tests_are_kept(hand_in):
    taken = taken_in(hand_in)
    assert [len(c.outputs) for c in cells(taken)] == [1, 0]
    assert sum(len(c.outputs) for c in taken.cells if c.cell_type == "code") == 1
    nbformat.validate(taken)


@pytest.mark.promise("A figure says that it is drawn from grading's small run, and the student's own, as it was saved,")
def test_both_figures_stand_there_with_their_words(hand_in):
    graded = ran(taken_in(hand_in), picture(OTHER, "Drawn again."))
    assert said(graded) == [SMALL_RUN, OTHER, SAVED, PNG]
    made = page(graded)
    assert [made.index(one) for one in ("grading&#39;s small run", OTHER, "as it was saved"[3:], PNG) if one in made]
    assert f'alt="{ALT}"' in made
    assert 'alt="Drawn again."' in made
    assignment, _ = read(NAME)
    feedback = render(row(assignment), graded, assignment)
    assert f"{SMALL_RUN} {SAVED}" in words(feedback)
    assert f'alt="{ALT}"' in feedback


def test_a_figure_that_grading_draws_again_stands_there_once(hand_in):
    assert said(ran(taken_in(hand_in), picture())) == [PNG]


def test_where_grading_draws_nothing_the_saved_one_is_there(hand_in):
    assert said(ran(taken_in(hand_in))) == [SAVED, PNG]
    cells(hand_in)[0].outputs = []
    assert said(ran(taken_in(hand_in), picture(OTHER))) == [SMALL_RUN, OTHER]


@pytest.mark.parametrize("data", ["<script>", "R0lGODlh", 7, None, [PNG[:12], 3], {"a": 1}])
def test_what_is_no_picture_is_left_out(hand_in, data):
    output = {"output_type": "display_data", "data": {"image/png": data}, "metadata": {"image/png": [data]}}
    found = [{"cell_type": "code", "outputs": [output, data, {"data": data}]}, {"outputs": data}]
    saved_figures.keep_figures(found)
    assert [len(cell["outputs"]) for cell in found] == [int(isinstance(data, list)), 0]


@pytest.mark.promise("stands below it (up to 0.4 MB each, 3 MB in all).")
def test_there_is_an_end_to_it(monkeypatch):
    assert (saved_figures.LARGEST, saved_figures.IN_ALL) == (400_000, 3_000_000)
    monkeypatch.setattr(saved_figures, "LARGEST", len(PNG))
    monkeypatch.setattr(saved_figures, "IN_ALL", 2 * len(PNG))
    found = [{"outputs": [picture(PNG + "AAAA"), picture(), picture()]}, {"outputs": [picture()]}]
    saved_figures.keep_figures(found)
    assert [len(cell["outputs"]) for cell in found] == [2, 0]
