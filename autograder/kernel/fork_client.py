"""The worker's end of the fork server: one program, shared by the kernels and judges of one or more workers."""

import contextlib
import json
import os
import select
import site
import socket
import subprocess
import sys
import tempfile
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from helpers.errors import CourseError

from ..sandbox.limits import THREADS, unlimit_memory
from ..scratch import Scratch
from . import wire

COURSE = Path(__file__).resolve().parents[2]


def clean_environment(scratch: Path) -> dict[str, str]:
    """The environment variables of a zygote, and so of a student's process."""
    user_cache = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache")
    return {
        "PATH": os.pathsep.join([str(Path(sys.executable).parent), "/usr/local/bin", "/usr/bin", "/bin"]),
        "HOME": str(scratch),
        "LANG": "C.UTF-8",
        "CUDA_VISIBLE_DEVICES": "",
        "MPLCONFIGDIR": os.environ.get("MPLCONFIGDIR") or str(user_cache / "matplotlib"),
        "IPYTHONDIR": str(scratch),
        "PYTHONHASHSEED": "0",
        "GLIBC_TUNABLES": "glibc.malloc.hugetlb=1",  # fewer pages to copy the tables of, at each fork and each end
        **({"PYTHONDONTWRITEBYTECODE": "1"} if sys.dont_write_bytecode else {}),
        **dict.fromkeys(THREADS, "1"),
        **({} if site.ENABLE_USER_SITE else {"PYTHONNOUSERSITE": "1"}),
    }


class Line:
    """A connection to a fork server; its holder may ask for zygotes."""

    def __init__(self, sock: socket.socket) -> None:
        self._sock = sock

    def dead(self) -> bool:
        """Whether the other end is closed; a peer that is just ending gets a moment."""
        return bool(select.select([self._sock], [], [], 0.2)[0])  # a fork server says nothing on its own

    def spawn(self, request: dict[str, Any], given: Any) -> socket.socket:
        """Ask for a zygote; it will be at the other end of this socket. Doesn't wait for it."""
        ours, theirs = socket.socketpair()
        # A file, because what is given may be larger than what a socket holds until somebody reads it.
        with theirs, tempfile.TemporaryFile() as file:
            file.write(json.dumps(given).encode())
            file.flush()
            file.seek(0)
            wire.send_order(self._sock, {"do": "spawn", **request}, [theirs.fileno(), file.fileno()])
        return ours

    def last_words(self) -> str:
        """What an error message should add."""
        return ""

    def close(self) -> None:
        self._sock.close()


class ForkServerProcess(Line):
    """The fork server program, which warms up for `needs` in the background and ends with its owner."""

    def __init__(self, needs: Iterable[str] = ()) -> None:
        self._folder = Scratch("course-zygote-")
        self.scratch = self._folder.path
        ours, theirs = socket.socketpair()
        super().__init__(ours)
        with theirs, (self.scratch / "log").open("wb") as log:
            program = [sys.executable, "-m", "autograder.kernel.fork_server"]
            self._program = subprocess.Popen(
                [*program, str(theirs.fileno()), str(self.scratch), *needs],
                pass_fds=[theirs.fileno()],
                env=clean_environment(self.scratch),
                cwd=COURSE,
                stdin=subprocess.PIPE,  # ends with this process, and the fork server with it
                stdout=log,
                stderr=log,
                start_new_session=True,
            )
        unlimit_memory(self._program.pid)  # a worker's own limit is not for what it starts

    @property
    def pid(self) -> int:
        return self._program.pid

    def dead(self) -> bool:
        with contextlib.suppress(subprocess.TimeoutExpired):
            self._program.wait(0.2)
        return self._program.poll() is not None

    def line(self) -> socket.socket:
        """The end of another line, for another process. CourseError if the program has ended."""
        ours, theirs = socket.socketpair()
        with theirs:
            try:
                wire.send_order(self._sock, {"do": "admit"}, [theirs.fileno()])
            except wire.WireError:
                ours.close()
                raise CourseError(f"the warm process that starts the kernels died{self.last_words()}") from None
        return ours

    def last_words(self) -> str:
        """The last line of its log, for an error message."""
        with contextlib.suppress(OSError):
            lines = (self.scratch / "log").read_text(errors="replace").strip().splitlines()
            return f" (its last words: {lines[-1][:500]})" if lines else ""
        return ""

    def close(self) -> None:
        """Kill it."""
        self._sock.close()
        self._program.kill()
        self._program.communicate()
        self._folder.remove()


_server: Line | None = None
_users = 0
_owner = 0


def adopt(line: socket.socket) -> None:
    """Let this process use the fork server at the other end of a line as long as that lives, then one of its own."""
    global _server, _users, _owner
    _server, _users, _owner = Line(line), 1, os.getpid()


def acquire() -> Line:
    """The fork server of this process, started if there is none. Each ``acquire`` wants its ``release``."""
    global _server, _users, _owner
    if _owner != os.getpid():  # a forked worker has its own
        _server, _users, _owner = None, 0, os.getpid()
    if _server is None:
        try:
            _server = ForkServerProcess()
        except OSError as error:
            raise CourseError(f"no process for the kernels could be started ({error.strerror})") from error
    _users += 1
    return _server


def release(server: Line, broken: bool = False) -> None:
    """Release it: no longer used by the caller, or known not to work; the last user ends it."""
    global _server, _users
    if server is _server and _owner == os.getpid():
        _users -= 1
        if broken or _users <= 0:
            _server, _users = None, 0
            server.close()
