"""Tiled lowering: the matrix product of im2col, of which only one tile of D_m exists at a time.

This is cuDNN's own idea (Chetlur et al., section 3): form the lowered matrix lazily, tile by tile, in fast memory,
inside the matrix product. There the fast memory is the GPU's shared memory; here it is the processor's L2 cache, and
the tile is written over and over into the same megabyte.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from helpers.primitives.cost import Cost
from helpers.primitives.layout import (
    border_bytes,
    empty,
    filled_one_by_one,
    grouped,
    is_chwn,
    one_by_one,
    under,
    windows,
)
from helpers.primitives.spec import ConvSpec
from helpers.primitives.workspace import Take
from helpers.primitives.workspace import workspace as workspace_memory

TILE_BYTES = 2**20
"""Half to all of today's L2 caches. A tile holds at least one row of outputs, however large that is."""


def supports(spec: ConvSpec, which: str) -> str:
    return ""


def workspace(spec: ConvSpec, which: str, itemsize: int, outer: int) -> int:
    """Bytes of one tile and the product's result, and of the padded images; see `cost` for `outer`."""
    columns = spec.Q * spec.N // outer
    rows = _rows(spec, columns, itemsize)
    result = {
        "forward": 0,
        "backward-data": 0,
        "backward-filter": spec.K * spec.C * spec.R * spec.S * itemsize,
    }[which]
    return spec.C * spec.R * spec.S * rows * columns * itemsize + result + border_bytes(spec, itemsize, outer)


def cost(spec: ConvSpec, which: str, outer: int) -> Cost:
    """Counts for the order in which the outer loop runs over `outer` images: N for NCHW, 1 for CHWN."""
    rows, columns = spec.lowered_shape
    # Copying the windows of a tile costs as much as several other calls.
    tiles = outer * -(-spec.P // _rows(spec, columns // (spec.P * outer), 4))
    if which == "forward":
        return Cost(spec.flops / 2, rows * columns, 9 * tiles)
    if which == "backward-data":
        return Cost(spec.flops / 2, 1.5 * rows * columns, tiles * (9 + 3 * spec.R * spec.S))
    return Cost(spec.flops / 2, rows * columns + tiles * spec.K * rows, 9 * tiles)


def _rows(spec: ConvSpec, columns: int, itemsize: int) -> int:
    """Rows of outputs, each `columns` wide, whose windows fit into a tile."""
    return max(1, min(spec.P, TILE_BYTES // (spec.C * spec.R * spec.S * columns * itemsize)))


def _tiles(spec: ConvSpec, columns: int, itemsize: int) -> Iterator[slice]:
    """Rows of outputs of each tile of an image."""
    step = _rows(spec, columns, itemsize)
    for p in range(0, spec.P, step):
        yield slice(p, min(p + step, spec.P))


def forward(spec: ConvSpec, x: np.ndarray, w: np.ndarray) -> np.ndarray:
    """Images x (N, C, H, W) and filters w (K, C, R, S) -> y (N, K, P, Q), in the order of x."""
    chwn = is_chwn(x)
    y = empty(spec.y_shape, x.dtype, chwn)
    out, f_m = grouped(y, chwn), w.reshape(spec.K, -1)
    with workspace_memory() as take:
        tile = _Tile(spec, out, take)
        for o, image in enumerate(one_by_one(spec, grouped(x, chwn), take)):
            taps = _taps(spec, image)
            for rows in _tiles(spec, tile.columns, x.itemsize):
                np.matmul(f_m, tile.of(taps, rows), out=_matrix(out[o], rows))
    return y


def backward_data(spec: ConvSpec, dy: np.ndarray, w: np.ndarray) -> np.ndarray:
    """Gradient dy (N, K, P, Q) -> dx (N, C, H, W): a tile of F_mᵀ · dO_m, added back to its pixels, then the next."""
    chwn = is_chwn(dy)
    dx = empty(spec.x_shape, dy.dtype, chwn)
    gradients, f_t = grouped(dy, chwn), w.reshape(spec.K, -1).T
    with workspace_memory() as take:
        tile = _Tile(spec, gradients, take)
        for o, image in enumerate(filled_one_by_one(spec, grouped(dx, chwn), take)):
            for rows in _tiles(spec, tile.columns, dy.itemsize):
                by_tap = np.matmul(f_t, _matrix(gradients[o], rows), out=tile.matrix(rows)).reshape(tile.shape(rows))
                for r in range(spec.R):
                    for s in range(spec.S):
                        pixels = under(spec, image, r, s)[0, :, rows]
                        pixels += by_tap[:, r, s]
    return dx


def backward_filter(spec: ConvSpec, x: np.ndarray, dy: np.ndarray) -> np.ndarray:
    """Images x and gradient dy -> dw (K, C, R, S): the tiles' products dO_m · D_mᵀ add up."""
    chwn = is_chwn(x)
    gradients = grouped(dy, chwn)
    df_m = np.zeros((spec.K, spec.C * spec.R * spec.S), dy.dtype)
    with workspace_memory() as take:
        tile, share = _Tile(spec, gradients, take), take(df_m.shape, dy.dtype)
        for o, image in enumerate(one_by_one(spec, grouped(x, chwn), take)):
            taps = _taps(spec, image)
            for rows in _tiles(spec, tile.columns, x.itemsize):
                np.matmul(_matrix(gradients[o], rows), tile.of(taps, rows).T, out=share)
                df_m += share
    return df_m.reshape(spec.w_shape)


def _taps(spec: ConvSpec, g: np.ndarray) -> np.ndarray:
    """View (C, R, S, P, Q, inner) of one group of padded images."""
    return windows(spec, g)[0].transpose(0, 4, 5, 1, 2, 3)


def _matrix(image: np.ndarray, rows: slice) -> np.ndarray:
    """Some rows of one (K, P, Q, inner) image as a matrix (K, columns), without a copy."""
    part = image[:, rows]
    return part.reshape(len(part), -1) if part.flags.c_contiguous else _joined(part)


def _joined(part: np.ndarray) -> np.ndarray:
    """(K, rows, Q, inner) -> (K, rows·Q·inner), a view: only the first axis has a gap."""
    k, rows, q, inner = part.shape
    return np.lib.stride_tricks.as_strided(part, (k, rows * q * inner), (part.strides[0], part.itemsize))


class _Tile:
    """The one buffer into which every tile of D_m is written."""

    def __init__(self, spec: ConvSpec, outputs: np.ndarray, take: Take) -> None:
        self.spec, self.inner = spec, outputs.shape[4]
        self.columns = spec.Q * self.inner
        rows = _rows(spec, self.columns, outputs.itemsize)
        self.buffer = take(spec.C * spec.R * spec.S * rows * self.columns, outputs.dtype)

    def shape(self, rows: slice) -> tuple[int, ...]:
        return self.spec.C, self.spec.R, self.spec.S, rows.stop - rows.start, self.spec.Q, self.inner

    def matrix(self, rows: slice) -> np.ndarray:
        """(C·R·S, columns of these rows)"""
        depth, width = self.spec.C * self.spec.R * self.spec.S, (rows.stop - rows.start) * self.columns
        return self.buffer[: depth * width].reshape(depth, width)

    def of(self, taps: np.ndarray, rows: slice) -> np.ndarray:
        """D_m's columns of these rows, copied from the view (C, R, S, P, Q, inner)."""
        matrix = self.matrix(rows)
        np.copyto(matrix.reshape(self.shape(rows)), taps[:, :, :, rows])
        return matrix
