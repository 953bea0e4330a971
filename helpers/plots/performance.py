"""Figures of speed: the roofline, and bars of algorithms beside each other."""

from __future__ import annotations

import math
import statistics
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from helpers.errors import CourseError
from helpers.plots.style import COLOURS, MARKERS, axes, figure, with_alt
from helpers.timing import spread

if TYPE_CHECKING:
    from matplotlib.figure import Figure

HATCHES = ("", "//", "\\\\", "..", "xx", "--", "++")


def roofline(
    points: Mapping[str, Mapping[str, tuple[float, float]]],
    peak: float,
    bandwidth: float,
    title: str = "Roofline",
) -> Figure:
    """Speed against arithmetic intensity, both logarithmic, below the roof min(peak, intensity · bandwidth).

    points: algorithm -> layer -> (FLOPs per byte, FLOP/s); peak in FLOP/s; bandwidth in bytes/s. Points above the roof
    are possible: an algorithm that needs fewer operations than the definition is credited with the definition's.
    """
    every = [point for row in points.values() for point in row.values()]
    if not every or min(peak, bandwidth, *(v for point in every for v in point)) <= 0:
        raise CourseError("A roofline needs at least one point, and peak, bandwidth and all points above zero.")
    ridge = peak / bandwidth
    low, high = min(ridge, *(x for x, _ in every)) / 3, max(ridge, *(x for x, _ in every)) * 3
    fig = figure(9, 4.6)
    ax = fig.subplots()
    ax.plot([low, ridge, high], [v / 1e9 for v in (low * bandwidth, peak, peak)], color="black", linewidth=2)
    ax.annotate(f"one matrix product: {peak / 1e9:.0f} GFLOP/s", (ridge, peak / 1e9), (-6, 5),
                textcoords="offset points", ha="left", fontsize=9)  # fmt: skip
    ax.annotate(f"copying: {bandwidth / 1e9:.1f} GB/s", (low, low * bandwidth / 1e9), (12, 0),
                textcoords="offset points", ha="left", fontsize=9)  # fmt: skip
    for i, (algorithm, row) in enumerate(points.items()):
        style: dict[str, Any] = {"color": COLOURS[i % 7], "marker": MARKERS[(i + i // 7) % 7]}
        if i >= 7:
            style["markerfacecolor"] = "white"
        ax.plot([x for x, _ in row.values()], [y / 1e9 for _, y in row.values()], linestyle="none", markersize=7,
                label=algorithm, **style)  # fmt: skip
    where = {layer: x for row in points.values() for layer, (x, _) in row.items()}
    for i, (layer, x) in enumerate(sorted(where.items(), key=lambda item: item[1])):
        # Layers of nearly the same intensity: names in two rows.
        ax.annotate(layer, (x, 1), (0, -11 - 12 * (i % 2)), xycoords=("data", "axes fraction"),
                    textcoords="offset points", ha="center", fontsize=9)  # fmt: skip
    ax.set_xscale("log")
    ax.set_yscale("log")
    ax.set_xlim(low, high)
    ax.set_ylim(top=3 * max(peak, *(y for _, y in every)) / 1e9)
    axes(ax, title, "arithmetic intensity (FLOPs per byte that must move)", "speed (GFLOP/s)")
    fig.legend(loc="outside right upper", frameon=False)
    said = "; ".join(
        f"{algorithm}: " + ", ".join(f"{layer} {y / 1e9:.1f}" for layer, (_, y) in row.items())
        for algorithm, row in points.items()
    )
    return with_alt(
        fig,
        f"{title}. The roof rises with {bandwidth / 1e9:.1f} GB/s up to {ridge:.1f} FLOPs per byte and is flat from "
        f"there, at {peak / 1e9:.0f} GFLOP/s. Measured GFLOP/s: {said}.",
    )


def algorithm_bars(
    timings: Mapping[str, Mapping[str, Any]], reference: str, title: str = "Time of each algorithm"
) -> Figure:
    """Median time of each algorithm over that of `reference`, one panel a layer, logarithmic, with the quartiles.

    timings: layer -> algorithm -> a Timing (or its list of seconds). Ratios are taken round by round.
    """
    missing = [layer for layer, row in timings.items() if reference not in row]
    if not timings or missing:
        raise CourseError(
            f"There is no timing of {reference!r} for {missing[0] if missing else 'any layer'}; time it, too."
        )
    names = list(dict.fromkeys(name for row in timings.values() for name in row if name != reference))
    ratios = {
        layer: {name: _ratios(row[name], row[reference]) for name in names if name in row}
        for layer, row in timings.items()
    }
    everything = [v for row in ratios.values() for values in row.values() for v in values]
    low, high = min(0.5, *everything) / 1.3, max(2.0, *everything) * 2.6
    fig = figure(max(6.0, 1.3 + 1.75 * len(timings)), max(2.2, 1.1 + 0.3 * len(names)))
    panels = fig.subplots(1, len(timings), sharey=True, squeeze=False)[0]
    for ax, (layer, row) in zip(panels, ratios.items(), strict=True):
        for i, name in enumerate(names):
            if name not in row:
                continue
            middle = statistics.median(row[name])
            quartiles = spread(row[name])
            colour: dict[str, Any] = {"color": COLOURS[i % 7], "hatch": HATCHES[i // 7], "edgecolor": "white"}
            ax.barh(i, middle - low, left=low, linewidth=0, **colour)
            ax.plot([quartiles["q1"], quartiles["q3"]], [i, i], color="black", linewidth=1.4)
            ax.annotate(_times(middle), (quartiles["q3"], i), (3, 0), textcoords="offset points", va="center",
                        fontsize=8)  # fmt: skip
        axes(ax, layer, "", "")
        ax.set_xscale("log")
        ax.set_xlim(low, high)
        ax.axvline(1, color="black", linewidth=0.9)
        ax.grid(False, axis="y")
        ticks = [t for t in (0.01, 0.1, 1, 10, 100, 1000) if low <= t <= high]
        ax.set_xticks(ticks, [f"{t:g}" for t in ticks])
        ax.minorticks_off()
    panels[0].set_yticks(range(len(names)), names)
    panels[0].invert_yaxis()
    fig.suptitle(title, fontsize=11)
    fig.supxlabel(f"time ÷ time of {reference} (below 1: faster)", fontsize=10)
    said = "; ".join(
        f"{layer}: " + ", ".join(f"{name} {_times(statistics.median(v))}" for name, v in row.items())
        for layer, row in ratios.items()
    )
    return with_alt(fig, f"{title}, as a multiple of the time of {reference}. {said}.")


def _times(ratio: float) -> str:
    """Two digits, never as a power of ten."""
    return f"{ratio:.2g}" if ratio < 10 else f"{ratio:.0f}"


def _ratios(a: Any, b: Any) -> list[float]:
    """Round by round, a ÷ b."""
    pairs = zip(list(getattr(a, "seconds", a)), list(getattr(b, "seconds", b)), strict=False)
    found = [x / y for x, y in pairs if y > 0 and math.isfinite(x)]
    if not found or min(found) <= 0:
        raise CourseError("A timing is empty, zero or negative; measure it again.")
    return found
