"""The check of B6 of the CNN assignment: a rate chosen on validation, over all seeds."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import numpy as np

from helpers.check.core.calls import array, call
from helpers.check.core.report import Mistake, check
from helpers.train import History


def made_history(rate: float, seed: int, error: Sequence[float], train_loss: Sequence[float], **named: Any) -> History:
    """A history with these validation errors, for a case of `choose_rate`."""
    n = len(error)
    values = {"label": f"rate {rate:g}", "train_loss": list(train_loss), "test_loss": [2.3 * e + 0.02 for e in error], "test_accuracy": [1 - e for e in error], "learning_rate": [rate] * n, "seconds": [1.0] * n, "seed": seed, "batch_size": 64, "images": 4000, "device": "numpy", "held_out": "validation", **named}
    return History(**values)


def choice_case(seed: int, flip: bool = False) -> tuple[dict[float, list[History]], dict[str, float]]:
    """(curves, {criterion: the rate it chooses}); "right" is what every honest criterion chooses.

    One rate has the luckiest seed, one the lowest training loss, one is best early on, one has accuracies that mislead
    whoever takes the largest error; the steady one is right.
    """
    rng = np.random.default_rng([seed, 17])
    rates = [float(r) for r in rng.permutation([0.3, 0.07, 0.015, 0.002, 0.0005])]
    steady, lucky, memorising, early, stuck = rates
    if flip:
        steady, lucky = lucky, steady

    def falling(end: float, speed: float) -> list[float]:
        return [float(end + (0.9 - end) * math.exp(-speed * e) + 0.001 * rng.random()) for e in range(1, 9)]

    # Per seed: validation error at the end, how fast it falls, training loss at the end.
    table = {
        steady: ([0.060, 0.062, 0.064, 0.063], 0.9, 0.20),
        lucky: ([0.030, 0.031, 0.130, 0.140], 0.9, 0.22),
        memorising: ([0.085, 0.088, 0.090, 0.087], 0.9, 0.01),
        early: ([0.150, 0.155, 0.160, 0.152], 4.0, 0.30),
        stuck: ([0.880, 0.885, 0.890, 0.882], 0.9, 2.30),
    }
    curves = {rate: [made_history(rate, i, falling(e, speed), [loss + 2.2 * 0.4**k for k in range(8)]) for i, e in enumerate((ends[::-1] if flip else ends) if rate == lucky else rng.permutation(ends))] for rate, (ends, speed, loss) in ((float(r), table[float(r)]) for r in rng.permutation(rates))}
    order = list(curves)
    some = {f"seeds {part.start} to {part.stop}": _best(curves, part) for part in SOME}
    return curves, {**some, "right": steady, "best-seed": lucky, "training": memorising, "first-epoch": early, "largest-error": stuck, "largest-rate": max(rates), "smallest-rate": min(rates), "first-key": order[0], "last-key": order[-1]}


SOME = (slice(None, 1), slice(None, 2), slice(-1, None), slice(-2, None))
"""Seeds that a mistake uses instead of all."""



def _best(curves: Mapping[float, list[History]], seeds: slice) -> float:
    return min(curves, key=lambda rate: float(np.mean([run.error[-1] for run in curves[rate][seeds]])))


CHOICES = (
    ("best-seed", "seed-picked", "That is the rate of the single luckiest run; its other seeds are twice as bad as those of the right one. All seeds count: take their mean or median before you compare."),
    ("training", "training-for-validation", "That is the rate with the lowest training loss. It has learned its training images by heart; choose by the validation error, `run.error`."),
    ("first-epoch", "first-epoch-chosen", "That is the rate that is ahead after the first epoch. Compare where the runs end: `run.error[-1]`."),
    ("largest-error", "chooses-the-worst", "That is the rate with the largest error. A small error is good: take the minimum (of accuracies the maximum)."),
    *((f"seeds {part.start} to {part.stop}", "seed-picked", "That is the best rate for some of the seeds only, the first or the last. All seeds count: take their mean or median before you compare.") for part in SOME),
    ("largest-rate", "largest-rate-chosen", "That is simply the largest rate. Compare errors, not rates."),
    ("smallest-rate", "smallest-rate-chosen", "That is simply the smallest rate. Compare errors, not rates."),
)


@check("choose_rate", "B6")
def choose_rate(function: Any, *, seed: int = 0) -> Iterator[str]:
    """The rate that is best over all seeds, on made-up curves where other criteria choose otherwise."""
    answers = []
    for number in range(5):
        curves, choices = choice_case(seed + number, flip=number % 2 == 1)
        marks = {rate: [run.to_json() for run in runs] for rate, runs in curves.items()}
        answer = call(function, curves, what="choose_rate")
        if {rate: [run.to_json() for run in runs] for rate, runs in curves.items()} != marks:
            raise Mistake("input-changed", "choose_rate changed the curves that it was given. It should only read them.")
        answers.append((_rate(answer, curves), choices))
    wrong = [(got, choices) for got, choices in answers if got != choices["right"]]
    if not wrong:
        yield "the rate that is best over all seeds, whatever its position in the dictionary"
        yield from _blown_up(function, seed)
        return
    shown, choices = wrong[0]
    for kind, name, hint in CHOICES:
        if all(got == c[kind] for got, c in answers):
            raise Mistake(name, f"choose_rate takes {shown:g}; over all seeds {choices['right']:g} is best. {hint}")
    for kind, words in (("first-key", "first"), ("last-key", "last")):
        if all(got == c[kind] for got, c in answers):
            raise Mistake("no-comparison", f"choose_rate takes the {words} rate of the dictionary, whatever its errors are.")
    if len({got for got, _ in answers}) == 1:
        raise Mistake("no-comparison", f"choose_rate always takes {shown:g}, whatever the curves are. Compute it from `curves`.")
    raise Mistake("differs", f"choose_rate takes {shown:g}; by the error after the last epoch, mean or median over the seeds, {choices['right']:g} is best.")


def _rate(answer: Any, curves: Mapping[float, Any]) -> float:
    if isinstance(answer, tuple | list | dict) or answer is None:
        kind = "None" if answer is None else f"of type {type(answer).__name__}"
        raise Mistake("not-one-number", f"choose_rate should return one rate, a key of `curves`; it returned something that is {kind}.")
    if isinstance(answer, str):
        raise Mistake("not-one-number", f"choose_rate returns text, {answer[:40]!r}; return the rate itself, a key of `curves`.")
    found = array(answer, "the chosen rate")
    if found.size != 1:
        raise Mistake("not-one-number", f"choose_rate should return one rate; it returned {found.size} numbers.")
    value = float(found.reshape(()))
    if value not in curves:
        if value in range(len(curves)):
            raise Mistake("index-for-rate", f"choose_rate returns {value:g}, an index into the list of rates; return the rate itself, a key of `curves`.")
        ends = [[run.error[-1] for run in runs] for runs in curves.values()]
        errors = [number for row in ends for number in (*row, np.mean(row), np.median(row))] + [min(run.error) for runs in curves.values() for run in runs]
        if any(abs(value - error) < 1e-6 or abs(value - 1 + error) < 1e-6 for error in errors):
            raise Mistake("error-for-rate", f"choose_rate returns {value:g}, which looks like an error; return the rate, a key of `curves`.")
        raise Mistake("not-a-rate", f"choose_rate returns {value:g}, which is no key of the `curves` that it was given. Is it hard-coded, or computed from another dictionary than its argument?")
    return value


def _blown_up(function: Any, seed: int) -> Iterator[str]:
    """A rate whose runs became NaN must not win."""
    curves, choices = choice_case(seed + 9)
    curves = {rate: runs[1:3] for rate, runs in curves.items()}  # another number of seeds, too
    nan = float("nan")
    wild = 7.0
    dead = [made_history(wild, i, [0.9] * 8, [nan] * 8, test_loss=[nan] * 8) for i in (1, 2)]
    for together in ({wild: dead, **curves}, {**curves, wild: dead}):
        if _rate(call(function, together, what="choose_rate"), together) != choices["right"]:
            raise Mistake("nan-wins", "A rate whose runs diverged (losses of NaN, error 90%) wins, or spoils the choice. A comparison with NaN is always False; choose by `run.error`.")
    yield "a rate at which training diverged does not win"
