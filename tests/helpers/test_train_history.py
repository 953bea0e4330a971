"""The record of a run: names of columns, files, and going on after an interruption."""

import dataclasses
import json
import math

import numpy as np
import pytest

from helpers import nn
from helpers.data import load_split
from helpers.errors import CourseError
from helpers.nn import fast_mlp
from helpers.train import History, fit, write_csv


@pytest.fixture(scope="module")
def split():
    return load_split(train=300, validation=100, test=80, flat=True)


def run(data, network=None, epochs=3, **changes):
    network = network or nn.FastMLP([784, 16, 10], seed=1)
    settings = {"lr": nn.exponential_decay(0.5, 0.9), "epochs": epochs, "progress": False} | changes
    return fit(network, fast_mlp.train_epoch, fast_mlp.evaluate, data, **settings)


def test_validation_is_called_validation(split):
    history = run(split.selection())
    assert history.held_out == "validation"
    assert history.error == [1 - a for a in history.test_accuracy]
    assert {"validation_loss", "validation_accuracy"} < set(next(history.rows()))
    assert "test_loss" in next(run(split.final()).rows())


@pytest.mark.parametrize("part", ["selection", "final"])
def test_a_csv_brings_the_history_back(split, tmp_path, part):
    history = run(getattr(split, part)(), label="mine, with a comma")
    history.train_loss[1] = math.nan
    write_csv(tmp_path / "h.csv", [history, dataclasses.replace(history, label="other")])
    with pytest.raises(CourseError, match=r"h\.csv: Row 4 .*epoch 1"):
        History.read_csv(tmp_path / "h.csv")
    back = History.read_csv(tmp_path / "h.csv", "mine, with a comma")
    for name in ("label", "held_out", "test_loss", "test_accuracy", "learning_rate", "seconds"):
        assert getattr(back, name) == getattr(history, name), name
    assert str(back.train_loss) == str(history.train_loss)


def test_json_brings_everything_back(split):
    history = run(split.selection())
    history.test_loss[0], history.train_loss[2] = math.inf, math.nan
    text = json.dumps(history.to_json(), allow_nan=False)
    assert str(History.from_json(json.loads(text))) == str(history)


@pytest.mark.parametrize(
    ("change", "word"),
    [
        (lambda v: v.pop("seed"), "not a history"),
        (lambda v: v.update(seed="x"), "seed='x'"),
        (lambda v: v["test_loss"].pop(), "different lengths"),
        (lambda v: v.update(test_loss=5), "test_loss='5'"),
    ],
)
def test_damaged_json(split, change, word):
    values = run(split.selection()).to_json()
    change(values)
    with pytest.raises(CourseError, match=word):
        History.from_json(values)


@pytest.mark.parametrize(
    ("content", "word"),
    [
        (b"", "at least one row"),
        (b"\xff\xfe", "no CSV text"),
        (b"label,epoch\nx,1\n", "no 'learning_rate'"),
        (b"label,epoch,learning_rate,train_loss,test_loss,test_accuracy,seconds\nx,1,fast,1,1,1,1\n", "'fast'"),
        (b"label,epoch,learning_rate,train_loss,test_loss,test_accuracy,seconds\nx,2,1,1,1,1,1\n", "epoch 2"),
    ],
)
def test_damaged_csv(tmp_path, content, word):
    (tmp_path / "h.csv").write_bytes(content)
    with pytest.raises(CourseError, match=word):
        History.read_csv(tmp_path / "h.csv")
    with pytest.raises(CourseError, match="No such file"):
        History.read_csv(tmp_path / "none.csv")


def test_an_interrupted_run_goes_on_as_if_unbroken(split):
    data = split.selection()
    whole = run(data, epochs=4)
    network = nn.FastMLP([784, 16, 10], seed=1)
    first = run(data, network, epochs=2)
    both = run(data, network, epochs=4, history=first)
    assert first.epochs == 2
    for name in ("train_loss", "test_loss", "test_accuracy", "learning_rate"):
        np.testing.assert_array_equal(getattr(both, name), getattr(whole, name))
    assert run(data, network, epochs=4, history=both).test_loss == whole.test_loss


@pytest.mark.parametrize(
    ("changes", "word"), [({"seed": 1}, "seed 0"), ({"batch_size": 32}, "batch size 64"), ({}, "training images 300")]
)
def test_a_history_of_other_settings_is_refused(split, changes, word):
    data = split.selection()
    network = nn.FastMLP([784, 16, 10], seed=1)
    first = run(data, network, epochs=1)
    if not changes:
        data = load_split(train=200, validation=100, test=80, flat=True).selection()
    with pytest.raises(CourseError, match=word):
        run(data, network, history=first, **changes)


def test_another_networks_history_is_refused(split):
    data, layers = split.selection(), [784, 16, 10]
    first = fit(nn.MLP(layers), nn.train_epoch, nn.evaluate, data, lr=0.5, epochs=1, progress=False)
    with pytest.raises(CourseError, match="not those that the history ended with after 1 epochs"):
        fit(nn.MLP(layers), nn.train_epoch, nn.evaluate, data, lr=0.5, epochs=2, progress=False, history=first)


def test_a_split_is_no_data_set(split):
    with pytest.raises(CourseError, match=r"pass its selection\(\)"):
        run(split)
