"""Grade a class: every hand-in gets points or a reason in words, and one bad one never stops the rest."""

from __future__ import annotations

import hashlib
import json
import shutil
from collections.abc import Iterable, Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from helpers.errors import CourseError

from . import bonus as bonus_module
from .course import REPOSITORY, Course, clean_name
from .engine import make_writable, stage, write_text
from .intake import students as students_of
from .pool import Told, run
from .preflight import model_solution
from .release import generate
from .results import NOT_YET, Row, collect
from .source import Assignment
from .source import read as read_source
from .worker import Job, Outcome


@dataclass(frozen=True)
class Graded:
    """What one run of grading found: rows in the order of the names, and who was graded in this run."""

    assignment: Assignment
    rows: list[Row]
    regraded: list[str]


class State:
    """What the last run knew about each student, beside the reports: CLASSDIR/reports/.NAME.json."""

    def __init__(self, course: Course, name: str) -> None:
        self.path = course.reports / f".{name}.json"
        try:
            self.data = json.loads(self.path.read_text(encoding="utf-8"))
            self.students: dict[str, dict[str, Any]] = dict(self.data["students"])
        except (OSError, ValueError, KeyError, TypeError):
            self.data, self.students = {}, {}

    def save(self) -> None:
        self.data = {**self.data, "students": dict(sorted(self.students.items()))}
        write_text(json.dumps(self.data, indent=1, ensure_ascii=False) + "\n", self.path)


def digest(parts: Iterable[bytes]) -> str:
    total = hashlib.sha256()
    for part in parts:
        total.update(len(part).to_bytes(8, "big") + part)
    return total.hexdigest()


def contents(folder: Path, patterns: Iterable[str] = ("**/*",)) -> Iterator[bytes]:
    """Names and bytes of files, in a fixed order."""
    for pattern in patterns:
        for path in sorted(folder.glob(pattern)):
            if path.is_file() and "__pycache__" not in path.parts and ".ipynb_checkpoints" not in path.parts:
                yield str(path.relative_to(folder)).encode("utf-8", "surrogateescape")
                yield path.read_bytes()


def source_digest(course: Course, name: str) -> str:
    folder = course.solutions / name
    own = [p for p in sorted(folder.rglob("*")) if p.is_file() and p.suffix != ".ipynb"]
    return digest(part for p in own for part in (p.name.encode(), p.read_bytes()))


def code_digest() -> str:
    """Of everything whose change can change a score: the autograder's and the helpers' own code."""
    return digest(contents(REPOSITORY, ("autograder/*.py", "helpers/**/*.py", "helpers/check/**/*.json")))


def grade(
    name: str,
    course: Course | None = None,
    only: Iterable[str] = (),
    *,
    jobs: int = 2,
    force: bool = False,
    timeout: int = 60,
    budget: int = 300,
    told: Told | None = None,
) -> Graded:
    """Grade the hand-ins in CLASSDIR/submitted/*/NAME and write feedback; those that did not change are skipped.

    `timeout` and `budget` are seconds for one cell and for one submission. `told` hears each outcome with how
    many are done. CourseError where there is nothing to grade; a hand-in that can't be graded is a row with a
    reason.
    """
    course = course or Course()
    for what, value in (("jobs", jobs), ("timeout", timeout), ("budget", budget)):
        if value < 1:
            raise CourseError(f"--{what} must be at least 1, not {value}.")
    assignment, _ = read_source(course.source(name))
    everybody = _everybody(course, name)
    chosen = _chosen(list(only), everybody, course)
    state = State(course, name)
    source = source_digest(course, name)
    common = [source, code_digest(), str(timeout), str(budget)]
    prints = {s: digest([*(c.encode() for c in common), *contents(course.submitted / s / name)]) for s in chosen}
    stale = [s for s in chosen if force or not _known(state, s, prints[s], course, name)]
    with stage("class-") as folder:
        if stale:
            model = digest(part.encode() for part in common)
            if state.data.get("model") != model:
                model_solution(course, assignment, timeout, budget)
                state.data["model"] = model
            # Recorded in the class's own gradebook, from the same source that the release is made of.
            generate(name, course, folder, course.db_url)
        make = {
            "course": course,
            "assignment": assignment,
            "source": folder,
            "timeout": timeout,
            "budget": budget,
        }
        for outcome in run([Job(student=s, **make) for s in stale], jobs, told):  # type: ignore[arg-type]
            entry = asdict(outcome) | {"fingerprint": prints[outcome.student]}
            state.students[outcome.student] = entry
            if outcome.reason:
                _forget(course, name, outcome, entry)
            state.save()
        found = Graded(assignment, refresh(course, assignment, everybody, state), stale)
        by_name = {row.student: row for row in found.rows if not row.reason}
        for student in set(stale) & by_name.keys():
            if state.students[student]["page"]:
                state.students[student]["page"] = stamp(by_name[student])
        # A human may have given points or comments since the page was written.
        old = [s for s, row in by_name.items() if state.students[s].get("page") != stamp(row)]
        for outcome in run([Job(student=s, regrade=False, **make) for s in old], jobs, None):  # type: ignore[arg-type]
            if outcome.page and not outcome.reason:
                state.students[outcome.student]["page"] = stamp(by_name[outcome.student])
        state.save()
    return found


def stamp(row: Row) -> str:
    """Of what a feedback page shows and a human can change."""
    return digest([json.dumps([row.scores, row.bonus, row.extra, row.penalty, row.comments]).encode()])


def _everybody(course: Course, name: str) -> list[str]:
    if not course.class_dir.is_dir():
        raise CourseError(f"The class folder {str(course.class_dir)!r} does not exist.")
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


def _known(state: State, student: str, fingerprint: str, course: Course, name: str) -> bool:
    entry = state.students.get(student, {})
    whole = (course.autograded / student / name / f"{name}.ipynb").is_file() and (
        course.class_dir / "gradebook.db"
    ).is_file()
    return entry.get("fingerprint") == fingerprint and (bool(entry.get("reason")) or whole)


def _forget(course: Course, name: str, outcome: Outcome, entry: dict[str, Any]) -> None:
    """A hand-in that can't be graded has no points: drop those of an earlier one, unless a human graded
    it."""
    from nbgrader.api import Gradebook, MissingEntry

    with Gradebook(course.db_url) as gradebook:
        try:
            submission = gradebook.find_submission(name, outcome.student)
        except MissingEntry:
            return
        grades = [g for n in submission.notebooks for g in n.grades]
        comments = [c for n in submission.notebooks for c in n.comments]
        if any(g.manual_score is not None for g in grades) or any(c.manual_comment for c in comments):
            entry["notes"] = [
                *entry["notes"],
                "The gradebook still holds a human's grades of an earlier hand-in.",
            ]
            return
        gradebook.remove_submission(name, outcome.student)
    for folder in (course.autograded, course.feedback):
        old = folder / outcome.student / name
        if old.is_dir():
            make_writable(old)
            shutil.rmtree(old)


def results(name: str, course: Course) -> Graded:
    """What the last run found, with today's gradebook and bonus; nothing is executed."""
    assignment, _ = read_source(course.source(name))
    everybody = _everybody(course, name)
    if not (course.class_dir / "gradebook.db").is_file():
        raise CourseError(f"{name} was not graded yet in {str(course.class_dir)!r}; grade it first.")
    return Graded(assignment, refresh(course, assignment, everybody, State(course, name)), [])


def refresh(course: Course, assignment: Assignment, everybody: list[str], state: State) -> list[Row]:
    """Bring the bonus up to date and read everybody's results; who was never graded says so."""
    from nbgrader.api import Gradebook

    with Gradebook(course.db_url) as gradebook:
        # Students that nbgrader's own commands graded are in no state file.
        known = {s.student_id for s in gradebook.assignment_submissions(assignment.name)}
        reasons = {s: _reason(state, s, s in known) for s in everybody}
        notes = {s: list(state.students.get(s, {}).get("notes", [])) for s in everybody}
        bonuses = bonus_module.update(gradebook, assignment, course.autograded)
        return collect(gradebook, course, assignment, reasons, notes, bonuses)


def _reason(state: State, student: str, graded: bool) -> str:
    entry = state.students.get(student)
    return str(entry.get("reason", "")) if entry else "" if graded else NOT_YET
