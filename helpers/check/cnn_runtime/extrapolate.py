"""Check of Part D of `cnn_runtime`: the interval in which the time of a whole run lies, from its first epochs."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import numpy as np

from helpers.check.cnn_runtime.reference import prediction_interval as right_interval
from helpers.check.cnn_runtime.reference import student_t
from helpers.check.core.calls import array, call
from helpers.check.core.report import Mistake, check

NORMAL = {0.5: 0.67449, 0.8: 1.28155, 0.9: 1.64485, 0.95: 1.95996, 0.99: 2.57583}
"""What stands for t where the deviation is known and not estimated."""

CASES: tuple[tuple[tuple[float, ...], int, float], ...] = (
    ((31.2, 29.8, 30.4, 30.9), 23, 0.95),
    ((5.0, 5.6, 5.1, 5.3, 4.9, 5.2, 5.5), 10, 0.8),
    ((12.4, 11.9), 18, 0.9),
)


def interval(value: Any, what: str) -> tuple[float, float]:
    """(low, high) of whatever holds two numbers."""
    if isinstance(value, Mapping):
        raise Mistake("not-an-interval", f"{what} is a dictionary; return the two numbers, (low, high).")
    found = array(value, what)
    if found.shape != (2,):
        raise Mistake("not-an-interval", f"{what} should be two numbers, (low, high); it has shape {found.shape}.")
    if not np.isfinite(found).all():
        raise Mistake("not-finite", f"{what} has an end that is not a number: {found.tolist()}. The variance of n numbers is divided by n − 1, and t has n − 1 degrees of freedom.")
    return float(found[0]), float(found[1])


def _alike(a: float, b: float, scale: float) -> bool:
    return abs(a - b) <= 1e-4 * abs(scale) + 1e-9


@check("A prediction interval", "D1")
def prediction_interval(prediction_interval: Any, *, cases: Sequence[tuple[Sequence[float], int, float]] = CASES) -> Iterator[str]:
    """m·mean ± t(level, n − 1)·s·√(r + r²/n) for a run of m epochs of which r are still to come; an end below zero may be cut off at zero."""
    for seconds, m, level in cases:
        given = list(seconds)
        low, high = interval(call(prediction_interval, given, m, level, what="prediction_interval"), "the result of prediction_interval")
        if given != list(seconds):
            raise Mistake("input-changed", "prediction_interval changed the list that it was given; compute into new ones.")
        least, most = right_interval(seconds, m, level)
        half = (most - least) / 2
        where = f"for {m} epochs from {len(seconds)} at level {level:g}"
        if _alike(high, most, half) and (_alike(low, least, half) or (least < 0 and low == 0)):
            yield where
            continue
        raise _explained(low, high, seconds, m, level) or Mistake("differs", f"The interval {where} should be ({least:.4g}, {most:.4g}); it is ({low:.4g}, {high:.4g}).")


def _explained(low: float, high: float, seconds: Sequence[float], m: int, level: float) -> Mistake | None:
    n, mean = len(seconds), float(np.mean(seconds))
    least, most = right_interval(seconds, m, level)
    if _alike(low, most, most) and _alike(high, least, most):
        return Mistake("ends-exchanged", "The two ends are exchanged: return (low, high).")
    half, middle, right = (high - low) / 2, (high + low) / 2, (most - least) / 2
    if _alike(low, m * min(seconds), right) and _alike(high, m * max(seconds), right):
        return Mistake("range-for-interval", f"These are {m} times the fastest and {m} times the slowest epoch. That range only grows with more epochs, and says nothing about a level; the formula stands above.")
    if _alike(low, m * mean, right) and _alike(high, right, right):
        return Mistake("half-width-for-interval", "This is the middle and half the width; return the two ends, (low, high).")
    if half < 0:
        return Mistake("level-turned", "The lower end lies above the upper one, for t is negative: t_quantile(p, …) is the p-quantile, and your p is less than one half. Take p = (1 + level)/2.")
    if half == 0:
        return Mistake("no-width", "The interval has no width. Epochs differ, so their total is not known exactly: add and subtract t · s · √(r + r²/n).")
    t, s, s0 = student_t(level, n - 1), float(np.std(seconds, ddof=1)), float(np.std(seconds))
    z, r = NORMAL.get(level, float("nan")), m - n
    centres = (
        (m * mean, "", ""),
        (mean, "one-epoch-for-all", "The interval is around the mean of a single epoch; the total of {m} epochs is asked for, {m} times as much."),
        (m * float(np.median(seconds)), "median-for-mean", "The interval is around {m} medians. Here the mean is right: the total of many epochs *is* {m} times their mean, slow ones included."),
        (sum(seconds) + m * mean, "past-epochs-twice", "The {n} measured epochs are added to {m} others; {m} is the number of all of them, so only {r} are still to come."),
        (r * mean, "past-epochs-forgotten", "The interval is for the {r} epochs that are still to come; the {n} measured ones belong to the run, too."),
        (10 * sum(seconds), "ten-times", "The measured epochs are multiplied by ten, however many there are. That is right for 2 of 20; here it is {n} of {m}: m · mean."),
        (m * float(np.mean(seconds[1:])) if n > 2 else float("nan"), "first-epoch-left-out", "The first epoch is left out. All epochs that are given belong to it; whether a slow first one is given is the caller's choice, as in the cells below."),
        (m * seconds[0], "first-epoch-for-mean", "The interval is around {m} times the first epoch, the one that is least like the others."),
        (m * seconds[-1], "last-epoch-for-mean", "The interval is around {m} times the last epoch; take their mean."),
    )
    root = math.sqrt(r + r * r / n)
    widths: list[tuple[float, str, str]] = [
        (t * s * root, "", ""),
        (t * s * math.sqrt(m + m * m / n), "past-epochs-scatter", "The width counts the variation of {m} epochs. {n} of them have been measured and are known; only r = {r} are still to come: √(r + r²/n)."),
        (t * s * r / math.sqrt(n), "interval-of-the-mean", "The width is only that of the mean's own uncertainty, t · s · r/√n. The {r} epochs to come vary, too: √(r + r²/n)."),
        (t * s * m / math.sqrt(n), "interval-of-the-mean", "The width is only that of the mean's own uncertainty. The {r} epochs to come vary, too: √(r + r²/n)."),
        (t * s * math.sqrt(r), "mean-taken-for-sure", "The width only has the variation of the {r} epochs, t · s · √r. Their mean is not known but estimated from {n} epochs: √(r + r²/n)."),
        (t * s * math.sqrt(m), "mean-taken-for-sure", "The width only has the variation of the epochs, t · s · √m. Their mean is not known but estimated from {n} epochs: √(r + r²/n), r = {r}."),
        (t * s * r * math.sqrt(1 + 1 / n), "one-epoch-times-r", "The interval of one epoch is multiplied by {r}, as if all epochs were slow or fast together. Independent ones partly cancel: √(r + r²/n)."),
        (t * s * m * math.sqrt(1 + 1 / n), "one-epoch-times-r", "The interval of one epoch is multiplied by {m}, as if all epochs were slow or fast together. Independent ones partly cancel: √(r + r²/n), r = {r}."),
        (t * s * math.sqrt(1 + 1 / n), "one-epoch-for-all", "The width is that of a single epoch, √(1 + 1/n); for the {r} that are still to come it is √(r + r²/n)."),
        (t * s / math.sqrt(n), "interval-of-the-mean", "The width is that of the mean of one epoch. The total is asked for, and the epochs themselves vary: √(r + r²/n)."),
        (t * s * r, "one-epoch-times-r", "The deviation is multiplied by {r}. Independent epochs partly cancel: √(r + r²/n)."),
        (t * s * m, "one-epoch-times-r", "The deviation is multiplied by {m}. Independent epochs partly cancel: √(r + r²/n), r = {r}."),
        (t * s, "one-epoch-for-all", "The width is t · s, whatever the number of epochs; for the {r} that are still to come it is t · s · √(r + r²/n)."),
        (t * s * math.sqrt(r + r / n), "square-forgotten", "Under the root is r + r/n; the error of the mean counts r times, so its variance counts r² times: √(r + r²/n)."),
        (t * s * (r + r * r / n), "root-forgotten", "The root is missing: √(r + r²/n)."),
        (t * s * (math.sqrt(r) + r / math.sqrt(n)), "added-for-squares", "Two deviations are added. Independent ones add in squares, under one root: √(r + r²/n)."),
        (t * s * (math.sqrt(r) + r * r / n), "root-of-a-part", "The root is taken of r alone; both terms are under it: √(r + r²/n)."),
        (t * s * math.sqrt(r + (r / n) ** 2), "n-squared", "Under the root is r + (r/n)²; the variance of a mean is divided by n and not by n²: √(r + r²/n)."),
        (t * s * s * root, "variance-for-deviation", "The variance stands where the standard deviation belongs: take its root."),
        (t * s0 * root, "divided-by-n", "The deviation is divided by n. The mean was estimated from the same epochs, so divide by n − 1: `np.std(seconds, ddof=1)`."),
        (student_t(level, n) * s * root, "degrees-of-freedom", "t has n degrees of freedom here; one is spent on the mean: n − 1."),
        (student_t(level, max(n - 2, 1)) * s * root, "degrees-of-freedom", "t has n − 2 degrees of freedom here; only the mean is estimated: n − 1."),
        (student_t(level, m - 1) * s * root, "degrees-of-freedom", "t has {m} − 1 degrees of freedom here; what counts is how many epochs were *measured*: n − 1."),
        (z * s * root, "normal-for-t", "The normal distribution's factor is used ({z:.2f}), which is right only if the deviation is known. From {n} epochs it is estimated, and Student's t with {d} degree{p} of freedom is {t:.2f}."),
        (1.96 * s * root, "normal-for-t", "1.96 is written into the code. It belongs to a deviation that is known, and to a level of 95% only; from {n} epochs it is {t:.2f}."),
        (2 * s * root, "normal-for-t", "The factor 2 is written into the code. It belongs to a deviation that is known, and to a level of 95% only; from {n} epochs it is {t:.2f}."),
        (s * root, "t-forgotten", "The factor t is missing: √(r + r²/n) · s alone is one standard deviation."),
        (student_t(0.95, n - 1) * s * root, "level-written-in", "A level of 95% is written into the code; use the argument `level`."),
        (t * s * root / 2, "half-of-the-width", "The interval is half as wide as it should be: t · s · √(r + r²/n) goes up *and* down from the middle."),
        (2 * t * s * root, "twice-the-width", "The interval is twice as wide as it should be: t · s · √(r + r²/n) goes up and down from the middle, once each."),
    ]
    for other, what in ((2 * level - 1, "one-sided"), (1 - level, "level-turned"), ((1 + level) / 2, "two-sided-twice"), (level / 100, "level-in-per-cent")):
        if 0 < other < 1:
            hint = {
                "one-sided": "All of the remaining share lies on one side here: `t_quantile(p, …)` counts from minus infinity, so p = (1 + level)/2 leaves the same share on both sides.",
                "level-turned": "The level is inverted: p = (1 + level)/2 is above one half.",
                "two-sided-twice": "The remaining share is halved twice: p = (1 + level)/2.",
                "level-in-per-cent": "The level is divided by 100, but it is a share already, such as 0.95.",
            }[what]
            widths.append((student_t(other, n - 1) * s * root, what, hint))
    words = {"m": m, "n": n, "r": r, "z": z, "t": t, "d": n - 1, "p": "" if n == 2 else "s"}
    for wrong_middle, name_middle, hint_middle in centres:
        if _alike(middle, wrong_middle, right) or (low == 0 and _alike(high, wrong_middle + half, right)):
            for wrong_half, name, hint in widths:
                if _alike(half, wrong_half, right) and (name or name_middle):
                    return Mistake(name_middle or name, (hint_middle or hint).format(**words))
            if name_middle:
                return Mistake(name_middle, hint_middle.format(**words))
    for wrong_half, name, hint in widths:  # cut off at zero: only the upper end tells
        if low == 0 and _alike(high - m * mean, wrong_half, right) and name:
            return Mistake(name, hint.format(**words))
    return None
