"""Training runs of the study of batches, as plain data: how many steps until an accuracy."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

from helpers.study.performance_factors.training import Images, Trainer, images
from helpers.study.task import Task

RULES = {"fixed": 0.0, "root": 0.5, "linear": 1.0}
"""Rule -> power of the batch by which its rate grows."""
BASE_BATCH, BASE_RATE = 16, 0.5


@dataclass(frozen=True)
class StepsRun(Task):
    """Steps of an MLP 784-128-10 until `level` of the validation images are right, looked at every 1,024 images."""

    label: str
    seed: int
    batch: int
    rule: str
    level: float = 0.95
    most_images: int = 240_000
    train: int = 20_000
    validation: int = 2_000
    epochs: int = 1

    @property
    def rate(self) -> float:
        """Learning rate by the rule."""
        return BASE_RATE * (self.batch / BASE_BATCH) ** RULES[self.rule]

    @property
    def cost(self) -> float:
        """Images seen at most."""
        return self.most_images

    def perform(self, on_epoch: Callable[[Any], None] | None = None) -> int:
        """The steps, or 0 where the level is not reached: None would be a run that is still to do."""
        trainer = Trainer(_data(self.train, self.validation), self.batch, self.rate, self.seed)
        every, found = max(1, 1024 // self.batch), 0
        for step in range(1, self.most_images // self.batch + 1):
            trainer.step()
            if step % every == 0 and trainer.accuracy() >= self.level:
                found = step
                break
        if on_epoch:
            on_epoch(None)
        return found

    def pack(self, result: Any) -> dict[str, Any]:
        """The steps as a plain value."""
        return {"steps": result}

    def unpack(self, values: dict[str, Any]) -> Any:
        """The steps."""
        return int(values["steps"])


@lru_cache(maxsize=1)
def _data(train: int, validation: int) -> Images:
    return images(train, validation)
