"""kill -9 at any moment and the same command again: nothing lost or doubled; the same scores whoever does the work."""

import contextlib
import json
import os
import random
import re
import shutil
import signal
import sqlite3
import subprocess
import sys
import time
from dataclasses import replace

import nbformat
import pytest

from autograder.authoring.sample import fill
from autograder.authoring.student import Edit, Student
from autograder.grade import grade
from autograder.parallel.local_pool import Pool
from tests.autograder.test_parallel_local_pool import ROOT, left_of
from tests.bench.watched_run import tree

CRASH = "import os\n\ndef half(x):\n    os._exit(3)"
PEOPLE = (
    *(Student(f"right{i}", "right") for i in range(2)),
    Student("wrong", "adds one", edits=(Edit("A-double", "x + x", "x + 1"),)),
    Student("crash", "ends Python", replace={"A-half": CRASH}),
    Student("damaged", "half a file", raw=b'{"cells": [{"cell_type": "code", '),
    Student("empty", "an empty folder", empty=True),
)
GRADES = """
    select s.student_id, g.name, gr.auto_score, gr.manual_score, gr.extra_credit, gr.needs_manual_grade
    from grade gr join submitted_notebook n on gr.notebook_id = n.id
    join submitted_assignment s on n.assignment_id = s.id join base_cell g on gr.cell_id = g.id order by 1, 2
"""
COMMENTS = """
    select s.student_id, g.name, c.auto_comment, c.manual_comment
    from comment c join submitted_notebook n on c.notebook_id = n.id
    join submitted_assignment s on n.assignment_id = s.id join base_cell g on c.cell_id = g.id order by 1, 2
"""


class Class:
    """A class folder of the mini course, graded by the command line in a process of its own."""

    def __init__(self, course, folder):
        self.course, self.folder = course, folder

    def hand_in(self, people):
        fill("mini", replace(self.course, class_dir=self.folder), people)
        return self

    def start(self, *options):
        command = [sys.executable, "-m", "autograder", "grade", "mini", "--class-dir", str(self.folder)]
        return subprocess.Popen(
            [*command, "--timeout", "3", *options], cwd=ROOT, env=os.environ | {"COURSE_ROOT": str(self.course.root)},
            text=True, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, start_new_session=True,
        )  # fmt: skip

    def run(self, *options):
        process = self.start(*options)
        text, _ = process.communicate(timeout=240)
        assert process.returncode == 0, text
        return text

    def run_here(self, **options):
        """Who is graded, by the warm process of this session."""
        return grade("mini", replace(self.course, class_dir=self.folder), timeout=3, **options).regraded

    def until(self, process, count):
        """Wait until so many hand-ins are recorded, or the process has ended."""
        while process.poll() is None and len(list(self.folder.glob("autograded/*/mini/mini.ipynb"))) < count:
            time.sleep(0.02)

    def found(self):
        """All that grading leaves: grades, comments, late penalties, notebooks."""
        with sqlite3.connect(self.folder / "gradebook.db") as db:
            rows = {"grades": db.execute(GRADES).fetchall(), "comments": db.execute(COMMENTS).fetchall()}
            doubled = db.execute(
                "select student_id, count(*) from submitted_assignment group by 1 having count(*) > 1"
            ).fetchall()
            assert doubled == []
        for path in sorted((self.folder / "autograded").glob("*/mini/mini.ipynb")):
            notebook = nbformat.read(path, as_version=4)
            told = json.dumps([(c.source, c.get("outputs")) for c in notebook.cells])
            rows[path.parts[-3]] = re.sub(r"ipykernel_\d+", "ipykernel", told)  # a cell's file names its process
        return rows

    def names(self, room):
        return sorted(str(p.relative_to(self.folder)) for p in (self.folder / room).rglob("*"))


def pages(graded):
    found = {p.parts[-3]: p.read_text(encoding="utf-8") for p in graded.folder.glob("feedback/*/mini/*.html")}
    assert len(found) == len(PEOPLE)
    return found


@pytest.fixture(scope="module")
def make_class(mini, tmp_path_factory):
    def make(label, people=PEOPLE):
        return Class(mini, tmp_path_factory.mktemp(label)).hand_in(people)

    return make


@pytest.fixture(scope="module")
def undisturbed(make_class):
    made = make_class("undisturbed")
    assert len(made.run_here()) == len(PEOPLE)
    return made


@pytest.mark.promise(
    "so the same command goes on after Ctrl-C, a power cut or `kill -9`: nothing is lost and nothing is counted "
    "twice."
)
def test_killed_again_and_again_nothing_is_lost_or_doubled(undisturbed, make_class):
    killed, moments = make_class("killed"), random.Random(41)
    for _ in range(int(os.environ.get("COURSE_KILLS", 1))):
        process = killed.start("-j", "2")
        killed.until(process, moments.randrange(len(PEOPLE) - 1))
        time.sleep(moments.uniform(0, 0.2))
        family = tree(process.pid)
        os.kill(process.pid, signal.SIGKILL)
        process.communicate()
        assert left_of(family) == []
    killed.run_here()
    assert killed.found() == undisturbed.found()
    assert killed.names("autograded") == undisturbed.names("autograded")
    assert killed.names("feedback") == undisturbed.names("feedback")
    assert killed.run_here() == []
    assert not list((killed.folder / "reports" / ".pending").rglob("*.ipynb"))


@pytest.mark.promise(
    "so the same command goes on after Ctrl-C, a power cut or `kill -9`: nothing is lost and nothing is counted "
    "twice."
)
@pytest.mark.slow
def test_ctrl_c_stops_and_the_rest_is_done_later(undisturbed, make_class):
    stopped = make_class("stopped")
    process = stopped.start("-j", "2")
    stopped.until(process, 4)
    family = tree(process.pid)
    process.send_signal(signal.SIGINT)
    text, _ = process.communicate(timeout=60)
    assert left_of(family) == []
    assert process.returncode == 130, text
    assert "the same command goes on with the rest" in text
    stopped.run("-j", "2")
    assert stopped.found() == undisturbed.found()


@pytest.mark.promise("`--force` runs all of them again. Points and comments that a human gave stay in either case.")
def test_force_grades_everybody_again_and_keeps_what_a_human_gave(undisturbed, make_class):
    from nbgrader.api import Gradebook

    forced = make_class("forced")
    shutil.copytree(undisturbed.folder, forced.folder, dirs_exist_ok=True)
    with Gradebook(f"sqlite:///{forced.folder / 'gradebook.db'}") as gradebook:
        grade = gradebook.find_grade("B-why", "mini", "mini", "right0")
        grade.manual_score, grade.needs_manual_grade = 1.5, False
        gradebook.find_grade("A-half-one", "mini", "mini", "wrong").extra_credit = 0.25
        gradebook.find_comment("B-why", "mini", "mini", "right0").manual_comment = "well said"
        gradebook.db.commit()
    before = {p: p.stat().st_mtime_ns for p in forced.folder.glob("autograded/*/mini/mini.ipynb")}
    assert len(forced.run_here(force=True)) == len(PEOPLE)
    after = {p: p.stat().st_mtime_ns for p in forced.folder.glob("autograded/*/mini/mini.ipynb")}
    assert before.keys() == after.keys()
    assert all(after[p] > before[p] for p in before)
    found = forced.found()
    kept = {(s, name): (manual, extra) for s, name, _, manual, extra, _ in found["grades"]}
    assert kept["right0", "B-why"][0] == 1.5
    assert kept["wrong", "A-half-one"][1] == 0.25
    assert ("right0", "B-why", None, "well said") in found["comments"]


@pytest.mark.promise("Points don't depend on it.")
def test_the_same_scores_with_one_worker(undisturbed, make_class):
    alone = make_class("alone")
    with contextlib.closing(Pool(1)) as one:
        alone.run_here(executor=one)
    assert alone.found() == undisturbed.found()
    assert pages(alone) == pages(undisturbed)


@pytest.mark.promise("Points don't depend on it.")
@pytest.mark.slow
def test_the_same_scores_from_a_cluster(undisturbed, make_class, tmp_path):
    pytest.importorskip("distributed", reason="Dask is not installed (pip install -r requirements.lock)")
    from autograder.parallel import dask_worker
    from tests.autograder.test_parallel_dask import Cluster

    dask_worker.code_print.cache_clear()
    (tmp_path / "dask").mkdir()
    cluster = Cluster(tmp_path / "dask", 2)
    try:
        far = make_class("far")
        text = far.run("--scheduler", str(cluster.file))
        assert f"{len(PEOPLE)} graded now" in text
        assert far.found() == undisturbed.found()
        assert pages(far) == pages(undisturbed)
    finally:
        cluster.end()

