"""Pictures of the data itself."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from helpers.backend import to_numpy
from helpers.plots.style import figure, with_alt

if TYPE_CHECKING:
    from matplotlib.figure import Figure


def digits(data: Any, count: int = 20, columns: int = 10) -> Figure:
    """The first `count` training images of a Dataset, each under its label."""
    count = min(count, len(data.train_images))
    rows = -(-count // columns)
    side = round(int(to_numpy(data.train_images[0]).size) ** 0.5)
    fig = figure(7.0, 0.95 * rows + 0.3)
    fig.suptitle(f"The first {count} training images and their labels", fontsize=11)
    labels = [int(label) for label in to_numpy(data.train_labels[:count])]
    for i, label in enumerate(labels):
        ax = fig.add_subplot(rows, columns, i + 1)
        ax.imshow(to_numpy(data.train_images[i]).reshape(side, side), cmap="gray_r")
        ax.set_title(str(label), fontsize=10, pad=2)
        ax.axis("off")
    return with_alt(fig, f"{count} handwritten digits in {rows} rows, labelled {', '.join(map(str, labels))}.")
