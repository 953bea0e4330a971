"""Processes with an environment of their own, training with torch.distributed, and the figures of these."""

from __future__ import annotations

import os
import socket

import numpy as np
import pytest

from helpers import plots
from helpers.backend import torch_or_none
from helpers.errors import CourseError
from helpers.study import performance_factors as study
from helpers.study.performance_factors import distributed, train_worker

ONE = dict.fromkeys(study.THREAD_VARIABLES, "1")
needs_two = pytest.mark.skipif(bool(study.cannot_run_two()), reason=study.cannot_run_two() or "-")


def test_a_process_times_its_work_and_reads_its_threads():
    threads = {**os.environ, **dict.fromkeys(study.THREAD_VARIABLES, "2")}
    library = "torch" if torch_or_none() else "numpy"
    with study.start(threads, library, size=64) as worker:
        assert worker.run() > 0
        assert library == "numpy" or worker.threads == 2


@pytest.mark.parametrize(
    ("environment", "options", "words"),
    [
        ({**ONE, "OMP_NUM_THREADS": "100000"}, {}, "OMP_NUM_THREADS='100000' can't be timed on"),
        ({**ONE, "MKL_NUM_THREADS": "many"}, {}, "give a whole number from 1 to"),
        (ONE, {"library": "tensorflow"}, "There is no library 'tensorflow'"),
        (ONE, {"work": "sleep"}, "numpy has no work 'sleep'"),
        (ONE, {"work": "training step"}, "numpy has no work 'training step'"),
        (ONE, {"size": 0}, "size=0 can't be timed"),
    ],
)
def test_what_cannot_be_started_is_said_in_a_sentence(environment, options, words):
    with pytest.raises(CourseError, match=words):
        study.start({**os.environ, **environment}, **options)


def test_an_environment_holds_text():
    with pytest.raises(TypeError, match="is of type int"):
        study.start({**os.environ, "OMP_NUM_THREADS": 2})


def test_a_process_that_was_killed_says_so():
    worker = study.start({**os.environ, **ONE}, size=8)
    worker._process.kill()
    worker._process.wait()
    with pytest.raises(CourseError, match="has ended"):
        worker.run()


def test_a_library_that_is_not_there_is_named(tmp_path):
    (tmp_path / "torch.py").write_text("raise ImportError('broken')")
    with pytest.raises(CourseError, match="PyTorch is not installed; install torch, or time numpy alone"):
        study.start({**os.environ, **ONE, "PYTHONPATH": str(tmp_path)}, "torch")


# Training together ------------------------------------------------------------------------------------------------

SMALL = {"batch": 12, "steps": 4, "sizes": (20, 16, 5)}


@needs_two
def test_two_processes_end_with_the_weights_of_one():
    one, two = study.two_processes(1, **SMALL), study.two_processes(2, **SMALL)
    assert two.differ == 0
    for name, weight in one.weights.items():
        assert np.abs(weight - two.weights[name]).max() < 1e-13
    assert 0 < two.communicating < two.seconds


@needs_two
@pytest.mark.parametrize("rank", [0, pytest.param(1, marks=pytest.mark.slow)])
def test_a_worker_that_is_killed_ends_all_and_is_named(rank):
    with pytest.raises(CourseError, match=rf"Worker {rank} of 2 \(0 to 1\) was killed \(SIGKILL\), and the others"):
        study.two_processes(2, kill=rank, **SMALL)


@needs_two
def test_a_port_in_use_is_said():
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        with pytest.raises(CourseError, match=f"The port {port} is in use by another program"):
            study.two_processes(2, port=port, **SMALL)


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"batch": 7}, "A batch of 7 can't be divided evenly among 2 workers"),
        ({"steps": 0}, "steps=0 can't be trained with"),
        ({"threads": 100}, "are more than this course starts"),
        ({"device": "tpu"}, "device='tpu' can't be trained on"),
        ({"dtype": "int8"}, "dtype='int8' can't be trained with"),
        ({"sizes": (784, 0)}, "are not those of a network"),
        ({"kill": 2}, "kill=2 is none of the workers, 0 to 1"),
    ],
)
def test_what_cannot_be_trained_is_said_in_a_sentence(options, words):
    with pytest.raises(CourseError, match=words):
        study.two_processes(2, **options)


@needs_two
def test_more_workers_than_gpus_are_said(monkeypatch):
    monkeypatch.setattr(distributed, "gpus", lambda: 1)
    with pytest.raises(CourseError, match="2 workers on GPUs take as many GPUs, and here are 1"):
        study.two_processes(2, device="cuda", **SMALL)


@pytest.mark.parametrize(
    ("environment", "job", "words"),
    [
        ({}, "{}", "RANK and WORLD_SIZE are not set"),
        ({"RANK": "0", "WORLD_SIZE": "3"}, "{}", "A batch of 64 can't be divided evenly among 3 workers"),
        ({"RANK": "0", "WORLD_SIZE": "2"}, "{", "The job '{' can't be trained"),
        ({"RANK": "0", "WORLD_SIZE": "2"}, '{"bach": 1}', "'bach' in the job can't be trained"),
    ],
)
def test_a_worker_that_was_not_started_by_torchrun_says_so(environment, job, words, monkeypatch):
    for name in ("RANK", "WORLD_SIZE"):
        monkeypatch.delenv(name, raising=False)
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    with pytest.raises(CourseError, match=words):
        train_worker.main(train_worker._job(job))


@pytest.mark.parametrize(
    ("available", "gloo", "words"), [(False, True, "without torch.distributed"), (True, False, "has no gloo")]
)
def test_a_torch_without_distributed_is_said(available, gloo, words, monkeypatch):
    torch = pytest.importorskip("torch")
    monkeypatch.setattr(torch.distributed, "is_available", lambda: available)
    monkeypatch.setattr(torch.distributed, "is_gloo_available", lambda: gloo)
    assert words in study.cannot_run_two()
    with pytest.raises(CourseError, match=words):
        study.two_processes(2, **SMALL)


# Training one network, and figures --------------------------------------------------------------------------------


def test_a_trainer_learns_and_its_seed_decides():
    data = study.images(400, 100)
    first, again, other = (study.Trainer(data, 20, 0.5, seed) for seed in (0, 0, 1))
    before = first.accuracy()
    for _ in range(60):
        for trainer in (first, again, other):
            trainer.step()
    assert first.accuracy() == again.accuracy() > before
    assert np.abs(first.network.weights[0] - other.network.weights[0]).max() > 0


def test_images_and_batches_that_are_not_there():
    with pytest.raises(CourseError, match="can't be taken"):
        study.images(60_000, 1)
    with pytest.raises(CourseError, match="can't be drawn"):
        study.Trainer(study.images(10, 10), 11, 0.1)


def test_figures_say_what_they_show():
    assert "64 KiB 2.0" in plots.staircase([(2**15, 4e9), (2**16, 2e9)], {"L1": 48 * 1024}).alt
    rows = [{"library": "numpy", "size": 8, "threads": n, "seconds": 1 / n} for n in (1, 2)]
    assert "Caffe: 1 1.00, 2 1.68" in plots.threads(rows, study.CAFFE_THREADS, lambda p, t: (0.1, t[0])).alt
    row = {"rule": "root", "batch": 16, "step": 0.001, "steps": [10, 20], "seconds": 0.015, "low": 0.01, "high": 0.02}
    gone = {**row, "batch": 32, "steps": [None], "seconds": None, "low": None, "high": None}
    assert "root: 16 0.01 s" in plots.time_to_accuracy([row, gone], 0.95).alt
    assert "none" in plots.time_to_accuracy([gone], 0.95).alt
    assert "10 on 1, 15 on 2" in plots.scaling([1, 2], {"weak": [10, 15]}).alt


@pytest.mark.parametrize(
    "draw",
    [
        lambda: plots.staircase([], {}),
        lambda: plots.threads([], study.CAFFE_THREADS),
        lambda: plots.time_to_accuracy([], 0.95),
        lambda: plots.scaling([1, 2], {"weak": [10]}),
    ],
)
def test_nothing_to_draw_is_said(draw):
    with pytest.raises(CourseError):
        draw()
