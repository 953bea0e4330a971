"""One stage of `fast_cnn`, convolution → 2×2 max-pooling → bias → ReLU, forward and backward in preallocated arrays.

Images lie fastest in memory: an array is [rows][channels][columns][images]. Three things follow.

* Lowering along the width alone is enough (Cho and Brand 2017, "MEC"): L[h, (c, s), q] = x[h, c, q + s] copies each
  pixel S times, and rows p … p + R − 1 of L, which lie one after the other, *are* the lowered matrix of output row p.
  So np.matmul multiplies overlapping views of L, and nothing else is copied.
* The gradient for the input is such a product, too: of the output's gradient, between R − 1 rows of zeros, with the
  filters upside down. What it yields is the gradient of L, and S shifted additions fold it back.
* max(y) + b = max(y + b), and ReLU keeps the order as well: both are done after pooling, on a quarter of the numbers.

Neighbouring columns meet in a pooling window. They are kept in two *planes*, even columns and odd ones, so that pooling
compares two long runs of memory instead of every second group of images.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.lib.stride_tricks import as_strided


class Stage:
    """Working arrays of one stage for n images (C, H, W) and K filters R × S; `inner`: whether a stage lies below it.

    planes: the input, [H][C][2][⌈W/2⌉][n], written by whoever comes before; a: the output [P/2][K][Q/2][n]. Where P or
    Q is odd, the last row or column falls out of every pooling window, so it is not computed.
    """

    def __init__(
        self, n: int, image: tuple[int, int, int], filters: int, size: tuple[int, int], dtype: Any, inner: bool
    ) -> None:
        (c, h, w), k, (r, s) = image, filters, size
        p, q = (h - r + 1) // 2, (w - s + 1) // 2
        rows, edge = 2 * p + r - 1, r - 1 if inner else 0
        self.planes = np.zeros((h, c, 2, (w + 1) // 2, n), dtype)
        self.lowered = np.empty((rows, c, s, 2, q, n), dtype)
        self.copies = [(self.lowered[:, :, i, plane], part) for i, plane, part in _shifts(self.planes[:rows], s, q)]
        self.windows = _overlapping(self.lowered.reshape(rows, c * s, -1), 2 * p, r)
        bordered = np.zeros((2 * p + 2 * edge, k, 2 * q * n), dtype)
        self.y = bordered[edge : edge + 2 * p]
        self.left, self.right = (self.y.reshape(p, 2, k, 2, q * n)[:, :, :, i] for i in (0, 1))
        self.best = np.empty((p, 2, k, q * n), dtype)
        self.goes_right = np.empty((p, 2, k, q * n), bool)
        self.goes_down = np.empty((p, k, q * n), bool)
        self.a = np.empty((p, k, q, n), dtype)
        self.pooled = self.a.reshape(p, k, q * n)
        self.zeros = np.zeros((k, q * n), dtype)  # the maximum of two arrays is twice as fast as of one and a number
        self.partial = np.empty((2 * p, r * c * s, k), dtype)
        self.grad_weight, self.grad_bias = np.empty((r * c * s, k), dtype), np.empty(k, dtype)
        if inner:
            self.grad_windows = _overlapping(bordered, rows, r)
            self.grad_lowered = self.lowered.reshape(rows, c * s, -1)
            self.grad_planes = np.zeros_like(self.planes)
            self.folds = [
                (part, self.lowered[:, :, i, plane]) for i, plane, part in _shifts(self.grad_planes[:rows], s, q)
            ]
            self.positive = np.empty(self.planes.shape, bool)

    def forward(self, weight: np.ndarray, bias: np.ndarray) -> None:
        """a from planes. weight: (K, R·C·S); bias: (K,)."""
        for lowered, part in self.copies:
            np.copyto(lowered, part)
        np.matmul(weight, self.windows, out=self.y)
        np.greater(self.right, self.left, out=self.goes_right)
        np.maximum(self.left, self.right, out=self.best)
        top, bottom = self.best[:, 0], self.best[:, 1]
        np.greater(bottom, top, out=self.goes_down)
        np.maximum(top, bottom, out=self.pooled)
        np.add(self.pooled, bias[:, None], out=self.pooled)
        np.maximum(self.pooled, self.zeros, out=self.pooled)

    def backward(self, gradient: np.ndarray) -> None:
        """grad_weight (R·C·S, K) and grad_bias from `gradient` [P/2][K][(Q/2)·n], for the pooled values before ReLU."""
        np.einsum("pkq->k", gradient, out=self.grad_bias)
        top, bottom = self.best[:, 0], self.best[:, 1]
        # What goes down or right is the product with 0 or 1; the rest stays, exactly.
        np.multiply(gradient, self.goes_down, out=bottom)
        np.subtract(gradient, bottom, out=top)
        np.multiply(self.best, self.goes_right, out=self.right)
        np.subtract(self.best, self.right, out=self.left)
        np.matmul(self.windows, self.y.transpose(0, 2, 1), out=self.partial)
        np.add.reduce(self.partial, axis=0, out=self.grad_weight)

    def to_features(self, features: np.ndarray) -> None:
        """The output as Flatten has it: (K·P·Q, n), channel by channel."""
        p, k, q, n = self.a.shape
        np.copyto(features.reshape(k, p, q, n), self.a.transpose(1, 0, 2, 3))

    def from_features(self, gradient: np.ndarray) -> None:
        """The gradient of the output, (K·P·Q, n) as Flatten has it, in place of the output."""
        p, k, q, n = self.a.shape
        np.copyto(self.a.transpose(1, 0, 2, 3), gradient.reshape(k, p, q, n))

    def backward_data(self, flipped: np.ndarray, below: Stage) -> np.ndarray:
        """The gradient for `below`'s pooled values before ReLU. flipped: (C·S, R·K), see `flip`. Overwrites L."""
        np.matmul(flipped, self.grad_windows, out=self.grad_lowered)
        self.grad_planes.fill(0)
        for part, lowered in self.folds:
            np.add(part, lowered, out=part)
        np.greater(self.planes, 0, out=self.positive)
        np.multiply(self.grad_planes, self.positive, out=self.grad_planes)
        for plane in (0, 1):
            out = below.a[:, :, plane::2]
            np.copyto(out, self.grad_planes[:, :, plane, : out.shape[2]])
        return below.pooled


def into_planes(x: np.ndarray, planes: np.ndarray) -> None:
    """Copy [H][C][W][n] into [H][C][2][⌈W/2⌉][n], even columns into plane 0."""
    for plane in (0, 1):
        columns = x[:, :, plane::2]
        np.copyto(planes[:, :, plane, : columns.shape[2]], columns)


def flip(weight: np.ndarray, out: np.ndarray) -> None:
    """Filters (K, R, C, S) turned upside down for backward_data: out (C, S, R, K)."""
    np.copyto(out, weight[:, ::-1].transpose(2, 3, 1, 0))


def _shifts(planes: np.ndarray, s: int, q: int) -> list[tuple[int, int, np.ndarray]]:
    """(i, plane, part): output columns 2·j + plane, j < q, see input columns i further right, which are `part`."""
    return [
        (i, plane, planes[:, :, (i + plane) % 2, (i + plane) // 2 : (i + plane) // 2 + q])
        for i in range(s)
        for plane in (0, 1)
    ]


def _overlapping(rows: np.ndarray, count: int, r: int) -> np.ndarray:
    """View (count, r·depth, columns) of rows (…, depth, columns): r rows at a time, each set one row after the last."""
    _, depth, columns = rows.shape
    step = depth * columns * rows.itemsize
    return as_strided(rows, (count, r * depth, columns), (step, columns * rows.itemsize, rows.itemsize))
