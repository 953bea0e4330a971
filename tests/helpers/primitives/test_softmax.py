"""Softmax against PyTorch, extreme inputs, finite differences."""

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from helpers.errors import CourseError
from helpers.primitives.softmax import softmax_backward, softmax_forward


def numbers(shape, dtype="float64", seed=0):
    return (3 * np.random.default_rng(seed).standard_normal(shape)).astype(dtype)


@given(
    st.lists(st.integers(1, 5), min_size=1, max_size=4),
    st.data(),
    st.sampled_from(["float32", "float64"]),
    st.booleans(),
)
@settings(max_examples=60, deadline=None)
def test_forward_and_backward_are_pytorchs(shape, data, dtype, reverse):
    axis = data.draw(st.integers(-len(shape), len(shape) - 1))
    x, dy = numbers(shape, dtype), numbers(shape, dtype, 1)
    if reverse:
        x, dy = x.T, dy.T
    t = torch.tensor(np.ascontiguousarray(x), requires_grad=True)
    expected = torch.softmax(t, axis)
    expected.backward(torch.tensor(np.ascontiguousarray(dy)))
    y = softmax_forward(x, axis)
    tolerance = {"atol": 1e-5 if dtype == "float32" else 1e-13}
    assert y.dtype == x.dtype
    np.testing.assert_allclose(y, expected.detach().numpy(), **tolerance)
    np.testing.assert_allclose(softmax_backward(y, dy, axis), t.grad.numpy(), **tolerance)
    again = softmax_forward(t.detach(), axis)
    np.testing.assert_allclose(again.numpy(), y, **tolerance)
    np.testing.assert_allclose(softmax_backward(again, torch.tensor(dy.copy()), axis), t.grad.numpy(), **tolerance)


def test_the_two_modes_of_cudnn():
    x = numbers((2, 3, 4, 5))
    channel, instance = softmax_forward(x), softmax_forward(x, axis=(1, 2, 3))
    np.testing.assert_allclose(channel.sum(1), 1)
    flat = torch.softmax(torch.tensor(x).flatten(1), 1)
    np.testing.assert_allclose(instance.reshape(2, -1), flat.numpy())
    np.testing.assert_allclose(softmax_forward(torch.tensor(x), (1, 2, 3)).numpy(), instance)


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_extreme_inputs_stay_finite(dtype):
    x = np.array([[1e30, -1e30, 1e30], [-1e4, -1e4 - 1, -2e4]], dtype)
    with np.errstate(over="raise", invalid="raise"):
        y = softmax_forward(x)
    np.testing.assert_allclose(y[0], [0.5, 0, 0.5])
    np.testing.assert_allclose(y[1], [1 / (1 + np.exp(-1)), 1 / (1 + np.exp(1)), 0], rtol=1e-6)


@pytest.mark.parametrize("axis", [0, 1, (0, 2), (0, 1, 2)])
def test_the_gradient_is_the_finite_difference(axis):
    x, dy = numbers((3, 4, 2)), numbers((3, 4, 2), seed=1)
    expected = np.zeros_like(x)
    for i in np.ndindex(x.shape):
        step = np.zeros_like(x)
        step[i] = 1e-6
        expected[i] = ((softmax_forward(x + step, axis) - softmax_forward(x - step, axis)) * dy).sum() / 2e-6
    np.testing.assert_allclose(softmax_backward(softmax_forward(x, axis), dy, axis), expected, atol=1e-8)


@pytest.mark.parametrize(
    ("call", "words"),
    [
        (lambda: softmax_forward(np.zeros((2, 3)), 2), "axis=2"),
        (lambda: softmax_forward(np.zeros((2, 3)), (1, -1)), r"axis=\(1, -1\)"),
        (lambda: softmax_forward(np.zeros((2, 3)), ()), "axis"),
        (lambda: softmax_forward(np.zeros((2, 3)), None), "axis=None"),
        (lambda: softmax_forward(np.zeros((2, 3), int)), "int64"),
        (lambda: softmax_forward([1.0, 2.0]), "list"),
        (lambda: softmax_backward(np.zeros((2, 3)), np.zeros((3, 2))), r"\(3, 2\)"),
        (lambda: softmax_backward(np.zeros((2, 3)), np.zeros((2, 3), "f")), "float32"),
        (lambda: softmax_backward(np.zeros((2, 3)), torch.zeros(2, 3)), "Tensor"),
    ],
)
def test_what_cannot_be_is_a_sentence(call, words):
    with pytest.raises(CourseError, match=words):
        call()
