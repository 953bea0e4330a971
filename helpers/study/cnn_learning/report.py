"""Tables and figures of the learning curves of the study `cnn_learning`."""

from __future__ import annotations

import math
import statistics
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from helpers.study.cnn_learning.plateau_report import PlateauResults
from helpers.study.cnn_learning.runs import Final, history_rows
from helpers.train import History

if TYPE_CHECKING:
    from matplotlib.figure import Figure

Curves = Mapping[float, Sequence[History]]


class Results:
    """Everything that the command has trained. curves: rate -> one History per seed; ends: those of the chosen rate."""

    def __init__(
        self, sizes: Mapping[str, int], curves: Curves, ends: Sequence[Final], plateau: PlateauResults | None
    ) -> None:
        self.sizes, self.curves, self.ends, self.plateau = sizes, curves, ends, plateau

    def report(self) -> str:
        """The tables and verdicts that the command prints."""
        parts = [curve_table(self.curves, self.sizes), test_sentence(self.curves, self.ends)] if self.curves else []
        return "\n\n".join([*parts, *(self.plateau.report() if self.plateau else [])])

    def figures(self) -> dict[str, Figure]:
        """File name -> figure."""
        from helpers import plots

        found = {}
        if self.curves:
            found["error_curves.png"] = plots.error_curves(self.curves)
            found["error_by_rate.png"] = plots.error_by_rate(self.curves)
        return found | (self.plateau.figures() if self.plateau else {})

    def tables(self) -> dict[str, list[dict[str, Any]]]:
        """File name -> rows of a CSV."""
        found = {}
        if self.curves:
            found["history.csv"] = history_rows(self.curves)
        return found | (self.plateau.tables() if self.plateau else {})


def final_errors(histories: Sequence[History]) -> list[float]:
    """Validation error after the last epoch of each seed."""
    return [history.error[-1] for history in histories]


def best_rate(curves: Curves) -> float:
    """The rate with the lowest median validation error after the last epoch; of equals, the lowest mean, then rate."""

    def quality(rate: float) -> tuple[float, float, float]:
        errors = final_errors(curves[rate])
        return statistics.median(errors), statistics.fmean(errors), rate

    return min(curves, key=quality)


def rivals(curves: Curves) -> list[float]:
    """Rates that these seeds don't separate from the best: the mean difference per seed is below two standard errors.

    Empty with one seed, which decides nothing.
    """
    best = best_rate(curves)
    ours = final_errors(curves[best])
    found = []
    for rate in curves:
        gaps = [a - b for a, b in zip(final_errors(curves[rate]), ours, strict=True)]
        if rate != best and len(gaps) > 1:
            error = statistics.stdev(gaps) / math.sqrt(len(gaps))
            if statistics.fmean(gaps) <= 2 * error:
                found.append(rate)
    return sorted(found)


def curve_table(curves: Curves, sizes: Mapping[str, int]) -> str:
    """Final validation errors by rate, and which rate that chooses."""
    seeds = len(next(iter(curves.values())))
    lines = [
        f"Learning curves: {sizes['train']} training and {sizes['validation']} validation images, "
        f"{sizes['filters']} filters, {sizes['epochs']} epochs, {counted(seeds)}",
        f"{'rate':<10}{'validation error':>17}{'lowest':>9}{'highest':>9}{'after 1 epoch':>15}"
        f"{'train loss':>12}{'s':>8}",
    ]
    for rate in sorted(curves):
        runs = curves[rate]
        errors = final_errors(runs)
        lines.append(
            f"{rate:<10g}{statistics.median(errors):>17.2%}{min(errors):>9.2%}{max(errors):>9.2%}"
            f"{statistics.median(run.error[0] for run in runs):>15.1%}"
            f"{statistics.median(run.train_loss[-1] for run in runs):>12.4f}"
            f"{statistics.median(sum(run.seconds) for run in runs):>8.1f}"
        )
    best, others = best_rate(curves), rivals(curves)
    if len(curves) < 2:
        tail = "there was no other"
    elif seeds < 2:
        tail = "one seed doesn't separate it from its neighbours"
    elif others:
        tail = f"these {seeds} seeds don't separate it from {', '.join(f'{rate:g}' for rate in others)}"
    else:
        tail = f"better than every other by more than the spread over these {seeds} seeds"
    lines.append(f"Chosen on validation images alone: rate {best:g}; {tail}.")
    slow = [rate for rate in sorted(curves) if statistics.median(final_errors(curves[rate])) > 0.5]
    if slow:
        lines.append(f"More than half wrong after the last epoch: rate {', '.join(f'{rate:g}' for rate in slow)}.")
    if sentence := jump_sentence(curves):
        lines.append(sentence)
    return "\n".join(lines)


def jumps(history: History) -> list[int]:
    """Epochs (from 1) whose error is more than twice that of the one before and of the one after."""
    e = history.error
    return [i + 1 for i in range(1, len(e) - 1) if e[i] > 2 * max(e[i - 1], e[i + 1])]


def jump_sentence(curves: Curves) -> str:
    """How often curves jump for one epoch, and the last batch, where it is a small one and so may be the reason;
    "" where no epoch has two neighbours.
    """
    runs = [run for histories in curves.values() for run in histories]
    count, among = sum(len(jumps(run)) for run in runs), sum(max(0, run.epochs - 2) for run in runs)
    if not among:
        return ""
    text = f"Jumps: {count} of {among} epochs have more than twice the error of the epoch before and of the one after"
    images, batch = runs[0].images, runs[0].batch_size
    rest = images % batch
    if count and rest:
        text += (
            f"; the last batch of each epoch has only {rest} images, and its noisy step comes right before the "
            f"validation (--train {images - rest} has whole batches only)"
        )
    return text + "."


def counted(seeds: int) -> str:
    """ "1 seed", "3 seeds"."""
    return f"{seeds} seed" + "s" * (seeds != 1)


def test_sentence(curves: Curves, ends: Sequence[Final]) -> str:
    """The test error of the chosen rate, in one line."""
    errors = [end.test_error for end in ends]
    return (
        f"Test error at the chosen rate {best_rate(curves):g}, evaluated once: {statistics.fmean(errors):.2%} on "
        f"average over {counted(len(errors))}, from {min(errors):.2%} to {max(errors):.2%}."
    )
