"""Restricted Boltzmann machine (RBM): visible and hidden units, 0 or 1, with weights between the two kinds alone.

E(v, h) = −b·v − c·h − vᵀWh, and p(v, h) = exp(−E)/Z. Given one side, the units of the other are independent, and a
unit is 1 with the sigmoid of its input. Z sums over all states, so that the likelihood's gradient, ⟨vh⟩ of the data
minus ⟨vh⟩ of the model, is out of reach; contrastive divergence (CD-1) puts one step of sampling from the data in
place of the model. Hinton, *Training Products of Experts by Minimizing Contrastive Divergence* (2002), and *A Practical
Guide to Training Restricted Boltzmann Machines* (2010). On a toy small enough to sum over, both are exact here.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from helpers.zoo.chain import batches, sigmoid
from helpers.zoo.checks import check_loss, check_rows, check_size
from helpers.zoo.images import pixels
from helpers.zoo.outcome import Measured, Outcome
from helpers.zoo.toys import bars_and_stripes, states


class RBM:
    """weight (visible, hidden), b (visible,), c (hidden,). `gradients` are in the order of `parameters`."""

    def __init__(self, visible: int, hidden: int, seed: int = 0, dtype: Any = np.float32) -> None:
        check_size(visible=visible, hidden=hidden)
        rng = np.random.default_rng(seed)
        self.weight = (0.01 * rng.standard_normal((visible, hidden))).astype(dtype)
        self.b, self.c = np.zeros(visible, dtype), np.zeros(hidden, dtype)

    def parameters(self) -> list[np.ndarray]:
        return [self.weight, self.b, self.c]

    def hidden(self, v: np.ndarray) -> np.ndarray:
        """p(h = 1 | v), (N, visible) -> (N, hidden)."""
        return sigmoid(v @ self.weight + self.c)

    def visible(self, h: np.ndarray) -> np.ndarray:
        """p(v = 1 | h), (N, hidden) -> (N, visible)."""
        return sigmoid(h @ self.weight.T + self.b)

    def free_energy(self, v: np.ndarray) -> np.ndarray:
        """F(v) = −b·v − Σ_j log(1 + exp(c_j + v·w_j)), so that p(v) = exp(−F(v))/Z: (N, visible) -> (N,)."""
        return -v @ self.b - np.logaddexp(0, v @ self.weight + self.c).sum(axis=1)

    def free_energy_gradients(self, v: np.ndarray) -> list[np.ndarray]:
        """∂F/∂(weight, b, c), the mean over the rows."""
        h = self.hidden(v)
        return [-v.T @ h / len(v), -v.mean(axis=0), -h.mean(axis=0)]

    def cd1(self, v: np.ndarray, rng: np.random.Generator) -> tuple[list[np.ndarray], float]:
        """(the gradients that CD-1 descends, squared error of the reconstruction): v -> h -> v′ -> h′.

        Only h is drawn, each unit of each row with a number of its own, because h must pass on no more than bits; v′
        and h′ are probabilities, which say the same with less noise.
        """
        h = self.hidden(v)
        drawn = (rng.random(h.shape, np.float32) < h).astype(h.dtype)
        v1 = self.visible(drawn)
        h1 = self.hidden(v1)
        n = len(v)
        gradients = [(v1.T @ h1 - v.T @ h) / n, (v1 - v).mean(axis=0), (h1 - h).mean(axis=0)]
        return gradients, float(np.mean((v1 - v) ** 2))

    def sample(self, v: np.ndarray, steps: int, rng: np.random.Generator) -> np.ndarray:
        """p(v = 1) at the end of a Gibbs chain of so many steps from the rows of v."""
        p = v
        for _ in range(steps):
            h = self.hidden(v)
            p = self.visible((rng.random(h.shape) < h).astype(h.dtype))
            v = (rng.random(p.shape) < p).astype(p.dtype)
        return p

    def log_likelihood(self, v: np.ndarray) -> float:
        """Mean of log p(v) in nats, exactly, by summing over all 2^visible states; CourseError where there are more
        than a million."""
        energies = -self.free_energy(states(len(self.b)))
        top = energies.max()
        return float((-self.free_energy(v) - top - np.log(np.exp(energies - top).sum())).mean())

    def log_likelihood_gradients(self, v: np.ndarray) -> list[np.ndarray]:
        """Exact gradients of the mean log p(v), for a toy: ⟨−∂F⟩ of the data minus that of the model."""
        every = states(len(self.b))
        energies = -self.free_energy(every)
        p = np.exp(energies - energies.max())
        p /= p.sum()
        h = self.hidden(every)
        model = [every.T @ (p[:, None] * h), p @ every, p @ h]
        return [m_ - d for m_, d in zip((-m for m in model), self.free_energy_gradients(v), strict=True)]


def train(
    rbm: RBM, v: np.ndarray, epochs: int, lr: float = 0.1, batch: int = 100, momentum: float = 0.5, seed: int = 0
) -> list[float]:
    """CD-1 with momentum on rows of numbers in 0…1; the squared error of the reconstruction, epoch by epoch."""
    check_rows("RBM", v, len(rbm.b), 0, 1)
    rng = np.random.default_rng([seed, 7])
    moving = [np.zeros_like(p) for p in rbm.parameters()]
    errors: list[list[float]] = [[] for _ in range(epochs)]
    for step, epoch, here in batches(len(v), batch, epochs, seed):
        gradients, error = rbm.cd1(v[here], rng)
        errors[epoch].append(check_loss("The reconstruction error", error, step))
        for parameter, velocity, gradient in zip(rbm.parameters(), moving, gradients, strict=True):
            velocity *= momentum
            velocity -= lr * gradient
            parameter += velocity
    return [float(np.mean(e)) for e in errors]


def toy(updates: int, seed: int = 0, hidden: int = 12) -> tuple[float, float, float]:
    """Mean log p of bars and stripes, exactly: (before, after CD-1, the most that any model reaches)."""
    patterns = bars_and_stripes()
    rbm = RBM(patterns.shape[1], hidden, seed, np.float64)
    before = rbm.log_likelihood(patterns)
    train(rbm, np.tile(patterns, (8, 1)), updates, lr=0.1, batch=8 * len(patterns), seed=seed)
    return before, rbm.log_likelihood(patterns), -float(np.log(len(patterns)))


@dataclass(frozen=True)
class Size:
    train: int
    epochs: int
    hidden: int
    updates: int
    error: float
    likelihood: float


SIZES = {"full": Size(20_000, 5, 128, 1500, 0.02, -3.4), "quick": Size(1000, 5, 64, 1500, 0.06, -5.0)}


def run(size: str = "full", seed: int = 0, data: str = "mnist") -> Outcome:
    """CD-1 on images, with samples of a chain, and on a toy whose likelihood is exact."""
    s = SIZES[size]
    images, test = pixels(data, s.train, 500)
    rbm = RBM(images.shape[1], s.hidden, seed)
    train(rbm, images, s.epochs, seed=seed)
    error = float(np.mean((rbm.visible(rbm.hidden(test)) - test) ** 2))
    before, after, most = toy(s.updates, seed)
    made = rbm.sample(test[:12], 200 if size == "full" else 5, np.random.default_rng(seed))
    return Outcome(
        [
            Measured("squared error of a reconstructed test pixel", error, at_most=s.error),
            Measured("bars and stripes, exact mean log-likelihood before", before, "nats"),
            Measured("after CD-1", after, "nats", at_least=s.likelihood),
            Measured("the most that is possible", most, "nats"),
        ],
        picture(rbm, test[:12], made, error, after, most),
    )


def picture(rbm: RBM, test: Any, made: Any, error: float, after: float, most: float) -> Any:
    """Reconstructions and samples, and the filters of some hidden units."""
    from helpers.plots.mosaic import show_images, show_rows
    from helpers.plots.style import figure, with_alt

    fig = figure(9, 2.4)
    left, right = fig.subplots(1, 2, width_ratios=(3, 1))
    rows = {"image": test, "reconstruction": rbm.visible(rbm.hidden(test)), "after 200 steps": made}
    show_rows(left, rows, f"Through {len(rbm.c)} hidden units (squared error of a pixel {error:.4f})")
    filters = rbm.weight.T[:25]
    top = float(np.abs(filters).max())
    show_images(right, filters, 5, "Weights of 25 hidden units", "PuOr", vmin=-top, vmax=top)
    return with_alt(
        fig,
        f"Twelve test digits, their reconstructions by an RBM (squared error of a pixel {error:.4f}) and the state of "
        "Gibbs chains that began at them; beside them the weights of 25 hidden units, small spots and strokes. On bars "
        f"and stripes the exact log-likelihood is {after:.2f} nats; at most {most:.2f} is possible.",
    )
