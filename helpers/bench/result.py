"""What every benchmark reports: one flat record, as JSON or as a line of a table."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass, field
from typing import Any

from helpers.errors import CourseError
from helpers.timing import environment


class WrongResult(CourseError):
    """A benchmark's answers are wrong, so its time means nothing."""


@dataclass(frozen=True)
class Result:
    """ours, other: medians in `unit`; ratio: ours ÷ other; goal: what `ratio`, or else `ours`, is to be at most.

    other and ratio are None where nothing is compared, goal where there is none.
    """

    what: str
    ours: float
    other: float | None
    ratio: float | None
    unit: str
    threads: int
    repetitions: int
    spread: dict[str, Any]
    goal: float | None
    environment: dict[str, Any] = field(default_factory=environment)

    def as_json(self) -> str:
        return json.dumps(asdict(self))

    def as_line(self) -> str:
        value = self.ours if self.ratio is None else self.ratio
        against = self.spread.get("against", "PyTorch")
        compared = "" if self.other is None else f", {against} {self.other:.3g} {self.unit}, ratio {self.ratio:.3f}"
        verdict = ""
        if self.goal is not None:
            verdict = f" (goal {self.goal:g} {'reached' if value <= self.goal else 'MISSED'})"
        return f"{self.what}: {self.ours:.3g} {self.unit}{compared}{verdict}"


def demand(right: bool, sentence: str) -> None:
    """A WrongResult with this sentence unless `right`."""
    if not right:
        raise WrongResult(sentence)
