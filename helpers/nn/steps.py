"""One pass of training, for any network with forward, backward and update."""

from __future__ import annotations

from typing import Any

from helpers.nn.accuracy import check_pairs
from helpers.nn.loss import cross_entropy


def train_epoch(network: Any, images: Any, labels: Any, lr: float, batch_size: int = 64, order: Any = None) -> float:
    """One epoch of mini-batch gradient descent; returns the mean training loss.

    images (N, features), labels (N,); order: integer indices, the order in which images are seen (None: as
    they lie). Each batch's loss is taken before its update and counts by its size, so a ragged last batch
    counts less.
    """
    check_pairs(images, labels)
    n = len(labels) if order is None else len(order)
    total: Any = 0.0
    for start in range(0, n, batch_size):
        stop = min(start + batch_size, n)
        batch = slice(start, stop) if order is None else order[start:stop]
        probabilities = network.forward(images[batch])
        total = total + (stop - start) * cross_entropy(probabilities, labels[batch])
        network.backward(labels[batch])
        network.update(lr)
    return float(total) / n
