"""Cases that checks try, drawn from a seed: sizes and values, and always the extremes that checks forget.

The sizes of a case are different primes, so that a wrong factor tells what it is made of. A hidden test is the same
check with another seed; what a check finds must not depend on it.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

PRIMES = (2, 3, 5, 7, 11, 13, 17, 19, 23)


def primes(
    rng: np.random.Generator, count: int, low: int = 2, high: int = 23, without: Sequence[int] = ()
) -> list[int]:
    """So many different primes from low to high."""
    chosen = [p for p in PRIMES if low <= p <= high and p not in without]
    return [int(p) for p in rng.choice(chosen, count, replace=False)]


@dataclass(frozen=True)
class LinearCase:
    """Parameters of a linear layer (in, out), two batches for it, and gradients of some loss for its outputs.

    The second batch has one example more. All arrays are float64; a probe gives the layer this `dtype`.
    """

    weight: np.ndarray
    bias: np.ndarray
    x: np.ndarray
    grad: np.ndarray
    other_x: np.ndarray
    other_grad: np.ndarray
    dtype: str = "float64"

    @property
    def n(self) -> int:
        """Examples of the first batch."""
        return len(self.x)

    @property
    def shape(self) -> tuple[int, int, int]:
        """(N, in, out)"""
        return (self.n, *self.weight.shape)

    @property
    def sizes(self) -> dict[str, float]:
        """By their meaning, for `compare.verify`."""
        n, n_in, n_out = self.shape
        return {"batch size": n, "in_features": n_in, "out_features": n_out}


def linear_cases(seed: int) -> list[LinearCase]:
    """A usual batch, a batch of one, and a usual batch in float32."""
    rng = np.random.default_rng([seed, 1])
    found = []
    for lowest, dtype in ((5, "float64"), (1, "float64"), (5, "float32")):
        n = 1 if lowest == 1 else primes(rng, 1, 5, 11)[0]
        n_in, n_out = primes(rng, 2, 3, 19, without=(n, n + 1))
        shapes = (n_in, n_out), (n_out,), (n, n_in), (n, n_out), (n + 1, n_in), (n + 1, n_out)
        found.append(LinearCase(*(rng.normal(size=shape) for shape in shapes), dtype))
    return found


def rates(seed: int, count: int = 2) -> list[float]:
    """Learning rates, each well apart from the one before and from those that are often written into code."""
    rng = np.random.default_rng([seed, 2])
    return [float(rng.uniform(0.22, 0.4)) / 3.7 ** (number % 2) for number in range(count)]


@dataclass(frozen=True)
class Batch:
    """Logits (N, C), labels (N,), and a gradient of some loss for the probabilities (N, C), given in this `dtype`."""

    name: str
    logits: np.ndarray
    labels: np.ndarray
    grad: np.ndarray
    dtype: str = "float64"

    @property
    def sizes(self) -> dict[str, float]:
        """By their meaning, for `compare.verify`."""
        return {"batch size": len(self.logits), "number of classes": self.logits.shape[1]}


def labels(rng: np.random.Generator, n: int, classes: int) -> np.ndarray:
    """n labels, in which every class comes that can."""
    return rng.permutation(np.arange(n) % classes)


def softmax_batches(seed: int) -> list[Batch]:
    """Batches for a softmax and its loss, the usual one first: "usual", "another size", "one example", "absent class"
    (no example has the last class), "ties", "large" and "large in float32".

    The large logits, up to ±1000, lie close together in one row, far below the others in the next, and in the last
    far apart.
    """
    rng = np.random.default_rng([seed, 3])
    n, other, classes, more = primes(rng, 4, 5, 17)
    found = []

    def add(name: str, logits: np.ndarray, known: np.ndarray | None = None, dtype: str = "float64") -> None:
        count, width = logits.shape
        known = labels(rng, count, width) if known is None else known
        found.append(Batch(name, logits, known, rng.normal(size=logits.shape), dtype))

    add("usual", rng.normal(0, 1.5, (n, classes)))
    add("another size", rng.normal(0, 1.5, (other, more)))
    add("one example", rng.normal(0, 1.5, (1, classes)))
    add("absent class", rng.normal(0, 1.5, (n, classes)), labels(rng, n, classes - 1))
    add("ties", np.where(rng.random((n, classes)) < 0.5, 0.5, -0.25))
    large = np.array([[1000.0, 1001.0, 999.0], [-1000.0, -1001.0, -1002.0], [-1000.0, 0.0, 1000.0]])
    add("large", large)
    add("large in float32", large, found[-1].labels, "float32")
    return found


ACTIVATION_EXTREMES = np.array([[-1000.0, -90.0, -40.0, 0.0, 40.0, 90.0, 1000.0]])
"""Inputs of an activation at which powers overflow, in float32 earlier."""


def activation_inputs(seed: int) -> list[tuple[np.ndarray, np.ndarray, str]]:
    """(x, grad_output, dtype): a usual batch with zeros among it, another size, one example, images, the extremes."""
    rng = np.random.default_rng([seed, 4])
    n, other, width, more = primes(rng, 4, 3, 13)
    shapes = ((n, width), (other, more), (1, width), (2, 3, 4, 5), ACTIVATION_EXTREMES.shape, ACTIVATION_EXTREMES.shape)
    found = [(rng.normal(0, 1.5, shape), rng.normal(size=shape), "float64") for shape in shapes]
    found[0][0][0, 0] = found[3][0][0, 0] = 0.0
    return [*found[:4], (ACTIVATION_EXTREMES, found[4][1], "float64"), (ACTIVATION_EXTREMES, found[5][1], "float32")]


def ragged(seed: int) -> tuple[int, int]:
    """(images, batch size) of an epoch of three batches, of which the last has one image."""
    size = int(np.random.default_rng([seed, 5]).choice((3, 5)))
    return 2 * size + 1, size
