"""Hand-ins in worker processes on this machine: answers as they come, and a worker that dies takes no other with it."""

from __future__ import annotations

import contextlib
import os
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import time
from collections import deque
from collections.abc import Iterable, Iterator
from multiprocessing.connection import Pipe, wait
from pathlib import Path

from helpers.errors import CourseError

from ..course import REPOSITORY
from ..kernel.fork_client import ForkServerProcess
from ..scratch import Scratch
from .executor import Answer, Order
from .worker import DONE, LARGEST_ANSWER, READY, end_family

WORK = "autograder.execution.work:work_bytes"
QUEUED = 2  # orders that lie in a worker: one that it works on, one that it finds when that is done


class _Worker:
    """One process with its own session, scratch folder and pipe."""

    def __init__(self, scratch: Path, work: str, fork_server: ForkServerProcess | None) -> None:
        self.scratch = Path(tempfile.mkdtemp(dir=scratch))
        self.link, theirs = Pipe()
        line = _line(fork_server)
        given = [theirs.fileno(), *([line.fileno()] if line else [])]
        self.errors = self.scratch / "stderr.txt"
        self.orders: deque[Order] = deque()
        self.since = time.monotonic()
        self.ready = False
        with theirs, line or contextlib.nullcontext(), self.errors.open("wb") as errors:
            self.process = subprocess.Popen(
                [sys.executable, "-m", "autograder.parallel.worker", str(given[0]), work, str(self.scratch),
                 *map(str, given[1:])],
                cwd=REPOSITORY, env=os.environ | {"TMPDIR": str(self.scratch)}, pass_fds=given,
                stdin=subprocess.DEVNULL, stdout=errors, stderr=errors, start_new_session=True,
            )  # fmt: skip

    def give(self, order: Order) -> bool:
        if not self.orders:
            self.since = time.monotonic()
        self.orders.append(order)
        try:
            self.link.send_bytes(order.body)
        except OSError:
            return False
        return True

    def late(self, now: float) -> bool:
        return bool(self.orders) and now - self.since > self.orders[0].seconds

    def last_words(self) -> str:
        with contextlib.suppress(OSError):
            lines = self.errors.read_text(encoding="utf-8", errors="replace").strip().splitlines()
            return lines[-1][:200] if lines else ""
        return ""

    def exit_code(self) -> int:
        try:
            return self.process.wait(timeout=1)
        except subprocess.TimeoutExpired:
            return -signal.SIGKILL

    def end(self) -> None:
        """Kill the process and everything that it started, and remove its files."""
        if self.process.poll() is None:
            end_family(self.process.pid)
        self.process.wait()
        self.link.close()  # last: a worker whose pipe ends removes the pool's folder as abandoned
        shutil.rmtree(self.scratch, ignore_errors=True)


def _line(fork_server: ForkServerProcess | None) -> socket.socket | None:
    """A worker's line to the shared fork_server; without one it starts its own."""
    with contextlib.suppress(CourseError):
        return fork_server.line() if fork_server else None
    return None


class Pool:
    """N worker processes, which stay warm from `run` to `run`. Use it with `with`: leaving ends all.

    `work` names a function of bytes to bytes, and its module may have a `warm(line)`, which hears of the `fork_server`
    that all workers share. All wait longest for that, so with one the workers start with the first `run`, never more at
    a time than leave it a core.
    """

    def __init__(self, jobs: int, *, work: str = WORK, fork_server: ForkServerProcess | None = None) -> None:
        self.fork_server = fork_server
        if jobs < 1:
            raise CourseError(f"--jobs must be at least 1, not {jobs}.")
        self.work, self.jobs = work, jobs
        self.scratch = Scratch("course-grading-")
        self.workers: list[_Worker] = []
        self.hired = threading.Event()
        self.at_once = max(1, len(os.sched_getaffinity(0)) - 1) if fork_server else jobs
        if fork_server is None:
            self._start_workers(jobs)

    def _start_workers(self, jobs: int) -> None:
        try:
            while len(self.workers) < jobs and sum(not one.ready for one in self.workers) < self.at_once:
                self.workers.append(_Worker(self.scratch.path, self.work, self.fork_server))
        except BaseException:
            self.close()
            raise
        if all(one.ready for one in self.workers):
            self.hired.set()

    def __enter__(self) -> Pool:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """End all workers at once; safe to call twice."""
        for worker in self.workers:
            worker.end()
        self.workers = []
        if self.fork_server is not None:
            self.fork_server.close()
        self.scratch.remove()

    def run(self, orders: Iterable[Order]) -> Iterator[Answer]:
        """Answers as they come. Orders are taken as workers need them.

        An order whose worker dies, or takes longer than the order may, is tried once more when nothing else runs; then
        its answer is the reason in words. CourseError if workers can't even start.
        """
        suspects: dict[str, Order] = {}
        for number, worker in enumerate(self.workers):
            if worker.orders:  # left by a caller that did not read all answers
                worker.end()
                self.workers[number] = _Worker(self.scratch.path, self.work, self.fork_server)
        for answer, order in self._run(iter(orders), self.jobs, QUEUED):
            self.hired.set()  # whoever waits for it need not with an answer in hand
            if answer.body is None:
                suspects[order.key] = order
            else:
                yield answer
        self.hired.set()
        for order in suspects.values():
            for answer, _ in self._run(iter([order]), 1, 1):
                yield answer

    def _run(self, orders: Iterator[Order], jobs: int, queued: int) -> Iterator[tuple[Answer, Order]]:
        returned: deque[Order] = deque()
        while True:
            self._start_workers(jobs)
            workers = self.workers[:jobs]
            most = queued if len(workers) == jobs else 1
            for depth in range(1, 1 + most):  # each worker gets one before any gets two
                for worker in workers:
                    if len(worker.orders) < depth:
                        order = returned.popleft() if returned else next(orders, None)
                        if order is not None:
                            worker.give(order)  # a dead one is noticed at its pipe below
            if not any(worker.orders for worker in workers):
                return
            links = {worker.link: worker for worker in workers}
            ready = wait(list(links), timeout=1.0)
            for link in ready:
                worker = links[link]  # type: ignore[index]
                found = self._receive(worker)
                if found is None:
                    yield from self._replace(worker, returned, "")
                elif found:
                    order = worker.orders.popleft()
                    worker.since = time.monotonic()
                    yield Answer(order.key, found), order
            now = time.monotonic()
            for worker in [w for w in workers if w in self.workers and w.late(now)]:
                told = f"did not end within {worker.orders[0].seconds:.0f} s and was stopped"
                yield from self._replace(worker, returned, told)

    @staticmethod
    def _receive(worker: _Worker) -> bytes | None:
        """A finished parcel, b"" for a greeting, None where the process is gone."""
        try:
            message = worker.link.recv_bytes(len(DONE) + LARGEST_ANSWER)
        except (EOFError, OSError):
            return None
        if message[:1] == READY:
            worker.ready = True
            return b""
        return message[1:] if message[:1] == DONE else None

    def _replace(self, worker: _Worker, returned: deque[Order], told: str) -> Iterator[tuple[Answer, Order]]:
        """Replace a worker; orders not begun go back to the others, the current one is returned."""
        words = worker.last_words()
        if not told:
            code = worker.exit_code()
            told = "was killed (was it out of memory?)" if code == -signal.SIGKILL else f"died with exit code {code}"
            told += f": {words}" if words and code != -signal.SIGKILL else ""
        worker.end()
        if not worker.ready:
            raise CourseError(f"Nothing could be graded, because the grading process {told}.")
        begun = worker.orders.popleft() if worker.orders else None
        returned.extend(worker.orders)
        self.workers[self.workers.index(worker)] = _Worker(self.scratch.path, self.work, self.fork_server)
        if begun is not None:
            yield Answer(begun.key, None, f"the process that graded it {told}"), begun
