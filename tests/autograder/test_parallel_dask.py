"""The same orders through a Dask cluster of separate processes, and what is said where that can't be."""

import gc
import json
import os
import signal
import subprocess
import sys
import time

import pytest

from autograder.parallel import dask as dask_module
from autograder.parallel import dask_worker
from autograder.parallel.dask import Dask
from autograder.parallel.executor import Order
from helpers.errors import CourseError
from tests.autograder.test_parallel_local_pool import ROOT, STAND_IN, answers, left_of, order, wait_for_lines

pytest.importorskip("distributed", reason="Dask is not installed (pip install -r requirements.lock)")


class Cluster:
    """A scheduler and workers, each a process as an instructor would start it, in a folder of its own."""

    def __init__(self, folder, workers):
        self.folder, self.file, self.processes = folder, folder / "scheduler.json", []
        self.scheduler = self.start("scheduler", "--port", "0", "--host", "127.0.0.1", "--scheduler-file", self.file)
        self.workers = [self.worker() for _ in range(workers)]

    def worker(self):
        return self.start("worker", "--scheduler-file", self.file, "--nthreads", "1", "--local-directory", self.folder)

    def start(self, what, *options):
        with open(self.folder / f"{what}-{len(self.processes)}.log", "wb") as log:
            process = subprocess.Popen(
                [sys.executable, "-m", "distributed.cli.dask_" + what, "--no-dashboard", *map(str, options)], cwd=ROOT,
                stdout=log, stderr=log, start_new_session=True, env=os.environ | {"PYTHONPATH": str(ROOT)},
            )  # fmt: skip
        self.processes.append(process)
        while what == "scheduler" and not self.file.is_file():
            assert process.poll() is None
            time.sleep(0.05)
        return process

    def end(self):
        for process in self.processes:
            try:
                os.killpg(process.pid, signal.SIGKILL)
            except ProcessLookupError:
                continue
            process.wait()


def slow(key, seconds):
    return Order(key, json.dumps({"do": "echo", "word": key, "seconds": seconds}).encode(), 30)


@pytest.fixture
def make_cluster(tmp_path):
    made = []
    dask_worker.code_print.cache_clear()  # the workers read the files as they are now

    def make(workers=2):
        made.append(Cluster(tmp_path, workers))
        return made[-1]

    yield make
    for cluster in made:
        cluster.end()


@pytest.mark.promise("a few machines or a Slurm cluster can share the work ([cluster.md](cluster.md)).")
def test_answers_are_streamed_and_a_death_is_told(make_cluster, tmp_path):
    cluster, pids = make_cluster(), tmp_path / "pids"
    with Dask(str(cluster.file), work=STAND_IN) as dask:
        dask.client.wait_for_workers(2, timeout=120)
        keys = [a.key for a in dask.run([slow("slow", 2.0), *(order(f"q{i}") for i in range(10))])]
        assert sorted(keys) == sorted(["slow", *(f"q{i}" for i in range(10))])
        assert keys.index("slow") >= 4
        found = answers(dask, [order("dies", "die"), order("hangs", "hang", seconds=1.0, pids=pids), order("fine")])
        assert found["dies"] == "the process that graded it died with exit code 3"
        assert found["hangs"] == "the process that graded it did not end within 1 s and was stopped"
        assert found["fine"]["said"] == "fine"
        last = found["fine"]["pid"]
    assert left_of([*wait_for_lines(pids, 4), last]) == []


@pytest.mark.slow
def test_the_orders_of_a_lost_worker_are_done_by_another(make_cluster):
    cluster = make_cluster()
    with Dask(str(cluster.file), work=STAND_IN) as dask:
        dask.client.wait_for_workers(2, timeout=120)
        processes = dask.client.run(os.getpid)
        answered = dask.run([slow(f"e{i}", 0.6) for i in range(6)])
        found = [next(answered).key]
        os.kill(next(iter(processes.values())), signal.SIGKILL)  # Dask's own worker process; its nanny starts another
        found += [a.key for a in answered if a.body]
    assert sorted(found) == [f"e{i}" for i in range(6)]


@pytest.mark.slow
def test_a_scheduler_that_goes_away_is_a_sentence(make_cluster):
    cluster = make_cluster(workers=1)
    with Dask(str(cluster.file), work=STAND_IN) as dask:
        answered = dask.run([slow(key, 0.5) for key in "abcdef"])
        next(answered)
        os.killpg(cluster.scheduler.pid, signal.SIGKILL)
        with pytest.raises(CourseError, match=r"went away\. What was graded until then is kept"):
            list(answered)


@pytest.mark.slow
def test_other_versions_and_missing_packages_are_sentences(make_cluster, monkeypatch):
    cluster = make_cluster(workers=1)
    with Dask(str(cluster.file), work=STAND_IN) as dask:
        monkeypatch.setattr(dask_worker, "code_print", lambda: "another")
        with pytest.raises(CourseError, match="has another version of the course installed than this machine"):
            list(dask.run([order("a")]))
        found = dask.client.get_versions()
        found["scheduler"]["packages"]["distributed"] = "2020.1.0"
        monkeypatch.setattr(dask.client, "get_versions", lambda: found)
        with pytest.raises(CourseError, match=r"scheduler .* has distributed 2020.1.0, this machine "):
            dask._same_versions()
    with Dask(str(cluster.file), work="no.such.module:work") as dask:
        monkeypatch.undo()
        with pytest.raises(CourseError, match=r"can't grade: on .*No module named 'no'"):
            list(dask.run([order("a")]))


@pytest.mark.slow
def test_a_cluster_without_workers(make_cluster):
    cluster = make_cluster(workers=0)
    with Dask(str(cluster.file), staff=0.5) as dask, pytest.raises(CourseError, match="has no workers; start some"):
        list(dask.run([order("a")]))


def test_where_there_is_no_cluster(tmp_path, monkeypatch):
    with pytest.raises(CourseError, match="neither an address like"):
        Dask("nowhere.json")
    (tmp_path / "bad.json").write_text("[]")
    with pytest.raises(CourseError, match="can't be used"):
        Dask(str(tmp_path / "bad.json"), connect=2)
    with pytest.raises(CourseError, match="does not answer"):
        Dask("tcp://127.0.0.1:9", connect=0.5)
    monkeypatch.setitem(sys.modules, "distributed", None)
    with pytest.raises(CourseError, match="Dask is not installed here"):
        Dask("tcp://127.0.0.1:9")


def test_a_client_that_failed_does_not_wait_to_be_collected():
    from distributed import Client

    with pytest.raises(CourseError, match="does not answer"):
        Dask("tcp://127.0.0.1:9", connect=0.5)
    assert not [one for one in gc.get_objects() if isinstance(one, Client)]


def test_a_reply_says_whose_fault_it_is():
    body, why, fault = dask_worker.graded(
        b'{"do": "echo", "word": "hi"}', 10, STAND_IN, dask_worker.code_print()
    )
    assert (json.loads(body)["said"], why, fault) == ("hi", "", "")
    body, why, fault = dask_worker.graded(b"{}", 10, STAND_IN, "another")
    assert (body, why) == (None, "")
    assert "another version" in fault
    dask_worker.rest()
    assert all(pools.empty() for pools in dask_worker._idle.values())
    assert dask_module.STAFF >= 10
