"""Kernels for students' cells: each in a process of its own, forked warm, in the sandbox of the mode."""

import contextlib
import dataclasses
import os
import shutil
import signal
import socket
import tempfile
from pathlib import Path
from typing import Any

from helpers.errors import CourseError

from .nursery import Nursery
from .process import Process, Ran

__all__ = ["Kernel", "Kernels", "Process", "Ran"]


class Kernel(Process):
    """One student's process and its folder."""

    folder: Path

    def _close(self) -> None:
        super()._close()
        shutil.rmtree(self.folder, ignore_errors=True)


class Kernels:
    """Starts kernels in milliseconds, after its zygote has warmed up once. Making it doesn't wait for that."""

    def __init__(self, mode: Any, *, warm: bool = True) -> None:
        self.mode = mode
        self.nursery = Nursery(warm=warm)
        self._base = Path(tempfile.mkdtemp(prefix="course-kernels-")).resolve()
        self._living: list[Kernel] = []

    def start(
        self,
        files: dict[str, bytes],
        limits: Any,
        judge: socket.socket | None,
        *,
        environment: dict[str, str] | None = None,
        seed: int | None = None,
    ) -> Kernel:
        """A fresh kernel. ``files``: what lies beside the notebook; ``environment``: variables such as COURSE_SIZE.

        ``judge``: K's end of the line to its judge; the caller may close it afterwards. ``seed``: of numpy's, random's
        and torch's generators, so that code that sets none runs the same twice. CourseError if it can't start.
        """
        folder = Path(tempfile.mkdtemp(prefix="k-", dir=self._base))
        lay_out(folder, files)
        request = {
            "do": "fork",
            "mode": self.mode.name,
            "words": self.mode.words,
            "folder": str(folder),
            "readable": self._readable(),
            "limits": dataclasses.asdict(limits),
            "environment": environment or {},
            "seed": seed,
            "peer": judge is not None,
        }
        kernel = Kernel.__new__(Kernel)
        kernel.folder = folder
        try:
            kernel.__init__(self.nursery, request, limits=limits, peer=judge, kill_tree=kill_tree, memory=memory)  # type: ignore[misc]
        except BaseException:
            shutil.rmtree(folder, ignore_errors=True)
            raise
        self._living = [one for one in self._living if one._alive] + [kernel]
        return kernel

    def _readable(self) -> list[str]:
        if self.mode.name == "none":
            return []
        from autograder import sandbox

        return [str(path) for path in sandbox.readable_paths()]

    def ready(self) -> None:
        """Wait until the zygote is warm."""
        self.nursery.ready()

    def close(self) -> None:
        """End everything at once."""
        for kernel in self._living:
            kernel.kill()
        self.nursery.close()
        shutil.rmtree(self._base, ignore_errors=True)

    def __enter__(self) -> "Kernels":
        return self

    def __exit__(self, *about: object) -> None:
        self.close()


def lay_out(folder: Path, files: dict[str, bytes]) -> None:
    """Write files below a folder. CourseError for a name that leads elsewhere."""
    for name, data in files.items():
        path = folder / name
        if Path(name).is_absolute() or ".." in Path(name).parts or not name.strip("/. "):
            raise CourseError(f"the file name {name!r} leads out of the submission's folder; rename it")
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(data)


def kill_tree(pid: int) -> None:
    """The process and all that it started."""
    with contextlib.suppress(ProcessLookupError, PermissionError):
        os.killpg(pid, signal.SIGKILL)


def memory(pid: int) -> int:
    try:
        return int(Path(f"/proc/{pid}/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE")
    except (OSError, IndexError, ValueError):
        return 0
