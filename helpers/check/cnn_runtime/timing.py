"""Checks of Part B of `cnn_runtime`: median and quartiles, and timing a step, tried on a machine made of numbers."""

from __future__ import annotations

import itertools
import statistics
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np

from helpers.check.cnn_runtime import probes
from helpers.check.cnn_runtime.machine import Machine
from helpers.check.core.ask import Answer, ask, demand_lasting, kind_of, number
from helpers.check.core.compare import Hypothesis, explained
from helpers.check.core.draw import drawn, told_apart
from helpers.check.core.probe import calls
from helpers.check.core.report import Mistake, check

# B1: median and quartiles -----------------------------------------------------------------------------------------

KEYS = ("seconds", "low", "high")
Rule = tuple[str, Callable[[Sequence[float]], float], str]
"""A mistake's name, what it makes of a list of seconds, the hint."""

TWO_MIDDLES = "With an even number of rounds there are two in the middle; the median is halfway between them."
ROUND_LATE = "Small networks take less than a millisecond: round only where you print."
CENTRES: tuple[Rule, ...] = (
    ("mean-for-median", statistics.fmean, "This is the mean. A single slow round moves it; the median stays where most "
        "of the rounds are."),
    ("best-for-median", min, "This is the fastest round. It says what the machine can do at best; the median says what "
        "to expect."),
    ("worst-for-median", max, "This is the slowest round; take the median."),
    ("sum-for-median", sum, "This is the sum of all rounds; one step's median is asked for."),
    ("not-sorted", lambda v: v[len(v) // 2], "This is the entry in the middle of the list as it came. The median is "
        "the middle of the sorted list: sort first."),
    ("upper-middle", lambda v: sorted(v)[len(v) // 2], TWO_MIDDLES),
    ("upper-middle", lambda v: sorted(v)[(len(v) - 1) // 2], TWO_MIDDLES),
    ("geometric-mean", lambda v: float(np.exp(np.mean(np.log(v)))), "This is the geometric mean; take the median."),
    ("last-for-median", lambda v: v[-1], "This is the last round; all of them count: take their median."),
    ("first-for-median", lambda v: v[0], "This is the first round; all of them count: take their median."),
    ("trimmed-mean", lambda v: float(np.mean(sorted(v)[1:-1])), "This is the mean without the extremes; take the "
        "median."),
)


def _rounded_median(digits: int, seconds: Sequence[float]) -> float:
    return round(statistics.median(seconds), digits)


ROUNDED: tuple[Rule, ...] = tuple(
    ("rounded", partial(_rounded_median, digits), f"The median is rounded. {ROUND_LATE}") for digits in range(5)
)
LEFT_OUT: tuple[Rule, ...] = (
    ("middle-of-quartiles", lambda v: sum(np.percentile(v, [25, 75])) / 2, "This is the middle between the quartiles, "
        "which a few slow rounds move; take the median."),
    ("fraction-for-percent", lambda v: np.percentile(v, 0.5), "This is the percentile 0.5 of 100. np.percentile takes "
        "50, np.quantile 0.5."),
    ("equal-rounds-once", lambda v: statistics.median(set(v)), "Rounds that took equally long are counted once: a set "
        "keeps one of equal entries. All rounds count; sort the list."),
    ("first-left-out", lambda v: statistics.median(v[1:]), "The first round is left out. The warm-up is no part of "
        "this list: take all of it."),
    ("slowest-left-out", lambda v: statistics.median(sorted(v)[:-1]), "The slowest round is left out. Selecting rounds "
        "by their result is not needed: the median is robust against a slow one."),
    *ROUNDED,
)
UNITS = ((1e3, "milliseconds"), (1e6, "microseconds"), (1e9, "nanoseconds"), (1 / 60, "minutes"))
IN_SECONDS = "Use seconds everywhere and convert only where you print."
METHODS = ("linear", "weibull", "hazen", "median_unbiased", "normal_unbiased", "lower", "higher", "nearest", "midpoint")


def alike(a: Any, b: Any, within: float = 1e-3) -> bool:
    return bool(np.all(abs(np.asarray(a) - b) <= within * abs(np.asarray(b))))


def seconds_of_rounds(seed: int) -> list[list[float]]:
    """Lists in no order, of odd and even length, two of them with a round that was held up, one with equal rounds."""

    def rounds(rng: np.random.Generator, many: int, least: float, most: float, held_up: float) -> list[float]:
        found = np.cumprod(rng.uniform(1.04, 1.09, size=many))
        found *= rng.uniform(least, most) / np.median(found)
        found[-1] *= held_up
        return [float(f"{s:.4g}") for s in rng.permutation(found)]

    def lists(rng: np.random.Generator) -> list[list[float]]:
        equal = rounds(rng, 7, 0.3, 0.5, 1.0)
        return [rounds(rng, 9, 0.0022, 0.0028, 6.3), rounds(rng, 8, 1.0, 4.0, 5.1), [*equal, max(equal), max(equal)]]

    def tells(lists: Sequence[list[float]]) -> bool:
        return told_apart(
            [(_wrong_medians(one), statistics.median(one)) for one in lists], partial(alike, within=1.5e-3)
        )

    return drawn(seed, lists, tells)


def _wrong_medians(seconds: Sequence[float]) -> list[Hypothesis]:
    return [
        *(Hypothesis(name, rule(seconds), hint) for name, rule, hint in (*CENTRES, *LEFT_OUT)),
        *(
            Hypothesis("wrong-unit", statistics.median(seconds) * factor, f"`seconds` is in {unit}. {IN_SECONDS}")
            for factor, unit in UNITS
        ),
    ]


def quartile_range(seconds: Sequence[float], share: float) -> tuple[float, float]:
    """Smallest and largest value that any usual definition gives for a quartile (0.25 or 0.75)."""
    values = [float(np.quantile(seconds, share, method=method)) for method in METHODS]  # type: ignore[call-overload]
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
    if not isinstance(found, dict):
        raise Mistake("not-a-dictionary", f"{what} should return a dictionary with the keys {', '.join(KEYS)}; what it "
            f"returns is {kind_of(found)}.")
    if key not in found:
        raise Mistake("key-missing", f"The result of {what} has no key {key!r}; it has "
            f"{', '.join(map(repr, found)) or 'none'}.")
    return number(found[key], f"{key!r} of {what}")


def spread(found: Any, seconds: Sequence[float], what: str) -> None:
    """low and high are the quartiles, in any of their usual definitions."""
    low, high = value_of(found, "low", what), value_of(found, "high", what)
    ranges = {"low": quartile_range(seconds, 0.25), "high": quartile_range(seconds, 0.75)}
    for key, got in (("low", low), ("high", high)):
        least, most = ranges[key]
        if not least * (1 - 1e-3) <= got <= most * (1 + 1e-3):
            break
    else:
        return
    if alike(low, ranges["high"][1]) or alike(high, ranges["low"][0]) or low > high:
        raise Mistake("quartiles-exchanged", "`low` is the upper quartile and `high` the lower one; exchange them.")
    if not min(seconds) * (1 - 1e-3) <= got <= max(seconds) * (1 + 1e-3) and any(
        alike(got, end) for end in statistics.quantiles(seconds, n=4)
    ):
        raise Mistake("quartiles-beyond-the-rounds", f"`{key}` of {what} is {got:.5g}, and the {len(seconds)} rounds "
            f"lie between {min(seconds):.5g} and {max(seconds):.5g}. `statistics.quantiles` goes beyond the data where "
            "there are few (the notebook also times two rounds at once): add `method=\"inclusive\"`, or take "
            "`np.percentile`.")
    middle, mean = statistics.median(seconds), statistics.fmean(seconds)
    lower, _, upper = statistics.quantiles(seconds, n=4, method="inclusive")
    deviations = (statistics.stdev(seconds), statistics.pstdev(seconds))
    both = [
        Hypothesis("symmetric-quartiles", np.array([middle - (upper - lower) / 2, middle + (upper - lower) / 2]),
                   "`low` and `high` lie as far below the median as above it. Timings are not distributed "
                   "symmetrically, so the quartiles don't: return them themselves."),
        Hypothesis("not-sorted", np.sort([statistics.median(part) for half in (len(seconds) // 2, -(-len(seconds) // 2))
                                          for part in (seconds[:half], seconds[-half:])][-2:]),
                   "`low` and `high` are the medians of the first and of the second half of the list *as it came*. "
                   "Quartiles belong to the sorted list: sort first."),
        Hypothesis("range-for-quartiles", np.array([min(seconds), max(seconds)]),
                   "`low` and `high` are the fastest and the slowest round. "
                   "Then a single slow round decides `high`, and the range only grows with more rounds; "
                   "take the quartiles, between which half of the rounds lie."),
        *(
            Hypothesis("deviation-for-quartiles", np.array([centre - deviation, centre + deviation]),
                       "`low` and `high` are one standard deviation away. Timings are not distributed symmetrically: "
                       "none is much faster than usual, and a few are much slower. Take the quartiles.")
            for deviation, centre in itertools.product(deviations, (mean, middle))
        ),
    ]
    one = [
        *Hypothesis.each("deviation-for-quartiles", lambda d: d, deviations, f"`{key}` is the standard deviation; "
            "`low` and `high` are the quartiles themselves."),
        Hypothesis("width-for-quartiles", upper - lower, f"`{key}` is the distance between the quartiles; `low` and "
            "`high` are the quartiles themselves."),
        *Hypothesis.each(
            "wrong-percentile", partial(np.percentile, seconds), (5, 10, 20, 30, 40, 60, 70, 80, 90, 95),
            f"`{key}` is the {{}}th percentile; the quartiles are the 25th and the 75th.",
        ),
        *Hypothesis.each(
            "fraction-for-percent", lambda share: np.percentile(seconds, share), (0.25, 0.75),
            f"`{key}` is the percentile {{}} of 100. np.percentile takes 25 and 75, np.quantile 0.25 and 0.75.",
        ),
        *Hypothesis.each("distance-for-quartile", lambda q: abs(middle - q), (lower, upper),
            f"`{key}` is a distance from the median; return the quartile itself, as a time."),
    ]  # fmt: skip
    side, right = ("lower", lower) if key == "low" else ("upper", upper)
    raise (
        explained([low, high], both, alike)
        or explained(got, one, alike)
        or Mistake("differs", f"`{key}` of {what} is {got:.5g}; the {side} quartile of these rounds is {right:.5g}.")
    )


@check("Median and quartiles", "B1")
def summary(summary: Any, *, seed: int = 0) -> Iterator[str]:
    """{"seconds": median, "low": lower quartile, "high": upper quartile}."""
    lists = seconds_of_rounds(seed)
    lists.append([lists[0][0], round(3.1 * lists[0][0], 6)][:: 1 if seed % 2 else -1])  # as E3 times them
    seen = ask(calls, "summary", summary, [(seconds,) for seconds in lists], ("the list of seconds",))
    for i, seconds in enumerate(lists):
        got, right = value_of(seen[i], "seconds", "summary"), statistics.median(seconds)
        if not alike(got, right):
            raise explained(got, _wrong_medians(seconds), alike) or Mistake(
                "differs", f"The median of {seconds} is {right:g}; `seconds` is {got:g}."
            )
        spread(seen[i], seconds, "summary")
        yield f"{len(seconds)} rounds{', one of them held up' if max(seconds) > 3 * right else ''}"
    demand_lasting(seen, "summary")


# B2 to B4: the machines -------------------------------------------------------------------------------------------


def costs(seed: int, slow: int, count: int, typical: float) -> list[float]:
    """Seconds of steps: `slow` slow ones, then `count` that differ by some per cent, with two that the system held
    up and a lucky one."""
    first = [typical * factor for factor in (41.0, 9.0, 3.1, 2.3, 1.9)[:slow]]
    # Steps become a little faster, no two are alike: what comes out tells which steps were counted.
    rest = [typical * (1.4 - 0.023 * i + 0.009 * ((seed * 3 + 5 * i) % 7) / 7) for i in range(count)]
    rest[1] *= 6.3
    rest[3] *= 4.1
    rest[-5] *= 0.71  # the round before the last one that is asked for: the fastest is not the last
    return [*first, *rest]


Parts = dict[str, Any]
"""What a `Machine` is made of."""


def cpu(seed: int, rounds: int, warmup: int) -> Parts:
    """A step is finished when it returns."""
    return {"costs": costs(seed, warmup, rounds + 3, 0.0123), "slow": warmup, "loading": 0.0071}


def gpu(seed: int, rounds: int, warmup: int, device: str = "cuda:0") -> Parts:
    """A step is only in the queue when it returns; loading leaves a copy in the queue, too."""
    found = {"costs": costs(seed, warmup, rounds + 3, 0.0021), "slow": warmup, "launch": 0.00019, "loading": 0.0037}
    return {**found, "copying": 0.00083, "queue": True, "device": device}


def forgotten(seed: int, rounds: int, warmup: int) -> Parts:
    """There is a GPU, but the network was left on the CPU."""
    return {"costs": costs(seed, warmup, rounds + 3, 0.0087), "slow": warmup, "loading": 0.0043}


def rounds_and_warmups(seed: int) -> list[tuple[int, int]]:
    """An odd number of rounds and an even one, each with a warm-up of its own."""
    rng = np.random.default_rng(seed)
    warmups = rng.permutation((2, 3))
    # With rounds − 5 warm-up steps, the median of all of them would be the first round.
    return [(int(rng.choice(rounds)), int(warmup)) for rounds, warmup in zip(((9, 11), (6, 10)), warmups, strict=True)]


# How somebody measures --------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Way:
    """How somebody measures; the defaults are right."""

    before: str = "yes"
    after: str = "yes"
    warm: str = "left out"
    load: str = "outside"
    rounds: str = "as asked"
    readings: str = "each"
    centre: str = "median"
    unit: float = 1.0
    warmup: str = "as asked"

    def measure(self, machine: Machine, rounds: int, warmup: int) -> list[float]:
        """The rounds' seconds on the machine."""
        first = {"as asked": warmup, "one less": warmup - 1, "one more": warmup + 1}[self.warmup]
        for _ in range(first if self.warm == "left out" else 0):
            machine.step(machine.load())
        more = {"as asked": 0, "one less": -1, "one more": 1, "less the warm-up": -warmup, "with the warm-up": warmup}
        count = max(rounds + more[self.rounds], 1)
        found: list[float] = []
        total = outer = 0.0
        for i in range(count):
            batch = machine.load() if self.load == "outside" else None
            if self.before == "yes" and (self.readings == "each" or i == 0):
                machine.synchronise()
            began = machine.clock()
            if self.before == "late":
                machine.synchronise()
            outer = outer if i else began
            loss = machine.step(machine.load() if batch is None else batch)
            if self.after == "loss":
                loss.item()
            if self.after == "yes" and (self.readings == "each" or i == count - 1):
                machine.synchronise()
            found.append(machine.clock() - began)
            total = machine.clock() - outer
        for _ in range(warmup if self.warm == "after" else 0):
            machine.step(machine.load())
        return {"each": found, "one": [total / count], "one, not divided": [total]}[self.readings]

    def seconds(self, machine: Machine, rounds: int, warmup: int) -> float:
        centre = next((rule for name, rule, _ in CENTRES if name == self.centre), statistics.median)
        return float(centre(self.measure(machine, rounds, warmup))) * self.unit


WRONG: dict[str, tuple[tuple[Any, str, str], ...]] = {
    "readings": (
        ("one", "one-reading-for-all-rounds", "The clock is read once around all rounds. That gives a mean, in which "
            "loading and slow rounds are hidden, and no spread: read it before and after *each* step."),
        ("one, not divided", "one-reading-for-all-rounds", "The clock is read once around all rounds, and the time is "
            "that of all of them: read it before and after *each* step."),
    ),
    "after": (("no", "missing-synchronise-after", "There is no `synchronise()` before the clock is read the second "
    "time. Kernel launches are asynchronous, so this is the time of the *launch*: call `synchronise()` after the step, "
    "then read the clock."),
        ("loss", "loss-read-for-synchronise", "The loss is read where `synchronise()` belongs, after the step. Its "
            "value can be there before the step is finished, as gradients and update come later: call `synchronise()`, "
            "then read the clock."),
    ),
    "before": (
        ("no", "missing-synchronise-before", "There is no `synchronise()` before the clock is read the first time. "
            "Work that was still in the queue (earlier steps, or copying the batch) counts as part of this step: call "
            "`synchronise()` right before the first reading, after loading."),
        ("late", "missing-synchronise-before", "`synchronise()` comes after the first reading of the clock, so the "
            "waiting is timed, too: earlier steps and the copying of the batch count as part of this one. Call "
            "`synchronise()` first, then read the clock."),
    ),
    "warm": (
        ("included", "warm-up-included", "The warm-up steps are among the rounds. The first steps are slow (memory is "
            "allocated, kernels are compiled or selected) and say nothing about the others: run `warmup` steps "
            "untimed, then time `rounds` more."),
        ("after", "warm-up-after", "The warm-up comes after the rounds, so the slow first steps are among those that "
            "are timed. Run the `warmup` steps first."),
    ),
    "load": (("inside", "data-loading-included", "Loading the batch lies between the two readings of the clock. It is "
    "the network that is timed: load first, then read the clock."),),
    "unit": tuple((factor, "wrong-unit", f"`seconds` is in {unit}. {IN_SECONDS}") for factor, unit in UNITS),
    "rounds": (
        ("one less", "wrong-number-of-rounds", "One round is missing: {rounds} are asked for, besides the warm-up."),
        ("one more", "wrong-number-of-rounds", "There is one round too many: {rounds} are asked for, besides the "
            "warm-up."),
        ("less the warm-up", "wrong-number-of-rounds", "The warm-up is taken from the rounds: {rounds} are to be timed "
            "*after* {warmup} warm-up steps."),
        ("with the warm-up", "wrong-number-of-rounds", "There are too many rounds: {rounds} are asked for, and the "
            "warm-up steps don't count among them."),
    ),
    "centre": tuple((name, name, hint) for name, _, hint in CENTRES),
    "warmup": (
        ("one less", "wrong-number-of-warm-up-steps", "One warm-up step is missing: {warmup} are asked for, and the "
            "next one, still slow, is counted as a round."),
        ("one more", "wrong-number-of-warm-up-steps", "There is one warm-up step too many: {warmup} are asked for."),
    ),
}
"""Of each choice: a wrong value, the mistake's name, the hint. The order decides which of two mistakes is told
first."""


def by_result(found: Any, got: float, steps: int, parts: Parts, rounds: int, warmup: int) -> Mistake | None:
    """The fewest wrong choices that together give this time, those first that also take as many steps. All but the
    first are told only where steps and quartiles fit, too: many combinations come near one number."""
    for same_steps, many in itertools.product((True, False), (1, 2, 3)):
        for choices in itertools.combinations(WRONG, many):
            for values in itertools.product(*(WRONG[choice] for choice in choices)):
                way = Way(**{choice: value for choice, (value, _, _) in zip(choices, values, strict=True)})
                machine = Machine(**parts)
                fits = alike(got, way.seconds(machine, rounds, warmup))
                if not fits or (same_steps and machine.count("step") != steps):
                    continue
                _, name, hint = values[0]
                also = sorted({other for _, other, _ in values[1:]} - {name})
                if not (same_steps and _same_quartiles(found, way.measure(Machine(**parts), rounds, warmup), way.unit)):
                    also = []
                more = f" (And there is more: {', '.join(other.replace('-', ' ') for other in also)}.)" if also else ""
                return Mistake(name, hint.format(rounds=rounds, warmup=warmup) + more)
    return None


def _same_quartiles(found: Any, seconds: Sequence[float], unit: float) -> bool:
    """Whether low and high are the quartiles of these seconds, in this unit."""
    for key, share in (("low", 0.25), ("high", 0.75)):
        least, most = quartile_range(seconds, share)
        if not least * unit * (1 - 1e-3) <= value_of(found, key, "time_step") <= most * unit * (1 + 1e-3):
            return False
    return True


def by_order(events: Sequence[str], rounds: int, warmup: int) -> Mistake | None:
    """What the order of calls says where no combination fits the number."""
    steps, readings = events.count("step"), events.count("clock")
    if steps == 0:
        return Mistake("step-not-called", "time_step never calls `step`.")
    if steps <= warmup:
        return Mistake("step-not-called", "Apart from the warm-up, time_step never calls `step`.")
    if readings == 0:
        return Mistake("own-clock", "time_step never reads the `clock` that it is given. With a clock of its own it "
            "cannot be tested on a machine whose times are known: call `clock()`.")
    if readings < 2 * rounds:
        return Mistake("one-reading-for-all-rounds", f"The clock is read {readings} times for {rounds} rounds. Each "
            "round needs two readings of its own: before the step and after it.")
    if steps != rounds + warmup:
        return Mistake("wrong-number-of-rounds", f"`step` is called {steps} times; {warmup} warm-up steps and {rounds} "
            f"rounds make {rounds + warmup}.")
    for start, stop in itertools.pairwise(i for i, event in enumerate(events) if event == "clock"):
        if {"step", "load"} <= set(events[start:stop]):
            return Mistake("data-loading-included", WRONG["load"][0][2])
    return None


def by_count(
    found: Any, got: float, right: Sequence[float], events: Sequence[str], rounds: int, warmup: int
) -> Mistake | None:
    """What the numbers of calls say by themselves."""
    middle, steps, readings = statistics.median(right), events.count("step"), events.count("clock")
    if steps == warmup + 1 and readings <= 2:
        return Mistake("one-round-only", f"Only one round is timed; {rounds} are asked for. Is the `return` inside the "
            "loop?")
    if readings <= 2 < rounds:
        return Mistake("one-reading-for-all-rounds", "The clock is read once before all rounds and once after them. "
            "That gives a mean at best, in which loading and slow rounds are hidden, and no spread: read it before and "
            "after *each* step.")
    if readings == 2 * warmup != 2 * rounds and steps == rounds + warmup:
        return Mistake("rounds-and-warm-up-exchanged", f"{rounds} steps are not timed and {warmup} are; it should be "
            "the other way round: `warmup` steps first, then `rounds` that are timed.")
    if steps == warmup + 2 * rounds and events.count("load") == warmup + rounds:
        return Mistake("step-twice",
                       "`step` is called twice in each round. Keep what the timed call returns: `loss = step(batch)`.")
    if readings == 2 * rounds and 0 < steps - rounds != warmup:
        return Mistake("wrong-number-of-warm-up-steps", f"Besides the {rounds} steps that are timed "
            f"{steps - rounds} {'is' if steps - rounds == 1 else 'are'} made; {warmup} warm-up steps are asked for, as "
            f"many as the argument `warmup` says{'' if warmup else ', which may be 0'}.")
    if steps == rounds + warmup and (mistake := _left_out(found, got, right)):
        return mistake
    if alike(got, -middle):
        return Mistake("subtraction-reversed", "`seconds` is negative: subtract the first reading of the clock from "
            "the second.")
    if got == 0 and readings >= 2 * rounds:
        if readings > 2 * rounds:
            return Mistake("overhead-subtracted", f"`seconds` is 0. The clock is read {readings} times, and {rounds} "
                "rounds need two readings each: is something that is measured besides (an overhead, a wait) "
                "subtracted, and the rest cut off at 0? That wait can be one for steps in the queue. Subtract nothing.")
        return Mistake("nothing-timed", "`seconds` is 0: nothing happens between the two readings of the clock, their "
            "difference is rounded, or as much is subtracted from it. The step belongs between them.")
    rounded = ((round(middle, digits), statistics.median([round(v, digits) for v in right])) for digits in range(4))
    if any(np.isclose(got, values, rtol=1e-9, atol=0).any() for values in rounded):
        return Mistake("rounded", f"`seconds` is rounded to {got:g}; it is {middle:.5g}. {ROUND_LATE}")
    return None


def _left_out(found: Any, got: float, right: Sequence[float]) -> Mistake | None:
    """Rounds that are missing in the median: which ones, the quartiles tell."""
    many = len(right)

    def alike_all(seconds: Sequence[float]) -> bool:
        low, middle, high = statistics.quantiles(seconds, n=4, method="inclusive")
        return all(alike(value_of(found, *one), right) for one, right in zip(
            ((key, "time_step") for key in ("low", "seconds", "high")), (low, middle, high), strict=True))  # fmt: skip

    for which, kept in (("first", right[1:]), ("last", right[:-1])):
        if alike_all(kept):
            return Mistake("wrong-number-of-rounds", f"The {which} of the {many} rounds is left out of the median: is "
                "an index or a comparison one off (`>` for `>=`)?")
    shorter = [sorted(right)[:-dropped] for dropped in range(1, many // 2)]
    if any(map(alike_all, shorter)):
        return Mistake("outliers-dropped", f"The slowest rounds are left out before the median is taken. All {many} "
            "count: a few slow ones hardly move a median.")
    # With an even number of rounds the lower one of the two in the middle is the median of all but the slowest.
    if many % 2 and any(alike(got, statistics.median(kept)) for kept in (*shorter, right[1:], right[:-1])):
        return Mistake("outliers-dropped", f"Some of the rounds are left out before the median is taken. All {many} "
            "count: a few slow ones hardly move a median.")
    return None


def by_readings(
    found: Any, got: float, parts: Parts, events: Sequence[str], rounds: int, warmup: int
) -> Mistake | None:
    """What lies between the readings of the clock, and which of them are subtracted."""
    readings = [i for i, event in enumerate(events) if event == "clock"]
    if events.count("step") != rounds + warmup or rounds < 3:
        return None
    if len(readings) == rounds:
        return Mistake("two-clocks", f"`clock()` is read once in each of {rounds} rounds, and each needs two readings: "
            "before the step and after it. Where the other comes from a clock of its own (`time.perf_counter()`), the "
            "two don't count from the same time, so that their difference means nothing: read `clock()` both times.")
    between = sum({"step", "load"} <= set(events[start:stop]) for start, stop in itertools.pairwise(readings))
    if between >= rounds and len(readings) >= 2 * rounds:
        plain = alike(got, Way(load="inside").seconds(Machine(**parts), rounds, warmup))
        also = "" if plain else (
            " (To subtract a loading time that was measured once doesn't mend it: loading does not always take as "
            "long, and what it hands to the device waits in the queue.)"
        )
        return Mistake("data-loading-included", WRONG["load"][0][2] + also)
    machine = Machine(**parts)
    stamps: list[float] = []
    for _ in range(warmup):
        machine.step(machine.load())
    for _ in range(rounds):
        batch = machine.load()
        machine.synchronise()
        stamps.append(machine.clock())
        machine.step(batch)
        machine.synchronise()
        stamps.append(machine.clock())
    gaps = np.diff(stamps).tolist()
    least, most = quartile_range(gaps, 0.25)
    # Where all gaps are shorter than all steps, that median is the fastest step; the lower quartile tells.
    if len(readings) == 2 * rounds and alike(got, statistics.median(gaps)) and (
        least * 0.999 <= value_of(found, "low", "time_step") <= most * 1.001
    ):
        return Mistake("gaps-counted", "The gaps between the rounds, in which a batch is loaded, are among the times: "
            "`np.diff` of all readings holds them, too. Take every second difference, `[::2]`.")
    return None


# The checks of the timing function --------------------------------------------------------------------------------


def _result(seen: Answer, warmup: int = 1) -> Any:
    """What the student's function returned; sentences for where it looks for the device."""
    try:
        return seen["result"]
    except Mistake as mistake:
        if not warmup and ("UnboundLocalError" in mistake.message or "NameError" in mistake.message):
            told = mistake.message.partition(" Was its cell run")[0]
            raise Mistake("set-in-the-warm-up", f"Without a warm-up (`warmup` is 0) {told} It is set in the "
                "warm-up only: the device, too, is that of a step that was timed.") from None
        if "has no attribute 'type'" in mistake.message:
            raise Mistake("device-as-text", "time_step asks for `.type` of the device. That of numpy's scalars is "
                "plain text, which has none: take `str(loss.device)`.") from None
        if "'int' object has no attribute 'device'" in mistake.message:
            raise Mistake("device-of-the-batch", "time_step reads the device of a batch, but a batch can be anything. "
                "Read that of the loss, which the step returns: `str(loss.device)`.") from None
        raise


def _demand_gradients(steps_without: Any) -> None:
    if steps_without:
        raise Mistake("gradients-off", "`step` is called with gradients switched off (`torch.no_grad()` or "
            "`inference_mode`). A training step needs them: that of the notebook fails in `loss.backward()`. Leave it "
            "out.")


def _verify_median(seen: Answer, parts: Parts, rounds: int, warmup: int) -> list[float]:
    """Mistake where the median is wrong; the right seconds of the rounds."""
    if "without gradients" in seen:
        _demand_gradients(seen["without gradients"])
    found, right = _result(seen, warmup), Way().measure(Machine(**parts), rounds, warmup)
    events = [event for event in seen["events"] if isinstance(event, str)]
    got, middle = value_of(found, "seconds", "time_step"), statistics.median(right)
    if seen["strangers"]:
        raise Mistake("batch-not-handed-on", "`step` is called with something that `load()` has not returned. Pass it "
            "the batch: `step(batch)`.")
    if warmup and events.count("step") == rounds * (warmup + 1):
        raise Mistake("warm-up-in-every-round", "The warm-up is repeated in each round. Once, before the first round, "
            "is enough; take the loop over `warmup` out of the loop over `rounds`.")
    if not alike(got, middle):
        named = None
        if events.count("clock") and events.count("step") > warmup:
            named = (
                by_readings(found, got, parts, events, rounds, warmup)
                or by_count(found, got, right, events, rounds, warmup)
                or by_result(found, got, events.count("step"), parts, rounds, warmup)
            )
        raise (
            named
            or by_order(events, rounds, warmup)
            or Mistake("differs", f"On a machine whose steps take {middle * 1e3:.3f} ms (median), time_step says "
                f"{got * 1e3:.3f} ms. Load, synchronise, read the clock, step, synchronise, read the clock; all that "
                f"{rounds} times, after {warmup} warm-up steps.")
        )
    return right


@check("Timing a step", "B2", builds_on="`summary`", after="B1")
def time_step(time_step: Any, *, seed: int = 1) -> Iterator[str]:
    """On a machine without a queue: warm-up and loading left out, as many rounds as asked for, their median, in
    seconds."""
    sizes = [*rounds_and_warmups(seed), (7, 0)]
    machines = [cpu(seed, *size) for size in sizes]
    seen = ask(probes.timings, time_step, machines, *zip(*sizes, strict=True))
    for i, (rounds, warmup) in enumerate(sizes):
        of_machine = seen.part(i)
        right = _verify_median(of_machine, machines[i], rounds, warmup)
        if (steps := list(of_machine["events"]).count("step")) < rounds + warmup:
            raise Mistake("wrong-number-of-rounds", f"`step` is called {steps} times; {warmup} warm-up steps and "
                f"{rounds} rounds make {rounds + warmup}.")
        if of_machine["batches"] < rounds:
            raise Mistake("batch-used-again", f"{rounds} rounds are made on {of_machine['batches']} "
                f"batch{'es' * (of_machine['batches'] != 1)}: each round loads its next one, `load()`, as training "
                "does. (The same one again lies in the cache already.)")
        spread(of_machine["result"], right, "time_step")
        said = value_of(of_machine["result"], "rounds", "time_step")
        if said != rounds:
            raise Mistake("wrong-number-of-rounds", f"'rounds' says {said:g}; {rounds} were asked for and timed.")
        yield (
            f"{rounds} rounds after {warmup or 'no'} warm-up steps: their median and quartiles, in seconds, without "
            "loading"
        )


@check("Waiting for the device", "B3", builds_on="`summary`", after="B1 B2")
def time_on_a_queue(time_step: Any, *, seed: int = 2) -> Iterator[str]:
    """On a device with a queue: awaited before each reading of the clock."""
    sizes = rounds_and_warmups(seed)
    machines = [gpu(seed, *size, device) for size, device in zip(sizes, ("cuda:0", "xpu:0"), strict=True)]
    seen = ask(probes.timings, time_step, machines, *zip(*sizes, strict=True))
    for i, (rounds, warmup) in enumerate(sizes):
        try:
            right = _verify_median(seen.part(i), machines[i], rounds, warmup)
        except Mistake as mistake:
            if i and mistake.name.startswith("missing-synchronise"):
                mistake.name, mistake.message = "synchronised-by-name", (
                    "On a device called cuda:0 it was right, and on one called xpu:0, with a queue, too, it is not. Is "
                    f"`synchronise()` called only where the device has a certain name? Call it always; where there is "
                    f"no queue it costs nothing. {mistake.message}"
                )
            raise
        spread(seen.part(i)["result"], right, "time_step")
        yield f"a device with a queue, {rounds} rounds: synchronised before both readings"


def device_of(value: Any) -> str:
    """"cpu" or "cuda", of a label or a torch device."""
    text = str(value).strip().lower().split(":")[0]
    return "cuda" if text in ("cuda", "gpu") else text


@check("Where it ran", "B4", builds_on="`time_step`", after="B1 B2 B3")
def where_it_ran(time_step: Any, *, seed: int = 3) -> Iterator[str]:
    """'device' is what the step's loss says: "cuda:0" on a GPU, "cpu" where the network was left on the CPU."""
    (rounds, warmup), _ = rounds_and_warmups(seed)
    machines = (
        (gpu, "cuda", "a step on the GPU"),
        (cpu, "cpu", "a step on the CPU"),
        (forgotten, "cpu", "a machine with a GPU, but a network that was left on the CPU"),
    )
    seen = ask(
        probes.timings, time_step, [make(seed, rounds, warmup) for make, _, _ in machines], [rounds] * 3, [warmup] * 3
    )
    for i, (_, right, words) in enumerate(machines):
        found = _result(seen.part(i))
        value_of(
            {**found, "device": 0} if isinstance(found, dict) and "device" in found else found, "device", "time_step"
        )
        got = device_of(found["device"])
        if got == right:
            yield words
        elif got == "cuda":
            raise Mistake("cpu-run-labelled-gpu", "The step ran on the CPU, and the result says 'cuda'. A hand-in of "
                "such a course compared two CPUs like this and called one of them a GPU. Don't write what you meant to "
                "use; read it from the loss: `loss.device`.")
        elif got == "cpu":
            raise Mistake("gpu-run-labelled-cpu", "The step ran on the GPU, and the result says 'cpu'. Read it from "
                "the loss: `loss.device`.")
        else:
            raise Mistake("device-unknown", f"'device' is {str(found['device'])[:40]!r}. It should be the device of "
                "the loss, `str(loss.device)`: 'cpu' or 'cuda:0'.")
