"""A small convolutional network in numpy, preallocated: stages of convolution, ReLU and 2×2 max-pooling, then dense.

Why it is fast: a batch goes through in *micro-batches* of about 16 images, forward and backward, so that everything
that one of them needs stays in the second-level cache; their gradients add up and one update follows, so that the
result is that of the whole batch. Every array is made once, and images lie fastest in memory (`fast_stage`).
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, cast

import numpy as np

from helpers.backend import Backend
from helpers.backend import backend as make_backend
from helpers.errors import CourseError
from helpers.nn.fast_stage import Stage, flip, into_planes
from helpers.nn.layers import layer_seed
from helpers.nn.loss import check_labels
from helpers.nn.steps import check_pairs


class FastCNN:
    """Stages of convolution (stride 1, no padding), ReLU and 2×2 max-pooling, then a dense layer and softmax, in numpy.

    channels: filters of each stage; filter_size: one number or (R, S); image: (C, H, W); classes; backend: a numpy
    Backend, None for float32; micro_batch: images at a time.

    weights: a list of (K, C, R, S), one a stage; biases: (K,); dense: (classes, K, P, Q) over the last stage's output,
    dense_bias: (classes,). Weights start as draws from N(0, 1/inputs), inputs = C·R·S or K·P·Q, biases at zero.
    Write into them in place (`network.weights[0][...] = w`): they are views of the memory that the products read.
    """

    def __init__(
        self,
        channels: Sequence[int] = (16, 32),
        filter_size: int | tuple[int, int] = 3,
        image: tuple[int, int, int] = (1, 28, 28),
        classes: int = 10,
        backend: Backend | None = None,
        seed: int = 0,
        micro_batch: int = 16,
    ) -> None:
        backend = backend or make_backend("numpy")
        if backend.name != "numpy":
            raise CourseError(f"FastCNN runs on numpy only and got the backend {backend.name!r}.")
        size = tuple(filter_size) if isinstance(filter_size, tuple | list) else (filter_size, filter_size)
        self.channels, self.image, self.filter_size = tuple(channels), tuple(image), cast(tuple[int, int], size)
        self.classes, self.micro_batch = classes, micro_batch
        self.shapes = _shapes(self.channels, self.filter_size, self.image)
        for name, value in (("classes", classes), ("micro_batch", micro_batch)):
            _check_size(name, value)
        (r, s), self.dtype = size, backend.dtype
        self._packed, self._flipped, self.weights, self.biases = [], [], [], []
        for i, ((c, _, _), k) in enumerate(zip(self.shapes, self.channels, strict=False)):
            packed = np.empty((k, r, c, s), self.dtype)
            logical = packed.transpose(0, 2, 1, 3)
            logical[...] = backend.normal((k, c, r, s), (c * r * s) ** -0.5, layer_seed(seed, i))
            self._packed.append(packed)
            self._flipped.append(np.empty((c, s, r, k), self.dtype))
            self.weights.append(logical)
            self.biases.append(backend.zeros((k,)))
        k, p, q = self.shapes[-1]
        self._dense = np.empty((classes, p, k, q), self.dtype)
        self.dense = self._dense.transpose(0, 2, 1, 3)
        self.dense[...] = backend.normal((classes, k, p, q), (k * p * q) ** -0.5, layer_seed(seed, len(self.channels)))
        self.dense_bias = backend.zeros((classes,))
        self._work: dict[int, _Work] = {}
        self._grad_weights = [np.empty((r * w.shape[1] * s, w.shape[0]), self.dtype) for w in self.weights]
        self._grad_biases = [np.empty_like(b) for b in self.biases]
        self._grad_dense = np.empty((classes, k * p * q), self.dtype)
        self._grad_dense_bias = np.empty_like(self.dense_bias)

    def forward(self, images: np.ndarray) -> np.ndarray:
        """Probabilities (N, classes) of images (N, C, H, W), as a new array."""
        self._check_images(images)
        probabilities = np.empty((len(images), self.classes), self.dtype)
        for part, work in self._parts(len(images)):
            self._logits(work, images[part])
            work.softmax()
            probabilities[part] = work.out.T
        return probabilities

    def step(self, images: np.ndarray, labels: np.ndarray, lr: float) -> float:
        """One step of gradient descent on images (N, C, H, W) and labels (N,); returns the mean loss before it."""
        self._check_images(images)
        labels = np.asarray(labels)
        if labels.ndim != 1:
            raise CourseError(f"Labels of shape {labels.shape} are not one number an image; pass (N,).")
        check_pairs(images, labels)
        check_labels(labels, self.classes)
        for packed, flipped in zip(self._packed[1:], self._flipped[1:], strict=True):
            flip(packed, flipped)
        for total in (*self._grad_weights, *self._grad_biases, self._grad_dense, self._grad_dense_bias):
            total.fill(0)
        # lr/N goes into the small gradient of the logits, so that an update is one subtraction.
        scale, loss = self.dtype.type(lr / len(labels)), 0.0
        for part, work in self._parts(len(images)):
            self._logits(work, images[part])
            here = labels[part]
            # −log p = log Σ exp z − z[label]: from the logits, so that it also holds where p is too small for a float.
            loss -= float(work.out[here, work.numbers].sum(dtype=np.float64))
            work.softmax()
            loss += float(np.log(work.row).sum(dtype=np.float64))
            work.out[here, work.numbers] -= 1
            np.multiply(work.out, scale, out=work.out)
            self._accumulate(work)
        for packed, gradient in zip(self._packed, self._grad_weights, strict=True):
            flat = packed.reshape(len(packed), -1).T
            np.subtract(flat, gradient, out=flat)
        for bias, gradient in zip(self.biases, self._grad_biases, strict=True):
            np.subtract(bias, gradient, out=bias)
        flat = self._dense.reshape(self.classes, -1)
        np.subtract(flat, self._grad_dense, out=flat)
        np.subtract(self.dense_bias, self._grad_dense_bias, out=self.dense_bias)
        return loss / len(labels)

    def _logits(self, work: _Work, images: np.ndarray) -> None:
        """work.out (classes, n) = logits, less the largest of each image."""
        into_planes(images.transpose(2, 1, 3, 0), work.stages[0].planes)
        for i, stage in enumerate(work.stages):
            if i:
                into_planes(work.stages[i - 1].a, stage.planes)
            stage.forward(self._packed[i].reshape(len(self._packed[i]), -1), self.biases[i])
        z, row = work.out, work.row
        np.matmul(self._dense.reshape(self.classes, -1), work.features, out=z)
        np.add(z, self.dense_bias[:, None], out=z)
        np.maximum.reduce(z, axis=0, out=row)
        np.subtract(z, row, out=z)

    def _accumulate(self, work: _Work) -> None:
        """Add the gradients of a micro-batch, from the gradient of its logits in work.out."""
        np.matmul(work.out, work.features.T, out=work.grad_dense)
        np.add(self._grad_dense, work.grad_dense, out=self._grad_dense)
        self._grad_dense_bias += work.out.sum(axis=1)
        np.greater(work.features, 0, out=work.positive)
        np.matmul(self._dense.reshape(self.classes, -1).T, work.out, out=work.features)
        np.multiply(work.features, work.positive, out=work.features)
        gradient = work.stages[-1].pooled
        for i in range(len(work.stages) - 1, -1, -1):
            stage = work.stages[i]
            stage.backward(gradient)
            np.add(self._grad_weights[i], stage.grad_weight, out=self._grad_weights[i])
            np.add(self._grad_biases[i], stage.grad_bias, out=self._grad_biases[i])
            if i:
                c, s, r, k = self._flipped[i].shape
                gradient = stage.backward_data(self._flipped[i].reshape(c * s, r * k), work.stages[i - 1])

    def _parts(self, n: int) -> Any:
        """(slice, working arrays) of each micro-batch."""
        for start in range(0, n, self.micro_batch):
            size = min(self.micro_batch, n - start)
            if size not in self._work:
                self._work[size] = _Work(self, size)
            yield slice(start, start + size), self._work[size]

    def _check_images(self, images: Any) -> None:
        if not isinstance(images, np.ndarray):
            raise CourseError(
                f"FastCNN takes numpy arrays and got a {type(images).__name__}; convert the images first."
            )
        if images.dtype.kind not in "fiu":
            raise CourseError(f"Images of {images.dtype} hold no numbers to compute with; pass floats or integers.")
        if images.ndim != 4 or images.shape[1:] != self.image or len(images) == 0:
            c, h, w = self.image
            raise CourseError(
                f"This network takes images of shape (N, {c}, {h}, {w}) and got {images.shape}; reshape them."
            )


class _Work:
    """Working arrays of a micro-batch of n images."""

    def __init__(self, network: FastCNN, n: int) -> None:
        self.stages = [
            Stage(n, shape, k, network.filter_size, network.dtype, inner=i > 0)
            for i, (shape, k) in enumerate(zip(network.shapes, network.channels, strict=False))
        ]
        self.features = self.stages[-1].a.reshape(-1, n)
        self.positive = np.empty(self.features.shape, bool)
        self.grad_dense = np.empty_like(network._grad_dense)
        self.out = np.empty((network.classes, n), network.dtype)
        self.row = np.empty(n, network.dtype)
        self.numbers = np.arange(n)

    def softmax(self) -> None:
        """From logits to probabilities in `out`; their sum before division stays in `row`."""
        np.exp(self.out, out=self.out)
        np.add.reduce(self.out, axis=0, out=self.row)
        np.divide(self.out, self.row, out=self.out)


def _shapes(channels: tuple[int, ...], size: tuple[int, ...], image: tuple[int, ...]) -> list[tuple[int, int, int]]:
    """(C, H, W) of each stage's input and of the last one's output."""
    if len(image) != 3 or len(size) != 2 or not channels:
        raise CourseError(
            f"channels={channels}, filter_size={size} and image={image} make no network; give at least one number of "
            "channels, one or two sizes, and (C, H, W)."
        )
    for name, values in (("channels", channels), ("filter_size", size), ("image", image)):
        for value in values:
            _check_size(name, value)
    (r, s), shapes = size, [image]
    for k in channels:
        _, h, w = shapes[-1]
        if h - r < 1 or w - s < 1:
            raise CourseError(
                f"After {len(shapes) - 1} stages an image has {h} × {w} pixels, too few for a {r} × {s} filter and "
                "2 × 2 pooling; take fewer stages, a smaller filter or larger images."
            )
        shapes.append((k, (h - r + 1) // 2, (w - s + 1) // 2))
    return shapes  # type: ignore[return-value]


def _check_size(name: str, value: Any) -> None:
    if isinstance(value, bool) or not isinstance(value, int | np.integer) or value < 1:
        raise CourseError(f"{name} has {value!r}, which is no size; give whole numbers of at least 1.")
