"""`python -m helpers.train` from its options to its files, and every way in which it can be stopped."""

import csv
import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from helpers.command import run
from helpers.nn.shipped import find_spec, names
from helpers.train import History, load_checkpoint
from helpers.train.__main__ import main, parser

SMALL = ["--filters", "2", "--train", "128", "--validation", "64", "--test", "50", "--backend", "numpy"]


@pytest.fixture(autouse=True)
def quick_figures(request, monkeypatch):
    """Drawing takes longer than all the rest; one test looks at the figures themselves."""
    if "figures" not in request.node.name:
        monkeypatch.setattr("helpers.plots.save", lambda figure, path: path.write_bytes(b""))


def train(*arguments, small=SMALL):
    return run(main, [*map(str, arguments), *small])


def test_it_prints_trains_and_writes_figures_too(tmp_path, capsys):
    assert train("convolutional_nn", "--epochs", 3, "--lr", 0.05, "--seed", 7, "--out", tmp_path, "--test-error") == 0
    out, error = capsys.readouterr()
    assert error == ""
    table = out[: out.index("3 epochs")]
    assert table.count("layers[") == 10
    for word in ("parameters", "MFLOP", "MiB", "predicted ms", "2×26×26", "agree with the network as built (FastCNN)"):
        assert word in table
    for word in ("3 epochs, sgd, rate 0.05", "seed 7", "128 training and 64 validation images", "an epoch by the same"):
        assert word in out
    history = History.read_csv(tmp_path / "history.csv")
    assert history.epochs == 3
    assert history.learning_rate == [0.05] * 3
    last = out.splitlines()[-2:]
    assert last[0].startswith(f"Validation error {history.error[-1]:.2%} after 3 epochs")
    assert last[1].startswith("Test error")
    assert "50 images" in last[1]
    assert "predicted" in out.splitlines()[-4]
    assert "measured" in out.splitlines()[-4]
    columns = next(csv.reader((tmp_path / "history.csv").open()))
    assert columns[-3:] == ["validation_loss", "validation_accuracy", "seconds"]
    names = ["history.csv", "learning_curves.png", "validation_error.png", "weights.npz"]
    assert sorted(os.listdir(tmp_path)) == names
    assert "from" in Image.open(tmp_path / "validation_error.png").text["Description"]
    with np.load(tmp_path / "weights.npz") as weights:
        assert weights["0.weight"].shape == (2, 1, 3, 3)


def test_the_test_images_are_not_looked_at_unless_asked(tmp_path, capsys):
    assert train("convolutional_nn", "--epochs", 1, "--out", tmp_path) == 0
    assert "est error" not in capsys.readouterr().out


def test_a_file_of_ones_own_and_a_folder_that_says_what_changed(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    values = {**find_spec("strided").values(), "name": "my net/2"}
    (tmp_path / "mine.json").write_text(json.dumps(values))
    assert train("mine.json", "--epochs", 1) == 0
    (folder,) = (tmp_path / "build" / "train").iterdir()
    assert folder.name == "my_net_2_filters2_train128_validation64"
    assert "Network, numpy" in capsys.readouterr().out


def test_the_same_command_goes_on(tmp_path, capsys):
    assert train("convolutional_nn", "--epochs", 1, "--out", tmp_path / "a") == 0
    assert train("convolutional_nn", "--epochs", 3, "--out", tmp_path / "a") == 0
    assert "Going on after epoch 1 of 3" in capsys.readouterr().out
    assert train("convolutional_nn", "--epochs", 3, "--out", tmp_path / "b") == 0
    a, b = (History.read_csv(tmp_path / name / "history.csv") for name in "ab")
    assert a.test_loss == b.test_loss
    assert train("convolutional_nn", "--epochs", 1, "--fresh", "--out", tmp_path / "a") == 0
    assert load_checkpoint(tmp_path / "a" / "weights.npz").history.epochs == 1


def test_a_broken_run_says_so(tmp_path, capsys):
    values = {**find_spec("convolutional_nn").values(), "initialisation": {"scale": 1e6}}
    (tmp_path / "n.json").write_text(json.dumps(values))
    assert train(tmp_path / "n.json", "--lr", "1e6", "--epochs", 2, "--out", tmp_path) == 0
    out, error = capsys.readouterr()
    assert error == ""
    assert "not finite from epoch 1 on" in out.splitlines()[-1]


def broken_file(folder):
    values = find_spec("convolutional_nn").values()
    values["layers"][2]["size"] = 40
    (folder / "bad.json").write_text(json.dumps(values))


def other_checkpoint(folder):
    assert train("convolutional_nn", "--epochs", 1, "--lr", 0.3, "--out", folder) == 0


def damaged_checkpoint(folder):
    other_checkpoint(folder)
    path = folder / "weights.npz"
    path.write_bytes(path.read_bytes()[:-200])


@pytest.mark.parametrize(
    ("arguments", "words", "before"),
    [
        (["convolutional"], "no network 'convolutional' (did you mean 'convolutional_nn'?)", None),
        (["no.json"], "No such file", None),
        (["DIR/bad.json"], "bad.json: layers[2], max_pool", broken_file),
        (["convolutional_nn", "--lr", "-1"], "--lr -1.0 does not fit", None),
        (["convolutional_nn", "--lr", "nan"], "found NaN", None),
        (["convolutional_nn", "--lr", "fast"], "'fast'", None),
        (["convolutional_nn", "--epochs", "0"], "--epochs 0", None),
        (["convolutional_nn", "--seed", "-1"], "--seed -1", None),
        (["convolutional_nn", "--filters", "0"], "--filters 0", None),
        (["convolutional_nn", "--train", "50001"], "--train 50001 is too many: there are 50000 training images", None),
        (["convolutional_nn", "--validation", "none"], "'none'", None),
        (["convolutional_nn", "--backend", "numpi"], "'numpi'", None),
        (["mlp"], "mlp has no convolution", None),
        (["convolutional_nn", "--out", "DIR/file/x"], "cannot be written", lambda f: (f / "file").write_text("")),
        (["convolutional_nn", "--out", "DIR"], "learning_rate is 0.3 there and 0.1 here", other_checkpoint),
        (["convolutional_nn", "--lr", "0.3", "--out", "DIR"], "weights.npz is damaged", damaged_checkpoint),
        (["convolutional_nn", "--lr", "0.3", "--out", "DIR", "--validation", "63"], "images 64", other_checkpoint),
        (["convolutional_nn", "--lr", "0.3", "--out", "DIR", "--dtype", "float64"], "same precision", other_checkpoint),
        ([], "SPEC.json", None),
    ],
)  # fmt: skip
def test_every_mistake_is_one_sentence_and_loses_nothing(arguments, words, before, tmp_path, capsys, monkeypatch):
    monkeypatch.chdir(tmp_path)
    if before:
        before(tmp_path)
    capsys.readouterr()
    files = {path: path.read_bytes() for path in tmp_path.rglob("*") if path.is_file()}
    given = [a.replace("DIR", str(tmp_path)) for a in arguments]
    try:  # a later option wins, so the case's own stand last
        code = run(main, [*given[:1], *(SMALL if given else []), "--epochs", "2", *given[1:]])
    except SystemExit as leave:
        code = leave.code
    error = capsys.readouterr().err
    assert code == 2
    assert error.startswith("error: ")
    assert words in error
    assert error.count("\n") == 1
    assert {path: path.read_bytes() for path in files} == files


def test_a_full_disk_at_the_end_keeps_the_weights(tmp_path, capsys, monkeypatch):
    from helpers import plots

    def full(*_):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(plots, "save", full)
    assert train("convolutional_nn", "--epochs", 1, "--out", tmp_path) == 2
    error = capsys.readouterr().err
    assert "No space left on device" in error
    assert "weights.npz has all 1 epochs" in error
    monkeypatch.undo()
    assert train("convolutional_nn", "--epochs", 1, "--out", tmp_path) == 0
    assert (tmp_path / "validation_error.png").exists()
    assert [name for name in os.listdir(tmp_path) if name.startswith(".")] == []


def start(out, *more):
    command = [sys.executable, "-m", "helpers.train", "convolutional_nn", *SMALL, "--train", "2000", *more]
    process = subprocess.Popen(
        [*command, "--epochs", "500", "--out", str(out)], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )
    deadline = time.monotonic() + 60
    while not (out / "weights.npz").exists() and process.poll() is None and time.monotonic() < deadline:
        time.sleep(0.02)
    time.sleep(0.1)
    return process


def test_ctrl_c_keeps_what_is_done_and_says_how_to_go_on(tmp_path):
    process = start(tmp_path)
    process.send_signal(signal.SIGINT)
    _, error = process.communicate(timeout=60)
    assert process.returncode == 130, error
    done = load_checkpoint(tmp_path / "weights.npz").history
    assert f"stopped: {done.epochs} of 500 epochs are kept" in error
    assert f"To go on: python -m helpers.train convolutional_nn {' '.join(SMALL)} --train 2000 --epochs 500" in error
    assert "Traceback" not in error
    assert History.read_csv(tmp_path / "history.csv").test_loss == done.test_loss


def test_killed_in_the_middle_and_gone_on_with(tmp_path, capsys):
    process = start(tmp_path / "killed")
    process.kill()
    process.communicate(timeout=60)
    had = load_checkpoint(tmp_path / "killed" / "weights.npz").history.epochs
    for name in ("killed", "whole"):
        assert (
            train("convolutional_nn", "--epochs", had + 2, "--out", tmp_path / name, small=[*SMALL, "--train", "2000"])
            == 0
        )
    killed, whole = (History.read_csv(tmp_path / name / "history.csv") for name in ("killed", "whole"))
    assert killed.epochs == had + 2
    assert killed.test_loss == whole.test_loss
    assert killed.train_loss == whole.train_loss


def test_stopped_before_the_first_epoch(tmp_path, capsys, monkeypatch):
    def stop(*_, **__):
        raise KeyboardInterrupt

    monkeypatch.setattr("helpers.train.from_spec.fit", stop)
    with pytest.raises(SystemExit) as leave:
        train("convolutional_nn", "--epochs", 2, "--out", tmp_path, "--fresh")
    assert leave.value.code == 130
    error = capsys.readouterr().err
    assert "no epoch was done yet" in error
    assert error.rstrip().endswith("--fresh " + " ".join(SMALL))  # to go on without it would be with the older run
    assert os.listdir(tmp_path) == []


def test_stopped_while_saving_an_epoch(tmp_path, capsys, monkeypatch):
    from helpers.train import from_spec

    save, saved = from_spec.save_checkpoint, []

    def stop_at_the_third(*arguments):
        saved.append(arguments)
        if len(saved) == 3:
            raise KeyboardInterrupt
        return save(*arguments)

    monkeypatch.setattr(from_spec, "save_checkpoint", stop_at_the_third)
    with pytest.raises(SystemExit):
        train("convolutional_nn", "--epochs", 5, "--out", tmp_path)
    assert "stopped: 2 of 5 epochs are kept" in capsys.readouterr().err
    assert History.read_csv(tmp_path / "history.csv").epochs == 2


def test_the_page_about_training_tells_the_truth(tmp_path):
    page = (Path(__file__).parents[2] / "docs" / "training.md").read_text()
    (tmp_path / "page.json").write_text(page.split("```json\n")[1].split("```")[0])
    spec = find_spec(tmp_path / "page.json")
    table = page[page.index("| field |") : page.index("The message for a mistake")]
    for field in spec.values():
        assert f"`{field}`" in table or f"`{field}." in table or field == "$schema", field
    for action in parser()._actions:
        option = action.option_strings[-1] if action.option_strings else ""
        assert option in ("", "--help") or f"`{option}" in page, option
    for name in names():
        assert f"`{name}`" in page
