"""Tables and figures of the initial plateau; the quantities are measured in `plateau_quantities`."""

from __future__ import annotations

import math
import statistics
from collections.abc import Sequence
from itertools import pairwise
from typing import TYPE_CHECKING, Any

from helpers.study.cnn_learning.plateau_quantities import (
    HIGH,
    LOW,
    Lengths,
    first_norms,
    growth,
    length_exponent,
    lengths,
    predictions,
    products,
    share,
    slope,
    spread,
)
from helpers.study.cnn_learning.runs import PROBE, SMOOTH, Plateau, history_rows
from helpers.train import History

if TYPE_CHECKING:
    from matplotlib.figure import Figure

LAYERS = 4
PLAIN = 0.3
"""Up to this scale of the weights there is a clear plateau."""


class PlateauResults:
    """starts: scale -> rate -> one Plateau per seed, each given `most` steps; deep: number of layers -> scale -> one
    per seed, at `deep_rate`; traced: scale -> one Plateau with gradient norms; curves: rate -> one History per seed,
    from weights of `scale`; plain: from weights × 1, where there are any.
    """

    def __init__(self, most: int, scale: float, deep_rate: float) -> None:
        self.most, self.scale, self.deep_rate = most, scale, deep_rate
        self.starts: dict[float, dict[float, list[Plateau]]] = {}
        self.deep: dict[int, dict[float, list[Plateau]]] = {}
        self.traced: dict[float, Plateau] = {}
        self.curves: dict[float, list[History]] = {}
        self.plain: dict[float, list[History]] = {}

    def depths(self) -> dict[int, Lengths]:
        """Number of layers -> scale -> rate -> steps, at the one rate that all have."""
        scales = next(iter(self.deep.values()), {})
        own = {s: {self.deep_rate: self.starts[s][self.deep_rate]} for s in scales}
        rows = {layers: {s: {self.deep_rate: runs} for s, runs in row.items()} for layers, row in self.deep.items()}
        return {layers: lengths(row) for layers, row in sorted({**rows, LAYERS: own}.items())}

    def report(self) -> list[str]:
        """One paragraph per table, and the verdict."""
        return [self._steps(), self._gradients(), self._threshold(), self._verdict()]

    def _steps(self) -> str:
        found = lengths(self.starts)
        rates = sorted({rate for row in found.values() for rate in row})
        level = next(iter(next(iter(self.starts.values())).values()))[0].level
        lines = [
            f"The plateau: steps until the training loss is below {level:g}, median of the seeds (rate × steps); given "
            f"up after {self.most}",
            f"{'weights ×':<10}" + "".join(f"{f'rate {rate:g}':>16}" for rate in rates),
        ]
        for scale, row in found.items():
            lines.append(f"{scale:<10g}" + "".join(f"{_cell(rate, row[rate]):>16}" for rate in rates))
        for scale, row in found.items():
            if took := products(row):
                lines.append(
                    f"weights × {scale:g}: rate × steps from {min(took):.3g} to {max(took):.3g}, so {self.most} steps "
                    f"suffice from a rate of about {statistics.median(took) / self.most:.2g} on"
                )
        return "\n".join(lines)

    def _gradients(self) -> str:
        starts = first_norms(self.starts)
        layers = list(next(iter(starts.values())))
        lines = [
            f"Gradient norms by layer, of {PROBE} training images",
            f"{'weights ×':<26}" + "".join(f"{layer:>10}" for layer in layers),
        ]
        for scale, norms in starts.items():
            lines.append(f"{f'{scale:g}, first step':<26}" + "".join(f"{norms[layer]:>10.2g}" for layer in layers))
        for scale, plateau in self.traced.items():
            label = f"{scale:g}, growth to loss {HIGH:g}"
            lines.append(f"{label:<26}" + "".join(f"{growth(plateau)[layer]:>9.3g}×" for layer in layers))
        return "\n".join(lines)

    def _threshold(self) -> str:
        lines = [f"The same rates and epochs from weights × {self.scale:g}: validation error of each seed"]
        for rate, runs in sorted(self.curves.items()):
            lines.append(f"{f'rate {rate:g}':<12}" + "".join(f"{run.error[-1]:>8.1%}" for run in runs))
        lines += self._steepest()
        lines += [
            f"wrong prediction: rate {p.rate:g}, seed {p.seed} {'stayed on' if p.predicted else 'left'} the plateau"
            for p in self._predictions()
            if p.predicted != p.left
        ]
        return "\n".join(lines)

    def _steepest(self) -> list[str]:
        """Between which neighbouring rates the error falls most, and what it does there from weights × 1."""
        middle = {rate: statistics.median(run.error[-1] for run in runs) for rate, runs in sorted(self.curves.items())}
        pairs = list(pairwise(middle))
        if not pairs:
            return []
        low, high = max(pairs, key=lambda pair: middle[pair[0]] - middle[pair[1]])
        text = f"From rate {low:g} to {high:g} the median error goes from {middle[low]:.1%} to {middle[high]:.1%}"
        if low in self.plain and high in self.plain:
            a, b = (statistics.median(run.error[-1] for run in self.plain[rate]) for rate in (low, high))
            text += f"; from weights × 1 it goes from {a:.1%} to {b:.1%} there"
        return [f"{text}."]

    def _predictions(self) -> Any:
        return predictions(self.starts.get(self.scale, {}), self.curves)

    def _verdict(self) -> str:
        lines = ["Why training slows so abruptly: what these runs say"]
        lines += [f"  {mark(holds):<14} {claim}: {evidence}" for claim, holds, evidence in self.claims()]
        return "\n".join(lines)

    def claims(self) -> list[tuple[str, bool | None, str]]:
        """(claim, whether it holds, the supporting numbers); None where these runs don't decide."""
        found = lengths(self.starts)
        small = {s: row for s, row in found.items() if s <= PLAIN}
        rows: list[tuple[str, bool | None, str]] = []

        spreads = [v for row in small.values() if math.isfinite(v := spread(row))]
        rows.append((
            f"from weights × {PLAIN:g} or less, rate × steps on the plateau changes less than 1.5-fold with the rate",
            max(spreads) < 1.5 if spreads else None,
            f"up to {max(spreads):.2f}-fold within a seed" if spreads else "too few runs left it",
        ))  # fmt: skip
        for layers, row in self.depths().items():
            power = length_exponent(row)
            rows.append((
                f"with {layers} layers of weights it goes as scale^{2 - layers} (within 0.35)",
                abs(power + layers - 2) < 0.35 if math.isfinite(power) else None,
                f"scale^{power:.2f}" if math.isfinite(power) else "too few runs left it",
            ))  # fmt: skip
        starts = {s: norms for s, norms in first_norms(self.starts).items() if s <= PLAIN}
        powers = [slope({s: norms[layer] for s, norms in starts.items()}) for layer in next(iter(starts.values()), {})]
        rows.append((
            f"every layer's first gradient is a product of the others' weights, scale^{LAYERS - 1} (within 0.25)",
            all(abs(p - LAYERS + 1) < 0.25 for p in powers) if powers else None,
            f"from scale^{min(powers):.2f} to scale^{max(powers):.2f}" if powers else "not measured",
        ))  # fmt: skip
        for scale, plateau in self.traced.items():
            part, factors = share(plateau), growth(plateau).values()
            there = math.isfinite(part)
            if scale <= PLAIN:
                rows.append((
                    f"from weights × {scale:g} the loss stays, then falls suddenly, as all gradients grow",
                    part > 0.5 and min(factors) > 5 if there else None,
                    f"{part:.0%} of the steps to a loss of {LOW:g} are spent above {HIGH:g}, gradients grow at least "
                    f"{min(factors):.0f}-fold" if there else f"a loss of {LOW:g} was not reached",
                ))  # fmt: skip
            else:
                rows.append((
                    f"from weights × {scale:g} there is no plateau",
                    part < 0.5 and max(factors) < 5 if there else None,
                    f"{part:.0%} of the steps to a loss of {LOW:g} are spent above {HIGH:g}, gradients grow at most "
                    f"{max(factors):.1f}-fold" if there else f"a loss of {LOW:g} was not reached",
                ))  # fmt: skip
        found = self._predictions()
        right = sum(p.predicted == p.left for p in found)
        left = sum(p.left for p in found)
        rows.append((
            f"so a run at one rate predicts at which other rates weights × {self.scale:g} learn (9 of 10 right)",
            right >= 0.9 * len(found) if len({v for p in found for v in (p.predicted, p.left)}) > 1 else None,
            f"{right} of {len(found)} runs predicted correctly; {left} of these runs left the plateau",
        ))  # fmt: skip
        return rows

    def figures(self) -> dict[str, Figure]:
        """File name -> figure."""
        from helpers import plots

        figures = {}
        found = lengths(self.starts)
        if any(map(products, found.values())):
            figures["plateau_lengths.png"] = plots.plateau_lengths(found, self.most)
        times = {
            f"{layers} layers": {s: products(steps) for s, steps in row.items() if products(steps)}
            for layers, row in self.depths().items()
        }
        if any(times.values()):
            figures["plateau_depths.png"] = plots.plateau_depths(times, {f"{n} layers": 2 - n for n in self.depths()})
        if all(len(p.loss) >= SMOOTH for p in self.traced.values()):
            rate = next(iter(self.traced.values())).rate
            figures["plateau_loss.png"] = plots.plateau_loss(
                {f"weights × {s:g}": p.loss for s, p in self.traced.items()},
                f"The first steps at rate {rate:g}",
                SMOOTH,
            )
        for scale, plateau in self.traced.items():
            figures[f"gradient_norms_{scale:g}.png"] = plots.gradient_norms(
                plateau.norms, plateau.norm_steps,
                f"Gradient norms by layer, initial weights × {scale:g}, rate {plateau.rate:g}",
            )  # fmt: skip
        figures["threshold.png"] = plots.error_by_rate(
            self.curves, f"Final validation error, initial weights × {self.scale:g}"
        )
        return figures

    def tables(self) -> dict[str, list[dict[str, Any]]]:
        """File name -> rows of a CSV."""
        rows = [(LAYERS, p) for row in self.starts.values() for runs in row.values() for p in runs]
        rows += [(layers, p) for layers, row in self.deep.items() for runs in row.values() for p in runs]
        return {
            "plateau.csv": [
                {"layers": n, "scale": p.scale, "rate": p.rate, "seed": p.seed, "level": p.level, "steps": p.steps}
                for n, p in rows
            ],
            "threshold.csv": history_rows(self.curves, self.scale),
            "gradients.csv": [
                {"scale": s, "rate": p.rate, "seed": p.seed, "layer": layer, "step": step, "norm": norm}
                for s, p in self.traced.items()
                for layer, norms in p.norms.items()
                for step, norm in zip(p.norm_steps, norms, strict=True)
            ],
        }


def mark(holds: bool | None) -> str:
    """The first word of a verdict."""
    return "can't say:" if holds is None else "holds:" if holds else "DOES NOT HOLD:"


def _cell(rate: float, steps: Sequence[int | None]) -> str:
    left = [n for n in steps if n is not None]
    if len(left) <= len(steps) / 2:
        return f"{len(left)} of {len(steps)} left" if left else "not left"
    # A run that was given up took longer than any other.
    middle = statistics.median(math.inf if n is None else n for n in steps)
    return f"{middle:g} ({rate * middle:.3g})"
