"""Mode "landlock", for machines that deny user namespaces: Landlock says which files, the filter on calls the rest.

Source: landlock(7) and Documentation/userspace-api/landlock.rst, ABI 1 (Linux 5.13) to 7. What Landlock does not
govern at all (mode bits, times, attributes, limits of other processes, sockets by path, signals before ABI 6) is
refused by the filter; what it can't hide is that a file of a known name exists, and its size.
"""

from __future__ import annotations

import ctypes
import functools
import os
import struct
from pathlib import Path

from . import syscalls as sc
from .modes import Limits, Room
from .paths import helpers_folder, other_copies
from .rootfs import DEVICES, OUTSIDE, may_change_user
from .tree import tasks_of

EXECUTE, WRITE_FILE, READ_FILE, READ_DIR = 1, 2, 4, 8
REFER, TRUNCATE, IOCTL_DEV = 1 << 13, 1 << 14, 1 << 15
ALL_OF_ABI_1 = (1 << 13) - 1
ON_FILES = EXECUTE | WRITE_FILE | READ_FILE | TRUNCATE | IOCTL_DEV
BIND_TCP, CONNECT_TCP = 1, 2
ABSTRACT_SOCKETS, SIGNALS = 1, 2
PATH_BENEATH = 1
NEWEST = 7
OF_PROC = ("cpuinfo", "meminfo", "stat", "uptime", "version")


def abi() -> int:
    """The kernel's Landlock ABI; OSError where there is none."""
    return sc.call("landlock_create_ruleset", None, 0, 1)


def may_drop(room: Room) -> bool:
    """Whether root can become nobody here and still reach Python, `helpers` and the room's folder."""
    if os.geteuid() != 0 or not may_change_user():
        return False
    return _open_to_all((Path(os.__file__), *room.readable)) and _open_to_all((room.folder,))


@functools.lru_cache(16)
def _open_to_all(paths: tuple[Path, ...]) -> bool:
    """Whether everybody may go through all folders above these paths. Asked before each fork, so it is remembered."""
    folders = {parent for path in paths if path.exists() for parent in path.resolve().parents}
    return all(folder.stat().st_mode & 0o1 for folder in folders)


def enter(room: Room, shown: tuple[Path, ...], limits: Limits, drop: bool, known: int) -> int | None:
    """Shut this process in; the filter on calls is still to come. `known` is the ABI to use, at most the kernel's.

    Returns what RLIMIT_NPROC must be; None where it would not be heeded, because root stays root.
    """
    os.umask(0o022)
    if drop:
        for top, folders, names in os.walk(room.folder):
            for path in (top, *(os.path.join(top, name) for name in (*folders, *names))):
                os.chown(path, OUTSIDE, OUTSIDE, follow_symlinks=False)
    os.chdir(room.folder)
    temporary = room.folder / ".tmp"
    temporary.mkdir(exist_ok=True, mode=0o700)
    rules = ruleset(room.folder, shown, known)
    packages = {helpers_folder(), *(copy.parent for copy in other_copies())}
    for package in {top for top in packages if any(top in path.parents for path in room.hidden)}:
        _allow(rules, package, READ_DIR, READ_DIR)  # Python finds modules by listing the folders that hold them
    uid = OUTSIDE if drop else os.geteuid()
    processes = limits.processes * 4 + tasks_of(uid) if uid else None
    if drop:
        os.chown(temporary, OUTSIDE, OUTSIDE)
        sc.bound_capabilities()
        os.setgroups([])
        os.setresgid(OUTSIDE, OUTSIDE, OUTSIDE)
        os.setresuid(OUTSIDE, OUTSIDE, OUTSIDE)
        sc.prctl(sc.PR_SET_DUMPABLE, 1)
    sc.prctl(sc.PR_SET_CHILD_SUBREAPER, 1)
    sc.no_new_privileges()
    sc.call("landlock_restrict_self", rules, 0)
    return processes


def ruleset(folder: Path, shown: tuple[Path, ...], known: int) -> int:
    """Read and run what is `shown`, do anything in `folder`, use the harmless devices, and nothing else: a descriptor
    for ``landlock_restrict_self``."""
    files = ALL_OF_ABI_1
    files |= (REFER if known >= 2 else 0) | (TRUNCATE if known >= 3 else 0) | (IOCTL_DEV if known >= 5 else 0)
    network = BIND_TCP | CONNECT_TCP if known >= 4 else 0
    scopes = ABSTRACT_SOCKETS | SIGNALS if known >= 6 else 0
    fields = [files] + ([network] if known >= 4 else []) + ([scopes] if known >= 6 else [])
    head = ctypes.create_string_buffer(struct.pack(f"={len(fields)}Q", *fields))
    rules = sc.call("landlock_create_ruleset", head, 8 * len(fields), 0)
    for path in shown:
        if not path.is_symlink():
            _allow(rules, path, EXECUTE | READ_FILE | READ_DIR, files)
    for name in DEVICES:
        _allow(rules, Path("/dev", name), READ_FILE | WRITE_FILE, files)
    for name in OF_PROC:
        _allow(rules, Path("/proc", name), READ_FILE, files)
    _allow(rules, folder, files & ~(1 << 6 | 1 << 11 | IOCTL_DEV), files)  # no device nodes, even for root
    return rules


def _allow(rules: int, path: Path, rights: int, handled: int) -> None:
    try:
        fd = os.open(path, os.O_PATH | os.O_CLOEXEC)
    except OSError:
        return
    rights &= handled if path.is_dir() else handled & ON_FILES
    rule = ctypes.create_string_buffer(struct.pack("=Qi", rights, fd))
    sc.call("landlock_add_rule", rules, PATH_BENEATH, rule, 0)
    os.close(fd)
