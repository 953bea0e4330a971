"""Figures of the runtime study. Points that were not measured on this machine look different and say so."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from helpers.errors import CourseError
from helpers.plots.style import COLOURS, MARKERS, axes, figure, with_alt

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

AXES = {"parameters": "parameters of the network", "flops": "operations of a training step (MFLOP)"}


def runtime_scatter(points: Sequence[Any], x: str = "parameters", title: str = "") -> Figure:
    """Milliseconds of a training step against "parameters" or "flops", both logarithmic: a dot and quartiles a Point.

    Every backend, machine, number of threads and batch has a colour and marker of its own. Predicted points are hollow,
    on dashed lines; recorded and predicted ones say so in the legend.
    """
    if x not in AXES:
        raise CourseError(f"x={x!r} is no axis of this figure; choose one of {', '.join(map(repr, AXES))}.")
    groups = curves(points)
    scale = 1e6 if x == "flops" else 1
    fig = figure(9, 4.6)
    ax = fig.subplots()
    said = []
    for i, (label, row) in enumerate(groups.items()):
        row = sorted(row, key=lambda p: getattr(p, x))
        places = [getattr(p, x) / scale for p in row]
        _curve(ax, i, label, row, places, [1e3 * p.seconds for p in row])
        said.append(f"{label}: " + ", ".join(f"{p.filters} filters {_ms(p.seconds)}" for p in row))
    ax.set_xscale("log")
    ax.set_yscale("log")
    title = title or f"Time of a training step against {'parameters' if x == 'parameters' else 'operations'}"
    axes(ax, title, AXES[x], "median of a step (ms), quartiles")
    plain_ticks(ax)
    legend(fig, groups)
    return with_alt(fig, f"{title}. Medians. {'; '.join(said)}.")


def curves(points: Sequence[Any]) -> dict[str, list[Any]]:
    """Legend label -> its points; the batch is named where there are several."""
    if not points:
        raise CourseError("There are no points to draw; measure some, or read recorded ones.")
    several = len({p.batch for p in points}) > 1
    groups: dict[str, list[Any]] = {}
    for point in points:
        label = point.label + (f", batch {point.batch}" if several else "")
        groups.setdefault(label, []).append(point)
    return groups


def legend(fig: Figure, groups: Any) -> None:
    """Below the axes, because names of machines are long."""
    fig.legend(loc="outside lower center", ncols=1 if len(groups) < 4 else 2, frameon=False, fontsize=9)


def plain_ticks(ax: Axes) -> None:
    """Numbers, not powers of ten, on both logarithmic axes."""
    from matplotlib.ticker import FuncFormatter, LogLocator, NullFormatter

    for axis in (ax.xaxis, ax.yaxis):
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


def _ms(seconds: float) -> str:
    return f"{1e3 * seconds:.3g} ms"
