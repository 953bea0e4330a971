"""The measurements. Each yields flat records; what is compared is run in turn, so that a busy machine disturbs both."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass, field
from statistics import median
from typing import Any

from helpers.timing import spread

from ..course import REPOSITORY
from . import clock, memory
from .folders import Bench, students

RATIO, TWO, FIRST, KERNEL = 0.08, 1.9, 3.0, 60.0


@dataclass(frozen=True)
class Measured:
    """`value` in `unit`; `goal` is what it may be at most, or at least where `larger`, None where there is none."""

    what: str
    value: float
    unit: str
    goal: float | None = None
    larger: bool = False
    details: dict[str, Any] = field(default_factory=dict)

    @property
    def verdict(self) -> str:
        if self.goal is None:
            return ""
        good = self.value >= self.goal if self.larger else self.value <= self.goal
        return f"goal {'≥' if self.larger else '≤'} {self.goal:g} {'reached' if good else 'MISSED'}"

    def as_dict(self) -> dict[str, Any]:
        return asdict(self) | {"verdict": self.verdict}


def one_core() -> set[int]:
    return {min(os.sched_getaffinity(0))}


def against_stock(bench: Bench, count: int, rounds: int) -> Iterator[Measured]:
    """Ours and stock nbgrader on the same submissions, each on the same single core, in turn.

    Ours runs before and after stock in each round, because it takes seconds and stock takes minutes, in which a
    machine's speed changes; its two times are averaged.
    """
    place, stock = bench.stock("stock", bench.ours("beside-stock", count) / "submitted")
    who, core = students(count), one_core()
    gradebook = (place / "gradebook.db").read_bytes()  # with the assignment and nobody's work

    def ours(label: str) -> clock.Watched:
        command = bench.command(bench.ours(label, count), 1)
        return clock.watch(command, REPOSITORY, bench.environ(), clock.OURS, who, cores=core)

    mine: list[tuple[float, float]] = []
    theirs: list[tuple[float, float]] = []
    for number in range(rounds):
        shutil.rmtree(place / "autograded", ignore_errors=True)
        (place / "gradebook.db").write_bytes(gradebook)
        before = ours(f"before-{number}")
        stocks = clock.watch(stock, place, bench.environ(), clock.STOCK, who, cores=core)
        after = ours(f"after-{number}")
        mine.append(((before.steady + after.steady) / 2, (before.total + after.total) / 2))
        theirs.append((stocks.steady, stocks.total))
    ratios, wholes = ([a[i] / b[i] for a, b in zip(mine, theirs, strict=True)] for i in (0, 1))
    yield Measured(
        "one submission, ours ÷ stock nbgrader, one core", median(ratios), "×", RATIO,
        details={
            "ours_s": median(a for a, _ in mine), "stock_s": median(b for b, _ in theirs),
            "whole_command_ratio": median(wholes),
            "ours_whole_command_s": median(a for _, a in mine),
            "stock_whole_command_s": median(b for _, b in theirs),
            "submissions": count, "rounds": rounds, "spread": spread(ratios),
        },
    )  # fmt: skip


def two_workers(bench: Bench, count: int, rounds: int) -> Iterator[Measured]:
    """Two workers against one, on all cores."""
    folder, who = bench.ours("two-workers", count), students(count)
    gains, ones, twos = [], [], []
    for _ in range(rounds):
        one, two = (
            clock.watch(bench.command(folder, jobs, force=True), REPOSITORY, bench.environ(), clock.OURS, who)
            for jobs in (1, 2)
        )
        gains.append(one.steady / two.steady)
        ones.append(one)
        twos.append(two)
    yield Measured(
        "two workers against one", median(gains), "×", TWO, larger=True,
        details={"one_s": median(w.steady for w in ones), "two_s": median(w.steady for w in twos),
                 "whole_command": median(a.total / b.total for a, b in zip(ones, twos, strict=True)),
                 "submissions": count, "rounds": rounds, "cores": len(os.sched_getaffinity(0)),
                 "spread": spread(gains)},
    )  # fmt: skip
    yield Measured(
        "first result on the screen", median(w.first for w in twos), "s", FIRST,
        details={"one_worker_s": median(w.first for w in ones), "spread": spread([w.first for w in twos])},
    )


def whole_class(bench: Bench, sizes: Sequence[int], jobs: int = 2) -> Iterator[Measured]:
    """Whole classes: time, memory of the tree of processes, size of the gradebook, and whether it grows linearly."""
    each = {}
    for size in sizes:
        folder = bench.ours(f"class-{size}", size)
        peak = memory.Peak()
        command = bench.command(folder, jobs)
        seen = clock.watch(command, REPOSITORY, bench.environ(), clock.OURS, students(size), beside=peak)
        first, second = seen.halves()
        each[size] = seen.total / size
        yield Measured(
            f"a class of {size}, {jobs} workers", seen.total, "s",
            details={"per_submission_s": each[size], "first_result_s": seen.first, "first_half_s": first,
                     "second_half_s": second, "after_last_result_s": seen.total - max(seen.seen.values()),
                     "peak_memory_mb": peak.most, "processes": peak.processes,
                     "gradebook_mb": (folder / "gradebook.db").stat().st_size / memory.MB},
        )  # fmt: skip
        shutil.rmtree(folder)
    if len(sizes) > 1:
        small, large = min(sizes), max(sizes)
        yield Measured(
            f"a submission among {large} ÷ one among {small}", each[large] / each[small], "×",
            details={str(size): value for size, value in each.items()},
        )


def kernel_memory(bench: Bench) -> Iterator[Measured]:
    """Private memory of a student's kernel, fresh and after its notebook, at the moment when it would be ended."""
    import nbformat

    from ..kernel.kernel import Kernels
    from ..sandbox import Limits, choose

    notebook = nbformat.reads(bench.template.decode(), as_version=4)
    with Kernels(choose()) as kernels:
        kernel = kernels.start({}, Limits(), None, environment={"COURSE_SIZE": "quick"})
        kernel.run("1", 30)
        fresh = memory.private(kernel.pid)
        for cell in notebook.cells:
            if cell.cell_type == "code" and not cell.metadata.get("nbgrader", {}).get("grade"):
                kernel.run(cell.source, 60)
        after = memory.private(kernel.pid)
    yield Measured(
        "private memory of a kernel", after, "MB", KERNEL, details={"fresh_mb": fresh, "mode": kernels.mode.name}
    )
