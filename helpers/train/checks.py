"""Checks before training, so that nothing fails after an hour."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from helpers.backend import array_namespace, to_numpy
from helpers.errors import CourseError


def check_settings(lr: Any, epochs: Any, batch_size: Any) -> None:
    """A CourseError unless these settings can train."""
    if not callable(lr):
        check_rate(lr, "lr")
    for name, value in (("epochs", epochs), ("batch_size", batch_size)):
        if isinstance(value, bool) or not isinstance(value, int | np.integer) or value < 1:
            raise CourseError(f"{name}={value!r} cannot train; give a whole number of at least 1.")


def check_rate(rate: Any, where: str) -> None:
    """A CourseError unless the rate is a positive finite number; where: the setting or the epoch it is for."""
    try:
        good = math.isfinite(rate) and rate > 0 and not isinstance(rate, bool)
    except TypeError:
        good = False
    if not good:
        raise CourseError(f"The learning rate {rate!r} ({where}) cannot train; give a positive finite number.")


def check_halves(data: Any) -> None:
    """A CourseError for a Split, whose test images would be used without being asked for."""
    if hasattr(data, "selection"):
        raise CourseError(
            "A Split has three sets and training takes two; pass its selection() to choose by validation images, or "
            "its final() to report on test images."
        )


def check_data(data: Any) -> None:
    """A CourseError unless images are finite and each has a label in range, in both halves."""
    check_halves(data)
    classes = getattr(data, "classes", 10)
    for half, name in (("train", "train"), ("test", getattr(data, "held_out", "test"))):
        images, labels = getattr(data, f"{half}_images"), getattr(data, f"{half}_labels")
        if len(images) != len(labels) or len(labels) == 0:
            raise CourseError(
                f"The {name} set has {len(images)} images and {len(labels)} labels; give one label per image, "
                "and at least one."
            )
        xp = array_namespace(images)
        # One sum finds a NaN without a second array of the images' size; its overflow is looked at more
        # closely.
        if not math.isfinite(float(xp.sum(images))) and not bool(xp.all(xp.isfinite(images))):
            raise CourseError(f"The {name} images hold NaN or infinite values; clean the data before training.")
        if to_numpy(labels[:1]).dtype.kind not in "iu":
            raise CourseError(f"The {name} labels are {labels.dtype}; give whole numbers, the class of each image.")
        low, high = int(xp.min(labels)), int(xp.max(labels))
        if low < 0 or high >= classes:
            wrong = low if low < 0 else high
            raise CourseError(f"The {name} labels hold {wrong}, outside 0 to {classes - 1}; correct the labels.")
