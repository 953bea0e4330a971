"""How long does a CNN train? The runtime study: numpy, PyTorch on a CPU and on a GPU, against the number of filters.

`measure` times this machine, `recorded` reads what other machines measured, `points` takes the one or the other,
`predicted` is a model of a GPU.
"""

from __future__ import annotations

from typing import Any

from helpers.study.cnn_runtime.measuring import epochs, measure
from helpers.study.cnn_runtime.point import (
    BACKENDS,
    BATCH,
    CPU_FILTERS,
    GPU_FILTERS,
    Point,
    study_spec,
    training_flops,
    working_set,
)
from helpers.study.cnn_runtime.record import Epochs, Record, points, recorded, recorded_epochs, records
from helpers.timing import cache_sizes

__all__ = [
    "BACKENDS",
    "BATCH",
    "CPU_FILTERS",
    "DEVICES",
    "GPU_FILTERS",
    "Epochs",
    "Point",
    "Record",
    "add_options",
    "cache_sizes",
    "epochs",
    "main",
    "measure",
    "points",
    "predicted",
    "recorded",
    "recorded_epochs",
    "records",
    "study_spec",
    "training_flops",
    "working_set",
]


def __getattr__(name: str) -> Any:
    """The command, which brings the curves and verdicts, and the model of a GPU, which reads `helpers.cost` (closed in
    an assignment that needs other things of this package), when they are first asked for."""
    if name in ("add_options", "main"):
        from helpers.study.cnn_runtime import command

        return getattr(command, name)
    if name in ("DEVICES", "predicted"):
        from helpers.study.cnn_runtime import model

        return getattr(model, name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
