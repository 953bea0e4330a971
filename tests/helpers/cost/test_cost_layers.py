"""Counting: by hand, by the definition's loops, and against what a built network really holds."""

import itertools
from math import prod

import numpy as np
import pytest

from helpers.backend import backend
from helpers.cost import LayerCost, Work, cost_table, layer_costs, step_cost
from helpers.errors import CourseError
from helpers.nn import MLP, FastMLP, Network
from helpers.nn.shipped import find_spec, names
from helpers.nn.spec import read_spec
from helpers.primitives import ConvSpec
from helpers.study.cnn_runtime import training_flops


def network(*layers, image=(2, 7, 6), optimiser="sgd", images=3):
    classes = next(layer["units"] for layer in reversed(layers) if layer["type"] == "dense")
    return read_spec({
        "name": "small", "input": list(image), "classes": classes, "layers": [*layers, {"type": "softmax"}],
        "optimiser": {"type": optimiser}, "batch_size": images,
    })  # fmt: skip


DENSE = {"type": "dense", "units": 5}


def of(kind, *layers, **settings) -> LayerCost:
    return next(layer for layer in layer_costs(network(*layers, **settings)) if layer.type == kind)


def test_a_dense_layer_by_hand():
    first, second = (x for x in layer_costs(network(DENSE, DENSE, image=(1, 1, 4), images=3)) if x.type == "dense")
    # 3 images, 4 -> 5: products 2·3·4·5 = 120, a bias for each of 15 outputs
    assert first.forward == Work(120 + 15, 4 * (12 + 20 + 5 + 15))
    # the gradient of 20 weights and 5 biases from x (12) and dy (15); the images need none
    assert first.backward == Work(120 + 15, 4 * (12 + 15 + 20 + 5))
    # 5 -> 5: and the gradient for the input, from dy (15) and 25 weights
    assert second.forward == Work(150 + 15, 4 * (15 + 25 + 5 + 15))
    assert second.backward == Work(150 + 15 + 150, 4 * (15 + 15 + 25 + 5) + 4 * (15 + 25 + 15))
    assert (first.parameters, second.parameters) == (25, 30)
    assert first.update == Work(2 * 25, 3 * 4 * 25)


def test_a_convolution_is_the_seven_loops():
    layer = {"type": "conv", "filters": 4, "size": [3, 2], "stride": [2, 1], "padding": [1, 0]}
    costs = layer_costs(network({"type": "conv", "filters": 2, "size": 1}, layer, DENSE))
    spec = ConvSpec(3, 2, 7, 6, 4, 3, 2, 2, 1, 1, 0)
    products = sum(2 for _ in itertools.product(*map(range, (3, 4, 2, 3, 2, spec.P, spec.Q))))
    x, w, y = prod(spec.x_shape), prod(spec.w_shape), prod(spec.y_shape)
    assert costs[1].forward == Work(products + y, 4 * (x + w + 4 + y))
    assert costs[1].backward == Work(2 * products + y, 4 * (x + y + w + 4) + 4 * (y + w + x))
    assert costs[1].lowered_bytes == spec.lowered_bytes()
    # 2 channels and 4 filters in registers of 16
    assert costs[1].channel_padding == 8 * 4
    assert costs[0].backward.flops == costs[0].forward.flops  # the first: no gradient for the images


@pytest.mark.parametrize(
    ("kind", "forward", "backward", "arrays"),
    [("relu", 1, 1, 3), ("sigmoid", 4, 3, 3), ("tanh", 5, 3, 3), ("dropout", 2, 1, 3), ("softmax", 5, 2, 2)],
)
def test_what_goes_number_by_number(kind, forward, backward, arrays):
    middle = {"type": kind, **({"rate": 0.1} if kind == "dropout" else {})}
    layer = of(kind, DENSE, *([] if kind == "softmax" else [middle]), DENSE)
    assert layer.forward == Work(15 * forward, 4 * 2 * 15)
    assert layer.backward == Work(15 * backward, 4 * arrays * 15)


def test_pooling():
    conv = {"type": "conv", "filters": 2, "size": 1}
    inputs, outputs = 3 * 2 * 7 * 6, 3 * 2 * 3 * 3
    largest = of("max_pool", conv, {"type": "max_pool", "size": 2}, DENSE)
    assert largest.forward == Work(3 * outputs, 4 * (inputs + outputs))
    assert largest.backward == Work(outputs, 4 * (2 * outputs + inputs))
    mean = of("average_pool", conv, {"type": "average_pool", "size": 2}, DENSE)
    assert mean.forward == Work(4 * outputs, 4 * (inputs + outputs))
    assert mean.backward == Work(4 * outputs, 4 * (outputs + inputs))


def test_nothing_flows_back_before_the_first_parameters():
    spec = network({"type": "relu"}, {"type": "max_pool", "size": 2}, {"type": "flatten"}, DENSE)
    for layer in layer_costs(spec)[:3]:
        assert layer.backward == Work()
    relu, _, flatten, dense = layer_costs(spec, input_gradient=True)[:4]
    assert relu.backward.flops > 0
    assert flatten.forward == flatten.backward == Work()
    assert dense.backward.flops > 1.5 * dense.forward.flops


@pytest.mark.parametrize("name", names())
def test_it_is_what_the_built_network_holds(name):
    spec = find_spec(name)
    built, images = Network(spec, backend("numpy")), 2
    x = np.random.default_rng(0).standard_normal((images, *spec.input), dtype=np.float32)
    kept, shapes = 0, []
    for layer in built.layers:
        y = layer.forward(x)
        if type(layer).__name__ != "Flatten":
            kept += y.nbytes
            shapes.append(tuple(y.shape[1:]))
        x = y
    cost = step_cost(spec, images)
    assert cost.activation_bytes == kept
    assert [layer.output for layer in cost.layers if layer.type != "flatten"] == shapes
    assert cost.parameters == sum(a.size for _, a in built.parameters())
    assert cost.parameter_bytes == cost.gradient_bytes == sum(a.nbytes for _, a in built.parameters())
    state = built.optimiser.state()
    assert cost.optimiser_bytes == sum(a.nbytes for name, a in state.items() if name != "steps")
    assert step_cost(built).parameters == cost.parameters


@pytest.mark.parametrize("optimiser", ["sgd", "momentum", "rprop", "adam"])
def test_optimisers_keep_what_they_keep(optimiser):
    spec = network(DENSE, optimiser=optimiser)
    state = Network(spec, backend("numpy")).optimiser.state()
    cost = step_cost(spec)
    assert cost.optimiser_bytes == sum(a.nbytes for name, a in state.items() if name != "steps")
    assert cost.update.bytes == 3 * cost.parameter_bytes + 2 * cost.optimiser_bytes


@pytest.mark.parametrize("name", names())
def test_the_products_are_those_of_the_runtime_study(name):
    """That study counts products alone: the rest is a few percent, and the first layer has no data gradient either."""
    spec = find_spec(name)
    counted, products = step_cost(spec).total.flops, training_flops(spec)
    others = sum(x.forward.flops + x.backward.flops for x in layer_costs(spec) if not x.parameters)
    outputs = sum(2 * spec.batch_size * prod(x.output) for x in layer_costs(spec) if x.parameters)
    assert counted == products + others + outputs + step_cost(spec).update.flops


def test_sums_and_sizes():
    cost = step_cost("deep", 7)
    assert cost.total == cost.forward + cost.backward + cost.update
    assert cost.memory == (
        cost.parameter_bytes + cost.gradient_bytes + cost.optimiser_bytes + cost.input_bytes + cost.activation_bytes
        + cost.largest_gradient_bytes
    )  # fmt: skip
    assert cost.input_bytes == 7 * 28 * 28 * 4
    assert cost.largest_gradient_bytes == 2 * 7 * 16 * 28 * 28 * 4  # for output and input of the first ReLU
    double = step_cost("deep", 7, itemsize=8)
    assert (double.total.flops, double.total.bytes, double.memory) == (
        cost.total.flops, 2 * cost.total.bytes, 2 * cost.memory)  # fmt: skip
    more = step_cost("deep", 14)
    assert (more.forward.flops, more.parameters) == (2 * cost.forward.flops, cost.parameters)
    assert Work(6, 3).intensity == 2
    assert Work().intensity == 0


def test_networks_without_a_description_are_counted_alike():
    spec = network({"type": "dense", "units": 6}, {"type": "sigmoid"}, DENSE, image=(1, 1, 4))
    expected = step_cost(spec, 3)
    for built in (MLP([4, 6, 5]), FastMLP([4, 6, 5])):
        cost = step_cost(built, 3)
        assert (cost.total, cost.memory) == (expected.total, expected.memory)
    assert step_cost(MLP([20_000, 5])).parameters == 100_005


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("nothing",), "There is no network 'nothing'"),
        ((3,), "There is no network '3'"),
        (("mlp", 0), "images=0 can't be counted with"),
        (("mlp", 2.5), "images=2.5 can't be counted with"),
        (("mlp", True), "images=True"),
        (("mlp", 2, -4), "itemsize=-4"),
    ],
)
def test_bad_input_is_a_sentence(arguments, words):
    with pytest.raises(CourseError, match=words):
        step_cost(*arguments)


def test_the_table_names_every_layer():
    text = cost_table(step_cost("lenet"))
    for words in ("conv 6 × 5×5, pad 2×2", "average_pool 2×2", "dense 120", "update", "61,706", "memory for training"):
        assert words in text
    assert all(line == line.rstrip() for line in text.splitlines())
