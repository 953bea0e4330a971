"""The expected results, in plain float64 numpy. Written for being checked against finite differences, not for speed."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise

import numpy as np


def sigmoid(x: np.ndarray) -> np.ndarray:
    """1 / (1 + e^−x), any shape, without overflow."""
    return np.exp(-np.logaddexp(0.0, -x))


def softmax(logits: np.ndarray) -> np.ndarray:
    """Softmax over the last axis, shifted by the row's maximum."""
    powers = np.exp(logits - logits.max(axis=-1, keepdims=True))
    return powers / powers.sum(axis=-1, keepdims=True)


def softmax_backward(logits: np.ndarray, g: np.ndarray) -> np.ndarray:
    """p · (g − Σ g p), the gradient for the logits of that for the probabilities, g."""
    p = softmax(logits)
    return p * (g - (g * p).sum(axis=-1, keepdims=True))


def cross_entropy(probabilities: np.ndarray, labels: np.ndarray) -> float:
    """Mean over the batch of −log of the true class's probability."""
    return float(-np.log(probabilities[np.arange(len(labels)), labels]).mean())


def one_hot(labels: np.ndarray, classes: int) -> np.ndarray:
    """(N,) integers to (N, classes)."""
    return np.eye(classes)[labels]


@dataclass
class Net:
    """Weights and biases of an MLP with sigmoid between and softmax at the end; (in, out) weights."""

    weights: list[np.ndarray]
    biases: list[np.ndarray]

    @classmethod
    def random(cls, sizes: tuple[int, ...], rng: np.random.Generator) -> Net:
        pairs = list(pairwise(sizes))
        return cls([rng.normal(0, 1.2, p) for p in pairs], [rng.normal(0, 0.5, p[1]) for p in pairs])

    def copy(self) -> Net:
        return Net([w.copy() for w in self.weights], [b.copy() for b in self.biases])

    def activations(self, x: np.ndarray) -> list[np.ndarray]:
        """x, the output of each sigmoid, and the probabilities."""
        found = [x]
        for w, b in zip(self.weights[:-1], self.biases[:-1], strict=True):
            found.append(sigmoid(found[-1] @ w + b))
        return [*found, softmax(found[-1] @ self.weights[-1] + self.biases[-1])]

    def forward(self, x: np.ndarray) -> np.ndarray:
        return self.activations(x)[-1]

    def logits(self, x: np.ndarray) -> np.ndarray:
        """What the softmax at the end gets."""
        return self.activations(x)[-2] @ self.weights[-1] + self.biases[-1]

    def loss(self, x: np.ndarray, labels: np.ndarray) -> float:
        return cross_entropy(self.forward(x), labels)

    def parameters(self) -> list[np.ndarray]:
        """Weight and bias of each layer, the last layer's first: an error on the way back begins there."""
        return [p for pair in zip(reversed(self.weights), reversed(self.biases), strict=True) for p in pair]

    def gradients(
        self, x: np.ndarray, labels: np.ndarray, scale: float | None = None, start: np.ndarray | None = None,
        through_activations: bool = True,
    ) -> Net:
        """Gradients of the mean loss.

        As mistakes do it: another `scale` than 1/N; `start`, another gradient for the logits; without the derivative of
        the activations.
        """
        a = self.activations(x)
        g = (
            (a[-1] - one_hot(labels, a[-1].shape[1])) * (1 / len(x) if scale is None else scale)
            if start is None
            else start
        )
        grads = Net([], [])
        for i in range(len(self.weights) - 1, -1, -1):
            grads.weights.insert(0, a[i].T @ g)
            grads.biases.insert(0, g.sum(axis=0))
            if i:
                g = g @ self.weights[i].T * (a[i] * (1 - a[i]) if through_activations else 1)
        return grads

    def step(self, grads: Net, lr: float) -> None:
        for p, g in zip(self.weights + self.biases, grads.weights + grads.biases, strict=True):
            p -= lr * g

    def stepped(self, grads: Net, lr: float) -> Net:
        """The network after a step; this one stays."""
        moved = self.copy()
        moved.step(grads, lr)
        return moved
