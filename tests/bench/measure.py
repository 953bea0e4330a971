"""What `python -m tests.bench` measures and prints, in flat records.

What is compared is run in turn, so that a busy machine disturbs both.
"""

from __future__ import annotations

import json
import os
import platform
import shutil
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass, field
from importlib.metadata import version
from statistics import median
from typing import Any

import psutil
from rich.console import Console
from rich.table import Table

from autograder.course import REPOSITORY, Course, prepare_environment
from autograder.files import stage
from helpers.errors import CourseError
from helpers.timing import environment, spread

from .folders import Bench, lay_out, students
from .watched_run import MB, OURS, STOCK, Peak, Watched, private, watch

PARTS = ("stock", "workers", "kernel", "class")
RATIO, TWO, FIRST, KERNEL = 0.09, 1.9, 3.0, 60.0


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

    def ours(label: str) -> Watched:
        command = bench.command(bench.ours(label, count), 1)
        return watch(command, REPOSITORY, bench.environ(), OURS, who, cores=core)

    mine: list[tuple[float, float]] = []
    theirs: list[tuple[float, float]] = []
    for number in range(rounds):
        shutil.rmtree(place / "autograded", ignore_errors=True)
        (place / "gradebook.db").write_bytes(gradebook)
        before = ours(f"before-{number}")
        stocks = watch(stock, place, bench.environ(), STOCK, who, cores=core)
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
            watch(bench.command(folder, jobs, force=True), REPOSITORY, bench.environ(), OURS, who)
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
        peak = Peak()
        command = bench.command(folder, jobs)
        seen = watch(command, REPOSITORY, bench.environ(), OURS, students(size), beside=peak)
        first, second = seen.halves()
        each[size] = seen.total / size
        yield Measured(
            f"a class of {size}, {jobs} workers", seen.total, "s",
            details={"per_submission_s": each[size], "first_result_s": seen.first, "first_half_s": first,
                     "second_half_s": second, "after_last_result_s": seen.total - max(seen.seen.values()),
                     "peak_memory_mb": peak.most, "processes": peak.processes,
                     "gradebook_mb": (folder / "gradebook.db").stat().st_size / MB},
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

    from autograder.kernel.kernel import Kernels
    from autograder.sandbox import Limits, choose

    notebook = nbformat.reads(bench.template.decode(), as_version=4)
    with Kernels(choose()) as kernels:
        kernel = kernels.start({}, Limits(), None, environment={"COURSE_SIZE": "quick"})
        kernel.run("1", 30)
        fresh = private(kernel.pid)
        for cell in notebook.cells:
            if cell.cell_type == "code" and not cell.metadata.get("nbgrader", {}).get("grade"):
                kernel.run(cell.source, 60)
        after = private(kernel.pid)
    yield Measured(
        "private memory of a kernel", after, "MB", KERNEL, details={"fresh_mb": fresh, "mode": kernels.mode.name}
    )


def bench(name: str, course: Course, *, only: Sequence[str] = (), count: int = 30, rounds: int = 3,
          sizes: Sequence[int] = (100, 200, 500)) -> Iterator[Measured]:  # fmt: skip
    """Measurements as they are made; `only` some of PARTS. CourseError for a part or a size that can't be measured."""
    for part in only:
        if part not in PARTS:
            raise CourseError(f"There is no measurement {part!r}; choose among {', '.join(PARTS)}.")
    if count < 3 or rounds < 1 or any(size < 4 for size in sizes):
        raise CourseError("A benchmark needs at least 3 submissions, 1 round and classes of at least 4.")
    wanted = set(only or PARTS)
    prepare_environment()
    with stage("bench-") as scratch:
        made = lay_out(name, course, scratch)
        if "kernel" in wanted:
            yield from kernel_memory(made)
        if wanted - {"kernel"}:
            made.prepare()
        if "stock" in wanted:
            yield from against_stock(made, count, rounds)
        if "workers" in wanted:
            yield from two_workers(made, 2 * count, rounds)
        if "class" in wanted:
            yield from whole_class(made, sizes)


def surroundings() -> dict[str, Any]:
    """What the figures depend on."""
    from autograder.sandbox import choose

    found = environment()
    try:
        mode = choose().words
    except CourseError as error:
        mode = str(error)
    packages = {p: version(p) for p in ("nbgrader", "nbclient", "ipykernel", "torch", "sqlalchemy")}
    memory = round(psutil.virtual_memory().total / 1e9, 1)
    return found | packages | {"kernel": platform.release(), "memory_gb": memory, "sandbox": mode}


def show(measured: Iterator[Measured], as_json: bool, console: Console) -> None:
    """One JSON object per measurement as it comes, the environment first; or one table."""
    if as_json:
        print(json.dumps({"environment": surroundings()}), flush=True)
        for each in measured:
            print(json.dumps(each.as_dict(), ensure_ascii=False), flush=True)
        return
    table = Table("what", "value", "goal", "in detail", title="The grading engine's speed")
    for each in measured:
        console.print(f"{each.what}: {each.value:.3g} {each.unit} {each.verdict}".rstrip(), highlight=False)
        told = ", ".join(f"{k} {v:.3g}" if isinstance(v, float) else f"{k} {v}" for k, v in each.details.items()
                         if not isinstance(v, dict))  # fmt: skip
        table.add_row(each.what, f"{each.value:.3g} {each.unit}", each.verdict, told)
    console.print(table)
    console.print(", ".join(f"{k} {v}" for k, v in surroundings().items() if not isinstance(v, dict | list)),
                  highlight=False)  # fmt: skip
