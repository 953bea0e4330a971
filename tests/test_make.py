"""What `make` does with this machine's Pythons, and with one sample class after the other."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from autograder.authoring.sample import fill
from autograder.authoring.student import Student
from autograder.course import Course

ROOT = Path(__file__).parents[1]
pytestmark = pytest.mark.skipif(not shutil.which("make"), reason="make is not installed")


def make(*arguments: str, **more) -> subprocess.CompletedProcess:
    return subprocess.run([shutil.which("make"), *arguments], capture_output=True, text=True, **more)


def sample_class(name: str) -> str:
    said = make("-nB", "grade", f"ASSIGNMENT={name}", f"PYTHON={sys.executable}", cwd=ROOT, check=True).stdout
    folders = re.findall(rf"autograder (?:sample|grade) {name} --class-dir (\S+)", said)
    assert len(folders) == 2
    assert folders[0] == folders[1]
    return folders[0]


def test_sample_classes_come_in_any_order_and_again(tmp_path):
    """`make grade` of one assignment, then of another: each has its own class of other students."""
    folders = {name: sample_class(name) for name in ("network_from_scratch", "cudnn_reading")}
    for name in [*folders, *reversed(folders)]:
        course = Course(class_dir=tmp_path / folders[name])
        assert fill(name, course, [Student(f"of-{name}", "", empty=True)]) == [course.submitted / f"of-{name}" / name]


@pytest.fixture
def bare(tmp_path):
    """A course without an environment, and a folder that is the whole PATH: stand-ins for Pythons note the call."""
    course, programs = tmp_path / "course", tmp_path / "bin"
    course.mkdir()
    programs.mkdir()
    shutil.copy(ROOT / "Makefile", course)
    for name in ("requirements.lock", "pyproject.toml"):
        (course / name).write_text("")
    for name in ("sh", "bash", "test", "touch", "echo"):
        if found := shutil.which(name):
            (programs / name).symlink_to(found)

    def python(name: str, version: str = "", without: str = "") -> None:
        """`version`: what it says it is; without: a module that it lacks. "": a name that answers with an error."""
        path = programs / name
        numbers = tuple(map(int, version.split("."))) if version else ()
        real = f"import sys; sys.version_info = {numbers}" if version else "raise SystemExit(127)"
        lacks = f"; sys.modules[{without!r}] = None" if without else ""
        path.write_text(
            f'#!/bin/sh\nif [ "$1" = -c ]; then exec {sys.executable} -c "{real}{lacks}; $2"; fi\n'
            'echo "$0 $@" >> made\nexit 9\n'
        )
        path.chmod(0o755)

    def run(*arguments: str) -> tuple[str, str]:
        """What was said, and the command that would have made the environment."""
        made = course / "made"
        made.unlink(missing_ok=True)
        done = make(".venv/.ready", *arguments, cwd=course, env={"PATH": str(programs), "HOME": str(tmp_path)})
        assert done.returncode
        return done.stdout, Path(made.read_text().split()[0]).name if made.exists() else ""

    return python, run


def test_the_first_python_that_serves_is_taken(bare):
    python, run = bare
    python("python3", "3.12.3")
    assert run()[1] == "python3"
    python("python3.13", "3.13.0")
    assert run()[1] == "python3.13"
    python("python3.11", "")  # a name without a Python behind it, as version managers leave them
    assert run()[1] == "python3.13"
    python("python3.12", "3.12.3", without="ensurepip")
    assert run()[1] == "python3.13"
    python("python3.11", "3.11.2")
    assert run()[1] == "python3.11"
    assert run("PYTHON=python3.13")[1] == "python3.13"


def test_no_python_that_serves_is_said_in_a_sentence(bare):
    python, run = bare
    sentence = "No Python here serves: it takes 3.11 or newer with venv and ensurepip"
    assert run()[0].startswith(sentence)
    python("python3", "3.9.2")
    assert run()[0].startswith(sentence)
    python("python3.12", "3.12.3", without="ensurepip")
    said, made = run()
    assert said.startswith(sentence)
    assert not made
    assert run("PYTHON=python3")[0].startswith(sentence)


@pytest.mark.skipif(os.name == "nt", reason="the grading kernel needs Linux or macOS")
def test_a_cell_finds_an_event_loop_where_none_was_made():
    """From Python 3.14 on, `asyncio.get_event_loop` makes none."""
    code = (
        "import asyncio, tempfile; from pathlib import Path; from autograder.kernel.shell import CourseShell\n"
        "asyncio.set_event_loop(None)\n"
        "shell = CourseShell.make(Path(tempfile.mkdtemp()))\n"
        "first = shell.run_one('import asyncio; await asyncio.sleep(0)')\n"
        "again = shell.run_one('loop = asyncio.get_running_loop()')\n"
        "import sys; sys.__stdout__.write(f'{first} {again}')"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, cwd=ROOT)
    assert done.stdout.endswith("(True, 1) (True, 2)"), done.stdout + done.stderr
