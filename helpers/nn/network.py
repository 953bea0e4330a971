"""A network built from its JSON description: the layers of this room in a row, an optimiser, and their state."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from math import prod
from typing import TYPE_CHECKING, Any

from helpers.backend import Backend, array_namespace
from helpers.backend import backend as make_backend
from helpers.errors import CourseError
from helpers.nn.accuracy import evaluate
from helpers.nn.activations import ReLU, Tanh
from helpers.nn.conv_layers import AveragePool2d, Conv2d, Flatten, MaxPool2d
from helpers.nn.dropout import Dropout, set_training
from helpers.nn.layers import Linear, Sigmoid
from helpers.nn.loss import Softmax, cross_entropy_gradient
from helpers.nn.optimisers import SGD, Adam, Momentum, Optimiser, Rprop, named_parameters, parameters_and_gradients
from helpers.nn.state import check_state, copied, layer_seed, write
from helpers.nn.steps import train_epoch
from helpers.primitives import ConvSpec

if TYPE_CHECKING:
    import numpy as np

    from helpers.nn.layer_table import Place
    from helpers.nn.spec_model import NetworkSpec

PLAIN = {"relu": ReLU, "sigmoid": Sigmoid, "tanh": Tanh, "flatten": Flatten, "softmax": Softmax}
OPTIMISERS = {"sgd": SGD, "momentum": Momentum, "rprop": Rprop, "adam": Adam}


class Network:
    """The network that a NetworkSpec describes, on its backend or on another.

    forward (N, C, H, W), or (N, C·H·W) as `helpers.data` has them flat, -> probabilities (N, classes); backward(labels)
    fills every layer's gradients of the mean cross-entropy; update(lr) is one step of the spec's optimiser. The same
    seed gives the same weights on every backend. Built shapes and parameter counts are compared with the description.
    """

    def __init__(self, spec: NetworkSpec, backend: Backend | None = None) -> None:
        self.spec = spec
        self.backend = backend or make_backend(spec.backend)
        self.layers: list[Any] = []
        trained = 0
        for i, place in enumerate(spec.places(1)):
            built = _built(place, i, spec, self.backend, layer_seed(spec.seed, trained))
            count = sum(prod(parameter.shape) for _, parameter in named_parameters(built))
            if count != place.parameters:
                raise CourseError(
                    f"{place.where} was built with {count} parameters, not the {place.parameters} of its description."
                )
            trained += count > 0
            self.layers += built
        settings = {k: v for k, v in spec.optimiser.model_dump().items() if k != "type"}
        self.optimiser: Optimiser = OPTIMISERS[spec.optimiser.type](self.layers, **settings)
        self._probabilities: Any = None

    def parameters(self) -> list[tuple[str, Any]]:
        """(name, array) of every weight and bias, named by the layer's place among `layers`."""
        return named_parameters(self.layers)

    def forward(self, x: Any) -> Any:
        image = tuple(self.spec.input)
        if tuple(x.shape[1:]) not in (image, (image[0] * image[1] * image[2],)):
            raise CourseError(
                f"{self.spec.name} takes images of shape (N, {', '.join(map(str, image))}) and got {tuple(x.shape)}; "
                "reshape them, or change the input in its file."
            )
        x = x.reshape(x.shape[0], *image)
        for layer in self.layers:
            x = layer.forward(x)
        self._probabilities = x
        return x

    def backward(self, labels: Any) -> None:
        if self._probabilities is None:
            raise CourseError("Nothing has gone through this network yet; call forward before backward.")
        # Softmax and cross-entropy have one short gradient together, so the backward pass starts before the softmax.
        gradient = cross_entropy_gradient(self._probabilities, labels)
        for layer in reversed(self.layers[:-1]):
            gradient = layer.backward(gradient)

    def update(self, lr: float) -> None:
        self.optimiser.step(lr)

    def train_epoch(self, images: Any, labels: Any, lr: float, batch_size: int = 64, order: Any = None) -> float:
        """One epoch of mini-batch training, see `helpers.nn.train_epoch`; returns the mean training loss."""
        return train_epoch(self, images, labels, lr, batch_size, order)

    def evaluate(self, images: Any, labels: Any) -> tuple[float, float]:
        """(mean loss, accuracy in 0…1), see `helpers.nn.evaluate`."""
        return evaluate(self, images, labels)

    def gradient_norms(self, images: Any, labels: Any) -> dict[str, float]:
        """Name of each parameter -> Euclidean norm of its gradient on this batch; nothing is updated, no dropout."""
        with self.evaluating():
            self.forward(images)
            self.backward(labels)
        triples = parameters_and_gradients(self.layers)
        return {name: math.sqrt(float(array_namespace(g).sum(g * g))) for name, _, g in triples}

    def state(self) -> dict[str, np.ndarray]:
        """All that the next step depends on, in new arrays: parameters, the optimiser's, and dropout's counts."""
        return copied(self._own())

    def load_state(self, state: Mapping[str, Any]) -> None:
        """Goes on from what `state` returned, here or on another backend. CourseError, and no change, if it differs."""
        own = self._own()
        check_state(own, state)
        prefix = "optimiser."
        for name, parameter in self.parameters():
            write(parameter, state[name])
        self.optimiser.load_state({k.removeprefix(prefix): v for k, v in state.items() if k.startswith(prefix)})
        for i, layer in enumerate(self.layers):
            if isinstance(layer, Dropout):
                layer.drawn = int(state[f"{i}.drawn"])

    def _own(self) -> dict[str, Any]:
        drawn = {f"{i}.drawn": layer.drawn for i, layer in enumerate(self.layers) if isinstance(layer, Dropout)}
        optimiser = {f"optimiser.{name}": value for name, value in self.optimiser.state().items()}
        return {**dict(self.parameters()), **optimiser, **drawn}

    @contextmanager
    def evaluating(self) -> Iterator[None]:
        """Inside this block dropout is switched off."""
        set_training(self.layers, False)
        try:
            yield
        finally:
            set_training(self.layers, True)


def _algorithm(i: int, spec: NetworkSpec, backend: Backend) -> str:
    """Of the convolution layers[i]: "im2col" in numpy where ReLU comes next among the activations, else "auto".

    A patch of zeros, which ReLU often leaves, must give exactly the bias. The Fourier algorithms give it with a
    rounding error on either side, and where it is zero, ReLU's derivative then depends on the algorithm.
    """
    after = [layer.type for layer in spec.layers[i + 1 :] if layer.type in PLAIN and layer.type != "flatten"]
    return "im2col" if backend.name == "numpy" and after[0] == "relu" else "auto"


def _built(place: Place, i: int, spec: NetworkSpec, backend: Backend, seed: list[int]) -> list[Any]:
    """The layers that one entry of the description becomes: one, or two where a dense layer flattens images first."""
    layer, geometry, scale = place.layer, place.geometry, spec.initialisation.scale
    if isinstance(geometry, ConvSpec):
        padding = (geometry.pad_h, geometry.pad_w)
        settings = layer.filters, layer.size, layer.stride, padding, backend, seed, scale
        return [Conv2d(geometry.C, *settings, _algorithm(i, spec, backend))]
    if geometry is not None:
        pool = MaxPool2d if layer.type == "max_pool" else AveragePool2d
        return [pool(layer.size, layer.stride, (geometry.pad_h, geometry.pad_w))]
    if layer.type == "dense":
        linear = Linear(prod(place.shape_in), layer.units, backend, seed)
        linear.weight *= scale
        return [linear] if len(place.shape_in) == 1 else [Flatten(), linear]
    if layer.type == "dropout":
        return [Dropout(layer.rate, seed)]
    return [PLAIN[layer.type]()]
