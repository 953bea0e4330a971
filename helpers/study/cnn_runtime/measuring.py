"""Measure training steps and epochs, each backend in a process of its own, one process at a time."""

from __future__ import annotations

import json
import os
import statistics
import subprocess
import sys
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path
from typing import Any

from helpers.errors import CourseError
from helpers.progress import Progress
from helpers.study.cnn_runtime.point import BATCH, Point, study_spec, training_flops, working_set
from helpers.threads import VARIABLES
from helpers.timing import spread

ROUNDS, WARMUP = 15, 3


def measure(
    filters: Sequence[int],
    backends: Sequence[str],
    *,
    batch: int | Sequence[int] = BATCH,
    rounds: int = ROUNDS,
    warmup: int = WARMUP,
    threads: int = 1,
    budget_seconds: float | None = None,
    progress: bool = True,
) -> list[Point]:
    """Time a training step of convolutional_nn.json on this machine, for every backend, number of filters and batch.

    backends: of "numpy", "torch" (CPU), "cuda", "cuda graph"; batch: images of a step, one number or several; rounds,
    warmup: see `time_steps`; threads: of the CPU; budget_seconds: for all of it together, checks not counted: rounds
    are left out, three always stay. The processes run one after another, because two measured at once share caches,
    memory and clock rate, and both come out slow. Loss and gradients are compared with `nn.Network` before anything is
    timed. Raises CourseError where a backend is unknown, has no device, or computes something else.
    """
    batches = [batch] if isinstance(batch, int) else list(batch)
    for name, values in (("filters", filters), ("batch", batches), ("threads", [threads]), ("rounds", [rounds])):
        _check_counts(name, values)
    cases = [[k, n] for n in batches for k in filters]
    if not cases or not backends:
        raise CourseError("There is nothing to measure; give at least one number of filters and one backend.")
    budget = None if budget_seconds is None else budget_seconds / len(backends)
    points = []
    with Progress(len(backends) * (rounds + len(cases)), "round", shown=progress) as line:
        for backend in backends:
            advance = partial(line.advance, backend)
            job = {"task": "steps", "backend": backend, "cases": cases, "rounds": rounds, "warmup": warmup}
            done = run_worker({**job, "threads": threads, "budget": budget}, threads, advance)
            for i, ((k, n), seconds) in enumerate(zip(cases, done["result"], strict=True)):
                points.append(point(k, n, backend, threads, seconds, done, i))
    return points


def epochs(
    filters: int, backend: str, n: int = 20, images: int = 2_000, *, threads: int = 1, progress: bool = True
) -> list[float]:
    """Seconds of each of n epochs over so many images, in a new process whose first step is in the first epoch.

    There is no warm-up: that is what one sees who measures a few epochs to predict many.
    Images and network are made before the clock starts, as is the graph of "cuda graph". images counts in whole batches
    of 64.
    """
    for name, value in (("filters", filters), ("n", n), ("images", images), ("threads", threads)):
        _check_counts(name, [value])
    job = {"task": "epochs", "backend": backend, "filters": filters, "images": images, "epochs": n, "threads": threads}
    with Progress(n, "epoch", backend, shown=progress) as line:
        return run_worker(job, threads, line.advance)["result"]


def point(
    filters: int, batch: int, backend: str, threads: int, seconds: list[float], done: dict[str, Any], case: int
) -> Point:
    """The Point of these rounds; done: what the worker reports beside them, its case'th."""
    spec = study_spec(filters, batch)
    held = done["held"][case] or working_set(spec, batch)
    quartiles = spread(seconds)
    return Point(
        filters, spec.parameters, training_flops(spec), batch, backend, done["hardware"], threads,
        statistics.median(seconds), quartiles["q1"], quartiles["q3"], len(seconds),
        made=done["made"], versions=done["versions"], working_set=held,
    )  # fmt: skip


def run_worker(job: dict[str, Any], threads: int, advance: Callable[[], None]) -> dict[str, Any]:
    """What `worker` says at the end; advance() for each of its rounds. Ctrl-C ends it, too."""
    root = str(Path(__file__).parents[3])
    paths = [root, *filter(None, [os.environ.get("PYTHONPATH")])]
    environment = {**os.environ, **dict.fromkeys(VARIABLES, str(threads)), "PYTHONPATH": os.pathsep.join(paths)}
    command = [sys.executable, "-m", "helpers.study.cnn_runtime.worker", json.dumps(job)]
    with subprocess.Popen(
        command, env=environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, encoding="utf-8"
    ) as process:
        try:
            assert process.stdout is not None
            assert process.stderr is not None
            for line in process.stdout:
                said = json.loads(line)
                if "error" in said:
                    raise CourseError(said["error"])
                if "result" in said:
                    return said
                advance()
            last = (process.stderr.read().strip().splitlines() or ["it said nothing"])[-1]
        finally:
            process.kill()
    raise CourseError(
        f"The process that measures {job['backend']} ended early: {last}; fix that, or choose another backend."
    )


def _check_counts(name: str, values: Sequence[Any]) -> None:
    for value in values:
        if isinstance(value, bool) or not isinstance(value, int) or value < 1:
            raise CourseError(f"{name} has {value!r}, which can't be measured; give whole numbers of at least 1.")
