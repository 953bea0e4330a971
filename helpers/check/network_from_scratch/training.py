"""Whether a student's own functions train, tried on numbers that no record can know."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

import numpy as np

from helpers.check.core.ask import Answer, ask
from helpers.check.core.hypotheses.epoch import split, train
from helpers.check.core.oracle import Net
from helpers.check.core.report import Mistake, check
from helpers.check.network_from_scratch import probes
from helpers.check.network_from_scratch.epoch import pair
from helpers.check.network_from_scratch.mlp import given, network_of, weight_shapes

ALONE = "A record alone earns nothing: this check trains with your own functions."


@check(
    "Your own training", "B1 to B3", builds_on="your layers, loss, MLP and train_epoch", after="A1 A2 A3 A4 B1 B2 B3"
)
def own_training(MLP: Any, train_epoch: Any, evaluate: Any, *, seed: int = 0) -> Iterator[str]:
    """The student's functions train a small network on numbers that no record can know."""
    problem = Problem.drawn(seed)
    yield from trains(ask(probes.own_training, (MLP, train_epoch, evaluate), *problem.asked()), problem)


@dataclass
class Problem:
    """A network, sets of images of which it answers more and more wrongly, and epochs (images, labels, order) to
    train it."""

    net: Net
    sets: list[tuple[np.ndarray, np.ndarray]]
    epochs: list[tuple[np.ndarray, np.ndarray, np.ndarray]]
    rate: float
    batch: int

    @classmethod
    def drawn(cls, seed: int) -> Problem:
        rng = np.random.default_rng([seed, 784])
        sizes = tuple(int(rng.integers(low, low + 3)) for low in (13, 10, 7, 4))
        net = Net(
            [rng.normal(0, 1.5 / a**0.5, (a, b)) for a, b in pairwise(sizes)],
            [rng.normal(0, 0.3, b) for b in sizes[1:]],
        )
        sets = [_images(net, share, int(rng.integers(8, 12)), rng) for share in rng.permutation(np.linspace(0, 1, 8))]
        rate, batch = float(rng.uniform(0.1, 0.3)), int(rng.integers(3, 6))
        return cls(net, sets, [(x, labels, rng.permutation(len(x))) for x, labels in sets[:3]], rate, batch)

    @property
    def sizes(self) -> tuple[int, ...]:
        return (*(len(w) for w in self.net.weights), len(self.net.biases[-1]))

    @property
    def other_epochs(self) -> list[tuple[np.ndarray, np.ndarray, np.ndarray]]:
        """The same images in the same order, each with another label."""
        return [(x, other_labels(labels, self.sizes[-1]), order) for x, labels, order in self.epochs]

    def trained(self, epochs: list[tuple[np.ndarray, np.ndarray, np.ndarray]]) -> Net:
        net = self.net
        for x, labels, order in epochs:
            net, _ = train(net, x, labels, split(order, self.batch), self.rate)
        return net

    def asked(self) -> tuple[Any, ...]:
        """What a probe is given of it."""
        return self.sizes, given(self.net), self.sets, (self.epochs, self.other_epochs), self.rate, self.batch


def trains(seen: Answer, problem: Problem) -> Iterator[str]:
    """Weights that move along the gradient of the loss, and an evaluation that can tell easy images from hard ones.

    The checks of B1 to B3 say whether all is right; who has made a mistake there, and trains with it, has trained.
    """
    weight_shapes(seen.part("evaluated"), problem.sizes)
    found = np.asarray([pair(seen[f"evaluation {number}"]) for number in range(len(problem.sets))])
    right = np.asarray([problem.net.loss(x, labels) for x, labels in problem.sets])
    if max(abs(_cosine(column - column.mean(), right - right.mean())) for column in found.T) < 0.9:
        raise Mistake("not-trained", f"{ALONE} On images that were generated for it, what evaluate returns has "
                      f"nothing to do with how well the network does. See the check of B3.")
    first = seen.part("trained 0")
    trained = [network_of(seen.part(f"trained {number}"), first, problem.sizes) for number in range(2)]
    moves(problem.net, [problem.trained(on) for on in (problem.epochs, problem.other_epochs)], trained,
          f"{ALONE} On a few small batches that were generated for it,")  # fmt: skip
    yield "your own functions train, on numbers generated for this check"


def moves(start: Net, expected: Sequence[Net], got: Sequence[Net], how: str) -> None:
    """Trained twice from the same start, with other labels the second time: between the two, the weights of at least
    one layer differ about as the reference's do.

    What is wrong with the probabilities or the size of a step is the same with all labels, so it doesn't count here.
    """
    if not any(found.any() for found in _differences(got[0], start)):
        raise Mistake("not-trained", f"{how} train_epoch did not move a single weight of your network.")
    along = [_cosine(*both) for both in zip(_differences(*got), _differences(*expected), strict=True)]
    if max(along) < 0.4:
        uphill = " They go the other way, uphill." if min(along) < -0.4 else ""
        raise Mistake("not-trained", f"{how} the weights of your network move, but in no layer along the gradient of "
                      f"the loss.{uphill} See the checks of B1 and B2.")


def _differences(one: Net, other: Net) -> list[np.ndarray]:
    return [a - b for a, b in zip(one.weights, other.weights, strict=True)]


def other_labels(labels: np.ndarray, classes: int) -> np.ndarray:
    return (labels + 1) % classes


def _images(net: Net, share: float, n: int, rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
    """n images, and labels of which about this share is what the network finds least likely, and the others are its
    answers."""
    x = rng.normal(size=(n, len(net.weights[0])))
    ranked = net.forward(x).argsort(axis=1)
    return x, np.where(np.arange(n) < round(share * n), ranked[:, 0], ranked[:, -1])


def _cosine(a: np.ndarray, b: np.ndarray) -> float:
    """Of the angle between two arrays; 0 where one is zero or not finite."""
    size = float(np.linalg.norm(a) * np.linalg.norm(b))
    return float((a * b).sum()) / size if size > 0 and np.isfinite(size) else 0.0
