"""Cutting images into overlapping square tiles and laying results together: what Winograd's and the DFT's convolution
share.

A tile of T × T pixels yields (T − R + 1) × (T − S + 1) outputs, so neighbouring tiles overlap by R − 1 rows and S − 1
columns. Inside the algorithms an array is (row in the tile, column in the tile, channel, tile): a transform of the
rows is then one matrix product with everything else as columns, and so is the product over channels, for each
frequency. Stride 1 only.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.lib.stride_tricks import as_strided

from helpers.primitives.spec import ConvSpec
from helpers.primitives.workspace import Take

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
        canvas = self._canvas(n, x.dtype, take)
        _copy_meeting(canvas, x.transpose(1, 0, 2, 3), self.spec.pad_h, self.spec.pad_w, onto_first=True)
        sc, sn, sh, sw = canvas.strides
        shape = (self.rows, self.columns, c, n, self.down, self.across)
        view = as_strided(canvas, shape, (sh, sw, sc, sn, sh * self.m, sw * self.l), writeable=False)
        tiles = take(shape, x.dtype)
        np.copyto(tiles, view)
        return tiles.reshape(self.rows, self.columns, c, -1)

    def add_pixels(self, tiles: np.ndarray, dx: np.ndarray, take: Take) -> None:
        """The adjoint of `pixels`: (rows, columns, C, n·tiles) into dx (n, C, H, W), adding up where tiles overlap."""
        n, c = dx.shape[:2]
        canvas = self._canvas(n, dx.dtype, take)
        grid = tiles.reshape(self.rows, self.columns, c, n, self.down, self.across)
        for i in range(self.rows):
            for j in range(self.columns):
                pixels = canvas[:, :, i :: self.m, j :: self.l][:, :, : self.down, : self.across]
                if i < self.m and j < self.l:  # the first m × l pixels of all tiles meet nothing yet
                    pixels[...] = grid[i, j]
                else:
                    pixels += grid[i, j]
        dx[...] = 0
        _copy_meeting(canvas, dx.transpose(1, 0, 2, 3), self.spec.pad_h, self.spec.pad_w, onto_first=False)

    def outputs(self, dy: np.ndarray, take: Take) -> np.ndarray:
        """Some outputs (n, K, P, Q) -> tiles that do not overlap (m, l, K, n·tiles), zeros beyond the last row and
        column.
        """
        n, k, p, q = dy.shape
        tiles = take((self.m, self.l, k, n, self.down, self.across), dy.dtype)
        if (self.down * self.m, self.across * self.l) != (p, q):
            tiles[...] = 0
        for part, tile in self._parts(dy, tiles):
            tile[...] = part
        return tiles.reshape(self.m, self.l, k, -1)

    def lay(self, tiles: np.ndarray, y: np.ndarray) -> None:
        """The way back from `outputs`: (m, l, K, n·tiles) into y (n, K, P, Q), dropping what lies beyond it."""
        n, k = y.shape[:2]
        for part, tile in self._parts(y, tiles.reshape(self.m, self.l, k, n, self.down, self.across)):
            part[...] = tile

    def _parts(self, y: np.ndarray, tiles: np.ndarray) -> Iterator[tuple[np.ndarray, np.ndarray]]:
        """Views (K, n, rows, columns) of outputs and of tiles that hold the same entries, for each place in a tile."""
        for i in range(min(self.m, y.shape[2])):
            for j in range(min(self.l, y.shape[3])):
                part = y[:, :, i :: self.m, j :: self.l].transpose(1, 0, 2, 3)
                yield part, tiles[i, j][:, :, : part.shape[2], : part.shape[3]]

    def _canvas(self, n: int, dtype: Any, take: Take) -> np.ndarray:
        """Zeros (C, n, rows, columns) that all tiles of n images cover."""
        spec = self.spec
        shape = (spec.C, n, self.down * self.m + spec.R - 1, self.across * self.l + spec.S - 1)
        canvas = take(shape, dtype)
        canvas[...] = 0
        return canvas

    def canvas_size(self, n: int) -> int:
        """Numbers in the canvas of n images."""
        spec = self.spec
        return spec.C * n * (self.down * self.m + spec.R - 1) * (self.across * self.l + spec.S - 1)


def _copy_meeting(canvas: np.ndarray, image: np.ndarray, top: int, left: int, onto_first: bool) -> None:
    """Copy where a canvas and an image that lies on it at (top, left) meet: onto the canvas, or onto the image."""
    rows = min(image.shape[2], canvas.shape[2] - top)
    columns = min(image.shape[3], canvas.shape[3] - left)
    if rows > 0 and columns > 0:
        under, over = canvas[:, :, top : top + rows, left : left + columns], image[:, :, :rows, :columns]
        np.copyto(under, over) if onto_first else np.copyto(over, under)
