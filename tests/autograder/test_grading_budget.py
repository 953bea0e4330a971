"""A budget bounds the whole of a hand-in, whatever its cells do; finished work has time for its hidden parts."""

from __future__ import annotations

import types
from typing import Any

import pytest
from nbformat.v4 import new_code_cell, new_notebook

from autograder.execution import execute as engine
from autograder.execution.execute import Machine, execute
from autograder.kernel.meter import PATIENCE
from autograder.kernel.output_collector import Room

GRACE = 5.0
HIDDEN = "visible\n### BEGIN HIDDEN TESTS\nhidden\n### END HIDDEN TESTS"


class Clock:
    """Seconds that pass only where a cell takes some; a `busy` machine takes so many times as many."""

    def __init__(self, busy: float = 1) -> None:
        self.now, self.busy = 0.0, busy

    def monotonic(self) -> float:
        return self.now


class Student:
    """A cell takes as many seconds as stand in it; `deaf` ones are killed after a grace, `dead` ones die at once."""

    def __init__(self, clock: Clock) -> None:
        self.clock, self.alive, self.why = clock, True, ""
        self.room: Room | None = None
        clock.now += 1

    def run(self, source: str, seconds: float, **more: Any) -> Any:
        wanted = float(source.split()[-1]) if source[-1].isdigit() else 0.0
        most, before = seconds * min(1, PATIENCE / self.clock.busy), self.clock.now
        used = min(wanted, most)
        self.clock.now += used * self.clock.busy
        if "dead" in source:
            self.alive = False
        elif wanted > most and "deaf" in source:
            self.clock.now += GRACE
            self.alive = False
        status = "timeout" if wanted > most else "ok" if self.alive else "died"
        passed = self.clock.now - before
        return types.SimpleNamespace(
            outputs=[], beside=[], status=status, answer={}, changed=[], used=used, seconds=passed
        )

    def kill(self, why: str = "") -> None:
        self.alive = False


class Judge(Student):
    hidden = 0.0

    def attach(self, line: Any) -> None: ...

    def run(self, source: str, seconds: float, which: bool = False, **more: Any) -> Any:
        return super().run(f"hidden {self.hidden}" if which else "visible 0", seconds)


def graded(
    monkeypatch: pytest.MonkeyPatch, sources: list[str], budget: float, hidden: float = 0.0, busy: float = 1
) -> tuple[Any, float]:
    clock = Clock(busy)
    monkeypatch.setattr(engine, "time", clock)
    monkeypatch.setattr(Judge, "hidden", hidden)
    tests = [f"t{i}" for i, source in enumerate(sources) if "visible" in source]
    cells = [new_code_cell(s, metadata={"nbgrader": {"grade_id": f"t{i}", "points": 1}}) for i, s in enumerate(sources)]
    judged = types.SimpleNamespace(judged=True)
    snapshot: Any = types.SimpleNamespace(known=dict.fromkeys(tests, judged), handed_out=())
    notebook = new_notebook(cells=cells)
    done = execute(notebook, snapshot, Machine(lambda line: Student(clock), lambda: Judge(clock)), 60, budget)
    notebook.metadata["starved"] = done.starved
    return notebook, clock.now


def not_run(notebook: Any) -> list[int]:
    return [i for i, c in enumerate(notebook.cells) if any(o.get("ename") == "NotRun" for o in c.outputs)]


@pytest.mark.promise("The budget is of all cells together, those that run again after a death included.")
@pytest.mark.parametrize("budget", [10, 40, 300])
@pytest.mark.parametrize(
    "cells",
    [
        ["slow 1000"] * 400,
        ["deaf 1000"] * 400,
        ["dead 3"] * 400,
        ["good 3", "dead 0"] * 200,
        [HIDDEN, "slow 1000"] * 200,
        [HIDDEN, "deaf 1000"] * 200,
        ["good 1"] * 30 + [HIDDEN] * 200 + ["dead 0"],
    ],
    ids=["slow", "deaf", "dead", "replayed", "hidden and slow", "hidden and deaf", "dead at the end"],
)
@pytest.mark.parametrize("hidden", [0, 1000])
@pytest.mark.parametrize("busy", [1, 4, 100])
def test_no_hand_in_takes_more_than_a_fifth_over_its_budget(
    monkeypatch: pytest.MonkeyPatch, cells: list[str], budget: float, hidden: float, busy: float
) -> None:
    _, spent = graded(monkeypatch, cells, budget, hidden, busy)
    deaths = 13 * (1 + GRACE)  # what starts and ends of processes take is on the clock alone
    assert spent <= min(busy, PATIENCE) * 1.2 * budget + 2 * GRACE + deaths


@pytest.mark.promise("Hidden parts of tests come last, until 1.2 budgets have gone by.")
def test_work_that_ends_in_time_has_a_fifth_more_for_its_hidden_parts(monkeypatch: pytest.MonkeyPatch) -> None:
    notebook, spent = graded(monkeypatch, [*(["good 9", HIDDEN] * 10)], 100, hidden=2)
    assert not_run(notebook) == []
    assert not any(o.get("ename") == "TimeUp" for c in notebook.cells for o in c.outputs)
    assert spent == 2 + 90 + 20


@pytest.mark.promise("Cells that it no longer reaches get two seconds each while another tenth of it lasts.")
def test_what_is_quick_still_runs_when_the_budget_is_used_up(monkeypatch: pytest.MonkeyPatch) -> None:
    notebook, _ = graded(monkeypatch, [*(["slow 1000"] * 5), *(["good 0.1", HIDDEN] * 20)], 100)
    assert not_run(notebook) == []


@pytest.mark.promise(
    "Once a cell has run out of time, each later one gets a quarter: the same loop is often called again."
)
def test_once_a_cell_ran_out_of_time_each_later_one_gets_a_quarter(monkeypatch: pytest.MonkeyPatch) -> None:
    assert graded(monkeypatch, ["slow 1000", "slow 1000"], 300)[1] == 2 + 60 + 15


@pytest.mark.promise("of which a hand-in gets twelve.")
def test_a_hand_in_gets_twelve_fresh_processes(monkeypatch: pytest.MonkeyPatch) -> None:
    assert not_run(graded(monkeypatch, ["dead 0"] * 20, 300)[0]) == list(range(13, 20))


def test_what_has_no_time_left_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    notebook, _ = graded(monkeypatch, ["dead 0", *(["slow 1000"] * 120)], 100)
    last = notebook.cells[-1].outputs[-1]
    assert last.evalue == "This cell was not run, because no time was left."


@pytest.mark.promise("what a busy machine lets it wait for the processor does not count,")
def test_what_a_busy_machine_makes_of_it_does_not_count(monkeypatch: pytest.MonkeyPatch) -> None:
    quiet, _ = graded(monkeypatch, [*(["good 9", HIDDEN] * 10)], 100, hidden=2)
    busy, spent = graded(monkeypatch, [*(["good 9", HIDDEN] * 10)], 100, hidden=2, busy=4)
    assert spent > 4 * 100
    assert [c.outputs for c in busy.cells] == [c.outputs for c in quiet.cells]
    assert not busy.metadata["starved"]


@pytest.mark.parametrize(("busy", "starved"), [(1, False), (1.1, False), (2, True), (100, True)])
@pytest.mark.parametrize("cells", [["slow 1000"], ["good 30"] * 20])
def test_whoever_ran_out_of_time_on_a_busy_machine_is_to_be_tried_again(
    monkeypatch: pytest.MonkeyPatch, busy: float, starved: bool, cells: list[str]
) -> None:
    assert graded(monkeypatch, cells, 100, busy=busy)[0].metadata["starved"] is starved


def test_each_limit_is_told_by_its_name(monkeypatch: pytest.MonkeyPatch) -> None:
    def told(*cells: str, busy: float = 1) -> list[str]:
        return [c.outputs[-1].evalue for c in graded(monkeypatch, [*cells], 300, busy=busy)[0].cells]

    first, later = told("slow 1000", "slow 1000")
    assert "because it ran longer than 60 s, not counting what a busy machine let it wait." in first
    assert "longer than 15 s" in later
    assert "after the first such cell each gets a quarter of the time." in later
    assert "so busy that it was not done after 300 s." in told("slow 59", busy=100)[0]
