"""Readable layers in the common array API: the same lines run on numpy, PyTorch's CPU and a GPU.

Gradients are those of the mean loss over the batch; `update` is plain `parameter -= lr * gradient`.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise
from typing import Any

from helpers.backend import Backend, array_namespace, backend
from helpers.errors import CourseError
from helpers.nn.loss import Softmax, check_gradient, cross_entropy_gradient
from helpers.nn.state import layer_seed


class Linear:
    """y = x @ weight + bias, with weight (in_features, out_features) drawn from N(0, 1/in_features), bias
    zero.

    forward (N, in) -> (N, out); backward takes the gradient for the output (N, out), keeps grad_weight and
    grad_bias, and returns the gradient for the input (N, in).
    """

    def __init__(self, in_features: int, out_features: int, backend: Backend, seed: int | Sequence[int] = 0) -> None:
        for name, size in (("in_features", in_features), ("out_features", out_features)):
            if not isinstance(size, int) or size < 1:
                raise CourseError(f"{name}={size!r} is not a size; give a whole number of at least 1.")
        self.weight = backend.normal((in_features, out_features), in_features**-0.5, seed)
        self.bias = backend.zeros((out_features,))
        self.grad_weight: Any = None
        self.grad_bias: Any = None
        self._input: Any = None

    def forward(self, x: Any) -> Any:
        if x.ndim != 2 or x.shape[1] != self.weight.shape[0]:
            raise CourseError(
                f"{self} takes arrays of shape (N, {self.weight.shape[0]}) and got {tuple(x.shape)}; reshape the input."
            )
        self._input = x
        return x @ self.weight + self.bias

    def backward(self, grad_output: Any) -> Any:
        check_gradient(self, grad_output, None if self._input is None else (len(self._input), self.weight.shape[1]))
        xp = array_namespace(grad_output)
        self.grad_weight = self._input.T @ grad_output
        self.grad_bias = xp.sum(grad_output, axis=0)
        return grad_output @ self.weight.T

    def update(self, lr: float) -> None:
        if self.grad_weight is None:
            raise CourseError(f"{self} has no gradient yet; call forward and backward before update.")
        self.weight -= lr * self.grad_weight
        self.bias -= lr * self.grad_bias

    def __str__(self) -> str:
        n_in, n_out = self.weight.shape
        return f"Linear {n_in} → {n_out}"


class Sigmoid:
    """y = 1/(1 + exp(−x)), computed through tanh, which cannot overflow. Any shape."""

    def __init__(self) -> None:
        self._output: Any = None

    def forward(self, x: Any) -> Any:
        xp = array_namespace(x)
        self._output = 0.5 * xp.tanh(0.5 * x) + 0.5
        return self._output

    def backward(self, grad_output: Any) -> Any:
        check_gradient(self, grad_output, self._output)
        return grad_output * self._output * (1 - self._output)

    def update(self, lr: float) -> None:
        pass

    def __str__(self) -> str:
        return "Sigmoid"


class MLP:
    """Linear and sigmoid layers in turn, then a softmax: MLP([784, 512, 128, 10], backend).

    forward (N, sizes[0]) -> probabilities (N, sizes[-1]); backward(labels) fills every layer's gradients of
    the mean cross-entropy of the last forward; update(lr) takes one step.
    """

    def __init__(self, sizes: Sequence[int], backend: Backend | None = None, seed: int = 0) -> None:
        sizes = check_sizes(sizes)
        backend = backend or _numpy()
        self.sizes = sizes
        self.layers: list[Any] = []
        for i, (n_in, n_out) in enumerate(pairwise(sizes)):
            self.layers += [Linear(n_in, n_out, backend, layer_seed(seed, i)), Sigmoid()]
        self.layers[-1] = Softmax()
        self._probabilities: Any = None

    def forward(self, x: Any) -> Any:
        for layer in self.layers:
            x = layer.forward(x)
        self._probabilities = x
        return x

    def backward(self, labels: Any) -> None:
        # Softmax and cross-entropy have one short gradient together, so the backward pass starts before the
        # softmax.
        gradient = cross_entropy_gradient(self._probabilities, labels)
        for layer in reversed(self.layers[:-1]):
            gradient = layer.backward(gradient)

    def update(self, lr: float) -> None:
        for layer in self.layers:
            layer.update(lr)


def check_sizes(sizes: Sequence[int]) -> list[int]:
    """The sizes as a list of ints; a CourseError if they describe no network."""
    sizes = list(sizes)
    if len(sizes) < 2 or not all(isinstance(s, int) and s > 0 for s in sizes):
        raise CourseError(f"Sizes {sizes} don't describe a network; give at least two, as [784, 128, 10].")
    return sizes


def _numpy() -> Backend:
    return backend("numpy")
