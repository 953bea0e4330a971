"""Layers one after the other, and the order in which a training set goes by."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

import numpy as np

from helpers.backend import Backend
from helpers.errors import CourseError
from helpers.nn import Adam, Linear, ReLU, Softmax, cross_entropy, cross_entropy_gradient
from helpers.nn.state import layer_seed
from helpers.zoo.checks import check_loss, check_size


def sigmoid(x: np.ndarray) -> np.ndarray:
    """1/(1 + e^−x), any shape, through tanh, which cannot overflow."""
    return 0.5 * np.tanh(0.5 * x) + 0.5


class Chain:
    """forward runs the layers from first to last, backward from last to first; `layers` are what an optimiser takes."""

    def __init__(self, *layers: Any) -> None:
        self.layers = layers

    def forward(self, x: Any) -> Any:
        for layer in self.layers:
            x = layer.forward(x)
        return x

    def backward(self, gradient: Any) -> Any:
        for layer in reversed(self.layers):
            gradient = layer.backward(gradient)
        return gradient


class Pack:
    """A layer that puts `size` rows that follow each other into one, (N, d) -> (N/size, size·d), and back."""

    def __init__(self, size: int) -> None:
        check_size(size=size)
        self.size = size

    def forward(self, x: np.ndarray) -> np.ndarray:
        """CourseError where the rows don't come out even."""
        if len(x) % self.size:
            raise CourseError(f"{len(x)} rows can't be packed {self.size} at a time; give a multiple of {self.size}.")
        return x.reshape(len(x) // self.size, -1)

    def backward(self, gradient: np.ndarray) -> np.ndarray:
        return gradient.reshape(len(gradient) * self.size, -1)

    def update(self, lr: float) -> None:
        pass


@dataclass(frozen=True)
class Dense:
    """What `helpers.cost` has to know of `dense(sizes, …)`: its sizes, what stands between, its optimiser."""

    sizes: tuple[int, ...]
    between: str = "relu"
    last: str = ""
    optimiser: str = "adam"
    batch: int = 100


def dense(sizes: Sequence[int], backend: Backend, seed: int, between: Any = ReLU) -> Chain:
    """Linear layers of these sizes with a `between` (ReLU) after each but the last."""
    for i, size in enumerate(sizes):
        check_size(**{f"sizes[{i}]": size})
    layers: list[Any] = []
    for i, (n_in, n_out) in enumerate(pairwise(sizes)):
        layers += [Linear(n_in, n_out, backend, layer_seed(seed, i)), between()]
    return Chain(*layers[:-1])


def batches(n: int, size: int, epochs: int, seed: int) -> Iterator[tuple[int, int, np.ndarray]]:
    """(step, epoch, indices of a batch), both counted from 0: every epoch in an order of its own."""
    check_size(epochs=epochs, batch=size)
    step = 0
    for epoch in range(epochs):
        order = np.random.default_rng([seed, epoch]).permutation(n)
        for start in range(0, n, size):
            yield step, epoch, order[start : start + size]
            step += 1


def train_classifier(
    net: Chain, images: Any, labels: Any, epochs: int, lr: float = 1e-3, batch: int = 50, seed: int = 0
) -> None:
    """Adam on the mean cross-entropy of a net that gives logits."""
    softmax, optimiser = Softmax(), Adam(net.layers)
    for step, _, here in batches(len(labels), batch, epochs, seed):
        p = softmax.forward(net.forward(images[here]))
        check_loss("The cross-entropy", float(cross_entropy(p, labels[here])), step)
        net.backward(cross_entropy_gradient(p, labels[here]))
        optimiser.step(lr)
