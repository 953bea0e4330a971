"""A course of three tiny exercises and a class that does everything wrong that a class can do."""

import copy
import functools
import os
import shutil
import sys
from pathlib import Path

import nbformat
import pytest

try:
    import resource
except ImportError:  # Windows
    resource = None

from autograder.authoring import release as release_module
from autograder.authoring import sample
from autograder.authoring.source import cells_by_id
from autograder.authoring.student import Edit, Student
from autograder.course import Course
from autograder.grade import Graded, grade
from autograder.kernel import fork_client
from autograder.kernel.fork_client import ForkServerProcess
from autograder.parallel.local_pool import Pool

TOML = """\
title = "Mini"
points = 10

[parts]
A = "Numbers"
B = "Words"
"""

SOURCE = '''\
# ---
# jupyter:
#   kernelspec:
#     display_name: Python 3
#     language: python
#     name: python3
# ---

# %% [markdown]
# # A small assignment

# %% given="setup"
from IPython.display import display


def told(name, fine, mistake, message):
    """A stand-in for helpers.check: a report with its JSON, then an error."""
    report = {"check": name, "passed": fine, "mistake": mistake, "message": message}
    display({"text/plain": message, "application/vnd.course.check+json": report}, raw=True)
    assert fine, message

# %% exercise="form"
group = [{"name": "", "id": "", "did": ""}]
ready_to_present = []

# %% test="form-check" points=0
assert isinstance(group, list), "group must be a list"

# %% [markdown] given="A-text"
# Write `double`, which returns twice its argument.

# %% exercise="A-double"
def double(x):
    """Twice x."""
    ### BEGIN SOLUTION
    sum_with_itself = x + x
    return sum_with_itself
    ### END SOLUTION

# %% test="A-double-two" points=2
told("double", double(2) == 4, "not-doubled", f"double(2) must be 4, not {double(2)!r}.")

# %% test="A-double-hidden" points=1
assert double(1) == 2, "double(1) must be 2"
### BEGIN HIDDEN TESTS
assert double(-317) == -634, "also below zero"
### END HIDDEN TESTS

# %% exercise="A-half"
def half(x):
    ### BEGIN SOLUTION
    return x / 2
    ### END SOLUTION

# %% test="A-half-one" points=2
assert half(1) == 0.5, "half(1) must be 0.5"

# %% [markdown] given="B-text"
# Why do people greet each other?
#
# === BEGIN MARK SCHEME ===
# Two points for naming trust among strangers, one for any other reason that holds water.
# === END MARK SCHEME ===

# %% [markdown] answer="B-why" points=3
# Greeting lowers the guard between two strangers before either of them has to speak first.

# %% exercise="B-hello"
def hello(name):
    ### BEGIN SOLUTION
    return f"hello {name}"
    ### END SOLUTION

# %% test="B-hello-you" points=2
assert hello("you") == "hello you", "say hello"
'''


def mini_course(folder: Path, source: str = SOURCE, toml: str | None = TOML) -> Course:
    """The small course's source in folder/course; its class is to lie in folder/class."""
    here = folder / "course" / "solutions" / "mini"
    here.mkdir(parents=True, exist_ok=True)
    (here / "mini.py").write_text(source, encoding="utf-8")
    (here / "numbers.csv").write_text("1,2\n", encoding="utf-8")
    if toml is not None:
        (here / "assignment.toml").write_text(toml, encoding="utf-8")
    return Course(root=folder / "course", class_dir=folder / "class")


class Lent:
    """An executor that goes on after its caller closes it."""

    def __init__(self, pool: Pool) -> None:
        self.run, self.hired = pool.run, pool.hired

    def close(self) -> None:
        pass


@functools.cache
def pool() -> Pool:
    """Two workers, and the fork server that they share."""
    return Pool(2, fork_server=ForkServerProcess() if sys.platform.startswith("linux") else None)


def acquire() -> fork_client.Line:
    if fork_client._server is None and pool().fork_server is not None:
        fork_client.adopt(pool().fork_server.line())
    return fork_client.acquire()


@pytest.fixture(autouse=True, scope="session")
def one_warm_process():
    """All kernels, judges and classes of this session are forked from one process, which starts when it is needed."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("autograder.grade.choose", lambda jobs: Lent(pool()))
        patch.setattr("autograder.kernel.zygote_client.acquire", acquire)
        yield
    if pool.cache_info().currsize:
        pool().close()


@pytest.fixture(scope="module")
def own_fork_server(one_warm_process):
    """For tests of the fork server itself, which end it."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("autograder.kernel.zygote_client.acquire", fork_client.acquire)
        patch.setattr(fork_client, "_server", None)
        patch.setattr(fork_client, "_users", 0)
        yield


@pytest.fixture(autouse=True)
def memory_without_limit():
    """A worker's limit of memory, where tests grade in their own process, ends with the test."""
    yield
    if resource:
        soft, hard = resource.getrlimit(resource.RLIMIT_AS)
        if soft != hard:
            resource.setrlimit(resource.RLIMIT_AS, (hard, hard))


@pytest.fixture
def write_course(tmp_path):
    """write_course(source=…, toml=…) lays a course out and returns it."""

    def write(source: str = SOURCE, toml: str | None = TOML, folder: Path = tmp_path) -> Course:
        course = mini_course(folder, source, toml)
        course.class_dir.mkdir(exist_ok=True)
        return course

    return write


def body(text: str) -> str:
    return f"def double(x):\n    {text}\n"


ALL = {"group": [{"name": "M", "id": "m", "did": "all"}], "ready_to_present": ["A", "B"]}
EVIL = "<script>alert('x')</script>"
CLASS = (
    Student("model", "everything right, both parts declared", form=ALL),
    Student("warned", "right, but warns", replace={"A-double": "import warnings, sys\n" + body(
        "warnings.warn('careful'); print('noise', file=sys.stderr); return 2 * x")}),
    Student("wrong", "adds one", edits=(Edit("A-double", "x + x", "x + 1"),),
            form={"group": [], "ready_to_present": ["A"]}),
    Student.untouched("untouched", "as released"),
    Student("crash", "ends Python", replace={"A-half": "import os\n\ndef half(x):\n    os._exit(3)"}),
    Student("loop", "never ends", replace={"A-half": "def half(x):\n    while True:\n        pass"}),
    Student("deaf", "never ends and can't be interrupted", replace={
        "A-half": "import signal\n\ndef half(x):\n"
        "    signal.pthread_sigmask(signal.SIG_BLOCK, signal.valid_signals())\n    while True:\n        pass"}),
    Student("twice", "two cells with one id", cells_copied=("A-double", "A-double-two")),
    Student("deleted", "a test cell gone", cells_removed=("A-double-two",)),
    Student("damaged", "half a file", raw=b'{"cells": [{"cell_type": "code", '),
    Student("text", "an essay", raw=b"Dear teacher,\nplease find attached"),
    Student("other", "another notebook", raw=nbformat.writes(nbformat.v4.new_notebook()).encode()),
    Student("nothing", "an empty folder", empty=True),
    Student("renamed", "another file name", filename="my work (2).ipynb"),
    Student("badform", "a form that runs code", form={"group": [], "ready_to_present": ["Z"]},
            replace={}),
    Student("codeform", "a form that computes", replace={"form": "group = []\nready_to_present = list('AB')"}),
    Student(f"evil {EVIL[:8]}", "markup in output and in the folder's name",
            replace={"A-double": body(f'return "{EVIL}"')}),
    Student("=1+1, \"x\"", "a name that spreadsheets would run"),
)  # fmt: skip


@pytest.fixture(scope="session")
def mini(tmp_path_factory) -> Course:
    """The mini course, released, with its class handed in."""
    folder = tmp_path_factory.mktemp("a mini [course] (1+1)")
    course = mini_course(folder)
    release_module.release("mini", course)
    names = [student.name.replace("/", "_") for student in CLASS]
    sample.fill("mini", course, CLASS)
    # A notebook of an older schema, and a stray file among the folders.
    old = copy.deepcopy(nbformat.read(course.submitted / "model" / "mini" / "mini.ipynb", as_version=4))
    for cell in cells_by_id(old).values():
        if "nbgrader" in cell.metadata:
            cell.metadata.nbgrader["schema_version"] = 1
            cell.metadata["tags"] = ["skip-execution"]
    (course.submitted / "oldschema" / "mini").mkdir(parents=True)
    nbformat.write(old, course.submitted / "oldschema" / "mini" / "mini.ipynb")
    (course.submitted / "stray.ipynb").write_text("{}", encoding="utf-8")
    assert len(names) == len(set(names))
    return course


@pytest.fixture(scope="session")
def graded(mini) -> Graded:
    """The class, graded once."""
    return grade("mini", mini, jobs=2, timeout=1, budget=60)


@pytest.fixture(scope="session")
def rows(graded):
    return {row.student: row for row in graded.rows}


@pytest.fixture
def copy_of(tmp_path):
    """copy_of(course) is a course that a test may change."""

    def make(course: Course) -> Course:
        shutil.copytree(course.root, tmp_path / "course")
        shutil.copytree(course.class_dir, tmp_path / "class")
        for path in (tmp_path / "class").rglob("*"):
            os.chmod(path, 0o755 if path.is_dir() else 0o644)
        return Course(root=tmp_path / "course", class_dir=tmp_path / "class")

    return make
