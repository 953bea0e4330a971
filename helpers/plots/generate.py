"""Figures of the assignment `generate`: what networks give back, and what they make."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from helpers.plots.mosaic import show_images, show_rows
from helpers.plots.style import COLOURS, axes, figure, line, with_alt

if TYPE_CHECKING:
    from matplotlib.figure import Figure


def image_rows(rows: Mapping[str, Any], title: str) -> Figure:
    """One row of images (N, side²) in 0…1 for each name, all of the same N."""
    fig = figure(8, 0.35 + 0.62 * len(rows))
    show_rows(fig.subplots(), rows, title)
    count = len(next(iter(rows.values())))
    return with_alt(fig, f"{title}. {len(rows)} rows of {count} images: {', '.join(rows)}.")


def likelihood(updates: Sequence[int], curve: Sequence[float], most: float) -> Figure:
    """The exact log-likelihood (nats a pattern) after so many updates, and the most that is possible."""
    fig = figure(6, 3.2)
    ax = fig.subplots()
    title = "Log-likelihood of bars and stripes while CD-1 trains"
    ax.plot(updates, curve, **line(0, len(curve)), label="RBM, exact")
    ax.axhline(most, **line(6), label="most that any model reaches")
    axes(ax, title, "updates", "log-likelihood (nats a pattern)")
    ax.legend(frameon=False)
    top = int(np.argmax(curve))
    return with_alt(
        fig,
        f"{title}: {curve[0]:.2f} nats before, {curve[top]:.2f} at its best after {updates[top]} updates, "
        f"{curve[-1]:.2f} after {updates[-1]}. A line marks the most that is possible, {most:.2f}.",
    )


def digit_map(decode: Callable[[np.ndarray], np.ndarray], codes: Any, labels: Any, side: int = 13) -> Figure:
    """Images that lie on a grid of two-dimensional codes from −2 to 2, and where images of known digits lie.

    decode: codes (N, 2), float32 -> images (N, 784) in 0…1; codes (M, 2), labels (M,).
    """
    from matplotlib import colormaps

    steps = np.linspace(-2, 2, side)
    grid = np.array([(a, b) for b in steps[::-1] for a in steps], np.float32)
    fig = figure(9, 4.3)
    left, right = fig.subplots(1, 2)
    show_images(left, decode(grid), side, "Images decoded from codes, −2…2 in both directions")
    # Ten colours can't be told apart: each digit is its own marker.
    colours = colormaps["cividis"](np.linspace(0, 0.9, 10))
    for label in range(10):
        own = codes[labels == label][:60]
        right.scatter(own[:, 0], own[:, 1], 28, marker=f"${label}$", color=colours[label], linewidths=0.3)
    axes(right, "Codes of test images, drawn as their digit", "first number", "second number")
    right.set_aspect("equal", adjustable="datalim")
    return with_alt(
        fig,
        f"Left a map of {side} by {side} images, decoded from a grid of two-dimensional codes. Right the codes of test "
        "images, each drawn as its digit.",
    )


def clouds(real: Any, made: Mapping[str, Any]) -> Figure:
    """Real points (N, 2) in grey below the made ones, a panel for each name."""
    fig = figure(4 * len(made), 4.1)
    for ax, (name, points) in zip(np.atleast_1d(fig.subplots(1, len(made))), made.items(), strict=True):
        ax.plot(*np.asarray(real).T, "o", color="#999999", markersize=3, label="real")
        ax.plot(*np.asarray(points).T, ".", color=COLOURS[1], markersize=3, label="made")
        axes(ax, name, "x (circle's radius = 1)", "y")
        ax.set_xlim(-1.6, 1.6)
        ax.set_ylim(-1.6, 1.6)
        ax.set_aspect("equal")
        ax.legend(frameon=False, loc="center")
    return with_alt(fig, f"Real points on eight Gaussians, and made ones. Panels: {'; '.join(made)}.")


def few_labels(labels: Sequence[int], errors: Mapping[str, Sequence[float]]) -> Figure:
    """Test error (0…1) against the number of labelled images, a line for each way to begin."""
    fig = figure(6, 3.2)
    ax = fig.subplots()
    for i, (name, values) in enumerate(errors.items()):
        ax.plot(labels, [100 * v for v in values], **line(i, len(values)), label=name)
    title = "A network that begins at stacked RBMs, and at random weights"
    axes(ax, title, "labelled images (logarithmic)", "test error (%)")
    ax.set_xscale("log")
    ax.set_xticks(labels, [str(n) for n in labels])
    ax.minorticks_off()
    ax.set_ylim(bottom=0)
    ax.legend(frameon=False)
    said = "; ".join(f"{name} " + ", ".join(f"{100 * v:.1f}%" for v in values) for name, values in errors.items())
    return with_alt(fig, f"{title}: test error with {', '.join(map(str, labels))} labelled images: {said}.")


def likelihood_of_seeds(every: int, curves: Sequence[Sequence[float]]) -> Figure:
    """Exact log-likelihoods (nats a pattern), a thin line for each seed, looked at after so many updates each."""
    fig = figure(6, 3.2)
    ax = fig.subplots()
    updates = every * np.arange(len(curves[0]))
    for curve in curves:
        ax.plot(updates, curve, color=COLOURS[0], linewidth=0.8, alpha=0.6)
    most = -float(np.log(14))
    ax.axhline(most, **line(6), label="most that any model reaches")
    title = f"Log-likelihood of bars and stripes, {len(curves)} seeds"
    axes(ax, title, "updates of CD-1", "log-likelihood (nats a pattern)")
    ax.legend(frameon=False)
    best = [max(curve) for curve in curves]
    return with_alt(
        fig,
        f"{title}: the best values are {min(best):.2f} to {max(best):.2f} nats, the last ones "
        f"{min(c[-1] for c in curves):.2f} to {max(c[-1] for c in curves):.2f}; at most {most:.2f} is possible.",
    )


def by_setting(
    values: Mapping[str, Mapping[int, Sequence[float]]], title: str, what: str, unit: str
) -> Figure:
    """Mean over the seeds against a setting, with bars from the lowest to the highest; name -> setting -> values."""
    fig = figure(6, 3.2)
    ax = fig.subplots()
    said = []
    for i, (name, of) in enumerate(values.items()):
        means = [float(np.mean(v)) for v in of.values()]
        low, high = ([abs(f(v) - m) for v, m in zip(of.values(), means, strict=True)] for f in (min, max))
        ax.errorbar(list(of), means, yerr=[low, high], capsize=3, **line(i, len(means)), label=name)
        said.append(f"{name} " + ", ".join(f"{m:.4g}" for m in means))
    axes(ax, title, what, unit)
    ax.set_xticks(list(next(iter(values.values()))))
    ax.legend(frameon=False)
    settings = ", ".join(map(str, next(iter(values.values()))))
    return with_alt(fig, f"{title} for {settings} {what}: {'; '.join(said)}.")


def found_by_seed(counts: Mapping[str, Sequence[int]]) -> Figure:
    """How many of eight Gaussians a GAN found: a dot for each seed, a row for each kind of discriminator."""
    fig = figure(6, 1 + 0.6 * len(counts))
    ax = fig.subplots()
    for row, (_, values) in enumerate(counts.items()):
        for number in sorted(set(values)):
            many = list(values).count(number)
            spread = 0.09 * (np.arange(many) - (many - 1) / 2)
            ax.plot(np.full(many, number), row + spread, "o", color=COLOURS[row], markersize=4)
    axes(ax, "Gaussians that a GAN found, a dot for each seed", "found, of 8", "what the discriminator sees")
    ax.set_yticks(range(len(counts)), list(counts))
    ax.set_xlim(-0.5, 8.5)
    ax.set_ylim(len(counts) - 0.4, -0.6)
    said = "; ".join(f"{name}: {', '.join(map(str, values))}" for name, values in counts.items())
    return with_alt(fig, f"Gaussians found, of 8, seed by seed. {said}.")
