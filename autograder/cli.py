"""The instructor's command line."""

from __future__ import annotations

import os
import sys
import traceback
import warnings
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.console import Console
from rich.text import Text

from helpers.errors import CourseError

from .course import Course
from .error_sentence import sentence
from .parallel.executor import Executor
from .text import lines, one_line

if TYPE_CHECKING:
    from .execution.task import Result

app = typer.Typer(no_args_is_help=True, add_completion=False, pretty_exceptions_enable=False,
                  help="Release, grade and report the assignments of this course.")  # fmt: skip
Name = Annotated[str, typer.Argument(help="the assignment's folder in solutions/")]
UNSAFE = (
    "grade even where no sandbox is possible: what students hand in can then read and change all that you can, the "
    "gradebook and other students' work too, use the network, and go on running afterwards"
)
AS_USUAL = warnings.formatwarning
ClassDir = Annotated[Path | None, typer.Option("--class-dir", help="the folder of the class", show_default=False)]


def course_for(class_dir: Path | None) -> Course:
    """The course; the class folder also goes into the environment, for nbgrader_config.py."""
    if class_dir is not None:
        os.environ["COURSE_CLASS_DIR"] = str(class_dir.resolve())
    return Course()


@contextmanager
def starting(jobs: int, scheduler: str, students: list[str] | None, course: Course, name: str) -> Iterator[Executor]:
    """What grades, already warming up while the rest is imported. Ctrl-C ends it at once."""
    from .kernel.warmup import needs_of_file
    from .parallel import choose

    handed_in = len(students or ()) or len(list(course.submitted.glob(f"*/{name}"))) or 1
    needs = needs_of_file(course.solutions / name / f"{name}.py")
    try:
        with closing(choose(min(jobs, handed_in), scheduler, needs)) as executor:
            yield executor
    except KeyboardInterrupt:
        print("\nStopped. What was graded is kept; the same command goes on with the rest.", file=sys.stderr)
        raise typer.Exit(130) from None


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
    from .authoring.release import release as run

    say(run(name, force=force))


@app.command()
def new(name: Annotated[str, typer.Argument(help="the new assignment's name, a Python name in small letters")]) -> None:
    """Begin an assignment: its folders in solutions/ and helpers/check/, with one small exercise in them."""
    from .authoring.new import new as run

    say(run(name))


@app.command()
def handout(name: Name) -> None:
    """Make the zip that a class gets: the notebook, a wheel of `helpers`, and a cell that installs it."""
    from .authoring.handout import handout as run

    path = run(name)
    say(f"wrote {path} ({path.stat().st_size / 1e6:.0f} MB): hand out this file, and nothing else of the course")


@app.command()
def lab(
    jupyter: Annotated[list[str] | None, typer.Argument(help="for JupyterLab, after --", show_default=False)] = None,
    folder: Annotated[Path | None, typer.Option(help="your copy of notebooks/", show_default="work")] = None,
    start: Annotated[bool, typer.Option("--start/--no-start", help="open JupyterLab in it")] = True,
) -> None:
    """Copy notebooks/ to work/, or merge new releases into what you wrote there, and open JupyterLab."""
    from .authoring.lab import start as run
    from .authoring.lab import update

    course = Course()
    place = (folder or course.root / "work").resolve()
    for words in update(place, course):
        say(words)
    say(f"your notebooks are in {place}")
    if start:
        run(place, jupyter or ())


@app.command()
def solutions(
    name: Annotated[str | None, typer.Argument(help="the assignment's folder in solutions/")] = None,
    size: Annotated[str, typer.Option(help="quick, standard or full")] = "standard",
    every: Annotated[bool, typer.Option("--all", help="every assignment")] = False,
) -> None:
    """Execute the model solution and keep its notebook beside the source."""
    from .authoring.solutions import solve
    from .progress import bar

    if (name is None) != every:
        raise CourseError("Name one assignment, or give --all.")
    for each in Course().assignments() if name is None else [name]:
        with bar(f"solving {each}", "cells") as advance:
            path = solve(each, size=size, progress=advance)
        say(f"wrote solutions/{each}/{path.name} ({path.stat().st_size / 1000:.0f} KB)")


@app.command()
def collect(
    name: Name,
    archive: Annotated[Path, typer.Argument(help="the zip file that the learning platform makes of all hand-ins")],
    class_dir: ClassDir = None,
    pattern: Annotated[
        str | None, typer.Option(help="other platforms: a regular expression with (?P<student>…) and (?P<path>…)")
    ] = None,
    roster: Annotated[
        Path | None, typer.Option(help="the class as a CSV file (default: roster.csv in the class folder, if any)")
    ] = None,
    timezone: Annotated[
        str | None, typer.Option(help="of the platform's times, such as Europe/Berlin (default: this machine's)")
    ] = None,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="show who would get what, and write nothing")] = False,
) -> None:
    """Put the hand-ins of a learning platform's zip file where grading looks for them."""
    from .submission.collect import collect as run
    from .submission.collect.summary import sentences, table

    told = run(name, archive, course_for(class_dir), pattern, roster=roster, timezone=timezone, dry_run=dry_run)
    if dry_run:
        console().print(table(told))
    for words in sentences(told, dry_run):
        say(words)
    if told.left_out:
        raise typer.Exit(1)


@app.command()
def grade(
    name: Name,
    students: Annotated[list[str] | None, typer.Argument(help="only these students", show_default=False)] = None,
    class_dir: ClassDir = None,
    jobs: Annotated[int, typer.Option("--jobs", "-j", help="hand-ins graded at the same time on this machine")] = 2,
    scheduler: Annotated[str, typer.Option(help="grade on a Dask cluster: tcp://HOST:PORT or its JSON file")] = "",
    force: Annotated[bool, typer.Option("--force/--resume", help="also those that did not change")] = False,
    timeout: Annotated[int, typer.Option(help="seconds for one cell; a quarter once one ran out of them")] = 60,
    budget: Annotated[int, typer.Option(help="seconds for one hand-in; what a busy machine takes is extra")] = 300,
    mode: Annotated[str, typer.Option(help="the sandbox: namespaces or landlock (default: the stronger)")] = "",
    unsafe: Annotated[bool, typer.Option("--unsafe", help=UNSAFE)] = False,
) -> None:
    """Grade the class, write feedback and the report, and show the table."""
    course = course_for(class_dir)
    with starting(jobs, scheduler, students, course, name) as executor:
        from .grade import grade as run
        from .progress import bar
        from .reports.terminal import show

        with bar(f"grading {name}", "hand-ins") as advance:
            found = run(name, course, students or (), force=force, timeout=timeout, budget=budget, mode=mode,
                        unsafe=unsafe, executor=executor, say=lambda sentence: advance(0, None, sentence),
                        told=lambda outcome, done, total: advance(done, total, summary(outcome)))  # fmt: skip
    from .reports.class_report import write  # brings nbgrader, which is imported beside the first hand-ins

    written = write(found, course)  # before anything is printed, which a terminal may refuse
    show(found, console())
    say(f"report: {written}")


@app.command()
def sample(
    name: Name,
    class_dir: Annotated[Path, typer.Option("--class-dir", help="the folder to make the class in")],
) -> None:
    """Make a class of made-up students who hand in right, wrong and broken work."""
    from .authoring.sample import fill

    folders = fill(name, course_for(class_dir))
    say(f"{len(folders)} students handed in {name} in {class_dir}/submitted")


@app.command()
def mistakes(
    name: Annotated[str | None, typer.Argument(help="the assignment's folder in solutions/ (default: all)")] = None,
    jobs: Annotated[int, typer.Option(help="processes")] = 2,
    only: Annotated[str | None, typer.Option(help="solutions whose name begins so, A-linear for one")] = None,
    json: Annotated[bool, typer.Option("--json", help="print JSON instead of tables")] = False,
    write: Annotated[Path | None, typer.Option(help="also write the totals as a Markdown page")] = None,
    judged: Annotated[bool, typer.Option("--judged", help="run solutions in their own process")] = False,
    seed: Annotated[int, typer.Option(help="of the hidden parts of tests")] = 41,
) -> None:
    """Run the mistake bank: wrong solutions must be caught and named, right ones must pass."""
    from json import dumps

    from .files import write_text
    from .mistakes import load
    from .mistakes.run import run, workers
    from .mistakes.table import Totals, as_json, page, show
    from .progress import bar

    if jobs < 1:
        raise CourseError(f"--jobs must be at least 1, not {jobs}.")
    found = {}
    with workers(jobs) as pool:
        for each in Course().assignments() if name is None else [name]:
            names = None if only is None else [s.name for s in load(each).solutions if s.name.startswith(only)]
            with bar(f"running the bank of {each}", "solutions") as advance:
                found[each] = run(each, told=advance, only=names, judged=judged, pool=pool, seed=seed)
            if json:
                print(dumps(as_json(each, *found[each]), ensure_ascii=False))
            else:
                show(each, *found[each], console())
    if write:
        write_text(page(found), write)
    if not all(Totals.of(*results).enough for results in found.values()):
        raise typer.Exit(1)


@app.command()
def seconds(name: Name) -> None:
    """Run the model solution on one core and print how long each visible test takes; COURSE_SIZE is its size."""
    from helpers.threads import limit_threads

    from .mistakes.run import seconds as run

    with limit_threads(1):
        found = run(name)
    together = (f"{len(found)} tests", sum(took for _, took, _ in found), sum(computed for *_, computed in found))
    for test, took, computed in [*found, together]:
        print(f"{test:28} {took:6.2f} s, of the processor {computed:6.2f} s")


@app.command()
def hints(name: Name) -> None:
    """Print all that the checks of an assignment can say on one page, to be read and mended."""
    from .mistakes.hints import groups, page

    print(page(name, groups(name)))


@app.command()
def report(name: Name, class_dir: ClassDir = None) -> None:
    """Write the class report and the feedback pages anew from the gradebook, without grading."""
    from .grade import report as run
    from .reports.class_report import write

    course = course_for(class_dir)
    found, renewed = run(name, course)
    say(f"feedback: {len(renewed)} {'page' if len(renewed) == 1 else 'pages'} written anew")
    say(f"report: {write(found, course)}")


@app.command()
def bonus(name: Name, class_dir: ClassDir = None) -> None:
    """Bring the bonus for willingness to present up to date in the gradebook."""
    from .grade import results

    for row in results(name, course_for(class_dir)).rows:
        parts = ", ".join(row.form.parts) or "nothing"
        say(f"{row.student}: {row.bonus:g} points for {parts}. {row.form.fault}".rstrip())


def summary(result: Result) -> str:
    """The line printed when a hand-in is done."""
    return f"{result.student}: {result.reason or 'graded'} ({result.seconds:.1f} s)"


def say(sentence: str) -> None:
    console().print(Text(one_line(sentence, 10_000)), soft_wrap=True)


def main() -> None:
    warnings.formatwarning = lambda *words, **more: lines(AS_USUAL(*words, **more))  # they quote students' source
    try:
        app()
    except Exception as error:
        told = sentence(error)  # of what is not foreseen the traceback, which may quote a student
        print(f"error: {one_line(told, 2000)}" if told else lines(traceback.format_exc()), file=sys.stderr)
        sys.exit(2 if told else 1)
