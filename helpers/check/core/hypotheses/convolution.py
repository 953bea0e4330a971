"""What a convolution and its gradients become by the usual mistakes; mistakes of windows come from `windows`."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

import numpy as np

from helpers.check.core import convolution_oracle as oracle
from helpers.check.core.compare import Hypothesis
from helpers.check.core.geometries import Convolution
from helpers.check.core.hypotheses.windows import (
    SWAPPED_STRIDE,
    averaged,
    by_window,
    explain_shape,
    misplaced,
    misread,
    through,
)
from helpers.check.core.report import Mistake

Array = np.ndarray
NOT_ADDED = "Only the last product is left: each one overwrites the one before. Add them (`+=`)."
FILTERS_SWAPPED = "R and S are swapped: R is the filter's height, along the rows, S its width, along the columns."
MIXED_AXES = (
    "dy is brought from (N, K, …) to (K, …) by `reshape`, which never reorders axes, so images and filters are mixed "
    "up. Use `dy.transpose(1, 0, 2, 3).reshape(K, -1)`."
)


def output_shape(case: Convolution) -> Callable[[tuple[int, ...]], Mistake | None]:
    """For `verify`: which letter explains the shape of an output, if one does."""
    return explain_shape(case, "the output", lambda p, q: (len(case.x), len(case.w), p, q))


def forward(case: Convolution, expected: Array) -> list[Hypothesis]:
    """A convolution (N, K, P, Q), without bias."""
    x, w = case.x, case.w
    (n, k, p, q), (c, r, s) = expected.shape, w.shape[1:]
    view = oracle.windows(x, case.window, *case.geometry)

    def of(windows: Array = view, filters: Array = w) -> Array:
        return np.einsum("ncpqrs,kcrs->nkpq", windows, filters)

    def run(filters: Array, images: Array = x) -> Array:
        return oracle.forward(images, filters, *case.geometry)

    def only(*where: Any) -> Array:
        """Filters with these entries alone."""
        kept = np.zeros_like(w)
        kept[(slice(None), *where)] = w[(slice(None), *where)]
        return kept

    def zeroed(axis: int) -> Array:
        found = expected.copy()
        np.moveaxis(found, axis, 0)[max(1, found.shape[axis] - 1) :] = 0
        return found

    last, every = -1, slice(None)
    places = "The numbers are right but in the wrong places: "
    channels = "Only one channel reaches the output. Sum the products over all C channels."
    return [
        *through(of, misread(case)),
        *_of_filters(case, run),
        Hypothesis(
            "rows-columns-swapped",
            expected.transpose(0, 1, 3, 2),
            "The output has its rows and columns swapped: its shape is (N, K, P, Q).",
        ),
        Hypothesis(
            "rows-columns-swapped",
            expected.reshape(n, k, q, p),
            "The output has shape (N, K, Q, P): P, the number of rows, comes first.",
        ),
        Hypothesis(
            "images-filters-swapped",
            expected.transpose(1, 0, 2, 3),
            "The output has shape (K, N, P, Q): the images come first, (N, K, P, Q).",
        ),
        Hypothesis(
            "filters-last",
            expected.transpose(0, 2, 3, 1),
            "The output has the filters last, (N, P, Q, K); the exercise asks for (N, K, P, Q).",
        ),
        Hypothesis(
            "reshape-for-transpose",
            expected.transpose(1, 0, 2, 3).reshape(expected.shape),
            f"{places}(K, N, …) is turned into (N, K, …) by `reshape`, which never reorders axes. Reshape to (K, N, P, "
            "Q), then `transpose(1, 0, 2, 3)`.",
        ),
        Hypothesis(
            "reshape-for-transpose",
            expected.transpose(0, 2, 3, 1).reshape(expected.shape),
            f"{places}the filters lie last and are brought to the front by `reshape`, which never reorders axes. Use "
            "`transpose(0, 3, 1, 2)`.",
        ),
        Hypothesis(
            "columns-in-another-order",
            expected.transpose(1, 0, 2, 3).reshape(k, p, q, n).transpose(3, 0, 1, 2),
            "The columns of the product are read in the order (p, q, n); they are in the order (n, p, q): reshape to "
            "(K, N, P, Q), then transpose.",
        ),
        Hypothesis(
            "columns-in-another-order",
            expected.transpose(1, 0, 2, 3).reshape(k, n, q, p).transpose(1, 0, 3, 2),
            "The columns of the product are read in the order (n, q, p); they are in the order (n, p, q), row by row: "
            "reshape to (K, N, P, Q), then transpose.",
        ),
        Hypothesis(
            "output-too-large",
            np.pad(expected, ((0, 0), (0, 0), (0, 1), (0, 1))),
            "The output has a row and a column of zeros too many: windows that would hang over the edge are left out.",
        ),
        *Hypothesis.each("channels-not-summed", lambda one: of(view[:, one], w[:, one]), ([0], [-1]), channels),
        Hypothesis(
            "channels-summed-apart",
            lambda: run(w.sum(axis=1, keepdims=True), x.sum(axis=1, keepdims=True)),
            "Images and filters are summed over the channels before they are multiplied. "
            "Multiply channel by channel, then add.",
        ),
        Hypothesis(
            "channels-summed-apart",
            lambda: run(np.broadcast_to(w[:, :1], w.shape)),
            "The filter's first channel is used for all channels of the image.",
        ),
        *Hypothesis.each(
            "not-accumulated",
            lambda where: run(only(*where)),
            ((last, last, last), (every, last, last), (last, last), (every, last)),
            NOT_ADDED,
        ),
        *Hypothesis.each(
            "total-not-reset",
            lambda keep: np.cumsum(expected.reshape(*expected.shape[:keep], -1), axis=-1).reshape(expected.shape),
            (0, 1, 2, 3),
            "Each output is added to the one before: set the sum back to 0 before each (n, k, p, q).",
        ),
        *Hypothesis.each(
            "one-filter-only",
            lambda one: np.broadcast_to(one, expected.shape),
            (expected[:, :1], expected[:, -1:]),
            "All K outputs are those of one filter.",
        ),
        Hypothesis(
            "one-filter-only",
            lambda: np.broadcast_to(expected.sum(axis=1, keepdims=True), expected.shape),
            "The filters' outputs are added together; each filter has a channel of its own in the output.",
        ),
        Hypothesis(
            "one-image-only",
            lambda: np.broadcast_to(expected[:1], expected.shape),
            "All N outputs are those of the first image.",
        ),
        Hypothesis(
            "one-image-only",
            lambda: np.concatenate([expected[:1], 0 * expected[1:]]),
            "Only the first image is computed; the others stay zero.",
        ),
        Hypothesis(
            "one-image-only",
            lambda: np.broadcast_to(expected.sum(axis=0), expected.shape),
            "The images' outputs are added together; each image has an output of its own.",
        ),
        Hypothesis("loop-too-short", lambda: zeroed(1), "The last filter's output stays zero: k runs from 0 to K − 1."),
        Hypothesis("loop-too-short", lambda: zeroed(0), "The last image's output stays zero: n runs from 0 to N − 1."),
        *averaged(
            expected,
            (
                ("channels-averaged", c, "the number of channels C"),
                ("window-averaged", r * s, "the size of the filter, R · S"),
                ("window-averaged", c * r * s, "the number of products, C · R · S"),
                ("images-averaged", n, "the number of images N"),
            ),
        ),
    ]


def _of_filters(case: Convolution, run: Callable[..., Array]) -> list[Hypothesis]:
    """Filters that are read in another order."""
    w = case.w
    k, c, r, s = w.shape
    reversed_channels = "channel c of the image belongs to channel c of the filter."
    return [
        Hypothesis(
            "flipped-channels", lambda: run(w[:, ::-1]), f"The channels of the filter are reversed: {reversed_channels}"
        ),
        Hypothesis(
            "flipped-channels",
            lambda: run(w[:, ::-1, ::-1, ::-1]),
            f"The filter is reversed along all three axes, including the channels: {reversed_channels}",
        ),
        Hypothesis("filter-transposed", lambda: run(w.transpose(0, 1, 3, 2)), FILTERS_SWAPPED),
        *Hypothesis.each(
            "filter-transposed",
            run,
            (w.reshape(k, c, s, r), w.transpose(0, 1, 3, 2).reshape(w.shape)),
            "The filter's rows and columns are mixed up: w has the shape (K, C, R, S), R is its height and S its "
            "width. Is that the order where `w.shape` is unpacked, in each call, and in each `reshape`?",
        ),
        *Hypothesis.each(
            "reshape-for-transpose",
            lambda mixed: run(mixed.reshape(w.shape)),
            (w.reshape(-1, k).T, w.transpose(1, 2, 3, 0), w.transpose(1, 0, 2, 3), w.transpose(3, 2, 1, 0)),
            "w is transposed and reshaped, which mixes the filters: each filter is contiguous, so F_m is "
            "`w.reshape(K, -1)`.",
        ),
        Hypothesis(
            "rows-in-another-order",
            lambda: run(w.transpose(0, 2, 3, 1).reshape(w.shape)),
            "The filters are flattened in the order (r, s, c), the rows of D_m in the order (c, r, s).",
        ),
        Hypothesis(
            "rows-in-another-order",
            lambda: run(w.transpose(0, 3, 2, 1).reshape(w.shape)),
            "The filters are flattened column by column, in the order (s, r, c); the rows of D_m are in the order "
            "(c, r, s), that of `reshape`.",
        ),
    ]


def bias(y: Array, b: Array) -> list[Hypothesis]:
    """y (N, K, P, Q) with a bias (K,), one number for each filter, added to it."""
    n, right = len(y), b[:, None, None]

    def first_pixel() -> Array:
        found = y.copy()
        found[:, :, 0, 0] += b
        return found

    axis = "It belongs to the filters, axis 1: give it the shape (K, 1, 1)."
    return [
        Hypothesis("bias-missing", y, "The bias is not added."),
        Hypothesis(
            "bias-wrong-axis",
            lambda: y + b,
            f"The bias is added along the columns: numpy broadcasts b along the last axis. {axis}",
        ),
        Hypothesis("bias-wrong-axis", lambda: y + b[:, None], f"The bias is added along the rows (axis 2). {axis}"),
        Hypothesis(
            "bias-per-image",
            lambda: y + np.resize(b, n)[:, None, None, None],
            f"The bias is added along the images (axis 0). {axis}",
        ),
        *Hypothesis.each(
            "bias-spread-out",
            lambda spread: y + spread().reshape(y.shape),
            (lambda: np.tile(b, y.size // len(b)), lambda: np.repeat(b, y.size // len(b))),
            "The numbers of b follow each other through the whole array (`tile` or `repeat`, then `reshape`), whatever "
            f"filter an entry belongs to. {axis}",
        ),
        *Hypothesis.each(
            "bias-one-number",
            lambda one: y + one,
            (b.sum(), b.mean()),
            "One number is added to all outputs; each filter has a bias of its own.",
        ),
        Hypothesis(
            "bias-one-number",
            lambda: y + b[0],
            "The first filter's bias is added to all outputs; each filter has its own.",
        ),
        Hypothesis(
            "bias-first-image", lambda: np.concatenate([y[:1] + right, y[1:]]), "Only the first image gets the bias."
        ),
        Hypothesis(
            "bias-first-pixel", first_pixel, "Only the first pixel of each output gets the bias; every pixel should."
        ),
        Hypothesis("bias-twice", lambda: y + 2 * right, "The bias is added twice."),
        Hypothesis("bias-per-image", lambda: y + right / n, "The bias is divided by the number of images."),
        Hypothesis(
            "bias-repeated",
            lambda: y + right * n,
            "The bias is added once for each image, so N times; each output gets it once.",
        ),
        Hypothesis(
            "bias-repeated",
            lambda: y + right * y[0, 0].size,
            "The bias is added once for each pixel, P · Q times over; each entry gets it once.",
        ),
        Hypothesis("bias-subtracted", lambda: y - right, "The bias is subtracted; add it."),
        Hypothesis("bias-multiplied", lambda: y * right, "The bias is multiplied; add it."),
    ]


def backward_data(case: Convolution, expected: Array) -> list[Hypothesis]:
    """The gradient for the images, (N, C, H, W)."""
    dy, w, shape, stride, (a, b) = case.dy, case.w, case.x.shape, case.stride, case.padding
    (n, k, p, q), (c, r, s) = dy.shape, w.shape[1:]
    view = np.einsum("nkpq,kcrs->ncpqrs", dy, w)

    def back(filters: Array = w, grads: Array = dy) -> Array:
        return oracle.backward_data(grads, filters, shape, stride, case.padding)

    def of_stride_one() -> Array:
        """dy, not spread out, convolved as at stride 1, in the corner of the image."""
        found = np.zeros(shape)
        whole = oracle.backward_data(dy, w, (n, c, p + r - 1, q + s - 1), (1, 1), (0, 0))
        part = whole[:, :, a:, b:][:, :, : shape[2], : shape[3]]
        found[:, :, : part.shape[2], : part.shape[3]] = part
        return found

    def of_product(product: Array) -> Array:
        """F_mᵀ G_m of shape (C·R·S, N·P·Q), added back."""
        windows = product.reshape(c, r, s, n, p, q).transpose(3, 0, 4, 5, 1, 2)
        return oracle.scatter(windows, shape, stride, case.padding)

    flip = (
        "The filter is flipped where it should not be, or the other way round. Scattering dy uses w as it is, entry "
        "(r, s) at row p·u + r; gathering (dx as a convolution of dy) uses it flipped along R and S."
    )
    one_axis = "The filter is flipped along one axis only, or along one too many: {} has the wrong direction."
    all_filters = "Every filter was applied to the image: sum over all K."
    return [
        Hypothesis(
            "stride-ignored",
            of_stride_one,
            "The stride is ignored on the way back: dy[p, q] belongs to row p · u and column q · v. "
            "Right for stride 1 only.",
        ),
        Hypothesis("flipped-filter", lambda: back(w[:, :, ::-1, ::-1]), flip),
        Hypothesis("flipped-one-axis", lambda: back(w[:, :, ::-1]), one_axis.format("R")),
        Hypothesis("flipped-one-axis", lambda: back(w[:, :, :, ::-1]), one_axis.format("S")),
        Hypothesis(
            "channels-not-exchanged",
            lambda: back(w.reshape(c, k, r, s).transpose(1, 0, 2, 3)),
            "K and C are not exchanged, only renamed: `reshape` never reorders axes. Use `w.transpose(1, 0, 2, 3)`, so "
            "that each channel c collects from all filters k.",
        ),
        Hypothesis(
            "channels-not-exchanged",
            lambda: back(w[:, ::-1]),
            "The channels come out in the reverse order: flip R and S only, and exchange K and C with a transpose.",
        ),
        *Hypothesis.each(
            "filters-not-summed",
            lambda one: back(w[one], dy[:, one]),
            ([-1], [0]),
            f"Only one filter reaches dx. {all_filters}",
        ),
        Hypothesis(
            "gradient-not-used",
            lambda: back(w, np.ones_like(dy)),
            "dy is missing: this is the gradient of the sum of all outputs. Each output is weighted with its own dy.",
        ),
        Hypothesis("returns-output", dy, "The result is dy itself. Propagate it back through the filters."),
        *misplaced(case, view),
        *averaged(
            expected,
            (
                ("images-averaged", n, "the number of images N"),
                ("filters-averaged", k, "the number of filters K"),
                ("window-averaged", r * s, "the size of the filter, R · S"),
                ("positions-averaged", p * q, "the number of positions, P · Q"),
                ("positions-averaged", n * p * q, "the number of positions in all images, N · P · Q"),
            ),
        ),
        Hypothesis(
            "filter-transposed",
            lambda: back(w.reshape(k, c, s, r).transpose(0, 1, 3, 2)),
            "The filter's rows and columns are mixed up: w has the shape (K, C, R, S).",
        ),
        Hypothesis(
            "channels-mixed",
            lambda: np.broadcast_to(expected.sum(axis=1, keepdims=True), shape),
            "The channels of dx are added together; each has a gradient of its own.",
        ),
        Hypothesis(
            "one-image-only",
            lambda: np.concatenate([expected[:1], 0 * expected[1:]]),
            "Only the first image has a gradient; the others stay zero.",
        ),
        Hypothesis(
            "images-filters-swapped",
            lambda: expected.transpose(1, 0, 2, 3),
            "dx has shape (C, N, H, W): the images come first, (N, C, H, W).",
        ),
        Hypothesis("reshape-for-transpose", lambda: of_product(w.reshape(k, -1).T @ dy.reshape(k, -1)), MIXED_AXES),
        *Hypothesis.each(
            "columns-in-another-order",
            lambda axes: of_product(w.reshape(k, -1).T @ dy.transpose(axes).reshape(k, -1)),
            ((1, 2, 3, 0), (1, 0, 3, 2), (1, 2, 0, 3), (1, 3, 2, 0)),
            "The axes of dy, numbered (N, K, P, Q) = (0, 1, 2, 3), come into the order {}, and the columns of the "
            "lowered images are in the order (n, p, q): that is `dy.transpose(1, 0, 2, 3).reshape(K, -1)`.",
        ),
        Hypothesis(
            "reshape-for-transpose",
            lambda: of_product(w.reshape(c * r * s, k) @ dy.transpose(1, 0, 2, 3).reshape(k, -1)),
            "F_m is transposed by `reshape`, which never reorders axes: use `w.reshape(K, -1).T`.",
        ),
        Hypothesis(
            "overlap-assigned",
            lambda: by_window(case, np.einsum("npq,crs->ncpqrs", dy[:, -1], w[-1])),
            "Only the last filter and window are kept: entries are assigned (`=`). A pixel receives the sum over all "
            "filters and all windows that cover it: add (`+=`).",
        ),
        *Hypothesis.each(
            "one-filter-only",
            lambda i: back(np.broadcast_to(w[i], w.shape)),
            (0, -1),
            "One filter, w[{}], is used with every dy[n, k]; dy[n, k, p, q] goes back through w[k].",
        ),
    ]


def backward_filter(case: Convolution, expected: Array) -> list[Hypothesis]:
    """The gradient for the filters, (K, C, R, S)."""
    x, dy = case.x, case.dy
    (n, k, p, q), (r, s), (u, v) = dy.shape, case.window, case.stride

    def of(windows: Array, grads: Array = dy) -> Array:
        return np.einsum("ncpqrs,nkpq->kcrs", windows, grads)

    view = oracle.windows(x, case.window, *case.geometry)

    def lowered() -> Array:
        return oracle.im2col(x, case.window, *case.geometry)

    def swapped() -> Array:
        """Windows at p · v and q · u; those that hang over the edge shrink, down to one row that numpy repeats."""
        found, whole = np.zeros_like(expected), oracle.padded(x, case.padding)
        for i, j in np.ndindex(p, q):
            window = whole[:, :, i * v : i * v + r, j * u : j * u + s]
            found += np.tensordot(dy[:, :, i, j].T, window, axes=1)
        return found

    last = "Only the last {} reaches dw: each one overwrites the one before. Add them (`+=`)."
    beyond = ((0, 2 * case.padding[0]), (0, 2 * case.padding[1]))
    return [
        Hypothesis(
            "padding-ignored",
            lambda: of(oracle.windows(x, case.window, case.stride, beyond)),
            "The padding is ignored: the windows are those of the padded images.",
        ),
        *through(of, misread(case)),
        *averaged(
            expected,
            (
                ("images-averaged", n, "the number of images N"),
                ("positions-averaged", p * q, "the number of positions, P · Q"),
                ("positions-averaged", n * p * q, "the number of positions in all images, N · P · Q"),
                ("window-averaged", r * s, "the size of the filter, R · S"),
            ),
        ),
        Hypothesis("not-accumulated", lambda: of(view[-1:], dy[-1:]), last.format("image")),
        Hypothesis("not-accumulated", lambda: of(view[:1], dy[:1]), "Only the first image reaches dw. Sum over all N."),
        Hypothesis(
            "not-accumulated", lambda: of(view[:, :, -1:, -1:], dy[:, :, -1:, -1:]), last.format("position (p, q)")
        ),
        Hypothesis(
            "not-accumulated",
            lambda: of(view[-1:, :, -1:, -1:], dy[-1:, :, -1:, -1:]),
            last.format("position of the loops"),
        ),
        Hypothesis(
            "channels-mixed",
            lambda: np.broadcast_to(expected.sum(axis=1, keepdims=True), expected.shape),
            "The channels are added together. In dw each channel c keeps its own entry; "
            "only images and positions are summed.",
        ),
        Hypothesis(
            "filters-mixed",
            lambda: np.broadcast_to(expected.sum(axis=0), expected.shape),
            "The filters are added together; each has a gradient of its own.",
        ),
        Hypothesis(
            "channels-exchanged",
            expected.transpose(1, 0, 2, 3),
            "dw has shape (C, K, R, S); it has the shape of w, (K, C, R, S).",
        ),
        *Hypothesis.each(
            "filter-transposed",
            lambda shape: expected.transpose(0, 1, 3, 2).reshape(shape),
            ((k, -1, s, r), expected.shape),
            "R and S are swapped: dw has the shape of w, (K, C, R, S).",
        ),
        Hypothesis(
            "reshape-for-transpose",
            lambda: (dy.reshape(k, -1) @ lowered().T).reshape(expected.shape),
            MIXED_AXES,
        ),
        Hypothesis(
            "gradient-not-used",
            lambda: of(view, np.ones_like(dy)),
            "dy is missing: each window is multiplied by its own dy[p, q].",
        ),
        *Hypothesis.each(
            "columns-in-another-order",
            lambda axes: (dy.transpose(axes).reshape(k, -1) @ lowered().T).reshape(expected.shape),
            ((1, 2, 3, 0), (1, 0, 3, 2), (1, 2, 0, 3), (1, 3, 2, 0)),
            "The axes of dy, numbered (N, K, P, Q) = (0, 1, 2, 3), come into the order {}, and the columns of D_m are "
            "in the order (n, p, q): that is `dy.transpose(1, 0, 2, 3).reshape(K, -1)`.",
        ),
        Hypothesis("stride-swapped", swapped, SWAPPED_STRIDE),
        Hypothesis(
            "reshape-for-transpose",
            lambda: expected.reshape(k, -1).T.reshape(expected.shape),
            "The product is dw transposed, C·R·S × K, and `reshape` does not transpose it back: "
            "G_m D_mᵀ has the rows of the filters.",
        ),
    ]


def backward_bias(dy: Array) -> list[Hypothesis]:
    """The gradient for the bias, (K,)."""
    n, k, p, q = dy.shape
    expected = dy.sum(axis=(0, 2, 3))
    one = "One bias is shared by every image and every position of its filter: sum over the axes 0, 2 and 3."

    def summed(axes: tuple[int, ...], keep: bool = False) -> Array:
        return dy.sum(axis=axes, keepdims=keep)

    wrong, few = ((1, 2, 3), (0, 1, 2), (0, 1, 3), (0, 1)), ((2, 3), (0,), (0, 2), (0, 3), (2,), (3,), (1,), ())
    return [
        *Hypothesis.each("bias-grad-wrong-axes", summed, wrong, f"dy is summed over the wrong axes. {one}"),
        *Hypothesis.each("bias-grad-not-summed", summed, few, f"dy is not summed over enough axes. {one}"),
        *Hypothesis.each(
            "bias-grad-not-summed",
            partial(summed, keep=True),
            ((2, 3), (0,), (1,)),
            f"dy is not summed over enough axes. {one}",
        ),
        Hypothesis("reshape-for-transpose", dy.reshape(k, -1).sum(axis=1), MIXED_AXES),
        Hypothesis(
            "reshape-for-transpose",
            dy.reshape(-1, k).sum(axis=0),
            "dy is read as if the filters were its last axis, so that their numbers are mixed up: they are axis 1. Sum "
            "over the axes 0, 2 and 3.",
        ),
        *Hypothesis.each(
            "bias-grad-one-number",
            np.asarray,
            (dy.sum(), dy.mean(), np.full(k, dy.sum()), np.full(k, dy.mean())),
            "Everything becomes one number; each filter has a bias of its own.",
        ),
        Hypothesis(
            "images-averaged",
            expected / n,
            f"The gradient is 1/{n} of what it should be, and {n} is the number of images: a mean over the batch is "
            "taken where a sum is needed.",
        ),
        Hypothesis(
            "positions-averaged",
            expected / (p * q),
            f"The gradient is 1/{p * q} of what it should be, and that is P · Q: a mean over the positions is taken "
            "where a sum is needed.",
        ),
        Hypothesis(
            "positions-averaged",
            expected / (n * p * q),
            f"The gradient is 1/{n * p * q} of what it should be, and that is N · P · Q: "
            "a mean is taken where a sum is needed.",
        ),
        *Hypothesis.each(
            "one-image-only", lambda i: dy[i].sum(axis=(1, 2)), (0, -1), "Only one image counts; sum over all of them."
        ),
        Hypothesis(
            "bias-grad-one-pixel", dy[:, :, 0, 0].sum(axis=0), "Only one position counts; sum over all of them."
        ),
        Hypothesis(
            "bias-grad-ones",
            np.ones(k),
            "The gradient is 1 everywhere: that is the derivative of the output. Multiply by dy and sum.",
        ),
        Hypothesis(
            "bias-grad-ones",
            np.full(k, float(n * p * q)),
            "This counts the entries; multiply each by its dy, that is, sum dy.",
        ),
        *Hypothesis.each(
            "axes-kept",
            expected.reshape,
            ((1, k, 1, 1), (1, k)),
            "The values are right; the summed axes are still there. The gradient has the bias's shape, (K,).",
        ),
    ]
