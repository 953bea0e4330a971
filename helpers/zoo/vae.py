"""Variational autoencoder (VAE): the code of an image is a distribution, and codes drawn from N(0, 1) make new images.

The encoder gives the mean μ and log σ² of q(z|x), z = μ + σ·ε is drawn with noise ε of its own for each image, and the
decoder gives the probability of each pixel. What grows is the bound on the likelihood,

    log p(x) ≥ E_q[log p(x|z)] − KL(q(z|x) ‖ N(0, 1)),    KL = ½ Σ (μ² + σ² − log σ² − 1),

both summed over pixels and over the code's dimensions, the mean over the batch. Kingma and Welling, *Auto-Encoding
Variational Bayes* (2014).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from helpers.backend import Backend
from helpers.backend import backend as make_backend
from helpers.nn import Adam
from helpers.zoo.chain import batches, dense, sigmoid
from helpers.zoo.checks import check_loss, check_rows, check_size
from helpers.zoo.images import labelled
from helpers.zoo.outcome import Measured, Outcome


class VAE:
    """x (N, inputs) in 0…1 -> hidden -> μ, log σ² (N, latent each); z (N, latent) -> hidden -> logits (N, inputs)."""

    def __init__(
        self, inputs: int = 784, hidden: int = 256, latent: int = 2, backend: Backend | None = None, seed: int = 0
    ) -> None:
        check_size(inputs=inputs, hidden=hidden, latent=latent)
        backend = backend or make_backend("numpy")
        self.inputs, self.latent = inputs, latent
        self.encoder = dense([inputs, hidden, 2 * latent], backend, seed)
        self.decoder = dense([latent, hidden, inputs], backend, seed + 1)
        self.layers = [*self.encoder.layers, *self.decoder.layers]

    def encode(self, x: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """μ and log σ² of q(z|x), (N, latent) each."""
        both = self.encoder.forward(x)
        return both[:, : self.latent], both[:, self.latent :]

    def decode(self, z: np.ndarray) -> np.ndarray:
        """Probability of each pixel, (N, latent) -> (N, inputs)."""
        return sigmoid(self.decoder.forward(z))

    def loss(self, x: np.ndarray, noise: np.ndarray) -> tuple[float, float]:
        """(−E[log p(x|z)], KL) in nats an image, and the gradients of their sum in every layer.

        noise: N(0, 1), (N, latent), one row for each image.
        """
        n = len(x)
        mean, log_variance = self.encode(x)
        sigma = np.exp(0.5 * log_variance)
        logits = self.decoder.forward(mean + sigma * noise)
        # −log p of a pixel is log(1 + e^logit) − x·logit; its derivative is sigmoid(logit) − x.
        missed = float((np.logaddexp(0, logits) - x * logits).sum() / n)
        grad_z = self.decoder.backward((sigmoid(logits) - x) / n)
        kl = float(0.5 * (mean * mean + sigma * sigma - log_variance - 1).sum() / n)
        # z depends on μ directly and on log σ² through σ = exp(½ log σ²), whose derivative is ½σ.
        grad_mean = grad_z + mean / n
        grad_log_variance = grad_z * noise * 0.5 * sigma + 0.5 * (sigma * sigma - 1) / n
        self.encoder.backward(np.concatenate([grad_mean, grad_log_variance], axis=1))
        return missed, kl

    def log_likelihood(self, x: np.ndarray, samples: int, rng: np.random.Generator) -> float:
        """Mean over images of log (1/S) Σ_s p(x|z_s) p(z_s)/q(z_s|x), z_s from q: below log p(x) on average, above the
        bound, and closer to log p(x) the more samples (Burda, Grosse and Salakhutdinov 2016)."""
        mean, log_variance = self.encode(x)
        logs = []
        for _ in range(samples):
            noise = rng.standard_normal(mean.shape)
            z = mean + np.exp(0.5 * log_variance) * noise
            logits = self.decoder.forward(z.astype(x.dtype))
            pixels = (x * logits - np.logaddexp(0, logits)).sum(axis=1)
            logs.append(pixels + 0.5 * (noise * noise - z * z + log_variance).sum(axis=1))
        top = np.max(logs, axis=0)
        return float((top + np.log(np.mean(np.exp(logs - top), axis=0))).mean())


def train(net: VAE, images: np.ndarray, epochs: int, lr: float = 2e-3, batch: int = 100, seed: int = 0) -> list[float]:
    """Adam on images in 0…1; the bound in nats an image, the mean of each epoch."""
    check_rows("VAE", images, net.inputs, 0, 1)
    optimiser, rng = Adam(net.layers), np.random.default_rng([seed, 5])
    bounds: list[list[float]] = [[] for _ in range(epochs)]
    for step, epoch, here in batches(len(images), batch, epochs, seed):
        noise = rng.standard_normal((len(here), net.latent), images.dtype.type)
        missed, kl = net.loss(images[here], noise)
        bounds[epoch].append(-check_loss("The reconstruction's loss", missed, step) - check_loss("The KL", kl, step))
        optimiser.step(lr)
    return [float(np.mean(b)) for b in bounds]


@dataclass(frozen=True)
class Size:
    train: int
    test: int
    epochs: int
    goal: float


SIZES = {"full": Size(20_000, 1000, 10, -165.0), "quick": Size(1000, 300, 12, -215.0)}


def run(size: str = "full", seed: int = 0, data: str = "mnist") -> Outcome:
    """Trains with a code of two numbers, whose map can be drawn."""
    s = SIZES[size]
    images, _, test, labels = labelled(data, s.train, s.test)
    net = VAE(seed=seed)
    train(net, images, s.epochs, seed=seed)
    rng = np.random.default_rng(seed)
    missed, kl = net.loss(test, rng.standard_normal((len(test), net.latent), np.float32))
    better = net.log_likelihood(test, 50 if size == "full" else 5, rng)
    return Outcome(
        [
            Measured("bound on log p of a test image", -missed - kl, "nats", at_least=s.goal, digits=4),
            Measured("of it the KL", kl, "nats"),
            Measured("log p of a test image, weighted samples", better, "nats", digits=4),
        ],
        picture(net, net.encode(test)[0], labels, -missed - kl),
    )


def picture(net: VAE, codes: np.ndarray, labels: np.ndarray, bound: float) -> Any:
    """The images that lie at each point of the code, and where test images lie."""
    from helpers.plots.mosaic import show_images
    from helpers.plots.style import axes, figure, with_alt

    side = np.linspace(-2, 2, 15)
    grid = np.array([(a, b) for b in side[::-1] for a in side], np.float32)
    fig = figure(9, 4.3)
    left, right = fig.subplots(1, 2)
    show_images(left, net.decode(grid), len(side), "Images decoded from a 2-D code, −2…2 in both directions")
    # Ten colours can't be told apart: each digit is its own marker.
    from matplotlib import colormaps

    colours = colormaps["cividis"](np.linspace(0, 0.9, 10))
    for label in range(10):
        own = codes[labels == label][:60]
        right.scatter(own[:, 0], own[:, 1], 28, marker=f"${label}$", color=colours[label], linewidths=0.3)
    axes(right, f"Codes of test images (bound −{-bound:.0f} nats an image)", "first number", "second number")
    right.set_aspect("equal", adjustable="datalim")
    return with_alt(
        fig,
        "Left a map of 15 by 15 images, decoded from a grid of two-dimensional codes: digits that change smoothly into "
        "each other. Right the codes of test images, each drawn as its digit; the same digits lie together, some "
        f"overlap. The bound is −{-bound:.0f} nats an image.",
    )
