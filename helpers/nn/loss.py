"""Softmax, and the cross-entropy of probabilities and integer labels, as the MEAN over the batch, with gradients."""

from __future__ import annotations

from typing import Any

from helpers.backend import array_namespace
from helpers.errors import CourseError


class Softmax:
    """Rows of positive numbers that sum to 1, (N, classes) -> (N, classes); backward is the full Jacobian
    product.
    """

    def __init__(self) -> None:
        self._output: Any = None

    def forward(self, x: Any) -> Any:
        xp = array_namespace(x)
        e = xp.exp(x - xp.max(x, axis=1, keepdims=True))
        self._output = e / xp.sum(e, axis=1, keepdims=True)
        return self._output

    def backward(self, grad_output: Any) -> Any:
        check_gradient(self, grad_output, self._output)
        xp = array_namespace(grad_output)
        inner = xp.sum(grad_output * self._output, axis=1, keepdims=True)
        return self._output * (grad_output - inner)

    def update(self, lr: float) -> None:
        pass

    def __str__(self) -> str:
        return "Softmax"


def cross_entropy(probabilities: Any, labels: Any) -> Any:
    """Mean over the batch of −log p[label], as a 0-d array.

    probabilities: (N, classes), rows sum to 1; labels: integers (N,). A probability that has underflowed to 0
    counts as the smallest normal number, so that the loss stays finite.
    """
    _check(probabilities, labels)
    xp = array_namespace(probabilities)
    rows = xp.arange(probabilities.shape[0])
    right = probabilities[rows, labels]
    return -xp.mean(xp.log(xp.clip(right, xp.finfo(probabilities.dtype).smallest_normal, None)))


def cross_entropy_gradient(probabilities: Any, labels: Any) -> Any:
    """Gradient of the mean cross-entropy with respect to the LOGITS, (p − one_hot)/N, shape (N, classes).

    Softmax and cross-entropy together have this short derivative; divide by N here and nowhere else.
    """
    _check(probabilities, labels)
    xp = array_namespace(probabilities)
    n, classes = probabilities.shape
    where = {} if isinstance(probabilities.device, str) else {"device": probabilities.device}
    one_hot = labels[:, None] == xp.arange(classes, **where)[None, :]
    return (probabilities - xp.astype(one_hot, probabilities.dtype)) / n


def _check(probabilities: Any, labels: Any) -> None:
    if probabilities.ndim != 2 or labels.ndim != 1 or probabilities.shape[0] != labels.shape[0]:
        raise CourseError(
            f"Probabilities of shape {tuple(probabilities.shape)} and labels of shape {tuple(labels.shape)} "
            "do not belong together; pass (N, classes) and (N,)."
        )
    check_labels(labels, probabilities.shape[1])


def check_labels(labels: Any, classes: int) -> None:
    """A CourseError unless all labels are whole numbers from 0 to classes − 1."""
    xp = array_namespace(labels)
    if not xp.isdtype(labels.dtype, "integral"):
        raise CourseError(f"Labels of dtype {labels.dtype} do not name classes; pass whole numbers.")
    low, high = (int(xp.min(labels)), int(xp.max(labels))) if labels.shape[0] else (0, 0)
    if low < 0 or high >= classes:
        raise CourseError(
            f"A label is {low if low < 0 else high}; with {classes} classes, labels go from 0 to {classes - 1}."
        )


def check_gradient(layer: Any, gradient: Any, output: Any) -> None:
    """A CourseError unless the layer's forward has kept `output` (an array or its shape) and the gradient has its
    shape.
    """
    if output is None:
        raise CourseError(f"Nothing has gone through {layer} yet; call forward before backward.")
    expected = tuple(getattr(output, "shape", output))
    if tuple(gradient.shape) != expected:
        raise CourseError(
            f"The gradient for {layer} has shape {tuple(gradient.shape)}; the layer's last output had {expected}; "
            "pass one like it."
        )
