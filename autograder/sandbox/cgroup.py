"""A memory cgroup for the processes of one hand-in, where this user may make one (cgroups(7))."""

from __future__ import annotations

import contextlib
import functools
import itertools
import os
import time
from pathlib import Path

from .limits import MB

PREFIX = "from-scratch-"
_number = itertools.count()


class MemoryGroup:
    """The kernel bounds the memory of all processes in it, what lies in sockets, pipes and memory disks included, and
    ends them when that is too little. Who is started by one of them belongs to it, too."""

    def __init__(self, folder: Path, megabytes: int) -> None:
        folder.mkdir()
        self.folder, most = folder, str(megabytes * MB)
        version_1 = {"memory.limit_in_bytes": most, "memory.memsw.limit_in_bytes": most}
        version_2 = {"memory.max": most, "memory.swap.max": "0", "memory.oom.group": "1"}
        try:
            for name, value in (version_1 | version_2).items():
                if (folder / name).exists():
                    (folder / name).write_text(value)
        except OSError:
            self.close()
            raise

    def add(self, pid: int) -> None:
        """Put a process in. What it used before counts where it was."""
        (self.folder / "cgroup.procs").write_text(str(pid))

    def exceeded(self) -> bool:
        """Whether the kernel has ended one of its processes for want of memory."""
        with contextlib.suppress(OSError):
            for name in ("memory.events", "memory.oom_control"):
                if (self.folder / name).exists():
                    rows = dict(line.split() for line in (self.folder / name).read_text().splitlines())
                    return rows.get("oom_kill", "0") != "0"
        return False

    def close(self) -> None:
        """Remove it. Processes that were killed may need a moment to leave."""
        until = time.monotonic() + 1
        while True:
            try:
                self.folder.rmdir()
            except FileNotFoundError:
                return
            except OSError:
                if time.monotonic() > until:
                    return
                time.sleep(0.002)
            else:
                return


def memory_group(pid: int, megabytes: int) -> MemoryGroup | None:
    """A new group with this process in it, or None where this user may make none."""
    if (place := _place()) is None:
        return None
    group = None
    try:
        group = MemoryGroup(place / f"{PREFIX}{os.getpid()}-{next(_number)}", megabytes)
        group.add(pid)
    except OSError:
        if group:
            group.close()
        return None
    return group


@functools.cache
def _place() -> Path | None:
    """Where groups of ours may be made; what a grader that was killed has left there is removed."""
    try:
        place = place_of(Path("/proc/self/cgroup").read_text(), Path("/proc/self/mountinfo").read_text())
    except OSError:
        return None
    if place is None or not all(os.access(name, os.W_OK) for name in (place, place / "cgroup.procs")):
        return None
    for left in place.glob(f"{PREFIX}*-*"):
        if not Path("/proc", left.name.split("-")[2]).exists():
            with contextlib.suppress(OSError):
                left.rmdir()
    return place


def place_of(own: str, mounts: str) -> Path | None:
    """The folder in which groups can be made, from what /proc/self/cgroup and mountinfo say (proc_pid_mountinfo(5)).

    Version 1: the group of this process. Version 2: its parent, if that gives its children the memory controller; a
    group that has processes of its own can have no children with one, but for the first group of all.
    """
    groups = {line.split(":", 2)[1]: line.split(":", 2)[2] for line in own.splitlines() if line.count(":") >= 2}
    for line in mounts.splitlines():
        before, _, after = line.partition(" - ")
        kind, _, options = after.split(" ", 2)
        root, mount = before.split()[3:5]
        version_1 = kind == "cgroup" and "memory" in options.split(",")
        if version_1:
            path = next((path for names, path in groups.items() if "memory" in names.split(",")), None)
        else:
            path = groups.get("") if kind == "cgroup2" else None
        if path is None or not Path(path).is_relative_to(root):
            continue
        group = Path(mount) / Path(path).relative_to(root)
        if version_1:
            return group
        parent = group if group == Path(mount) else group.parent
        with contextlib.suppress(OSError):
            if "memory" in (parent / "cgroup.subtree_control").read_text().split():
                return parent
    return None
