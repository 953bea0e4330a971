"""Three sets of images: to train, to choose by, and to report once."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from helpers.backend import Backend
from helpers.data.dataset import Dataset, check_request, files_of, mean_and_std, pixels, read_pair
from helpers.errors import CourseError

FIRST_VALIDATION = 50_000
"""The training file's images before this one train; those from it on validate, however many of either are taken."""


@dataclass(frozen=True)
class Split:
    """One data set in three parts. Choose rates, networks and epochs with `selection()`; test once with `final()`.

    Images are (N, 784), or (N, 1, 28, 28) with flat=False; labels int64 (N,). mean, std: what pixels were normalised
    with.
    """

    name: str
    train_images: Any
    train_labels: Any
    validation_images: Any
    validation_labels: Any
    test_images: Any
    test_labels: Any
    mean: float
    std: float
    classes: int = 10

    def selection(self) -> Dataset:
        """Training and validation images, for every choice that is made by looking at results."""
        return self._with(self.validation_images, self.validation_labels, "validation")

    def final(self) -> Dataset:
        """Training and test images, for the one number that is reported when all is chosen."""
        return self._with(self.test_images, self.test_labels, "test")

    def to(self, backend: Backend) -> Split:
        """The same data as arrays of `backend`."""
        names = [f"{part}_{what}" for part in ("train", "validation", "test") for what in ("images", "labels")]
        return replace(self, **{name: backend.asarray(getattr(self, name)) for name in names})

    def __repr__(self) -> str:
        return (
            f"Split({self.name!r}: {len(self.train_labels)} training, {len(self.validation_labels)} validation and "
            f"{len(self.test_labels)} test images, shape {tuple(self.train_images.shape[1:])}, "
            f"{self.train_images.dtype})"
        )

    def _with(self, images: Any, labels: Any, held_out: str) -> Dataset:
        return Dataset(
            self.name, self.train_images, self.train_labels, images, labels, self.mean, self.std, self.classes, held_out
        )


def load_split(
    name: str = "mnist",
    *,
    train: int = 50_000,
    validation: int = 10_000,
    test: int = 10_000,
    flat: bool = False,
    dtype: str = "float32",
) -> Split:
    """The set in three parts, as numpy arrays: the first `train` of training images 0 to 49,999, the first `validation`
    of 50,000 to 59,999, and the first `test` of the test file. No image is in two of them, whatever the counts.

    Pixels are (pixel/255 − mean)/std as `load` has them. flat: rows of 784, else (1, 28, 28). Raises CourseError for
    an unknown name, counts that are none or too many, a damaged file, no network.
    """
    check_request(name, dtype, train=train, validation=validation, test=test)
    for label, count, most in (("train", train, FIRST_VALIDATION), ("validation", validation, 10_000)):
        if count > most:
            raise CourseError(f"{label}={count} is more than the {most:,} images of this part; ask for fewer.")
    files = files_of(name)
    mean, std = mean_and_std(name, FIRST_VALIDATION)
    read = FIRST_VALIDATION + validation
    images, labels = read_pair(files, "train", read)
    test_images, test_labels = read_pair(files, "test", test)
    return Split(
        name,
        pixels(images[:train], mean, std, flat, dtype),
        labels[:train].astype(np.int64),
        pixels(images[FIRST_VALIDATION:], mean, std, flat, dtype),
        labels[FIRST_VALIDATION:].astype(np.int64),
        pixels(test_images, mean, std, flat, dtype),
        test_labels.astype(np.int64),
        mean,
        std,
    )
