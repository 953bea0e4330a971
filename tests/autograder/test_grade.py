"""Grading: every hand-in gets its points or a reason, and nothing is lost."""

import csv
import json
import sqlite3

import nbformat
import pytest

from autograder import cli
from autograder.authoring import sample
from autograder.authoring.prepare import prepare
from autograder.authoring.source import cells_by_id
from autograder.authoring.student import Student
from autograder.course import Course
from autograder.grade import grade
from autograder.reports import class_report
from autograder.sandbox import MODES
from autograder.submission.best_notebook import best
from autograder.submission.intake import Ungradable, hand_in
from helpers.errors import CourseError

AUTO = {"A-double-two": 2, "A-double-hidden": 1, "A-half-one": 2, "B-hello-you": 2}
RIGHT = ["model", "warned", "twice", "deleted", "renamed", "badform", "codeform", "oldschema", '=1+1, "x"']


def csv_of(path):
    with path.open(newline="", encoding="utf-8") as file:
        return {line["student"]: line for line in csv.DictReader(file)}


def auto(row):
    return {name: row.scores[name] for name in AUTO}


@pytest.mark.promise("Warnings cost nothing.")
@pytest.mark.promise("the course, or the temporary folder, on a path with spaces or a long one | the same |")
@pytest.mark.parametrize("student", RIGHT)
def test_right_work_gets_all_points_whatever_its_looks(rows, student):
    assert auto(rows[student]) == AUTO
    assert rows[student].reason == ""


def test_wrong_work_loses_its_points_only(rows):
    assert auto(rows["wrong"]) == {**AUTO, "A-double-two": 0, "A-double-hidden": 0}
    assert "double(2) must be 4, not 3." in rows["wrong"].words
    assert rows["wrong"].wrong[0].id == "not-doubled"


def test_untouched_has_no_points_and_waits_for_nobody(rows):
    row = rows["untouched"]
    assert (row.total, row.waiting) == (0, {})
    assert row.words == (
        "Nothing was written: this is the notebook as it was handed out. Was it saved? (and 1 more)"
    )


@pytest.mark.promise("A crash,")
def test_crash_costs_one_question_and_says_why(rows):
    row = rows["crash"]
    assert auto(row) == {"A-double-two": 2, "A-double-hidden": 1, "A-half-one": 0, "B-hello-you": 2}
    assert "Python itself ended in cell 'A-half-one' (it ended itself with exit code 3)" in row.words


@pytest.mark.promise("an endless loop")
def test_endless_loop_costs_one_question(rows):
    assert auto(rows["loop"]) == {**AUTO, "A-half-one": 0}
    # The clock's limit, five times as long, comes first where a process gets less than a fifth of a core.
    assert "ran longer than 2 s" in rows["loop"].words or "the machine was so busy" in rows["loop"].words


@pytest.mark.promise("an endless loop")
def test_loop_that_ignores_interrupts_costs_one_question_too(rows):
    assert auto(rows["deaf"]) == {**AUTO, "A-half-one": 0}
    assert "could not be interrupted" in rows["deaf"].words


@pytest.mark.promise("Whoever truly can't be graded gets a sentence that says why, 0 points,")
@pytest.mark.parametrize(
    ("student", "words"),
    [
        ("damaged", "damaged"),
        ("text", "stops being a notebook in line 1"),
        ("other", "holds none of the cells"),
        ("nothing", "the folder is empty"),
        ("stray.ipynb", "it is a file"),
    ],
)
def test_what_cannot_be_graded_says_why(rows, student, words):
    row = rows[student]
    assert words in row.status
    assert row.status.startswith("could not be graded: ")
    assert (row.total, row.scores) == (0, {})


def test_notes_tell_what_was_mended(rows):
    assert "was taken as mini.ipynb" in rows["renamed"].words
    assert "'A-double-two' stood 2 times" in " ".join(rows["twice"].notes)
    assert "'A-double-two' was missing" in rows["deleted"].words


def test_nobody_is_left_without_score_or_reason(mini, graded):
    assert {r.student for r in graded.rows} == {p.name for p in mini.submitted.iterdir()}
    with sqlite3.connect(mini.class_dir / "gradebook.db") as db:
        empty = db.execute("select count(*) from grade where auto_score is null and needs_manual_grade = 0")
        assert empty.fetchone() == (0,)


@pytest.mark.promise("Discussion questions wait for a human.")
def test_answers_wait_for_a_human(rows):
    assert rows["model"].waiting == {"B-why": 3}
    assert rows["model"].status == "waiting for a human"


@pytest.mark.promise("Each rubric stands above the answer it belongs to, as a list.")
def test_rubric_is_back_and_tests_are_whole_in_the_autograded_notebook(mini, graded):
    notebook = nbformat.read(mini.autograded / "model" / "mini" / "mini.ipynb", as_version=4)
    cells = cells_by_id(notebook)
    assert "naming trust among strangers" in cells["B-text"].source
    assert "-634" in cells["A-double-hidden"].source
    assert (mini.autograded / "model" / "mini" / "numbers.csv").is_file()


def test_feedback_hides_hidden_tests(mini, graded, rows):
    for student in ("model", "wrong", "untouched"):
        page = (mini.feedback / student / "mini" / "mini.html").read_text(encoding="utf-8")
        assert "634" not in page
        assert "HIDDEN TESTS" not in page
        assert "double(1) must be 2" in page or student != "wrong"


@pytest.mark.promise("regrade | the same command again")
@pytest.mark.promise("Hand-ins that have not changed since the last time are not run again,")
@pytest.mark.promise("only that one runs.")
def test_second_run_skips_what_did_not_change(mini, graded, copy_of):
    course = copy_of(mini)
    again = grade("mini", course, timeout=1, budget=60)
    assert again.regraded == []
    assert [r.total for r in again.rows] == [r.total for r in graded.rows]
    changed = course.submitted / "text" / "mini" / "mini.ipynb"
    changed.write_bytes((course.submitted / "model" / "mini" / "mini.ipynb").read_bytes())
    third = grade("mini", course, timeout=1, budget=60)
    assert third.regraded == ["text"]
    assert {r.student: r.auto for r in third.rows}["text"] == 7
    # A later hand-in that can't be read takes the points of the earlier one away.
    changed.write_bytes(b"oh no")
    fourth = {r.student: r for r in grade("mini", course, timeout=1, budget=60).rows}
    assert (fourth["text"].total, fourth["model"].auto) == (0, 7)
    assert not (course.autograded / "text" / "mini").exists()


@pytest.mark.promise("Points and comments that a human gave stay in either case.")
@pytest.mark.promise("Then grade again: that runs nothing, and brings bonus, report, feedback and CSV up to date.")
@pytest.mark.promise("`python -m autograder report NAME` does the same alone.")
def test_a_humans_points_survive_a_regrade_and_reach_feedback(mini, graded, copy_of, monkeypatch, capsys):
    from nbgrader.api import Gradebook

    course = copy_of(mini)
    with Gradebook(course.db_url) as gradebook:
        gradebook.find_grade("B-why", "mini", "mini", "model").manual_score = 2.5
        gradebook.find_grade("B-why", "mini", "mini", "model").needs_manual_grade = False
        gradebook.find_comment("B-why", "mini", "mini", "model").manual_comment = "well put indeed"
        gradebook.db.commit()
    page = course.feedback / "model" / "mini" / "mini.html"
    monkeypatch.setattr(cli, "course_for", lambda class_dir: course)
    for count in (1, 0):
        cli.report("mini")
        assert f"feedback: {count} page" in capsys.readouterr().out
    target = course.reports / "mini.csv"
    assert csv_of(target)["model"]["bonus"] == "4.75"
    assert "well put indeed" in page.read_text(encoding="utf-8")
    target.unlink()
    with Gradebook(course.db_url) as gradebook:
        gradebook.find_comment("B-why", "mini", "mini", "model").manual_comment = "well put *indeed*"
        gradebook.db.commit()
    again = grade("mini", course, timeout=1, budget=60)
    assert again.regraded == []
    class_report.write(again, course)
    assert csv_of(target)["model"]["bonus"] == "4.75"
    row = {r.student: r for r in again.rows}["model"]
    assert (row.manual, row.bonus, row.waiting) == (2.5, (7 + 2.5) / 2, {})
    assert "well put <em>indeed</em>" in page.read_text(encoding="utf-8")
    forced = grade("mini", course, ["model"], force=True, timeout=1, budget=60)
    assert {r.student: r for r in forced.rows}["model"].manual == 2.5


def test_submissions_are_read_only_to_us(mini, graded):
    notebook = json.loads((mini.submitted / "wrong" / "mini" / "mini.ipynb").read_text(encoding="utf-8"))
    assert all(not c["outputs"] for c in notebook["cells"] if c["cell_type"] == "code")
    assert sorted(p.name for p in (mini.submitted / "renamed" / "mini").iterdir()) == ["my work (2).ipynb"]


def test_unknown_student_and_empty_class(mini, write_course):
    with pytest.raises(CourseError, match="no submission of a student called 'nobody'"):
        grade("mini", mini, ["nobody"])
    with pytest.raises(CourseError, match="Nothing was handed in for mini"):
        grade("mini", write_course())


def test_hand_in_of_notebooks_with_two_other_names(write_course, mini):
    course = write_course()
    folder = course.submitted / "x" / "mini"
    folder.mkdir(parents=True)
    for name in ("a.ipynb", "b.ipynb"):
        (folder / name).write_text("{}", encoding="utf-8")
    taken = hand_in(course, "mini", "x")
    with pytest.raises(Ungradable, match=r"^a.ipynb is no notebook: it holds no cells; b.ipynb is no notebook"):
        best({taken.file: taken.notebook, **taken.others}, prepare(mini, "mini").snapshot)


FORKS = """
def half(x):
    import os, time
    for _ in range(6):
        if not os.fork():
            held = os.urandom(1 << 20) * 100
            time.sleep(60)
    time.sleep(60)
"""
GREEDY = (
    Student("greedy", "one process takes all", replace={
        "A-half": "def half(x):\n    held = [bytearray(10 << 20) for _ in range(1000)]\n    return x / 2"}),
    Student("many", "several together do", replace={"A-half": FORKS}),
)  # fmt: skip


@pytest.mark.promise("runs every hand-in in a sandbox,")
@pytest.mark.promise(
    "or a memory blow-up costs the exercises that depend on it; the rest is graded in a fresh process,"
)
@pytest.mark.promise(
    "The class report names the modes of its hand-ins, and each autograded notebook its own, in its metadata."
)
def test_a_memory_blow_up_costs_one_question_and_the_mode_is_kept(mini, tmp_path):
    course = Course(root=mini.root, class_dir=tmp_path)
    sample.fill("mini", course, GREEDY)
    found = grade("mini", course, timeout=20, budget=60, limits={"memory_mb": 300})
    for row in found.rows:
        assert auto(row) == {**AUTO, "A-half-one": 0}, row.words
        path = course.autograded / row.student / "mini" / "mini.ipynb"
        assert nbformat.read(path, as_version=4).metadata.course["mode"] == row.mode in MODES
    assert "used more than 300 MB of memory" in found.rows[1].words
    assert f"<b>{found.rows[0].mode}</b>sandbox" in class_report.render(found, course)
