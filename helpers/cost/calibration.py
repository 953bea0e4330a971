"""Networks whose layers a platform is fitted to: drawn at random, so that none of them is one to be predicted."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from helpers.nn.spec import read_spec

if TYPE_CHECKING:
    from helpers.nn.spec_model import NetworkSpec


def calibration_specs(count: int = 16, seed: int = 0) -> list[NetworkSpec]:
    """So many networks, every second one without convolutions; sizes, windows, activations, poolings, optimisers and
    batches are drawn, so that every type of layer that a network's file may hold is among them.
    """
    random = np.random.default_rng(seed)
    return [_drawn(random, i) for i in range(count)]


def _drawn(random: np.random.Generator, i: int) -> NetworkSpec:
    def one_of(*choices: Any) -> Any:
        return choices[random.integers(len(choices))]

    activations = ("relu", "sigmoid", "tanh")
    layers: list[dict[str, Any]] = []
    side = one_of(16, 24, 28, 32)
    if i % 2 == 0:
        size = side
        for j in range(2 + random.integers(2)):
            window = one_of(3, 5)
            layers.append({"type": "conv", "filters": int(random.integers(4, 49)), "size": window,
                           "stride": one_of(1, 1, 2) if size > 12 else 1, "padding": "same"})  # fmt: skip
            size = -(-size // layers[-1]["stride"])
            layers.append({"type": activations[(i // 2 + j) % 3]})
            if size >= 8 and random.integers(3):
                layers.append({"type": ("max_pool", "average_pool")[(i // 2 + j) % 2], "size": 2})
                size //= 2
            if random.integers(3) == 0:
                layers.append({"type": "dropout", "rate": 0.1})
    for j in range(1 + random.integers(3)):
        layers.append({"type": "dense", "units": int(2 ** random.uniform(5, 10))})
        layers.append({"type": activations[(i // 2 + j + 1) % 3]})
    layers += [{"type": "dense", "units": 10}, {"type": "softmax"}]
    return read_spec({
        "name": f"calibration {i}", "input": [one_of(1, 3), side, side], "classes": 10, "layers": layers,
        "optimiser": {"type": ("sgd", "momentum", "adam", "rprop")[i // 2 % 4]}, "batch_size": one_of(16, 32, 64, 128),
    })  # fmt: skip
