"""The command line: one plain sentence and exit code 2 where something can't be done."""

import os
import subprocess
import sys

import nbformat
import pytest
from typer.testing import CliRunner

from autograder import cli
from autograder.solutions import solve
from helpers.errors import CourseError
from tests.autograder.conftest import SOURCE


@pytest.fixture
def run(mini, monkeypatch, capsys):
    """run(*words) is (exit code, what stderr said)."""
    monkeypatch.setenv("COURSE_ROOT", str(mini.root))
    monkeypatch.setenv("COURSE_CLASS_DIR", str(mini.class_dir))

    def call(*words):
        monkeypatch.setattr(sys, "argv", ["autograder", *map(str, words)])
        with pytest.raises(SystemExit) as left:
            cli.main()
        return left.value.code, capsys.readouterr().err

    return call


def test_mistakes_on_the_command_line(run, mini, tmp_path):
    empty = tmp_path / "empty"
    (empty / "submitted").mkdir(parents=True)
    for words, said in [
        (["release", "nope"], "There is no assignment called 'nope'"),
        (["release", "../mini"], "There is no assignment called '../mini'"),
        (["solutions", "nope"], "There is no assignment called 'nope'"),
        (["solutions"], "Name one assignment, or give --all"),
        (["solutions", "mini", "--size", "enormous"], "'enormous'"),
        (["grade", "nope"], "There is no assignment called 'nope'"),
        (["grade", "mini", "nobody"], "no submission of a student called 'nobody'"),
        (["grade", "mini", "--jobs", "0"], "--jobs must be at least 1, not 0"),
        (["grade", "mini", "--class-dir", empty], "Nothing was handed in for mini"),
        (["grade", "mini", "--class-dir", tmp_path / "missing"], "does not exist"),
        (["report", "mini", "--class-dir", tmp_path / "missing"], "does not exist"),
        (["bonus", "mini", "--class-dir", empty], "Nothing was handed in for mini"),
        (["sample", "mini", "--class-dir", empty], "There is no sample class for 'mini'"),
    ]:
        code, stderr = run(*words)
        assert code == 2, words
        assert said in stderr, words
        assert stderr.startswith("error: "), words
        assert stderr.count("\n") == 1, words
    assert sorted(p.name for p in empty.rglob("*")) == ["submitted"]
    assert not (tmp_path / "missing").exists()


def test_a_folder_that_may_not_be_written(run, mini, tmp_path, monkeypatch):
    def refused(*args, **more):
        raise PermissionError(13, "Permission denied", "/a folder")

    monkeypatch.setattr("autograder.sample.fill", refused)
    code, said = run("sample", "mini", "--class-dir", tmp_path / "class")
    assert code == 2
    assert said.startswith("error: '/a folder' may not be used (Permission denied): choose another folder")


def test_help_names_every_command():
    shown = CliRunner().invoke(cli.app, ["--help"]).output
    assert all(word in shown for word in ("release", "solutions", "grade", "bonus", "report", "sample"))


def test_solutions_keeps_outputs_and_refuses_a_failing_model(write_course):
    course = write_course(SOURCE + '\n# %%\nimport sys\nprint("seen")\nprint("50%| 3it/s", file=sys.stderr)\n')
    seen = []
    path = solve("mini", course, progress=lambda done, total: seen.append(done))
    text = path.read_text(encoding="utf-8")
    assert '"seen\\n"' in text
    assert [o.text for o in nbformat.read(path, as_version=4).cells[-1].outputs] == ["seen\n"]
    assert seen[-1] == len(seen) - 1
    failing = write_course(SOURCE.replace("return x / 2", "return x / 0"))
    with pytest.raises(CourseError, match="fails in cell 'A-half-one': ZeroDivisionError"):
        solve("mini", failing)
    assert path.read_text(encoding="utf-8") == text
    heavy = write_course(SOURCE + '\n# %%\nprint("x" * 600_000)\n')
    with pytest.raises(CourseError, match="more than 500"):
        solve("mini", heavy)
    assert path.read_text(encoding="utf-8") == text


def test_stock_commands_work(mini, tmp_path):
    """nbgrader's own commands, run in autograder/, see the class through COURSE_CLASS_DIR."""
    folder = tmp_path / "a class" / "submitted" / "zoe" / "mini"
    folder.mkdir(parents=True)
    (folder / "mini.ipynb").write_bytes((mini.submitted / "twice" / "mini" / "mini.ipynb").read_bytes())
    environment = {
        **os.environ, "COURSE_ROOT": str(mini.root), "COURSE_CLASS_DIR": str(tmp_path / "a class"),
    }  # fmt: skip
    # The mini course lies in a folder whose name nbgrader's own path patterns can't read.
    plain = tmp_path / "course"
    plain.symlink_to(mini.root)
    script = (
        "import os, sys; from nbgrader.apps.nbgraderapp import main\n"
        "from autograder.course import Course, prepare_environment; prepare_environment()\n"
        "from autograder.engine import stage; from autograder.release import generate; from pathlib import Path\n"
        "with stage() as s: generate('mini', Course(), s, Course().db_url)\n"
    )
    here = cli.__file__.rpartition(os.sep)[0]
    made = subprocess.run([sys.executable, "-c", script], env=environment, capture_output=True, text=True, check=False)
    assert made.returncode == 0, made.stderr[-2000:]
    for words in (["autograde", "mini"], ["generate_feedback", "mini"], ["export", "--to", str(tmp_path / "g.csv")]):
        done = subprocess.run(
            [sys.executable, "-m", "nbgrader", *words], env=environment, cwd=here, capture_output=True, text=True,
            check=False,
        )  # fmt: skip
        assert done.returncode == 0, done.stderr[-2000:]
    assert (tmp_path / "a class" / "feedback" / "zoe" / "mini" / "mini.html").is_file()
    assert "zoe,7.0" in (tmp_path / "g.csv").read_text(encoding="utf-8")
