"""The instructor's command line."""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console

from helpers.errors import CourseError

from .course import Course

app = typer.Typer(no_args_is_help=True, add_completion=False, pretty_exceptions_enable=False,
                  help="Release, grade and report the assignments of this course.")  # fmt: skip
Name = Annotated[str, typer.Argument(help="the assignment's folder in solutions/")]
ClassDir = Annotated[
    Path | None, typer.Option("--class-dir", help="the folder of the class", show_default=False)
]


def course_for(class_dir: Path | None) -> Course:
    """The course; the class folder also goes into the environment, for nbgrader_config.py."""
    if class_dir is not None:
        os.environ["COURSE_CLASS_DIR"] = str(class_dir.resolve())
    return Course()


def console() -> Console:
    return Console() if sys.stdout.isatty() else Console(width=120)


@app.callback()
def options() -> None:
    """Release, grade and report the assignments of this course."""


@app.command()
def release(
    name: Name,
    force: Annotated[bool, typer.Option("--force", help="replace a notebook that was worked in")] = False,
) -> None:
    """Make the student's notebook in notebooks/ from the source in solutions/."""
    from .release import release as run

    say(run(name, force=force))


def say(sentence: str) -> None:
    console().print(sentence, highlight=False, markup=False, soft_wrap=True)


def main() -> None:
    try:
        app()
    except CourseError as error:
        print(f"error: {error}", file=sys.stderr)
        sys.exit(2)
