"""Bias against plain numpy sums and PyTorch, in every physical layout."""

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from helpers.errors import CourseError
from helpers.primitives.bias import bias_backward, bias_forward

ORDERS = ((0, 1, 2, 3), (0, 2, 3, 1), (1, 2, 3, 0))


@given(
    st.tuples(*[st.integers(1, 6)] * 4),
    st.sampled_from([2, 4]),
    st.sampled_from(ORDERS),
    st.sampled_from(["float32", "float64"]),
    st.booleans(),
)
@settings(max_examples=80, deadline=None)
def test_forward_and_backward(shape, axes, order, dtype, spaced):
    rng = np.random.default_rng(sum(shape))
    values = rng.standard_normal(shape).astype(dtype)
    y = values[..., 0, 0] if axes == 2 else np.ascontiguousarray(values.transpose(order)).transpose(np.argsort(order))
    if spaced:
        y = np.repeat(np.repeat(y, 2, axis=0), 2, axis=1)[::2, ::2]
    b = rng.standard_normal(shape[1]).astype(dtype)
    out = bias_forward(y, b)
    assert out.dtype == y.dtype
    column = b[None, :] if axes == 2 else b[None, :, None, None]
    np.testing.assert_array_equal(out, y + column)
    others = (0,) if axes == 2 else (0, 2, 3)
    expected = y.astype("float64").sum(others)
    tolerance = {"atol": 1e-4 if dtype == "float32" else 1e-12}
    db = bias_backward(y)
    assert (db.shape, db.dtype) == (b.shape, y.dtype)
    np.testing.assert_allclose(db, expected, **tolerance)
    t = torch.tensor(y.copy())
    np.testing.assert_allclose(bias_forward(t, torch.tensor(b)).numpy(), out, **tolerance)
    np.testing.assert_allclose(bias_backward(t).numpy(), expected, **tolerance)


@pytest.mark.parametrize("order", ORDERS)
def test_the_output_keeps_the_physical_layout(order):
    y = np.zeros([(4, 3, 5, 6)[a] for a in order]).transpose(np.argsort(order))
    assert bias_forward(y, np.ones(3)).transpose(order).flags.c_contiguous


def test_backward_is_the_gradient_of_forward():
    rng = np.random.default_rng(0)
    y, dy, b = rng.standard_normal((3, 4, 2, 5)), rng.standard_normal((3, 4, 2, 5)), rng.standard_normal(4)
    for k in range(4):
        step = np.zeros(4)
        step[k] = 1e-6
        change = ((bias_forward(y, b + step) - bias_forward(y, b - step)) * dy).sum() / 2e-6
        assert bias_backward(dy)[k] == pytest.approx(change, abs=1e-7)


@pytest.mark.parametrize(
    ("call", "words"),
    [
        (lambda: bias_forward(np.zeros((2, 3)), np.zeros(2)), r"\(2,\)"),
        (lambda: bias_forward(np.zeros((2, 3)), np.zeros((1, 3))), r"\(1, 3\)"),
        (lambda: bias_forward(np.zeros((2, 3, 4)), np.zeros(3)), r"\(2, 3, 4\)"),
        (lambda: bias_forward(np.zeros((2, 3)), np.zeros(3, "f")), "float32"),
        (lambda: bias_forward(np.zeros((2, 3)), torch.zeros(3)), "Tensor"),
        (lambda: bias_backward(np.zeros(3)), r"\(3,\)"),
        (lambda: bias_backward(np.zeros((2, 3), int)), "int64"),
    ],
)
def test_what_cannot_be_is_a_sentence(call, words):
    with pytest.raises(CourseError, match=words):
        call()
