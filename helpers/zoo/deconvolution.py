"""Deconvolution: what in an image has made a filter of one's own CNN answer, after Zeiler and Fergus 2014.

From one activation everything else is set to zero, and the way back to the pixels undoes each layer: unpooling puts a
number back where the maximum stood (the *switches* remember), ReLU keeps what is positive, and the transposed filters
spread it. That is backward of pooling and convolution with another ReLU: here what comes from above is cut where *it*
is negative, in a gradient where the activation was. *Visualizing and Understanding Convolutional Networks* (ECCV 2014).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from helpers import plots, primitives
from helpers.nn import FastCNN
from helpers.primitives import ConvSpec, PoolSpec
from helpers.zoo.excited import agreement, strongest
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
        chosen, alone = strongest(stages[-1].output, int(filter_), 9)
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
        plots.projections(rows, a, b),
    )
