"""Figures of the study of learning rates on a CNN: validation error, the initial plateau, gradients by layer."""

from __future__ import annotations

import math
import statistics
from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from helpers.errors import CourseError
from helpers.plots.style import axes, epoch_axis, figure, line, with_alt

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

Steps = int | None | Sequence[int | None]


def error_curves(
    curves: Mapping[float, Sequence[Any]], title: str = "", panels: Mapping[str, Iterable[float]] | None = None
) -> Figure:
    """Error on the held-out images (%) after each epoch: the median over the seeds as a line, their range as bars.

    curves: rate -> the Histories of its seeds; panels: title -> the rates of a panel, one panel of all rates where
    none is given. Colours run from the smallest rate (dark) to the largest. A title is made where none is given.
    """
    from matplotlib import colormaps

    held_out, seeds = _checked(curves)
    title = title or f"{held_out.capitalize()} error for each learning rate"
    what = f"median and range of {seeds} seeds" if seeds > 1 else "one seed"
    panels = {name: sorted(rates) for name, rates in (panels or {f"{title} ({what})": curves}).items()}
    fig = figure(7.5 if len(panels) == 1 else 9.5, 4.2)
    drawn = sorted({rate for rates in panels.values() for rate in rates})
    parts = fig.subplots(1, len(panels), sharey=True, squeeze=False)[0]
    for ax, (name, rates) in zip(parts, panels.items(), strict=True):
        for rate in rates:
            rows = [[100 * e for e in run.error] for run in curves[rate]]
            middle = [statistics.median(epoch) for epoch in zip(*rows, strict=True)]
            i = drawn.index(rate)
            colour = colormaps["viridis"](0.9 * i / max(1, len(drawn) - 1))
            style = line(i, len(middle)) | {"color": colour, "linestyle": "-"}
            ax.plot(range(1, len(middle) + 1), middle, label=f"rate {rate:g}", **style)
            # Bands of many rates would cover each other; bars stand where the line has its markers.
            first, every = style["markevery"]
            for k in range(first, len(middle), every):
                values = [row[k] for row in rows]
                ax.plot([k + 1] * 2, [min(values), max(values)], color=style["color"], linewidth=1)
        axes(ax, name, "epoch", f"{held_out} error (%)" if ax.get_subplotspec().is_first_col() else "")
        epoch_axis(ax, max(len(run.error) for rate in rates for run in curves[rate]))
        ax.legend(frameon=False, fontsize=8, loc="upper left", bbox_to_anchor=(1.0, 1.0))
    _error_axis(parts[0], [100 * e for rate in drawn for run in curves[rate] for e in run.error])
    if len(panels) > 1:
        fig.suptitle(f"{title} ({what})", fontsize=11)
    said = {
        rate: [statistics.median(100 * run.error[k] for run in curves[rate]) for k in (0, -1)]
        for rate in reversed(drawn)
    }
    words = "; ".join(f"rate {rate:g} from {first:.1f}% to {last:.1f}%" for rate, (first, last) in said.items())
    return with_alt(fig, f"{title}, {what}, from the first epoch to the last: {words}.")


def error_by_rate(curves: Mapping[float, Sequence[Any]], title: str = "", edge: float | None = None) -> Figure:
    """Error on the held-out images (%) after the last epoch against the learning rate: a dot per seed, a line through
    the medians. curves: rate -> the Histories of its seeds; edge: the predicted slowest rate that leaves the plateau.
    """
    held_out, seeds = _checked(curves)
    title = title or f"Final {held_out} error against the learning rate"
    fig = figure(7, 4)
    ax = fig.subplots()
    rates = sorted(curves)
    final = {rate: [100 * run.error[-1] for run in curves[rate]] for rate in rates}
    middle = [statistics.median(final[rate]) for rate in rates]
    ax.plot(rates, middle, label="median", **line(0))
    style = line(1, 1)
    x, y = zip(*[(rate, error) for rate in rates for error in final[rate]], strict=True)
    ax.plot(x, y, style["marker"], color=style["color"], alpha=0.7, markeredgecolor="white", label="one seed")
    if edge is not None:
        ax.axvline(edge, color="#555555", linestyle="--", linewidth=1.2, label=f"predicted edge, {edge:.2g}")
    axes(ax, title, "learning rate", f"{held_out} error after the last epoch (%)")
    _log_axis(ax, rates)
    _error_axis(ax, [e for errors in final.values() for e in errors])
    ax.legend(frameon=False)
    said = [
        f"rate {r:g} {statistics.median(v):.2f}%" + (f" ({min(v):.2f} to {max(v):.2f})" if len(v) > 1 else "")
        for r, v in final.items()
    ]
    marked = "" if edge is None else f" A line marks the predicted edge at {edge:.2g}."
    return with_alt(fig, f"{title}, medians over {seeds} seeds: {'; '.join(said)}.{marked}")


def gradient_norms(
    norms: Mapping[str, Sequence[float]], steps: Sequence[int], title: str = "Gradient norms by layer"
) -> Figure:
    """The norm of each layer's gradient (logarithmic) against the steps taken. norms: layer -> one per step."""
    if not norms or not steps or any(len(values) != len(steps) for values in norms.values()):
        raise CourseError("There are no norms to draw; pass one for each layer and step, and at least one step.")
    fig = figure(7, 3.8)
    ax = fig.subplots()
    said = []
    for i, (layer, values) in enumerate(norms.items()):
        ax.plot(steps, values, label=layer, **line(i, len(steps)))
        said.append(f"{layer} starts at {values[0]:.2g}, is at most {max(values):.2g} and ends at {values[-1]:.2g}")
    axes(ax, title, "steps taken", "norm of the gradient for the weights")
    _plain_log(ax)
    fig.legend(loc="outside right upper", frameon=False)
    return with_alt(fig, f"{title}, over {steps[-1]} steps: {'; '.join(said)}.")


def plateau_lengths(
    lengths: Mapping[float, Mapping[float, Steps]], most: int | None = None,
    title: str = "Length of the initial plateau", level: float = 2.0,
) -> Figure:  # fmt: skip
    """Steps until the loss is below `level` against the learning rate, both logarithmic, one line per scale.

    lengths: scale of the initial weights -> rate -> steps, one number or one per seed, None where the plateau was not
    left; most: the number of steps after which runs were stopped. Grey dotted lines: rate × steps constant, through
    each scale's lowest rate.
    """
    rows = {s: {r: _several(steps) for r, steps in row.items()} for s, row in lengths.items()}
    left = [n for row in rows.values() for steps in row.values() for n in steps if n is not None]
    if not left:
        raise CourseError("No run has left its plateau, so there is no length to draw; give them more steps.")
    top = most or 2 * max(left)
    fig = figure(7.5, 4.4)
    ax = fig.subplots()
    said, never = [], False
    for i, scale in enumerate(sorted(rows)):
        style, row = line(i, 1) | {"linestyle": "-"}, rows[scale]
        found = {r: [n for n in row[r] if n is not None] for r in sorted(row)}
        middle = {r: statistics.median(n) for r, n in found.items() if len(n) == len(row[r]) > 0}
        dots = [(r, n) for r, steps in found.items() for n in steps]
        ax.plot(*_columns(dots), style["marker"], color=style["color"], alpha=0.6, markeredgecolor="white")
        ax.plot([*middle], [*middle.values()], label=f"weights × {scale:g}", **style)
        if middle:
            first = min(middle)
            area = first * middle[first]
            ax.plot([*sorted(row)], [area / r for r in sorted(row)], ":", color="#555555", linewidth=1.2)
            products = [r * n for r, n in middle.items()]
            said.append(f"weights × {scale:g}: rate × steps from {min(products):.3g} to {max(products):.3g}")
        stuck = [r for r in sorted(row) if len(found[r]) < len(row[r])]
        if stuck:
            never = True
            ax.plot(stuck, [top] * len(stuck), "^", color=style["color"], markerfacecolor="white", markersize=9)
            said.append(f"weights × {scale:g} not left by all seeds at rate {', '.join(f'{r:g}' for r in stuck)}")
    handles, labels = ax.get_legend_handles_labels()
    handles += ax.plot([], [], ":", color="#555555")
    labels.append("rate × steps constant")
    if never:
        handles += ax.plot([], [], "^", color="#555555", markerfacecolor="white", markersize=9)
        labels.append(f"some not within {top} steps")
    axes(ax, title, "learning rate", f"steps until the loss is below {level:g}")
    _plain_log(ax)
    ax.set_ylim(0.7 * min(left), 1.6 * top if never else 1.6 * max(left))
    _log_axis(ax, [r for row in rows.values() for r in row])
    fig.legend(handles, labels, loc="outside right upper", frameon=False)
    return with_alt(
        fig,
        f"{title}: steps until the loss is below {level:g} against the learning rate, for each scale of the initial "
        f"weights. {'; '.join(said)}.",
    )


def plateau_depths(
    times: Mapping[str, Mapping[float, Sequence[float]]],
    powers: Mapping[str, float] | None = None,
    title: str = "Time on the plateau by scale and depth",
) -> Figure:
    """Rate × steps to the end of the plateau against the scale of the initial weights, both logarithmic.

    times: label (such as "4 layers") -> scale -> one rate × steps per run; powers: label -> the power of the scale that
    is expected, drawn as a dotted line through the middle of its points.
    """
    rows = {label: {s: v for s, v in row.items() if v} for label, row in times.items()}
    if not any(rows.values()):
        raise CourseError("There is no plateau to draw; pass rate × steps of at least one run.")
    fig = figure(7, 4)
    ax = fig.subplots()
    said = []
    for i, (label, row) in enumerate((label, row) for label, row in rows.items() if row):
        style, scales = line(i, 1), sorted(row)
        middle = [statistics.median(row[s]) for s in scales]
        ax.plot(scales, middle, label=label, **style)
        dots = [(s, v) for s in scales for v in row[s]]
        ax.plot(*_columns(dots), style["marker"], color=style["color"], alpha=0.6, markeredgecolor="white")
        text = f"{label}: " + ", ".join(f"{v:.3g} at {s:g}" for s, v in zip(scales, middle, strict=True))
        if powers and label in powers:
            power = powers[label]
            constant = math.exp(
                statistics.fmean(math.log(v) - power * math.log(s) for s, v in zip(scales, middle, strict=True))
            )
            ax.plot(
                scales, [constant * s**power for s in scales], ":", color=style["color"], linewidth=1.5,
                label=f"scale to the power {power:g}".replace("-", "−"),
            )  # fmt: skip
            text += f", beside a line for scale to the power {power:g}"
        said.append(text)
    axes(ax, title, "scale of the initial weights", "rate × steps")
    _plain_log(ax)
    _log_axis(ax, [s for row in rows.values() for s in row])
    fig.legend(loc="outside right upper", frameon=False)
    return with_alt(fig, f"{title}. Medians: {'; '.join(said)}.")


def plateau_loss(
    losses: Mapping[str, Sequence[float]], title: str = "The first steps", smooth: int = 5, level: float | None = None
) -> Figure:
    """Training loss against the number of steps (logarithmic): label -> loss of each mini-batch, drawn as the mean of
    `smooth` of them. Lines mark ln 10, the loss of guessing one of ten classes, and the level where the plateau ends.
    """
    from matplotlib.ticker import FuncFormatter, LogLocator, NullFormatter

    if not losses or any(len(values) < smooth for values in losses.values()):
        raise CourseError(f"There is no loss to draw; pass at least {smooth} steps for each run.")
    fig = figure(7.5, 4)
    ax = fig.subplots()
    said = []
    for i, (label, values) in enumerate(losses.items()):
        mean = [statistics.fmean(values[k : k + smooth]) for k in range(len(values) - smooth + 1)]
        ax.plot(range(smooth, len(values) + 1), mean, label=label, **line(i))
        said.append(f"{label} from {mean[0]:.2f} to {mean[-1]:.2f} in {len(values)} steps")
    ax.axhline(math.log(10), color="#777777", linewidth=1, label="ln 10, the loss of guessing")
    if level is not None:
        ax.axhline(level, color="#777777", linewidth=1, linestyle="--", label=f"{level:g}, the end of the plateau")
    axes(ax, title, "steps taken", f"training loss (mean of {smooth} batches)")
    ax.set_xscale("log")
    ax.xaxis.set_major_locator(LogLocator(10, subs=(1, 2, 5)))
    ax.xaxis.set_major_formatter(FuncFormatter(lambda v, _: f"{v:g}"))
    ax.xaxis.set_minor_formatter(NullFormatter())
    ax.set_ylim(0, max(2.6, 1.05 * max(max(values) for values in losses.values())))
    fig.legend(loc="outside right upper", frameon=False)
    return with_alt(fig, f"{title}, training loss: {'; '.join(said)}.")


def _checked(curves: Mapping[float, Sequence[Any]]) -> tuple[str, int]:
    """(what the images held out are, seeds of each rate); CourseError for histories that can't be drawn together."""
    if not curves or any(not runs or any(not run.test_loss for run in runs) for runs in curves.values()):
        raise CourseError("There is no curve to draw; pass at least one trained history for each rate.")
    kinds = {run.held_out for runs in curves.values() for run in runs}
    if len(kinds) > 1:
        raise CourseError("Some histories are of test images and others of validation images; draw them apart.")
    for rate, runs in curves.items():
        if len({len(run.test_loss) for run in runs}) > 1:
            raise CourseError(f"The histories of rate {rate:g} have different numbers of epochs; draw whole runs.")
    return kinds.pop(), max(len(runs) for runs in curves.values())


def _several(steps: Steps) -> list[int | None]:
    return [steps] if steps is None or isinstance(steps, int) else list(steps)


def _columns(pairs: Sequence[tuple[float, float]]) -> tuple[list[float], list[float]]:
    return [x for x, _ in pairs], [y for _, y in pairs]


def _error_axis(ax: Axes, values: Iterable[float]) -> None:
    """Per cent from just below the smallest error to just above the largest, logarithmic where they differ much."""
    from matplotlib.ticker import FuncFormatter, NullFormatter

    finite = [v for v in values if math.isfinite(v)]
    low, high = min(finite), max(finite)
    if low > 0 and high / low > 5:
        ax.set_yscale("log")
        ax.set_ylim(low / 1.15, min(100.0, high * 1.15))
        ticks = [t for t in (0.1, 0.2, 0.5, 1, 2, 5, 10, 20, 50, 100) if low / 1.15 <= t <= high * 1.15]
        ax.set_yticks(ticks)
        ax.yaxis.set_minor_formatter(NullFormatter())
    else:
        room = max(0.08 * (high - low), 0.1)
        ax.set_ylim(max(0.0, low - room), min(100.0, high + room))
    ax.yaxis.set_major_formatter(FuncFormatter(lambda v, _: f"{v:g}"))


def _plain_log(ax: Axes) -> None:
    """A logarithmic y axis with plain numbers, and 2 and 5 between the tens where there is room. Call it last."""
    from matplotlib.ticker import FuncFormatter, LogLocator, NullFormatter

    ax.set_yscale("log")
    low, high = ax.get_ylim()
    ax.yaxis.set_major_locator(LogLocator(10, subs=(1, 2, 5) if high < 3000 * low else (1,), numticks=12))
    ax.yaxis.set_major_formatter(FuncFormatter(lambda v, _: f"{v:g}"))
    ax.yaxis.set_minor_formatter(NullFormatter())


def _log_axis(ax: Axes, values: Iterable[float]) -> None:
    """A logarithmic x axis with these values as ticks; of those too close to be read only some are labelled."""
    ax.set_xscale("log")
    values = sorted(set(values))
    apart = max(1.2, (values[-1] / values[0]) ** (1 / 13))
    shown: list[float] = []
    for value in values:
        if not shown or value >= apart * shown[-1]:
            shown.append(value)
    ax.set_xticks(shown, [f"{value:g}" for value in shown])
    ax.minorticks_off()
