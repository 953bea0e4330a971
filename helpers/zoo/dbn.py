"""Deep belief network (DBN): RBMs stacked one by one, each trained on what the one below says of the data.

No label is needed for that. The weights then start an ordinary sigmoid network, which is trained on few labels
(fine-tuning), and is held against the same network from random weights. Hinton, Osindero and Teh, *A Fast Learning
Algorithm for Deep Belief Nets* (2006); Bengio, Lamblin, Popovici and Larochelle, *Greedy Layer-Wise Training of Deep
Networks* (2007).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

import numpy as np

from helpers.backend import backend as make_backend
from helpers.nn import Sigmoid, Softmax, evaluate
from helpers.zoo.chain import Chain, dense, train_classifier
from helpers.zoo.images import labelled
from helpers.zoo.outcome import Measured, Outcome
from helpers.zoo.rbm import RBM
from helpers.zoo.rbm import train as train_rbm


def stack(images: np.ndarray, sizes: Sequence[int], epochs: int, seed: int = 0) -> list[RBM]:
    """RBMs sizes[0]–sizes[1], sizes[1]–sizes[2], …: each is trained, then its hidden probabilities feed the next."""
    machines, v = [], images
    for i, (visible, hidden) in enumerate(pairwise(sizes)):
        rbm = RBM(visible, hidden, seed + i)
        train_rbm(rbm, v, epochs, seed=seed + i)
        machines.append(rbm)
        v = rbm.hidden(v)
    return machines


def classifier(sizes: Sequence[int], classes: int = 10, machines: Sequence[RBM] = (), seed: int = 0) -> Chain:
    """Linear and sigmoid layers and one Linear for the logits; the first layers start at the RBMs' weights."""
    net = dense([*sizes, classes], make_backend("numpy"), seed, Sigmoid)
    for rbm, linear in zip(machines, net.layers[::2], strict=False):
        linear.weight[...], linear.bias[...] = rbm.weight, rbm.c
    return net


def fine_tune(
    net: Chain, images: np.ndarray, labels: np.ndarray, steps: int, lr: float = 2e-3, batch: int = 50, seed: int = 0
) -> None:
    """About so many steps of Adam on the mean cross-entropy of these labels."""
    train_classifier(net, images, labels, -(-steps * min(batch, len(labels)) // len(labels)), lr, batch, seed)


@dataclass(frozen=True)
class Size:
    train: int
    test: int
    labels: tuple[int, ...]
    sizes: tuple[int, ...]
    stacking: int
    tuning: int
    goal: float


SIZES = {
    "full": Size(10_000, 5000, (100, 300, 1000), (784, 256, 256, 256), 5, 800, 0.8),
    "quick": Size(2000, 500, (1000,), (784, 100, 100, 100), 5, 60, 0.9),
}


def run(size: str = "full", seed: int = 0, data: str = "mnist") -> Outcome:
    """Stacks on unlabelled images, then fine-tunes on few labels; the same net from random weights beside it."""
    s = SIZES[size]
    images, labels, test, test_labels = labelled(data, s.train, s.test)
    machines = stack(images, s.sizes, s.stacking, seed)
    errors: dict[str, list[float]] = {"stacked RBMs": [], "random weights": []}
    for some in s.labels:
        for name, start in zip(errors, (machines, []), strict=True):
            net = classifier(s.sizes, machines=start, seed=seed)
            fine_tune(net, images[:some], labels[:some], s.tuning, seed=seed)
            _, accuracy = evaluate(Chain(*net.layers, Softmax()), test, test_labels)
            errors[name].append(100 * (1 - accuracy))
    found = [Measured(f"test error with {n} labels, {who}", e[i], "%")
             for i, n in enumerate(s.labels) for who, e in errors.items()]  # fmt: skip
    stacked, random = (e[-1] for e in errors.values())
    ratio = Measured(f"error with {s.labels[-1]} labels, stacked ÷ random", stacked / random, at_most=s.goal)
    return Outcome([*found, ratio], picture(s, errors))


def picture(s: Size, errors: dict[str, list[float]]) -> Any:
    """Test error against the number of labels."""
    from helpers.plots.style import axes, figure, line, with_alt

    fig = figure(6, 3.4)
    ax = fig.subplots()
    for i, (name, values) in enumerate(errors.items()):
        ax.plot(s.labels, values, **line(i, len(values)), label=name)
    title = f"{'-'.join(map(str, s.sizes))}-10 from stacked RBMs and from random weights"
    axes(ax, title, "labelled images (logarithmic)", "test error (%)")
    ax.set_xscale("log")
    ax.set_xticks(s.labels, [str(n) for n in s.labels])
    ax.minorticks_off()
    ax.set_ylim(bottom=0)
    ax.legend(frameon=False)
    said = "; ".join(f"{name} " + ", ".join(f"{e:.1f}%" for e in values) for name, values in errors.items())
    return with_alt(fig, f"{title}: test error with {', '.join(map(str, s.labels))} labels: {said}.")
