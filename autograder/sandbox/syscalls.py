"""The few Linux calls that Python has no name for, through ctypes. Nothing here runs before it is called, so the
module imports on any system."""

from __future__ import annotations

import ctypes
import os
import platform

CLONE_NEWNS, CLONE_NEWCGROUP, CLONE_NEWUTS, CLONE_NEWIPC = 0x20000, 0x2000000, 0x4000000, 0x8000000
CLONE_NEWUSER, CLONE_NEWPID, CLONE_NEWNET, CLONE_NEWTIME = 0x10000000, 0x20000000, 0x40000000, 0x80

MS_RDONLY, MS_NOSUID, MS_NODEV, MS_NOEXEC, MS_REMOUNT = 1, 2, 4, 8, 32
MS_NOATIME, MS_NODIRATIME, MS_RELATIME = 1 << 10, 1 << 11, 1 << 21
MS_BIND, MS_REC, MS_PRIVATE = 1 << 12, 1 << 14, 1 << 18
MNT_DETACH = 2

PR_SET_PDEATHSIG, PR_SET_DUMPABLE, PR_SET_SECCOMP, PR_CAPBSET_DROP = 1, 4, 22, 24
PR_SET_CHILD_SUBREAPER, PR_SET_NO_NEW_PRIVS, PR_CAP_AMBIENT = 36, 38, 47
PR_CAP_AMBIENT_CLEAR_ALL = 4
SECCOMP_MODE_FILTER = 2

# Calls newer than a machine's C library, and those it hides; the same numbers on x86_64 and aarch64 from 424 on.
MOUNT_SETATTR = 442
LANDLOCK_CREATE_RULESET, LANDLOCK_ADD_RULE, LANDLOCK_RESTRICT_SELF = 444, 445, 446
PIVOT_ROOT = {"x86_64": 155, "aarch64": 41}
CAPSET = {"x86_64": 126, "aarch64": 91}
CAPGET = {"x86_64": 125, "aarch64": 90}
CAP_VERSION_3 = 0x20080522
CAP_SETUID, CAP_SETGID, CAP_SYS_ADMIN = 7, 6, 21

_libc: ctypes.CDLL | None = None


def libc() -> ctypes.CDLL:
    global _libc
    if _libc is None:
        _libc = ctypes.CDLL(None, use_errno=True)
        _libc.syscall.restype = ctypes.c_long
        _libc.mount.argtypes = (ctypes.c_char_p, ctypes.c_char_p, ctypes.c_char_p, ctypes.c_ulong, ctypes.c_char_p)
        _libc.umount2.argtypes = (ctypes.c_char_p, ctypes.c_int)
        _libc.prctl.argtypes = (ctypes.c_int, *[ctypes.c_ulong] * 4)
    return _libc


def _checked(result: int, name: str) -> int:
    if result < 0:
        code = ctypes.get_errno()
        raise OSError(code, f"{name}: {os.strerror(code)}")
    return result


def machine() -> str:
    """``x86_64`` or ``aarch64``; OSError for another, whose call numbers we don't know."""
    name = {"arm64": "aarch64", "amd64": "x86_64"}.get(platform.machine().lower(), platform.machine().lower())
    if name not in PIVOT_ROOT or ctypes.sizeof(ctypes.c_void_p) != 8:
        raise OSError(f"the call numbers of a {platform.machine()} are not known here")
    return name


def call(name: str, number: int, *arguments: object) -> int:
    """A call by its number; integers are passed as 64 bits."""
    whole = [ctypes.c_long(a) if isinstance(a, int) else a for a in arguments]
    return _checked(libc().syscall(ctypes.c_long(number), *whole), name)


def unshare(flags: int) -> None:
    _checked(libc().unshare(flags), f"unshare({flags:#x})")


def setns(fd: int, kind: int) -> None:
    _checked(libc().setns(fd, kind), "setns")


def prctl(option: int, *values: int) -> int:
    padded = [*values, 0, 0, 0, 0][:4]
    return _checked(libc().prctl(option, *padded), f"prctl({option})")


def mount(source: str, target: str, kind: str = "", flags: int = 0, data: str = "") -> None:
    encoded = [os.fsencode(x) or None for x in (source, target, kind)]
    _checked(libc().mount(*encoded, flags, data.encode() or None), f"mount {kind or source} on {target}")


def detach(target: str) -> None:
    _checked(libc().umount2(os.fsencode(target), MNT_DETACH), f"umount {target}")


def pivot_root(new: str, old: str) -> None:
    call("pivot_root", PIVOT_ROOT[machine()], ctypes.c_char_p(os.fsencode(new)), ctypes.c_char_p(os.fsencode(old)))


def set_attributes(target: str, attributes: int) -> None:
    """``mount_setattr`` on a mount and all below it (Linux 5.12)."""
    wanted = (ctypes.c_uint64 * 4)(attributes, 0, 0, 0)
    path = ctypes.c_char_p(os.fsencode(target))
    call("mount_setattr", MOUNT_SETATTR, -100, path, 0x8000, ctypes.byref(wanted), ctypes.sizeof(wanted))


def capabilities() -> int:
    """The effective capabilities of this process, one bit each."""
    header = (ctypes.c_uint32 * 2)(CAP_VERSION_3, 0)
    data = (ctypes.c_uint32 * 6)()
    call("capget", CAPGET[machine()], ctypes.byref(header), ctypes.byref(data))
    return data[0] | data[3] << 32


def bound_capabilities() -> None:
    """Empty the bounding set. This needs CAP_SETPCAP, so it comes before changing the user id."""
    for bit in range(64):
        if libc().prctl(PR_CAPBSET_DROP, bit, 0, 0, 0) < 0:  # EINVAL beyond the last; EPERM where we hold none
            break


def drop_capabilities() -> None:
    """All of them, for good: bounding set, ambient set, then effective, permitted and inheritable."""
    bound_capabilities()
    libc().prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_CLEAR_ALL, 0, 0, 0)
    header = (ctypes.c_uint32 * 2)(CAP_VERSION_3, 0)
    nothing = (ctypes.c_uint32 * 6)()
    call("capset", CAPSET[machine()], ctypes.byref(header), ctypes.byref(nothing))


def no_new_privileges() -> None:
    prctl(PR_SET_NO_NEW_PRIVS, 1)
