"""Grade a class: every hand-in gets points or a reason in words, and one bad one never stops the rest."""

from __future__ import annotations

import contextlib
import os
import sys
from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any

from helpers.errors import CourseError

from . import dates
from .authoring.prepare import prepare
from .authoring.source import Assignment
from .batch import Batch, Terms, Told
from .course import Course, clean_name, load_config
from .error_sentence import damage
from .execution import preflight
from .parallel import choose
from .parallel.executor import Executor
from .recording import bonus as bonus_module
from .recording.gradebook import late_plugin, punish, whole
from .recording.state import State
from .recording.writer import PATIENCE
from .reports.results import NOT_YET, Graded, Row, Words, absent_words, collect
from .submission.intake import students as students_of


def grade(
    name: str,
    course: Course | None = None,
    only: Iterable[str] = (),
    *,
    jobs: int = 2,
    force: bool = False,
    timeout: int = 60,
    budget: int = 300,
    unsafe: bool = False,
    mode: str = "",
    limits: Mapping[str, Any] | None = None,
    patience: float = PATIENCE,
    executor: Executor | None = None,
    told: Told | None = None,
    say: Callable[[str], None] = lambda sentence: None,
) -> Graded:
    """Grade the hand-ins in CLASSDIR/submitted/*/NAME and write feedback; those that did not change are skipped.

    `timeout` and `budget` are seconds for one cell and for one submission. `executor` does the work (default: `jobs`
    processes here), in the sandbox `mode` (default: the strongest); `unsafe` goes on where there is none. A gradebook
    that another program holds is waited for `patience` seconds. `told` hears each result with how many are done, `say`
    what the instructor should know before that.
    CourseError where nothing can be graded or recorded; a hand-in that can't be graded is a row with a reason.
    """
    course = course or Course()
    if jobs < 1:
        raise CourseError(f"--jobs must be at least 1, not {jobs}.")
    terms = Terms(timeout, budget, unsafe, mode, limits or {})
    terms.check()
    everybody = _everybody(course, name)
    told_of_dates = dates.strangers(dates.read(course), name, everybody)
    chosen = _chosen(list(only), everybody, course)
    with contextlib.ExitStack() as stack:
        stack.enter_context(_alone(course))
        batch = Batch(course, prepare(course, name), terms, told, patience)
        stack.callback(batch.save)
        stack.enter_context(batch.writer)
        batch.look(chosen, force)
        for module, students in preflight.tally({s: batch.absent.get(s, []) for s in batch.stale}).items():
            say(absent_words(module, students))

        def hire() -> Executor:
            return executor or stack.enter_context(contextlib.closing(choose(min(jobs, len(batch.stale)))))

        if batch.stale or batch.pending:
            batch.run(hire)
        batch.save()
        rows = refresh(course, batch.assignment, everybody, batch.state)
        found = Graded(batch.assignment, rows, batch.chosen, told_of_dates, _absent(batch.state, everybody))
        batch.renew_pages(found.rows)
    return found


@contextlib.contextmanager
def _alone(course: Course) -> Iterator[None]:
    """One writer: a second run over the same class folder is refused."""
    if sys.platform == "win32":
        yield
        return
    import fcntl

    folder = os.open(course.class_dir, os.O_RDONLY)
    try:
        try:
            fcntl.flock(folder, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            told = f"Another grading of {str(course.class_dir)!r} is running; wait until it is done."
            raise CourseError(told) from None
        yield
    finally:
        os.close(folder)


def _everybody(course: Course, name: str) -> list[str]:
    course.source(name)  # says which assignments there are
    if not course.class_dir.is_dir():
        fault = "is a file, not a folder" if course.class_dir.exists() else "does not exist"
        raise CourseError(f"The class folder {str(course.class_dir)!r} {fault}.")
    if "?" in str(course.class_dir):
        raise CourseError(f"The class folder {str(course.class_dir)!r} has a '?' in its name; rename it.")
    everybody = students_of(course, name)
    if not everybody:
        raise CourseError(
            f"Nothing was handed in for {name}: put notebooks into {course.submitted}/STUDENT/{name}/{name}.ipynb."
        )
    return everybody


def _chosen(only: list[str], everybody: list[str], course: Course) -> list[str]:
    for student in only:
        if student not in everybody:
            clean_name(student, "a student")
            raise CourseError(f"There is no submission of a student called {student!r} in {course.submitted}.")
    return [s for s in everybody if s in only] if only else everybody


def results(name: str, course: Course) -> Graded:
    """What the last run found, with today's gradebook and bonus; nothing is executed."""
    everybody = _everybody(course, name)
    assignment = prepare(course, name).assignment
    if not (course.class_dir / "gradebook.db").is_file():
        raise CourseError(f"{name} was not graded yet in {str(course.class_dir)!r}; grade it first.")
    state = State(course, name)
    rows = refresh(course, assignment, everybody, state)
    if all(row.reason == NOT_YET for row in rows):
        raise CourseError(f"{name} was not graded yet in {str(course.class_dir)!r}; grade it first.")
    told = dates.strangers(dates.read(course), name, everybody)
    return Graded(assignment, rows, [], told, _absent(state, everybody))


def report(name: str, course: Course) -> tuple[Graded, list[str]]:
    """The `results`, and whose feedback page was written anew, because points or comments were given since."""
    _everybody(course, name)  # says what is wrong with the folder, which is then locked
    with _alone(course):
        found = results(name, course)
        batch = Batch(course, prepare(course, name), Terms(), None, PATIENCE)
        renewed = batch.renew_pages(found.rows)
        batch.save()
    return found, renewed


def _absent(state: State, everybody: list[str]) -> dict[str, list[str]]:
    return preflight.tally({student: state.students.get(student, {}).get("absent") for student in everybody})


def refresh(course: Course, assignment: Assignment, everybody: list[str], state: State) -> list[Row]:
    """Bring dates, bonus and late penalties up to date and read everybody's results; who was never graded says so."""
    from nbgrader.api import Gradebook
    from sqlalchemy.exc import DatabaseError

    due = dates.read(course)
    try:
        with Gradebook(course.db_url) as gradebook:
            held = whole(gradebook, assignment.name)
            dates.bring(gradebook, due, assignment.name, held)
            # Students that nbgrader's own commands graded are in no state file.
            known = {submission.student_id for submission in held}
            reasons = {s: state.reason(s) or ("" if s in known or s in state.students else NOT_YET) for s in everybody}
            notes = {s: state.notes(s) for s in everybody}
            words: dict[str, Words] = {s: w for s in everybody if (w := state.words(s)) is not None}
            forms = {s: w.form for s, w in words.items()}
            bonuses = bonus_module.update(gradebook, assignment, course, forms)
            late = [s for s in held if s.total_seconds_late or any(n.late_submission_penalty for n in s.notebooks)]
            plugin = late_plugin(course, load_config()) if late else None
            for submission in late:
                punish(gradebook, submission, plugin)
            gradebook.db.commit()
            return collect(gradebook, course, assignment, reasons, notes, bonuses, words)
    except DatabaseError as error:
        raise CourseError(damage(str(error.orig), course)) from None
