"""An MLP that is trained step by step, with its accuracy on images that it has not seen."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from helpers.data import load
from helpers.errors import CourseError
from helpers.nn.fast_mlp import FastMLP, evaluate, train_epoch

SIZES = (784, 128, 10)


@dataclass(frozen=True)
class Images:
    """Images to train on and images to validate with, no test images."""

    images: np.ndarray
    labels: np.ndarray
    held_images: np.ndarray
    held_labels: np.ndarray


def images(train: int = 20_000, validation: int = 2_000) -> Images:
    """MNIST's first `train` training images, and the `validation` that follow them."""
    if train < 1 or validation < 1 or train + validation > 60_000:
        raise CourseError(f"{train:,} + {validation:,} images can't be taken; MNIST has 60,000 to train.")
    found = load("mnist", train=train + validation, test=1)
    x, y = found.train_images, found.train_labels
    return Images(x[:train], y[:train], x[train:], y[train:])


class Trainer:
    """A new MLP 784-128-10 (sigmoid, float32, one thread) on batches drawn anew each epoch by the seed.

    `step()` trains on the next batch, `accuracy()` is the fraction of validation images that are right.
    """

    def __init__(self, data: Images, batch: int, rate: float, seed: int = 0):
        if not 1 <= batch <= len(data.labels):
            raise CourseError(f"A batch of {batch!r} can't be drawn from {len(data.labels):,} images; take fewer.")
        self.data, self.batch, self.rate = data, batch, rate
        self.network = FastMLP(SIZES, seed=seed)
        self._rng = np.random.default_rng([seed, 1])
        self._order = np.empty(0, dtype=np.int64)

    def step(self) -> None:
        """One step of gradient descent on the next batch."""
        if len(self._order) < self.batch:
            self._order = self._rng.permutation(len(self.data.labels))
        here, self._order = self._order[: self.batch], self._order[self.batch :]
        with np.errstate(all="ignore"):  # a rate that is too large ends in NaN, and its accuracy says so
            train_epoch(self.network, self.data.images, self.data.labels, self.rate, self.batch, here)

    def accuracy(self) -> float:
        """Of the validation images."""
        with np.errstate(all="ignore"):
            return float(evaluate(self.network, self.data.held_images, self.data.held_labels)[1])
