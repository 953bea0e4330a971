"""Figures of networks that remember, and of what is inside: gradients and accuracy by lag, bits a character, where a
head looks, error by depth, what a filter has seen.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from helpers.errors import CourseError
from helpers.plots.mosaic import show_images
from helpers.plots.style import axes, figure, line, with_alt

if TYPE_CHECKING:
    from matplotlib.figure import Figure


def by_lag(flow: Mapping[str, Sequence[float]], lags: Sequence[int], accuracy: Mapping[str, Sequence[float]]) -> Figure:
    """Left the gradient's norm by lag, right the accuracy (0…1) of the copy task at `lags`; one line a network.

    flow: name -> the norm 0, 1, 2, … steps back; without accuracies there is only the left half.
    """
    if not flow:
        raise CourseError("There is no network to draw; give at least one.")
    fig = figure(9 if accuracy else 5.5, 3.6)
    left, *right = fig.subplots(1, 2 if accuracy else 1, squeeze=False)[0]
    said = []
    for i, (name, norms) in enumerate(flow.items()):
        left.plot(norms, **line(i, len(norms)), label=name)
        words = f"{name}: {norms[-1]:.2g} of the gradient is left"
        if accuracy:
            right[0].plot(lags, [100 * a for a in accuracy[name]], **line(i, len(lags)), label=name)
            words += ", accuracies " + ", ".join(f"{100 * a:.0f}%" for a in accuracy[name])
        said.append(words)
    left.set_yscale("log")
    axes(left, "Before training", "steps back", "gradient, last step = 1")
    at = f", up to {len(next(iter(flow.values()))) - 1} steps back"
    alt = f"The norm of the gradient for what is carried on, before training{at}"
    if accuracy:
        right[0].set_ylim(0, 105)
        axes(right[0], "After training", "lag", "accuracy (%)")
        alt = f"Left t{alt[1:]}; right the accuracy of the copy task at lags {', '.join(map(str, lags))}"
    (right[0] if accuracy else left).legend(frameon=False)
    return with_alt(fig, f"{alt}. {'; '.join(said)}.")


def accuracy_by_lag(lags: Sequence[int], accuracy: Mapping[str, Sequence[float]]) -> Figure:
    """The accuracy (0…1) of the copy task, the median of several seeds, against the lag."""
    fig = figure(6.5, 3.6)
    ax = fig.subplots()
    for i, (name, values) in enumerate(accuracy.items()):
        ax.plot(lags, [100 * a for a in values], **line(i, len(lags)), label=name)
    title = "The copy task, median of the seeds"
    axes(ax, title, "lag", "accuracy (%)")
    ax.set_ylim(0, 105)
    ax.legend(frameon=False)
    said = "; ".join(f"{name} " + ", ".join(f"{100 * a:.0f}%" for a in values) for name, values in accuracy.items())
    return with_alt(fig, f"{title}, accuracy at lags {', '.join(map(str, lags))}: {said}.")


def bits_by_seconds(
    curves: Mapping[str, Sequence[tuple[float, float]]], title: str, counted: Mapping[int, float] | None = None
) -> Figure:
    """Bits a character on held-out text against seconds of training.

    curves: name -> (seconds, bits); counted: characters that a counting model looks at -> its bits, horizontal lines.
    """
    fig = figure(7, 3.8)
    ax = fig.subplots()
    for i, (name, curve) in enumerate(curves.items()):
        seconds, values = zip(*curve, strict=True)
        ax.plot(seconds, values, **line(i, len(values)), label=name)
    counted = {k: value for k, value in (counted or {}).items() if k}
    for k, value in counted.items():
        ax.axhline(value, color="#777777", linewidth=1)
        ax.annotate(f"counting after {k}", (1, value), (-2, 2), xycoords=("axes fraction", "data"),
                    textcoords="offset points", ha="right", fontsize=9)  # fmt: skip
    axes(ax, title, "seconds of training", "bits a character, held out")
    ax.legend(frameon=False)
    said = "; ".join(f"{name} reaches {curve[-1][1]:.2f} in {curve[-1][0]:.0f} s" for name, curve in curves.items())
    by = ", ".join(f"{value:.2f} after {k}" for k, value in counted.items())
    more = f"; models that count have {by} characters" if by else ""
    return with_alt(fig, f"{title}, bits a character on held-out text against seconds of training: {said}{more}.")


def attention_map(p: Any, text: str) -> Figure:
    """Where a head looks: a row of weights p (T, T) for each character of `text`."""
    p = np.asarray(p, dtype=float)
    if p.shape != (len(text), len(text)):
        raise CourseError(f"p has shape {p.shape}; it should be {(len(text), len(text))}, a row for each character.")
    fig = figure(5.5, 5)
    ax = fig.subplots()
    image = ax.imshow(p, cmap="cividis", vmin=0, vmax=max(1e-12, float(p.max())))
    for ticks in (ax.set_xticks, ax.set_yticks):
        ticks(range(len(text)), ["␣" if c == " " else c for c in text], fontsize=8)
    ax.set_title("Where the head looks", fontsize=11)
    ax.set_xlabel("character that is looked at")
    ax.set_ylabel("character that asks")
    fig.colorbar(image, ax=ax, label="weight")
    row = int(p.max(axis=1).argmin())
    return with_alt(
        fig,
        f"Weights of the head for each of {len(text)} characters. Nothing lies above the diagonal: the largest weight "
        f"there is {np.triu(p, 1).max():.2g}. The most evenly spread row is that of character {row + 1}, whose largest "
        f"weight is {p[row].max():.2f}.",
    )


def error_by_depth(depths: Sequence[int], errors: Mapping[str, Sequence[float]], title: str) -> Figure:
    """Training error (%) against the number of layers; one line a kind of network."""
    fig = figure(6.5, 3.6)
    ax = fig.subplots()
    for i, (name, values) in enumerate(errors.items()):
        ax.plot(depths, values, **line(i, len(values)), label=name)
    axes(ax, title, "layers with weights", "training error (%)")
    ax.set_ylim(0, 100)
    ax.legend(frameon=False)
    said = "; ".join(f"{name} " + ", ".join(f"{e:.1f}%" for e in values) for name, values in errors.items())
    return with_alt(fig, f"{title}, training error at {', '.join(map(str, depths))} layers: {said}.")


def projections(rows: Mapping[str, tuple[Any, Any]], with_switches: float, without: float) -> Figure:
    """For each of four filters the images that excite it most, and what of each has done so.

    rows: name -> (images (9, side, side), projections of the same shape); with_switches, without: the mean cosine of
    projection and image.
    """
    fig = figure(9, 5)
    for ax, (name, (images, seen)) in zip(fig.subplots(2, 4).T.reshape(4, 2), rows.items(), strict=True):
        show_images(ax[0], images, 3, f"filter {name}: images")
        top = float(np.abs(seen).max())
        show_images(ax[1], seen, 3, "seen by it", "PuOr", vmin=-top, vmax=top)
    return with_alt(
        fig,
        "Four filters of a CNN's second layer: above the nine test images that excite each most, below what was "
        "projected back to the pixels through the switches; each filter has its own kind of stroke, at any place. The "
        f"cosine between projection and image is {with_switches:.2f} with switches and {without:.2f} without.",
    )
