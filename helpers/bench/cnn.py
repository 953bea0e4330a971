"""A training step of a small CNN: our numpy against PyTorch's nn.Conv2d, autograd and SGD, in both of its layouts.

Convolution 16 3×3, ReLU, max-pooling 2×2, convolution 32 3×3, ReLU, max-pooling 2×2, dense 10, cross-entropy, on 64
MNIST images.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

import numpy as np

from helpers.bench.result import Result, demand
from helpers.data import load
from helpers.nn.fast_cnn import FastCNN
from helpers.timing import measure, ratio, spread

BATCH, RATE, BATCHES, INNER = 64, 0.02, 16, 4
LAYOUTS = {"NCHW": ("contiguous_format", 0.6), "channels_last": ("channels_last", 1.0)}


def bench(rounds: int = 7) -> list[Result]:
    """Interleaved steps, one thread each: against PyTorch NCHW (goal 0.6) and against channels_last (goal 1.0).

    Before anything is timed, all three take the same first steps from the same weights to the same losses and weights.
    """

    data = load(train=BATCH * BATCHES, test=1, flat=False)
    ours = FastCNN()
    others = {name: TorchCNN(ours, data, name) for name in LAYOUTS}
    turns = dict.fromkeys(("numpy", *LAYOUTS), 0)

    def batch(who: str) -> slice:
        turns[who] += 1
        start = turns[who] % BATCHES * BATCH
        return slice(start, start + BATCH)

    def numpy_step() -> float:
        part = batch("numpy")
        return ours.step(data.train_images[part], data.train_labels[part], RATE)

    def torch_step(name: str) -> Callable[[], Any]:
        return lambda: others[name].step(batch(name))

    steps: dict[str, Callable[[], Any]] = {"numpy": numpy_step, **{name: torch_step(name) for name in LAYOUTS}}
    losses = {who: [float(step()) for _ in range(BATCHES)] for who, step in steps.items()}
    for name, other in others.items():
        apart = max(abs(a - b) for a, b in zip(losses["numpy"], losses[name], strict=True))
        demand(apart < 1e-3, f"The losses of numpy and PyTorch {name} differ by {apart:.2g}; they must agree.")
        apart = other.distance(ours)
        demand(apart < 1e-3, f"The weights of numpy and PyTorch {name} differ by {apart:.2g}; they must agree.")
    times = measure(steps, rounds=rounds, warmup=2, inner=INNER, clock=time.process_time)
    results = []
    for name, (_, goal) in LAYOUTS.items():
        middle, ratios = ratio(times["numpy"], times[name])
        results.append(
            Result(
                "cnn: one training step, conv 16, pool, conv 32, pool, dense, 64×1×28², float32, "
                f"numpy against PyTorch CPU {name}",
                1e3 * times["numpy"].median,
                1e3 * times[name].median,
                middle,
                "ms",
                1,
                rounds,
                {
                    "against": f"PyTorch {name}",
                    "ours": spread([1e3 * t for t in times["numpy"].seconds]),
                    "other": spread([1e3 * t for t in times[name].seconds]),
                    "ratio": ratios,
                    "first losses": {"ours": losses["numpy"], "other": losses[name]},
                },
                goal,
            )
        )
    return results


class TorchCNN:
    """The same network as one writes it in PyTorch, in one of its memory layouts, with the weights of a FastCNN."""

    def __init__(self, ours: FastCNN, data: Any, layout: str) -> None:
        import torch
        from torch import nn

        layers: list[Any] = []
        for weight in ours.weights:
            k, c, r, s = weight.shape
            layers += [nn.Conv2d(c, k, (r, s)), nn.ReLU(), nn.MaxPool2d(2)]
        layers.append(nn.Flatten())
        for weight in ours.dense:
            layers += [nn.Linear(*weight.shape), nn.ReLU()]
        layers.pop()
        self.network = nn.Sequential(*layers)
        with torch.no_grad():
            for mine, theirs in zip(parameters(ours), self.network.parameters(), strict=True):
                theirs.copy_(torch.from_numpy(mine))
        memory_format = getattr(torch, LAYOUTS[layout][0])
        self.network = self.network.to(memory_format=memory_format)  # type: ignore[call-overload]
        self.images = torch.from_numpy(data.train_images).to(memory_format=memory_format)
        self.labels = torch.from_numpy(data.train_labels)
        self.loss = nn.CrossEntropyLoss()
        self.optimiser = torch.optim.SGD(self.network.parameters(), lr=RATE)

    def step(self, part: Any) -> Any:
        """The loss before the step, still a tensor. part: a slice of the images, or a tensor of their indices."""
        loss = self.loss(self.network(self.images[part]), self.labels[part])
        self.optimiser.zero_grad()
        loss.backward()
        self.optimiser.step()
        return loss.detach()

    def train_epoch(self, order: np.ndarray) -> float:
        """One epoch in this order, in batches of BATCH; the mean loss."""
        import torch

        total = torch.zeros(())  # summed as a tensor: .item() in each batch would wait for nothing
        for batch in torch.from_numpy(order).split(BATCH):
            total += self.step(batch) * len(batch)
        return total.item() / len(order)

    def distance(self, ours: FastCNN) -> float:
        """The largest difference of any weight or bias."""
        pairs = zip(parameters(ours), self.network.parameters(), strict=True)
        return max(float(np.abs(a - b.detach().numpy()).max()) for a, b in pairs)


def parameters(network: FastCNN) -> list[np.ndarray]:
    """Weights and biases in the order and the shapes of PyTorch's parameters()."""
    return [np.ascontiguousarray(array.T if array.ndim == 2 else array) for _, array in network.parameters()]
