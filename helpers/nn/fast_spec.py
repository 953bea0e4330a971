"""Which described networks `FastCNN` can run, and its sizes for them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from helpers.errors import CourseError
from helpers.nn.spec_sizes import padding_of

if TYPE_CHECKING:
    from helpers.nn.spec_model import NetworkSpec


class Sizes(NamedTuple):
    """filters and filter size (R, S) of each stage; units of each hidden dense layer."""

    channels: tuple[int, ...]
    filter_sizes: tuple[tuple[int, int], ...]
    hidden: tuple[int, ...]


def sizes_of(spec: NetworkSpec) -> Sizes | str:
    """The sizes of a network that FastCNN can run; of another, the reason why it cannot, in words."""
    if spec.optimiser.type != "sgd":
        return f"the optimiser is {spec.optimiser.type}; FastCNN takes steps of plain SGD only"
    layers = [(f"layers[{i}]", layer) for i, layer in enumerate(spec.layers)]
    channels, sizes, hidden = [], [], []
    while layers and layers[0][1].type == "conv":
        stage, layers = layers[:3], layers[3:]
        if reason := _no_stage(stage):
            return reason
        channels.append(stage[0][1].filters)
        sizes.append(tuple(stage[0][1].size))
    if not channels:
        return "there is no convolution before the dense layers"
    if layers[0][1].type == "flatten":
        layers = layers[1:]
    while len(layers) > 2:
        dense, relu, layers = layers[0], layers[1], layers[2:]
        if dense[1].type != "dense" or relu[1].type != "relu":
            where, wrong = relu if dense[1].type == "dense" else dense
            return f"{where} is {wrong.type}; after the stages FastCNN has dense layers, with ReLU between"
        hidden.append(dense[1].units)
    return Sizes(tuple(channels), tuple(sizes), tuple(hidden))


def _no_stage(stage: list[tuple[str, Any]]) -> str:
    """Why these layers, each with its place, are no stage, or ""."""
    types = [layer.type for _, layer in stage]
    if types not in (["conv", "relu", "max_pool"], ["conv", "max_pool", "relu"]):
        return f"a stage of FastCNN is conv, relu and max_pool, and {stage[0][0]} begins with {', '.join(types)}"
    for where, layer in stage:
        wanted = {"conv": (1, 1), "max_pool": (2, 2)}.get(layer.type)
        if wanted is None:
            continue
        if padding_of(layer.size, layer.padding) != (0, 0):
            return f"{where} has padding, which FastCNN does not have"
        if tuple(layer.stride) != wanted:
            return f"{where} has stride {tuple(layer.stride)}; FastCNN has {wanted} there"
        if layer.type == "max_pool" and tuple(layer.size) != (2, 2):
            return f"{where} pools {tuple(layer.size)}; FastCNN pools (2, 2)"
    return ""


def shapes_of(
    channels: tuple[int, ...], filter_size: Any, image: tuple[int, ...]
) -> tuple[list[tuple[int, int]], list[tuple[int, int, int]]]:
    """(R, S) of each stage, and (C, H, W) of each stage's input and of the last one's output."""
    given: list[Any] = list(filter_size) if isinstance(filter_size, tuple | list) else [filter_size, filter_size]
    each = all(isinstance(size, tuple | list) for size in given) and len(given) == len(channels)
    sizes = [tuple(size) for size in given] if each else [tuple(given)] * len(channels)
    if len(image) != 3 or not channels or any(len(size) != 2 for size in sizes):
        raise CourseError(
            f"channels={channels}, filter_size={filter_size} and image={image} are no network; give at least one "
            "number of channels, one or two sizes, and (C, H, W)."
        )
    for name, values in (("channels", channels), ("filter_size", sum(sizes, ())), ("image", image)):
        for value in values:
            check_size(name, value)
    shapes = [image]
    for k, (r, s) in zip(channels, sizes, strict=True):
        _, h, w = shapes[-1]
        if h - r < 1 or w - s < 1:
            raise CourseError(
                f"After {len(shapes) - 1} stages an image has {h} × {w} pixels, too few for a {r} × {s} filter and "
                "2 × 2 pooling; take fewer stages, a smaller filter or larger images."
            )
        shapes.append((k, (h - r + 1) // 2, (w - s + 1) // 2))
    return sizes, shapes  # type: ignore[return-value]


def check_size(name: str, value: Any) -> None:
    """A CourseError unless this is a whole number of at least 1."""
    if isinstance(value, bool) or not isinstance(value, int | np.integer) or value < 1:
        raise CourseError(f"{name} has {value!r}, which is not a size; give whole numbers of at least 1.")
