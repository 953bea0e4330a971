"""The study of `generate`: its plan, its tables and figures, and what it refuses."""

import csv

import pytest

from helpers.errors import CourseError
from helpers.study import generate
from helpers.study.__main__ import main

FOUND = {"autoencoder": {"error": 0.02, "PCA": 0.03}, "VAE": {"bound": -120.0, "KL": 9.0},
         "RBM": {"curve": [-6.2, -3.3, -3.6]}, "GAN": {"found": 8, "near": 0.5}}  # fmt: skip


def test_finished_runs_are_kept_and_told(monkeypatch, tmp_path, capsys):
    made = []
    monkeypatch.setattr(generate.GenerateRun, "perform",
                        lambda self, on_epoch=None: made.append(self.label) or FOUND[self.network])  # fmt: skip
    arguments = ["generate", "--quick", "--jobs", "1", "--out", str(tmp_path)]
    monkeypatch.setattr(generate, "carry_out_for", lambda options, runs: [run.perform() for run in runs])
    main(arguments)
    assert len(made) == len(generate.plan(True)) == 24
    names = {"code_width.png", "gan_seeds.png", "toy_likelihood.png", "vae_code.png", "runs.csv"}
    assert {path.name for path in tmp_path.iterdir() if path.is_file()} == names
    with (tmp_path / "runs.csv").open() as file:
        rows = list(csv.DictReader(file))
    assert {row["best"] for row in rows if row["network"] == "RBM"} == {"-3.3"}
    assert " 8 of 8 (8 to 8, 2 seeds)" in capsys.readouterr().out


@pytest.mark.parametrize("network", ["autoencoder", "VAE", "RBM", "GAN"])
def test_a_run_of_each_network_gives_its_numbers(network):
    setting = {"RBM": 12, "GAN": "four at a time"}.get(network, 2)
    length = 100 if network == "RBM" else 1
    run = generate.GenerateRun(network, 0, network, setting, (200, 50), length)
    assert run.perform().keys() == FOUND[network].keys()
    assert run.record() == run.record() != generate.GenerateRun(network, 1, network, setting, (200, 50), 1).record()


@pytest.mark.parametrize(
    ("more", "said"), [({"seeds": 1}, "One seed shows no spread"), ({"train": 60_001}, "more than MNIST's 60000")]
)
def test_what_makes_no_sense_is_refused(more, said):
    with pytest.raises(CourseError, match=said):
        generate.plan(False, **more)
