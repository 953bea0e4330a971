"""Bands that learning curves lie in: measured over many seeds and kept as data.

``python -m helpers.check.bands`` measures them anew and writes bands.json.
"""

from __future__ import annotations

import argparse
import functools
import json
from pathlib import Path
from typing import Any

FILE = Path(__file__).with_name("bands.json")
RATE, SEEDS = 0.1, 30
CURVES = ("train_loss", "test_loss", "test_accuracy")


@functools.cache
def bands() -> dict[str, Any]:
    """Size name -> {"rate", "seeds", curve name -> {"low": [...], "high": [...]}}, one entry an epoch."""
    return json.loads(FILE.read_text())


def measure(size: str, seeds: int = SEEDS, rate: float = RATE) -> dict[str, Any]:
    """Lowest and highest value of each curve at each epoch over the seeds 1000, 1001, …"""
    import numpy as np
    from tqdm import tqdm

    from helpers.data import load
    from helpers.nn import fast_mlp
    from helpers.train import fit, study_size

    chosen = study_size(size)
    data = load("mnist", train=chosen.train, test=chosen.test)
    runs = []
    for seed in tqdm(range(1000, 1000 + seeds), desc=f"seeds, {size}", disable=None):
        network = fast_mlp.FastMLP((784, 512, 128, 10), seed=seed)
        runs.append(
            fit(network, fast_mlp.train_epoch, fast_mlp.evaluate, data, lr=rate, epochs=chosen.epochs, seed=seed, progress=False)
        )
    found: dict[str, Any] = {"rate": rate, "seeds": seeds}
    for name in CURVES:
        values = np.asarray([getattr(run, name) for run in runs])
        found[name] = {"low": values.min(axis=0).round(4).tolist(), "high": values.max(axis=0).round(4).tolist()}
    return found


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m helpers.check.bands", description="Measure the bands of the learning curves.")
    parser.add_argument("--sizes", nargs="+", default=["quick", "standard"])
    parser.add_argument("--seeds", type=int, default=SEEDS)
    options = parser.parse_args()
    known = json.loads(FILE.read_text()) if FILE.exists() else {}
    known.update({size: measure(size, options.seeds) for size in options.sizes})
    FILE.write_text(json.dumps(known, indent=1) + "\n")


if __name__ == "__main__":
    main()
