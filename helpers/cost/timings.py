"""Time a training step of a network on this machine, as a whole and layer by layer."""

from __future__ import annotations

import gc
import statistics
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from helpers.backend import Backend
from helpers.backend import backend as make_backend
from helpers.cost.layers import StepCost, step_cost
from helpers.cost.machine import the_clock
from helpers.cost.platform import Sample
from helpers.nn.loss import cross_entropy_gradient
from helpers.nn.network import Network

if TYPE_CHECKING:
    from helpers.nn.spec_model import NetworkSpec

ROUND, MOST = 0.02, 50
"""Seconds that one reading of the clock should span, and the most steps for it."""


@dataclass(frozen=True)
class StepTimes:
    """A measured training step. cost: what was counted for it; seconds: of a whole step, one entry a round; samples:
    every layer's forward and backward pass and the update, in the median of the rounds.
    """

    cost: StepCost
    seconds: list[float]
    samples: list[Sample]

    @property
    def median(self) -> float:
        return statistics.median(self.seconds)


def time_steps(
    specs: Sequence[NetworkSpec], backend: str | Backend = "numpy", rounds: int = 7, layers: bool = True
) -> list[StepTimes]:
    """Every network's training step on random images, in its own batch size, the networks in turn.

    backend: of `helpers.backend`. layers: also time each layer alone, in rounds of their own, because so many readings
    of the clock slow a small step down. The networks are `helpers.nn.Network`, the course's readable layers.
    """
    on = backend if isinstance(backend, Backend) else make_backend(backend)
    clock = the_clock(on.name)
    if on.name == "torch":
        import torch

        from helpers.cost.machine import threads

        torch.set_num_threads(threads())
    runs = [_Run(spec, on, clock) for spec in specs]
    collecting = gc.isenabled()
    gc.disable()
    try:
        for run in runs:
            run.warm_up()
        for turn in range(rounds):
            for run in runs if turn % 2 == 0 else reversed(runs):
                run.whole()
                if layers:
                    run.apart()
    finally:
        if collecting:
            gc.enable()
    return [run.times() for run in runs]


class _Run:
    """One network, its batch, and the times so far."""

    def __init__(self, spec: NetworkSpec, on: Backend, clock: Callable[[], float]) -> None:
        random = np.random.default_rng(0)
        self.spec, self.on, self.clock = spec, on, clock
        self.network = Network(spec, on)
        self.images = on.asarray(random.standard_normal((spec.batch_size, *spec.input), dtype=np.float32))
        self.labels = on.asarray(random.integers(0, spec.classes, spec.batch_size))
        self.inner = 1
        self.seconds: list[float] = []
        self.passes: dict[tuple[int, str], list[float]] = {}
        # A dense layer that images come into is built as two layers, of which the first flattens.
        self.entry: list[int] = []
        for i, place in enumerate(spec.places(1)):
            self.entry += [i] * (1 + (place.layer.type == "dense" and len(place.shape_in) > 1))

    def step(self) -> None:
        self.network.forward(self.images)
        self.network.backward(self.labels)
        self.network.update(1e-9)  # so small a rate keeps the random numbers as they are

    def warm_up(self) -> None:
        for _ in range(3):
            self.step()
        self.inner = min(MOST, max(1, round(ROUND / max(self.span(self.step), 1e-9))))

    def span(self, function: Callable[[], Any]) -> float:
        self.on.synchronise()
        began = self.clock()
        function()
        self.on.synchronise()
        return self.clock() - began

    def whole(self) -> None:
        """One round: a few steps in a row, after one that brings the data back into the caches."""
        self.step()

        def steps() -> None:
            for _ in range(self.inner):
                self.step()

        self.seconds.append(self.span(steps) / self.inner)

    def apart(self) -> None:
        """The same steps with a clock around each layer's passes."""
        spent: dict[tuple[int, str], float] = {}
        for _ in range(self.inner):
            x, inner = self.images, self.network.layers
            for at, layer in zip(self.entry, inner, strict=True):
                x = self.add(spent, (at, "forward"), layer.forward, x)
            gradient = self.add(spent, (self.entry[-1], "backward"), cross_entropy_gradient, x, self.labels)
            for at, layer in zip(reversed(self.entry[:-1]), reversed(inner[:-1]), strict=True):
                gradient = self.add(spent, (at, "backward"), layer.backward, gradient)
            self.add(spent, (-1, "update"), self.network.update, 1e-9)
        for key, seconds in spent.items():
            self.passes.setdefault(key, []).append(seconds / self.inner)

    def add(self, spent: dict[tuple[int, str], float], key: tuple[int, str], function: Any, *arguments: Any) -> Any:
        self.on.synchronise()
        began = self.clock()
        result = function(*arguments)
        self.on.synchronise()
        spent[key] = spent.get(key, 0.0) + self.clock() - began
        return result

    def times(self) -> StepTimes:
        itemsize = 8 if "float64" in str(self.on.dtype) else 4
        cost = step_cost(self.spec, itemsize=itemsize, input_gradient=True)
        samples = []
        for (at, which), seconds in self.passes.items():
            layers = [cost.layers[at]] if which != "update" else [one for one in cost.layers if one.parameters]
            if layers[0].type != "flatten":
                kind = cost.optimiser if which == "update" else layers[0].type
                samples.append(Sample(kind, which, layers, statistics.median(seconds)))
        return StepTimes(cost, self.seconds, samples)
