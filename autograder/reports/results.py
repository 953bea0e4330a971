"""Read a class's results back: points from the gradebook, words from the autograded notebooks."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import nbformat

from .borrowed import borrowed, fingerprints
from ..course import Course
from ..authoring.source import FORM_CHECK, Assignment, cells_by_id
from .feedback_page.diagnosis import CHECK
from ..submission.form import Declaration, declared_in
from ..plain_data import Plain
from ..submission.best_notebook import UNTOUCHED
from ..text import fault, one_line, sentences

TO_DO = "still-to-do"
FAILED_ABOVE = "failed-above"
NOT_YET = "not graded yet"
USUAL = ("pandas", "scipy", "sklearn", "seaborn")
"""Modules of the packages of the extra `usual` in pyproject.toml."""
MOST_SHOWN = 300
"""Characters of a message that people read."""


@dataclass(frozen=True)
class Mistake:
    """What one failed test says: `id` groups equal mistakes, `message` is for people."""

    cell: str
    exercise: str
    id: str
    message: str


@dataclass(frozen=True)
class Words(Plain):
    """What a graded notebook says: mistakes, in which cell Python first ended, where time ran out, the form, and what
    may be somebody else's."""

    mistakes: tuple[Mistake, ...] = ()
    notes: tuple[str, ...] = ()
    form: Declaration = field(default_factory=Declaration)
    dead: str = ""
    late_cells: tuple[str, ...] = ()
    mode: str = ""
    borrowed: tuple[str, ...] = ()
    fingerprints: dict[str, str] = field(default_factory=dict)


@dataclass
class Row:
    """One student. Points are floats; `total` counts the bonus; `reason` is empty where grading worked; `late` is in
    seconds."""

    student: str
    reason: str = ""
    scores: dict[str, float] = field(default_factory=dict)
    waiting: dict[str, float] = field(default_factory=dict)
    auto: float = 0.0
    manual: float = 0.0
    extra: float = 0.0
    bonus: float = 0.0
    late: float = 0.0
    penalty: float = 0.0
    comments: dict[str, str] = field(default_factory=dict)
    maximum: float = 0.0
    mistakes: list[Mistake] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    form: Declaration = field(default_factory=Declaration)
    dead: str = ""
    late_cells: list[str] = field(default_factory=list)
    mode: str = ""
    borrowed: list[str] = field(default_factory=list)
    fingerprints: dict[str, str] = field(default_factory=dict)

    @property
    def total(self) -> float:
        return max(0.0, self.auto + self.manual + self.extra + self.bonus - self.penalty)

    @property
    def status(self) -> str:
        if self.reason:
            return self.reason if self.reason == NOT_YET else f"could not be graded: {self.reason}"
        return "waiting for a human" if self.waiting else "graded"

    @property
    def wrong(self) -> list[Mistake]:
        return [m for m in self.mistakes if m.id != TO_DO]

    @property
    def words(self) -> str:
        """What went wrong, first things first, in one line."""
        if self.reason:
            return self.status
        told = [f"{m.cell}: {m.message}" for m in self.wrong if not self.dead or m.id not in ("NotRun", "KernelDied")]
        if self.dead:
            told.insert(0, f"{self.dead[:1].upper()}{self.dead[1:]}.")
        if UNTOUCHED in self.notes:
            told.insert(0, UNTOUCHED)
        to_do = len({m.exercise for m in self.mistakes if m.id == TO_DO})
        if to_do:
            told.append(f"{to_do} {'exercise' if to_do == 1 else 'exercises'} still to do")
        if self.form.fault:
            told.append(self.form.fault)
        told += [note for note in self.notes if note != UNTOUCHED]
        return " ".join([*told[:1], f"(and {len(told) - 1} more)" if len(told) > 1 else ""]).strip()

    def exercise_points(self, assignment: Assignment) -> dict[str, float]:
        return {e: sum(self.scores.get(c.id, 0.0) for c in cells) for e, cells in assignment.exercises().items()}

    def part_points(self, assignment: Assignment) -> dict[str, float]:
        return {p: sum(self.scores.get(c.id, 0.0) for c in assignment.graded if c.part == p) for p in assignment.parts}


@dataclass(frozen=True)
class Graded:
    """What one run of grading found: rows in the order of the names, who was graded in this run, what else the
    instructor should know, in sentences, and who imports modules that are absent here."""

    assignment: Assignment
    rows: list[Row]
    regraded: list[str]
    told: list[str] = field(default_factory=list)
    absent: dict[str, list[str]] = field(default_factory=dict)

    @property
    def late(self) -> bool:
        """Whether anybody handed in late."""
        return any(row.late for row in self.rows)


def collect(
    gradebook: Any, course: Course, assignment: Assignment, reasons: dict[str, str], notes: dict[str, list[str]],
    bonuses: dict, words: Mapping[str, Words] | None = None,
) -> list[Row]:  # fmt: skip
    """One Row for each student of `reasons` (student -> why not gradable, "" if it was), in that order.

    `words` are what graded notebooks say, where that is known already; other notebooks are read. Every row is plain
    data that can be written to a file; of whom there is none the reason says why.
    """
    from sqlalchemy.exc import DatabaseError

    submissions = {s.student_id: s for s in gradebook.assignment_submissions(assignment.name)}
    known, rows = words or {}, []
    for student, reason in reasons.items():
        try:
            said = known.get(student) or (Words() if reason else read_words(course, assignment, student))
            bonus = bonuses.get(student, (0.0, Declaration()))
            row = row_of(student, reason, submissions.get(student), assignment, notes.get(student, []), bonus, said)
            json.dumps(asdict(row), ensure_ascii=False, allow_nan=False).encode("utf-8")
        except DatabaseError:
            raise
        except Exception as error:
            row = Row(student, fault(error), maximum=assignment.points)
        rows.append(row)
    return rows


def row_of(student: str, reason: str, submission: Any, assignment: Assignment, notes: list[str],
           bonus: tuple[float, Declaration], words: Words) -> Row:  # fmt: skip
    """One student's Row; `submission` is nbgrader's, or None."""
    row = Row(student, reason, maximum=assignment.points, notes=list(notes), mode=words.mode)
    if reason:
        return row
    if submission is None:
        row.reason = "the gradebook holds nothing for this student; grade again with --force"
        return row
    row.bonus, row.form = bonus
    row.late = getattr(submission, "total_seconds_late", 0.0)  # who has none was in time
    row.penalty = finite(submission.late_submission_penalty)
    row.comments = {c.name: _comment(c) for n in submission.notebooks for c in n.comments}
    points = {c.id: c.points for c in assignment.graded}
    for grade in (g for n in submission.notebooks for g in n.grades):
        row.scores[grade.name] = earned_points(grade)
        if grade.manual_score is not None:
            row.manual += row.scores[grade.name]
        else:
            row.auto += row.scores[grade.name]
        if grade.name != FORM_CHECK:
            row.extra += finite(grade.extra_credit)
        if grade.needs_manual_grade:
            row.waiting[grade.name] = points.get(grade.name, 0.0)
    row.notes += [n for n in words.notes if n not in row.notes]
    row.mistakes, row.dead, row.late_cells = list(words.mistakes), words.dead, list(words.late_cells)
    row.borrowed, row.fingerprints = list(words.borrowed), words.fingerprints
    return row


def _comment(comment: Any) -> str:
    """nbgrader's own `comment.comment`, which asks the database anew for each that was changed."""
    return str((comment.auto_comment if comment.manual_comment is None else comment.manual_comment) or "")


def earned_points(grade: Any) -> float:
    """Points of a nbgrader grade without extra credit: the human's score where there is one."""
    return finite(grade.manual_score if grade.manual_score is not None else grade.auto_score)


def finite(points: float | None) -> float:
    """Points as a gradebook holds them; 0 for what can't be added up."""
    return float(points) if points and math.isfinite(points) else 0.0


def bonus_of(submission: Any) -> float:
    """The bonus that nbgrader's `submission` carries."""
    return sum(finite(g.extra_credit) for n in submission.notebooks for g in n.grades if g.name == FORM_CHECK)


def notebook_path(course: Course, assignment: Assignment, student: str) -> Path:
    return course.autograded / student / assignment.name / f"{assignment.name}.ipynb"


def read_words(course: Course, assignment: Assignment, student: str) -> Words:
    """What the file of a graded notebook says."""
    try:
        return words_in(nbformat.read(notebook_path(course, assignment, student), as_version=4), assignment)
    except Exception:
        form = Declaration(fault="The form is missing.")
        return Words(notes=("The autograded notebook can't be read; grade again with --force.",), form=form)


def words_in(notebook: Any, assignment: Assignment) -> Words:
    """What a graded notebook says, in short texts that can be written to a file, whatever stands in it."""
    about = notebook.metadata.get("course", {})
    cells, mistakes = cells_by_id(notebook), []
    for graded in assignment.cells:
        cell = cells.get(graded.id)
        if cell is None or cell.cell_type != "code":
            continue
        if graded.kind == "given":
            mistakes += _mistakes(cell, graded.id, graded.id)
        if graded.kind == "test":
            mistakes += _mistakes(cell, graded.id, assignment.exercise_of(graded))
    late = (i for i, c in cells.items() if any(o.get("ename") == "TimeUp" for o in c.get("outputs", [])))
    return Words(
        tuple(mistakes), tuple(sentences(about.get("notes"))), declared_in(notebook, assignment),
        one_line(about.get("dead")), tuple(one_line(i, 80) for i in late), one_line(about.get("mode"), 80),
        tuple(borrowed(notebook, assignment)), fingerprints(notebook, assignment),
    )  # fmt: skip


def _mistakes(cell: Any, name: str, exercise: str) -> list[Mistake]:
    told = []
    for output in cell.get("outputs", []):
        report = output.get("data", {}).get(CHECK) if "data" in output else None
        if isinstance(report, dict) and report.get("passed") is False:
            id_ = str(report.get("mistake") or "") or f"unnamed in {report.get('check', name)}"
            told.append(Mistake(name, exercise, one_line(id_, 200), one_line(report.get("message", ""), MOST_SHOWN)))
    errors = [o for o in cell.get("outputs", []) if o.get("output_type") == "error"]
    if not errors:
        return []
    if cause := one_line(cell.metadata.get("course", {}).get("cause", ""), MOST_SHOWN):
        return [Mistake(name, exercise, FAILED_ABOVE, cause)]
    if told:
        return told[:1]
    error = next((e for e in errors if e.get("ename") == "TimeUp"), errors[0])
    ename, evalue = one_line(error.get("ename"), 80), one_line(error.get("evalue", ""), MOST_SHOWN)
    if ename == "NotImplementedError":
        return [Mistake(name, exercise, TO_DO, "still to do")]
    if ename in ("KernelDied", "NotRun", "TimeUp"):
        return [Mistake(name, exercise, ename, evalue)]
    plain = evalue if ename in ("AssertionError", "CheckFailed") and evalue else f"{ename}: {evalue}".rstrip(": ")
    return [Mistake(name, exercise, f"{ename} in {name}", plain)]


def absent_words(module: str, students: list[str]) -> str:
    """A sentence on a module that hand-ins import and that is absent here, for the instructor."""
    many = "1 hand-in imports" if len(students) == 1 else f"{len(students)} hand-ins import"
    what = "pip install '.[usual]'" if module in USUAL else f"pip install {module}"
    return (
        f"{many} {module}, which is neither installed here nor handed in. What needs it fails; {what} and another "
        "`grade` give it what it needs."
    )
