"""Results that are several arrays: how many there are, in which order, and which mistake explains them together."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from functools import partial
from itertools import permutations

import numpy as np

from helpers.check.core.ask import Answer
from helpers.check.core.compare import Hypothesis, close, close_all, verify
from helpers.check.core.report import Mistake

Whole = Sequence[tuple[str, Sequence[np.ndarray], str]]
"""(name, all arrays as this mistake gives them, hint)"""


def counted(seen: Answer, names: str, count: int) -> None:
    """Raise where a function returned another number of things than `names` says."""
    if "what" not in seen:
        return
    what, number = seen["what"], seen["count"]
    if seen["odd"] is None and number == 1:
        raise Mistake("returns-none", f"{what} returns None. Is the `return` missing?")
    one = "one thing" if number == 1 else f"{number} things"
    raise Mistake("wrong-number-of-results", f"{what} returns {one}; it should be {count}: {names}.")


def parts(seen: Answer, names: Sequence[str], what: str, again: str = "") -> list[np.ndarray]:
    """So many arrays."""
    return [seen.array(f"{again}{i}", f"{name} of {what}") for i, name in enumerate(names)]


def verify_parts(
    got: Sequence[np.ndarray],
    right: Sequence[np.ndarray],
    names: Sequence[str],
    what: str,
    whole: Whole = (),
    single: Mapping[int, Sequence[Hypothesis]] | None = None,
    sizes: Mapping[str, float] | None = None,
    numerical: Callable[[int], np.ndarray | None] | None = None,
    extreme: str = "",
) -> None:
    """Raise the Mistake that explains the arrays, together or one by one.

    extreme: what a sentence says of inputs at which results become infinite, for a case of such.
    """
    if close_all(got, right):
        return
    for found, expected, name in zip(got, right, names, strict=True):
        if extreme and found.shape == expected.shape and not np.isfinite(found).all():
            raise Mistake("overflow", f"{name} of {what} is not a number {extreme}")
    for name, wrong, hint in whole:
        if close_all(got, [np.asarray(one, dtype=float) for one in wrong]):
            raise Mistake(name, hint)
    for order in permutations(range(len(right))):
        if order != tuple(range(len(right))) and close_all(got, [right[i] for i in order]):
            raise Mistake("wrong-order-of-results", f"The results of {what} are right, but not in the order that the "
                          f"text gives: {', '.join(names)}.")  # fmt: skip
    for i, (found, expected, name) in enumerate(zip(got, right, names, strict=True)):
        if close(found, expected):
            continue
        wrong_ones = [*(single or {}).get(i, ()), *(Hypothesis(n, np.asarray(w[i], dtype=float), h)
                                                    for n, w, h in whole if not close(w[i], expected))]  # fmt: skip
        number = partial(numerical, i) if numerical else None
        verify(found, expected, f"{name} of {what}", wrong_ones, sizes, number)


def kept_apart(seen: Answer, names: Sequence[str], what: str) -> None:
    """Raise where the next call changes what was returned."""
    if not close_all(parts(seen.part(0), names, what), parts(seen.part("later"), names, what)):
        raise Mistake("result-overwritten", f"What {what} returned is changed by its next call: both are the same "
                      "array, which is used again (`out=`, an array from outside, a view). Make a new one in each "
                      "call.")  # fmt: skip


def same_again(first: Sequence[np.ndarray], again: Sequence[np.ndarray], what: str) -> None:
    """Raise where a second call with the same arguments gives something else."""
    if not close_all(first, again):
        raise Mistake("keeps-state", f"A second call of {what} with the same arguments gives something else. It must "
                      "not depend on earlier calls: change no array that was given or kept, and use no variable from "
                      "outside.")  # fmt: skip
