"""A small convolutional network in plain float64 numpy, for checks: shapes, forward, gradients, an epoch."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from math import prod
from typing import Any

import numpy as np

from helpers.check.core import convolution_oracle as conv
from helpers.check.core.oracle import cross_entropy, one_hot, softmax

Shape = tuple[int, ...]
Entry = dict[str, Any]


def conv_entry(filters: int, size: conv.Pair, stride: conv.Pair = (1, 1), padding: conv.Pair = (0, 0)) -> Entry:
    return {"type": "conv", "filters": filters, "size": list(size), "stride": list(stride), "padding": list(padding)}


def pool_entry(size: conv.Pair, stride: conv.Pair | None = None, padding: conv.Pair = (0, 0)) -> Entry:
    return {"type": "max_pool", "size": list(size), "stride": list(stride or size), "padding": list(padding)}


def dense_entry(units: int) -> Entry:
    return {"type": "dense", "units": units}


def plain(kind: str) -> Entry:
    return {"type": kind}


def copied(entries: Sequence[Entry]) -> list[Entry]:
    """A new copy of the entries, which a student's code may change."""
    return [
        {key: list(value) if isinstance(value, list) else value for key, value in entry.items()} for entry in entries
    ]


def output_shape(entry: Entry, shape: Shape) -> Shape:
    """A layer's output shape, without the batch axis."""
    kind = entry["type"]
    if kind in ("conv", "max_pool"):
        sides = [
            conv.output_size(shape[1 + i], entry["size"][i], entry["stride"][i], entry["padding"][i]) for i in (0, 1)
        ]
        return (entry["filters"] if kind == "conv" else shape[0], *sides)
    if kind == "dense":
        return (entry["units"],)
    return (prod(shape),) if kind == "flatten" else tuple(shape)


def parameters(entry: Entry, shape: Shape) -> int:
    """Weights and biases of a layer with this input shape."""
    if entry["type"] == "conv":
        return entry["filters"] * (shape[0] * prod(entry["size"]) + 1)
    return (prod(shape) + 1) * entry["units"] if entry["type"] == "dense" else 0


def walked(entries: Sequence[Entry], shape: Shape, flatten: bool = False) -> Iterator[tuple[Entry, Shape]]:
    """(entry, input shape); with flatten, there is one in front of a dense layer whose input is images."""
    for entry in entries:
        if flatten and entry["type"] == "dense" and len(shape) == 3:
            yield plain("flatten"), shape
            shape = (prod(shape),)
        yield entry, shape
        shape = output_shape(entry, shape)


@dataclass
class Net:
    """The layers of a file, flatten included, and the parameters: weights (K, C, R, S) or (in, out), and biases."""

    entries: list[Entry]
    image: Shape
    weights: list[np.ndarray]
    biases: list[np.ndarray]

    @classmethod
    def random(cls, entries: Sequence[Entry], image: Shape, rng: np.random.Generator, gain: float = 1.5) -> Net:
        """Weights large enough that every part of the network matters."""
        layers = list(walked(entries, image, flatten=True))
        net = cls([entry for entry, _ in layers], tuple(image), [], [])
        for entry, shape in layers:
            if entry["type"] == "conv":
                size = (entry["filters"], shape[0], *entry["size"])
                net.weights.append(rng.normal(0, gain / prod(size[1:]) ** 0.5, size))
            elif entry["type"] == "dense":
                net.weights.append(rng.normal(0, gain / shape[0] ** 0.5, (shape[0], entry["units"])))
            else:
                continue
            net.biases.append(rng.normal(0, 0.3, (net.weights[-1].shape[0 if entry["type"] == "conv" else 1],)))
        return net

    def copy(self) -> Net:
        return self.with_parameters([w.copy() for w in self.weights], [b.copy() for b in self.biases])

    def with_parameters(self, weights: list[np.ndarray], biases: list[np.ndarray]) -> Net:
        return Net(self.entries, self.image, weights, biases)

    def activations(self, x: np.ndarray, channels_last: bool = False) -> list[np.ndarray]:
        """x, the output of each layer; with channels_last images are flattened in another order, as a mistake does."""
        found, trained = [x], 0
        for entry in self.entries:
            kind, a = entry["type"], found[-1]
            if kind in ("conv", "dense"):
                w, b = self.weights[trained], self.biases[trained]
                trained += 1
                y = (
                    conv.forward(a, w, tuple(entry["stride"]), tuple(entry["padding"])) + b[:, None, None]
                    if kind == "conv"
                    else a @ w + b
                )
            elif kind == "max_pool":
                y = conv.max_pool(a, *(tuple(entry[key]) for key in ("size", "stride", "padding")))
            elif kind == "relu":
                y = np.maximum(a, 0)
            elif kind == "flatten":
                y = (a.transpose(0, 2, 3, 1) if channels_last else a).reshape(len(a), -1)
            else:
                y = softmax(a)
            found.append(y)
        return found

    def forward(self, x: np.ndarray) -> np.ndarray:
        return self.activations(x)[-1]

    def loss(self, x: np.ndarray, labels: np.ndarray) -> float:
        return cross_entropy(np.maximum(self.forward(x), 1e-300), labels)

    def error(self, x: np.ndarray, labels: np.ndarray) -> float:
        """Share of wrong answers."""
        return float((self.forward(x).argmax(axis=1) != labels).mean())

    def gradients(
        self,
        x: np.ndarray,
        labels: np.ndarray,
        scale: float | None = None,
        lr_inside: float = 0.0,
        without: str = "",
        ties: bool = False,
        start: np.ndarray | None = None,
        back: Net | None = None,
    ) -> Net:
        """Gradients of the mean loss, as a Net of gradients.

        As mistakes do it: another `scale` than 1/N; `lr_inside`: each weight moves before the gradient for its input
        is made; `without`: this kind of layer is left out on the way back; `ties`: every largest entry of a pool gets
        all; `start`: the gradient for the logits (N, classes); `back`: the network whose weights make the gradients
        for inputs.
        """
        a = self.activations(x)
        g = (
            (a[-1] - one_hot(labels, a[-1].shape[1])) * (1 / len(x) if scale is None else scale)
            if start is None
            else start
        )
        weights: list[np.ndarray] = []
        biases: list[np.ndarray] = []
        trained = len(self.weights)
        for i in range(len(self.entries) - 2, -1, -1):
            entry, kind = self.entries[i], self.entries[i]["type"]
            if kind in ("conv", "dense"):
                trained -= 1
                w = (back or self).weights[trained]
                if kind == "conv":
                    stride, padding = tuple(entry["stride"]), tuple(entry["padding"])
                    weights.insert(0, conv.backward_filter(a[i], g, tuple(entry["size"]), stride, padding))
                    biases.insert(0, g.sum(axis=(0, 2, 3)))
                    g = conv.backward_data(g, w - lr_inside * weights[0], a[i].shape, stride, padding)
                else:
                    weights.insert(0, a[i].T @ g)
                    biases.insert(0, g.sum(axis=0))
                    g = g @ (w - lr_inside * weights[0]).T
            elif kind == "flatten":
                g = g.reshape(a[i].shape)
            elif kind == without:
                continue
            elif kind == "relu":
                g = g * (a[i] > 0)
            elif kind == "max_pool":
                g = self._pool_backward(entry, a[i], g, ties)
        return self.with_parameters(weights, biases)

    @staticmethod
    def _pool_backward(entry: Entry, x: np.ndarray, g: np.ndarray, ties: bool) -> np.ndarray:
        window, stride, padding = (tuple(entry[key]) for key in ("size", "stride", "padding"))
        if not ties:
            return conv.max_pool_backward(x, g, window, stride, padding)
        view = conv.windows(x, window, stride, padding, -np.inf)
        return conv.scatter(
            (view == view.max(axis=(4, 5), keepdims=True)) * g[..., None, None], x.shape, stride, padding
        )

    def stepped(self, grads: Net, lr: float) -> Net:
        """The network after a step; this one stays."""
        return self.with_parameters(
            [w - lr * g for w, g in zip(self.weights, grads.weights, strict=True)],
            [b - lr * g for b, g in zip(self.biases, grads.biases, strict=True)],
        )

    def parameters(self) -> list[np.ndarray]:
        """Weight and bias of each layer, the last layer's first, as errors come from there."""
        return [p for pair in zip(self.weights[::-1], self.biases[::-1], strict=True) for p in pair]


ENTRIES: list[Entry] = [
    conv_entry(3, (3, 2), (1, 1), (1, 0)),
    plain("relu"),
    pool_entry((2, 3), (2, 2)),
    conv_entry(4, (2, 2), (1, 2), (0, 1)),
    plain("relu"),
    dense_entry(5),
    plain("relu"),
    dense_entry(3),
    plain("softmax"),
]
"""A file whose every size differs, with overlapping pools, stride, padding, and no flatten."""
IMAGE: Shape = (2, 6, 9)


def small_problem(seed: int, n: int = 7) -> tuple[Net, np.ndarray, np.ndarray]:
    """A network of ENTRIES, n images and labels of three classes."""
    rng = np.random.default_rng([seed, n, 5])
    net = Net.random(ENTRIES, IMAGE, rng)
    return net, rng.normal(size=(n, *IMAGE)), rng.permutation(np.arange(n) % 3)
