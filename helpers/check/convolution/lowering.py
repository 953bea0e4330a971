"""Checks of Part B: im2col, convolution as a matrix product, col2im, and lowering with a limit on memory."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import partial
from typing import Any

import numpy as np

from helpers.check.convolution import probes
from helpers.check.convolution.definition import float32_too, forward_steps, with_float32
from helpers.check.core import convolution_oracle as oracle
from helpers.check.core.ask import ask
from helpers.check.core.compare import NOTHING, Hypothesis, verify, verify_copied
from helpers.check.core.geometries import Convolution, convolutions
from helpers.check.core.hypotheses import convolution as hypotheses
from helpers.check.core.hypotheses.windows import advice, explain_shape, misplaced, misread, through
from helpers.check.core.probe import calls
from helpers.check.core.report import Mistake, check

KIB = 1024
NEVER_REORDERS = (
    "The numbers are all there, but in the wrong places: `reshape` reinterprets the same memory and never reorders "
    "axes. Bring the axes into the order {} with `transpose` first, then reshape."
)


@check("im2col", "B1", builds_on="`output_size`, if you used it", after="A1")
def im2col(im2col: Any, *, seed: int = 0) -> Iterator[str]:
    """D_m of shape (C·R·S, N·P·Q), rows in the order (c, r, s), columns in the order (n, p, q)."""
    cases = convolutions(seed)
    asked = [(c.x, *c.window, *c.geometry) for c in with_float32(cases)]
    other = with_float32(cases)[-1]
    asked[-1] = (np.asfortranarray(other.x), *asked[-1][1:])
    seen = ask(calls, "im2col", im2col, asked, ("x",), advice=advice)
    expected = [oracle.im2col(c.x, c.window, *c.geometry) for c in cases]
    for i, case in enumerate(cases):
        got, shape = seen.array(str(i), "the result of im2col"), _lowered_shape(case)
        wrong = partial(_im2col_hypotheses, case, expected[i])
        verify(got, expected[i], f"D_m for {case.label}", wrong, shape=shape)
        verify_copied(got, expected[i], f"D_m for {case.label}")
        yield case.label
    wanted = oracle.im2col(other.x, other.window, *other.geometry)
    yield float32_too(seen, len(cases), expected[0], "im2col", wanted, reordered=True)


def _lowered_shape(case: Convolution) -> Callable[[tuple[int, ...]], Mistake | None]:
    rows, n = case.w[0].size, len(case.x)
    return explain_shape(case, "D_m", lambda p, q: (rows, n * p * q))


def _lowered(view: np.ndarray) -> np.ndarray:
    """D_m of windows (N, C, P, Q, R, S)."""
    n, c, p, q, r, s = view.shape
    return view.transpose(1, 4, 5, 0, 2, 3).reshape(c * r * s, n * p * q)


def _im2col_hypotheses(case: Convolution, expected: np.ndarray) -> list[Hypothesis]:
    x = case.x
    view = oracle.windows(x, case.window, *case.geometry)
    n, c, p, q, r, s = view.shape

    def ordered(axes: tuple[int, ...]) -> np.ndarray:
        """Windows with their axes (n, c, p, q, r, s) = 0…5 in another order; the last three are the columns."""
        moved = view.transpose(axes)
        return moved.reshape(int(np.prod(moved.shape[:3])), -1)

    def reshaped(axes: tuple[int, ...]) -> np.ndarray:
        return view.transpose(axes).reshape(c * r * s, n * p * q)

    def renamed() -> np.ndarray:
        parts = [[view[..., i, j].reshape(c, n, p, q) for j in range(s)] for i in range(r)]
        return np.array(parts).transpose(2, 0, 1, 3, 4, 5).reshape(c * r * s, -1)

    rows = (
        "The rows of D_m are in the order {}; they should be in the order (c, r, s), as in the filter, so that "
        "`w.reshape(K, -1)` fits."
    )
    columns = (
        "The columns of D_m are in the order {}; they should be in the order (n, p, q): image by image, row by row."
    )
    side = "Here all images stand side by side in one matrix, (C·R·S, N·P·Q)."
    return [
        Hypothesis(
            "lowering-transposed",
            expected.T,
            "D_m is transposed: its rows are (c, r, s) and its columns (n, p, q), so its shape is (C·R·S, N·P·Q).",
        ),
        *(
            Hypothesis("rows-in-another-order", partial(ordered, axes), rows.format(order))
            for axes, order in (
                ((4, 5, 1, 0, 2, 3), "(r, s, c)"),
                ((1, 5, 4, 0, 2, 3), "(c, s, r)"),
                ((5, 4, 1, 0, 2, 3), "(s, r, c)"),
                ((4, 1, 5, 0, 2, 3), "(r, c, s)"),
            )
        ),
        *(
            Hypothesis("columns-in-another-order", partial(ordered, axes), columns.format(order))
            for axes, order in (
                ((1, 4, 5, 2, 3, 0), "(p, q, n)"),
                ((1, 4, 5, 0, 3, 2), "(n, q, p)"),
                ((1, 4, 5, 3, 2, 0), "(q, p, n)"),
                ((1, 4, 5, 2, 0, 3), "(p, n, q)"),
            )
        ),
        Hypothesis(
            "columns-in-another-order",
            partial(ordered, (4, 5, 1, 2, 3, 0)),
            "Both orders differ: rows should be in the order (c, r, s), columns in the order (n, p, q).",
        ),
        *Hypothesis.each(
            "reshape-for-transpose",
            reshaped,
            (
                (0, 1, 2, 3, 4, 5),
                (0, 1, 4, 5, 2, 3),
                (0, 2, 3, 1, 4, 5),
                (2, 3, 0, 1, 4, 5),
                (1, 0, 2, 3, 4, 5),
                (4, 5, 0, 1, 2, 3),
                (2, 3, 4, 5, 0, 1),
            ),
            NEVER_REORDERS.format("(c, r, s, n, p, q)"),
        ),
        Hypothesis(
            "column-major",
            lambda: view.transpose(1, 4, 5, 0, 2, 3).reshape((c * r * s, n * p * q), order="F"),
            "The axes are in the right order and are joined column by column, as in MATLAB (`order=\"F\"`). Numpy's "
            "own order, the last axis first, is the one of the filters' rows, too: leave it out.",
        ),
        Hypothesis(
            "batch-in-rows",
            lambda: view.transpose(0, 1, 4, 5, 2, 3).reshape(n, c * r * s, p * q),
            f"D_m has one matrix per image, (N, C·R·S, P·Q). {side}",
        ),
        Hypothesis(
            "batch-in-rows",
            lambda: view.transpose(0, 1, 4, 5, 2, 3).reshape(n * c * r * s, p * q),
            f"The images are stacked below each other, (N·C·R·S, P·Q). {side}",
        ),
        *through(_lowered, misread(case)),
        Hypothesis(
            "window-transposed",
            lambda: oracle.im2col(x, case.window[::-1], *case.geometry),
            "R and S are swapped: the window has R rows and S columns.",
        ),
        Hypothesis("one-image-only", lambda: _lowered(view[:1]), f"D_m holds the first image only. {side}"),
        Hypothesis(
            "windows-not-flattened",
            view.reshape(-1),
            "D_m is one long row of numbers; it should have the shape (C·R·S, N·P·Q).",
        ),
        Hypothesis(
            "windows-not-flattened",
            view.transpose(1, 4, 5, 0, 2, 3),
            "The axes are in the right order, (c, r, s, n, p, q): reshape them to two, (C·R·S, N·P·Q).",
        ),
        Hypothesis(
            "reshape-for-transpose",
            renamed,
            "Images and channels are exchanged by `reshape`, which never reorders axes: (N, C, P, Q) becomes (C, N, "
            "P, Q) by `transpose(1, 0, 2, 3)`.",
        ),
    ]


@check("Convolution as one matrix product", "B2", builds_on="`im2col`", after="A1 B1")
def lowered(conv_lowered: Any, *, seed: int = 0) -> Iterator[str]:
    """F_m @ D_m, brought into the shape (N, K, P, Q)."""
    yield from forward_steps(conv_lowered, "conv_lowered", seed)


@check("col2im", "B3", builds_on="`output_size`, if you used it", after="A1")
def col2im(col2im: Any, *, seed: int = 0) -> Iterator[str]:
    """The adjoint of im2col: every entry of the lowered matrix is added where it came from."""
    rng = np.random.default_rng([seed, 7])
    cases = convolutions(seed)
    views = [rng.normal(size=oracle.windows(c.x, c.window, *c.geometry).shape) for c in cases]
    asked = [(_lowered(view), c.x.shape, *c.window, *c.geometry) for c, view in zip(cases, views, strict=True)]
    asked.append((asked[0][0].astype(np.float32), *asked[0][1:]))
    seen = ask(calls, "col2im", col2im, asked, ("columns",), advice=advice)
    expected = [oracle.scatter(view, c.x.shape, *c.geometry) for c, view in zip(cases, views, strict=True)]
    for i, case in enumerate(cases):
        got = seen.array(str(i), "the result of col2im")
        wrong = partial(_col2im_hypotheses, case, views[i])
        verify(got, expected[i], f"the result of col2im for {case.label}", wrong)
        yield case.label
    yield float32_too(seen, len(cases), expected[0], "col2im")


def _col2im_hypotheses(case: Convolution, view: np.ndarray) -> list[Hypothesis]:
    n, c, p, q, r, s = view.shape
    columns = _lowered(view)

    def placed(windows: np.ndarray) -> np.ndarray:
        return oracle.scatter(windows, case.x.shape, *case.geometry)

    def read_as(shape: tuple[int, ...], axes: tuple[int, ...]) -> np.ndarray:
        """The columns cut in another order."""
        return placed(columns.reshape(shape).transpose(axes))

    def renamed() -> np.ndarray:
        parts = [[view[..., i, j].transpose(1, 0, 2, 3).reshape(n, c, p, q) for j in range(s)] for i in range(r)]
        return placed(np.array(parts).transpose(2, 3, 4, 5, 0, 1))

    rows = "The rows of the matrix are read in the order {}; they are in the order (c, r, s)."
    cols = "The columns of the matrix are read in the order {}; they are in the order (n, p, q)."
    alone = (
        "The matrix is brought to the shape {} by `reshape` alone, which never reorders axes. Reshape to (c, r, s, n, "
        "p, q), then `transpose(3, 0, 4, 5, 1, 2)`."
    )
    orders = (
        ("rows-in-another-order", (r, s, c, n, p, q), (3, 2, 4, 5, 0, 1), rows.format("(r, s, c)")),
        ("rows-in-another-order", (c, s, r, n, p, q), (3, 0, 4, 5, 2, 1), rows.format("(c, s, r)")),
        ("columns-in-another-order", (c, r, s, p, q, n), (5, 0, 3, 4, 1, 2), cols.format("(p, q, n)")),
        ("columns-in-another-order", (c, r, s, n, q, p), (3, 0, 5, 4, 1, 2), cols.format("(n, q, p)")),
        ("reshape-for-transpose", (n, c, p, q, r, s), (0, 1, 2, 3, 4, 5), alone.format("(n, c, p, q, r, s)")),
        ("reshape-for-transpose", (n, c, r, s, p, q), (0, 1, 4, 5, 2, 3), alone.format("(n, c, r, s, p, q)")),
    )
    return [
        *misplaced(case, view),
        *(Hypothesis(name, partial(read_as, shape, axes), hint) for name, shape, axes, hint in orders),
        Hypothesis(
            "reshape-for-transpose",
            renamed,
            "Channels and images are exchanged by `reshape`, which never reorders axes: (C, N, P, Q) becomes (N, C, "
            "P, Q) by `transpose(1, 0, 2, 3)`.",
        ),
    ]


@check("Tiled lowering", "B4", builds_on="`output_size`, if you used it", after="A1")
def tiled(conv_tiled: Any, *, seed: int = 0) -> Iterator[str]:
    """The same result, with workspaces down to a few bytes; the memory that is in use at a time follows the limit."""
    cases = [(case, limit) for few in (False, True) for case in convolutions(seed) for limit in [_workspace(case, few)]]
    rng = np.random.default_rng([seed, 5])
    # Lowering makes 72 of most numbers here, so that one lowered image is far larger than all that is no workspace.
    large = Convolution.of((3, 4, 16, int(rng.integers(18, 21)), 3, 9, 8, 1, 1, 1, 0), seed)
    workspace = int(rng.integers(24_000, 32_000))
    float32, other = with_float32([case for case, _ in cases])[-2:]
    cases += [(case, _workspace(case, few=False)) for case in (float32, other)]
    asked = [(c.x, c.w, *c.geometry, limit) for c, limit in cases]
    seen = ask(probes.tiled, conv_tiled, asked, (large.x, large.w, *large.geometry, workspace), advice=advice)
    for i, (case, limit) in enumerate(cases[:-2]):
        expected = oracle.forward(case.x, case.w, *case.geometry)
        got = seen.array(str(i), "the result of conv_tiled")
        what = f"the output for {case.label} with a workspace of {limit} bytes"
        wrong = partial(_tile_hypotheses, case, got, expected, limit)
        verify(got, expected, what, wrong, shape=hypotheses.output_shape(case))
    yield "values with workspaces of a few columns and of less than one, the last tile smaller than the others"
    first, wanted = (oracle.forward(c.x, c.w, *c.geometry) for c in (cases[0][0], other))
    yield float32_too(seen, len(cases) - 2, first, "conv_tiled", wanted)
    used = float(seen["bytes"])
    result = seen.array("large", "the result of conv_tiled")
    verify(result, oracle.forward(large.x, large.w, *large.geometry), "the output of a larger case")
    yield _little_memory(used, large, workspace)
    more = float(seen["float64"]) - float(seen["float32"])
    if more > 6 * workspace:
        raise Mistake("itemsize-ignored", f"With a workspace of {8 * workspace / KIB:.0f} KiB conv_tiled has "
                      f"{more / KIB:.0f} KiB more in use at a time for float64 than for float32. Fewer columns of "
                      f"float64 fit into the same workspace: a number has `x.itemsize` bytes, not always 4.")
    yield "as much memory for float64 as for float32"


def _workspace(case: Convolution, few: bool) -> int:
    """Bytes of some columns of D_m whose number divides that of all columns with a rest, or of less than one column."""
    column, total = case.w[0].size * case.x.itemsize, len(case.x) * case.dy[0, 0].size
    return column - 1 if few else next(n for n in (5, 7, 11, 13, 2, 3, 4) if total % n) * column + column // 2


def _little_memory(used: float, large: Convolution, workspace: int) -> str:
    """used: bytes at a time."""
    whole = oracle.im2col(large.x, large.window, *large.geometry).nbytes
    # The padded images, the output and a copy of it are no workspace; a tile may be copied once or twice.
    room = 2 * oracle.padded(large.x, large.padding).nbytes + 2 * large.dy.nbytes + large.w.nbytes + 30_000
    column = f"a column has C · R · S numbers of {large.x.itemsize} bytes each (`x.itemsize`)"
    if used > whole:
        raise Mistake(
            "lowered-at-once",
            f"conv_tiled had {used / KIB:.0f} KiB in use at a time, and the whole lowered matrix is {whole / KIB:.0f} "
            "KiB: all of it, or a table of its size such as one of indices, exists at once. Form each tile, and all "
            "that it is made of, when it is needed, overwrite it afterwards, and take as many columns as fit into the "
            f"workspace: {column}.",
        )
    if used > room + 3 * workspace:
        raise Mistake(
            "workspace-exceeded",
            f"conv_tiled had {used / KIB:.0f} KiB in use at a time, for a workspace of {workspace / KIB:.0f} KiB. "
            f"Does the tile's width follow the workspace, and does it count that {column}? "
            "Lowering image by image is not enough.",
        )
    return f"about {workspace / KIB:.0f} KiB at a time, where lowering at once takes {whole / KIB:.0f} KiB"


def _tile_hypotheses(case: Convolution, got: np.ndarray, expected: np.ndarray, limit: int) -> list[Hypothesis]:
    """Mistakes of tiles before those of convolution: the last tile, columns that are counted wrongly."""
    n, k, p, q = expected.shape
    width = max(1, limit // (case.w[0].size * case.x.itemsize))
    start, j = n * p * q // width * width, np.arange(n * p * q)
    view = oracle.windows(case.x, case.window, *case.geometry)

    def columns(y: np.ndarray) -> np.ndarray:
        return y.transpose(1, 0, 2, 3).reshape(k, -1)

    def output(flat: np.ndarray) -> np.ndarray:
        return flat.reshape(k, n, p, q).transpose(1, 0, 2, 3)

    def zeros_at_the_end() -> np.ndarray:
        """All columns up to the last whole tile, whatever its width."""
        kept = columns(expected).copy()
        wrong = np.flatnonzero(~np.isclose(columns(got), kept).all(axis=0))
        kept[:, wrong[0] :] = 0
        return output(kept) if wrong[0] > 0 else NOTHING

    def zeros_at_the_start() -> np.ndarray:
        """The first columns, fewer than half, left out."""
        kept = columns(expected).copy()
        wrong = np.flatnonzero(~np.isclose(columns(got), kept).all(axis=0))
        kept[:, : wrong[-1] + 1] = 0
        return output(kept) if 2 * wrong[-1] < j.size else NOTHING

    def leftovers_at_the_end() -> np.ndarray:
        """The last tile left out of an array that was never filled, or at the wrong place."""
        right = np.allclose(columns(got)[:, :start], columns(expected)[:, :start], rtol=2e-4, atol=1e-4)
        return got if right and 0 < start < j.size else NOTHING

    def read(image: np.ndarray, row: np.ndarray, column: np.ndarray) -> np.ndarray:
        return output(np.einsum("jcrs,kcrs->kj", view[image, :, row, column], case.w))

    image, row, column = j // (p * q), j // q % p, j % q
    slips = (
        ("The image n", j // p % n, row, column),
        ("The image n", j // q % n, row, column),
        ("The image n", j % n, row, column),
        ("The row p", image, j // p % p, column),
        ("The row p", image, j % p, column),
        ("The column q", image, row, j % p),
        ("The column q", image, row, j // p % q),
    )
    last = "the last tile, smaller than the others, is left out. N·P·Q is seldom a multiple of the tile's width."
    return [
        Hypothesis("last-tile-missing", zeros_at_the_end, f"The last columns stay zero: {last}"),
        Hypothesis("last-tile-missing", leftovers_at_the_end, 
                   "The columns of the last tile are wrong, and all before it are right. It is smaller than the "
                   "others, as N·P·Q is seldom a multiple of the tile's width: is it computed, and stored at its own "
                   "columns?"),
        Hypothesis("first-column-missing", zeros_at_the_start, "The first columns stay zero: columns are counted from "
                   "0, so the first tile starts at column 0."),
        Hypothesis(
            "index-of-the-tile",
            partial(read, j // width * width // (p * q), row, column),
            "The image n is taken from the first column of a tile for all of its columns. A tile can run on into the "
            "next image: compute n for each column, n = j // (P·Q).",
        ),
        Hypothesis(
            "index-of-the-tile",
            partial(read, image, j // width * width // q % p, column),
            "The row p is taken from the first column of a tile for all of its columns. A tile can run on into the "
            "next row: compute p for each column, p = j // Q % P.",
        ),
        *hypotheses.forward(case, expected),
        *(
            Hypothesis(
                "index-mixed-up",
                partial(read, *where),
                f"{words} of column j is computed wrongly: n = j // (P·Q), p = j // Q % P, q = j % Q.",
            )
            for words, *where in slips
        ),
    ]
