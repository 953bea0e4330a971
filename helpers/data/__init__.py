"""Data sets by name. MNIST comes with the course; the others are downloaded once, with checksums."""

from __future__ import annotations

import numpy as np

from helpers.data.dataset import (
    MNIST_MEAN,
    MNIST_STD,
    NAMES,
    Dataset,
    check_request,
    files_of,
    mean_and_std,
    pixels,
    read_pair,
)
from helpers.data.files import MNIST
from helpers.data.split import Split, load_split

__all__ = ["MNIST", "MNIST_MEAN", "MNIST_STD", "NAMES", "Dataset", "Split", "load", "load_split"]


def load(
    name: str = "mnist",
    *,
    train: int | None = None,
    test: int | None = None,
    normalise: bool = True,
    flat: bool = True,
    dtype: str = "float32",
) -> Dataset:
    """Load "mnist" (in the package), "fashion_mnist" or "kmnist" (downloaded once), or the four files of a folder, as
    numpy arrays.

    train, test: take only the first so many images. normalise: (pixel/255 − mean)/std with MNIST's usual
    0.1307 and 0.3081, or the training set's own mean and std for the other sets; False leaves pixels in 0…1.
    flat: rows of 784, else (1, 28, 28). Raises CourseError for an unknown name, a damaged file, no network.
    """
    check_request(name, dtype, train=train, test=test)
    files = files_of(name)
    (train_images, train_labels), (test_images, test_labels) = (
        read_pair(files, part, count) for part, count in (("train", train), ("test", test))
    )
    mean, std = mean_and_std(name) if normalise else (0.0, 1.0)
    return Dataset(
        name,
        pixels(train_images, mean, std, flat, dtype),
        train_labels.astype(np.int64),
        pixels(test_images, mean, std, flat, dtype),
        test_labels.astype(np.int64),
        mean,
        std,
    )
