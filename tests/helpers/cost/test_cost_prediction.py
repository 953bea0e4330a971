"""Platforms and predictions: terms by hand, fits that find what made the times, clusters, memory."""

import json
import math

import numpy as np
import pytest

from helpers.cost import (
    PEAK,
    Device,
    Platform,
    Sample,
    Share,
    all_reduce,
    fit_paleo,
    fit_platform,
    layer_costs,
    load_cluster,
    load_device,
    load_platform,
    paleo,
    paleo_seconds,
    platform_names,
    predict,
    predict_cluster,
    step_cost,
    strong_scaling,
    weak_scaling,
)  # fmt: skip
from helpers.cost.calibration import calibration_specs
from helpers.cost.platform import platform_json
from helpers.errors import CourseError
from helpers.nn.shipped import names

ONE = Device("one", {"float32": 1e12, "float16": 4e12}, 1e11, 2**33, None, "made up")


def test_paleos_formula():
    layer = next(x for x in layer_costs("mlp") if x.type == "dense")
    expected = layer.forward.flops / (1e12 * 0.3) + layer.forward.bytes / (1e11 * 0.3)
    assert paleo_seconds(layer.forward, ONE, 0.3) == pytest.approx(expected)
    assert paleo(0.3).rest.seconds(layer, "forward", ONE) == pytest.approx(expected)
    assert PEAK.rest.seconds(layer, "forward", ONE) == pytest.approx(0.3 * expected)


def test_every_term_of_a_share():
    conv = next(x for x in layer_costs("lenet") if x.type == "conv")
    share = Share(0.5, 0.25, 1e-3, padded_peak=0.1, lowering=2.0)
    expected = (
        conv.forward.flops / 0.5e12 + conv.forward.flops * 16 * 16 / 6 / 1e11 + conv.forward.bytes / 0.25e11
        + conv.lowered_bytes / 2e11 + 1e-3
    )  # fmt: skip
    assert share.seconds(conv, "forward", ONE) == pytest.approx(expected)
    flatten = layer_costs("mlp")[0]
    assert share.seconds(flatten, "forward", ONE) == 0  # not even the fixed time, where there is no work


def test_a_step_is_the_sum_of_its_layers():
    found = predict("deep", ONE, images=5, platform=paleo(0.5))
    cost = step_cost("deep", 5)
    for which in ("forward", "backward", "update"):
        assert getattr(found, which) == pytest.approx(paleo_seconds(getattr(cost, which), ONE, 0.5))
    assert found.seconds == pytest.approx(paleo_seconds(cost.total, ONE, 0.5))
    assert found.seconds == pytest.approx(sum(layer.total for layer in found.layers))
    assert found.images_per_second == pytest.approx(5 / found.seconds)
    assert found.memory == cost.memory


def test_numbers_of_two_bytes():
    half, whole = predict("deep", ONE, dtype="float16"), predict("deep", ONE)
    assert half.memory == whole.memory / 2
    assert half.seconds == pytest.approx(
        paleo_seconds(step_cost("deep", itemsize=2).total, ONE, 1, "float16"))  # fmt: skip
    with pytest.raises(CourseError, match="no peak for 'bfloat16'"):
        predict("deep", ONE, dtype="bfloat16")
    with pytest.raises(CourseError, match="can't be trained in 'int8'"):
        predict("deep", ONE, dtype="int8")


def test_a_network_that_does_not_fit_says_so():
    with pytest.raises(CourseError, match=r"deep with 1,000,000 images needs 413 GiB .*K40 has 11.2"):
        predict("deep", "k40", images=1_000_000)
    assert predict("deep", "k40", images=1_000_000, check_memory=False).memory > load_device("k40").memory
    with pytest.raises(CourseError, match="needs"):
        predict_cluster("deep", "k40_ethernet", images_per_worker=1_000_000)
    predict_cluster("deep", "k40_ethernet", images=100_000)  # its eighth fits


def test_a_cluster_computes_a_part_and_adds_up_the_gradients():
    cluster = load_cluster("k40_ethernet")
    found = predict_cluster("mlp", cluster, images=1000, platform=paleo(0.3))
    each = predict("mlp", "k40", 125, paleo(0.3)).seconds
    reduced = all_reduce("ring", step_cost("mlp").gradient_bytes, 8, cluster.link)
    assert (found.compute, found.communication) == (pytest.approx(each), pytest.approx(reduced))
    assert found.seconds == pytest.approx(each + reduced)
    assert found.speedup == pytest.approx(predict("mlp", "k40", 1000, paleo(0.3)).seconds / found.seconds)
    assert found.efficiency == pytest.approx(found.speedup / 8)
    assert found.images_per_second == pytest.approx(1000 / found.seconds)
    # the largest part counts
    assert predict_cluster("mlp", cluster, images=1001).compute == predict("mlp", "k40", 126).seconds


def test_overlap_hides_no_more_than_the_backward_pass():
    bare = predict_cluster("mlp", "k40_ethernet", images_per_worker=64)
    backward = predict("mlp", "k40", 64).backward
    assert bare.communication > backward
    hidden = predict_cluster("mlp", "k40_ethernet", images_per_worker=64, overlap=1.0)
    assert bare.seconds - hidden.seconds == pytest.approx(backward)


def test_scaling():
    workers = [1, 2, 8, 64]
    strong = strong_scaling("convolutional_nn", "k40_ethernet", workers, 1024, platform=paleo(0.3))
    weak = weak_scaling("convolutional_nn", "k40_ethernet", workers, 1024, platform=paleo(0.3))
    assert [row.images for row in strong] == [1024] * 4
    assert [row.images for row in weak] == [1024 * n for n in workers]
    assert strong[0].seconds == weak[0].seconds == strong[0].one
    assert strong[0].efficiency == weak[0].efficiency == 1
    assert all(a.efficiency < b.efficiency for a, b in zip(strong[1:], weak[1:], strict=True))
    assert all(row.compute == weak[0].compute for row in weak)


@pytest.mark.parametrize(
    ("settings", "words"),
    [({"images": 64, "images_per_worker": 8}, "Both images"), ({"images": 3}, "can't be divided among 8 workers"),
     ({"overlap": 1.5}, "overlap=1.5"), ({"images_per_worker": 0}, "images=0")],
)  # fmt: skip
def test_bad_settings_are_sentences(settings, words):
    with pytest.raises(CourseError, match=words):
        predict_cluster("mlp", "k40_ethernet", **settings)


# Fits -------------------------------------------------------------------------------------------------------------

TRUE = Platform("true", shares={
    ("conv", "forward"): Share(0.7, 0.5, 2e-5, padded_peak=3.0, lowering=1.5),
    ("conv", "backward"): Share(math.inf, 0.4, 5e-5, padded_peak=0.9, lowering=math.inf),
    ("dense", "forward"): Share(0.8, 0.6, 1e-5),
    ("relu", "forward"): Share(math.inf, 2.0, 1e-6),
    ("sgd", "update"): Share(math.inf, 0.5, 3e-6),
}, input_gradient=True)  # fmt: skip


def samples(noise=0.0):
    random, found = np.random.default_rng(0), []
    for spec in calibration_specs(24):
        cost = step_cost(spec, input_gradient=True)
        for kind, which in TRUE.shares:
            if which == "update":
                groups = [[x for x in cost.layers if x.parameters]] if cost.optimiser == kind else []
            else:
                groups = [[x] for x in cost.layers if x.type == kind]
            for layers in groups:
                seconds = sum(TRUE.share(kind, which).seconds(x, which, ONE) for x in layers)
                found.append(Sample(kind, which, layers, seconds * math.exp(noise * random.standard_normal())))
    return found


def test_the_fit_finds_the_shares_that_made_the_times():
    fitted = fit_platform(samples(), ONE)
    assert set(fitted.shares) == set(TRUE.shares)
    for sample in samples():
        assert sample.predicted(fitted, ONE) == pytest.approx(sample.seconds, rel=1e-6)
    assert fitted.shares["dense", "forward"].peak == pytest.approx(0.8)
    assert math.isinf(fitted.shares["conv", "backward"].lowering)


def test_noise_in_the_times_makes_no_term_negative():
    fitted = fit_platform(samples(noise=0.3), ONE)
    for share in fitted.shares.values():
        assert min(share.peak, share.bandwidth, share.padded_peak, share.lowering) > 0
        assert share.fixed >= 0
    errors = [abs(s.predicted(fitted, ONE) / s.seconds - 1) for s in samples()]
    assert np.median(errors) < 0.15


def test_paleos_share_is_ideal_over_measured():
    exact = [Sample(s.type, s.which, s.layers, s.predicted(paleo(0.25), ONE)) for s in samples()]
    assert fit_paleo(exact, ONE).rest.peak == pytest.approx(0.25)
    with pytest.raises(CourseError, match="nothing to fit"):
        fit_platform([], ONE)
    for share in (0, -1, 1.5, math.nan):
        with pytest.raises(CourseError, match="impossible"):
            paleo(share)


def test_what_is_fitted_is_none_of_what_is_predicted():
    specs = calibration_specs(40)
    assert not {spec.name for spec in specs} & set(names())
    kinds = {layer.type for spec in specs for layer in spec.layers}
    assert kinds >= {"conv", "relu", "sigmoid", "tanh", "max_pool", "average_pool", "dropout", "dense", "softmax"}
    assert {spec.optimiser.type for spec in specs} == {"sgd", "momentum", "adam", "rprop"}
    assert calibration_specs(3) == calibration_specs(3) != calibration_specs(3, seed=1)


def test_a_platform_is_written_and_read(tmp_path):
    fitted = fit_platform(samples(), ONE, "mine", source="here")
    (tmp_path / "p.json").write_text(platform_json(fitted))
    read = load_platform(tmp_path / "p.json")
    assert (read.name, read.source, read.input_gradient, read.device.peak) == ("mine", "here", True, 1e12)
    for sample in samples():
        assert sample.predicted(read, ONE) == pytest.approx(sample.seconds, rel=0.01)
    assert predict("mlp", read.device, platform=read).seconds > 0
    values = json.loads((tmp_path / "p.json").read_text())
    for change, words in (
        ({"rest": {**values["rest"], "peak_percent": -3}}, "peak_percent is -3, which is impossible"),
        ({"rest": {**values["rest"], "fixed_us": -3}}, "fixed_us is -3"),
        ({"rest": {}}, "p.json is no measured platform"),
        ({"shares": 3}, "p.json is no measured platform"),
        ({"device": {**values["device"], "memory_gib": -1}}, "p.json: memory_gib is -1"),
    ):
        (tmp_path / "p.json").write_text(json.dumps({**values, **change}))
        with pytest.raises(CourseError, match=words):
            load_platform(tmp_path / "p.json")
    with pytest.raises(CourseError, match="no platform 'nothing'"):
        load_platform("nothing")


@pytest.mark.parametrize("name", platform_names())
def test_a_shipped_platform_predicts(name):
    platform = load_platform(name)
    assert platform.source
    seconds = predict("lenet", platform.device, platform=platform).seconds
    assert seconds > predict("lenet", platform.device).seconds
