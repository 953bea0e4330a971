"""The figure of one run that a JSON file describes: how many images it still gets wrong."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

from helpers.errors import CourseError
from helpers.plots.style import axes, epoch_axis, figure, line, with_alt

if TYPE_CHECKING:
    from matplotlib.figure import Figure


def error_curve(history: Any, title: str = "") -> Figure:
    """Error on the images held out, in per cent, after each epoch of one run; its lowest epoch is marked."""
    errors = [100 * error for error in history.error]
    if not errors:
        raise CourseError(f"The history {history.label!r} has no epochs to draw; train first.")
    title = title or f"{history.held_out.capitalize()} error, {history.label}"
    epochs, best = len(errors), errors.index(min(errors))
    fig = figure(7, 3.8)
    ax = fig.subplots()
    ax.plot(range(1, epochs + 1), errors, **line(0, epochs))
    ax.plot(best + 1, errors[best], "*", color="black", markersize=13, zorder=5, label=f"lowest, epoch {best + 1}")
    axes(ax, title, "epoch", f"{history.held_out} images classified wrongly (%)")
    epoch_axis(ax, epochs)
    if min(errors) > 0 and max(errors) / min(errors) > 8:
        ax.set_yscale("log")
        ax.set_yticks(*_ticks(min(errors), max(errors)))
        ax.minorticks_off()
    else:
        ax.set_ylim(0, 1.08 * max(errors) or 1)
    ax.legend(frameon=False)
    return with_alt(
        fig,
        f"{title}, over {epochs} epochs: from {errors[0]:.2f}% after the first to {errors[-1]:.2f}% after the last; "
        f"lowest, {errors[best]:.2f}%, after epoch {best + 1}.",
    )


def _ticks(low: float, high: float) -> tuple[list[float], list[str]]:
    """Places 1, 2 and 5 of each decade around the values, and their texts."""
    decades = range(math.floor(math.log10(low)) - 1, math.ceil(math.log10(high)) + 1)
    ticks = [step * 10.0**decade for decade in decades for step in (1, 2, 5)]
    ticks = [tick for tick in ticks if low / 2 <= tick <= high * 2]
    return ticks, [f"{tick:g}" for tick in ticks]
