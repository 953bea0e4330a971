"""Figures of training runs: curves over epochs, learning rates, schedules, the convention trap."""

from __future__ import annotations

import math
import statistics
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from helpers.errors import CourseError
from helpers.plots.style import as_dict, axes, epoch_axis, figure, line, percent_axis, with_alt

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


def learning_rates(histories: Any, title: str = "Test accuracy for each learning rate") -> Figure:
    """Test accuracy over the epochs, one line a learning rate, in one figure.

    histories: dict label or rate -> History, or a list. A run whose loss became NaN says so in the legend.
    """
    runs = as_dict(histories)
    _filled(runs)
    fig = figure(7.5, 4)
    ax = fig.subplots()
    said = []
    for i, (label, run) in enumerate(runs.items()):
        broken = _nan_epoch(run)
        note = f" (loss not finite from epoch {broken})" if broken else ""
        wrapped = note.replace(" (", "\n(").replace(" from", "\nfrom")
        x = range(1, run.epochs + 1)
        ax.plot(x, run.test_accuracy, label=label + wrapped, **line(i, run.epochs))
        if broken:
            ax.plot(broken, run.test_accuracy[broken - 1], "x", color="black", markersize=10, zorder=5)
        said.append(f"{label} ends at {run.test_accuracy[-1]:.1%}{note}")
    axes(ax, title, "epoch", "images classified correctly")
    epoch_axis(ax, max(run.epochs for run in runs.values()))
    percent_axis(ax, [a for run in runs.values() for a in run.test_accuracy])
    fig.legend(loc="outside right upper", frameon=False)
    return with_alt(fig, f"{title}, over the epochs: {'; '.join(said)}.")


def loss_gap(histories: Any, title: str = "Training and test loss, and their sweet spot") -> Figure:
    """Train against test loss for each run, one panel a run, the epoch of lowest test loss marked."""
    runs = as_dict(histories)
    _filled(runs)
    columns = min(len(runs), 3)
    rows = math.ceil(len(runs) / columns)
    fig = figure(3.1 * columns + (1.2 if columns == 1 else 0), 2.5 * rows + 0.5)
    grid = fig.subplots(rows, columns, squeeze=False, sharey=True)
    said = []
    for i, (label, run) in enumerate(runs.items()):
        ax = grid[i // columns][i % columns]
        x = range(1, run.epochs + 1)
        ax.plot(x, run.train_loss, label="training set", **line(1, run.epochs))
        ax.plot(x, run.test_loss, label="test set", **line(0, run.epochs))
        best = run.best_epoch()
        if math.isfinite(run.test_loss[best]):
            ax.plot(
                best + 1, run.test_loss[best], "*", color="black", markersize=12, zorder=5,
                linestyle="none", label="lowest test loss",
            )  # fmt: skip
            heading = f"{label}: best at epoch {best + 1}"
            gap = run.test_loss[-1] - run.train_loss[-1]
            said.append(
                f"{label}: lowest test loss {run.test_loss[best]:.3f} at epoch {best + 1}, gap {gap:.3f} at the end"
            )
        else:
            heading = f"{label}: no finite loss"
            said.append(heading)
        first = i % columns == 0
        axes(ax, heading, "epoch", "mean cross-entropy (nats)" if first else "")
        epoch_axis(ax, run.epochs)
    for i in range(len(runs), rows * columns):
        grid[i // columns][i % columns].set_visible(False)
    drawn = [v for run in runs.values() for v in (*run.train_loss, *run.test_loss)]
    losses = [v for v in drawn if math.isfinite(v) and v > 0]
    if losses and max(losses) / min(losses) > 20:
        grid[0][0].set_yscale("log")
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
    fig = figure(9.5, 3.4 + 0.12 * max(0, len(results) - 5))
    left, right = fig.subplots(1, 2, width_ratios=[1, 1.15])
    final: dict[str, list[float]] = {}
    for i, (label, runs) in enumerate(results.items()):
        run = runs[0]
        left.plot(range(1, run.epochs + 1), run.learning_rate, label=label, **line(i, run.epochs))
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
    epoch_axis(left, max(run.epochs for runs in results.values() for run in runs))
    axes(right, "Final test accuracy: seeds (dots), mean (bar)", "images classified correctly", "")
    right.set_yticks(range(len(results)), [*results][::-1])
    right.set_ylim(-0.6, len(results) - 0.4)
    _percent_x(right, [v for values in final.values() for v in values])
    fig.suptitle(title)
    said = [f"{label} mean {statistics.fmean(v):.2%} (from {min(v):.2%} to {max(v):.2%})" for label, v in final.items()]
    seeds = max(len(v) for v in final.values())
    return with_alt(fig, f"{title}, final test accuracy over {seeds} seeds: {'; '.join(said)}.")


def convention_trap(
    table: Mapping[str, Mapping[float, float]], title: str = "One network, three conventions for the gradient"
) -> Figure:
    """Accuracy against learning rate (logarithmic), one line a convention; table: convention -> rate ->
    accuracy.
    """
    if not table or any(len(row) == 0 for row in table.values()):
        raise CourseError("There is no convention to draw; pass accuracies for at least one rate of each.")
    fig = figure(7.5, 3.8)
    ax = fig.subplots()
    said = []
    for i, (convention, row) in enumerate(table.items()):
        rates = sorted(row)
        ax.plot(rates, [row[r] for r in rates], label=convention, **line(i, 1))
        best = max(rates, key=lambda r: row[r] if math.isfinite(row[r]) else -1.0)
        said.append(f"{convention} is best at rate {best:g} with {row[best]:.1%}")
    ax.axhline(0.1, color="#777777", linewidth=1)
    ax.annotate(
        "chance", (0, 0.1), xycoords=("axes fraction", "data"), xytext=(3, -11),
        textcoords="offset points", color="#555555", fontsize=9,
    )  # fmt: skip
    axes(ax, title, "learning rate", "test accuracy")
    ax.set_xscale("log")
    percent_axis(ax, [0.0, 1.0])
    rates = sorted({rate for row in table.values() for rate in row})
    ax.set_xticks(rates, [f"{rate:g}" for rate in rates])
    ax.minorticks_off()
    fig.legend(loc="outside right upper", frameon=False, title="gradient")
    return with_alt(fig, f"{title}, test accuracy against learning rate: {'; '.join(said)}.")


def _percent_x(ax: Any, values: Sequence[float]) -> None:
    from matplotlib.ticker import MaxNLocator, PercentFormatter

    low, high = min(values), max(values)
    room = max(0.08 * (high - low), 0.002)
    ax.set_xlim(max(0.0, low - room), min(1.0, high + room))
    ax.xaxis.set_major_locator(MaxNLocator(5, steps=[1, 2, 5, 10]))
    ax.xaxis.set_major_formatter(PercentFormatter(1.0, decimals=1 if high - low < 0.1 else 0))


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
