"""nbgrader's own `generate_feedback` writes the same safe page as our command."""

from __future__ import annotations

import pytest
from feedback_kit import autograded, display, read, render, stream, walk, words

from autograder.course import load_config
from autograder.nbgrader_plugins import FeedbackExporter
from autograder.reports.results import row_of, words_in

NAME = "network_from_scratch"


@pytest.fixture(scope="module")
def gradebook(tmp_path_factory):
    """Zoe has half of the points of each test; a human commented on one answer."""
    from nbgrader.api import Gradebook

    assignment, _ = read(NAME)
    url = f"sqlite:///{tmp_path_factory.mktemp('book') / 'gradebook.db'}"
    with Gradebook(url) as book:
        book.add_assignment(NAME)
        book.add_notebook(NAME, NAME)
        for cell in assignment.graded:
            book.add_grade_cell(cell.id, NAME, NAME, max_score=cell.points, cell_type=cell.type)
            if cell.kind == "answer":
                book.add_solution_cell(cell.id, NAME, NAME)
        book.add_student("zoe")
        book.add_submission(NAME, "zoe")
        for cell in assignment.graded:
            grade = book.find_grade(cell.id, NAME, NAME, "zoe")
            grade.auto_score = cell.points / 2 if cell.kind == "test" else None
            grade.needs_manual_grade = cell.kind == "answer"
        book.find_comment("C-seen", NAME, NAME, "zoe").manual_comment = "well <b>seen</b>"
        book.db.commit()
    return url


def test_the_configuration_names_our_exporter_and_nothing_of_nbconverts_html():
    config = load_config().GenerateFeedback
    assert config.exporter_class is FeedbackExporter
    assert config.preprocessors == []
    assert FeedbackExporter.file_extension == ".html"


@pytest.mark.promise("`nbgrader generate_feedback NAME` writes the same page.")
def test_the_exporter_writes_the_page_of_the_gradebooks_points(gradebook):
    from nbgrader.api import Gradebook

    assignment, _ = read(NAME)
    evil = "<script>alert(1)</script>"
    notebook = autograded(NAME, outputs=lambda *_: [stream(evil), display(text_html=evil)])
    about = {"student": "zoe", "assignment": NAME, "notebook": NAME, "db_url": gradebook}
    page, resources = FeedbackExporter(config=load_config()).from_notebook_node(notebook, {"nbgrader": about})
    assert resources["output_extension"] == ".html"
    assert walk(page).wrong == []
    assert "16 of 40 points" in words(page)
    assert "well <b>seen</b>" in words(page)
    with Gradebook(gradebook) as book:
        told = words_in(notebook, assignment)
        row = row_of("zoe", "", book.find_submission(NAME, "zoe"), assignment, [], (0.0, told.form), told)
        assert page == render(row, notebook, assignment)
