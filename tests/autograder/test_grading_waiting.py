"""Hidden parts of tests run last: nothing that a student prints comes after them, and a later cell undoes nothing."""

from __future__ import annotations

import json

import pytest

from autograder.grade import grade
from autograder.grading.waiting import changes, taken_back
from autograder.sample import fill
from autograder.sample_class import Student

KEEP = "seen = []\n\ndef double(x):\n    seen.append(x)\n    return 2 * x"
TELL = "print('kept', seen)\nraise ValueError(f'kept {seen}')"
INTO_A_FILE = "def double(x):\n    with open('seen', 'a') as f:\n        print('kept', x, file=f)\n    return 2 * x"
END = "import os\n\ndef double(x):\n    if x < 0:\n        os._exit(3)\n    return 2 * x"
HALF = f"def half(x):\n    return x / 2\n{TELL}"
NOTHING = "def double(x):\n    return 0"
CLASS = (
    Student("model", "everything right"),
    Student("keeps", "remembers what it was asked and tells it later",
            replace={"A-double": KEEP, "A-half": HALF}, cells_added=(("B-hello", TELL),)),
    Student("file", "writes what it was asked into a file",
            replace={"A-double": INTO_A_FILE}, cells_added=(("B-hello", "print(open('seen').read())"),)),
    Student("takes back", "redefines double below its tests, to be told early",
            replace={"A-double": KEEP}, cells_added=(("A-half", "def double(x):\n    return seen"), ("B-hello", TELL))),
    Student("later", "redefines double wrongly in a later cell", cells_added=(("A-half", NOTHING),)),
    Student("dies", "Python ends when the hidden number comes", replace={"A-double": END}),
)  # fmt: skip


@pytest.fixture(scope="module")
def told(mini, tmp_path_factory):
    from autograder.course import Course

    course = Course(root=mini.root, class_dir=tmp_path_factory.mktemp("waiting"))
    fill("mini", course, CLASS)
    found = grade("mini", course, timeout=5, budget=60)
    return course, {row.student: row for row in found.rows}


def cells(course, student):
    path = course.autograded / student / "mini" / "mini.ipynb"
    return json.loads(path.read_text("utf-8"))["cells"]


@pytest.mark.parametrize("student", ["keeps", "file", "takes back"])
def test_hidden_numbers_reach_no_page(told, student):
    course, rows = told
    page = (course.feedback / student / "mini" / "mini.html").read_text("utf-8")
    assert "317" not in page
    assert rows[student].scores["A-double-two"] == 2
    assert rows[student].scores["A-double-hidden"] == 1


@pytest.mark.parametrize("student", ["keeps", "file"])
def test_what_is_printed_is_printed_before_anything_hidden_was_asked(told, student):
    course, _ = told
    printed = json.dumps([c.get("outputs") for c in cells(course, student)])
    assert "kept" in printed
    assert "317" not in printed


def test_a_later_definition_undoes_no_points(told):
    _, rows = told
    assert rows["later"].scores == rows["model"].scores


def test_what_runs_after_an_early_hidden_part_is_marked(told):
    course, _ = told
    marked = [c["metadata"].get("course", {}).get("told", False) for c in cells(course, "takes back")]
    first = marked.index(True)
    assert "return seen" in "".join(cells(course, "takes back")[first]["source"])
    code = [
        m for m, c in zip(marked[first:], cells(course, "takes back")[first:], strict=True) if c["cell_type"] == "code"
    ]
    assert all(code)


def test_a_death_in_a_hidden_part_costs_that_test_alone(told):
    _, rows = told
    lost = {name for name, points in rows["model"].scores.items() if points != rows["dies"].scores[name]}
    assert lost == {"A-double-hidden"}
    assert "Python itself ended in cell 'A-double-hidden'" in rows["dies"].words


@pytest.mark.parametrize(
    ("source", "found"),
    [
        ("x = 1", {"x"}),
        ("import numpy as np", set()),
        ("for i in range(3):\n    print(i)", {"i"}),
        ("Linear.forward = None", {"Linear"}),
        ("table['a'][0] = 3", {"table"}),
        ("del x", {"x"}),
        ("x += 1", {"x"}),
        ("def f():\n    y = 1", {"f"}),
        ("def f():\n    g.h = 1", {"f", "g"}),
        ("%matplotlib inline\nx = 1", {"x"}),
        ("print(x)", set()),
    ],
)
def test_what_a_cell_changes(source, found):
    assert changes(source) == found


def test_only_what_a_waiting_test_needs_is_taken_back():
    earlier = ["def helper(): ...", "def f(): return helper()", "other = 1"]
    assert taken_back("helper = None", earlier, ["check(f)"]) == {"helper"}
    assert taken_back("other = 2", earlier, ["check(f)"]) == frozenset()
    assert taken_back("fresh = 2", earlier, ["check(fresh)"]) == frozenset()
    assert taken_back("helper = None", earlier, []) == frozenset()
