"""What each layer of a described network makes of what comes in, before anything is built."""

from __future__ import annotations

from dataclasses import dataclass
from math import prod
from typing import TYPE_CHECKING, Any

from helpers.errors import CourseError
from helpers.nn.spec_sizes import padding_of
from helpers.primitives.pooling import PoolSpec
from helpers.primitives.spec import ConvSpec

if TYPE_CHECKING:
    from collections.abc import Sequence

Shape = tuple[int, ...]


@dataclass(frozen=True)
class Place:
    """One layer where it stands. shape_in and shape_out are without the batch: (C, H, W), or (features,) of a vector.

    where: "layers[2]"; layer: its description; geometry: the ConvSpec or PoolSpec of the batch, None for other layers.
    """

    where: str
    layer: Any
    shape_in: Shape
    shape_out: Shape
    geometry: ConvSpec | PoolSpec | None = None

    @property
    def parameters(self) -> int:
        """Weights and biases: K·C·R·S + K of a convolution, in·out + out of a dense layer, else none."""
        from helpers.nn.layer_costs import parameters  # where counting is an exercise it may not be there

        return parameters(self)


def places(image: Shape, layers: Sequence[Any], images: int) -> list[Place]:
    """Every layer with its shapes, for images (C, H, W) in batches of `images`.

    Raises CourseError, which names the layer, where a window doesn't fit or a layer can't take what comes before it.
    """
    found: list[Place] = []
    shape = tuple(image)
    for i, layer in enumerate(layers):
        where = f"layers[{i}]"
        try:
            found.append(_place(where, layer, shape, images))
        except CourseError as error:
            text = str(error)
            raise CourseError(f"{where}, {layer.type}: {text[0].lower()}{text[1:]}") from None
        shape = found[-1].shape_out
    return found


def _place(where: str, layer: Any, shape: Shape, images: int) -> Place:
    if layer.type in ("conv", "max_pool", "average_pool"):
        if len(shape) != 3:
            raise CourseError(
                f"It takes images (C, H, W), but a vector of {shape[0]} comes in; put it before flatten and dense."
            )
        (c, h, w), (r, s), (u, v) = shape, layer.size, layer.stride
        pads = padding_of((r, s), layer.padding)
        geometry: ConvSpec | PoolSpec
        if layer.type == "conv":
            geometry = ConvSpec(images, c, h, w, layer.filters, r, s, u, v, *pads)
        else:
            geometry = PoolSpec(images, c, h, w, r, s, u, v, *pads)
        return Place(where, layer, shape, geometry.y_shape[1:], geometry)
    if layer.type == "dense":
        return Place(where, layer, shape, (layer.units,))
    return Place(where, layer, shape, (prod(shape),) if layer.type == "flatten" else shape)
