"""Cutting images into overlapping square tiles and laying results together: what Winograd's and the DFT's convolution
share.

A tile of T × T pixels yields (T − R + 1) × (T − S + 1) outputs, so neighbouring tiles overlap by R − 1 rows and S − 1
columns. Inside the algorithms an array is (row in the tile, column in the tile, tile, channel): a transform of the
rows is then one matrix product with everything else as columns, and so is the product over channels, for each
frequency. With the channels side by side, a pixel of all of them is copied in one piece. Stride 1 only.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.lib.stride_tricks import as_strided

from helpers.primitives.spec import ConvSpec

CANVAS_BYTES = 2**20
"""So many of a canvas's images at a time as stay in the cache."""
CHANNELS = 16
"""Turned at a time: a row of a canvas then reads from as many places of an image, which fall into the same cache lines
where an image's size is a power of two."""
ROW_BYTES = 2**15
"""Of a canvas, that are turned back at a time: they should stay in the first cache."""
NO_STRIDE = (
    "it computes every output in a tile at once, so at a stride above 1 most would be thrown away; choose im2col."
)


@dataclass(frozen=True)
class Tiling:
    """A grid of `down` × `across` tiles for each image, which advance by (m, l) outputs: T = m + R − 1 and l + S − 1
    pixels. `room` is memory for the canvas between images and tiles: `canvas_size` numbers for each image, or more.
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

    def pixels(self, x: np.ndarray, tiles: np.ndarray, room: np.ndarray) -> np.ndarray:
        """Some images (n, C, H, W) -> their overlapping tiles (rows, columns, n·tiles, C), zeros outside the image."""
        n, c = x.shape[:2]
        grid = tiles.reshape(self.rows, self.columns, n, self.down, self.across, c)
        for some in self._images(n, c, room):
            canvas = self._canvas(x[some], self.rows, self.columns, self.spec.pad_h, self.spec.pad_w, room)
            sn, sh, sw, sc = canvas.strides
            part = grid[:, :, some]
            part[...] = as_strided(
                canvas, part.shape, (sh, sw, sn, sh * self.m, sw * self.l, sc), writeable=False
            )
        return tiles

    def add_pixels(self, tiles: np.ndarray, dx: np.ndarray, room: np.ndarray) -> None:
        """The adjoint of `pixels`: (rows, columns, n·tiles, C) into dx (n, C, H, W), adding up where tiles overlap."""
        n, c = dx.shape[:2]
        grid = tiles.reshape(self.rows, self.columns, n, self.down, self.across, c).transpose(2, 3, 0, 4, 1, 5)
        for some in self._images(n, c, room):
            canvas = self._empty(len(dx[some]), c, self.rows, self.columns, room)
            self._add(grid[some], canvas)
            _turn_back(canvas, dx[some], self.spec.pad_h, self.spec.pad_w)

    def _add(self, grid: np.ndarray, canvas: np.ndarray) -> None:
        """Tiles (n, down, rows, across, columns, C) onto a canvas (n, …, …, C): first everything that meets nothing,
        then what overlaps."""
        m, l = self.m, self.l  # noqa: E741
        high, wide = self.down * m, self.across * l
        canvas[:, high:], canvas[:, :high, wide:] = 0, 0

        def under(i: int, j: int, rows: int, columns: int) -> np.ndarray:
            """(n, down, rows, across, columns, C): the places i, i + 1, … by j, j + 1, … of all tiles."""
            sn, sh, sw, sc = canvas.strides
            shape = (len(canvas), self.down, rows, self.across, columns, canvas.shape[3])
            return as_strided(canvas[:, i:, j:], shape, (sn, sh * m, sh, sw * l, sw, sc))

        under(0, 0, m, l)[...] = grid[:, :, :m, :, :l]
        for i in range(0, self.rows, m):
            for j in range(0, self.columns, l):
                if i or j:
                    part = grid[:, :, i : i + m, :, j : j + l]
                    below = under(i, j, part.shape[2], part.shape[4])
                    below += part

    def outputs(self, dy: np.ndarray, tiles: np.ndarray, room: np.ndarray) -> np.ndarray:
        """Some outputs (n, K, P, Q) -> tiles that do not overlap (m, l, n·tiles, K), zeros beyond the last row,
        column.
        """
        n, k = dy.shape[:2]
        grid = tiles.reshape(self.m, self.l, n, self.down, self.across, k)
        for some in self._images(n, k, room):
            canvas = self._canvas(dy[some], self.m, self.l, 0, 0, room)
            grid[:, :, some] = self._cut(canvas).transpose(2, 4, 0, 1, 3, 5)
        return tiles

    def lay(self, tiles: np.ndarray, y: np.ndarray, room: np.ndarray) -> None:
        """The way back from `outputs`: (m, l, n·tiles, K) into y (n, K, P, Q), dropping what lies beyond it."""
        n, k = y.shape[:2]
        grid = tiles.reshape(self.m, self.l, n, self.down, self.across, k)
        for some in self._images(n, k, room):
            canvas = self._empty(len(y[some]), k, self.m, self.l, room)
            self._cut(canvas)[...] = grid[:, :, some].transpose(2, 3, 0, 4, 1, 5)
            _turn_back(canvas, y[some], 0, 0)

    def _cut(self, canvas: np.ndarray) -> np.ndarray:
        """(n, down·m, across·l, channels) seen as (n, down, m, across, l, channels)."""
        return canvas.reshape(len(canvas), self.down, self.m, self.across, self.l, -1)

    def _images(self, n: int, channels: int, room: np.ndarray) -> list[slice]:
        """Images at a time: so many canvases fit into the room."""
        step = len(room) // self.canvas_size(channels)
        return [slice(i, i + step) for i in range(0, n, step)]

    def _empty(self, n: int, channels: int, rows: int, columns: int, room: np.ndarray) -> np.ndarray:
        """A canvas (n, high, wide, channels): what all tiles of so many rows and columns of n images cover."""
        shape = n, (self.down - 1) * self.m + rows, (self.across - 1) * self.l + columns, channels
        return room[: math.prod(shape)].reshape(shape)

    def _canvas(self, images: np.ndarray, rows: int, columns: int, top: int, left: int, room: np.ndarray) -> np.ndarray:
        """Images (n, channels, H, W) turned, at (top, left) of a canvas (n, high, wide, channels), zero elsewhere."""
        n, channels = images.shape[:2]
        canvas = self._empty(n, channels, rows, columns, room)
        high, wide = (min(size, room - at) for size, room, at in
                      zip(images.shape[2:], canvas.shape[1:3], (top, left), strict=True))  # fmt: skip
        canvas[:, :top], canvas[:, top + high :] = 0, 0
        inside = canvas[:, top : top + high]
        inside[:, :, :left], inside[:, :, left + wide :] = 0, 0
        turned = images.transpose(0, 2, 3, 1)[:, :high, :wide]
        for c in range(0, channels, CHANNELS):
            inside[:, :, left : left + wide, c : c + CHANNELS] = turned[..., c : c + CHANNELS]
        return canvas

    def canvas_size(self, channels: int) -> int:
        """Numbers in the canvas of an image."""
        return channels * (self.down * self.m + self.spec.R - 1) * (self.across * self.l + self.spec.S - 1)

    def room(self, n: int, itemsize: int) -> int:
        """Numbers in the canvases of as many of n images as stay in the cache: what a pass uses again and again."""
        one = self.canvas_size(max(self.spec.C, self.spec.K))
        return one * max(1, min(n, CANVAS_BYTES // (one * itemsize)))


def _turn_back(canvas: np.ndarray, images: np.ndarray, top: int, left: int) -> None:
    """What lies from (top, left) of a canvas (n, high, wide, channels) into images (n, channels, H, W), zeros where
    these have more."""
    seen = canvas[:, top : top + images.shape[2], left : left + images.shape[3]]
    high, wide = seen.shape[1:3]
    if (high, wide) != images.shape[2:]:
        images[...] = 0
    step = max(1, ROW_BYTES // (wide * canvas.shape[3] * canvas.itemsize)) if wide else 1
    for row in range(0, high, step):
        some = seen[:, row : row + step].transpose(0, 3, 1, 2)
        images[:, :, row : row + some.shape[2], :wide] = some
