"""The one writer loses nothing and doubles nothing, whatever holds or stops it."""

from __future__ import annotations

import copy
import errno
import os
import shutil
import sqlite3
import stat
import threading
from pathlib import Path
from random import Random

import nbformat
import pytest
from conftest import mini_course
from naive import Here

from autograder.authoring import sample
from autograder.authoring.student import Edit, Student
from autograder.course import Course
from autograder.files import write_text
from autograder.grade import grade
from autograder.recording import gradebook as rows
from autograder.recording.writer import Pending, Writer
from autograder.submission import nbgrader_rules as rules
from helpers.errors import CourseError

CLASS = (
    Student("ann", "right"),
    Student("bob", "adds one", edits=(Edit("A-double", "x + x", "x + 1"),)),
    Student.untouched("cem", "as released"),
    Student("dot", "no notebook", raw=b"Dear teacher"),
)


@pytest.fixture(scope="module")
def filled(tmp_path_factory) -> Path:
    """A folder with the mini course and a class that handed in."""
    folder = tmp_path_factory.mktemp("record")
    sample.fill("mini", mini_course(folder), CLASS)
    return folder


@pytest.fixture
def course(filled, tmp_path, monkeypatch) -> Course:
    monkeypatch.setattr("autograder.batch.code_digest", lambda: "the code")  # nobody may edit it between two runs
    shutil.copytree(filled, tmp_path, dirs_exist_ok=True)
    return Course(root=tmp_path / "course", class_dir=tmp_path / "class")


def another(course: Course) -> Course:
    """The same class, not graded."""
    folder = course.class_dir.with_name("another")
    shutil.copytree(course.submitted, folder / "submitted")
    return Course(root=course.root, class_dir=folder)


def run(course, executor=None, **more):
    return grade("mini", course, executor=executor or Here(), **more)


def test_what_a_browser_would_run_stays_where_it_was_handed_in(course):
    for name in ("evil.html", "Evil.SVG", "words.txt"):
        (course.submitted / "ann" / "mini" / name).write_text("<script>alert(1)</script>")
    row = next(row for row in run(course).rows if row.student == "ann")
    assert {path.name for path in (course.autograded / "ann" / "mini").iterdir()} == {
        "mini.ipynb", "numbers.csv", "words.txt"
    }  # fmt: skip
    assert [note.split()[0] for note in row.notes if "a browser could run" in note] == ["Evil.SVG", "evil.html"]


def table(course: Course) -> dict:
    """student -> cell -> what the gradebook holds, without its random ids."""
    with sqlite3.connect(course.class_dir / "gradebook.db") as db:
        found = db.execute(
            "select a.student_id, b.name, g.auto_score, g.manual_score, g.needs_manual_grade, g.extra_credit "
            "from grade g join base_cell b on g.cell_id = b.id join submitted_notebook n on g.notebook_id = n.id "
            "join submitted_assignment a on n.assignment_id = a.id order by 1, 2"
        ).fetchall()
    assert len({row[:2] for row in found}) == len(found)
    return {row[:2]: row[2:] for row in found}


def points(course):
    return {r.student: (r.auto, r.reason) for r in run(course, Nobody()).rows}


class Nobody(Here):
    """An executor that must not be asked."""

    def run(self, orders):
        assert [order.key for order in orders] == []
        return iter(())


def test_scores_and_files_do_not_depend_on_the_order_of_results(course):
    run(course)
    other = another(course)
    run(other, Here(reverse=True))
    assert table(course) == table(other)
    for student in ("ann", "bob", "cem"):
        mine, theirs = (c.autograded / student / "mini" / "mini.ipynb" for c in (course, other))
        assert mine.read_bytes() == theirs.read_bytes()
        assert {stat.S_IMODE(p.stat().st_mode) for p in mine.parent.iterdir()} == {0o444}
        assert (mine.parent / "numbers.csv").read_text() == "1,2\n"


def test_a_page_that_can_not_be_made_costs_no_points(course, monkeypatch):
    def broken(*_):
        raise ZeroDivisionError

    run(course)
    other = another(course)
    monkeypatch.setattr("autograder.reports.findings.pieces", broken)
    told = run(other)
    assert table(other) == table(course)
    told = {row.student for row in told.rows if "could not be written (ZeroDivisionError)" in " ".join(row.notes)}
    assert told == {"ann", "bob", "cem"}
    assert [path.parts[-3] for path in other.feedback.rglob("*.html")] == ["dot"]  # who can't be graded reads why


def test_one_commit_a_submission(course, monkeypatch):
    commits = []
    opened = rows.open_gradebook

    def counted(*given):
        gradebook = opened(*given)
        commit = gradebook.commit_all
        gradebook.commit_all = lambda: (commits.append(1), commit())
        return gradebook

    run(course, only=["ann"])
    monkeypatch.setattr(rows, "open_gradebook", counted)
    run(course)
    assert len(commits) == 3


@pytest.mark.promise("While another program holds the gradebook, grading waits up to a minute,")
def test_a_locked_gradebook_is_waited_for(course, monkeypatch):
    run(course, only=["ann"])
    holder = sqlite3.connect(course.class_dir / "gradebook.db", isolation_level=None)
    holder.execute("begin exclusive")
    tried = []
    monkeypatch.setattr("autograder.recording.writer.time.sleep",
                        lambda _: (tried.append(1), holder.execute("commit") if len(tried) == 2 else None))  # fmt: skip
    run(course, patience=30)
    assert len(tried) == 2
    assert {r.student: r.auto for r in run(course, Nobody()).rows} == {"ann": 7, "bob": 4, "cem": 0, "dot": 0}


@pytest.mark.promise("then says so; what was graded meanwhile is kept and recorded by the next run.")
def test_a_gradebook_that_stays_locked_costs_no_work(course):
    run(course, only=["ann"])
    before = table(course)
    holder = sqlite3.connect(course.class_dir / "gradebook.db", isolation_level=None)
    holder.execute("begin exclusive")
    with pytest.raises(CourseError, match=r"locked by another program for 0.1 s: close that program and grade again"):
        run(course, patience=0.1)
    holder.execute("commit")
    assert table(course) == before
    assert len(list(Pending(course, "mini"))) == 3
    later = run(course, Nobody())
    assert later.regraded == ["bob", "cem", "dot"]
    assert {r.student: r.auto for r in later.rows} == {"ann": 7, "bob": 4, "cem": 0, "dot": 0}
    assert not (course.reports / ".pending").exists()
    assert run(course, Nobody()).regraded == []


def test_what_waits_is_graded_anew_if_it_was_handed_in_again_or_by_force(course):
    with pytest.raises(KeyboardInterrupt):
        killed(course, "record", after=1)
    write_text((course.submitted / "ann/mini/mini.ipynb").read_text() + "\n", course.submitted / "ann/mini/mini.ipynb")
    executor = Here()
    run(course, executor)
    assert "ann" in executor.asked
    forced = Here()
    run(course, forced, force=True)
    assert set(forced.asked) >= {"ann", "bob", "cem"}


def killed(course, where, after):
    """Run until something is called for the time after `after`, and stop there as kill -9 would."""
    monkeypatch = pytest.MonkeyPatch()
    target = {"keep": (Pending, "keep"), "record": (Writer, "record"), "place": (Writer, "_place"),
              "save": (Writer, "_save"), "forget": (Pending, "forget")}[where]  # fmt: skip
    real, calls = getattr(*target), []

    def stop(*given):
        calls.append(1)
        if len(calls) > after:
            raise KeyboardInterrupt
        return real(*given)

    monkeypatch.setattr(*target, stop)
    monkeypatch.setattr("autograder.batch.Batch.save", lambda self: None)
    try:
        run(course)
    finally:
        monkeypatch.undo()


@pytest.mark.promise(
    "so the same command goes on after Ctrl-C, a power cut or `kill -9`: nothing is lost and nothing is counted "
    "twice."
)
@pytest.mark.parametrize("where", ["keep", "record", "place", "save"])
@pytest.mark.parametrize("after", [0, pytest.param(2, marks=pytest.mark.slow)])
def test_killed_anywhere_and_run_again_nothing_is_lost_or_doubled(course, where, after):
    whole = another(course)
    run(whole)
    with pytest.raises(KeyboardInterrupt):
        killed(course, where, after)
    kept = {k.result.student for k in Pending(course, "mini")}
    executor = Here()
    found = run(course, executor)
    assert not kept & set(executor.asked)
    assert table(course) == table(whole)
    assert [r.total for r in found.rows] == [r.total for r in run(whole, Nobody()).rows]
    assert run(course, Nobody()).regraded == []
    assert [p.name for p in (course.autograded / "ann").iterdir()] == ["mini"]


def test_results_that_come_while_nbgrader_is_imported_are_shown_kept_and_recorded(course, monkeypatch):
    run(course)  # the model solution has had its points, so nbgrader need not be there at once
    before, imported, shown, recorded = table(course), threading.Event(), [], []
    record = Writer.record

    def told(result, done, total):
        assert result.student in {kept.result.student for kept in Pending(course, "mini")}
        shown.append(result.student)
        if done == total:
            imported.set()

    def noted(writer, result, found):
        recorded.append((result.student, len(shown)))
        return record(writer, result, found)

    monkeypatch.setattr("autograder.batch._import_nbgrader", lambda executor: imported.wait())
    monkeypatch.setattr(Writer, "record", noted)
    run(course, force=True, told=told)
    assert recorded == [(student, len(CLASS)) for student in shown]
    assert table(course) == before
    assert not list(Pending(course, "mini"))


def test_stopped_while_nbgrader_is_imported_nothing_is_graded_twice(course, monkeypatch):
    run(course)
    before, never = table(course), threading.Event()
    with monkeypatch.context() as patch:
        patch.setattr("autograder.batch._import_nbgrader", lambda executor: never.wait())
        with pytest.raises(KeyboardInterrupt):
            run(course, Here(most=2), force=True)
    never.set()
    assert len(list(Pending(course, "mini"))) == 2
    run(course, Nobody())
    assert table(course) == before
    assert not list(Pending(course, "mini"))


def test_half_written_and_foreign_files_among_the_kept_results_are_dropped(course):
    folder = course.reports / ".pending" / "mini"
    folder.mkdir(parents=True)
    for name, content in (("a" * 32, b""), ("b" * 32, b"\0" * 100), (f"{'c' * 32}.123", b"half")):
        (folder / name).write_bytes(content)
    assert {r.student: r.auto for r in run(course).rows} == {"ann": 7, "bob": 4, "cem": 0, "dot": 0}
    assert not folder.exists()


@pytest.mark.parametrize(
    ("content", "words"),
    [(b"no database at all, but long enough to look at", "is no database"), (b"SQLite format 3\0" + b"\7" * 4000, "")],
)
def test_a_damaged_gradebook_is_told_in_a_sentence(course, content, words):
    (course.class_dir / "gradebook.db").write_bytes(content)
    with pytest.raises(CourseError, match=rf"{words}.*restore it from a copy.*reports/.pending"):
        run(course)
    assert (course.class_dir / "gradebook.db").read_bytes() == content
    (course.class_dir / "gradebook.db").unlink()
    assert run(course, Nobody()).regraded == ["ann", "bob", "cem", "dot"]


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write everything")
def test_a_gradebook_that_may_not_be_written(course):
    run(course, only=["ann"])
    (course.class_dir / "gradebook.db").chmod(0o444)
    with pytest.raises(CourseError, match="can't be written: give yourself the right"):
        run(course)


def test_a_full_disk_is_told_in_a_sentence(course, monkeypatch):
    def full(self, data):
        raise OSError(errno.ENOSPC, "No space left on device", str(self))

    run(course, only=["ann"])
    with monkeypatch.context() as patch:
        patch.setattr("pathlib.Path.write_bytes", full)
        with pytest.raises(CourseError, match=r"could not be written: No space left on device.*grade again"):
            run(course)
    assert {r.student: r.auto for r in run(course).rows}["bob"] == 4


def test_the_assignments_cells_may_not_change_under_a_graded_class(course):
    run(course)
    source = course.source("mini")
    source.write_text(source.read_text() + '\n# %% test="B-more" points=0\nassert True\n')
    with pytest.raises(CourseError, match="are not those that this class was first graded with"):
        run(course)


@pytest.mark.promise("every hand-in runs again because its source changed, and manual points stay.")
def test_another_text_of_a_test_is_entered_into_the_gradebook(course):
    run(course)
    source = course.source("mini")
    source.write_text(source.read_text().replace('"half(1) must be 0.5"', '"half(1) is a half"'))
    with sqlite3.connect(course.class_dir / "gradebook.db") as db:
        answer = "select id from base_cell where name = 'B-why'"
        db.execute(f"update grade set manual_score = 1.5 where cell_id in ({answer})")
    again = run(course)
    assert again.regraded == ["ann", "bob", "cem", "dot"]
    assert {row.student: row.manual for row in again.rows} == {"ann": 1.5, "bob": 1.5, "cem": 1.5, "dot": 0}
    with sqlite3.connect(course.class_dir / "gradebook.db") as db:
        assert db.execute("select count(*) from source_cell where source like '%is a half%'").fetchone() == (1,)


def outputs(rng: Random):
    make = nbformat.v4.new_output
    text = rng.choice(["1.0", "0.25", "-1", "nan", "None", "'x'", "", ["0.5"], ["1", "2"], "2"])
    return [
        rng.choice([make("stream", text="a"), make("stream", name="stderr", text="b"), make("error", ename="E"),
                    make("display_data", data={"text/plain": "3"}), make("execute_result", data={"text/plain": text})])
        for _ in range(rng.randrange(3))
    ]  # fmt: skip


def test_points_and_checksums_are_nbgraders_own():
    from nbgrader.utils import compute_checksum, determine_grade

    rng, compared = Random(0), 0
    for _ in range(600):
        kind = rng.choice(["code", "markdown"])
        cell = getattr(nbformat.v4, f"new_{kind}_cell")(rng.choice(["", "x = 1", "é\n"]))
        cell.metadata.nbgrader = nbformat.from_dict({
            "grade": True, "solution": rng.random() < 0.3, "locked": rng.random() < 0.5, "grade_id": "a", "points": 2,
        })  # fmt: skip
        if kind == "code":
            cell.outputs = outputs(rng)
        assert rules.checksum(cell) == compute_checksum(cell)
        cell.metadata.nbgrader.checksum = rng.choice([compute_checksum(cell), "0" * 32])
        try:
            expected = determine_grade(cell)[0]
        except (ValueError, KeyError):
            continue  # stock stops the whole batch; ours gives the points
        shown = next((o.data["text/plain"] for o in cell.get("outputs", []) if o.output_type == "execute_result"), "")
        if shown in ("-1", "nan"):
            continue  # stock gives all points
        compared += 1
        assert rules.points(cell) == expected
    assert compared > 400


VALUES = {
    "0.5": 0.5, "2": 2, "0": 0, "-0.0": 0, "1e-3": 0.001, "3": 2, "1" + "0" * 400: 2, " 1 ": 1, "1_0": 2, "١": 1,
    "nan": 0, "-nan": 0, "inf": 0, "-inf": 0, "Infinity": 0, "1e400": 0, "-1e400": 0, "-1": 0, "-1e-9": 0, "NaN": 0,
    "-1" + "0" * 400: 0, "np.float64(nan)": 0, "np.float32(-1.0)": 0, "np.int64(-3)": 0, "tensor(nan)": 0,
    "array(-1.)": 0, "tensor(-inf, dtype=torch.float64)": 0, "tensor(0.5, dtype=torch.float64)": 0.5,
    "np.float64(0.0)": 0, "np.float64(0.5)": 0.5, "array(1., dtype=float32)": 1,
    "tensor(-1., device='cuda:0')": 0, "np.int64(7)": 2,
    "True": 2, "False": 2, "np.True_": 2, "None": 2, "'-1'": 2, "'nan'": 2, "[-1]": 2, "(-1,)": 2, "": 2, "nan+0j": 2,
    "<Result object>": 2, "array([-1.])": 2, "-": 2, "1/2": 2, "\ud800": 2,
}  # fmt: skip
"""What a test cell of two points shows as its value, and what that gives: text that tells no number gives all points,
as with stock nbgrader, and so does what stock stops the batch at."""


@pytest.mark.promise(
    "A test cell that passes gives all its points; one that shows a number gives that many, none where it is "
    "negative or not finite, and never more than all."
)
@pytest.mark.parametrize("listed", [False, True])
@pytest.mark.parametrize("shown", VALUES)
def test_a_value_gives_points_only_where_it_is_a_finite_number_from_0_up(shown, listed):
    """By our rule, and by nbgrader's own once the engine has settled the cell."""
    from nbgrader.utils import determine_grade

    cell = nbformat.v4.new_code_cell("x", metadata={"nbgrader": {"grade": True, "points": 2, "grade_id": "a"}})
    data = {"text/plain": [shown] if listed else shown}
    cell.outputs = [nbformat.v4.new_output("stream", text="a"), nbformat.v4.new_output("execute_result", data=data)]
    assert rules.points(cell) == VALUES[shown]
    rules.settle(cell)
    once = copy.deepcopy(cell)
    rules.settle(cell)
    assert cell == once
    assert rules.points(cell) == VALUES[shown]
    if shown:  # stock stops at a result without text
        assert determine_grade(cell)[0] == VALUES[shown]
