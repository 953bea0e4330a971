"""How long `helpers.cost` takes to predict a training step of a network of 100 layers."""

from __future__ import annotations

from typing import Any

from helpers.bench.result import Result, demand
from helpers.cost import load_device, load_platform, predict, step_cost
from helpers.nn.spec import read_spec
from helpers.timing import measure, spread


def bench(rounds: int = 7) -> Result:
    """Milliseconds from what a JSON file holds to predicted seconds, by a measured platform, nothing kept."""
    values = description()
    platform, device = load_platform("xeon_avx512_numpy"), load_device("xeon_avx512")
    spec = read_spec(values)
    found = predict(spec, device, platform=platform)
    demand(len(found.layers) == 100, f"The network has {len(found.layers)} layers; 100 are to be predicted.")
    demand(
        found.cost == step_cost(spec, input_gradient=True) and found.seconds > predict(spec, device).seconds,
        "The prediction does not count what step_cost counts, or is below the peak's; it must not.",
    )
    times = measure({"all": lambda: predict(read_spec(values), device, platform=platform)}, rounds=rounds, warmup=2)
    milliseconds = [1e3 * t for t in times["all"].seconds]
    what = "cost: read and predict a training step of 100 layers (convolutions, pooling, dense, activations)"
    return Result(what, 1e3 * times["all"].median, None, None, "ms", 1, rounds, spread(milliseconds), 50.0)


def description() -> dict[str, Any]:
    """A network of 100 layers, as a JSON file would hold it."""
    layers: list[dict[str, Any]] = []
    for i in range(44):
        layers += [{"type": "conv", "filters": 16 + i, "size": 3, "padding": "same"}, {"type": "relu"}]
        if i % 15 == 14:
            layers.append({"type": "max_pool", "size": 2})
    for units in (256, 128, 64, 32):
        layers += [{"type": "dense", "units": units}, {"type": "sigmoid"}]
    layers += [{"type": "dense", "units": 10}, {"type": "softmax"}]
    return {"name": "100 layers", "input": [3, 32, 32], "classes": 10, "layers": layers, "batch_size": 64}
