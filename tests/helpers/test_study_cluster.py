"""Training runs on a Dask cluster: the same results, kept as they arrive, and a sentence for what goes wrong."""

import argparse
import os
import sys
import warnings
from dataclasses import dataclass

import pytest

from helpers.command import run
from helpers.errors import CourseError
from helpers.study import cluster
from helpers.study.__main__ import main
from helpers.study.carry_out import carry_out_for
from helpers.study.cluster import perform_on_cluster
from helpers.study.performance_factors.runs import StepsRun

distributed = pytest.importorskip("distributed", reason="Dask is not installed (pip install -r requirements.lock)")
RUN = StepsRun("root 64", 0, 64, "root", level=0.5, most_images=2_000, train=300, validation=100)


@dataclass(frozen=True)
class Failing(StepsRun):
    """Fails."""

    def perform(self, on_epoch=None):
        raise ValueError("no such rate")


@pytest.fixture(scope="module")
def scheduler():
    """The address of a scheduler with one worker, a thread of this process."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        with distributed.LocalCluster(
            n_workers=1, threads_per_worker=1, processes=False, protocol="tcp", host="127.0.0.1", dashboard_address=":0"
        ) as local:
            yield local.scheduler_address


def test_results_are_those_of_this_machine_and_arrive_one_by_one(scheduler):
    runs = [RUN, StepsRun("fixed 32", 1, 32, "fixed", 0.5, 2_000, 300, 100)]
    epochs, arrived = [], {}
    found = perform_on_cluster(scheduler, runs, 1, epochs.append, arrived.__setitem__)
    assert found == [one.perform() for one in runs]
    assert arrived == dict(enumerate(found))
    assert sorted(epochs) == ["fixed 32", "root 64"]


def test_a_study_keeps_what_the_cluster_has_made(scheduler, tmp_path, capsys):
    options = argparse.Namespace(out=tmp_path, fresh=False, jobs=None, threads=1, scheduler=scheduler)
    made = carry_out_for(options, [RUN])
    assert len(list((tmp_path / "runs").glob("root-64-seed-0-*.json"))) == 1
    options.scheduler = "tcp://127.0.0.1:9"  # which nobody asks any more
    assert carry_out_for(options, [RUN]) == made
    assert "1 of 1 runs are kept" in capsys.readouterr().out


def test_a_run_that_fails_and_another_version_are_sentences(scheduler, monkeypatch):
    with pytest.raises(CourseError, match=r"The run 'fails' failed: ValueError: no such rate"):
        perform_on_cluster(scheduler, [Failing("fails", 0, 64, "root")])
    monkeypatch.setattr(StepsRun, "record", lambda self: {"code": str(os.urandom(4)), "numpy": "1"})
    with pytest.raises(CourseError, match=r"A worker of .* has another version of the course's code than this machine"):
        perform_on_cluster(scheduler, [RUN])


def test_no_scheduler_no_workers_no_dask(monkeypatch):
    with pytest.raises(CourseError, match="does not answer; is it running"):
        perform_on_cluster("tcp://127.0.0.1:9", [RUN], connect=0.5)
    with pytest.raises(CourseError, match="neither an address like"):
        perform_on_cluster("nowhere.json", [RUN])
    with distributed.LocalCluster(
        n_workers=0, processes=False, protocol="tcp", host="127.0.0.1", dashboard_address=":0"
    ) as empty, pytest.raises(CourseError, match="has no workers; start some with"):
        perform_on_cluster(empty.scheduler_address, [RUN], staff=0.1)
    monkeypatch.setitem(sys.modules, "distributed", None)
    with pytest.raises(CourseError, match="Dask is not installed here, which --scheduler needs"):
        perform_on_cluster("tcp://127.0.0.1:9", [RUN])


def test_a_lost_scheduler_and_lost_workers_are_sentences():
    class Future:
        status = "cancelled"

        def exception(self):
            return type("KilledWorker", (Exception,), {})()

    with pytest.raises(CourseError, match=r"went away\. What was finished until then is kept"):
        cluster._result_of(Future(), RUN, "tcp://here:1")
    Future.status = "error"
    with pytest.raises(CourseError, match="Every worker that tried the run 'root 64' was lost"):
        cluster._result_of(Future(), RUN, "tcp://here:1")


@pytest.mark.parametrize(
    ("arguments", "word"),
    [
        (["performance_factors", "--only-timings", "--scheduler", "tcp://h:1"], "Timings are never made on a cluster"),
        (["cnn_runtime", "--scheduler", "tcp://h:1"], "Timings are never made on a cluster"),
        (["cnn_learning", "--jobs", "2", "--scheduler", "tcp://h:1"], "not allowed with argument --jobs"),
    ],
)
def test_timings_stay_here(arguments, word, capsys, tmp_path):
    try:
        code = run(main, [*arguments, "--out", str(tmp_path)])
    except SystemExit as stopped:  # argparse's own way
        code = stopped.code
    said = capsys.readouterr().err
    assert (code, len(said.splitlines())) == (2, 1)
    assert word in said
