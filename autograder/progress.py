"""One progress bar for every command; silent without a terminal."""

from __future__ import annotations

import contextlib
import sys
from collections.abc import Callable, Iterator

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn
from rich.text import Text

from .text import one_line


@contextlib.contextmanager
def bar(title: str, unit: str = "") -> Iterator[Callable[..., None]]:
    """Yields `advance(done, total, line="")`; writes lines to stderr, and draws the bar there in a terminal only."""
    if not sys.stderr.isatty():
        yield lambda done, total, line="": print(one_line(line), file=sys.stderr, flush=True) if line else None
        return
    screen = Console(stderr=True)
    columns = (
        TextColumn("{task.description}", markup=False),
        BarColumn(),
        MofNCompleteColumn(),
        TextColumn(unit),
        TimeElapsedColumn(),
    )
    with Progress(*columns, console=screen) as shown:
        task = shown.add_task(one_line(title), total=None)

        def advance(done: int, total: int, line: str = "") -> None:
            if line:
                shown.console.print(Text(one_line(line)))
            shown.update(task, completed=done, total=total)

        yield advance
