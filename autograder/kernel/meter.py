"""Seconds that count against a limit of time: what a busy machine makes a process wait for does not."""

from __future__ import annotations

import contextlib
import os
import time
from collections.abc import Iterable

from ..sandbox.tree import stat, tree

EVERY_S = 0.1
"""How often a process that runs a cell is looked at."""
PATIENCE = 5
"""How many times as long as a limit of time something may take on the clock."""
TICKS = os.sysconf("SC_CLK_TCK") if hasattr(os, "sysconf") else 100


class Meter:
    """Processor time of processes and all that they started. Where none of them computes or wants to, the time on the
    clock counts, so nobody sleeps for nothing. Without /proc only the clock counts.

    `counted` are the seconds so far. What came before the first look counts by the clock, a tenth of a second at most:
    most cells are over by then, and need no look.
    """

    def __init__(self, pids: Iterable[int]) -> None:
        self.counted = 0.0
        self._pids = tuple(pids)
        self._at = time.monotonic()
        self._own: dict[int, int] | None = None
        self._all = 0

    def look(self, last: bool = False) -> float:
        """Count what has been used since the look before. At the `last` one, whoever waits waits for the next cell."""
        passed, self._at = time.monotonic() - self._at, time.monotonic()
        before, total = self._own, self._all
        if before is None and last:
            self.counted = min(passed, EVERY_S)
            return self.counted
        members = [one for pid in self._pids for one in tree(pid)]
        times = {one: found for one in members if (found := _times(one))}
        self._own, self._all = {one: own for one, (own, _) in times.items()}, sum(map(sum, times.values()))
        if before is None:
            self.counted = min(passed, EVERY_S)
            return self.counted
        # A process that ends takes its time away unless its parent waits for it, so what others used counts at least.
        used = max(self._all - total, sum(max(0, own - before.get(one, 0)) for one, own in self._own.items())) / TICKS
        if used < passed and not (times and (last or any(map(_wants, members)))):
            used = passed
        self.counted += used
        return self.counted


def _times(pid: int) -> tuple[int, int] | None:
    """Clock ticks of a process with its threads, and of its children that have ended (proc_pid_stat(5))."""
    fields = stat(pid)
    return (int(fields[11]) + int(fields[12]), int(fields[13]) + int(fields[14])) if fields else None


def _wants(pid: int) -> bool:
    """Whether one of its threads computes, would if it were let, or waits for the disk."""
    with contextlib.suppress(OSError):
        threads = os.listdir(f"/proc/{pid}/task")
        return any(stat(f"{pid}/task/{thread}")[:1] in (["R"], ["D"]) for thread in threads)
    return False
