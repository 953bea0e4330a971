"""The dense layers of `fast_cnn`: forward and backward for a few images at a time, their weights' gradients at the end.

Images lie fastest in memory, as in `fast_stage`: an array is [features][images], and a layer is z = Wᵀ·x + b with W
(in, out) as everywhere else. A micro-batch is a range of columns. What backward needs of all micro-batches, inputs x
and gradients g of every layer, is small, so it is kept for the whole batch, and the gradient x·gᵀ of the weights, as
large as the weights themselves, is made once per batch instead of once per micro-batch.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np


class DenseWork:
    """Working arrays for a batch of n images through layers of these sizes (inputs, hidden …, classes).

    x[i]: inputs of layer i (sizes[i], n), which the caller fills for i = 0; z: logits (classes, n), later the
    probabilities and then their gradient.
    """

    def __init__(self, sizes: Sequence[int], n: int, dtype: np.dtype) -> None:
        self.x = [np.empty((m, n), dtype) for m in sizes[:-1]]
        self.z = np.empty((sizes[-1], n), dtype)
        self.g = [np.empty((m, n), dtype) for m in sizes[1:-1]] + [self.z]
        self.ones = np.ones(n, dtype)

    def gradients(self, weights: Sequence[np.ndarray], biases: Sequence[np.ndarray]) -> None:
        """Gradients of all layers' weights and biases into these arrays, from x and g of the whole batch."""
        for x, g, weight, bias in zip(self.x, self.g, weights, biases, strict=True):
            np.matmul(x, g.T, out=weight)
            np.matmul(g, self.ones, out=bias)

    def part(self, images: slice) -> DensePart:
        return DensePart(self, images)


class DensePart:
    """The columns of a micro-batch, as views, and what only it needs.

    row: after `softmax`, the sum of the exponentials of each image.
    """

    def __init__(self, work: DenseWork, images: slice) -> None:
        n = images.stop - images.start
        dtype = work.z.dtype
        self.x = [x[:, images] for x in work.x]
        self.g = [g[:, images] for g in work.g]
        self.z = work.z[:, images]
        self.row, self.numbers = np.empty(n, dtype), np.arange(n)
        self.active = [np.empty((len(x), n), bool) for x in work.x]
        self.zeros = [np.zeros((len(x), n), dtype) for x in work.x[1:]]
        self.grad_features = np.empty((len(work.x[0]), n), dtype)

    def from_stage(self, a: np.ndarray) -> None:
        """x[0] from the last stage's output a [P][K][Q][n]: channel by channel, as Flatten has it."""
        p, k, q, n = a.shape
        np.copyto(self.x[0].reshape(k, p, q, n), a.transpose(1, 0, 2, 3))

    def into_stage(self, a: np.ndarray) -> np.ndarray:
        """Overwrites a [P][K][Q][n] with its gradient, before ReLU, and returns it."""
        p, k, q, n = a.shape
        np.copyto(a.transpose(1, 0, 2, 3), self.grad_features.reshape(k, p, q, n))
        return a

    def logits(self, weights: Sequence[np.ndarray], biases: Sequence[np.ndarray]) -> None:
        """z (classes, n) from x[0], less the largest of each image."""
        for i, (weight, bias) in enumerate(zip(weights, biases, strict=True)):
            last = i == len(weights) - 1
            out = self.z if last else self.x[i + 1]
            np.matmul(weight.T, self.x[i], out=out)
            np.add(out, bias[:, None], out=out)
            if not last:
                np.maximum(out, self.zeros[i], out=out)
        np.maximum.reduce(self.z, axis=0, out=self.row)
        np.subtract(self.z, self.row, out=self.z)

    def softmax(self) -> None:
        """From logits to probabilities in z; their sum before division stays in `row`."""
        np.exp(self.z, out=self.z)
        np.add.reduce(self.z, axis=0, out=self.row)
        np.divide(self.z, self.row, out=self.z)

    def loss_and_gradient(self, labels: np.ndarray, scale: np.floating) -> float:
        """The sum of the cross-entropies; z becomes its gradient times `scale`."""
        # −log p = log Σ exp z − z[label]: from the logits, so that it also holds where p is too small for a float.
        loss = -float(self.z[labels, self.numbers].sum(dtype=np.float64))
        self.softmax()
        loss += float(np.log(self.row).sum(dtype=np.float64))
        self.z[labels, self.numbers] -= 1
        np.multiply(self.z, scale, out=self.z)
        return loss

    def backward(self, weights: Sequence[np.ndarray]) -> None:
        """From the gradient of the logits in z to those of every layer in g, and of the features before ReLU."""
        for i in range(len(weights) - 1, -1, -1):
            down = self.g[i - 1] if i else self.grad_features
            np.matmul(weights[i], self.g[i], out=down)
            np.greater(self.x[i], 0, out=self.active[i])
            np.multiply(down, self.active[i], out=down)
