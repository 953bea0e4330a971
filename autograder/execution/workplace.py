"""What a worker process keeps between submissions: the zygotes of students and judges, and the proof of the sandbox."""

from __future__ import annotations

import atexit
import contextlib
import hashlib
import socket
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from helpers.errors import CourseError

from ..authoring.snapshot import Snapshot
from .execute import Machine
from .task import Task

MOST_ASSIGNMENTS = 2
SERVE = "autograder.judge.line:serve_one"


class Unsafe(CourseError):
    """Nothing may run on this machine; the whole batch stops."""


class Workplace:
    """Zygotes by what they are for. They start when first needed and end with the process."""

    def __init__(self) -> None:
        self.kernels: dict[tuple[str, str], Any] = {}
        self.judges: dict[str, Any] = {}
        self.proved: set[tuple[str, str]] = set()
        atexit.register(self.close)

    def kernels_of(self, mode: Any, snapshot: Snapshot) -> Any:
        from ..kernel.kernel import Kernels, needs_of

        key = mode.name, snapshot.digest
        if key not in self.kernels:
            _make_room(self.kernels)
            code = [cell for cell in snapshot.cells if cell.cell_type == "code"]
            released = [cell.released for cell in code if not cell.judged]
            needs = needs_of(cell.model for cell in code)
            self.kernels[key] = Kernels(mode, needs=needs, cells=released, closed=snapshot.closed, serve=SERVE)
        return self.kernels[key]

    def judges_of(self, snapshot: Snapshot) -> Any:
        from ..judge.judge import Judges

        if snapshot.digest not in self.judges:
            _make_room(self.judges)
            self.judges[snapshot.digest] = Judges.of(snapshot)
        return self.judges[snapshot.digest]

    def mode(self, task: Task) -> Any:
        from ..sandbox import choose

        try:
            return choose(task.unsafe, task.mode or None)
        except CourseError as error:
            raise Unsafe(str(error)) from None

    def machine(self, task: Task, mode: Any) -> Machine:
        """Where `task` runs; Unsafe if the sandbox does not hold what it promises."""
        from ..sandbox import Limits

        with self.proving(task, mode):
            kernels, judges = self.kernels_of(mode, task.snapshot), self.judges_of(task.snapshot)
        limits = Limits(**{"cpu_s": 2 * max(300, task.budget), **task.limits})
        environment = {"COURSE_SIZE": task.snapshot.size, "NBGRADER_EXECUTION": "autograde"}
        seed = int.from_bytes(hashlib.sha256(task.notebook).digest()[:4], "big")

        def start_k(sock: socket.socket) -> Any:
            return kernels.start(dict(task.files), limits, sock, environment=environment, seed=seed)

        return Machine(start_k, judges.start, lambda: judges.words)

    @contextlib.contextmanager
    def proving(self, task: Task, mode: Any) -> Iterator[None]:
        """A hand-in that tries to escape must fail, once per batch, before any student's code runs.

        It has kernels of its own, of the same mode and without libraries, so that it need not wait for these: they are
        asked for before what the block asks for, and the hand-in is sent after it.
        """
        if mode.name == "none" or (task.batch, mode.name) in self.proved:
            yield
            return
        from ..kernel.kernel import Kernels
        from ..sandbox import canary, closed_paths

        closed = task.snapshot.closed
        with Kernels(mode, needs=(), closed=closed) as kernels:
            yield
            try:
                canary.prove(kernels, [Path(path) for path in task.guarded], closed_paths(closed))
            except CourseError as error:
                raise Unsafe(str(error)) from None
        self.proved.add((task.batch, mode.name))

    def close(self) -> None:
        for zygotes in (self.kernels, self.judges):
            while zygotes:
                zygotes.popitem()[1].close()


def _make_room(zygotes: dict[Any, Any]) -> None:
    while len(zygotes) >= MOST_ASSIGNMENTS:
        zygotes.pop(next(iter(zygotes))).close()


workplace = Workplace()
