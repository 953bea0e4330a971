"""Deconvolution: what in an image has made a filter of one's own CNN answer, after Zeiler and Fergus 2014.

From one activation everything else is set to zero, and the way back to the pixels undoes each layer: unpooling puts a
number back where the maximum stood (the *switches* remember), ReLU keeps what is positive, and the transposed filters
spread it. That is backward of pooling and convolution with another ReLU: here what comes from above is cut where *it*
is negative, in a gradient where the activation was. *Visualizing and Understanding Convolutional Networks* (ECCV 2014).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from helpers import primitives
from helpers.errors import CourseError
from helpers.nn import FastCNN
from helpers.primitives import ConvSpec, PoolSpec
from helpers.zoo.images import labelled
from helpers.zoo.outcome import Measured, Outcome


@dataclass
class Pass:
    """One stage of a forward pass: the shapes, the activations before pooling, the switches, and the output."""

    conv: ConvSpec
    pool: PoolSpec
    before: np.ndarray
    switches: np.ndarray
    output: np.ndarray


def look(weights: list[np.ndarray], biases: list[np.ndarray], images: np.ndarray) -> list[Pass]:
    """Convolution, ReLU and 2×2 max-pooling, one stage after the other, on images (N, C, H, W)."""
    stages, x = [], images
    for weight, bias in zip(weights, biases, strict=True):
        k, _, r, s = weight.shape
        conv = ConvSpec(*x.shape, k, r, s)
        before = np.maximum(primitives.conv_forward(conv, x, weight, bias), 0)
        h, w = (size - size % 2 for size in before.shape[2:])  # a last odd row is not pooled
        before = np.ascontiguousarray(before[:, :, :h, :w])
        pool = PoolSpec(*before.shape, 2, 2, 2, 2)
        x, switches = primitives.max_pool_forward(pool, before)
        stages.append(Pass(conv, pool, before, switches, x))
    return stages


def unpool(stage: Pass, y: np.ndarray, switches: bool = True) -> np.ndarray:
    """Each number of y (N, K, P/2, Q/2) back to where the maximum stood, or without switches to its window's corner."""
    if switches:
        return primitives.max_pool_backward(stage.pool, y, stage.switches)
    spread = np.zeros(stage.before.shape, y.dtype)
    spread[:, :, ::2, ::2] = y
    return spread


def back(weights: list[np.ndarray], stages: list[Pass], y: np.ndarray, switches: bool = True) -> np.ndarray:
    """From y, of the last stage's output, to the pixels (N, C, H, W)."""
    for weight, stage in zip(reversed(weights), reversed(stages), strict=True):
        x = np.maximum(unpool(stage, y, switches), 0)
        whole = np.zeros(stage.conv.y_shape, x.dtype)
        whole[:, :, : x.shape[2], : x.shape[3]] = x
        y = primitives.conv_backward_data(stage.conv, whole, weight)
    return y


def strongest(stages: list[Pass], filter_: int, count: int) -> tuple[np.ndarray, np.ndarray]:
    """(indices of the images that excite a filter of the last stage most, activations (count, K, P, Q) with each one's
    strongest alone)."""
    y = stages[-1].output
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


@dataclass(frozen=True)
class Size:
    train: int
    test: int
    epochs: int
    goal: float


SIZES = {"full": Size(10_000, 1000, 3, 1.05), "quick": Size(1500, 200, 2, 1.0)}


def run(size: str = "full", seed: int = 0, data: str = "mnist") -> Outcome:
    """Trains a CNN, and projects the strongest activations of its second layer back to the pixels."""
    s = SIZES[size]
    images, labels, test, test_labels = (
        a.reshape(len(a), 1, 28, 28) if a.ndim == 2 else a for a in labelled(data, s.train, s.test)
    )
    cnn = FastCNN((8, 16), 5, seed=seed)
    for epoch in range(s.epochs):
        cnn.train_epoch(images, labels, 0.1, 50, np.random.default_rng([seed, epoch]).permutation(len(labels)))
    _, accuracy = cnn.evaluate(test, test_labels)
    weights, biases = ([np.ascontiguousarray(a) for a in arrays] for arrays in (cnn.weights, cnn.biases))
    stages = look(weights, biases, test)
    filters = np.argsort(stages[-1].output.max(axis=(0, 2, 3)))[::-1][:4]
    rows, with_switches, without = {}, [], []
    for name, filter_ in zip("ABCD", filters, strict=True):
        chosen, alone = strongest(stages, int(filter_), 9)
        some = look(weights, biases, test[chosen])
        seen = back(weights, some, alone)
        with_switches.append(agreement(seen, test[chosen]))
        without.append(agreement(back(weights, some, alone, switches=False), test[chosen]))
        rows[name] = test[chosen, 0], seen[:, 0]
    a, b = float(np.mean(with_switches)), float(np.mean(without))
    return Outcome(
        [
            Measured("test accuracy of the CNN", 100 * accuracy, "%"),
            Measured("cosine of projection and image, with switches", a),
            Measured("without switches", b),
            Measured("with ÷ without", a / b, at_least=s.goal),
        ],
        picture(rows, a, b),
    )


def picture(rows: dict[str, tuple[np.ndarray, np.ndarray]], a: float, b: float) -> Any:
    """For four filters the images that excite them most, and what of each has done so."""
    from helpers.plots.style import figure, with_alt
    from helpers.zoo.drawing import show_images

    fig = figure(9, 5)
    for ax, (name, (images, seen)) in zip(fig.subplots(2, 4).T.reshape(4, 2), rows.items(), strict=True):
        show_images(ax[0], images, 3, f"filter {name}: images")
        top = float(np.abs(seen).max())
        show_images(ax[1], seen, 3, "seen by it", "PuOr", vmin=-top, vmax=top)
    return with_alt(
        fig,
        "Four filters of a CNN's second layer: above the nine test images that excite each most, below what was "
        "projected back to the pixels through the switches; each filter has its own kind of stroke, at any place. The "
        f"cosine between projection and image is {a:.2f} with switches and {b:.2f} without.",
    )
