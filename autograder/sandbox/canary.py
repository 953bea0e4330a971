"""A hand-in that tries to escape, run through the real kernel before a batch. If it succeeds, nothing is graded.

What it reaches is judged from outside: by secrets that only a reader of our files or processes can know, by sockets
that hear it, by files that must not change and processes that must live or be gone. What it says of itself counts on
top, and its silence counts as nothing: each cell has to say that it went through.
"""

from __future__ import annotations

import contextlib
import json
import os
import secrets
import select
import socket
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Protocol

from helpers.errors import CourseError

from ..scratch import MARK, Scratch
from .modes import Limits
from .paths import helpers_folder

SECONDS = 20.0
LIMITS = Limits(memory_mb=512, processes=16, cpu_s=30, disk_mb=16)
FILES_TRIED = 6
TOLD = 8
GIVEN = "canary.json"


class Broken(CourseError):
    """The canary did not go through all it has to try."""


class _Kernel(Protocol):
    def run(self, source: str, seconds: float) -> Any: ...

    def kill(self) -> None: ...


class _Kernels(Protocol):
    def start(self, files: dict[str, bytes], limits: Limits, judge: socket.socket | None) -> Any: ...


def prove(kernels: _Kernels, paths: Sequence[Path], closed: Sequence[Path] = ()) -> None:
    """Run the canary and come back, if it got nowhere.

    paths: files and folders that no submission may see (the gradebook, the class's folder, the course's); closed: those
    of `helpers`, which it tries to read only. CourseError: what it could do, or that it could not even try, twice: one
    that broke has proved nothing for or against.
    """
    try:
        wrong = verdict(kernels, paths, closed)
    except Broken:
        wrong = verdict(kernels, paths, closed)
    if wrong:
        more = f"; and {len(wrong) - TOLD} things more" if len(wrong) > TOLD else ""
        raise CourseError(
            f"the sandbox does not hold on this machine: a test submission could {'; '.join(wrong[:TOLD])}{more}. "
            "Nothing was graded. Grade with another mode or on another machine, and report this as a bug"
        )


def verdict(kernels: _Kernels, paths: Sequence[Path], closed: Sequence[Path] = ()) -> list[str]:
    """What the canary could do, each thing in words; empty if it got nowhere."""
    with _traps(paths) as traps:
        traps.files += _files(closed, helpers=False)
        ours, theirs = socket.socketpair()
        with ours:
            with theirs:
                kernel = kernels.start({GIVEN: json.dumps(traps.told()).encode()}, LIMITS, theirs)
            try:
                said, broken = _run(kernel)
            finally:
                kernel.kill()
            wrong = traps.sprung(said)
            wrong += [line.removeprefix("did: ") for line in said.splitlines() if line.startswith("did: ")]
            if not _at_its_end(ours):
                wrong.append("leave a program running after its end")
        if broken and not wrong:
            raise Broken(f"the sandbox can't be proved: its test submission broke in {broken}")
        return list(dict.fromkeys(wrong))


def _run(kernel: _Kernel) -> tuple[str, str]:
    """All that the canary's cells print, and the cell in which it broke and why, "" if it went through all."""
    said = ""
    for name, source in CELLS.items():
        ran = kernel.run(source, SECONDS)
        printed = "".join(output.get("text", "") for output in ran.outputs)
        said += printed
        if ran.status != "ok" or f"went through {name}" not in printed:
            last = ran.outputs[-1] if ran.outputs else {}
            reason = str(last.get("evalue") or last.get("text") or last.get("ename") or ran.status).strip()
            return said, f"the cell {name!r} ({reason[-300:]})"
    return said, ""


def _at_its_end(line: socket.socket, seconds: float = 2.0) -> bool:
    """Whether the other end of the connection is closed."""
    until = time.monotonic() + seconds
    while select.select([line], [], [], max(0.0, until - time.monotonic()))[0]:
        try:
            if not line.recv(65536):
                return True
        except ConnectionError:
            return True
    return False


@dataclass
class Traps:
    """Planted files, sockets and a process, which only code outside the sandbox can reach."""

    base: Path
    plants: dict[Path, str]
    servers: dict[str, socket.socket]
    victim: subprocess.Popen[bytes]
    secret: str
    files: list[str] = field(default_factory=list)

    def told(self) -> dict[str, Any]:
        """What the canary needs for its attempts: locations, never the secrets."""
        return {
            "plants": [str(path) for path in self.plants],
            "files": self.files,
            "base": str(self.base),
            "ports": {kind: self.servers[kind].getsockname()[1] for kind in ("TCP", "UDP")},
            "hosts": _own_addresses(),
            "abstract": self.servers["an abstract socket"].getsockname()[1:].decode(),
            "victim": self.victim.pid,
            "worker": os.getpid(),
        }

    def sprung(self, said: str) -> list[str]:
        wrong = []
        for path, text in self.plants.items():
            if text in said:
                wrong.append(f"read {path.parent.name}")
            if not path.exists() or path.read_text() != text:
                wrong.append(f"change {path.parent.name}")
        if self.secret in said:
            wrong.append("read the environment of another process")
        if {path.name for path in self.base.iterdir()} != {MARK, "another submission", "socket", "datagrams"}:
            wrong.append("write outside its folder")
        for name, server in self.servers.items():
            if _heard(server):
                wrong.append(f"reach {name}")
        if self.victim.poll() is not None:
            wrong.append("end another process")
        return wrong


def _heard(server: socket.socket) -> bool:
    server.setblocking(False)
    try:
        return bool(server.accept() if server.type == socket.SOCK_STREAM else server.recv(100))
    except OSError:
        return False


@contextlib.contextmanager
def _traps(paths: Sequence[Path]) -> Iterator[Traps]:
    servers: dict[str, socket.socket] = {}
    secret = secrets.token_hex(16)
    made = [Scratch("course-canary-")]
    base = made[0].path
    victim = subprocess.Popen(  # it ends with this process, whatever that dies of
        [sys.executable, "-I", "-S", "-c", "import sys; sys.stdin.read()"],
        env={"COURSE_SECRET": secret}, cwd="/", stdin=subprocess.PIPE,
    )  # fmt: skip
    try:
        plants = {_plant(base, "another submission"): ""}
        for path in {p if p.is_dir() else p.parent for p in paths if p.exists()}:
            with contextlib.suppress(OSError):  # a folder that even the worker can't write to
                made.append(Scratch(f".canary-{socket.gethostname()}-", path))
                plants[_plant(made[-1].path, f"{path.name} (a folder of the course)")] = ""
        for plant in plants:
            plants[plant] = secrets.token_hex(16)
            plant.write_text(plants[plant])
        for folder in {folder for plant in plants for folder in (plant.parent, plant.parent.parent)}:
            folder.chmod(0o777)  # so that only the sandbox prevents access
        _listen(servers, base)
        yield Traps(base, plants, servers, victim, secret, _files(paths))
    finally:
        victim.kill()
        victim.communicate()
        for server in servers.values():
            server.close()
        for scratch in made:
            scratch.remove()


def _plant(folder: Path, name: str) -> Path:
    (folder / name).mkdir()
    return folder / name / "secret.txt"


def _listen(servers: dict[str, socket.socket], base: Path) -> None:
    servers["TCP"] = socket.create_server(("", 0))
    servers["UDP"] = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    servers["UDP"].bind(("", 0))
    here = os.open(base, os.O_RDONLY)
    for name, address, kind in (
        # The path of a temporary folder may be longer than the 107 characters that a socket's may have.
        ("a socket by its path", f"/proc/self/fd/{here}/socket", socket.SOCK_STREAM),
        ("a datagram socket by its path", f"/proc/self/fd/{here}/datagrams", socket.SOCK_DGRAM),
        ("an abstract socket", f"\0course-{secrets.token_hex(8)}", socket.SOCK_STREAM),
    ):
        servers[name] = socket.socket(socket.AF_UNIX, kind)
        servers[name].bind(address)
        if kind == socket.SOCK_STREAM:
            servers[name].listen()
        if not address.startswith("\0"):
            os.chmod(address, 0o777)
    os.close(here)


def _own_addresses() -> list[str]:
    """This machine's addresses: the one that packets leave by is asked of the kernel, which sends nothing for that."""
    found = ["127.0.0.1"]
    with contextlib.suppress(OSError), socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as s:
        s.connect(("192.0.2.1", 9))
        found.append(s.getsockname()[0])
    return found


def _is_real(path: str) -> bool:
    """A file that can be read to its end: what was handed in may be a link to anything, or a pipe."""
    return os.path.isfile(path) and not os.path.islink(path) and os.access(path, os.R_OK)


def _files(paths: Sequence[Path], helpers: bool = True) -> list[str]:
    """A few real files of what must not be seen; `helpers` and Python may lie among it and are not meant."""
    allowed = (helpers_folder(), Path(sys.prefix), Path(sys.base_prefix)) if helpers else ()
    found: list[str] = []
    for path in paths:
        some: list[str] = []
        for top, folders, names in os.walk(path) if path.is_dir() else [(str(path.parent), [], [path.name])]:
            folders[:] = [name for name in folders if Path(top, name) not in allowed and name[0] != "."]
            some += [file for name in names if _is_real(file := os.path.join(top, name))]
            if len(some) >= FILES_TRIED:
                break
        found += some[:FILES_TRIED]
    return found


BEGIN = f"""
import ctypes, json, os, socket
given = json.load(open({GIVEN!r}))

def attempt(words, what):
    try:
        found = what()
    except (OSError, AttributeError):
        return
    print("did:", words)
    if isinstance(found, str):
        print(found)

"""

CELLS = {
    "files": BEGIN
    + """
def given_file():
    open("mine.txt", "w").write("mine")
    return "mine.txt"

for name in given["files"]:
    attempt("read " + name, lambda: open(name, "rb").read(1) and None)
for name in given["plants"]:
    folder = os.path.dirname(name)
    attempt("read files of the class or the course", lambda: open(name).read())
    attempt("list folders of the class or the course", lambda: os.listdir(folder))
    attempt("make files among the class's or the course's", lambda: open(os.path.join(folder, "new"), "w"))
    attempt("link files of the class or the course", lambda: os.link(name, "taken.txt"))
    attempt("cut off files of the class or the course", lambda: os.truncate(name, 0))
    attempt("write files of the class or the course", lambda: open(name, "a").write("changed"))
    attempt("replace files of the class or the course", lambda: os.replace(given_file(), name))
    attempt("remove files of the class or the course", lambda: os.remove(name))
attempt("write outside its folder", lambda: open(os.path.join(given["base"], "new"), "w"))
attempt("change the system's settings", lambda: os.close(os.open("/proc/sys/kernel/core_pattern", os.O_WRONLY)))
if hasattr(os, "O_TMPFILE"):  # a file without a name, which is gone when it is closed
    python = os.path.dirname(os.__file__)
    attempt("change Python's own files", lambda: os.close(os.open(python, os.O_TMPFILE | os.O_WRONLY)))
print("went through files")
""",
    "processes": """
def seen():
    found = ""
    for name in os.listdir("/proc"):
        for what in ("environ", "cmdline"):
            try:
                found += open("/proc/" + name + "/" + what, errors="replace").read()
            except OSError:
                pass
    return found

try:
    print(seen())
except OSError:
    pass
print(dict(os.environ))
for who in ("victim", "worker"):
    attempt("see processes outside", lambda: open("/proc/%d/status" % given[who]).close())
    attempt("signal processes outside", lambda: os.kill(given[who], 0))
attempt("end processes outside", lambda: os.kill(given["victim"], 9))
import resource
attempt("limit processes outside", lambda: resource.prlimit(given["victim"], resource.RLIMIT_CPU, (600, 600)))
print("went through processes")
""",
    "network": """
for host in given["hosts"]:
    attempt("use the network", lambda: socket.create_connection((host, given["ports"]["TCP"]), 1).close())
    try:
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as s:
            s.sendto(b"out", (host, given["ports"]["UDP"]))
    except OSError:
        pass

def through(address, pair):
    if pair:
        socket.socketpair(socket.AF_UNIX, socket.SOCK_DGRAM)[0].sendto(b"out", address)
    else:
        socket.socket(socket.AF_UNIX).connect(address)

def nearby(name, pair):
    home = os.getcwd()
    os.chdir(given["base"])
    try:
        through(name, pair)
    finally:
        os.chdir(home)

for name, pair in (("socket", False), ("datagrams", True)):
    attempt("use sockets of other programs", lambda: through(os.path.join(given["base"], name), pair))
    attempt("use sockets of other programs", lambda: nearby(name, pair))
attempt("use sockets of other programs", lambda: through(chr(0) + given["abstract"], False))
attempt("use vsock", lambda: socket.socket(socket.AF_VSOCK, socket.SOCK_STREAM).close())
attempt("use netlink", lambda: socket.socket(socket.AF_NETLINK, socket.SOCK_RAW).close())
print("went through network")
""",
    "kernel": """
libc = ctypes.CDLL(None, use_errno=True)

def call(number_x86, number_arm, *values):
    number = {"x86_64": number_x86, "aarch64": number_arm}.get(os.uname().machine)
    if number is None:
        return
    if libc.syscall(*map(ctypes.c_long, (number, *values))) < 0 and ctypes.get_errno() in (1, 38):
        raise OSError("refused")

attempt("use the kernel's keys", lambda: call(250, 219, 0, -3, 0))
attempt("use io_uring", lambda: call(425, 425, 1, 0))
attempt("load programs into the kernel", lambda: call(321, 280, 0, 0, 0))
attempt("trace other processes", lambda: call(310, 270, given["victim"], 0, 0, 0, 0, 0))
attempt("make user namespaces", lambda: call(272, 97, 0x10000000))
for numbers in ((135, 92, -1), (239, 236, 0, 0, 0, 0, 0), (294, 26, 0), (451, 451, -1, 0, 0, 0)):
    attempt("make system calls that no hand-in needs", lambda: call(*numbers))
attempt("become root", lambda: os.setuid(0) if os.getuid() else call(165, 40, 0, 0, 0, 0, 0))
print("went through kernel")
""",
    "daemon": """
import time
def daemon():
    if os.fork():
        return
    for _ in range(2):
        try:
            os.setsid()
        except OSError:
            pass
        if os.fork():
            os._exit(0)
    time.sleep(60)
    os._exit(0)

try:
    daemon()
except OSError:
    pass
time.sleep(0.05)
print("went through daemon")
""",
}
"""What it tries. A line "did: …" finishes the sentence "a test submission could …"."""
