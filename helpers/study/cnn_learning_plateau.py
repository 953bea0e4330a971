"""Why training slows so abruptly below some rate: what the study measures of the initial plateau, in words and figures.

Near weights of zero a network of L layers changes slowly, because the gradient of each layer is a product that has the
weights of all others in it. Follow the gradient with small steps, and rate × steps is the time that passes; a network
whose weights start at scale s then needs a time that grows as s^−(L − 2) (Saxe, McClelland and Ganguli, *Exact
solutions to the nonlinear dynamics of learning in deep linear neural networks*, arXiv 1312.6120, for linear ones with
L > 2). All of this is measured here and may turn out otherwise.
"""

from __future__ import annotations

import math
import statistics
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from helpers.study.cnn_learning_runs import PROBE, Plateau, history_rows
from helpers.train import History

if TYPE_CHECKING:
    from matplotlib.figure import Figure

Lengths = dict[float, dict[float, list[int | None]]]
LAYERS = 4
HIGH = 2.2
"""A training loss (nats) that is still as good as on the plateau."""


def lengths(plateaus: Mapping[float, Mapping[float, Sequence[Plateau]]]) -> Lengths:
    """scale -> rate -> steps to leave the plateau, one number a seed, None where it was not left."""
    return {s: {r: [p.steps for p in runs] for r, runs in row.items()} for s, row in plateaus.items()}


def times(row: Mapping[float, Sequence[int | None]]) -> list[float]:
    """Rate × steps of all runs of one scale that left the plateau."""
    return [rate * n for rate, steps in row.items() for n in steps if n is not None]


def exponent(found: Lengths, largest: float = 0.5) -> float:
    """Slope of log(rate × steps) against log(scale), by least squares over scales up to `largest`; above it there is
    hardly a plateau to be measured.

    Only rates count at which all runs of all these scales left the plateau, for a comparison of like with like. NaN
    where there is no such rate, or fewer than two scales.
    """
    rows = {s: row for s, row in found.items() if s <= largest}
    shared = [r for r in next(iter(rows.values()), {}) if all(all(row[r]) for row in rows.values())]
    if len(rows) < 2 or not shared:
        return math.nan
    middle = [statistics.median(times({r: row[r] for r in shared})) for row in rows.values()]
    return float(np.polyfit(np.log([*rows]), np.log(middle), 1)[0])


@dataclass(frozen=True)
class Prediction:
    """Whether a run with this rate and seed leaves the plateau within `budget` steps: as foretold, and as it was."""

    rate: float
    seed: int
    foretold: bool
    left: bool


def predictions(row: Mapping[float, Sequence[Plateau]], curves: Mapping[float, Sequence[History]]) -> list[Prediction]:
    """Foretell every curve of one scale from the first steps at one other rate: it leaves if rate × budget is more than
    that run's rate × steps.

    The rate that foretells is the highest one, whose plateau takes the fewest steps, and is left out of what is
    foretold. left: the last epoch's training loss is below the plateau's level.
    """
    known = max((r for r, runs in row.items() if all(p.steps for p in runs)), default=None)
    if known is None:
        return []
    time = {p.seed: known * p.steps for p in row[known] if p.steps is not None}
    found = []
    for rate, histories in curves.items():
        for history in histories:
            if rate != known and history.seed in time:
                budget = history.epochs * math.ceil(history.images / history.batch_size)
                left = history.train_loss[-1] < row[known][0].level
                found.append(Prediction(rate, history.seed, rate * budget > time[history.seed], left))
    return found


class PlateauResults:
    """starts: scale -> rate -> a Plateau a seed, each given `most` steps; traced: scale -> one Plateau with gradient
    norms; curves: rate -> a History a seed, from weights of `scale`.
    """

    def __init__(self, most: int, scale: float) -> None:
        self.most, self.scale = most, scale
        self.starts: dict[float, dict[float, list[Plateau]]] = {}
        self.traced: dict[float, Plateau] = {}
        self.curves: dict[float, list[History]] = {}

    def report(self) -> list[str]:
        """One paragraph a table, each with what it says."""
        return [self._steps(), self._gradients(), self._threshold()]

    def _steps(self) -> str:
        found = lengths(self.starts)
        rates = sorted({rate for row in found.values() for rate in row})
        level = next(iter(next(iter(self.starts.values())).values()))[0].level
        lines = [
            f"Steps until the training loss is below {level:g}, at most {self.most}; median of the seeds (× rate)",
            f"{'weights ×':<10}" + "".join(f"{f'rate {rate:g}':>17}" for rate in rates),
        ]
        for scale, row in found.items():
            lines.append(f"{scale:<10g}" + "".join(f"{_cell(rate, row[rate]):>17}" for rate in rates))
        lines += [product_sentence(scale, row) for scale, row in found.items()]
        slope = exponent(found)
        if math.isfinite(slope):
            lines.append(
                f"Over scales up to 0.5 rate × steps goes as scale^{slope:.2f}; small weights in {LAYERS} layers "
                f"should give scale^{2 - LAYERS}: {'as foretold' if abs(slope - 2 + LAYERS) < 0.25 else 'it does not'}."
            )
        return "\n".join(lines)

    def _gradients(self) -> str:
        lines = [f"Gradient norms by layer, on {PROBE} training images"]
        for scale, plateau in self.traced.items():
            lines.append(f"weights × {scale:g}, rate {plateau.rate:g}: {phases(plateau)}")
            lines.append(f"  {'':<10}{'at the start':>14}{'half way':>12}{'largest':>12}{'growth':>9}")
            for layer, norms in plateau.norms.items():
                half = norms[_half_way(plateau)]
                lines.append(
                    f"  {layer:<10}{norms[0]:>14.2g}{half:>12.2g}{max(norms):>12.2g}{max(norms) / norms[0]:>8.1f}×"
                )
        return "\n".join(lines)

    def _threshold(self) -> str:
        lines = [f"The threshold: weights × {self.scale:g}, as many epochs"]
        for rate, runs in sorted(self.curves.items()):
            errors = [run.error[-1] for run in runs]
            lines.append(f"  rate {rate:<8g} validation error {', '.join(f'{e:.1%}' for e in errors)}")
        found = predictions(self.starts.get(self.scale, {}), self.curves)
        right = sum(p.foretold == p.left for p in found)
        if found:
            lines.append(
                f"Which of these runs leave the plateau, foretold from rate × steps at another rate: {right} of "
                f"{len(found)} right ({sum(p.left for p in found)} left it)."
            )
            lines += [
                f"  wrong: rate {p.rate:g}, seed {p.seed} {'should have left' if p.foretold else 'left all the same'}"
                for p in found
                if p.foretold != p.left
            ]
        else:
            lines.append("No run from these weights left the plateau in its steps, so nothing can be foretold.")
        return "\n".join(lines)

    def figures(self) -> dict[str, Figure]:
        """File name -> figure."""
        from helpers import plots

        found = {}
        if any(times(row) for row in lengths(self.starts).values()):
            found["plateau_lengths.png"] = plots.plateau_lengths(lengths(self.starts), self.most)
        rate = next(iter(self.traced.values())).rate
        found["plateau_loss.png"] = plots.plateau_loss(
            {f"weights × {s:g}": self.traced[s].loss for s in self.traced}, f"The first steps at rate {rate:g}"
        )
        for scale, plateau in self.traced.items():
            found[f"gradient_norms_{scale:g}.png"] = plots.gradient_norms(
                plateau.norms, plateau.norm_steps,
                f"Gradient norms by layer, initial weights × {scale:g}, rate {plateau.rate:g}",
            )  # fmt: skip
        found["threshold.png"] = plots.error_by_rate(
            self.curves, f"Final validation error, initial weights × {self.scale:g}"
        )
        return found

    def tables(self) -> dict[str, list[dict[str, Any]]]:
        """File name -> rows of a CSV."""
        return {
            "plateau.csv": [
                {"scale": s, "rate": r, "seed": p.seed, "level": p.level, "steps": "" if p.steps is None else p.steps}
                for s, row in self.starts.items()
                for r, runs in row.items()
                for p in runs
            ],
            "threshold.csv": history_rows(self.curves, self.scale),
            "gradients.csv": [
                {"scale": s, "rate": p.rate, "seed": p.seed, "layer": layer, "step": step, "norm": norm}
                for s, p in self.traced.items()
                for layer, norms in p.norms.items()
                for step, norm in zip(p.norm_steps, norms, strict=True)
            ],
        }


def product_sentence(scale: float, row: Mapping[float, Sequence[int | None]]) -> str:
    """Is rate × steps constant over the rates? Compared seed by seed, as largest ÷ smallest over the rates."""
    seeds = zip(*row.values(), strict=True)
    spreads = []
    for steps in seeds:
        products = [rate * n for rate, n in zip(row, steps, strict=True) if n is not None]
        if len(products) > 1:
            spreads.append(max(products) / min(products))
    if not spreads:
        return f"weights × {scale:g}: too few runs left the plateau to compare rates."
    spread, low, high = max(spreads), min(times(row)), max(times(row))
    word = "about constant" if spread < 1.5 else "not constant" if spread > 2 else "roughly constant"
    return (
        f"weights × {scale:g}: rate × steps lies between {low:.3g} and {high:.3g}, {word} over the rates (up to "
        f"{spread:.2f}-fold within a seed)."
    )


def phases(plateau: Plateau) -> str:
    """How the steps are shared out between the plateau and the fall from it, in words."""
    upper, lower = plateau.below(HIGH), plateau.below(1.0)
    if upper is None or lower is None:
        return f"not below {HIGH if upper is None else 1.0:g} in {len(plateau.loss)} steps"
    return (
        f"{upper} steps to a loss of {HIGH:g}, {lower - upper} more to 1.0: {upper / lower:.0%} of them on the plateau"
    )


def _half_way(plateau: Plateau) -> int:
    """Index into norm_steps half way to the end of the plateau."""
    end = plateau.below(HIGH) or plateau.norm_steps[-1]
    return min(range(len(plateau.norm_steps)), key=lambda i: abs(plateau.norm_steps[i] - end / 2))


def _cell(rate: float, steps: Sequence[int | None]) -> str:
    left = [n for n in steps if n is not None]
    if len(left) <= len(steps) / 2:
        return "never" if not left else f"{len(left)} of {len(steps)}"
    # A run that was given up took longer than any other, wherever it stands.
    middle = statistics.median(math.inf if n is None else n for n in steps)
    return f"{middle:g} ({rate * middle:.3g})"
