"""How a wrong array comes from the right one is told from the numbers alone."""

import numpy as np
import pytest

from helpers.check.core.compare import verify
from helpers.check.core.hypotheses.arguments import ignored, mixed_up
from helpers.check.core.report import Mistake

RIGHT = np.random.default_rng(3).normal(size=(4, 3, 5))
COUNTS = np.array([3.0, 70_000.0, 5_000_000_000.0, 12.0])


def told(got, expected=RIGHT):
    with pytest.raises(Mistake) as caught:
        verify(np.asarray(got, dtype=float), expected, "the result")
    return caught.value


@pytest.mark.parametrize(
    ("got", "words"),
    [
        (RIGHT.transpose(0, 2, 1), ".transpose(0, 2, 1)"),
        (RIGHT.transpose(1, 2, 0), ".transpose(2, 0, 1)"),
        (RIGHT.sum(axis=0), "added up over axis 0"),
        (RIGHT.mean(axis=(0, 2)), "averaged over the axes 0 and 2"),
        (RIGHT[:, -1], "Only the last entry along axis 1"),
        (RIGHT[:, :, 1:4], "something is missing: 1 at the start and 1 at the end of axis 2"),
        (np.pad(RIGHT, ((0, 2), (0, 0), (0, 0)), constant_values=7), "there is more: 2 at the end of axis 0"),
        (RIGHT[:, :, :4] + 1, "it should be (4, 3, 5)."),
    ],
)
def test_another_shape(got, words):
    mistake = told(got)
    assert mistake.name == "wrong-shape"
    assert words in mistake.message


@pytest.mark.parametrize(
    ("got", "expected", "name"),
    [
        (RIGHT[:, ::-1], RIGHT, "reversed"),
        (RIGHT.transpose(0, 2, 1).reshape(RIGHT.shape), RIGHT, "places-mixed-up"),
        (RIGHT[:, :, :3].transpose(0, 2, 1), RIGHT[:, :, :3], "axes-exchanged"),
        (np.roll(RIGHT, 2, axis=2), RIGHT, "shifted"),
        (np.broadcast_to(RIGHT[:1], RIGHT.shape), RIGHT, "one-for-all"),
        (np.broadcast_to(RIGHT.mean(axis=1, keepdims=True), RIGHT.shape), RIGHT, "one-for-all"),
        (np.cumsum(RIGHT, axis=1), RIGHT, "total-not-reset"),
        (RIGHT[0, 0][[2, 0, 1, 4, 3]], RIGHT[0, 0], "another-order"),
        (np.round(RIGHT, 2), RIGHT, "rounded"),
        (RIGHT.astype(np.float16), 1 * RIGHT, "computed-in-float16"),
        (COUNTS.astype(np.int64).astype(np.int32), COUNTS, "integer-overflow"),
        (np.maximum(RIGHT, 0), RIGHT, "cut-off"),
        (np.minimum(RIGHT, 1), RIGHT, "cut-off"),
        (1 / RIGHT, RIGHT, "reciprocal"),
        (RIGHT * ([0], [1], [1]), RIGHT, "rows-missing"),
        (RIGHT + np.arange(5), RIGHT, "differs"),
        (np.where(np.isin(RIGHT, RIGHT[1, 1, 1]), 9, RIGHT), RIGHT, "differs"),
    ],
)
def test_same_shape(got, expected, name):
    assert told(got, expected).name == name


def test_where_wrong_entries_lie():
    assert "All wrong ones lie in the last 2 of 5 along axis 2." in told(RIGHT + (np.arange(5) > 2)).message


NAMES, CASES = ("H", "R", "u", "pad"), [(31, 5, 2, 1), (29, 7, 3, 2), (23, 4, 1, 0), (37, 9, 5, 6)]


def size(h, r, u, pad):
    return (h + 2 * pad - r) // u + 1


@pytest.mark.parametrize(
    ("wrong", "name", "words"),
    [
        (lambda h, r, u, pad: size(h, u, r, pad), "arguments-swapped", "R and u are swapped"),
        (lambda h, r, u, pad: size(h, r, r, pad), "letter-for-another", "R stands in the place of u"),
        (lambda h, r, u, pad: size(h, r, u, 0), "argument-ignored", "pad is always 0"),
        (lambda h, r, u, pad: size(h, r - 1, u, pad), "one-off", "R is one smaller"),
    ],
)
def test_arguments_that_are_mixed_up(wrong, name, words):
    got, right = (np.array([float(f(*case)) for case in CASES]) for f in (wrong, size))
    with pytest.raises(Mistake) as caught:
        verify(got, right, "the size", lambda: mixed_up(got, size, NAMES, CASES))
    assert words in caught.value.message
    assert caught.value.name == name


def test_an_argument_that_changes_nothing():
    cases = [(2, 3), (2, 5), (7, 3), (7, 5)]
    assert ignored([2, 2, 7, 7], cases, ("a", "b")) == "b"
    assert not ignored([2, 3, 7, 8], cases, ("a", "b"))
