"""Rprop beside SGD: steps that follow the sign of a gradient, and what becomes of them in mini-batches.

With the gradient of the whole training set a sign that stays means "farther", one that turns "too far", and Rprop
(`helpers.nn.Rprop`; Riedmiller and Braun 1993) needs no rate chosen for the problem. In mini-batches signs turn by
chance, and a small gradient that is always there weighs as much as a large one that is rare: the rule fails.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from helpers.backend import backend as make_backend
from helpers.nn import SGD, Rprop, Softmax, cross_entropy, cross_entropy_gradient
from helpers.zoo.chain import batches, dense
from helpers.zoo.images import labelled
from helpers.zoo.outcome import Measured, Outcome

RATES = {"SGD": (SGD, 0.3), "Rprop": (Rprop, 0.001)}
"""The rule and its rate; Rprop's is the size of its first step alone."""


def losses(name: str, images: Any, labels: Any, epochs: int, batch: int, seed: int = 0) -> list[float]:
    """Mean cross-entropy of 784-32-10 over the training images before training and after each epoch."""
    rule, rate = RATES[name]
    net, softmax = dense([images.shape[1], 32, 10], make_backend("numpy"), seed), Softmax()
    optimiser = rule(net.layers)
    found: list[float] = []

    def loss() -> float:
        return float(cross_entropy(softmax.forward(net.forward(images)), labels))

    for _, epoch, here in batches(len(labels), batch, epochs, seed):
        if epoch == len(found):
            found.append(loss())
        p = softmax.forward(net.forward(images[here]))
        net.backward(cross_entropy_gradient(p, labels[here]))
        optimiser.step(rate)
    return [*found, loss()]


@dataclass(frozen=True)
class Size:
    train: int
    epochs: int
    batch: int
    wins: float
    fails: float


SIZES = {"full": Size(5000, 60, 50, 0.5, 2.0), "quick": Size(500, 15, 50, 0.8, 2.0)}


def run(size: str = "full", seed: int = 0, data: str = "mnist") -> Outcome:
    """Both rules with the whole set as one batch, and in mini-batches."""
    s = SIZES[size]
    images, labels, *_ = labelled(data, s.train, 1)
    with np.errstate(over="ignore", invalid="ignore"):
        curves = {
            (name, batch): losses(name, images, labels, s.epochs, batch, seed)
            for batch in (s.train, s.batch)
            for name in RATES
        }
    last = {key: values[-1] for key, values in curves.items()}
    full, mini = (last["Rprop", b] / last["SGD", b] for b in (s.train, s.batch))
    return Outcome(
        [
            *(Measured(f"loss after {s.epochs} epochs, batches of {b}, {n}", v) for (n, b), v in last.items()),
            Measured("Rprop ÷ SGD, the whole set as one batch", full, at_most=s.wins),
            Measured(f"Rprop ÷ SGD, batches of {s.batch}", mini, at_least=s.fails),
        ],
        picture(curves, s),
    )


def picture(curves: dict[tuple[str, int], list[float]], s: Size) -> Any:
    """The loss by epochs, a panel for each size of a batch."""
    from helpers.plots.style import axes, figure, line, with_alt

    fig = figure(9, 3.6)
    said = []
    for ax, batch in zip(fig.subplots(1, 2, sharey=True), (s.train, s.batch), strict=True):
        for i, name in enumerate(RATES):
            values = curves[name, batch]
            ax.plot(values, **line(i, len(values)), label=name)
            said.append(f"{name} in batches of {batch} ends at {values[-1]:.2g}")
        ax.set_yscale("log")
        what = f"One batch of all {batch} images" if batch == s.train else f"Batches of {batch}"
        axes(ax, what, "epochs", "training loss (logarithmic)" if batch == s.train else "")
        ax.legend(frameon=False)
    return with_alt(fig, f"Training loss of SGD and Rprop over {s.epochs} epochs: {'; '.join(said)}.")
