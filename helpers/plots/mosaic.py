"""Images side by side."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from matplotlib.axes import Axes


def mosaic(images: Any, columns: int, gap: int = 2, blank: float = np.nan) -> np.ndarray:
    """Square images (N, side·side) or (N, side, side) as one picture, row by row, `gap` pixels apart."""
    images = np.asarray(images, dtype=float)
    side = round(images[0].size ** 0.5)
    rows = -(-len(images) // columns)
    step = side + gap
    picture = np.full((rows * step - gap, columns * step - gap), blank)
    for i, image in enumerate(images):
        top, left = i // columns * step, i % columns * step
        picture[top : top + side, left : left + side] = image.reshape(side, side)
    return picture


def show_images(ax: Axes, images: Any, columns: int, title: str = "", cmap: str = "gray_r", **limits: Any) -> None:
    """The images in `columns` columns, without axes."""
    ax.imshow(mosaic(images, columns), cmap=cmap, interpolation="nearest", **(limits or {"vmin": 0, "vmax": 1}))
    ax.set_title(title, fontsize=10)
    ax.axis("off")


def show_rows(ax: Axes, rows: Mapping[str, Any], title: str = "") -> None:
    """One row of images for each name, which stands on its left."""
    every = [image for images in rows.values() for image in images]
    columns = len(next(iter(rows.values())))
    side = round(np.asarray(every[0]).size ** 0.5)
    show_images(ax, every, columns, title)
    for i, name in enumerate(rows):
        ax.text(-3, i * (side + 2) + side / 2, name, ha="right", va="center", fontsize=9)
