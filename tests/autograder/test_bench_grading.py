"""The benchmark of grading works, in a tiny size; no test asserts a time."""

import json
import os
import signal
import subprocess
import sys
import time

import pytest
from typer.testing import CliRunner

from helpers.errors import CourseError
from tests.bench import watched_run
from tests.bench.__main__ import app
from tests.bench.folders import hand_in, lay_out, students
from tests.bench.measure import PARTS, Measured, bench
from tests.bench.watched_run import Watched, watch


def test_each_submission_is_a_little_different_and_valid(mini, tmp_path):
    made = lay_out("mini", mini, tmp_path)
    hand_in(made, tmp_path / "class", 3)
    files = [tmp_path / "class" / "submitted" / s / "mini" / "mini.ipynb" for s in students(3)]
    texts = [path.read_text() for path in files]
    assert len(set(texts)) == 3
    assert [json.loads(t)["nbformat"] for t in texts] == [4, 4, 4]
    assert students(3) == ["s0001", "s0002", "s0003"]


def test_the_network_without_what_takes_time(tmp_path):
    from autograder.course import Course

    text = lay_out("network_from_scratch", Course(), tmp_path).template.decode()
    assert "plots.show(" not in text
    assert "x @ self.weight" in text
    assert text.count("still to do") > 5


def test_a_command_is_watched_as_on_a_screen(tmp_path):
    program = "import sys, time\nassert sys.stderr.isatty()\n"
    program += "for s in ('s0001', 's0002', 's0001'):\n print('\\x1b[2K' + s + ': graded', flush=True)\n time.sleep(.3)"
    seen = watch([sys.executable, "-c", program], tmp_path, {"PATH": ""}, watched_run.OURS, ["s0001", "s0002"])
    assert seen.seen["s0002"] > seen.seen["s0001"] + 0.2
    assert seen.total > seen.seen["s0002"] + 0.5
    lines = "Writing 5 bytes to /x y/autograded/s0001/m.ipynb"
    twice = f"import time\nfor i in range(2):\n print({lines!r}, flush=True)\n time.sleep(.3)"
    last = watch([sys.executable, "-c", twice], tmp_path, {"PATH": ""}, watched_run.STOCK, ["s0001"])
    assert last.first > 0.3
    with pytest.raises(CourseError, match=r"failed \(exit code 3\): oh no"):
        watch([sys.executable, "-c", "print('oh no'); raise SystemExit(3)"], tmp_path, {}, watched_run.OURS, [])
    with pytest.raises(CourseError, match=r"failed \(exit code 0\): s0001: 7"):
        watch([sys.executable, "-c", "print('s0001: 7')"], tmp_path, {}, watched_run.OURS, ["s0001", "s0002"])


def test_arithmetic_of_a_batch():
    seen = Watched({"a": 3.0, "b": 4.0, "c": 5.0, "d": 9.0}, 10.0)
    assert (seen.first, seen.steady, seen.halves()) == (3.0, 4.0, (1.0, 4.0))
    low, high = Measured("x", 0.5, "s", 0.4), Measured("x", 2.0, "×", 1.9, larger=True)
    assert (low.verdict, high.verdict, Measured("x", 1, "s").verdict) == ("goal ≤ 0.4 MISSED", "goal ≥ 1.9 reached", "")


def test_memory_of_a_tree_counts_what_a_child_has(tmp_path):
    program = "import subprocess, sys, time\nb = bytearray(50_000_000)\n{}time.sleep(30)"
    child = "subprocess.Popen([sys.executable, '-c', 'import time; c = bytearray(50_000_000); time.sleep(30)'])\n"
    process = subprocess.Popen([sys.executable, "-c", program.format(child)])
    try:
        limit = time.monotonic() + 60
        while watched_run.private(process.pid) < 100 and time.monotonic() < limit:
            time.sleep(0.05)
        assert 100 < watched_run.private(process.pid) < 160
        assert 100 < watched_run.total(process.pid) < 200
        assert len(watched_run.tree(process.pid)) == 2
        peak = watched_run.Peak(every=0)
        peak(process.pid)
        assert (peak.processes, peak.most > 100) == (2, True)
    finally:
        for pid in reversed(watched_run.tree(process.pid)):
            os.kill(pid, signal.SIGKILL)
        process.wait()
    assert watched_run.total(process.pid) == 0


@pytest.mark.slow
def test_every_measurement_is_made(mini, tmp_path):
    found = {m.what: m for m in bench("mini", mini, count=3, rounds=1, sizes=[4, 6])}
    assert list(found) == [
        "private memory of a kernel", "one submission, ours ÷ stock nbgrader, one core", "two workers against one",
        "first result on the screen", "a class of 4, 2 workers", "a class of 6, 2 workers",
        "a submission among 6 ÷ one among 4",
    ]  # fmt: skip
    assert all(m.value > 0 for m in found.values())
    whole = found["a class of 6, 2 workers"].details
    assert whole["gradebook_mb"] > 0.05
    assert whole["peak_memory_mb"] > 100
    assert whole["processes"] >= 4
    for each in found.values():
        json.dumps(each.as_dict())


@pytest.mark.parametrize(
    ("options", "words"),
    [(["--only", "speed"], "choose among stock, workers, kernel, class"), (["--sizes", "1"], "classes of at least 4"),
     (["--sizes", "ten"], "not a list of numbers"), (["nothing"], "no assignment called")],
)  # fmt: skip
def test_options_that_make_no_sense(options, words):
    result = CliRunner().invoke(app, options)
    assert isinstance(result.exception, CourseError)
    assert words in str(result.exception)
    assert PARTS == ("stock", "workers", "kernel", "class")
