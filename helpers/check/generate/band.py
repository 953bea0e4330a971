"""python -m helpers.check.generate.band: train the toy RBM of `generate` with 30 seeds, keep where the curves lie."""

from __future__ import annotations

import json

import numpy as np

from helpers.check.core.bands import band_of
from helpers.check.generate.likelihood import BAND, toy_start
from helpers.zoo.rbm import RBM

SEEDS = 30
UPDATES, EVERY, LR = 6000, 100, 0.2


def curve(seed: int) -> list[float]:
    """Exact log-likelihoods before, and after every 100 updates."""
    v, (weight, _, _) = toy_start(seed)
    rbm, rng = RBM(9, 12, dtype=np.float64), np.random.default_rng(seed)
    rbm.weight[...] = weight
    found = [rbm.log_likelihood(v)]
    for step in range(1, UPDATES + 1):
        for parameter, gradient in zip(rbm.parameters(), rbm.cd1(v, rng)[0], strict=True):
            parameter -= LR * gradient
        if step % EVERY == 0:
            found.append(rbm.log_likelihood(v))
    return found


def main() -> None:
    curves = np.array([curve(1000 + seed) for seed in range(SEEDS)])
    BAND.write_text(json.dumps(band_of(curves)) + "\n")


if __name__ == "__main__":
    main()
