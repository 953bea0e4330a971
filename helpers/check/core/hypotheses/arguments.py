"""What a formula of several numbers becomes when its arguments are mixed up: one in the place of another, left out, one
too many.

Tried on several cases at once, whose numbers are all different, so that a sentence holds for what the code computes.
"""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator, Sequence
from functools import partial
from itertools import combinations, permutations
from typing import Any

import numpy as np

from helpers.check.core import again
from helpers.check.core.compare import Hypothesis

AGREE = 1e-6
"""Relative: such results may be of very different sizes."""
Case = Sequence[float]
Formula = Callable[..., Any]
Change = Callable[[list[Any]], None]
"""Puts other arguments in the place of a case's own."""


def mixed_up(
    got: np.ndarray,
    formula: Formula,
    names: Sequence[str],
    cases: Sequence[Case],
    pairs: bool = True,
    what: str = "The result",
) -> list[Hypothesis]:
    """One Hypothesis where the results for the cases, an array (of one case, also of no axis), are those of the right
    formula with other arguments than the given ones; else none.

    formula: of arrays, which hold an argument of all cases each. names: of its arguments, in sentences. pairs: whether
    two may be replaced at once, as in R · R · P · P.
    """
    if again.around:
        return []  # nobody asks for the name
    columns = [*np.asarray(cases, dtype=float).T]

    def of(change: Change) -> np.ndarray:
        changed = [*columns]
        change(changed)
        return np.broadcast_to(np.asarray(formula(*changed), dtype=float), (len(cases),)).reshape(got.shape)

    told: list[tuple[str, Change, str]] = []
    right = np.asarray(formula(*columns), dtype=float).reshape(got.shape)
    for name, change, words in _changes(names, pairs):
        if len(told) == 2:
            break
        if told and name != told[0][0]:
            continue
        with np.errstate(all="ignore"), contextlib.suppress(ArithmeticError, ValueError):
            found = of(change)
            if np.allclose(got, found, rtol=AGREE, atol=0) and not np.allclose(right, found, rtol=AGREE, atol=0):
                told.append((name, change, words))
    if not told:
        return []
    name, change, _ = told[0]
    return [
        Hypothesis(name, lambda: of(change), f"{what} is what comes out {', or '.join(words for *_, words in told)}.")
    ]


def _set(places: Sequence[tuple[int, Callable[[list[Any]], Any]]], case: list[Any]) -> None:
    values = [value(case) for _, value in places]
    for (at, _), value in zip(places, values, strict=True):
        case[at] = value


def _take(at: int, case: list[Any]) -> Any:
    return case[at]


def _plus(at: int, number: float, case: list[Any]) -> Any:
    return case[at] + number


def _times(at: int, number: float, case: list[Any]) -> Any:
    return case[at] * number


def _number(number: float, case: list[Any]) -> Any:
    return number


def _changes(names: Sequence[str], pairs: bool) -> Iterator[tuple[str, Change, str]]:
    n = range(len(names))
    for a, b in combinations(n, 2):
        yield (
            "arguments-swapped",
            partial(_set, ((a, partial(_take, b)), (b, partial(_take, a)))),
            f"where {names[a]} and {names[b]} are swapped: look at each place where they stand, and at the order in "
            f"which they are handed on",
        )
    for a, b in permutations(n, 2):
        yield (
            "letter-for-another",
            partial(_set, ((a, partial(_take, b)),)),
            f"where {names[b]} stands in the place of {names[a]}",
        )
    for a in n:
        for number in (0, 1, 2):
            yield (
                "argument-ignored",
                partial(_set, ((a, partial(_number, number)),)),
                f"where {names[a]} is always {number}: it is left out, or a number stands in its place",
            )
        for number in (-1, 1):
            yield (
                "one-off",
                partial(_set, ((a, partial(_plus, a, number)),)),
                f"where {names[a]} is one {'smaller' if number < 0 else 'larger'} than it is",
            )
        for factor, words in ((2, "twice what"), (0.5, "half of what")):
            yield (
                "factor-of-two",
                partial(_set, ((a, partial(_times, a, factor)),)),
                f"where {names[a]} is {words} it is",
            )
    for (a, b), (c, d) in combinations(permutations(n, 2), 2) if pairs else ():
        if a != c and (a, b) != (d, c):
            yield (
                "letter-for-another",
                partial(_set, ((a, partial(_take, b)), (c, partial(_take, d)))),
                f"where {names[b]} stands in the place of {names[a]}, and {names[d]} in that of {names[c]}",
            )
    for a, b in combinations(n, 2) if pairs else ():
        for numbers in ((0, 0), (1, 0), (0, 1), (1, 1)):
            yield (
                "argument-ignored",
                partial(_set, ((a, partial(_number, numbers[0])), (b, partial(_number, numbers[1])))),
                f"where {names[a]} is always {numbers[0]} and {names[b]} always {numbers[1]}: they are left out, or "
                f"numbers stand in their places",
            )
    for (a, b), (c, d) in combinations(combinations(n, 2), 2) if pairs else ():
        if not {a, b} & {c, d}:
            yield (
                "arguments-swapped",
                partial(
                    _set,
                    (
                        (a, partial(_take, b)),
                        (b, partial(_take, a)),
                        (c, partial(_take, d)),
                        (d, partial(_take, c)),
                    ),
                ),
                f"where {names[a]} and {names[b]} are swapped, and {names[c]} and {names[d]}, too",
            )


def ignored(results: Sequence[Any], cases: Sequence[Case], names: Sequence[str]) -> str:
    """The name of an argument that results don't depend on: they are equal wherever all the others are, and there are
    such cases; "" where there is none."""
    for at, name in enumerate(names):
        groups: dict[tuple[float, ...], set[float]] = {}
        values: dict[tuple[float, ...], set[float]] = {}
        for case, result in zip(cases, results, strict=True):
            others = tuple(value for i, value in enumerate(case) if i != at)
            groups.setdefault(others, set()).add(float(result))
            values.setdefault(others, set()).add(float(case[at]))
        tried = [len(groups[key]) == 1 for key in groups if len(values[key]) > 1]
        if tried and all(tried):
            return name
    return ""
