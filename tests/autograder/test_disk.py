"""A disk, a database or a name that is not as it should be: one sentence, and nothing is left half-written."""

from __future__ import annotations

import csv
import errno
import io
import os
import shutil
import sqlite3
import subprocess
import sys

import pytest
from conftest import SOURCE, TOML
from naive import Here

from autograder import cli
from autograder.authoring import sample
from autograder.course import REPOSITORY, Course
from autograder.error_sentence import sentence
from autograder.execution import work
from autograder.execution.task import Task
from autograder.files import write_text
from autograder.grade import grade, results
from autograder.nbgrader_plugins import TableExporter
from autograder.reports import class_report
from helpers.errors import CourseError
from tests.autograder.test_grading_record import CLASS, course, filled, table  # noqa: F401

# ruff: noqa: F811
FULL = OSError(errno.ENOSPC, "No space left on device")


@pytest.fixture
def disk(course):
    """disk(kilobytes) puts the class onto a disk of its own size."""
    mounted = []

    def make(kilobytes: int) -> Course:
        folder = course.class_dir.with_name("disk")
        folder.mkdir()
        made = subprocess.run(["mount", "-t", "tmpfs", "-o", f"size={kilobytes}k", "tmpfs", folder], check=False)
        if made.returncode:
            pytest.skip("only root makes a disk")
        mounted.append(folder)
        shutil.copytree(course.class_dir, folder, dirs_exist_ok=True)
        return Course(root=course.root, class_dir=folder)

    yield make
    for folder in mounted:
        subprocess.run(["umount", "-l", folder], check=True)


def fill(folder) -> None:
    """Leave no room at all."""
    with open(folder / "fill", "wb", buffering=0) as file:
        try:
            while file.write(bytes(4096)):
                pass
        except OSError:
            return


def left_over(folder) -> list[str]:
    names = (path.name for path in folder.rglob("*"))
    return [name for name in names if name.endswith((".tmp", ".new", ".old", "-journal"))]


def told(function, *given, **more) -> str:
    """The sentence that the command line makes of what is raised."""
    with pytest.raises((CourseError, OSError)) as error:
        function(*given, **more)
    said = sentence(error.value)
    assert said
    assert "\n" not in said
    return said


@pytest.mark.promise("A disk that is full, or may only be read, ends a command with one sentence;")
@pytest.mark.skipif(sys.platform != "linux" or os.geteuid() != 0, reason="only root makes a disk")
def test_a_disk_that_gets_full_in_the_middle_of_a_batch(course, disk):
    whole = Course(root=course.root, class_dir=shutil.copytree(course.class_dir, course.class_dir.with_name("whole")))
    grade("mini", whole, executor=Here())
    small = disk(300)
    assert "No space left on device" in (said := told(grade, "mini", small, executor=Here())) or "full" in said
    assert left_over(small.class_dir) == []
    fill(small.class_dir)
    assert "make room" in told(grade, "mini", small, executor=Here())
    subprocess.run(["mount", "-o", "remount,size=4m", small.class_dir], check=True)
    grade("mini", small, executor=Here())
    assert table(small) == table(whole)
    assert left_over(small.class_dir) == []


@pytest.mark.promise("what was written before stays whole, and the same command goes on once that is mended.")
@pytest.mark.skipif(sys.platform != "linux" or os.geteuid() != 0, reason="only root makes a disk")
def test_a_full_and_a_read_only_disk_leave_what_was_there(disk):
    full = disk(4000)
    page = class_report.write(grade("mini", full, executor=Here()), full)
    before = {path: path.read_bytes() for path in full.class_dir.rglob("*") if path.is_file()}
    fill(full.class_dir)
    assert "mini.html' could not be written (No space left on device): make room" in told(
        lambda: class_report.write(results("mini", full), full)
    )
    assert told(grade, "mini", full, executor=Here(), force=True)
    (full.class_dir / "fill").unlink()
    subprocess.run(["mount", "-o", "remount,ro", full.class_dir], check=True)
    assert "Read-only file system" in told(grade, "mini", full, executor=Here(), force=True)
    assert "(Read-only file system)" in told(lambda: class_report.write(results("mini", full), full))
    after = {path: path.read_bytes() for path in full.class_dir.rglob("*") if path.is_file()}
    assert {path for path in before if after.get(path) != before[path]} <= {full.reports / ".mini.json"}
    assert left_over(full.class_dir) == []
    assert page.is_file()


def test_a_file_that_could_not_be_written_keeps_its_text_and_its_name_is_told(tmp_path, monkeypatch):
    path = tmp_path / "a" / "b.txt"
    write_text("first", path)

    def full(self, *given, **more):
        self.touch()
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr("pathlib.Path.write_text", full)
    said = told(write_text, "second", path)
    assert said == f"{str(path)!r} could not be written (No space left on device): make room, then do the same again."
    assert [(p.name, p.read_text()) for p in path.parent.iterdir()] == [("b.txt", "first")]
    (tmp_path / "file").touch()
    monkeypatch.undo()
    assert "stands in the place of a folder" in told(write_text, "x", tmp_path / "file" / "b.txt")


def test_pages_that_can_not_be_written_cost_no_points_and_say_why(course):
    course.feedback.write_text("a file")
    found = grade("mini", course, executor=Here())
    assert {row.student: row.auto for row in found.rows} == {"ann": 7, "bob": 4, "cem": 0, "dot": 0}
    noted = {row.student: " ".join(row.notes) for row in found.rows}
    assert "The feedback page could not be written (" in noted["ann"]
    course.feedback.unlink()
    grade("mini", course, executor=Here(), force=True)
    assert (course.feedback / "ann" / "mini" / "mini.html").is_file()


@pytest.mark.parametrize("room", [False, True])
def test_no_room_for_temporary_files_is_the_machines_fault_and_no_students(monkeypatch, room):
    def full(*given):
        raise FULL

    monkeypatch.setattr(work, "_work", full)
    if not room:
        monkeypatch.setattr("tempfile.TemporaryFile", full)
    result = work.work(Task("ann", b"", None))
    assert bool(result.fatal) is not room
    assert ("The folder for temporary files (TMPDIR, else /tmp) takes no more" in result.fatal) is not room
    assert result.reason


@pytest.mark.promise("So does a name that is none, a folder that is a file, and a gradebook that can't be read.")
def test_names_and_folders_that_are_none(course, tmp_path):
    (tmp_path / "file").touch()
    is_file = Course(root=course.root, class_dir=tmp_path / "file")
    assert told(grade, "nope", course) == "There is no assignment called 'nope' in solutions/; there is: mini."
    for function in (grade, results):
        assert f"{str(tmp_path / 'file')!r} is a file, not a folder." in told(function, "mini", is_file)
    assert "was not graded yet" in told(results, "mini", course)


def two(course) -> None:
    """A second assignment, and hand-ins of it."""
    here = course.solutions / "maxi"
    here.mkdir()
    (here / "maxi.py").write_text(SOURCE.replace("B-hello", "B-greet"), encoding="utf-8")
    (here / "assignment.toml").write_text(TOML, encoding="utf-8")
    sample.fill("maxi", course, CLASS)


@pytest.fixture
def export(course, monkeypatch, tmp_path):
    """export(…) runs the exporter of `nbgrader export` and returns what it wrote."""
    from nbgrader.api import Gradebook

    monkeypatch.setenv("COURSE_ROOT", str(course.root))
    monkeypatch.setenv("COURSE_CLASS_DIR", str(course.class_dir))

    def run(**options) -> list[dict[str, str]]:
        with Gradebook(course.db_url) as gradebook:
            TableExporter(to=str(tmp_path / "grades.csv"), **options).export(gradebook)
        return list(csv.DictReader(io.StringIO((tmp_path / "grades.csv").read_text(encoding="utf-8"))))

    return run


@pytest.mark.promise("export | `reports/NAME.csv`, `nbgrader export`")
@pytest.mark.promise("`nbgrader export` writes all assignments into one table of the same form.")
def test_several_assignments_are_one_table_with_one_header(course, export):
    two(course)
    for name in ("mini", "maxi"):
        grade(name, course, executor=Here())
    rows = export()
    assert [row["assignment"] for row in rows] == ["maxi"] * 4 + ["mini"] * 4
    assert {row["auto"] for row in rows if row["student"] == "ann"} == {"7.0"}
    ann = {row["assignment"]: row for row in rows if row["student"] == "ann"}
    assert (ann["mini"]["B-hello"], ann["mini"]["B-greet"]) == ("2.0", "")
    assert (ann["maxi"]["B-hello"], ann["maxi"]["B-greet"]) == ("", "2.0")
    assert all(None not in row and None not in row.values() for row in rows)
    assert [row["student"] for row in export(assignment=["mini"], student=["bob"])] == ["bob"]


def test_an_assignment_that_is_not_ours_or_not_graded_yet_is_left_out(course, export, caplog):
    from nbgrader.api import Gradebook

    two(course)
    grade("mini", course, executor=Here())
    with Gradebook(course.db_url) as gradebook:
        for name in ("another course's", "maxi"):
            gradebook.add_assignment(name)
    assert {row["assignment"] for row in export()} == {"mini"}
    with pytest.raises(CourseError, match="There is no assignment called \"another course's\""):
        export(assignment=["another course's"])
    with pytest.raises(CourseError, match="maxi was not graded yet"):
        export(assignment=["maxi"])
    assert {row["auto"] for row in export(student=["ann"])} == {"7.0"}  # what was there stays


@pytest.mark.parametrize("content", [
    b"no database at all, but long enough", pytest.param(b"SQLite format 3\0" + b"\7" * 4000, marks=pytest.mark.slow),
])  # fmt: skip
def test_nbgraders_own_export_of_a_damaged_gradebook(course, content):
    grade("mini", course, executor=Here())
    (course.class_dir / "gradebook.db").write_bytes(content)
    assert "restore it from a copy" in told(results, "mini", course)
    environment = os.environ | {"COURSE_ROOT": str(course.root), "COURSE_CLASS_DIR": str(course.class_dir)}
    ran = subprocess.run([sys.executable, "-m", "nbgrader", "export"], cwd=REPOSITORY / "autograder", env=environment,
                         capture_output=True, text=True, check=False)  # fmt: skip
    assert ran.returncode != 0
    assert "Traceback" not in ran.stderr
    assert "error: gradebook.db is" in ran.stderr
    assert not (REPOSITORY / "autograder" / "grades.csv").exists()


def test_a_gradebook_that_another_program_holds(course, monkeypatch):
    grade("mini", course, executor=Here())
    holder = sqlite3.connect(course.class_dir / "gradebook.db", isolation_level=None)
    holder.execute("begin exclusive")
    assert "locked by another program: close that program" in told(results, "mini", course)
    holder.execute("commit")
    assert len(results("mini", course).rows) == 4


def test_what_nobody_foresaw_keeps_its_traceback(monkeypatch, capsys):
    def broken():
        raise ZeroDivisionError("of ours")

    for error, code, words in ((broken, 1, "Traceback"), (lambda: (_ for _ in ()).throw(FULL), 2, "error: A file")):
        monkeypatch.setattr(cli, "app", error)
        with pytest.raises(SystemExit) as ended:
            cli.main()
        assert ended.value.code == code
        assert words in capsys.readouterr().err
