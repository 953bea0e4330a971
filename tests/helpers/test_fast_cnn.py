"""FastCNN against PyTorch: the same probabilities, losses and steps, for any sizes; MNIST is learned."""

import numpy as np
import pytest
import torch
from torch.nn import functional

from helpers.backend import backend
from helpers.bench.cnn import RATE, TorchCNN, parameters
from helpers.data import load
from helpers.errors import CourseError
from helpers.nn import evaluate
from helpers.nn.fast_cnn import FastCNN

SHAPES = [
    {},
    {"channels": (5,), "filter_size": 5, "image": (3, 13, 10), "classes": 3},
    {"channels": (4, 3), "filter_size": (3, 2), "image": (2, 14, 15), "classes": 4},
    {"channels": (2, 3, 4), "filter_size": 3, "image": (1, 23, 30), "micro_batch": 3},
    {"channels": (4, 1), "filter_size": 1, "image": (1, 9, 6), "micro_batch": 1},
    {"channels": (3, 4), "filter_size": (1, 4), "image": (2, 4, 17), "micro_batch": 100},
    {"channels": (1, 6), "filter_size": (4, 1), "image": (1, 20, 5)},
    {"channels": (3, 5), "filter_size": [(3, 2), (2, 4)], "image": (2, 12, 15), "hidden": (7,)},
    {"channels": (2,), "filter_size": 2, "image": (1, 7, 8), "hidden": (6, 5, 4), "micro_batch": 5},
    # Large enough for products in tiles (fast_tiles) and for several blocks of rows (fast_stage).
    {"channels": (36, 40), "filter_size": 3, "image": (1, 27, 29)},
]


def batch(network, n=21, seed=0):
    rng = np.random.default_rng(seed)
    images = rng.standard_normal((n, *network.image))
    # Equal pixels, as in MNIST's background: whole pooling windows tie.
    images[:, :, :, : network.image[2] // 2] = 0.5
    return images.astype(network.dtype), rng.integers(0, network.classes, n)


def other_biases(network):
    for i, bias in enumerate((*network.biases, *network.dense_biases)):
        bias[...] = np.random.default_rng(i).standard_normal(len(bias)) / 3


def torch_step(network, images, labels, lr):
    """Logits, loss, and parameters after one step, by autograd."""
    tensors = [torch.tensor(p, requires_grad=True) for p in parameters(network)]
    a = torch.tensor(images)
    for weight, bias in zip(tensors[::2], tensors[1::2], strict=True):
        if weight.ndim == 4:
            a = functional.max_pool2d(functional.relu(functional.conv2d(a, weight, bias)), 2)
        else:
            a = functional.linear(a.flatten(1), weight, bias)
            a = a if bias is tensors[-1] else functional.relu(a)
    logits = a
    loss = functional.cross_entropy(logits, torch.tensor(labels))
    loss.backward()
    return logits.detach(), loss.item(), [(t - lr * t.grad).detach().numpy() for t in tensors]


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("sizes", SHAPES)
def test_a_step_is_pytorchs(sizes, dtype):
    network = FastCNN(**sizes, backend=backend("numpy", dtype))
    other_biases(network)
    tolerance = {"atol": 1e-4 if dtype == "float32" else 1e-11}
    for turn in range(3):
        images, labels = batch(network, n=21 - turn, seed=turn)
        logits, loss, after = torch_step(network, images, labels, 0.1)
        np.testing.assert_allclose(network.forward(images), torch.softmax(logits, 1).numpy(), **tolerance)
        before = [p.copy() for p in parameters(network)]
        assert network.step(images, labels, 0.1) == pytest.approx(loss, abs=tolerance["atol"])
        for mine, theirs in zip(parameters(network), after, strict=True):
            np.testing.assert_allclose(mine, theirs, **tolerance)
        assert max(np.abs(a - b).max() for a, b in zip(parameters(network), before, strict=True)) > 1e-3


def test_among_equals_the_first_pixel_gets_the_gradient():
    network = FastCNN((2, 3), 3, (1, 14, 12), 4, backend("numpy", "float64"))
    other_biases(network)
    images, labels = batch(network)
    for weight, bias in zip(network.weights, network.biases, strict=True):
        weight[0], bias[0] = 0, 0.3  # this filter gives the same number everywhere
    _, _, after = torch_step(network, images, labels, 0.1)
    network.step(images, labels, 0.1)
    for mine, theirs in zip(parameters(network), after, strict=True):
        np.testing.assert_allclose(mine, theirs, atol=1e-12)
    assert np.abs(network.weights[0][0]).max() > 1e-4


def test_huge_logits():
    network = FastCNN()
    network.dense[0][...] *= 1e4
    images, labels = batch(network)
    logits, loss, _ = torch_step(network, images, labels, 0.1)
    assert loss > 200  # probabilities far below the smallest float
    np.testing.assert_allclose(network.forward(images), torch.softmax(logits, 1).numpy(), atol=1e-3)
    assert network.step(images, labels, 0.1) == pytest.approx(loss, rel=1e-4)


def test_micro_batches_do_not_change_the_step():
    networks = [FastCNN(micro_batch=m, backend=backend("numpy", "float64")) for m in (64, 16, 7, 1)]
    images, labels = batch(networks[0], 30)
    losses = [network.step(images, labels, 0.1) for network in networks]
    np.testing.assert_allclose(losses, losses[0], rtol=1e-12)
    for network in networks[1:]:
        for one, other in zip(parameters(networks[0]), parameters(network), strict=True):
            np.testing.assert_allclose(one, other, atol=1e-12)


def test_images_of_any_strides_and_integers():
    network = FastCNN()
    images = np.random.default_rng(0).integers(0, 9, (5, 1, 28, 28))
    expected = network.forward(images.astype(np.float32))
    spread = np.zeros((28, 28, 10, 1), np.uint8)[:, :, ::2].transpose(2, 3, 0, 1)
    spread[...] = images
    np.testing.assert_array_equal(network.forward(images), expected)
    np.testing.assert_array_equal(network.forward(spread), expected)
    np.testing.assert_allclose(expected.sum(1), 1, atol=1e-6)


def test_results_are_new_arrays_and_inputs_stay():
    network = FastCNN()
    images, labels = batch(network)
    kept = images.copy()
    first = network.forward(images)
    copy = first.copy()
    network.step(images, labels, 0.1)
    assert np.abs(network.forward(images) - copy).max() > 1e-4
    np.testing.assert_array_equal(first, copy)
    np.testing.assert_array_equal(images, kept)


def test_weights_are_drawn_with_their_variances_and_a_seed():
    network = FastCNN((32, 64), 5, (8, 28, 28))
    assert network.weights[0].shape == (32, 8, 5, 5)
    assert network.dense[0].shape == (1024, 10)
    for array, variance in (
        (network.weights[0], 1 / 200),
        (network.weights[1], 1 / 800),
        (network.dense[0], 1 / 1024),
    ):
        assert array.var() == pytest.approx(variance, rel=0.1)
    np.testing.assert_array_equal(network.weights[1], FastCNN((32, 64), 5, (8, 28, 28)).weights[1])
    assert np.abs(network.weights[1] - FastCNN((32, 64), 5, (8, 28, 28), seed=1).weights[1]).max() > 0.01


def test_mnist_is_learned():
    data = load(train=3000, test=500, flat=False)
    network = FastCNN()
    losses = [
        network.step(data.train_images[i : i + 64], data.train_labels[i : i + 64], 0.1) for i in range(0, 3000, 64)
    ]
    assert np.mean(losses[-10:]) < 0.4 * np.mean(losses[:10])
    loss, accuracy = evaluate(network, data.test_images, data.test_labels)
    assert accuracy > 0.9
    assert loss < 0.35


@pytest.mark.parametrize("layout", ["NCHW", "channels_last"])
def test_the_benchmarks_network_walks_the_same_path(layout):
    data = load(train=256, test=1, flat=False)
    ours = FastCNN()
    other = TorchCNN(ours, data, layout)
    assert other.images.is_contiguous(memory_format=torch.channels_last) or layout == "NCHW"
    for i in range(4):
        part = slice(64 * i, 64 * i + 64)
        mine = ours.step(data.train_images[part], data.train_labels[part], RATE)
        assert float(other.step(part)) == pytest.approx(mine, abs=1e-4)
    assert other.distance(ours) < 1e-4
    ours.weights[0][0, 0, 0, 0] += 1
    assert other.distance(ours) > 0.9


NETWORK = FastCNN()
IMAGES, LABELS = np.zeros((4, 1, 28, 28), np.float32), np.array([0, 1, 2, 9])


@pytest.mark.parametrize(
    ("call", "words"),
    [
        (lambda: NETWORK.forward(np.zeros((4, 783), "f")), r"\(4, 783\)"),
        (lambda: NETWORK.forward(IMAGES[:, :, 1:]), r"\(4, 1, 27, 28\)"),
        (lambda: NETWORK.forward(IMAGES[:0]), r"\(0, 1, 28, 28\)"),
        (lambda: NETWORK.forward(torch.zeros(4, 1, 28, 28)), "Tensor"),
        (lambda: NETWORK.forward(IMAGES.astype(complex)), "complex"),
        (lambda: NETWORK.step(IMAGES, LABELS[:3], 0.1), "4 images and 3 labels"),
        (lambda: NETWORK.step(IMAGES, LABELS + 1, 0.1), "A label is 10"),
        (lambda: NETWORK.step(IMAGES, LABELS / 2, 0.1), "float64"),
        (lambda: NETWORK.step(IMAGES, [[1], [2], [3], [4]], 0.1), r"\(4, 1\)"),
        (lambda: FastCNN((16, 32, 64, 8)), "After 3 stages"),
        (lambda: FastCNN(filter_size=28), "28 × 28"),
        (lambda: FastCNN(()), "are no network"),
        (lambda: FastCNN(image=(28, 28)), "are no network"),
        (lambda: FastCNN((16, 0)), "channels has 0"),
        (lambda: FastCNN(filter_size=(3, 2.5)), "filter_size has 2.5"),
        (lambda: FastCNN(filter_size=2.5), "filter_size has 2.5"),
        (lambda: FastCNN(micro_batch=0), "micro_batch has 0"),
        (lambda: FastCNN(classes="ten"), "classes has 'ten'"),
        (lambda: FastCNN(backend=backend("torch")), "'torch'"),
    ],
)
def test_what_cannot_be_is_a_sentence(call, words):
    with pytest.raises(CourseError, match=words):
        call()
