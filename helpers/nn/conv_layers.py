"""Convolution, pooling and flattening as layers, on the course's own primitives.

Images are (N, C, H, W) by their axes, numpy arrays or torch tensors. Gradients are those of the mean loss over the
batch, as in `layers.py`.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

from helpers import primitives
from helpers.backend import Backend, array_namespace
from helpers.backend import backend as make_backend
from helpers.errors import CourseError
from helpers.nn.activations import NoParameters
from helpers.nn.loss import check_gradient
from helpers.primitives import ConvSpec, PoolSpec
from helpers.primitives.spec import pair

Size = int | tuple[int, int]


class Conv2d:
    """y[n, k] = bias[k] + Σ_c x[n, c] ⋆ weight[k, c]: (N, in_channels, H, W) -> (N, filters, P, Q).

    weight (filters, in_channels, R, S) is drawn with mean 0 and standard deviation scale / √(in_channels·R·S), bias
    (filters,) is zero; the same seed gives the same numbers on every backend. size, stride and padding: one number or
    (down, across). algorithm: a name that `primitives.conv_forward` takes. backward keeps grad_weight and grad_bias.
    Raises CourseError for sizes that are none and images that don't fit. Chetlur et al., *cuDNN* (arXiv 1410.0759),
    section 2.
    """

    def __init__(
        self,
        in_channels: int,
        filters: int,
        size: Size,
        stride: Size = 1,
        padding: Size = 0,
        backend: Backend | None = None,
        seed: int | Sequence[int] = 0,
        scale: float = 1.0,
        algorithm: str = "auto",
    ) -> None:
        (r, s), self.stride, self.padding = pair(size), pair(stride), pair(padding)
        sizes = {"in_channels": in_channels, "filters": filters, "size": r, "size across": s}
        check_sizes(**sizes, **{"stride": self.stride[0], "stride across": self.stride[1]})
        check_sizes(0, **{"padding": self.padding[0], "padding across": self.padding[1]})
        if not (isinstance(scale, int | float) and math.isfinite(scale) and scale > 0):
            raise CourseError(f"scale={scale!r} is not usable; give a positive finite number.")
        backend = backend or make_backend("numpy")
        self.algorithm = algorithm
        std = scale * (in_channels * r * s) ** -0.5
        self.weight = backend.normal((filters, in_channels, r, s), std, seed)
        self.bias = backend.zeros((filters,))
        self.grad_weight: Any = None
        self.grad_bias: Any = None
        self._input: Any = None
        self._spec: Any = None

    def forward(self, x: Any) -> Any:
        check_images(self, x, self.weight.shape[1])
        n, c, h, w = x.shape
        k, _, r, s = self.weight.shape
        self._spec = _fitting(self, lambda: ConvSpec(n, c, h, w, k, r, s, *self.stride, *self.padding))
        self._input = x
        return primitives.conv_forward(self._spec, x, self.weight, self.bias, self.algorithm)

    def backward(self, grad_output: Any) -> Any:
        check_gradient(self, grad_output, self._spec and self._spec.y_shape)
        self.grad_weight = primitives.conv_backward_filter(self._spec, self._input, grad_output, self.algorithm)
        self.grad_bias = primitives.bias_backward(grad_output)
        return primitives.conv_backward_data(self._spec, grad_output, self.weight, self.algorithm)

    def update(self, lr: float) -> None:
        if self.grad_weight is None:
            raise CourseError(f"{self} has no gradient yet; call forward and backward before update.")
        self.weight -= lr * self.grad_weight
        self.bias -= lr * self.grad_bias

    def parameters(self) -> list[tuple[str, Any]]:
        return [("weight", self.weight), ("bias", self.bias)]

    def gradients(self) -> list[tuple[str, Any]]:
        return [("weight", self.grad_weight), ("bias", self.grad_bias)]

    def __str__(self) -> str:
        k, c, r, s = self.weight.shape
        return f"Conv2d {c} → {k}, {r}×{s}"


class _Pool(NoParameters):
    """What both poolings share: the window and the spec of the last images."""

    name = ""

    def __init__(self, size: Size, stride: Size | None = None, padding: Size = 0) -> None:
        self.size, self.padding = pair(size), pair(padding)
        self.stride = self.size if stride is None else pair(stride)
        for what, (down, across) in (("size", self.size), ("stride", self.stride)):
            check_sizes(**{what: down, f"{what} across": across})
        check_sizes(0, **{"padding": self.padding[0], "padding across": self.padding[1]})
        self._spec: Any = None

    def _spec_of(self, x: Any) -> PoolSpec:
        check_images(self, x)
        n, c, h, w = x.shape
        return _fitting(self, lambda: PoolSpec(n, c, h, w, *self.size, *self.stride, *self.padding))

    def __str__(self) -> str:
        return f"{self.name} {self.size[0]}×{self.size[1]}"


class MaxPool2d(_Pool):
    """The largest pixel of each window: (N, C, H, W) -> (N, C, P, Q). stride: None for windows side by side.

    backward gives each gradient to the pixel that won, the first among equals.
    """

    name = "MaxPool2d"

    def __init__(self, size: Size, stride: Size | None = None, padding: Size = 0) -> None:
        super().__init__(size, stride, padding)
        self._winner: Any = None

    def forward(self, x: Any) -> Any:
        self._spec = self._spec_of(x)
        y, self._winner = primitives.max_pool_forward(self._spec, x)
        return y

    def backward(self, grad_output: Any) -> Any:
        check_gradient(self, grad_output, self._spec and self._spec.y_shape)
        return primitives.max_pool_backward(self._spec, grad_output, self._winner)


class AveragePool2d(_Pool):
    """The mean of each window: (N, C, H, W) -> (N, C, P, Q). stride: None for windows side by side.

    include_padding: whether padding counts as zeros in the mean.
    """

    name = "AveragePool2d"

    def __init__(self, size: Size, stride: Size | None = None, padding: Size = 0, include_padding: bool = True) -> None:
        super().__init__(size, stride, padding)
        self.include_padding = include_padding

    def forward(self, x: Any) -> Any:
        self._spec = self._spec_of(x)
        return primitives.average_pool_forward(self._spec, x, self.include_padding)

    def backward(self, grad_output: Any) -> Any:
        check_gradient(self, grad_output, self._spec and self._spec.y_shape)
        return primitives.average_pool_backward(self._spec, grad_output, self.include_padding)


class Flatten(NoParameters):
    """(N, C, H, W) -> (N, C·H·W), one row per image, channel by channel; backward restores the axes."""

    def __init__(self) -> None:
        self._shape: tuple[int, ...] | None = None

    def forward(self, x: Any) -> Any:
        check_images(self, x)
        self._shape = tuple(x.shape)
        return array_namespace(x).reshape(x, (x.shape[0], math.prod(self._shape[1:])))

    def backward(self, grad_output: Any) -> Any:
        shape = self._shape
        check_gradient(self, grad_output, shape and (shape[0], math.prod(shape[1:])))
        return array_namespace(grad_output).reshape(grad_output, shape)

    def __str__(self) -> str:
        return "Flatten"


def check_sizes(least: int = 1, **sizes: Any) -> None:
    """A CourseError unless all are whole numbers of at least `least`."""
    for name, size in sizes.items():
        if not isinstance(size, int) or isinstance(size, bool) or size < least:
            raise CourseError(f"{name}={size!r} is not a size; give a whole number of at least {least}.")


def check_images(layer: Any, x: Any, channels: int | None = None) -> None:
    """A CourseError, with the layer's name, unless x has the axes (N, C, H, W), at least one image, and these
    channels.
    """
    shape = tuple(x.shape)
    if len(shape) != 4 or 0 in shape or (channels and shape[1] != channels):
        raise CourseError(
            f"{layer} takes images of shape (N, {channels or 'C'}, H, W) and got {shape}; give it such images."
        )


def _fitting(layer: Any, make: Any) -> Any:
    """The spec that `make` returns; impossible geometry is reported with the layer's name."""
    try:
        return make()
    except CourseError as error:
        raise CourseError(f"{layer}: {error}") from None
