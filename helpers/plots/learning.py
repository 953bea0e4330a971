"""Figures of training runs: curves over epochs, learning rates, schedules, the convention trap."""

from __future__ import annotations

import math
import statistics
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from helpers.errors import CourseError
from helpers.plots.style import (
    as_dict,
    axes,
    epoch_axis,
    figure,
    line,
    log_percent_axis,
    percent_axis,
    plain_log_ticks,
    with_alt,
)

if TYPE_CHECKING:
    from matplotlib.figure import Figure


def learning_curves(history: Any, title: str = "") -> Figure:
    """Train and test loss over the epochs (left, sweet spot marked) and test accuracy (right) of one run; validation
    where it held out validation images.
    """
    _filled({history.label: history})
    kind = getattr(history, "held_out", "test")
    x = range(1, history.epochs + 1)
    best = history.best_epoch()
    fig = figure(9, 3.6)
    left, right = fig.subplots(1, 2)
    left.plot(x, history.train_loss, label="training set", **line(1, history.epochs))
    left.plot(x, history.test_loss, label=f"{kind} set", **line(0, history.epochs))
    right.plot(x, history.test_accuracy, **line(0, history.epochs))
    spot = ""
    if math.isfinite(history.test_loss[best]):
        left.plot(
            best + 1, history.test_loss[best], "*", color="black", markersize=13, zorder=5,
            label=f"sweet spot, epoch {best + 1}",
        )  # fmt: skip
        spot = f" The {kind} loss is lowest, {history.test_loss[best]:.3f}, after epoch {best + 1}."
    elif not any(map(math.isfinite, history.train_loss)):
        left.text(0.5, 0.5, "the loss is not finite", transform=left.transAxes, ha="center")
        left.set_yticks([])
    axes(left, "Loss", "epoch", "mean cross-entropy (nats)")
    axes(right, f"Accuracy on the {kind} set", "epoch", "images classified correctly")
    left.legend(frameon=False)
    percent_axis(right, history.test_accuracy)
    for ax in (left, right):
        epoch_axis(ax, history.epochs)
    fig.suptitle(title or history.label)
    return with_alt(
        fig,
        f"Learning curves, {title or history.label}: over {history.epochs} epochs the training loss goes "
        "from "
        f"{history.train_loss[0]:.3f} to {history.train_loss[-1]:.3f} and the {kind} loss from "
        f"{history.test_loss[0]:.3f} to {history.test_loss[-1]:.3f}.{spot} {kind.capitalize()} accuracy ends at "
        f"{history.test_accuracy[-1]:.1%}.",
    )


def learning_rates(histories: Any, title: str = "Test error for each learning rate") -> Figure:
    """Test error over the epochs on a logarithmic axis, where good rates stay apart; one line per learning rate.

    histories: dict label or rate -> History, or a list. A run whose loss became NaN says so in the legend.
    """
    runs = as_dict(histories)
    _filled(runs)
    fig = figure(7.5, 4)
    ax = fig.subplots()
    said, drawn = [], []
    for i, (label, run) in enumerate(runs.items()):
        broken = _nan_epoch(run)
        note = f" (loss not finite from epoch {broken})" if broken else ""
        wrapped = note.replace(" (", "\n(").replace(" from", "\nfrom")
        errors = [100 * (1 - accuracy) for accuracy in run.test_accuracy]
        drawn += [error for error in errors if error > 0]
        ax.plot(range(1, run.epochs + 1), errors, label=label + wrapped, **line(i, run.epochs))
        if broken:
            ax.plot(broken, errors[broken - 1], "x", color="black", markersize=10, zorder=5)
        said.append(f"{label} ends at {errors[-1]:.1f}%{note}")
    axes(ax, title, "epoch", "test images classified wrongly (%)")
    epoch_axis(ax, max(run.epochs for run in runs.values()))
    if drawn:
        log_percent_axis(ax, min(drawn), max(drawn))
    fig.legend(loc="outside right upper", frameon=False)
    return with_alt(fig, f"{title}, over the epochs: {'; '.join(said)}.")


def loss_gap(histories: Any, title: str = "Where the test loss turns") -> Figure:
    """For each run, the test loss near its minimum (above, with the training loss) and the test accuracy (below).

    Each panel has an axis of its own, from a little below the lowest test loss to half as much again: the training loss
    leaves it at the bottom. The epoch of the lowest test loss is marked.
    """
    runs = as_dict(histories)
    _filled(runs)
    columns = min(len(runs), 5)
    bands = math.ceil(len(runs) / columns)
    fig = figure(1.2 + 1.75 * columns, 0.8 + 3.5 * bands)
    grid = fig.subplots(2 * bands, columns, squeeze=False, sharex="col")
    for ax in grid.flat:
        ax.set_visible(False)
    said = []
    for i, (label, run) in enumerate(runs.items()):
        top, below = grid[2 * (i // columns)][i % columns], grid[2 * (i // columns) + 1][i % columns]
        x, best = range(1, run.epochs + 1), run.best_epoch()
        top.plot(x, run.train_loss, label="training loss", **line(1, run.epochs))
        top.plot(x, run.test_loss, label="test loss", **line(0, run.epochs))
        below.plot(x, run.test_accuracy, **line(2, run.epochs))
        lowest = run.test_loss[best]
        if math.isfinite(lowest):
            star = {"color": "black", "markersize": 11, "zorder": 5, "linestyle": "none"}
            top.plot(best + 1, lowest, "*", label="lowest test loss, and the accuracy there", **star)
            below.plot(best + 1, run.test_accuracy[best], "*", **star)
            top.set_ylim(0.9 * lowest, 1.5 * lowest)
            heading = f"{label}: epoch {best + 1}"
            said.append(
                f"{label}: lowest test loss {lowest:.3f} at epoch {best + 1}, with accuracy "
                f"{run.test_accuracy[best]:.1%}; at the end {run.test_loss[-1]:.3f}, with {run.test_accuracy[-1]:.1%}, "
                f"and training loss {run.train_loss[-1]:.3f}"
            )
        else:
            heading = f"{label}: no finite loss"
            said.append(heading)
        first = i % columns == 0
        axes(top, heading, "", "cross-entropy (nats)" if first else "")
        axes(below, "", "epoch", "test accuracy" if first else "")
        epoch_axis(below, run.epochs)
        percent_axis(below, _near_the_best(run.test_accuracy))
        for ax in (top, below):
            ax.set_visible(True)
            ax.title.set_fontsize(9)
            ax.tick_params(labelsize=8)
            ax.locator_params(axis="y", nbins=5)
        below.locator_params(axis="x", nbins=4)
    handles, labels = max((ax.get_legend_handles_labels() for ax in grid.flat), key=lambda pair: len(pair[1]))
    fig.legend(handles, labels, loc="outside lower center", ncols=3, frameon=False)
    fig.suptitle(title)
    return with_alt(fig, f"{title}. {'; '.join(said)}.")


def schedules(results: Mapping[str, Sequence[Any]], title: str = "Decaying rates against constant ones") -> Figure:
    """Learning rate over the epochs (left) and final test accuracy of every seed with the mean (right).

    results: label -> the Histories of its seeds.
    """
    if not results or any(len(runs) == 0 for runs in results.values()):
        raise CourseError("There is no schedule to draw; pass at least one history for each label.")
    fig = figure(9.5, 3.8 + 0.12 * max(0, len(results) - 5))
    left, right = fig.subplots(1, 2, width_ratios=[1, 1.15])
    final: dict[str, list[float]] = {}
    rates = []
    for i, (label, runs) in enumerate(results.items()):
        run = runs[0]
        left.plot(range(1, run.epochs + 1), run.learning_rate, label=label, **line(i, run.epochs))
        rates += run.learning_rate
        final[label] = [r.test_accuracy[-1] for r in runs]
        style = line(i)
        y = len(results) - 1 - i
        right.plot(
            final[label], [y] * len(runs), line(i, 1)["marker"], color=style["color"], alpha=0.6,
            markersize=7, markeredgecolor="white",
        )  # fmt: skip
        mean = statistics.fmean(final[label])
        right.plot([mean, mean], [y - 0.33, y + 0.33], color=style["color"], linewidth=2.5)
    axes(left, "Learning rate", "epoch", "learning rate")
    left.set_yscale("log")
    plain_log_ticks(left, min(rates), max(rates))
    epoch_axis(left, max(run.epochs for runs in results.values() for run in runs))
    axes(right, "Final test accuracy: seeds (dots), mean (bar)", "images classified correctly", "")
    right.set_yticks(range(len(results)), [*results][::-1])
    right.set_ylim(-0.6, len(results) - 0.4)
    _percent_x(right, [v for values in final.values() for v in values])
    fig.legend(loc="outside lower center", ncols=min(3, len(results)), frameon=False)
    fig.suptitle(title)
    said = [f"{label} mean {statistics.fmean(v):.2%} (from {min(v):.2%} to {max(v):.2%})" for label, v in final.items()]
    seeds = max(len(v) for v in final.values())
    return with_alt(fig, f"{title}, final test accuracy over {seeds} seeds: {'; '.join(said)}.")


def convention_trap(
    table: Mapping[str, Mapping[float, float]],
    batch: int = 64,
    inputs: Sequence[int] = (784, 512, 128),
    title: str = "One network, three conventions for the gradient",
) -> Figure:
    """Accuracy against learning rate (left) and against learning rate × the convention's factor (right), logarithmic.

    table: convention -> rate -> accuracy. The factor, by which a convention's gradient is longer than that of the mean
    loss, is 1 for "mean", `batch` for "sum", and for "in_features" batch ÷ inputs, another one in each layer (`inputs`:
    of the layers): those stand as lines from the smallest to the largest.
    """
    if not table or any(len(row) == 0 for row in table.values()):
        raise CourseError("There is no convention to draw; pass accuracies for at least one rate of each.")
    layers = sorted(batch / n for n in inputs)
    factors = {"mean": (1.0, 1.0), "sum": (float(batch), float(batch)), "in_features": (layers[0], layers[-1])}
    fig = figure(9.5, 3.8)
    left, right = fig.subplots(1, 2, sharey=True)
    said = []
    for i, (convention, row) in enumerate(table.items()):
        rates = sorted(row)
        accuracies = [row[r] for r in rates]
        left.plot(rates, accuracies, label=convention, **line(i, 1))
        best = max(rates, key=lambda r: row[r] if math.isfinite(row[r]) else -1.0)
        said.append(f"{convention} is best at rate {best:g} with {row[best]:.1%}")
        low, high = factors.get(convention, (math.nan, math.nan))
        if low == high:
            right.plot([low * r for r in rates], accuracies, **{**line(i, 1), "linestyle": "none", "markersize": 7})
        elif low < high:
            ends = [low * r for r in rates], [high * r for r in rates]
            right.hlines(accuracies, *ends, color=line(i)["color"], linewidth=2.5)
    for ax in (left, right):
        ax.axhline(0.1, color="#777777", linewidth=1)
        ax.set_xscale("log")
    left.annotate(
        "chance", (0, 0.1), xycoords=("axes fraction", "data"), xytext=(3, -11),
        textcoords="offset points", color="#555555", fontsize=9,
    )  # fmt: skip
    axes(left, "As the reports state it", "learning rate", "test accuracy")
    axes(
        right,
        "In the units of the mean loss",
        "learning rate × factor of the convention\n(a line: the factors of all layers)",
        "",
    )
    percent_axis(left, [0.0, 1.0])
    rates = sorted({rate for row in table.values() for rate in row})
    left.set_xticks(rates, [f"{rate:g}" for rate in rates])
    left.minorticks_off()
    lowest, highest = rates[0] * min(1, layers[0]), rates[-1] * max(1, batch, layers[-1])
    decades = [10.0**p for p in range(math.ceil(math.log10(lowest / 2)), math.floor(math.log10(highest * 2)) + 1)]
    right.set_xticks(decades, [f"{tick:g}" for tick in decades])
    right.minorticks_off()
    right.set_xlim(lowest / 2, highest * 2)
    fig.legend(loc="outside lower center", ncols=len(table), frameon=False, title="gradient")
    fig.suptitle(title)
    return with_alt(
        fig,
        f"{title}, test accuracy against learning rate: {'; '.join(said)}. Against learning rate × factor (1 for mean, "
        f"{batch} for sum), mean and sum lie on one curve; in_features has a range of factors, {layers[0]:.2g} to "
        f"{layers[-1]:.2g}, one for each layer.",
    )


def _percent_x(ax: Any, values: Sequence[float]) -> None:
    from matplotlib.ticker import MaxNLocator, PercentFormatter

    low, high = min(values), max(values)
    room = max(0.08 * (high - low), 0.002)
    ax.set_xlim(max(0.0, low - room), min(1.0, high + room))
    ax.xaxis.set_major_locator(MaxNLocator(5, steps=[1, 2, 5, 10]))
    ax.xaxis.set_major_formatter(PercentFormatter(1.0, decimals=1 if high - low < 0.1 else 0))


def _near_the_best(accuracies: Sequence[float]) -> list[float]:
    """Those with at most twice the errors of the best, so that small differences there are seen."""
    finite = [a for a in accuracies if math.isfinite(a)] or [0.0]
    return [a for a in finite if 1 - a <= 2 * (1 - max(finite))]


def _nan_epoch(run: Any) -> int | None:
    """The first epoch (from 1) whose training or test loss is not finite."""
    for i, pair in enumerate(zip(run.train_loss, run.test_loss, strict=True)):
        if not all(math.isfinite(v) for v in pair):
            return i + 1
    return None


def _filled(runs: Mapping[str, Any]) -> None:
    if not runs:
        raise CourseError("There is no run to draw; pass at least one history.")
    for label, run in runs.items():
        if not run.test_loss:
            raise CourseError(f"The history {label!r} has no epochs to draw; train first.")
