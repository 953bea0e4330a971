"""What each layer of a described network costs, by counting, before anything is built.

Operations are counted by the definition: a multiplication, an addition, a comparison and an exponential are one each.
Bytes are those that any program must move: inputs and parameters read once, outputs written once.
"""

from __future__ import annotations

from dataclasses import dataclass
from math import prod
from typing import TYPE_CHECKING, Any

from helpers.primitives.choose import modelled
from helpers.primitives.cost import Cost
from helpers.primitives.pooling import PoolSpec
from helpers.primitives.spec import ConvSpec

if TYPE_CHECKING:
    from collections.abc import Sequence

OPERATIONS = {"relu": 1, "sigmoid": 4, "tanh": 5, "dropout": 2, "softmax": 5}
"""Operations for each number: max(x, 0); 1/(1 + e^−x); 1 − 2/(e^2x + 1); draw below the rate, multiply; and for
softmax the maximum, the difference from it, its exponential, the sum and the quotient.
"""

@dataclass(frozen=True)
class Row:
    """A line of the layer table, for the forward pass of one batch.

    output: shape without the batch; flops: operations; bytes: moved at least; predicted_seconds: by the model behind
    "auto" (`helpers.primitives.cost`) for numpy on one thread. It is a prediction; nothing has been run.
    """

    where: str
    name: str
    output: tuple[int, ...]
    parameters: int
    flops: int
    bytes: int
    predicted_seconds: float


def parameters(place: Any) -> int:
    """Weights and biases: K·C·R·S + K of a convolution, in·out + out of a dense layer, else none."""
    if isinstance(place.geometry, ConvSpec):
        return prod(place.geometry.w_shape) + place.geometry.K
    if place.layer.type == "dense":
        return (prod(place.shape_in) + 1) * place.layer.units
    return 0


def forward_work(place: Any, images: int, itemsize: int = 4) -> tuple[int, int]:
    """(operations, bytes) of the layer's forward pass for a batch of `images`, numbers of `itemsize` bytes."""
    inputs, outputs = images * prod(place.shape_in), images * prod(place.shape_out)
    kind, geometry = place.layer.type, place.geometry
    bytes_moved = (inputs + outputs + place.parameters) * itemsize
    if isinstance(geometry, ConvSpec):
        return geometry.flops + outputs, bytes_moved
    if isinstance(geometry, PoolSpec):
        # A maximum takes one comparison fewer than there are pixels, a mean as many additions and one division.
        return outputs * (geometry.R * geometry.S - (kind == "max_pool")), geometry.bytes_moved(itemsize)
    if kind == "dense":
        return 2 * inputs * place.layer.units + outputs, bytes_moved
    if kind == "flatten":
        return 0, 0
    return outputs * OPERATIONS[kind], bytes_moved


def name_of(place: Any) -> str:
    """What a table calls the layer: its type and sizes, as "conv 16 × 3×3, pad 1×1"."""
    kind, geometry = place.layer.type, place.geometry
    if isinstance(geometry, ConvSpec):
        return f"conv {geometry.K} × {geometry.R}×{geometry.S}{_steps(geometry, (1, 1))}"
    if isinstance(geometry, PoolSpec):
        return f"{kind} {geometry.R}×{geometry.S}{_steps(geometry, (geometry.R, geometry.S))}"
    if kind == "dense":
        return f"dense {place.layer.units}"
    return f"dropout {place.layer.rate:g}" if kind == "dropout" else kind


def row(place: Any, images: int, itemsize: int = 4) -> Row:
    """The layer's line of the table for a batch of `images`, numbers of `itemsize` bytes."""
    inputs, outputs = images * prod(place.shape_in), images * prod(place.shape_out)
    kind, geometry = place.layer.type, place.geometry
    flops, bytes_moved = forward_work(place, images, itemsize)
    if isinstance(geometry, ConvSpec):
        moved, seconds = (outputs, 1), modelled(geometry, "forward")[0].seconds
    elif isinstance(geometry, PoolSpec):
        window = geometry.R * geometry.S
        moved, seconds = (outputs * window, window), 0.0
    elif kind == "dense":
        moved, seconds = (outputs, 2), Cost(inputs * place.layer.units, 0, 0).seconds
    else:
        moved, seconds = (flops, OPERATIONS.get(kind, 0)), 0.0
    # The model's speeds are those of 4-byte numbers; wider ones take longer in proportion.
    seconds = (seconds + Cost(0, *moved).seconds) * itemsize / 4
    return Row(place.where, name_of(place), place.shape_out, place.parameters, flops, bytes_moved, seconds)


def step_seconds(places: Sequence[Any], images: int, itemsize: int = 4) -> float:
    """Predicted seconds of one training step of a batch: forward, backward and update, by the same model.

    Backward takes two convolutions where forward takes one, two products where a dense layer takes one, and elsewhere
    as long as forward; an update moves each parameter and its gradient.
    """
    total = 0.0
    for place in places:
        forward = row(place, images, itemsize).predicted_seconds
        if isinstance(place.geometry, ConvSpec):
            passes = sum(modelled(place.geometry, which)[0].seconds for which in ("backward-data", "backward-filter"))
            backward = passes * itemsize / 4
        else:
            backward = forward * (2 if place.layer.type == "dense" else 1)
        total += forward + backward + Cost(0, 2 * place.parameters, 2 * (place.parameters > 0)).seconds * itemsize / 4
    return total


def table_text(rows: Sequence[Row], images: int) -> str:
    """The table as text, with a total; the last column says that it is predicted."""
    cells = [("layer", "", "output", "parameters", "MFLOP", "MiB", "predicted ms")]
    for r in rows:
        cells.append((r.where, r.name, "×".join(map(str, r.output)), f"{r.parameters:,}", *_measures([r])))
    cells.append(("total", "", "", f"{sum(r.parameters for r in rows):,}", *_measures(rows)))
    widths = [max(map(len, column)) for column in zip(*cells, strict=True)]
    lines = [
        "  ".join(c.ljust(w) if i < 3 else c.rjust(w) for i, (c, w) in enumerate(zip(line, widths, strict=True)))
        for line in cells
    ]
    note = (
        f"Forward pass of a batch of {images}, counted. Times are predicted by a model of numpy on one thread, not\n"
        "measured: they compare layers and sizes with each other, and know nothing of other hardware."
    )
    return "\n".join([*lines, note])


def _measures(rows: Sequence[Row]) -> tuple[str, str, str]:
    flops, moved = sum(r.flops for r in rows), sum(r.bytes for r in rows)
    return f"{flops / 1e6:,.2f}", f"{moved / 2**20:,.2f}", f"{sum(r.predicted_seconds for r in rows) * 1e3:,.3f}"


def _steps(geometry: ConvSpec | PoolSpec, usual: tuple[int, int]) -> str:
    text = "" if (geometry.u, geometry.v) == usual else f", stride {geometry.u}×{geometry.v}"
    return text + (f", pad {geometry.pad_h}×{geometry.pad_w}" if geometry.pad_h or geometry.pad_w else "")
