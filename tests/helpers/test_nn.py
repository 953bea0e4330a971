"""Layers against finite differences, PyTorch's autograd, and the fast version."""

import numpy as np
import pytest

from helpers import nn
from helpers.backend import backend, to_numpy
from helpers.errors import CourseError
from helpers.nn import fast_mlp

F64 = backend("numpy", "float64")


def batch(n=11, features=6, classes=4, seed=0):
    rng = np.random.default_rng(seed)
    return rng.normal(size=(n, features)), rng.integers(0, classes, n)


def numeric(function, array, step=1e-6):
    gradient = np.zeros_like(array)
    for i in np.ndindex(array.shape):
        keep = array[i]
        array[i] = keep + step
        above = function()
        array[i] = keep - step
        gradient[i] = (above - function()) / (2 * step)
        array[i] = keep
    return gradient


@pytest.mark.parametrize("layer", [nn.Linear(6, 3, F64, 1), nn.Sigmoid(), nn.Softmax()])
def test_input_gradient_is_the_finite_difference(layer):
    x, _ = batch()
    upstream = np.random.default_rng(9).normal(size=layer.forward(x).shape)
    expected = numeric(lambda: float(np.sum(layer.forward(x) * upstream)), x)
    layer.forward(x)
    np.testing.assert_allclose(layer.backward(upstream), expected, atol=1e-8)


def test_all_parameter_gradients_are_the_finite_differences():
    x, y = batch()
    network = nn.MLP([6, 5, 3, 4], F64, 2)
    network.forward(x)
    network.backward(y)
    for layer in network.layers[::2]:
        for name in ("weight", "bias"):
            expected = numeric(lambda: float(nn.cross_entropy(network.forward(x), y)), getattr(layer, name))
            np.testing.assert_allclose(getattr(layer, f"grad_{name}"), expected, atol=1e-8)


def test_gradients_are_autograds():
    import torch

    x, y = batch()
    network = nn.MLP([6, 5, 4], F64, 2)
    network.forward(x)
    network.backward(y)
    parameters = [
        torch.tensor(p, requires_grad=True) for k in (0, 2) for p in (network.layers[k].weight, network.layers[k].bias)
    ]
    w1, b1, w2, b2 = parameters
    logits = torch.sigmoid(torch.tensor(x) @ w1 + b1) @ w2 + b2
    loss = torch.nn.functional.cross_entropy(logits, torch.tensor(y))
    loss.backward()
    assert float(nn.cross_entropy(network.forward(x), y)) == pytest.approx(loss.item(), abs=1e-12)
    ours = [g for k in (0, 2) for g in (network.layers[k].grad_weight, network.layers[k].grad_bias)]
    for mine, theirs in zip(ours, parameters, strict=True):
        np.testing.assert_allclose(mine, theirs.grad.numpy(), atol=1e-12)


def test_extreme_logits_stay_finite():
    z = np.array([[1000.0, -1000.0, 0.0], [-1000.0, -1000.0, -1000.0]])
    p = nn.Softmax().forward(z)
    np.testing.assert_allclose(p, [[1, 0, 0], [1 / 3] * 3])
    with np.errstate(all="raise"):
        assert nn.Sigmoid().forward(z)[0].tolist() == [1, 0, 0.5]
    assert np.isfinite(nn.cross_entropy(p, np.array([1, 0])))


def test_inputs_are_left_alone_and_gradients_do_not_add_up():
    x, y = batch()
    keep = x.copy()
    network = nn.MLP([6, 5, 4], F64)
    network.forward(x)
    network.backward(y)
    first = network.layers[0].grad_weight.copy()
    network.backward(y)
    np.testing.assert_array_equal(first, network.layers[0].grad_weight)
    np.testing.assert_array_equal(x, keep)


def test_weights_have_variance_one_over_inputs():
    weight = nn.Linear(900, 400, F64, 0).weight
    assert weight.shape == (900, 400)
    assert weight.std() == pytest.approx(1 / 30, rel=0.01)


@pytest.mark.parametrize("sizes", [[6, 5, 4], [6, 4], [6, 32, 16, 4]])
@pytest.mark.parametrize("n", [64, 50, 7])
def test_fast_and_readable_and_torch_walk_the_same_path(sizes, n):
    x, y = batch(150)
    order = np.random.default_rng(4).permutation(150)
    networks = {
        "numpy": (nn.MLP(sizes, F64, 3), nn),
        "fast": (nn.FastMLP(sizes, F64, 3), fast_mlp),
        "torch": (nn.MLP(sizes, backend("torch", "float64"), 3), nn),
    }
    losses, results = {}, {}
    for name, (network, steps) in networks.items():
        b = backend("torch" if name == "torch" else "numpy", "float64")
        bx, by, bo = b.asarray(x), b.asarray(y), b.asarray(order)
        losses[name] = [steps.train_epoch(network, bx, by, 0.7, n, o) for o in (bo, None)]
        losses[name] += steps.evaluate(network, bx, by)
        results[name] = [
            to_numpy(p) for p in (network.weights if name == "fast" else [k.weight for k in network.layers[::2]])
        ]
    for name in ("fast", "torch"):
        np.testing.assert_allclose(losses[name], losses["numpy"], atol=1e-10)
        for one, other in zip(results[name], results["numpy"], strict=True):
            np.testing.assert_allclose(one, other, atol=1e-10)


def test_tiles_do_not_change_the_result(monkeypatch):
    x, y = batch(96, 120, 10)
    results = []
    for small in (0, 10**4, 10**9):
        monkeypatch.setattr(fast_mlp, "SMALL", small)
        network = nn.FastMLP([120, 48, 10], F64, 1)
        fast_mlp.train_epoch(network, x, y, 0.5, 32)
        results.append(network.weights[0])
    np.testing.assert_allclose(results[1], results[0], atol=1e-13)
    np.testing.assert_allclose(results[2], results[0], atol=1e-13)


def test_fast_copies_a_readable_network():
    x, _ = batch()
    network = nn.MLP([6, 5, 4], F64, 8)
    fast = nn.FastMLP.from_mlp(network, F64)
    np.testing.assert_allclose(fast.forward(x), network.forward(x), atol=1e-14)


@pytest.mark.parametrize(
    "call",
    [
        lambda: nn.Linear(0, 3, F64),
        lambda: nn.MLP([784]),
        lambda: nn.MLP([6, 5, 4], F64).forward(np.ones((2, 7))),
        lambda: nn.FastMLP([6, 4], F64).forward(np.ones((2, 7))),
        lambda: nn.FastMLP([6, 4], backend("torch")),
        lambda: nn.cross_entropy(np.ones((3, 4)) / 4, np.zeros(2, int)),
        lambda: nn.train_epoch(nn.MLP([6, 4], F64), np.ones((3, 6)), np.zeros(2, int), 0.1),
        lambda: nn.cross_entropy(np.ones((2, 4)) / 4, np.array([0, 4])),
        lambda: nn.cross_entropy(np.ones((2, 4)) / 4, np.array([0, -1])),
        lambda: nn.cross_entropy_gradient(np.ones((2, 4)) / 4, np.array([0.0, 1.0])),
        lambda: fast_mlp.train_epoch(nn.FastMLP([6, 4], F64), np.ones((2, 6)), np.array([0, 4]), 0.1),
        lambda: nn.Linear(6, 3, F64).backward(np.ones((2, 3))),
        lambda: nn.Linear(6, 3, F64).update(0.1),
        lambda: nn.Sigmoid().backward(np.ones((2, 3))),
        lambda: nn.constant(-1),
        lambda: nn.step_decay(1, every=0),
        lambda: nn.cosine_decay(1, 0),
    ],
)
def test_mistakes_are_sentences(call):
    with pytest.raises(CourseError) as error:
        call()
    assert str(error.value).endswith(".")


def test_schedules():
    assert [nn.step_decay(1, 0.5, 2)(e) for e in range(5)] == [1, 1, 0.5, 0.5, 0.25]
    assert [nn.exponential_decay(1, 0.5)(e) for e in range(3)] == [1, 0.5, 0.25]
    cosine = nn.cosine_decay(1, 10, 0.1)
    assert cosine(0) == 1
    assert cosine(5) == pytest.approx(0.55)
    assert cosine(10) == pytest.approx(0.1)
    assert nn.constant(0.3)(17) == 0.3


@pytest.mark.parametrize("layer", [nn.Linear(6, 3, F64, 1), nn.Sigmoid(), nn.Softmax(), nn.ReLU(), nn.Tanh()])
def test_errors_name_the_layer_and_the_shape(layer):
    name = str(layer)
    with pytest.raises(CourseError, match=f"Nothing has gone through {name} yet"):
        layer.backward(np.ones((2, 3)))
    shape = layer.forward(np.ones((2, 6))).shape
    with pytest.raises(CourseError, match=rf"The gradient for {name} has shape \(2, 7\).*\({shape[0]}, {shape[1]}\)"):
        layer.backward(np.ones((2, 7)))


def test_a_linear_layer_says_its_name():
    layer = nn.Linear(6, 3, F64)
    with pytest.raises(CourseError, match=r"Linear 6 → 3 takes arrays of shape \(N, 6\) and got \(2, 5\)"):
        layer.forward(np.ones((2, 5)))
    with pytest.raises(CourseError, match="Linear 6 → 3 has no gradient yet"):
        layer.update(0.1)
