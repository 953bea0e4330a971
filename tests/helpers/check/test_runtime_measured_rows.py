"""What may be asked of measured rows: measure_row on parts whose answers are known, and nothing that a busy machine
could break."""

from __future__ import annotations

import itertools
import random
import time

import pytest

from helpers import check
from helpers.check import CheckFailed
from helpers.check.cnn_runtime import counts, probes
from helpers.check.cnn_runtime import measured_rows as checks
from helpers.check.core.ask import ask
from helpers.check.core.known_work import lengths
from helpers.check.core.report import Mistake
from helpers.study import cnn_runtime as study

SIZES = (8, 16, 32, 64)
FILTERS = {"numpy": SIZES, "torch": SIZES}
SOURCE = '''
def prepare(filters, name, batch=64):
    raise AssertionError("the notebook's own prepare")

def time_step(step, load, rounds, warmup, synchronise, clock=None):
    raise AssertionError("the student's own time_step")

def measure_row(filters, name, batch=64):
    prepared = prepare(filters, name, batch)
    timing = time_step(prepared.step, prepared.load, 21, 3, prepared.synchronise)
    return {"filters": filters, "backend": name, "batch": batch,
            "parameters": sum(parameters(filters)), "flops": sum(flops(filters, batch)),
            "hardware": prepared.hardware, "threads": 1, **timing}
'''


def notebook(old="", new=""):
    """A student's names after running a measure_row in which `old` is changed."""
    assert old in SOURCE
    names = {"parameters": counts.parameters_of, "flops": counts.step_flops_of}
    exec(SOURCE.replace(old, new) if old else SOURCE, names)
    return names


def tried(names, seed=1):
    try:
        asked, answers = (24, "torch", 40), [(s, 0.9917 * s, 1.0129 * s) for s in (0.0371, 0.0412)]
        own = counts.parameters_of, counts.step_flops_of
        seen = ask(probes.row, names["measure_row"], *own, [asked], answers, [0.0])
        checks._told(seen.part("told").part(0), seen.part("own"), asked, answers, 21, 3)
    except Mistake as mistake:
        return mistake.name
    return ""


@pytest.mark.parametrize(
    ("mistake", "old", "new"),
    [
        ("filters-not-handed-on", "= prepare(filters, name", "= prepare(16, name"),
        ("backend-not-handed-on", "= prepare(filters, name", '= prepare(filters, "numpy"'),
        ("batch-not-handed-on", "name, batch)\n    timing", "name)\n    timing"),
        ("too-few-rounds", "21, 3", "3, 21"),
        ("warm-up-left-out", "21, 3", "21, 0"),
        ("wrong-label", '"backend": name', '"backend": "cuda"'),
        ("hardware-written-in", "prepared.hardware", '"Some CPU"'),
        ("forward-only", "flops(filters, batch)", "[n / (3 if i else 2) for i, n in enumerate(flops(filters, batch))]"),
        ("layers-for-total", "sum(parameters(filters))", "parameters(filters)"),
        ("counts-exchanged",
         '"parameters": sum(parameters(filters)), "flops": sum(flops(filters, batch))',
         '"flops": sum(parameters(filters)), "parameters": sum(flops(filters, batch))'),
        ("wrong-unit", "**timing", '**timing, "high": 1e3 * timing["high"]'),
        ("per-image", "**timing", '**timing, "seconds": timing["seconds"] / batch'),
        ("all-rounds", "**timing", '**timing, "seconds": timing["seconds"] * 21'),
        ("wrong-entry", "**timing", '**timing, "seconds": timing["low"]'),
        ("rounded", "**timing", '**timing, "seconds": round(timing["seconds"], 3)'),
        ("changed-after-timing", "**timing", '**timing, "seconds": 1.3 * timing["seconds"]'),
        ("returns-none", "return {", "row = {"),
    ],
)  # fmt: skip
def test_measure_row_is_tried_on_parts_whose_answers_are_known(mistake, old, new):
    assert tried(notebook(old, new)) == mistake


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("", ""),
        ("21, 3, prepared.synchronise", "rounds=40, warmup=9, synchronise=prepared.synchronise"),
        ("    timing", "    time_step(prepared.step, prepared.load, 2, 0, prepared.synchronise)\n    timing"),
        ("prepare(filters, name, batch)", "prepare(batch=batch, name=name, filters=filters)"),
    ],
)
def test_a_right_measure_row_passes_however_it_is_written(old, new):
    assert tried(notebook(old, new)) == ""


@pytest.mark.parametrize("new", ["1 / 0", "prepared.network"])
def test_what_raises_is_told_and_the_names_are_put_back(new):
    names = notebook("prepared.hardware", new)
    before = names["prepare"], names["time_step"]
    assert tried(names) == "raises"
    assert (names["prepare"], names["time_step"]) == before


@pytest.mark.parametrize("stranger", [print, lambda *asked: {}, type("Row", (), {"__call__": lambda *asked: {}})()])
def test_a_function_that_goes_without_prepare_has_measured_nothing(stranger):
    assert tried({"measure_row": stranger}) == "prepare-not-called"


TIMER = """
def time_step(step, load, rounds, warmup, synchronise, clock=time.perf_counter):
    for _ in range(warmup):
        step(load())
    seconds = []
    for _ in range(rounds):
        batch = load()
        began = clock()
        loss = step(batch)
        seconds.append(clock() - began)
    seconds.sort()
    return {"seconds": seconds[len(seconds) // 2], "low": seconds[1], "high": seconds[-2],
            "rounds": rounds, "device": str(loss.device)}
"""
NOT_WRITTEN = """
def time_step(step, load, rounds, warmup, synchronise, clock=None):
    raise NotImplementedError
"""
MADE_UP = """
def time_step(step, load, rounds, warmup, synchronise, clock=None):
    return {"seconds": 0.0123, "low": 0.0121, "high": 0.0131, "rounds": rounds, "device": "cpu"}
"""
STEPS_ONLY = MADE_UP.replace("    return", "    [step(load()) for _ in range(warmup + rounds)]\n    return")


def measured(timer, old="", new="", seed=1):
    names = notebook(old, new) | {"time": time}
    exec(timer, names)
    names["measure_row"].__globals__.update(names)
    try:
        asked, waits = [(24, "torch", 40), (11, "numpy", 7)], lengths(seed, 2, 5e-4, 60)
        checks._waited(ask(probes.waited, names["measure_row"], asked, waits), asked, waits, 5)
    except Mistake as mistake:
        return mistake.name
    return ""


@pytest.mark.promise(
    "In `convolution`, `cudnn_reading` and `cnn_runtime` locked cells record, with the student's functions, and the "
    "judge tries these on work whose length it draws anew, so rows that nobody measured earn nothing."
)
def test_rows_that_nobody_timed_are_told():
    assert measured(NOT_WRITTEN) == "still-to-do"
    assert measured(MADE_UP) == "not-called"
    assert measured(STEPS_ONLY) == "not-measured"


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("", ""),
        ("clock()", "time.perf_counter()"),
        ("seconds[len(seconds) // 2]", "sum(seconds) / rounds"),
        ("seconds[len(seconds) // 2]", "seconds[0]"),
        ("seconds[len(seconds) // 2]", "round(sum(seconds), 3)"),
        ("range(rounds)", "range(rounds - 1)"),
        ("        batch = load()\n        began = clock()\n", "        began = clock()\n        batch = load()\n"),
    ],
)
def test_a_timer_whose_mistakes_cost_their_points_elsewhere_has_measured(old, new):
    assert old in TIMER
    assert measured(TIMER.replace(old, new) if old else TIMER) == ""


def test_a_busy_machine_is_no_reason_to_doubt_a_row(monkeypatch):
    chance, sleep = random.Random(0), time.sleep
    monkeypatch.setattr(time, "sleep", lambda seconds: sleep(seconds * (1 if chance.random() < 0.8 else 10)))
    assert [measured(TIMER, seed=seed) for seed in range(2)] == [""] * 2


def row(filters, backend, seconds, low, high, **more):
    return {
        "filters": filters, "backend": backend, "batch": 64,
        "parameters": sum(counts.parameters_of(filters)), "flops": sum(counts.step_flops_of(filters, 64)),
        "hardware": "Some CPU", "threads": 1, "rounds": 21, "device": "cpu",
        "seconds": seconds, "low": low, "high": high, **more,
    }  # fmt: skip


def honest(seed, tick=1e-7, held_up=25.0):
    """Rows of a slow machine with a coarse clock, on which any network may meet a time when everything takes up to
    `held_up` times as long."""
    chance = random.Random(seed)
    for backend, fixed, per_flop in (("numpy", 2e-4, 6e-11), ("torch", 3e-3, 7e-11)):
        for filters in SIZES:
            usual = (fixed + per_flop * sum(counts.step_flops_of(filters, 64))) * chance.choice(
                (1, 1, 1, chance.uniform(1, held_up))
            )
            rounds = sorted(round(usual * chance.uniform(1, 1.01) / tick) * tick for _ in range(21))
            yield row(filters, backend, rounds[10], rounds[5], rounds[15])


def judged(rows):
    try:
        check.cnn_runtime.rows(rows, [], FILTERS, None, None, batch=64, rounds=21, threads=1)
    except CheckFailed as failed:
        return str(failed)
    return ""


def test_a_slow_or_busy_machine_loses_no_points():
    for seed in range(150):
        assert judged(list(honest(seed))) == ""


def test_a_quiet_row_on_a_coarse_clock_may_have_no_spread_but_not_all_rows():
    rows = list(honest(1))
    rows[0] = {**rows[0], "low": rows[0]["seconds"], "high": rows[0]["seconds"]}
    assert judged(rows) == ""
    assert "equal quartiles" in judged([{**r, "low": r["seconds"], "high": r["seconds"]} for r in rows])


def test_a_row_that_is_another_one_multiplied_was_not_measured():
    rows = list(honest(2))
    rows[2] = {**rows[2], **{key: 7.3 * rows[1][key] for key in ("seconds", "low", "high")}}
    assert "calculated" in judged(rows)


def test_recorded_rows_are_nobodys_own():
    point = study.recorded("numpy")[0]
    rows = list(honest(3))
    rows[0] = {**rows[0], "seconds": point.seconds, "low": point.low, "high": point.high}
    assert "recorded one" in judged(rows)


def test_what_the_machine_calls_itself_is_a_name(monkeypatch):
    rows = [{**r, "hardware": "unknown"} for r in honest(5)]
    assert "names no hardware" in judged(rows)
    monkeypatch.setattr(checks, "environment", lambda: {"cpu": "unknown"})
    assert judged(rows) == ""


def test_no_two_rows_are_the_same_when_a_row_is_given_twice():
    rows = list(honest(6))
    for a, b in itertools.islice(itertools.permutations(range(8), 2), 12):
        copied = list(rows)
        copied[a] = {**rows[a], **{key: rows[b][key] for key in ("seconds", "low", "high")}}
        assert judged(copied) != ""
