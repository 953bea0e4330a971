"""The figures of the class report, as PNG with a text that says what they show."""

from __future__ import annotations

import base64
import io
from dataclasses import dataclass
from statistics import mean, median
from typing import Any

from .results import Graded, Row

BLUE, ORANGE, GREY = "#0072b2", "#e69f00", "#999999"


@dataclass(frozen=True)
class Figure:
    """`png` is base64; `alt` is the figure in words."""

    png: str
    alt: str


def distribution(found: Graded, rows: list[Row]) -> Figure:
    """How many students reached how many points, bonus left out."""
    points = [row.total - row.bonus for row in rows]
    top = found.assignment.points
    figure, axes = canvas(4.4)
    bins = min(10, max(4, int(top)))
    axes.hist([min(p, top) for p in points], bins=bins, range=(0, top), color=BLUE, edgecolor="white")
    middle = median(points)
    axes.axvline(middle, color=ORANGE, linewidth=2.5, linestyle="--", label=f"median {middle:g}")
    axes.legend(frameon=False)
    axes.set(title="Points without the bonus", xlabel=f"points of {top:g}", ylabel="students", xlim=(0, top))
    axes.yaxis.get_major_locator().set_params(integer=True)
    said = f"Histogram of points without the bonus for {len(points)} students: "
    said += f"from {min(points):g} to {max(points):g} "
    return finish(figure, said + f"of {top:g}, median {middle:g}, mean {mean(points):.1f}.")


def success(found: Graded, rows: list[Row]) -> Figure:
    """Mean share of an exercise's points; what waits for a human is drawn apart."""
    groups = found.assignment.exercises()
    shares, waits = [], []
    for cells in groups.values():
        top = sum(c.points for c in cells) or 1.0
        shares.append(mean(sum(r.scores.get(c.id, 0.0) for c in cells) / top for r in rows))
        waits.append(mean(sum(r.waiting.get(c.id, 0.0) for c in cells) / top for r in rows))
    figure, axes = canvas(max(3.0, 0.9 + 0.28 * len(groups)))
    names, at = list(groups), range(len(groups))
    axes.barh(at, [100 * s for s in shares], color=BLUE, label="earned")
    if any(waits):
        axes.barh(at, [100 * w for w in waits], left=[100 * s for s in shares], color="white", edgecolor=GREY,
                  hatch="///", label="waiting for a human")  # fmt: skip
        figure.legend(frameon=False, loc="outside lower center", ncols=2)
    axes.set_yticks(at, names)
    axes.invert_yaxis()
    axes.set(title="Success by exercise", xlabel="mean share of the points, %", xlim=(0, 100))
    said = "; ".join(f"{n} {100 * s:.0f} %" for n, s in zip(names, shares, strict=True))
    return finish(figure, f"Bars of the mean share of points earned in each exercise: {said}.")


def canvas(height: float) -> tuple[Any, Any]:
    from matplotlib.figure import Figure as Drawing

    figure = Drawing(figsize=(6.2, height), layout="constrained")
    axes = figure.add_subplot()
    axes.spines[["top", "right"]].set_visible(False)
    return figure, axes


def finish(figure: Any, alt: str) -> Figure:
    stream = io.BytesIO()
    figure.savefig(stream, format="png", dpi=130, metadata={"Software": None})
    return Figure(base64.b64encode(stream.getvalue()).decode("ascii"), alt)
