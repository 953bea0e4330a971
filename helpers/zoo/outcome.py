"""What a network of the zoo hands back: what was measured, held against its goal, and one picture."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from matplotlib.figure import Figure


@dataclass(frozen=True)
class Measured:
    """One number and, where it has one, its goal: `at_most` or `at_least`. digits: how many are printed."""

    what: str
    value: float
    unit: str = ""
    at_most: float | None = None
    at_least: float | None = None
    digits: int = 3

    @property
    def reached(self) -> bool:
        """False for a value beyond its goal, and for NaN where there is a goal."""
        low = self.at_least is None or self.value >= self.at_least
        return low and (self.at_most is None or self.value <= self.at_most)

    def __str__(self) -> str:
        goal = ""
        for words, bound in (("at most", self.at_most), ("at least", self.at_least)):
            if bound is not None:
                goal = f" (goal: {words} {bound:g}, {'reached' if self.reached else 'MISSED'})"
        return f"{self.what}: {self.value:.{self.digits}g}{self.unit and ' '}{self.unit}{goal}"


@dataclass(frozen=True)
class Outcome:
    """figure: with its alternative text in `alt`."""

    measured: list[Measured]
    figure: Figure
    words: list[str] = field(default_factory=list)
