"""What a pass costs a numpy algorithm, by counting: the model behind the choice of an algorithm that nobody has
measured.
"""

from __future__ import annotations

from dataclasses import dataclass

MULTIPLY_ADDS, MOVES, CALLS = 45e9, 1.5e9, 1.5e-6
"""One core of a present-day processor: multiply-adds and moved numbers per second, seconds per numpy call.

They were read off the benchmark (`python -m helpers.bench conv`). Only their ratios matter for a choice, and those
differ little between processors.
"""

SMALL = 100**3
"""Multiply-adds of a product below which OpenBLAS takes the factors as they lie, without copying them into panels
first.
"""


@dataclass(frozen=True)
class Cost:
    """multiply_adds inside matrix products; moved: numbers copied or added one by one; calls of numpy."""

    multiply_adds: float
    moved: float
    calls: float

    @property
    def seconds(self) -> float:
        """Modelled time on one thread."""
        return self.multiply_adds / MULTIPLY_ADDS + self.moved / MOVES + self.calls * CALLS
