"""Residual network: y = ReLU(x + F(x)) trains at depths where y = ReLU(F(x)) no longer does.

F is a pair of dense layers, W₂ ReLU(W₁x). The skip goes around the pair and is added *before* the last ReLU. Weights
are He's, N(0, 2/inputs); with a skip W₂ begins at zero, so that each pair begins as the identity and depth costs
nothing at the start. Backward, the gradient takes both ways: dL/dx = g + Fᵀg. He, Zhang, Ren and Sun, *Deep Residual
Learning for Image Recognition* (2016); W₂ = 0: Zhang, Dauphin and Ma, *Fixup Initialization* (2019).

The source of this list of networks writes "RN"; the sheet that it was taken from (*The Neural Network Zoo*) has a deep
residual network there.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from helpers import plots
from helpers.backend import Backend
from helpers.backend import backend as make_backend
from helpers.nn import Linear, ReLU, Softmax, evaluate
from helpers.zoo.chain import Chain, train_classifier
from helpers.zoo.checks import check_size
from helpers.zoo.images import labelled
from helpers.zoo.outcome import Measured, Outcome


class Pair:
    """y = ReLU(W₂ ReLU(W₁x) + b₂ [+ x]), with skip or without; (N, width) -> (N, width)."""

    def __init__(self, width: int, skip: bool, backend: Backend, seed: list[int]) -> None:
        self.skip = skip
        first, second = (Linear(width, width, backend, [*seed, i]) for i in range(2))
        first.weight *= 2**0.5
        second.weight *= 0.0 if skip else 2**0.5
        self.inside, self.last = Chain(first, ReLU(), second), ReLU()

    def forward(self, x: Any) -> Any:
        f = self.inside.forward(x)
        return self.last.forward(f + x if self.skip else f)

    def backward(self, gradient: Any) -> Any:
        gradient = self.last.backward(gradient)
        through = self.inside.backward(gradient)
        return through + gradient if self.skip else through

    def parameters(self) -> list[tuple[str, Any]]:
        layers = self.inside.layers
        return [(f"{i}.{n}", getattr(layers[i], n)) for i in (0, 2) for n in ("weight", "bias")]

    def gradients(self) -> list[tuple[str, Any]]:
        layers = self.inside.layers
        return [(f"{i}.{n}", getattr(layers[i], f"grad_{n}")) for i in (0, 2) for n in ("weight", "bias")]


def network(
    inputs: int, width: int, pairs: int, skip: bool, classes: int = 10, seed: int = 0, backend: Any = None
) -> Chain:
    """A dense layer to `width`, so many pairs, a dense layer to the logits: 2·pairs + 2 layers with weights."""
    check_size(inputs=inputs, width=width, classes=classes)
    check_size(0, pairs=pairs)
    backend = backend or make_backend("numpy")
    middle = [Pair(width, skip, backend, [seed, i]) for i in range(pairs)]
    first, last = Linear(inputs, width, backend, [seed, pairs]), Linear(width, classes, backend, [seed, pairs + 1])
    return Chain(first, ReLU(), *middle, last)


@dataclass(frozen=True)
class Size:
    train: int
    epochs: int
    width: int
    pairs: tuple[int, ...]
    goal: float
    fails: float


SIZES = {"full": Size(5000, 6, 32, (1, 5, 10, 20, 40), 12.0, 40.0), "quick": Size(500, 5, 16, (30,), 40.0, 70.0)}


def run(size: str = "full", seed: int = 0, data: str = "mnist") -> Outcome:
    """The training error after a few epochs against the depth, with skips and without."""
    s = SIZES[size]
    images, labels, *_ = labelled(data, s.train, 1)
    depths = [2 * pairs + 2 for pairs in s.pairs]
    errors: dict[str, list[float]] = {"plain": [], "with skips": []}
    for pairs in s.pairs:
        for name in errors:
            net = network(images.shape[1], s.width, pairs, name == "with skips", seed=seed)
            train_classifier(net, images, labels, s.epochs, seed=seed)
            _, accuracy = evaluate(Chain(*net.layers, Softmax()), images, labels)
            errors[name].append(100 * (1 - accuracy))
    found = [Measured(f"training error, {depth} layers, {name}", values[i], "%")
             for i, depth in enumerate(depths[:-1]) for name, values in errors.items()]  # fmt: skip
    found += [
        Measured(f"training error, {depths[-1]} layers, plain", errors["plain"][-1], "%", at_least=s.fails),
        Measured("with skips", errors["with skips"][-1], "%", at_most=s.goal),
    ]
    title = f"Dense networks of width {s.width} after {s.epochs} epochs"
    return Outcome(found, plots.error_by_depth(depths, errors, title))
