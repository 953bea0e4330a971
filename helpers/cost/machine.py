"""Measure this machine's two limits, the speed of a matrix product and of copying, and what its caches do to copying.

`python -m helpers.cost machine` prints all of it. numpy's threads are those that the process started with; with one
thread the time is processor time, so that other people's work on a shared machine counts less.
"""

from __future__ import annotations

import functools
import os
import statistics
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np

from helpers.backend import backend as make_backend
from helpers.backend import torch_needed
from helpers.cost.device import Device
from helpers.errors import CourseError
from helpers.timing import cache_sizes, environment, measure, spread

MEMORY_SHARE = 4
"""The largest copy takes at most this part, a quarter, of the machine's memory."""

THREAD_VARIABLES = ("OPENBLAS_NUM_THREADS", "OMP_NUM_THREADS", "MKL_NUM_THREADS", "VECLIB_MAXIMUM_THREADS")


@dataclass(frozen=True)
class Rate:
    """Something per second (FLOP/s or bytes/s), one value a round."""

    values: list[float]

    @property
    def median(self) -> float:
        return statistics.median(self.values)

    @property
    def spread(self) -> dict[str, float]:
        """Minimum, quartiles and maximum."""
        return spread(self.values)


@dataclass(frozen=True)
class Stair:
    """bandwidth: bytes/s of copying, where source and target together have working_set bytes."""

    working_set: int
    bandwidth: float


@dataclass(frozen=True)
class Machine:
    """What was measured here. peak: FLOP/s of a matrix product; bandwidth: bytes/s of copying from memory to memory;
    stairs: the same for smaller working sets; caches: bytes, as the system says; threads: numpy's.
    """

    peak: Rate
    bandwidth: Rate
    stairs: list[Stair]
    caches: dict[str, int]
    threads: int
    memory: int
    environment: dict[str, Any] = field(default_factory=environment)

    def device(self) -> Device:
        """This machine in the place of a described one, in float32."""
        cpu = self.environment["cpu"]
        threads = f"{self.threads} thread{'s' * (self.threads > 1)}"
        return Device(f"{cpu}, {threads}", {"float32": self.peak.median}, self.bandwidth.median, self.memory, None,
                      "measured: python -m helpers.cost machine")  # fmt: skip


def measure_peak(
    size: int = 1024,
    rounds: int = 7,
    dtype: str = "float32",
    clock: Callable[[], float] | None = None,
    backend: str = "numpy",
) -> Rate:
    """FLOP/s of the product of two square matrices, 2·size³ operations, as a backend of `helpers.backend` computes it.

    clock: None for processor time where there is one thread of a CPU, else the time of day.
    """
    _check(size=size, rounds=rounds)
    on = make_backend(backend, dtype)
    a, b, c = (on.normal((size, size), 1.0, seed) for seed in range(3))
    multiply = np.matmul if on.name == "numpy" else torch_needed("or measure numpy").matmul
    clock = clock or the_clock(on.name)
    times = measure({"product": lambda: multiply(a, b, out=c)}, rounds, 2, on.synchronise, clock=clock)
    return Rate([2 * size**3 / t for t in times["product"].seconds])


def measure_bandwidth(working_set: int | None = None, rounds: int = 7) -> Rate:
    """Bytes/s of copying an array: its bytes read and written, 2 · its size.

    working_set: bytes of both arrays together; None for twice the largest cache, as far as a quarter of the
    machine's memory allows. A processor may read the target, too, before it writes; those bytes are not counted.
    """
    working_set = _largest() if working_set is None else working_set
    _check(working_set=working_set, rounds=rounds)
    return Rate([2 * (working_set // 2) / t for t in _copies(working_set, rounds)])


def staircase(working_sets: Sequence[int] | None = None, rounds: int = 5) -> list[Stair]:
    """The bandwidth of copying for several working sets, in bytes; None for powers of two from 8 KiB to beyond the
    caches. The time that numpy's call takes without copying anything is taken off.
    """
    if working_sets is None:
        working_sets = [2**i for i in range(13, _largest().bit_length())]
    _check(rounds=rounds, **{f"working_sets[{i}]": size for i, size in enumerate(working_sets)})
    return [Stair(size, 2 * (size // 2) / statistics.median(_copies(size, rounds))) for size in working_sets]


def measure_machine(rounds: int = 7, stairs: bool = True) -> Machine:
    """Peak, bandwidth and staircase, measured now; under a minute."""
    return Machine(measure_peak(rounds=rounds), measure_bandwidth(rounds=rounds), staircase() if stairs else [],
                   cache_sizes(), threads(), memory_bytes())  # fmt: skip


def machine_text(machine: Machine) -> str:
    """What was measured, for people: the two limits with their quartiles, and the staircase as bars."""
    peak, bandwidth = machine.peak, machine.bandwidth
    low, high = (peak.spread[q] / 1e9 for q in ("q1", "q3"))
    slow, fast = (bandwidth.spread[q] / 1e9 for q in ("q1", "q3"))
    lines = [
        f"{machine.environment['cpu']}, {machine.threads} thread{'s' * (machine.threads > 1)}, numpy "
        f"{machine.environment['numpy']} with {machine.environment['blas']}",
        f"matrix product   {peak.median / 1e9:8.1f} GFLOP/s  (quartiles {low:.1f} to {high:.1f})",
        f"copying          {bandwidth.median / 1e9:8.1f} GB/s     (quartiles {slow:.1f} to {fast:.1f})",
        f"ridge            {peak.median / bandwidth.median:8.1f} FLOPs per byte",
    ]
    if machine.stairs:
        lines += ["", "bandwidth of copying by working set (source and target together)"]
        top = max(stair.bandwidth for stair in machine.stairs)
        for stair in machine.stairs:
            bar = "█" * max(1, round(40 * stair.bandwidth / top))
            level = level_of(stair.working_set, machine.caches)
            lines.append(f"{size_text(stair.working_set):>9}  {stair.bandwidth / 1e9:7.1f} GB/s  {level:6}  {bar}")
        sizes = ", ".join(f"{level} {size_text(size)}" for level, size in machine.caches.items())
        lines.append(f"caches, as the system says: {sizes or 'not known'}")
    return "\n".join(lines)


def level_of(working_set: int, caches: dict[str, int]) -> str:
    """The smallest cache that holds so many bytes, or "memory"; "?" where the caches are not known."""
    if not caches:
        return "?"
    return next((level for level, size in sorted(caches.items()) if working_set <= size), "memory")


def size_text(nbytes: float) -> str:
    """So many bytes, KiB, MiB or GiB."""
    for power, unit in ((30, "GiB"), (20, "MiB"), (10, "KiB")):
        if nbytes >= 2**power:
            return f"{nbytes / 2**power:g} {unit}"
    return f"{nbytes:g} B"


def threads() -> int:
    """BLAS threads that this process was started with: OPENBLAS_NUM_THREADS or its like, else one a core."""
    for name in THREAD_VARIABLES:
        if os.environ.get(name, "").isdecimal():
            return int(os.environ[name])
    return environment()["cores"]


def the_clock(backend: str = "numpy") -> Callable[[], float]:
    """Processor time for one thread of a CPU, which does not run on while others have the processor; else, and where
    that clock ticks in milliseconds, the time of day.
    """
    return time.process_time if threads() == 1 and backend != "cuda" and _ticks_finely() else time.perf_counter


@functools.cache
def _ticks_finely() -> bool:
    """Whether the processor's time moves within a millisecond; on Windows, and in some containers, it does not."""
    until, seen = time.perf_counter() + 1e-3, set[float]()
    while time.perf_counter() < until:
        seen.add(time.process_time())
    return len(seen) > 3


def device_of(backend: str, rounds: int = 7) -> Device:
    """The device that a backend computes on, as measured now: this machine's CPU by numpy or PyTorch, or its GPU."""
    if backend != "cuda":
        found = measure_machine(rounds, stairs=False).device()
        return replace(found, peaks={"float32": measure_peak(rounds=rounds, backend=backend).median})
    make_backend(backend)
    torch = torch_needed("or measure numpy")
    source, target = (torch.ones(2**28, device="cuda") for _ in range(2))
    times = measure({"copy": lambda: target.copy_(source)}, rounds, 2, torch.cuda.synchronize)
    bandwidth = statistics.median(2 * source.nbytes / t for t in times["copy"].seconds)
    peak = measure_peak(8192, rounds, backend=backend).median
    about = torch.cuda.get_device_properties(0)
    return Device(about.name, {"float32": peak}, bandwidth, about.total_memory, None, "measured: helpers.cost.machine")


def memory_bytes() -> int:
    """Of this machine's memory; 8 GiB where the system doesn't tell."""
    try:
        return os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    except (AttributeError, ValueError, OSError):
        return 8 * 2**30


def _largest() -> int:
    wanted = max(256 * 2**20, 2 * max(cache_sizes().values(), default=0))
    return min(wanted, memory_bytes() // MEMORY_SHARE)


def _copies(working_set: int, rounds: int) -> list[float]:
    """Seconds of copying half of so many bytes to the other half, a round each."""
    source, target = (np.ones(max(1, working_set // 8), np.float32) for _ in range(2))
    one, other = source[:1].copy(), target[:1].copy()
    inner = max(1, min(20_000, 2**23 // working_set))
    copies = {"copy": lambda: np.copyto(target, source), "call": lambda: np.copyto(other, one)}
    times = measure(copies, rounds=rounds, warmup=2, inner=inner, clock=the_clock())
    call = times["call"].median if inner > 1 else 0.0
    # On a busy machine a call alone can come out longer than a short copy; a tenth of the time is then left.
    return [max(seconds - call, seconds / 10) for seconds in times["copy"].seconds]


def _check(**sizes: int) -> None:
    for name, value in sizes.items():
        if type(value) is not int or value < 1:
            raise CourseError(f"{name}={value!r} can't be measured; give a whole number of at least 1.")
