"""Why training slows so abruptly below some rate: the quantities that are measured of the initial plateau.

Near weights of zero a network of L layers learns slowly, because the gradient of each layer is a product in which the
weights of all others stand: at weights of scale s it is as small as s^(L − 1). With small steps, rate × steps is the
time along the gradient flow, and the end of the plateau depends on that time alone: after a time that grows as
s^−(L − 2) where L > 2. (Saxe, McClelland and Ganguli, *Exact solutions to the nonlinear dynamics of learning in deep
linear neural networks*, arXiv 1312.6120, for linear networks.) A given number of steps then suffices above one rate and
not below. All of this is measured here, and the measurements may contradict it.
"""

from __future__ import annotations

import math
import statistics
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from helpers.study.cnn_learning.runs import Plateau
from helpers.train import History

Plateaus = Mapping[float, Mapping[float, Sequence[Plateau]]]
Lengths = dict[float, dict[float, list[int | None]]]
HIGH, LOW = 2.2, 1.0
"""Training losses (nats): still as good as on the plateau, and well below it."""


def lengths(plateaus: Plateaus) -> Lengths:
    """scale -> rate -> steps to leave the plateau, one number per seed, None where it was not left."""
    return {s: {r: [p.steps for p in runs] for r, runs in row.items()} for s, row in plateaus.items()}


def products(row: Mapping[float, Sequence[int | None]]) -> list[float]:
    """Rate × steps of all runs of one scale that left the plateau."""
    return [rate * n for rate, steps in row.items() for n in steps if n is not None]


def spread(row: Mapping[float, Sequence[int | None]]) -> float:
    """How far rate × steps varies over the rates: largest ÷ smallest within a seed, of all seeds the largest; NaN where
    no seed has left the plateau at two rates.
    """
    found = []
    for steps in zip(*row.values(), strict=True):
        left = [rate * n for rate, n in zip(row, steps, strict=True) if n is not None]
        if len(left) > 1:
            found.append(max(left) / min(left))
    return max(found, default=math.nan)


def length_exponent(found: Lengths) -> float:
    """Slope of log(rate × steps) against log(scale), by least squares.

    Only rates count at which all runs of all these scales left the plateau, so that like is compared with like. NaN
    where there is no such rate, or only one scale.
    """
    shared = [r for r in next(iter(found.values()), {}) if all(all(row[r]) for row in found.values())]
    if len(found) < 2 or not shared:
        return math.nan
    return slope({s: statistics.median(products({r: row[r] for r in shared})) for s, row in found.items()})


def first_norms(plateaus: Plateaus) -> dict[float, dict[str, float]]:
    """scale -> layer -> norm of the gradient before the first step, the median of the seeds."""
    found = {}
    for scale, row in plateaus.items():
        runs = next(iter(row.values()))
        found[scale] = {layer: statistics.median(p.norms[layer][0] for p in runs) for layer in runs[0].norms}
    return found


def slope(values: Mapping[float, float]) -> float:
    """Slope of log(value) against log(key) by least squares; NaN for fewer than two."""
    if len(values) < 2:
        return math.nan
    return float(np.polyfit(np.log([*values]), np.log([*values.values()]), 1)[0])


def share(plateau: Plateau) -> float:
    """Of the steps to a loss of 1.0, the share that is spent above 2.2; NaN where 1.0 was not reached."""
    upper, lower = plateau.below(HIGH), plateau.below(LOW)
    return math.nan if upper is None or lower is None else upper / lower


def growth(plateau: Plateau) -> dict[str, float]:
    """layer -> norm of its gradient where the loss has come below 2.2 ÷ the first one; NaN where it never has."""
    end = plateau.below(HIGH)
    if end is None:
        return dict.fromkeys(plateau.norms, math.nan)
    at = next((i for i, step in enumerate(plateau.norm_steps) if step >= end), -1)
    return {layer: norms[at] / norms[0] for layer, norms in plateau.norms.items()}


@dataclass(frozen=True)
class Prediction:
    """Whether the run with this rate and seed leaves the plateau in its epochs: as predicted, and as observed."""

    rate: float
    seed: int
    predicted: bool
    left: bool


def predictions(row: Mapping[float, Sequence[Plateau]], curves: Mapping[float, Sequence[History]]) -> list[Prediction]:
    """Predict every curve of one scale from the first steps at one other rate: a run leaves the plateau if its
    rate × steps are more than that one took from the same seed.

    The highest rate, whose plateau takes the fewest steps, predicts the others and is not itself predicted. left: the
    last epoch's training loss is below the plateau's level. Empty where no rate let all seeds leave.
    """
    known = max((rate for rate, runs in row.items() if all(p.steps for p in runs)), default=None)
    if known is None:
        return []
    took = {p.seed: known * p.steps for p in row[known] if p.steps is not None}
    found = []
    for rate, histories in curves.items():
        for history in histories:
            if rate != known and history.seed in took:
                steps = history.epochs * math.ceil(history.images / history.batch_size)
                left = history.train_loss[-1] < row[known][0].level
                found.append(Prediction(rate, history.seed, rate * steps > took[history.seed], left))
    return found
