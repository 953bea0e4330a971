"""Images as the zoo takes them: pixels from 0 to 1, in rows."""

from __future__ import annotations

import numpy as np

from helpers.data import load


def pixels(name: str, train: int, test: int) -> tuple[np.ndarray, np.ndarray]:
    """(training images (train, 784), test images (test, 784)) of a data set, float32 in 0…1."""
    data = load(name, train=train, test=test, normalise=False)
    return data.train_images, data.test_images


def labelled(name: str, train: int, test: int) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """As `pixels`, with labels: (images, labels, test images, test labels)."""
    data = load(name, train=train, test=test, normalise=False)
    return data.train_images, data.train_labels, data.test_images, data.test_labels
