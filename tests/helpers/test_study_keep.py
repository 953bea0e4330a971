"""Finished runs are kept whole, found again only for the same run, and a stopped study goes on from them."""

import csv
import json
import os
import signal
import subprocess
import sys
import time
from dataclasses import replace

import numpy as np
import pytest

from helpers.errors import CourseError
from helpers.study.carry_out import carry_out
from helpers.study.cnn_learning import learning_curves
from helpers.study.cnn_learning.runs import Curve
from helpers.study.keep import Keep

RUN = Curve(rate=0.1, seed=0, train=128, validation=50, epochs=2, filters=2)
RATES = ["0.1", "0.05"]
MORE = [str(r / 1000) for r in range(200, 400)]
"""Rates for half a minute's more work, so that there is something left to stop."""
SMALL = ["--quick", "--parts", "curves", "--train", "800", "--epochs", "3", "--rates", *RATES]


@pytest.fixture(scope="module")
def result():
    return RUN.perform()


def command(out, *arguments):
    return [sys.executable, "-m", "helpers.study", "cnn_learning", *SMALL, "--out", str(out), *arguments]


def wait_until(what, seconds=300):
    end = time.monotonic() + seconds
    while not what():
        assert time.monotonic() < end, "it took too long"
        time.sleep(0.01)


def stopped(out, how, *rates):
    """The study, started and stopped when its first run is kept; the finished process and what it said."""
    with subprocess.Popen(
        command(out, "--jobs", "2", *(("--rates", *RATES, *rates) if rates else ())),
        stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, start_new_session=True,
    ) as process:  # fmt: skip
        try:
            wait_until(lambda: list((out / "runs").glob("[!.]*.json")) or process.poll() is not None)
            how(process)
            return process, process.communicate(timeout=300)[1]
        except BaseException:
            os.killpg(process.pid, signal.SIGKILL)
            raise


def losses(folder):
    """(rate, seed) -> validation losses, of history.csv."""
    found = {}
    with (folder / "history.csv").open() as file:
        for row in csv.DictReader(file):
            found.setdefault((float(row["rate"]), int(row["seed"])), []).append(float(row["validation_loss"]))
    return found


def test_a_result_comes_back_as_it_was(tmp_path, result):
    keep = Keep(tmp_path)
    assert keep.load(RUN) is None
    keep.save(RUN, result)
    assert keep.load(RUN) == result
    assert Keep(tmp_path, fresh=True).load(RUN) is None


def test_nan_comes_back(tmp_path, result):
    broken = replace(result, train_loss=[float("nan"), float("inf")])
    Keep(tmp_path).save(RUN, broken)
    assert str(Keep(tmp_path).load(RUN).train_loss) == "[nan, inf]"


def test_a_folder_that_cannot_be_written_is_a_sentence(tmp_path, result):
    (tmp_path / "file").write_text("")
    with pytest.raises(CourseError, match="can't be kept in"):
        Keep(tmp_path / "file" / "runs").save(RUN, result)


@pytest.mark.parametrize("change", [{"seed": 1}, {"rate": 0.2}, {"epochs": 3}, {"scale": 0.5}, {"train": 129}])
def test_another_run_is_not_taken_for_it(tmp_path, result, change):
    Keep(tmp_path).save(RUN, result)
    assert Keep(tmp_path).load(replace(RUN, **change)) is None


def test_a_file_of_another_run_under_its_name_is_damage(tmp_path, result, capsys):
    keep = Keep(tmp_path)
    keep.save(replace(RUN, seed=1), result)
    os.rename(keep.path(replace(RUN, seed=1)), keep.path(RUN))
    assert keep.load(RUN) is None
    assert "is damaged" in capsys.readouterr().out


def test_other_code_makes_another_run(tmp_path, result, monkeypatch):
    Keep(tmp_path).save(RUN, result)
    monkeypatch.setattr("helpers.study.task._code", lambda module: "changed")
    assert Keep(tmp_path).load(RUN) is None


def spoil_number(text):
    values = json.loads(text)
    values["result"]["test_accuracy"][0] = 0.99
    return json.dumps(values)


@pytest.mark.parametrize("spoil", [lambda text: text[:200], lambda text: "", spoil_number, lambda text: "[1, 2]"])
def test_a_damaged_file_is_said_and_made_again(tmp_path, result, spoil, capsys):
    keep = Keep(tmp_path)
    keep.save(RUN, result)
    keep.path(RUN).write_text(spoil(keep.path(RUN).read_text()))
    (again,) = carry_out([RUN], keep=tmp_path, progress=False)
    assert "is damaged; this run is repeated" in capsys.readouterr().out
    assert again.test_loss == result.test_loss
    assert keep.load(RUN).test_loss == result.test_loss


def test_after_kill_9_no_process_is_left_and_the_study_goes_on(tmp_path):
    process, _ = stopped(tmp_path, lambda p: p.send_signal(signal.SIGKILL), *MORE)

    def gone():
        try:
            os.killpg(process.pid, 0)
        except ProcessLookupError:
            return True
        return False

    wait_until(gone)
    kept = {path: path.stat().st_mtime_ns for path in (tmp_path / "runs").glob("rate-0.[01]*.json")}
    assert 0 < len(kept) <= 4
    done = subprocess.run(command(tmp_path, "--jobs", "2"), capture_output=True, text=True, timeout=300, check=True)
    assert f"{len(kept)} of 4 runs are kept from last time" in done.stdout
    assert {path: path.stat().st_mtime_ns for path in kept} == kept
    found = losses(tmp_path)
    assert len(found) == 4
    for rate in (0.1, 0.05):
        unbroken = learning_curves((rate,), 2, train=800, validation=500, epochs=3, filters=4, progress=False)
        for seed in (0, 1):
            # float32: where an array lies in memory decides in which order a sum is taken.
            np.testing.assert_allclose(found[rate, seed], unbroken[rate][seed].test_loss, rtol=1e-4)


@pytest.mark.slow
def test_ctrl_c_says_what_is_kept(tmp_path):
    process, said = stopped(tmp_path, lambda p: os.killpg(p.pid, signal.SIGINT), *MORE)
    assert process.returncode == 130
    kept = len(list((tmp_path / "runs").glob("[!.]*.json")))
    assert said == (
        f"stopped; {kept} of 404 runs are kept in {tmp_path / 'runs'}, and the same command continues from there.\n"
    )
    assert not (tmp_path / "history.csv").exists()
