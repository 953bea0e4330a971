"""Cutting images into overlapping square tiles and laying results together: what Winograd's and the DFT's convolution
share.

A tile of T × T pixels yields (T − R + 1) × (T − S + 1) outputs, so neighbouring tiles overlap by R − 1 rows and S − 1
columns. Inside the algorithms an array is (row in the tile, column in the tile, channel, tile): a transform of the
rows is then one matrix product with everything else as columns, and so is the product over channels, for each
frequency. Stride 1 only.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.lib.stride_tricks import as_strided

from helpers.primitives.spec import ConvSpec
from helpers.primitives.workspace import Take, workspace

CANVAS_BYTES = 2**20
"""So many of a canvas's channels at a time as stay in the cache."""
WIDE = 8
"""Columns from which a tile is copied row by row; below, all tiles' pixels at one place are copied together."""
NO_STRIDE = (
    "it computes every output in a tile at once, so at a stride above 1 most would be thrown away; choose im2col."
)


@dataclass(frozen=True)
class Tiling:
    """A grid of `down` × `across` tiles for each image, which advance by (m, l) outputs: T = m + R − 1 and l + S − 1
    pixels.
    """

    spec: ConvSpec
    m: int
    l: int  # noqa: E741

    @property
    def rows(self) -> int:
        """Rows of pixels in a tile."""
        return self.m + self.spec.R - 1

    @property
    def columns(self) -> int:
        """Columns of pixels in a tile."""
        return self.l + self.spec.S - 1

    @property
    def down(self) -> int:
        return -(-self.spec.P // self.m)

    @property
    def across(self) -> int:
        return -(-self.spec.Q // self.l)

    @property
    def per_image(self) -> int:
        """Tiles in an image."""
        return self.down * self.across

    def pixels(self, x: np.ndarray, take: Take) -> np.ndarray:
        """Some images (n, C, H, W) -> their overlapping tiles (rows, columns, C, n·tiles), zeros outside the image."""
        n, c = x.shape[:2]
        tiles = take((self.rows, self.columns, c, n, self.down, self.across), x.dtype)
        for some in self._channels(c, n, x.itemsize):
            with workspace():
                canvas = self._canvas(some.stop - some.start, n, x.dtype, take)
                _meet(canvas, x[:, some].transpose(1, 0, 2, 3), self.spec.pad_h, self.spec.pad_w, onto_first=True)
                sc, sn, sh, sw = canvas.strides
                strides = (sh, sw, sc, sn, sh * self.m, sw * self.l)
                tiles[:, :, some] = as_strided(canvas, tiles[:, :, some].shape, strides, writeable=False)
        return tiles.reshape(self.rows, self.columns, c, -1)

    def add_pixels(self, tiles: np.ndarray, dx: np.ndarray, take: Take) -> None:
        """The adjoint of `pixels`: (rows, columns, C, n·tiles) into dx (n, C, H, W), adding up where tiles overlap."""
        n, c = dx.shape[:2]
        grid = tiles.reshape(self.rows, self.columns, c, n, self.down, self.across)
        for some in self._channels(c, n, dx.itemsize):
            with workspace():
                canvas = self._canvas(some.stop - some.start, n, dx.dtype, take)
                (self._add_places if self.l < WIDE else self._add_rows)(grid[:, :, some], canvas)
                _meet(canvas, dx[:, some].transpose(1, 0, 2, 3), self.spec.pad_h, self.spec.pad_w, onto_first=False)

    def _add_places(self, grid: np.ndarray, canvas: np.ndarray) -> None:
        """Tiles (rows, columns, c, n, down, across) onto an empty canvas, one place of all tiles after the other."""
        for i in range(self.rows):
            for j in range(self.columns):
                pixels = canvas[:, :, i :: self.m, j :: self.l][:, :, : self.down, : self.across]
                if i < self.m and j < self.l:  # the first m × l places of all tiles meet nothing yet
                    pixels[...] = grid[i, j]
                else:
                    pixels += grid[i, j]

    def _add_rows(self, grid: np.ndarray, canvas: np.ndarray) -> None:
        """The same in fewer steps for wide tiles: first everything that meets nothing, then what overlaps."""
        self._cut(canvas)[...] = grid[: self.m, : self.l].transpose(2, 3, 4, 0, 5, 1)
        for i in range(self.m, self.rows):
            rows = self._cut_columns(canvas[:, :, i :: self.m][:, :, : self.down])
            rows += grid[i, : self.l].transpose(1, 2, 3, 4, 0)
        for j in range(self.l, self.columns):
            columns = canvas[..., j :: self.l][..., : self.across]
            places = self._cut_rows(columns)
            places += grid[: self.m, j].transpose(1, 2, 3, 0, 4)
            for i in range(self.m, self.rows):
                corner = columns[:, :, i :: self.m][:, :, : self.down]
                corner += grid[i, j]

    def outputs(self, dy: np.ndarray, take: Take) -> np.ndarray:
        """Some outputs (n, K, P, Q) -> tiles that do not overlap (m, l, K, n·tiles), zeros beyond the last row,
        column.
        """
        n, k = dy.shape[:2]
        tiles = take((self.m, self.l, k, n, self.down, self.across), dy.dtype)
        for some in self._channels(k, n, dy.itemsize):
            with workspace():
                part = dy[:, some].transpose(1, 0, 2, 3)
                if not self._fits:
                    canvas = self._canvas(len(part), n, dy.dtype, take)
                    _meet(canvas, part, 0, 0, onto_first=True)
                    part = canvas
                tiles[:, :, some] = self._cut(part).transpose(3, 5, 0, 1, 2, 4)
        return tiles.reshape(self.m, self.l, k, -1)

    def lay(self, tiles: np.ndarray, y: np.ndarray, take: Take) -> None:
        """The way back from `outputs`: (m, l, K, n·tiles) into y (n, K, P, Q), dropping what lies beyond it."""
        n, k = y.shape[:2]
        grid = tiles.reshape(self.m, self.l, k, n, self.down, self.across)
        for some in self._channels(k, n, y.itemsize):
            with workspace():
                part = y[:, some].transpose(1, 0, 2, 3)
                whole = part if self._fits else self._canvas(len(part), n, y.dtype, take)
                self._cut(whole)[...] = grid[:, :, some].transpose(2, 3, 4, 0, 5, 1)
                if not self._fits:
                    _meet(whole, part, 0, 0, onto_first=False)

    @property
    def _fits(self) -> bool:
        return (self.down * self.m, self.across * self.l) == (self.spec.P, self.spec.Q)

    def _cut(self, a: np.ndarray) -> np.ndarray:
        """(c, n, rows, columns) seen as (c, n, down, m, across, l), without what lies beyond the last m × l."""
        return self._cut_columns(self._cut_rows(a[..., : self.across * self.l]))

    def _cut_rows(self, a: np.ndarray) -> np.ndarray:
        return _split(a[:, :, : self.down * self.m], 2, self.down, self.m)

    def _cut_columns(self, a: np.ndarray) -> np.ndarray:
        return _split(a[..., : self.across * self.l], a.ndim - 1, self.across, self.l)

    def _channels(self, channels: int, n: int, itemsize: int) -> list[slice]:
        """Channels at a time: the canvas of so many stays in the cache."""
        step = max(1, CANVAS_BYTES // (self.canvas_size(1, n) * itemsize))
        return [slice(c, min(c + step, channels)) for c in range(0, channels, step)]

    def _canvas(self, channels: int, n: int, dtype: Any, take: Take) -> np.ndarray:
        """Zeros (channels, n, rows, columns) that all tiles of n images cover."""
        shape = (channels, n, self.down * self.m + self.spec.R - 1, self.across * self.l + self.spec.S - 1)
        canvas = take(shape, dtype)
        canvas[...] = 0
        return canvas

    def canvas_size(self, channels: int, n: int) -> int:
        """Numbers in the canvas of n images."""
        return channels * n * (self.down * self.m + self.spec.R - 1) * (self.across * self.l + self.spec.S - 1)

    def canvas_bytes(self, channels: int, n: int, itemsize: int) -> int:
        """Bytes of the canvas that a pass over n images uses again and again."""
        return max(self.canvas_size(s.stop - s.start, n) for s in self._channels(channels, n, itemsize)) * itemsize


def _split(a: np.ndarray, axis: int, first: int, second: int) -> np.ndarray:
    """A view with one axis of first · second entries as two."""
    return a.reshape(*a.shape[:axis], first, second, *a.shape[axis + 1 :])


def _meet(canvas: np.ndarray, image: np.ndarray, top: int, left: int, onto_first: bool) -> None:
    """Copy where a canvas and an image that lies on it at (top, left) meet: onto the canvas, or onto the image.

    What the image has beyond the canvas is zero.
    """
    rows = min(image.shape[2], canvas.shape[2] - top)
    columns = min(image.shape[3], canvas.shape[3] - left)
    if not onto_first and (rows, columns) != image.shape[2:]:
        image[...] = 0
    if rows > 0 and columns > 0:
        under, over = canvas[:, :, top : top + rows, left : left + columns], image[:, :, :rows, :columns]
        np.copyto(under, over) if onto_first else np.copyto(over, under)
