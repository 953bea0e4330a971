"""Data sets by name. MNIST comes with the course; the others are downloaded once, with checksums."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from helpers.backend import Backend, nearest
from helpers.data.files import MNIST, REMOTE, mnist_files, read_idx, remote_files
from helpers.errors import CourseError

__all__ = ["MNIST", "NAMES", "Dataset", "load"]

NAMES = ("mnist", *REMOTE)
MNIST_MEAN, MNIST_STD = 0.1307, 0.3081


@dataclass(frozen=True)
class Dataset:
    """Images and labels of one data set.

    train_images, test_images: (N, 784), or (N, 1, 28, 28) with flat=False; train_labels, test_labels: int64
    (N,), the class 0…9. mean and std: what pixels (0…1) were normalised with (0 and 1 if they were not).
    """

    name: str
    train_images: Any
    train_labels: Any
    test_images: Any
    test_labels: Any
    mean: float
    std: float
    classes: int = 10

    def to(self, backend: Backend) -> Dataset:
        """The same data as arrays of `backend`."""
        return replace(
            self,
            train_images=backend.asarray(self.train_images),
            train_labels=backend.asarray(self.train_labels),
            test_images=backend.asarray(self.test_images),
            test_labels=backend.asarray(self.test_labels),
        )

    def __repr__(self) -> str:
        return (
            f"Dataset({self.name!r}: {len(self.train_labels)} training and {len(self.test_labels)} test "
            "images, "
            f"shape {tuple(self.train_images.shape[1:])}, {self.train_images.dtype})"
        )


def load(
    name: str = "mnist",
    *,
    train: int | None = None,
    test: int | None = None,
    normalise: bool = True,
    flat: bool = True,
    dtype: str = "float32",
) -> Dataset:
    """Load "mnist" (in the package), "fashion_mnist" or "kmnist" (downloaded once) as numpy arrays.

    train, test: take only the first so many images. normalise: (pixel/255 − mean)/std with MNIST's usual
    0.1307 and 0.3081, or the training set's own mean and std for the other sets; False leaves pixels in 0…1.
    flat: rows of 784, else (1, 28, 28). Raises CourseError for an unknown name, a damaged file, no network.
    """
    if name not in NAMES:
        raise CourseError(f"There is no data set {name!r}{nearest(name, NAMES)}; choose one of {', '.join(NAMES)}.")
    for label, count in (("train", train), ("test", test)):
        if count is not None and (isinstance(count, bool) or not isinstance(count, int | np.integer) or count < 1):
            raise CourseError(f"{label}={count!r} is not a number of images; give a whole number of at least 1.")
    if dtype not in ("float32", "float64", np.float32, np.float64):
        raise CourseError(f"The dtype {dtype!r} is not one of float32 and float64; choose one of these.")
    files = mnist_files() if name == "mnist" else remote_files(name)
    if not normalise:
        mean, std = 0.0, 1.0
    elif name == "mnist":
        mean, std = MNIST_MEAN, MNIST_STD
    else:
        mean, std = _mean_and_std(read_idx(files["train-images"]))
    return Dataset(
        name,
        _pixels(read_idx(files["train-images"], train), mean, std, flat, dtype),
        read_idx(files["train-labels"], train).astype(np.int64),
        _pixels(read_idx(files["test-images"], test), mean, std, flat, dtype),
        read_idx(files["test-labels"], test).astype(np.int64),
        mean,
        std,
    )


def _pixels(raw: np.ndarray, mean: float, std: float, flat: bool, dtype: str) -> np.ndarray:
    # A byte has 256 values: look each up instead of dividing 47 million times.
    table = ((np.arange(256) / 255 - mean) / std).astype(dtype)
    return table[raw.reshape(len(raw), -1) if flat else raw[:, None]]


def _mean_and_std(raw: np.ndarray) -> tuple[float, float]:
    share = np.bincount(raw.ravel(), minlength=256) / raw.size
    value = np.arange(256) / 255
    mean = float(share @ value)
    return mean, float(np.sqrt(share @ (value - mean) ** 2))
