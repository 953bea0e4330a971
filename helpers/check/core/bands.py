"""Bands that learning curves lie in: measured over many seeds and kept as data.

``python -m helpers.check.core.measure_bands`` measures them anew and writes bands.json.
"""

from __future__ import annotations

import functools
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

FILE = Path(__file__).with_name("bands.json")
RATE = 0.1
"""Of the run that the text asks for."""
CURVES = ("train_loss", "test_loss", "test_accuracy")


@functools.cache
def bands() -> dict[str, Any]:
    """Size name -> {"seeds", "roughness", "rates": {rate: {curve name: {"low": [...], "high": [...]}}}},
    one entry an epoch."""
    return json.loads(FILE.read_text())


def band_of(curves: Any, digits: int = 3) -> dict[str, list[float]]:
    """{"low", "high"}: what curves (seeds, entries) lie between at each entry, rounded."""
    return {"low": curves.min(axis=0).round(digits).tolist(), "high": curves.max(axis=0).round(digits).tolist()}


def outside(values: Any, band: Mapping[str, Any], slack: Any) -> Any:
    """Whether each entry of a curve (entries,) lies outside a band {"low", "high"}, widened by half of its width and by
    `slack`: seeds that were not measured may leave it a little; other rates and mistakes leave it by far."""
    import numpy as np

    low, high = np.asarray(band["low"]), np.asarray(band["high"])
    margin = slack + 0.5 * (high - low)
    return ~((values >= low - margin) & (values <= high + margin))


def roughness(curve: Any) -> float:
    """How much a curve jumps: the mean size of its second differences, relative to its mean, over its later half."""
    import numpy as np

    late = np.asarray(curve, dtype=float)[len(curve) // 2 :]
    return float(np.abs(np.diff(late, 2)).mean() / late.mean())
