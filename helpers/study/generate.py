"""Generate: the autoencoder by the width of its code, the VAE by that of its, the RBM's exact likelihood, GANs by seed.

Runs are distributed over the cores, or over a Dask cluster with --scheduler. What is finished is kept in OUT/runs, and
--fresh makes it anew.
"""

from __future__ import annotations

import argparse
import hashlib
import statistics
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import cache, partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from helpers.command import count
from helpers.errors import CourseError
from helpers.study import files
from helpers.study.carry_out import add_options as add_run_options
from helpers.study.carry_out import carry_out_for
from helpers.study.task import Task
from helpers.zoo import autoencoder, gan, rbm, vae
from helpers.zoo.images import pixels
from helpers.zoo.toys import bars_and_stripes

if TYPE_CHECKING:
    from matplotlib.figure import Figure

WIDTHS, LATENTS = (2, 8, 32, 64), (2, 5, 10, 20)
GANS = {"one at a time": (1, 1e-3, 0.9), "four at a time": (4, 1e-3, 0.9), "one, momentum 0.5": (1, 2e-3, 0.5)}
"""What the discriminator sees -> (points at a time, learning rate, Adam's momentum)."""
EVERY = 100
"""Updates of the toy RBM between two looks at its likelihood."""


@dataclass(frozen=True)
class GenerateRun(Task):
    """One training. network: "autoencoder", "VAE", "RBM" or "GAN"; setting: width of the code, or a key of GANS.

    images: for training and for testing; length: epochs, updates (RBM) or steps (GAN).
    """

    label: str
    seed: int
    network: str
    setting: int | str
    images: tuple[int, int]
    length: int
    epochs: int = 1

    @property
    def cost(self) -> float:
        return self.length * (self.images[0] if self.network in ("autoencoder", "VAE") else 64)

    def perform(self, on_epoch: Callable[[Any], None] | None = None) -> dict[str, Any]:
        """What was measured; it depends on this record alone."""
        train = {"autoencoder": self._autoencoder, "VAE": self._vae, "RBM": self._rbm, "GAN": self._gan}[self.network]
        result = train()
        if on_epoch:
            on_epoch(None)
        return result

    def pack(self, result: dict[str, Any]) -> dict[str, Any]:
        return result

    def unpack(self, values: dict[str, Any]) -> dict[str, Any]:
        return values

    def record(self) -> dict[str, Any]:
        return {**super().record(), "images": list(self.images), "zoo": _code_of_the_zoo()}

    def _autoencoder(self) -> dict[str, Any]:
        images, test = _pixels(self.images)
        net = autoencoder.Autoencoder(width=int(self.setting), seed=self.seed)
        autoencoder.train(net, images, self.length, seed=self.seed)
        mean, components = autoencoder.pca(images, int(self.setting))
        linear = mean + (test - mean) @ components.T @ components
        return {"error": autoencoder.error(test, net.forward(test)), "PCA": autoencoder.error(test, linear)}

    def _vae(self) -> dict[str, Any]:
        images, test = _pixels(self.images)
        net = vae.VAE(latent=int(self.setting), seed=self.seed)
        vae.train(net, images, self.length, seed=self.seed)
        noise = np.random.default_rng(self.seed).standard_normal((len(test), net.latent), np.float32)
        missed, kl = net.loss(test, noise)
        return {"bound": -missed - kl, "KL": kl}

    def _rbm(self) -> dict[str, Any]:
        machine, v = rbm.RBM(9, 12, self.seed, np.float64), np.tile(bars_and_stripes(), (8, 1))
        rng = np.random.default_rng([self.seed, 7])
        curve = [machine.log_likelihood(v)]
        for step in range(1, self.length + 1):
            for parameter, gradient in zip(machine.parameters(), machine.cd1(v, rng)[0], strict=True):
                parameter -= 0.2 * gradient
            if step % EVERY == 0:
                curve.append(machine.log_likelihood(v))
        return {"curve": curve}

    def _gan(self) -> dict[str, Any]:
        pack, lr, beta1 = GANS[str(self.setting)]
        net = gan.on_gaussians(pack, beta1=beta1, seed=self.seed)
        gan.train(net, self.length, lr=lr, seed=self.seed)
        modes, near = gan.found(net.make(np.random.default_rng(4).standard_normal((1000, net.noise), np.float32)))
        return {"found": modes, "near": near}


@cache
def _pixels(images: tuple[int, int]) -> tuple[np.ndarray, np.ndarray]:
    return pixels("mnist", *images)


@cache
def _code_of_the_zoo() -> str:
    sources = sorted(Path(rbm.__file__).parent.glob("*.py"))
    return hashlib.sha256(b"".join(path.read_bytes() for path in sources)).hexdigest()


def add_options(parser: argparse.ArgumentParser) -> None:
    """What is its own: seeds, and training images."""
    parser.add_argument("--seeds", type=count, help="seeds of each setting (default 10; images: at most 3)")
    parser.add_argument("--train", type=count, help="training images of autoencoder and VAE (default 20000)")
    add_run_options(parser)


def plan(quick: bool, seeds: int | None = None, train: int | None = None) -> list[GenerateRun]:
    """The runs. CourseError for more images than MNIST has, and for one seed."""
    if train is not None and train > 60_000:
        raise CourseError(f"--train {train} is more than MNIST's 60000 images; ask for fewer.")
    if seeds == 1:
        raise CourseError("One seed shows no spread; ask for at least --seeds 2.")
    many = seeds or (2 if quick else 10)
    images = (train or (500 if quick else 20_000), 200 if quick else 2_000)
    lengths = {"autoencoder": 1, "VAE": 1, "RBM": 300, "GAN": 60} if quick else \
        {"autoencoder": 6, "VAE": 8, "RBM": 6_000, "GAN": 3_000}  # fmt: skip
    settings: dict[str, Sequence[int | str]] = {
        "autoencoder": WIDTHS, "VAE": LATENTS, "RBM": (12,), "GAN": tuple(GANS)
    }  # fmt: skip
    return [
        GenerateRun(f"{network} {setting}", seed, network, setting, images, lengths[network])
        for network in settings
        for setting in settings[network]
        for seed in range(min(many, 3) if network in ("autoencoder", "VAE") else many)
    ]


def main(options: argparse.Namespace) -> None:
    """Train, print the tables, draw, write runs.csv."""
    runs = plan(options.quick, options.seeds, options.train)
    results = carry_out_for(options, runs)
    print("\n".join(report(runs, results)))
    rows = ({"network": r.network, "setting": r.setting, "seed": r.seed, **told(r, f)}
            for r, f in zip(runs, results, strict=True))  # fmt: skip
    files.write(options.out, partial(figures, runs, results), {"runs.csv": rows})


def told(run: GenerateRun, found: dict[str, Any]) -> dict[str, Any]:
    """The numbers of a run: of the curve its best and its last."""
    if run.network != "RBM":
        return found
    return {"best": max(found["curve"]), "last": found["curve"][-1]}


def _values(runs: Sequence[GenerateRun], results: Sequence[dict[str, Any]], network: str, what: str) -> dict[Any, Any]:
    """setting -> what was measured, seed by seed."""
    found: dict[Any, list[Any]] = {}
    for run, result in zip(runs, results, strict=True):
        if run.network == network:
            found.setdefault(run.setting, []).append(told(run, result).get(what, result.get(what)))
    return found


def report(runs: Sequence[GenerateRun], results: Sequence[dict[str, Any]]) -> Iterator[str]:
    """The lines that the command prints: the mean over the seeds, and the lowest and the highest."""
    for network, what, unit in (
        ("autoencoder", "error", ""), ("autoencoder", "PCA", ""), ("VAE", "bound", " nats"), ("VAE", "KL", " nats"),
        ("RBM", "best", " nats"), ("RBM", "last", " nats"), ("GAN", "found", " of 8"), ("GAN", "near", ""),
    ):  # fmt: skip
        for setting, values in _values(runs, results, network, what).items():
            mean = statistics.fmean(values)
            spread = f"({min(values):.4g} to {max(values):.4g}, {len(values)} seeds)"
            yield f"{network:12}{setting!s:>18}  {what:6}{mean:9.4g}{unit} {spread}"


def figures(runs: Sequence[GenerateRun], results: Sequence[dict[str, Any]]) -> dict[str, Figure]:
    """File name -> figure."""
    from helpers import plots

    curves = _values(runs, results, "RBM", "curve")[12]
    errors = {name: _values(runs, results, "autoencoder", what)
              for name, what in (("autoencoder", "error"), ("PCA", "PCA"))}  # fmt: skip
    return {
        "toy_likelihood.png": plots.likelihood_of_seeds(EVERY, curves),
        "code_width.png": plots.by_setting(errors, "Squared error of a test pixel", "numbers in the code",
                                           "squared error"),
        "vae_code.png": plots.by_setting({"bound": _values(runs, results, "VAE", "bound")}, "Bound of a test image",
                                         "numbers in the code", "bound (nats)"),
        "gan_seeds.png": plots.found_by_seed(_values(runs, results, "GAN", "found")),
    }  # fmt: skip
