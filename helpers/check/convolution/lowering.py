"""Checks of Part B: im2col, convolution as a matrix product, col2im, and lowering with a limit on memory."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from functools import partial
from typing import Any

import numpy as np

from helpers.check.convolution.definition import forward_guesses, forward_steps, output_shape
from helpers.check.core import conv_oracle as oracle
from helpers.check.core import conv_slips as slips
from helpers.check.core.calls import array
from helpers.check.core.compare import close
from helpers.check.core.conv_cases import CASES, Case, Guess, Sizes, cases, guess_each, result, settle, value_of
from helpers.check.core.conv_mixups import gathered, index_guesses, of_case, scattered, shape_mistake
from helpers.check.core.limits import around
from helpers.check.core.report import Mistake, check


@check("im2col", "B1")
def im2col(im2col: Any, *, seed: int = 0, sizes: Sequence[Sizes] = CASES) -> Iterator[str]:
    """D_m of shape (C·R·S, N·P·Q), rows in the order (c, r, s), columns in the order (n, p, q)."""
    for case in cases(sizes, seed):
        expected = oracle.im2col(case.x, case.window, case.stride, case.padding)
        got = result(im2col, case.x, *case.window, case.stride, case.padding, what="im2col")
        settle(got, expected, f"D_m for {case.label}", partial(_im2col_guesses, case, expected), shape=partial(_lowered_shape, case))
        yield case.label if case.x.size > 50 else "one image of one channel"
    case = Case.of(sizes[0], seed)
    got = result(im2col, case.x.astype(np.float32), *case.window, case.stride, case.padding, what="im2col")
    if not close(got, oracle.im2col(case.x, case.window, case.stride, case.padding)):
        raise Mistake("float32-fails", "im2col is right for float64 arrays and wrong for float32 ones. Keep the dtype of the input.")
    yield "float32; x unchanged"


def _lowered_shape(case: Case, got: tuple[int, ...]) -> Mistake | None:
    rows, n = case.w[0].size, len(case.x)
    return shape_mistake(got, lambda p, q: (rows, n * p * q), of_case(case), "D_m")


def _im2col_guesses(case: Case, expected: np.ndarray) -> list[Guess]:
    view = oracle.windows(case.x, case.window, case.stride, case.padding)
    n, c, p, q, r, s = view.shape
    (u, v), (pad_h, pad_w), x, window = case.stride, case.padding, case.x, case.window

    def ordered(*axes: int) -> np.ndarray:
        """Windows with their axes (n, c, p, q, r, s) = 0…5 in another order; the last three are the columns."""
        moved = view.transpose(axes)
        return moved.reshape(int(np.prod(moved.shape[:3])), -1)

    def lowered(stride: Any, padding: Any) -> np.ndarray:
        return oracle.im2col(x, window, stride, padding)

    rows = "The rows of D_m are in the order {0}; they should be in the order (c, r, s), as in the filter, so that `w.reshape(K, -1)` fits."
    columns = "The columns of D_m are in the order {0}; they should be in the order (n, p, q): image by image, row by row."
    scrambled = "The numbers are all there, but in the wrong places: `reshape` reinterprets the same memory and never reorders axes. Bring the axes into the order (c, r, s, n, p, q) with `transpose` first, then reshape."
    whole = view.size
    return [
        Guess("lowering-transposed", lambda: expected.T, "D_m is transposed: its rows are (c, r, s) and its columns (n, p, q), so its shape is (C·R·S, N·P·Q)."),
        Guess("rows-in-another-order", lambda: ordered(4, 5, 1, 0, 2, 3), rows.format("(r, s, c)")),
        Guess("rows-in-another-order", lambda: ordered(1, 5, 4, 0, 2, 3), rows.format("(c, s, r)")),
        Guess("rows-in-another-order", lambda: ordered(5, 4, 1, 0, 2, 3), rows.format("(s, r, c)")),
        Guess("rows-in-another-order", lambda: ordered(4, 1, 5, 0, 2, 3), rows.format("(r, c, s)")),
        Guess("columns-in-another-order", lambda: ordered(1, 4, 5, 2, 3, 0), columns.format("(p, q, n)")),
        Guess("columns-in-another-order", lambda: ordered(1, 4, 5, 0, 3, 2), columns.format("(n, q, p)")),
        Guess("columns-in-another-order", lambda: ordered(1, 4, 5, 3, 2, 0), columns.format("(q, p, n)")),
        Guess("columns-in-another-order", lambda: ordered(1, 4, 5, 2, 0, 3), columns.format("(p, n, q)")),
        Guess("columns-in-another-order", lambda: ordered(4, 5, 1, 2, 3, 0), "Both orders differ: rows should be in the order (c, r, s), columns in the order (n, p, q)."),
        *guess_each("reshape-for-transpose", lambda a: view.transpose(a).reshape(c * r * s, n * p * q), ((0, 1, 2, 3, 4, 5), (0, 1, 4, 5, 2, 3), (0, 2, 3, 1, 4, 5), (2, 3, 0, 1, 4, 5), (1, 0, 2, 3, 4, 5), (4, 5, 0, 1, 2, 3), (2, 3, 4, 5, 0, 1)), scrambled),
        Guess("batch-in-rows", lambda: view.transpose(0, 1, 4, 5, 2, 3).reshape(n, c * r * s, p * q), "D_m has one matrix per image, (N, C·R·S, P·Q). Here all images stand side by side in one matrix, (C·R·S, N·P·Q)."),
        Guess("batch-in-rows", lambda: view.transpose(0, 1, 4, 5, 2, 3).reshape(n * c * r * s, p * q), "The images are stacked below each other, (N·C·R·S, P·Q); they should stand side by side, (C·R·S, N·P·Q)."),
        Guess("flipped-filter", lambda: view[..., ::-1, ::-1].transpose(1, 4, 5, 0, 2, 3).reshape(c * r * s, -1), "The rows of D_m run backwards within each channel, as for a flipped filter. Row (c, r, s) holds x[n, c, p·u + r, q·v + s]."),
        Guess("stride-ignored", lambda: lowered((1, 1), (pad_h, pad_w)), "The stride is ignored: column (n, p, q) starts at row p · u and column q · v of the image."),
        Guess("stride-ignored", lambda: oracle.windows(x, window, (1, 1), (pad_h, pad_w))[:, :, :p, :q].transpose(1, 4, 5, 0, 2, 3).reshape(c * r * s, -1), "The stride is ignored: column (n, p, q) starts at row p · u and column q · v of the image."),
        Guess("stride-swapped", lambda: lowered((v, u), (pad_h, pad_w)), "u and v are swapped: u is the step downwards (rows), v the step across (columns)."),
        *guess_each("stride-one-axis", lambda a: lowered(a, (pad_h, pad_w)), ((u, 1), (1, v), (u, u), (v, v)), "The stride is applied as if it were {}: rows step by u and columns by v."),
        *guess_each("stride-one-axis", lambda a: oracle.windows(x, window, a, (pad_h, pad_w))[:, :, :p, :q].transpose(1, 4, 5, 0, 2, 3).reshape(c * r * s, -1), ((u, 1), (1, v)), "The stride is applied along one axis only, as if it were {}: rows step by u and columns by v."),
        Guess("padding-ignored", lambda: lowered((u, v), (0, 0)), "The padding is ignored: pad_h rows of zeros belong above and below, pad_w columns left and right."),
        Guess("padding-swapped", lambda: lowered((u, v), (pad_w, pad_h)), "pad_h and pad_w are swapped: pad_h counts rows, pad_w columns."),
        *guess_each("padding-one-side", lambda a: lowered((u, v), a), (((pad_h, 0), (pad_w, 0)), ((0, pad_h), (0, pad_w)), ((2 * pad_h, 0), (2 * pad_w, 0)), ((0, 2 * pad_h), (0, 2 * pad_w))), "The zeros lie on one side only: pad above and below, left and right."),
        *guess_each("padding-one-number", lambda a: lowered((u, v), a), ((pad_h, pad_h), (pad_w, pad_w), (pad_h, 0), (0, pad_w)), "The padding is used as if it were {}: pad_h counts rows, pad_w columns."),
        *guess_each("padding-value", lambda m: oracle.windows(x, window, (u, v), (pad_h, pad_w), mode=m).transpose(1, 4, 5, 0, 2, 3).reshape(c * r * s, -1), ("edge", "wrap", "reflect"), "The padding repeats the image (as numpy's mode {!r} does); it should be zeros."),
        Guess("window-transposed", lambda: oracle.im2col(x, window[::-1], (u, v), (pad_h, pad_w)), "R and S are swapped: the window has R rows and S columns."),
        Guess("one-image-only", lambda: oracle.im2col(x[:1], window, (u, v), (pad_h, pad_w)), "D_m holds the first image only; all N belong in it, side by side."),
        Guess("output-too-small", lambda: view[:, :, : p - 1, : q - 1].transpose(1, 4, 5, 0, 2, 3).reshape(c * r * s, -1), "The last row and column of windows are missing: the output's size is one too small (`+ 1`)."),
        Guess("output-too-small", lambda: view[:, :, : p - 1].transpose(1, 4, 5, 0, 2, 3).reshape(c * r * s, -1), "The last row of windows is missing: the output's size is one too small (`+ 1`)."),
        *index_guesses(case, lambda i, j: gathered(case, i, j).transpose(1, 4, 5, 0, 2, 3).reshape(c * r * s, n * p * q)),
        Guess("windows-not-flattened", lambda: view.reshape(whole), "D_m is one long row of numbers; it should have the shape (C·R·S, N·P·Q)."),
        Guess("windows-not-flattened", lambda: view.transpose(1, 4, 5, 0, 2, 3), "The axes are in the right order, (c, r, s, n, p, q): reshape them to two, (C·R·S, N·P·Q)."),
        *slips.lowered(view),
    ]


@check("Convolution as one matrix product", "B2", builds_on="`im2col`")
def lowered(conv_lowered: Any, *, seed: int = 0, sizes: Sequence[Sizes] = CASES) -> Iterator[str]:
    """F_m @ D_m, brought into the shape (N, K, P, Q)."""
    yield from forward_steps(conv_lowered, "conv_lowered", seed, sizes)


@check("col2im", "B3")
def col2im(col2im: Any, *, seed: int = 0, sizes: Sequence[Sizes] = CASES) -> Iterator[str]:
    """The adjoint of im2col: every entry of the lowered matrix is added where it came from."""
    rng = np.random.default_rng([seed, 7])
    for case in cases(sizes, seed):
        (n, c, _, _), (r, s), (p, q) = case.x.shape, case.window, case.dy.shape[2:]
        columns = rng.normal(size=(c * r * s, n * p * q))
        view = columns.reshape(c, r, s, n, p, q).transpose(3, 0, 4, 5, 1, 2)
        expected = oracle.scatter(view, case.x.shape, case.stride, case.padding)
        got = result(col2im, columns, case.x.shape, r, s, case.stride, case.padding, what="col2im")
        settle(got, expected, f"the result of col2im for {case.label}", partial(_col2im_guesses, case, view, expected))
        yield case.label if case.x.size > 50 else "one image of one channel"


def scatter_guesses(view: np.ndarray, expected: np.ndarray, x_shape: tuple[int, ...], stride: tuple[int, int], padding: tuple[int, int]) -> list[Guess]:
    """What goes wrong when windows (N, C, P, Q, R, S) are added into images."""
    (u, v), (pad_h, pad_w), (n, c, h, w) = stride, padding, x_shape
    _, _, p, q, r, s = view.shape

    def uncropped(strides: tuple[int, int] = stride) -> np.ndarray:
        return oracle.scatter(view, (n, c, h + 2 * pad_h, w + 2 * pad_w), strides, (0, 0))

    def counts() -> np.ndarray:
        return oracle.scatter(np.ones_like(view), x_shape, stride, padding)

    def grown(strides: tuple[int, int]) -> np.ndarray:
        """Windows at the wrong places, in an image that is large enough for both."""
        tall, wide = max(h, strides[0] * (p - 1) + r) + 2 * pad_h, max(w, strides[1] * (q - 1) + s) + 2 * pad_w
        whole = np.zeros((n, c, tall, wide))
        for i in range(r):
            for j in range(s):
                whole[:, :, i : i + strides[0] * p : strides[0], j : j + strides[1] * q : strides[1]] += view[..., i, j]
        return whole[:, :, pad_h : pad_h + h, pad_w : pad_w + w]

    whole = uncropped()
    crop = f"`x[:, :, pad:-pad]` is empty for a padding of 0, because −0 is 0. Crop to `pad : pad + H`. (The padding here is {padding}.)"
    return [
        Guess("overlap-assigned", lambda: oracle.scatter(view, x_shape, stride, padding, add=False), "Where windows overlap, only the last one is kept: entries are assigned (`=`). They are summed: add them (`+=`)."),
        Guess("overlap-assigned", lambda: by_window(view, x_shape, stride, padding), "Where windows overlap, only the last one is kept: entries are assigned (`=`). They are summed: add them (`+=`)."),
        Guess("overlap-averaged", lambda: np.where(counts() > 0, expected / np.maximum(counts(), 1), 0), "Where windows overlap, their mean is taken; they are summed."),
        Guess("crop-at-zero", lambda: whole[:, :, pad_h : -pad_h or 0, pad_w : -pad_w or 0] if not (pad_h and pad_w) else np.empty(0), crop),
        Guess("crop-at-zero", lambda: whole[:, :, pad_h:-pad_h, pad_w:-pad_w] if not (pad_h and pad_w) else np.empty(0), crop),
        Guess("not-cropped", lambda: whole, "The zeros of the padding are still around the result: crop it to (N, C, H, W)."),
        Guess("not-cropped", lambda: whole[:, :, :h, :w], "The crop is at the wrong place: the image begins at row pad_h and column pad_w of the padded one."),
        Guess("crop-swapped", lambda: whole[:, :, pad_w : pad_w + h, pad_h : pad_h + w], "pad_h and pad_w are swapped in the crop: the image begins at row pad_h and column pad_w."),
        Guess("padding-ignored", lambda: _clipped(view, x_shape, stride), "The padding is ignored: window (p, q) begins at row p · u − pad_h and column q · v − pad_w of the image."),
        Guess("padding-ignored", lambda: whole[:, :, 2 * pad_h :, 2 * pad_w :], "The crop is at the wrong place: the image begins at row pad_h and column pad_w of the padded one."),
        Guess("stride-ignored", lambda: grown((1, 1)), "The stride is ignored on the way back: window (p, q) lies at row p · u and column q · v. Right for stride 1 only."),
        Guess("stride-swapped", lambda: grown((v, u)), "u and v are swapped on the way back: u is the step of the rows, v of the columns."),
        *guess_each("stride-one-axis", lambda a: grown(a), ((u, 1), (1, v), (u, u), (v, v)), "The stride is applied as if it were {}: rows step by u and columns by v."),
        Guess("flipped-filter", lambda: oracle.scatter(view[..., ::-1, ::-1], x_shape, stride, padding), "Each window goes back flipped along R and S: entry (r, s) belongs to row p·u + r and column q·v + s."),
        Guess("flipped-one-axis", lambda: oracle.scatter(view[..., ::-1, :], x_shape, stride, padding), "Each window goes back flipped along R: entry (r, s) belongs to row p·u + r."),
        Guess("flipped-one-axis", lambda: oracle.scatter(view[..., ::-1], x_shape, stride, padding), "Each window goes back flipped along S: entry (r, s) belongs to column q·v + s."),
        Guess("filter-cut", lambda: oracle.scatter(_without(view, -2), x_shape, stride, padding), "The last row of the windows is left out: r runs from 0 to R − 1."),
        Guess("filter-cut", lambda: oracle.scatter(_without(view, -1), x_shape, stride, padding), "The last column of the windows is left out: s runs from 0 to S − 1."),
        Guess("loop-too-short", lambda: oracle.scatter(_without(view, 2), x_shape, stride, padding), "The last row of windows is left out: p runs from 0 to P − 1."),
        Guess("loop-too-short", lambda: oracle.scatter(_without(view, 3), x_shape, stride, padding), "The last column of windows is left out: q runs from 0 to Q − 1."),
        Guess("not-accumulated", lambda: oracle.scatter(_last_only(view), x_shape, stride, padding), "Only the last entry of the windows is left. Add all of them."),
    ]


def by_window(view: np.ndarray, x_shape: tuple[int, ...], stride: tuple[int, int], padding: tuple[int, int]) -> np.ndarray:
    """Windows assigned one after the other, (p, q) in the outer loops."""
    n, c, h, w = x_shape
    whole = np.zeros((n, c, h + 2 * padding[0], w + 2 * padding[1]))
    _, _, p, q, r, s = view.shape
    for i in range(p):
        for j in range(q):
            whole[:, :, i * stride[0] : i * stride[0] + r, j * stride[1] : j * stride[1] + s] = view[:, :, i, j]
    return whole[:, :, padding[0] : padding[0] + h, padding[1] : padding[1] + w]


def _clipped(view: np.ndarray, x_shape: tuple[int, ...], stride: tuple[int, int]) -> np.ndarray:
    """Windows added as if there were no padding; what hangs over the edge is lost."""
    whole = np.zeros((*x_shape[:2], 4 * x_shape[2] + 9, 4 * x_shape[3] + 9))
    _, _, p, q, r, s = view.shape
    for i in range(r):
        for j in range(s):
            whole[:, :, i : i + stride[0] * p : stride[0], j : j + stride[1] * q : stride[1]] += view[..., i, j]
    return whole[:, :, : x_shape[2], : x_shape[3]]


def _without(view: np.ndarray, axis: int) -> np.ndarray:
    """Windows with the last entries along an axis zero."""
    kept = view.copy()
    np.moveaxis(kept, axis, 0)[-1] = 0
    return kept


def _last_only(view: np.ndarray) -> np.ndarray:
    kept = np.zeros_like(view)
    kept[..., -1, -1] = view[..., -1, -1]
    return kept


def _col2im_guesses(case: Case, view: np.ndarray, expected: np.ndarray) -> list[Guess]:
    n, c, p, q, r, s = view.shape
    columns = view.transpose(1, 4, 5, 0, 2, 3).reshape(c * r * s, n * p * q)

    def read_as(shape: tuple[int, ...], axes: tuple[int, ...]) -> np.ndarray:
        """The columns cut in another order."""
        return oracle.scatter(columns.reshape(shape).transpose(axes), case.x.shape, case.stride, case.padding)

    rows, cols = "The rows of the matrix are read in the order {0}; they are in the order (c, r, s).", "The columns of the matrix are read in the order {0}; they are in the order (n, p, q)."
    return [
        *scatter_guesses(view, expected, case.x.shape, case.stride, case.padding),
        *index_guesses(case, partial(scattered, case, view)),
        Guess("rows-in-another-order", lambda: read_as((r, s, c, n, p, q), (3, 2, 4, 5, 0, 1)), rows.format("(r, s, c)")),
        Guess("rows-in-another-order", lambda: read_as((c, s, r, n, p, q), (3, 0, 4, 5, 2, 1)), rows.format("(c, s, r)")),
        Guess("columns-in-another-order", lambda: read_as((c, r, s, p, q, n), (5, 0, 3, 4, 1, 2)), cols.format("(p, q, n)")),
        Guess("columns-in-another-order", lambda: read_as((c, r, s, n, q, p), (3, 0, 5, 4, 1, 2)), cols.format("(n, q, p)")),
        Guess("reshape-for-transpose", lambda: read_as((n, c, p, q, r, s), (0, 1, 2, 3, 4, 5)), "The matrix is brought to the shape (n, c, p, q, r, s) by `reshape` alone, which never reorders axes. Reshape to (c, r, s, n, p, q), then `transpose(3, 0, 4, 5, 1, 2)`."),
        Guess("reshape-for-transpose", lambda: read_as((n, c, r, s, p, q), (0, 1, 4, 5, 2, 3)), "The matrix is brought to the shape (n, c, r, s, p, q) by `reshape` alone, which never reorders axes. Reshape to (c, r, s, n, p, q), then transpose."),
        *slips.scattered(case, view),
    ]


LARGE: Sizes = (3, 4, 16, 19, 3, 9, 8, 1, 1, 1, 0)
"""Lowering makes 72 of most numbers here, so that even one lowered image is far larger than all that is no workspace."""


@check("Tiled lowering", "B4")
def tiled(conv_tiled: Any, *, seed: int = 0, sizes: Sequence[Sizes] = CASES, large: Sizes = LARGE, workspace: int = 30_000) -> Iterator[str]:
    """The same result, with workspaces down to a few bytes; the memory that is in use at a time follows the limit.

    The memory is measured where the student's code runs, which could stop or reset the measurement.
    """
    for limit in (2_400, 100):
        for case in cases(sizes, seed):
            expected = oracle.forward(case.x, case.w, case.stride, case.padding)
            got = result(conv_tiled, case.x, case.w, case.stride, case.padding, limit, what="conv_tiled")
            _tile_edges(got, expected, case, limit)
    yield "values with workspaces of 2400 and 100 bytes, the last tile smaller than the others"
    case = Case.of(large, seed)
    lowered = oracle.im2col(case.x, case.window, case.stride, case.padding).nbytes
    value_of(conv_tiled, case.x[:1], case.w, case.stride, case.padding, workspace, what="conv_tiled")  # warm: imports count once
    with around("memory") as noted:
        value = value_of(conv_tiled, case.x, case.w, case.stride, case.padding, workspace, what="conv_tiled")
    used = float(noted["bytes"])
    settle(array(value, "the result of conv_tiled"), oracle.forward(case.x, case.w, case.stride, case.padding), "the output of a larger case", list)
    # The padded images, the output and a copy of it are no workspace; a tile may be copied once or twice.
    room = 2 * oracle.padded(case.x, case.padding).nbytes + 2 * case.dy.nbytes + case.w.nbytes + 30_000
    kib = 1024
    if used > lowered:
        raise Mistake("lowered-at-once", f"conv_tiled had {used / kib:.0f} KiB in use at a time, and the whole lowered matrix is {lowered / kib:.0f} KiB: all of it exists at once. Form each tile from x when it is needed, overwrite it afterwards, and take as many columns as fit into the workspace: a column has C · R · S numbers of {case.x.itemsize} bytes each (`x.itemsize`).")
    if used > room + 3 * workspace:
        raise Mistake("workspace-exceeded", f"conv_tiled had {used / kib:.0f} KiB in use at a time, for a workspace of {workspace / kib:.0f} KiB. Does the tile's width follow the workspace, and does it count that a column has C · R · S numbers of {case.x.itemsize} bytes each (`x.itemsize`)? Lowering image by image is not enough.")
    yield f"about {workspace / kib:.0f} KiB at a time, where lowering at once takes {lowered / kib:.0f} KiB"


def _tile_edges(got: np.ndarray, expected: np.ndarray, case: Case, limit: int) -> None:
    """Mistakes of tiles before those of convolution: the last tile, and tiles that overwrite each other."""
    n, k, p, q = expected.shape
    flat = expected.transpose(1, 0, 2, 3).reshape(k, -1)

    def first_columns() -> np.ndarray:
        """All columns up to the last whole tile, whatever its width."""
        columns = got.transpose(1, 0, 2, 3).reshape(k, -1)
        wrong = np.flatnonzero(~np.isclose(columns, flat).all(axis=0))
        kept = flat.copy()
        kept[:, wrong[0] :] = 0
        return kept.reshape(k, n, p, q).transpose(1, 0, 2, 3) if wrong.size and wrong[0] > 0 and not columns[:, wrong[0] :].any() else np.full(3, np.nan)

    guesses = [Guess("last-tile-missing", first_columns, "The last columns stay zero: the last tile, smaller than the others, is left out. N·P·Q is seldom a multiple of the tile's width.")]
    settle(got, expected, f"the output for {case.label} with a workspace of {limit} bytes", lambda: [*guesses, *forward_guesses(case, expected), *slips.tiles(case, got, expected, limit)], shape=partial(output_shape, case))
