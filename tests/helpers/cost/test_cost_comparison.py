"""Measured against predicted: the whole way, once with times that a known platform made, once with real ones."""

import math

import pytest

from helpers.cost import Device, Platform, Sample, Share, StepTimes, comparison, step_cost, time_steps, timings
from helpers.cost.comparison import compare, comparison_text
from helpers.errors import CourseError
from helpers.nn.shipped import find_spec

TRUE = Platform("true", Share(0.4, 0.6, 1e-5), {("conv", "backward"): Share(0.1, 0.9)}, input_gradient=True)
ONE = Device("one", {"float32": 1e11}, 2e10, 2**33, None, "")


def made_up(slower):
    """What `time_steps` would return of a machine on which TRUE holds; slower: name -> factor of its whole step."""

    def times(specs, backend, rounds):
        found = []
        for spec in specs:
            cost, samples = step_cost(spec, input_gradient=True), []
            for which in ("forward", "backward"):
                for layer in cost.layers:
                    if layer.type != "flatten":
                        samples.append(Sample(layer.type, which, [layer], 0.0))
            samples.append(Sample(cost.optimiser, "update", [x for x in cost.layers if x.parameters], 0.0))
            samples = [Sample(s.type, s.which, s.layers, s.predicted(TRUE, ONE)) for s in samples]
            step = sum(s.seconds for s in samples) * slower.get(spec.name, 1)
            found.append(StepTimes(cost, [step] * (rounds // 2) + [1.1 * step] * (rounds - rounds // 2), samples))
        return found

    return times


@pytest.fixture
def on_paper(monkeypatch):
    monkeypatch.setattr(comparison, "device_of", lambda backend: ONE)
    monkeypatch.setattr(comparison, "time_steps", made_up({"lenet": 2.0}))


def test_known_times_are_predicted_and_the_wrong_one_stands_out(on_paper):
    specs = [find_spec(name) for name in ("convolutional_nn", "deep", "lenet", "mlp", "strided")]
    found = compare(specs=specs, calibrate=32, rounds=6)
    peak, paleo, fitted = found.platforms
    assert found.noise == pytest.approx(1 / 11)
    # Median of three rounds of t and three of 1.1·t.
    for row in found.rows:
        assert row.error(fitted.name) == pytest.approx((0.5 if row.network == "lenet" else 1) / 1.05 - 1, abs=1e-3)
    assert found.median_error(fitted) == pytest.approx(1 - 1 / 1.05, abs=1e-3)
    assert found.median_error(fitted) < found.median_error(paleo) < found.median_error(peak)
    assert max(found.layer_errors().values()) < 1e-3
    text = comparison_text(found)
    for words in ("lenet", "-52%", "noise", "wrong by more than 40%: none", "none of them below"):
        assert words in text


def test_a_layer_that_fails_is_named(on_paper, monkeypatch):
    real = comparison.time_steps

    def slow_pooling(specs, backend, rounds):
        found = real(specs, backend, rounds)
        for times in found:
            if not times.cost.name.startswith("calibration"):
                times.samples[:] = [Sample(s.type, s.which, s.layers, s.seconds * (90 if s.type == "max_pool" else 1))
                                    for s in times.samples]  # fmt: skip
        return found

    monkeypatch.setattr(comparison, "time_steps", slow_pooling)
    text = comparison_text(compare(specs=[find_spec("deep")], calibrate=32, rounds=2))
    assert "deep layers[4] max_pool 2×2 forward: -99%" in text
    assert "conv 16 × 3×3, pad 1×1 forward" not in text


@pytest.mark.parametrize("backend", ["numpy", "torch"])
def test_a_step_is_measured_layer_by_layer(backend, monkeypatch):
    if backend == "torch":
        pytest.importorskip("torch")
    monkeypatch.setattr(timings, "ROUND", 1e-9)  # one step a round
    specs = [find_spec(name).changed(batch_size=2) for name in ("deep", "mlp")]
    deep, mlp = time_steps(specs, backend, rounds=2)
    assert len(deep.seconds) == len(mlp.seconds) == 2
    assert min(deep.seconds + mlp.seconds) > 0
    measured = [(s.type, s.which) for s in deep.samples]
    assert measured.count(("conv", "forward")) == measured.count(("conv", "backward")) == 4
    assert measured.count(("softmax", "backward")) == measured.count(("adam", "update")) == 1
    assert [x.where for x in deep.samples[0].layers] == ["layers[0]"]
    # the backward pass is timed from the last layer to the first
    assert [s.layers[0].type for s in mlp.samples if s.which == "backward"] == [
        "softmax", "dense", "sigmoid", "dense", "sigmoid", "dense"]  # fmt: skip
    assert all(s.seconds > 0 for s in deep.samples)
    assert not math.isnan(deep.median)


def test_the_whole_way_with_real_steps(on_paper, monkeypatch):
    monkeypatch.setattr(comparison, "time_steps", time_steps)
    found = compare(specs=[find_spec("mlp").changed(batch_size=8)], calibrate=2, rounds=2)
    assert [row.network for row in found.rows] == ["mlp"]
    assert len(comparison_text(found).splitlines()) > 8


def test_an_unknown_backend():
    with pytest.raises(CourseError, match="no backend 'nump'"):
        time_steps([find_spec("mlp")], "nump")
