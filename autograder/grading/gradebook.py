"""The rows of a submission in nbgrader's gradebook, equal to those of its SaveAutoGrades and AssignLatePenalties."""

from __future__ import annotations

import contextlib
import json
from collections.abc import Iterable
from typing import Any

from nbformat import NotebookNode, from_dict

from ..source import FORM, grade_id
from . import cells as rules
from .snapshot import Snapshot, SnapshotCell


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


def _hold(gradebook: Any, name: str) -> None:
    """Keep an assignment's cells in the session: grades and comments then find theirs without a question."""
    from nbgrader.api import MissingEntry

    held = gradebook.db().info.setdefault("held", {})
    if name not in held:
        with contextlib.suppress(MissingEntry):
            held[name] = [(notebook, notebook.grade_cells) for notebook in gradebook.find_assignment(name).notebooks]


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

    _hold(gradebook, name)
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


def shown(source: str) -> str:
    """A locked cell's text as students get it: without hidden tests and rubrics."""
    kept, inside = [], False
    for line in source.splitlines():
        inside = inside or "BEGIN HIDDEN TESTS" in line or "BEGIN MARK SCHEME" in line
        if not inside:
            kept.append(line)
        inside = inside and "END HIDDEN TESTS" not in line and "END MARK SCHEME" not in line
    return "\n".join(kept)


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


def save(gradebook: Any, notebook: NotebookNode, name: str, student: str, timestamp: Any) -> Any:
    """Scores and comments of an executed notebook; returns the submission. Manual ones stay, flagged as in stock."""
    gradebook.update_or_create_student(student)
    submission = _submission(gradebook, name, student, {"timestamp": timestamp} if timestamp else {})
    grades, comments = _rows(submission, name)
    for comment in comments.values():
        comment.auto_comment = None
    for cell in notebook.cells:
        about = rules.meta(cell)
        if about.get("grade"):
            grade = grades[grade_id(cell)]
            grade.auto_score = rules.points(cell)
            grade.needs_manual_grade = grade.manual_score is not None or grade.auto_score is None
        if about.get("solution"):
            untouched = about.get("checksum") == rules.checksum(cell)
            comments[grade_id(cell)].auto_comment = "No response." if untouched else None
    return submission


def _submission(gradebook: Any, name: str, student: str, given: dict[str, Any]) -> Any:
    """The student's submission with all its rows. Those of a new one are not sent yet: with their scores they go in one
    go, and nothing need be read back."""
    from sqlalchemy.orm.attributes import set_committed_value

    _hold(gradebook, name)
    flush, gradebook.db.commit = gradebook.db.commit, lambda: None
    try:
        with gradebook.db.no_autoflush:  # it would warn of what is not complete yet
            submission = gradebook.update_or_create_submission(name, student, **given)
    finally:
        gradebook.db.commit = flush
    if submission not in gradebook.db.new:
        flush()
        return whole(gradebook, name, student)[0]
    for kept in submission.notebooks:
        cells = {cell.id: cell for cell in (*kept.notebook.grade_cells, *kept.notebook.solution_cells)}
        for row in (*kept.grades, *kept.comments):
            set_committed_value(row, "cell", cells[row.cell_id])  # as if read: its cell_id says so already
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


def touched_by_hand(submission: Any) -> bool:
    grades = [g for n in submission.notebooks for g in n.grades]
    comments = [c for n in submission.notebooks for c in n.comments]
    return any(g.manual_score is not None for g in grades) or any(c.manual_comment for c in comments)


def scores(notebook: NotebookNode, names: Iterable[str]) -> dict[str, float | None]:
    """What the test cells and answers of an executed notebook are worth, without a gradebook."""
    wanted = set(names)
    found = {grade_id(c): rules.points(c) for c in notebook.cells if rules.meta(c).get("grade")}
    return {name: value for name, value in found.items() if name in wanted}
