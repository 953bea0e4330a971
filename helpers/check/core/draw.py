"""Cases that are drawn from a seed until they tell one mistake from another."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, TypeVar

import numpy as np

from helpers.check.core.compare import Hypothesis, explained, needed

T = TypeVar("T")


def drawn(seed: int, make: Callable[[np.random.Generator], T], tells: Callable[[T], bool]) -> T:
    """The first of what is made from this seed that tells mistakes apart. RuntimeError where a thousand don't."""
    for number in range(1000):
        made = make(np.random.default_rng([seed, number]))
        if tells(made):
            return made
    raise RuntimeError(f"Of a thousand cases for the seed {seed} none tells the mistakes apart.")


def told_apart(cases: Sequence[tuple[Sequence[Hypothesis], Any]], alike: Callable[[Any, Any], bool]) -> bool:
    """Whether each mistake gets its own name at the first case at which it gives something wrong.

    cases: hypotheses, the same ones in the same order for each case, and what is right.
    """
    for mistake in zip(*(hypotheses for hypotheses, _ in cases), strict=True):
        for one, (hypotheses, right) in zip(mistake, cases, strict=True):
            wrong = needed(one.wrong)
            if not alike(wrong, right):
                named = explained(wrong, hypotheses, alike)
                if named and named.name != one.name:
                    return False
                break
    return True
