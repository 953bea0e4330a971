"""What the checks of `cudnn_reading` run beside the student's code. Nothing here knows a right result."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from helpers.check.core.probe import Seen, run


def lowered_matrices(seen: Seen, lower_filters: Any, lower_images: Any, examples: Sequence[tuple[np.ndarray, np.ndarray]]) -> None:
    """By number of the example (images D, filters F): the lowered filters F_m and images D_m."""
    for number, (d, f) in enumerate(examples):
        notes = seen.part(number)
        notes["F_m"] = run("lower_filters", lower_filters, f)
        notes["D_m"] = run("lower_images", lower_images, d, *f.shape[2:])
