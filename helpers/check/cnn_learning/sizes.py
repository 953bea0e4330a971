"""How big the runs of the CNN assignment are: seconds for grading, two minutes on a laptop, or the whole study."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from helpers.train import size_called

LEVEL = 2.0
"""A loss (nats) below ln 10 = 2.30 that no untrained network reaches."""


@dataclass(frozen=True)
class Size:
    """Sizes of the runs.

    own_train, own_epochs: of the student's own network; train, validation, test (images), epochs, filters, seeds: of
    the learning curves, whose first weights are multiplied by scale (train is a multiple of 64: a small last batch
    takes a noisy step right before the validation); scales, plateau_rates: of the experiment on the first steps;
    steps: when it gives up.
    """

    name: str
    own_train: int
    own_epochs: int
    train: int
    validation: int
    test: int
    epochs: int
    filters: int
    scale: float
    seeds: tuple[int, ...]
    scales: tuple[float, ...]
    plateau_rates: tuple[float, ...]
    steps: int

    @property
    def settings(self) -> dict[str, Any]:
        """What `learning_curves` and `endings` of helpers.study.cnn_learning take, besides rates and seeds."""
        names = ("train", "validation", "epochs", "filters", "scale")
        return {name: getattr(self, name) for name in names}

    @property
    def plateau_settings(self) -> dict[str, Any]:
        """What `plateau` takes, besides scales, rates and seeds."""
        return {"train": self.train, "filters": self.filters, "steps": self.steps, "level": LEVEL / 2}


RATES = (0.02, 0.04, 0.08)
SIZES = {
    size.name: size
    for size in (
        Size("quick", 128, 2, 128, 100, 100, 2, 4, 0.5, (0, 1), (1.0, 0.5), (0.08, 0.16), 150),
        Size("standard", 3_000, 2, 4_032, 1_000, 5_000, 10, 8, 0.25, (0, 1, 2), (1.0, 0.5, 0.35, 0.25), RATES, 1_500),
        Size("full", 10_000, 3, 9_984, 5_000, 10_000, 20, 16, 0.1, (0, 1, 2), (1.0, 0.5, 0.25, 0.1), RATES, 4_000),
    )
}


def study_size(name: str | None = None) -> Size:
    """The size called "quick", "standard" or "full"; None takes the environment's COURSE_SIZE, else "standard"."""
    return size_called(name, SIZES)
