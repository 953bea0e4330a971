"""One pass of training and one of evaluation, for any network with forward, backward and update."""

from __future__ import annotations

from contextlib import nullcontext
from typing import Any

from helpers.backend import array_namespace
from helpers.errors import CourseError
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


def evaluate(network: Any, images: Any, labels: Any) -> tuple[float, float]:
    """(mean loss, accuracy in 0…1) of the network on these images; a network with dropout lets everything through."""
    check_pairs(images, labels)
    with getattr(network, "evaluating", nullcontext)():
        return _evaluated(network, images, labels)


def _evaluated(network: Any, images: Any, labels: Any) -> tuple[float, float]:
    total: Any = 0.0
    right: Any = 0
    n, chunk = len(labels), 2000  # a hidden layer for all images at once would not fit in the cache
    for start in range(0, n, chunk):
        here = labels[start : start + chunk]
        probabilities = network.forward(images[start : start + chunk])
        xp = array_namespace(probabilities)
        total = total + len(here) * cross_entropy(probabilities, here)
        right = right + xp.count_nonzero(xp.argmax(probabilities, axis=1) == here)
    return float(total) / n, int(right) / n


def check_pairs(images: Any, labels: Any) -> None:
    """A CourseError unless there is one label an image, and at least one image."""
    if len(images) != len(labels) or len(labels) == 0:
        raise CourseError(
            f"There are {len(images)} images and {len(labels)} labels; give one label an image, and at least one."
        )
