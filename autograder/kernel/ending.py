"""A root ends when its owner ends, however the owner dies and whatever the root is doing."""

import contextlib
import os
import shutil
import signal
import socket
from pathlib import Path

from ..sandbox.syscalls import PR_SET_PDEATHSIG, prctl


def end_with_owner(control: socket.socket, scratch: Path) -> None:
    """Have this process killed, and its folder taken away, at the end of its standard input, which its owner holds.

    A process of its own waits for that: to load a large library takes seconds in which no thread of Python's and no
    handler of a signal runs.
    """
    root = os.getpid()
    if os.fork():
        with open(os.devnull, "rb") as nothing:
            os.dup2(nothing.fileno(), 0)
        return
    try:
        control.close()
        _end_with_parent(signal.SIGKILL)  # where the root dies alone, its owner sees to the rest
        if os.getppid() == root and not os.read(0, 1):
            _end_with_parent(0)
            if os.getppid() == root:  # it may have ended, and its number be reused
                os.kill(root, signal.SIGKILL)
            leave(scratch)
    finally:
        os._exit(0)


def _end_with_parent(by: int) -> None:
    with contextlib.suppress(OSError, AttributeError):  # macOS has no such thing; there it stays until the owner goes
        prctl(PR_SET_PDEATHSIG, by)


def leave(scratch: Path) -> None:
    """Take the folder away: its owner may have been killed."""
    with contextlib.suppress(RecursionError):
        shutil.rmtree(scratch, ignore_errors=True)
