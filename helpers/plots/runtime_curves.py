"""Figures on what follows from timings: fitted curves, speed-up and its crossover, epochs and predicted totals."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from helpers.errors import CourseError
from helpers.plots.runtime import curves, legend, ms, plain_ticks
from helpers.plots.style import COLOURS, DASHES, MARKERS, axes, epoch_axis, figure, with_alt

if TYPE_CHECKING:
    from matplotlib.figure import Figure

Crossover = Callable[[Sequence[float], Sequence[float], Sequence[float]], float | None]


def fits(
    points: Sequence[Any], fits: Mapping[str, Any], held_out: Sequence[Any] = (), title: str = "Which curve?"
) -> Figure:
    """Milliseconds of a step against the number of filters, with fitted curves; twice, with a linear and a logarithmic
    time axis.

    points: those that were fitted; fits: name -> callable of the number of filters, in seconds; held_out: points that
    no curve has seen, drawn as crosses. Curves go on to the largest of all.
    """
    if not points or not fits:
        raise CourseError("A figure of fits needs at least one point and one curve; measure and fit first.")
    everything = [*points, *held_out]
    last = max(p.filters for p in everything)
    fig = figure(8, 4.1)
    panels = fig.subplots(1, 2)
    x = np.linspace(min(p.filters for p in everything), last, 200)
    times = [1e3 * p.seconds for p in points]
    spans = [[1e3 * (p.seconds - p.low) for p in points], [1e3 * (p.high - p.seconds) for p in points]]
    shown = [1e3 * p.seconds for p in everything]
    for ax in panels:
        for i, (name, curve) in enumerate(fits.items()):
            y = np.array([1e3 * curve(float(v)) for v in x])
            ax.plot(x, np.where(y > 0, y, np.nan), color=COLOURS[(i + 1) % 7], linestyle=DASHES[i % 7], label=name)
        ax.errorbar([p.filters for p in points], times, yerr=spans, color=COLOURS[0], marker=MARKERS[0],
                    linestyle="none", capsize=2.5, label=f"fitted: {points[0].label}")  # fmt: skip
        if held_out:
            ax.plot([p.filters for p in held_out], [1e3 * p.seconds for p in held_out], color="black", marker="X",
                    markersize=8, linestyle="none", label="held out: no curve has seen it")  # fmt: skip
    axes(panels[0], "linear time axis", "filters in each convolution", "median of a step (ms)")
    axes(panels[1], "logarithmic: an exponential is straight", "filters in each convolution", "")
    panels[0].set_ylim(0, max(shown) * 1.4)
    panels[1].set_yscale("log")
    panels[1].set_ylim(min(shown) / 2, max(shown) * 2)
    plain_ticks(panels[1], "y")
    fig.suptitle(title, fontsize=11)
    handles, labels = panels[0].get_legend_handles_labels()
    fig.legend(handles, labels, loc="outside lower center", ncols=2, frameon=False, fontsize=9)
    said = "; ".join(
        f"{name}: " + ", ".join(f"{p.filters} filters {ms(curve(float(p.filters)))}" for p in everything)
        for name, curve in fits.items()
    )
    measured = ", ".join(f"{p.filters} filters {ms(p.seconds)}" for p in everything)
    return with_alt(fig, f"{title}. {points[0].label}: {measured}. Fitted curves there, {said}.")


SIZES = {
    "flops": "operations of a training step (MFLOP)",
    "filters": "filters in each convolution",
    "batch": "images per batch",
}


def speed_up(
    points: Sequence[Any], baseline: str | Sequence[str], x: str = "flops", title: str = "", claim: float = 0,
    crossover: Crossover | None = None,
) -> Figure:
    """How many times as fast as `baseline` each other curve is, against "flops" (MFLOP), "filters" or "batch".

    baseline: the backend, such as "numpy", or the whole label of its curve; several, and each curve is compared with
    all of them, a baseline only with those before it. Of several curves of a backend the one with the fewest threads
    counts. Only numbers of filters and batches that both have are compared. A line at 1 marks where both are
    as fast. claim: a speed-up that somebody reported, drawn as a line; 0 for none. crossover: finds where two curves
    cross, from sizes and their times there, such as `cnn_runtime.fits.crossover`: a vertical line then, and the size in
    the legend.
    """
    if x not in SIZES:
        raise CourseError(f"x={x!r} is no axis of this figure; choose one of {', '.join(map(repr, SIZES))}.")
    names = [baseline] if isinstance(baseline, str) else list(baseline)
    fig = figure(8, 4.4)
    ax = fig.subplots()
    said, unit, seen, n = [], 1e6 if x == "flops" else 1, list[Any](), 0
    places: set[float] = set()
    for name in names:
        base = _baseline(points, name)
        seen += base
        where = {(p.filters, p.batch): p for p in base}
        rest = [p for p in points if p not in seen and (p.filters, p.batch) in where]
        over = f" over {name}" if len(names) > 1 else ""
        for label, row in (curves(rest, x == "batch" or len({p.filters for p in rest}) == 1) if rest else {}).items():
            row = sorted(row, key=lambda p: getattr(p, x))
            sizes = [getattr(p, x) / unit for p in row]
            times = [where[p.filters, p.batch].seconds / p.seconds for p in row]
            at, n = crossover(sizes, times, [1.0] * len(times)) if crossover else None, n + 1
            hollow: dict[str, Any] = {"markerfacecolor": "white", "linestyle": "--"} if row[0].predicted else {}
            note = f": as fast at {_plain(at)}" if at else ": no crossover in this range" if crossover else ""
            ax.plot(sizes, times, color=COLOURS[n % 7], marker=MARKERS[n % 7], linewidth=1.2,
                    label=label + over + note, **hollow)  # fmt: skip
            if at:
                ax.axvline(at, color=COLOURS[n % 7], linewidth=0.8, linestyle=":")
            pairs = ", ".join(f"{a:,.4g} {b:.2f}" for a, b in zip(sizes, times, strict=True))
            said.append(f"{label}{over}{note}: {pairs}")
            places |= set(sizes)
    if not n:
        raise CourseError(f"Nothing is left to compare with {baseline!r}; add points of another backend.")
    ax.axhline(1, color="black", linewidth=1.2)
    if claim:
        ax.axhline(claim, color="black", linewidth=1, linestyle="--")
        ax.annotate(f"reported: at least {claim:g}", (0.01, claim), (0, 3), xycoords=("axes fraction", "data"),
                    textcoords="offset points", fontsize=9)  # fmt: skip
        said.append(f"a line at {claim:g}, the speed-up that was reported")
    ax.set_xscale("log")
    ax.set_yscale("log")
    title = title or f"Speed-up over {_baseline(points, names[0])[0].label if len(names) == 1 else ' and '.join(names)}"
    axes(ax, title, SIZES[x], "times as fast (1: the crossover)")
    plain_ticks(ax)
    if x != "flops":
        ax.set_xticks(sorted(places), [f"{v:g}" for v in sorted(places)])
        ax.minorticks_off()
    legend(fig, range(n))
    return with_alt(fig, f"{title}: time there over time here, against {SIZES[x]}. {'; '.join(said)}.")


def _baseline(points: Sequence[Any], baseline: str) -> list[Any]:
    found = [p for p in points if baseline in (p.backend, p.label)]
    if not found:
        known = ", ".join(sorted({p.backend for p in points}))
        raise CourseError(f"There are no points of {baseline!r} to compare with; there are {known}.")
    least = min(p.threads for p in found)
    first = next(p.label for p in found if p.threads == least)
    return [p for p in found if p.label == first]


def _plain(size: float) -> str:
    return f"{size:,.0f}" if size >= 100 else f"{size:.3g}"


def epoch_times(seconds: Sequence[float], prediction: Any, title: str = "Is a short run enough?") -> Figure:
    """Left: seconds of each epoch. Right: the total that each prediction expects, with its interval, and the true one.

    prediction: an Interval (`cnn_runtime.fits.prediction_interval`), or several by name.
    """
    intervals = prediction if isinstance(prediction, Mapping) else {"predicted": prediction}
    if not len(seconds) or not intervals:
        raise CourseError("A figure of epochs needs at least one epoch and one prediction; measure some epochs first.")
    total = float(sum(seconds))
    fig = figure(9, max(3.2, 2.2 + 0.4 * len(intervals)))
    left, right = fig.subplots(1, 2)
    left.plot(range(1, len(seconds) + 1), [1e3 * s for s in seconds], color=COLOURS[0], marker="o", linewidth=1)
    left.set_ylim(bottom=0)
    axes(left, "Each epoch", "epoch", "time (ms)")
    epoch_axis(left, len(seconds))
    said = []
    for i, (name, p) in enumerate(intervals.items()):
        colour = COLOURS[(i + 1) % 7]
        right.errorbar(
            [p.total], [i], xerr=[[p.total - p.low], [p.high - p.total]], color=colour, marker="s", capsize=4
        )
        hit = "holds" if p.low <= total <= p.high else "misses"
        said.append(f"{name}: {p.total:.3g} s, {p.confidence:.0%} interval {p.low:.3g} to {p.high:.3g}, {hit} it")
    right.axvline(total, color="black", linewidth=1.2)
    right.annotate(
        f"measured: {total:.3g} s", (total, len(intervals) - 0.5), (4, 0), textcoords="offset points", fontsize=9
    )
    right.set_yticks(range(len(intervals)), list(intervals))
    right.set_ylim(-0.6, len(intervals) - 0.2)
    axes(right, f"All {len(seconds)} epochs", "total time (s)", "")
    fig.suptitle(title, fontsize=11)
    first, others = seconds[0], sorted(seconds[1:] or seconds)
    middle = others[len(others) // 2]
    return with_alt(
        fig,
        f"{title} {len(seconds)} epochs took {total:.3g} s, the first {ms(first)}, the median of the others "
        f"{ms(middle)}. Predicted totals: {'; '.join(said)}.",
    )
