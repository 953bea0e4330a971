"""A judge's own process: test cells run with the names that they take from the student's process."""

from __future__ import annotations

import ctypes
import gc
import os
import socket
import sys
from typing import Any

from ..kernel.cell_loop import CellLoop, Make
from ..kernel.closed_modules import whole
from ..kernel.shell import CourseShell
from .errors import StudentGone
from .grant import judging, sealed
from .link import Link
from .namespace import Code, Namespace, namespace


def prepare(shell: CourseShell, given: dict[str, Any]) -> Make:
    """In the zygote: the course's own names of the assignment, and a first use of whatever checks use."""
    # What a hand-in was run with is what it is judged with: its process sees no GPU.
    _keep_to_itself()
    os.environ.update(COURSE_SIZE=str(given["size"]), CUDA_VISIBLE_DEVICES="")
    whole()
    for source in ("import helpers.check", "from IPython.display import HTML\nHTML('')", "nothing_here"):
        shell.run_one(source)
    _show_reports_alone(shell)
    shell.reset(new_session=True)
    found = namespace(Code(cell["kind"], cell["text"]) for cell in given["cells"])
    names: dict[str, Any] = {}
    found.run(names)
    shell.user_ns.update({name: names[name] for name in found.own if name in names})
    shell.execution_count = 1
    gc.freeze()

    def make(shell: CourseShell, control: socket.socket, line: socket.socket | None) -> CellLoop:
        return JudgeInside(shell, control, line, found)

    return make


def _show_reports_alone(shell: CourseShell) -> None:
    """A report says by itself all that it is to be shown as: IPython's eleven formatters needn't be asked, too."""
    from helpers.check.core.report import Report

    def show(report: Report) -> None:
        shell.display_pub.publish(report._repr_mimebundle_(), {})

    assert shell.display_formatter is not None
    shell.display_formatter.ipython_display_formatter.for_type(Report, show)


def _keep_to_itself() -> None:
    """Other processes of this user can't look into this one's memory, where the hidden tests are (prctl(2))."""
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(4, 0, 0, 0, 0)  # PR_SET_DUMPABLE


class JudgeInside(CellLoop):
    """Runs parts of test cells, with the names that they take from the student's process."""

    def __init__(
        self, shell: CourseShell, control: socket.socket, line: socket.socket | None, found: Namespace
    ) -> None:
        super().__init__(shell, control, None)
        _keep_to_itself()  # who becomes somebody else can be looked into again
        self.line, self.found = line, found
        self.link: Link | None = None
        self.moved = True
        self._asked: set[str] = set()

    def run(self, request: dict[str, Any], buffers: list[bytearray]) -> dict[str, Any]:
        for _ in range(request["attach"]):
            self.attach()
        try:
            self.moved |= bool(request["moved"])
            self.ask_names(request["cell"])
            if self.link is not None:  # what a check says of hidden numbers holds no words of code that was given them
                self.link.asks_words = not request["hidden"]
        except StudentGone as error:
            line = f"KernelDied: {error}"
            self.shell.emit({"is": "error", "ename": "KernelDied", "evalue": str(error), "traceback": [line]})
            return {"status": "error", "count": None, "gone": str(error)}
        done = super().run(request, buffers)
        return {**done, "gone": self.link.why if self.link else ""}

    def attach(self) -> None:
        assert self.line is not None
        _, descriptors, _, _ = socket.recv_fds(self.line, 1, 1)
        if self.link is not None:
            self.link.end("Another process has taken its place.")
        kept = sealed([self.shell.user_ns.get(name) for name in self.found.own])
        self.link = judging(socket.socket(fileno=descriptors[0]), sealed=kept)

    def ask_names(self, cell: str) -> None:
        """The names of the cell that are the student's, as they are now; those that are missing stay undefined."""
        for name in self._asked:
            self.shell.user_ns.pop(name, None)
        wanted = self.found.wanted(cell)
        self._asked = set(wanted)
        if wanted:
            if self.link is None or self.link.why:
                raise StudentGone(self.link.why if self.link else "There is no process with the student's code.")
            self.shell.user_ns.update(self.link.steady.values(wanted, self.link.names, self.moved))
            self.moved = False
