"""Winograd's minimal filtering F(m×m, R×S): fewer multiplications for small filters, at stride 1.

    Y = Aᵀ [ (G w Gᵀ) ⊙ (Bᵀ x B) ] A,  summed over the channels inside the brackets

A tile of (m + R − 1)² pixels needs that many products instead of m²·R·S: 36 instead of 144 for F(4×4, 3×3). The
brackets are one matrix product tiles × C × K for each of the 36 places, and both transforms are one matrix product
with a Kronecker product of their small matrices. Winograd 1980; Lavin and Gray 2016 (arXiv 1509.09308). The matrices
are made for any m and R by Toom and Cook's interpolation, exactly, in fractions.
"""

from __future__ import annotations

import math
from fractions import Fraction
from functools import cache
from typing import Any

import numpy as np

from helpers.primitives.cost import Cost
from helpers.primitives.layout import empty, is_chwn
from helpers.primitives.spec import ConvSpec
from helpers.primitives.tiles import NO_STRIDE, Tiling
from helpers.primitives.workspace import Take
from helpers.primitives.workspace import workspace as workspace_memory

POINTS = [Fraction(*f) for f in ((0, 1), (1, 1), (-1, 1), (1, 2), (-1, 2), (2, 1), (-2, 1))]
"""Where the polynomials are evaluated, besides infinity; more or larger ones cost too many digits of float32."""
BLOCK_BYTES = 2**20
COLUMNS, COLUMNS_SUMMED = 64, 128
"""Tiles below which a matrix product is slow: as its columns, and as the axis over which backward-filter sums."""


def supports(spec: ConvSpec, which: str) -> str:
    if spec.u != 1 or spec.v != 1:
        return NO_STRIDE
    if max(spec.R, spec.S) > 5:
        return "beyond 5×5 filters its interpolation loses too many digits; choose dft."
    return ""


def tile(spec: ConvSpec) -> int:
    """Outputs of a tile along each axis: F(4, 3) where that wastes little, F(2, ·) for small images and larger
    filters.
    """
    if max(spec.R, spec.S) > 3:
        return 2
    return min((4, 2), key=lambda m: -(-spec.P // m) * -(-spec.Q // m) * (m + spec.R - 1) * (m + spec.S - 1))


def workspace(spec: ConvSpec, which: str, itemsize: int, outer: int) -> int:
    """Bytes of the transformed filters, and of a block's tiles, which are written from one place to the other."""
    tiling, block = _plan(spec, which, itemsize)
    places, tiles = tiling.rows * tiling.columns, block * tiling.per_image
    filters = spec.K * spec.C * places
    filters += filters if which == "backward-filter" else spec.K * spec.C * spec.R * spec.S
    return itemsize * (filters + (3 if which == "backward-filter" else 2) * places * tiles * max(spec.C, spec.K))


def cost(spec: ConvSpec, which: str, outer: int) -> Cost:
    """Counts for the order in which the outer loop runs over `outer` images: N for NCHW, 1 for CHWN, where tiles cost
    more.
    """
    tiling, block = _plan(spec, which, 4)
    places, outputs, tiles = tiling.rows * tiling.columns, tiling.m * tiling.l, spec.N * tiling.per_image
    blocks = -(-spec.N // block)
    transforms = places * (spec.K * spec.C * spec.R * spec.S + tiles * (spec.C * places + spec.K * outputs))
    moved = (0.7 if outer > 1 else 3) * tiles * (spec.C + spec.K) * places + spec.K * spec.C * (
        spec.R * spec.S + places
    )
    if which == "backward-filter":
        moved += blocks * spec.K * spec.C * places
    return Cost(places * tiles * spec.K * spec.C + 1.2 * transforms, moved, blocks * (10 + 2 * outputs + places))


def forward(spec: ConvSpec, x: np.ndarray, w: np.ndarray) -> np.ndarray:
    """Images x (N, C, H, W) and filters w (K, C, R, S) -> y (N, K, P, Q), in the order of x."""
    tiling, block = _plan(spec, "forward", x.itemsize)
    b, g, a = _kronecker(tiling.m, spec.R, tiling.l, spec.S, x.dtype)
    y = empty(spec.y_shape, x.dtype, is_chwn(x))
    with workspace_memory() as take:
        filters = _filters(g, w.transpose(2, 3, 1, 0), take)
        one, other = _two(tiling, block, x.dtype, take)
        for n in range(0, spec.N, block):
            some = slice(n, n + block)
            images = x[some]
            tiles = len(images) * tiling.per_image
            pixels = tiling.pixels(images, _shaped(one, (tiling.rows, tiling.columns, tiles, spec.C)), other)
            pixels = _product(b, pixels, other)
            products = _products(pixels, filters, one)
            tiling.lay(_product(a, products, other), y[some], one)
    return y


def backward_data(spec: ConvSpec, dy: np.ndarray, w: np.ndarray) -> np.ndarray:
    """Gradient dy (N, K, P, Q) -> dx (N, C, H, W): each matrix of the forward pass transposed, from the end to the
    start.

    Tiles of x overlap, so their gradients add up: dx = Σ_tiles B [ (G w Gᵀ)ᵀ ⊙ (A dy Aᵀ) ] Bᵀ, summed over the
    filters.
    """
    tiling, block = _plan(spec, "backward-data", dy.itemsize)
    b, g, a = _kronecker(tiling.m, spec.R, tiling.l, spec.S, dy.dtype)
    dx = empty(spec.x_shape, dy.dtype, is_chwn(dy))
    with workspace_memory() as take:
        filters = _filters(g, w.transpose(2, 3, 0, 1), take)
        one, other = _two(tiling, block, dy.dtype, take)
        for n in range(0, spec.N, block):
            some = slice(n, n + block)
            images = dy[some]
            tiles = len(images) * tiling.per_image
            gradients = tiling.outputs(images, _shaped(one, (tiling.m, tiling.l, tiles, spec.K)), other)
            gradients = _product(a.T, gradients, other)
            products = _products(gradients, filters, one)
            tiling.add_pixels(_product(b.T, products, other), dx[some], one)
    return dx


def backward_filter(spec: ConvSpec, x: np.ndarray, dy: np.ndarray) -> np.ndarray:
    """Images x and gradient dy -> dw (K, C, R, S): dw = Gᵀ [ Σ_tiles (A dy Aᵀ) ⊙ (Bᵀ x B) ] G."""
    tiling, block = _plan(spec, "backward-filter", x.itemsize)
    b, g, a = _kronecker(tiling.m, spec.R, tiling.l, spec.S, x.dtype)
    with workspace_memory() as take:
        total, share = (take((len(b), spec.K, spec.C), x.dtype) for _ in range(2))
        one, other = _two(tiling, block, x.dtype, take)
        third = take(len(other), x.dtype)
        for n in range(0, spec.N, block):
            some = slice(n, n + block)
            tiles = len(x[some]) * tiling.per_image
            pixels = tiling.pixels(x[some], _shaped(one, (tiling.rows, tiling.columns, tiles, spec.C)), other)
            pixels = _product(b, pixels, other)
            gradients = tiling.outputs(dy[some], _shaped(one, (tiling.m, tiling.l, tiles, spec.K)), third)
            gradients = _product(a.T, gradients, third)
            np.matmul(gradients.transpose(0, 2, 1), pixels, out=share if n else total)
            if n:
                np.add(total, share, out=total)
        dw = g.T @ total.reshape(len(b), -1)
    return np.ascontiguousarray(dw.reshape(spec.R, spec.S, spec.K, spec.C).transpose(2, 3, 0, 1))


def _filters(g: np.ndarray, w: np.ndarray, take: Take) -> np.ndarray:
    """G w Gᵀ for all filters (R, S, …, …): (places, …, …)."""
    taps = take(w.shape, w.dtype)
    taps[...] = w
    return _product(g, taps, take(len(g) * w.shape[2] * w.shape[3], w.dtype))


def _two(tiling: Tiling, block: int, dtype: Any, take: Take) -> tuple[np.ndarray, np.ndarray]:
    """Memory for a block's tiles, twice: each step reads one and writes the other, so that both stay in the cache."""
    spec = tiling.spec
    size = tiling.rows * tiling.columns * block * tiling.per_image * max(spec.C, spec.K)
    return take(size, dtype), take(size, dtype)


def _shaped(memory: np.ndarray, shape: tuple[int, ...]) -> np.ndarray:
    """An array at the beginning of some memory."""
    return memory[: math.prod(shape)].reshape(shape)


def _product(matrix: np.ndarray, tiles: np.ndarray, memory: np.ndarray) -> np.ndarray:
    """A transform, matrix (I × J), of tiles (places…, A, B)."""
    out = _shaped(memory, (len(matrix), *tiles.shape[-2:]))
    np.matmul(matrix, tiles.reshape(matrix.shape[1], -1), out=out.reshape(len(matrix), -1))
    return out


def _products(tiles: np.ndarray, filters: np.ndarray, memory: np.ndarray) -> np.ndarray:
    """The sum over channels, for each place: (places, tiles, channels) times (places, channels, others)."""
    return np.matmul(tiles, filters, out=_shaped(memory, (*tiles.shape[:2], filters.shape[2])))


def _plan(spec: ConvSpec, which: str, itemsize: int) -> tuple[Tiling, int]:
    """The tiling, and how many images at a time: their transformed tiles should stay in the cache, but be enough."""
    m = tile(spec)
    tiling = Tiling(spec, m, m)
    per_image = tiling.per_image * (spec.C + spec.K) * tiling.rows * tiling.columns * itemsize
    least = -(-(COLUMNS_SUMMED if which == "backward-filter" else COLUMNS) // tiling.per_image)
    return tiling, min(spec.N, max(least, BLOCK_BYTES // per_image))


@cache
def _kronecker(m: int, r: int, l: int, s: int, dtype: Any) -> tuple[np.ndarray, np.ndarray, np.ndarray]:  # noqa: E741
    """(B, G, A) for rows and columns at once: T² × T², T² × R·S, m·l × T²."""
    rows, columns = matrices(m, r), matrices(l, s)
    b, g, a = (np.kron(one, other).astype(dtype) for one, other in zip(rows, columns, strict=True))
    return b, g, a


@cache
def matrices(m: int, r: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """(Bᵀ, G, Aᵀ) of F(m, r), float64: T × T, T × r and m × T with T = m + r − 1.

    Multiplying polynomials of degree m − 1 and r − 1 means evaluating both at T − 1 points and at infinity,
    multiplying the values, and interpolating. Filtering is the transpose of that: evaluation becomes Aᵀ and
    interpolation Bᵀ.
    """
    t = m + r - 1
    points = POINTS[: t - 1]
    if len(points) < t - 1:
        raise ValueError(f"F({m}, {r}) needs {t - 1} points")

    def powers(count: int) -> list[list[Fraction]]:
        finite = [[p**i for i in range(count)] for p in points]
        return [*finite, [Fraction(int(i == count - 1)) for i in range(count)]]

    # Σ_i value_i · Π_{j≠i} (z − p_j) / (p_i − p_j), and the coefficient of z^(T−1) at infinity times Π (z − p_j).
    rows = []
    scale = []
    for i, p in enumerate(points):
        others = [q for j, q in enumerate(points) if j != i]
        scale.append(_times([p - q for q in others]))
        rows.append([*_polynomial(others), Fraction(0)])
    rows.append(_polynomial(points))
    # The interpolation's fractions go to the filters, which are transformed once.
    g = [[value / scale[i] for value in row] if i < len(points) else row for i, row in enumerate(powers(r))]
    a = powers(m)
    return np.array(rows, float), np.array(g, float), np.array(a, float).T.copy()


def _times(values: list[Fraction]) -> Fraction:
    result = Fraction(1)
    for value in values:
        result *= value
    return result


def _polynomial(roots: list[Fraction]) -> list[Fraction]:
    """Coefficients, lowest first, of Π (z − root)."""
    coefficients = [Fraction(1)]
    for root in roots:
        shifted = [Fraction(0), *coefficients]
        coefficients = [s - root * c for s, c in zip(shifted, [*coefficients, Fraction(0)], strict=True)]
    return coefficients
