"""ReLU and tanh as layers; the sigmoid is in `layers.py`. Any shape, numpy arrays and torch tensors."""

from __future__ import annotations

from typing import Any

from helpers.nn.loss import check_gradient
from helpers.primitives import relu_backward, relu_forward, tanh_backward, tanh_forward


class NoParameters:
    """`update` and the parameters of a layer that has none."""

    def update(self, lr: float) -> None:
        pass

    def parameters(self) -> list[tuple[str, Any]]:
        return []

    def gradients(self) -> list[tuple[str, Any]]:
        return []


class ReLU(NoParameters):
    """y = max(x, 0). backward passes the gradient where y > 0; the derivative at 0 is taken as 0."""

    def __init__(self) -> None:
        self._output: Any = None

    def forward(self, x: Any) -> Any:
        self._output = relu_forward(x)
        return self._output

    def backward(self, grad_output: Any) -> Any:
        check_gradient(self, grad_output, self._output)
        return relu_backward(self._output, grad_output)

    def __str__(self) -> str:
        return "ReLU"


class Tanh(NoParameters):
    """y = tanh(x). backward multiplies by 1 − y²."""

    def __init__(self) -> None:
        self._output: Any = None

    def forward(self, x: Any) -> Any:
        self._output = tanh_forward(x)
        return self._output

    def backward(self, grad_output: Any) -> Any:
        check_gradient(self, grad_output, self._output)
        return tanh_backward(self._output, grad_output)

    def __str__(self) -> str:
        return "Tanh"
