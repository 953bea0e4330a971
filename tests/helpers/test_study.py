"""The study's command: files whole, results independent of processes, mistakes as sentences."""

import csv
import subprocess
import sys

import numpy as np
import pytest

from helpers import nn
from helpers.command import run
from helpers.data import load
from helpers.study.__main__ import main
from helpers.study.network_from_scratch import verdict
from helpers.study.runs import CONVENTIONS, SCHEDULES, ConventionMLP
from helpers.train import History

FILES = [
    "convention_trap.png", "history.csv", "learning_curves.png", "learning_rates.png", "loss_gap.png",
    "schedules.png",
]  # fmt: skip
TINY = ["--train", "200", "--test", "100", "--epochs", "2", "--rates", "1.0", "0.1", "--quick"]


def command(module, *arguments):
    return subprocess.run(
        [sys.executable, "-m", module, *arguments], capture_output=True, text=True, timeout=120, check=False
    )


@pytest.fixture(scope="module")
def studies(tmp_path_factory):
    out = {}
    for jobs in "12":
        folder = tmp_path_factory.mktemp(f"jobs{jobs}")
        out[jobs] = (
            folder,
            command("helpers.study", "network_from_scratch", *TINY, "--jobs", jobs, "--out", str(folder)),
        )
    return out


def rows(folder):
    with (folder / "history.csv").open() as file:
        return [{k: v for k, v in row.items() if k != "seconds"} for row in csv.DictReader(file)]


def test_it_writes_figures_and_table(studies):
    folder, done = studies["1"]
    assert done.returncode == 0, done.stderr
    assert done.stderr == ""
    assert sorted(path.name for path in folder.iterdir()) == sorted([*FILES, "runs"])
    for word in ("Learning rates: 200 training", "Start high and decrease?", "convention trap", "two standard errors"):
        assert word in done.stdout
    table = rows(folder)
    assert {row["study"] for row in table} == {"rates", "schedules", "trap"}
    assert [row["epoch"] for row in table if row["study"] == "rates"] == ["1", "2"] * 2


def test_results_do_not_depend_on_the_processes(studies):
    assert rows(studies["1"][0]) == rows(studies["2"][0])


def test_finished_runs_are_not_made_again(studies):
    folder, _ = studies["2"]
    before = (folder / "history.csv").read_text()
    done = command("helpers.study", "network_from_scratch", *TINY, "--jobs", "2", "--out", str(folder))
    count = len(list((folder / "runs").iterdir()))
    assert f"{count} of {count} runs are kept from last time" in done.stdout
    assert (folder / "history.csv").read_text() == before  # with the seconds of the first time


def test_alt_text_is_in_the_picture(studies):
    from PIL import Image

    for name in FILES:
        if name.endswith(".png"):
            picture = Image.open(studies["1"][0] / name)
            picture.load()
            assert len(picture.text["Description"]) > 60


@pytest.mark.parametrize(
    ("arguments", "word"),
    [
        (["nope"], "no study 'nope'"),
        (["network_from_scrach"], "did you mean 'network_from_scratch'"),
        (["network_from_scratch", "--rates", "fast"], "'fast' is not a learning rate"),
        (["network_from_scratch", "--rates", "-0.1"], "not a learning rate"),
        (["network_from_scratch", "--epochs", "0"], "'0' is not a count"),
        (["network_from_scratch", "--train", "60001"], "more than MNIST's 60000"),
        (["network_from_scratch", "--out", "/proc/nowhere"], "cannot be written"),
        (["network_from_scratch", "--jobs", "100000"], "--jobs 100000 is too many for"),
        (["cnn_learning", "--threads", "100000"], "--threads 100000 is too many for"),
        (["performance_factors", "--seeds", "1"], "One seed gives no interval"),
        (["performance_factors", "--record", "no-folder/x.json"], "The folder no-folder is not there"),
        (["performance_factors", "--record", "."], ". is a folder"),
        ([], "Which study? Name one of cnn_learning, "),
    ],
)
def test_mistakes_are_a_sentence_and_exit_code_2(arguments, word, capsys):
    try:
        code = run(main, arguments)
    except SystemExit as stopped:  # argparse's own way
        code = stopped.code
    said = capsys.readouterr().err
    assert code == 2
    assert said.startswith("error: ")
    assert word in said
    assert len(said.splitlines()) == 1


def test_a_failed_run_leaves_the_old_files_alone(tmp_path):
    from helpers.study.files import write

    (tmp_path / "history.csv").write_text("old")

    def broken():
        raise RuntimeError("no figure")

    with pytest.raises(RuntimeError):
        write(tmp_path, broken, {"history.csv": []})
    assert [(path.name, path.read_text()) for path in tmp_path.iterdir()] == [("history.csv", "old")]


@pytest.mark.parametrize(
    ("convention", "factor"), [(CONVENTIONS[1], lambda n, m: n), (CONVENTIONS[2], lambda n, m: n / m)]
)
def test_conventions_scale_the_gradient(convention, factor):
    data = load(train=32, test=8)
    mean, other = nn.MLP([784, 20, 10], seed=5), ConventionMLP((784, 20, 10), convention, seed=5)
    for network in (mean, other):
        network.forward(data.train_images)
        network.backward(data.train_labels)
    for i in (0, 2):
        scale = factor(32, mean.layers[i].weight.shape[0])
        np.testing.assert_allclose(other.layers[i].grad_weight, mean.layers[i].grad_weight * scale, rtol=1e-5)


def test_every_schedule_starts_high_and_ends_low():
    for name, make in SCHEDULES.items():
        rates = [make(1.0, 12)(epoch) for epoch in range(12)]
        assert rates[0] == 1
        if name != "constant":
            assert rates[-1] <= 0.13
            assert rates == sorted(rates, reverse=True)


def test_verdicts():
    def seeds(*values):
        return [History(test_accuracy=[v]) for v in values]

    assert "better" in verdict("a", seeds(0.95, 0.951, 0.952), "b", seeds(0.90, 0.901, 0.903))
    assert "worse" in verdict("a", seeds(0.90, 0.901, 0.903), "b", seeds(0.95, 0.951, 0.952))
    assert "no difference" in verdict("a", seeds(0.95, 0.93), "b", seeds(0.94, 0.941))
    assert "decides nothing" in verdict("a", seeds(0.95), "b", seeds(0.94))
