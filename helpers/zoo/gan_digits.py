"""The GAN of `gan` on digits: a demonstration, judged by a classifier that has learned to read real ones.

Two dense networks and nothing more; a convolutional generator and discriminator (Radford, Metz and Chintala, *DCGAN*,
2016) draw sharper digits and take a GPU or an hour.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from helpers.backend import backend as make_backend
from helpers.nn import Dropout, Sigmoid, Softmax
from helpers.zoo.chain import Chain, batches, dense, train_classifier
from helpers.zoo.gan import GAN
from helpers.zoo.images import labelled
from helpers.zoo.outcome import Measured, Outcome

NOISE = 32


def on_images(inputs: int, hidden: int = 256, seed: int = 0) -> GAN:
    """noise 32 -> hidden -> pixels in 0…1, and pixels -> hidden, with dropout, so that D learns nothing by heart."""
    backend = make_backend("numpy")
    generator = Chain(*dense([NOISE, hidden, inputs], backend, seed).layers, Sigmoid())
    first, relu, last = dense([inputs, hidden, 1], backend, seed + 1).layers
    return GAN(generator, Chain(first, relu, Dropout(0.3, seed), last), NOISE)


def reader(images: np.ndarray, labels: np.ndarray, seed: int = 0) -> Chain:
    """A classifier of real digits: 784-64-10, a few epochs of Adam."""
    net = dense([images.shape[1], 64, 10], make_backend("numpy"), seed)
    train_classifier(net, images, labels, 5, 2e-3, seed=seed)
    return Chain(*net.layers, Softmax())


@dataclass(frozen=True)
class Size:
    train: int
    epochs: int
    classes: int
    sure: float


SIZES = {"full": Size(10_000, 20, 9, 75), "quick": Size(1000, 8, 2, 0)}


def run(size: str = "full", seed: int = 0, data: str = "mnist") -> Outcome:
    """Trains, and lets the classifier read 1000 made images."""
    s = SIZES[size]
    images, labels, *_ = labelled(data, s.train, 1)
    gan, rng = on_images(images.shape[1], seed=seed), np.random.default_rng([seed, 3])
    for step, _, here in batches(len(images), 100, s.epochs, seed):
        gan.step(images[here], rng, 5e-4, step)
    made = gan.make(np.random.default_rng([seed, 4]).standard_normal((1000, NOISE), np.float32))
    p = reader(images, labels, seed).forward(made)
    share = np.bincount(p.argmax(axis=1), minlength=10) / len(p)
    classes, sure = int((share >= 0.02).sum()), float(100 * p.max(axis=1).mean())
    return Outcome(
        [
            Measured("kinds of images with at least 2% of the made ones", classes, "of 10", at_least=s.classes),
            Measured("how sure a classifier is of them, mean", sure, "%", at_least=s.sure),
        ],
        picture(made[:40], images[:40], classes, sure),
    )


def picture(made: np.ndarray, real: np.ndarray, classes: int, sure: float) -> Any:
    """Made images beside real ones."""
    from helpers.plots.mosaic import show_images
    from helpers.plots.style import figure, with_alt

    fig = figure(8.5, 2.1)
    left, right = fig.subplots(1, 2)
    show_images(left, made, 10, f"Made: {classes} of 10 kinds, read with {sure:.0f}% certainty")
    show_images(right, real, 10, "Real")
    return with_alt(
        fig,
        f"Forty images that a GAN made beside forty real ones. A classifier finds {classes} of 10 kinds among the made "
        f"ones and is {sure:.0f}% sure of each, on average; strokes are rough and some are no digit.",
    )
