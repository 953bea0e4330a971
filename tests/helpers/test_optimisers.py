"""Optimisers against torch.optim and the papers' rules, and the same walk on numpy and torch."""

import numpy as np
import pytest
import torch

from helpers import nn
from helpers.backend import backend, to_numpy
from helpers.errors import CourseError
from helpers.nn.optimisers import named_parameters

F64 = backend("numpy", "float64")
T64 = backend("torch", "float64")

OPTIMISERS = {
    "SGD": nn.SGD,
    "Momentum": lambda layers: nn.Momentum(layers, 0.8),
    "Rprop": nn.Rprop,
    "Rprop without backtracking": lambda layers: nn.Rprop(layers, backtrack=False),
    "Adam": lambda layers: nn.Adam(layers, 0.8, 0.95, 1e-6),
}
RATES = {"SGD": 0.3, "Momentum": 0.1, "Rprop": 0.02, "Rprop without backtracking": 0.02, "Adam": 0.03}
THEIRS = {
    "SGD": lambda p, lr: torch.optim.SGD(p, lr),
    "Momentum": lambda p, lr: torch.optim.SGD(p, lr, momentum=0.8),
    "Rprop without backtracking": lambda p, lr: torch.optim.Rprop(p, lr),
    "Adam": lambda p, lr: torch.optim.Adam(p, lr, (0.8, 0.95), 1e-6),
}


class Valley:
    """A layer with two parameters whose gradient is that of Σ curvature·(p − 1)² / 2."""

    def __init__(self, b=F64):
        self.weight, self.bias = b.asarray(np.linspace(-2.0, 3.0, 12).reshape(3, 4)), b.asarray(np.array([4.0, -4.0]))
        self.curvature = b.asarray(np.geomspace(0.05, 9.0, 12).reshape(3, 4))

    def backward(self):
        self.grad_weight, self.grad_bias = self.curvature * (self.weight - 1), 0.7 * (self.bias - 1)


def network(b, seed=0):
    """A small network of every kind of layer."""
    return [
        nn.Conv2d(1, 3, 3, 1, 1, b, [seed, 0]),
        nn.ReLU(),
        nn.MaxPool2d(2),
        nn.Conv2d(3, 4, 2, 1, 0, b, [seed, 1]),
        nn.Tanh(),
        nn.AveragePool2d(2, 1),
        nn.Flatten(),
        nn.Dropout(0.2, [seed, 2]),
        nn.Linear(4, 3, b, [seed, 3]),
        nn.Softmax(),
    ]


def gradients(layers, x, labels):
    """Forward and backward of the mean cross-entropy; returns the loss."""
    for layer in layers:
        x = layer.forward(x)
    gradient = nn.cross_entropy_gradient(x, labels)
    for layer in reversed(layers[:-1]):
        gradient = layer.backward(gradient)
    return float(nn.cross_entropy(x, labels))


def data():
    rng = np.random.default_rng(3)
    return rng.normal(size=(8, 1, 7, 7)), rng.integers(0, 3, 8)


@pytest.mark.parametrize("name", THEIRS)
def test_twenty_steps_are_those_of_torch_optim(name):
    layer, lr = Valley(), RATES[name]
    mine = OPTIMISERS[name]([layer])
    theirs = [torch.tensor(p.copy(), requires_grad=True) for p in (layer.weight, layer.bias)]
    optimiser = THEIRS[name](theirs, lr)
    start = layer.weight.copy()
    for t in range(20):
        if t == 12 and "Rprop" not in name:
            lr = optimiser.param_groups[0]["lr"] = lr / 2
        layer.backward()
        mine.step(lr)
        for parameter, curvature in zip(theirs, (torch.tensor(layer.curvature), 0.7), strict=True):
            parameter.grad = curvature * (parameter.detach() - 1)
        optimiser.step()
        np.testing.assert_allclose(layer.weight, theirs[0].detach(), rtol=0, atol=1e-12)
        np.testing.assert_allclose(layer.bias, theirs[1].detach(), rtol=0, atol=1e-12)
    assert np.abs(layer.weight - start).max() > 0.3


def test_usual_constants_are_those_of_torch_optim():
    layers, tensors = [Valley()], [torch.zeros(2)]
    adam, rprop = nn.Adam(layers), nn.Rprop(layers)
    theirs = torch.optim.Adam(tensors).defaults
    assert ((adam.beta1, adam.beta2), adam.epsilon) == (theirs["betas"], theirs["eps"])
    theirs = torch.optim.Rprop(tensors).defaults
    assert (rprop.shrink, rprop.grow) == theirs["etas"]
    assert (rprop.smallest, rprop.largest) == theirs["step_sizes"]
    assert nn.Momentum(layers).momentum == 0.9


def test_rprop_is_the_rule_of_1993():
    """The paper's three cases, one weight at a time in plain numbers."""
    layer = Valley()
    weights, curvature = layer.weight.ravel().tolist(), layer.curvature.ravel().tolist()
    size, last, change = [0.3] * 12, [0.0] * 12, [0.0] * 12
    mine, turns = nn.Rprop([layer], largest=0.6), 0
    for t in range(30):
        layer.backward()
        mine.step(0.3 if t == 0 else 7.0)
        for i, w in enumerate(weights):
            g = curvature[i] * (w - 1)
            if g * last[i] < 0:
                size[i], change[i], last[i] = max(0.5 * size[i], 1e-6), -change[i], 0.0
                turns += 1
            else:
                if g * last[i] > 0:
                    size[i] = min(1.2 * size[i], 0.6)
                change[i], last[i] = (size[i] if g < 0 else -size[i] if g > 0 else 0.0), g
            weights[i] = w + change[i]
        np.testing.assert_allclose(layer.weight.ravel(), weights, rtol=0, atol=1e-13)
    assert turns > 20
    assert max(size) <= 0.6
    assert np.abs(layer.weight - 1).max() < 0.1


def test_first_step_of_adam_has_the_size_of_the_rate():
    layer = Valley()
    before = layer.weight.copy()
    layer.backward()
    nn.Adam([layer]).step(0.01)
    np.testing.assert_allclose(before - layer.weight, 0.01 * np.sign(layer.grad_weight), rtol=1e-5)


@pytest.mark.parametrize("name", OPTIMISERS)
def test_numpy_and_torch_walk_the_same_path(name):
    x, labels = data()
    paths = []
    for b in (F64, T64):
        layers = network(b)
        optimiser = OPTIMISERS[name](layers)
        losses = []
        for _ in range(10):
            losses.append(gradients(layers, b.asarray(x), b.asarray(labels)))
            optimiser.step(RATES[name])
        paths.append((losses, [to_numpy(p) for _, p in named_parameters(layers)]))
    np.testing.assert_allclose(paths[0][0], paths[1][0], atol=1e-10)
    for one, other in zip(paths[0][1], paths[1][1], strict=True):
        np.testing.assert_allclose(one, other, atol=1e-10)


@pytest.mark.parametrize("b", [
    F64, pytest.param(backend("numpy"), marks=pytest.mark.slow),
    pytest.param(T64, marks=pytest.mark.slow), backend("torch"),
], ids=lambda b: b.label)  # fmt: skip
@pytest.mark.parametrize("name", OPTIMISERS)
def test_steps_are_in_place_and_lower_the_loss(name, b):
    x, labels = b.asarray(data()[0]), b.asarray(data()[1])
    layers = network(b)
    nn.set_training(layers, False)
    optimiser, before = OPTIMISERS[name](layers), named_parameters(layers)
    first = gradients(layers, x, labels)
    for _ in range(60):
        optimiser.step(RATES[name])
        last = gradients(layers, x, labels)
    assert last < 0.6 * first
    assert [n for n, _ in before] == [f"{i}.{p}" for i in (0, 3, 8) for p in ("weight", "bias")]
    assert all(old is new for (_, old), (_, new) in zip(before, named_parameters(layers), strict=True))
    assert all(p.dtype == b.dtype for _, p in before)


@pytest.mark.parametrize("b", [F64, T64], ids=["numpy", "torch"])
@pytest.mark.parametrize("name", OPTIMISERS)
def test_saved_and_loaded_it_goes_on_as_if_nothing_had_happened(name, b):
    whole, cut = Valley(b), Valley(b)
    first, second = OPTIMISERS[name]([whole]), OPTIMISERS[name]([cut])
    for t in range(12):
        if t == 6:
            state = {key: np.array(to_numpy(value)) for key, value in second.state().items()}
            second = OPTIMISERS[name]([cut])
            second.load_state(state)
        for layer, optimiser in ((whole, first), (cut, second)):
            layer.backward()
            optimiser.step(RATES[name])
    np.testing.assert_array_equal(to_numpy(whole.weight), to_numpy(cut.weight))


def test_loaded_states_are_copies():
    layer = Valley()
    optimiser, other = nn.Momentum([layer]), nn.Momentum([layer])
    layer.backward()
    optimiser.step(0.1)
    other.load_state(optimiser.state())
    keep = optimiser.state()["0.weight.velocity"].copy()
    other.step(0.1)
    np.testing.assert_array_equal(optimiser.state()["0.weight.velocity"], keep)


def fresh():
    layer = Valley()
    layer.backward()
    return layer


def with_wrong_gradient():
    layer = fresh()
    layer.grad_bias = layer.grad_bias[:1]
    return nn.SGD([layer])


@pytest.mark.parametrize(
    ("call", "says"),
    [
        (lambda: nn.SGD([nn.ReLU(), nn.Flatten()]), "no parameters"),
        (lambda: nn.SGD([nn.ReLU(), nn.Linear(2, 2, F64)]).step(0.1), r"1\.weight has no gradient"),
        (lambda: nn.Adam([nn.Conv2d(1, 2, 3)]).step(0.1), "has no gradient"),
        (lambda: with_wrong_gradient().step(0.1), r"0\.bias has shape \(1,\)"),
        (lambda: nn.SGD([fresh()]).step(0), "lr=0"),
        (lambda: nn.SGD([fresh()]).step(float("nan")), "lr=nan"),
        (lambda: nn.Momentum([fresh()], 1.0), "momentum=1.0"),
        (lambda: nn.Adam([fresh()], 1.5), "beta1=1.5"),
        (lambda: nn.Adam([fresh()], beta2=-0.1), "beta2=-0.1"),
        (lambda: nn.Adam([fresh()], epsilon=0), "epsilon=0"),
        (lambda: nn.Rprop([fresh()], shrink=1.1), "shrink=1.1"),
        (lambda: nn.Rprop([fresh()], smallest=2, largest=1), "smallest=2"),
        (lambda: nn.Adam([fresh()]).load_state(nn.Momentum([fresh()]).state()), "does not fit"),
        (
            lambda: nn.Momentum([nn.Linear(2, 3, F64)]).load_state(nn.Momentum([nn.Linear(2, 4, F64)]).state()),
            r"0\.weight\.velocity has shape \(2, 4\)",
        ),
    ],
)
def test_mistakes_are_sentences(call, says):
    with pytest.raises(CourseError, match=says) as error:
        call()
    assert str(error.value).endswith(".")
