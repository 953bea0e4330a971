"""An epoch of the course's convolutional_nn: our numpy against the same network in PyTorch, in both of its layouts.

Two 3×3 convolutions with ReLU and 2×2 pooling, dense 128, softmax (`helpers/nn/networks/convolutional_nn.json`), in
batches of 64: with 8 filters on 50,000 images, and with 16, as the learning study trains it, on 10,000.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

import numpy as np

from helpers.bench.cnn import BATCH, LAYOUTS, RATE, TorchCNN
from helpers.bench.result import Result, demand
from helpers.data import load
from helpers.nn.fast_cnn import FastCNN
from helpers.timing import measure, ratio, spread

IMAGES = {8: 50_000, 16: 10_000}
GOALS = {"NCHW": 0.6, "channels_last": None}
SECONDS = {8: 5.0, 16: None}
CHECKED = 1280
"""Images on which all must agree before anything is timed."""


def bench(rounds: int = 7, images: dict[int, int] | None = None) -> list[Result]:
    """Interleaved epochs, one thread each. images: filters -> images of the epoch.

    A record for each number of filters and layout, with the ratio (goal 0.6 against NCHW), and one for the seconds of
    our epoch alone (goal 5 s with 8 filters on 50,000 images).
    """
    images = images or IMAGES
    data = load(train=max(max(images.values()), CHECKED), test=1000, flat=False)
    return [result for filters, count in images.items() for result in _epochs(data, filters, count, rounds)]


def _epochs(data: Any, filters: int, count: int, rounds: int) -> list[Result]:

    ours = network(filters)
    others = {name: TorchCNN(ours, data, name) for name in LAYOUTS}
    losses = check(data, ours, others)
    orders = [np.random.default_rng([1, e]).permutation(count) for e in range(rounds + 1)]
    turns = dict.fromkeys(("numpy", *LAYOUTS), 0)

    def epoch(who: str, train: Callable[[np.ndarray], float]) -> None:
        order = orders[turns[who]]
        turns[who] += 1
        losses[who].append(train(order))

    trained: dict[str, Callable[[np.ndarray], float]] = {
        "numpy": lambda order: ours.train_epoch(data.train_images, data.train_labels, RATE, BATCH, order),
        **{name: other.train_epoch for name, other in others.items()},
    }
    times = measure({who: partial(epoch, who, train) for who, train in trained.items()}, rounds=rounds, warmup=1)
    what = f"cnn-epoch: convolutional_nn, {filters} filters, {count:,} images, batch {BATCH}, float32"
    results = []
    for name in LAYOUTS:
        # Rounding alone drives long runs apart, so that the last losses are close but not equal.
        apart = abs(losses["numpy"][-1] - losses[name][-1])
        demand(
            apart < 0.02 + 0.1 * losses[name][-1],
            f"The last losses of numpy and PyTorch {name} differ by {apart:.2g}; they must be close.",
        )
        middle, ratios = ratio(times["numpy"], times[name])
        results.append(
            Result(
                f"{what}, numpy against PyTorch CPU {name}",
                times["numpy"].median,
                times[name].median,
                middle,
                "s",
                1,
                rounds,
                {
                    "ours": times["numpy"].spread,
                    "other": times[name].spread,
                    "ratio": ratios,
                    "losses": {"ours": losses["numpy"], "other": losses[name]},
                },
                GOALS[name],
            )
        )
    seconds = times["numpy"]
    alone = {"ours": spread(seconds.seconds), "images": count, "steps": -(-count // BATCH)}
    results.append(Result(f"{what}, numpy", seconds.median, None, None, "s", 1, rounds, alone, SECONDS.get(filters)))
    return results


def network(filters: int) -> FastCNN:
    """convolutional_nn with so many filters in each convolution."""
    from helpers.nn.spec import NETWORKS, load_spec

    return FastCNN.from_spec(load_spec(NETWORKS / "convolutional_nn.json").changed(filters=filters))


def check(data: Any, ours: FastCNN, others: dict[str, TorchCNN]) -> dict[str, list[float]]:
    """One short epoch of all from the same weights, in the same order, to the same loss and weights.

    Returns the loss of each; WrongResult unless they agree.
    """
    order = np.random.default_rng(0).permutation(CHECKED)
    losses = {"numpy": [ours.train_epoch(data.train_images, data.train_labels, RATE, BATCH, order)]}
    for name, other in others.items():
        losses[name] = [other.train_epoch(order)]
        apart = abs(losses["numpy"][0] - losses[name][0])
        demand(apart < 1e-4, f"The losses of numpy and PyTorch {name} differ by {apart:.2g}; they must agree.")
        apart = other.distance(ours)
        demand(apart < 1e-4, f"The weights of numpy and PyTorch {name} differ by {apart:.2g}; they must agree.")
    return losses
