"""Checks of Part C: the gradients of a convolution for the images, the filters and the bias."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from functools import partial
from typing import Any

import numpy as np

from helpers.check.convolution.lowering import by_window, scatter_guesses
from helpers.check.core import conv_oracle as oracle
from helpers.check.core import conv_slips as slips
from helpers.check.core.conv_cases import CASES, Case, Guess, Sizes, averaged, cases, guess_each, result, settle
from helpers.check.core.conv_mixups import gathered, index_guesses, scattered
from helpers.check.core.gradients import numerical_gradient
from helpers.check.core.report import check


def _loss(case: Case, x: np.ndarray, w: np.ndarray) -> float:
    """A loss whose gradient for the output is dy."""
    return float((oracle.forward(x, w, case.stride, case.padding) * case.dy).sum())


@check("Gradient for the images", "C1", builds_on="`col2im`, if you used it")
def backward_data(conv_backward_data: Any, *, seed: int = 0, sizes: Sequence[Sizes] = CASES) -> Iterator[str]:
    """dx (N, C, H, W) from dy (N, K, P, Q) and w, against the adjoint, itself tested against finite differences."""
    for case in cases(sizes, seed):
        expected = oracle.backward_data(case.dy, case.w, case.x.shape, case.stride, case.padding)
        got = result(conv_backward_data, case.dy, case.w, case.x.shape, case.stride, case.padding, what="conv_backward_data")
        settle(got, expected, f"dx for {case.label}", partial(_data_guesses, case, expected), partial(_numerical_x, case))
        yield case.label if case.x.size > 50 else "one image, one channel, one filter"


def _numerical_x(case: Case) -> np.ndarray:
    return numerical_gradient(lambda v: _loss(case, v, case.w), case.x)


def _numerical_w(case: Case) -> np.ndarray:
    return numerical_gradient(lambda v: _loss(case, case.x, v), case.w)


def _data_guesses(case: Case, expected: np.ndarray) -> list[Guess]:
    dy, w, shape, stride, padding = case.dy, case.w, case.x.shape, case.stride, case.padding
    (n, k, p, q), (_, c, r, s) = dy.shape, w.shape
    back = partial(oracle.backward_data, dy, x_shape=shape, stride=stride, padding=padding)
    view = np.einsum("nkpq,kcrs->ncpqrs", dy, w)
    flip = "The filter is flipped where it should not be, or the other way round. Scattering dy uses w as it is, entry (r, s) at row p·u + r; gathering (dx as a convolution of dy) uses it flipped along R and S."

    def of_stride_one() -> np.ndarray:
        """dy, not spread out, convolved as at stride 1, in the corner of the image."""
        found = np.zeros(shape)
        part = oracle.backward_data(dy, w, (n, c, p + r - 1, q + s - 1), (1, 1), (0, 0))[:, :, padding[0] :, padding[1] :][:, :, : shape[2], : shape[3]]
        found[:, :, : part.shape[2], : part.shape[3]] = part
        return found

    return [
        *(
            Guess("stride-ignored-in-dx", of_stride_one, "The stride is ignored on the way back: dy[p, q] belongs to row p · u and column q · v. Right for stride 1 only.")
            for _ in range(stride != (1, 1))
        ),
        Guess("flipped-filter", lambda: back(w=w[:, :, ::-1, ::-1]), flip),
        Guess("flipped-one-axis", lambda: back(w=w[:, :, ::-1]), "The filter is flipped along one axis only, or along one too many: R has the wrong direction."),
        Guess("flipped-one-axis", lambda: back(w=w[:, :, :, ::-1]), "The filter is flipped along one axis only, or along one too many: S has the wrong direction."),
        Guess("channels-not-exchanged", lambda: back(w=w.reshape(c, k, r, s).transpose(1, 0, 2, 3)), "K and C are not exchanged, only renamed: `reshape` never reorders axes. Use `w.transpose(1, 0, 2, 3)`, so that each channel c collects from all filters k."),
        Guess("channels-not-exchanged", lambda: back(w=w[:, ::-1]), "The channels come out in the reverse order: flip R and S only, and exchange K and C with a transpose."),
        Guess("filters-not-summed", lambda: oracle.backward_data(dy[:, -1:], w[-1:], shape, stride, padding), "Only the last filter reaches dx. Every filter was applied to the image: sum over all K."),
        Guess("filters-not-summed", lambda: oracle.backward_data(dy[:, :1], w[:1], shape, stride, padding), "Only the first filter reaches dx. Every filter was applied to the image: sum over all K."),
        Guess("returns-output", lambda: dy, "The result is dy itself. Propagate it back through the filters."),
        *scatter_guesses(view, expected, shape, stride, padding),
        *index_guesses(case, partial(scattered, case, view)),
        *averaged(expected, (("images-averaged", n, "the number of images N"), ("filters-averaged", k, "the number of filters K"), ("window-averaged", r * s, "the size of the filter, R · S"), ("positions-averaged", p * q, "the number of positions, P · Q"), ("positions-averaged", n * p * q, "the number of positions in all images, N · P · Q"))),
        Guess("filter-transposed", lambda: back(w=w.reshape(k, c, s, r).transpose(0, 1, 3, 2)), "The filter's rows and columns are mixed up: w has the shape (K, C, R, S)."),
        Guess("channels-mixed", lambda: np.broadcast_to(expected.sum(axis=1, keepdims=True), shape), "The channels of dx are added together; each has a gradient of its own."),
        Guess("one-image-only", lambda: np.concatenate([expected[:1], 0 * expected[1:]]), "Only the first image has a gradient; the others stay zero."),
        Guess("images-filters-swapped", lambda: expected.transpose(1, 0, 2, 3), "dx has shape (C, N, H, W): the images come first, (N, C, H, W)."),
        Guess("reshape-for-transpose", lambda: oracle.scatter((w.reshape(k, -1).T @ dy.reshape(k, -1)).reshape(c, r, s, n, p, q).transpose(3, 0, 4, 5, 1, 2), shape, stride, padding), "dy is brought from (N, K, …) to (K, …) by `reshape`, which never reorders axes, so images and filters are mixed up. Use `dy.transpose(1, 0, 2, 3).reshape(K, -1)`."),
        Guess("reshape-for-transpose", lambda: oracle.scatter((w.reshape(c * r * s, k) @ dy.transpose(1, 0, 2, 3).reshape(k, -1)).reshape(c, r, s, n, p, q).transpose(3, 0, 4, 5, 1, 2), shape, stride, padding), "F_m is transposed by `reshape`, which never reorders axes: use `w.reshape(K, -1).T`."),
        *slips.scattered(case, view),
        *slips.data(case, by_window(np.einsum("npq,crs->ncpqrs", dy[:, -1], w[-1]), shape, stride, padding)),
    ]


@check("Gradient for the filters", "C2", builds_on="`im2col`, if you used it")
def backward_filter(conv_backward_filter: Any, *, seed: int = 0, sizes: Sequence[Sizes] = CASES) -> Iterator[str]:
    """dw (K, C, R, S) from x and dy (N, K, P, Q), against the reference, itself tested against finite differences."""
    for case in cases(sizes, seed):
        expected = oracle.backward_filter(case.x, case.dy, case.window, case.stride, case.padding)
        got = result(conv_backward_filter, case.x, case.dy, case.w.shape, case.stride, case.padding, what="conv_backward_filter")
        settle(got, expected, f"dw for {case.label}", partial(_filter_guesses, case, expected), partial(_numerical_w, case))
        yield case.label if case.x.size > 50 else "one image, one channel, one filter"


def _filter_guesses(case: Case, expected: np.ndarray) -> list[Guess]:
    x, dy, window, stride, padding = case.x, case.dy, case.window, case.stride, case.padding
    (n, k, p, q), (r, s) = dy.shape, window
    (u, v), (pad_h, pad_w) = stride, padding
    run = partial(oracle.backward_filter, x, dy, window)

    def fit(strides: tuple[int, int], pads: Any = padding) -> np.ndarray:
        """Windows that start elsewhere, in images padded far enough."""
        tall, wide = (strides[0] * (p - 1) + r, strides[1] * (q - 1) + s)
        ends = [max(0, need - size) for need, size in zip((tall, wide), oracle.padded(x, pads).shape[2:], strict=True)]
        a, b = (i if isinstance(i, tuple) else (i, i) for i in pads)
        return oracle.backward_filter(x, dy, window, strides, ((a[0], a[1] + ends[0]), (b[0], b[1] + ends[1])))

    last = {
        "images": ("Only the last image reaches dw: each one overwrites the one before. Add them (`+=`).", lambda: oracle.backward_filter(x[-1:], dy[-1:], window, stride, padding)),
        "first": ("Only the first image reaches dw. Sum over all N.", lambda: oracle.backward_filter(x[:1], dy[:1], window, stride, padding)),
        "position": ("Only the last position (p, q) reaches dw: each one overwrites the one before. Add them (`+=`).", lambda: _positions(x, dy, window, stride, padding, (p - 1, q - 1))),
        "row": ("Only the last position of the loops reaches dw: each one overwrites the one before. Add them (`+=`).", lambda: _last_position(x, dy, window, stride, padding)),
    }
    stride_hint = "The stride is ignored: dy[p, q] belongs to the window that starts at row p · u and column q · v."
    return [
        *(Guess("stride-ignored-in-dw", lambda: fit((1, 1)), stride_hint) for _ in range(stride != (1, 1))),
        Guess("stride-swapped", lambda: fit((v, u)), "u and v are swapped: u is the step downwards (rows), v the step across (columns)."),
        *guess_each("stride-one-axis", lambda a: fit(a), ((u, 1), (1, v), (u, u), (v, v)), "The stride is applied as if it were {}: rows step by u and columns by v."),
        Guess("padding-ignored", lambda: fit(stride, (0, 0)), "The padding is ignored: the windows are those of the padded images."),
        Guess("padding-swapped", lambda: fit(stride, (pad_w, pad_h)), "pad_h and pad_w are swapped: pad_h counts rows, pad_w columns."),
        *guess_each("padding-one-side", lambda a: fit(stride, a), (((pad_h, 0), (pad_w, 0)), ((0, 2 * pad_h), (0, 2 * pad_w)), ((2 * pad_h, 0), (2 * pad_w, 0)), (pad_h, 0), (0, pad_w), (pad_h, pad_h), (pad_w, pad_w)), "The zeros lie on one side only, or on one axis only: pad above and below, left and right."),
        *guess_each("padding-value", lambda m: run(stride, padding, m), ("edge", "wrap", "reflect"), "The padding repeats the image (as numpy's mode {!r} does); it should be zeros."),
        Guess("flipped-filter", lambda: expected[:, :, ::-1, ::-1], "dw is flipped along R and S. Entry (r, s) sums dy[p, q] · x[…, p·u + r, q·v + s]."),
        Guess("flipped-one-axis", lambda: expected[:, :, ::-1], "dw is flipped along R. Entry (r, s) sums dy[p, q] · x[…, p·u + r, q·v + s]."),
        Guess("flipped-one-axis", lambda: expected[:, :, :, ::-1], "dw is flipped along S. Entry (r, s) sums dy[p, q] · x[…, p·u + r, q·v + s]."),
        *averaged(expected, (("images-averaged", n, "the number of images N"), ("positions-averaged", p * q, "the number of positions, P · Q"), ("positions-averaged", n * p * q, "the number of positions in all images, N · P · Q"), ("window-averaged", r * s, "the size of the filter, R · S"))),
        *index_guesses(case, lambda i, j: np.einsum("ncpqrs,nkpq->kcrs", gathered(case, i, j), dy)),
        *(Guess("not-accumulated", wrong, hint) for hint, wrong in last.values()),
        Guess("channels-mixed", lambda: np.broadcast_to(expected.sum(axis=1, keepdims=True), expected.shape), "The channels are added together. In dw each channel c keeps its own entry; only images and positions are summed."),
        Guess("filters-mixed", lambda: np.broadcast_to(expected.sum(axis=0), expected.shape), "The filters are added together; each has a gradient of its own."),
        Guess("channels-exchanged", lambda: expected.transpose(1, 0, 2, 3), "dw has shape (C, K, R, S); it has the shape of w, (K, C, R, S)."),
        Guess("filter-transposed", lambda: expected.transpose(0, 1, 3, 2), "R and S are swapped: dw has the shape of w, (K, C, R, S)."),
        Guess("filter-transposed", lambda: expected.transpose(0, 1, 3, 2).reshape(expected.shape), "R and S are mixed up: dw has the shape of w, (K, C, R, S)."),
        Guess("reshape-for-transpose", lambda: (dy.reshape(k, -1) @ oracle.im2col(x, window, stride, padding).T).reshape(expected.shape), "dy is brought from (N, K, …) to (K, …) by `reshape`, which never reorders axes, so images and filters are mixed up. Use `dy.transpose(1, 0, 2, 3).reshape(K, -1)`."),
        Guess("gradient-not-used", lambda: oracle.backward_filter(x, np.ones_like(dy), window, stride, padding), "dy is missing: each window is multiplied by its own dy[p, q]."),
        *slips.filters(case, expected),
    ]


def _positions(x: np.ndarray, dy: np.ndarray, window: tuple[int, int], stride: tuple[int, int], padding: Any, at: tuple[int, int]) -> np.ndarray:
    """dw of one position (p, q) alone, all images."""
    kept = np.zeros_like(dy)
    kept[:, :, at[0], at[1]] = dy[:, :, at[0], at[1]]
    return oracle.backward_filter(x, kept, window, stride, padding)


def _last_position(x: np.ndarray, dy: np.ndarray, window: tuple[int, int], stride: tuple[int, int], padding: Any) -> np.ndarray:
    """dw of the last position of the last image."""
    return _positions(x[-1:], dy[-1:], window, stride, padding, (dy.shape[2] - 1, dy.shape[3] - 1))


@check("Gradient for the bias", "C3")
def backward_bias(conv_backward_bias: Any, *, seed: int = 0, shape: Sizes = (2, 5, 3, 4)) -> Iterator[str]:
    """The sum of dy over images and positions, (K,)."""
    dy = np.random.default_rng([seed, *shape]).normal(size=shape)
    n, k, p, q = shape
    expected = dy.sum(axis=(0, 2, 3))
    wrong_axes = "dy is summed over the wrong axes. One bias is shared by every image and every position of its filter: sum over the axes 0, 2 and 3."
    not_enough = "dy is not summed over enough axes: the bias has one number per filter, so sum over images, rows and columns (axes 0, 2 and 3)."
    guesses = (
        *guess_each("bias-grad-wrong-axes", lambda a: dy.sum(axis=a), ((1, 2, 3), (0, 1, 2), (0, 1, 3)), wrong_axes),
        *guess_each("bias-grad-not-summed", lambda a: dy.sum(axis=a), ((2, 3), (0,), (0, 2), (0, 3), (2,), (3,), (1,), ()), not_enough),
        Guess("bias-grad-one-number", lambda: np.asarray(dy.sum()), "Everything is summed to one number; each filter has a bias of its own."),
        Guess("images-averaged", lambda: expected / n, f"The gradient is 1/{n} of what it should be, and {n} is the number of images: a mean over the batch is taken where a sum is needed."),
        Guess("positions-averaged", lambda: expected / (p * q), f"The gradient is 1/{p * q} of what it should be, and that is P · Q: a mean over the positions is taken where a sum is needed."),
        Guess("positions-averaged", lambda: expected / (n * p * q), f"The gradient is 1/{n * p * q} of what it should be, and that is N · P · Q: a mean is taken where a sum is needed."),
        Guess("one-image-only", lambda: dy[0].sum(axis=(1, 2)), "Only the first image counts; sum over all of them."),
        Guess("one-image-only", lambda: dy[-1].sum(axis=(1, 2)), "Only the last image counts; sum over all of them."),
        Guess("bias-grad-one-pixel", lambda: dy[:, :, 0, 0].sum(axis=0), "Only one position counts; sum over all of them."),
        Guess("bias-grad-ones", lambda: np.ones(k), "The gradient is 1 everywhere: that is the derivative of the output. Multiply by dy and sum."),
        Guess("bias-grad-ones", lambda: np.full(k, float(n * p * q)), "This counts the entries; multiply each by its dy, that is, sum dy."),
        Guess("axes-kept", lambda: expected.reshape(1, k, 1, 1), "The values are right; the summed axes are still there. The gradient has the bias's shape, (K,)."),
    )
    settle(result(conv_backward_bias, dy, what="conv_backward_bias"), expected, "the gradient for the bias", lambda: guesses)
    yield "one number per filter, summed over images and positions; dy unchanged"
