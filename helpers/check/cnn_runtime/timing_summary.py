"""Check of B1 of `cnn_runtime`: the median and the quartiles of several timings."""

from __future__ import annotations

import statistics
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

import numpy as np

from helpers.check.core.calls import call, number
from helpers.check.core.report import Mistake, check

KEYS = ("seconds", "low", "high")
LISTS = (
    [0.031, 0.029, 0.030, 0.034, 0.212, 0.028, 0.033],
    [5.0, 1.0, 9.0, 2.0, 4.0, 30.0],
    [0.7, 0.9, 0.8, 0.75],
)
"""In no order, of odd and of even length; two of them with a round that was held up."""

_METHODS = ("linear", "weibull", "hazen", "median_unbiased", "normal_unbiased", "lower", "higher", "nearest", "midpoint")


def quartile_range(seconds: Sequence[float], share: float) -> tuple[float, float]:
    """Smallest and largest value that any usual definition gives for a quartile (0.25 or 0.75)."""
    values = [float(np.quantile(seconds, share, method=method)) for method in _METHODS]  # type: ignore[call-overload]
    ordered = sorted(seconds)
    half = len(ordered) // 2
    for part in (ordered[:half], ordered[-half:], ordered[: -(-len(ordered) // 2)], ordered[half:]):
        if part and min(values) * 0.5 < statistics.median(part) < max(values) * 2:
            middle = statistics.median(part)
            if (share < 0.5) == (middle < statistics.median(seconds)):
                values.append(middle)
    return min(values), max(values)


def value_of(found: Any, key: str, what: str) -> float:
    """One entry of the student's dictionary, as a number."""
    if found is None:
        raise Mistake("returns-none", f"{what} returns None. Is the `return` missing?")
    if not isinstance(found, Mapping):
        raise Mistake("not-a-dictionary", f'{what} should return a dictionary with the keys {", ".join(KEYS)}; it returns {type(found).__name__}.')
    if key not in found:
        raise Mistake("key-missing", f"The result of {what} has no key {key!r}; it has {', '.join(map(repr, found)) or 'none'}.")
    return number(found[key], f"{key!r} of {what}")


def alike(a: float, b: float) -> bool:
    return abs(a - b) <= 1e-3 * abs(b)


def _middle(values: Sequence[float]) -> float:
    return float(list(values)[len(values) // 2])


CENTRES: tuple[tuple[str, Callable[[Sequence[float]], float], str], ...] = (
    ("mean-for-median", statistics.fmean, "This is the mean. A single slow round moves it; the median stays where most of the rounds are."),
    ("best-for-median", min, "This is the fastest round. It says what the machine can do at best; the median says what to expect."),
    ("worst-for-median", max, "This is the slowest round; take the median."),
    ("sum-for-median", sum, "This is the sum of all rounds; one step's median is asked for."),
    ("not-sorted", _middle, "This is the entry in the middle of the list as it came. The median is the middle of the sorted list: sort first."),
    ("upper-middle", lambda v: sorted(v)[len(v) // 2], "With an even number of rounds there are two in the middle; the median is halfway between them."),
    ("upper-middle", lambda v: sorted(v)[(len(v) - 1) // 2], "With an even number of rounds there are two in the middle; the median is halfway between them."),
    ("geometric-mean", lambda v: float(np.exp(np.mean(np.log(v)))), "This is the geometric mean; take the median."),
    ("last-for-median", lambda v: float(v[-1]), "This is the last round; all of them count: take their median."),
    ("first-for-median", lambda v: float(v[0]), "This is the first round; all of them count: take their median."),
    ("trimmed-mean", lambda v: float(np.mean(sorted(v)[1:-1])), "This is the mean without the extremes; take the median."),
)
LEFT_OUT: tuple[tuple[str, Callable[[Sequence[float]], float], str], ...] = (
    ("fraction-for-percent", lambda v: float(np.percentile(v, 0.5)), "This is the percentile 0.5 of 100. np.percentile takes 50, np.quantile 0.5."),
    ("first-left-out", lambda v: statistics.median(v[1:]), "The first round is left out. The warm-up is no part of this list: take all of it."),
    ("slowest-left-out", lambda v: statistics.median(sorted(v)[:-1]), "The slowest round is left out. Selecting rounds by their result is not needed: the median is robust against a slow one."),
    *(("rounded", lambda v, d=digits: round(statistics.median(v), d), "The median is rounded. Small networks take less than a millisecond: round only where you print.") for digits in (0, 1, 2, 3)),  # type: ignore[misc]
)
UNITS = ((1e3, "milliseconds"), (1e6, "microseconds"), (1e9, "nanoseconds"), (1 / 60, "minutes"))


def spread(found: Mapping[str, Any], seconds: Sequence[float], what: str, unit: float = 1.0) -> None:
    """low and high are the quartiles, in any of their usual definitions."""
    low, high = value_of(found, "low", what) / unit, value_of(found, "high", what) / unit
    middle, mean = statistics.median(seconds), statistics.fmean(seconds)
    around = statistics.quantiles(seconds, n=4, method="inclusive")
    for key, got, share in (("low", low, 0.25), ("high", high, 0.75)):
        least, most = quartile_range(seconds, share)
        if least * (1 - 1e-3) <= got <= most * (1 + 1e-3):
            continue
        if alike(low, max(quartile_range(seconds, 0.75))) or alike(high, min(quartile_range(seconds, 0.25))) or low > high:
            raise Mistake("quartiles-exchanged", "`low` is the upper quartile and `high` the lower one; exchange them.")
        if alike(low, min(seconds)) and alike(high, max(seconds)):
            raise Mistake("range-for-quartiles", "`low` and `high` are the fastest and the slowest round. Then a single slow round decides `high`, and the range only grows with more rounds; take the quartiles, between which half of the rounds lie.")
        for deviation in (statistics.stdev(seconds), statistics.pstdev(seconds)):
            if any(alike(low, centre - deviation) and alike(high, centre + deviation) for centre in (mean, middle)):
                raise Mistake("deviation-for-quartiles", "`low` and `high` are one standard deviation away. Timings are not distributed symmetrically: none is much faster than usual, and a few are much slower. Take the quartiles.")
            if alike(high, deviation) or alike(low, deviation):
                raise Mistake("deviation-for-quartiles", f"`{key}` is the standard deviation; `low` and `high` are the quartiles themselves.")
        if alike(got, around[2] - around[0]):
            raise Mistake("width-for-quartiles", f"`{key}` is the distance between the quartiles; `low` and `high` are the quartiles themselves.")
        for percent in (5, 10, 20, 30, 40, 60, 70, 80, 90, 95):
            if alike(got, float(np.percentile(seconds, percent))):
                raise Mistake("wrong-percentile", f"`{key}` is the {percent}th percentile; the quartiles are the 25th and the 75th.")
        for fraction in (0.25, 0.75):
            if alike(got, float(np.percentile(seconds, fraction))):
                raise Mistake("fraction-for-percent", f"`{key}` is the percentile {fraction:g} of 100. np.percentile takes 25 and 75, np.quantile 0.25 and 0.75.")
        for quartile in around[::2]:
            if alike(got, abs(middle - quartile)):
                raise Mistake("distance-for-quartile", f"`{key}` is a distance from the median; return the quartile itself, as a time.")
        raise Mistake("differs", f"`{key}` of {what} is {got:.5g}; the {'lower' if key == 'low' else 'upper'} quartile of these rounds is {around[0 if key == 'low' else 2]:.5g}.")


@check("Median and quartiles", "B1")
def summary(summary: Any, *, lists: Sequence[Sequence[float]] = LISTS) -> Iterator[str]:
    """{"seconds": median, "low": lower quartile, "high": upper quartile}."""
    for seconds in lists:
        given = list(seconds)
        found = call(summary, given, what="summary")
        if given != list(seconds):
            raise Mistake("input-changed", "summary changed the list that it was given (`.sort()` does); `sorted(…)` makes a new one.")
        got, right = value_of(found, "seconds", "summary"), statistics.median(seconds)
        if not alike(got, right):
            for name, function, hint in (*CENTRES, *LEFT_OUT):
                if alike(got, function(seconds)):
                    raise Mistake(name, hint)
            for factor, unit in UNITS:
                if alike(got, right * factor):
                    raise Mistake("wrong-unit", f"`seconds` is in {unit}. Use seconds everywhere and convert only where you print.")
            raise Mistake("differs", f"The median of {given} is {right:g}; `seconds` is {got:g}.")
        spread(found, seconds, "summary")
        yield f"{len(seconds)} rounds{', one of them held up' if max(seconds) > 3 * right else ''}"
