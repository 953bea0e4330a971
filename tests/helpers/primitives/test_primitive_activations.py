"""ReLU, sigmoid and tanh against PyTorch, extreme inputs, finite differences."""

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from helpers.errors import CourseError
from helpers.primitives import activations

NAMES = ("relu", "sigmoid", "tanh")


def both(name):
    return getattr(activations, f"{name}_forward"), getattr(activations, f"{name}_backward")


@given(
    st.sampled_from(NAMES),
    st.lists(st.integers(1, 5), min_size=1, max_size=4),
    st.sampled_from(["float32", "float64"]),
    st.booleans(),
)
@settings(max_examples=60, deadline=None)
def test_forward_and_backward_are_pytorchs(name, shape, dtype, spaced):
    rng = np.random.default_rng(sum(shape))
    shape = [*shape[:-1], 2 * shape[-1]] if spaced else shape
    x, dy = (rng.integers(-9, 10, shape) / 3).astype(dtype), rng.standard_normal(shape).astype(dtype)
    if spaced:
        x, dy = x[..., ::2], dy[..., ::2]
    forward, backward = both(name)
    t = torch.tensor(x.copy(), requires_grad=True)
    expected = getattr(torch, name)(t)
    expected.backward(torch.tensor(dy.copy()))
    tolerance = {"rtol": 1e-5 if dtype == "float32" else 1e-12, "atol": 1e-6 if dtype == "float32" else 1e-14}
    y = forward(x)
    assert y.dtype == x.dtype
    np.testing.assert_allclose(y, expected.detach().numpy(), **tolerance)
    np.testing.assert_allclose(backward(y, dy), t.grad.numpy(), **tolerance)
    again = forward(t.detach())
    assert again.dtype == t.dtype
    np.testing.assert_allclose(again.numpy(), y, **tolerance)
    np.testing.assert_allclose(backward(again, torch.tensor(dy.copy())).numpy(), t.grad.numpy(), **tolerance)


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("name", NAMES)
def test_extreme_inputs_stay_finite(name, dtype):
    x = np.array([-np.inf, -1e30, -800, -90, -30, 0, 30, 800, 1e30], dtype)
    with np.errstate(over="raise", invalid="raise"):
        y = both(name)[0](x)
    np.testing.assert_allclose(y, getattr(torch, name)(torch.tensor(x)).numpy(), rtol=1e-5, atol=1e-37)
    assert np.isnan(both(name)[0](np.array([np.nan], dtype))).all()


def test_the_derivative_of_relu_at_zero_is_zero():
    y = activations.relu_forward(np.array([-1.0, 0.0, 2.0]))
    assert activations.relu_backward(y, np.full(3, 5.0)).tolist() == [0, 0, 5]


@pytest.mark.parametrize("name", NAMES)
def test_the_gradient_is_the_finite_difference(name):
    forward, backward = both(name)
    x = np.linspace(-3, 3, 20).reshape(4, 5)
    dy = np.random.default_rng(0).standard_normal(x.shape)
    expected = (forward(x + 1e-6) - forward(x - 1e-6)) / 2e-6 * dy
    np.testing.assert_allclose(backward(forward(x), dy), expected, atol=1e-8)


@pytest.mark.parametrize("name", NAMES)
def test_what_cannot_be_is_a_sentence(name):
    forward, backward = both(name)
    y = np.zeros((2, 3))
    for call, words in (
        (lambda: forward(np.arange(3)), "int64"),
        (lambda: forward(1.5), "float"),
        (lambda: forward(torch.arange(3)), "int64"),
        (lambda: backward(y, y[:1]), r"\(1, 3\)"),
        (lambda: backward(y, y.astype("f")), "float32"),
        (lambda: backward(y, torch.zeros(2, 3)), "Tensor"),
    ):
        with pytest.raises(CourseError, match=words):
            call()
