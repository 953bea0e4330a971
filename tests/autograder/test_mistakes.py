"""The mistake bank: all wrong solutions caught, nearly all rightly named, no right one rejected.

Here on one in three of them, which keeps the tests under ten minutes; `make mistakes` runs them all.
"""

from __future__ import annotations

import functools
import json
from collections import Counter
from dataclasses import replace

import pytest

from autograder.authoring.source import read
from autograder.course import REPOSITORY, Course
from autograder.mistakes import Bank, Solution, bank, load
from autograder.mistakes.table import Totals, page
from helpers.errors import CourseError

NAMES = sorted(path.parent.name for path in (REPOSITORY / "autograder/mistakes").glob("*/wrong.py"))


@functools.cache
def verdicts(name):
    """(wrong, right) of a part of a bank, run once; networks that learn take longer than all other rows together."""
    return bank.run(name, every=18 if name == "cnn_learning" else 6)


every_bank = pytest.mark.parametrize("name", NAMES)


def test_every_assignment_has_a_bank():
    assert Course().assignments() == NAMES


@every_bank
def test_every_change_fits_the_cell_that_it_changes(name):
    assignment, made = read(Course().source(name))[0], load(name)
    cells = {cell.id: cell for cell in assignment.cells}
    faults = []
    for solution in made.solutions:
        for cell in solution.cells:
            try:
                bank.cell_text(cells[cell], made, solution, full=True)
            except CourseError as error:
                faults.append(str(error))
    assert faults == []


@pytest.mark.promise(
    "The checks of this course try many shapes and seeds, compare with an oracle and have met thousands of wrong "
    "solutions ([mistakes.md](mistakes.md));"
)
def test_the_banks_are_large_enough():
    banks = [load(name) for name in NAMES]
    assert sum(len(b.wrong) for b in banks) >= 2_000
    assert sum(len(b.right) for b in banks) >= 40
    assert all(len(b.wrong) >= 30 and len(b.right) >= 12 for b in banks)


@pytest.mark.promise(
    "The checks of this course try many shapes and seeds, compare with an oracle and have met thousands of wrong "
    "solutions ([mistakes.md](mistakes.md));"
)
@every_bank
def test_every_wrong_solution_is_caught_and_nearly_all_before_handing_in(name):
    wrong, right = verdicts(name)
    totals = Totals.of(wrong, right)
    assert [v.solution for v in wrong if not v.by] == []
    assert totals.visible >= 0.8 * totals.wrong
    assert totals.named >= 0.95 * totals.wrong, [v for v in wrong if not v.good]


@every_bank
def test_no_right_solution_is_rejected(name):
    assert [v for v in verdicts(name)[1] if v.by] == []


@every_bank
def test_hints_are_sentences(name):
    for v in verdicts(name)[0]:
        assert v.message.endswith((".", "?", ")")), v
        assert "Traceback" not in v.message


def test_the_page_is_the_result_of_a_run():
    results = {name: verdicts(name) for name in NAMES}
    new, kept = _rows(page(results)), _rows((REPOSITORY / "docs/mistakes.md").read_text())
    named = Counter(s.name for name in NAMES for s in load(name).solutions)
    shown = Counter(row.split(" | ")[0].removeprefix("| ") for row in kept)
    assert shown == named, "run `make mistakes`"
    # Rows that draw at random may be diagnosed in two ways, so a few may differ.
    assert len(set(new) - set(kept)) <= 0.01 * len(new), "run `make mistakes`"


def _rows(text):
    """The lines of the tables, without heads and rules."""
    heads = ("| wrong solution |", "| right, but different |")
    return [line for line in text.splitlines() if line[:2] == "| " and not line.startswith(heads)]


NAME = "network_from_scratch"


@pytest.fixture(scope="module")
def judge():
    assignment, _ = read(Course().source(NAME))
    whole = load(NAME)
    return lambda solution, bank_=whole: bank.judge(assignment, bank_, solution)


@every_bank
def test_the_model_solution_passes(name):
    assert bank.judge(read(Course().source(name))[0], load(name), Solution("model", {})).by == ""


def test_a_mistake_that_only_hidden_numbers_show_is_told_as_hidden(judge):
    special = "return x @ self.weight + self.bias * (self.weight.shape != (4, 13))"
    verdict = judge(Solution("x", {"A-linear": (("return x @ self.weight + self.bias", special),)}, ("bias-missing",)))
    assert (verdict.by, verdict.test, verdict.good) == ("hidden", "A-linear-forward", True)


def test_a_wrong_hint_is_no_good(judge):
    change = {"A-linear": (("return x @ self.weight + self.bias", "return x @ self.weight"),)}
    assert not judge(Solution("x", change, ("grads-accumulated",))).good


@pytest.mark.parametrize(
    ("change", "words"),
    [({"A-linear": (("no such text", ""),)}, "does not occur"), ({"Z-nothing": ""}, "has no cell")],
)
def test_a_row_that_does_not_fit_is_a_sentence(judge, change, words):
    with pytest.raises(CourseError, match=words):
        judge(Solution("x", change, ("a",)))


def test_an_unknown_bank_is_a_sentence():
    with pytest.raises(CourseError, match="no mistake bank for 'nothing'"):
        load("nothing")


def test_the_command_prints_json_and_fails_where_the_bank_does(monkeypatch, capsys):
    from typer.testing import CliRunner

    from autograder.cli import app

    good = bank.Verdict("a", ("m",), "visible", "A-x", "m", "A sentence.")
    for verdict, code in ((good, 0), (replace(good, mistake="other"), 1)):
        monkeypatch.setattr(bank, "run", lambda *a, found=verdict, **k: ([found], []))
        result = CliRunner().invoke(app, ["mistakes", NAME, "--json"])
        assert result.exit_code == code
        assert json.loads(result.stdout)["named"] == 1 - code


def test_banks_are_plain_data():
    for name in NAMES:
        loaded = load(name)
        assert isinstance(loaded, Bank)
        names = [s.name for s in (*loaded.wrong, *loaded.right)]
        assert len(set(names)) == len(names)
        assert all(s.named for s in loaded.wrong)
