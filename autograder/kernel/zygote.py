"""A preloaded process that holds no secrets and forks one process per submission.

The fork server forks it and tells it what to be: in which sandbox mode, and with a function named by
``prepare``. It has a socket of its own, on which it says ``born`` and then ``ready``. From then on each ``fork`` comes
with the file descriptors of the new process and is answered with its number; how processes ended is told as ``ended``.
It ends when its worker has closed the other end.
"""

import contextlib
import dataclasses
import importlib
import os
import select
import signal
import socket
import sys
import traceback
from pathlib import Path
from typing import Any, NoReturn

from .. import sandbox
from . import wire
from .cell_loop import CellLoop, Make, live
from .shell import CourseShell
from .warmup import one_thread, reseed


class Zygote:
    """Forks the processes of submissions, or of judges."""

    def __init__(self, control: socket.socket, shell: CourseShell) -> None:
        self.control, self.shell = control, shell
        self.alive: dict[int, int] = {}
        self.make: Make = CellLoop

    def live(self, request: dict[str, Any], given: Any) -> NoReturn:
        sys.dont_write_bytecode = True  # what is imported from here on may be a student's
        os.environ["PYTHONDONTWRITEBYTECODE"] = "1"
        code = wire.FAILED
        try:
            wire.send(self.control, {"is": "born", "pid": os.getpid()})
            self.become(request, given)
            self.loop()
        except wire.Closed:
            code = 0
        except BaseException as error:
            with contextlib.suppress(OSError, wire.WireError):
                self._tell_failure(error)
        finally:
            for pid in self.alive:
                _end_group(pid)
            os._exit(code)

    def become(self, request: dict[str, Any], given: Any) -> None:
        """Turn into a zygote of one kind."""
        if request["mode"] is not None:
            sandbox.settle(sandbox.Mode(request["mode"], ""))
        _adopt_orphans()
        if request["prepare"]:
            module, _, name = str(request["prepare"]).partition(":")
            self.make = getattr(importlib.import_module(module), name)(self.shell, given)
        one_thread()
        wire.send(self.control, {"is": "ready"})

    def loop(self) -> None:
        wake = _child_signals()
        while True:
            readable, _, _ = select.select([self.control.fileno(), wake], [], [])
            if wake in readable:
                os.read(wake, 4096)
            self.reap()
            if self.control.fileno() in readable:
                self.fork(*wire.receive_order(self.control))

    def fork(self, request: dict[str, Any], descriptors: list[int]) -> None:
        try:
            one_thread()
            wire.send(self.control, {"is": "forked", "inmate": self._fork(request, descriptors)})
        except wire.WireError:
            raise
        except Exception as error:
            self._tell_failure(error)
        finally:
            for descriptor in descriptors:
                os.close(descriptor)

    def _tell_failure(self, error: BaseException) -> None:
        text = "".join(traceback.format_exception(error))
        os.write(2, text.encode("utf-8", "replace"))
        wire.send(self.control, {"is": "failed", "why": f"{type(error).__name__}: {str(error)[:2000]}"})

    def _fork(self, request: dict[str, Any], descriptors: list[int]) -> dict[str, Any]:
        readable, hidden = (tuple(map(Path, request["room"][kind])) for kind in ("readable", "hidden"))
        inmate = sandbox.fork_into(
            sandbox.Mode(request["mode"], ""),
            sandbox.Room(Path(request["folder"]), readable, request["environment"], hidden),
            sandbox.Limits(**request["limits"]),
            lambda: self._begin(request, descriptors),
            keep=descriptors,
        )
        self.alive[_as_we_see(inmate.pid)] = inmate.pid
        return dataclasses.asdict(inmate)

    def _begin(self, request: dict[str, Any], descriptors: list[int]) -> None:
        # In the child. Nothing else of the zygote's is open: its control socket takes orders.
        control, out, err, *peer = descriptors
        for old, new in ((out, 1), (err, 2)):
            os.dup2(old, new)
            os.close(old)
        if "" not in sys.path:
            sys.path.insert(0, "")
        reseed(request["seed"])
        live(self.shell, self.make, socket.socket(fileno=control), socket.socket(fileno=peer[0]) if peer else None)

    def reap(self) -> None:
        while True:
            try:
                found = os.waitid(os.P_ALL, 0, os.WEXITED | os.WNOHANG | os.WNOWAIT)
            except ChildProcessError:
                return
            if found is None:
                return
            _end_group(found.si_pid)  # before its number can be reused
            ours, status, usage = os.wait4(found.si_pid, 0)
            pid = self.alive.pop(ours, None)
            if pid is not None:
                code, cpu = os.waitstatus_to_exitcode(status), usage.ru_utime + usage.ru_stime
                wire.send(self.control, {"is": "ended", "pid": pid, "status": code, "cpu": cpu})


def _adopt_orphans() -> None:
    """Become the reaper of orphaned children: not every machine has an init that reaps, and zombies count against the
    limit of processes."""
    with contextlib.suppress(OSError, AttributeError):
        sandbox.syscalls.prctl(sandbox.syscalls.PR_SET_CHILD_SUBREAPER, 1)


def _end_group(leader: int) -> None:
    """Kill what a process has started, where no namespace does that."""
    with contextlib.suppress(ProcessLookupError, PermissionError):
        os.killpg(leader, signal.SIGKILL)


def _as_we_see(pid: int) -> int:
    """The number that a child in a process namespace of its own has among this process's children."""
    for line in Path(f"/proc/{pid}/status").read_text().splitlines():
        if line.startswith("NSpid:"):
            numbers = [int(one) for one in line.split()[1:]]
            return numbers[-2] if len(numbers) > 1 else numbers[0]
    return pid


def _child_signals() -> int:
    wake, tell = os.pipe()
    for one in (wake, tell):
        os.set_blocking(one, False)
    signal.signal(signal.SIGCHLD, lambda number, frame: None)
    signal.set_wakeup_fd(tell, warn_on_full_buffer=False)
    return wake
