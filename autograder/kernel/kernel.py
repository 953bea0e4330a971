"""Kernels for students' cells: each in its own preloaded, forked process, in the sandbox of the mode."""

import dataclasses
import socket
import tempfile
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from types import MappingProxyType

from helpers.errors import CourseError

from ..sandbox import Limits, Mode, closed_paths, hidden_paths, readable_paths
from ..scratch import Scratch, remove
from .process import Process, Ran
from .warmup import needs_of
from .zygote_client import ZygoteClient

ENVIRONMENT = {
    "CUDA_VISIBLE_DEVICES": "",
    "MPLBACKEND": "module://matplotlib_inline.backend_inline",
    "TERM": "xterm-color",
    "CLICOLOR": "1",
    "FORCE_COLOR": "1",
    "CLICOLOR_FORCE": "1",
    "PAGER": "cat",
    "GIT_PAGER": "cat",
}

PREPARE = "autograder.kernel.cell_loop:prepare"
NOTHING: Mapping[str, Sequence[str]] = MappingProxyType({})

__all__ = ["Kernel", "Kernels", "Process", "Ran", "needs_of"]


class Kernel(Process):
    """One student's process and its folder, which is removed with it."""

    def _close(self) -> None:
        super()._close()
        remove(self.folder)


class Kernels:
    """Starts kernels in milliseconds, after its zygote has warmed up once. Making it doesn't wait for that.

    needs: what the assignment uses, from ``needs_of`` of its cells' sources. None: anything, which takes longer.
    cells: texts that the release gave to everybody; what they import is imported before a kernel starts. closed:
    modules of `helpers` that are not there, with what of each is (the checks never are). serve: "module:function" of
    what answers a judge (`cell_loop.Serve`).
    """

    def __init__(
        self,
        mode: Mode,
        *,
        needs: Iterable[str] | None = None,
        cells: Iterable[str] = (),
        closed: Mapping[str, Sequence[str]] = NOTHING,
        serve: str = "",
    ) -> None:
        self.mode = mode
        given = {"cells": list(cells), "closed": dict(closed), "serve": serve}
        self.zygote = ZygoteClient(mode, needs=needs, prepare=PREPARE, given=given)
        hidden = [str(path) for path in (*hidden_paths(), *closed_paths(closed))]
        self._room = {"readable": [str(path) for path in readable_paths()], "hidden": hidden}
        self._base = Scratch("course-kernels-")
        self._base.path.chmod(0o711)  # where the grader is root, a student's process is somebody else
        self._living: list[Kernel] = []

    def start(
        self,
        files: dict[str, bytes],
        limits: Limits,
        judge: socket.socket | None,
        *,
        environment: dict[str, str] | None = None,
        seed: int | None = None,
    ) -> Kernel:
        """A fresh kernel. ``files``: what lies beside the notebook; ``environment``: variables such as COURSE_SIZE.

        ``judge``: K's end of the line to its judge; the caller may close it afterwards. ``seed``: of numpy's, random's
        and torch's generators, so that code that sets none runs the same twice. CourseError if it can't start.
        """
        folder = Path(tempfile.mkdtemp(prefix="k-", dir=self._base.path))
        lay_out(folder, files)
        request = {
            "mode": self.mode.name,
            "folder": str(folder),
            "room": self._room,
            "limits": dataclasses.asdict(limits),
            "environment": {**ENVIRONMENT, **(environment or {})},
            "seed": seed,
        }
        try:
            kernel = Kernel(self.zygote, request, limits=limits, peer=judge)
        except BaseException:
            remove(folder)
            raise
        self._living = [one for one in self._living if one._alive] + [kernel]
        return kernel

    def ready(self) -> None:
        """Wait until the zygote is warm."""
        self.zygote.ready()

    def close(self) -> None:
        """End everything at once."""
        for kernel in self._living:
            kernel.kill()
        self.zygote.close()
        self._base.remove()

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
