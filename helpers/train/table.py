"""The layer table, held against the network that was built, and its predicted time held against the clock."""

from __future__ import annotations

import math
import statistics
from typing import TYPE_CHECKING, Any

import numpy as np

from helpers import nn
from helpers.backend import Backend
from helpers.backend import backend as make_backend
from helpers.errors import CourseError
from helpers.nn.layer_costs import step_seconds, table_text
from helpers.primitives import ConvSpec
from helpers.progress import counted
from helpers.threads import asked_for

if TYPE_CHECKING:
    from helpers.nn.spec_model import NetworkSpec
    from helpers.train.history import History


def verified_table(spec: NetworkSpec, network: Any, itemsize: int = 4) -> str:
    """The table's text, after `verify`, and a line that says what was compared."""
    verify(spec, network)
    kind = type(network).__name__
    return (
        f"{table_text(spec.layer_table(itemsize=itemsize), spec.batch_size)}\n"
        f"Shapes and the {spec.parameters:,} parameters agree with the network as built ({kind})."
    )


def verify(spec: NetworkSpec, network: Any) -> None:
    """A CourseError unless the network has the parameters, and its layers the output shapes, that the table says.

    Two images of zeros go through the readable `nn.Network` of this spec, layer by layer; `network` must have the
    names and shapes of its parameters.
    """
    readable = nn.Network(spec, make_backend("numpy"))
    layers = iter(readable.layers)
    x = np.zeros((2, *spec.input), readable.backend.dtype)
    shapes = []
    for place in spec.places(2):
        x = next(layers).forward(x)
        if place.layer.type == "dense" and len(place.shape_in) > 1:  # a Flatten stands before it
            x = next(layers).forward(x)
        if x.shape != (2, *place.shape_out):
            raise CourseError(
                f"{place.where} makes {x.shape[1:]} and the table says {place.shape_out}; report this as a bug."
            )
        if isinstance(place.geometry, ConvSpec):
            shapes += [place.geometry.w_shape, (place.geometry.K,)]
        elif place.layer.type == "dense":
            shapes += [(math.prod(place.shape_in), place.layer.units), (place.layer.units,)]
    for built in (readable, network):
        found = [tuple(array.shape) for _, array in built.parameters()]
        if found != shapes:
            raise CourseError(
                f"{type(built).__name__} has parameters of shapes {found} and the table says {shapes}; report this as "
                "a bug."
            )


def epoch_seconds(spec: NetworkSpec, images: int, held_out: int, itemsize: int = 4) -> float:
    """Predicted seconds of an epoch: a training step a batch, and one forward pass over the images held out."""
    batch = spec.batch_size
    step = step_seconds(spec.places(batch), batch, itemsize)
    forward = sum(line.predicted_seconds for line in spec.layer_table(itemsize=itemsize))
    return step * images / batch + forward * held_out / batch


def announced(spec: NetworkSpec, data: Any, had: int, itemsize: int) -> str:
    """Two lines on what is about to happen. had: epochs that an earlier run has done."""
    from helpers.train.from_spec import label_of

    train, held_out = len(data.train_labels), len(data.test_labels)
    seconds = epoch_seconds(spec, train, held_out, itemsize)
    what = f"Going on after epoch {had} of {spec.epochs}" if had else counted(spec.epochs, "epoch")
    rest = train % spec.batch_size
    last = f" (the last of an epoch has {rest})" if rest else ""
    return (
        f"{what}, {spec.optimiser.type}, {label_of(spec)}, batches of {spec.batch_size}{last}, seed {spec.seed};\n"
        f"{train:,} training and {held_out:,} {data.held_out} images, {seconds:.2g} s an epoch by the same model."
    )


def compared(spec: NetworkSpec, history: History, held_out: int, itemsize: int, network: Any, on: Backend) -> str:
    """Two lines: the predicted beside the measured seconds of an epoch, and what was measured."""
    predicted = epoch_seconds(spec, history.images, held_out, itemsize)
    measured = statistics.median(history.seconds)
    words = "" if on.name == "cuda" else f", {counted(asked_for() or 1, 'thread')}"
    return (
        f"Seconds per epoch: {predicted:.2g} predicted for the layers one by one, numpy, one thread; {measured:.2g} "
        f"measured\nfor {type(network).__name__}, {on.label}{words} (median of {history.epochs})."
    )
