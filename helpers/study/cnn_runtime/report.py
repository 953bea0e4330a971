"""Figures, tables and verdicts of the runtime study. Every sentence is made from the numbers that it is about."""

from __future__ import annotations

import math
import statistics
from collections.abc import Iterable, Sequence
from itertools import pairwise
from typing import TYPE_CHECKING, Any

from helpers.study.cnn_runtime import fits as formulas
from helpers.study.cnn_runtime.model import DEVICES, predicted
from helpers.study.cnn_runtime.point import BACKENDS, BATCH, GPU_FILTERS, Point
from helpers.study.cnn_runtime.record import Epochs, Record

if TYPE_CHECKING:
    from matplotlib.figure import Figure

SHORT = 2
"""Numbers of epochs of a hasty measurement."""


class Results:
    """What was measured, and what stands in for devices that are not here."""

    def __init__(self, record: Record, stand_ins: Sequence[Point] = ()) -> None:
        self.record = record
        self.threads = min((p.threads for p in record.points), default=1)
        here = {p.filters for p in record.points if p.batch == BATCH}
        self.stand_ins = list(stand_ins) or ([] if self._gpu() else model_points(sorted({*GPU_FILTERS, *here})))

    def _gpu(self) -> list[Point]:
        return [p for p in self.record.points if p.backend in BACKENDS[2:]]

    def usual(self) -> list[Point]:
        """Points of the usual batch, measured first, then what stands in."""
        return [p for p in (*self.record.points, *self.stand_ins) if p.batch == BATCH]

    def rows(self, backend: str) -> list[Point]:
        """Measured points of a backend with the usual batch and the fewest threads, by filters."""
        here = [p for p in self.record.points if (p.backend, p.threads, p.batch) == (backend, self.threads, BATCH)]
        return sorted(here, key=lambda p: p.filters)

    def series(self, filters: int) -> list[Point]:
        """Points of several batches with so many filters, the fewest threads; predicted ones where there is no GPU."""
        here = [p for p in self.record.points if p.filters == filters and p.threads == self.threads]
        here += [p for p in self.stand_ins if p.filters == filters]
        batches = sorted({p.batch for p in here})
        if not any(p.backend in BACKENDS[2:] and not p.predicted for p in here):
            here = [p for p in here if not p.predicted]
            here += [p for n in batches for device in DEVICES for p in predicted(device, [filters], batch=n)]
        return here

    def backends(self) -> list[str]:
        """Those that were measured."""
        return [b for b in BACKENDS if self.rows(b)]

    def figures(self) -> dict[str, Figure]:
        """File name -> figure."""
        from helpers import plots

        made = {
            "runtime_by_parameters.png": plots.runtime_scatter(self.usual(), "parameters"),
            "runtime_by_operations.png": plots.runtime_scatter(self.usual(), "flops"),
        }
        for backend in self.backends():
            rows = self.rows(backend)
            if len(rows) > 3:
                seen, beyond = rows[:-1], rows[-1:]
                title = f"{backend}: time against filters, and three curves fitted to all but the largest"
                made[f"fits_{_file(backend)}.png"] = plots.fits(seen, curves(seen), beyond, title)
        base = self.backends()[0]
        if comparable(self.usual(), base):
            made["speed_up.png"] = plots.speed_up(self.usual(), base, crossover=formulas.crossover)
            several = {p.filters for p in self.record.points if p.batch != BATCH}
            series = self.series(min(several, default=0))
            if len({p.batch for p in series}) > 1 and comparable(series, base):
                title = f"Speed-up over {base} by images per batch, {series[0].filters} filters"
                made["speed_up_by_batch.png"] = plots.speed_up(
                    series, base, "batch", title, crossover=formulas.crossover
                )
        for backend in self.backends():
            if runs := [run for run in self.record.epochs if run.backend == backend]:
                made[f"epochs_{_file(backend)}.png"] = plots.epoch_times(
                    runs[0].seconds, intervals(runs[0].seconds), f"{backend}: are a few epochs enough?"
                )
        others = [p for p in self.record.points if p.threads == self.threads and p.batch != BATCH]
        if others:
            shown = {p.filters for p in others}
            made["batch_sizes.png"] = plots.batch_sizes(
                [p for p in self.record.points if p.threads == self.threads and p.filters in shown]
            )
        cpu = [p for b in BACKENDS[:2] for p in self.rows(b) if p.working_set]
        if cpu:
            sets = [p.working_set for p in cpu]
            made["working_sets.png"] = plots.working_sets(cpu, sets, self.record.machine["caches"])
        return made

    def tables(self) -> dict[str, Iterable[dict[str, Any]]]:
        """File name -> rows."""
        points = [
            {**{k: v for k, v in p.as_json().items() if k != "versions"}, "kind": p.kind}
            for p in (*self.record.points, *self.stand_ins)
        ]
        epochs = [
            {**{k: v for k, v in vars(run).items() if k != "seconds"}, "run": i + 1, "epoch": j + 1, "seconds": s}
            for i, run in enumerate(self.record.epochs)
            for j, s in enumerate(run.seconds)
        ]
        return {"points.csv": points, "epochs.csv": epochs}

    def report(self) -> str:
        """What the command prints."""
        parts = [self._table(), *(growth(self.rows(b)) for b in self.backends()), *self._fits(), *self._epochs()]
        return "\n\n".join(part for part in (*parts, self._speed_ups(), self._batches(), self._graphs()) if part)

    def verdicts(self) -> dict[str, Any]:
        """The numbers behind the sentences, plain values."""
        fits = {b: formulas.compare(*_xy(rows)) for b in self.backends() if len(rows := self.rows(b)) > 3}
        short = {
            run.backend: [extrapolation(r.seconds) for r in self.record.epochs if r.backend == run.backend]
            for run in self.record.epochs
        }
        return {"leave_one_out": fits, "extrapolation": short}

    def _table(self) -> str:
        lines = [
            f"A training step of {BATCH} images; median and quartiles",
            f"{'':<44}{'filters':>8}{'parameters':>12}{'MFLOP':>9}{'ms':>9}{'quartiles':>18}{'GFLOP/s':>9}",
        ]
        for p in self.usual():
            spread = f"{1e3 * p.low:.2f} to {1e3 * p.high:.2f}"
            lines.append(
                f"{p.label[:43]:<44}{p.filters:>8}{p.parameters:>12,}{p.flops / 1e6:>9,.0f}{1e3 * p.seconds:>9.2f}"
                f"{spread:>18}{p.flops_per_second / 1e9:>9.1f}"
            )
        return "\n".join(lines)

    def _fits(self) -> Iterable[str]:
        for backend in self.backends():
            rows = self.rows(backend)
            if len(rows) > 3:
                yield fit_verdict(backend, rows)

    def _epochs(self) -> Iterable[str]:
        for backend in self.backends():
            if runs := [run for run in self.record.epochs if run.backend == backend]:
                yield epochs_verdict(backend, runs)

    def _speed_ups(self) -> str:
        labels: dict[str, list[Point]] = {}
        for p in self.usual():
            labels.setdefault(p.label, []).append(p)
        (first, base), *others = labels.items()
        lines = [f"Times as fast as {first}"]
        for label, rows in others:
            where = {p.filters: p for p in base}
            pairs = [(p.filters, where[p.filters].seconds / p.seconds) for p in rows if p.filters in where]
            if not pairs:
                continue
            at = formulas.crossover([k for k, _ in pairs], [r for _, r in pairs], [1.0] * len(pairs))
            crossing = f"as fast at {at:.0f} filters" if at else "no crossover between these sizes"
            lines.append(f"{label}: " + ", ".join(f"{k} filters {r:.2f}" for k, r in pairs) + f"; {crossing}.")
        return "\n".join(lines) if len(lines) > 1 else ""

    def _batches(self) -> str:
        lines = []
        for backend in self.backends():
            for k in sorted({p.filters for p in self.record.points if p.backend == backend and p.batch != BATCH}):
                rows = sorted(
                    (p for p in self.record.points if (p.backend, p.filters, p.threads) == (backend, k, self.threads)),
                    key=lambda p: p.batch,
                )
                times = ", ".join(f"{p.batch}: {1e6 * p.seconds_per_image:.1f}" for p in rows)
                lines.append(f"{backend}, {k} filters: {times}")
        return "\n".join(["Microseconds per image, by images per batch", *lines]) if lines else ""

    def _graphs(self) -> str:
        pairs = list(zip(self.rows("cuda"), self.rows("cuda graph"), strict=False))
        if not pairs:
            return ""
        gains = ", ".join(f"{p.filters} filters {p.seconds / g.seconds:.2f}" for p, g in pairs)
        return f"A CUDA graph instead of single launches speeds up a step by a factor of: {gains}."


def comparable(points: Sequence[Point], backend: str) -> bool:
    """Whether any other curve has a point of a size that this backend has."""
    sizes = {(p.filters, p.batch) for p in points if p.backend == backend}
    first = next(p.label for p in points if p.backend == backend)
    return any((p.filters, p.batch) in sizes for p in points if p.label != first)


def model_points(filters: Sequence[int]) -> list[Point]:
    """What the model expects of every card that it knows."""
    return [point for device in DEVICES for point in predicted(device, filters)]


def curves(points: Sequence[Point]) -> dict[str, formulas.Fit]:
    """Name with formula -> the fitted curve, of filters."""
    found = (formulas.fit(form, *_xy(points)) for form in formulas.FORMS)
    return {f"{curve.form}: {curve.formula}": curve for curve in found}


def growth(rows: Sequence[Point]) -> str:
    """From each network to the next: the powers of the number of filters with which operations and time grow."""
    if len(rows) < 2:
        return ""
    lines = [f"{rows[0].label}: growth of operations and of time, as powers of the filters"]
    for a, b in pairwise(rows):
        more = math.log(b.filters / a.filters)
        powers = [math.log(y / x) / more for x, y in ((a.flops, b.flops), (a.seconds, b.seconds))]
        lines.append(f"{a.filters:>4} to {b.filters:<4} operations {powers[0]:.2f}, time {powers[1]:.2f}")
    return "\n".join(lines)


def fit_verdict(backend: str, rows: Sequence[Point]) -> str:
    """Which curve predicts points best that it has not seen."""
    errors = formulas.compare(*_xy(rows))
    listed = ", ".join(f"{form} {_percent(error)}" for form, error in errors.items())
    best = next(iter(errors))
    last = {form: formulas.held_out(form, *_xy(rows))[0] for form in errors}
    there = ", ".join(f"{form} {last[form]:+.0%}" for form in errors)
    return (
        f"{backend}, time against filters: root mean square of the leave-one-out errors {listed}; {best} is best "
        f"of {len(rows)} points. "
        f"Fitted without the {rows[-1].filters} filters, the curves miss them by: {there}."
    )


def intervals(seconds: Sequence[float]) -> dict[str, formulas.Interval]:
    """What different short runs say about the whole run."""
    found = {f"first {SHORT}": formulas.prediction_interval(seconds[:SHORT], len(seconds))}
    if len(seconds) > 5:
        found["first 5"] = formulas.prediction_interval(seconds[:5], len(seconds))
        found["2 to 5"] = formulas.prediction_interval(seconds[:5], len(seconds), drop=1)
    return found


def extrapolation(seconds: Sequence[float]) -> dict[str, Any]:
    """Of one run: the first epoch over the median of the others, and how far a multiplied short run is off."""
    total = math.fsum(seconds)
    predictions = intervals(seconds)
    return {
        "first_over_others": seconds[0] / statistics.median(seconds[1:]),
        "errors": {name: p.total / total - 1 for name, p in predictions.items()},
        "widths": {name: (p.high - p.low) / 2 / total for name, p in predictions.items()},
        "holds": {name: p.low <= total <= p.high for name, p in predictions.items()},
    }


def epochs_verdict(backend: str, runs: Sequence[Epochs]) -> str:
    """Is a short run enough? Over all runs of a backend."""
    found = [extrapolation(run.seconds) for run in runs]
    n = len(runs[0].seconds)
    slow = [f["first_over_others"] for f in found]
    lines = [
        f"{backend}: a few epochs for {n}, {len(runs)} run{'s' * (len(runs) > 1)}, {runs[0].images} images per epoch. "
        f"The first epoch takes {_range(slow, '{:.2f}')} times as long as the others."
    ]
    for name in found[0]["errors"]:
        errors, widths = ([f[key][name] for f in found] for key in ("errors", "widths"))
        lines.append(
            f"  epochs {name}: total wrong by {_range(errors, '{:+.1%}')}; 95% interval ± "
            f"{_range(widths, '{:.0%}')}, holds in {sum(f['holds'][name] for f in found)} of {len(found)}"
        )
    return "\n".join(lines)


def _range(values: Sequence[float], form: str) -> str:
    low, high = form.format(min(values)), form.format(max(values))
    return low if low == high else f"{low} to {high}"


def _percent(error: float) -> str:
    return f"{error:.1%}" if error < 10 else f"{error:.0f}-fold"


def _xy(rows: Sequence[Point]) -> tuple[list[float], list[float]]:
    return [float(p.filters) for p in rows], [p.seconds for p in rows]


def _file(backend: str) -> str:
    return backend.replace(" ", "_")
