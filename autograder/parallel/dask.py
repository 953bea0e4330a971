"""The same orders through a Dask scheduler, on as many machines as it has."""

from __future__ import annotations

import contextlib
import threading
import uuid
import warnings
from collections.abc import Iterable, Iterator
from typing import Any

from helpers.errors import CourseError
from helpers.study.cluster import client_of

from . import dask_worker
from .executor import Answer, Order
from .local_pool import WORK

CONNECT = 10.0  # seconds for the scheduler to answer
STAFF = 60.0  # seconds for the first worker to appear


class Dask:
    """An executor for `--scheduler ADDRESS` (tcp://HOST:PORT, tls://HOST:PORT) or a scheduler's JSON file.

    CourseError, in one sentence, where Dask is missing, the scheduler can't be reached or runs another version, or
    has no workers. The orders of a worker that is lost are done by another.
    """

    def __init__(self, scheduler: str, *, work: str = WORK, connect: float = CONNECT, staff: float = STAFF) -> None:
        self.scheduler, self.work, self.staff = scheduler, work, staff
        self.lost = False
        self.hired = threading.Event()
        self.hired.set()
        self.client = client_of(scheduler, connect, "pip install -r requirements.lock")
        try:
            self._same_versions()
        except BaseException:
            self.client.close()
            raise

    def __enter__(self) -> Dask:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Leave the cluster; its grading processes end."""
        if not self.lost:
            with contextlib.suppress(Exception):
                self.client.run(dask_worker.rest, on_error="ignore")
        with contextlib.suppress(Exception):
            self.client.close(timeout=2)

    def run(self, orders: Iterable[Order]) -> Iterator[Answer]:
        """Answers as they come; at any time two orders for each of the cluster's threads are under way."""
        from distributed import as_completed

        waiting, batch, number = iter(orders), uuid.uuid4().hex, 0
        under_way: dict[str, Order] = {}
        arrived = as_completed([], loop=self.client.loop, with_results=True, raise_errors=False)
        self._wait_for_workers()
        with warnings.catch_warnings():
            warnings.filterwarnings("ignore", message="Sending large graph")
            while True:
                with self._talking():
                    room = 2 * max(1, sum(self.client.nthreads().values()))
                while len(under_way) < room and (order := next(waiting, None)) is not None:
                    with self._talking():
                        # No name of a student: keys are shown on the scheduler's public page.
                        future = self.client.submit(
                            dask_worker.graded, order.body, order.seconds, self.work, dask_worker.code_print(),
                            key=f"grade-{batch}-{number}", pure=False,
                        )  # fmt: skip
                        arrived.add(future)
                    number += 1
                    under_way[future.key] = order
                if not under_way:
                    return
                with self._talking():
                    future, reply = next(arrived)
                yield self._answer(under_way.pop(future.key), future, reply)
                future.release()

    @contextlib.contextmanager
    def _talking(self) -> Iterator[None]:
        """Whatever Dask raises when its scheduler is lost becomes one sentence."""
        try:
            yield
        except (OSError, TimeoutError, RuntimeError, StopIteration):
            raise self._gone() from None

    def _gone(self) -> CourseError:
        self.lost = True
        return CourseError(
            f"The Dask scheduler at {self.scheduler} went away. What was graded until then is kept; start the "
            "scheduler and run the same command again."
        )

    def _answer(self, order: Order, future: Any, reply: Any) -> Answer:
        who = f"the scheduler at {self.scheduler}"
        if future.status not in ("finished", "error"):
            raise self._gone()
        if future.status == "error":
            error = reply[1]
            if type(error).__name__ == "KilledWorker":
                return Answer(order.key, None, "every machine that tried to grade it was lost")
            if isinstance(error, ImportError) or "deserialize" in str(error):
                raise CourseError(
                    f"The workers of {who} do not have this course's package in this version; install it there with "
                    f"the same requirements.lock ({type(error).__name__}: {str(error)[:200]})."
                )
            raise CourseError(f"A worker of {who} failed with {type(error).__name__}: {str(error)[:200]}")
        body, why, fault = reply
        if fault:
            raise CourseError(f"A worker of {who} can't grade: {fault}.")
        return Answer(order.key, body, why)

    def _wait_for_workers(self) -> None:
        try:
            self.client.wait_for_workers(1, timeout=self.staff)
        except TimeoutError:
            raise CourseError(
                f"The scheduler at {self.scheduler} has no workers; start some with `dask worker {self.scheduler} "
                "--nthreads 1`, or ask your cluster why its jobs wait."
            ) from None

    def _same_versions(self) -> None:
        found = self.client.get_versions()
        for place, there in (("scheduler", found["scheduler"]), *found["workers"].items()):
            for what, wanted in found["client"]["packages"].items():
                has = (there or {}).get("packages", {}).get(what)
                if what == "python":
                    wanted, has = wanted.rpartition(".")[0], str(has).rpartition(".")[0]
                if what in ("python", "distributed", "dask", "msgpack") and wanted != has:
                    raise CourseError(
                        f"{place} of the Dask cluster at {self.scheduler} has {what} {has}, this machine {wanted}; "
                        "install the same requirements.lock on both."
                    )
