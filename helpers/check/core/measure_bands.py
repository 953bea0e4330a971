"""python -m helpers.check.core.measure_bands: train with many seeds and keep where their curves lie (about 25
minutes)."""

from __future__ import annotations

import argparse
import json
from typing import Any

from helpers.check.core.bands import CURVES, FILE, RATE, band_of, roughness

SEEDS = 30
OTHERS = (1.0, 0.5, 0.01, 0.001)
"""Rates that are measured, too, so that a curve from one of them can be told as such."""


def measure(size: str, rate: float, seeds: int) -> tuple[dict[str, Any], float]:
    """Lowest and highest value of each curve at each epoch over the seeds 1000, 1001, …, and the roughest training
    loss."""
    import numpy as np
    from tqdm import tqdm

    from helpers.data import load
    from helpers.nn import fast_mlp
    from helpers.train import fit, study_size

    chosen = study_size(size)
    data = load("mnist", train=chosen.train, test=chosen.test)
    runs = []
    for seed in tqdm(range(1000, 1000 + seeds), desc=f"seeds, {size}, rate {rate:g}", disable=None):
        network = fast_mlp.FastMLP((784, 512, 128, 10), seed=seed)
        runs.append(
            fit(
                network,
                fast_mlp.train_epoch,
                fast_mlp.evaluate,
                data,
                lr=rate,
                epochs=chosen.epochs,
                seed=seed,
                progress=False,
            )
        )
    found = {}
    for name in CURVES:
        values = np.asarray([getattr(run, name) for run in runs])
        found[name] = band_of(values, 4)
    return found, max(roughness(run.train_loss) for run in runs)


def main() -> None:
    parser = argparse.ArgumentParser(
        prog="python -m helpers.check.core.measure_bands", description="Measure the bands of the learning curves."
    )
    parser.add_argument("--sizes", nargs="+", default=["quick", "standard"])
    parser.add_argument("--seeds", type=int, default=SEEDS)
    options = parser.parse_args()
    known = json.loads(FILE.read_text()) if FILE.exists() else {}
    for size in options.sizes:
        rates = {f"{rate:g}": measure(size, rate, options.seeds) for rate in (RATE, *OTHERS)}
        known[size] = {
            "seeds": options.seeds,
            "roughness": round(rates[f"{RATE:g}"][1], 5),
            "rates": {rate: found for rate, (found, _) in rates.items()},
        }
    FILE.write_text(json.dumps(known) + "\n")


if __name__ == "__main__":
    main()
