"""What a JSON file of a network may hold, as pydantic's models, and what the network will cost.

`helpers.nn.spec` reads such files, and brings this module and pydantic only then.
"""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING, Annotated, Any, Literal

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, ValidationError, WithJsonSchema, model_validator

from helpers.errors import CourseError
from helpers.nn import schedule as schedules
from helpers.nn.spec_errors import sentence
from helpers.nn.spec_sizes import image_of, image_schema, padding_schema, padding_value, pair_of, size_schema

if TYPE_CHECKING:
    from helpers.nn.layer_costs import Row
    from helpers.nn.layer_table import Place

LARGEST = 65_536

Count = Annotated[int, Field(ge=1, le=LARGEST)]
Positive = Annotated[float, Field(gt=0, le=1e6)]
Fraction = Annotated[float, Field(ge=0, lt=1)]
Factor = Annotated[float, Field(gt=0, le=1)]
Pair = Annotated[tuple[int, int], BeforeValidator(pair_of), WithJsonSchema(size_schema(1))]
Named = Literal["same", "valid", "full"]
Padding = Annotated[tuple[int, int] | Named, BeforeValidator(padding_value), WithJsonSchema(padding_schema())]
Image = Annotated[tuple[int, int, int], BeforeValidator(image_of), WithJsonSchema(image_schema())]


class _Part(BaseModel):
    model_config = ConfigDict(extra="forbid", strict=True, frozen=True, use_attribute_docstrings=True)


class Conv(_Part):
    """A convolution (cross-correlation) with a bias for each filter."""

    type: Literal["conv"]
    filters: Count
    """K, the number of filters and of output channels."""
    size: Pair
    """R × S of a filter: one number, or [rows, columns]."""
    stride: Pair = (1, 1)
    """Steps of the filter: one number, or [down, across]."""
    padding: Padding = (0, 0)
    """Zeros around the image: one number, [rows, columns], "valid" (none), "same" (half a filter) or "full"."""


class _Pool(_Part):
    size: Pair
    """R × S of a window: one number, or [rows, columns]."""
    stride: Pair = Field(default_factory=lambda pool: pool["size"])
    """Steps of the window: one number, or [down, across]; by default its size, so that windows don't overlap."""
    padding: Padding = (0, 0)
    """How far a window may reach over the edge, less than its size; given as for a convolution."""


class MaxPool(_Pool):
    """The largest number of each window."""

    type: Literal["max_pool"]


class AveragePool(_Pool):
    """The mean of each window; padding counts as zeros."""

    type: Literal["average_pool"]


class Plain(_Part):
    """An activation; "flatten", which makes a vector of an image and stands before dense by itself where it is left
    out; or "softmax", the last layer.
    """

    type: Literal["relu", "sigmoid", "tanh", "flatten", "softmax"]


class Dropout(_Part):
    """Sets numbers to zero at random while training, and divides the others by 1 − rate."""

    type: Literal["dropout"]
    rate: Fraction
    """The share of numbers set to zero."""


class Dense(_Part):
    """Every input times a weight, summed, plus a bias."""

    type: Literal["dense"]
    units: Count
    """Number of outputs."""


Layer = Annotated[Conv | MaxPool | AveragePool | Plain | Dropout | Dense, Field(discriminator="type")]


class Initialisation(_Part):
    """Weights are normal draws with mean 0 and standard deviation scale/√inputs; biases are zero."""

    scale: Positive = 1.0
    """1 is N(0, 1/inputs); √2 is the choice of He et al. (2015) for ReLU."""


class Sgd(_Part):
    """parameter −= rate · gradient."""

    type: Literal["sgd"]


class Momentum(_Part):
    """velocity = momentum · velocity + gradient; parameter −= rate · velocity."""

    type: Literal["momentum"]
    momentum: Fraction = 0.9
    """How much of the velocity stays."""


class Rprop(_Part):
    """Steps follow the signs of gradients (Riedmiller and Braun 1993); the first step is the learning rate."""

    type: Literal["rprop"]
    shrink: Annotated[float, Field(gt=0, lt=1)] = 0.5
    """Factor of a step whose gradient changes its sign."""
    grow: Annotated[float, Field(gt=1, le=10)] = 1.2
    """Factor of a step whose gradient keeps its sign."""
    smallest: Positive = 1e-6
    """Least step."""
    largest: Positive = 50.0
    """Greatest step."""
    backtrack: bool = True
    """Take back the last change where the sign changes; false stands still there, as torch.optim.Rprop does."""


class Adam(_Part):
    """Means of gradients and of their squares, corrected for their start (Kingma and Ba 2015)."""

    type: Literal["adam"]
    beta1: Fraction = 0.9
    """How much of the mean gradient stays."""
    beta2: Fraction = 0.999
    """How much of the mean square stays."""
    epsilon: Positive = 1e-8
    """Added to the root of the mean square."""


class Constant(_Part):
    """The same rate in every epoch."""

    type: Literal["constant"]


class Step(_Part):
    """The rate times `factor` after every `every` epochs."""

    type: Literal["step"]
    factor: Factor = 0.5
    every: Count = 10


class Exponential(_Part):
    """The rate times `factor` after each epoch."""

    type: Literal["exponential"]
    factor: Factor = 0.9


class Cosine(_Part):
    """Half a cosine from the rate to `final` over all epochs."""

    type: Literal["cosine"]
    final: Annotated[float, Field(ge=0, le=1e6)] = 0.0


class NetworkSpec(_Part):
    """A network for images, and how to train it. Settings that have a default may be left out.

    Make one with `load_spec(path)` or `read_spec(values)`, which raise CourseError for whatever is wrong.
    """

    published_schema: Annotated[str, Field(max_length=200)] = Field("schema.json", alias="$schema")
    """For editors, which then complete and check names."""
    name: Annotated[str, Field(min_length=1, max_length=100)]
    """What figures and tables call the network."""
    input: Image
    """[C, H, W] of an image: channels, rows, columns."""
    classes: Annotated[int, Field(ge=2, le=LARGEST)]
    """Number of classes, which the last dense layer must have as units."""
    layers: Annotated[list[Layer], Field(min_length=1, max_length=1000)]
    """From the image to softmax."""
    loss: Literal["cross_entropy"] = "cross_entropy"
    """Mean over the batch of −log of the probability given to the right class."""
    initialisation: Initialisation = Initialisation()
    optimiser: Annotated[Sgd | Momentum | Rprop | Adam, Field(discriminator="type")] = Sgd(type="sgd")
    learning_rate: Positive = 0.1
    schedule: Annotated[Constant | Step | Exponential | Cosine, Field(discriminator="type")] = Constant(type="constant")
    batch_size: Count = 64
    epochs: Count = 20
    seed: Annotated[int, Field(ge=0, le=2**32 - 1)] = 0
    """Of the weights, the order of the images and dropout."""
    backend: Literal["numpy", "torch", "cuda", "auto"] = "auto"

    @model_validator(mode="after")
    def _fits(self) -> NetworkSpec:
        last = len(self.layers) - 1
        try:
            outputs = self.places(1)[last].shape_in
        except ImportError:  # the table is not there while a hand-in is graded in which it is to be written
            outputs = (self.classes,)
        for i, layer in enumerate(self.layers):
            if (layer.type == "softmax") != (i == last):
                should = "must be softmax" if i == last else "must not be softmax, which stands last"
                raise CourseError(f"layers[{i}], {layer.type}: this layer {should}; the loss is taken from its output.")
        if outputs != (self.classes,):
            shown = "×".join(map(str, outputs))
            raise CourseError(
                f"layers[{last}], softmax: {shown} numbers come in for {self.classes} classes; put a dense layer with "
                f"{self.classes} units before it."
            )
        if isinstance(self.optimiser, Rprop) and self.optimiser.smallest >= self.optimiser.largest:
            raise CourseError(
                f"optimiser.smallest: expected less than largest, {self.optimiser.largest:g}, found "
                f"{self.optimiser.smallest:g}."
            )
        return self

    def places(self, images: int | None = None) -> list[Place]:
        """Each layer with its input and output shape and geometry, for batches of `images` (default: batch_size)."""
        from helpers.nn.layer_table import places

        return places(self.input, self.layers, self.batch_size if images is None else images)

    def layer_table(self, images: int | None = None, itemsize: int = 4) -> list[Row]:
        """One Row a layer for the forward pass of a batch: shape, parameters, operations, bytes, predicted seconds."""
        from helpers.nn.layer_costs import row

        count = self.batch_size if images is None else images
        return [row(place, count, itemsize) for place in self.places(count)]

    @property
    def parameters(self) -> int:
        """Weights and biases of the whole network."""
        return sum(place.parameters for place in self.places(1))

    def rates(self) -> schedules.Schedule:
        """The learning rate of each epoch, from 0."""
        kind = self.schedule
        if isinstance(kind, Step):
            return schedules.step_decay(self.learning_rate, kind.factor, kind.every)
        if isinstance(kind, Exponential):
            return schedules.exponential_decay(self.learning_rate, kind.factor)
        if isinstance(kind, Cosine):
            return schedules.cosine_decay(self.learning_rate, self.epochs, kind.final)
        return schedules.constant(self.learning_rate)

    def changed(self, filters: int | None = None, **settings: Any) -> NetworkSpec:
        """This network with other settings, such as learning_rate=0.01; filters: of every convolution."""
        values = self.values()
        for layer in values["layers"]:
            if layer["type"] == "conv" and filters is not None:
                layer["filters"] = filters
        return read({**values, **settings})

    def values(self) -> dict[str, Any]:
        """What a file of this network holds, defaults included: `read_spec(spec.values()) == spec`."""
        return self.model_dump(mode="json", by_alias=True)


def read(values: Any) -> NetworkSpec:
    """The network of what a JSON file holds. CourseError for whatever is wrong."""
    try:
        return NetworkSpec.model_validate(values)
    except ValidationError as error:
        # The error would keep the whole input alive, and its own text is no sentence.
        text = sentence(error.errors(include_url=False), schema())
    raise CourseError(text)


@cache
def schema() -> dict[str, Any]:
    """The JSON Schema of a network file."""
    return {"$schema": "https://json-schema.org/draft/2020-12/schema", **NetworkSpec.model_json_schema()}
