"""A worker process of `local.Pool`: orders come in over a pipe, answers go out, one at a time.

`python -m autograder.parallel.worker FD MODULE:FUNCTION SCRATCH [LINE]`. The function takes bytes and returns bytes;
LINE is a socket to a shared fork server. Whatever the main process dies of, the pipe then ends, and the worker ends
with everything it started.
"""

from __future__ import annotations

import contextlib
import importlib
import os
import queue
import shutil
import signal
import socket
import sys
import threading
from collections.abc import Callable
from multiprocessing.connection import Connection
from pathlib import Path

from ..sandbox.tree import tree
from ..scratch import left_empty

READY, DONE = b"r", b"d"
LARGEST_ANSWER = 100_000_000
"""Bytes. The process that records holds several copies of an answer."""


def main(fd: int, work: str, scratch: str, line: int | None = None) -> None:
    os.set_inheritable(fd, False)
    link = Connection(fd)
    shared = None
    if line is not None:
        os.set_inheritable(line, False)
        shared = socket.socket(fileno=line)
    orders: queue.SimpleQueue[bytes] = queue.SimpleQueue()
    threading.Thread(target=_listen, args=(link, orders, scratch), daemon=True).start()
    module, _, name = work.partition(":")
    room = importlib.import_module(module)
    function: Callable[[bytes], bytes] = getattr(room, name)
    link.send_bytes(READY)
    if hasattr(room, "warm"):
        room.warm(shared)
    while True:
        link.send_bytes(DONE + function(orders.get()))


def _listen(link: Connection, orders: queue.SimpleQueue[bytes], scratch: str) -> None:
    """Take the next order while one is worked on; at the pipe's end, end."""
    try:
        while True:
            orders.put(link.recv_bytes())
    except (EOFError, OSError):
        end_family(os.getpid())
        shutil.rmtree(scratch, ignore_errors=True)
        left_empty(Path(scratch).parent)  # the last worker removes the pool's folder
    finally:
        os._exit(1)


def end_family(pid: int) -> None:
    """Kill the descendants of a process, parents first, so that none can start another; and, unless it
    is this one, the process itself. Zygotes and kernels have sessions of their own, so a signal to a group won't do."""
    for one in tree(pid):
        if one != os.getpid():
            with contextlib.suppress(ProcessLookupError, PermissionError):
                os.kill(one, signal.SIGKILL)


if __name__ == "__main__":
    main(int(sys.argv[1]), sys.argv[2], sys.argv[3], *map(int, sys.argv[4:]))
