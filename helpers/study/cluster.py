"""Training runs on an existing Dask cluster; the results are those of any other machine with the same code."""

from __future__ import annotations

import contextlib
import gc
import logging
import queue
import time
import uuid
import warnings
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from helpers.errors import CourseError
from helpers.study.task import Task
from helpers.threads import limit_threads

CONNECT = 10.0  # seconds for the scheduler to answer
STAFF = 60.0  # seconds without any worker
NO_TIMINGS = (
    "Timings are never made on a cluster, whose machines they would measure instead of this one; leave out --scheduler"
)


def perform_on_cluster(
    scheduler: str,
    runs: Sequence[Task],
    threads: int = 1,
    on_epoch: Callable[[str], None] | None = None,
    on_result: Callable[[int, Any], None] | None = None,
    *,
    connect: float = CONNECT,
    staff: float = STAFF,
) -> list[Any]:
    """Results of the runs, in their order, computed by the workers of a Dask scheduler.

    scheduler: its address (tcp://HOST:PORT) or JSON file; threads: BLAS threads of each run. Called in this process
    when a run arrives: on_epoch(label) once for each of its epochs, and on_result(index, result). The runs of a lost
    worker are repeated by another. CourseError where Dask is missing, the scheduler can't be reached or goes away,
    there is no worker for a minute, a worker has other code than this machine, or a run fails.
    """
    if not runs:
        return []
    client = client_of(scheduler, connect)
    arrived: queue.SimpleQueue[int] = queue.SimpleQueue()
    results: dict[int, Any] = {}
    try:
        batch, futures = uuid.uuid4().hex, []
        for index, run in enumerate(runs):
            with _talking(scheduler):
                future = client.submit(
                    _performed, run, run.record(), threads, key=f"run-{batch}-{index}", priority=run.cost, pure=False
                )
            future.add_done_callback(lambda _, index=index: arrived.put(index))
            futures.append(future)
        alone_since = None
        while len(results) < len(runs):
            try:
                index = arrived.get(timeout=1)
            except queue.Empty:
                with _talking(scheduler):
                    staffed = bool(client.nthreads())
                alone_since = None if staffed else alone_since or time.monotonic()
                if alone_since is not None and time.monotonic() - alone_since > staff:
                    raise CourseError(
                        f"The scheduler at {scheduler} has no workers; start some with `dask worker {scheduler} "
                        "--nthreads 1`, or ask your cluster why its jobs wait."
                    ) from None
                continue
            results[index] = _result_of(futures[index], runs[index], scheduler)
            for _ in range(runs[index].epochs if on_epoch is not None else 0):
                on_epoch(runs[index].label)  # type: ignore[misc]
            if on_result is not None:
                on_result(index, results[index])
    finally:
        with contextlib.suppress(Exception):
            client.close(timeout=2)  # what is not done yet is given up
    return [results[index] for index in range(len(runs))]


def _performed(run: Task, record: dict[str, Any], threads: int) -> Any:
    """On a worker: the run's result, or a text why this machine would not get the same one."""
    mine = run.record()
    other = [name for name in ("code", "numpy") if mine[name] != record[name]]
    if other:
        return f"has another version of {' and of '.join(other)} than this machine".replace("code", "the course's code")
    with limit_threads(threads):
        return run.perform()


def _result_of(future: Any, run: Task, scheduler: str) -> Any:
    if future.status not in ("finished", "error"):
        raise _gone(scheduler)
    if future.status == "error":
        error = future.exception()
        if type(error).__name__ == "KilledWorker":
            raise CourseError(
                f"Every worker that tried the run {run.label!r} was lost, perhaps because memory ran out; what was "
                "finished is kept."
            )
        if isinstance(error, ImportError) or "deserialize" in str(error):
            raise CourseError(
                f"The workers of the scheduler at {scheduler} do not have this course's package; install it there with "
                f"the same requirements.lock ({type(error).__name__}: {str(error)[:200]})."
            )
        raise CourseError(f"The run {run.label!r} failed: {type(error).__name__}: {str(error)[:300]}")
    with _talking(scheduler):
        result = future.result()
    if isinstance(result, str):
        raise CourseError(f"A worker of the scheduler at {scheduler} {result}; install the same one on both.")
    return result


@contextlib.contextmanager
def _talking(scheduler: str) -> Any:
    """Whatever Dask raises when its scheduler is lost becomes one sentence."""
    try:
        with warnings.catch_warnings():
            warnings.filterwarnings("ignore", message="Sending large graph")
            yield
    except (OSError, TimeoutError, RuntimeError):
        raise _gone(scheduler) from None


def _gone(scheduler: str) -> CourseError:
    return CourseError(
        f"The Dask scheduler at {scheduler} went away. What was finished until then is kept; start the scheduler and "
        "run the same command again."
    )


def client_of(scheduler: str, seconds: float, install: str = "pip install distributed") -> Any:
    """Dask's client of a scheduler that answers within so many seconds; `install` is what a missing Dask asks for.
    CourseError where there is no Dask, or no such scheduler."""
    try:
        from distributed import Client
    except ImportError:
        raise CourseError(
            f"Dask is not installed here, which --scheduler needs; install it with `{install}`."
        ) from None
    logging.getLogger("distributed").setLevel(logging.CRITICAL)  # what it would say, we say in a sentence
    path = Path(scheduler)
    if "://" not in scheduler and not path.is_file():
        raise CourseError(
            f"--scheduler {scheduler!r} is neither an address like tcp://HOST:8786 nor the JSON file of a scheduler."
        )
    where: dict[str, Any] = {"address": scheduler} if "://" in scheduler else {"scheduler_file": str(path)}
    try:
        return Client(**where, timeout=seconds, set_as_default=False)
    except (OSError, TimeoutError):
        fault = f"The Dask scheduler at {scheduler} does not answer; is it running, and can this machine reach it?"
    except Exception as error:
        fault = f"--scheduler {scheduler!r} can't be used: {' '.join(str(error).split())[:200]}"
    gc.collect()  # a client that failed closes itself when it is collected; while the next one starts, that never ends
    raise CourseError(fault)
