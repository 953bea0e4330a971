"""The model of a GPU: its operations are those that are counted, launches are a floor, nothing passes as measured."""

import ast
from dataclasses import replace

import pytest

from autograder.authoring.source import read
from autograder.course import Course
from helpers.study import cnn_runtime as runtime
from helpers.study.cnn_runtime import model
from helpers.study.cnn_runtime.model import DEVICES, LAUNCH, SHORTEST, Kernel, kernels, step_seconds

K40 = DEVICES["Tesla K40"]


def test_its_products_are_the_counted_operations():
    spec = runtime.study_spec(16)
    launched = kernels(spec)
    products = [k for k in launched if k.name.split()[-1] in ("forward", "backward-filter", "backward-data")]
    weights = ("layers[0]", "layers[3]", "layers[6]", "layers[8]")
    assert sum(k.flops for k in products if k.name.startswith(weights)) == runtime.training_flops(spec)
    assert not any(k.name == "layers[0] backward-data" for k in launched)
    assert all(k.bytes > 0 for k in launched)


def test_a_kernel_is_its_operations_and_its_bytes_but_never_nothing():
    assert Kernel("one", 4_290_000_000, 0).seconds(K40, 0.5) == pytest.approx(2e-3)
    assert Kernel("one", 0, 288_000_000).seconds(K40, 0.5) == pytest.approx(2e-3)
    assert Kernel("one", 4_290_000_000, 288_000_000).seconds(K40, 1.0) == pytest.approx(2e-3)
    assert Kernel("one", 1, 1).seconds(K40, 0.5) == SHORTEST


def test_small_networks_wait_for_launches_and_graphs_do_not():
    launched = [Kernel("small", 1, 1)] * 30
    assert step_seconds(K40, launched, 0.3, 1e-5) == pytest.approx(3e-4)
    assert step_seconds(K40, launched, 0.3, 1e-5, graph=True) == pytest.approx(1e-5 + 30 * SHORTEST)
    large = [Kernel("large", 10**10, 1)]
    alone = step_seconds(K40, large, 0.3, 1e-5)
    assert step_seconds(K40, large, 0.3, 1e-5, graph=True) == pytest.approx(alone, rel=0.01)


@pytest.mark.promise("from a model, marked as predicted.")
@pytest.mark.parametrize("device", DEVICES)
@pytest.mark.parametrize("graph", [False, True])
def test_predictions_are_marked_and_ordered(device, graph):
    points = runtime.predicted(device, runtime.GPU_FILTERS, graph=graph)
    assert [p.filters for p in points] == list(runtime.GPU_FILTERS)
    for p in points:
        assert (p.kind, p.rounds, p.hardware) == ("predicted", 0, device)
        assert p.low <= p.seconds <= p.high
        assert p.label.endswith("(predicted)")
        assert p.flops_per_second < DEVICES[device].flops * DEVICES[device].share[1]
        assert runtime.Point.from_json(p.as_json()) == p
    assert [p.seconds for p in points] == sorted(p.seconds for p in points)


def test_a_tiny_batch_takes_as_long_as_its_launches():
    (point,) = runtime.predicted("Titan X", [8], batch=1)
    count = len(kernels(runtime.study_spec(8, 1), 1))
    assert (point.low, point.seconds, point.high) == pytest.approx(tuple(count * launch for launch in LAUNCH))
    (graph,) = runtime.predicted("Titan X", [8], batch=1, graph=True)
    assert graph.seconds < point.seconds / 2


def test_a_faster_card_is_faster_where_it_computes(monkeypatch):
    twice = replace(K40, flops=2 * K40.flops, bandwidth=2 * K40.bandwidth)
    (before,) = runtime.predicted("Tesla K40", [256])
    monkeypatch.setitem(DEVICES, "Tesla K40", twice)
    (after,) = runtime.predicted("Tesla K40", [256])
    assert after.seconds == pytest.approx(before.seconds / 2, rel=0.02)


@pytest.mark.promise(
    "In `cnn_runtime` the rows of a GPU are measured where there is one. Elsewhere they come from "
    "`helpers/study/cnn_runtime/recorded/`, marked as recorded, and where nobody has recorded a GPU yet, from a "
    "model, marked as predicted."
)
def test_where_nobody_has_recorded_a_gpu_a_model_predicts(monkeypatch):
    """The notebook's own function."""
    cells = [cell.text for cell in read(Course().source("cnn_runtime"))[0].cells]
    (given,) = [text for text in cells if "def gpu_points" in text]
    (function,) = [node for node in ast.parse(given).body if getattr(node, "name", "") == "gpu_points"]
    names = {"study": runtime, "BATCH": 64, "cuda_available": lambda: False}
    exec(ast.unparse(function), names)
    monkeypatch.setattr(runtime, "recorded", lambda backend: [])
    assert [point.kind for point in names["gpu_points"]((8, 16))] == ["predicted"] * 2
    (card,) = runtime.predicted("Titan X", [8])
    monkeypatch.setattr(runtime, "recorded", lambda backend: [replace(card, predicted=False, recorded=True)])
    assert [point.kind for point in names["gpu_points"]((8, 16))] == ["recorded"]
    names["cuda_available"] = lambda: True
    assert names["gpu_points"]((8, 16)) == []


def test_the_notebook_says_what_the_range_of_a_prediction_is():
    share = DEVICES["Titan X"].share
    words = (
        f"{LAUNCH[0] * 1e6:.0f} or {LAUNCH[2] * 1e6:.0f} µs per launch instead of {LAUNCH[1] * 1e6:.0f}, and "
        f"{share[2]:.0%} or {share[0]:.0%} of the card's peak instead of {share[1]:.0%}"
    )
    assert words in Course().source("cnn_runtime").read_text()


def test_the_points_that_are_kept_are_what_is_computed():
    """For a process in which counting is not there, because it is the exercise."""
    kept = model._kept()
    assert len(kept) == 20
    for (device, filters, batch, graph), point in kept.items():
        assert runtime.predicted(device, [filters], batch=batch, graph=graph) == [point]


def test_where_counting_is_closed_the_kept_points_are_taken(monkeypatch):
    def closed(*about):
        raise ImportError("closed")

    expected = runtime.predicted("Titan X", [8, 256], batch=16)
    monkeypatch.setattr(model, "_computed", closed)
    assert runtime.predicted("Titan X", [8, 256], batch=16) == expected
