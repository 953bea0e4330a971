"""Convolution through the discrete Fourier transform, in which every step is a real matrix product.

    Y = D⁻¹ [ Σ_c conj(D w) ⊙ (D x) ]

A tile of T × T pixels has T · (T/2 + 1) frequencies, and each costs one product instead of R · S an output; what
remains is the transforms. The DFT is written as what it is, a matrix: rows first, then columns, cosines and sines
apart, so that it runs at the speed of a matrix product (a fast transform of so few points saves nothing). Mathieu,
Henaff and LeCun 2013; Vasilache et al. 2014 (fbfft).

A product of complex numbers takes three real products instead of four (Gauss): (a + bi)(c + di) has real part k₁ − k₃
and imaginary part k₁ + k₂ with k₁ = c·(a + b), k₂ = a·(d − c), k₃ = b·(c + d). The sums are part of the transforms'
matrices and cost nothing.
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import cache, lru_cache
from typing import Any

import numpy as np

from helpers.primitives.cost import Cost
from helpers.primitives.layout import empty, is_chwn
from helpers.primitives.spec import ConvSpec
from helpers.primitives.tiles import NO_STRIDE, Tiling
from helpers.primitives.workspace import Take
from helpers.primitives.workspace import workspace as workspace_memory

LARGEST_TILE = 64
ROW_BYTES = 2**20
"""Of one row of frequencies, of the images as of the channels that they are multiplied with: as many of both at a time
as stay in the cache."""
TILES, CHANNELS = 16, 32
"""The fewest at a time: below, the matrix products are slow."""


def supports(spec: ConvSpec, which: str) -> str:
    return NO_STRIDE if (spec.u, spec.v) != (1, 1) else ""


@lru_cache(maxsize=1024)
def tiling(spec: ConvSpec, which: str = "forward") -> Tiling:
    """The square tile, of an even number of pixels, that costs least by `products`."""
    least = max(spec.R, spec.S) + 1
    most = max(least + 1, min(LARGEST_TILE, max(spec.P + spec.R, spec.Q + spec.S)))
    sizes = range(least + least % 2, most + 2, 2)
    return min((Tiling(spec, t - spec.R + 1, t - spec.S + 1) for t in sizes), key=lambda t: products(t, which))


def products(t: Tiling, which: str) -> float:
    """Multiply-adds of a pass with this tiling; those of the transforms count more, for their matrices are small."""
    spec, size, f = t.spec, t.rows, t.rows // 2 + 1
    tiles = spec.N * t.per_image

    def transform(rows: int, columns: int) -> int:
        """Of one image of rows × columns numbers, there or back."""
        return rows * columns * 2 * f + f * 2 * columns * 3 * size

    pixels, outputs, filters = transform(size, size), transform(t.m, t.l), transform(spec.R, spec.S)
    moved = spec.C * tiles * pixels + spec.K * tiles * outputs + spec.K * spec.C * filters
    return 1.5 * moved + 3 * size * f * spec.K * spec.C * tiles


def workspace(spec: ConvSpec, which: str, itemsize: int, outer: int) -> int:
    """Bytes of canvas and tiles, of half-transformed rows, and of one row of frequencies of images, filters,
    products.
    """
    t = tiling(spec, which)
    size, f = t.rows, t.rows // 2 + 1
    filters = spec.K * spec.C
    numbers = 0 if which == "backward-filter" else filters * (spec.R * spec.S + 2 * f * spec.S + 3 * size)
    for some in [slice(0, spec.N)] if which == "backward-filter" else _blocks(t, itemsize):
        n = some.stop - some.start
        images, outputs = spec.C * n * t.per_image, spec.K * n * t.per_image
        numbers += (size + 2 * f) * size * images + (t.m + 2 * f) * t.l * outputs + 3 * size * (images + outputs)
    if which == "backward-filter":
        numbers += filters * (spec.R * spec.S + 2 * f * spec.S + 3 * size)
    return (numbers + t.room(spec.N, itemsize)) * itemsize


def cost(spec: ConvSpec, which: str, outer: int) -> Cost:
    """Counts; the order in memory makes no difference, for the tiles are copied anyway."""
    t = tiling(spec, which)
    tiles, f = spec.N * t.per_image, t.rows // 2 + 1
    ends = tiles * (spec.C * t.rows * t.columns + spec.K * t.m * t.l) + spec.K * spec.C * spec.R * spec.S
    spectra = 3 * t.rows * f * (tiles * (spec.C + spec.K) + spec.K * spec.C)
    return Cost(
        products(t, which),
        2 * ends + 0.9 * spectra,
        10 * f + (t.rows * t.columns if which == "backward-data" else t.m * t.l),
    )


def forward(spec: ConvSpec, x: np.ndarray, w: np.ndarray) -> np.ndarray:
    """Images x (N, C, H, W) and filters w (K, C, R, S) -> y (N, K, P, Q), in the order of x."""
    t = tiling(spec)
    y = empty(spec.y_shape, x.dtype, is_chwn(x))
    with workspace_memory() as take:
        room = take(t.room(spec.N, x.itemsize), x.dtype)
        some, others = _blocks(t, x.itemsize), _parts(t, spec.C, spec.K, x.itemsize)
        images = [_There(_pixels(t, x[n], room, take), t.rows, "a", take) for n in some]
        filters = [_There(_copy(w[k].transpose(2, 3, 1, 0), take), t.rows, "conjugate b", take) for k in others]
        for n, k, back in _products(images, filters, t.m, t.l, take):
            t.lay(back.result(), y[some[n], others[k]], room)
    return y


def backward_data(spec: ConvSpec, dy: np.ndarray, w: np.ndarray) -> np.ndarray:
    """Gradient dy (N, K, P, Q) -> dx (N, C, H, W): the spectrum of dy times that of w, not conjugate, K and C
    exchanged.

    A tile of dy reaches a whole tile of x, and tiles of x overlap, so their gradients add up.
    """
    t = tiling(spec, "backward-data")
    dx = empty(spec.x_shape, dy.dtype, is_chwn(dy))
    with workspace_memory() as take:
        room = take(t.room(spec.N, dy.itemsize), dy.dtype)
        some, others = _blocks(t, dy.itemsize), _parts(t, spec.K, spec.C, dy.itemsize)
        gradients = [_There(_outputs(t, dy[n], room, take), t.rows, "a", take) for n in some]
        filters = [_There(_copy(w[:, c].transpose(2, 3, 0, 1), take), t.rows, "b", take) for c in others]
        for n, c, back in _products(gradients, filters, t.rows, t.columns, take):
            t.add_pixels(back.result(), dx[some[n], others[c]], room)
    return dx


def backward_filter(spec: ConvSpec, x: np.ndarray, dy: np.ndarray) -> np.ndarray:
    """Images x and gradient dy -> dw (K, C, R, S): x is filtered with dy, so dy takes the filters' part, tile by
    tile.
    """
    t = tiling(spec, "backward-filter")
    dw = np.empty(spec.w_shape, x.dtype)
    with workspace_memory() as take:
        room = take(t.room(spec.N, x.itemsize), x.dtype)
        others = _parts(t, spec.K, spec.C, x.itemsize)
        gradients = _There(_outputs(t, dy, room, take), t.rows, "conjugate b", take, turned=True)
        images = [_There(_pixels(t, x[:, c], room, take), t.rows, "a", take) for c in others]
        for _, c, back in _products([gradients], images, spec.R, spec.S, take):
            dw[:, others[c]] = back.result().transpose(2, 3, 0, 1)
    return dw


def _blocks(t: Tiling, itemsize: int) -> list[slice]:
    """Images at a time: one row of frequencies of a block should stay in the cache."""
    per_image = 3 * t.rows * t.per_image * (t.spec.C + t.spec.K) * itemsize
    step = max(1, ROW_BYTES // per_image, -(-TILES // t.per_image))
    return [slice(n, min(n + step, t.spec.N)) for n in range(0, t.spec.N, step)]


def _parts(t: Tiling, channels: int, others: int, itemsize: int) -> list[slice]:
    """Channels of a result at a time: one row of frequencies of what gives them should stay in the cache, too."""
    step = max(1, ROW_BYTES // (3 * t.rows * channels * itemsize) // CHANNELS) * CHANNELS
    return [slice(c, min(c + step, others)) for c in range(0, others, step)]


def _pixels(t: Tiling, x: np.ndarray, room: np.ndarray, take: Take) -> np.ndarray:
    return t.pixels(x, take((t.rows, t.columns, len(x) * t.per_image, x.shape[1]), x.dtype), room)


def _outputs(t: Tiling, dy: np.ndarray, room: np.ndarray, take: Take) -> np.ndarray:
    return t.outputs(dy, take((t.m, t.l, len(dy) * t.per_image, t.spec.K), dy.dtype), room)


def _copy(a: np.ndarray, take: Take) -> np.ndarray:
    out = take(a.shape, a.dtype)
    out[...] = a
    return out


class _There:
    """The transform of tiles (rows, columns, A, B): along the rows at once, along the columns one row of frequencies
    at a time.

    Only one row of frequencies exists in full, three numbers for each of its T frequencies: (3·T, A, B).
    """

    def __init__(self, tiles: np.ndarray, size: int, factor: str, take: Take, turned: bool = False) -> None:
        rows, columns, self.a, self.b = tiles.shape
        self.turned = turned
        self.frequencies = size // 2 + 1
        down, self.across = _matrices(size, rows, columns, factor, tiles.dtype)
        self.half = take((self.frequencies, 2 * columns, self.a * self.b), tiles.dtype)
        np.matmul(down, tiles.reshape(rows, -1), out=self.half.reshape(len(down), -1))
        self.out = take((len(self.across), self.a * self.b), tiles.dtype)

    def row(self, i: int) -> np.ndarray:
        """Frequencies (i, 0 … T − 1), (3·T, A, B), or turned (3·T, B, A); overwritten by the next call."""
        found = np.matmul(self.across, self.half[i], out=self.out).reshape(-1, self.a, self.b)
        return found.transpose(0, 2, 1) if self.turned else found


class _Back:
    """The inverse transform: takes the products of one row of frequencies after the other, gives (m, l, A, B)."""

    def __init__(self, size: int, shape: tuple[int, int, int, int], products: np.ndarray, take: Take) -> None:
        m, l, a, b = self.shape = shape  # noqa: E741
        dtype = products.dtype
        self.down, self.across = _inverse(size, m, l, dtype)
        self.products = products[: 3 * size * a * b].reshape(3 * size, a, b)
        self.half = take((size // 2 + 1, 2, l, a * b), dtype)
        self.out = take((m, l, a * b), dtype)

    def give(self, i: int, left: np.ndarray, right: np.ndarray) -> None:
        """Row i of the frequencies: the matrix products left · right (3·T, A, B)."""
        np.matmul(left, right, out=self.products)
        products = self.products.reshape(len(self.products), -1)
        np.matmul(self.across, products, out=self.half[i].reshape(len(self.across), -1))

    def result(self) -> np.ndarray:
        """(m, l, A, B)"""
        m, l, a, b = self.shape  # noqa: E741
        half = self.half.reshape(-1, l, a * b).transpose(1, 0, 2)
        np.matmul(self.down, half, out=self.out.transpose(1, 0, 2))
        return self.out.reshape(m, l, a, b)


def _products(
    lefts: list[_There], rights: list[_There], m: int, l: int, take: Take  # noqa: E741
) -> Iterator[tuple[int, int, _Back]]:
    """(place of the left one, place of the right one, inverse transform (m, l, …, …)) of every product of two."""
    size, rows = len(rights[0].across) // 3, [left.b if left.turned else left.a for left in lefts]
    products = take(3 * size * max(rows) * max(right.b for right in rights), rights[0].out.dtype)
    backs = [[_Back(size, (m, l, a, right.b), products, take) for a in rows] for right in rights]
    for i in range(rights[0].frequencies):
        found = [left.row(i) for left in lefts]
        for right, of_right in zip(rights, backs, strict=True):
            row = right.row(i)
            for left, back in zip(found, of_right, strict=True):
                back.give(i, left, row)
    yield from ((n, k, back) for k, of_right in enumerate(backs) for n, back in enumerate(of_right))


@cache
def _matrices(size: int, rows: int, columns: int, factor: str, dtype: Any) -> tuple[np.ndarray, np.ndarray]:
    """(2·F × rows, 3·T × 2·columns): real to complex along the rows, complex to three sums along the columns."""
    f = np.arange(size // 2 + 1)[:, None] * np.arange(rows) * (2 * np.pi / size)
    down = np.stack([np.cos(f), -np.sin(f)], axis=1).reshape(-1, rows)
    g = np.arange(size)[:, None] * np.arange(columns) * (2 * np.pi / size)
    real, imaginary = np.hstack([np.cos(g), np.sin(g)]), np.hstack([-np.sin(g), np.cos(g)])
    return down.astype(dtype), three_sums(real, imaginary, factor).astype(dtype)


def three_sums(real: np.ndarray, imaginary: np.ndarray, factor: str) -> np.ndarray:
    """Rows (I × J) that give real and imaginary parts -> rows (3·I × J) that give what is multiplied, for either
    factor.

    factor: "a" for a + bi; "b" or "conjugate b" for c + di.
    """
    if factor == "a":
        sums = [real + imaginary, real, imaginary]  # a + b, a, b
    else:
        d = -imaginary if factor == "conjugate b" else imaginary
        sums = [real, d - real, real + d]  # c, d − c, c + d
    return np.stack(sums, axis=1).reshape(-1, real.shape[1])


def of_three_products(real: np.ndarray, imaginary: np.ndarray) -> np.ndarray:
    """Weights (I × J) of real and imaginary parts -> weights (I × 3·J) of k₁, k₂, k₃: real·(k₁ − k₃) + imaginary·(k₁
    + k₂).
    """
    return np.stack([real + imaginary, imaginary, -real], axis=2).reshape(len(real), -1)


def counted_twice(size: int) -> np.ndarray:
    """Weight of each of the T/2 + 1 frequencies that are kept: all but the first and last stand for their conjugates,
    too.
    """
    f = np.arange(size // 2 + 1)
    return np.where((f == 0) | (f == size // 2), 1, 2) / size


@cache
def _inverse(size: int, m: int, l: int, dtype: Any) -> tuple[np.ndarray, np.ndarray]:  # noqa: E741
    """(m × 2·F, 2·l × 3·T): along the columns from three products to complex, along the rows from complex to real.

    Only T/2 + 1 rows of frequencies are kept; the others are their conjugates, so that all but the first and last
    count twice.
    """
    g = np.arange(l)[:, None] * np.arange(size) * (2 * np.pi / size)
    c, s = np.cos(g) / size, np.sin(g) / size

    across = np.vstack([of_three_products(c, -s), of_three_products(s, c)])
    f = np.arange(m)[:, None] * np.arange(size // 2 + 1) * (2 * np.pi / size)
    twice = counted_twice(size)
    down = np.stack([twice * np.cos(f), -twice * np.sin(f)], axis=2).reshape(m, -1)
    return down.astype(dtype), across.astype(dtype)
