"""One stage of `fast_cnn`, convolution → 2×2 max-pooling → bias → ReLU, forward and backward in preallocated arrays.

Images lie fastest in memory: an array is [rows][channels][columns][images]. Three things follow.

* Lowering along the width alone is enough (Cho and Brand 2017, "MEC"): L[h, (c, s), q] = x[h, c, q + s] copies each
  pixel S times, and rows p … p + R − 1 of L, which lie one after the other, *are* the lowered matrix of output row p.
  So np.matmul multiplies overlapping views of L, and nothing else is copied.
* The gradient for the input is such a product, too: of the output's gradient, between R − 1 rows of zeros, with the
  filters upside down. What it yields is the gradient of L, and S shifted additions fold it back.
* max(y) + b = max(y + b), and ReLU keeps the order as well: both are done after pooling, on a quarter of the numbers.

The largest array is y, the convolution before pooling. In the first stage it never exists as a whole: a *block* of a
few rows is multiplied, pooled, and overwritten by the next, so that it stays in the second-level cache. Backward makes
its gradient block by block from the pooled one, in the same memory. The order of columns is explained in
`fast_columns`.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

import numpy as np

from helpers.nn.fast_columns import column_order, shifts
from helpers.nn.fast_tiles import SMALL, SMALL_RESULT, column_tiles, largest_divisor, overlapping, row_tiles

# A block of y fills at most this much, a part of the second-level cache (256 KB to 2 MB a core).
BLOCK_BYTES = 320 * 1024


class _Block(NamedTuple):
    """Views of 2·B rows, in pairs as pooling takes them, and of the memory in which they are worked on.

    An axis of 2 in front tells left columns of pooling windows from right ones; `columns` = Q/2·n.
    """

    windows: np.ndarray  # (2, 2·B, tiles, R·C·S, columns of a tile) of L
    results: np.ndarray  # (2, 2·B, tiles, K, columns of a tile) of y
    y: np.ndarray  # (2, 2·B, K, columns)
    window_rows: np.ndarray  # (2, 2·B, tiles, rows of a tile, columns) of L
    y_transposed: np.ndarray  # (2, 2·B, 1, columns, K)
    partial: np.ndarray  # (2, 2·B, tiles, rows of a tile, K), gradients of the weights from each row of y
    best: np.ndarray  # (2·B, K, columns), the larger of left and right
    top: np.ndarray  # (B, K, columns): even rows of best, and odd ones
    bottom: np.ndarray
    goes_right: np.ndarray  # like best
    goes_down: np.ndarray  # like top
    pooled: np.ndarray  # like top, rows of a
    rows: slice  # of a


class Stage:
    """Working arrays of one stage for n images (C, H, W) and K filters R × S; stages: how many there are from here on.

    below: the stage that makes the input, None for images. x: the input [H][C][W][n], columns in the order of
    `column_order(W, stages)`; a: the output [P/2][K][Q/2][n]. Where P or Q is odd, the last row or column falls out of
    every pooling window, so it is not computed.
    """

    def __init__(
        self,
        n: int,
        image: tuple[int, int, int],
        filters: int,
        size: tuple[int, int],
        dtype: np.dtype,
        stages: int,
        below: Stage | None,
    ) -> None:
        (c, h, w), k, (r, s) = image, filters, size
        p, q = (h - r + 1) // 2, (w - s + 1) // 2
        rows, edge = 2 * p + r - 1, r - 1 if below else 0
        self.x: np.ndarray = below.a if below else np.zeros((h, c, w, n), dtype)
        self.order = column_order(w, stages)
        moves = shifts(self.order, column_order(q, stages - 1), s)
        self.lowered = np.empty((2, rows, c, s, q, n), dtype)
        self.copies = [(self.lowered[plane, :, :, i, to], self.x[:rows, :, at]) for i, plane, to, at in moves]
        count = min(p, max(1, BLOCK_BYTES // (4 * k * q * n * dtype.itemsize)))
        # The gradient for the input needs that of all of y, so that only the first stage can do with one block of it.
        self.y = np.zeros((2, 2 * p + 2 * edge if below else 2 * count, k, q * n), dtype)
        self.a: np.ndarray = np.empty((p, k, q, n), dtype)
        self.partial = np.empty((2, 2 * p, r * c * s, k), dtype)
        self.grad_weight, self.grad_bias = np.empty((r * c * s, k), dtype), np.empty(k, dtype)
        self.zeros = np.zeros((k, q * n), dtype)  # the maximum of two arrays is twice as fast as of one and a number
        self.blocks = list(self._blocks(p, count, edge, (k, q * n), r * c * s))
        if below:
            across = largest_divisor(q * n, SMALL / (c * s * r * k))
            self.grad_windows = column_tiles(overlapping(self.y, rows, r), across)
            self.grad_lowered = column_tiles(self.lowered.reshape(2, rows, c * s, -1), across)
            self.grad_x = np.zeros_like(self.x)
            pairs = [(i, self.grad_x[:rows, :, at], self.lowered[plane, :, :, i, to]) for i, plane, to, at in moves]
            # Unshifted columns come first, and reach all others but the S − 1 that lie right of them.
            self.firsts = [(part, lowered) for i, part, lowered in pairs if i == 0]
            self.folds = [(part, lowered) for i, part, lowered in pairs if i > 0]
            self.beyond = [self.grad_x[:rows, :, self.order.index(2 * q + i)] for i in range(s - 1)]
            self.positive = np.empty(self.x.shape, bool)

    def _blocks(self, p: int, count: int, edge: int, row: tuple[int, int], depth: int) -> Iterator[_Block]:
        """Blocks of `count` pairs of rows (the last may have fewer); row: (K, columns); depth: R·C·S."""
        k, columns = row
        rows = self.lowered.shape[1]
        windows = overlapping(self.lowered.reshape(2, rows, -1, columns), 2 * p, rows - 2 * p + 1)
        across = largest_divisor(columns, SMALL / (k * depth))
        down = largest_divisor(depth, SMALL_RESULT / k)
        partial = self.partial.reshape(2, 2 * p, -1, down, k)
        best, pooled = np.empty((2 * count, *row), self.a.dtype), self.a.reshape(p, *row)
        goes_right, goes_down = np.empty((2 * p, *row), bool), np.empty((p, *row), bool)
        for start in range(0, p, count):
            one = slice(start, min(start + count, p))
            two = slice(2 * one.start, 2 * one.stop)
            size = two.stop - two.start
            y = self.y[:, edge + two.start : edge + two.stop] if len(self.y[0]) > 2 * count else self.y[:, :size]
            yield _Block(
                column_tiles(windows[:, two], across), column_tiles(y, across), y,
                row_tiles(windows[:, two], down), y.transpose(0, 1, 3, 2)[:, :, None], partial[:, two],
                best[:size], best[0:size:2], best[1:size:2], goes_right[two], goes_down[one], pooled[one], one,
            )  # fmt: skip

    def forward(self, weight: np.ndarray, bias: np.ndarray, learning: bool = True) -> None:
        """a from x. weight: (K, R·C·S); bias: (K,); learning: whether backward will follow."""
        for lowered, part in self.copies:
            np.copyto(lowered, part)
        column = bias[:, None]
        for block in self.blocks:
            left, right = block.y
            np.matmul(weight, block.windows, out=block.results)
            if learning:
                np.greater(right, left, out=block.goes_right)
            np.maximum(left, right, out=block.best)
            if learning:
                np.greater(block.bottom, block.top, out=block.goes_down)
            np.maximum(block.top, block.bottom, out=block.pooled)
            np.add(block.pooled, column, out=block.pooled)
            np.maximum(block.pooled, self.zeros, out=block.pooled)

    def backward(self, gradient: np.ndarray) -> None:
        """grad_weight (R·C·S, K) and grad_bias from `gradient` [P/2][K][Q/2][n], for the pooled values before ReLU."""
        gradient = gradient.reshape(*gradient.shape[:2], -1)
        np.einsum("pkq->k", gradient, out=self.grad_bias)
        for block in self.blocks:
            # What goes down or right is the product with 0 or 1; the rest stays, exactly.
            here, (left, right) = gradient[block.rows], block.y
            np.multiply(here, block.goes_down, out=block.bottom)
            np.subtract(here, block.bottom, out=block.top)
            np.multiply(block.best, block.goes_right, out=right)
            np.subtract(block.best, right, out=left)
            np.matmul(block.window_rows, block.y_transposed, out=block.partial)
        np.add.reduce(self.partial, axis=(0, 1), out=self.grad_weight)

    def backward_data(self, flipped: np.ndarray) -> np.ndarray:
        """The gradient for the pooled values, before ReLU, of the stage below. flipped: (C·S, R·K), see `flip`.

        Overwrites L.
        """
        np.matmul(flipped, self.grad_windows, out=self.grad_lowered)
        for column in self.beyond:
            column.fill(0)
        for part, lowered in self.firsts:
            np.copyto(part, lowered)
        for part, lowered in self.folds:
            np.add(part, lowered, out=part)
        np.greater(self.x, 0, out=self.positive)
        np.multiply(self.grad_x, self.positive, out=self.grad_x)
        return self.grad_x


def flip(weight: np.ndarray, out: np.ndarray) -> None:
    """Filters (K, R, C, S) turned upside down for backward_data: out (C, S, R, K)."""
    np.copyto(out, weight[:, ::-1].transpose(2, 3, 1, 0))
