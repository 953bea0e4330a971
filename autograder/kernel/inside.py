"""The main loop of a forked process: cells from the worker, and requests of its peer (judge or student)."""

import asyncio
import contextlib
import os
import select
import socket
import traceback
import types
from collections.abc import Callable
from typing import Any

from . import wire
from .deaths import FAILED
from .shell import CourseShell

MOST_REQUEST = 64_000_000


class Inside:
    """What runs in the process. The judge has a class of its own that runs its cells in another way."""

    def __init__(self, shell: CourseShell, control: socket.socket, peer: socket.socket | None) -> None:
        self.shell = shell
        self.control = control
        self.peer = peer
        self._arrivals = select.poll()
        for line in (control, peer):
            if line is not None:
                self._arrivals.register(line, select.POLLIN)

    def run(self, request: dict[str, Any], buffers: list[bytearray]) -> dict[str, Any]:
        """Do what the worker asks. The answer's fields. `count`: the cell's number, where another process ran some;
        `watch`: names of which it wants to hear if the cell takes them away.
        """
        if type(request.get("count")) is int:
            self.shell.execution_count = request["count"]
        watched = {name: self._mark(name) for name in request.get("watch", ())}
        good, count = self.cell(str(request["source"]))
        changed = [name for name, mark in watched.items() if mark is not None and self._mark(name) != mark]
        status = "ok" if good else "error"
        return {"status": status, "count": count, "changed": changed, "at": self.shell.failed_at}

    def _mark(self, name: str) -> tuple[int, ...] | None:
        """What tells whether a name still means the same: a function's code, a class's functions, of data only the
        kind, because a count that goes on is no loss. None where there is nothing.
        """
        try:
            value = self.shell.user_ns[name]
            kind = type(value)
            if kind is types.FunctionType:
                return id(kind), id(value), id(value.__code__)
            if issubclass(kind, type):
                return id(kind), id(value), *(id(part) for part in vars(value).values() if callable(part))
            return (id(kind), id(value)) if kind in (types.ModuleType, types.BuiltinFunctionType) else (id(kind),)
        except BaseException:  # a student's own table of names, or class, may do anything
            return None

    def cell(self, source: str) -> tuple[bool, int]:
        """(It went well, its execution count.)"""
        return self.shell.run_one(source)

    def serve_peer(self) -> bool:
        """Answer one request of the peer. False when it has gone."""
        from ..judge.line import serve_one

        assert self.peer is not None
        return serve_one(self.peer, self.shell.user_ns)

    def loop(self) -> None:
        """Run until the worker closes the connection."""
        while True:
            try:
                if not self._once():
                    return
            except KeyboardInterrupt:
                continue  # an interrupt that came after its cell had ended

    def _once(self) -> bool:
        for descriptor, _ in self._arrivals.poll():
            if descriptor == self.control.fileno():
                try:
                    request, buffers = wire.receive(self.control, MOST_REQUEST)
                except wire.WireError:
                    return False
                self._answer(request, buffers)
            elif self.peer is not None and not self.serve_peer():
                self._arrivals.unregister(descriptor)
                self.peer.close()
                self.peer = None
        return True

    def _answer(self, request: dict[str, Any], buffers: list[bytearray]) -> None:
        try:
            done = self.run(request, buffers)
        except KeyboardInterrupt as error:
            done = {"status": "error", "count": None}
            self.shell.emit({"is": "error", "ename": "KeyboardInterrupt", "evalue": str(error), "traceback": []})
        self.shell.flush()
        self.shell.events_out.send({"is": "done", **done})


Make = Callable[[CourseShell, socket.socket, socket.socket | None], Inside]


def live(shell: CourseShell, make: Make, control: socket.socket, peer: socket.socket | None) -> None:
    """The whole life of a forked process, from its first line to its end."""
    try:
        wire.raise_interrupts()
        asyncio.set_event_loop(asyncio.new_event_loop())  # the zygote's would be shared with every other child
        shell.events_out.connect(control)
        make(shell, control, peer).loop()
        os._exit(0)
    except BaseException:
        with contextlib.suppress(OSError):
            os.write(2, traceback.format_exc().encode("utf-8", "replace"))
        os._exit(FAILED)
