"""The runtime study as a command, on a fake machine whose times are known: it goes on, records, draws and judges."""

import csv
import json
from argparse import ArgumentParser
from dataclasses import replace

import pytest
from PIL import Image

from helpers import plots
from helpers.bench import cnn_runtime as bench
from helpers.study import __main__ as study
from helpers.study import cnn_runtime as runtime
from helpers.study.cnn_runtime import record
from helpers.study.cnn_runtime.command import chosen, notice
from helpers.study.cnn_runtime.plan import QUICK, THOROUGH, Piece, Plan, assembled
from helpers.study.cnn_runtime.report import Results, extrapolation, fit_verdict

FIGURES = {
    "batch_sizes.png", "epochs_numpy.png", "epochs_torch.png", "fits_numpy.png", "fits_torch.png",
    "runtime_by_operations.png", "runtime_by_parameters.png", "speed_up.png", "speed_up_by_batch.png",
    "working_sets.png",
}  # fmt: skip


TOTAL = 0.3 + 0.1 * 10 + 0.11 * 9
"""Of the 20 epochs of the fake machine."""


def machine(piece):
    """numpy is quadratic in the filters, PyTorch slower at first and faster from 32 on; the first epoch is slow."""
    said = {"hardware": "Some CPU", "versions": {"numpy": "2"}, "load": [0.0], "made": "2026-01-02", "held": [0] * 20}
    if piece.task == "epochs":
        return {"result": [0.3, *([0.1, 0.11] * 10)[: piece.epochs - 1]], **said}
    times = []
    for k, n in piece.cases:
        base = n / 64 * (1e-3 + 1e-5 * k * k) / piece.threads
        middle = base if piece.backend == "numpy" else base * (32 / k) ** 0.5
        times.append([middle * (1 + 0.01 * (i - piece.rounds // 2)) for i in range(piece.rounds)])
    return {"result": times, **said}


@pytest.fixture
def undrawn(monkeypatch):
    """Figures are made and not drawn, which takes most of the time."""
    monkeypatch.setattr(plots, "save", lambda figure, path: path.write_text(figure.alt))


@pytest.fixture
def calls(monkeypatch):
    """Pieces that were measured; put a number into `stop` to be interrupted after as many."""

    class Calls(list):
        stop = None

    made = Calls()

    def perform(self, on_epoch=None):
        if made.stop is not None and len(made) >= made.stop:
            raise KeyboardInterrupt
        made.append(self.label)
        return machine(self)

    monkeypatch.setattr(Piece, "perform", perform)
    return made


def run(folder, *options):
    study.main(["cnn_runtime", "--out", str(folder), "--backends", "numpy", "torch", *options])


def test_every_figure_is_a_picture_with_words(calls, tmp_path, capsys):
    run(tmp_path)
    assert {path.name for path in tmp_path.glob("*.png")} == FIGURES
    for path in tmp_path.glob("*.png"):
        picture = Image.open(path)
        assert min(picture.size) > 300
        assert len(picture.convert("L").getcolors(1 << 20)) > 5
        assert len(picture.text["Description"]) > 80
    said = capsys.readouterr().out
    assert "One process at a time" in said
    assert "numpy, time against filters" in said
    rows = list(csv.DictReader((tmp_path / "points.csv").open()))
    assert {row["kind"] for row in rows} == {"measured", "predicted"}
    assert sum(1 for _ in csv.DictReader((tmp_path / "epochs.csv").open())) == 40
    one = next(row for row in rows if (row["backend"], row["filters"], row["batch"]) == ("numpy", "16", "64"))
    assert float(one["seconds"]) == pytest.approx(1e-3 + 1e-5 * 256, rel=0.01)


def test_verdicts_are_those_of_the_numbers(calls, undrawn, tmp_path, capsys):
    run(tmp_path)
    said = capsys.readouterr().out
    assert "quadratic 0.0%" in said
    assert "quadratic is best of 4 points" in said
    assert "8 filters 0.50, 16 filters 0.71, 32 filters 1.00, 64 filters 1.41; as fast at 32 filters." in said
    assert "The first epoch takes 3.00 times as long as the others" in said
    assert f"total wrong by {10 * 0.4 / TOTAL - 1:+.1%}" in said  # 0.3 and 0.1, ten times
    assert "  32 to 64   operations 1.87, time 1.90" in said


def test_an_interrupted_study_goes_on(calls, undrawn, tmp_path, capsys):
    calls.stop = 3
    with pytest.raises(SystemExit) as end:
        run(tmp_path)
    assert end.value.code == 130
    assert "stopped; 3 of 6 pieces are kept" in capsys.readouterr().err
    calls.stop = None
    run(tmp_path)
    count = len(Plan(backends=("numpy", "torch")).pieces("x"))
    assert len(calls) == count
    assert len(set(calls)) == count
    run(tmp_path)
    assert len(calls) == count
    run(tmp_path, "--fresh")
    assert len(calls) == 2 * count
    run(tmp_path, "--rounds", "5")  # other rounds are other pieces; epochs stay
    assert len(calls) == 3 * count - 2


@pytest.mark.promise(
    "To record your own card, once: `python -m helpers.study cnn_runtime --record "
    "helpers/study/cnn_runtime/recorded/NAME.json`."
)
def test_a_record_is_read_as_it_was_written(calls, undrawn, tmp_path, capsys):
    file = tmp_path / "records" / "machine.json"
    run(tmp_path, "--record", str(file), "--quick")
    assert f"recorded in {file}" in capsys.readouterr().out
    points = runtime.recorded(folder=file.parent)
    assert {p.kind for p in points} == {"recorded"}
    assert {p.filters for p in points if p.batch == 64} == set(QUICK.filters)
    (numpy_run, torch_run) = record.recorded_epochs(folder=file.parent)
    assert numpy_run.seconds[0] == 0.3
    assert torch_run.backend == "torch"
    assert len(file.read_text().splitlines()) == len(points) + 2 + 7  # a line each
    (found,) = record.records(file.parent)
    assert found.machine["cores"] >= 1


def test_json_holds_points_and_numbers_and_nothing_else(calls, tmp_path, capsys):
    run(tmp_path, "--json")
    values = json.loads(capsys.readouterr().out)
    assert values["verdicts"]["leave_one_out"]["numpy"]["quadratic"] == pytest.approx(0, abs=1e-6)
    (run_of_torch,) = values["verdicts"]["extrapolation"]["torch"]
    assert run_of_torch["errors"]["first 2"] == pytest.approx(10 * 0.4 / TOTAL - 1)
    assert {p["backend"] for p in values["points"] if not p["predicted"]} == {"numpy", "torch"}


def test_more_threads_are_pieces_and_curves_of_their_own(calls, undrawn, tmp_path, capsys):
    run(tmp_path, "--threads", "1", "2", "--sittings", "1")
    assert "numpy, Some CPU, 2 threads: 8 filters 2.00, 16 filters 2.00" in capsys.readouterr().out


def test_two_threads_alone_are_a_study_too(calls, undrawn, tmp_path, capsys):
    run(tmp_path, "--threads", "2")
    said = capsys.readouterr().out
    assert "Times as fast as numpy, Some CPU, 2 threads" in said
    assert "numpy, 8 filters: 1: " in said


def test_sittings_are_put_together(calls, tmp_path):
    pieces = Plan(backends=("numpy",), sittings=3, rounds=4).pieces("x")
    points, runs = assembled(pieces, [machine(p) for p in pieces])
    one = next(p for p in points if (p.filters, p.batch) == (16, 64))
    assert one.rounds == 12
    assert len(runs) == 1


def test_a_record_asks_for_a_thorough_run_and_options_hold():
    def plan(*arguments):
        parser = ArgumentParser()
        parser.add_argument("--quick", action="store_true")
        runtime.add_options(parser)
        return chosen(parser.parse_args(arguments))

    assert plan().filters == (8, 16, 32, 64)
    assert plan("--record", "x.json").filters == THOROUGH.filters
    assert plan("--record", "x.json", "--filters", "8", "8", "16").filters == (8, 16)
    assert plan("--quick").rounds == QUICK.rounds


def test_a_busy_machine_is_told():
    assert "busy (load 3.0 on 2 cores)" in notice([3.0, 1, 1], 2)
    assert "busy" not in notice([0.1, 3, 3], 2)
    assert "busy" not in notice(None, 2)


def test_a_gpu_that_was_measured_needs_no_model():
    cuda = runtime.predicted("Titan X", [8, 16])
    measured = [replace(p, predicted=False, hardware="Card", rounds=3) for p in cuda]
    graph = [replace(p, backend="cuda graph", seconds=p.seconds / 2, low=p.low / 2) for p in measured]
    cpu = [replace(p, backend="numpy", hardware="CPU", seconds=4 * p.seconds, high=5 * p.high) for p in measured]
    results = Results(runtime.Record({"caches": {}}, (*cpu, *measured, *graph)))
    assert results.stand_ins == []
    assert "speeds up a step by a factor of: 8 filters 2.00, 16 filters 2.00" in results.report()
    assert "predicted" not in results.report()


def test_verdicts_follow_other_numbers():
    def points(curve):
        base = runtime.predicted("Titan X", [8, 16, 32, 64])
        return [replace(p, seconds=curve(p.filters)) for p in base]

    assert "exponential is best" in fit_verdict("numpy", points(lambda k: 1e-3 * 2 ** (k / 8)))
    assert "linear 0.0%" in fit_verdict("numpy", points(lambda k: 1e-3 * k))
    even = extrapolation([0.1] * 20)
    assert even["first_over_others"] == pytest.approx(1)
    assert even["errors"]["first 2"] == pytest.approx(0)
    drift = extrapolation([0.1, 0.101, 0.1, 0.101, 0.1, *[0.3] * 15])
    assert drift["holds"] == {"first 2": False, "first 5": False, "2 to 5": False}
    wide = extrapolation([0.1, 0.2] * 10)
    assert wide["holds"]["first 2"]
    assert wide["widths"]["first 2"] > 1


def test_a_real_study_from_end_to_end(undrawn, tmp_path, capsys):
    sizes = ["--filters", "2", "3", "4", "5", "--rounds", "3", "--epochs", "6"]
    study.main(["cnn_runtime", "--quick", "--out", str(tmp_path), "--backends", "numpy", *sizes])
    said = capsys.readouterr().out
    assert "is best of 4 points" in said
    assert "a few epochs for 6, 1 run" in said
    rows = list(csv.DictReader((tmp_path / "points.csv").open()))
    mine = {int(row["filters"]): row for row in rows if row["kind"] == "measured" and row["batch"] == "64"}
    assert set(mine) == {2, 3, 4, 5}
    assert all(1e-5 < float(row["low"]) <= float(row["seconds"]) < 1 for row in mine.values())
    assert {int(row["filters"]) for row in rows if row["kind"] == "predicted"} > {2, 3, 4, 5}
    assert "cuda, Titan X (predicted): 2 filters" in said
    assert int(mine[5]["working_set"]) > int(mine[2]["working_set"]) > 0


def test_the_benchmark_compares_medians(monkeypatch):
    asked = []

    def measure(filters, backends, rounds, progress):
        asked.append((backends, rounds))
        ours = [replace(p, backend="numpy", rounds=rounds) for p in runtime.predicted("Titan X", filters)]
        return [*ours, *(replace(p, backend="torch", seconds=2 * p.seconds) for p in ours)]

    monkeypatch.setattr(bench, "measure", measure)
    monkeypatch.setattr(bench, "cuda_available", lambda: False)
    results = list(bench.bench(5))
    assert asked == [(["numpy", "torch"], 5)]
    assert [r.ratio for r in results] == pytest.approx([0.5] * 4)
    assert results[0].unit == "ms"
    assert "8 filters, numpy against torch" in results[0].as_line()
    monkeypatch.setattr(bench, "cuda_available", lambda: True)
    list(bench.bench(5))
    assert asked[-1][0] == ["cuda graph", "cuda"]
