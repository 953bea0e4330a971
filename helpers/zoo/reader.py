"""A reader of characters: one attention head, whose attention is a function that is given, between dense layers.

q, k and v of every position come from one product; what is made of them is `attend`, and `attend_backward` is its
derivative. The rest is one block of a transformer without its normalisation. Vaswani and others, *Attention Is All You
Need* (2017).
"""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

import numpy as np

from helpers.backend import Backend
from helpers.backend import backend as make_backend
from helpers.errors import CourseError
from helpers.nn import Adam, Linear
from helpers.zoo.chain import Chain, dense
from helpers.zoo.checks import check_loss, check_size
from helpers.zoo.sequences import Curve, softmax_loss

Attend = Callable[[np.ndarray, np.ndarray, np.ndarray], Any]
"""q, k, v (N, T, d) -> (y (N, T, d), p (N, T, T))."""
Back = Callable[..., Any]
"""(gradient for y, q, k, v, p) -> those for q, k and v."""


class Head:
    """x -> attend(q, k, v), where q, k and v are x by three matrices, side by side in `weight`, plus `bias`."""

    def __init__(self, d: int, attend: Attend, attend_backward: Back, backend: Backend, seed: int = 0) -> None:
        check_size(d=d)
        self.attend, self.attend_backward = attend, attend_backward
        self.weight = backend.normal((d, 3 * d), d**-0.5, seed)
        self.bias = backend.zeros((3 * d,))

    def forward(self, x: np.ndarray) -> np.ndarray:
        """(N, T, d) -> (N, T, d)."""
        self.x = x
        self.qkv = np.split(x @ self.weight + self.bias, 3, axis=-1)
        y, self.p = self.attend(*self.qkv)
        return y

    def backward(self, gradient: np.ndarray) -> np.ndarray:
        """The gradient for x; fills grad_weight and grad_bias."""
        three = np.concatenate(self.attend_backward(gradient, *self.qkv, self.p), axis=-1)
        flat = three.reshape(-1, three.shape[-1])
        self.grad_weight, self.grad_bias = self.x.reshape(-1, self.x.shape[-1]).T @ flat, flat.sum(axis=0)
        return three @ self.weight.T


class Places:
    """What a character is and where it stands: row code of `weight` plus row t of `bias`, (N, T) -> (N, T, d)."""

    def __init__(self, letters: int, window: int, d: int, backend: Backend, seed: int = 0) -> None:
        check_size(letters=letters, window=window, d=d)
        self.weight, self.bias = (backend.normal((n, d), 0.3, [seed, i]) for i, n in enumerate((letters, window)))

    def forward(self, codes: np.ndarray) -> np.ndarray:
        if codes.shape[1] > len(self.bias):
            raise CourseError(f"The window has {len(self.bias)} places and got {codes.shape[1]}; give shorter pieces.")
        self.codes = codes
        return self.weight[codes] + self.bias[: codes.shape[1]]

    def backward(self, gradient: np.ndarray) -> None:
        self.grad_weight, self.grad_bias = np.zeros_like(self.weight), np.zeros_like(self.bias)
        np.add.at(self.grad_weight, self.codes, gradient)
        self.grad_bias[: gradient.shape[1]] = gradient.sum(axis=0)


class Reader:
    """Places, then a = e + head(e) and m = a + dense(a), then logits (N, T, letters): one block of a transformer,
    without its normalisation."""

    def __init__(
        self, letters: int, window: int, d: int, inner: int, attend: Attend, attend_backward: Back,
        backend: Backend | None = None, seed: int = 0,
    ) -> None:  # fmt: skip
        check_size(inner=inner)
        backend = backend or make_backend("numpy")
        self.places = Places(letters, window, d, backend, seed)
        self.head = Head(d, attend, attend_backward, backend, seed + 1)
        self.dense: Chain = dense([d, inner, d], backend, seed + 2)
        self.readout = Linear(d, letters, backend, seed + 3)
        self.layers = [self.places, self.head, *self.dense.layers, self.readout]

    def forward(self, codes: np.ndarray) -> np.ndarray:
        e = self.places.forward(codes)
        a = e + self.head.forward(e)
        flat = a.reshape(-1, a.shape[-1])
        return self.readout.forward(flat + self.dense.forward(flat)).reshape(*codes.shape, -1)

    def loss(self, codes: np.ndarray, targets: np.ndarray) -> float:
        """Mean cross-entropy of the next characters, (N, T) each, and the gradients in every layer."""
        loss, gradient = softmax_loss(self.forward(codes).transpose(1, 2, 0), targets.T)
        flat = self.readout.backward(gradient.transpose(2, 0, 1).reshape(-1, gradient.shape[1]))
        grad_a = (flat + self.dense.backward(flat)).reshape(*codes.shape, -1)
        self.places.backward(grad_a + self.head.backward(grad_a))
        return loss


def parameters(layers: Any) -> int:
    """How many numbers there are to train."""
    arrays = [array for layer in layers for name, array in vars(layer).items() if name in ("weight", "bias")]
    return sum(array.size for array in arrays)


def inner_like(goal: int, letters: int, window: int, d: int) -> int:
    """The width of the inner layer with which a Reader's number of parameters comes closest to `goal`."""
    without = 3 * d * (d + 1) + (letters + window) * d + letters * (d + 1) + d
    return max(1, round((goal - without) / (2 * d + 1)))


def train(
    net: Reader, codes: np.ndarray, test: np.ndarray, steps: int, every: int, batch: int = 16, lr: float = 3e-3,
    seed: int = 0,
) -> Curve:  # fmt: skip
    """Adam on windows that begin anywhere in the text; bits on `test` after every so many steps."""
    window, optimiser = len(net.places.bias), Adam(net.layers)
    if len(codes) <= window:
        raise CourseError(f"A text of {len(codes)} characters is too short for windows of {window}; give a longer one.")
    rng, used, curve = np.random.default_rng(seed), 0.0, []
    for step in range(steps):
        began = time.process_time()
        start = rng.integers(len(codes) - window, size=(batch, 1)) + np.arange(window)
        check_loss("The cross-entropy of the next character", net.loss(codes[start], codes[start + 1]), step)
        optimiser.step(lr)
        used += time.process_time() - began
        if (step + 1) % every == 0 or step + 1 == steps:
            curve.append((used, bits(net, test)))
    return curve


def bits(net: Reader, codes: np.ndarray) -> float:
    """Bits a character: the text in windows that overlap by half, so that all but the first have half a window behind
    them."""
    window = len(net.places.bias)
    half, total, n = window // 2, 0.0, len(codes) - 1
    for start in range(0, max(1, n - half), half):
        stop = min(start + window, n)
        skip = half if start else 0
        logits = net.forward(codes[None, start:stop])[:, skip:]
        targets = codes[start + skip + 1 : stop + 1, None]
        total += len(targets) * softmax_loss(logits.transpose(1, 2, 0), targets)[0]
    return total / n / float(np.log(2))
