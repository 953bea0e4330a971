"""nn.build: FastCNN where it fits and Network elsewhere, from the same weights along the same path; their states."""

import numpy as np
import pytest

from helpers import nn
from helpers.backend import backend, to_numpy
from helpers.data import load
from helpers.errors import CourseError
from helpers.nn.fast_columns import column_order, shifts
from helpers.nn.fast_tiles import column_tiles, largest_divisor, overlapping, row_tiles
from helpers.nn.spec import NETWORKS, load_spec, read_spec
from helpers.train import fit

F64 = backend("numpy", "float64")


def described(stages, hidden=(), image=(1, 12, 13), classes=4, relu_first=True, **settings):
    """A spec; stages: (filters, size) of each."""
    after = [{"type": "relu"}, {"type": "max_pool", "size": 2}]
    layers = []
    for filters, size in stages:
        layers += [{"type": "conv", "filters": filters, "size": size}, *after[:: 1 if relu_first else -1]]
    for units in hidden:
        layers += [{"type": "dense", "units": units}, {"type": "relu"}]
    layers += [{"type": "dense", "units": classes}, {"type": "softmax"}]
    return read_spec({"name": "net", "input": list(image), "classes": classes, "layers": layers, **settings})


CASES = [
    described([(3, 3)]),
    described([(5, [2, 3])], (7,), (2, 9, 10), seed=3),
    described([(3, 3), (6, 2)], (8,), (1, 14, 15), initialisation={"scale": 1.5}),
    described([(4, 3), (2, 3)], (9, 6), (3, 15, 13), relu_first=False, seed=5, initialisation={"scale": 1.4}),
    described([(2, [3, 2]), (4, [2, 3]), (3, 2)], (6, 5, 7), (1, 25, 26), initialisation={"scale": 1.6}),
]


def images_of(spec, n, seed=0):
    rng = np.random.default_rng(seed)
    images = rng.random((n, *spec.input))
    images[:, :, :3] = 0.25  # equal pixels, as in MNIST's background: whole pooling windows tie
    return images, rng.integers(0, spec.classes, n)


def assert_same(one, other, atol=1e-12):
    for (name, a), (also, b) in zip(one.parameters(), other.parameters(), strict=True):
        assert name == also
        np.testing.assert_allclose(a, to_numpy(b), rtol=0, atol=atol, err_msg=name)


@pytest.mark.parametrize("spec", CASES)
def test_both_start_from_the_same_weights(spec):
    for dtype in ("float32", "float64"):
        fast, slow = nn.build(spec, backend("numpy", dtype)), nn.Network(spec, backend("numpy", dtype))
        assert isinstance(fast, nn.FastCNN)
        for (name, a), (also, b) in zip(fast.parameters(), slow.parameters(), strict=True):
            assert (name, a.shape, a.dtype) == (also, b.shape, b.dtype)
            np.testing.assert_array_equal(a, b)


@pytest.mark.parametrize("spec", CASES)
def test_both_walk_the_same_path(spec):
    """20 steps of 9 images and a ragged last one, in an order: losses, every weight, and what they then say."""
    fast, slow = nn.build(spec, F64), nn.Network(spec, F64)
    images, labels = images_of(spec, 184)
    order = np.random.default_rng(1).permutation(184)
    start = [array.copy() for _, array in fast.parameters()]
    assert fast.train_epoch(images[:9], labels[:9], 0.3, 9) == pytest.approx(
        slow.train_epoch(images[:9], labels[:9], 0.3, 9), abs=1e-13
    )
    assert_same(fast, slow)
    losses = [network.train_epoch(images, labels, 0.3, 9, order) for network in (fast, slow)]
    assert losses[0] == pytest.approx(losses[1], abs=1e-11)
    assert_same(fast, slow, 1e-10)
    moved = {name: np.abs(a - b).max() for a, (name, b) in zip(start, fast.parameters(), strict=True)}
    assert min(moved.values()) > 1e-3, moved
    assert fast.evaluate(images, labels) == pytest.approx(slow.evaluate(images, labels), abs=1e-11)
    norms = fast.gradient_norms(images, labels), slow.gradient_norms(images, labels)
    assert norms[0] == pytest.approx(norms[1], rel=1e-8)
    assert list(norms[0]) == [name for name, _ in fast.parameters()]
    assert fast.gradient_norms(images, labels) == norms[0]  # nothing was updated


def test_gradient_norms_are_those_of_finite_differences():
    spec = CASES[0]
    images, labels = images_of(spec, 6)
    for network in (nn.build(spec, F64), nn.Network(spec, F64)):
        norms, squares = network.gradient_norms(images, labels), dict.fromkeys(dict(network.parameters()), 0.0)
        for name, array in network.parameters():
            for index in np.ndindex(array.shape):
                here, values = array[index], []
                for shift in (1e-6, -1e-6):
                    array[index] = here + shift
                    values.append(network.evaluate(images, labels)[0])
                array[index] = here
                squares[name] += ((values[0] - values[1]) / 2e-6) ** 2
        assert {name: value**0.5 for name, value in squares.items()} == pytest.approx(norms, rel=1e-5)


def test_float32_stays_beside_float64():
    spec = load_spec(NETWORKS / "convolutional_nn.json").changed(filters=4)
    data = load("mnist", train=640, test=1, flat=False)
    fast, slow = nn.build(spec, backend("numpy")), nn.Network(spec, F64)
    mine = fast.train_epoch(data.train_images, data.train_labels, 0.05)
    assert mine == pytest.approx(slow.train_epoch(data.train_images.astype(float), data.train_labels, 0.05), abs=1e-5)
    assert_same(fast, slow, 1e-5)


@pytest.mark.parametrize("flat", [True, False])
def test_fit_takes_its_steps(flat):
    spec = load_spec(NETWORKS / "convolutional_nn.json").changed(filters=4)
    data = load("mnist", train=1200, test=300, flat=flat)
    network = nn.build(spec, backend("numpy"))
    run = fit(network, *nn.network_steps(network), data, lr=0.1, epochs=3, progress=False)
    assert run.test_accuracy[-1] > 0.75
    slow = nn.Network(spec, backend("numpy"))
    other = fit(slow, *nn.network_steps(slow), data, lr=0.1, epochs=1, progress=False)
    assert other.train_loss[0] == pytest.approx(run.train_loss[0], abs=1e-4)


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"optimiser": {"type": "momentum"}}, "momentum"),
        ({"layers.0.padding": 1}, r"layers\[0\] has padding"),
        ({"layers.0.stride": 2}, r"layers\[0\] has stride"),
        ({"layers.1.type": "tanh"}, "conv, tanh, max_pool"),
        ({"layers.2.type": "average_pool"}, "average_pool"),
        ({"layers.2.size": 3}, "pools"),
        ({"layers.2.stride": 1}, r"layers\[2\] has stride"),
        ({"layers.2.padding": 1}, r"layers\[2\] has padding"),
        ({"layers.4.type": "sigmoid"}, r"layers\[4\] is sigmoid"),
        ({"layers.3": {"type": "dropout", "rate": 0.5}}, r"layers\[3\] is dropout"),
        ({"layers.3": {"type": "dropout", "rate": 0.5}, "layers.4.type": "flatten"}, r"layers\[3\] is dropout"),
    ],
)
def test_what_is_not_fast_is_a_network_and_the_reason_has_words(change, words):
    values = CASES[1].values()
    assert nn.FastCNN.supports(read_spec(values)) == ""
    for path, value in change.items():
        *way, last = path.split(".")
        inside = values
        for name in way:
            inside = inside[int(name) if name.isdigit() else name]
        inside[int(last) if last.isdigit() else last] = value
    spec = read_spec(values)
    with pytest.raises(CourseError, match=words):
        nn.FastCNN.from_spec(spec, F64)
    network = nn.build(spec, F64)
    assert isinstance(network, nn.Network)
    images, labels = images_of(spec, 5)
    assert network.train_epoch(images, labels, 0.1, 5) > 0


def test_shipped_networks_and_backends():
    specs = {path.stem: load_spec(path) for path in NETWORKS.glob("*.json") if path.stem != "schema"}
    fast = {name for name, spec in specs.items() if isinstance(nn.build(spec, F64), nn.FastCNN)}
    assert fast == {"convolutional_nn"}
    assert "no convolution" in nn.FastCNN.supports(specs["mlp"])
    assert isinstance(nn.build(CASES[0], backend("torch")), nn.Network)
    assert isinstance(nn.build(read_spec({**CASES[0].values(), "backend": "torch"})), nn.Network)
    assert isinstance(nn.build(read_spec({**CASES[0].values(), "backend": "numpy"})), nn.FastCNN)


def test_a_flatten_in_the_description_changes_nothing():
    values = CASES[2].values()
    values["layers"].insert(6, {"type": "flatten"})
    spec = read_spec(values)
    fast, slow = nn.build(spec, F64), nn.Network(spec, F64)
    assert isinstance(fast, nn.FastCNN)
    assert_same(fast, slow, 0)
    assert_same(fast, nn.build(CASES[2], F64), 0)


def train(network, spec, seed, rate=0.1):
    images, labels = images_of(spec, 30, seed)
    if isinstance(network, nn.Network):
        images, labels = map(network.backend.asarray, (images, labels))
    network.train_epoch(images, labels, rate, 8)


def test_states_of_plain_sgd_are_interchangeable():
    spec = CASES[3]
    fast, slow = nn.build(spec, F64), nn.Network(spec, F64)
    train(fast, spec, 0)
    state = fast.state()
    assert all(isinstance(value, np.ndarray) for value in state.values())
    assert state["optimiser.steps"] == 4
    slow.load_state(state)
    train(fast, spec, 1)
    train(slow, spec, 1)
    assert_same(fast, slow)
    assert state["0.bias"].tolist() != dict(fast.parameters())["0.bias"].tolist()  # a state is no view
    other = nn.build(spec, F64)
    other.load_state(slow.state())
    train(other, spec, 2)
    train(slow, spec, 2)
    assert_same(other, slow)
    assert slow.state().keys() == other.state().keys()
    assert slow.state()["optimiser.steps"] == other.state()["optimiser.steps"] == 12


@pytest.mark.parametrize("kind", ["momentum", "rprop", "adam"])
@pytest.mark.parametrize("name", ["numpy", "torch"])
def test_a_network_goes_on_from_its_state(kind, name):
    values = CASES[1].values()
    values["layers"].insert(3, {"type": "dropout", "rate": 0.3})
    spec = read_spec({**values, "optimiser": {"type": kind}})
    one, two = nn.Network(spec, backend(name, "float64")), nn.Network(spec, backend(name, "float64"))
    train(one, spec, 0, 0.01)
    state = {key: value.copy() for key, value in one.state().items()}
    assert state["3.drawn"] == 4
    two.load_state(state)
    for network in (one, two):
        train(network, spec, 1, 0.01)
    for key, value in one.state().items():
        np.testing.assert_array_equal(value, two.state()[key], err_msg=key)


def test_a_state_of_another_network_is_refused_and_changes_nothing():
    for network in (nn.build(CASES[0], F64), nn.Network(CASES[0], F64)):
        before = network.state()
        missing = {key: value for key, value in before.items() if key != "0.bias"}
        for state, words in (
            (missing, "0.bias is missing"),
            ({**before, "9.drawn": 1}, "9.drawn is not part"),
            ({**before, "0.bias": np.ones(7)}, r"0.bias has shape \(7,\)"),
            (nn.build(CASES[1], F64).state(), "shape|missing|not part"),
        ):
            with pytest.raises(CourseError, match=words):
                network.load_state(state)
        for key, value in network.state().items():
            np.testing.assert_array_equal(value, before[key])


def test_an_order_out_of_range_is_a_sentence():
    network = nn.build(CASES[0], F64)
    images, labels = images_of(CASES[0], 5)
    for order in ([0, 5], [-1], []):
        with pytest.raises(CourseError, match="from 0 to 4"):
            network.train_epoch(images, labels, 0.1, 2, np.array(order, int))


def test_columns_lie_by_their_bits():
    assert column_order(9, 1) == [0, 2, 4, 6, 8, 1, 3, 5, 7]
    assert column_order(9, 2) == [0, 4, 8, 2, 6, 1, 5, 3, 7]
    memory, pooled = np.array(column_order(9, 2)), column_order(3, 1)
    for i, plane, to, at in shifts(memory, pooled, 3):
        expected = 2 * np.array(pooled)[to] + plane + i
        np.testing.assert_array_equal(memory[at], expected)


def test_tiles_are_views_of_the_right_numbers():
    a = np.arange(2 * 5 * 4 * 6.0).reshape(2, 5, 4, 6)
    windows = overlapping(a, 3, 3)
    for plane in (0, 1):
        for i in range(3):
            np.testing.assert_array_equal(windows[plane, i], a[plane, i : i + 3].reshape(12, 6))
    tiles = row_tiles(windows, 4)
    np.testing.assert_array_equal(tiles[1, 2, 1], windows[1, 2, 4:8])
    tiles = column_tiles(windows, 3)
    np.testing.assert_array_equal(tiles[1, 2, 1], windows[1, 2, :, 3:])
    assert np.shares_memory(tiles, a)
    assert [largest_divisor(n, 40) for n in (320, 37, 41, 100)] == [40, 37, 41, 25]
