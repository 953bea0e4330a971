"""The worker's end of a zygote: start it, ask it for processes, hear how they ended. If it dies, start it once more."""

import contextlib
import os
import shutil
import signal
import site
import socket
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

from helpers.errors import CourseError

from ..sandbox import Inmate, Mode
from . import wire

ROOT = Path(__file__).resolve().parents[2]
SECONDS_TO_START = 120.0
SECONDS_TO_FORK = 20.0
MOST_FRAME = 1_000_000


def clean_environment(scratch: Path) -> dict[str, str]:
    """All that a zygote, and so a student's process, ever sees of the environment."""
    cache = os.environ.get("MPLCONFIGDIR") or Path(
        os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache", "matplotlib"
    )
    paths = [str(Path(sys.executable).parent), "/usr/local/bin", "/usr/bin", "/bin"]
    threads = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "NUMEXPR_NUM_THREADS")
    return {
        "PATH": os.pathsep.join(paths),
        "HOME": str(scratch),
        "LANG": "C.UTF-8",
        "MPLCONFIGDIR": str(cache),
        "IPYTHONDIR": str(scratch),
        "PYTHONHASHSEED": "0",
        "PYTHONDONTWRITEBYTECODE": "1",
        **dict.fromkeys(threads, "1"),
        **({} if site.ENABLE_USER_SITE else {"PYTHONNOUSERSITE": "1"}),
    }


class Nursery:
    """One zygote. Making it doesn't wait; ``ready`` does."""

    def __init__(
        self, mode: Mode | None = None, *, warm: bool = True, prepare: str | None = None, given: Any = None
    ) -> None:
        self._asked = {"do": "be", "mode": mode and mode.name, "warm": warm, "prepare": prepare, "given": given}
        self._ended: dict[int, tuple[int, float]] = {}
        self._starts = 0
        self._program: subprocess.Popen[bytes] | None = None
        self.sock: socket.socket | None = None
        self.scratch = Path(tempfile.mkdtemp(prefix="course-zygote-"))
        self.seconds = 0.0
        self._start()

    def _start(self) -> None:
        self._starts += 1
        ours, theirs = socket.socketpair()
        with theirs:
            self._log = (self.scratch / "log").open("wb")
            self._program = subprocess.Popen(
                [sys.executable, "-m", "autograder.kernel.zygote", str(theirs.fileno())],
                pass_fds=[theirs.fileno()],
                env=clean_environment(self.scratch),
                cwd=ROOT,
                stdin=subprocess.DEVNULL,
                stdout=self._log,
                stderr=self._log,
                start_new_session=True,
            )
        self.sock = ours
        self._waiting = True
        wire.send(ours, {**self._asked, "scratch": str(self.scratch)}, deadline=time.monotonic() + 10)

    @property
    def pid(self) -> int | None:
        return self._program.pid if self._program else None

    def ready(self) -> None:
        """Wait until it is warm. CourseError in words if it can't start."""
        if self._waiting:
            self._waiting = False
            self.seconds = float(self._hear("ready", SECONDS_TO_START)["seconds"])

    def fork(self, request: dict[str, Any], descriptors: list[int]) -> Inmate:
        """A new process. The descriptors: its control socket, output and error pipes and perhaps its peer."""
        for _ in range(2):
            try:
                self.ready()
                assert self.sock is not None
                socket.send_fds(self.sock, [b"F"], descriptors)
                wire.send(self.sock, {"do": "fork", **request}, deadline=time.monotonic() + 10)
                return Inmate(**self._hear("forked", SECONDS_TO_FORK)["inmate"])
            except (wire.WireError, OSError):
                self._again()
        raise CourseError("the warm process that starts the kernels died twice; run the grader again" + self._words())

    def _again(self) -> None:
        if self._starts > 1:
            raise CourseError(
                "the warm process that starts the kernels died again after it had been restarted; "
                "look whether the machine is out of memory, and run the grader again" + self._words()
            )
        self._stop()
        self._start()

    def _hear(self, kind: str, seconds: float) -> dict[str, Any]:
        assert self.sock is not None
        deadline = time.monotonic() + seconds
        while True:
            header, _ = wire.receive(self.sock, MOST_FRAME, deadline)
            if header["is"] == kind:
                return header
            if header["is"] == "ended":
                self._note(header)
            if header["is"] == "failed":
                raise CourseError(f"a kernel could not be started: {header['why']}")

    def _note(self, header: dict[str, Any]) -> None:
        self._ended[int(header["pid"])] = int(header["status"]), float(header["cpu"])

    def ended(self, pid: int, wait: float = 0.0) -> tuple[int, float] | None:
        """How a process ended: exit code or minus the signal's number, and CPU seconds. None while it lives."""
        deadline = time.monotonic() + wait
        while pid not in self._ended and self.sock is not None:
            try:
                header, _ = wire.receive(self.sock, MOST_FRAME, deadline)
            except wire.WireError:
                break
            if header.get("is") == "ended":
                self._note(header)
        return self._ended.get(pid)

    @property
    def gone(self) -> bool:
        return self._program is None or self._program.poll() is not None

    def _words(self) -> str:
        try:
            lines = (self.scratch / "log").read_text(errors="replace").strip().splitlines()
        except OSError:
            lines = []
        return f" (its last words: {lines[-1]})" if lines else ""

    def _stop(self) -> None:
        if self.sock is not None:
            self.sock.close()
            self.sock = None
        if self._program is not None:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(self._program.pid, signal.SIGKILL)
            self._program.wait()
            self._log.close()
            self._program = None

    def close(self) -> None:
        """End it at once."""
        self._stop()
        shutil.rmtree(self.scratch, ignore_errors=True)
