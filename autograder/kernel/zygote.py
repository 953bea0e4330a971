"""``python -m autograder.kernel.zygote FD``: a process that is warm, holds no secrets and forks one a submission.

The first frame tells it what to ``be``: the students' zygote, or another for which ``prepare`` names a function. It
answers ``ready``. Then each ``fork`` comes with the file descriptors of the new process and is answered with its pid.
How processes ended is told as ``ended``. It ends itself when the worker does.
"""

import importlib
import os
import select
import signal
import socket
import sys
import time
import traceback
from pathlib import Path
from typing import Any

from . import wire
from .inside import Inside, Make, live
from .shell import CourseShell
from .warmup import one_thread, reseed, warm


class Zygote:
    def __init__(self, control: socket.socket) -> None:
        self.control = control
        self.alive: dict[int, Any] = {}
        self.shell: CourseShell
        self.make: Make = Inside

    def be(self, request: dict[str, Any]) -> None:
        """Become warm."""
        began = time.monotonic()
        self.shell = CourseShell.make(Path(request["scratch"]))
        if request["warm"]:
            warm(self.shell)
        if request.get("prepare"):
            module, _, name = str(request["prepare"]).partition(":")
            self.make = getattr(importlib.import_module(module), name)(self.shell, request["given"])
        one_thread()
        wire.send(self.control, {"is": "ready", "pid": os.getpid(), "seconds": time.monotonic() - began})

    def loop(self) -> None:
        wake, _ = _child_signals()
        while True:
            readable, _, _ = select.select([self.control.fileno(), wake], [], [])
            if wake in readable:
                os.read(wake, 4096)
            self.reap()
            if self.control.fileno() in readable:
                # The descriptors travel with the first byte of their frame, so they are taken before it.
                data, descriptors, _, _ = socket.recv_fds(self.control, 1, 8)
                if not data:
                    return
                request, _ = wire.receive(self.control, 1_000_000)
                self.fork(request, descriptors)

    def fork(self, request: dict[str, Any], descriptors: list[int]) -> None:
        one_thread()
        try:
            pid = self._fork(request, descriptors)
            wire.send(self.control, {"is": "forked", "pid": pid, "name": request["name"]})
        except Exception as error:
            words = str(error) or traceback.format_exc(limit=3)
            wire.send(
                self.control, {"is": "failed", "why": f"{type(error).__name__}: {words}", "name": request["name"]}
            )
        finally:
            for descriptor in descriptors:
                os.close(descriptor)

    def _fork(self, request: dict[str, Any], descriptors: list[int]) -> int:
        def body() -> None:
            self._begin(request, descriptors)

        if request["mode"] == "none":
            pid = os.fork()
            if not pid:
                try:
                    os.setsid()
                    os.chdir(request["folder"])
                    body()
                finally:
                    os._exit(70)
            self.alive[pid] = pid
            return pid
        from autograder import sandbox

        room = sandbox.Room(Path(request["folder"]), tuple(Path(one) for one in request["readable"]))
        inmate = sandbox.fork_into(
            sandbox.Mode(request["mode"], request["words"]), room, sandbox.Limits(**request["limits"]), body
        )
        self.alive[inmate.pid] = inmate
        return int(inmate.pid)

    def _begin(self, request: dict[str, Any], descriptors: list[int]) -> None:
        # In the child. Nothing of the zygote's may stay open: its control socket takes orders.
        signal.set_wakeup_fd(-1)
        signal.signal(signal.SIGCHLD, signal.SIG_DFL)
        control, out, err, *peer = descriptors
        null = os.open(os.devnull, os.O_RDONLY)
        for old, new in ((null, 0), (out, 1), (err, 2)):
            os.dup2(old, new)
        kept = sorted({control, *peer})
        before = 3
        for one in kept:
            os.closerange(before, one)
            before = one + 1
        os.closerange(before, 1 << 16)
        os.environ.update(request["environment"])
        if "" not in sys.path:
            sys.path.insert(0, "")
        reseed(request["seed"])
        live(self.shell, self.make, socket.socket(fileno=control), socket.socket(fileno=peer[0]) if peer else None)

    def reap(self) -> None:
        while self.alive:
            try:
                pid, status = os.waitpid(-1, os.WNOHANG)
            except ChildProcessError:
                return
            if not pid:
                return
            if self.alive.pop(pid, None) is not None:
                wire.send(self.control, {"is": "ended", "pid": pid, "status": os.waitstatus_to_exitcode(status)})


def _child_signals() -> tuple[int, int]:
    wake, tell = os.pipe()
    for one in (wake, tell):
        os.set_blocking(one, False)
    signal.signal(signal.SIGCHLD, lambda number, frame: None)
    signal.set_wakeup_fd(tell, warn_on_full_buffer=False)
    return wake, tell


def main() -> None:
    control = socket.socket(fileno=int(sys.argv[1]))
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is the worker's to handle
    sys.argv[:] = [""]
    zygote = Zygote(control)
    try:
        request, _ = wire.receive(control, 50_000_000)
        try:
            zygote.be(request)
        except Exception as error:
            wire.send(control, {"is": "failed", "why": f"{type(error).__name__}: {error}", "name": ""})
            raise
        zygote.loop()
    except wire.Closed:
        pass
    os._exit(0)


if __name__ == "__main__":
    main()
