"""Checks of Part B of `cnn_runtime`: the summary of several timings, and timing a step on a machine made of numbers."""

from __future__ import annotations

import itertools
import statistics
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from helpers.check import runtime_machine
from helpers.check.calls import call, number
from helpers.check.report import Mistake, check
from helpers.check.runtime_machine import Machine

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


def _value(found: Any, key: str, what: str) -> float:
    """One entry of the student's dictionary, as a number."""
    if found is None:
        raise Mistake("returns-none", f"{what} returns None. Is the `return` missing?")
    if not isinstance(found, Mapping):
        raise Mistake("not-a-dictionary", f'{what} should return a dictionary with the keys {", ".join(KEYS)}; it returns {type(found).__name__}.')
    if key not in found:
        raise Mistake("key-missing", f"The result of {what} has no key {key!r}; it has {', '.join(map(repr, found)) or 'none'}.")
    return number(found[key], f"{key!r} of {what}")


def _alike(a: float, b: float) -> bool:
    return abs(a - b) <= 1e-3 * abs(b)


def _middle(values: Sequence[float]) -> float:
    return float(list(values)[len(values) // 2])


CENTRES: tuple[tuple[str, Callable[[Sequence[float]], float], str], ...] = (
    ("mean-for-median", statistics.fmean, "This is the mean. One round that the system held up moves it; the median stays where most of the rounds are."),
    ("best-for-median", min, "This is the fastest round. It says what the machine can do on its best day; the median says what to expect."),
    ("worst-for-median", max, "This is the slowest round; take the median."),
    ("sum-for-median", sum, "This is the sum of all rounds; one step's median is asked for."),
    ("not-sorted", _middle, "This is the entry in the middle of the list as it came. The median is the middle one by size: sort first."),
    ("upper-middle", lambda v: sorted(v)[len(v) // 2], "With an even number of rounds there are two in the middle; the median is halfway between them."),
    ("upper-middle", lambda v: sorted(v)[(len(v) - 1) // 2], "With an even number of rounds there are two in the middle; the median is halfway between them."),
    ("geometric-mean", lambda v: float(np.exp(np.mean(np.log(v)))), "This is the geometric mean; take the median."),
    ("last-for-median", lambda v: float(v[-1]), "This is the last round; all of them count: take their median."),
    ("first-for-median", lambda v: float(v[0]), "This is the first round; all of them count: take their median."),
    ("trimmed-mean", lambda v: float(np.mean(sorted(v)[1:-1])), "This is the mean without the extremes; take the median."),
)
UNITS = ((1e3, "milliseconds"), (1e6, "microseconds"), (1e9, "nanoseconds"), (1 / 60, "minutes"))


def _spread(found: Mapping[str, Any], seconds: Sequence[float], what: str, unit: float = 1.0) -> None:
    """low and high are the quartiles, in any of their usual definitions."""
    low, high = _value(found, "low", what) / unit, _value(found, "high", what) / unit
    middle, mean = statistics.median(seconds), statistics.fmean(seconds)
    around = statistics.quantiles(seconds, n=4, method="inclusive")
    for key, got, share in (("low", low, 0.25), ("high", high, 0.75)):
        least, most = quartile_range(seconds, share)
        if least * (1 - 1e-3) <= got <= most * (1 + 1e-3):
            continue
        if _alike(low, max(quartile_range(seconds, 0.75))) or _alike(high, min(quartile_range(seconds, 0.25))) or low > high:
            raise Mistake("quartiles-exchanged", "`low` is the upper quartile and `high` the lower one; exchange them.")
        if _alike(low, min(seconds)) and _alike(high, max(seconds)):
            raise Mistake("range-for-quartiles", "`low` and `high` are the fastest and the slowest round. One that was held up decides `high` then, and the range only grows with more rounds; take the quartiles, between which half of the rounds lie.")
        for deviation in (statistics.stdev(seconds), statistics.pstdev(seconds)):
            if any(_alike(low, centre - deviation) and _alike(high, centre + deviation) for centre in (mean, middle)):
                raise Mistake("deviation-for-quartiles", "`low` and `high` are one standard deviation away. Timings are not spread evenly: none is much faster than usual, and a few are much slower. Take the quartiles.")
            if _alike(high, deviation) or _alike(low, deviation):
                raise Mistake("deviation-for-quartiles", f"`{key}` is the standard deviation; `low` and `high` are the quartiles themselves.")
        if _alike(got, around[2] - around[0]):
            raise Mistake("width-for-quartiles", f"`{key}` is the distance between the quartiles; `low` and `high` are the quartiles themselves.")
        for percent in (5, 10, 20, 30, 40, 60, 70, 80, 90, 95):
            if _alike(got, float(np.percentile(seconds, percent))):
                raise Mistake("wrong-percentile", f"`{key}` is the {percent}th percentile; the quartiles are the 25th and the 75th.")
        for fraction in (0.25, 0.75):
            if _alike(got, float(np.percentile(seconds, fraction))):
                raise Mistake("fraction-for-percent", f"`{key}` is the percentile {fraction:g} of 100. np.percentile takes 25 and 75, np.quantile 0.25 and 0.75.")
        for quartile in around[::2]:
            if _alike(got, abs(middle - quartile)):
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
        got, right = _value(found, "seconds", "summary"), statistics.median(seconds)
        if not _alike(got, right):
            for name, function, hint in CENTRES:
                if _alike(got, function(seconds)):
                    raise Mistake(name, hint)
            for factor, unit in UNITS:
                if _alike(got, right * factor):
                    raise Mistake("wrong-unit", f"`seconds` is in {unit}. Keep seconds everywhere and turn them into others only where you print.")
            raise Mistake("differs", f"The median of {given} is {right:g}; `seconds` is {got:g}.")
        _spread(found, seconds, "summary")
        yield f"{len(seconds)} rounds{', one of them held up' if max(seconds) > 3 * right else ''}"


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
        first = {"as asked": warmup, "one less": warmup - 1, "none": 0}[self.warmup if self.warm == "left out" else "none"]
        for _ in range(max(first, 0)):
            machine.step(machine.load())
        count = {"as asked": rounds, "one less": rounds - 1, "one more": rounds + 1, "less the warm-up": rounds - warmup, "with the warm-up": rounds + warmup}[self.rounds]
        found: list[float] = []
        total = outer = 0.0
        for i in range(max(count, 1)):
            batch = machine.load() if self.load == "outside" else None
            if self.before == "yes" and (self.readings == "each" or i == 0):
                machine.synchronise()
            began = machine.clock()
            outer = outer if i else began
            if batch is None:
                batch = machine.load()
            machine.step(batch)
            if self.after == "yes" and (self.readings == "each" or i == max(count, 1) - 1):
                machine.synchronise()
            found.append(machine.clock() - began)
            total = machine.clock() - outer
        if self.readings == "one":
            return [total / len(found)]
        if self.readings == "one, not divided":
            return [total]
        return found

    def seconds(self, machine: Machine, rounds: int, warmup: int) -> float:
        found = self.measure(machine, rounds, warmup)
        centre = next((function for name, function, _ in CENTRES if name == self.centre), statistics.median)
        return float(centre(found)) * self.unit


WRONG: dict[str, tuple[tuple[Any, str, str], ...]] = {
    "readings": (
        ("one", "one-reading-for-all-rounds", "The clock is read once around all rounds. That gives a mean, in which loading and a held-up round are hidden, and no spread: read it before and after *each* step."),
        ("one, not divided", "one-reading-for-all-rounds", "The clock is read once around all rounds, and the time is that of all of them: read it before and after *each* step."),
    ),
    "after": (("no", "missing-synchronise-after", "The device is not awaited before the clock is read the second time. A GPU takes an order and returns at once, so this is the time of *giving* the order: call `synchronise()` after the step, then read the clock."),),
    "before": (("no", "missing-synchronise-before", "The device is not awaited before the clock is read the first time. What was still in its queue (earlier steps, or copying the batch) counts as part of this step: call `synchronise()` right before the first reading, after loading."),),
    "warm": (("included", "warm-up-included", "The warm-up steps are among the rounds. The first steps are slow (memory is allocated, kernels are compiled or chosen) and say nothing about the others: make `warmup` steps untimed, then `rounds` more."),),
    "load": (("inside", "data-loading-included", "Loading the batch lies between the two readings of the clock. It is the network that is timed: load first, then read the clock."),),
    "unit": tuple((factor, "wrong-unit", f"`seconds` is in {unit}. Keep seconds everywhere and turn them into others only where you print.") for factor, unit in UNITS),
    "rounds": (
        ("one less", "wrong-number-of-rounds", "One round is missing: {rounds} are asked for, beside the warm-up."),
        ("one more", "wrong-number-of-rounds", "There is one round too many: {rounds} are asked for, beside the warm-up."),
        ("less the warm-up", "wrong-number-of-rounds", "The warm-up is taken from the rounds: {rounds} are to be timed *after* {warmup} warm-up steps."),
        ("with the warm-up", "wrong-number-of-rounds", "There are too many rounds: {rounds} are asked for, and the warm-up steps don't count among them."),
    ),
    "centre": tuple((name, name, hint) for name, _, hint in CENTRES),
    "warmup": (("one less", "wrong-number-of-warm-up-steps", "One warm-up step is missing: {warmup} are asked for, and the next one, still slow, is counted as a round."),),
}
"""Of each choice: a wrong value, the mistake's name, the hint. The order decides which of two mistakes is told first."""


def _named(got: float, steps: int, make: Callable[[], Machine], rounds: int, warmup: int) -> Mistake | None:
    """The fewest wrong choices that together give this time, those first that also take as many steps."""
    for same_steps, many in itertools.product((True, False), (1, 2, 3)):
        for choices in itertools.combinations(WRONG, many):
            for values in itertools.product(*(WRONG[choice] for choice in choices)):
                way = Way(**{choice: value for choice, (value, _, _) in zip(choices, values, strict=True)})
                machine = make()
                if not _alike(got, way.seconds(machine, rounds, warmup)) or (same_steps and machine.steps != steps):
                    continue
                _, name, hint = values[0]
                also = sorted({other for _, other, _ in values[1:]} - {name})
                more = f" (And there is more: {', '.join(other.replace('-', ' ') for other in also)}.)" if also else ""
                return Mistake(name, hint.format(rounds=rounds, warmup=warmup) + more)
    return None


def _by_events(machine: Machine, rounds: int, warmup: int) -> Mistake | None:
    """What the order of calls says where no combination fits the number."""
    if machine.steps == 0:
        return Mistake("step-not-called", "time_step never calls `step`.")
    if machine.steps <= warmup:
        return Mistake("step-not-called", "Beside the warm-up, time_step never calls `step`.")
    if machine.readings == 0:
        return Mistake("own-clock", "time_step never reads the `clock` that it is given. With a clock of its own nobody can try it on a machine whose times are known: call `clock()`.")
    if machine.readings < 2 * rounds:
        return Mistake("one-reading-for-all-rounds", f"The clock is read {machine.readings} times for {rounds} rounds. Each round needs two readings of its own: before the step and after it.")
    if machine.steps != rounds + warmup:
        return Mistake("wrong-number-of-rounds", f"`step` is called {machine.steps} times; {warmup} warm-up steps and {rounds} rounds make {rounds + warmup}.")
    readings = [i for i, event in enumerate(machine.events) if event == "clock"]
    for start, stop in itertools.pairwise(readings):
        inside = machine.events[start:stop]
        if "step" in inside and "load" in inside:
            return Mistake("data-loading-included", "Loading the batch lies between the two readings of the clock. It is the network that is timed: load first, then read the clock.")
    return None


def _timed(time_step: Any, make: Callable[[], Machine], rounds: int, warmup: int) -> tuple[Mapping[str, Any], Machine, list[float]]:
    """The student's result on a machine, when its median and spread are right; else a Mistake."""
    machine = make()
    found = call(time_step, machine.step, machine.load, rounds, warmup, machine.synchronise, machine.clock, what="time_step")
    right = Way().measure(make(), rounds, warmup)
    got = _value(found, "seconds", "time_step")
    if not _alike(got, statistics.median(right)):
        named = _by_events(machine, rounds, warmup) if machine.readings == 0 or machine.steps <= warmup else _named(got, machine.steps, make, rounds, warmup)
        mistake = named or _by_events(machine, rounds, warmup)
        raise mistake or Mistake("differs", f"On a machine whose steps take {statistics.median(right) * 1e3:.3f} ms (median), time_step says {got * 1e3:.3f} ms. Load, wait, read the clock, step, wait, read the clock; and that {rounds} times, after {warmup} warm-up steps.")
    return found, machine, right


@check("Timing a step", "B2")
def time_step(time_step: Any, *, seed: int = 1, sizes: Sequence[tuple[int, int]] = ((9, 2), (6, 3))) -> Iterator[str]:
    """On a machine without a queue: warm-up and loading left out, as many rounds as asked for, their median, in seconds."""
    for rounds, warmup in sizes:
        found, machine, right = _timed(time_step, lambda r=rounds, w=warmup: runtime_machine.cpu(seed, w, r), rounds, warmup)  # type: ignore[misc]
        if machine.steps < rounds + warmup:
            raise Mistake("wrong-number-of-rounds", f"`step` is called {machine.steps} times; {warmup} warm-up steps and {rounds} rounds make {rounds + warmup}.")
        _spread(found, right, "time_step")
        said = _value(found, "rounds", "time_step")
        if said != rounds:
            raise Mistake("wrong-number-of-rounds", f"'rounds' says {said:g}; {rounds} were asked for and timed.")
        yield f"{rounds} rounds after {warmup} warm-up steps: their median and quartiles, in seconds, without loading"


@check("Waiting for the device", "B3")
def time_on_a_queue(time_step: Any, *, seed: int = 2, sizes: Sequence[tuple[int, int]] = ((9, 2), (6, 3))) -> Iterator[str]:
    """On a device with a queue: awaited before each reading of the clock."""
    for rounds, warmup in sizes:
        found, _, right = _timed(time_step, lambda r=rounds, w=warmup: runtime_machine.gpu(seed, w, r), rounds, warmup)  # type: ignore[misc]
        _spread(found, right, "time_step")
        yield f"a device with a queue, {rounds} rounds: the device is awaited before both readings"


def device_of(value: Any) -> str:
    """"cpu" or "cuda", of a label or a torch device."""
    text = str(value).strip().lower().split(":")[0]
    return "cuda" if text in ("cuda", "gpu") else text


@check("Where it ran", "B4")
def where_it_ran(time_step: Any, *, seed: int = 3, rounds: int = 5, warmup: int = 2) -> Iterator[str]:
    """'device' is what the step's loss says: "cuda:0" on a GPU, "cpu" where the network was left on the CPU."""
    for make, right, words in ((runtime_machine.gpu, "cuda", "a step on the GPU"), (runtime_machine.cpu, "cpu", "a step on the CPU"), (runtime_machine.forgotten, "cpu", "a machine with a GPU, but a network that was left on the CPU")):
        machine = make(seed, warmup, rounds)
        found = call(time_step, machine.step, machine.load, rounds, warmup, machine.synchronise, machine.clock, what="time_step")
        _value({**found, "device": 0} if isinstance(found, Mapping) and "device" in found else found, "device", "time_step")
        got = device_of(found["device"])
        if got == right:
            yield words
        elif got == "cuda":
            raise Mistake("cpu-run-labelled-gpu", "The step ran on the CPU, and the result says 'cuda'. A hand-in of such a course compared two CPUs like this and called one of them a GPU. Don't say what you meant to use; ask the loss where it is: `loss.device`.")
        elif got == "cpu":
            raise Mistake("gpu-run-labelled-cpu", "The step ran on the GPU, and the result says 'cpu'. Ask the loss where it is: `loss.device`.")
        else:
            raise Mistake("device-unknown", f"'device' is {str(found['device'])[:40]!r}. It should be what the loss says, `str(loss.device)`: 'cpu' or 'cuda:0'.")
