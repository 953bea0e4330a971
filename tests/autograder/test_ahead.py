"""The root is started before the command line is read, for what will be graded only, and nobody's is left behind."""

import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import pytest

from autograder import ahead

ROOT = Path(__file__).parents[2]


class Stand:
    """In place of a root; `made` are all of them."""

    def __init__(self, needs):
        self.needs, self.closed = tuple(needs), False
        self.made.append(self)

    def close(self):
        self.closed = True


@pytest.fixture
def made(tmp_path, monkeypatch):
    for name, source in {"deep": "# %%\nimport torch\n", "plain": "# %%\n"}.items():
        folder = tmp_path / "solutions" / name
        folder.mkdir(parents=True)
        (folder / f"{name}.py").write_text(source)
    monkeypatch.setenv("COURSE_ROOT", str(tmp_path))
    monkeypatch.setattr(ahead, "Root", Stand)
    monkeypatch.setattr(ahead, "_started", None)
    monkeypatch.setattr(ahead.atexit, "register", lambda function: None)
    monkeypatch.setattr(Stand, "made", [], raising=False)
    return Stand.made


@pytest.mark.parametrize("words", ["grade deep", "grade --jobs 3 deep ann", "grade --class-dir plain/x deep"])
def test_it_is_started_for_the_assignment_and_taken_once(made, words):
    ahead.start(words.split())
    assert [one.needs for one in made] == [("torch",)]
    assert ahead.root(["torch"]) is made[0]
    assert ahead.root(["torch"]) is made[1]


@pytest.mark.parametrize(
    "words",
    ["", "grade", "grade nothing", "release deep", "deep grade", "grade deep --help", "grade ../solutions/deep",
     "grade deep --scheduler tcp://here:1", "grade --scheduler=x deep"],
)  # fmt: skip
def test_it_is_not_started_for_anything_else(made, words):
    ahead.start(words.split())
    assert made == []


def test_one_that_is_warm_for_something_else_is_not_taken_and_ends(made):
    ahead.start(["grade", "plain"])
    assert ahead.root(["torch"]).needs == ("torch",)
    assert len(made) == 2
    ahead._end()
    assert made[0].closed
    assert not made[1].closed


def test_where_no_process_can_be_started_the_command_goes_on(made, monkeypatch):
    def none(needs):
        raise OSError("no process")

    monkeypatch.setattr(ahead, "Root", none)
    ahead.start(["grade", "deep"])
    monkeypatch.setattr(ahead, "Root", Stand)
    assert ahead.root(["torch"]) is made[0]


def test_a_command_that_grades_nothing_leaves_none_behind():
    with tempfile.TemporaryDirectory() as folder:
        told = subprocess.run(
            [sys.executable, "-m", "autograder", "grade", "network_from_scratch", "--nonsense"],
            cwd=ROOT, env=os.environ | {"TMPDIR": folder}, capture_output=True, text=True, timeout=60,
        )  # fmt: skip
        assert told.returncode == 2
        assert "nonsense" in told.stderr
        assert list(Path(folder).glob("course-*")) == []
        until = time.monotonic() + 60
        while any(folder in line for line in commands()) and time.monotonic() < until:
            time.sleep(0.05)
        assert not any(folder in line for line in commands())


def commands():
    for path in Path("/proc").glob("[0-9]*/cmdline"):
        try:
            yield path.read_bytes().decode(errors="replace")
        except OSError:
            continue
