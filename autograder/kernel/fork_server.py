"""The process that imports and warms up what assignments use, and forks the zygotes of students and judges.

``python -m autograder.kernel.fork_server FD FOLDER NEED …``: the order "admit" gives it another line to take orders
from, "spawn" tells a new zygote what to be and gives it a socket of its own.
"""

from __future__ import annotations

import contextlib
import json
import os
import select
import shutil
import signal
import socket
import sys
import traceback
from collections.abc import Sequence
from pathlib import Path
from typing import Any, NoReturn

from ..sandbox.syscalls import PR_SET_PDEATHSIG, prctl
from . import wire


class ForkServer:
    """Forks zygotes, warm with what they need, for everybody who holds a line to it; ends with the first line."""

    def __init__(self, control: socket.socket, scratch: Path) -> None:
        from .shell import CourseShell  # here, because it takes half a second, in which the owner may go
        from .warmup import Warmth

        self.lines = [control]
        self.later: list[tuple[dict[str, Any], list[int]]] = []
        self.shell = CourseShell.make(scratch)
        self.warmth = Warmth(self.shell)

    def serve(self, needs: Sequence[str]) -> NoReturn:
        """First whoever has asked for no more than what is warm already: a sandbox is proved beside the rest. Closed
        when the first line ends."""
        signal.signal(signal.SIGCHLD, signal.SIG_IGN)
        while self.listen(0.0):
            pass
        self.warmth.reach(needs)
        while self.later:
            self.spawn(*self.later.pop(0))
        while True:
            self.listen(None)

    def listen(self, seconds: float | None) -> bool:
        """Take an order from each line that has one; whether there was one."""
        lines = select.select(self.lines, [], [], seconds)[0]
        for line in lines:
            try:
                request, descriptors = wire.receive_order(line)
            except wire.Closed:
                if line is self.lines[0]:
                    raise
                self.lines.remove(line)
                line.close()
                continue
            if request["do"] == "admit":
                self.lines.append(socket.socket(fileno=descriptors[0]))
            elif seconds is None or self.warmth.reaches(request["needs"]):
                self.spawn(request, descriptors)
            else:
                self.later.append((request, descriptors))
        return bool(lines)

    def spawn(self, request: dict[str, Any], descriptors: list[int]) -> None:
        from .warmup import one_thread
        from .zygote import Zygote

        self.warmth.reach(request["needs"])
        one_thread()
        pid = os.fork()
        if not pid:
            os.setsid()
            for line in self.lines:
                line.close()
            for _, others in self.later:
                for descriptor in others:
                    os.close(descriptor)
            with open(descriptors[1], "rb") as file:
                given = json.loads(file.read())
            Zygote(socket.socket(fileno=descriptors[0]), self.shell).live(request, given)
        for descriptor in descriptors:
            os.close(descriptor)


def end_with_owner(control: socket.socket, scratch: Path) -> None:
    """Have this process killed, and its folder taken away, at the end of its standard input, which its owner holds.

    A process of its own waits for that: to load a large library takes seconds in which no thread of Python's and no
    handler of a signal runs.
    """
    server = os.getpid()
    if os.fork():
        with open(os.devnull, "rb") as nothing:
            os.dup2(nothing.fileno(), 0)
        return
    try:
        control.close()
        _end_with_parent(signal.SIGKILL)  # where the server dies alone, its owner sees to the rest
        if os.getppid() == server and not os.read(0, 1):
            _end_with_parent(0)
            if os.getppid() == server:  # it may have ended, and its number be reused
                os.kill(server, signal.SIGKILL)
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


def main() -> None:
    control, scratch = socket.socket(fileno=int(sys.argv[1])), Path(sys.argv[2])
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is the worker's to handle
    needs, sys.argv[:] = sys.argv[3:], [""]
    try:
        end_with_owner(control, scratch)
        ForkServer(control, scratch).serve(needs)
    except wire.Closed:
        leave(scratch)
        os._exit(0)
    except BaseException:
        os.write(2, traceback.format_exc().encode("utf-8", "replace"))  # sys.stderr is a cell's
        os._exit(wire.FAILED)


if __name__ == "__main__":
    main()
