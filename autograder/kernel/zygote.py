"""``python -m autograder.kernel.zygote FD``: a process that is warm, holds no secrets and forks one a submission.

The first frame tells it what to ``be``: the students' zygote, or another for which ``prepare`` names a function. It
answers ``ready``. Then each ``fork`` comes with the file descriptors of the new process and is answered with its pid.
How processes ended is told as ``ended``. It ends itself when the worker does.
"""

import dataclasses
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

from .. import sandbox
from . import wire
from .inside import FAILED, Inside, Make, live
from .shell import CourseShell
from .warmup import one_thread, reseed, warm


class Zygote:
    def __init__(self, control: socket.socket) -> None:
        self.control = control
        self.alive: dict[int, int] = {}
        self.shell: CourseShell
        self.make: Make = Inside

    def be(self, request: dict[str, Any]) -> None:
        """Become warm."""
        if request["mode"] is not None:
            sandbox.settle(sandbox.Mode(request["mode"], ""))
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
            wire.send(self.control, {"is": "forked", "inmate": self._fork(request, descriptors)})
        except Exception as error:
            words = str(error) or traceback.format_exc(limit=3)
            wire.send(
                self.control, {"is": "failed", "why": f"{type(error).__name__}: {words}", "name": request["name"]}
            )
        finally:
            for descriptor in descriptors:
                os.close(descriptor)

    def _fork(self, request: dict[str, Any], descriptors: list[int]) -> dict[str, Any]:
        def body() -> None:
            self._begin(request, descriptors)

        if request["room"] is None:
            pid = os.fork()
            if not pid:
                try:
                    os.setsid()
                    sandbox.limits.close_descriptors(descriptors)
                    os.environ.update(request["environment"])
                    os.chdir(request["folder"])
                    body()
                finally:
                    os._exit(FAILED)
            self.alive[pid] = pid
            return {"pid": pid, "mode": "none", "started": sandbox.limits.start_time(pid)}
        readable, hidden = (tuple(map(Path, request["room"][kind])) for kind in ("readable", "hidden"))
        room = sandbox.Room(Path(request["folder"]), readable, request["environment"], hidden)
        mode = sandbox.Mode(request["mode"], "")
        inmate = sandbox.fork_into(mode, room, sandbox.Limits(**request["limits"]), body, keep=descriptors)
        self.alive[_as_we_see(inmate.pid)] = inmate.pid
        return dataclasses.asdict(inmate)

    def _begin(self, request: dict[str, Any], descriptors: list[int]) -> None:
        # In the child. Nothing else of the zygote's is open: its control socket takes orders.
        signal.set_wakeup_fd(-1)
        signal.signal(signal.SIGCHLD, signal.SIG_DFL)
        control, out, err, *peer = descriptors
        for old, new in ((out, 1), (err, 2)):
            os.dup2(old, new)
            os.close(old)
        if "" not in sys.path:
            sys.path.insert(0, "")
        reseed(request["seed"])
        live(self.shell, self.make, socket.socket(fileno=control), socket.socket(fileno=peer[0]) if peer else None)

    def reap(self) -> None:
        while self.alive:
            try:
                ours, status, usage = os.wait4(-1, os.WNOHANG)
            except ChildProcessError:
                return
            if not ours:
                return
            pid = self.alive.pop(ours, None)
            if pid is not None:
                code, cpu = os.waitstatus_to_exitcode(status), usage.ru_utime + usage.ru_stime
                wire.send(self.control, {"is": "ended", "pid": pid, "status": code, "cpu": cpu})


def _as_we_see(pid: int) -> int:
    """The number that a child in a process namespace of its own has among this process's children."""
    for line in Path(f"/proc/{pid}/status").read_text().splitlines():
        if line.startswith("NSpid:"):
            numbers = [int(one) for one in line.split()[1:]]
            return numbers[-2] if len(numbers) > 1 else numbers[0]
    return pid


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
            wire.send(control, {"is": "failed", "why": f"{type(error).__name__}: {error}"})
            raise
        zygote.loop()
    except wire.Closed:
        pass
    os._exit(0)


if __name__ == "__main__":
    main()
