"""Check of Part D of `cnn_runtime`: the interval in which the time of a whole run lies, from its first epochs."""

from __future__ import annotations

import itertools
import math
from collections.abc import Iterator, Sequence
from functools import partial
from statistics import NormalDist
from typing import Any

import numpy as np

from helpers.check.cnn_runtime.reference import prediction_interval as right_interval
from helpers.check.cnn_runtime.reference import student_t
from helpers.check.core.ask import array, ask, demand_lasting
from helpers.check.core.compare import Hypothesis, needed
from helpers.check.core.draw import drawn, told_apart
from helpers.check.core.probe import calls
from helpers.check.core.report import Mistake, check

Case = tuple[list[float], int, float]
"""Seconds of the first epochs, epochs of the run, level."""


def cases(seed: int) -> list[Case]:
    """From four or five epochs, from more, and from two, each at a level of its own; and from two that differ so much
    that the lower end is half of what they took."""
    levels = np.random.default_rng(seed).permutation((0.8, 0.95, 0.98))

    def run(level: float, measured: Sequence[int], epochs: Sequence[int], rng: np.random.Generator) -> Case:
        seconds = rng.uniform(5, 30) * rng.uniform(0.94, 1.06, size=rng.choice(measured))
        return [round(float(s), 2) for s in seconds], int(rng.choice(epochs)), level

    def tells(cases: Sequence[Case]) -> bool:
        wrong = (
            [(hypotheses, needed(hypotheses[0].wrong)) for hypotheses in map(of, cases)]
            for of in (_wrong_centres, _wrong_widths)
        )
        return all(told_apart(some, partial(math.isclose, rel_tol=3e-4)) for some in wrong)

    # Not the tenfold of what was measured, and never as many to come as there were.
    kinds = (((4, 5), (17, 23, 29)), ((6, 7, 8), (31, 37)), ((2,), (11, 13, 19)))
    found = drawn(
        seed, lambda rng: [run(float(level), *kind, rng) for level, kind in zip(levels, kinds, strict=True)], tells
    )
    (first, second), m, level = found[-1]
    mean = (first + second) / 2
    lowest, _ = right_interval([mean - 1, mean + 1], m, level)
    apart = (m - 1) * mean / (m * mean - lowest)
    return [*found, ([round(mean - apart, 2), round(mean + apart, 2)], m, level)]


def interval(value: Any, what: str) -> tuple[float, float]:
    """(low, high) of whatever holds two numbers."""
    if isinstance(value, dict):
        raise Mistake("not-an-interval", f"{what} is a dictionary; return the two numbers, (low, high).")
    found = array(value, what)
    if found.shape != (2,):
        raise Mistake("not-an-interval", f"{what} should be two numbers, (low, high); it has shape {found.shape}.")
    if not np.isfinite(found).all():
        raise Mistake(
            "not-finite",
            f"{what} has an end that is not a number: {found.tolist()}. The variance of n numbers is divided by n − 1, "
            "and t has n − 1 degrees of freedom.",
        )
    return float(found[0]), float(found[1])


def _alike(a: float, b: float, scale: float) -> bool:
    return abs(a - b) <= 1e-4 * abs(scale) + 1e-9


@check("A prediction interval", "D1")
def prediction_interval(prediction_interval: Any, *, seed: int = 0) -> Iterator[str]:
    """m·mean ± t(level, n − 1)·s·√(r + r²/n) for a run of m epochs of which r are still to come; an end below zero may
    be
    cut off at zero."""
    asked = cases(seed)
    seen = ask(calls, "prediction_interval", prediction_interval, asked, ("the list of seconds",))
    for i, (seconds, m, level) in enumerate(asked):
        low, high = interval(seen[i], "the result of prediction_interval")
        least, most = right_interval(seconds, m, level)
        half = (most - least) / 2
        where = f"for {m} epochs from {len(seconds)} at level {level:g}"
        if not (_alike(high, most, half) and (_alike(low, least, half) or (least < 0 and low == 0))):
            raise _explained(low, high, asked[i]) or Mistake(
                "differs", f"The interval {where} should be ({least:.4g}, {most:.4g}); it is ({low:.4g}, {high:.4g})."
            )
        yield where
    demand_lasting(seen, "prediction_interval")


def _explained(low: float, high: float, case: Case) -> Mistake | None:
    seconds, m, _ = case
    least, most = right_interval(*case)
    if _alike(low, most, most) and _alike(high, least, most):
        return Mistake("ends-exchanged", "The two ends are exchanged: return (low, high).")
    if _alike(high, most, most) and least < low and _alike(low, sum(seconds), most):
        return Mistake("cut-off", f"The lower end is raised to {low:.4g}, what the measured epochs took; by the "
            f"formula it is {least:.4g}. Return what the formula gives.")
    half, middle, right = (high - low) / 2, (high + low) / 2, (most - least) / 2
    if _alike(low, m * min(seconds), right) and _alike(high, m * max(seconds), right):
        return Mistake(
            "range-for-interval",
            f"These are {m} times the fastest and {m} times the slowest epoch. That range only grows with more epochs, "
            "and says nothing about a level; the formula stands above.",
        )
    if _alike(low, m * float(np.mean(seconds)), right) and _alike(high, right, right):
        return Mistake("half-width-for-interval", "This is the middle and half the width; return the two ends, (low, "
            "high).")
    if half < 0:
        return Mistake("level-turned",
                       "The lower end lies above the upper one, for t is negative: "
                       "t_quantile(p, …) is the p-quantile, and your p is less than one half. Take p = (1 + level)/2.")
    if half == 0:
        return Mistake(
            "no-width",
            "The interval has no width. Epochs differ, so their total is not known exactly: add and subtract "
            "t · s · √(r + r²/n).",
        )
    centres, widths = _wrong_centres(case), _wrong_widths(case)
    for centre, width in itertools.product(centres, widths):
        at, wide = needed(centre.wrong), needed(width.wrong)
        # cut off at zero, only the upper end tells
        placed = _alike(middle, at, right) and _alike(half, wide, right) if low else _alike(high, at + wide, right)
        if placed and (centre.name or width.name):
            return Mistake(centre.name or width.name, centre.hint or width.hint)
    wrong = (one for one in centres if one.name and low and _alike(middle, needed(one.wrong), right))
    return next((Mistake(one.name, one.hint) for one in wrong), None)


def _wrong_centres(case: Case) -> list[Hypothesis]:
    """Around what the interval may lie; the first is right."""
    (seconds, m, _), n = case, len(case[0])
    mean, r = float(np.mean(seconds)), m - n
    return [
        Hypothesis("", m * mean, ""),
        Hypothesis("one-epoch-for-all", mean, f"The interval is around the mean of a single epoch; the total of {m} "
            f"epochs is asked for, {m} times as much."),
        Hypothesis("median-for-mean", m * np.median(seconds), f"The interval is around {m} medians. Here the mean is "
            f"right: the total of many epochs *is* {m} times their mean, slow ones included."),
        Hypothesis("past-epochs-twice", sum(seconds) + m * mean, f"The {n} measured epochs are added to {m} others; "
            f"{m} is the number of all of them, so only {r} are still to come."),
        Hypothesis("past-epochs-forgotten", r * mean, f"The interval is for the {r} epochs that are still to come; the "
            f"{n} measured ones belong to the run, too."),
        Hypothesis("ten-times", 10 * sum(seconds), "The measured epochs are multiplied by ten, however many there "
            f"are. That is right for 2 of 20; here it is {n} of {m}: m · mean."),
        Hypothesis("times-rounded-down", m // n * sum(seconds), f"The measured epochs are multiplied by {m} // {n}, "
            f"which is {m // n}: `//` rounds down, and {n} epochs don't go into {m} a whole number of times. Take m · "
            "mean."),
        Hypothesis("first-epoch-left-out", m * np.mean(seconds[1:]) if n > 2 else math.nan,
            "The first epoch is left out. All epochs that are given belong to it; whether a slow first one is given is "
            "the caller's choice, as in the cells below."),
        Hypothesis("first-epoch-for-mean", m * seconds[0], f"The interval is around {m} times the first epoch, the one "
            "that is least like the others."),
        Hypothesis("last-epoch-for-mean", m * seconds[-1], f"The interval is around {m} times the last epoch; take "
            "their mean."),
    ]


def _wrong_widths(case: Case) -> list[Hypothesis]:
    """Half of what the interval's width may be; the first is right."""
    (seconds, m, level), n = case, len(case[0])
    t, s, r = student_t(level, n - 1), float(np.std(seconds, ddof=1)), m - n
    z, root = NormalDist().inv_cdf((1 + level) / 2), math.sqrt(r + r * r / n)
    freedom = f"{n - 1} degree{'s' if n > 2 else ''} of freedom"
    known = f"It belongs to a deviation that is known, and to a level of 95% only; from {n} epochs it is {t:.2f}."
    as_if = "as if all epochs were slow or fast together. Independent ones partly cancel: √(r + r²/n)"
    only = f"The {r} epochs to come vary, too: √(r + r²/n)."
    estimated = f"Their mean is not known but estimated from {n} epochs: √(r + r²/n), r = {r}."
    up_and_down = "than it should be: t · s · √(r + r²/n) goes up from the middle and down from it, once each."
    return [
        Hypothesis("", t * s * root, ""),
        Hypothesis("past-epochs-scatter", t * s * math.sqrt(m + m * m / n), f"The width counts the variation of {m} "
            f"epochs. {n} of them have been measured and are known; only r = {r} are still to come: √(r + r²/n)."),
        *Hypothesis.each("interval-of-the-mean", lambda many: t * s * many / math.sqrt(n), (r, m),
            f"The width is only that of the mean's own uncertainty, t · s · {{}}/√n. {only}"),
        *Hypothesis.each("mean-taken-for-sure", lambda many: t * s * math.sqrt(many), (r, m),
            f"The width only has the variation of the epochs, t · s · √{{}}. {estimated}"),
        *Hypothesis.each("one-epoch-times-r", lambda many: t * s * many * math.sqrt(1 + 1 / n), (r, m),
            f"The interval of one epoch is multiplied by {{}}, {as_if}, r = {r}."),
        Hypothesis("one-epoch-for-all", t * s * math.sqrt(1 + 1 / n), "The width is that of a single epoch, √(1 + "
            f"1/n); for the {r} that are still to come it is √(r + r²/n)."),
        Hypothesis("interval-of-the-mean", t * s / math.sqrt(n), "The width is that of the mean of one epoch. The "
            "total is asked for, and the epochs themselves vary: √(r + r²/n)."),
        *Hypothesis.each("one-epoch-times-r", lambda many: t * s * many, (r, m),
                         f"The deviation is multiplied by {{}}, {as_if}, r = {r}."),
        Hypothesis("one-epoch-for-all", t * s, f"The width is t · s, whatever the number of epochs; for the {r} that "
            "are still to come it is t · s · √(r + r²/n)."),
        Hypothesis("square-forgotten", t * s * math.sqrt(r + r / n), "Under the root is r + r/n; the error of the mean "
            "counts r times, so its variance counts r² times: √(r + r²/n)."),
        Hypothesis("xor-for-power", t * s * math.sqrt(r + (r ^ 2) / n), "`^` is not a power in Python; write `**`."),
        Hypothesis("root-forgotten", t * s * (r + r * r / n), "The root is missing: √(r + r²/n)."),
        Hypothesis("added-for-squares", t * s * (math.sqrt(r) + r / math.sqrt(n)), "Two deviations are added. "
            "Independent ones add in squares, under one root: √(r + r²/n)."),
        Hypothesis("root-of-a-part", t * s * (math.sqrt(r) + r * r / n), "The root is taken of r alone; both terms are "
            "under it: √(r + r²/n)."),
        Hypothesis("n-squared", t * s * math.sqrt(r + (r / n) ** 2), "Under the root is r + (r/n)²; the variance of a "
            "mean is divided by n and not by n²: √(r + r²/n)."),
        Hypothesis("variance-for-deviation", t * s * s * root, "The variance stands where the standard deviation "
            "belongs: take its root."),
        Hypothesis("divided-by-n", t * np.std(seconds) * root, "The deviation is divided by n. The mean was estimated "
            "from the same epochs, so divide by n − 1: `np.std(seconds, ddof=1)`."),
        *(
            Hypothesis("degrees-of-freedom", student_t(level, max(wrong, 1)) * s * root,
                       f"t has {words} degrees of freedom here; what counts is how many epochs were *measured*, "
                       "and one of them is spent on the mean: n − 1.")
            for wrong, words in ((n, "n"), (n - 2, "n − 2"), (m - 1, f"{m} − 1"))
        ),
        Hypothesis("normal-for-t", z * s * root, f"The normal distribution's factor is used ({z:.2f}), which is right "
            f"only if the deviation is known. From {n} epochs it is estimated, and Student's t with {freedom} is "
            f"{t:.2f}."),
        *Hypothesis.each("normal-for-t", lambda factor: factor * s * root, (1.96, 2),
                         f"The factor {{}} is written into the code. {known}"),
        Hypothesis("t-forgotten", s * root, "The factor t is missing: √(r + r²/n) · s alone is one standard "
            "deviation."),
        Hypothesis("level-written-in", student_t(0.95, n - 1) * s * root, "A level of 95% is written into the code; "
            "use the argument `level`."),
        Hypothesis("half-of-the-width", t * s * root / 2, f"The interval is half as wide {up_and_down}"),
        Hypothesis("twice-the-width", 2 * t * s * root, f"The interval is twice as wide {up_and_down}"),
        *(
            Hypothesis(name, student_t(other, n - 1) * s * root, hint)
            for name, other, hint in (
                ("one-sided", 2 * level - 1, "All of the remaining share lies on one side here: `t_quantile(p, …)` "
                    "counts from minus infinity, so p = (1 + level)/2 leaves the same share on both sides."),
                ("level-turned", 1 - level, "The level is inverted: p = (1 + level)/2 is above one half."),
                ("two-sided-twice", (1 + level) / 2, "The remaining share is halved twice: p = (1 + level)/2."),
                ("level-in-per-cent", level / 100, "The level is divided by 100, but it is a share already, such as "
                    "0.95."),
            )
        ),
    ]
