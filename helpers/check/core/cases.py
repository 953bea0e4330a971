"""Cases that checks try, drawn from a seed: sizes and values, and always the extremes that checks forget.

The sizes of a case are different primes, so that a wrong factor tells what it is made of. A hidden test is the same
check with another seed; what a check finds must not depend on it.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from helpers.check.core.oracle import Net, softmax

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
    def square(self) -> bool:
        """Whether there are as many outputs as inputs."""
        return len(self.weight) == len(self.bias)

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
    """A usual batch, a batch of one, a usual batch in float32, and a layer with as many outputs as inputs."""
    rng = np.random.default_rng([seed, 1])
    found = []
    for lowest, dtype, square in ((5, "float64", 0), (1, "float64", 0), (5, "float32", 0), (5, "float64", 1)):
        n = 1 if lowest == 1 else primes(rng, 1, 5, 11)[0]
        n_in, n_out = primes(rng, 2, 3, 19, without=(n, n + 1))
        n_out = n_in if square else n_out
        shapes = (n_in, n_out), (n_out,), (n, n_in), (n, n_out), (n + 1, n_in), (n + 1, n_out)
        weight, bias, x, grad, other_x, other_grad = (rng.normal(size=shape) for shape in shapes)
        found.append(LinearCase(weight, bias, x, grad, other_x, other_grad, dtype))
    return found


def rates(seed: int, count: int = 2) -> list[float]:
    """Learning rates, each well apart from the one before and from those that are often written into code."""
    rng = np.random.default_rng([seed, 2])
    return [float(rng.uniform(0.22, 0.4)) / 3.7 ** (number % 2) for number in range(count)]


@dataclass(frozen=True)
class Batch:
    """Logits (N, C), labels (N,), and a gradient of some loss for the probabilities (N, C), given in this `dtype`.

    words: what a sentence says after "the gradient", where it is not the usual batch.
    """

    words: str
    logits: np.ndarray
    labels: np.ndarray
    grad: np.ndarray
    dtype: str = "float64"

    @property
    def sizes(self) -> dict[str, float]:
        """By their meaning, for `compare.verify`; none for large logits."""
        n, classes = self.logits.shape
        return {} if self.large else {"batch size": n, "number of classes": classes}

    @property
    def large(self) -> bool:
        """Whether logits are so large that their powers overflow."""
        return bool(np.abs(self.logits).max() > 100)


def labels(rng: np.random.Generator, n: int, classes: int) -> np.ndarray:
    """n labels, in which every class comes that can."""
    return rng.permutation(np.arange(n) % classes)


LARGE = np.array(
    [[1000.0, 1001.0, 999.0], [-1000.0, -1001.0, -1002.0], [-1000.0, 0.0, 1000.0], [1.0, 2.0, 0.0]]
)
"""Logits that lie close together, far below those of the row before, far apart, and usual ones."""


def softmax_batches(seed: int) -> list[Batch]:
    """A usual batch (C < N, and every class comes), another size, one example, one where no example has the last class,
    logits that are equal, and large ones in float64 and in float32."""
    rng = np.random.default_rng([seed, 3])
    classes, more, n, other = sorted(primes(rng, 4, 3, 17))
    kinds = (
        ("", rng.normal(0, 1.5, (n, classes)), classes, "float64"),
        (" for a batch of another size", rng.normal(0, 1.5, (other, more)), more, "float64"),
        (" for one example", rng.normal(0, 1.5, (1, classes)), classes, "float64"),
        (" where no example has the last class", rng.normal(0, 1.5, (n, classes)), classes - 1, "float64"),
        (" where logits are equal", np.where(rng.random((n, classes)) < 0.5, 0.5, -0.25), classes, "float64"),
        (" for logits of ±1000", LARGE, 3, "float64"),
        (" for logits of ±1000 in float32", LARGE, 3, "float32"),
    )
    found = []
    for words, logits, known, dtype in kinds:
        right = labels(rng, len(logits), known) if len(logits) > 1 else np.array([known - 1])
        order = np.argsort(softmax(logits)[np.arange(len(logits)), right])
        last, *rest = order  # the first example is the surest, the last the least sure: neither is the median
        order = np.array([*rest[-1:], *rng.permutation(rest[:-1]), last], dtype=int)
        grad = rng.normal(size=logits.shape)
        found.append(
            Batch(words, *((logits, right) if logits is LARGE else (logits[order], right[order])), grad, dtype)
        )
    return found


ACTIVATION_EXTREMES = np.array([[-1000.0, -90.0, -40.0, 0.0, 40.0, 90.0, 1000.0]])
"""Inputs of an activation at which powers overflow, in float32 earlier."""


def activation_inputs(seed: int, *shapes: tuple[int, ...]) -> list[tuple[np.ndarray, np.ndarray, str]]:
    """(x, grad_output, dtype): a usual batch with zeros among it, another size, one example, these shapes, and last the
    extremes in float64 and in float32."""
    rng = np.random.default_rng([seed, 4])
    n, other, width, more = primes(rng, 4, 3, 13)
    found = [
        (rng.normal(0, 1.5, shape), rng.normal(size=shape), "float64")
        for shape in ((n, width), (other, more), (1, width), *shapes)
    ]
    for x, _, _ in found:
        x[0, 0] = 0.0
    extremes = ACTIVATION_EXTREMES, rng.normal(size=ACTIVATION_EXTREMES.shape)
    return [*found, (*extremes, "float64"), (*extremes, "float32")]


@dataclass(frozen=True)
class NetworkCase:
    """A multilayer perceptron with given parameters, and images (N, in) with labels (N,) for it in batches of `batch`.

    The sizes, N and the batch size are all different; the last batch has one image.
    """

    net: Net
    x: np.ndarray
    labels: np.ndarray
    batch: int

    @property
    def sizes(self) -> tuple[int, ...]:
        """(in, …, classes)"""
        return (*(len(w) for w in self.net.weights), len(self.net.biases[-1]))


def network_case(seed: int, images: int | None = None) -> NetworkCase:
    """Of three layers, the same for any number of images; every class comes, where that number is not given."""
    rng = np.random.default_rng([seed, 5])
    batch = int(rng.choice((3, 5)))
    n = 2 * batch + 1
    classes, *widths = sorted(primes(rng, 4, 3, 17, without=(n, batch)))
    net = Net.random((*(int(width) for width in rng.permutation(widths)), classes), rng)
    n = images or n
    rng = np.random.default_rng([seed, 6, n])
    return NetworkCase(net, rng.normal(size=(n, len(net.weights[0]))), labels(rng, n, classes), batch)
