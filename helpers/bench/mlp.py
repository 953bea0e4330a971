"""One epoch of 784-128-10 on 60,000 images: our numpy against PyTorch's nn.Linear, autograd and SGD."""

from __future__ import annotations

from typing import Any

import numpy as np

from helpers.bench.result import Result, demand
from helpers.data import load
from helpers.nn import FastMLP, fast_mlp
from helpers.timing import measure, ratio, spread

SIZES = (784, 128, 10)
RATE, BATCH = 0.1, 64


def bench(rounds: int = 7) -> Result:
    """Interleaved epochs of both, one thread each; same weights at the start, same order, same accuracy after."""

    data = load()
    ours = FastMLP(SIZES)
    other = TorchMLP(ours, data)
    turn = {"numpy": 0, "torch": 0}
    losses: dict[str, list[float]] = {"numpy": [], "torch": []}

    def order(who: str) -> np.ndarray:
        turn[who] += 1
        return orders[turn[who] - 1]

    def numpy_epoch() -> None:
        o = order("numpy")
        losses["numpy"].append(fast_mlp.train_epoch(ours, data.train_images, data.train_labels, RATE, BATCH, o))

    def torch_epoch() -> None:
        losses["torch"].append(other.train_epoch(order("torch")))

    orders = [np.random.default_rng([0, e]).permutation(len(data.train_labels)) for e in range(rounds + 1)]
    times = measure({"numpy": numpy_epoch, "torch": torch_epoch}, rounds=rounds, warmup=1)
    apart = max(abs(a - b) for a, b in zip(losses["numpy"], losses["torch"], strict=True))
    demand(apart < 2e-3, f"The training losses of numpy and PyTorch differ by {apart:.2g}; they must agree.")
    _, accuracy = fast_mlp.evaluate(ours, data.test_images, data.test_labels)
    theirs = other.accuracy()
    demand(
        abs(accuracy - theirs) < 0.002 and accuracy > 0.9,
        f"Accuracy is {accuracy:.2%} with numpy and {theirs:.2%} with PyTorch; they must agree and pass 90%.",
    )
    middle, ratios = ratio(times["numpy"], times["torch"])
    return Result(
        "mlp: one epoch of 784-128-10, batch 64, 60,000 images, float32, numpy against PyTorch CPU",
        times["numpy"].median,
        times["torch"].median,
        middle,
        "s",
        1,
        rounds,
        {
            "ours": spread(times["numpy"].seconds),
            "other": spread(times["torch"].seconds),
            "ratio": ratios,
            "accuracy": {"ours": accuracy, "other": theirs},
        },
        0.5,
    )


class TorchMLP:
    """The same network as one writes it in PyTorch, with the weights of a FastMLP."""

    def __init__(self, ours: FastMLP, data: Any) -> None:
        import torch
        from torch import nn

        layers: list[Any] = []
        for weight, bias in zip(ours.weights, ours.biases, strict=True):
            linear = nn.Linear(*weight.shape)
            with torch.no_grad():
                linear.weight.copy_(torch.from_numpy(weight.T.copy()))
                linear.bias.copy_(torch.from_numpy(bias))
            layers += [linear, nn.Sigmoid()]
        self.network = nn.Sequential(*layers[:-1])
        self.loss = nn.CrossEntropyLoss()
        self.optimiser = torch.optim.SGD(self.network.parameters(), lr=RATE)
        self.images, self.labels, self.test_images, self.test_labels = map(
            torch.from_numpy, (data.train_images, data.train_labels, data.test_images, data.test_labels)
        )

    def train_epoch(self, order: np.ndarray) -> float:
        import torch

        indices = torch.from_numpy(order)
        total = torch.zeros(())  # summed as a tensor: .item() in each batch would wait for nothing
        for batch in indices.split(BATCH):
            loss = self.loss(self.network(self.images[batch]), self.labels[batch])
            self.optimiser.zero_grad()
            loss.backward()
            self.optimiser.step()
            total += loss.detach() * len(batch)
        return total.item() / len(order)

    def accuracy(self) -> float:
        import torch

        with torch.no_grad():
            return (self.network(self.test_images).argmax(1) == self.test_labels).float().mean().item()
