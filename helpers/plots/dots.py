"""Many candidates beside one reference, a row of dots for each case."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from helpers.errors import CourseError
from helpers.plots.style import COLOURS, MARKERS, axes, figure, with_alt

if TYPE_CHECKING:
    from matplotlib.figure import Figure


def ratio_dots(rows: Mapping[str, Mapping[str, float]], reference: str, title: str, limit: float = 30.0) -> Figure:
    """A row for each case, a dot for each candidate: its time over that of the reference, logarithmic.

    rows: case -> candidate -> ratio (below 1: faster than the reference). A dot beyond `limit` stands at the edge.
    """
    names = list(dict.fromkeys(name for row in rows.values() for name in row))
    if not names or any(not (value > 0 and math.isfinite(value)) for row in rows.values() for value in row.values()):
        raise CourseError("A figure of ratios needs at least one case, and ratios above zero.")
    fig = figure(9, 1.6 + 0.27 * len(rows))
    ax = fig.subplots()
    places = {case: len(rows) - i for i, case in enumerate(rows)}
    for i, name in enumerate(names):
        hollow: dict[str, Any] = {"markerfacecolor": "white"} if i >= 7 else {}
        here = [(min(row[name], limit), places[case]) for case, row in rows.items() if name in row]
        style = {"marker": MARKERS[(i + i // 7) % 7], "color": COLOURS[i % 7], **hollow}
        ax.plot([x for x, _ in here], [y for _, y in here], linestyle="none", markersize=6, label=name, **style)
    ax.axvline(1, color="black", linewidth=1.2)
    ax.annotate(f"← faster than {reference}", (1, len(rows) + 0.75), (-6, 0), textcoords="offset points", ha="right")
    ax.annotate("slower →", (1, len(rows) + 0.75), (6, 0), textcoords="offset points", ha="left")
    ax.set_xscale("log")
    ax.set_xlim(right=limit * 1.25)
    ax.set_ylim(0.4, len(rows) + 1.5)
    ax.set_yticks(list(places.values()), list(places))
    axes(ax, title, f"time ÷ time of {reference} (beyond {limit:g}: at the edge)", "")
    ax.xaxis.set_major_formatter(lambda value, _: f"{value:g}")
    fig.legend(loc="outside lower center", ncols=min(5, len(names)), frameon=False)
    said = "; ".join(f"{case}: " + ", ".join(f"{n} {v:.2f}" for n, v in row.items()) for case, row in rows.items())
    return with_alt(fig, f"{title}. Time over that of {reference}, below 1 is faster. {said}.")
