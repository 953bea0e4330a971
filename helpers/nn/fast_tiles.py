"""Views of arrays in which np.matmul multiplies small matrices, many in one call, without copying anything.

OpenBLAS, numpy's matrix product, copies its operands into packed panels before it multiplies. That pays for large
matrices. Small ones it multiplies where they lie, as long as rows × columns × inner is at most `SMALL`; with a
transposed right operand, as long as the result is small. In a small network the copying costs a fifth to a third of the
product, so products that are a little too large are cut into tiles.
"""

from __future__ import annotations

import numpy as np
from numpy.lib.stride_tricks import as_strided

SMALL = 100**3
SMALL_RESULT = 1024


def largest_divisor(length: int, limit: float) -> int:
    """The largest divisor of `length` that is at most `limit`, at least 8; the whole length where there is none."""
    good = [m for m in range(8, length + 1) if length % m == 0 and m <= limit]
    return max(good, default=length)


def overlapping(rows: np.ndarray, count: int, r: int) -> np.ndarray:
    """View (2, count, r·depth, columns) of rows (2, …, depth, columns): r rows at a time, each set one row after the
    last.
    """
    _, height, depth, columns = rows.shape
    item = rows.itemsize  # strides of axes of size 1 may hold anything, so they are counted
    row, step = columns * item, depth * columns * item
    return as_strided(rows, (2, count, r * depth, columns), (height * step, step, row, item))


def row_tiles(a: np.ndarray, tile: int) -> np.ndarray:
    """View (…, tiles, tile, columns) of a (…, rows, columns)."""
    *outer, rows, columns = a.shape
    *steps, row, item = a.strides
    return as_strided(a, (*outer, rows // tile, tile, columns), (*steps, tile * row, row, item))


def column_tiles(a: np.ndarray, tile: int) -> np.ndarray:
    """View (…, tiles, rows, tile) of a (…, rows, columns)."""
    *outer, rows, columns = a.shape
    *steps, row, item = a.strides
    return as_strided(a, (*outer, columns // tile, rows, tile), (*steps, tile * item, row, item))
