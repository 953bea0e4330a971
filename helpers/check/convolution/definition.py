"""Checks of Part A: the output's size, convolution from its definition, the bias, and the flipped one."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from functools import partial
from typing import Any

import numpy as np

from helpers.check.core import conv_oracle as oracle
from helpers.check.core import conv_slips as slips
from helpers.check.core.calls import call_each, number
from helpers.check.core.conv_cases import (
    CASES,
    Case,
    Guess,
    Sizes,
    averaged,
    cases,
    float32_too,
    guess_each,
    result,
    settle,
)
from helpers.check.core.conv_mixups import gathered, index_guesses, of_case, shape_mistake
from helpers.check.core.report import Mistake, check

SIZE_CASES = ((12, 5, 1, 0), (9, 4, 1, 2), (13, 4, 2, 0), (14, 5, 3, 1), (11, 3, 4, 2), (7, 7, 2, 0), (1, 1, 1, 0))
"""(size, window, stride, pad)."""


@check("Output size", "A1")
def output_size(output_size: Any, *, geometries: Sequence[tuple[int, int, int, int]] = SIZE_CASES) -> Iterator[str]:
    """⌊(size + 2·pad − window) / stride⌋ + 1 as a whole number."""
    found = []
    for value in call_each(output_size, geometries, what="output_size"):
        found.append(number(value, "the result of output_size"))
        if found[-1] % 1 == 0 and not hasattr(value, "__index__"):
            raise Mistake("size-not-whole", f"output_size returns {value!r}, of type {type(value).__name__}. A size is used in `range` and as a shape: divide with `//`.")
    sizes = np.array(geometries, dtype=float).T
    h, r, u, p = sizes
    guesses = (
        Guess("size-not-rounded", lambda: (h + 2 * p - r) / u + 1, "The size is not a whole number. A window that would hang over the edge is left out: divide with `//`, which rounds down."),
        Guess("plus-one-missing", lambda: (h + 2 * p - r) // u, "The size is one too small: the window at position 0 counts, too (`+ 1`, after the division)."),
        Guess("plus-one-inside", lambda: (h + 2 * p - r + 1) // u, "The 1 is added before the division; it belongs after it. (Equation (1) of the paper has it inside, and rounds up.)"),
        Guess("size-rounded-up", lambda: np.ceil((h + 2 * p - r) / u) + 1, "The division is rounded up, so that the last window hangs over the edge. Round down (`//`) and add 1."),
        Guess("size-rounded-up", lambda: np.round((h + 2 * p - r) / u) + 1, "The division is rounded to the nearest number. Round down (`//`) and add 1."),
        Guess("padding-once", lambda: (h + p - r) // u + 1, "The padding is counted once; it lies on both sides: 2 · pad."),
        Guess("padding-ignored", lambda: (h - r) // u + 1, "The padding is not counted: the image grows by 2 · pad."),
        Guess("padding-subtracted", lambda: (h - 2 * p - r) // u + 1, "The padding is subtracted; it makes the image larger: + 2 · pad."),
        Guess("stride-ignored", lambda: h + 2 * p - r + 1, "The stride is not used: divide by it, rounded down."),
        Guess("window-ignored", lambda: (h + 2 * p) // u + 1, "The window's size is not subtracted: its last position is size − window."),
        Guess("window-ignored", lambda: (h + 2 * p) // u, "The window's size is not subtracted: its last position is size − window."),
        Guess("parentheses-missing", lambda: h + 2 * p - r // u + 1, "Only the window is divided by the stride: there are no parentheses around size + 2 · pad − window."),
    )
    right = (h + 2 * p - r) // u + 1
    try:
        settle(np.array(found), right, "what output_size returns", lambda: guesses)
    except Mistake as mistake:
        if mistake.name != "differs":
            raise
        i = int(np.flatnonzero(np.array(found) != right)[0])
        raise Mistake("differs", f"output_size{tuple(geometries[i])} returns {found[i]:g}; it should be {right[i]:g}. The arguments are size, window, stride, pad.") from None
    yield f"{len(geometries)} sizes, with and without padding, where windows fit exactly and where they do not"


def forward_guesses(case: Case, expected: np.ndarray) -> list[Guess]:
    """What a convolution (N, K, P, Q) becomes by the usual mistakes."""
    x, w, stride, padding = case.x, case.w, case.stride, case.padding
    (n, k, p, q), (u, v), (pad_h, pad_w), (_, c, r, s) = expected.shape, stride, padding, w.shape
    run = partial(oracle.forward, x, w)
    flip = "The filter is flipped along both axes: that is \"true\" convolution. Here filter and window are multiplied entry by entry, w[k, c, r, s] with x[…, p·u + r, q·v + s]."
    channels = "Only one channel reaches the output. Sum the products over all C channels."
    not_added = "Only the last product is left: each one overwrites the one before. Add them (`+=`)."
    stride_hint = "The window moves by 1 each time: the stride is ignored. Output row p starts at input row p · u, column q at column q · v."
    def run_with(filters: np.ndarray) -> np.ndarray:
        return oracle.forward(x, filters, stride, padding)

    return [
        Guess("flipped-filter", lambda: run_with(w[:, :, ::-1, ::-1]), flip),
        Guess("flipped-one-axis", lambda: run_with(w[:, :, ::-1]), "The filter is flipped along R. Filter and window are multiplied entry by entry, without flipping."),
        Guess("flipped-one-axis", lambda: run_with(w[:, :, :, ::-1]), "The filter is flipped along S. Filter and window are multiplied entry by entry, without flipping."),
        Guess("flipped-channels", lambda: run_with(w[:, ::-1]), "The channels of the filter are reversed: channel c of the image belongs to channel c of the filter."),
        Guess("flipped-channels", lambda: run_with(w[:, ::-1, ::-1, ::-1]), "The filter is reversed along all three axes, including the channels. Filter and window are multiplied entry by entry."),
        Guess("filter-transposed", lambda: run_with(w.transpose(0, 1, 3, 2)), "R and S are swapped: R is the filter's height, along the rows, S its width, along the columns."),
        Guess("filter-transposed", lambda: run_with(w.reshape(k, c, s, r)), "R and S are swapped in a reshape: w has the shape (K, C, R, S)."),
        Guess("filter-transposed", lambda: run_with(w.transpose(0, 1, 3, 2).reshape(w.shape)), "The filter's rows and columns are mixed up: R is its height and S its width, and w has the shape (K, C, R, S)."),
        Guess("stride-ignored", lambda: run((1, 1), padding), stride_hint),
        Guess("stride-ignored", lambda: run((1, 1), padding)[:, :, :p, :q], stride_hint),
        Guess("stride-swapped", lambda: run((v, u), padding), "u and v are swapped: u is the step downwards (rows), v the step across (columns)."),
        Guess("stride-swapped", lambda: run((1, 1), padding)[:, :, :: v, :: u][:, :, :p, :q], "u and v are swapped where the window starts: row p · u, column q · v."),
        *guess_each("stride-one-axis", lambda a: run(a, padding), ((u, 1), (1, v)), "The stride is applied along one axis only, as if it were {}: rows step by u and columns by v."),
        *guess_each("stride-one-axis", lambda a: run(a, padding)[:, :, :p, :q], ((u, 1), (1, v)), "The stride is applied along one axis only, as if it were {}: output row p starts at row p · u, column q at column q · v."),
        *guess_each("stride-one-number", lambda a: run((a, a), padding), {u, v}, "One number, {}, is used as the stride of both axes: rows step by u and columns by v."),
        *guess_each("stride-one-number", lambda a: run((1, 1), padding)[:, :, :: a, :: a][:, :, :p, :q], {u, v}, "One number, {}, is used as the stride of both axes: rows step by u and columns by v."),
        Guess("padding-ignored", lambda: run(stride, (0, 0)), "The padding is ignored: pad_h rows of zeros belong above and below the image, pad_w columns left and right."),
        Guess("padding-ignored", lambda: _corner(run(stride, (0, 0)), (p, q)), "The output has room for the padding, but the images are not padded: the windows start inside."),
        Guess("padding-swapped", lambda: run(stride, (pad_w, pad_h)), "pad_h and pad_w are swapped: pad_h counts rows (above and below), pad_w columns (left and right)."),
        *guess_each("padding-one-number", lambda a: run(stride, (a, a)), {pad_h, pad_w}, "One number, {}, pads both axes: pad_h counts rows, pad_w columns."),
        *guess_each("padding-one-axis", lambda a: run(stride, a), (((pad_h, pad_h), (0, 2 * pad_w)), ((0, 2 * pad_h), (pad_w, pad_w))), "Rows or columns start inside the image, as if only the other axis were padded: the window begins at row p · u − pad_h and column q · v − pad_w of the image."),
        Guess("image-transposed", lambda: oracle.forward(x.transpose(0, 1, 3, 2), w, stride, padding), "Rows and columns of the image are swapped: H comes before W."),
        Guess("image-transposed", lambda: oracle.forward(x.reshape(*x.shape[:2], x.shape[3], x.shape[2]), w, stride, padding), "Rows and columns of the image are swapped: H comes before W."),
        *guess_each("padding-one-axis", lambda a: run(stride, a), ((pad_h, 0), (0, pad_w)), "Only one axis is padded, as if the padding were {}."),
        *guess_each("padding-one-side", lambda a: run(stride, a), _one_sided(pad_h, pad_w), "The zeros lie on one side only: pad above and below, left and right."),
        *guess_each("padding-one-side", lambda a: _corner(run(stride, a), (p, q)), _one_sided(pad_h, pad_w), "The zeros lie on one side only: pad above and below, left and right."),
        Guess("padding-doubled", lambda: run(stride, (2 * pad_h, 2 * pad_w)), "The padding is twice as wide as it should be: pad rows on each side, not 2 · pad."),
        *guess_each("padding-value", lambda m: run(stride, padding, m), ("edge", "wrap", "reflect", "symmetric"), "The padding repeats the image (as numpy's mode {!r} does); it should be zeros."),
        *guess_each("padding-value", lambda b: run(stride, padding, value=b), (1.0, -1.0, float(x.mean()), float(x.min())), "The padding is filled with {:g}; it should be zeros."),
        Guess("padding-value", lambda: run(stride, padding, value=-1e30), "The padding is not zero but very small; in a sum it counts."),
        Guess("negative-index", lambda: oracle.forward(_wrapped(x, padding), w, stride, (0, 0)), "A negative index counts from the end in Python: above and left of the image, pixels of the opposite edge are read. Pad with zeros first, or leave out indices below 0."),
        Guess("rows-columns-swapped", lambda: expected.transpose(0, 1, 3, 2), "The output has its rows and columns swapped: its shape is (N, K, P, Q)."),
        Guess("rows-columns-swapped", lambda: expected.reshape(n, k, q, p), "The output has shape (N, K, Q, P): P, the number of rows, comes first."),
        Guess("images-filters-swapped", lambda: expected.transpose(1, 0, 2, 3), "The output has shape (K, N, P, Q): the images come first, (N, K, P, Q)."),
        Guess("filters-last", lambda: expected.transpose(0, 2, 3, 1), "The output has the filters last, (N, P, Q, K); the exercise asks for (N, K, P, Q)."),
        Guess("reshape-for-transpose", lambda: expected.transpose(1, 0, 2, 3).reshape(expected.shape), "The numbers are right but in the wrong places: (K, N, …) is turned into (N, K, …) by `reshape`, which never reorders axes. Reshape to (K, N, P, Q), then `transpose(1, 0, 2, 3)`."),
        Guess("reshape-for-transpose", lambda: expected.transpose(0, 2, 3, 1).reshape(expected.shape), "The numbers are right but in the wrong places: the filters lie last and are brought to the front by `reshape`, which never reorders axes. Use `transpose(0, 3, 1, 2)`."),
        Guess("output-too-small", lambda: expected[:, :, :-1, :-1], "The last row and column of the output are missing: the size is one too small (`+ 1`)."),
        Guess("output-too-small", lambda: expected[:, :, :-1], "The last row of the output is missing."),
        Guess("output-too-small", lambda: expected[:, :, :, :-1], "The last column of the output is missing."),
        Guess("loop-too-short", lambda: _zero_after(expected, p - 1, q - 1), "The last row and column of the output stay zero: a loop ends one too early."),
        Guess("loop-too-short", lambda: _zero_after(expected, p - 1, q), "The last row of the output stays zero: a loop ends one too early."),
        Guess("loop-too-short", lambda: _zero_after(expected, p, q - 1), "The last column of the output stays zero: a loop ends one too early."),
        Guess("output-too-large", lambda: np.pad(expected, ((0, 0), (0, 0), (0, 1), (0, 1))), "The output has a row and a column of zeros too many: windows that would hang over the edge are left out."),
        Guess("filter-cut", lambda: run_with(_zero_after(w, r - 1, s - 1)), "The last row and column of the filter are left out: r runs from 0 to R − 1, s from 0 to S − 1."),
        Guess("filter-cut", lambda: run_with(_zero_after(w, r - 1, s)), "The last row of the filter is left out: r runs from 0 to R − 1."),
        Guess("filter-cut", lambda: run_with(_zero_after(w, r, s - 1)), "The last column of the filter is left out: s runs from 0 to S − 1."),
        Guess("channels-not-summed", lambda: oracle.forward(x[:, :1], w[:, :1], stride, padding), channels),
        Guess("channels-not-summed", lambda: oracle.forward(x[:, -1:], w[:, -1:], stride, padding), channels),
        Guess("channels-summed-apart", lambda: oracle.forward(x.sum(axis=1, keepdims=True), w.sum(axis=1, keepdims=True), stride, padding), "Images and filters are summed over the channels before they are multiplied. Multiply channel by channel, then add."),
        Guess("channels-summed-apart", lambda: run_with(np.broadcast_to(w[:, :1], w.shape)), "The filter's first channel is used for all channels of the image."),
        Guess("not-accumulated", lambda: run_with(_only(w, (c - 1, r - 1, s - 1))), not_added),
        Guess("not-accumulated", lambda: run_with(_only(w, (slice(None), r - 1, s - 1))), not_added),
        Guess("not-accumulated", lambda: run_with(_only(w, (c - 1, r - 1))), not_added),
        Guess("not-accumulated", lambda: run_with(_only(w, (slice(None), r - 1))), not_added),
        Guess("one-filter-only", lambda: np.broadcast_to(expected[:, :1], expected.shape), "All K outputs are those of the first filter."),
        Guess("one-filter-only", lambda: np.broadcast_to(expected[:, -1:], expected.shape), "All K outputs are those of the last filter."),
        Guess("one-filter-only", lambda: np.broadcast_to(expected.sum(axis=1, keepdims=True), expected.shape), "The filters' outputs are added together; each filter has a channel of its own in the output."),
        Guess("one-image-only", lambda: np.broadcast_to(expected[:1], expected.shape), "All N outputs are those of the first image."),
        Guess("one-image-only", lambda: np.concatenate([expected[:1], 0 * expected[1:]]), "Only the first image is computed; the others stay zero."),
        Guess("one-image-only", lambda: np.broadcast_to(expected.sum(axis=0), expected.shape), "The images' outputs are added together; each image has an output of its own."),
        *index_guesses(case, lambda i, j: np.einsum("ncpqrs,kcrs->nkpq", gathered(case, i, j), w)),
        *averaged(expected, (("channels-averaged", c, "the number of channels C"), ("window-averaged", r * s, "the size of the filter, R · S"), ("window-averaged", c * r * s, "the number of products, C · R · S"), ("images-averaged", n, "the number of images N"))),
        *slips.forward(case, expected),
    ]


def output_shape(case: Case, got: tuple[int, ...]) -> Mistake | None:
    """Which mix-up explains the shape of an output, if one does."""
    return shape_mistake(got, lambda p, q: (len(case.x), len(case.w), p, q), of_case(case), "the output")


def _one_sided(pad_h: int, pad_w: int) -> list[tuple[tuple[int, int], tuple[int, int]]]:
    ways = (((pad_h, 0), (pad_w, 0)), ((0, pad_h), (0, pad_w)), ((2 * pad_h, 0), (2 * pad_w, 0)), ((0, 2 * pad_h), (0, 2 * pad_w)))
    return [way for way in ways if pad_h or pad_w]


def _corner(part: np.ndarray, shape: tuple[int, int]) -> np.ndarray:
    """`part` in the upper left corner of zeros."""
    return np.pad(part, ((0, 0), (0, 0), (0, shape[0] - part.shape[2]), (0, shape[1] - part.shape[3])))


def _wrapped(x: np.ndarray, padding: tuple[int, int]) -> np.ndarray:
    """Padded by Python's negative indices above and left, by zeros below and right."""
    whole = np.pad(x, ((0, 0), (0, 0), (padding[0], 0), (padding[1], 0)), mode="wrap")
    return np.pad(whole, ((0, 0), (0, 0), (0, padding[0]), (0, padding[1])))


def _zero_after(a: np.ndarray, rows: int, columns: int) -> np.ndarray:
    a = a.copy()
    a[:, :, rows:], a[:, :, :, columns:] = 0, 0
    return a


def _only(w: np.ndarray, where: tuple[Any, ...]) -> np.ndarray:
    """Filters with all entries zero but those at `where` in (C, R, S)."""
    kept = np.zeros_like(w)
    kept[(slice(None), *where)] = w[(slice(None), *where)]
    return kept


def forward_steps(function: Any, what: str, seed: int, sizes: Sequence[Sizes]) -> Iterator[str]:
    """The steps of every check whose function is a convolution (x, w, stride, padding) -> y."""
    for case in cases(sizes, seed):
        expected = oracle.forward(case.x, case.w, case.stride, case.padding)
        got = result(function, case.x, case.w, case.stride, case.padding, what=what)
        settle(got, expected, f"the output for {case.label}", partial(forward_guesses, case, expected), shape=partial(output_shape, case))
        yield case.label if case.x.size > 50 else "one image, one channel, one filter"
    case = Case.of(sizes[0], seed)
    float32_too(function, case, oracle.forward(case.x, case.w, case.stride, case.padding), what)
    yield "float32; x and w unchanged"


@check("Convolution from the definition", "A2")
def forward(conv_forward: Any, *, seed: int = 0, sizes: Sequence[Sizes] = CASES) -> Iterator[str]:
    """Cross-correlation (N, K, P, Q) for any stride, padding and rectangular filter."""
    yield from forward_steps(conv_forward, "conv_forward", seed, sizes)


@check("Bias", "A3")
def bias(add_bias: Any, *, seed: int = 0, shape: Sizes = (2, 5, 3, 4)) -> Iterator[str]:
    """y + b over axis 1, into a new array; and where numpy's broadcasting would do something else."""
    rng = np.random.default_rng([seed, *shape])
    for n, k, p, q in (shape, (shape[0], 3, 3, 3)):  # the second is where broadcasting along the wrong axis works
        y, b = rng.normal(size=(n, k, p, q)), rng.normal(size=k)
        settle(result(add_bias, y, b, what="add_bias"), y + b[:, None, None], "the output", partial(_bias_guesses, y, b))
    yield "one number per filter, for every image and pixel; y unchanged"


def _bias_guesses(y: np.ndarray, b: np.ndarray) -> list[Guess]:
    expected = y + b[:, None, None]
    return [
        Guess("bias-wrong-axis", lambda: y + b, "The bias is added along the columns: numpy broadcasts b along the last axis. Give it the shape (K, 1, 1)."),
        Guess("bias-wrong-axis", lambda: y + b[:, None], "The bias is added along the rows (axis 2). It belongs to the filters, axis 1: give it the shape (K, 1, 1)."),
        Guess("bias-per-image", lambda: y + b[: y.shape[0], None, None, None], "The bias is added along the images (axis 0). It belongs to the filters, axis 1: give it the shape (K, 1, 1)."),
        Guess("bias-one-number", lambda: y + b.sum(), "One number is added to all outputs; each filter has a bias of its own."),
        Guess("bias-one-number", lambda: y + b.mean(), "One number is added to all outputs; each filter has a bias of its own."),
        Guess("bias-one-number", lambda: y + b[0], "The first filter's bias is added to all outputs; each filter has its own."),
        Guess("bias-missing", lambda: y, "The bias is not added."),
        Guess("bias-first-image", lambda: np.concatenate([expected[:1], y[1:]]), "Only the first image gets the bias."),
        Guess("bias-first-pixel", lambda: _first_pixel(y, expected), "Only the first pixel of each output gets the bias; every pixel should."),
        Guess("bias-per-image", lambda: y + b[:, None, None] / y.shape[0], "The bias is divided by the number of images."),
        Guess("bias-repeated", lambda: y + b[:, None, None] * y.shape[0], "The bias is added once for each image, so N times; each output gets it once."),
        Guess("bias-repeated", lambda: y + b[:, None, None] * y[0, 0].size, "The bias is added once for each pixel, P · Q times over; each entry gets it once."),
        Guess("bias-subtracted", lambda: y - b[:, None, None], "The bias is subtracted; add it."),
        Guess("bias-multiplied", lambda: y * b[:, None, None], "The bias is multiplied; add it."),
    ]


def _first_pixel(y: np.ndarray, expected: np.ndarray) -> np.ndarray:
    y = y.copy()
    y[:, :, 0, 0] = expected[:, :, 0, 0]
    return y


@check("True convolution", "A4")
def true_convolution(true_convolution: Any, *, seed: int = 0, sizes: Sequence[Sizes] = CASES) -> Iterator[str]:
    """The paper's equation (3): the filter is flipped along R and S."""
    for case in cases(sizes, seed):
        w = case.w[:, :, ::-1, ::-1]
        flipped = Case(case.x, np.ascontiguousarray(w), case.dy, case.stride, case.padding)
        expected = oracle.forward(case.x, w, case.stride, case.padding)
        got = result(true_convolution, case.x, case.w, case.stride, case.padding, what="true_convolution")
        settle(got, expected, f"the output for {case.label}", partial(_true_guesses, case, flipped, expected), shape=partial(output_shape, case))
        yield case.label if case.x.size > 50 else "one image, one channel, one filter"


def _true_guesses(case: Case, flipped: Case, expected: np.ndarray) -> list[Guess]:
    x, w = case.x, case.w
    run = partial(oracle.forward, stride=case.stride, padding=case.padding)
    return [
        Guess("filter-not-flipped", lambda: run(x, w), "The filter is not flipped: this is a cross-correlation. Flip the filter along both axes, R and S. (If the check of A2 says that `conv_forward` flips it, fix that first.)"),
        Guess("flipped-one-axis", lambda: run(x, w[:, :, ::-1]), "The filter is flipped along R only; flip it along S, too."),
        Guess("flipped-one-axis", lambda: run(x, w[:, :, :, ::-1]), "The filter is flipped along S only; flip it along R, too."),
        Guess("flipped-channels", lambda: run(x, w[:, ::-1, ::-1, ::-1]), "The channels are reversed, too. Flip along R and S only: channel c still belongs to channel c."),
        Guess("flipped-channels", lambda: run(x, w[::-1, :, ::-1, ::-1]), "The order of the filters is reversed, too. Flip along R and S only."),
        Guess("flipped-channels", lambda: run(x, w[::-1, ::-1, ::-1, ::-1]), "All axes of w are reversed. Flip along R and S only."),
        Guess("image-flipped", lambda: run(x[:, :, ::-1, ::-1], w), "The image is flipped instead of the filter: the values come out in the reverse order."),
        *slips.turned(case),
        *forward_guesses(flipped, expected),
    ]
