"""Check of the guesses before each training: a number that is possible; it need not be right."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from helpers.check.core.ask import number
from helpers.check.core.report import Mistake, check

POSSIBLE = {
    "the ratio": (0.0, 100.0, "Both errors are positive, so their ratio is, too."),
    "the log-likelihood": (-100.0, -2.639, "No distribution gives 14 pictures more than 1/14 each on average, "
                           "log(1/14) = −2.64; a logarithm of a probability is negative."),
    "the KL": (0.0, 1000.0, "A KL is never negative."),
    "the Gaussians found": (0.0, 8.0, "There are eight Gaussians."),
    "the ratio of errors": (0.0, 100.0, "Both errors are positive, so their ratio is, too."),
}  # fmt: skip
"""What is guessed -> (least, most, why)."""


@check("Your guess", "A to E")
def guess(what: str, value: Any, *, seed: int = 0) -> Iterator[str]:
    """A number within what is possible."""
    if value is None:
        raise Mistake("still-to-do", f"Still to do: guess {what}, and write the number in place of None.")
    found = number(value, f"your guess of {what}")
    low, high, why = POSSIBLE[what]
    if not low <= found <= high:
        raise Mistake("impossible-guess", f"Your guess of {what}, {found:g}, is not possible. {why}")
    yield f"{what}: {found:g}, which you will compare with the run"
