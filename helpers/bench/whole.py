"""Benchmarks of whole commands: the study, the import, the executed notebook."""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from helpers.bench.result import Result, demand
from helpers.errors import CourseError
from helpers.study.network_from_scratch import Plan
from helpers.study.pool import perform_all
from helpers.threads import VARIABLES
from helpers.timing import spread

ROOT = Path(__file__).resolve().parents[2]


def one_rate(epochs: int = 30, threads: int = 1) -> Result:
    """A run of 784-512-128-10 at rate 0.1 on all 60,000 images, its process's start and evaluation included."""
    return _study((0.1,), epochs, 1, threads, 60.0)


def five_rates(epochs: int = 30, jobs: int = 2) -> Result:
    """The same for the five rates of the study, in two processes."""
    return _study(Plan.rates, epochs, jobs, 1, 240.0)


def _study(rates: tuple[float, ...], epochs: int, jobs: int, threads: int, goal: float) -> Result:
    plan = Plan(rates=rates, epochs=epochs, parts=("rates",))
    began = time.perf_counter()
    histories = perform_all(plan.runs(), jobs, threads)
    seconds = time.perf_counter() - began
    best = max(h.test_accuracy[-1] for h in histories)
    least = 0.97 if epochs >= 30 else 0.85
    demand(best > least, f"The best rate reaches {best:.2%} after {epochs} epochs; more than {least:.0%} is right.")
    return Result(
        f"study: 784-512-128-10, 60,000 images, {epochs} epochs, {len(rates)} rate{'s' * (len(rates) > 1)}",
        seconds,
        None,
        None,
        "s",
        threads * jobs,
        1,
        {"epoch": spread([s for h in histories for s in h.seconds]), "accuracy": best},
        goal * epochs / 30,
    )


def import_time(rounds: int = 11) -> Result:
    """`import helpers` and its light rooms in a fresh interpreter, less the interpreter's own start."""
    rooms = "helpers, helpers.backend, helpers.data, helpers.nn, helpers.train, helpers.plots, helpers.timing"
    heavy = "{'torch', 'matplotlib', 'tqdm'} & set(sys.modules)"
    code = (
        f"import sys, time; t = time.perf_counter(); import {rooms}; t = time.perf_counter() - t; print(t, *({heavy}))"
    )
    seconds = []
    for turn in range(rounds + 1):
        out = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, cwd=ROOT)
        first, *loaded = out.stdout.split()
        demand(not loaded, f"`import helpers` loads {', '.join(loaded)}; they must wait until they are needed.")
        if turn:
            seconds.append(float(first))
    return Result(
        "import: helpers with backend, data, nn, train, plots and timing",
        sorted(seconds)[len(seconds) // 2],
        None,
        None,
        "s",
        1,
        rounds,
        spread(seconds),
        0.3,
    )


def notebook(name: str = "network_from_scratch") -> Result:
    """The executed model solution, top to bottom, at COURSE_SIZE=standard, in a folder of its own."""
    path = ROOT / "solutions" / name / f"{name}.ipynb"
    if not path.is_file():
        raise CourseError(f"The notebook {path.name} is missing in solutions/{name}; run `make solutions` first.")
    try:
        import nbformat
        from nbclient import NotebookClient
        from nbclient.exceptions import CellExecutionError
    except ImportError:
        raise CourseError("Executing a notebook needs nbclient; install the course's requirements.lock.") from None
    book = nbformat.read(path, as_version=4)
    # A student's kernel has the machine's threads, not the one to which the benchmarks are pinned.
    before = dict(os.environ)
    for variable in VARIABLES:
        os.environ.pop(variable, None)
    os.environ["COURSE_SIZE"] = "standard"
    try:
        with tempfile.TemporaryDirectory() as folder:
            client = NotebookClient(book, timeout=900, resources={"metadata": {"path": folder}})
            began = time.perf_counter()
            try:
                client.execute()
            except CellExecutionError as error:
                raise CourseError(f"The notebook stops with {error.ename}: {error.evalue}; mend it first.") from None
            seconds = time.perf_counter() - began
    finally:
        os.environ.clear()
        os.environ.update(before)
    return Result(f"notebook: {name}, top to bottom", seconds, None, None, "s", os.cpu_count() or 1, 1, {}, 180.0)
