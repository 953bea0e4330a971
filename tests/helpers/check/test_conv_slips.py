"""Slips that only a reader of the notebook makes: each is named, and what it must not be taken for passes."""

from __future__ import annotations

import numpy as np
import pytest

from helpers import check
from helpers.check import CheckFailed
from helpers.check.core import conv_oracle as oracle

remembered = []


def forward_with_a_global(x, window, stride, padding):
    remembered[:] = [x]
    return oracle.max_pool(x, window, stride, padding), None


def backward_with_a_global(dy, winner, x_shape, window, stride, padding):
    return oracle.max_pool_backward(remembered[0], dy, window, stride, padding)


def forward_with_the_image(x, window, stride, padding):
    return oracle.max_pool(x, window, stride, padding), x.copy()


def backward_with_the_image(dy, winner, x_shape, window, stride, padding):
    return oracle.max_pool_backward(winner, dy, window, stride, padding)


def test_winners_travel_in_winner_and_not_in_a_global():
    with pytest.raises(CheckFailed, match="the winners of the last call"):
        check.convolution.max_pool_backward(backward_with_a_global, forward_with_a_global)
    check.convolution.max_pool_backward(backward_with_the_image, forward_with_the_image)


def test_a_search_that_starts_at_zero_is_not_called_empty():
    with pytest.raises(CheckFailed, match="starts at 0"):
        check.convolution.max_pool_forward(lambda *a: (np.maximum(oracle.max_pool(*a), 0), None))


def test_a_last_tile_of_leftover_numbers_is_seen():
    def tiled(x, w, stride, padding, workspace):
        y = oracle.forward(x, w, stride, padding)
        n, k, p, q = y.shape
        flat = y.transpose(1, 0, 2, 3).reshape(k, -1)
        width = max(1, workspace // (w[0].size * x.itemsize))
        flat[:, flat.shape[1] // width * width :] = 123.0
        return flat.reshape(k, n, p, q).transpose(1, 0, 2, 3)

    with pytest.raises(CheckFailed, match="the last tile, smaller than the others, is left out"):
        check.convolution.tiled(tiled)


def test_adding_b_as_it_is_reads_which_axis_numpy_takes():
    with pytest.raises(CheckFailed, match=r"last axis of y, the columns.*\(K, 1, 1\)"):
        check.convolution.bias(lambda y, b: y + b)


def test_a_wrong_count_names_the_layer_and_the_numbers():
    def flops(N, C, H, W, K, R, S, stride, padding):
        rows, columns = (oracle.output_size(*axis) for axis in zip((H, W), (R, S), stride, padding, strict=True))
        return 2 * N * K * C * R * S * rows * columns + 10**6 * (C == 7)

    with pytest.raises(CheckFailed, match=r"N=5, C=7, .* should be .*; it is"):
        check.convolution.flops(flops)
    with pytest.raises(CheckFailed, match=r"output_size\(14, 5, 3, 1\) returns 6; it should be 4"):
        check.convolution.output_size(lambda size, window, stride, pad: (size + 2 * pad * stride - window) // stride + 1)


def test_one_speed_for_every_intensity_is_not_called_clipped():
    with pytest.raises(CheckFailed, match="for every intensity"):
        check.convolution.attainable(lambda intensity, peak, bandwidth: peak / bandwidth)


def test_a_backward_image_in_torch_is_told_to_be_copied():
    torch = pytest.importorskip("torch")

    def through_torch(x, w, stride, padding):
        turned = torch.from_numpy(w[:, :, ::-1, ::-1])
        return torch.nn.functional.conv2d(torch.from_numpy(x), turned, stride=stride, padding=padding).numpy()

    with pytest.raises(CheckFailed, match=r"copy it first, with `.copy\(\)`"):
        check.convolution.true_convolution(through_torch)
