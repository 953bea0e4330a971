"""What a data set is in memory, and how bytes become pixels."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from helpers.backend import Backend, nearest
from helpers.data.files import REMOTE, folder_files, mnist_files, read_idx, remote_files
from helpers.errors import CourseError

NAMES = ("mnist", *REMOTE)
MNIST_MEAN, MNIST_STD = 0.1307, 0.3081


@dataclass(frozen=True)
class Dataset:
    """Images and labels of one data set.

    train_images, test_images: (N, 784), or (N, 1, 28, 28) with flat=False; train_labels, test_labels: int64
    (N,), the class 0…9. mean and std: what pixels (0…1) were normalised with (0 and 1 if they were not).
    held_out: what the second half is, "test" or "validation" images.
    """

    name: str
    train_images: Any
    train_labels: Any
    test_images: Any
    test_labels: Any
    mean: float
    std: float
    classes: int = 10
    held_out: str = "test"

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
            f"Dataset({self.name!r}: {len(self.train_labels)} training and {len(self.test_labels)} {self.held_out} "
            "images, "
            f"shape {tuple(self.train_images.shape[1:])}, {self.train_images.dtype})"
        )


def check_request(name: str, dtype: str, **counts: int | None) -> None:
    """A CourseError unless the name and dtype exist and the counts are numbers of images, or None."""
    if name not in NAMES and not Path(name).is_dir():
        raise CourseError(
            f"There is no data set {name!r}{nearest(name, NAMES)}; choose one of {', '.join(NAMES)}, or a folder with "
            "the four files of one."
        )
    for label, count in counts.items():
        if count is not None and (isinstance(count, bool) or not isinstance(count, int | np.integer) or count < 1):
            raise CourseError(f"{label}={count!r} is not a number of images; give a whole number of at least 1.")
    if dtype not in ("float32", "float64", np.float32, np.float64):
        raise CourseError(f"The dtype {dtype!r} is not one of float32 and float64; choose one of these.")


def files_of(name: str) -> dict[str, Any]:
    """Paths of the set's four files, checked; those of a folder are checked when they are read."""
    if name in NAMES:
        return mnist_files() if name == "mnist" else remote_files(name)
    return folder_files(Path(name))


def read_pair(files: dict[str, Any], part: str, count: int | None) -> tuple[np.ndarray, np.ndarray]:
    """The first `count` images (N, 28, 28) and labels 0…9 (N,) of "train" or "test", as bytes."""
    paths = files[f"{part}-images"], files[f"{part}-labels"]
    images, labels = (read_idx(path, count) for path in paths)
    if images.shape[1:] != (28, 28):
        raise CourseError(f"{paths[0]} has entries of shape {images.shape[1:]}; give images of 28 × 28 pixels.")
    if labels.ndim != 1 or labels.max() > 9:
        raise CourseError(f"{paths[1]} does not hold labels; give one number from 0 to 9 for each image.")
    if len(images) != len(labels):
        raise CourseError(
            f"{paths[0]} has {len(images)} images and {paths[1].name} {len(labels)} labels; give as many of both."
        )
    return images, labels


def pixels(raw: np.ndarray, mean: float, std: float, flat: bool, dtype: str) -> np.ndarray:
    """(N, H, W) bytes -> (pixel/255 − mean)/std, rows of H·W, or (N, 1, H, W)."""
    # A byte has 256 values: look each up instead of dividing 47 million times.
    table = ((np.arange(256) / 255 - mean) / std).astype(dtype)
    return table[raw.reshape(len(raw), -1) if flat else raw[:, None]]


def mean_and_std(name: str, count: int | None = None) -> tuple[float, float]:
    """What the set's pixels are normalised with: MNIST's usual 0.1307 and 0.3081, or the mean and standard deviation
    of the first `count` training images of another set.
    """
    if name == "mnist":
        return MNIST_MEAN, MNIST_STD
    raw = read_idx(files_of(name)["train-images"], count)
    share = np.bincount(raw.ravel(), minlength=256) / raw.size
    value = np.arange(256) / 255
    mean = float(share @ value)
    return mean, float(np.sqrt(share @ (value - mean) ** 2))
