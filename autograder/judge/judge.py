"""Judges: processes that run an assignment's test cells, forked from one that has run the source's own settings.

No student's code runs in them, but what it says is taken apart there. A judge is attached to the kernel of a submission
by a socket, and to the next one after that kernel's death.
"""

from __future__ import annotations

import shutil
import socket
import sys
import tempfile
from collections.abc import Iterable, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

from nbformat import NotebookNode

from helpers.errors import CourseError

from ..kernel.process import Process, Ran
from ..kernel.warmup import needs_of
from ..kernel.zygote_client import ZygoteClient
from ..sandbox import LANDLOCK, NONE, Limits, hidden_paths, readable_paths
from ..scratch import Scratch
from .namespace import Code, parts

PREPARE = "autograder.judge.inside:prepare"

LIMITS = Limits(memory_mb=3_000, cpu_s=100_000, output_bytes=2_000_000, forks=False)
"""A judge runs the course's own code only; these are for what a hand-in makes it compute with."""
OF_THE_GRADER = ("__init__.py", "text.py", "source.py", "judge", "kernel", "sandbox")
NOT_SHUT_IN = "; the judge, which Landlock could not shut in, ran with the grader's own rights"


class Judges:
    """Starts judges of one assignment in milliseconds, after their zygote is ready. Making it doesn't wait for that."""

    def __init__(self, cells: Iterable[Code], size: str = "quick", limits: Limits = LIMITS) -> None:
        self.limits, self.words = limits, ""
        self._size = size
        cells = list(cells)
        given = {"cells": [asdict(cell) for cell in cells], "size": size}
        needs = needs_of(cell.text for cell in cells)
        self.zygote = ZygoteClient(needs=needs, prepare=PREPARE, given=given)
        self._base = Scratch("course-judges-")
        self._living: list[Judge] = []

    @classmethod
    def of(cls, snapshot: Any, limits: Limits = LIMITS) -> Judges:
        """From an authoring.Snapshot: its locked code, its tests, and what exercises define in the model solution."""
        cells = [cell for cell in snapshot.cells if cell.cell_type == "code"]
        found = [Code(cell.kind, cell.source if cell.kind == "test" else cell.model) for cell in cells]
        return cls(found, snapshot.size, limits)

    def start(self) -> Judge:
        """A fresh judge, attached to nothing. CourseError if it can't start.

        It takes apart what a student's process says, so Landlock lets it read Python and the checks, write to its own
        folder, and nothing else. Where Landlock can't, `words` says so from then on.
        """
        folder = Path(tempfile.mkdtemp(prefix="t-", dir=self._base.path))
        environment = {"COURSE_SIZE": self._size, "CUDA_VISIBLE_DEVICES": ""}
        request = {"folder": str(folder), "environment": environment, "seed": 0, "limits": asdict(self.limits)}
        try:
            if self.words or not sys.platform.startswith("linux"):
                raise CourseError("There is no Landlock here.")
            judge = Judge(self.zygote, {**request, "mode": LANDLOCK.name, "room": _room()}, self.limits)
        except CourseError:
            self.words = NOT_SHUT_IN
            judge = Judge(self.zygote, {**request, "mode": NONE.name, "room": _room()}, self.limits)
        self._living = [one for one in self._living if one.alive] + [judge]
        return judge

    def ready(self) -> None:
        """Wait until the zygote is warm."""
        self.zygote.ready()

    def close(self) -> None:
        """End everything at once."""
        for judge in self._living:
            judge.kill()
        self.zygote.close()
        self._base.remove()

    def __enter__(self) -> Judges:
        return self

    def __exit__(self, *about: object) -> None:
        self.close()


def _room() -> dict[str, list[str]]:
    """What a judge reads: what students' code does, and of the grader what runs in it."""
    grader = Path(__file__).resolve().parents[1]
    readable = [*readable_paths(), *(grader / name for name in OF_THE_GRADER)]
    return {"readable": list(map(str, readable)), "hidden": list(map(str, hidden_paths()))}


class Judge:
    """One judge as the worker sees it."""

    def __init__(self, zygote: ZygoteClient, request: dict[str, Any], limits: Limits) -> None:
        self._line, theirs = socket.socketpair()
        self._folder = Path(request["folder"])
        try:
            with theirs:
                self._process = Process(zygote, request, limits=limits, peer=theirs, trusted=True)
        except BaseException:
            self._line.close()
            raise
        self._attach = 0

    def attach(self, sock: socket.socket) -> None:
        """From the next cell on, ask the kernel at the other end of this socket. The caller may close it afterwards."""
        socket.send_fds(self._line, [b"K"], [sock.fileno()])
        self._attach += 1

    @property
    def alive(self) -> bool:
        return self._process.alive

    @property
    def why(self) -> str:
        """Why it died, in words."""
        return self._process.why

    def kill(self) -> None:
        self._process.kill()
        self._line.close()
        shutil.rmtree(self._folder, ignore_errors=True)

    def run(
        self,
        source: str,
        seconds: float,
        beside: Sequence[Process] = (),
        count: int | None = None,
        which: bool | None = None,
    ) -> Ran:
        """Run a test cell: its visible parts, then, if these pass, the hidden ones, whose outputs are marked.

        `which`: False for what stands before the first hidden part only, True for that part and what follows.

        What the student's process writes meanwhile lies in `beside`, but for hidden parts: it would show their numbers.

        `answer["gone"]`: in words, why the student's process can't be asked any longer, "" while it can;
        `answer["hidden"]`: the places of the outputs of hidden parts, also of those that have no metadata.
        """
        total = Ran([], None, "ok", 0.0, answer={"gone": "", "hidden": []})
        for hidden, text in chosen(source, which):
            more = {"cell": source, "attach": self._attach, "count": count}
            self._attach = 0
            ran = self._process.run(text, max(seconds - total.used, 0.1), beside, **more)
            if hidden:
                total.answer["hidden"] += range(len(total.outputs), len(total.outputs) + len(ran.outputs))
                _mark(ran.outputs)
            total.outputs += ran.outputs
            total.beside += [] if hidden else ran.beside
            total.count = total.count or ran.count
            total.status, total.seconds, total.used = ran.status, total.seconds + ran.seconds, total.used + ran.used
            gone = ran.answer.get("gone")
            total.answer["gone"] = gone if isinstance(gone, str) else ""
            if ran.status != "ok":
                break
        return total


def chosen(source: str, which: bool | None = None) -> list[tuple[bool, str]]:
    """(hidden, code) of the parts of a test cell to run: all, those before the first hidden one, or the others."""
    found = list(parts(source))
    border = next((place for place, (hidden, _) in enumerate(found) if hidden), len(found))
    if which is None:
        return found or [(False, source)]
    return found[border:] if which else found[:border]


def _mark(outputs: Iterable[NotebookNode]) -> None:
    for output in outputs:
        if "metadata" in output:
            output["metadata"]["course"] = NotebookNode(hidden=True)
