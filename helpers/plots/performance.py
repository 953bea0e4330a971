"""Figures of speed: the roofline, and the times of algorithms beside each other."""

from __future__ import annotations

import math
import statistics
from collections.abc import Collection, Iterable, Mapping
from typing import TYPE_CHECKING, Any

from helpers.errors import CourseError
from helpers.plots.style import COLOURS, MARKERS, axes, figure, with_alt
from helpers.timing import spread

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure


ALGORITHMS = ("direct", "im2col", "tiled", "width", "dft", "my lowering", "my tiles", "my FFT", "torch")
"""Each has one colour and marker in all figures; others take the places behind."""


def _places(names: Iterable[str]) -> dict[str, int]:
    """name -> its number in the palette, the same in every figure for the algorithms that the course knows."""
    others = [name for name in names if name not in ALGORITHMS]
    return {name: i for i, name in enumerate([*ALGORITHMS, *others])}


def _style(place: int) -> dict[str, Any]:
    return {"color": COLOURS[place % 7], "marker": MARKERS[(place + place // 7) % 7]}


def roofline(
    points: Mapping[str, Mapping[str, tuple[float, float]]],
    peak: float,
    bandwidth: float,
    title: str = "Roofline",
) -> Figure:
    """Speed against arithmetic intensity, both logarithmic, below the roof min(peak, intensity · bandwidth).

    points: series -> layer -> (FLOPs per byte, FLOP/s); peak in FLOP/s; bandwidth in bytes/s. Points above the roof
    are possible: an algorithm that needs fewer operations than the definition is credited with the definition's.
    Layers are named above their points; a series of a single layer is named beside its point.
    """
    every = [point for row in points.values() for point in row.values()]
    if not every or min(peak, bandwidth, *(v for point in every for v in point)) <= 0:
        raise CourseError("A roofline needs at least one point, and peak, bandwidth and all points above zero.")
    ridge = peak / bandwidth
    low, high = min(ridge, *(x for x, _ in every)) / 4, max(ridge, *(x for x, _ in every)) * 3
    fig = figure(9, 5)
    ax = fig.subplots()
    ax.fill_between([low, ridge], 1e-9, 1e9, color="#eeeeee", linewidth=0)
    ax.annotate("memory-bound", (ridge, 0.03), (-8, 0), xycoords=("data", "axes fraction"),
                textcoords="offset points", ha="right", fontsize=9, style="italic")  # fmt: skip
    ax.annotate("compute-bound", (ridge, 0.03), (8, 0), xycoords=("data", "axes fraction"),
                textcoords="offset points", ha="left", fontsize=9, style="italic")  # fmt: skip
    ax.plot([low, ridge, high], [v / 1e9 for v in (low * bandwidth, peak, peak)], color="black", linewidth=2)
    ax.annotate(f"one matrix product: {peak / 1e9:.0f} GFLOP/s", (ridge, peak / 1e9), (-4, 3),
                textcoords="offset points", ha="right", fontsize=9)  # fmt: skip
    ax.annotate(f"copying: {bandwidth / 1e9:.1f} GB/s", (ridge / 4, peak / 4e9), (-8, 3),
                textcoords="offset points", ha="right", fontsize=9)  # fmt: skip
    alone = {name: row for name, row in points.items() if len(row) == 1}
    series = [name for name in points if name not in alone]
    places = _places(series)
    for i, name in enumerate(series):
        row = points[name]
        hollow: dict[str, Any] = {"markerfacecolor": "white"} if i % 2 else {}
        ax.plot([x for x, _ in row.values()], [y / 1e9 for _, y in row.values()], linestyle="none", markersize=8,
                markeredgewidth=1.6, label=name, **_style(places[name]), **hollow)  # fmt: skip
    for i, (x, y, name) in enumerate(sorted((*point, name) for name, row in alone.items() for point in row.values())):
        ax.plot([x], [y / 1e9], linestyle="none", marker="X", markersize=9, color="black")
        # The first name above the slope, the others below it: neighbours may be near.
        side: dict[str, Any] = {"xytext": (10, -7), "va": "top"} if i else {"xytext": (-8, 4), "ha": "right"}
        ax.annotate(name, (x, y / 1e9), textcoords="offset points", fontsize=9, **side)
    _layer_names(ax, points, alone)
    ax.set_xscale("log")
    ax.set_yscale("log")
    ax.set_xlim(low, high)
    ax.set_ylim(min(low * bandwidth, *(y for _, y in every)) / 2e9, 6 * max(peak, *(y for _, y in every)) / 1e9)
    axes(ax, title, "arithmetic intensity (FLOPs per byte that must move)", "speed (GFLOP/s)")
    ax.xaxis.set_major_formatter(lambda value, _: f"{value:g}")
    ax.yaxis.set_major_formatter(lambda value, _: f"{value:g}")
    if len(alone) < len(points):
        fig.legend(loc="outside lower center", ncols=4, frameon=False)
    said = "; ".join(
        f"{name}: " + ", ".join(f"{layer} {y / 1e9:.1f}" for layer, (_, y) in row.items())
        for name, row in points.items()
    )
    return with_alt(
        fig,
        f"{title}. The roof rises with {bandwidth / 1e9:.1f} GB/s up to {ridge:.1f} FLOPs per byte and is flat from "
        f"there, at {peak / 1e9:.0f} GFLOP/s. Measured GFLOP/s: {said}.",
    )


def _layer_names(ax: Axes, points: Mapping[str, Mapping[str, tuple[float, float]]], alone: Collection[str]) -> None:
    """The name of each layer that several series share, at its intensity; a row lower where the last one is near."""
    where = {layer: x for name, row in points.items() if name not in alone for layer, (x, _) in row.items()}
    before, lower = 0.0, 0
    for layer, x in sorted(where.items(), key=lambda item: item[1]):
        lower = (lower + 1) % 2 if before and x / before < 2 else 0
        ax.annotate(layer, (x, 1), (0, -12 - 12 * lower), xycoords=("data", "axes fraction"),
                    textcoords="offset points", ha="center", fontsize=9)  # fmt: skip
        before = x


def algorithm_times(
    timings: Mapping[str, Mapping[str, Any]],
    reference: str,
    title: str = "Time of each algorithm",
    own: Collection[str] = (),
) -> Figure:
    """Median time of each algorithm over that of `reference`: a dot with its quartiles, in a band for each layer.

    timings: layer -> algorithm -> a Timing (or its list of seconds); own: the algorithms that get a panel of their
    own on the right. Ratios are taken round by round; the axis is logarithmic.
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
    if not everything:
        raise CourseError(f"Nothing is left to compare with {reference!r}; time another algorithm, too.")
    groups = [g for g in ([n for n in names if n not in own], [n for n in names if n in own]) if g]
    most, places = max(len(group) for group in groups), _places(names)
    fig = figure(9, 1.7 + 0.19 * (most + 1) * len(timings))
    panels = fig.subplots(1, len(groups), sharex=True, sharey=True, squeeze=False)[0]
    band = most + 1
    for ax, group in zip(panels, groups, strict=True):
        for j, row in enumerate(ratios.values()):
            if j % 2 == 0:
                ax.axhspan(j * band - 0.5, (j + 1) * band - 0.5, color="#f3f3f3", linewidth=0)
            first = j * band + (band - len(group)) / 2
            for i, name in enumerate(group):
                if name in row:
                    _dot(ax, _style(places[name]), row[name], first + i, name if j == 0 else None)
        ax.axvline(1, color="black", linewidth=1.2)
        axes(ax, "" if len(groups) == 1 else "your own" if group[0] in own else "the course's", "", "")
        ax.grid(False, axis="y")
        ax.legend(loc="upper center", bbox_to_anchor=(0.5, -0.07), ncols=3, frameon=False, fontsize=9)
    ax = panels[0]
    ax.set_xscale("log")
    ax.set_xlim(min(0.5, *everything) / 1.8, max(2.0, *everything) * 2.2)
    ax.xaxis.set_major_formatter(lambda value, _: f"{value:g}")
    ax.set_yticks([(j + 0.5) * band - 0.5 for j in range(len(timings))], list(timings))
    ax.set_ylim(len(timings) * band - 0.5, -0.5)
    for ax in panels:
        ax.tick_params(axis="y", length=0)
    fig.suptitle(title, fontsize=11)
    fig.supxlabel(f"time ÷ time of {reference} (left of the line: faster)", fontsize=10)
    said = "; ".join(
        f"{layer}: " + ", ".join(f"{name} {_times(statistics.median(v))}" for name, v in row.items())
        for layer, row in ratios.items()
    )
    return with_alt(fig, f"{title}, as a multiple of the time of {reference}. {said}.")


def _dot(ax: Axes, style: dict[str, Any], values: list[float], y: float, label: str | None) -> None:
    """One algorithm on one layer: median, quartiles, and the median in numbers."""
    middle, quartiles = statistics.median(values), spread(values)
    ax.plot([quartiles["q1"], quartiles["q3"]], [y, y], color=style["color"], linewidth=1.6)
    ax.plot([middle], [y], linestyle="none", markersize=6, label=label, **style)
    # A number on the far side of its dot is never struck through by the line at 1.
    x, away, side = (quartiles["q1"], -6, "right") if middle < 1 else (quartiles["q3"], 6, "left")
    ax.annotate(_times(middle), (x, y), (away, 0), textcoords="offset points", va="center", ha=side, fontsize=8)


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
