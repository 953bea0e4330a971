"""Mean loss and accuracy of any network with forward, on images that it is not trained on."""

from __future__ import annotations

from contextlib import nullcontext
from typing import Any

from helpers.backend import array_namespace
from helpers.errors import CourseError
from helpers.nn.loss import cross_entropy


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
