"""Check of the guesses in `remember`: numbers that are possible."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np

from helpers.check.core.ask import number
from helpers.check.core.report import Mistake, check


@check("Your guess", "A5")
def guessed(guess: Any, names: Sequence[str], low: float, high: float) -> Iterator[str]:
    """A number from low to high for each name; whether it is right, nobody asks here."""
    if not isinstance(guess, dict):
        raise Mistake("not-a-dictionary", 'Write each guess into the dictionary `guess`, as in `guess["…"] = 0.5`.')
    for name in names:
        if guess.get(name) is None:
            raise Mistake("still-to-do", f"Still to do: write a number for {name!r} into `guess`, before you run on.")
        value = number(guess[name], f"guess[{name!r}]")
        if not (np.isfinite(value) and low <= value <= high):
            raise Mistake("impossible-guess", f"guess[{name!r}] is {value:g}; it can only lie between {low:g} and "
                          f"{high:g}.")
    yield f"{len(names)} number{'s' if len(names) > 1 else ''}, in the possible range"
