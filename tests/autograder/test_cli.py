"""The command line: one plain sentence and exit code 2 where something can't be done."""

import json
import os
import shutil
import subprocess
import sys
import zipfile
from pathlib import Path

import nbformat
import pytest
from typer.testing import CliRunner

from autograder import cli
from autograder.authoring.solutions import solve
from autograder.course import REPOSITORY, Course
from helpers.errors import CourseError
from tests.autograder.conftest import SOURCE
from tests.autograder.sandboxed import ORDINARY, open_to_all


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

    monkeypatch.setattr("autograder.authoring.sample.fill", refused)
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


@pytest.mark.slow
@pytest.mark.promise("export | `reports/NAME.csv`, `nbgrader export`")
@pytest.mark.promise(
    "**nbgrader's own commands** work, too: start them in `autograder/`, where nbgrader finds its configuration, "
    "with `COURSE_CLASS_DIR=/path/to/class`."
)
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
        "from autograder.files import stage; from autograder.authoring.release import generate\n"
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


IN_TURN = """
import sys
from autograder.cli import main
for words in sys.argv[1:]:
    sys.argv = ["autograder", *words.split()]
    try:
        main()
    except SystemExit as left:
        if left.code:
            raise
"""
"""Commands one after the other in one process, which imports nbgrader once."""


@pytest.mark.promise("No command here needs root.")
@pytest.mark.promise(
    "collect | `python -m autograder collect NAME all.zip` grade | `python -m autograder grade NAME -j 4`"
)
@pytest.mark.promise("look | the table, `reports/NAME.html`, `nbgrader formgrader`")
@pytest.mark.promise("give feedback | `feedback/STUDENT/NAME/NAME.html`")
@pytest.mark.promise(
    "give each a folder of its own and name it with `--class-dir DIR`; it then holds `submitted/`, `autograded/`, "
    "`feedback/`, `reports/` and `gradebook.db`."
)
@pytest.mark.promise("shows a table (points, what went wrong in words), and writes")
@pytest.mark.promise("`feedback/STUDENT/NAME/NAME.html`, a page for each student;")
@pytest.mark.promise("In grading, the studies run at a small size (`COURSE_SIZE=quick`),")
def test_an_ordinary_user_collects_and_grades_into_a_folder_of_a_class(mini, tmp_path):
    prelude = ORDINARY if os.geteuid() == 0 else ()
    if prelude:
        open_to_all(tmp_path, 0o777)
    shutil.copytree(mini.root, tmp_path / "course")
    (tmp_path / "class").mkdir()
    for path in tmp_path.rglob("*"):
        path.chmod(0o777)
    notebook = json.loads((mini.submitted / "model" / "mini" / "mini.ipynb").read_text(encoding="utf-8"))
    cell = next(c for c in notebook["cells"] if c["metadata"].get("nbgrader", {}).get("grade_id") == "A-double")
    cell["source"] = "import os\nprint('at size', os.environ['COURSE_SIZE'])\n" + "".join(cell["source"])
    with zipfile.ZipFile(tmp_path / "all.zip", "w") as made:
        made.writestr("zoe/mini.ipynb", json.dumps(notebook))
        made.writestr("max/mini.ipynb", "Dear teacher")
    environment = {"PATH": os.defpath, "HOME": "/tmp", "COURSE_ROOT": str(tmp_path / "course"),
                   "PYTHONDONTWRITEBYTECODE": "1"}  # fmt: skip
    where = f"--class-dir {tmp_path / 'class'}"
    commands = (
        "release mini --force", f"collect mini {tmp_path / 'all.zip'} {where}", f"grade mini -j 2 {where}",
        f"report mini {where}",
    )  # fmt: skip
    done = subprocess.run(
        [*prelude, sys.executable, "-c", IN_TURN, *commands], cwd=REPOSITORY, env=environment, capture_output=True,
        text=True, check=False, timeout=120,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    told = done.stdout
    assert "2 new, 0 changed" in told
    assert "2 graded now, 0 unchanged" in told
    assert "could not be graded: max" in told
    here = tmp_path / "class"
    assert (here / "submitted" / "zoe" / "mini" / "mini.ipynb").is_file()
    assert (here / "autograded" / "zoe" / "mini" / "mini.ipynb").is_file()
    assert (here / "gradebook.db").is_file()
    assert "zoe" in (here / "reports" / "mini.html").read_text(encoding="utf-8")
    assert len((here / "reports" / "mini.csv").read_text(encoding="utf-8").splitlines()) == 3
    assert sorted(page.parts[-3] for page in here.glob("feedback/*/mini/mini.html")) == ["max", "zoe"]
    assert "at size quick" in (here / "feedback" / "zoe" / "mini" / "mini.html").read_text(encoding="utf-8")


@pytest.mark.promise("Without it, these lie in `autograder/`.")
def test_without_a_folder_a_class_lies_beside_the_configuration(monkeypatch):
    monkeypatch.delenv("COURSE_CLASS_DIR", raising=False)
    assert Course().class_dir == Path(REPOSITORY, "autograder").resolve()


@pytest.mark.promise("hand out | `make handout ASSIGNMENT=NAME`")
@pytest.mark.promise("`make grade` shows all of it on a sample class.")
@pytest.mark.promise(
    "`make attacks` tries these on this engine and on stock nbgrader, side by side ([attacks.md](attacks.md)): kind "
    "| attacks | ours: points | ours: harm | stock: points | stock: harm"
)
@pytest.mark.skipif(not shutil.which("make"), reason="make is not installed")
def test_the_verbs_of_make_are_these_commands():
    # A Python by name, so that make looks for none: test_make has it look.
    verbs = ["release", "handout", "grade", "attacks", "ASSIGNMENT=convolution", f"PYTHON={sys.executable}"]
    done = subprocess.run(["make", "-nB", *verbs], cwd=REPOSITORY, capture_output=True, text=True, check=True).stdout
    assert "python -m autograder release convolution\n" in done
    assert "python -m autograder handout convolution\n" in done
    assert "python -m autograder sample convolution --class-dir build/sample_class/convolution\n" in done
    assert "python -m autograder grade convolution --class-dir build/sample_class/convolution" in done
    assert "python -m tests.attacks --write docs/attacks.md" in done
