"""Performance factors: the roof, threads, precision, time to accuracy and scaling, all figures at full size.

Training runs are distributed over the cores, or over a Dask cluster with --scheduler. Timings run alone, one process
at a time, and always on this machine. What is finished is kept in OUT/runs, and --fresh makes it anew.
"""

from __future__ import annotations

import argparse
import datetime
import json
import math
import statistics
from collections.abc import Sequence
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from helpers.backend import torch_or_none
from helpers.command import count
from helpers.cost.communication import Link, ring
from helpers.errors import CourseError
from helpers.study import files
from helpers.study.carry_out import add_options as add_run_options
from helpers.study.carry_out import carry_out_for
from helpers.study.cluster import NO_TIMINGS
from helpers.study.cnn_runtime.student_t import t_quantile
from helpers.study.keep import Keep
from helpers.study.performance_factors.published import CAFFE_THREADS
from helpers.study.performance_factors.runs import RULES, StepsRun
from helpers.study.performance_factors.timings import EXPERIMENTS, Timed
from helpers.study.performance_factors.training import Trainer, images
from helpers.timing import cache_sizes, environment, measure

if TYPE_CHECKING:
    from matplotlib.figure import Figure

RECORDED = ("threads", "policy", "precision")
"""What a record of this machine holds."""
SMALL = {"level": 0.5, "most_images": 6_000, "train": 500, "validation": 200}
"""Of the training runs with --quick."""
NETS = {"10 Gbit/s Ethernet": Link(50e-6, 1.25e9), "100 Gbit/s": Link(5e-6, 12.5e9)}


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
    if options.record is not None and options.record.is_dir():
        raise CourseError(f"{options.record} is a folder; name a file to record in.")
    if options.seeds == 1:
        raise CourseError("One seed gives no interval; ask for at least --seeds 2.")
    if options.scheduler and options.only_timings:
        raise CourseError(NO_TIMINGS + " or --only-timings.")
    batches = [] if options.only_timings else _batches(options)
    timings = _timings(options)
    for name in RECORDED:
        for row in timings[name]:
            print(f"{name}: " + ", ".join(f"{key} {_said(value)}" for key, value in row.items()))
    for row in batches:
        reached = f"{row['seconds']:.3f} s ({row['low']:.3f} to {row['high']:.3f})" if row["seconds"] else "not reached"
        print(f"rule {row['rule']}, batch {row['batch']}: {reached}")
    if options.record is not None:
        _record(options.record, {name: timings[name] for name in RECORDED}, options.quick)
    files.write(
        options.out,
        partial(_figures, timings, batches, SMALL["level"] if options.quick else StepsRun.level),
        {f"{name}.csv": rows for name, rows in timings.items()} | {"batches.csv": batches, "scaling.csv": scaling()},
    )


def _said(value: Any) -> str:
    return f"{value:.4g}" if isinstance(value, float) else str(value)


def _timings(options: argparse.Namespace) -> dict[str, list[dict[str, Any]]]:
    """The rows of every experiment by its name; those that this machine has made before are read."""
    here, torch = environment(), torch_or_none()
    keep = Keep(options.out / "runs", options.fresh or options.record is not None)
    found = {}
    for name in EXPERIMENTS:
        task = Timed(name, here["cpu"], here["cores"], str(torch.__version__) if torch else None, options.quick)
        found[name] = keep.load(task)
        if found[name] is None:
            found[name] = task.perform()
            keep.save(task, found[name])
    return found


def scaling() -> list[dict[str, Any]]:
    """Images per second on 1 to 1,024 workers by the model: a network of 25.6 million parameters and 24.6 GFLOP an
    image on devices that reach 3.2 TFLOP/s, with a ring all-reduce after each step.
    """
    rows = []
    for net, link in NETS.items():
        for kind, total in (("strong, 1024 in all", lambda n: 1024), ("weak, 32 each", lambda n: 32 * n)):
            for n in (2**k for k in range(11)):
                step = 2e-3 + math.ceil(total(n) / n) * 24.6e9 / 3.2e12 + ring(4 * 25_600_000, n, link)
                rows.append({"kind": f"{kind}, {net}", "workers": n, "images_per_s": total(n) / step})
    return rows


def _batches(options: argparse.Namespace) -> list[dict[str, Any]]:
    """Time to accuracy: seconds of a step of this machine, steps of several seeds."""
    sizes = (64, 256) if options.quick else (16, 32, 64, 128, 256, 512, 1024)
    more: dict[str, Any] = SMALL if options.quick else {}
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


def _figures(
    timings: dict[str, list[dict[str, Any]]], batches: list[dict[str, Any]], level: float
) -> dict[str, Figure]:
    from helpers import plots

    roof, stairs = timings["roof"], [(row["bytes"], row["bytes_per_s"]) for row in timings["staircase"]]
    points = {r["layer"]: {r["layer"]: (r["flops"] / r["bytes"], r["flops"] / r["seconds"])} for r in roof}
    speeds: dict[str, dict[int, float]] = {}
    for row in scaling():
        speeds.setdefault(row["kind"], {})[row["workers"]] = row["images_per_s"]
    found = {
        "roofline.png": plots.roofline(points, roof[0]["peak"], stairs[-1][1]),
        "staircase.png": plots.staircase(stairs, cache_sizes()),
        "threads.png": plots.threads(timings["threads"], CAFFE_THREADS),
        "scaling.png": plots.scaling(
            list(next(iter(speeds.values()))), {kind: list(row.values()) for kind, row in speeds.items()}
        ),
    }
    if batches:
        found["time_to_accuracy.png"] = plots.time_to_accuracy(batches, level)
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
