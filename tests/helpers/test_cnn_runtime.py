"""Measuring training steps in processes of their own: what is counted, checked, recorded and said."""

import json
import subprocess
import sys
from dataclasses import replace

import numpy as np
import pytest

from helpers import nn
from helpers.backend import cuda_available
from helpers.errors import CourseError
from helpers.study import cnn_runtime as runtime
from helpers.study.cnn_runtime import backends as cnn_runtime_backends
from helpers.study.cnn_runtime import measuring as cnn_runtime_measure
from helpers.study.cnn_runtime import record as cnn_runtime_record
from helpers.study.cnn_runtime.backends import batches_of, demand_right, training


def test_operations_and_parameters_are_those_of_the_layers():
    spec = runtime.study_spec(8)
    shapes = [array.shape for _, array in nn.Network(spec).parameters()]
    assert spec.parameters == sum(int(np.prod(s)) for s in shapes) == 80 + 584 + 25_728 + 1_290
    # 28 → 26 → 13 → 11 → 5; two passes of the first layer, three of the others
    products = 2 * 26 * 26 * 9 * 8 + 3 * (11 * 11 * 9 * 8 * 8 + 200 * 128 + 128 * 10)
    assert runtime.training_flops(spec) == 2 * 64 * products
    assert runtime.training_flops(spec, 10) == 2 * 10 * products
    left_out = 3 * sum(row.flops for row in spec.layer_table() if not row.name.startswith(("conv", "dense")))
    assert left_out < 0.06 * runtime.training_flops(spec)


def test_the_working_set_is_counted():
    outputs = 2 * 8 * 26 * 26 + 8 * 13 * 13 + 2 * 8 * 11 * 11 + 8 * 5 * 5 + 2 * 128 + 2 * 10
    assert runtime.working_set(runtime.study_spec(8), 3) == 4 * (3 * 784 + 3 * 2 * outputs + 2 * 27_682)


def test_arrays_that_a_network_holds_are_counted_once():
    class Held:
        __module__ = "helpers.made.up"

        def __init__(self):
            self.one = np.zeros((4, 5))
            self.views = [self.one[1:], {"a": self.one.T, "b": (np.zeros(3, "int8"),)}, "text", None]
            self.itself = self

    assert cnn_runtime_backends.held_bytes(Held()) == 160 + 3
    images, labels = batches_of(5, 1)
    made = training("numpy", runtime.study_spec(3, 5), images, labels)
    made.step()
    spec = runtime.study_spec(3, 5)
    # parameters and gradients at least; at most what a step could keep, and scratch
    assert 8 * spec.parameters < cnn_runtime_backends.held_bytes(made.network) < 4 * runtime.working_set(spec, 5)


def test_cache_sizes_are_read_from_the_system(tmp_path):
    for i, (level, kind, size) in enumerate([(1, "Data", "32K"), (1, "Instruction", "64K"), (2, "Unified", "1024K")]):
        folder = tmp_path / f"index{i}"
        folder.mkdir()
        for name, value in (("level", level), ("type", kind), ("size", size)):
            (folder / name).write_text(f"{value}\n")
    (tmp_path / "index9").mkdir()
    assert runtime.cache_sizes(tmp_path) == {"L1": 32 * 1024, "L2": 1024 * 1024}
    assert runtime.cache_sizes(tmp_path / "none") == {}


@pytest.mark.parametrize("backend", ["numpy", "torch", "cuda", "cuda graph"])
def test_every_backend_takes_the_right_step(backend):
    if backend.startswith("cuda") and not cuda_available():
        pytest.skip("no CUDA GPU here")
    spec = runtime.study_spec(3, 5)
    images, labels = batches_of(5, 3)
    demand_right(training(backend, spec, images, labels), spec, images[0], labels[0])


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (lambda made: setattr(made, "lr", made.lr / 2), r"The gradient of .* is wrong"),
        (lambda made: made.images.__imul__(1.1), "A loss of"),
        (lambda made: made.network.parameters()[-1][1].__iadd__(1e-3), r"A loss of|The gradient of"),
    ],
)
def test_a_wrong_step_is_not_timed(change, words):
    spec = runtime.study_spec(3, 5)
    images, labels = batches_of(5, 2)
    made = training("numpy", spec, images.copy(), labels)
    change(made)
    with pytest.raises(CourseError, match=words):
        demand_right(made, spec, images[0], labels[0])


def test_images_come_again_where_they_do_not_suffice(monkeypatch):
    monkeypatch.setattr(cnn_runtime_backends, "load", lambda train, test, flat: _few())
    images, labels = batches_of(4, 2)
    assert labels.tolist() == [[0, 1, 2, 0], [1, 2, 0, 1]]
    assert images[1, 0, 0, 0, 0] == 1


def _few():
    class Few:
        train_images = np.arange(3.0).repeat(784).reshape(3, 1, 28, 28)
        train_labels = np.arange(3)

    return Few


SAID = {"hardware": "Some CPU", "versions": {"numpy": "2"}, "load": [0.0], "made": "2026-01-02", "held": [0, 77, 0, 0]}


def test_points_are_medians_and_quartiles_of_rounds(monkeypatch):
    jobs = []

    def worker(job, threads, advance):
        jobs.append((job, threads))
        advance()
        return {"result": [[1.0, 2.0, 3.0, 4.0, 50.0]] * len(job["cases"]), **SAID}

    monkeypatch.setattr(cnn_runtime_measure, "run_worker", worker)
    points = runtime.measure((8, 16), ("numpy", "torch"), batch=(64, 128), threads=2, budget_seconds=10, progress=False)
    assert [(p.backend, p.batch, p.filters) for p in points] == [
        (b, n, k) for b in ("numpy", "torch") for n in (64, 128) for k in (8, 16)
    ]
    one = points[3]
    assert (one.seconds, one.low, one.high, one.rounds, one.threads) == (3.0, 2.0, 4.0, 5, 2)
    assert (one.hardware, one.made, one.kind) == ("Some CPU", "2026-01-02", "measured")
    assert one.label == "numpy, Some CPU, 2 threads"
    assert one.flops == runtime.training_flops(runtime.study_spec(16, 128))
    assert one.working_set == runtime.working_set(runtime.study_spec(16), 128)
    assert points[1].working_set == 77  # as the worker counted
    assert one.seconds_per_image == 3 / 128
    assert one.epoch_seconds(1_000) == 24
    assert [(job["backend"], job["budget"], threads) for job, threads in jobs] == [("numpy", 5, 2), ("torch", 5, 2)]
    assert runtime.Point.from_json(json.loads(json.dumps(one.as_json()))) == one


@pytest.mark.parametrize(
    ("call", "words"),
    [
        (lambda: runtime.measure([], ["numpy"]), "nothing to measure"),
        (lambda: runtime.measure([0], ["numpy"]), "filters has 0"),
        (lambda: runtime.measure([8], ["numpy"], threads=True), "threads has True"),
        (lambda: runtime.epochs(8, "numpy", 0), "n has 0"),
        (lambda: runtime.Point.from_json({"filters": 8}), "lacks something"),
        (lambda: runtime.Point.from_json({"colour": 8}), "is not a point"),
        (lambda: runtime.predicted("Tesla K4O", [8]), "did you mean|choose one of"),
    ],
)
def test_what_cannot_be_measured_is_refused_in_a_sentence(call, words):
    with pytest.raises(CourseError, match=words):
        call()


def test_quartiles_in_the_wrong_order_are_no_point():
    values = runtime.recorded()[0].as_json()
    with pytest.raises(CourseError, match="not times of a step"):
        runtime.Point.from_json({**values, "low": 2 * values["seconds"]})


def test_a_process_of_its_own_measures_with_its_threads(monkeypatch):
    seen = []
    started = subprocess.Popen

    def popen(command, env, **rest):
        seen.append(env)
        return started(command, env=env, **rest)

    monkeypatch.setattr(subprocess, "Popen", popen)
    (point,) = runtime.measure([3], ["numpy"], batch=4, rounds=3, threads=2, progress=False)
    assert 0 < point.low <= point.seconds <= point.high
    assert (point.rounds, point.backend, point.parameters) == (3, "numpy", runtime.study_spec(3).parameters)
    assert {seen[0][name] for name in ("OPENBLAS_NUM_THREADS", "OMP_NUM_THREADS", "MKL_NUM_THREADS")} == {"2"}
    seconds = runtime.epochs(3, "numpy", 3, 128, progress=False)
    assert len(seconds) == 3
    assert min(seconds) > 0


@pytest.mark.skipif(cuda_available(), reason="this machine has a GPU")
def test_a_process_answers_in_a_sentence():
    with pytest.raises(CourseError, match="needs an NVIDIA GPU, and PyTorch sees none here"):
        runtime.measure([3], ["cuda"], progress=False)
    with pytest.raises(CourseError, match=r"no backend 'nunpy'.*numpy"):
        runtime.measure([3], ["nunpy"], progress=False)


def test_a_process_that_dies_says_its_last_words(monkeypatch):
    monkeypatch.setattr(sys, "executable", "/bin/false")
    with pytest.raises(CourseError, match="measures numpy ended early: it said nothing"):
        runtime.measure([3], ["numpy"], progress=False)


@pytest.mark.skipif(not cuda_available(), reason="no CUDA GPU here")
def test_a_small_study_on_the_gpu():
    eager, graph = runtime.measure([8], ["cuda", "cuda graph"], rounds=3, progress=False)
    assert 0 < graph.seconds < eager.seconds
    assert eager.hardware == graph.hardware


@pytest.mark.promise("Elsewhere they come from `helpers/study/cnn_runtime/recorded/`, marked as recorded,")
def test_where_a_device_is_absent_records_take_its_place(monkeypatch, tmp_path):
    said = []
    monkeypatch.setattr(cnn_runtime_record, "cuda_available", lambda: False)
    assert runtime.points([8], ["cuda"], folder=tmp_path, say=said.append) == []
    assert "no record" in said[0]
    assert "--record FILE" in said[0]
    here = runtime.recorded("numpy")[0]
    there = [replace(here, backend="cuda", hardware="A Card", recorded=False, filters=k) for k in (8, 16)]
    cnn_runtime_record.write_record(tmp_path / "card.json", runtime.Record({}, tuple(there)))
    (point,) = runtime.points([8], ["cuda"], folder=tmp_path, say=said.append)
    assert (point.kind, point.filters, point.label) == ("recorded", 8, "cuda, A Card (recorded)")
    assert said[1] == f"cuda: there is no GPU here; these are recorded measurements of A Card ({here.made})."


def test_a_file_that_is_no_record_is_refused_by_its_name(tmp_path):
    for text in ("", "{}", '"points": [{"filters": 8}]', '"points": [], "epochs": [3]'):
        (tmp_path / "bad.json").write_text(f'{{"machine": {{}}, {text}}}' if ":" in text else text)
        with pytest.raises(CourseError, match=r"bad\.json"):
            runtime.recorded(folder=tmp_path)


def test_the_shipped_record_is_of_this_network():
    points = runtime.recorded()
    for p in points:
        spec = runtime.study_spec(p.filters, p.batch)
        assert (p.parameters, p.flops) == (spec.parameters, runtime.training_flops(spec))
        assert p.recorded
        assert not p.predicted
        assert p.hardware
        assert p.made
        assert p.versions["numpy"]
        assert p.rounds >= 3
    for backend in ("numpy", "torch"):
        rows = {p.filters: p.seconds for p in points if (p.backend, p.threads, p.batch) == (backend, 1, 64)}
        assert set(runtime.CPU_FILTERS) <= set(rows)
        assert rows[64] > rows[8]


@pytest.mark.parametrize("backend", ["numpy", "torch"])
def test_batches_take_turns(backend):
    images, labels = batches_of(5, 3)
    spec = runtime.study_spec(3, 5)
    one, other = training(backend, spec, images, labels), training(backend, spec, images, labels)
    seen = []
    for _ in range(7):
        one.step()
        seen.append(one.loss())
    for i, expected in enumerate(seen):
        # the other one has a single batch, the one whose turn it should be
        other.images, other.labels = one.images[i % 3 : i % 3 + 1], one.labels[i % 3 : i % 3 + 1]
        other._turn = 0
        other.step()
        assert other.loss() == pytest.approx(expected, rel=1e-6)
