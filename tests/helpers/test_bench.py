"""Timing and benchmarks: the order of measuring, the record, the refusal of wrong results."""

import json
import subprocess
import sys

import pytest

from helpers import timing
from helpers.bench.result import Result, WrongResult, demand
from helpers.errors import CourseError


def test_candidates_take_turns():
    calls = []
    times = timing.measure({"a": lambda: calls.append("a"), "b": lambda: calls.append("b")}, rounds=3, warmup=1)
    assert "".join(calls) == "ab" + "ab" + "ba" + "ab"
    assert len(times["a"].seconds) == 3
    assert times["a"].spread["min"] <= times["a"].median <= times["a"].spread["max"]


def test_inner_calls_and_synchronise():
    calls, waits = [], []
    timing.measure({"a": lambda: calls.append(1)}, rounds=2, warmup=0, inner=5, synchronise=lambda: waits.append(1))
    assert (len(calls), len(waits)) == (10, 4)


def test_the_ratio_is_taken_round_by_round():
    a, b = timing.Timing("a", [1.0, 10.0, 3.0]), timing.Timing("b", [2.0, 20.0, 3.0])
    assert timing.ratio(a, b)[0] == 0.5
    with pytest.raises(CourseError):
        timing.ratio(a, timing.Timing("b", [1.0]))


def test_the_environment_is_json():
    environment = json.loads(json.dumps(timing.environment()))
    assert {"python", "numpy", "torch", "blas", "threads", "cpu", "cores", "load"} <= set(environment)


@pytest.mark.parametrize("settings", [{"rounds": 0}, {"warmup": -1}, {"inner": 0}])
def test_mistakes_are_sentences(settings):
    with pytest.raises(CourseError):
        timing.measure({"a": int}, **settings)


def test_wrong_results_are_not_timed():
    with pytest.raises(WrongResult):
        demand(False, "The losses differ by 3; they must agree.")


def test_the_record():
    record = json.loads(Result("x", 1.0, 2.0, 0.5, "s", 1, 7, {}, 0.5).as_json())
    keys = {"what", "ours", "other", "ratio", "unit", "threads", "repetitions", "spread", "environment"}
    assert keys <= set(record)
    assert "reached" in Result("x", 1.0, 2.0, 0.5, "s", 1, 7, {}, 0.5).as_line()
    assert "MISSED" in Result("x", 9.0, None, None, "s", 1, 7, {}, 0.5).as_line()


def test_the_benchmark_networks_take_the_same_path():
    import numpy as np

    from helpers.bench.mlp import BATCH, RATE, TorchMLP
    from helpers.data import load
    from helpers.nn import FastMLP, fast_mlp

    data = load(train=1000, test=500)
    ours = FastMLP((784, 128, 10))
    other = TorchMLP(ours, data)
    order = np.random.default_rng(0).permutation(1000)
    a = fast_mlp.train_epoch(ours, data.train_images, data.train_labels, RATE, BATCH, order)
    assert other.train_epoch(order) == pytest.approx(a, abs=1e-5)
    assert other.accuracy() == pytest.approx(fast_mlp.evaluate(ours, data.test_images, data.test_labels)[1], abs=3e-3)


@pytest.mark.parametrize("arguments", [["nope"], ["mlp", "--rounds", "0"], []])
def test_a_mistake_is_a_sentence_and_exit_code_2(arguments):
    done = subprocess.run(
        [sys.executable, "-m", "helpers.bench", *arguments], capture_output=True, text=True, check=False
    )
    assert done.returncode == 2
    assert done.stderr.startswith("error: ")
    assert len(done.stderr.splitlines()) == 1


def test_the_benchmark_of_predictions_counts_a_hundred_layers():
    from helpers.bench import cost

    result = cost.bench(rounds=1)
    assert (result.unit, result.goal, len(cost.description()["layers"])) == ("ms", 50.0, 100)
