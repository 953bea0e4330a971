"""A deep dense network of blocks whose forward and backward somebody else has written.

A block is two functions: block(x, W1, b1, W2, b2) -> (y, kept) and block_backward(gradient, kept) -> (gradient for x,
those for W1, b1, W2 and b2), with x and y (N, width).
"""

from __future__ import annotations

from typing import Any

import numpy as np

from helpers.backend import backend
from helpers.errors import CourseError
from helpers.nn import Linear, ReLU
from helpers.zoo.chain import Chain
from helpers.zoo.checks import check_size

NAMES = ("W1", "b1", "W2", "b2")


class Block:
    """A layer for `Chain` and an optimiser, of the two functions and where they begin."""

    def __init__(self, block: Any, block_backward: Any, *start: np.ndarray) -> None:
        self.block, self.block_backward = block, block_backward
        self.values = [np.array(a, np.float32) for a in start]
        self.found: list[np.ndarray] = []

    def forward(self, x: np.ndarray) -> np.ndarray:
        """(N, width) -> (N, width)."""
        y, self.kept = self.block(x, *self.values)
        if np.shape(y) != x.shape:
            raise CourseError(f"A block has made {np.shape(y)} of {x.shape}; its output has the shape of its input.")
        return y

    def backward(self, gradient: np.ndarray) -> np.ndarray:
        """The gradient for x; those of the parameters are kept."""
        back, *self.found = self.block_backward(gradient, self.kept)
        return back

    def parameters(self) -> list[tuple[str, np.ndarray]]:
        return list(zip(NAMES, self.values, strict=True))

    def gradients(self) -> list[tuple[str, np.ndarray]]:
        return list(zip(NAMES, self.found, strict=True))


def network(
    block: Any, block_backward: Any, inputs: int, width: int, blocks: int, classes: int = 10, seed: int = 0
) -> Chain:
    """A dense layer to `width`, ReLU, so many blocks, a dense layer to the logits: 2·blocks + 2 layers with weights.

    W1 is He's, N(0, 2/width); W2 begins at zero, so that a block with a skip begins as the identity (Zhang, Dauphin and
    Ma, *Fixup Initialization*, 2019). Biases begin at zero.
    """
    zero = np.zeros((width,))
    pairs = _weights(inputs, width, blocks, classes, seed)
    middle = [Block(block, block_backward, w1, zero, 0 * w2, zero) for w1, w2 in pairs]
    return _between(middle, inputs, width, blocks, classes, seed)


def plain_network(inputs: int, width: int, blocks: int, classes: int = 10, seed: int = 0) -> Chain:
    """The same without skips, of dense layers and ReLU; all weights of the blocks are He's."""
    middle: list[Any] = []
    for i, pair in enumerate(_weights(inputs, width, blocks, classes, seed)):
        for j, weight in enumerate(pair):
            layer = Linear(width, width, backend("numpy"), [seed, i, j])
            layer.weight[...] = weight
            middle += [layer, ReLU()]
    return _between(middle, inputs, width, blocks, classes, seed)


def _weights(inputs: int, width: int, blocks: int, classes: int, seed: int) -> list[tuple[Any, Any]]:
    """W1 and W2 of each block."""
    check_size(inputs=inputs, width=width, classes=classes)
    check_size(0, blocks=blocks)
    on, he = backend("numpy"), (2 / width) ** 0.5
    return [
        (on.normal((width, width), he, [seed, i, 0]), on.normal((width, width), he, [seed, i, 1]))
        for i in range(blocks)
    ]


def _between(middle: list[Any], inputs: int, width: int, blocks: int, classes: int, seed: int) -> Chain:
    on = backend("numpy")
    first, last = Linear(inputs, width, on, [seed, blocks]), Linear(width, classes, on, [seed, blocks + 1])
    return Chain(first, ReLU(), *middle, last)
