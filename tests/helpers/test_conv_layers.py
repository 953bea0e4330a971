"""Convolution, pooling, flattening, ReLU, tanh and dropout: finite differences, torch.nn, and every backend alike."""

import numpy as np
import pytest
import torch

from helpers import nn, primitives
from helpers.backend import backend, to_numpy
from helpers.errors import CourseError

F64 = backend("numpy", "float64")
T64 = backend("torch", "float64")


def images(shape=(3, 2, 7, 6), seed=0):
    return np.random.default_rng(seed).normal(size=shape)


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


def forward_again(layer, x):
    """Forward with the mask that dropout would draw first."""
    if isinstance(layer, nn.Dropout):
        layer.drawn = 0
    return layer.forward(x)


LAYERS = {
    "conv": lambda: nn.Conv2d(2, 4, 3, backend=F64, seed=1),
    "conv, stride, padding": lambda: nn.Conv2d(2, 3, (3, 2), (2, 3), (2, 1), F64, 1),
    "conv, tiled": lambda: nn.Conv2d(2, 3, 3, 1, 1, F64, 1, algorithm="tiled"),
    "max": lambda: nn.MaxPool2d(2),
    "max, overlapping": lambda: nn.MaxPool2d(3, 2, 1),
    "average": lambda: nn.AveragePool2d((2, 3)),
    "average, without padding": lambda: nn.AveragePool2d(3, (2, 1), 1, include_padding=False),
    "flatten": nn.Flatten,
    "relu": nn.ReLU,
    "tanh": nn.Tanh,
    "dropout": lambda: nn.Dropout(0.4, 3),
}


@pytest.mark.parametrize("name", LAYERS)
def test_gradients_are_the_finite_differences(name):
    layer, x = LAYERS[name](), images()
    upstream = images(layer.forward(x).shape, 9)

    def function():
        return float(np.sum(forward_again(layer, x) * upstream))

    of_x, of_parameters = numeric(function, x), [numeric(function, p) for _, p in layer.parameters()]
    forward_again(layer, x)
    np.testing.assert_allclose(layer.backward(upstream), of_x, atol=1e-8)
    assert [n for n, _ in layer.parameters()] == [n for n, _ in layer.gradients()]
    for (_, gradient), expected in zip(layer.gradients(), of_parameters, strict=True):
        np.testing.assert_allclose(gradient, expected, atol=1e-8)


def test_relu_at_zero_passes_nothing():
    relu = nn.ReLU()
    assert relu.forward(np.array([-1.0, 0.0, 2.0])).tolist() == [0, 0, 2]
    assert relu.backward(np.ones(3)).tolist() == [0, 0, 1]


THEIRS = {
    "conv": lambda: torch.nn.Conv2d(2, 4, 3),
    "conv, stride, padding": lambda: torch.nn.Conv2d(2, 3, (3, 2), (2, 3), (2, 1)),
    "conv, tiled": lambda: torch.nn.Conv2d(2, 3, 3, 1, 1),
    "max": lambda: torch.nn.MaxPool2d(2),
    "max, overlapping": lambda: torch.nn.MaxPool2d(3, 2, 1),
    "average": lambda: torch.nn.AvgPool2d((2, 3)),
    "average, without padding": lambda: torch.nn.AvgPool2d(3, (2, 1), 1, count_include_pad=False),
    "flatten": torch.nn.Flatten,
    "relu": torch.nn.ReLU,
    "tanh": torch.nn.Tanh,
}


@pytest.mark.parametrize("name", THEIRS)
def test_layers_are_those_of_torch_nn(name):
    layer, theirs, x = LAYERS[name](), THEIRS[name]().double(), torch.tensor(images(), requires_grad=True)
    for (of, ours), parameter in zip(layer.parameters(), theirs.parameters(), strict=True):
        if of == "bias":
            ours += images(ours.shape, 5)
        with torch.no_grad():
            parameter[...] = torch.tensor(ours)
    y = theirs(x)
    upstream = images(tuple(y.shape), 9)
    y.backward(torch.tensor(upstream))
    np.testing.assert_allclose(layer.forward(images()), y.detach(), atol=1e-12)
    np.testing.assert_allclose(layer.backward(upstream), x.grad, atol=1e-12)
    for (_, gradient), parameter in zip(layer.gradients(), theirs.parameters(), strict=True):
        np.testing.assert_allclose(gradient, parameter.grad, atol=1e-12)


@pytest.mark.parametrize("stride", [1, 2])
def test_numpy_and_torch_compute_the_same_with_every_algorithm(stride):
    results = []
    for b, algorithms in ((F64, ("auto", "im2col", "tiled", "direct")), (T64, ("auto", "library", "lowering"))):
        for algorithm in algorithms:
            conv = nn.Conv2d(2, 3, 3, stride, 1, b, [4, 0], algorithm=algorithm)
            y = conv.forward(b.asarray(images()))
            dx = conv.backward(b.asarray(images(tuple(y.shape), 9)))
            results.append([to_numpy(a) for a in (y, dx, conv.grad_weight, conv.grad_bias)])
    for other in results[1:]:
        for one, two in zip(results[0], other, strict=True):
            np.testing.assert_allclose(one, two, atol=1e-12)


def test_algorithm_reaches_all_three_passes():
    conv, x = nn.Conv2d(2, 3, 3, backend=F64, algorithm="tiled"), images()
    asked = []

    def recorded(function):
        def call(*arguments):
            asked.append((function.__name__, arguments[-1]))
            return function(*arguments)

        return call

    with pytest.MonkeyPatch.context() as patch:
        for name in ("conv_forward", "conv_backward_filter", "conv_backward_data"):
            patch.setattr(primitives, name, recorded(getattr(primitives, name)))
        conv.backward(conv.forward(x))
    assert asked == [("conv_forward", "tiled"), ("conv_backward_filter", "tiled"), ("conv_backward_data", "tiled")]
    conv.algorithm = "no such"
    with pytest.raises(CourseError, match="no such"):
        conv.forward(x)


@pytest.mark.parametrize("scale", [1.0, 2.0])
def test_scale_multiplies_the_standard_deviation(scale):
    conv = nn.Conv2d(40, 100, (3, 5), backend=F64, seed=0, scale=scale)
    assert conv.weight.shape == (100, 40, 3, 5)
    assert conv.weight.std() == pytest.approx(scale / (40 * 3 * 5) ** 0.5, rel=0.01)
    assert abs(conv.weight.mean()) < 1e-3
    assert not conv.bias.any()
    np.testing.assert_array_equal(conv.weight, to_numpy(nn.Conv2d(40, 100, (3, 5), 1, 0, T64, 0, scale).weight))


def test_weights_are_those_of_the_fast_network():
    fast = nn.FastCNN((4, 5), 3, (2, 18, 18), 3, F64, seed=6)
    for i, (c, k) in enumerate(((2, 4), (4, 5))):
        np.testing.assert_array_equal(nn.Conv2d(c, k, 3, backend=F64, seed=[6, i]).weight, fast.weights[i])


def test_update_is_gradient_descent_and_inputs_are_left_alone():
    conv, x = nn.Conv2d(2, 3, 3, backend=F64), images()
    upstream = images(conv.forward(x).shape, 9)
    keep = [a.copy() for a in (x, upstream, conv.weight, conv.bias)]
    conv.backward(upstream)
    conv.backward(upstream)
    np.testing.assert_array_equal(x, keep[0])
    np.testing.assert_array_equal(upstream, keep[1])
    np.testing.assert_allclose(conv.grad_bias, upstream.sum((0, 2, 3)), atol=1e-12)
    conv.update(0.5)
    np.testing.assert_allclose(conv.weight, keep[2] - 0.5 * conv.grad_weight, atol=1e-15)
    np.testing.assert_allclose(conv.bias, keep[3] - 0.5 * conv.grad_bias, atol=1e-15)


def test_dropout_keeps_the_expectation():
    layer, x = nn.Dropout(0.3, 0), np.full((400, 500), 2.0)
    y = layer.forward(x)
    np.testing.assert_allclose(np.unique(y), [0, 2 / 0.7])
    assert (y == 0).mean() == pytest.approx(0.3, abs=0.005)
    assert y.mean() == pytest.approx(2, rel=0.01)
    theirs = torch.nn.Dropout(0.3)(torch.tensor(x)).numpy()
    np.testing.assert_allclose(np.unique(y), np.unique(theirs))
    assert y.mean() == pytest.approx(theirs.mean(), rel=0.01)


def test_dropout_draws_one_mask_for_all_backends_and_a_new_one_each_time():
    x = images((40, 50)) + 9
    ours, theirs = nn.Dropout(0.5, [2, 1]), nn.Dropout(0.5, [2, 1])
    masks = []
    for _ in range(2):
        y = ours.forward(x)
        np.testing.assert_array_equal(y, to_numpy(theirs.forward(T64.asarray(x))))
        np.testing.assert_array_equal(ours.backward(x), y)
        masks.append(y != 0)
    assert (masks[0] != masks[1]).mean() == pytest.approx(0.5, abs=0.05)
    resumed, other = nn.Dropout(0.5, [2, 1]), nn.Dropout(0.5, [2, 2])
    resumed.drawn = 1
    np.testing.assert_array_equal(resumed.forward(x) != 0, masks[1])
    assert (other.forward(x) != 0).tolist() != masks[0].tolist()
    assert nn.Dropout(0.5).forward(x.astype(np.float32)).dtype == np.float32


def test_dropout_in_evaluation_changes_nothing():
    x, layer = images(), nn.Dropout(0.5)
    layer.forward(x)
    nn.set_training([nn.ReLU(), layer], False)
    assert layer.forward(x) is x
    assert layer.backward(x) is x
    assert layer.drawn == 1
    nn.set_training([layer], True)
    assert (layer.forward(x) == 0).any()
    assert nn.Dropout(0.0).forward(x) is x


@pytest.mark.parametrize(
    ("call", "says"),
    [
        (lambda: nn.Conv2d(0, 4, 3), "in_channels=0"),
        (lambda: nn.Conv2d(1, 2.5, 3), "filters=2.5"),
        (lambda: nn.Conv2d(1, 4, (3, 0)), "size across=0"),
        (lambda: nn.Conv2d(1, 4, 3, 0), "stride=0"),
        (lambda: nn.Conv2d(1, 4, 3, 1, -1), "padding=-1"),
        (lambda: nn.Conv2d(1, 4, 3, scale=0), "scale=0"),
        (lambda: nn.MaxPool2d(0), "size=0"),
        (lambda: nn.AveragePool2d(2, -1), "stride=-1"),
        (lambda: nn.Dropout(1.0), "1.0"),
        (lambda: nn.Dropout("a half"), "a half"),
        (lambda: nn.Conv2d(3, 4, 3, backend=F64).forward(images()), "Conv2d 3 → 4, 3×3 takes.*3, 2, 7, 6"),
        (lambda: nn.Conv2d(2, 4, 9, backend=F64).forward(images()), "Conv2d 2 → 4, 9×9: .*9 rows"),
        (lambda: nn.Conv2d(2, 4, 3, backend=F64).forward(images((3, 84))), r"got \(3, 84\)"),
        (lambda: nn.Conv2d(2, 4, 3).forward(images()), "type"),
        (lambda: nn.MaxPool2d(2).forward(images((3, 84))), "MaxPool2d 2×2 takes"),
        (lambda: nn.MaxPool2d(2, padding=2).forward(images()), "MaxPool2d 2×2: pad_h=2"),
        (lambda: nn.AveragePool2d(8).forward(images()), "AveragePool2d 8×8: .*8 rows"),
        (lambda: nn.Flatten().forward(images((3, 84))), "Flatten takes"),
        (lambda: nn.Conv2d(2, 4, 3, backend=F64).backward(images()), "before backward"),
        (lambda: nn.Conv2d(2, 4, 3, backend=F64).update(0.1), "before update"),
        (lambda: nn.MaxPool2d(2).backward(images()), "MaxPool2d 2×2 yet"),
        (lambda: nn.AveragePool2d(2).backward(images()), "before backward"),
        (lambda: nn.Flatten().backward(images()), "Flatten yet"),
        (lambda: nn.ReLU().backward(images()), "ReLU yet"),
        (lambda: nn.Tanh().backward(images()), "Tanh yet"),
        (lambda: nn.Dropout(0.5).backward(images()), "Dropout 0.5 yet"),
    ],
)
def test_mistakes_are_sentences(call, says):
    with pytest.raises(CourseError, match=says) as error:
        call()
    assert str(error.value).endswith(".")


@pytest.mark.parametrize("name", LAYERS)
def test_a_gradient_of_another_shape_is_refused(name):
    layer = LAYERS[name]()
    layer.forward(images())
    with pytest.raises(CourseError, match="last output had"):
        layer.backward(images((3, 1, 1, 1)))
