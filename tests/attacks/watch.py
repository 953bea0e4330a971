"""What an attack may do to others while it runs: to a process, the machine, the terminal, and who it may call."""

from __future__ import annotations

import contextlib
import fcntl
import os
import resource
import signal
import socket
import termios
import tty
from pathlib import Path

from .attack import Places
from .detect import BREACH

LIMIT = resource.RLIMIT_CPU


class Victim:
    """An unrelated process of the instructor's, which must stay unharmed."""

    def __init__(self) -> None:
        self.pid = os.fork()
        if not self.pid:
            while True:
                signal.pause()
        self.before = self._state()

    def _state(self) -> tuple[object, ...]:
        stat = Path(f"/proc/{self.pid}/stat").read_text().rpartition(")")[2].split()
        told = Path(f"/proc/{self.pid}/oom_score_adj").read_text()
        return stat[0] in "TtZX", os.getpriority(os.PRIO_PROCESS, self.pid), told, resource.prlimit(self.pid, LIMIT)

    def end(self) -> list[str]:
        """Its state; it is ended afterwards."""
        now = self._state()
        os.kill(self.pid, signal.SIGKILL)
        os.waitpid(self.pid, 0)
        words = ("was stopped or ended", "was slowed down", "was named to be killed first", "was limited")
        return [f"another process {what}" for what, a, b in zip(words, self.before, now, strict=True) if a != b]


class Machine:
    """What all programs of a machine share: its name, and the keys that its kernel keeps."""

    def __init__(self) -> None:
        self.before = self._state()

    @staticmethod
    def _state() -> tuple[object, ...]:
        keys: set[str] = set()
        with contextlib.suppress(OSError):
            keys = {line.split()[0] for line in Path("/proc/keys").read_text().splitlines() if " breach" in line}
        return os.uname().nodename, Path("/proc/sys/kernel/domainname").read_text(), keys

    def harm(self) -> list[str]:
        words = ("the machine has another name", "the machine has another domain", "a key was left in the kernel")
        return [what for what, a, b in zip(words, self.before, self._state(), strict=True) if a != b]


class Terminal:
    """The instructor's terminal, from which the grading is started."""

    def __init__(self) -> None:
        self.screen, self.keyboard = os.openpty()
        tty.setraw(self.keyboard)
        for end in (self.screen, self.keyboard):
            os.set_blocking(end, False)

    def take(self) -> None:
        """Make it the terminal of this session, in the grader's process."""
        fcntl.ioctl(self.keyboard, termios.TIOCSCTTY, 0)

    def close(self) -> list[str]:
        """What was typed into it, and written on it, by somebody else."""
        typed, shown = (_available(end) for end in (self.keyboard, self.screen))
        os.close(self.screen)
        os.close(self.keyboard)
        return ["typed into the terminal"] * bool(typed) + ["wrote to the terminal"] * (BREACH in shown)


def _available(descriptor: int) -> bytes:
    with contextlib.suppress(OSError):
        return os.read(descriptor, 1 << 16)
    return b""


class Listener:
    """Listeners on every kind of socket that can be reached on this machine."""

    def __init__(self, places: Places) -> None:
        self.heard: set[str] = set()
        self.ears: list[tuple[str, socket.socket]] = []
        tcp = self._listen("TCP", socket.AF_INET, socket.SOCK_STREAM, ("127.0.0.1", 0))
        self.port = tcp.getsockname()[1]
        self._listen("UDP", socket.AF_INET, socket.SOCK_DGRAM, ("127.0.0.1", self.port))
        with contextlib.suppress(OSError):
            self._listen("an abstract socket", socket.AF_UNIX, socket.SOCK_STREAM, f"\0arena-{self.port}")
        with contextlib.suppress(OSError):
            self._listen("vsock", socket.AF_VSOCK, socket.SOCK_STREAM, (socket.VMADDR_CID_ANY, self.port))
        path = places.root / "run" / "docker.sock"
        path.parent.mkdir(parents=True, exist_ok=True)
        self._listen("a Unix socket", socket.AF_UNIX, socket.SOCK_STREAM, str(path))

    def _listen(self, name: str, family: int, kind: int, address: object) -> socket.socket:
        ear = socket.socket(family, kind)
        ear.bind(address)  # type: ignore[arg-type]
        if kind == socket.SOCK_STREAM:
            ear.listen(64)
        ear.setblocking(False)
        self.ears.append((name, ear))
        return ear

    def listen(self) -> None:
        """Record the connections since the last call."""
        for name, ear in self.ears:
            with contextlib.suppress(OSError):
                if ear.type == socket.SOCK_STREAM:
                    ear.accept()[0].close()
                else:
                    ear.recv(1000)
                self.heard.add(name)
