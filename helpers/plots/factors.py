"""Figures of performance factors: caches, threads, time to accuracy, scaling."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from helpers.errors import CourseError
from helpers.plots.style import COLOURS, axes, figure, line, plain_log_ticks, with_alt

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure


def staircase(
    stairs: Sequence[tuple[float, float]], caches: Mapping[str, int], title: str = "The staircase of the caches"
) -> Figure:
    """Speed of copying against the bytes of source and target together.

    stairs: (bytes, bytes/s), sizes growing; caches: name -> bytes, drawn as vertical lines where they lie in the range.
    """
    if not stairs or min(min(stair) for stair in stairs) <= 0:
        raise CourseError("A staircase needs at least one stair, with bytes and bytes per second above zero.")
    fig = figure(8, 4)
    ax = fig.subplots()
    sizes, speeds = [size / 1024 for size, _ in stairs], [speed / 1e9 for _, speed in stairs]
    ax.plot(sizes, speeds, **line(0) | {"marker": "o", "markersize": 4})
    for name, size in caches.items():
        if sizes[0] < size / 1024 < sizes[-1]:
            ax.axvline(size / 1024, color="#888888", linestyle="--", linewidth=1)
            ax.annotate(name, (size / 1024, 1), (3, -10), xycoords=("data", "axes fraction"),
                        textcoords="offset points", fontsize=9)  # fmt: skip
    ax.set_xscale("log", base=2)
    ax.set_ylim(0, 1.12 * max(speeds))
    ax.xaxis.set_major_formatter(lambda kib, _: _binary(kib))
    axes(ax, title, "source and target together", "read and written (GB/s)")
    there = ", ".join(f"{name} {_binary(size / 1024)}" for name, size in caches.items())
    said = ", ".join(f"{_binary(size)} {speed:.1f}" for size, speed in zip(sizes, speeds, strict=True))
    return with_alt(fig, f"{title}. GB/s by size: {said}." + (f" Caches: {there}." if there else ""))


def _binary(kib: float) -> str:
    for factor, unit in ((2**20, "GiB"), (2**10, "MiB")):
        if kib >= factor:
            return f"{kib / factor:g} {unit}"
    return f"{kib:g} KiB"


def threads(
    rows: Sequence[Mapping[str, Any]],
    published: Mapping[str, Mapping[int, float]],
    fit: Callable[[list[int], list[float]], tuple[float, float]] | None = None,
    title: str = "How many times as fast with more threads?",
) -> Figure:
    """Speed-up against threads: this machine's rows on the left, a published table on the right.

    rows: with library, size, threads, seconds; published: tool -> threads -> seconds; fit: the student's fit of
    Amdahl's law, drawn dotted through the published times of up to 4 threads.
    """
    here: dict[str, dict[int, float]] = {}
    for row in rows:
        here.setdefault(f"{row['library']}, {row['size']} rows", {})[row["threads"]] = row["seconds"]
    if not here or not published:
        raise CourseError("There are no threads to draw; measure at least one number of threads.")
    fig = figure(9, 4)
    left, right = fig.subplots(1, 2, sharey=True)
    said = []
    for ax, table, words in ((left, here, "this machine"), (right, published, "published (arXiv 1608.07249)")):
        for i, (name, times) in enumerate(table.items()):
            speed = {n: times[min(times)] / seconds for n, seconds in times.items()}
            ax.plot(list(speed), list(speed.values()), **line(i, len(speed)), label=name)
            said.append(f"{name}: " + ", ".join(f"{n} {value:.2f}" for n, value in speed.items()))
            if ax is right and fit is not None:
                kept = [n for n in times if n <= 4]
                serial, one = fit(kept, [times[n] for n in kept])
                more = [1, 2, 3, 4, 5, 6, 7, 8]
                ax.plot(more, [times[1] / (one * (serial + (1 - serial) / n)) for n in more],
                        color=COLOURS[i % 7], linestyle=":", linewidth=1)  # fmt: skip
        most = max(n for times in table.values() for n in times)
        ax.plot([1, most], [1, most], color="#888888", linewidth=0.8)
        ax.set_xscale("log", base=2)
        ax.set_yscale("log", base=2)
        for axis in (ax.xaxis, ax.yaxis):
            axis.set_major_formatter(lambda value, _: f"{value:g}" if value >= 1 else f"1/{1 / value:g}")
        axes(ax, words, "threads", "times as fast as 1 thread" if ax is left else "")
        ax.legend(fontsize=8, frameon=False)
    fig.suptitle(title, fontsize=11)
    return with_alt(fig, f"{title} {'; '.join(said)}. The thin line is as many times as fast as there are threads.")


def time_to_accuracy(rows: Sequence[Mapping[str, Any]], level: float, title: str = "Seconds to an accuracy") -> Figure:
    """Seconds of a step and steps to the level against the batch, for the first rule; and their product by rule.

    rows: with rule, batch, step (seconds), steps (a list, None where not reached), seconds, low, high (None, too).
    """
    if not rows:
        raise CourseError("There are no batches to draw; train with at least one.")
    first = rows[0]["rule"]
    main = [row for row in rows if row["rule"] == first and None not in row["steps"]]
    fig = figure(9, 4.2)
    left, right = fig.subplots(1, 2)
    batches = [row["batch"] for row in rows if row["rule"] == first]
    left.plot(batches, [row["step"] * 1e3 for row in rows if row["rule"] == first], **line(0, len(batches)))
    other = left.twinx()
    other.plot([row["batch"] for row in main], [sum(row["steps"]) / len(row["steps"]) for row in main],
               **line(1, len(batches)))  # fmt: skip
    values = [row["step"] * 1e3 for row in rows if row["rule"] == first], [s for row in main for s in row["steps"]]
    for ax, heights in zip((left, other), values, strict=True):
        ax.set_yscale("log")
        if heights:
            plain_log_ticks(ax, min(heights), max(heights))
    axes(left, f"The two factors (rule {first!r})", "images in a batch", "milliseconds a step")
    left.yaxis.label.set_color(COLOURS[0])
    other.set_ylabel(f"steps to {level:.0%}", color=COLOURS[1])
    other.spines["top"].set_visible(False)
    said = []
    for i, rule in enumerate(dict.fromkeys(row["rule"] for row in rows)):
        reached = [row for row in rows if row["rule"] == rule and row["seconds"] is not None]
        if reached:
            seconds = [row["seconds"] for row in reached]
            errors = [[max(0.0, row["seconds"] - row["low"]) for row in reached],
                      [max(0.0, row["high"] - row["seconds"]) for row in reached]]  # fmt: skip
            style = line(i, len(reached))
            style.pop("markevery")
            right.errorbar([row["batch"] for row in reached], seconds, errors, capsize=3, label=rule, **style)
        said.append(f"{rule}: " + (", ".join(f"{row['batch']} {row['seconds']:.2f} s" for row in reached) or "none"))
    right.set_yscale("log")
    if ends := [row[end] for row in rows for end in ("seconds", "high") if row["seconds"] is not None]:
        plain_log_ticks(
            right, min(min(ends), *(max(row["low"], min(ends) / 3) for row in rows if row["low"])), max(ends)
        )
    axes(right, f"Seconds to {level:.0%} by the rule for the rate", "images in a batch", "seconds (mean, 95% interval)")
    for ax in (left, right):
        _log_batches(ax, batches)
    if any(row["seconds"] is not None for row in rows):
        right.legend(frameon=False)
    return with_alt(fig, f"{title}. Mean seconds to {level:.0%} by batch. {'; '.join(said)}.")


def _log_batches(ax: Axes, batches: Sequence[int]) -> None:
    ax.set_xscale("log", base=2)
    ax.set_xticks(batches, [str(batch) for batch in batches])
    ax.minorticks_off()


def scaling(
    workers: Sequence[int], speeds: Mapping[str, Sequence[float]], title: str = "Images per second on many workers"
) -> Figure:
    """Images per second against the number of workers, beside a thin line of the ideal from the first one."""
    if not speeds or any(len(row) != len(workers) or min(row) <= 0 for row in speeds.values()):
        raise CourseError("Scaling needs a speed above zero for each number of workers; give as many of each.")
    fig = figure(8, 4.5)
    ax = fig.subplots()
    for i, (name, row) in enumerate(speeds.items()):
        ax.plot(workers, row, **line(i, len(row)), label=name)
    start = max(row[0] for row in speeds.values())
    ax.plot(workers, [start * n / workers[0] for n in workers], color="#888888", linewidth=0.8, label="ideal")
    ax.set_xscale("log", base=2)
    ax.set_yscale("log")
    for axis in (ax.xaxis, ax.yaxis):
        axis.set_major_formatter(lambda value, _: f"{value:,.0f}")
    axes(ax, title, "workers", "images per second")
    ax.legend(frameon=False, fontsize=9)
    ends = f"{{:.0f}} on {workers[0]}, {{:.0f}} on {workers[-1]}"
    said = "; ".join(f"{name}: {ends.format(row[0], row[-1])}" for name, row in speeds.items())
    return with_alt(fig, f"{title}. {said}.")
