"""One training run of a study as plain data, so that it can be sent to another process."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

from helpers import nn
from helpers.backend import backend
from helpers.data import Dataset, load
from helpers.errors import CourseError
from helpers.nn import fast_mlp
from helpers.study.task import Task
from helpers.train import History, fit

CONVENTIONS = ("mean over the batch", "sum over the batch", "÷ in_features")


@dataclass(frozen=True)
class Run(Task):
    """study: "rates", "schedules" or "trap"; schedule: name of one in SCHEDULES; convention: one of CONVENTIONS."""

    study: str
    label: str
    seed: int
    lr: float
    epochs: int
    train: int
    test: int
    sizes: tuple[int, ...]
    schedule: str = "constant"
    convention: str = CONVENTIONS[0]
    batch_size: int = 64

    @property
    def cost(self) -> int:
        """Images seen, for sharing runs out."""
        return self.epochs * self.train * (1 if self.convention == CONVENTIONS[0] else 2)

    def perform(self, on_epoch: Callable[[History], None] | None = None) -> History:
        """Train it; the result depends on this record alone."""
        data = _data(self.train, self.test)
        rate = SCHEDULES[self.schedule](self.lr, self.epochs)
        network: Any
        if self.convention == CONVENTIONS[0]:
            network = nn.FastMLP(self.sizes, seed=self.seed)
            steps = fast_mlp.train_epoch, fast_mlp.evaluate
        else:
            network = ConventionMLP(self.sizes, self.convention, self.seed)
            steps = nn.train_epoch, nn.evaluate
        return fit(
            network, *steps, data, lr=rate, epochs=self.epochs, batch_size=self.batch_size, seed=self.seed,
            label=self.label, progress=False, on_epoch=on_epoch,
        )  # fmt: skip


# Each ends near a hundredth of its first rate (step: at an eighth), whatever the number of epochs.
SCHEDULES: dict[str, Callable[[float, int], nn.schedule.Schedule]] = {
    "constant": lambda lr, epochs: nn.constant(lr),
    "step decay": lambda lr, epochs: nn.step_decay(lr, 0.5, max(1, epochs // 4)),
    "exponential decay": lambda lr, epochs: nn.exponential_decay(lr, 0.01 ** (1 / max(1, epochs - 1))),
    "cosine decay": lambda lr, epochs: nn.cosine_decay(lr, epochs, 0.01 * lr),
}


class ConventionMLP(nn.MLP):
    """An MLP whose gradients follow another convention than the mean over the batch.

    "sum over the batch": the gradient of the summed loss, N times the mean's. "÷ in_features": that sum divided by
    each layer's number of inputs where N was meant. The gradient is linear, so both are factors.
    """

    def __init__(self, sizes: tuple[int, ...], convention: str, seed: int = 0) -> None:
        if convention not in CONVENTIONS:
            raise CourseError(f"There is no convention {convention!r}; choose one of {', '.join(CONVENTIONS)}.")
        super().__init__(sizes, backend("numpy"), seed)
        self.convention = convention

    def backward(self, labels: Any) -> None:
        super().backward(labels)
        for layer in self.layers:
            if isinstance(layer, nn.Linear):
                factor = 1.0 if self.convention == CONVENTIONS[0] else float(len(labels))
                if self.convention == CONVENTIONS[2]:
                    factor /= layer.weight.shape[0]
                layer.grad_weight *= factor
                layer.grad_bias *= factor


@lru_cache(maxsize=2)
def _data(train: int, test: int) -> Dataset:
    return load("mnist", train=train, test=test)
