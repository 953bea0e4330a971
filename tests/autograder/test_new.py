"""A new assignment: two folders and nothing else, from the skeleton to a graded class."""

from __future__ import annotations

import csv
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from autograder.authoring.new import new
from autograder.course import REPOSITORY, Course
from helpers.errors import CourseError
from tests.autograder.test_cli import IN_TURN

SOURCE = '''
# %% [markdown] given="A-mean-text"
# ### A2. The mean (1 point, 5 min)

# %% exercise="A-mean"
def mean(x):
    """x (N, features) -> the mean of each feature"""
    ### BEGIN SOLUTION
    return x.sum(axis=0) / len(x)
    ### END SOLUTION

# %% test="A-mean-check" points=1
check.toy.mean(mean)
### BEGIN HIDDEN TESTS
check.toy.mean(mean, seed=SEED)
### END HIDDEN TESTS
'''
CHECK = '''

@check("mean", "A2")
def mean(function: Any, *, seed: int = 0) -> Iterator[str]:
    """The mean of each feature."""
    x = np.random.default_rng(seed).normal(size=(5, 3))
    seen = ask(calls, "mean", function, [(x,)], ("x",))
    wrong = [Hypothesis("wrong-axis", x.mean(axis=1), "This is the mean of each example: average over axis 0.")]
    verify(array(seen["0"], "the result of mean"), x.mean(axis=0), "the mean", wrong)
    yield "means of three features"
'''
MISTAKES = """# A-mean: wrong solutions

## wrong-axis
```diff
-    return x.sum(axis=0) / len(x)
+    return x.mean(axis=1)
```
"""
STUDENT = 'STUDENTS += (Student("dora", "the wrong axis", edits=(Edit("A-mean", "axis=0) / len(x)", "axis=1)"),)),)\n'


def add(path: Path, text: str, *changes: tuple[str, str]) -> None:
    old = path.read_text() if path.exists() else ""
    for before, after in changes:
        assert before in old
        old = old.replace(before, after)
    path.parent.mkdir(exist_ok=True)
    path.write_text(old + text)


def test_an_assignment_of_two_exercises_with_a_bank_and_a_class_touches_two_folders(tmp_path):
    for folder in ("autograder", "helpers"):
        shutil.copytree(REPOSITORY / folder, tmp_path / folder)
    env = {**os.environ, "PYTHONPATH": str(tmp_path)}

    def run(*commands: str) -> str:
        program = [sys.executable, "-c", IN_TURN, *commands]
        ran = subprocess.run(program, cwd=tmp_path, env=env, capture_output=True, text=True)
        assert ran.returncode == 0, ran.stdout + ran.stderr
        return ran.stdout

    run("new toy")
    solutions, checks = tmp_path / "solutions/toy", tmp_path / "helpers/check/toy"
    add(solutions / "toy.py", SOURCE)
    add(solutions / "assignment.toml", "", ("points = 1", "points = 2"))
    add(solutions / "mistakes/A-mean.md", MISTAKES)
    add(solutions / "class/students.py", STUDENT)
    add(checks / "__init__.py", "", ('["square"]', '["mean", "square"]'))
    add(checks / "elementwise.py", CHECK)
    where = f"--class-dir {tmp_path / 'class'}"
    told = run("release toy", "mistakes toy", f"sample toy {where}", f"grade toy {where}")
    assert "2 wrong solutions: 2 (100.0%) caught" in told
    with (tmp_path / "class/reports/toy.csv").open(newline="") as file:
        points = {row["student"]: float(row["total"]) for row in csv.DictReader(file)}
    assert points == {"ada": 2, "ben": 1, "cleo": 0, "dora": 1}


@pytest.mark.parametrize("name", ["", "Two Words", "convolution", "9lives", "../escape"])
def test_a_name_that_is_taken_or_no_name_is_refused(name):
    with pytest.raises(CourseError, match=r"can't be the name|already"):
        new(name, Course())
