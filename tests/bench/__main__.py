"""Run `python -m tests.bench`."""

from __future__ import annotations

import sys
from typing import Annotated

import typer
from rich.console import Console

from autograder.course import Course
from autograder.error_sentence import sentence
from helpers.errors import CourseError

from .measure import bench, show

app = typer.Typer(add_completion=False, pretty_exceptions_enable=False)


@app.command()
def main(
    name: Annotated[str, typer.Argument(help="the assignment whose hand-ins are made up")] = "network_from_scratch",
    only: Annotated[list[str] | None, typer.Option(help="stock, workers, kernel or class", show_default=False)] = None,
    count: Annotated[int, typer.Option(help="submissions in a batch beside stock nbgrader")] = 30,
    rounds: Annotated[int, typer.Option(help="rounds in turn")] = 3,
    sizes: Annotated[str, typer.Option(help="sizes of whole classes")] = "100,200,500",
    quick: Annotated[bool, typer.Option("--quick", help="four submissions, one round, classes of 10 and 20")] = False,
    json: Annotated[bool, typer.Option("--json", help="one JSON object per measurement")] = False,
) -> None:
    """Measure the grading engine against stock nbgrader on the same submissions (about 30 minutes; --quick: 3)."""
    if not all(part.strip().isdigit() for part in sizes.split(",")):
        raise CourseError(f"--sizes {sizes!r} is not a list of numbers like 100,200,500.")
    chosen = [int(part) for part in sizes.split(",")]
    if quick:
        count, rounds, chosen = 4, 1, [10, 20]
    show(bench(name, Course(), only=only or (), count=count, rounds=rounds, sizes=chosen), json, Console())


if __name__ == "__main__":
    try:
        app()
    except Exception as error:
        if not (told := sentence(error)):
            raise
        sys.exit(f"error: {told}")
