"""What a student's function keeps from call to call explains a wrong result where, without it, the result is right."""

import numpy as np
import pytest

from helpers.check import CheckFailed
from helpers.check.core.ask import ask, demand_lasting, number
from helpers.check.core.probe import calls, keeps
from helpers.check.core.report import Mistake, check


@check("Sums", "A1")
def sums(total, *, factor=1):
    """total(values) is their sum."""
    cases = [([1.0, 2.0],), ([5.0],)]
    seen = ask(calls, "total", total, cases)
    for i, (values,) in enumerate(cases):
        if number(seen[i], "the result of total") != factor * sum(values):
            raise Mistake("wrong-sum", "The sum is wrong.")
        yield "a sum"


@pytest.fixture
def named(monkeypatch):
    reports = []
    monkeypatch.setattr("helpers.check.core.report._show", reports.append)

    def name(function, **settings):
        try:
            sums(function, **settings)
        except CheckFailed:
            return reports[-1].mistake, reports[-1].message
        return "", ""

    return name


kept: list[float] = []


def from_a_list_outside(values):
    kept.extend(values)
    return sum(kept)


def from_a_default(values, seen=[]):  # noqa: B006
    seen += values
    return sum(seen)


def from_a_default_that_is_not_empty(values, total=[0.0]):  # noqa: B006
    for value in values:
        total[0] += value
    return total[0]


def from_a_function_around():
    table: dict[str, float] = {}

    def total(values):
        table["sum"] = table.get("sum", 0) + sum(values)
        return table["sum"]

    return total


@pytest.mark.parametrize(
    ("function", "box"), [
        (from_a_list_outside, "kept"), (from_a_default, "seen"), (from_a_function_around(), "table"),
        (from_a_default_that_is_not_empty, "total"),
    ],
)  # fmt: skip
def test_what_earlier_calls_left_is_named_also_when_the_check_runs_again(named, function, box):
    for _ in range(2):
        name, message = named(function)
        assert name == "kept-between-calls"
        assert f"`{box}`" in message
        assert "total" in message
    held = list(keeps(function)[box])
    named(function, factor=3)
    assert len(keeps(function)[box]) >= len(held)  # what the check emptied is as it was


def test_a_result_that_is_wrong_by_itself_keeps_its_name(named):
    assert named(from_a_default, factor=3)[0] == "wrong-sum"


def test_a_memory_that_is_right_is_no_mistake(named):
    known = {}

    def total(values):
        if tuple(values) not in known:
            known[tuple(values)] = sum(values)
        return known[tuple(values)]

    assert named(total) == ("", "")
    assert named(lambda values: 2 * sum(values))[0] == "wrong-sum"


scratch = np.zeros(1)


@pytest.mark.parametrize(("function", "right"), [
    (lambda values: np.add(values[0], 0, out=scratch), False),
    (lambda values: np.array(values[:1]), True),
])  # fmt: skip
def test_a_later_call_must_not_change_what_the_first_returned(function, right):
    seen = ask(calls, "total", function, [([1.0],), ([5.0],)])
    if right:
        demand_lasting(seen, "total")
    else:
        with pytest.raises(Mistake, match="changed by a later call"):
            demand_lasting(seen, "total")
