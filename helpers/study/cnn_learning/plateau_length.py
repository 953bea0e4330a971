"""How long a plateau is."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np


def steps_below(loss: Sequence[float], level: float, window: int = 5) -> int | None:
    """Steps until the mean of the last `window` batches' losses was below `level`, None where it never was."""
    sums = np.convolve(loss, np.ones(window), "valid") if len(loss) >= window else np.zeros(0)
    found = np.flatnonzero(sums < window * level)
    return int(found[0]) + window if len(found) else None
