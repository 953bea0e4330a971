"""The runs of the study `cnn_learning`: a learning curve, a test at the end, and a look at the first steps."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from functools import lru_cache
from typing import TYPE_CHECKING, Any

import numpy as np

from helpers.backend import backend
from helpers.data import load_split
from helpers.data.split import Split
from helpers.nn.build import build, steps
from helpers.nn.spec import NETWORKS, load_spec
from helpers.study.task import Task
from helpers.train import History, epoch_order, fit

if TYPE_CHECKING:
    from helpers.nn.spec_model import NetworkSpec

BATCH = 64
LEVEL = 2.0
"""A training loss (nats) below which a network has left the plateau at ln 10 = 2.303, the loss of guessing."""
SMOOTH = 5
"""Batches over which the loss is averaged."""
PROBE = 256
"""Training images of which gradients are measured."""


@dataclass(frozen=True)
class Curve(Task):
    """convolutional_nn.json trained at a constant rate; scale: of its initial weights. Its result is a History."""

    rate: float
    seed: int
    train: int
    validation: int
    epochs: int
    filters: int = 16
    scale: float = 1.0

    @property
    def label(self) -> str:  # type: ignore[override]
        return f"rate {self.rate:g}" + ("" if self.scale == 1 else f", scale {self.scale:g}")

    @property
    def cost(self) -> float:
        return self.epochs * (self.train + self.validation / 3)

    def perform(self, on_epoch: Callable[[Any], None] | None = None) -> Any:
        return self._train(build(self.spec()), on_epoch)

    def spec(self) -> NetworkSpec:
        """The network and its training, as described in its file."""
        return _spec(self.filters, self.rate, self.seed, self.scale)

    def _train(self, network: Any, on_epoch: Callable[[Any], None] | None) -> History:
        return fit(
            network, *steps(network), _split(self.train, self.validation, 1).selection(), lr=self.rate,
            epochs=self.epochs, batch_size=BATCH, seed=self.seed, label=self.label, progress=False, on_epoch=on_epoch,
        )  # fmt: skip

    def pack(self, result: Any) -> dict[str, Any]:
        return result.to_json()

    def unpack(self, values: dict[str, Any]) -> Any:
        return History.from_json(values)


@dataclass
class Final:
    """A trained network's error and loss on the test images, looked at once, after its last epoch."""

    history: History
    test_error: float
    test_loss: float


@dataclass(frozen=True)
class Ending(Curve):
    """A curve, and then the test images, for the rate that validation has chosen. Its result is a Final."""

    test: int = 10_000

    def perform(self, on_epoch: Callable[[Any], None] | None = None) -> Final:
        network = build(self.spec())
        history = self._train(network, on_epoch)
        held_out = _split(self.train, self.validation, self.test).final()
        loss, accuracy = network.evaluate(held_out.test_images, held_out.test_labels)
        return Final(history, 1 - accuracy, loss)

    def pack(self, result: Any) -> dict[str, Any]:
        return {**vars(result), "history": result.history.to_json()}

    def unpack(self, values: dict[str, Any]) -> Any:
        return Final(**{**values, "history": History.from_json(values["history"])})


@dataclass
class Plateau:
    """The first steps of a training run.

    loss: of each batch, before its step; norms: layer -> Euclidean norms of the gradient for its weights, of the mean
    loss over the first 256 training images, before the steps in norm_steps.
    """

    rate: float
    scale: float
    seed: int
    level: float
    loss: list[float] = field(default_factory=list)
    norm_steps: list[int] = field(default_factory=list)
    norms: dict[str, list[float]] = field(default_factory=dict)

    @property
    def steps(self) -> int | None:
        """Steps until the loss was below `level`, None where it never was."""
        return self.below(self.level)

    def below(self, level: float) -> int | None:
        """Steps until the mean of five batches' losses was below `level`, None where it never was."""
        from helpers.study.cnn_learning.plateau_length import steps_below  # what the assignment asks for

        return steps_below(self.loss, level, SMOOTH)


@dataclass(frozen=True)
class Start(Task):
    """The first steps of the run that `Curve` makes with the same settings, until the loss is below `level`, at most
    `steps`. norms_every: measure the layers' gradients before every so many steps, 0 for never; hidden: how often the
    dense layer of 128 and its ReLU stand there, so that hidden + 3 layers have weights. Its result is a Plateau.
    """

    rate: float
    seed: int
    train: int
    steps: int
    scale: float = 1.0
    level: float = LEVEL
    filters: int = 16
    norms_every: int = 0
    hidden: int = 1
    epochs: int = 1

    @property
    def label(self) -> str:  # type: ignore[override]
        return f"plateau, rate {self.rate:g}, scale {self.scale:g}, {self.hidden + 3} layers"

    @property
    def cost(self) -> float:
        # About what it takes, see `plateau_quantities`.
        expected = min(self.steps, 40 + 0.8 / (self.scale ** (self.hidden + 1) * self.rate))
        return BATCH * expected * (1 + (PROBE / BATCH / self.norms_every if self.norms_every else 0))

    def perform(self, on_epoch: Callable[[Any], None] | None = None) -> Plateau:
        data = _split(self.train, 1, 1)
        spec = _spec(self.filters, self.rate, self.seed, self.scale, self.hidden)
        network = build(spec)
        reader, names = network, layer_names(network)
        if self.norms_every:
            from helpers.nn.network import Network  # it can tell gradients without taking a step

            reader = Network(spec, backend("numpy"))
        found = Plateau(self.rate, self.scale, self.seed, self.level, norms={name: [] for name in names.values()})
        with np.errstate(all="ignore"):
            for i, batch in enumerate(_batches(self.train, self.seed, self.steps)):
                if self.norms_every and i % self.norms_every == 0:
                    reader.load_state(network.state())
                    norms = reader.gradient_norms(data.train_images[:PROBE], data.train_labels[:PROBE])
                    found.norm_steps.append(i)
                    for parameter, name in names.items():
                        found.norms[name].append(norms[parameter])
                loss = network.train_epoch(
                    data.train_images, data.train_labels, self.rate, batch_size=BATCH, order=batch
                )
                found.loss.append(loss)
                done = found.loss[-SMOOTH:]
                if not math.isfinite(loss) or (len(done) == SMOOTH and sum(done) < SMOOTH * self.level):
                    break
        if on_epoch is not None:
            on_epoch(found)
        return found

    def pack(self, result: Any) -> dict[str, Any]:
        return asdict(result)

    def unpack(self, values: dict[str, Any]) -> Any:
        return Plateau(**values)


def history_rows(curves: Mapping[float, Sequence[History]], scale: float = 1.0) -> list[dict[str, Any]]:
    """One row per epoch of each run, for a CSV."""
    return [
        {"rate": rate, "scale": scale, "seed": history.seed, **row}
        for rate, histories in curves.items()
        for history in histories
        for row in history.rows()
    ]


def layer_names(network: Any) -> dict[str, str]:
    """Name of each weight in `gradient_norms` -> what a figure calls its layer: "conv 1", "conv 2", "dense 1", …"""
    counts: dict[str, int] = {}
    names = {}
    for name, array in network.parameters():
        if name.endswith("weight"):
            kind = "conv" if array.ndim == 4 else "dense"
            counts[kind] = counts.get(kind, 0) + 1
            names[name] = f"{kind} {counts[kind]}"
    return names


def _batches(images: int, seed: int, most: int) -> Iterator[np.ndarray]:
    """At most so many batches, in the order in which `fit` takes them."""
    epoch = count = 0
    while True:
        order = epoch_order(images, epoch, seed)
        for start in range(0, images, BATCH):
            if count == most:
                return
            yield order[start : start + BATCH]
            count += 1
        epoch += 1


def _spec(filters: int, rate: float, seed: int, scale: float, hidden: int = 1) -> NetworkSpec:
    spec = load_spec(NETWORKS / "convolutional_nn.json")
    *stages, dense, relu, last, softmax = spec.values()["layers"]
    return spec.changed(layers=[*stages, *[dense, relu] * hidden, last, softmax]).changed(
        filters=filters, learning_rate=rate, seed=seed, initialisation={"scale": scale}, batch_size=BATCH,
        backend="numpy",
    )  # fmt: skip


@lru_cache(maxsize=2)
def _split(train: int, validation: int, test: int) -> Split:
    return load_split(train=train, validation=validation, test=test)
