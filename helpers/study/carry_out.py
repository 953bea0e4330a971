"""Carry out the runs of a study: results kept from last time are read, the others computed on all cores and kept."""

from __future__ import annotations

import argparse
import json
import os
import sys
from collections.abc import Sequence
from functools import partial
from pathlib import Path
from typing import Any

from helpers.command import count
from helpers.errors import CourseError, Stopped
from helpers.progress import Progress, counted, in_notebook
from helpers.study.cluster import perform_on_cluster
from helpers.study.keep import Keep
from helpers.study.pool import perform_all
from helpers.study.task import Task
from helpers.threads import limit_threads

MOST_A_CORE = 8
"""Processes, or threads of each, for each core; more only take each other's time and memory."""
SMALL = 6_000
"""So few images are sooner trained on than another process is started."""

_left: dict[str, Any] = {}
"""Finished runs of work that was interrupted in a notebook, by what they depend on: the same cell goes on from them."""


def carry_out(
    tasks: Sequence[Task],
    *,
    jobs: int | None = None,
    threads: int = 1,
    keep: Keep | str | Path | None = None,
    progress: bool = True,
) -> list[Any]:
    """Results of the tasks, in their order; the same for any number of processes.

    jobs: processes (None: one per core, or none beside this one where there is little to do); threads: BLAS threads of
    each; keep: folder of finished runs, which are not repeated; progress: a line that says how far it is. In a notebook
    an interrupt is a `Stopped`, and the same call goes on after the runs that were finished.
    """
    kept = Keep(keep) if isinstance(keep, str | Path) else keep
    names = [json.dumps(task.record(), sort_keys=True) for task in tasks]
    results = [_left.pop(name, None) for name in names]
    if kept:
        results = [kept.load(task) if result is None else result for task, result in zip(tasks, results, strict=True)]
    try:
        _make_missing(tasks, results, jobs, threads, kept, progress)
    except KeyboardInterrupt:
        if not in_notebook():
            raise
        done = {name: result for name, result in zip(names, results, strict=True) if result is not None}
        _left.update(done)
        raise Stopped(
            f"stopped after {len(done)} of {counted(len(tasks), 'run')}; run the cell again, and it goes on from there."
        ) from None
    return results


def _make_missing(
    tasks: Sequence[Task],
    results: list[Any],
    jobs: int | None,
    threads: int,
    kept: Keep | None,
    progress: bool,
    scheduler: str | None = None,
) -> None:
    """Carry out the tasks whose result is None, and put their results there."""
    missing = [i for i, result in enumerate(results) if result is None]
    todo = [tasks[i] for i in missing]
    if jobs is None:
        jobs = 0 if cores() == 1 or sum(t.cost for t in todo) < SMALL else cores()
    if not todo:
        return
    epochs, runs = sum(task.epochs for task in todo), counted(len(todo), "run")
    unit, label = ("run", "") if epochs == len(todo) else ("epoch", runs)
    with Progress(epochs, unit, label, shown=progress) as line:

        def on_result(i: int, result: Any) -> None:
            results[missing[i]] = result
            if kept:
                kept.save(todo[i], result)

        if scheduler:
            perform_on_cluster(scheduler, todo, threads, line.advance, on_result)
        elif jobs:
            perform_all(todo, jobs, threads, line.advance, on_result)
        else:
            with limit_threads(threads):
                for i, task in enumerate(todo):
                    on_result(i, task.perform(partial(lambda label, _: line.advance(label), task.label)))
        line.note = ""


def add_options(parser: argparse.ArgumentParser) -> None:
    """The options that `carry_out_for` reads."""
    where = parser.add_mutually_exclusive_group()
    where.add_argument("--jobs", type=count, help="processes (default: one per core); results stay the same")
    where.add_argument(
        "--scheduler", metavar="ADDRESS",
        help="train on the workers of this Dask scheduler, an address or its JSON file; results stay the same",
    )  # fmt: skip
    parser.add_argument(
        "--threads", type=count, default=1,
        help="BLAS threads of each process (default 1; with more, leave as many cores idle)",
    )  # fmt: skip
    parser.add_argument("--fresh", action="store_true", help="repeat all runs, also those in OUT/runs")


def carry_out_for(options: argparse.Namespace, tasks: Sequence[Task], quiet: bool = False) -> list[Any]:
    """Results of the tasks for a command line; finished ones are kept in OUT/runs. Ctrl-C says how to go on.

    quiet: don't say how many are there.
    """
    for name in ("jobs", "threads"):
        asked, most = getattr(options, name) or 1, MOST_A_CORE * cores()
        if asked > most:
            raise CourseError(f"--{name} {asked} is too many for {counted(cores(), 'core')}; give {most} at most.")
    keep = Keep(options.out / "runs", options.fresh)
    results = [keep.load(task) for task in tasks]
    have = sum(result is not None for result in results)
    if have and not quiet:
        print(f"{have} of {len(tasks)} runs are kept from last time, in {keep.folder}.")
    try:
        _make_missing(tasks, results, options.jobs or cores(), options.threads, keep, True, options.scheduler)
    except KeyboardInterrupt:
        keep.fresh = False
        done = sum(keep.path(task).exists() for task in tasks)
        print(
            f"stopped; {done} of {len(tasks)} runs are kept in {keep.folder}, and the same command continues from there"
            + (" (without --fresh)." if options.fresh else "."),
            file=sys.stderr,
        )
        raise SystemExit(130) from None
    return results


def cores() -> int:
    """Cores that this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
