"""The figure of the reading assignment: a library's gain over explicit lowering, in the paper and here."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from helpers.errors import CourseError
from helpers.plots.style import COLOURS, MARKERS, axes, figure, with_alt
from helpers.timing import ratio

if TYPE_CHECKING:
    from matplotlib.figure import Figure


def then_and_now(
    paper: Mapping[str, tuple[float, float]],
    records: Mapping[str, Mapping[str, Mapping[str, Any]]],
    then: str = "lowering by image",
    now: str = "library",
    title: str = "What the library gains over explicit lowering, 2014 and here",
) -> Figure:
    """Speed-up of each part of a training step, the paper's beside those measured: a dot, and a line for the quartiles.

    A dot is the ratio of the medians, its line holds the quartiles of the rounds' own ratios. Where these include 1 the
    difference may be noise: the dot is hollow and grey.

    paper: part -> (old, new) time of Table 4, with "overall" for the whole; records: device -> algorithm -> part ->
    Timing, parts forward, backward, update and step.
    """
    if not records:
        raise CourseError("There is no record to draw; measure a training step on at least one device.")
    parts = ["forward", "backward", "update", "step"]
    labels = ["forward", "backward", "update", "whole step"]
    old = [paper["overall" if part == "step" else part] for part in parts]
    groups: dict[str, list[tuple[float, float, float]]] = {"paper, Table 4 (K40)": [(a / b,) * 3 for a, b in old]}
    for device, record in records.items():
        groups[f"here, {device} (line: quartiles)"] = [_gain(record[then][part], record[now][part]) for part in parts]
    fig = figure(7.5, 1.9 + 0.6 * len(groups))
    ax = fig.subplots()
    height = 0.7 / len(groups)
    shown = _room([high for rows in groups.values() for *_, high in rows])
    for i, (label, rows) in enumerate(groups.items()):
        ax.plot([], [], MARKERS[i], color=COLOURS[i], markersize=8, label=label)
        for k, (m, low, high) in enumerate(rows):
            y = k + (i - (len(groups) - 1) / 2) * height
            noise = i > 0 and low <= 1 <= high
            colour = "#888888" if noise else COLOURS[i]
            ax.plot([low, min(high, shown)], [y, y], color=colour, linewidth=2)
            ax.plot(m, y, MARKERS[i], color=colour, markersize=8, markerfacecolor="white" if noise else colour)
            ax.annotate(f"{m:.2f}", (min(high, shown), y), xytext=(9, 0), textcoords="offset points", va="center",
                        fontsize=9, color="#555555" if noise else "black")  # fmt: skip
    ax.plot([], [], "o", color="#888888", markerfacecolor="white", markersize=8, label="within the noise of 1")
    ax.axvline(1, color="#555555", linewidth=1.2, linestyle="--")
    ax.set_xlim(0, shown * 1.12)
    axes(ax, title, "speed-up: old time ÷ new time (1: no gain)", "")
    ax.set_yticks(range(len(parts)), labels)
    ax.set_ylim(len(parts) - 0.5, -0.5)
    fig.legend(loc="outside lower center", ncols=min(3, len(groups) + 1), frameon=False)
    said = [
        f"{label}: " + ", ".join(
            f"{name} {m:.2f}" + (f" (quartiles {low:.2f} to {high:.2f})" if low != high else "")
            for name, (m, low, high) in zip(labels, rows, strict=True)
        )
        for label, rows in groups.items()
    ]  # fmt: skip
    return with_alt(fig, f"{title}, as speed-ups. {'; '.join(said)}.")


def _gain(old: Any, new: Any) -> tuple[float, float, float]:
    """(ratio of the medians, quartiles of the ratios round by round); the line always holds the dot."""
    value = old.median / new.median
    rounds = ratio(old, new)[1]
    return value, min(value, rounds["q1"]), max(value, rounds["q3"])


def _room(values: list[float]) -> float:
    """Where the axis ends: beyond every dot but an update so short that its ratio is mostly noise."""
    ordered = sorted(values)
    return 1.1 * min(ordered[-1], 2.5 * ordered[-2])
