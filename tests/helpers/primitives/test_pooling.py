"""Pooling against PyTorch, by hand for ties and NaN, and against finite differences."""

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch.nn import functional

from helpers.errors import CourseError
from helpers.primitives import pooling
from helpers.primitives.pooling import (
    PoolSpec,
    average_pool_backward,
    average_pool_forward,
    max_pool_backward,
    max_pool_forward,
)

ORDERS = ((0, 1, 2, 3), (0, 2, 3, 1), (1, 2, 3, 0), (3, 1, 0, 2))


@st.composite
def specs(draw, torch_padding=False):
    r, s = draw(st.integers(1, 4)), draw(st.integers(1, 4))
    most = (r // 2, s // 2) if torch_padding else (r - 1, s - 1)
    pads = draw(st.integers(0, most[0])), draw(st.integers(0, most[1]))
    h, w = (draw(st.integers(max(1, size - 2 * pad), 9)) for size, pad in zip((r, s), pads, strict=True))
    u, v = draw(st.integers(1, 5)), draw(st.integers(1, 5))
    return PoolSpec(draw(st.integers(1, 3)), draw(st.integers(1, 3)), h, w, r, s, u, v, *pads)


def laid_out(values, how):
    """The same numbers in another physical order (how 0…3), or in every second place of a larger array (4)."""
    if how == 4:
        spaced = np.zeros([2 * n for n in values.shape], values.dtype)[::2, ::2, ::2, ::2]
    else:
        order = ORDERS[how]
        spaced = np.empty([values.shape[a] for a in order], values.dtype).transpose(np.argsort(order))
    spaced[...] = values
    return spaced


def numbers(shape, dtype, seed, few=True):
    rng = np.random.default_rng(seed)
    return (rng.integers(-2, 3, shape) if few else rng.standard_normal(shape)).astype(dtype)


def max_by_definition(spec, x):
    """Window by window, in Python."""
    y, winner = np.empty(spec.y_shape, x.dtype), np.empty(spec.y_shape, int)
    for n, c, p, q in np.ndindex(*spec.y_shape):
        best = None
        for r, s in np.ndindex(spec.R, spec.S):
            h, w = p * spec.u + r - spec.pad_h, q * spec.v + s - spec.pad_w
            if 0 <= h < spec.H and 0 <= w < spec.W and (best is None or x[n, c, h, w] > best):
                best = x[n, c, h, w]
                y[n, c, p, q], winner[n, c, p, q] = best, r * spec.S + s
    return y, winner


def sizes(spec):
    return {"kernel_size": (spec.R, spec.S), "stride": (spec.u, spec.v), "padding": (spec.pad_h, spec.pad_w)}


def gradient_in_torch(x, dy, function):
    x = torch.tensor(np.ascontiguousarray(x), requires_grad=True)
    y = function(x)
    y.backward(torch.tensor(np.ascontiguousarray(dy)))
    return y.detach().numpy(), x.grad.numpy()


@given(specs(), st.sampled_from(["float32", "float64"]), st.integers(0, 4), st.integers(0, 10**6))
@settings(max_examples=60, deadline=None)
def test_max_pooling_is_the_definition(spec, dtype, how, seed):
    x = laid_out(numbers(spec.x_shape, dtype, seed), how)
    y, winner = max_pool_forward(spec, x)
    expected, place = max_by_definition(spec, x)
    np.testing.assert_array_equal(y, expected)
    np.testing.assert_array_equal(winner, place)
    assert y.dtype == x.dtype
    assert winner.dtype == np.uint8


@given(specs(torch_padding=True), st.sampled_from(["float32", "float64"]), st.integers(0, 4), st.integers(0, 10**6))
@settings(max_examples=60, deadline=None)
def test_max_pooling_and_its_gradient_are_pytorchs(spec, dtype, how, seed):
    x = laid_out(numbers(spec.x_shape, dtype, seed), how)
    dy = laid_out(numbers(spec.y_shape, dtype, seed + 1, few=False), (how + 1) % 5)
    expected_y, expected_dx = gradient_in_torch(x, dy, lambda t: functional.max_pool2d(t, **sizes(spec)))
    y, winner = max_pool_forward(spec, x)
    np.testing.assert_array_equal(y, expected_y)
    dx = max_pool_backward(spec, dy, winner)
    assert dx.dtype == dy.dtype
    np.testing.assert_allclose(dx, expected_dx, atol=1e-5 if dtype == "float32" else 1e-12)


@given(specs(torch_padding=True), st.booleans(), st.sampled_from(["float32", "float64"]), st.integers(0, 4))
@settings(max_examples=60, deadline=None)
def test_average_pooling_and_its_gradient_are_pytorchs(spec, include, dtype, how):
    x = laid_out(numbers(spec.x_shape, dtype, 3, few=False), how)
    dy = laid_out(numbers(spec.y_shape, dtype, 4, few=False), (how + 1) % 5)
    expected_y, expected_dx = gradient_in_torch(
        x, dy, lambda t: functional.avg_pool2d(t, count_include_pad=include, **sizes(spec))
    )
    tolerance = {"atol": 1e-5 if dtype == "float32" else 1e-12}
    y, dx = average_pool_forward(spec, x, include), average_pool_backward(spec, dy, include)
    assert y.dtype == dx.dtype == x.dtype
    np.testing.assert_allclose(y, expected_y, **tolerance)
    np.testing.assert_allclose(dx, expected_dx, **tolerance)


@given(specs(), st.booleans(), st.sampled_from(["none", "NaN", "inf"]), st.integers(0, 10**6))
@settings(max_examples=60, deadline=None)
def test_tensors_and_arrays_get_the_same(spec, include, odd, seed):
    x = numbers(spec.x_shape, "float32", seed)
    if odd != "none":
        some = np.random.default_rng(seed).random(x.shape) < 0.4
        x[some] = np.nan if odd == "NaN" else -np.inf
    dy = numbers(spec.y_shape, "float32", seed + 1, few=False)
    t, g = torch.tensor(x).to(memory_format=torch.channels_last), torch.tensor(dy)
    (y, winner), (their_y, their_winner) = max_pool_forward(spec, x), max_pool_forward(spec, t)
    np.testing.assert_array_equal(y, their_y.numpy())
    np.testing.assert_array_equal(winner, their_winner.numpy())
    assert their_winner.dtype == torch.uint8
    pairs = [(max_pool_backward(spec, dy, winner), max_pool_backward(spec, g, their_winner))]
    if odd == "none":
        pairs.append((average_pool_forward(spec, x, include), average_pool_forward(spec, t, include)))
        pairs.append((average_pool_backward(spec, dy, include), average_pool_backward(spec, g, include)))
    for ours, theirs in pairs:
        np.testing.assert_allclose(ours, theirs.numpy(), atol=1e-5)


@pytest.mark.parametrize("order", range(4))
@pytest.mark.parametrize("geometry", [(2, 2), (3, 2, 1, 2, 1, 1)])
def test_results_keep_the_physical_layout(order, geometry):
    spec = PoolSpec(3, 4, 6, 8, *geometry)
    x = laid_out(numbers(spec.x_shape, "float32", 0), order)
    y, winner = max_pool_forward(spec, x)
    results = [
        y,
        winner,
        average_pool_forward(spec, x),
        max_pool_backward(spec, y, winner),
        average_pool_backward(spec, y),
    ]
    for result in results:
        assert result.transpose(ORDERS[order]).flags.c_contiguous


@pytest.mark.parametrize("order", range(4))
@pytest.mark.parametrize("block", [300, 2000])
def test_blocks_do_not_change_the_result(monkeypatch, order, block):
    spec = PoolSpec(5, 7, 6, 5, 2, 3, 2, 1, 1, 1)
    x = laid_out(numbers(spec.x_shape, "float32", 0), order)
    x[4, 6, 0, 0] = np.nan

    def everything():
        y, winner = max_pool_forward(spec, x)
        return (
            y,
            winner,
            max_pool_backward(spec, y, winner),
            average_pool_forward(spec, x),
            average_pool_backward(spec, y),
        )

    whole = everything()
    monkeypatch.setattr(pooling, "BLOCK", block)
    for one, other in zip(whole, everything(), strict=True):
        np.testing.assert_array_equal(one, other)


def test_among_equals_the_first_in_row_major_order_wins():
    spec = PoolSpec(1, 1, 2, 6, 2, 2)
    x = np.array([[0, 0, 0, 7, 1, 2], [0, 0, 7, 7, 2, 2]], float).reshape(spec.x_shape)
    _, winner = max_pool_forward(spec, x)
    assert winner.ravel().tolist() == [0, 1, 1]
    dx = max_pool_backward(spec, np.ones(spec.y_shape), winner)
    assert dx[0, 0].tolist() == [[1, 0, 0, 1, 0, 1], [0, 0, 0, 0, 0, 0]]


def test_a_nan_wins_and_minus_infinity_does_not_send_the_gradient_into_the_padding():
    spec = PoolSpec(1, 1, 1, 4, 1, 2)
    y, winner = max_pool_forward(spec, np.array([[[[np.nan, 9, 8, np.nan]]]]))
    assert np.isnan(y).all()
    assert winner.ravel().tolist() == [0, 1]
    padded = PoolSpec(1, 1, 2, 2, 2, 2, 1, 1, 1, 1)
    y, winner = max_pool_forward(padded, np.full(padded.x_shape, -np.inf))
    assert winner[0, 0].tolist() == [[3, 2, 2], [1, 0, 0], [1, 0, 0]]
    assert max_pool_backward(padded, np.ones(padded.y_shape), winner).sum() == 9
    for geometry in ((2, 2, 1, 1, 1, 1), (3, 3, 1, 1, 2, 2)):
        padded = PoolSpec(1, 1, 2, 2, *geometry)
        x = np.full(padded.x_shape, -np.inf)
        np.testing.assert_array_equal(max_pool_forward(padded, torch.tensor(x))[1], max_pool_forward(padded, x)[1])


def test_an_infinite_gradient_stays_where_it_belongs():
    spec = PoolSpec(1, 1, 2, 4, 2, 2)
    x = np.arange(8.0).reshape(spec.x_shape)
    _, winner = max_pool_forward(spec, x)
    for dtype in ("float32", "float64"):
        dx = max_pool_backward(spec, np.array([np.inf, 2], dtype).reshape(spec.y_shape), winner)
        assert dx[0, 0].tolist() == [[0, 0, 0, 0], [0, np.inf, 0, 2]]


def test_windows_of_more_than_256_pixels():
    spec = PoolSpec(2, 1, 20, 18, 18, 17, 1, 1)
    x = numbers(spec.x_shape, "float32", 5, few=False)
    y, winner = max_pool_forward(spec, x)
    expected, place = max_by_definition(spec, x)
    np.testing.assert_array_equal(winner, place)
    assert winner.max() > 255
    t, theirs = max_pool_forward(spec, torch.tensor(x))
    np.testing.assert_array_equal(theirs.numpy(), place)
    np.testing.assert_array_equal(t.numpy(), expected)
    dx = max_pool_backward(spec, y, winner)
    np.testing.assert_allclose(dx, max_pool_backward(spec, t, theirs).numpy(), atol=1e-5)


@pytest.mark.parametrize("geometry", [(2, 2), (3, 2, 2, 1, 1, 1), (2, 2, 3, 3), (3, 3, 1, 1, 2, 2)])
def test_gradients_are_the_finite_differences(geometry):
    spec = PoolSpec(2, 2, 5, 6, *geometry)
    # Numbers that lie 0.1 apart: a step of 1e-6 then changes no winner.
    x = np.random.default_rng(0).permutation(np.prod(spec.x_shape)).reshape(spec.x_shape) / 10
    dy = numbers(spec.y_shape, "float64", 1, few=False)
    _, winner = max_pool_forward(spec, x)
    cases = [(lambda: max_pool_forward(spec, x)[0], max_pool_backward(spec, dy, winner))]
    for include in (True, False):
        forward = lambda include=include: average_pool_forward(spec, x, include)  # noqa: E731
        cases.append((forward, average_pool_backward(spec, dy, include)))
    for forward, gradient in cases:
        expected = np.zeros_like(x)
        for i in np.ndindex(x.shape):
            keep = x[i]
            x[i] = keep + 1e-6
            above = forward()
            x[i] = keep - 1e-6
            expected[i] = ((above - forward()) * dy).sum() / 2e-6
            x[i] = keep
        np.testing.assert_allclose(gradient, expected, atol=1e-7)


def test_the_spec():
    spec = PoolSpec(2, 3, 28, 27, 3, 2)
    assert (spec.u, spec.v, spec.P, spec.Q) == (3, 2, 9, 13)
    assert spec.y_shape == (2, 3, 9, 13)
    assert spec.bytes_moved() == 4 * (2 * 3 * 28 * 27 + 2 * 3 * 9 * 13)
    assert PoolSpec(2, 3, 28, 28, 3, 3, 2, 2, 1, 1).y_shape == (2, 3, 14, 14)


SPEC = PoolSpec(2, 3, 4, 4, 2, 2)
X, Y = np.zeros(SPEC.x_shape, np.float32), np.zeros(SPEC.y_shape, np.float32)
W = np.zeros(SPEC.y_shape, np.uint8)


@pytest.mark.parametrize(
    ("call", "words"),
    [
        (lambda: PoolSpec(1, 1, 4, 4, 2, 2, pad_h=2), "pad_h=2"),
        (lambda: PoolSpec(1, 1, 4, 4, 2, 2, pad_w=3), "pad_w=3"),
        (lambda: PoolSpec(1, 1, 4, 4, 5, 2), "R=5"),
        (lambda: PoolSpec(1, 1, 4, 4, 2, 5), "S=5"),
        (lambda: PoolSpec(1, 1, 4, 4, 2, 2, u=0), "u=0"),
        (lambda: PoolSpec(1, 1, 4, 4, 2, "2"), "'2'"),
        (lambda: max_pool_forward(SPEC, X[:1]), r"\(1, 3, 4, 4\)"),
        (lambda: max_pool_forward(SPEC, X.astype(int)), "int64"),
        (lambda: max_pool_forward(SPEC, torch.zeros(SPEC.x_shape, dtype=torch.int32)), "int32"),
        (lambda: max_pool_forward(SPEC, X.tolist()), "list"),
        (lambda: average_pool_forward(SPEC, Y), r"\(2, 3, 2, 2\)"),
        (lambda: average_pool_backward(SPEC, X), r"\(2, 3, 4, 4\)"),
        (lambda: max_pool_backward(SPEC, X, W), r"\(2, 3, 4, 4\)"),
        (lambda: max_pool_backward(SPEC, Y, W[:1]), r"\(1, 3, 2, 2\)"),
        (lambda: max_pool_backward(SPEC, torch.tensor(Y), W), "Tensor"),
        (lambda: max_pool_backward(SPEC, Y, W + 4), "from 0 to 3"),
        (lambda: max_pool_backward(SPEC, Y, Y), "integers"),
        (lambda: max_pool_backward(SPEC, torch.tensor(Y), torch.tensor(W) + 4), "from 0 to 3"),
        (lambda: max_pool_backward(SPEC, torch.tensor(Y), torch.tensor(Y)), "integers"),
    ],
)
def test_what_cannot_be_is_a_sentence(call, words):
    with pytest.raises(CourseError, match=words):
        call()
