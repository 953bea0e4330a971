"""A sandboxed process with its descendants, and how they are killed."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

from .modes import Inmate


def stat(process: int | str) -> list[str]:
    """What /proc/PID/stat says of a process (`process` may be "self", or PID/task/TID) from its state on, which is the
    third field in proc_pid_stat(5); [] where there is none. The name before that is the process's to choose."""
    try:
        return Path(f"/proc/{process}/stat").read_text(errors="replace").rpartition(")")[2].split()
    except OSError:
        return []


def start_time(pid: int | str) -> int:
    """When a process was started, in clock ticks since boot; 0 where /proc does not tell."""
    fields = stat(pid)
    return int(fields[19]) if fields else 0


def gone(who: Inmate | int) -> bool:
    """Whether the process has ended (it may still wait to be reaped)."""
    pid = who if isinstance(who, int) else who.pid
    if not sys.platform.startswith("linux"):
        return not _answers(pid)
    fields = stat(pid)
    if not fields or (isinstance(who, Inmate) and who.started and int(fields[19]) != who.started):
        return True
    return fields[0] in "ZX"


def _answers(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return True


def tree(pid: int) -> list[int]:
    """The process and all that descend from it. In a sandbox none can escape: an orphan becomes the
    child of the first process."""
    if not sys.platform.startswith("linux"):
        return _tree_by_ps(pid)
    found, waiting = [], [pid]
    while waiting:
        one = waiting.pop()
        found.append(one)
        with contextlib.suppress(OSError):
            for task in os.listdir(f"/proc/{one}/task"):
                waiting += map(int, Path(f"/proc/{one}/task/{task}/children").read_text().split())
    return found


def _tree_by_ps(pid: int) -> list[int]:
    rows = subprocess.run(["ps", "-axo", "pid=,ppid="], capture_output=True, text=True, check=False).stdout
    children: dict[int, list[int]] = {}
    for row in rows.splitlines():
        child, parent = map(int, row.split())
        children.setdefault(parent, []).append(child)
    found = [pid]
    for one in found:
        found += children.get(one, [])
    return found


def tasks_of(uid: int, proc: int | None = None) -> int:
    """How many processes and threads of all programs run as `uid` now. `proc`: the host's /proc, opened."""
    folder = os.open("/proc", os.O_RDONLY) if proc is None else proc
    count = 0
    for name in os.listdir(folder):
        if name.isdecimal():
            with contextlib.suppress(OSError):
                if os.stat(name, dir_fd=folder).st_uid == uid:
                    count += max(1, os.stat(f"{name}/task", dir_fd=folder).st_nlink - 2)
    if proc is None:
        os.close(folder)
    return count


def kill_tree(inmate: Inmate, seconds: float = 5.0) -> bool:
    """Kill the process and its descendants, detached ones too; True when none is left.

    In a process namespace the kernel does it when the first process dies. In mode "landlock" all are in one group,
    which they can't leave, and a signal to a group misses nobody. In mode "none" they may have left it: then the
    first one is stopped and kept to the last, so that orphans are still found below it.
    """
    until = time.monotonic() + seconds
    if inmate.mode == "namespaces":
        if not gone(inmate):
            _kill(inmate.pid)
        while not gone(inmate):
            if time.monotonic() > until:
                return False
            time.sleep(0.001)
        return True
    if inmate.mode == "none" and not gone(inmate):
        _kill(inmate.pid, signal.SIGSTOP)
        while (others := [pid for pid in _members(inmate) if pid != inmate.pid]) and time.monotonic() < until:
            for pid in others:
                _kill(pid)
        _kill(inmate.pid)
    while True:
        if start_time(inmate.pid) in (0, inmate.started):  # else its number has been reused
            with contextlib.suppress(ProcessLookupError, PermissionError):
                os.killpg(inmate.pid, signal.SIGKILL)
        if not _members(inmate):
            return True
        if time.monotonic() > until:
            return False
        time.sleep(0.001)


def _members(inmate: Inmate) -> list[int]:
    """Descendants and members of its group or session that still run."""
    same = not gone(inmate)
    found = set(tree(inmate.pid)) if same else set()
    if sys.platform.startswith("linux") and (same or start_time(inmate.pid) in (0, inmate.started)):
        for name in os.listdir("/proc"):
            if name.isdecimal() and str(inmate.pid) in stat(name)[2:4]:
                found.add(int(name))
    return [pid for pid in found if not gone(pid)]


def _kill(pid: int, number: int = 9) -> None:
    with contextlib.suppress(ProcessLookupError, PermissionError):
        os.kill(pid, number)
