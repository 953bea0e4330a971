"""Slips that only a reader of the notebook makes: each is named, and what it must not be taken for passes."""

from __future__ import annotations

import numpy as np
import pytest

from helpers import check
from helpers.check import CheckFailed
from helpers.check.core import convolution_oracle as oracle

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

    with pytest.raises(CheckFailed, match="The columns of the last tile are wrong, and all before it are right"):
        check.convolution.tiled(tiled)


def test_adding_b_as_it_is_reads_which_axis_numpy_takes():
    with pytest.raises(CheckFailed, match=r"last axis of y, the columns.*\(K, 1, 1\)"):
        check.convolution.bias(lambda y, b: y + b)


def test_numbers_of_y_turned_round_are_not_said_to_meet_its_columns():
    with pytest.raises(CheckFailed, match="beside y with its axes as they are") as told:
        check.convolution.bias(lambda y, b: (y.T + b).T)
    assert "the columns" not in str(told.value)


def test_a_group_of_no_columns_is_told_and_no_change_that_hides_it():
    def tiled(x, w, stride, padding, workspace):
        for _ in range(0, 10, workspace // (w[0].size * x.itemsize)):
            pass
        return oracle.forward(x, w, stride, padding)

    with pytest.raises(CheckFailed, match=r"even the smallest workspace holds one column, `max\(1, …\)`\.$"):
        check.convolution.tiled(tiled)


def test_a_wrong_count_names_the_layer_and_the_numbers():
    def flops(N, C, H, W, K, R, S, stride, padding):
        rows, columns = (oracle.output_size(*axis) for axis in zip((H, W), (R, S), stride, padding, strict=True))
        return 2 * N * K * C * R * S * rows * columns + 10**6 * (stride != (1, 1))

    with pytest.raises(CheckFailed, match=r"N=\d+, C=\d+, .* should be .*; it is"):
        check.convolution.flops(flops)
    with pytest.raises(CheckFailed, match=r"output_size\(\d+, \d+, 3, 1\) returns \d+; it should be \d+"):
        check.convolution.output_size(
            lambda size, window, stride, pad: (size + 2 * pad - window) // stride + 1 + (stride == 3)
        )


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


def fails(steps, *functions, **named):
    with pytest.raises(CheckFailed) as failure:
        steps(*functions, **named)
    return str(failure.value)


@pytest.mark.parametrize("seed", [0, 41, 5])
def test_slips_of_those_who_never_saw_the_bank_have_names(seed):
    def written_crop(columns, x_shape, R, S, stride, padding):
        whole = (*x_shape[:2], x_shape[2] + 2 * padding[0], x_shape[3] + 2 * padding[1])
        p, q = (oracle.output_size(whole[2 + i], (R, S)[i], stride[i], 0) for i in (0, 1))
        view = columns.reshape(whole[1], R, S, whole[0], p, q).transpose(3, 0, 4, 5, 1, 2)
        return oracle.scatter(view, whole, stride, (0, 0))[:, :, 1:-1, 1:-1]

    def crop_at_zero(*given):
        (_, x_shape, _, _, _, padding) = given
        (a, b), dx = padding, np.zeros(x_shape)
        for n in range(len(dx)):
            dx[n] = np.zeros((x_shape[1], x_shape[2] + 2 * a, x_shape[3] + 2 * b))[:, a:-a, b:-b]
        return dx

    def spread(x, dy, w_shape, stride, padding):
        x, (p, q), dw = oracle.padded(x, padding), dy.shape[2:], np.zeros(w_shape)
        for r, s in np.ndindex(*w_shape[2:]):
            window = x[:, :, r * stride[0] :, s * stride[1] :][:, :, :p, :q]
            dw[:, :, r, s] = np.einsum("ncpq,nkpq->kc", window, dy[:, :, : window.shape[2], : window.shape[3]])
        return dw

    def small_window(x, window, stride, padding):
        return oracle.max_pool(x, stride, stride, padding), None

    assert "always 1 : −1" in fails(check.convolution.col2im, written_crop, seed=seed)
    assert "−0 is 0" in fails(check.convolution.col2im, crop_at_zero, seed=seed)
    assert "moves the window" in fails(check.convolution.backward_filter, spread, seed=seed)
    assert "as large as the stride" in fails(check.convolution.max_pool_forward, small_window, seed=seed)
    assert "one number" in fails(check.convolution.backward_bias, lambda dy: np.full(dy.shape[1], dy.mean()), seed=seed)


def test_a_gradient_for_one_image_is_tried():
    assert "raised" in fails(check.convolution.backward_bias, lambda dy: dy.squeeze().sum(axis=(0, 2, 3)))
    assert "shape" in fails(check.convolution.forward, lambda *given: oracle.forward(*given).squeeze())
