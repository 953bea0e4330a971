"""Cases that are drawn from a seed until they tell one mistake from another."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Sequence
from typing import Any, TypeVar

import numpy as np

from helpers.check.core.compare import Hypothesis, needed

Case = TypeVar("Case")


def drawn(seed: Sequence[int], make: Callable[[np.random.Generator], Case], tells: Callable[[Case], bool]) -> Case:
    """The first case made from this seed that tells mistakes apart. RuntimeError where a thousand don't."""
    for number in range(1000):
        case = make(np.random.default_rng([*seed, number]))
        if tells(case):
            return case
    raise RuntimeError(f"Of a thousand cases for {seed} none tells the mistakes apart.")


def apart(hypotheses: Sequence[Hypothesis], right: Any, alike: Callable[[Any, Any], bool]) -> bool:
    """Whether mistakes of different names give different results, but for those that give the right one."""
    wrong = [(one.name, needed(one.wrong)) for one in hypotheses]
    wrong = [(name, value) for name, value in wrong if not alike(value, right)]
    return not any(a != b and alike(x, y) for (a, x), (b, y) in itertools.combinations(wrong, 2))
