"""Run `python -m tests.attacks`: attack the grading, ours and stock nbgrader's, behind a fence."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Annotated

import typer

from autograder.cli import console
from autograder.files import write_text
from autograder.progress import bar
from helpers.errors import CourseError

from . import table
from .bank import chosen
from .runner import run


def attack(
    only: Annotated[list[str] | None, typer.Option(help="these attacks or kinds of them", show_default=False)] = None,
    stock: Annotated[bool, typer.Option("--stock/--no-stock", help="also try them on stock nbgrader (an hour)")] = True,
    fresh: Annotated[bool, typer.Option("--fresh", help="forget what stock nbgrader did in earlier runs")] = False,
    jobs: Annotated[int, typer.Option(help="classes attacked at the same time")] = 1,
    mode: Annotated[str, typer.Option(help="the sandbox of our engine (default: the strongest)")] = "",
    as_json: Annotated[bool, typer.Option("--json", help="print JSON instead of tables")] = False,
    write: Annotated[Path | None, typer.Option(help="also write the results as a Markdown page")] = None,
) -> None:
    """Attack the grading, behind a fence: points gained, harm done and seconds, ours beside stock nbgrader."""
    if jobs < 1:
        raise CourseError(f"--jobs must be at least 1, not {jobs}.")
    picked, found = chosen(only or ()), {}
    for engine in ("ours", "stock") if stock else ("ours",):
        with bar(f"attacking {engine}", "attacks") as advance:
            found[engine] = run(engine, picked, jobs, advance, fresh=fresh, mode=mode)
    if as_json:
        print(json.dumps(table.as_json(picked, found), ensure_ascii=False))
    else:
        table.show(picked, found, console())
    if write:
        write_text(table.page(picked, found), write)
    if table.holes(picked, found["ours"]):
        raise typer.Exit(1)


if __name__ == "__main__":
    try:
        typer.run(attack)
    except CourseError as error:
        sys.exit(f"error: {error}")
