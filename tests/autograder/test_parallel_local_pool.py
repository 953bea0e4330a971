"""The process pool: a worker that dies or hangs costs nobody else anything, and nothing is left running."""

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from autograder.parallel.executor import Order
from autograder.parallel.local_pool import QUEUED, Pool
from autograder.parallel.parcel import ParcelError, unwrap, wrap
from helpers.errors import CourseError

ROOT = Path(__file__).parents[2]
STAND_IN = "tests.autograder.parallel_stand_in:work"


def order(key, do="echo", seconds=30.0, **more):
    return Order(key, json.dumps({"do": do, "word": key, **more}, default=str).encode(), seconds)


def running(pid: int) -> bool:
    try:
        state = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
    except OSError:
        return False
    return state not in "ZX"


def command(pid: int) -> str:
    try:
        return Path(f"/proc/{pid}/cmdline").read_text().replace("\0", " ")
    except OSError:
        return "has just ended"


def left_of(pids, seconds=60):
    """Who is left of these processes, after a while at most."""
    limit = time.monotonic() + seconds
    while any(running(p) for p in pids) and time.monotonic() < limit:
        time.sleep(0.02)
    return [f"{p}: {command(p)}" for p in pids if running(p)]


def wait_for_lines(path, count):
    limit = time.monotonic() + 60
    while time.monotonic() < limit:
        if path.is_file() and len(lines := path.read_text().split()) >= count:
            return [int(line) for line in lines]
        time.sleep(0.02)
    raise AssertionError(f"{path} never had {count} lines")


@pytest.fixture(scope="module")
def pool():
    with Pool(2, work=STAND_IN) as made:
        yield made


def answers(pool, orders):
    return {a.key: json.loads(a.body) if a.body else a.why for a in pool.run(orders)}


@pytest.mark.promise("`-j N` grades N hand-ins at a time;")
def test_everything_is_answered_by_both_workers(pool):
    found = answers(pool, [order(f"s{i}") for i in range(20)] + [order(f"t{i}") for i in range(20)])
    assert {k: v["said"] for k, v in found.items()} == {k: k for k in found}
    assert len(found) == 40
    assert len({v["pid"] for v in found.values()}) == 2


def test_answers_come_as_they_are_ready(pool):
    slow = Order("slow", json.dumps({"do": "echo", "word": "slow", "seconds": 1.0}).encode(), 30)
    keys = [a.key for a in pool.run([slow, *(order(f"q{i}") for i in range(6))])]
    assert keys.index("slow") >= 5  # one quick order may lie behind the slow one


def test_orders_are_taken_only_as_they_are_needed(pool):
    taken = []

    def many():
        for i in range(50):
            taken.append(i)
            yield order(f"m{i}")

    most = 0
    for done, _ in enumerate(pool.run(many())):
        most = max(most, len(taken) - done)
    assert len(taken) == 50
    assert most <= 2 * QUEUED + 1


def test_a_death_is_tried_again_alone_and_then_told(pool, tmp_path):
    marks = {k: tmp_path / k for k in ("dies", "once", "raises")}
    orders = [order("a"), order("dies", "die", mark=marks["dies"]), order("once", "die once", mark=marks["once"]),
              order("raises", "raise", mark=marks["raises"]), *(order(f"b{i}") for i in range(8))]  # fmt: skip
    found = answers(pool, orders)
    assert found["dies"] == "the process that graded it died with exit code 3"
    assert found["raises"] == "the process that graded it died with exit code 1: RuntimeError: a fault in the grader"
    assert found["once"] == {"said": "second time"}
    assert {k: p.read_bytes() for k, p in marks.items()} == {"dies": b"xx", "once": b"xx", "raises": b"xx"}
    assert all(found[f"b{i}"]["said"] == f"b{i}" for i in range(8))
    assert len(found) == len(orders)


def test_what_lay_in_a_dead_worker_is_run_once_by_another(tmp_path):
    marks = [tmp_path / f"m{i}" for i in range(4)]
    with Pool(1, work=STAND_IN) as pool:
        found = answers(pool, [order("dies", "die"), *(order(f"m{i}", mark=marks[i]) for i in range(4))])
    assert [m.read_bytes() for m in marks] == [b"x"] * 4
    assert set(found) == {"dies", "m0", "m1", "m2", "m3"}


def test_a_hang_is_stopped_with_everything_it_started(pool, tmp_path):
    pids = tmp_path / "pids"
    found = answers(pool, [order("hangs", "hang", seconds=1.0, pids=pids), order("fine")])
    assert found["hangs"] == "the process that graded it did not end within 1 s and was stopped"
    assert found["fine"]["said"] == "fine"
    both = wait_for_lines(pids, 4)
    assert left_of(both) == []


def test_a_caller_who_stops_listening_gets_no_old_answers(pool):
    first = pool.run([order(f"old{i}", seconds=30) for i in range(6)])
    next(first)
    first.close()
    assert set(answers(pool, [order("new")])) == {"new"}


def test_workers_that_cannot_start_are_a_sentence():
    sentence = r"Nothing could be graded, because .* No module named 'no'"
    with Pool(1, work="no.such.module:work") as pool, pytest.raises(CourseError, match=sentence):
        list(pool.run([order("a")]))
    with pytest.raises(CourseError, match="--jobs must be at least 1"):
        Pool(0)


MAIN = """
import json, sys
from autograder.parallel.local_pool import Pool
from autograder.parallel.executor import Order
pids, scratch = sys.argv[1:]
with Pool(2, work="tests.autograder.parallel_stand_in:work") as pool:
    open(scratch, "w").write(str(pool.scratch))
    orders = [Order(f"h{i}", json.dumps({"do": "hang", "pids": pids}).encode(), 600) for i in range(2)]
    try:
        list(pool.run(orders))
    except KeyboardInterrupt:
        pool.close()
        raise SystemExit(130)
"""


@pytest.mark.parametrize("sign", [signal.SIGINT, signal.SIGTERM, signal.SIGKILL])
def test_whatever_ends_the_main_process_nothing_stays(tmp_path, sign):
    pids, scratch = tmp_path / "pids", tmp_path / "scratch"
    main = subprocess.Popen([sys.executable, "-c", MAIN, str(pids), str(scratch)], cwd=ROOT)
    try:
        started = wait_for_lines(pids, 4)
        main.send_signal(sign)
        code = main.wait(timeout=60)
        assert left_of(started) == []
        assert code == (130 if sign == signal.SIGINT else -sign)
        limit = time.monotonic() + 60
        while os.path.exists(scratch.read_text()) and time.monotonic() < limit:
            time.sleep(0.02)
        assert not os.path.exists(scratch.read_text())
    finally:
        main.kill()
        main.wait()


def test_parcels_hold_what_was_wrapped_and_refuse_the_rest():
    head = {"name": "Zoë", "n": [1, None, {"$bytes": 0}]}
    blobs = [b"", b"\x00\xff" * 1000, b"{}"]
    assert unwrap(wrap(head, blobs)) == (head, blobs)
    assert unwrap(wrap({"name": "X \ud83d\ude00 \ud800"}))[0] == {"name": "X \U0001f600 \ufffd"}
    body = wrap(head, blobs)
    for bad in (b"", b"hello", body[:-1], body + b"x", b"\x00\x00\x00\x02\x00\x00\x00\x00[]", b"\xff" * 40):
        with pytest.raises(ParcelError, match="are not a parcel"):
            unwrap(bad)


class Rootless:
    """A root that gives no lines, so that each worker does without."""

    def line(self):
        raise CourseError("none here")

    def close(self):
        pass


@pytest.mark.parametrize(("cores", "at_once"), [({0}, 1), ({0, 1}, 1), ({0, 1, 2}, 2)])
def test_workers_that_start_leave_the_root_a_core(monkeypatch, cores, at_once):
    monkeypatch.setattr(os, "sched_getaffinity", lambda pid: cores)
    starting, hire = [], Pool._start_workers

    def watched(pool, jobs):
        hire(pool, jobs)
        starting.append(sum(not one.ready for one in pool.workers))

    monkeypatch.setattr(Pool, "_start_workers", watched)
    with Pool(3, work=STAND_IN, fork_server=Rootless()) as pool:
        assert pool.workers == []
        assert not pool.hired.is_set()
        slow = {"do": "echo", "word": "slow", "seconds": 1.0}
        found = answers(pool, [Order(key, json.dumps(slow).encode(), 30.0) for key in "abc"])
        assert pool.hired.is_set()
    assert max(starting) == at_once
    assert len({answer["pid"] for answer in found.values()}) == 3  # nobody had two before everybody had one
