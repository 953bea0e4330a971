"""Which images excite a filter most, and how well what is projected back lies on them."""

from __future__ import annotations

import numpy as np

from helpers.errors import CourseError


def strongest(y: np.ndarray, filter_: int, count: int) -> tuple[np.ndarray, np.ndarray]:
    """Of a layer's output y (N, K, P, Q): (indices of the images that excite a filter most, activations (count, K, P,
    Q) with each one's strongest alone)."""
    if not 0 <= filter_ < y.shape[1]:
        raise CourseError(f"There is no filter {filter_} in this layer; take 0 to {y.shape[1] - 1}.")
    if not 1 <= count <= len(y):
        raise CourseError(f"count={count} images are not among {len(y)}; take 1 to {len(y)}.")
    flat = y[:, filter_].reshape(len(y), -1)
    images = np.argsort(flat.max(axis=1), kind="stable")[::-1][:count]
    alone = np.zeros((count, *y.shape[1:]), y.dtype)
    places = alone[:, filter_].reshape(count, -1)
    places[np.arange(count), flat[images].argmax(axis=1)] = flat[images].max(axis=1)
    alone[:, filter_] = places.reshape(count, *y.shape[2:])
    return images, alone


def agreement(parts: np.ndarray, images: np.ndarray) -> float:
    """Mean over images of the cosine between what was projected back, its positive part, and the image under it."""
    found = []
    for part, image in zip(np.maximum(parts, 0), images, strict=True):
        seen = image * (part != 0)
        found.append(float((part * seen).sum() / max(1e-12, np.linalg.norm(part) * np.linalg.norm(seen))))
    return float(np.mean(found))
