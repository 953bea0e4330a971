"""Diagrams of a convolution: which pixels an output is computed from, and how lowering arranges them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from helpers.plots.style import COLOURS, figure, with_alt

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure


def seven_loops() -> Figure:
    """The padded image with one window, the filter and the output, with the seven indices and their sizes."""
    h, w, r, s, u, v, pad = 5, 7, 3, 3, 2, 2, 1
    p, q = (h + 2 * pad - r) // u + 1, (w + 2 * pad - s) // v + 1
    at = 1, 2
    top, left = at[0] * u, at[1] * v
    fig = figure(9, 3.4)
    ax = fig.subplots()
    _grid(ax, 0, 0, h + 2 * pad, w + 2 * pad, "#f0f0f0")
    _grid(ax, pad, pad, h, w, "white")
    _frame(ax, top, left, r, s, COLOURS[1])
    both = {"arrowstyle": "<->", "color": COLOURS[1], "shrinkA": 0, "shrinkB": 0}
    ax.annotate("", (left, -0.45), (0, -0.45), arrowprops=both)
    ax.text(left / 2, -0.6, "q·v", ha="center", color=COLOURS[1])
    ax.annotate("", (-0.45, top), (-0.45, 0), arrowprops=both)
    ax.text(-0.6, top / 2, "p·u", ha="right", va="center", color=COLOURS[1])
    ax.text((w + 2 * pad) / 2, h + 2 * pad + 0.7, "image n, channel c\nH × W pixels, in a border of zeros", ha="center",
            va="top")  # fmt: skip
    x = w + 2 * pad + 2.2
    ax.text(x - 1.5, 3.5, "×", ha="center", va="center", fontsize=15)
    _grid(ax, 2, x, r, s, "white")
    _frame(ax, 2, x, r, s, COLOURS[1])
    ax.text(x + s / 2, 1.7, "s →", ha="center", color=COLOURS[1])
    ax.text(x - 0.15, 2 + r / 2, "r ↓", ha="right", va="center", color=COLOURS[1])
    ax.text(x + s / 2, 2 + r + 0.7, "filter k, channel c\nR × S", ha="center", va="top")
    x += s + 2.4
    ax.text(x - 1.3, 3.5, "=", ha="center", va="center", fontsize=15)
    _grid(ax, 2, x, p, q, "white")
    _frame(ax, 2 + at[0], x + at[1], 1, 1, COLOURS[0])
    ax.text(x + at[1] + 0.5, 2 + at[0] + 0.5, "p, q", ha="center", va="center", color=COLOURS[0])
    ax.text(x + q / 2, 2 + p + 0.7, "output n, filter k\nP × Q, summed over c, r, s", ha="center", va="top")
    _paper(ax, (-1.9, x + q + 1.2), (h + 2 * pad + 2.2, -1.3))
    return with_alt(
        fig,
        "Left an image with a border of zeros, in it a window of R by S pixels that begins p times u rows below and q "
        "times v columns right of the corner. It is multiplied entry by entry with the filter; the sum over r, s and "
        "all channels c is the output at row p, column q. Outputs differ in n, k, p and q.",
    )


def lowering() -> Figure:
    """A 3 × 3 image, its matrix D_m of four windows as columns, and the product with a 2 × 2 filter as a row."""
    image, filter_ = np.arange(1, 10).reshape(3, 3), np.array([1, 0, 0, 1])
    starts = [(0, 0), (0, 1), (1, 0), (1, 1)]
    lowered = np.array([image[i : i + 2, j : j + 2].ravel() for i, j in starts]).T
    fig = figure(9, 2.7)
    ax = fig.subplots()
    _grid(ax, 0.5, 0, 3, 3, "white", image)
    for i, (top, left) in enumerate(starts):
        inset = 0.06 + 0.07 * i
        _frame(ax, top + 0.5 + inset, left + inset, 2 - 2 * inset, 2 - 2 * inset, COLOURS[i])
    ax.text(1.5, 4.2, "one image, one channel:\nfour windows of 2 × 2", ha="center", va="top")
    ax.text(4.1, 2, "→", ha="center", va="center", fontsize=18)
    _grid(ax, 1.5, 5.2, 1, 4, "white", filter_[None])
    ax.text(7.2, 2.9, "F_m: K × CRS\na filter is a row", ha="center", va="top")
    ax.text(9.75, 2, "·", ha="center", va="center", fontsize=24)
    _grid(ax, 0, 10.3, 4, 4, "white", lowered)
    for i in range(4):
        _frame(ax, 0.06, 10.36 + i, 3.88, 0.88, COLOURS[i])
    ax.text(12.3, 4.2, "D_m: CRS × NPQ\na window is a column", ha="center", va="top")
    ax.text(14.95, 2, "=", ha="center", va="center", fontsize=15)
    _grid(ax, 1.5, 15.6, 1, 4, "white", (filter_ @ lowered)[None])
    for i in range(4):
        _frame(ax, 1.56, 15.66 + i, 0.88, 0.88, COLOURS[i])
    ax.text(17.6, 2.9, "O_m: K × NPQ", ha="center", va="top")
    _paper(ax, (-0.3, 19.9), (5.3, -0.2))
    rows = "; ".join(" ".join(map(str, row)) for row in lowered)
    return with_alt(
        fig,
        f"The image 1 2 3; 4 5 6; 7 8 9 has four windows of 2 by 2. As columns they make D_m, {rows}: the 5 in the "
        f"middle stands in every column. The filter 1 0; 0 1 is the row F_m, 1 0 0 1, and the product O_m is "
        f"{' '.join(map(str, filter_ @ lowered))}.",
    )


def _grid(ax: Axes, top: float, left: float, rows: int, columns: int, colour: str, numbers: Any = None) -> None:
    """Unit squares, with numbers in them."""
    from matplotlib.patches import Rectangle

    for i in range(rows):
        for j in range(columns):
            ax.add_patch(Rectangle((left + j, top + i), 1, 1, facecolor=colour, edgecolor="#999999", linewidth=0.8))
            if numbers is not None:
                ax.text(left + j + 0.5, top + i + 0.5, str(numbers[i, j]), ha="center", va="center")


def _frame(ax: Axes, top: float, left: float, rows: float, columns: float, colour: str) -> None:
    from matplotlib.patches import Rectangle

    ax.add_patch(Rectangle((left, top), columns, rows, fill=False, edgecolor=colour, linewidth=2.2, zorder=3))


def _paper(ax: Axes, x: tuple[float, float], y: tuple[float, float]) -> None:
    """Squares are square, rows go downwards, no axes."""
    ax.set_aspect("equal")
    ax.set_xlim(*x)
    ax.set_ylim(*y)
    ax.axis("off")
