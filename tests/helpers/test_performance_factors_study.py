"""The study's command: every figure, the finished part kept, timings once."""

import csv

import pytest

from helpers import plots
from helpers.study.__main__ import main
from helpers.study.performance_factors import command, timings
from helpers.study.performance_factors.runs import StepsRun

ROWS = {
    "threads": [{"library": "numpy", "size": 8, "threads": n, "seconds": 1 / n} for n in (1, 2)],
    "policy": [],
    "precision": [{"library": "numpy", "dtype": "float32", "gflops": 50.0}],
    "roof": [{"layer": "ReLU", "flops": 10, "bytes": 80, "seconds": 1e-9, "peak": 1e11}],
    "staircase": [{"bytes": 2**k, "bytes_per_s": 1e10} for k in (13, 14)],
}


@pytest.fixture
def measured(monkeypatch):
    """Names of the experiments, in the order in which they were really made."""
    names = []
    for name, rows in ROWS.items():
        monkeypatch.setitem(timings.EXPERIMENTS, name, lambda quick, name=name, rows=rows: names.append(name) or rows)
    monkeypatch.setattr(plots, "save", lambda figure, path: path.write_text(figure.alt))
    monkeypatch.setattr(StepsRun, "perform", lambda self, on_epoch=None: 12)
    monkeypatch.setattr(command, "carry_out_for", lambda options, tasks: [task.perform() for task in tasks])
    return names


def test_every_figure_and_what_is_finished_is_kept(measured, tmp_path, capsys):
    arguments = ["performance_factors", "--quick", "--out", str(tmp_path)]
    main(arguments)
    figures = {"roofline.png", "staircase.png", "threads.png", "time_to_accuracy.png", "scaling.png"}
    assert {path.name for path in tmp_path.glob("*.png")} == figures
    assert measured == list(ROWS)
    with (tmp_path / "scaling.csv").open() as file:
        rows = list(csv.DictReader(file))
    assert {int(row["workers"]) for row in rows} == {2**k for k in range(11)}
    (tmp_path / "runs").joinpath(next((tmp_path / "runs").glob("roof-*")).name).unlink()
    main([*arguments, "--only-timings"])
    assert measured == [*ROWS, "roof"]
    assert "rule root, batch 64" in capsys.readouterr().out


def test_a_record_is_always_measured(measured, tmp_path):
    arguments = ["performance_factors", "--quick", "--only-timings", "--out", str(tmp_path)]
    main(arguments)
    main([*arguments, "--record", str(tmp_path / "here.json")])
    assert measured == [*ROWS, *ROWS]
    assert '"threads"' in (tmp_path / "here.json").read_text()
