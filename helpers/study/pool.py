"""Distribute runs over processes with one BLAS thread each; results do not depend on their number."""

from __future__ import annotations

import os
import queue
import signal
import sys
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from types import ModuleType
from typing import Any

from helpers.errors import CourseError
from helpers.study.task import Task
from helpers.threads import limit_threads


def perform_all(
    runs: Sequence[Task],
    jobs: int,
    threads: int = 1,
    on_epoch: Callable[[str], None] | None = None,
    on_result: Callable[[int, Any], None] | None = None,
) -> list[Any]:
    """Results of the runs, in their order. jobs: processes; threads: BLAS threads of each.

    Called in this process: on_epoch(label) after every epoch of any run, on_result(index, result) after every run.
    Ctrl-C, an error, or the end of this process ends them all.
    """
    # `spawn` starts clean interpreters, which read the thread variables before they import numpy.
    import multiprocessing

    if not runs:
        return []
    context = multiprocessing.get_context("spawn")
    tasks: Any = context.Queue()
    news: Any = context.Queue()
    for index in sorted(range(len(runs)), key=lambda i: -runs[i].cost):
        tasks.put((index, runs[index]))
    jobs = min(jobs, len(runs))
    for _ in range(jobs):
        tasks.put(None)
    results: dict[int, Any] = {}
    with limit_threads(threads), _nameless_main():
        workers = [context.Process(target=_work, args=(tasks, news), daemon=True) for _ in range(jobs)]
        for worker in workers:
            worker.start()
    try:
        while len(results) < len(runs):
            try:
                kind, index, value = news.get(timeout=1)
            except queue.Empty:
                if any(worker.exitcode not in (None, 0) for worker in workers):
                    raise CourseError(
                        "A process of the study was killed, perhaps because memory ran out; use fewer --jobs."
                    ) from None
                continue
            if kind == "epoch" and on_epoch is not None:
                on_epoch(value)
            elif kind == "done":
                results[index] = value
                if on_result is not None:
                    on_result(index, value)
            elif kind == "error":
                raise CourseError(f"The run {runs[index].label!r} failed: {value}")
    finally:
        for worker in workers:
            if len(results) < len(runs):
                worker.terminate()
            worker.join()
        for channel in (tasks, news):
            channel.close()
            channel.cancel_join_thread()
    return [results[i] for i in range(len(runs))]


def _work(tasks: Any, news: Any) -> None:
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C reaches the parent, which ends its children
    threading.Thread(target=_end_with_parent, daemon=True).start()
    while (task := tasks.get()) is not None:
        index, run = task
        try:
            result = run.perform(lambda _, i=index, label=run.label: news.put(("epoch", i, label)))
        except Exception as error:
            news.put(("error", index, f"{type(error).__name__}: {error}"))
            return
        news.put(("done", index, result))
    sys.stdout.flush()


def _end_with_parent() -> None:
    """A killed parent can't end its children, so each waits for that itself."""
    import multiprocessing

    parent = multiprocessing.parent_process()
    if parent is not None:
        parent.join()
        os._exit(1)


@contextmanager
def _nameless_main() -> Iterator[None]:
    """Processes started in here don't run the caller's script again, which no work needs and which would start more."""
    before = sys.modules["__main__"]
    sys.modules["__main__"] = ModuleType("__main__")
    try:
        yield
    finally:
        sys.modules["__main__"] = before
