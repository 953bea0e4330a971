"""What `python -m autograder bench` does: measure, print."""

from __future__ import annotations

import json
import platform
from collections.abc import Iterator, Sequence
from importlib.metadata import version
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.table import Table

from helpers.errors import CourseError
from helpers.timing import environment

from ..course import Course, prepare_environment
from ..files import stage
from . import measure
from .folders import lay_out
from .measure import Measured

PARTS = ("stock", "workers", "kernel", "class")


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
            yield from measure.kernel_memory(made)
        if wanted - {"kernel"}:
            made.prepare()
        if "stock" in wanted:
            yield from measure.against_stock(made, count, rounds)
        if "workers" in wanted:
            yield from measure.two_workers(made, 2 * count, rounds)
        if "class" in wanted:
            yield from measure.whole_class(made, sizes)


def surroundings() -> dict[str, Any]:
    """What the figures depend on."""
    from ..sandbox import choose

    found = environment()
    try:
        mode = choose().words
    except CourseError as error:
        mode = str(error)
    packages = {p: version(p) for p in ("nbgrader", "nbclient", "ipykernel", "torch", "sqlalchemy")}
    return found | packages | {"kernel": platform.release(), "memory_gb": _memory(), "sandbox": mode}


def _memory() -> float | None:
    try:
        lines = Path("/proc/meminfo").read_text().splitlines()
    except OSError:
        return None
    return round(int(lines[0].split()[1]) * 1024 / 1e9, 1)


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
