"""Hand-ins in worker processes: outcomes as they come, and one that dies takes no other with it."""

from __future__ import annotations

import multiprocessing
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ProcessPoolExecutor, as_completed
from concurrent.futures.process import BrokenProcessPool

from .worker import Job, Outcome, initialise, work

Told = Callable[[Outcome, int, int], None]


def run(jobs: list[Job], workers: int, told: Told | None) -> Iterator[Outcome]:
    """Outcomes as they come. A process that dies takes no other hand-in with it: those are tried again,
    alone."""
    done = 0
    batches = [jobs] if jobs else []
    while batches:
        batch = batches.pop(0)
        for job, outcome in _pool(batch, workers):
            if outcome is None and len(batch) > 1:
                batches.append([job])
                continue
            done += 1
            result = outcome or Outcome(job.student, "the process that graded it died (was it out of memory?)")
            if told:
                told(result, done, len(jobs))
            yield result


def _pool(batch: list[Job], workers: int) -> Iterator[tuple[Job, Outcome | None]]:
    course = batch[0].course
    pool = ProcessPoolExecutor(
        max_workers=min(workers, len(batch)), mp_context=multiprocessing.get_context("spawn"),
        initializer=initialise, initargs=(str(course.root), str(course.class_dir)),
    )  # fmt: skip
    with pool:
        futures: dict[Future[Outcome], Job] = {pool.submit(work, job): job for job in batch}
        for future in as_completed(futures):
            try:
                yield futures[future], future.result()
            except BrokenProcessPool:
                yield futures[future], None
