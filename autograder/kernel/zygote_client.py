"""The worker's end of a zygote: start it, request processes, learn how they ended. Restart it once if it dies."""

import contextlib
import os
import select
import signal
import socket
import time
from collections.abc import Iterable
from typing import Any

from helpers.errors import CourseError

from ..sandbox import Inmate, Mode
from . import wire
from .fork_client import Line, acquire, release
from .warmup import STAGES

SECONDS_TO_START = 120.0
SECONDS_TO_FORK = 20.0
SECONDS_TO_TELL = 5.0
MOST_FRAME = 1_000_000


class ZygoteClient:
    """One zygote. Making it doesn't wait; ``ready`` does.

    needs: what the assignment uses, from ``stages.needs_of`` (None: anything). prepare: ``"module:function"``, which is
    called in the zygote with its shell and ``given`` (JSON) and gives a maker of ``inside.CellLoop``. mode: that of the
    students' sandbox, None for a zygote that forks no students.
    """

    def __init__(
        self,
        mode: Mode | None = None,
        *,
        needs: Iterable[str] | None = None,
        prepare: str | None = None,
        given: Any = None,
    ) -> None:
        needs = list(STAGES if needs is None else needs)
        self._asked = {"mode": mode and mode.name, "needs": needs, "prepare": prepare}
        self._given = given
        self._ended: dict[int, tuple[int, float]] = {}
        self._starts = 0
        self._pid = 0
        self._server: Line | None = None
        self.sock: socket.socket | None = None
        self._start()

    def _start(self) -> None:
        self._starts += 1
        self._server = acquire()
        self._waiting = True
        try:
            self.sock = self._server.spawn(self._asked, self._given)
        except (wire.WireError, OSError):
            self.sock = None

    @property
    def pid(self) -> int:
        """Of the zygote, once it is ready."""
        return self._pid

    def ready(self) -> None:
        """Wait until it is warm. CourseError in words if it can't start."""
        while self._waiting:
            try:
                self._pid = int(self._hear("born", SECONDS_TO_START)["pid"])
                self._hear("ready", SECONDS_TO_START)
                self._waiting = False
            except wire.WireError:
                self._again()

    def fork(self, request: dict[str, Any], descriptors: list[int]) -> Inmate:
        """A new process. The descriptors: its control socket, output and error pipes and perhaps its peer."""
        while True:
            self.ready()
            try:
                if self.sock is None:
                    raise wire.Closed("there is no zygote")
                wire.send_order(self.sock, {"do": "fork", **request}, descriptors)
                return Inmate(**self._hear("forked", SECONDS_TO_FORK)["inmate"])
            except wire.WireError:
                self._again()

    def _again(self) -> None:
        words = self._server.last_words() if self._server else ""
        if self._starts > 1:
            self.close()
            raise CourseError(
                "the warm process that starts the kernels died, was restarted and died again; look whether the machine "
                "is out of memory, and run the grader again" + words
            )
        self._stop(broken=self._server is not None and self._server.dead())
        self._start()

    def _hear(self, kind: str, seconds: float) -> dict[str, Any]:
        if self.sock is None:
            raise wire.Closed("there is no zygote")
        deadline = time.monotonic() + seconds
        while True:
            header, _ = wire.receive(self.sock, MOST_FRAME, deadline)
            if header["is"] == kind:
                return header
            if header["is"] == "ended":
                self._note(header)
            if header["is"] == "failed":
                raise CourseError(f"a kernel could not be started: {header['why']}")

    def _note(self, header: dict[str, Any]) -> None:
        self._ended[int(header["pid"])] = int(header["status"]), float(header["cpu"])

    def ended(self, pid: int, wait: float = 0.0) -> tuple[int, float] | None:
        """How a process ended: exit code or minus the signal's number, and CPU seconds. None while it lives."""
        deadline = time.monotonic() + wait
        while pid not in self._ended and self.sock is not None:
            if not select.select([self.sock], [], [], max(0.0, deadline - time.monotonic()))[0]:
                break
            try:
                header, _ = wire.receive(self.sock, MOST_FRAME, time.monotonic() + SECONDS_TO_TELL)
            except wire.WireError:
                break
            if header.get("is") == "ended":
                self._note(header)
        return self._ended.get(pid)

    def _stop(self, broken: bool = False) -> None:
        if self.sock is not None:
            self.sock.close()
            self.sock = None
        if self._pid:
            with contextlib.suppress(ProcessLookupError, PermissionError):
                os.killpg(self._pid, signal.SIGKILL)
            self._pid = 0
        if self._server is not None:
            server, self._server = self._server, None
            release(server, broken)

    def close(self) -> None:
        """Kill it."""
        self._stop()
