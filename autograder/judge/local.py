"""A student's cells in a forked process without a sandbox, and checks of them here: for tests and the mistake bank."""

from __future__ import annotations

import contextlib
import gc
import os
import signal
import socket
import sys
import traceback
import weakref
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from .grant import judging
from .link import Limits, Link
from .serve import Server


class Pupil:
    """The other process. `run` executes a cell in it, `names` brings plain copies or handles of what it defined."""

    def __init__(self, link: Link, pid: int) -> None:
        self.link, self.pid = link, pid

    def run(self, text: str, name: str = "<cell>", seconds: float = 600.0) -> None:
        """Execute a cell there; what it raises is raised here."""
        self.link.request("run", text, name, seconds=seconds)

    def names(self, *wanted: str) -> dict[str, Any]:
        """Those of the names that are defined there."""
        return self.link.names(wanted)

    def __getitem__(self, name: str) -> Any:
        return self.names(name)[name]


_open: weakref.WeakSet[socket.socket] = weakref.WeakSet()
"""The checks' ends of the lines to all pupils; none of these should reach another."""


@contextlib.contextmanager
def pupil(
    names: Mapping[str, Any] | None = None, limits: Limits | None = None, sealed: Iterable[Any] = ()
) -> Iterator[Pupil]:
    """A process whose cells see copies of `names`; it ends with the block."""
    here, there = socket.socketpair()
    _open.add(here)
    sys.stdout.flush()
    sys.stderr.flush()
    pid = os.fork()
    if pid == 0:
        for other in _open:
            other.close()
        _be_the_student(there, {"__name__": "__main__", **(names or {})})
    there.close()
    link = judging(here, limits, sealed)
    try:
        yield Pupil(link, pid)
    finally:
        link.end("The process has ended.")
        os.kill(pid, signal.SIGKILL)
        os.waitpid(pid, 0)


def _be_the_student(sock: socket.socket, names: dict[str, Any]) -> None:
    try:
        gc.freeze()
        server = Server(sock, names, {"run": lambda text, name: exec(compile(text, name, "exec"), names)})
        while server.once():
            pass
    except BaseException:
        traceback.print_exc()
    finally:
        os._exit(0)
