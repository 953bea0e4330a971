"""Autoencoder: a network that is trained to give back its input through a narrow layer.

What the narrow layer keeps is a code of the image. With linear layers alone the best code is that of principal
components (PCA); what the ReLUs add is measured against it. Hinton and Salakhutdinov, *Reducing the Dimensionality of
Data with Neural Networks* (2006).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from helpers.backend import Backend
from helpers.backend import backend as make_backend
from helpers.nn import Adam
from helpers.zoo.chain import batches, dense
from helpers.zoo.checks import check_loss, check_rows, check_size
from helpers.zoo.images import pixels
from helpers.zoo.outcome import Measured, Outcome


class Autoencoder:
    """x -> ReLU(hidden) -> code (width) -> ReLU(hidden) -> x̂; the loss is ½|x̂ − x|², the mean over the batch."""

    def __init__(
        self, inputs: int = 784, hidden: int = 256, width: int = 32, backend: Backend | None = None, seed: int = 0
    ) -> None:
        check_size(inputs=inputs, hidden=hidden, width=width)
        backend = backend or make_backend("numpy")
        self.inputs = inputs
        self.encoder = dense([inputs, hidden, width], backend, seed)
        self.decoder = dense([width, hidden, inputs], backend, seed + 1)
        self.layers = [*self.encoder.layers, *self.decoder.layers]

    def forward(self, x: np.ndarray) -> np.ndarray:
        """x̂ of x, both (N, inputs)."""
        return self.decoder.forward(self.encoder.forward(x))

    def loss(self, x: np.ndarray) -> float:
        """½|x̂ − x|², and the gradients of its mean over the batch in every layer."""
        difference = self.forward(x) - x
        self.encoder.backward(self.decoder.backward(difference / len(x)))
        return float(0.5 * (difference * difference).sum() / len(x))


def train(net: Autoencoder, images: np.ndarray, epochs: int, lr: float = 2e-3, batch: int = 100, seed: int = 0) -> None:
    """Adam on images (N, inputs). CourseError for images that hold NaN, and for a loss that blows up."""
    check_rows("autoencoder", images, net.inputs)
    optimiser = Adam(net.layers)
    for step, _, here in batches(len(images), batch, epochs, seed):
        check_loss("The reconstruction's loss", net.loss(images[here]), step)
        optimiser.step(lr)


def pca(images: np.ndarray, width: int) -> tuple[np.ndarray, np.ndarray]:
    """(mean (D,), components (width, D)) of images (N, D): no linear code of that width reconstructs them better."""
    mean = images.mean(axis=0)
    centred = images - mean
    _, vectors = np.linalg.eigh(centred.T @ centred)  # ascending
    return mean, vectors[:, ::-1][:, :width].T


def error(images: np.ndarray, reconstructed: np.ndarray) -> float:
    """Mean squared error of a pixel (0…1)."""
    return float(np.mean((images - reconstructed) ** 2))


@dataclass(frozen=True)
class Size:
    train: int
    test: int
    epochs: int
    hidden: int
    width: int
    goal: float


SIZES = {"full": Size(30_000, 5000, 16, 256, 32, 0.75), "quick": Size(1000, 500, 20, 128, 4, 0.95)}


def run(size: str = "full", seed: int = 0, data: str = "mnist") -> Outcome:
    """Trains at this size, and compares with PCA of the same width on test images."""
    s = SIZES[size]
    images, test = pixels(data, s.train, s.test)
    net = Autoencoder(hidden=s.hidden, width=s.width, seed=seed)
    train(net, images, s.epochs, seed=seed)
    mean, components = pca(images, s.width)
    ours, linear = net.forward(test), mean + (test - mean) @ components.T @ components
    e, p = error(test, ours), error(test, linear)
    return Outcome(
        [
            Measured("squared error of a pixel, autoencoder", e),
            Measured(f"squared error of a pixel, PCA with {s.width} components", p),
            Measured("autoencoder ÷ PCA", e / p, at_most=s.goal),
        ],
        picture(test[:12], linear[:12], ours[:12], s.width, e, p),
    )


def picture(images: Any, linear: Any, ours: Any, width: int, e: float, p: float) -> Any:
    """Test images above what both make of them."""
    from helpers.plots.mosaic import show_rows
    from helpers.plots.style import figure, with_alt

    fig = figure(8, 2.3)
    title = f"Images through {width} numbers (squared error of a pixel: PCA {p:.4f}, autoencoder {e:.4f})"
    show_rows(fig.subplots(), {"image": images, "PCA": linear, "autoencoder": ours}, title)
    return with_alt(
        fig,
        f"{len(images)} test images, below them what PCA and an autoencoder reconstruct from {width} numbers. Squared "
        f"error of a pixel: PCA {p:.4f}, autoencoder {e:.4f}.",
    )
