"""Performance factors: threads, waiting policies, precision, and time to accuracy by batch, at full size.

Training runs are distributed over the cores and kept in OUT/runs; timings run alone, one process at a time, and are
made anew each time.
"""

from __future__ import annotations

import argparse
import datetime
import json
import os
import statistics
from collections.abc import Sequence
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from helpers.backend import torch_or_none
from helpers.command import count
from helpers.errors import CourseError
from helpers.study import files
from helpers.study.carry_out import add_options as add_run_options
from helpers.study.carry_out import carry_out_for
from helpers.study.cnn_runtime.student_t import t_quantile
from helpers.study.performance_factors.processes import THREAD_VARIABLES, cores, start
from helpers.study.performance_factors.published import CAFFE_THREADS
from helpers.study.performance_factors.runs import RULES, StepsRun
from helpers.study.performance_factors.training import Trainer, images
from helpers.timing import environment, measure

if TYPE_CHECKING:
    from matplotlib.figure import Figure

ROUNDS = 9


def add_options(parser: argparse.ArgumentParser) -> None:
    """What is its own: seeds, and where to record."""
    parser.add_argument("--seeds", type=count, help="seeds of each batch and rule (default 10)")
    parser.add_argument("--record", type=Path, metavar="FILE", help="write what this machine measures as its record")
    parser.add_argument("--only-timings", action="store_true", help="no training runs: threads and precision alone")
    add_run_options(parser)


def main(options: argparse.Namespace) -> None:
    """Measure, train, print, draw, and record where that is asked for."""
    if options.record is not None and not options.record.parent.is_dir():
        raise CourseError(f"The folder {options.record.parent} is not there; make it, or record elsewhere.")
    most = 2 if options.quick else max(8, cores())
    counts = sorted({1, 2, *(n for n in (4, 8, cores()) if n <= most)})
    timings = {
        "threads": _threads(counts, options.quick),
        "policy": _policy(options.quick),
        "precision": _precision(options.quick),
    }
    for name, rows in timings.items():
        for row in rows:
            print(
                f"{name}: "
                + ", ".join(
                    f"{key} {value:.4g}" if isinstance(value, float) else f"{key} {value}" for key, value in row.items()
                )
            )
    batches = [] if options.only_timings else _batches(options)
    for row in batches:
        reached = f"{row['seconds']:.3f} s ({row['low']:.3f} to {row['high']:.3f})" if row["seconds"] else "not reached"
        print(f"rule {row['rule']}, batch {row['batch']}: {reached}")
    if options.record is not None:
        _record(options.record, timings, options.quick)
    files.write(
        options.out,
        partial(_figures, timings["threads"], batches),
        {f"{name}.csv": rows for name, rows in timings.items()} | {"batches.csv": batches},
    )


def _seconds(threads: int, begin: Any, rounds: int, **more: str) -> float:
    """The median of some runs after one that does not count."""
    with begin({**os.environ, **dict.fromkeys(THREAD_VARIABLES, str(threads)), **more}) as process:
        process.run()
        return statistics.median(process.run() for _ in range(rounds))


def _libraries() -> Sequence[str]:
    return ("numpy", "torch") if torch_or_none() else ("numpy",)


def _threads(counts: Sequence[int], quick: bool) -> list[dict[str, Any]]:
    return [
        {"library": library, "size": size, "threads": n,
         "seconds": _seconds(n, partial(start, library=library, size=size), 3 if quick else ROUNDS)}
        for library in _libraries() for size in ((64,) if quick else (2048, 512, 128)) for n in counts
    ]  # fmt: skip


def _policy(quick: bool) -> list[dict[str, Any]]:
    """A training step by threads, waiting passively and actively; nothing without PyTorch."""
    if not torch_or_none():
        return []
    begin = partial(start, library="torch", work="training step", size=64)
    return [
        {"policy": policy, "threads": n, "seconds": _seconds(n, begin, 3 if quick else ROUNDS, OMP_WAIT_POLICY=policy)}
        for policy in ("passive", "active") for n in ((1,) if quick else sorted({1, cores(), 2 * cores(), 4 * cores()}))
    ]  # fmt: skip


def _precision(quick: bool) -> list[dict[str, Any]]:
    """GFLOP/s of a square product by type of number, one thread; on a GPU, too, where there is one."""
    rows = []
    for library in _libraries():
        for dtype in ("float64", "float32", "float16", *(("bfloat16",) if library == "torch" else ())):
            n = 64 if quick else 128 if (library, dtype) == ("numpy", "float16") else 1024
            seconds = _seconds(1, partial(start, library=library, size=n, dtype=dtype), 3 if quick else ROUNDS)
            rows.append({"library": library, "dtype": dtype, "gflops": 2 * n**3 / seconds / 1e9})
    return [*rows, *_precision_on_a_gpu(quick)]


def _precision_on_a_gpu(quick: bool) -> list[dict[str, Any]]:
    torch = torch_or_none()
    if torch is None or not torch.cuda.is_available():
        return []
    rows, n = [], 256 if quick else 8192
    before = torch.backends.cuda.matmul.allow_tf32
    try:
        for dtype, tf32 in (
            ("float64", False),
            ("float32", False),
            ("TF32", True),
            ("bfloat16", False),
            ("float16", False),
        ):
            torch.backends.cuda.matmul.allow_tf32 = tf32
            kind = torch.float32 if tf32 else getattr(torch, dtype)
            a, b = (torch.randn(n, n, device="cuda").to(kind) for _ in range(2))
            out = torch.empty_like(a)
            work = partial(torch.mm, a, b, out=out)
            seconds = measure({"it": work}, rounds=ROUNDS, synchronise=torch.cuda.synchronize)["it"].median
            rows.append(
                {
                    "library": "torch on " + torch.cuda.get_device_name(),
                    "dtype": dtype,
                    "gflops": 2 * n**3 / seconds / 1e9,
                }
            )
    finally:
        torch.backends.cuda.matmul.allow_tf32 = before
    return rows


def _batches(options: argparse.Namespace) -> list[dict[str, Any]]:
    """Time to accuracy: seconds of a step of this machine, steps of several seeds."""
    sizes = (64, 256) if options.quick else (16, 32, 64, 128, 256, 512, 1024)
    small = {"level": 0.5, "most_images": 6_000, "train": 500, "validation": 200}
    more: dict[str, Any] = small if options.quick else {}
    seeds = options.seeds or (2 if options.quick else 10)
    tasks = [
        StepsRun(f"{rule} {batch}", seed, batch, rule, **more)
        for rule in RULES
        for batch in sizes
        for seed in range(seeds)
    ]
    steps = dict(zip(tasks, carry_out_for(options, tasks), strict=True))
    data = images(*((500, 200) if options.quick else (20_000, 2_000)))
    step = {batch: measure({"it": Trainer(data, batch, 0.1).step}, rounds=31)["it"].median for batch in sizes}
    return [_row(rule, batch, step[batch], [s for task, s in steps.items() if (task.rule, task.batch) == (rule, batch)])
            for rule in ("root", "fixed", "linear") for batch in sizes]  # fmt: skip


def _row(rule: str, batch: int, step: float, steps: Sequence[int]) -> dict[str, Any]:
    """Mean of the seconds and its 95% interval; None where a seed did not reach the level."""
    row = {"rule": rule, "batch": batch, "step": step, "steps": [s or None for s in steps]}
    if not all(steps) or len(steps) < 2:
        return {**row, "seconds": None, "low": None, "high": None}
    seconds = [step * s for s in steps]
    mean = statistics.mean(seconds)
    half = t_quantile(0.975, len(seconds) - 1) * statistics.stdev(seconds) / len(seconds) ** 0.5
    return {**row, "seconds": mean, "low": mean - half, "high": mean + half}


def _figures(thread_rows: list[dict[str, Any]], batches: list[dict[str, Any]]) -> dict[str, Figure]:
    from helpers import plots

    found = {"threads.png": plots.threads(thread_rows, CAFFE_THREADS)}
    if batches:
        found["time_to_accuracy.png"] = plots.time_to_accuracy(batches, 0.95)
    return found


def _record(path: Path, timings: dict[str, list[dict[str, Any]]], quick: bool) -> None:
    """The timings with the machine's name, the command and the date."""
    here, small = environment(), " --quick" if quick else ""
    record = {
        "machine": f"{here['cpu']}, {here['cores']} cores",
        "command": f"python -m helpers.study performance_factors --only-timings{small} --record {path.name}",
        "made": datetime.date.today().isoformat(),
        "load": here["load"],
        "versions": {name: here[name] for name in ("python", "numpy", "torch", "blas")},
        **timings,
    }
    path.write_text(json.dumps(record, indent=1) + "\n", encoding="utf-8")
    print(f"recorded in {path}")
