"""The mistake bank says the same whether a solution runs beside its tests or is judged from another process.

Here on a few rows of each assignment, in `make prove` on more, and on some that train, too;
`python -m autograder mistakes --judged` runs them all.
"""

from __future__ import annotations

import re
from dataclasses import replace

import pytest

from autograder.course import Course
from autograder.mistakes import load, run
from autograder.mistakes.run import compared

EVERY = 600
ALSO = {
    "convolution": [
        *["B-tiled: lowered-at-once", "B-tiled: workspace-exceeded", "B-col2im: input-changed"],
        *["G-measure: not-called", "G-measure: one-function-for-all", "G-measure: with an own clock"],
    ],
    "network_from_scratch": [
        *["A-sigmoid: not-portable", "torch parameters", "C-study: network-not-renewed"],
        *["B-run: not-trained", "F-move: not-reproduced"],
    ],
    "cnn_runtime": [
        *["C-rows: filters-not-handed-on", "C-rows: hardware-written-in", "B-time: wrong-number-of-rounds"],
        *["C-rows: not-called", "F-batch: still-to-do", "C-rows: a comprehension, more rounds"],
    ],
    "cnn_learning": ["B-report: test-not-opened", "B-choose: input-changed", "A-network: layers-shared"],
    "cudnn_reading": ["B-agree: formulas-differ", "C-measure: one-number-only"],
    "performance_factors": [
        *["B-measure: own-environment-changed", "B-measure: threads-set-too-late", "C-steps: looks-at-wrong-steps"],
        *["E-ring: all-send-first", "E-ring: not-async", "E-share: batch-not-divided", "E-ring: even ones send first"],
    ],
    "remember": [
        *["A-back: kept-overwritten", "A-step: input-changed", "C-read: another-state", "B-start: not-reproducible"],
        *["F-project: input-changed", "C-read: inputs and targets first, state copied"],
    ],
}
"""Rows that need something of the other process: its memory, globals or copies, or calls of a check's functions."""


MEASURED = {
    "B-tiled-check",
    "C-gains-check",
    "C-measure-check",
    "C-rows-check",
    "E-compare-check",
    "F-batch-check",
    "G-measure-check",
}
"""What these say of times and memory was measured anew, so their numbers may differ, and the curve that fits best."""
MEASUREMENT = re.compile(r"[\d.,]*\d(e-?\d+)?|linear|quadratic|exponential", re.IGNORECASE)


def _told(verdict):
    """What must be the same, which the line is not that only a notebook looks for."""
    if verdict.edit:
        verdict = replace(verdict, edit="", message=verdict.message.partition(" Look at the line `")[0])
    if verdict.test not in MEASURED:
        return verdict
    return replace(verdict, message=MEASUREMENT.sub("#", verdict.message))


@pytest.fixture(scope="module")
def pool():
    with run.workers(2) as some:
        yield some


@pytest.mark.parametrize("more", [False, pytest.param(True, marks=pytest.mark.slow)])
@pytest.mark.parametrize("name", Course().assignments())
def test_a_judged_solution_gets_the_same_verdict(name, more, pool):
    """more: all of ALSO, and solutions of exercises that train or measure."""
    bank = load(name)
    also = ALSO.get(name, ())[: None if more else 2]
    chosen = [*bank.wrong[::EVERY], *bank.right[::EVERY], *(bank[row] for row in also)]
    slow = {cell for key in bank.stand_ins for cell in (key, key.rpartition("-")[0])}
    rows = [solution.name for solution in chosen if more or not solution.cells.keys() & slow]
    pairs = compared(name, rows, pool)
    assert [(here, judged) for here, judged in pairs if _told(judged) != _told(here)] == []
    assert {here.by for here, _ in pairs} >= {"", "visible"}


def test_the_command_hands_the_option_on(monkeypatch):
    from typer.testing import CliRunner

    from autograder.cli import app

    asked = {}
    verdict = run.Verdict("a", ("m",), "visible", "A-x", "m", "A sentence.")
    monkeypatch.setattr(run, "run", lambda *a, **k: asked.update(k) or ([verdict], []))
    for options, judged in (([], False), (["--judged"], True)):
        CliRunner().invoke(app, ["mistakes", "convolution", "--json", *options])
        assert asked["judged"] is judged
