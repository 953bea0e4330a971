"""Memory of a whole tree of processes, each page counted once, and of one kernel."""

from __future__ import annotations

import re
import time
from pathlib import Path

MB = 1e6


def tree(root: int) -> list[int]:
    """The process and all that descend from it."""
    children: dict[int, list[int]] = {}
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit():
            try:
                parent = int((entry / "stat").read_text().rpartition(")")[2].split()[1])
            except (OSError, ValueError, IndexError):
                continue
            children.setdefault(parent, []).append(int(entry.name))
    found, queue = [], [root]
    while queue:
        found.append(queue.pop())
        queue += children.get(found[-1], [])
    return found


def rollup(pid: int) -> dict[str, float]:
    """smaps_rollup in MB: Pss, Private_Dirty, …; empty where the process is gone or hidden from us."""
    try:
        text = Path(f"/proc/{pid}/smaps_rollup").read_text()
    except OSError:
        return {}
    return {name: int(kilo) * 1024 / MB for name, kilo in re.findall(r"^(\w+): +(\d+) kB", text, re.M)}


def total(root: int) -> float:
    """MB of the tree: a page that n processes share counts 1/n in each."""
    return sum(rollup(pid).get("Pss", 0.0) for pid in tree(root))


def private(pid: int) -> float:
    """MB that would be free if this process and its children ended."""
    parts = [rollup(each) for each in tree(pid)]
    return sum(p.get("Private_Clean", 0.0) + p.get("Private_Dirty", 0.0) for p in parts)


class Peak:
    """Call it with a process id: keeps the largest total, looking once in `every` seconds."""

    def __init__(self, every: float = 1.0) -> None:
        self.every, self.next, self.most, self.processes = every, 0.0, 0.0, 0

    def __call__(self, pid: int) -> None:
        if time.monotonic() >= self.next:
            self.most = max(self.most, total(pid))
            self.processes = max(self.processes, len(tree(pid)))
            self.next = time.monotonic() + self.every
