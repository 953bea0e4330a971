"""A student's cells in a forked process without a sandbox, and checks of them here: for tests and the mistake bank."""

from __future__ import annotations

import contextlib
import gc
import linecache
import os
import signal
import socket
import sys
import traceback
import weakref
from collections.abc import Iterator, Mapping
from typing import Any

from helpers.check.core.ask import asking

from .line import Line, serve_one


class Pupil:
    """The other process. `run` executes a cell in it, `names` brings plain data or references of what it defined."""

    def __init__(self, line: Line, pid: int) -> None:
        self.line, self.pid = line, pid

    def run(self, text: str, name: str = "<cell>", seconds: float = 600.0) -> None:
        """Execute a cell there; what it raises is raised here."""
        self.line.run(text, name, seconds)

    def names(self, *wanted: str) -> dict[str, Any]:
        """Those of the names that are defined there."""
        return self.line.names(wanted)

    def __getitem__(self, name: str) -> Any:
        return self.names(name)[name]


_open: weakref.WeakSet[socket.socket] = weakref.WeakSet()
"""The checks' ends of the lines to all pupils; none of these should reach another."""


@contextlib.contextmanager
def pupil(names: Mapping[str, Any] | None = None) -> Iterator[Pupil]:
    """A process whose cells see copies of `names`; within the block checks ask it. It ends with the block."""
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
    line = Line(here)
    try:
        with asking(line.probe):
            yield Pupil(line, pid)
    finally:
        line.end("The process has ended.")
        os.kill(pid, signal.SIGKILL)
        os.waitpid(pid, 0)


def execute(text: str, name: str, names: dict[str, Any]) -> None:
    """Run a cell's text, whose lines are found under this file's name, as in a notebook."""
    linecache.cache[name] = (len(text), None, text.splitlines(keepends=True), name)
    exec(compile(text, name, "exec"), names)


def _be_the_student(sock: socket.socket, names: dict[str, Any]) -> None:
    try:
        gc.freeze()
        while serve_one(sock, names, lambda text, name: execute(text, name, names)):
            pass
    except BaseException:
        traceback.print_exc()
    finally:
        os._exit(0)
