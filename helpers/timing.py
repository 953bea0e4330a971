"""Measure times reliably.

A shared or warm machine changes its speed from minute to minute. Therefore: warm up; time the candidates in
turn (A, B, A, B, …), so that a slow minute hits all of them; compare within a round; report the median and
the spread, not the best; wait for the device before reading the clock; assert that results are right before
timing them; and print the environment. One thread each is the fairest comparison of two libraries on a CPU,
because their thread pools otherwise spin against each other.
"""

from __future__ import annotations

import os
import platform
import statistics
import sys
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from helpers.errors import CourseError


@dataclass(frozen=True)
class Timing:
    """Seconds of one candidate, one entry per round (of one call, averaged over `inner` calls)."""

    what: str
    seconds: list[float]

    @property
    def median(self) -> float:
        return statistics.median(self.seconds)

    @property
    def spread(self) -> dict[str, float]:
        """Minimum, quartiles and maximum in seconds."""
        return spread(self.seconds)


def measure(
    candidates: Mapping[str, Callable[[], Any]],
    rounds: int = 7,
    warmup: int = 1,
    synchronise: Callable[[], None] | None = None,
    inner: int = 1,
    clock: Callable[[], float] = time.perf_counter,
) -> dict[str, Timing]:
    """Time functions against each other, interleaved; returns name -> Timing.

    rounds: how often each is timed; warmup: untimed calls of each before; synchronise: called before each
    clock is read (pass a GPU backend's `synchronise`); inner: calls per timing, for functions of
    microseconds; clock: `time.process_time` counts processor time, which is right for one thread on a machine that
    others use, too. The order within a round alternates, so that none always runs on another's warm or cold
    cache.
    """
    if not candidates:
        raise CourseError("There is nothing to measure; pass at least one function with its name.")
    for name, value, least in (("rounds", rounds, 1), ("warmup", warmup, 0), ("inner", inner, 1)):
        if not isinstance(value, int) or value < least:
            raise CourseError(
                f"{name}={value!r} cannot be measured; give a whole number of at least {least}."
            )
    wait = synchronise or _nothing
    for function in candidates.values():
        for _ in range(warmup):
            function()
    seconds: dict[str, list[float]] = {name: [] for name in candidates}
    names = list(candidates)
    for turn in range(rounds):
        for name in names if turn % 2 == 0 else reversed(names):
            function = candidates[name]
            wait()
            began = clock()
            for _ in range(inner):
                function()
            wait()
            seconds[name].append((clock() - began) / inner)
    return {name: Timing(name, values) for name, values in seconds.items()}


def ratio(a: Timing, b: Timing) -> tuple[float, dict[str, float]]:
    """(median, spread) of a ÷ b, taken round by round: below 1, `a` is the faster."""
    if len(a.seconds) != len(b.seconds):
        raise CourseError(
            f"{a.what} has {len(a.seconds)} rounds and {b.what} {len(b.seconds)}; time both in one `measure`."
        )
    ratios = [x / y for x, y in zip(a.seconds, b.seconds, strict=True)]
    return statistics.median(ratios), spread(ratios)


def spread(values: list[float]) -> dict[str, float]:
    """Minimum, lower quartile, upper quartile and maximum."""
    if len(values) < 2:
        low = high = values[0]
    else:
        low, _, high = statistics.quantiles(values, n=4, method="inclusive")
    return {"min": min(values), "q1": low, "q3": high, "max": max(values)}


def environment() -> dict[str, Any]:
    """What a timing depends on: versions, BLAS, threads, CPU, cores and load. Plain values, ready for
    JSON.
    """
    import numpy as np

    torch = sys.modules.get("torch")
    return {
        "python": platform.python_version(),
        "numpy": np.__version__,
        "torch": getattr(torch, "__version__", None) and str(torch.__version__),  # type: ignore[union-attr]
        "blas": _blas(np),
        "threads": {
            "OPENBLAS_NUM_THREADS": os.environ.get("OPENBLAS_NUM_THREADS"),
            "OMP_NUM_THREADS": os.environ.get("OMP_NUM_THREADS"),
            "torch": torch.get_num_threads() if torch is not None else None,
        },
        "cpu": _cpu(),
        "cores": _cores(),
        "load": list(os.getloadavg()) if hasattr(os, "getloadavg") else None,
        "system": platform.system(),
    }


CACHES = Path("/sys/devices/system/cpu/cpu0/cache")


def cache_sizes(folder: Path = CACHES) -> dict[str, int]:
    """Bytes of this machine's caches for data, "L1", "L2", "L3"; empty where the system doesn't tell."""
    sizes = {}
    for index in sorted(folder.glob("index*")):
        try:
            level, kind, size = ((index / name).read_text().strip() for name in ("level", "type", "size"))
        except OSError:
            continue
        if kind != "Instruction" and size.endswith("K"):
            sizes[f"L{level}"] = int(size[:-1]) * 1024
    return sizes


def _blas(np: Any) -> str | None:
    try:
        blas = np.show_config(mode="dicts")["Build Dependencies"]["blas"]
        return f"{blas['name']} {blas['version']}"
    except (KeyError, TypeError):
        return None


def _cpu() -> str:
    try:
        for line in Path("/proc/cpuinfo").read_text().splitlines():
            if line.startswith("model name"):
                return line.partition(":")[2].strip()
    except OSError:
        pass
    return platform.processor() or platform.machine()


def _cores() -> int:
    try:
        return len(os.sched_getaffinity(0))
    except AttributeError:  # macOS and Windows
        return os.cpu_count() or 1


def _nothing() -> None:
    pass
