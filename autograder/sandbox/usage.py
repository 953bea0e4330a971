"""What a sandboxed process and its descendants use together, compared with their limits."""

from __future__ import annotations

import contextlib
import functools
import math
import os
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

from .limits import FILES, MB
from .modes import Inmate, Limits
from .tree import stat, tree

FILES_AT_MOST = 50_000
SLOW_S = 0.02
CROWD = 4
PIPE = 64 * 1024
"""What a pipe holds; larger ones are the kernel's to count (pipe-user-pages-soft in proc_sys_fs(5))."""
STEP, LOWEST = 1.25, 19
"""What one step of niceness takes from a process's share of the processor (sched(7): 10 % against one other), and the
last step."""


class Usage:
    """Measures one sandboxed process with its descendants; cheap enough for ten times a second.

    folder: its folder on the host, for the modes in which the kernel does not limit the space in it.
    """

    def __init__(self, inmate: Inmate, limits: Limits, folder: Path | None = None) -> None:
        self.inmate, self.limits = inmate, limits
        self.folder = None if inmate.mode == "namespaces" else folder
        self._most, self._nice, self._running = 1, 0, 0
        self._bare = _resident(inmate.pid)

    def exceeded(self) -> str:
        """The limit that the tree exceeds, in words, or ""."""
        members = tree(self.inmate.pid)
        tasks = sum(map(_tasks, members))
        if words := self._too_many(tasks):
            return words
        if tasks > CROWD:
            self._lower_priority(members)
        return self._too_large(members, tasks) or self._too_full()

    def _lower_priority(self, members: list[int]) -> None:
        """Lower the priority of many busy processes, so that together they get the share of one: other hand-ins have
        time limits, too, and not every machine schedules by session (autogroup in sched(7)). They can't undo it, and
        children inherit it. Threads that were just started run for a moment, so the previous sample counts, too."""
        threads = [thread for pid in members for thread in _threads(pid)]
        now = sum(map(_runs, threads))
        running, self._running = min(now, self._running), now
        if running > CROWD:
            self._nice = max(self._nice, min(LOWEST, math.ceil(math.log(running, STEP))))
        if self._nice:
            for _, thread in threads:
                with contextlib.suppress(OSError):
                    os.setpriority(os.PRIO_PROCESS, thread, self._nice)

    def _too_many(self, tasks: int) -> str:
        allowed = self.limits.processes
        return f"started {tasks} processes and threads, where {allowed} are allowed" if tasks > allowed else ""

    def _too_large(self, members: list[int], tasks: int) -> str:
        """Resident memory counts shared pages once per process, so it is an upper bound. Reading the true share takes
        the lock that a fork holds: among processes that keep forking each reading waits for a quarter of a second, in
        which their number explodes. So a tree that has just grown is measured the next time, unless there is more in it
        than copies of the first process, and a reading that had to wait is followed by a count.

        What is in sockets and pipes belongs to no process's memory: each counts as if it were full."""
        grown, self._most = tasks > self._most, max(tasks, self._most)
        limit, too_much = self.limits.memory_mb * MB, f"used more than {self.limits.memory_mb} MB of memory"
        resident = {pid: _resident(pid) for pid in members}
        left = sum(resident.values())
        if left + socket_memory() * sum(map(_files, members)) <= limit:
            return ""
        known = _held_by_the_kernel(members)
        if known > limit:
            return f"{too_much}, sockets and pipes included"
        if known + left <= limit or (grown and left - self._bare * len(members) <= limit):
            return ""
        for pid in sorted(members, key=resident.__getitem__, reverse=True):
            begun = time.monotonic()
            known, left = known + _share(pid), left - resident[pid]
            if known > limit:
                return too_much
            if known + left <= limit:
                break
            if time.monotonic() - begun > SLOW_S and (words := self._too_many(sum(map(_tasks, tree(self.inmate.pid))))):
                return words
        return ""

    def _too_full(self) -> str:
        if self.folder is None:
            return ""
        size = 0
        for count, one in enumerate(_sizes(self.folder)):
            size += one
            if size > self.limits.disk_mb * MB:
                return f"wrote more than {self.limits.disk_mb} MB of files"
            if count > FILES_AT_MOST:
                return f"made more than {FILES_AT_MOST:,} files and folders"
        return ""


def tree_memory(pid: int) -> int:
    """Bytes that the tree uses: private memory, and what several of them share, once. What is shared with the zygote
    counts by its share (proc_pid_smaps(5): Pss). Takes milliseconds for a large process."""
    return sum(_share(one) for one in tree(pid))


@functools.cache
def socket_memory() -> int:
    """Bytes that the kernel may hold for a full socket, measured: twice and a half what it is said to hold
    (wmem_default in socket(7)). No student's process can ask for more (`seccomp.BUFFERS`, `namespaces`)."""
    try:
        return int(Path("/proc/sys/net/core/wmem_default").read_text()) * 5 // 2
    except (OSError, ValueError):
        return 212_992 * 5 // 2


def _held_by_the_kernel(members: list[int]) -> int:
    """Bytes, if all of their sockets and pipes were full. Of who lets nobody look each descriptor counts."""
    kinds: dict[str, int] = {"socket": socket_memory(), "pipe": PIPE}
    found: dict[str, int] = {}
    for pid in members:
        try:
            names = os.listdir(f"/proc/{pid}/fd")
        except OSError:
            found[str(pid)] = _files(pid) * socket_memory()
            continue
        for name in names:
            with contextlib.suppress(OSError):
                link = os.readlink(f"/proc/{pid}/fd/{name}")
                found[link] = kinds.get(link.partition(":")[0], 0)
    return sum(found.values())


def _files(pid: int) -> int:
    """How many descriptors a process has open."""
    try:
        return os.stat(f"/proc/{pid}/fd").st_size or len(os.listdir(f"/proc/{pid}/fd"))  # 0 before Linux 6.2
    except PermissionError:
        return FILES
    except OSError:
        return 0


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


def _tasks(pid: int) -> int:
    with contextlib.suppress(OSError):
        return os.stat(f"/proc/{pid}/task").st_nlink - 2
    return 1


def _threads(pid: int) -> list[tuple[int, int]]:
    with contextlib.suppress(OSError):
        return [(pid, int(thread)) for thread in os.listdir(f"/proc/{pid}/task")]
    return []


def _runs(thread: tuple[int, int]) -> bool:
    return stat("{}/task/{}".format(*thread))[:1] == ["R"]


def _sizes(folder: Path) -> Iterator[int]:
    waiting = [str(folder)]
    while waiting:
        with contextlib.suppress(OSError), os.scandir(waiting.pop()) as entries:
            for entry in entries:
                if entry.is_dir(follow_symlinks=False):
                    waiting.append(entry.path)
                yield entry.stat(follow_symlinks=False).st_blocks * 512
