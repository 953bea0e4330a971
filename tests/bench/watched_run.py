"""Run a command as a person would see it, in a terminal; note when each student appears, and the memory it takes."""

from __future__ import annotations

import contextlib
import os
import pty
import re
import select
import signal
import subprocess
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from pathlib import Path

import psutil

from helpers.errors import CourseError

MB = 1e6
OURS = rb"(s\d{4}): "  # the student's own line; the table comes at the end
# Written twice, before and after execution: the last time counts.
STOCK = rb"Writing \d+ bytes to [^\r\n]*?/autograded/(s\d{4})/"


@dataclass
class Watched:
    """Seconds since the command was started: `seen` when each student was done, `total` when the command ended."""

    seen: dict[str, float] = field(default_factory=dict)
    total: float = 0.0

    @property
    def first(self) -> float:
        return min(self.seen.values())

    @property
    def steady(self) -> float:
        """Seconds for one submission more: in the second half of the batch, when all that is done once is done."""
        return self.halves()[1]

    def halves(self) -> tuple[float, float]:
        """Seconds for one submission in the first and in the second half of the batch."""
        times = sorted(self.seen.values())
        middle = len(times) // 2
        return (times[middle] - times[0]) / middle, (times[-1] - times[middle]) / (len(times) - 1 - middle)


def watch(command: list[str], folder: Path, environ: dict[str, str], pattern: bytes, students: Iterable[str], *,
          cores: set[int] | None = None, beside: Callable[[int], None] | None = None) -> Watched:  # fmt: skip
    """Run to the end on `cores` (default: all). `beside` is called with the process id four times a second.

    CourseError with the command's last words if it fails or if a student never appears.
    """
    def pin() -> None:
        if cores is not None:
            os.sched_setaffinity(0, cores)

    main, screen = pty.openpty()
    wanted, kept, text = set(students), b"", bytearray()
    watched = Watched()
    begun = time.monotonic()
    process = subprocess.Popen(
        command, cwd=folder, env=environ | {"TERM": "xterm", "COLUMNS": "400"}, stdin=subprocess.DEVNULL,
        stdout=screen, stderr=screen, start_new_session=True, preexec_fn=pin,
    )  # fmt: skip
    os.close(screen)
    try:
        while True:
            if select.select([main], [], [], 0.25)[0]:
                try:
                    data = os.read(main, 1 << 16)
                except OSError:  # the terminal is closed: everybody who held it has ended
                    break
                if not data:
                    break
                now = time.monotonic() - begun
                kept += data
                for found in re.finditer(pattern, kept):
                    if pattern is STOCK or found[1].decode() not in watched.seen:
                        watched.seen[found[1].decode()] = now
                kept = kept[max((f.end() for f in re.finditer(pattern, kept)), default=0) :][-400:]
                text = (text + data)[-4000:]
            elif process.poll() is not None:
                break
            if beside is not None:
                beside(process.pid)
        code = process.wait()
    except BaseException:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        process.wait()
        raise
    finally:
        os.close(main)
    watched.total = time.monotonic() - begun
    if code or not wanted <= set(watched.seen):
        last = bytes(text).decode(errors="replace").strip().splitlines()[-3:]
        raise CourseError(f"The benchmark's {' '.join(command[2:4])} failed (exit code {code}): {' '.join(last)[:500]}")
    watched.seen = {student: at for student, at in watched.seen.items() if student in wanted}
    return watched


def total(pid: int) -> float:
    """MB of the tree of a process: a page that n processes share counts 1/n in each."""
    return sum(_memory(each, "pss") for each in tree(pid))


def private(pid: int) -> float:
    """MB that would be free if this process and its children ended."""
    return sum(_memory(each, "uss") for each in tree(pid))


def tree(pid: int) -> list[int]:
    """The process and all that descend from it."""
    try:
        return [pid, *(process.pid for process in psutil.Process(pid).children(recursive=True))]
    except psutil.Error:  # it has ended
        return [pid]


def _memory(pid: int, kind: str) -> float:
    try:
        return float(getattr(psutil.Process(pid).memory_full_info(), kind)) / MB
    except psutil.Error:  # it has ended
        return 0.0


class Peak:
    """Call it with a process id: keeps the largest total, looking once in `every` seconds."""

    def __init__(self, every: float = 1.0) -> None:
        self.every, self.next, self.most, self.processes = every, 0.0, 0.0, 0

    def __call__(self, pid: int) -> None:
        if time.monotonic() >= self.next:
            self.most = max(self.most, total(pid))
            self.processes = max(self.processes, len(tree(pid)))
            self.next = time.monotonic() + self.every
