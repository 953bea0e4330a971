"""Generative adversarial network (GAN): a generator makes points of noise, a discriminator tells them from real ones.

The discriminator D descends −log D(real) − log(1 − D(made)). The generator descends −log D(made), whose gradient is
strong while it is bad, instead of log(1 − D(made)); its gradient runs back through D, which stands still meanwhile.
Goodfellow and others, *Generative Adversarial Nets* (2014).

On eight Gaussians one sees what goes wrong: the generator serves a few of them and leaves out the rest, for D judges
each point alone and can't see that others are missing (mode collapse). The cure here is to show D `pack` points at
once, so that it sees the lack of variety: Lin, Khetan, Fanti and Oh, *PacGAN* (2018).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from helpers.backend import Backend
from helpers.backend import backend as make_backend
from helpers.nn import Adam
from helpers.zoo.chain import Chain, dense, sigmoid
from helpers.zoo.checks import check_loss, check_size
from helpers.zoo.outcome import Measured, Outcome
from helpers.zoo.toys import MODES, SPREAD, gaussians


class GAN:
    """generator: (N, noise) -> (N, outputs); discriminator: (N/pack, pack·outputs) -> logits (N/pack, 1)."""

    def __init__(self, generator: Chain, discriminator: Chain, noise: int, pack: int = 1, beta1: float = 0.5) -> None:
        check_size(noise=noise, pack=pack)
        self.generator, self.discriminator, self.noise, self.pack = generator, discriminator, noise, pack
        self.optimisers = Adam(generator.layers, beta1), Adam(discriminator.layers, beta1)

    def make(self, noise: np.ndarray) -> np.ndarray:
        """Points (N, outputs) of noise (N, noise) from N(0, 1)."""
        return self.generator.forward(noise)

    def judge(self, points: np.ndarray) -> np.ndarray:
        """Logits of "these `pack` points are real", (N/pack, 1): points that follow each other are judged together."""
        return self.discriminator.forward(points.reshape(len(points) // self.pack, -1))

    def discriminator_loss(self, real: np.ndarray, made: np.ndarray) -> float:
        """Mean of −log D(real) plus mean of −log(1 − D(made)), and its gradients in the discriminator alone."""
        logits = self.judge(np.concatenate([real, made]))
        n = len(logits) // 2
        label = np.repeat(np.array([[1.0], [0.0]], logits.dtype), n, axis=0)
        # −log sigmoid(a) = log(1 + e^−a); of both losses the derivative is sigmoid(a) − label.
        self.discriminator.backward((sigmoid(logits) - label) / n)
        return float((np.logaddexp(0, logits) - label * logits).sum() / n)

    def generator_loss(self, noise: np.ndarray) -> float:
        """Mean of −log D(made), and its gradients in the generator (those that pass D are left unused)."""
        made = self.make(noise)
        logits = self.judge(made)
        gradient = self.discriminator.backward((sigmoid(logits) - 1) / len(logits))
        self.generator.backward(gradient.reshape(made.shape))
        return float(np.logaddexp(0, -logits).mean())

    def step(self, real: np.ndarray, rng: np.random.Generator, lr: float, count: int) -> tuple[float, float]:
        """One step of the discriminator, one of the generator, on new noise each; (their losses). count: for errors."""
        noise = rng.standard_normal((2, len(real), self.noise), real.dtype.type)
        d = self.discriminator_loss(real, self.make(noise[0]))
        self.optimisers[1].step(lr)
        g = self.generator_loss(noise[1])
        self.optimisers[0].step(lr)
        return check_loss("The discriminator's loss", d, count), check_loss("The generator's loss", g, count)


def on_gaussians(
    pack: int, hidden: int = 64, noise: int = 8, beta1: float = 0.9, backend: Backend | None = None, seed: int = 0
) -> GAN:
    """A GAN of two small networks for points in the plane."""
    backend = backend or make_backend("numpy")
    check_size(pack=pack)
    generator = dense([noise, hidden, hidden, 2], backend, seed)
    return GAN(generator, dense([2 * pack, hidden, hidden, 1], backend, seed + 1), noise, pack, beta1)


def found(points: np.ndarray) -> tuple[int, float]:
    """(Gaussians that get at least 2% of the points, share of points within 4 standard deviations of one)."""
    distance = np.linalg.norm(points[:, None] - MODES, axis=2)
    near = distance.min(axis=1) < 4 * SPREAD
    share = np.bincount(distance.argmin(axis=1)[near], minlength=8) / len(points)
    return int((share >= 0.02).sum()), float(near.mean())


def train(gan: GAN, steps: int, batch: int = 128, lr: float = 1e-3, seed: int = 0) -> None:
    """Steps on points that are drawn anew each time."""
    rng = np.random.default_rng([seed, 3])
    for step in range(steps):
        gan.step(gaussians(batch, rng), rng, lr, step)


@dataclass(frozen=True)
class Size:
    steps: int
    hidden: int
    lr: float
    beta1: float
    packs: tuple[int, ...]
    seeds: int
    modes: float
    near: float


SIZES = {"full": Size(3000, 64, 1e-3, 0.9, (1, 4), 3, 7, 0.25), "quick": Size(800, 32, 3e-3, 0.5, (4,), 1, 6, 0.25)}


def run(size: str = "full", seed: int = 0, data: str = "mnist") -> Outcome:
    """Eight Gaussians with a discriminator that sees one point at a time, and with one that sees four."""
    s = SIZES[size]
    results: dict[int, list[tuple[int, float]]] = {}
    clouds: dict[int, np.ndarray] = {}
    for pack in s.packs:
        results[pack] = []
        for i in range(s.seeds):
            gan = on_gaussians(pack, s.hidden, beta1=s.beta1, seed=seed + 10 * i)
            train(gan, s.steps, lr=s.lr, seed=seed + 10 * i)
            noise = np.random.default_rng([seed, 4]).standard_normal((1000, gan.noise), np.float32)
            results[pack].append(found(gan.make(noise)))
            clouds.setdefault(pack, gan.make(noise))
    measured = []
    for pack, rows in results.items():
        modes, near = (float(np.median(column)) for column in zip(*rows, strict=True))
        cured = pack == s.packs[-1]
        seeds = f"{s.seeds} seeds" if s.seeds > 1 else "one seed"
        who = f"discriminator sees {pack}"
        measured += [
            Measured(f"Gaussians found, {who}, median of {seeds}", modes, "of 8", at_least=s.modes if cured else None),
            Measured("points that lie on one", 100 * near, "%", at_least=100 * s.near if cured else None),
        ]
    words = [f"sees {pack}: " + ", ".join(f"{m} found, {100 * n:.0f}% on one" for m, n in rows)
             for pack, rows in results.items()]  # fmt: skip
    return Outcome(measured, picture(clouds, results), words)


def picture(clouds: dict[int, np.ndarray], results: dict[int, list[tuple[int, float]]]) -> Any:
    """Real and made points, one panel for each discriminator."""
    from helpers.plots.style import COLOURS, axes, figure, with_alt

    real = gaussians(1000, np.random.default_rng(0))
    fig = figure(4 * len(clouds), 4)
    said = []
    for ax, (pack, points) in zip(np.atleast_1d(fig.subplots(1, len(clouds))), clouds.items(), strict=True):
        ax.plot(*real.T, "o", color="#999999", markersize=3, label="real")
        ax.plot(*points.T, ".", color=COLOURS[1], markersize=3, label="made")
        modes, near = results[pack][0]
        what = f"Judged {pack} at a time" if pack > 1 else "Judged one by one"
        axes(ax, f"{what}: {modes} of 8 found", "x (circle's radius = 1)", "y")
        ax.set_xlim(-1.6, 1.6)
        ax.set_ylim(-1.6, 1.6)
        ax.set_aspect("equal")
        said.append(f"{what.lower()}, the generator finds {modes}, and {100 * near:.0f}% of its points lie there")
        ax.legend(frameon=False, loc="center")
    return with_alt(fig, f"Eight Gaussians on a circle and 1000 made points. {'; '.join(said).capitalize()}.")
