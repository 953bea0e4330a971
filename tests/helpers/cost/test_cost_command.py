"""The command: what it prints, and one sentence for what is wrong."""

import json
import os
import re
import subprocess
import sys

import pytest

from helpers.command import run
from helpers.cost import load_device
from helpers.cost.cli import main


def printed(capsys, *arguments):
    assert run(main, arguments) == 0
    return capsys.readouterr().out


def refused(capsys, *arguments):
    try:
        code = run(main, arguments)
    except SystemExit as error:
        code = error.code
    error = capsys.readouterr().err
    assert code == 2
    assert re.fullmatch(r"error: [^\n]+\n", error)
    return error


def test_layers(capsys):
    assert "conv 6 × 5×5" in printed(capsys, "layers", "lenet", "--images", "2")


def test_amdahl_of_the_published_row(capsys):
    three = printed(capsys, "amdahl", "1:1.324", "2:0.790", "4:0.578")
    assert "never more than" in three
    assert "don't follow" not in three
    assert "don't follow Amdahl's law" in printed(capsys, "amdahl", "1:1.324", "2:0.790", "4:0.578", "8:15.444")
    assert "'4=1' is not a time" in refused(capsys, "amdahl", "4=1", "2:1")
    assert "give one of them" in refused(capsys, "amdahl", "1:2", "--measure", "1")
    assert "two times at least" in refused(capsys, "amdahl", "1:2")


def test_amdahl_measured_each_in_its_own_process(capsys):
    text = printed(capsys, "amdahl", "--measure", "1", "2", "--size", "64")
    assert "serial part" in text
    assert "more of them" in refused(capsys, "amdahl", "--measure", "1")


def test_all_reduce_shows_what_the_latency_does(capsys):
    lines = printed(capsys, "allreduce", "--workers", "4", "--latency-us", "100", "--bandwidth-gbit", "8").splitlines()
    first, last = lines[3], lines[-2]
    assert "parameter_server" in lines[2]
    # 4 bytes: 6 messages of a ring, 100 µs each, where the bandwidth alone would have 6 ns
    assert first.split()[:4] == ["4", "B", "0.6", "(1e+05×)"]
    assert last.strip().startswith("1 GiB")
    assert "(1×)" in last
    assert "impossible" in refused(capsys, "allreduce", "--latency-us", "-1")
    assert "not a count" in refused(capsys, "allreduce", "--workers", "0")


def test_link(capsys):
    assert "fitted: latency" in printed(capsys, "link", "--rounds", "1")


def test_predict_and_cluster(capsys):
    text = printed(capsys, "predict", "mlp", "--device", "t4", "--percent", "30")
    assert "ms predicted" in text
    assert "30% of peak" in text
    rows = printed(capsys, "cluster", "mlp", "--cluster", "k40_ethernet", "--images", "64", "--workers", "1", "128")
    assert rows.count("100.0%") == 2
    assert len([line for line in rows.splitlines() if line.strip().startswith("128 ")]) == 1  # weak scaling alone


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("predict", "mlp", "--device", "k4"), "did you mean 'k40'"),
        (("predict", "mpl", "--device", "k40"), "did you mean 'mlp'"),
        (("predict", "mlp", "--device", "k40", "--percent", "130"), "impossible"),
        (("predict", "mlp", "--device", "k40", "--percent", "30", "--platform", "x"), "give one of them"),
        (("predict", "mlp", "--device", "k40", "--images", "2000000"), "needs"),
        (("predict", "mlp", "--device", "k40", "--dtype", "float16"), "no peak for 'float16'"),
        (("predict", "mlp"), "--device"),
        (("cluster", "mlp", "--cluster", "x"), "no cluster 'x'"),
        (("machine", "--threads", "100000"), "100000 threads; give --threads"),
        (("compare", "--threads", "100000"), "100000 threads"),
        (("amdahl", "--measure", "1", "100000"), "100000 threads are too many for"),
        (("compare", "nothing"), "no network 'nothing'"),
        (("compare", "mlp", "--backend", "nump"), "no backend 'nump'"),
        (("measure",), "invalid choice"),
    ],
)
def test_wrong_arguments_are_one_sentence(arguments, words, capsys):
    assert words in refused(capsys, *arguments)


def test_a_process_that_dies_is_told(capsys, monkeypatch):
    monkeypatch.setattr(sys, "executable", "/bin/false")
    assert "The process with 1 threads ended early" in refused(capsys, "amdahl", "--measure", "1", "2")


def test_the_module_sets_its_threads_before_numpy_and_saves_a_device(tmp_path):
    file = tmp_path / "here.json"
    command = [sys.executable, "-m", "helpers.cost", "machine"]
    command += ["--no-stairs", "--json", "--rounds=1", "--threads=1", "--save"]
    environment = {**os.environ, "OPENBLAS_NUM_THREADS": "7"}
    done = subprocess.run([*command, str(file)], capture_output=True, text=True, env=environment, check=True)
    assert json.loads(done.stdout)["threads"] == 1
    assert load_device(file).peak == pytest.approx(json.loads(done.stdout)["peak"]["values"][0], rel=1e-3)
    bad = subprocess.run([*command[:4], "--threads", "many"], capture_output=True, text=True, check=False)
    assert (bad.returncode, bad.stderr.count("\n")) == (2, 1)
