"""One student's failure, anywhere on the way of a hand-in, is that student's alone, and the same on every rerun."""

from __future__ import annotations

import contextlib
import csv
import json
import os
import shutil
import socket
from pathlib import Path

import nbformat
import pytest
from conftest import mini_course
from hostile import chain
from naive import Here

from autograder import batch
from autograder.authoring import sample
from autograder.authoring.prepare import keep, prepare
from autograder.authoring.source import cells_by_id
from autograder.authoring.student import Edit, Student
from autograder.course import Course
from autograder.execution.task import Result, Task
from autograder.grade import grade
from autograder.grade import results as read_again
from autograder.parallel.executor import Answer
from autograder.parallel.parcel import unwrap, wrap
from autograder.recording import bonus
from autograder.recording.state import State
from autograder.recording.writer import Kept, Pending, Writer
from autograder.reports import class_report, results
from autograder.reports.feedback_page import page as page_module
from autograder.reports.feedback_page.outputs import FULL, PER_CELL
from autograder.reports.feedback_page.pieces import Pieces, pieces
from autograder.reports.findings import find
from autograder.sandbox import MODES, canary
from autograder.scratch import remove
from autograder.submission.intake import DEEPEST, MOST_FILES, hand_in, students
from helpers.errors import CourseError

CLASS = (
    Student("ann", "right"),
    Student("bob", "adds one", edits=(Edit("A-double", "x + x", "x + 1"),)),
    Student("cem", "no notebook", raw=b"Dear teacher"),
)
POINTS = {"ann": 7, "bob": 4, "cem": 0}
FIGURES = class_report.figures
EMOJI = 'group = [{"name": "X \\ud83d\\ude00", "did": "all"}]\nready_to_present = ["A"]'


@pytest.fixture(scope="module")
def filled(tmp_path_factory) -> Path:
    folder = tmp_path_factory.mktemp("nothing stops")
    course = mini_course(folder)
    sample.fill("mini", course, CLASS)
    prepared = prepare(course, "mini")
    keep(prepared, course)
    with Writer(course, prepared.assignment, prepared.snapshot) as writer:
        writer.record(Result("nobody", reason="only so that there is a gradebook, which takes a second to make"))
    return folder


@pytest.fixture
def course(filled, tmp_path, monkeypatch) -> Course:
    monkeypatch.setattr("autograder.batch.code_digest", lambda: "the code")
    monkeypatch.setattr(class_report, "figures", lambda found: [])  # which take longer than all else
    shutil.copytree(filled, tmp_path, dirs_exist_ok=True)
    return Course(root=tmp_path / "course", class_dir=tmp_path / "class")


def run(course, executor=None, **more):
    return grade("mini", course, executor=executor or Here(), **more)


class Nobody(Here):
    def run(self, orders):
        assert [order.key for order in orders] == []
        return iter(())


def submit(course: Course, student: str, change=None) -> Path:
    """What ann handed in, changed, as another student's; returns the folder."""
    folder = course.submitted / student / "mini"
    folder.mkdir(parents=True)
    notebook = nbformat.read(course.submitted / "ann" / "mini" / "mini.ipynb", as_version=4)
    if change is not None:
        change(cells_by_id(notebook))
    (folder / "mini.ipynb").write_text(json.dumps(notebook))
    return folder


def form(text: str):
    return lambda cells: cells["form"].update(source=text)


def told(course: Course, found) -> dict[str, tuple[float, str]]:
    """student -> (points, reason), after a look at everything that is written for a class."""
    target = class_report.write(found, course)
    target.read_bytes().decode("utf-8")
    table = list(csv.DictReader(target.with_suffix(".csv").read_bytes().decode("utf-8").splitlines()))
    assert len(table) == len(found.rows)
    for path in course.feedback.rglob("*.html"):
        path.read_bytes().decode("utf-8")
    return {row.student: (row.auto, row.reason) for row in found.rows}


def graded(course: Course) -> dict[str, tuple[float, str]]:
    """Graded, again, with --force, and read by `report`: all four say the same, and honest work has its points."""
    first = told(course, run(course))
    assert told(course, run(course, Nobody())) == first
    assert told(course, run(course, force=True)) == first
    assert told(course, read_again("mini", course)) == first
    assert {s: first[s][0] for s in POINTS} == POINTS
    assert first["cem"][1].startswith("mini.ipynb is damaged")
    return first


DIGITS = "1" * 5000
FORMS = {
    "digits": f'group = [{{"id": {DIGITS}}}]\nready_to_present = ["A"]',
    "hexadecimal": f'group = [{{"id": 0x{DIGITS}}}]\nready_to_present = ["A", 0x{DIGITS}]',
    "floats": 'group = [{"id": 1e999, 2: -1e999j}]\nready_to_present = [1e999]',
    "nested": f"group = [{{'name': {'[' * 90}{']' * 90}}}]\nready_to_present = [{'{' * 0}{'(' * 90}{')' * 90}]",
    "minus": f"group = [{{'name': {'-' * 9000}1}}]\nready_to_present = ['A']",
    "sum": f"group = [{{'name': {'1+' * 5000}1j}}]\nready_to_present = ['A']",
    "huge": f"group = [{{'name': '{'&' * 200_000}'}}]\nready_to_present = ['A']",
    "many": "group = [" + "{'name': 'n'}," * 1200 + "]\nready_to_present = [" + "'Q'," * 900 + "]",
    "kinds": "group = [{b'\\xff': {1, 2}, None: ..., 3j: True}]\nready_to_present = [b'A', {1}, None, 'B']",
    "halves": "group = [{'\\udc00': '\\ud800'}]\nready_to_present = ['\\ud800', 'A']",
    "unread": "'\\ud800",
}


def test_forms_with_whatever_python_can_write(course):
    submit(course, "emoji", form(EMOJI))
    for name, text in FORMS.items():
        submit(course, name, form(text))
    first = graded(course)
    assert {name: first[name] for name in ("emoji", *FORMS)} == dict.fromkeys(("emoji", *FORMS), (7, ""))
    rows = {row.student: row for row in read_again("mini", course).rows}
    assert (rows["emoji"].form.group, rows["emoji"].bonus) == (({"name": "X \U0001f600", "did": "all"},), 2.5)
    assert "X \U0001f600" in (course.feedback / "emoji/mini/mini.html").read_text(encoding="utf-8")
    assert rows["kinds"].bonus == 1.0
    assert "(int), which is not a part" in rows["hexadecimal"].form.fault
    assert "longer than 20,000 characters" in rows["huge"].form.fault
    for name in FORMS:
        assert rows[name].form.fault, name
        assert len(json.dumps(vars(rows[name].form))) < 10_000, name


def odd(course: Course, name: bytes) -> bytes:
    """A hand-in in a folder whose name is these bytes."""
    submit(course, "odd")
    path = os.path.join(os.fsencode(course.submitted), name)
    os.rename(course.submitted / "odd", path)
    return path


@pytest.mark.promise(
    "Names that are no text, links, pipes, folders nested beyond reason, thousands of files: what can't be taken is "
    "left out with a note."
)
def test_names_of_students_that_are_no_text_stay_two_and_stop_nobody(course):
    names = [b"caf\xe9", b"caf\xe8", "caf\ufffd".encode(), b"caf\\xe9", b"two\nlines", b"\x1b[2J", b"\xff"]
    for name in names:
        odd(course, name)
    (course.submitted / ("x" * 255)).mkdir()
    first = graded(course)
    assert len(first) == len(POINTS) + len(names) + 1
    assert first["caf\ufffd"] == first["caf\\xe9"] == (7, "")
    unread = {s: why for s, (_, why) in first.items() if "rename it" in why}
    assert set(unread) == {"caf\\xe9'", "caf\\xe8", "two\\x0alines", "\\x1b[2J", "\\xff"}
    assert first["x" * 255] == (0, "the folder is empty, nothing was handed in")
    os.rename(os.path.join(os.fsencode(course.submitted), b"caf\xe8"), course.submitted / "cafe")
    assert told(course, run(course))["cafe"] == (7, "")


@pytest.mark.promise(
    "Names that are no text, links, pipes, folders nested beyond reason, thousands of files: what can't be taken is "
    "left out with a note."
)
def test_folders_pipes_sockets_loops_and_depths_beside_the_notebook(course, monkeypatch, request):
    folders = submit(course, "folder")
    (folders / "mini.ipynb").unlink()
    (folders / "mini.ipynb").mkdir()
    (folders / "mini.ipynb" / "data.csv").write_text("1")
    inside = submit(course, "inside")
    (inside / "mini.ipynb").rename(inside / "theirs")
    (inside / "mini.ipynb").mkdir()
    (inside / "theirs").rename(inside / "mini.ipynb" / "work.ipynb")
    (inside / "mini.ipynb" / "data.csv").write_text("1")
    (inside / "numbers.csv").mkdir()
    (inside / "numbers.csv" / "mine.csv").write_text("1")
    beside = submit(course, "beside")
    os.mkfifo(beside / "pipe.csv")
    (beside / "loop").symlink_to("loop")
    (beside / "up").symlink_to("..")
    (beside / "zero.csv").symlink_to("/dev/zero")
    monkeypatch.chdir(beside)  # the path of a socket is short
    with socket.socket(socket.AF_UNIX) as plug:
        plug.bind("plug")
    for name in (b"caf\xe9.csv", b"two\nlines.csv", b"y" * 255):
        Path(os.fsdecode(name)).write_bytes(b"1")
    deep = submit(course, "deep")
    chain(deep, 1000)
    request.addfinalizer(lambda: remove(deep))
    os.link(course.submitted / "ann/mini/mini.ipynb", course.class_dir / "backup")  # so that others are looked through
    many = submit(course, "many")
    for number in range(MOST_FILES + 10):
        (many / f"{number:05d}.csv").touch()
    pipe = course.submitted / "pipe" / "mini"
    pipe.mkdir(parents=True)
    os.mkfifo(pipe / "mini.ipynb")
    (course.submitted / "root").mkdir()
    (course.submitted / "root" / "mini").symlink_to("/")
    first = graded(course)
    for student in ("inside", "beside", "deep", "many"):
        assert first[student] == (7, ""), student
    assert first["folder"] == (0, "there is no notebook in it, only data.csv")
    assert first["pipe"] == (0, "the folder is empty, nothing was handed in")
    assert first["root"] == (0, "'mini' is a link to another place, where a folder is expected")
    notes = {row.student: " ".join(row.notes) for row in read_again("mini", course).rows}
    assert "names are not UTF-8 were left out: caf\ufffd.csv." in notes["beside"]
    assert f"{DEEPEST} deep" in notes["deep"]
    assert "More than 2,000 files" in notes["many"]
    assert notes["ann"] == ""
    assert (course.autograded / "inside/mini/mini.ipynb").is_file()
    assert (course.autograded / "inside/mini/numbers.csv").read_text() == "1,2\n"
    assert sorted(p.name for p in (course.autograded / "beside/mini").iterdir())[1:] == [
        "numbers.csv", "two\nlines.csv", "y" * 255,
    ]  # fmt: skip


@pytest.mark.skipif(os.geteuid() == 0, reason="root may read everything")
def test_what_may_not_be_read_is_its_owners_loss(course):
    shut = [submit(course, student) for student in ("shut", "listed", "file", "data")]
    (shut[3] / "data.csv").touch()
    for path, mode in ((shut[0].parent, 0), (shut[1], 0o444), (shut[2] / "mini.ipynb", 0), (shut[3] / "data.csv", 0)):
        path.chmod(mode)
    try:
        first = graded(course)
    finally:
        for path in (shut[0].parent, shut[1]):
            path.chmod(0o755)
    assert first["data"] == (7, "")
    assert first["shut"][1] == "mini can't be read: Permission denied"
    unread = "there is no notebook in it that can be read. What can't be read was left out: mini.ipynb"
    assert first["listed"][1] == unread
    assert first["file"][1] == "mini.ipynb can't be read: Permission denied"


def test_a_folder_that_vanishes_in_the_middle(course, monkeypatch):
    for student in ("early", "late"):
        submit(course, student)

    class Vanishing(Here):
        def run(self, orders):
            for answer in super().run(orders):
                shutil.rmtree(course.submitted / "late", ignore_errors=True)
                yield answer

    def look(self, *given, real=batch.Batch.look):
        real(self, *given)
        shutil.rmtree(course.submitted / "early", ignore_errors=True)

    monkeypatch.setattr(batch.Batch, "look", look)
    first = told(course, run(course, Vanishing()))
    assert first["early"] == (0, "early can't be read: No such file or directory")
    assert first["late"] in {(7, ""), (0, "late can't be read: No such file or directory")}
    assert {s: first[s][0] for s in POINTS} == POINTS


STEPS = {  # what is made to fail for ann alone -> where it is called
    "print": (batch, "contents", 0),
    "intake": (batch, "hand_in", 0),
    "pack": (Task, "pack", 0),
    "keep": (Pending, "keep", 1),
    "find": (Result, "found", 0),
    "place": (Writer, "_place", 1),
    "save": (Writer, "_save", 1),
    "carry": (bonus, "carry", 0),
    "remember": (State, "remember", 1),
    "page": (page_module, "render", 0),
    "row": (batch, "row_of", 0),
    "rows": (results, "row_of", 0),
}
NOTED = ("print", "keep", "page", "row")
"""What costs no points."""


def failing(patch, step: str, times: int = 10**6) -> list[int]:
    owner, name, _ = STEPS[step]
    real, calls = getattr(owner, name), []

    def call(*given, **more):
        about = " ".join(str(getattr(g, "student", getattr(getattr(g, "result", g), "student", g))) for g in given)
        about += str(getattr(given[0], "student_id", ""))
        lost = given[2]["reason"] if step == "remember" else any(getattr(g, "reason", "") for g in given)
        if "ann" in about and len(calls) < times and not lost:
            calls.append(1)
            raise ZeroDivisionError("by nothing")
        return real(*given, **more)

    patch.setattr(owner, name, call)
    return calls


@pytest.mark.promise(
    "An error of the grader itself is told as the reason of the hand-in that met it, with its type, while everybody "
    "else gets points and pages."
)
@pytest.mark.parametrize("step", STEPS)
def test_an_error_of_ours_is_that_students_reason_and_nobody_elses(course, monkeypatch, step):
    with monkeypatch.context() as patch:
        calls = failing(patch, step)
        first = told(course, run(course))
        assert calls
        again = told(course, run(course))
        assert again == first
        forced = told(course, run(course, force=True))
        assert {s: points for s, (points, _) in forced.items()} == {s: points for s, (points, _) in first.items()}
    assert {s: first[s][0] for s in POINTS if s != "ann"} == {"bob": 4, "cem": 0}
    assert (course.feedback / "bob" / "mini" / "mini.html").is_file()
    if step in NOTED:
        assert first["ann"] == (7, "")
    else:
        assert first["ann"][0] == 0
        assert first["ann"][1].startswith("the grader met ZeroDivisionError in line ")
        assert "test_nothing_stops.py: by nothing" in first["ann"][1]
    if step in ("keep", "page", "row"):
        assert "ZeroDivisionError" in " ".join(run(course, Nobody()).rows[0].notes)
    assert told(course, run(course, force=True))["ann"] == (7, "")


@pytest.mark.parametrize(("times", "asked"), [(1, 1), (2, 2), (3, 2), (4, 2)])
def test_a_result_that_fails_twice_to_be_recorded_is_made_anew(course, monkeypatch, times, asked):
    failing(monkeypatch, "save", times)
    executor = Here()
    ann = told(course, run(course, executor))["ann"]
    assert ann == (7, "") if times < 4 else ann[1].startswith("the grader met ZeroDivisionError")
    assert executor.asked.count("ann") == asked
    assert not (course.reports / ".pending").exists()
    assert (course.autograded / "ann" / "mini").exists() == (times < 4)


def test_what_an_earlier_run_kept_and_nobody_can_record_is_made_anew(course, monkeypatch):
    whole = told(course, run(course))
    entry = json.loads((course.reports / ".mini.json").read_text())["students"]
    (course.reports / ".mini.json").unlink()
    notebook = (course.autograded / "ann" / "mini" / "mini.ipynb").read_bytes()
    unknown = {"points": {"there is none": 1.0}, "untouched": [], "fault": "", "page": None, "answers": {}}
    unknown["words"] = results.Words().plain()
    kept = {
        "ann": Result("ann", notebook=b"no notebook at all"),
        "bob": Result("bob", notebook=notebook, findings=unknown),
    }
    for student, result in kept.items():
        Pending(course, "mini").keep(Kept(result, entry[student]["fingerprint"]))
    executor = Here()
    assert told(course, run(course, executor)) == whole
    assert {"ann", "bob"} <= set(executor.asked)
    assert told(course, run(course, Nobody())) == whole


def test_faults_of_the_machine_still_end_the_run_with_their_sentence(course, monkeypatch):
    def full(*_):
        raise CourseError("A graded notebook could not be written: No space left on device.")

    with monkeypatch.context() as patch:
        patch.setattr(Writer, "_place", full)
        with pytest.raises(CourseError, match="No space left"):
            run(course)
    with monkeypatch.context() as patch:
        patch.setattr("autograder.recording.writer.load_config", lambda: 1 / 0)
        with pytest.raises(CourseError, match=r"configuration or gradebook can't be used \(ZeroDivisionError"):
            run(course)
    assert {s: points for s, (points, _) in told(course, run(course)).items()} == POINTS
    (course.class_dir / "gradebook.db").write_bytes(b"no database at all, but long enough to look at")
    with pytest.raises(CourseError, match="is no database"):
        read_again("mini", course)


def test_an_answer_that_is_none_is_its_students_alone(course):
    class Broken(Here):
        def run(self, orders):
            for answer in super().run(orders):
                if answer.key == "ann":
                    answer = type(answer)("ann", b"\0" * 40)
                if answer.key == "bob":
                    answer = type(answer)("bob", Result("ann", reason="me?").pack())
                yield answer

    first = told(course, run(course, Broken()))
    assert first["ann"][1].startswith("the grader met ParcelError")
    assert "the answer is about 'ann'" in first["bob"][1]
    assert first["cem"][1].startswith("mini.ipynb is damaged")


def test_what_travels_can_be_written_to_a_file():
    for value in ("X \ud83d\ude00", "\ud83d", "caf\udce9", ["\udc00", {"\ud800": "\udfff"}]):
        head, _ = unwrap(wrap({"value": value}))
        json.dumps(head, ensure_ascii=False).encode("utf-8")
    assert unwrap(wrap({"value": "X \ud83d\ude00"}))[0] == {"value": "X \U0001f600"}
    for value in (float("nan"), float("inf"), 10**5000):
        with pytest.raises(ValueError, match=r"JSON|digits"):
            wrap({"value": value})


def shouting(cells: int, outputs: int, text: str, source: str = "print()"):
    make = nbformat.v4
    put_out = [make.new_output("display_data", data={"text/plain": text}) for _ in range(outputs)]
    return [make.new_code_cell(f"{source}{number}", outputs=put_out) for number in range(cells)]


@pytest.mark.promise("A page holds about 20 MB, pictures included, and says what it leaves out.")
def test_a_page_holds_so_much_and_says_what_it_leaves_out(course):
    assignment = prepare(course, "mini").assignment
    notebook = nbformat.read(course.submitted / "ann/mini/mini.ipynb", as_version=4)
    notebook.cells += shouting(335, PER_CELL, "&" * 8000)
    made = pieces(notebook, assignment)
    assert len(json.dumps(made.plain())) < 10_000_000
    work = [one for cells in made.work.values() for one in cells]
    assert sum(block.words == FULL for one in work for block in one.outputs) > 100
    assert sum("&amp;" in block.html for one in work for block in one.outputs) > 50
    result = Result("ann", notebook=nbformat.writes(notebook).encode(), findings=find(notebook, assignment).plain())
    assert Result.unpack(result.pack()).found(assignment).page == made
    row = results.Row("ann", comments={"B-why": "é" * 1_000_000}, notes=["n" * 600] * 30)
    assert "988,000 characters are left out here" in page_module.render(row, made, assignment)
    assert len(page_module.render(row, made, assignment).encode()) < 10_000_000


def test_more_cells_than_a_page_holds(course):
    assignment = prepare(course, "mini").assignment
    notebook = nbformat.v4.new_notebook(cells=shouting(70, 0, "", "x = '<&>'\n" * 9000))
    made = pieces(notebook, assignment)
    (work,) = made.work.values()
    assert 1 < len(work) < 70
    assert f"{71 - len(work)} more cells are left out here" in work[-1].html
    assert Pieces.of(json.loads(json.dumps(made.plain()))) == made


def test_reports_of_long_names_and_notes_stay_small(course):
    for letter in "uvw":
        folder = submit(course, letter * 255)
        for number in range(50):
            (folder / f"{'&' * 240}{number}.py").touch()
    run(course)
    found = read_again("mini", course)
    assert class_report.write(found, course).stat().st_size < 400_000
    result = Result("x", reason="r" * 10**6, notes=["n" * 10**6] * 1000)
    assert len(result.pack()) < 30_000
    assert result.notes[-1] == "970 more notes are left out."


def test_students_names_and_what_stands_in_sentences_is_text(course):
    folder = submit(course, "eve")
    (folder / "mini.ipynb").rename(folder / os.fsdecode(b"\xff\x1b[2J\n.ipynb"))
    taken = hand_in(course, "mini", "eve")
    assert taken.file == "\ufffd .ipynb"
    assert taken.notes == ["The notebook is called '\ufffd .ipynb'; it was taken as mini.ipynb."]
    shutil.copy(course.submitted / "ann/mini/mini.ipynb", folder / "other.ipynb")
    both = hand_in(course, "mini", "eve")
    assert {both.file, *both.others} == {"\ufffd .ipynb", "other.ipynb"}
    assert students(course, "mini") == ["ann", "bob", "cem", "eve"]


def test_a_humans_hand_made_grades_that_are_no_numbers(course):
    from nbgrader.api import Gradebook

    run(course)
    with Gradebook(course.db_url) as gradebook:
        gradebook.find_grade("B-why", "mini", "mini", "ann").manual_score = float("inf")
        gradebook.find_comment("B-why", "mini", "mini", "ann").manual_comment = "\0\x1b[2J" + "&" * 300_000
        gradebook.db.commit()
    rows = {row.student: row for row in run(course, Nobody()).rows}
    assert (rows["ann"].total, rows["bob"].auto) == (7, 4)
    found = read_again("mini", course)
    told(course, found)
    assert len(FIGURES(found)) == 2


def test_pending_that_is_a_folder_or_of_another_kind_is_dropped(course):
    folder = course.reports / ".pending" / "mini"
    (folder / "a folder" / "in it").mkdir(parents=True)
    Pending(course, "mini").path("ann").write_bytes(wrap({"fingerprint": "x"}, [wrap({"notebook": 3}, [b""])]))
    assert {s: points for s, (points, _) in told(course, run(course)).items()} == POINTS
    assert not folder.exists()


def test_the_kinds_of_students_that_once_left_nobody_with_a_report_run_for_real(course):
    submit(course, "emoji", form(EMOJI))
    submit(course, "digits", form(FORMS["hexadecimal"]))
    (submit(course, "folder") / "mini.ipynb").unlink()
    (course.submitted / "folder" / "mini" / "mini.ipynb").mkdir()
    odd(course, b"caf\xe9")
    loud = submit(course, "loud") / "mini.ipynb"
    notebook = nbformat.read(loud, as_version=4)
    show = f"for _ in range({PER_CELL}):\n    display({{'text/plain': '&' * 8000}}, raw=True)"
    notebook.cells += [nbformat.v4.new_code_cell(show) for _ in range(40)]
    nbformat.write(notebook, loud)
    first = told(course, grade("mini", course, jobs=2))
    right = POINTS | {"emoji": 7, "digits": 7, "loud": 7}
    assert {s: first[s][0] for s in right} == right
    assert first["folder"][1] == "the folder is empty, nothing was handed in"
    assert "rename it" in first["caf\\xe9"][1]
    page = (course.feedback / "loud" / "mini" / "mini.html").read_text(encoding="utf-8")
    assert FULL in page
    assert len(page) < 10_000_000
    assert told(course, grade("mini", course, jobs=2)) == first


@pytest.mark.promise(
    "Before each batch a canary, a hand-in that tries to get out, is run the same way; if it gets anywhere, nothing "
    "is graded."
)
def test_where_the_sandbox_does_not_hold_nothing_is_graded(course, monkeypatch):
    """A canary that gets somewhere ends the run before anything of a student's has run."""
    from autograder.execution import work, workplace

    class Real(Here):
        def run(self, orders):
            for order in orders:
                yield Answer(order.key, work.work(Task.unpack(order.body)).pack())

    @contextlib.contextmanager
    def kernels(mode, **more):
        yield None

    ran = []
    monkeypatch.setattr("autograder.sandbox.choose", lambda *_: MODES["landlock"])
    monkeypatch.setattr("autograder.kernel.kernel.Kernels", kernels)
    monkeypatch.setattr(workplace, "workplace", workplace.Workplace())
    monkeypatch.setattr(workplace.Workplace, "kernels_of", lambda *_: ran)
    monkeypatch.setattr(workplace.Workplace, "judges_of", lambda *_: ran)
    monkeypatch.setattr("autograder.execution.execute.execute", lambda *_: ran.append("a hand-in"))
    guarded = []
    monkeypatch.setattr(canary, "verdict", lambda kernels, paths, closed: guarded.extend(paths) or ["use netlink"])
    before = (course.class_dir / "gradebook.db").read_bytes()
    with pytest.raises(CourseError, match=r"could use netlink.*Nothing was graded"):
        run(course, Real())
    assert course.class_dir / "gradebook.db" in guarded
    assert ran == []
    assert (course.class_dir / "gradebook.db").read_bytes() == before
    assert not course.autograded.exists()
