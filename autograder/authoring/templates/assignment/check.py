"""Checks of elementwise functions."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np

from helpers.check.core.ask import array, ask
from helpers.check.core.compare import Hypothesis, verify
from helpers.check.core.probe import calls
from helpers.check.core.report import check


@check("square", "A")
def square(function: Any, *, seed: int = 0) -> Iterator[str]:
    """The square of each entry, of arrays of other shapes and of zero."""
    rng = np.random.default_rng(seed)
    cases = [rng.normal(size=(3, 5)), rng.normal(size=7), np.zeros(2)]
    seen = ask(calls, "square", function, [(x,) for x in cases], ("x",))
    for number, x in enumerate(cases):
        wrong = [Hypothesis("doubled", x + x, "This is 2 · x. The square multiplies x by itself: x * x.")]
        verify(array(seen[str(number)], "the result of square"), x * x, "the square", wrong)
    yield "squares of three arrays, x unchanged"
