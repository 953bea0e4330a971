"""A disposable environment for attacks, so that those that succeed do no harm.

Namespaces of its own (user, processes, mounts, network), everything read-only but a small /tmp and a copy on write of
the installation, an ordinary user without rights, limits on memory and processes. It has nothing to do with the sandbox
that grading uses: it stands around both engines, and all that it does could be done by hand with `unshare` and `mount`.
"""

from __future__ import annotations

import contextlib
import ctypes
import fcntl
import itertools
import os
import resource
import select
import signal
import socket
import struct
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass, field
from pathlib import Path

from autograder.course import REPOSITORY

NEW = {"user": 0x10000000, "mount": 0x20000, "pid": 0x20000000, "net": 0x40000000, "ipc": 0x8000000, "uts": 0x4000000}
NOBODY, ORDINARY = 65534, 1000
MS_NOSUID, MS_NODEV, MS_BIND, MS_REC, MS_PRIVATE = 2, 4, 4096, 16384, 1 << 18
PR_SET_DUMPABLE, PR_SET_PDEATHSIG = 4, 1
SYS_MOUNT_SETATTR, AT_RECURSIVE, RDONLY, NOSUID = 442, 0x8000, 1, 2
COVERED = ("/tmp", "/var/tmp", "/dev/shm", "/run")
WRITTEN = Path("/run/written")
"""What was written to the installation (an overlay's upper layer): the installation itself is never changed."""
CGROUPS = Path("/sys/fs/cgroup")
_number = itertools.count()


@dataclass(frozen=True)
class Fence:
    """The limits of one place."""

    memory_mb: int = 4096
    processes: int = 400
    disk_mb: int = 600


@dataclass
class Used:
    """What one body took; the last two only where this user may make control groups."""

    result: bytes = b""
    seconds: float = 0.0
    ended: str = "well"  # "well", "late" (stopped from outside) or "badly"
    out_of_memory: bool = False
    out_of_processes: bool = False
    details: str = ""
    counted: bool = False
    peak_mb: float = field(default=0.0)

    def as_dict(self) -> dict[str, object]:
        return {k: v for k, v in asdict(self).items() if k != "result"}


def libc() -> ctypes.CDLL:
    return ctypes.CDLL(None, use_errno=True)


def _must(result: int, what: str) -> None:
    if result != 0:
        number = ctypes.get_errno()
        raise OSError(number, f"{what}: {os.strerror(number)}")


def why_not() -> str:
    """Why no fence can be built here, or '' where it can: one is built to find out."""
    if not sys.platform.startswith("linux"):
        return "namespaces exist on Linux only"
    used = run(lambda: b"here", 20)
    return "" if used.result == b"here" else used.details or "it could not be built"


def run(body: Callable[[], bytes], seconds: float, fence: Fence | None = None, bare: bool = False) -> Used:
    """Run `body` behind a fence (with `bare`: in a plain child process) and return what it returned.

    Call it in a process with one thread. Whatever is still alive after `seconds`, or when body has ended, is killed.
    """
    fence = fence or Fence()
    reader, writer = os.pipe()
    with _control_groups(fence, bare) as groups:
        begun = time.monotonic()
        first = os.fork()
        if first == 0:
            os.close(reader)
            with contextlib.suppress(BaseException):
                _first(body, fence, writer, groups, bare)
            os._exit(1)
        os.close(writer)
        used = _listen(reader, begun + seconds)
        with contextlib.suppress(ProcessLookupError):
            os.kill(first, signal.SIGKILL)  # its child, the first process inside, goes with it
        os.waitpid(first, 0)
        used.seconds = time.monotonic() - begun
        _measure(groups, used)
    return used


def _listen(reader: int, deadline: float) -> Used:
    """Everything that the body writes: its result, after a first byte that says how it ended."""
    used, told = Used(), bytearray()
    with os.fdopen(reader, "rb", buffering=0) as stream:
        while True:
            left = deadline - time.monotonic()
            if left <= 0 or not select.select([stream], [], [], left)[0]:
                used.ended = "late"
                return used
            part = stream.read(1 << 20)
            if not part:
                break
            told += part
    used.ended = "well" if told[:1] == b"+" else "badly"
    used.result = bytes(told[1:]) if used.ended == "well" else b""
    used.details = "" if used.ended == "well" else told[1:].decode(errors="replace")[:500]
    return used


def _first(body: Callable[[], bytes], fence: Fence, writer: int, groups: list[Path], bare: bool) -> None:
    """In the child: enter the namespaces; the grandchild is their first process and runs the body."""
    pid = str(os.getpid())
    for group in groups:
        (group / "cgroup.procs").write_text(pid)
    if bare:
        libc().prctl(36, 1, 0, 0, 0)  # the body's orphans become ours
    else:
        try:
            _enter()
        except OSError as error:
            os.write(writer, f"-no fence can be built here ({error})".encode())
            os._exit(1)
    second = os.fork()
    if second == 0:
        libc().prctl(PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0)
        _second(body, fence, writer, bare, bool(groups))
    os.close(writer)
    os.waitpid(second, 0)
    os._exit(0)


def _enter() -> None:
    """Root needs no namespace of users; everybody else gets one, in which they keep being an ordinary user."""
    uid, gid = os.getuid(), os.getgid()
    _must(libc().unshare(sum(v for k, v in NEW.items() if k != "user" or uid)), "unshare")
    if uid:
        Path("/proc/self/setgroups").write_text("deny")
        Path("/proc/self/uid_map").write_text(f"{ORDINARY} {uid} 1")
        Path("/proc/self/gid_map").write_text(f"{ORDINARY} {gid} 1")


def _second(body: Callable[[], bytes], fence: Fence, writer: int, bare: bool, counted: bool) -> None:
    try:
        if bare:
            libc().prctl(36, 1, 0, 0, 0)
        else:
            signal.signal(signal.SIGINT, signal.SIG_IGN)  # a first process can only be reached by what it handles
            _furnish(fence)
            _drop_rights()
            if not counted:  # counted by user, so a control group is better
                resource.setrlimit(resource.RLIMIT_NPROC, (fence.processes, fence.processes))
        resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
        told = b"+" + body()
    except BaseException as error:
        told = f"-{type(error).__name__}: {error}".encode()
    view = memoryview(told)
    while view:
        view = view[os.write(writer, view) :]
    os._exit(0)


def _furnish(fence: Fence) -> None:
    c = libc()
    _must(c.mount(None, b"/", None, MS_REC | MS_PRIVATE, None), "mount")
    needed = [Path(p) for p in dict.fromkeys((str(REPOSITORY), sys.prefix, sys.base_prefix))]
    covered = [p for p in (*COVERED, *filter(None, map(_shut, needed))) if os.path.isdir(p) and not os.path.islink(p)]
    opened = [(p, os.open(p, os.O_PATH)) for p in needed if str(p).startswith(tuple(covered))]
    for place in covered:
        rights = 1777 if place in COVERED else 755
        options = f"size={fence.disk_mb}m,nr_inodes=200000,mode={rights}".encode()
        _must(c.mount(b"tmpfs", place.encode(), b"tmpfs", MS_NOSUID | MS_NODEV, options), f"tmpfs on {place}")
    for path, handle in opened:
        path.mkdir(parents=True, exist_ok=True)
        _must(c.mount(f"/proc/self/fd/{handle}".encode(), str(path).encode(), None, MS_BIND | MS_REC, None), "bind")
        os.close(handle)
    writable = [str(p) for number, p in enumerate(installation()) if _copy_on_write(p, number)]
    _must(c.mount(b"proc", b"/proc", b"proc", 14, None), "proc")
    _read_only("/", set=RDONLY | NOSUID)
    for place in (*covered, *writable):
        _read_only(place, clear=RDONLY, recursive=False)
    _read_only("/proc", clear=RDONLY, recursive=False)
    _loopback()


def installation() -> list[Path]:
    """The course and the Python that run here; whoever installed them may change them."""
    python = Path(sys.prefix)
    return [REPOSITORY, *([] if python.is_relative_to(REPOSITORY) else [python])]


def _copy_on_write(path: Path, number: int) -> bool:
    """Let the instructor write to a part of the installation, as usual; False where this kernel can't (it stays
    read-only then)."""
    upper, work = WRITTEN / str(number), WRITTEN.with_name("work") / str(number)
    upper.mkdir(parents=True)
    work.mkdir(parents=True)
    lower = os.open(path, os.O_PATH)
    options = f"lowerdir=/proc/self/fd/{lower},upperdir={upper},workdir={work}"
    mounted = any(
        libc().mount(b"overlay", str(path).encode(), b"overlay", MS_NOSUID, f"{options}{more}".encode()) == 0
        for more in (",userxattr", "")
    )
    os.close(lower)
    if mounted and os.getuid() == 0:  # the one who grades will be NOBODY
        packages = [Path(p) for p in sys.path if Path(p).is_dir() and Path(p).is_relative_to(path)]
        for folder in (path / "solutions", path / "helpers", Path(sys.executable).parent, *packages):
            for one in (folder, folder / "__pycache__", folder / "numpy", folder / "numpy" / "__pycache__"):
                if one.is_dir() and one.is_relative_to(path):
                    os.chown(one, NOBODY, NOBODY)
    return mounted


def _shut(path: Path) -> str:
    """The folder on the way to `path` that other users may not enter, if there is one."""
    return next((str(p) for p in reversed(path.parents) if os.getuid() == 0 and not p.stat().st_mode & 1), "")


def _read_only(place: str, set: int = 0, clear: int = 0, recursive: bool = True) -> None:
    attributes = struct.pack("QQQQ", set, clear, 0, 0)
    flags = AT_RECURSIVE if recursive else 0
    call = libc().syscall
    _must(call(SYS_MOUNT_SETATTR, -100, place.encode(), flags, attributes, len(attributes)), f"read-only {place}")


def _loopback() -> None:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as s:
        fcntl.ioctl(s, 0x8914, struct.pack("16sH14x", b"lo", 0x41))  # SIOCSIFFLAGS, up and running


def _drop_rights() -> None:
    """An ordinary user from here on, as the instructor who grades."""
    if os.getuid() == 0:
        os.setgroups([])
        os.setgid(NOBODY)
        os.setuid(NOBODY)
        libc().prctl(PR_SET_DUMPABLE, 1, 0, 0, 0)  # else what lies in /proc/self belongs to root
        libc().prctl(PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0)
    header, nothing = struct.pack("II", 0x20080522, 0), bytes(24)
    _must(libc().capset(header, nothing), "capset")


@contextlib.contextmanager
def _control_groups(fence: Fence, bare: bool) -> Iterator[list[Path]]:
    """A group for memory and one for the number of processes, where this user may make them (v1 and v2)."""
    wanted = {"memory.limit_in_bytes": fence.memory_mb << 20, "memory.max": fence.memory_mb << 20,
              "memory.swap.max": 0, "pids.max": fence.processes}  # fmt: skip
    made: list[Path] = []
    name = f"attacks-{os.getpid()}-{next(_number)}"
    places = [CGROUPS / "memory" / name, CGROUPS / "pids" / name]
    if (CGROUPS / "cgroup.controllers").is_file():
        places = [CGROUPS / name]
    for place in places:
        with contextlib.suppress(OSError):
            place.mkdir()
            made.append(place)
            for key, value in wanted.items():
                if (place / key).is_file():
                    (place / key).write_text(str(value))
    try:
        yield made
    finally:
        for place in made:
            for _ in range(100):
                try:
                    place.rmdir()
                    break
                except OSError:
                    time.sleep(0.05)  # the killed are still leaving


def _measure(groups: list[Path], used: Used) -> None:
    """What the control groups counted."""
    for group in groups:
        used.counted = True
        for name in ("memory.max_usage_in_bytes", "memory.peak"):
            if (group / name).is_file():
                used.peak_mb = int((group / name).read_text()) / 2**20
        for name in ("memory.oom_control", "memory.events"):
            if (group / name).is_file():
                used.out_of_memory = dict(_pairs(group / name)).get("oom_kill", "0") != "0"
        if (group / "pids.events").is_file():
            used.out_of_processes = dict(_pairs(group / "pids.events")).get("max", "0") != "0"


def _pairs(path: Path) -> Iterator[tuple[str, str]]:
    for line in path.read_text().splitlines():
        key, _, value = line.partition(" ")
        yield key, value
