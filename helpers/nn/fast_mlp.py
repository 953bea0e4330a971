"""The MLP of `layers`, in numpy, without a single allocation in its training loop.

Why it is fast: every array that a step needs is made once and written into (`out=`); the learning rate and
1/N go into the small gradient of the logits, so an update is one subtraction; the gradient for the images
themselves, which nobody uses, is not computed; an element-wise pass touches only arrays that fit in the
cache.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise
from typing import Any

import numpy as np

from helpers.backend import Backend
from helpers.backend import backend as make_backend
from helpers.errors import CourseError
from helpers.nn.accuracy import check_pairs
from helpers.nn.layers import MLP, check_sizes
from helpers.nn.loss import check_labels
from helpers.nn.state import layer_seed

# OpenBLAS multiplies small matrices (rows × columns × inner at most 100³) without first copying them into
# packed panels. At these sizes the copying costs a fifth, so larger products are cut into such tiles.
SMALL = 100**3


class FastMLP:
    """MLP([784, 512, 128, 10]) in numpy: the same weights for the same seed, the same steps, preallocated.

    sizes: at least two; backend: a numpy Backend (float32 or float64), None for float32. `weights` and
    `biases` are lists of arrays (in, out) and (out,). Train with `train_epoch` and `evaluate` of this module.
    """

    def __init__(self, sizes: Sequence[int], backend: Backend | None = None, seed: int = 0) -> None:
        backend = backend or make_backend("numpy")
        if backend.name != "numpy":
            raise CourseError(f"FastMLP runs on numpy only and got the backend {backend.name!r}; use MLP for PyTorch.")
        self.sizes = check_sizes(sizes)
        self.dtype = backend.dtype
        pairs = list(pairwise(self.sizes))
        self.weights = [backend.normal(p, p[0] ** -0.5, layer_seed(seed, i)) for i, p in enumerate(pairs)]
        self.biases = [backend.zeros((n_out,)) for _, n_out in pairs]
        self._buffers: dict[int, _Buffers] = {}
        self._steps = [np.empty_like(w) for w in self.weights]
        self._bias_steps = [np.empty_like(b) for b in self.biases]

    @classmethod
    def from_mlp(cls, network: MLP, backend: Backend | None = None) -> FastMLP:
        """A copy of a readable MLP, with its present weights."""
        from helpers.backend import to_numpy

        fast = cls(network.sizes, backend)
        linear = [layer for layer in network.layers if hasattr(layer, "weight")]
        for i, layer in enumerate(linear):
            fast.weights[i][...] = to_numpy(layer.weight)
            fast.biases[i][...] = to_numpy(layer.bias)
        return fast

    def buffers(self, n: int) -> _Buffers:
        """Working arrays for batches of n images, made on first use."""
        if n not in self._buffers:
            self._buffers[n] = _Buffers(self, n)
        return self._buffers[n]

    def forward(self, x: Any) -> np.ndarray:
        """Probabilities (N, classes) of images (N, features), as a new array."""
        if x.ndim != 2 or x.shape[1] != self.sizes[0]:
            raise CourseError(
                f"This network takes arrays of shape (N, {self.sizes[0]}) and got {tuple(x.shape)}; reshape the input."
            )
        work = self.buffers(len(x))
        np.copyto(work.x, x)
        self._logits(work)
        _softmax(work)
        return work.out.copy()

    def _logits(self, work: _Buffers) -> None:
        half, last = work.half, len(self.weights) - 1
        for i, (a_tiles, weight, z_tiles) in enumerate(work.forward):
            np.matmul(a_tiles, weight, z_tiles)
            z = work.a[i]
            np.add(z, self.biases[i], z)
            if i < last:  # sigmoid(z) = (1 + tanh(z/2))/2
                np.multiply(z, half, z)
                np.tanh(z, z)
                np.multiply(z, half, z)
                np.add(z, half, z)

    def _step(self, work: _Buffers, labels: np.ndarray, scale: np.floating) -> None:
        """Update from probabilities in work.out: gradient of the logits times `scale` = lr/N, and so down."""
        g = work.out
        g[work.rows, labels] -= 1
        np.multiply(g, scale, g)
        for i in range(len(self.weights) - 1, -1, -1):
            below_t, step_tiles = work.backward[i]
            np.matmul(below_t, g, step_tiles)
            np.matmul(work.ones, g, self._bias_steps[i])
            if i:
                # Before the update: the gradient passes through the weights that made the prediction.
                np.matmul(*work.down[i - 1])
                y, d, slope = work.a[i - 1], work.d[i - 1], work.s[i - 1]
                np.multiply(y, y, slope)
                np.subtract(y, slope, slope)
                np.multiply(d, slope, d)
                g = d
            np.subtract(self.weights[i], self._steps[i], self.weights[i])
            np.subtract(self.biases[i], self._bias_steps[i], self.biases[i])


class _Buffers:
    """Arrays of one batch size, and the tiles (views of them) in which they are multiplied.

    a: outputs of each layer; d: gradients with respect to them; s: slopes of the sigmoids.
    """

    def __init__(self, network: FastMLP, n: int) -> None:
        sizes, dtype = network.sizes, network.dtype
        self.x = np.empty((n, sizes[0]), dtype)
        self.a = [np.empty((n, m), dtype) for m in sizes[1:]]
        # Stored by columns: softmax then works along rows of n numbers, not along short rows of 10.
        self.out = self.a[-1] = np.empty((sizes[-1], n), dtype).T
        self.d = [np.empty((n, m), dtype) for m in sizes[1:-1]]
        self.s = [np.empty((n, m), dtype) for m in sizes[1:-1]]
        self.rows = np.arange(n)
        self.ones = np.ones(n, dtype)
        self.column = np.empty((n, 1), dtype)
        self.half = dtype.type(0.5)
        self.forward: list[Any] = []
        self.backward: list[Any] = []
        self.down: list[Any] = []
        inputs, gradients = [self.x, *self.a], [*self.d, self.out]
        for i, weight in enumerate(network.weights):
            n_in, n_out = weight.shape
            p = _tile(n, n_in * n_out)
            self.forward.append((_tiles(inputs[i], p), weight, _tiles(self.a[i], p)))
            if i:
                self.down.append((gradients[i], *_columns(weight.T, self.d[i - 1])))
            p = _tile(n_in, n * n_out)
            self.backward.append((_tiles(inputs[i].T, p), _tiles(network._steps[i], p)))


def _tile(length: int, cost: int) -> int:
    """Rows of a tile: the largest divisor of `length` with rows · cost small enough, all rows if there is
    none.
    """
    good = [p for p in range(8, length + 1) if length % p == 0 and p * cost <= SMALL]
    return max(good, default=length)


def _tiles(a: np.ndarray, p: int) -> np.ndarray:
    """(rows, m) seen as (rows/p, p, m), without a copy."""
    return a if p == len(a) else a.reshape(-1, p, a.shape[1])


def _columns(weight_t: np.ndarray, d: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Both in tiles of 16 columns, the fastest against a transposed matrix, or whole where that is small."""
    (n, m), cost = d.shape, d.size * len(weight_t)
    if cost <= SMALL or m % 16 or cost * 16 // m > SMALL:
        return weight_t, d
    return (
        weight_t.reshape(len(weight_t), -1, 16).transpose(1, 0, 2),
        d.reshape(n, -1, 16).transpose(1, 0, 2),
    )


def _softmax(work: _Buffers) -> None:
    z, column = work.out, work.column
    np.maximum.reduce(z, axis=1, keepdims=True, out=column)
    np.subtract(z, column, z)
    np.exp(z, z)
    np.add.reduce(z, axis=1, keepdims=True, out=column)
    np.divide(z, column, z)


def train_epoch(
    network: FastMLP,
    images: np.ndarray,
    labels: np.ndarray,
    lr: float,
    batch_size: int = 64,
    order: Any = None,
) -> float:
    """One epoch, as `helpers.nn.train_epoch`: same arguments, same updates, same mean loss; numpy only."""
    images, order = _own(network, images, labels, order)
    kind = network.dtype.type
    tiny = np.finfo(network.dtype).smallest_normal
    n = len(labels) if order is None else len(order)
    right = np.empty(n, network.dtype)
    for start in range(0, n, batch_size):
        stop = min(start + batch_size, n)
        work = network.buffers(stop - start)
        if order is None:
            np.copyto(work.x, images[start:stop])
            here = labels[start:stop]
        else:
            index = order[start:stop]
            # "clip" writes straight into the buffer; "raise" would build a copy first.
            images.take(index, axis=0, out=work.x, mode="clip")
            here = labels.take(index)
        network._logits(work)
        _softmax(work)
        right[start:stop] = work.out[work.rows, here]
        network._step(work, here, kind(lr / (stop - start)))
    return float(-np.log(np.maximum(right, tiny)).mean(dtype=np.float64))


def evaluate(network: FastMLP, images: np.ndarray, labels: np.ndarray) -> tuple[float, float]:
    """(mean loss, accuracy in 0…1), as `helpers.nn.evaluate`."""
    images, _ = _own(network, images, labels, None)
    n, chunk = len(labels), min(500, len(labels))
    right = np.empty(n, network.dtype)
    hits = 0
    for start in range(0, n, chunk):
        here = labels[start : start + chunk]
        work = network.buffers(len(here))
        np.copyto(work.x, images[start : start + len(here)])
        network._logits(work)
        hits += int(np.count_nonzero(work.out.argmax(axis=1) == here))
        _softmax(work)
        right[start : start + len(here)] = work.out[work.rows, here]
    tiny = np.finfo(network.dtype).smallest_normal
    return float(-np.log(np.maximum(right, tiny)).mean(dtype=np.float64)), hits / n


def _own(network: FastMLP, images: Any, labels: Any, order: Any) -> tuple[np.ndarray, Any]:
    """Images in the network's dtype and a sound order, checked once per epoch and never in the loop."""
    check_pairs(images, labels)
    if not isinstance(images, np.ndarray):
        raise CourseError(f"FastMLP takes numpy arrays and got a {type(images).__name__}; use MLP for PyTorch.")
    if images.ndim != 2 or images.shape[1] != network.sizes[0]:
        raise CourseError(
            f"This network takes images of shape (N, {network.sizes[0]}) and got {images.shape}; reshape them."
        )
    check_labels(labels, network.sizes[-1])
    if order is not None:
        order = np.asarray(order)
        if len(order) == 0 or order.min() < 0 or order.max() >= len(labels):
            raise CourseError(f"The order must hold indices from 0 to {len(labels) - 1}; draw a permutation.")
    return images.astype(network.dtype, copy=False), order
