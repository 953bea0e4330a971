"""Carry out the runs of a study: results kept from last time are read, the others computed on all cores and kept."""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Sequence
from functools import partial
from pathlib import Path
from typing import Any

from helpers.command import count
from helpers.study.keep import Keep
from helpers.study.pool import perform_all
from helpers.study.task import Task
from helpers.train import in_live_notebook

SMALL = 6_000
"""So few images are sooner trained on than another process is started. This process may have several BLAS threads,
which make small products slower, so more than that is better done in one with a single thread.
"""


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
    each; keep: folder of finished runs, which are not repeated; progress: a bar in a terminal.
    """
    kept = Keep(keep) if isinstance(keep, str | Path) else keep
    results = [kept.load(task) if kept else None for task in tasks]
    _make_missing(tasks, results, jobs, threads, kept, progress)
    return results


def _make_missing(
    tasks: Sequence[Task], results: list[Any], jobs: int | None, threads: int, kept: Keep | None, progress: bool
) -> None:
    """Carry out the tasks whose result is None, and put their results there."""
    missing = [i for i, result in enumerate(results) if result is None]
    todo = [tasks[i] for i in missing]
    if jobs is None:
        jobs = 0 if cores() == 1 or sum(t.cost for t in todo) < SMALL else cores()
    with _bar(sum(t.epochs for t in todo), progress) as bar:

        def on_epoch(label: str) -> None:
            bar.set_postfix_str(label, refresh=False)
            bar.update()

        def on_result(i: int, result: Any) -> None:
            results[missing[i]] = result
            if kept:
                kept.save(todo[i], result)

        if jobs:
            perform_all(todo, jobs, threads, on_epoch, on_result)
        else:
            for i, task in enumerate(todo):
                on_result(i, task.perform(partial(lambda label, _: on_epoch(label), task.label)))


def add_options(parser: argparse.ArgumentParser) -> None:
    """The options that `carry_out_for` reads."""
    parser.add_argument("--jobs", type=count, help="processes (default: one per core); results stay the same")
    parser.add_argument(
        "--threads", type=count, default=1,
        help="BLAS threads of each process (default 1; with more, leave as many cores idle)",
    )  # fmt: skip
    parser.add_argument("--fresh", action="store_true", help="repeat all runs, also those in OUT/runs")


def carry_out_for(options: argparse.Namespace, tasks: Sequence[Task], quiet: bool = False) -> list[Any]:
    """Results of the tasks for a command line; finished ones are kept in OUT/runs. Ctrl-C says how to go on.

    quiet: don't say how many are there.
    """
    keep = Keep(options.out / "runs", options.fresh)
    results = [keep.load(task) for task in tasks]
    have = sum(result is not None for result in results)
    if have and not quiet:
        print(f"{have} of {len(tasks)} runs are kept from last time, in {keep.folder}.")
    try:
        _make_missing(tasks, results, options.jobs or cores(), options.threads, keep, progress=True)
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


def _bar(total: int, progress: bool) -> Any:
    if in_live_notebook():
        from tqdm.notebook import tqdm
    else:
        from tqdm import tqdm  # type: ignore[assignment]
    # None: only where standard error is a terminal.
    return tqdm(total=total, unit="epoch", leave=False, disable=None if progress and total else True)
