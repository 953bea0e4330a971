"""The process that imports and warms up what assignments use, and forks the zygotes of students and judges.

``admit`` gives it another line to take orders from; ``spawn`` tells a new zygote what to be and gives it a socket of
its own.
"""

import json
import os
import select
import signal
import socket
from collections.abc import Sequence
from pathlib import Path
from typing import Any, NoReturn

from . import wire
from .shell import CourseShell
from .warmup import Warmth, one_thread
from .zygote import Zygote, order_on


class Root:
    """Forks zygotes, warm with what they need, for everybody who holds a line to it; ends with the first line."""

    def __init__(self, control: socket.socket, scratch: Path) -> None:
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
                request, descriptors = order_on(line)
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
