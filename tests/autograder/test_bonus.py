"""The bonus: half of what was earned in each declared part, read without running anything."""

import pytest

from autograder import nbgrader_plugins
from autograder.authoring.source import FORM_CHECK, read
from autograder.grade import results
from autograder.recording import bonus
from autograder.submission.form import read_form


@pytest.mark.promise(
    "In the form cell a group names the parts that it would present. Each declared part adds half of the points that "
    "the group *earns* in it;"
)
def test_half_of_the_declared_parts(rows):
    assert rows["model"].bonus == 3.5
    assert rows["wrong"].bonus == 1.0  # A alone: half() was right
    assert rows["warned"].bonus == 0
    assert rows["crash"].bonus == 0


def test_a_form_that_cannot_be_read_costs_only_the_bonus(rows):
    assert rows["badform"].form.fault == "The form declares 'Z', which is not a part (A, B)."
    assert rows["codeform"].form.fault == "The form holds something other than plain lists and texts."
    assert (rows["codeform"].bonus, rows["codeform"].auto) == (0, 7)


@pytest.mark.parametrize(
    ("text", "parts", "fault"),
    [
        ("group=[]\nready_to_present=['a', 'B', 'A']", ("A", "B"), ""),
        ("group=[]\nready_to_present=('A',)", ("A",), ""),
        ("group=[]", (), "does not give ready_to_present"),
        ("group=[]\nready_to_present='AB'", (), "does not give ready_to_present as a list"),
        ("group=[1]\nready_to_present=[]", (), "one {…} for each member"),
        ("group=[\nready_to_present=[]", (), "can't be read"),
        ("import os\nos.abort()\ngroup=[]\nready_to_present=[os.abort()]", (), "other than plain lists"),
        ("group=[]\nready_to_present=[['A'], 3, 'B']", ("B",), "not a part"),
        ("group=[]\nready_to_present=" + "(" * 500 + ")" * 500, (), ""),
        ("group=[]\nready_to_present=[{}: 1]", (), "can't be read"),
        ("\0", (), ""),
    ],
)
def test_forms(text, parts, fault):
    found = read_form(text, "AB")
    assert found.parts == parts
    assert fault in found.fault


@pytest.mark.promise(
    "The bonus is kept in nbgrader's gradebook as extra credit of the form's check, so every export has it."
)
def test_other_extra_credit_is_the_instructors(mini, graded, copy_of):
    from nbgrader.api import Gradebook

    course = copy_of(mini)
    with Gradebook(course.db_url) as gradebook:
        gradebook.find_grade("A-half-one", "mini", "mini", "model").extra_credit = 0.25
        gradebook.find_grade(FORM_CHECK, "mini", "mini", "model").extra_credit = 99
        gradebook.db.commit()
    row = {r.student: r for r in results("mini", course).rows}["model"]
    assert (row.extra, row.bonus, row.total) == (0.25, 3.5, 10.75)
    with Gradebook(course.db_url) as gradebook:
        assert gradebook.find_submission("mini", "model").score == 10.75
        assert gradebook.find_grade(FORM_CHECK, "mini", "mini", "model").extra_credit == 3.5


def test_hook_never_raises():
    nbgrader_plugins.bonus_hook(assignment="there is none")


@pytest.mark.promise("a part that was not handed in adds nothing.")
def test_a_declared_part_that_was_not_handed_in_adds_nothing(mini):
    assignment, _ = read(mini.source("mini"))
    form = read_form("group=[]\nready_to_present=['A', 'B']", "AB")
    assert bonus.compute(assignment, form, {"A-half-one": 2.0}) == 1.0
    assert bonus.compute(assignment, form, {}) == 0.0
