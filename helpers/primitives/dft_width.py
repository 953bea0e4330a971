"""The DFT along the width, lowering along the height: for few channels and large filters.

Transforming tiles both ways pays only where many channels share the transforms. Here a tile is one row of T pixels
and has T/2 + 1 frequencies; the R rows that a filter covers are lowered, by overlapping views as in `width`, and add
up inside the matrix product, K × R·C, which each frequency needs for each output row. Complex products take three
real ones, as in `dft`.
"""

from __future__ import annotations

from functools import cache, lru_cache
from typing import Any

import numpy as np
from numpy.lib.stride_tricks import as_strided

from helpers.primitives.cost import SMALL, Cost
from helpers.primitives.dft import LARGEST_TILE, counted_twice, of_three_products, three_sums
from helpers.primitives.layout import empty, is_chwn
from helpers.primitives.spec import ConvSpec
from helpers.primitives.workspace import Take
from helpers.primitives.workspace import workspace as workspace_memory

ROWS = 2
"""Of the result, that are laid at a time: the same row of each filter's image lies far away from the others."""
BLOCK_BYTES = 2**22
"""Of the gradients' spectra that backward-filter makes at a time."""


def supports(spec: ConvSpec, which: str) -> str:
    return (
        ""
        if spec.v == 1
        else "it computes every output of a row at once, so it knows no stride v above 1; choose width."
    )


@lru_cache(maxsize=1024)
def tile(spec: ConvSpec) -> int:
    """Pixels of a tile, an even number: those that cost least by `_products`."""
    most = max(spec.S + 1, min(LARGEST_TILE, spec.Q + spec.S))
    return min(range(spec.S + 1 + (spec.S + 1) % 2, most + 2, 2), key=lambda size: _products(spec, size))


def _sizes(spec: ConvSpec, size: int) -> tuple[int, int, int, int]:
    """(outputs of a tile, tiles across, factors of all frequencies, columns: tiles of all images)."""
    outputs = size - spec.S + 1
    across = -(-spec.Q // outputs)
    return outputs, across, 3 * (size // 2 + 1), across * spec.N


def _products(spec: ConvSpec, size: int) -> float:
    """Multiply-adds with tiles of so many pixels; those of the transforms count more, for their matrices are small."""
    outputs, _, factors, columns = _sizes(spec, size)
    pixels, results = size * (spec.H + 2 * spec.pad_h) * spec.C, outputs * spec.P * spec.K
    moved = factors * (columns * (pixels + results) + spec.S * spec.R * spec.K * spec.C)
    return 1.2 * moved + (1 + 8 / columns) * factors * columns * spec.P * spec.R * spec.C * spec.K


def cost(spec: ConvSpec, which: str, outer: int) -> Cost:
    """Counts; the order in memory makes no difference, for the tiles are copied anyway."""
    size = tile(spec)
    outputs, _, factors, columns = _sizes(spec, size)
    rows = spec.H + 2 * spec.pad_h
    ends = columns * (spec.C * rows * size + spec.P * spec.K * outputs)
    # The spectra of all rows leave the cache; those of one row of results, and of the filters, stay there.
    spectra = spec.C * (rows + (0.5 * spec.P * spec.R if which == "backward-data" else 0))
    middle = factors * (columns * (3 * spectra + 0.25 * spec.K * spec.P) + 0.5 * spec.R * spec.C * spec.K)
    return Cost(_products(spec, size), ends + middle, 4 * spec.P + factors * spec.P / 2)


def workspace(spec: ConvSpec, which: str, itemsize: int, outer: int) -> int:
    """Bytes of tiles and spectra, and of the products of one output row (backward-filter: of all)."""
    size = tile(spec)
    outputs, across, factors, columns = _sizes(spec, size)
    rows, depth = spec.H + 2 * spec.pad_h, spec.R * spec.C
    width = (across - 1) * outputs + size
    pixels = spec.N * spec.C * rows * width + (size + factors) * rows * spec.C * columns
    filters = (spec.S + factors) * spec.K * depth
    results = across * outputs * spec.N * spec.K
    row = (factors + outputs) * spec.K * columns
    numbers = {
        "forward": pixels + filters + row + ROWS * results,
        "backward-data": pixels + filters + row + factors * depth * columns + results,
        "backward-filter": pixels + 2 * factors * spec.K * depth
        + (row + results + factors * depth * columns) * _rows(spec, factors, columns),
    }[which]
    return numbers * itemsize


def forward(spec: ConvSpec, x: np.ndarray, w: np.ndarray) -> np.ndarray:
    """Images x (N, C, H, W) and filters w (K, C, R, S) -> y (N, K, P, Q), in the order of x."""
    size = tile(spec)
    outputs, across, factors, columns = _sizes(spec, size)
    y = empty(spec.y_shape, x.dtype, is_chwn(x))
    with workspace_memory() as take:
        windows = _windows(spec, _spectra(spec, size, x, take))
        filters = _filters(spec, size, w, "conjugate b", take)
        products, back = take((factors, spec.K, columns), x.dtype), _back(size, outputs, x.dtype)
        row = take((outputs, spec.K, spec.N, across), x.dtype)
        whole = take((spec.N, spec.K, ROWS, across, outputs), x.dtype)
        for p in range(spec.P):
            np.matmul(filters, windows[:, p], out=products)
            np.matmul(back, products.reshape(factors, -1), out=row.reshape(outputs, -1))
            whole[:, :, p % ROWS] = row.transpose(2, 1, 3, 0)
            if p % ROWS == ROWS - 1 or p == spec.P - 1:
                first = p - p % ROWS
                y[:, :, first : p + 1] = whole.reshape(spec.N, spec.K, ROWS, -1)[:, :, : p + 1 - first, : spec.Q]
    return y


def backward_data(spec: ConvSpec, dy: np.ndarray, w: np.ndarray) -> np.ndarray:
    """Gradient dy (N, K, P, Q) -> dx (N, C, H, W): each output row adds to the spectra of the R rows that it saw."""
    size = tile(spec)
    outputs, across, factors, columns = _sizes(spec, size)
    with workspace_memory() as take:
        filters = _filters(spec, size, w, "b", take).transpose(0, 2, 1)
        there, back = _there(size, outputs, "a", dy.dtype), _back(size, size, dy.dtype)
        row = take((outputs, spec.K, spec.N, across), dy.dtype)
        whole = take((spec.N, spec.K, across * outputs), dy.dtype)
        spectrum = take((factors, spec.K, columns), dy.dtype)
        share = take((factors, spec.R, spec.C, columns), dy.dtype)
        spectra = take((factors, spec.H + 2 * spec.pad_h, spec.C, columns), dy.dtype)
        whole[...], spectra[...] = 0, 0
        for p in range(spec.P):
            whole[..., : spec.Q] = dy[:, :, p]
            row[...] = whole.reshape(spec.N, spec.K, across, outputs).transpose(3, 1, 0, 2)
            np.matmul(there, row.reshape(outputs, -1), out=spectrum.reshape(factors, -1))
            np.matmul(filters, spectrum, out=share.reshape(factors, -1, columns))
            seen = spectra[:, p * spec.u : p * spec.u + spec.R]
            seen += share
        tiles = take((size, *spectra.shape[1:]), dy.dtype)
        np.matmul(back, spectra.reshape(factors, -1), out=tiles.reshape(size, -1))
        return _laid(spec, size, tiles, is_chwn(dy), take)


def backward_filter(spec: ConvSpec, x: np.ndarray, dy: np.ndarray) -> np.ndarray:
    """Images x and gradient dy -> dw (K, C, R, S): for each frequency, gradients times windows, summed over rows.

    Some output rows at a time, so that their gradients' spectra need not leave the cache.
    """
    size = tile(spec)
    outputs, across, factors, columns = _sizes(spec, size)
    there, step = _there(size, outputs, "conjugate b", dy.dtype), _rows(spec, factors, columns)
    with workspace_memory() as take:
        # (factors, C, rows, columns): then all output rows lie side by side under each filter row.
        spectra = _spectra(spec, size, x, take, by_channel=True)
        total = take((factors, spec.C * spec.R, spec.K), dy.dtype)
        share = take(total.shape, dy.dtype)
        for p in range(0, spec.P, step):
            rows = min(step, spec.P - p)
            with workspace_memory():
                whole = take((spec.N, spec.K, rows, across * outputs), dy.dtype)
                whole[..., spec.Q :] = 0
                whole[..., : spec.Q] = dy[:, :, p : p + rows]
                tiles = take((outputs, rows, spec.N, across, spec.K), dy.dtype)
                tiles[...] = whole.reshape(spec.N, spec.K, rows, across, outputs).transpose(4, 2, 0, 3, 1)
                gradients = take((factors, rows * columns, spec.K), dy.dtype)
                np.matmul(there, tiles.reshape(outputs, -1), out=gradients.reshape(factors, -1))
                windows = take((factors, spec.C, spec.R, rows * columns), x.dtype)
                windows[...] = _under(spec, spectra, p, rows)
                np.matmul(windows.reshape(*total.shape[:2], -1), gradients, out=share if p else total)
            if p:
                total += share
        back = _back(size, spec.S, dy.dtype)
        dw = (back @ total.reshape(factors, -1)).reshape(spec.S, spec.C, spec.R, spec.K)
        return np.ascontiguousarray(dw.transpose(3, 1, 2, 0))


def _rows(spec: ConvSpec, factors: int, columns: int) -> int:
    """Output rows at a time in backward-filter: their spectra fit into the cache, and small products stay SMALL."""
    fitting = BLOCK_BYTES // (4 * factors * spec.K * columns)
    small = SMALL // (spec.K * spec.R * spec.C * columns)
    return min(spec.P, max(1, min(fitting, small or fitting)))


def _spectra(spec: ConvSpec, size: int, x: np.ndarray, take: Take, by_channel: bool = False) -> np.ndarray:
    """Images -> (factors, rows, C, columns), or (factors, C, rows, columns)."""
    outputs, across, factors, columns = _sizes(spec, size)
    rows = spec.H + 2 * spec.pad_h
    order = (spec.C, rows) if by_channel else (rows, spec.C)
    spectra = take((factors, *order, columns), x.dtype)
    with workspace_memory():
        canvas = take((spec.N, spec.C, rows, (across - 1) * outputs + size), x.dtype)
        canvas[...] = 0
        reach = min(spec.W, canvas.shape[3] - spec.pad_w)
        canvas[:, :, spec.pad_h : spec.pad_h + spec.H, spec.pad_w : spec.pad_w + reach] = x[..., :reach]
        sn, sc, sh, sw = canvas.strides
        tiles = take((size, *order, spec.N, across), x.dtype)
        strides = (sc, sh) if by_channel else (sh, sc)
        tiles[...] = as_strided(canvas, tiles.shape, (sw, *strides, sn, outputs * sw), writeable=False)
        np.matmul(_there(size, size, "a", x.dtype), tiles.reshape(size, -1), out=spectra.reshape(factors, -1))
    return spectra


def _filters(spec: ConvSpec, size: int, w: np.ndarray, factor: str, take: Take) -> np.ndarray:
    """Filters (K, C, R, S) -> (factors, K, R·C)."""
    taps = take((spec.S, spec.K, spec.R, spec.C), w.dtype)
    taps[...] = w.transpose(3, 0, 2, 1)
    there = _there(size, spec.S, factor, w.dtype)
    out = take((len(there), spec.K, spec.R * spec.C), w.dtype)
    np.matmul(there, taps.reshape(spec.S, -1), out=out.reshape(len(there), -1))
    return out


def _windows(spec: ConvSpec, spectra: np.ndarray) -> np.ndarray:
    """Overlapping view (factors, P, R·C, columns) of spectra (factors, rows, C, columns)."""
    factors, _, channels, columns = spectra.shape
    sf, sh, sc, sm = spectra.strides
    shape = (factors, spec.P, spec.R * channels, columns)
    return as_strided(spectra, shape, (sf, spec.u * sh, sc, sm), writeable=False)


def _under(spec: ConvSpec, spectra: np.ndarray, p: int, rows: int) -> np.ndarray:
    """(factors, C, R, rows·columns): what filter row r meets at some output rows; at stride 1 an overlapping view."""
    factors, channels, _, columns = spectra.shape
    sf, sc, sh, sm = spectra.strides
    start = spectra[:, :, p * spec.u :]
    if spec.u == 1:
        return as_strided(start, (factors, channels, spec.R, rows * columns), (sf, sc, sh, sm), writeable=False)
    view = as_strided(start, (factors, channels, spec.R, rows, columns), (sf, sc, sh, spec.u * sh, sm), writeable=False)
    return view.reshape(factors, channels, spec.R, -1)


def _laid(spec: ConvSpec, size: int, tiles: np.ndarray, chwn: bool, take: Take) -> np.ndarray:
    """Tiles (size, rows, C, N·across) that overlap along the width, added up to dx (N, C, H, W)."""
    outputs, across, _, _ = _sizes(spec, size)
    grid = tiles.reshape(size, -1, spec.C, spec.N, across).transpose(3, 2, 1, 4, 0)
    grid = grid[:, :, spec.pad_h : spec.pad_h + spec.H]
    dx = empty(spec.x_shape, tiles.dtype, chwn)
    canvas = take((spec.N, spec.C, spec.H, (across - 1) * outputs + size), tiles.dtype)
    canvas[...] = 0
    for a in range(across):
        under = canvas[..., a * outputs : a * outputs + size]
        under += grid[:, :, :, a]
    reach = min(spec.W, canvas.shape[3] - spec.pad_w)
    dx[..., :reach], dx[..., reach:] = canvas[..., spec.pad_w : spec.pad_w + reach], 0
    return dx


@cache
def _there(size: int, pixels: int, factor: str, dtype: Any) -> np.ndarray:
    """(3·F × pixels): the three sums of each frequency; a + b, a, b, or c, d − c, c + d."""
    f = np.arange(size // 2 + 1)[:, None] * np.arange(pixels) * (2 * np.pi / size)
    return three_sums(np.cos(f), -np.sin(f), factor).astype(dtype)


@cache
def _back(size: int, pixels: int, dtype: Any) -> np.ndarray:
    """(pixels × 3·F): from three products per frequency, real k₁ − k₃ and imaginary k₁ + k₂, to real numbers."""
    f = np.arange(pixels)[:, None] * np.arange(size // 2 + 1) * (2 * np.pi / size)
    twice = counted_twice(size)
    return of_three_products(twice * np.cos(f), -twice * np.sin(f)).astype(dtype)
