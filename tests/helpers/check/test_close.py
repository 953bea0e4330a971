"""`close` is numpy's allclose with the course's tolerances, for finite, infinite and missing numbers."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from helpers.check.core.compare import ATOL, RTOL, close

NUMBERS = st.one_of(
    st.floats(-1e6, 1e6), st.sampled_from([0.0, 1e-13, 1e300, -1e300, np.inf, -np.inf, np.nan]), st.floats(0.99, 1.01)
)


def slow(got, expected):
    scale = float(np.max(np.abs(expected[np.isfinite(expected)]), initial=0.0))
    return bool(np.allclose(got, expected, rtol=RTOL, atol=ATOL * scale + 1e-12, equal_nan=True))


@given(st.lists(st.tuples(NUMBERS, NUMBERS), max_size=5), st.sampled_from([0.0, 1e-5, 1e-4, 3e-4, 1e-2]))
def test_close_says_what_allclose_says(pairs, off):
    expected = np.array([one for one, _ in pairs])
    with np.errstate(all="ignore"):
        for got in (np.array([other for _, other in pairs]), expected * (1 + off), expected + off):
            assert close(got, expected) == slow(got, expected)


def test_near_the_edge_of_what_float32_needs():
    expected = np.array([1.0, -2.0, 4.0])
    edge = RTOL + ATOL * 4
    assert close(expected + np.array([0.99 * edge, 0, 0]), expected)
    assert not close(expected + np.array([1.01 * edge, 0, 0]), expected)


@pytest.mark.parametrize("shape", [(), (0,), (0, 3), (2, 1)])
def test_any_shape(shape):
    assert close(np.ones(shape), np.ones(shape))
    assert not close(np.ones(shape), np.ones((*shape, 1)))
