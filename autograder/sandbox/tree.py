"""A shut-in process and all that it started: how much it uses, and its end."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

from .limits import MB, start_time
from .modes import Inmate, Limits

FILES_AT_MOST = 50_000


def gone(who: Inmate | int) -> bool:
    """Whether the process has ended (it may still wait to be reaped)."""
    pid = who if isinstance(who, int) else who.pid
    if not sys.platform.startswith("linux"):
        return not _answers(pid)
    try:
        fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    except OSError:
        return True
    if isinstance(who, Inmate) and who.started and int(fields[19]) != who.started:
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
    """The process and all that descend from it. In a sandbox nobody can leave: who loses his parent becomes the
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


def tree_memory(pid: int) -> int:
    """Bytes that the tree uses: private memory, and what several of them share, once. What is shared with the zygote
    counts by its share (proc_pid_smaps(5): Pss). Takes milliseconds for a large process."""
    return sum(_share(one) for one in tree(pid))


def _share(pid: int) -> int:
    with contextlib.suppress(OSError):
        for line in Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines():
            if line.startswith("Pss:"):
                return int(line.split()[1]) * 1024
    return _resident(pid)


def _resident(pid: int) -> int:
    with contextlib.suppress(OSError):
        return int(Path(f"/proc/{pid}/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE")
    if not sys.platform.startswith("linux"):
        out = subprocess.run(["ps", "-o", "rss=", "-p", str(pid)], capture_output=True, text=True, check=False).stdout
        return int(out.strip() or 0) * 1024
    return 0


def overstepped(inmate: Inmate, limits: Limits, folder: Path | None = None) -> str:
    """What the tree uses too much of, in words, or "". Cheap enough for ten times a second.

    folder: its folder on the host, for the modes in which the kernel does not limit the space in it.
    """
    members = tree(inmate.pid)
    tasks = sum(_tasks(pid) for pid in members)
    if tasks > limits.processes:
        return f"started {tasks} processes and threads, where {limits.processes} are allowed"
    if sum(map(_resident, members)) > limits.memory_mb * MB and sum(map(_share, members)) > limits.memory_mb * MB:
        return f"used more than {limits.memory_mb} MB of memory"
    if folder is not None and inmate.mode != "namespaces":
        size = 0
        for count, one in enumerate(_sizes(folder)):
            size += one
            if size > limits.disk_mb * MB:
                return f"wrote more than {limits.disk_mb} MB of files"
            if count > FILES_AT_MOST:
                return f"made more than {FILES_AT_MOST:,} files and folders"
    return ""


def _tasks(pid: int) -> int:
    with contextlib.suppress(OSError):
        return os.stat(f"/proc/{pid}/task").st_nlink - 2
    return 1


def _sizes(folder: Path) -> Iterator[int]:
    waiting = [str(folder)]
    while waiting:
        with contextlib.suppress(OSError), os.scandir(waiting.pop()) as entries:
            for entry in entries:
                if entry.is_dir(follow_symlinks=False):
                    waiting.append(entry.path)
                yield entry.stat(follow_symlinks=False).st_blocks * 512


def kill_tree(inmate: Inmate, seconds: float = 5.0) -> bool:
    """End the process and all that it started, detached ones too; True when nothing of it is left.

    In a process namespace the kernel does it when the first process dies. In mode "landlock" all are in one group,
    which they can't leave, and a signal to a group misses nobody. In mode "none" they may have left it: then the
    first one is stopped and kept to the last, so that whoever loses his parent is still found below it.
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
        if start_time(inmate.pid) in (0, inmate.started):  # else its number is another's by now
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
            if name.isdecimal():
                with contextlib.suppress(OSError, ValueError, IndexError):
                    fields = Path(f"/proc/{name}/stat").read_text().rpartition(")")[2].split()
                    if inmate.pid in (int(fields[2]), int(fields[3])):
                        found.add(int(name))
    return [pid for pid in found if not gone(pid)]


def _kill(pid: int, number: int = 9) -> None:
    with contextlib.suppress(ProcessLookupError, PermissionError):
        os.kill(pid, number)
