"""Networks built from their descriptions: shapes, the same path on numpy and PyTorch, learning, dropout, errors."""

from pathlib import Path

import numpy as np
import pytest

import helpers.nn
from helpers.backend import backend, to_numpy
from helpers.data import load
from helpers.errors import CourseError
from helpers.nn import MLP, Network, evaluate, train_epoch
from helpers.nn.spec import load_spec, read_spec
from helpers.train import fit

SHIPPED = sorted(
    path for path in (Path(helpers.nn.__file__).parent / "networks").glob("*.json") if path.name != "schema.json"
)
SMALL = {
    "name": "small",
    "input": [2, 9, 8],
    "classes": 3,
    "layers": [
        {"type": "conv", "filters": 4, "size": [3, 2], "padding": [1, 0]},
        {"type": "tanh"},
        {"type": "average_pool", "size": 2},
        {"type": "conv", "filters": 5, "size": 3, "stride": [1, 2], "padding": "same"},
        {"type": "relu"},
        {"type": "max_pool", "size": 2, "stride": 1},
        {"type": "dropout", "rate": 0.25},
        {"type": "dense", "units": 3},
        {"type": "softmax"},
    ],
}


def small(**settings):
    return read_spec({**SMALL, **settings})


def batch(spec, n=6, seed=0):
    rng = np.random.default_rng(seed)
    return rng.normal(size=(n, *spec.input)), rng.integers(0, spec.classes, n)


@pytest.mark.parametrize("path", SHIPPED, ids=lambda path: path.stem)
@pytest.mark.parametrize("name", ["numpy", "torch"])
def test_every_shipped_network_has_the_shapes_of_its_description(path, name):
    spec = load_spec(path)
    network = Network(spec, backend(name))
    x = network.backend.asarray(batch(spec, 3)[0])
    i = 0
    for place in spec.places(3):
        x = network.layers[i].forward(x)
        i += 1
        if place.layer.type == "dense" and len(place.shape_in) > 1:
            x = network.layers[i].forward(x)
            i += 1
        assert tuple(x.shape) == (3, *place.shape_out), place.where
    assert sum(int(np.prod(p.shape)) for _, p in network.parameters()) == spec.parameters


@pytest.mark.parametrize("optimiser", ["sgd", "momentum", "rprop", "adam"])
def test_numpy_and_torch_take_the_same_path(optimiser):
    spec = small(optimiser={"type": optimiser})
    networks = [Network(spec, backend(name, "float64")) for name in ("numpy", "torch")]
    for step in range(8):
        x, labels = batch(spec, seed=step)
        for network in networks:
            network.forward(network.backend.asarray(x))
            network.backward(network.backend.asarray(labels))
            network.update(0.05)
    for (name, ours), (other, theirs) in zip(*(n.parameters() for n in networks), strict=True):
        assert name == other
        np.testing.assert_allclose(to_numpy(ours), to_numpy(theirs), rtol=1e-9, atol=1e-11)


def test_the_gradient_of_the_whole_network():
    spec = small()
    network = Network(spec, backend("numpy", "float64"))
    x, labels = batch(spec)

    def loss():
        for layer in network.layers:
            if hasattr(layer, "drawn"):
                layer.drawn = 0  # the same mask each time
        return -np.log(network.forward(x)[np.arange(len(labels)), labels]).mean()

    loss()
    network.backward(labels)
    gradients = {name: gradient for layer in [network] for name, gradient in _gradients(layer)}
    for name, parameter in network.parameters():
        for index in list(np.ndindex(parameter.shape))[::7]:
            here, values = parameter[index], []
            for shift in (1e-6, -1e-6):
                parameter[index] = here + shift
                values.append(loss())
            parameter[index] = here
            assert gradients[name][index] == pytest.approx((values[0] - values[1]) / 2e-6, abs=1e-7), name


def _gradients(network):
    from helpers.nn.optimisers import parameters_and_gradients

    return [(name, gradient.copy()) for name, _, gradient in parameters_and_gradients(network.layers)]


def test_the_described_mlp_starts_as_the_mlp_in_code():
    spec = load_spec(next(path for path in SHIPPED if path.stem == "mlp"))
    described = Network(spec, backend("numpy"))
    weights = [layer.weight for layer in described.layers if hasattr(layer, "weight")]
    coded = MLP([784, 512, 128, 10], backend("numpy"), spec.seed)
    for ours, theirs in zip(weights, (layer.weight for layer in coded.layers if hasattr(layer, "weight")), strict=True):
        np.testing.assert_array_equal(ours, theirs)


def test_it_learns_mnist_through_fit():
    spec = load_spec(next(path for path in SHIPPED if path.stem == "convolutional_nn")).changed(filters=4)
    data = load("mnist", train=1500, test=300)
    run = fit(Network(spec, backend("numpy")), train_epoch, evaluate, data, lr=0.1, epochs=3, progress=False)
    assert run.test_accuracy[-1] > 0.75
    assert run.train_loss[-1] < 0.6 * run.train_loss[0]


def test_dropout_is_off_in_evaluation_only():
    network = Network(small(), backend("numpy"))
    x, labels = batch(network.spec)
    x = x.astype(np.float32)
    assert evaluate(network, x, labels) == evaluate(network, x, labels)
    assert not np.array_equal(network.forward(x), network.forward(x))


def test_the_scale_multiplies_every_standard_deviation():
    one, two = (Network(small(initialisation={"scale": s}), backend("numpy")) for s in (1.0, 2.0))
    for (name, a), (_, b) in zip(one.parameters(), two.parameters(), strict=True):
        np.testing.assert_allclose(b, a if name.endswith("bias") else 2 * a, rtol=1e-6)


def test_mistakes_are_sentences():
    network = Network(small(), backend("numpy"))
    with pytest.raises(CourseError, match="takes images of shape"):
        network.forward(np.zeros((3, 2, 8, 9), np.float32))
    with pytest.raises(CourseError, match="call forward before backward"):
        network.backward(np.zeros(3, int))
    flat = np.zeros((2, 144), np.float32)
    assert network.forward(flat).shape == (2, 3)
