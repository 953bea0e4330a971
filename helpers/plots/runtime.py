"""Figures of the runtime study. Points that were not measured on this machine look different and say so."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from helpers.errors import CourseError
from helpers.plots.style import COLOURS, MARKERS, axes, figure, with_alt

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

AXES = {"parameters": "parameters of the network", "flops": "operations of a training step (MFLOP)"}


def runtime_scatter(points: Sequence[Any], x: str = "parameters", title: str = "", scale: str = "log") -> Figure:
    """Milliseconds of a training step against "parameters" or "flops", a dot with a bar for each Point.

    Every backend, machine, number of threads and batch has a colour and marker of its own. Predicted points are hollow,
    on dashed lines; recorded and predicted ones say so in the legend. scale: "log" draws a line of slope 1 through the
    largest network of each curve, as "proportional" looks there; "linear" a straight line from the first to the last
    point, and what a time in proportion to the operations would be, equal at the last point.
    """
    if scale not in ("log", "linear"):
        raise CourseError(f"scale={scale!r} is no scale of this figure; choose 'log' or 'linear'.")
    if x not in AXES:
        raise CourseError(f"x={x!r} is no axis of this figure; choose one of {', '.join(map(repr, AXES))}.")
    groups = curves(points)
    unit = 1e6 if x == "flops" else 1
    fig = figure(8, 4.2)
    ax = fig.subplots()
    said = []
    for i, (label, row) in enumerate(groups.items()):
        row = sorted(row, key=lambda p: getattr(p, x))
        places = [getattr(p, x) / unit for p in row]
        _curve(ax, i, label, row, places, [1e3 * p.seconds for p in row])
        if scale == "log":
            _proportional(ax, places, 1e3 * row[-1].seconds, "slope 1: proportional" if i == 0 else None)
        else:
            _straight(ax, places, [1e3 * p.seconds for p in row], i == 0)
            _by_operations(ax, row, x, unit, i == 0)
        said.append(f"{label}: " + ", ".join(f"{p.filters} filters {ms(p.seconds)}" for p in row))
    title = title or f"Time of a training step against {'parameters' if x == 'parameters' else 'operations'}"
    axes(ax, title, AXES[x], "median of a step (ms)")
    if scale == "log":
        ax.set_xscale("log")
        ax.set_yscale("log")
        plain_ticks(ax)
    else:
        ax.set_xlim(left=0)
        ax.set_ylim(bottom=0)
        ax.xaxis.set_major_formatter(lambda value, _: f"{value:,.0f}")
    legend(fig, ax.get_legend_handles_labels()[1], bars(points))
    return with_alt(fig, f"{title}, both axes {'logarithmic' if scale == 'log' else 'linear'}. {'; '.join(said)}.")


def bars(points: Sequence[Any]) -> str:
    """What the bars of these points mean."""
    said = ["quartiles of what was timed"] if any(not p.predicted for p in points) else []
    if any(p.predicted for p in points):
        said.append("of a prediction, what its model gives under its best and its worst assumptions")
    return "Bars: " + "; ".join(said)


def _proportional(ax: Axes, x: list[float], last: float, label: str | None) -> None:
    """Slope 1 through the last point."""
    ax.plot(x, [last * v / x[-1] for v in x], color="#888888", linewidth=0.9, linestyle=(0, (1, 2)), label=label,
            zorder=1)  # fmt: skip


def _straight(ax: Axes, x: list[float], y: list[float], first: bool) -> None:
    """From the first point to the last."""
    ax.plot([x[0], x[-1]], [y[0], y[-1]], color="#888888", linewidth=0.9, linestyle=(0, (1, 2)), zorder=1,
            label="straight line between the ends" if first else None)  # fmt: skip


def _by_operations(ax: Axes, row: Sequence[Any], x: str, unit: float, first: bool) -> None:
    """The time of all networks in between, if it were proportional to their operations; equal at the last point."""
    # Operations and parameters are polynomials of the number of filters, quadratic with two convolutions in a row.
    measured = [p.filters for p in row]
    filters = np.linspace(measured[0], measured[-1], 100)
    degree = min(2, len(set(measured)) - 1)
    flops, places = (
        np.polyval(np.polyfit(measured, [getattr(p, name) for p in row], degree), filters) for name in ("flops", x)
    )
    ax.plot([v / unit for v in places], [1e3 * row[-1].seconds * v / flops[-1] for v in flops], color="black", zorder=1,
            linewidth=1, linestyle=(0, (6, 3)), label="in proportion to the operations" if first else None)  # fmt: skip


def batch_sizes(points: Sequence[Any], title: str = "What larger batches change") -> Figure:
    """Microseconds per image against the images per batch, both logarithmic, a curve for each backend and network."""
    if not points:
        raise CourseError("There are no points to draw; measure several batches first.")
    groups: dict[str, list[Any]] = {}
    for p in sorted(points, key=lambda p: p.batch):
        groups.setdefault(f"{p.filters} filters, {p.label}", []).append(p)
    fig = figure(8, 4.2)
    ax = fig.subplots()
    said = []
    for i, (label, row) in enumerate(groups.items()):
        _curve(ax, i, label, row, [p.batch for p in row], [1e6 * p.seconds_per_image for p in row])
        said.append(f"{label}: " + ", ".join(f"batch {p.batch} {1e6 * p.seconds_per_image:.3g} µs" for p in row))
    ax.set_xscale("log", base=2)
    ax.set_yscale("log")
    axes(ax, title, "images per batch", "median time per image (µs)")
    plain_ticks(ax)
    batches = sorted({p.batch for p in points})
    ax.set_xticks(batches, [str(b) for b in batches])
    legend(fig, groups, bars(points))
    return with_alt(fig, f"{title}. {'; '.join(said)}.")


def working_sets(points: Sequence[Any], sets: Sequence[int], caches: Mapping[str, int], title: str = "") -> Figure:
    """GFLOP/s against the bytes that a step comes back to, with a line at the size of each cache.

    sets: bytes, one a point (`cnn_runtime.working_set`); caches: name -> bytes (`cnn_runtime.cache_sizes`).
    """
    if len(sets) != len(points):
        raise CourseError(f"There are {len(points)} points and {len(sets)} working sets; give one a point.")
    size = dict(zip(map(id, points), sets, strict=True))
    groups = curves(points)
    fig = figure(8, 4.2)
    ax = fig.subplots()
    said = []
    for i, (label, row) in enumerate(groups.items()):
        row = sorted(row, key=lambda p: size[id(p)])
        x, y = [size[id(p)] / 2**20 for p in row], [p.flops_per_second / 1e9 for p in row]
        ax.plot(x, y, color=COLOURS[i % 7], marker=MARKERS[i % 7], linewidth=1.1, label=label)
        said.append(f"{label}: " + ", ".join(f"{a:.3g} MiB {b:.3g} GFLOP/s" for a, b in zip(x, y, strict=True)))
    for name, count in caches.items():
        if count < min(sets) / 4:
            continue
        ax.axvline(count / 2**20, color="black", linewidth=1, linestyle=":")
        ax.annotate(name, (count / 2**20, 0.02), (3, 0), xycoords=("data", "axes fraction"),
                    textcoords="offset points", fontsize=9)  # fmt: skip
    ax.set_xscale("log", base=2)
    ax.set_ylim(bottom=0)
    title = title or "Speed against the memory that a step comes back to"
    axes(ax, title, "working set (MiB)", "speed (GFLOP/s)")
    ax.xaxis.set_major_formatter(lambda value, _: f"{value:g}")
    legend(fig, groups)
    lines = ", ".join(f"{name} {count / 2**20:g} MiB" for name, count in caches.items()) or "unknown"
    return with_alt(fig, f"{title}. {'; '.join(said)}. Caches: {lines}.")


def curves(points: Sequence[Any], batches_together: bool = False) -> dict[str, list[Any]]:
    """Legend label -> its points; the batch is named where there are several, unless they belong to one curve."""
    if not points:
        raise CourseError("There are no points to draw; measure some, or read recorded ones.")
    several = len({p.batch for p in points}) > 1 and not batches_together
    groups: dict[str, list[Any]] = {}
    for point in points:
        label = point.label + (f", batch {point.batch}" if several else "")
        groups.setdefault(label, []).append(point)
    return groups


def legend(fig: Figure, groups: Any, note: str = "") -> None:
    """Below the axes, because names of machines are long; a note stands above it."""
    longest = max((len(label) for ax in fig.axes for label in ax.get_legend_handles_labels()[1]), default=0)
    fig.legend(loc="outside lower center", ncols=1 if len(groups) < 4 or longest > 50 else 2, frameon=False, fontsize=9,
               title=note or None, title_fontsize=9)  # fmt: skip


def plain_ticks(ax: Axes, which: str = "xy") -> None:
    """Numbers, not powers of ten, on logarithmic axes."""
    from matplotlib.ticker import FuncFormatter, LogLocator, NullFormatter

    for axis in (getattr(ax, f"{name}axis") for name in which):
        axis.set_major_locator(LogLocator(subs=(1, 2, 5), numticks=12))
        axis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:,.0f}" if value >= 10 else f"{value:g}"))
        axis.set_minor_formatter(NullFormatter())


def _curve(ax: Axes, i: int, label: str, row: Sequence[Any], x: list[float], y: list[float]) -> None:
    colour, kind = COLOURS[i % 7], row[0].kind
    ratio = [value / p.seconds for value, p in zip(y, row, strict=True)]
    spans = [[v - r * p.low for v, r, p in zip(y, ratio, row, strict=True)],
             [r * p.high - v for v, r, p in zip(y, ratio, row, strict=True)]]  # fmt: skip
    ax.errorbar(x, y, yerr=spans, color=colour, label=label, marker=MARKERS[i % 7], markersize=6, capsize=2.5,
                markerfacecolor="white" if kind == "predicted" else colour, linewidth=1.1,
                linestyle={"predicted": "--", "recorded": ":"}.get(kind, "-"))  # fmt: skip


def ms(seconds: float) -> str:
    """Milliseconds to three digits."""
    return f"{1e3 * seconds:.3g} ms"
