"""What each layer of a network costs, forward and backward, by counting: operations, bytes, parameters, activations.

Operations: a multiplication, an addition, a comparison and an exponential are one each, so a multiply-add is two.
Bytes: those that any program must move, every operand of a pass read once and every result written once. A program
that keeps a layer's output in the cache for the next one moves fewer; one that writes intermediate results, more.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise
from math import prod
from pathlib import Path
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

from helpers.errors import CourseError
from helpers.nn.layer_costs import forward_work, name_of
from helpers.nn.layer_table import Place, Shape, places
from helpers.primitives.pooling import PoolSpec
from helpers.primitives.spec import ConvSpec

if TYPE_CHECKING:
    from helpers.nn.spec_model import NetworkSpec

    Network = NetworkSpec | str | Path | Any

BACKWARD_OPERATIONS = {"relu": 1, "sigmoid": 3, "tanh": 3, "dropout": 1, "softmax": 2}
"""Operations for each number: dy·[y > 0]; dy·y·(1 − y); dy·(1 − y²); dy·mask; and (p − label)/N, the gradient of
softmax and cross-entropy together.
"""

OPTIMISERS = {"sgd": (2, 0), "momentum": (4, 1), "rprop": (8, 3), "adam": (12, 2)}
"""(operations, numbers kept beside each parameter) of an update of one parameter, by `helpers.nn.optimisers`."""


VECTOR = 16
"""Numbers of float32 in a vector register of 512 bits."""


@dataclass(frozen=True)
class Work:
    """flops: floating-point operations; bytes: moved between memory and processor at least."""

    flops: int = 0
    bytes: int = 0

    def __add__(self, other: Work) -> Work:
        return Work(self.flops + other.flops, self.bytes + other.bytes)

    @property
    def intensity(self) -> float:
        """Arithmetic intensity, operations per byte; 0 where nothing is done."""
        return self.flops / self.bytes if self.bytes else 0.0


@dataclass(frozen=True)
class LayerCost:
    """One layer in one training step of a batch.

    where: "layers[2]"; type: as in a network's file ("conv", "dense", "relu", …); name: with its sizes; output: shape
    without the batch; parameters: weights and biases; activation_bytes: of its output, which stays until the backward
    pass (0 for flatten, which only looks at its input in another way); update: by the network's optimiser.

    Of convolutions also what their implementations do beyond the definition: channel_padding, by how much their
    operations grow where channels and filters are rounded up to whole vector registers of 16 numbers, as oneDNN does;
    lowered_bytes, of the lowered images, which im2col writes and reads. They are 1 and 0 for other layers.
    """

    where: str
    type: str
    name: str
    output: Shape
    parameters: int
    forward: Work
    backward: Work
    update: Work
    activation_bytes: int
    channel_padding: float = 1.0
    lowered_bytes: int = 0

    def work(self, which: str) -> Work:
        """Of a pass, "forward", "backward" or "update"."""
        return {"forward": self.forward, "backward": self.backward, "update": self.update}[which]


@dataclass(frozen=True)
class StepCost:
    """One training step of a network: its layers, and their sums.

    images: in the batch; itemsize: bytes of a number; optimiser: one of OPTIMISERS; input_bytes: of the images.
    """

    name: str
    layers: list[LayerCost]
    images: int
    itemsize: int
    optimiser: str
    input_bytes: int

    @property
    def parameters(self) -> int:
        """Weights and biases."""
        return sum(layer.parameters for layer in self.layers)

    @property
    def forward(self) -> Work:
        return sum((layer.forward for layer in self.layers), Work())

    @property
    def backward(self) -> Work:
        return sum((layer.backward for layer in self.layers), Work())

    @property
    def update(self) -> Work:
        return sum((layer.update for layer in self.layers), Work())

    @property
    def total(self) -> Work:
        """Forward, backward and update."""
        return self.forward + self.backward + self.update

    @property
    def parameter_bytes(self) -> int:
        return self.parameters * self.itemsize

    @property
    def gradient_bytes(self) -> int:
        """Of the gradients of all parameters: what workers that train together send each other after each step."""
        return self.parameters * self.itemsize

    @property
    def optimiser_bytes(self) -> int:
        """Of what the optimiser keeps: nothing for SGD, two numbers a parameter for Adam."""
        return OPTIMISERS[self.optimiser][1] * self.parameters * self.itemsize

    @property
    def activation_bytes(self) -> int:
        """Of all layers' outputs, which the forward pass keeps for the backward pass."""
        return sum(layer.activation_bytes for layer in self.layers)

    @property
    def largest_gradient_bytes(self) -> int:
        """Of the gradients that are there at one time: that for a layer's output, and that for its input."""
        kept = [self.input_bytes, *(layer.activation_bytes for layer in self.layers if layer.activation_bytes)]
        return max((a + b for a, b in pairwise(kept)), default=0)

    @property
    def memory(self) -> int:
        """Bytes that training needs at least; scratch memory of a library comes on top."""
        kept = self.parameter_bytes + self.gradient_bytes + self.optimiser_bytes
        return kept + self.input_bytes + self.activation_bytes + self.largest_gradient_bytes


def layer_costs(
    network: Network, images: int | None = None, itemsize: int = 4, input_gradient: bool = False
) -> list[LayerCost]:
    """The layers of `step_cost`."""
    return step_cost(network, images, itemsize, input_gradient).layers


def step_cost(
    network: Network, images: int | None = None, itemsize: int = 4, input_gradient: bool = False
) -> StepCost:
    """What a training step costs.

    network: a NetworkSpec, a JSON file's path, the name of a network that comes with the course, a built Network,
    MLP or FastMLP of `helpers.nn`, or `helpers.zoo.chain.Dense`. images: in the batch, None for the network's own (64
    where it has none); itemsize: bytes of a number. input_gradient: whether the gradient for the images is computed,
    too, which training does not need but `helpers.nn.Network` does. Raises CourseError for what is no network, batch or
    number.
    """
    for what, value in (("images", images), ("itemsize", itemsize)):
        if value is not None and (type(value) is not int or value < 1):
            raise CourseError(f"{what}={value!r} can't be counted with; give a whole number of at least 1.")
    name, image, layers, batch, optimiser = _described(network)
    batch = images or batch
    operations, slots = OPTIMISERS[optimiser]
    costs = []
    trained = input_gradient
    for place in places(image, layers, batch):
        weights = place.parameters
        outputs = 0 if place.layer.type == "flatten" else batch * prod(place.shape_out)
        costs.append(LayerCost(
            place.where, place.layer.type, name_of(place), place.shape_out, weights,
            Work(*forward_work(place, batch, itemsize)),
            backward_work(place, batch, itemsize, data=trained),
            Work(operations * weights, (3 + 2 * slots) * weights * itemsize),
            outputs * itemsize, *_beyond(place.geometry, itemsize),
        ))  # fmt: skip
        trained = trained or weights > 0
    return StepCost(name, costs, batch, itemsize, optimiser, batch * prod(image) * itemsize)


def backward_work(place: Place, images: int, itemsize: int = 4, data: bool = True) -> Work:
    """Operations and bytes of a layer's backward pass. data: whether the gradient for its input is needed.

    A convolution or dense layer has two products, each as large as that of the forward pass: x and dy give the
    gradient of the weights, dy and the weights the gradient for the input. The bias's gradient is a sum over dy.
    """
    inputs, outputs, kind = images * prod(place.shape_in), images * prod(place.shape_out), place.layer.type
    flops, _ = forward_work(place, images, itemsize)
    if weights := place.parameters:
        products = flops - outputs  # the forward pass adds a bias to each output
        found = Work(products + outputs, (inputs + outputs + weights) * itemsize)
        biases = place.shape_out[0]  # one a filter, or one a unit; the second product doesn't touch them
        return found + Work(products, (inputs + outputs + weights - biases) * itemsize) if data else found
    if not data or kind == "flatten":
        return Work()
    if kind == "max_pool":  # each gradient is added where its winner was; the winners are read, too
        return Work(outputs, (2 * outputs + inputs) * itemsize)
    if isinstance(place.geometry, PoolSpec):
        return Work(outputs * place.geometry.R * place.geometry.S, (outputs + inputs) * itemsize)
    arrays = 2 if kind == "softmax" else 3  # dy and y are read, dx is written; softmax has no dy
    return Work(BACKWARD_OPERATIONS[kind] * outputs, arrays * outputs * itemsize)


def _beyond(geometry: Any, itemsize: int) -> tuple[float, int]:
    """(channel_padding, lowered_bytes) of a layer."""
    if not isinstance(geometry, ConvSpec):
        return 1.0, 0
    rounded = [-(-channels // VECTOR) * VECTOR / channels for channels in (geometry.C, geometry.K)]
    return rounded[0] * rounded[1], geometry.lowered_bytes(itemsize)


def cost_table(step: StepCost) -> str:
    """A line for each layer, and the sums, as text."""
    heads = ("layer", "", "output", "parameters", "forward MFLOP", "MB", "FLOP/B", "backward MFLOP", "MB", "FLOP/B",
             "activations MB")  # fmt: skip
    rows: list[tuple[str, ...]] = [heads]
    for layer in step.layers:
        shape = "×".join(map(str, layer.output))
        rows.append((layer.where, layer.name, shape, f"{layer.parameters:,}", *_work(layer.forward),
                     *_work(layer.backward), f"{layer.activation_bytes / 1e6:,.2f}"))  # fmt: skip
    rows.append(("update", "", "", "", *_work(step.update), "", "", "", ""))
    rows.append(("step", "", "", f"{step.parameters:,}", *_work(step.forward), *_work(step.backward),
                 f"{step.activation_bytes / 1e6:,.2f}"))  # fmt: skip
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    lines = ["  ".join(c.ljust(w) if i < 3 else c.rjust(w) for i, (c, w) in enumerate(zip(row, widths, strict=True)))
             for row in rows]  # fmt: skip
    return "\n".join([
        f"{step.name}, a training step of {step.images} images, numbers of {step.itemsize} bytes",
        *(line.rstrip() for line in lines),
        f"memory for training: {step.memory / 1e6:,.1f} MB (parameters {step.parameter_bytes / 1e6:,.1f}, gradients "
        f"{step.gradient_bytes / 1e6:,.1f}, optimiser {step.optimiser_bytes / 1e6:,.1f}, images "
        f"{step.input_bytes / 1e6:,.1f}, activations {step.activation_bytes / 1e6:,.1f}, their gradients "
        f"{step.largest_gradient_bytes / 1e6:,.1f} MB)",
    ])  # fmt: skip


def _work(work: Work) -> tuple[str, str, str]:
    return f"{work.flops / 1e6:,.2f}", f"{work.bytes / 1e6:,.2f}", f"{work.intensity:.3g}"


def _described(network: Network) -> tuple[str, Shape, list[Any], int, str]:
    """(name, image, layers, batch size, optimiser) of whatever stands for a network."""
    sizes = getattr(network, "sizes", None)
    if sizes is not None:  # MLP, FastMLP and the zoo's Dense
        layers = []
        between, last = getattr(network, "between", "sigmoid"), getattr(network, "last", "softmax")
        for units in sizes[1:]:
            layers += [SimpleNamespace(type="dense", units=units), SimpleNamespace(type=between)]
        layers[-1:] = [SimpleNamespace(type=last)] if last else []
        batch, optimiser = getattr(network, "batch", 64), getattr(network, "optimiser", "sgd")
        return type(network).__name__, (sizes[0],), layers, batch, optimiser
    from helpers.nn.shipped import find_spec

    spec = find_spec(getattr(network, "spec", network))
    return spec.name, tuple(spec.input), list(spec.layers), spec.batch_size, spec.optimiser.type
