"""Mode "namespaces": a root of its own, with nothing in it but read-only Python and a small writable folder.

Linux namespaces(7), pivot_root(2). The zygote `settle`s once, so that it may make a process namespace for each child;
each child then builds its root as that namespace's first process, and drops all privileges before it runs anything.
"""

from __future__ import annotations

import contextlib
import os
import select
import socket
import struct
from pathlib import Path

from . import rootfs
from . import syscalls as sc
from .modes import Limits, Room
from .rootfs import OUTSIDE
from .tree import tasks_of

try:
    import fcntl
except ImportError:  # Windows
    fcntl = None  # type: ignore[assignment]

SPACES = sc.CLONE_NEWNS | sc.CLONE_NEWNET | sc.CLONE_NEWIPC | sc.CLONE_NEWUTS | sc.CLONE_NEWCGROUP

_home: int | None = None


def settle() -> None:
    """Move this process, whose thread is its only one, to where it may make namespaces: see the module's text.

    It returns in a child. The process that was called waits for it, holds nothing open, and dies with it.
    """
    global _home
    if _home is not None:
        return
    privileged = _privileged()
    uid, gid = os.geteuid(), os.getegid()
    sc.unshare(sc.CLONE_NEWPID | (0 if privileged else sc.CLONE_NEWUSER))
    if not privileged:
        _map("/proc/self", (uid, uid), (gid, gid))
    alive, held = os.pipe()
    child = os.fork()
    if child:
        _stand_by(child, held)
    os.close(held)
    sc.prctl(sc.PR_SET_PDEATHSIG, 9)
    if select.select([alive], [], [], 0)[0]:
        os._exit(1)
    os.close(alive)
    _home = os.open("/proc/self/ns/pid", os.O_RDONLY | os.O_CLOEXEC)


def _stand_by(child: int, held: int) -> None:
    os.closerange(0, held)
    os.closerange(held + 1, 1 << 20)
    while True:
        with contextlib.suppress(InterruptedError, KeyboardInterrupt):
            _, status = os.waitpid(child, 0)
            os._exit(os.waitstatus_to_exitcode(status) & 0xFF)


def settled() -> bool:
    return _home is not None


def fork() -> int:
    """``os.fork`` into a new process namespace; this process is afterwards where it was."""
    if _home is None:
        raise OSError("settle() was not called at the start of this process")
    sc.unshare(sc.CLONE_NEWPID)
    pid = -1
    try:
        pid = os.fork()
    finally:
        if pid != 0:
            sc.setns(_home, sc.CLONE_NEWPID)
    return pid


def enter(room: Room, shown: tuple[Path, ...], covered: tuple[Path, ...], limits: Limits) -> int:
    """Shut this process, the first of its process namespace, in; only the filter on calls is still to come.

    shown: what of the host is to be seen, but for folders in it that are covered. Returns what RLIMIT_NPROC must be: it
    counts this room's processes alone where the room has a user namespace of its own (and Linux is 5.14 or newer), else
    all of the user's.
    """
    os.umask(0o022)
    host = os.open("/proc", os.O_RDONLY | os.O_DIRECTORY)
    me = os.open("self", os.O_RDONLY | os.O_DIRECTORY, dir_fd=host)
    drops = rootfs.may_change_user()
    uid, gid = (OUTSIDE, OUTSIDE) if drops else (os.geteuid(), os.getegid())
    sc.unshare(SPACES)
    _loopback_up()
    _little_in_sockets(host)
    socket.sethostname("course")
    rootfs.build(room.folder, shown, covered, limits.disk_mb, uid, gid)
    if drops:
        sc.bound_capabilities()
        os.setgroups([])
        os.setresgid(gid, gid, gid)
        os.setresuid(uid, uid, uid)
        sc.prctl(sc.PR_SET_DUMPABLE, 1)  # else /proc/self would belong to root
    try:
        sc.unshare(sc.CLONE_NEWUSER)
        _map(me, (rootfs.INSIDE, uid), (rootfs.INSIDE, gid))
        alone = kernel() >= (5, 14)
    except OSError:
        alone = False
    return limits.processes if alone else limits.processes * 4 + tasks_of(uid, host)


def kernel() -> tuple[int, int]:
    major, minor = os.uname().release.split(".")[:2]
    return int(major), int("".join(c for c in minor if c.isdecimal()) or 0)


def _privileged() -> bool:
    """Rights over this user namespace, in which OUTSIDE is somebody: root's, in short."""
    return bool(sc.capabilities() >> sc.CAP_SYS_ADMIN & 1) and rootfs.may_change_user()


def _map(process: int | str, uid: tuple[int, int], gid: tuple[int, int]) -> None:
    """(inside, outside) of one user and one group; `process` is its folder in /proc, as a path or open."""
    folder = os.open(process, os.O_RDONLY | os.O_DIRECTORY) if isinstance(process, str) else os.dup(process)
    try:
        tables = {"setgroups": "deny", "uid_map": f"{uid[0]} {uid[1]} 1", "gid_map": f"{gid[0]} {gid[1]} 1"}
        for name, text in tables.items():
            fd = os.open(name, os.O_WRONLY, dir_fd=folder)
            os.write(fd, text.encode())
            os.close(fd)
    finally:
        os.close(folder)


def _loopback_up() -> None:
    with socket.socket() as s:
        fcntl.ioctl(s, 0x8914, struct.pack("16sh22x", b"lo", 0x1 | 0x40))  # SIOCSIFFLAGS: up, running


def _little_in_sockets(proc: int) -> None:
    """In this network namespace TCP's buffers don't grow: what lies in them is in nobody's memory. `proc`: /proc."""
    for name in ("tcp_rmem", "tcp_wmem"):
        with contextlib.suppress(OSError):
            fd = os.open(f"sys/net/ipv4/{name}", os.O_WRONLY, dir_fd=proc)
            os.write(fd, b"4096 65536 131072")
            os.close(fd)
