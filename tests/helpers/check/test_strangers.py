"""Whatever a student's object does, the student reads a sentence, and never a traceback of ours."""

from __future__ import annotations

import functools

import numpy as np
import pytest

from helpers import check
from helpers.check import CheckFailed
from helpers.check.core import probe
from helpers.check.network_from_scratch import epoch


@pytest.fixture(autouse=True, scope="module")
def drawn_once():
    """The case of `evaluate`, which takes longer to draw than all that is done with it; nothing here changes it."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(epoch, "telling_case", functools.cache(epoch.telling_case))
        yield


class Evil:
    """Every attribute, item and conversion raises."""

    def __getattr__(self, name):
        raise RuntimeError("no attributes here")

    def __getitem__(self, item):
        raise RuntimeError("no items here")

    def __array__(self, *args, **kwargs):
        raise RuntimeError("not an array")

    def __len__(self):
        raise RuntimeError("no length")

    def __bool__(self):
        raise RuntimeError("neither true nor false")


class Hollow:
    """A class that has nothing."""

    def __init__(self, *args, **kwargs):
        pass


def returning(value):
    """A layer, network and function whose every result, parameter and gradient is `value`."""

    class Layer:
        def __init__(self, *args, **kwargs):
            self.weight = self.bias = self.grad_weight = self.grad_bias = value
            self.layers = [self, self, self]

        def forward(self, *args, **kwargs):
            return value

        backward = update = forward

        def __new__(cls, *args, **kwargs):
            return object.__new__(cls)

    return Layer


class Exits:
    def __init__(self, *args, **kwargs):
        raise SystemExit("bye")


class BadProperty:
    def __init__(self, *args, **kwargs):
        pass

    @property
    def weight(self):
        raise ValueError("not today")

    bias = layers = forward = backward = update = weight


def _torch_elsewhere():
    import torch

    return torch.ones(3, device="meta")


VALUES = {
    "none": None,
    "text": "seven",
    "list": [1, 2, 3],
    "ragged": [[1, 2], [3]],
    "integers": np.arange(6).reshape(2, 3),
    "nan": np.full((5, 3), np.nan),
    "infinite": np.full((5, 3), np.inf),
    "complex": np.ones((5, 3)) * 1j,
    "empty": np.zeros((0, 3)),
    "many axes": np.ones((1, 2, 3, 4)),
    "a number": 3.5,
    "a numpy number": np.float64(3.5),
    "true": True,
    "dictionary": {"a": 1},
    "function": len,
    "a class": int,
    "generator": (i for i in range(3)),
    "evil": Evil(),
    "date": np.datetime64("2020-01-01"),
    "read only": np.broadcast_to(np.float64(1), (5, 3)),
    "elsewhere": _torch_elsewhere,
    "huge text": "x" * 1_000_000,
    "not implemented": NotImplemented,
}

CHECKS = {
    "init": lambda t: check.network_from_scratch.linear_init(t),
    "forward": lambda t: check.network_from_scratch.linear_forward(t),
    "backward": lambda t: check.network_from_scratch.linear_backward(t),
    "update": lambda t: check.network_from_scratch.linear_update(t),
    "sigmoid": lambda t: check.network_from_scratch.sigmoid_forward(t),
    "sigmoid'": lambda t: check.network_from_scratch.sigmoid_backward(t),
    "softmax": lambda t: check.network_from_scratch.softmax_forward(t),
    "softmax'": lambda t: check.network_from_scratch.softmax_backward(t),
    "loss": lambda t: check.network_from_scratch.cross_entropy(t),
    "loss'": lambda t: check.network_from_scratch.cross_entropy_gradient(t),
    "mlp": lambda t: check.network_from_scratch.network(t),
    "epoch": lambda t: check.network_from_scratch.train_epoch(t, t),
    "evaluate": lambda t: check.network_from_scratch.evaluate(t, t),
    "spot": lambda t: check.network_from_scratch.sweet_spot(t),
    "step": lambda t: check.network_from_scratch.step_decay(t),
    "exponential": lambda t: check.network_from_scratch.exponential_decay(t),
    "rescale": lambda t: check.network_from_scratch.convention(t, t),
    "portable": lambda t: check.network_from_scratch.portable(t, t),
    "curves": lambda t: check.network_from_scratch.learning_curves(t, t, t, t, size="quick"),
    "study": lambda t: check.network_from_scratch.learning_rate_study(
        t, [1.0, 0.5, 0.1, 0.01, 0.001], t, t, t, epochs=30
    ),
    "experiment": lambda t: check.network_from_scratch.decay_experiment(t, t, t, t, seeds=3, epochs=12),
    "backends": lambda t: check.network_from_scratch.same_on_all(t, ["numpy", "torch"], t, t, t),
    "own training": lambda t: check.network_from_scratch.own_training(t, t, t),
    "form": lambda t: check.network_from_scratch.form(t, t, parts="ABC"),
}


def rejected(run, thing, capsys):
    with pytest.raises(CheckFailed) as failed:
        run(thing)
    shown = capsys.readouterr().out
    assert "Traceback" not in shown + str(failed.value)
    assert str(failed.value).endswith((".", "?", ")", "…", "`"))
    assert len(str(failed.value)) < 700
    return str(failed.value)


STUMBLED = "could not work with what it was given"
"""The last resort where nothing better can be said."""


@pytest.mark.parametrize("value", VALUES)
@pytest.mark.parametrize("which", CHECKS)
def test_a_strange_result_gets_a_sentence(which, value, capsys):
    thing = VALUES[value]() if value == "elsewhere" else VALUES[value]
    for what_the_student_defined in (returning(thing), lambda *a, **k: thing, thing):
        assert STUMBLED not in rejected(CHECKS[which], what_the_student_defined, capsys)


CLASSES = {"hollow": Hollow, "exits": Exits, "bad property": BadProperty, "evil class": Evil, "evil object": Evil()}


@pytest.mark.parametrize("thing", CLASSES)
@pytest.mark.parametrize("which", CHECKS)
def test_a_strange_class_gets_a_sentence(which, thing, capsys):
    rejected(CHECKS[which], CLASSES[thing], capsys)


def _history(**changes):
    from helpers.train import History

    lists = {
        name: list(np.linspace(2.3, 1, 30)) for name in ("train_loss", "test_loss", "learning_rate", "test_accuracy")
    }
    history = History(**lists)
    for name, value in changes.items():
        setattr(history, name, value)
    return history


@pytest.mark.parametrize("value", VALUES)
@pytest.mark.parametrize("name", ["train_loss", "test_loss", "test_accuracy"])
def test_a_strange_history_gets_a_sentence(name, value, capsys):
    thing = VALUES[value]() if value == "elsewhere" else VALUES[value]
    history = _history(**{name: thing})
    rejected(CHECKS["curves"], history, capsys)
    rejected(CHECKS["study"], dict.fromkeys([1.0, 0.5, 0.1, 0.01, 0.001], history), capsys)
    rejected(CHECKS["experiment"], {"a": [history] * 3, "b": thing}, capsys)
    rejected(CHECKS["backends"], {"numpy": history, "torch": thing}, capsys)


@pytest.mark.parametrize("which", ["forward", "sigmoid", "loss", "epoch", "spot"])
def test_what_never_returns_is_stopped(which, monkeypatch, capsys):
    monkeypatch.setattr(probe, "SECONDS", 1)

    def forever(*args, **kwargs):
        while True:
            pass

    class Endless(returning(np.ones((7, 3)))):
        forward = forever

    rejected(CHECKS[which], forever if which in ("loss", "spot") else Endless, capsys)
