"""The figure of the reading assignment: a library's gain over explicit lowering, in the paper and here."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from helpers.errors import CourseError
from helpers.plots.style import COLOURS, axes, figure, with_alt
from helpers.timing import ratio

if TYPE_CHECKING:
    from matplotlib.figure import Figure

HATCHES = ("", "//", "..", "xx")


def then_and_now(
    paper: Mapping[str, tuple[float, float]],
    records: Mapping[str, Mapping[str, Mapping[str, Any]]],
    then: str = "lowering by image",
    now: str = "library",
    title: str = "What the library gains over explicit lowering, 2014 and here",
) -> Figure:
    """Speed-up of each part of a training step as bars, the paper's beside those measured.

    A bar ends at the ratio of the medians, its line at the quartiles of the rounds' own ratios.

    paper: part -> (old, new) time of Table 4, with "overall" for the whole; records: device -> algorithm -> part ->
    Timing, parts forward, backward, update and step.
    """
    if not records:
        raise CourseError("There is no record to draw; measure a training step on at least one device.")
    parts = ["forward", "backward", "update", "step"]
    labels = ["forward", "backward", "update", "whole step"]
    old = [paper["overall" if part == "step" else part] for part in parts]
    bars: dict[str, list[tuple[float, float, float]]] = {"paper, Table 4 (K40)": [(a / b,) * 3 for a, b in old]}
    for device, record in records.items():
        bars[f"here, {device} (line: quartiles)"] = [_gain(record[then][part], record[now][part]) for part in parts]
    fig = figure(7.5, 1.4 + 0.75 * len(bars) + 0.6)
    ax = fig.subplots()
    height = 0.8 / len(bars)
    shown = _room([high for rows in bars.values() for *_, high in rows])
    for i, (label, rows) in enumerate(bars.items()):
        y = [k + (i - (len(bars) - 1) / 2) * height for k in range(len(parts))]
        middle = [value for value, *_ in rows]
        spread = [[m - low for m, low, _ in rows], [high - m for m, _, high in rows]]
        measured = i > 0
        ax.barh(
            y, middle, height * 0.9, label=label, color=COLOURS[i], hatch=HATCHES[i % 4], edgecolor="white",
            xerr=spread if measured else None, error_kw={"ecolor": "black", "capsize": 3, "linewidth": 1.2},
        )  # fmt: skip
        for at, (m, _, high) in zip(y, rows, strict=True):
            ax.annotate(
                f"{m:.2f}", (min(high if measured else m, shown), at), xytext=(5, 0), textcoords="offset points",
                va="center", fontsize=9,
            )  # fmt: skip
    ax.axvline(1, color="#555555", linewidth=1.2, linestyle="--")
    ax.set_xlim(0, shown * 1.12)
    axes(ax, title, "speed-up: old time ÷ new time (1: no gain)", "")
    ax.grid(False, axis="y")
    ax.set_yticks(range(len(parts)), labels)
    ax.invert_yaxis()
    fig.legend(loc="outside lower center", ncols=len(bars), frameon=False)
    said = [
        f"{label}: " + ", ".join(
            f"{name} {m:.2f}" + (f" (quartiles {low:.2f} to {high:.2f})" if low != high else "")
            for name, (m, low, high) in zip(labels, rows, strict=True)
        )
        for label, rows in bars.items()
    ]  # fmt: skip
    return with_alt(fig, f"{title}, as speed-ups. {'; '.join(said)}.")


def _gain(old: Any, new: Any) -> tuple[float, float, float]:
    """(ratio of the medians, quartiles of the ratios round by round); the line always meets the end of its bar."""
    value = old.median / new.median
    rounds = ratio(old, new)[1]
    return value, min(value, rounds["q1"]), max(value, rounds["q3"])


def _room(values: list[float]) -> float:
    """Where the axis ends: beyond every bar but an update so short that its ratio is mostly noise."""
    ordered = sorted(values)
    return 1.1 * min(ordered[-1], 2.5 * ordered[-2])
