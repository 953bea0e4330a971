"""Which cells a second try runs: what the student's own cells and the tests need of the others, and no more."""

from __future__ import annotations

import pytest

from autograder.execution.needed_cells import needed

SETUP = "%matplotlib inline\nimport numpy as np\nfrom helpers import plots\nsize = 3"
OWN = "def double(x):\n    return factor * x"
TEST = "assert double(size) == 6"


@pytest.mark.parametrize(
    ("cell", "runs"),
    [
        ("plots.show(plots.digits(double(size)))", False),
        ("for size_of in range(size):\n    print(double(size_of))", False),
        ("factor = 2", True),
        ("factor = []\nfactor.append(2)", True),
        ("import factor", True),
        ("def factor_of():\n    global factor\n    factor = 2", True),
        ("# nothing", False),
    ],
)
def test_a_cell_runs_where_a_name_that_it_makes_is_needed(cell, runs):
    assert needed([SETUP, cell, OWN, TEST], [2, 3]) == ({0, 1, 2, 3} if runs else {0, 2, 3})


def test_what_a_function_finds_when_it_is_called_may_be_made_below_it():
    assert needed([OWN, "factor = 2", "size = 3", TEST], [0, 3]) == {0, 1, 2, 3}


def test_what_a_cell_reads_as_it_runs_is_made_above_it():
    assert needed([OWN, "factor = 2", TEST, "size = 3"], [0, 2]) == {0, 1, 2}


def test_a_change_counts_and_so_does_what_that_needs():
    made = ["table = {}", "row = 1", "table['a'] = row", "other = 2", "assert table"]
    assert needed(made, [4]) == {0, 1, 2, 4}
    made[2] = "table.update(a=row)"
    assert needed(made, [4]) == {0, 1, 2, 4}


def test_what_functions_change_may_be_changed_by_whoever_mentions_one():
    cells = ["table = []", "def note(x):\n    table.append(x)", "for x in range(3):\n    note(x)", "print(3)", "table"]
    assert needed(cells, [4]) == {0, 1, 2, 4}


@pytest.mark.parametrize(
    "own", ["exec('a = b')", "def f():\n    return globals()['b']", "%run own.py", "from own import *"]
)
def test_all_run_where_code_of_a_students_cannot_be_judged(own):
    assert needed(["b = 1", own, "print(3)", "a"], [1, 3]) == {0, 1, 2, 3}


def test_all_run_where_a_cell_cannot_be_read():
    assert needed(["b = 1", "a = (", "print(3)", "a"], [1, 3]) == {0, 1, 2, 3}
