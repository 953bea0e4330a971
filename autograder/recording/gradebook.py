"""The rows of a submission in nbgrader's gradebook, equal to those of its SaveAutoGrades and AssignLatePenalties."""

from __future__ import annotations

import contextlib
import json
from collections.abc import Callable, Mapping
from typing import Any

from nbformat import NotebookNode, from_dict

from ..authoring.snapshot import Snapshot, SnapshotCell
from ..authoring.source import FORM, shown
from ..reports.findings import Findings
from ..submission import nbgrader_rules as rules

Earlier = Callable[[], Mapping[str, str]]
CREATE = """create table if not exists course_answer (
    assignment varchar(128), student varchar(128), cell varchar(128), digest varchar(64),
    primary key (assignment, student, cell))"""
"""A table of ours beside nbgrader's, of what was written for each graded cell when it was recorded."""


def open_gradebook(url: str, course_id: str) -> Any:
    """nbgrader's Gradebook in one session whose methods only flush; `commit_all()` commits what they did."""
    from nbgrader.api import Gradebook

    if url.startswith("sqlite:") and "?" not in url:
        url += "?timeout=0.5"  # seconds that SQLite itself waits for a lock; record.py waits longer
    gradebook = Gradebook(url, course_id)
    gradebook.commit_all = gradebook.db.commit
    gradebook.db.commit = gradebook.db.flush
    # What was read or written stays readable after a commit; `whole` asks the database anew.
    gradebook.db().expire_on_commit = False
    return gradebook


def _held(gradebook: Any, name: str) -> Any:
    """The notebook of an assignment, kept with its cells in the session: grades and comments find theirs without a
    question. None for an assignment that is not known."""
    from nbgrader.api import MissingEntry

    held = gradebook.db().info.setdefault("held", {})
    if name not in held:
        with contextlib.suppress(MissingEntry):
            notebooks = gradebook.find_assignment(name).notebooks
            held[name] = [(n, n.grade_cells, n.solution_cells, n.task_cells) for n in notebooks]
    return next((n for n, *_ in held.get(name, ()) if n.name == name), None)


def let_go(gradebook: Any) -> None:
    """Ask anew for the cells of assignments."""
    gradebook.db().info.pop("held", None)


def whole(gradebook: Any, name: str, student: str | None = None) -> list[Any]:
    """The submissions of an assignment, or of one student, as the database has them now, with all that belongs to them.

    In four questions; left to itself nbgrader asks one for each grade, comment and cell. Keep what is returned as long
    as you use nbgrader's own methods: they find it again.
    """
    from nbgrader.api import Assignment, SubmittedAssignment, SubmittedNotebook
    from sqlalchemy.orm import selectinload

    def parts(rows: Any) -> Any:
        return selectinload(SubmittedAssignment.notebooks).selectinload(rows)

    _held(gradebook, name)
    asked = gradebook.db.query(SubmittedAssignment).join(SubmittedAssignment.assignment).filter(Assignment.name == name)
    if student is not None:
        asked = asked.filter(SubmittedAssignment.student_id == student)
    asked = asked.options(parts(SubmittedNotebook.grades), parts(SubmittedNotebook.comments))
    return list(asked.populate_existing())


def holds(gradebook: Any, snapshot: Snapshot) -> bool:
    """Whether the gradebook knows the assignment as the snapshot has it."""
    from nbgrader.api import MissingEntry

    try:
        assignment = gradebook.find_assignment(snapshot.assignment)
    except MissingEntry:
        return False
    if [n.name for n in assignment.notebooks] != [snapshot.assignment]:
        return False
    (notebook,) = assignment.notebooks
    known = [c for c in snapshot.known.values() if c.kind != FORM]
    return (
        {c.name: (c.cell_type, bool(c.locked), c.source, c.checksum) for c in notebook.source_cells}
        == {c.name: (c.cell_type, c.locked, c.source, c.checksum) for c in known}
        and {c.name: (c.max_score, c.cell_type) for c in notebook.grade_cells}
        == {c.name: (c.points, c.cell_type) for c in known if c.grade}
        and {c.name for c in notebook.solution_cells} == {c.name for c in known if c.solution}
    )


def known_to(gradebook: Any, name: str, notebook: str) -> Snapshot:
    """An assignment as far as the gradebook knows it: no free cells, no model solutions."""
    found = gradebook.find_notebook(notebook, name)
    points = {c.name: c.max_score for c in found.grade_cells}
    solutions = {c.name for c in found.solution_cells}
    cells = tuple(
        SnapshotCell(
            c.name, "", c.cell_type, c.source, shown(c.source), c.source, c.checksum or "", grade=c.name in points,
            solution=c.name in solutions, locked=bool(c.locked), points=points.get(c.name, 0.0),
        )
        for c in found.source_cells
    )  # fmt: skip
    return Snapshot(name, cells, json.loads(found.kernelspec or "{}"))


def enter(gradebook: Any, url: str, snapshot: Snapshot, config: Any) -> None:
    """Record the assignment as nbgrader's generate_assignment does.

    RuntimeError, in nbgrader's words, if cells were added or removed since the class was graded.
    """
    from nbgrader.preprocessors import SaveCells

    name = snapshot.assignment
    assignment = gradebook.update_or_create_assignment(name)
    for other in [n.name for n in assignment.notebooks if n.name != name]:
        if assignment.submissions:
            raise RuntimeError("Cannot add or remove cells: the gradebook holds another notebook of this assignment")
        gradebook.remove_notebook(other, name)
    gradebook.commit_all()
    cells = [
        from_dict({"cell_type": c.cell_type, "source": c.source, "metadata": {"nbgrader": rules.metadata(c)}})
        for c in snapshot.known.values() if c.kind != FORM
    ]  # fmt: skip
    notebook = NotebookNode(cells=cells, metadata=NotebookNode(kernelspec=NotebookNode(snapshot.kernelspec)))
    resources = {"nbgrader": {"student": ".", "assignment": name, "notebook": name, "db_url": url}}
    SaveCells(config=config).preprocess(notebook, resources)
    gradebook.db.expire_all()


def save(
    gradebook: Any, found: Findings, name: str, student: str, timestamp: Any, earlier: Earlier = dict
) -> Any:
    """Scores and comments of a graded notebook; returns nbgrader's submission.

    Manual ones stay; what has one is flagged where its answer has changed, where stock flags all. `earlier` knows the
    answers of a submission that was recorded before answers were.
    """
    gradebook.update_or_create_student(student)
    changed = changed_answers(gradebook, name, student, found.answers, earlier)
    with gradebook.db.no_autoflush:  # it would warn of what is not complete yet
        gradebook.update_or_create_submission(name, student, **({"timestamp": timestamp} if timestamp else {}))
    (submission,) = whole(gradebook, name, student)
    grades, comments = _rows(submission, name)
    for cell, comment in comments.items():
        comment.auto_comment = "No response." if cell in found.untouched else None
    for cell, points in found.points.items():
        grades[cell].auto_score = points
        by_hand = grades[cell].manual_score is not None
        grades[cell].needs_manual_grade = (
            bool(grades[cell].needs_manual_grade) or cell in changed if by_hand else points is None
        )
    return submission


def _rows(submission: Any, name: str) -> tuple[dict[str, Any], dict[str, Any]]:
    """Grades and comments by the cell's name; those that an older run did not make are made."""
    from nbgrader.api import Comment, Grade

    (kept,) = [n for n in submission.notebooks if n.name == name]
    grades = {g.name: g for g in kept.grades}
    comments = {c.name: c for c in kept.comments}
    for cell in kept.notebook.grade_cells:
        if cell.name not in grades:
            grades[cell.name] = Grade(cell_id=cell.id, notebook=kept)
    for cell in kept.notebook.solution_cells:
        if cell.name not in comments:
            comments[cell.name] = Comment(cell_id=cell.id, notebook=kept)
    return grades, comments


def late_plugin(course: Any, config: Any) -> Any:
    """nbgrader's plugin for late penalties, as it is configured."""
    from nbgrader.preprocessors import AssignLatePenalties

    assign = AssignLatePenalties(config=config)
    assign.init_plugin()
    if hasattr(assign.plugin_inst, "course"):
        assign.plugin_inst.course = course
    return assign.plugin_inst


def punish(gradebook: Any, submission: Any, plugin: Any) -> None:
    """The late penalty, by nbgrader's plugin; from nothing to the whole score."""
    (notebook,) = submission.notebooks
    notebook.late_submission_penalty = None
    late = submission.total_seconds_late
    if late <= 0:
        return
    gradebook.db.flush()
    gradebook.db.refresh(notebook, ["score"])
    penalty = plugin.late_submission_penalty(submission.student_id, notebook.score, late)
    if penalty is not None:
        notebook.late_submission_penalty = min(max(0, penalty), notebook.score)


def changed_answers(
    gradebook: Any, name: str, student: str, now: Mapping[str, str], earlier: Earlier = dict
) -> set[str]:
    """The graded cells whose answer is not the one that was recorded last, and record those that are there `now`.

    `earlier` is asked where none were recorded: by a version that did not do so.
    """
    from sqlalchemy import text

    who = {"assignment": name, "student": student}
    gradebook.db.execute(text(CREATE))
    asked = text("select cell, digest from course_answer where assignment = :assignment and student = :student")
    known: dict[str, str] = dict(gradebook.db.execute(asked, who).all())
    found = known or earlier()
    differ = {cell for cell, digest in now.items() if found.get(cell) != digest}
    if rows := [who | {"cell": cell, "digest": digest} for cell, digest in now.items() if known.get(cell) != digest]:
        write = "delete from course_answer where assignment = :assignment and student = :student and cell = :cell"
        if known:
            gradebook.db.execute(text(write), rows)
        put = "insert into course_answer values (:assignment, :student, :cell, :digest)"
        gradebook.db.execute(text(put), rows)
    return differ


def touched_by_hand(submission: Any) -> bool:
    grades = [g for n in submission.notebooks for g in n.grades]
    comments = [c for n in submission.notebooks for c in n.comments]
    return any(g.manual_score is not None for g in grades) or any(c.manual_comment for c in comments)
