"""The training loop: what it records, what it refuses, and that it keeps quiet."""

import dataclasses
import math
import subprocess
import sys
import types

import numpy as np
import pytest

from helpers import nn, train
from helpers.backend import backend
from helpers.data import Dataset, load
from helpers.errors import CourseError
from helpers.nn import fast_mlp


@pytest.fixture(scope="module")
def data():
    return load(train=500, test=200)


def fit(data, **changes):
    network = nn.FastMLP([784, 16, 10], seed=1)
    settings = {"lr": 0.5, "epochs": 3, "progress": False} | changes
    return train.fit(network, fast_mlp.train_epoch, fast_mlp.evaluate, data, **settings)


def test_a_history_has_an_entry_an_epoch(data):
    seen = []
    history = fit(data, label="mine", on_epoch=lambda h: seen.append(h.epochs))
    assert history.epochs == 3
    assert seen == [1, 2, 3]
    assert history.train_loss[-1] < history.train_loss[0]
    assert history.learning_rate == [0.5] * 3
    rows = list(history.rows())
    assert rows[0]["label"] == "mine"
    assert [row["epoch"] for row in rows] == [1, 2, 3]
    assert set(train.FIELDS) < set(rows[0])


def test_ragged_batches_count_by_their_size(data):
    # With a rate too small to move anything, the training loss is the loss of the network as it was.
    network = nn.FastMLP([784, 16, 10], backend("numpy", "float64"), seed=1)
    loss, _ = fast_mlp.evaluate(network, data.train_images, data.train_labels)
    history = train.fit(
        network, fast_mlp.train_epoch, fast_mlp.evaluate, data, lr=1e-12, epochs=1, batch_size=192, progress=False
    )
    assert history.train_loss[0] == pytest.approx(loss, abs=1e-8)


def test_every_image_once_an_epoch_in_another_order(data):
    orders = []

    def record(network, images, labels, lr, batch_size, order):
        orders.append(order)
        return 1.0

    for seed in (0, 0, 1):
        train.fit(None, record, lambda *_: (1.0, 0.5), data, lr=0.1, epochs=2, seed=seed, progress=False)
    assert all(sorted(order) == list(range(500)) for order in orders)
    assert not np.array_equal(orders[0], orders[1])
    np.testing.assert_array_equal(orders[0], orders[2])
    assert not np.array_equal(orders[0], orders[4])


def test_schedules_reach_the_step(data):
    assert fit(data, lr=nn.exponential_decay(0.4, 0.5)).learning_rate == [0.4, 0.2, 0.1]


def test_torch_data_gets_a_torch_order(data):
    b = backend("torch", "float64")
    network = nn.MLP([784, 16, 10], b, seed=1)
    torch = train.fit(network, nn.train_epoch, nn.evaluate, data.to(b), lr=0.5, epochs=2, progress=False)
    network = nn.MLP([784, 16, 10], backend("numpy", "float64"), seed=1)
    data = data.to(backend("numpy", "float64"))
    ours = train.fit(network, nn.train_epoch, nn.evaluate, data, lr=0.5, epochs=2, progress=False)
    np.testing.assert_allclose(torch.train_loss, ours.train_loss, atol=1e-10)


def test_nan_is_recorded_without_a_flood(data):
    def explode(network, images, labels, lr, **_):
        return float(np.float32(1e38) * np.float32(1e38) * 0)

    with np.testing.suppress_warnings() as log:
        log.record()
        history = train.fit(None, explode, lambda *_: (math.nan, 0.1), data, lr=1, epochs=2, progress=False)
    assert all(map(math.isnan, history.train_loss + history.test_loss))
    assert not log.log
    assert history.best_epoch() == 0


def test_the_sweet_spot_ignores_nan():
    assert train.History(test_loss=[2.0, math.nan, 1.0, 1.5]).best_epoch() == 2
    with pytest.raises(CourseError):
        train.History().best_epoch()


@pytest.mark.parametrize(
    ("settings", "word"),
    [
        ({"lr": 0}, "learning rate 0"),
        ({"lr": -1.0}, "-1.0"),
        ({"lr": math.nan}, "nan"),
        ({"lr": "fast"}, "fast"),
        ({"lr": lambda epoch: 1 - epoch}, "epoch 2"),
        ({"epochs": 0}, "epochs=0"),
        ({"epochs": 2.5}, "epochs=2.5"),
        ({"batch_size": 0}, "batch_size=0"),
    ],
)
def test_settings_that_cannot_train(data, settings, word):
    with pytest.raises(CourseError, match=word):
        fit(data, **settings)


def changed(data: Dataset, **arrays) -> Dataset:
    return dataclasses.replace(data, **arrays)


def test_data_that_cannot_train(data):
    images = data.train_images.copy()
    images[3, 5] = np.nan
    with pytest.raises(CourseError, match="train images hold NaN"):
        fit(changed(data, train_images=images))
    for label in (10, -1):
        labels = data.test_labels.copy()
        labels[7] = label
        with pytest.raises(CourseError, match=f"test labels hold {label}"):
            fit(changed(data, test_labels=labels))
    with pytest.raises(CourseError, match="500 images and 499 labels"):
        fit(changed(data, train_labels=data.train_labels[1:]))
    with pytest.raises(CourseError, match="float64"):
        fit(changed(data, train_labels=data.train_labels.astype(float)))


def test_sizes(monkeypatch):
    monkeypatch.delenv("COURSE_SIZE", raising=False)
    assert train.study_size().name == "standard"
    monkeypatch.setenv("COURSE_SIZE", "quick")
    assert train.study_size().name == "quick"
    assert train.study_size("full").train == 60_000
    with pytest.raises(CourseError, match="'full'"):
        train.study_size("ful")


def test_the_bar_is_silent_where_nobody_watches(data, capsys):
    fit(data, progress=True)
    assert capsys.readouterr() == ("", "")


def test_the_bar_draws_in_a_terminal(data, monkeypatch):
    written = []
    monkeypatch.setattr(
        sys, "stderr", types.SimpleNamespace(isatty=lambda: True, write=written.append, flush=lambda: None)
    )
    fit(data, progress=True, label="mine")
    assert "mine" in "".join(written)


def test_import_takes_nothing_heavy():
    code = (
        "import sys, threading; import helpers, helpers.backend, helpers.data, helpers.nn, helpers.train, "
        "helpers.plots, helpers.timing; print(*{'torch', 'matplotlib', 'tqdm', 'array_api_compat', 'pooch'} "
        "& set(sys.modules), threading.active_count())"
    )
    out = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert out.stdout.split() == ["1"]
