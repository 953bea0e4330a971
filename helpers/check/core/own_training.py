"""Whether a student's own functions train, tried on numbers that no record can know."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import pairwise
from typing import Any, NamedTuple

import numpy as np

from helpers.check.core.calls import Later, call, in_turn, like, number
from helpers.check.core.oracle import Net
from helpers.check.core.report import Mistake, check
from helpers.check.network_from_scratch.mlp import PARAMETERS, Student

ALONE = "A record alone earns nothing: this check trains with your own functions."


class Own(NamedTuple):
    """The student's functions."""

    MLP: Any
    train_epoch: Any
    evaluate: Any


@check("Your own training", "B1 to B3", builds_on="your layers, loss, MLP and train_epoch")
def own_training(MLP: Any, train_epoch: Any, evaluate: Any, *, seed: int = 0) -> Iterator[str]:
    """The student's functions train a small network on numbers that no record can know."""
    yield from trains(Own(MLP, train_epoch, evaluate), seed)


def trains(own: Own, seed: int) -> Iterator[str]:
    """Weights that move along the gradient of the loss, and an evaluation that can tell easy images from hard ones.

    Sizes, weights, images, rate and order are drawn. The checks of B1 to B3 say whether all is right; who has made a mistake
    there, and trains with it, has trained.
    """
    rng = np.random.default_rng([seed, 784])
    sizes = tuple(int(rng.integers(low, low + 3)) for low in (13, 10, 7, 4))
    net = Net([rng.normal(0, 1.5 / a**0.5, (a, b)) for a, b in pairwise(sizes)], [rng.normal(0, 0.3, b) for b in sizes[1:]])
    sets = [_images(net, share, int(rng.integers(8, 12)), rng) for share in rng.permutation(np.linspace(0, 1, 8))]
    _tells_apart(own, Student(own.MLP, net, sizes), net, sets)
    student = Student(own.MLP, net, sizes)
    rate, batch = float(rng.uniform(0.1, 0.3)), int(rng.integers(3, 6))
    expected = net.copy()
    for x, labels in sets[:3]:
        order = rng.permutation(len(x))
        arrays = [like(student.kind, array) for array in (x, labels, order)]
        call(own.train_epoch, student.network, *arrays[:2], rate, batch_size=batch, order=arrays[2], what="train_epoch", bring=student.all(*PARAMETERS))
        for index in (order[i : i + batch] for i in range(0, len(x), batch)):
            expected.step(expected.gradients(x[index], labels[index]), rate)
    moves(net, expected, student.read(), f"{ALONE} On a few small batches that were generated for it,")
    yield "your own functions train, on numbers generated for this check"


def moves(start: Net, expected: Net, got: Net, how: str) -> None:
    """The weights of at least one layer went about where the reference's went, from the same start."""
    moved = [(found - first, right - first) for found, first, right in zip(got.weights, start.weights, expected.weights, strict=True)]
    if not any(found.any() for found, _ in moved):
        raise Mistake("not-trained", f"{how} train_epoch did not move a single weight of your network.")
    along = [_cosine(found, right) for found, right in moved]
    if max(along) < 0.6:
        uphill = " They go the other way, uphill." if min(along) < -0.6 else ""
        raise Mistake("not-trained", f"{how} the weights of your network move, but in no layer along the gradient of the loss.{uphill} See the checks of B1 and B2.")


def _images(net: Net, share: float, n: int, rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
    """n images, and labels of which about this share is what the network finds least likely, and the others are its answers."""
    x = rng.normal(size=(n, len(net.weights[0])))
    ranked = net.forward(x).argsort(axis=1)
    return x, np.where(np.arange(n) < round(share * n), ranked[:, 0], ranked[:, -1])


def _tells_apart(own: Own, student: Student, net: Net, sets: list[tuple[np.ndarray, np.ndarray]]) -> None:
    asked = [Later(own.evaluate, [student.network, like(student.kind, x), like(student.kind, labels)], "evaluate") for x, labels in sets]
    found = np.asarray([_pair(result) for result in in_turn(asked)])
    right = np.asarray([net.loss(x, labels) for x, labels in sets])
    if max(abs(_cosine(column - column.mean(), right - right.mean())) for column in found.T) < 0.9:
        raise Mistake("not-trained", f"{ALONE} On images that were generated for it, what evaluate returns has nothing to do with how well the network does. See the check of B3.")


def _pair(result: Any) -> tuple[float, float]:
    two = len(result) == 2 if isinstance(result, tuple | list) else getattr(result, "shape", None) == (2,)
    if not two:
        raise Mistake("not-a-pair", "evaluate should return two numbers: `return loss, accuracy`.")
    return number(result[0], "the loss"), number(result[1], "the accuracy")


def _cosine(a: np.ndarray, b: np.ndarray) -> float:
    """Of the angle between two arrays; 0 where one is zero or not finite."""
    size = float(np.linalg.norm(a) * np.linalg.norm(b))
    return float((a * b).sum()) / size if size > 0 and np.isfinite(size) else 0.0
