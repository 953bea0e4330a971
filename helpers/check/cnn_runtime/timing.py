"""Checks of Part B of `cnn_runtime`: timing a step, tried on a machine made of numbers."""

from __future__ import annotations

import itertools
import math
import statistics
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from helpers.check.cnn_runtime import machine as runtime_machine
from helpers.check.cnn_runtime.machine import Machine
from helpers.check.cnn_runtime.timing_summary import CENTRES, UNITS, alike, spread, value_of
from helpers.check.core.calls import call
from helpers.check.core.report import Mistake, check


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
        first = {"as asked": warmup, "one less": warmup - 1, "one more": warmup + 1, "none": 0}[self.warmup if self.warm == "left out" else "none"]
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
            if self.before == "late":
                machine.synchronise()
            outer = outer if i else began
            if batch is None:
                batch = machine.load()
            machine.step(batch)
            if self.after == "yes" and (self.readings == "each" or i == max(count, 1) - 1):
                machine.synchronise()
            found.append(machine.clock() - began)
            total = machine.clock() - outer
        for _ in range(warmup if self.warm == "after" else 0):
            machine.step(machine.load())
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
        ("one", "one-reading-for-all-rounds", "The clock is read once around all rounds. That gives a mean, in which loading and slow rounds are hidden, and no spread: read it before and after *each* step."),
        ("one, not divided", "one-reading-for-all-rounds", "The clock is read once around all rounds, and the time is that of all of them: read it before and after *each* step."),
    ),
    "after": (("no", "missing-synchronise-after", "There is no `synchronise()` before the clock is read the second time. Kernel launches are asynchronous, so this is the time of the *launch*: call `synchronise()` after the step, then read the clock."),),
    "before": (("no", "missing-synchronise-before", "There is no `synchronise()` before the clock is read the first time. Work that was still in the queue (earlier steps, or copying the batch) counts as part of this step: call `synchronise()` right before the first reading, after loading."), ("late", "missing-synchronise-before", "`synchronise()` comes after the first reading of the clock, so the waiting is timed, too: earlier steps and the copying of the batch count as part of this one. Call `synchronise()` first, then read the clock.")),
    "warm": (("included", "warm-up-included", "The warm-up steps are among the rounds. The first steps are slow (memory is allocated, kernels are compiled or selected) and say nothing about the others: run `warmup` steps untimed, then time `rounds` more."), ("after", "warm-up-after", "The warm-up comes after the rounds, so the slow first steps are among those that are timed. Run the `warmup` steps first.")),
    "load": (("inside", "data-loading-included", "Loading the batch lies between the two readings of the clock. It is the network that is timed: load first, then read the clock."),),
    "unit": tuple((factor, "wrong-unit", f"`seconds` is in {unit}. Use seconds everywhere and convert only where you print.") for factor, unit in UNITS),
    "rounds": (
        ("one less", "wrong-number-of-rounds", "One round is missing: {rounds} are asked for, besides the warm-up."),
        ("one more", "wrong-number-of-rounds", "There is one round too many: {rounds} are asked for, besides the warm-up."),
        ("less the warm-up", "wrong-number-of-rounds", "The warm-up is taken from the rounds: {rounds} are to be timed *after* {warmup} warm-up steps."),
        ("with the warm-up", "wrong-number-of-rounds", "There are too many rounds: {rounds} are asked for, and the warm-up steps don't count among them."),
    ),
    "centre": tuple((name, name, hint) for name, _, hint in CENTRES),
    "warmup": (("one less", "wrong-number-of-warm-up-steps", "One warm-up step is missing: {warmup} are asked for, and the next one, still slow, is counted as a round."), ("one more", "wrong-number-of-warm-up-steps", "There is one warm-up step too many: {warmup} are asked for.")),
}
"""Of each choice: a wrong value, the mistake's name, the hint. The order decides which of two mistakes is told first."""


def _named(got: float, steps: int, make: Callable[[], Machine], rounds: int, warmup: int) -> Mistake | None:
    """The fewest wrong choices that together give this time, those first that also take as many steps."""
    for same_steps, many in itertools.product((True, False), (1, 2, 3)):
        for choices in itertools.combinations(WRONG, many):
            for values in itertools.product(*(WRONG[choice] for choice in choices)):
                way = Way(**{choice: value for choice, (value, _, _) in zip(choices, values, strict=True)})
                machine = make()
                if not alike(got, way.seconds(machine, rounds, warmup)) or (same_steps and machine.steps != steps):
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
        return Mistake("step-not-called", "Apart from the warm-up, time_step never calls `step`.")
    if machine.readings == 0:
        return Mistake("own-clock", "time_step never reads the `clock` that it is given. With a clock of its own it cannot be tested on a machine whose times are known: call `clock()`.")
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


def _by_count(got: float, right: Sequence[float], machine: Machine, rounds: int, warmup: int) -> Mistake | None:
    """What the numbers of calls say by themselves."""
    middle, steps, readings = statistics.median(right), machine.steps, machine.readings
    if steps == warmup + 1 and readings <= 2:
        return Mistake("one-round-only", f"Only one round is timed; {rounds} are asked for. Is the `return` inside the loop?")
    if readings <= 2 < rounds:
        return Mistake("one-reading-for-all-rounds", "The clock is read once before all rounds and once after them. That gives a mean at best, in which loading and slow rounds are hidden, and no spread: read it before and after *each* step.")
    if readings == 2 * warmup != 2 * rounds and steps == rounds + warmup:
        return Mistake("rounds-and-warm-up-exchanged", f"{rounds} steps are not timed and {warmup} are; it should be the other way round: `warmup` steps first, then `rounds` that are timed.")
    if steps == warmup + 2 * rounds and machine.loads == warmup + rounds:
        return Mistake("step-twice", "`step` is called twice in each round. Keep what the timed call returns: `loss = step(batch)`.")
    if warmup and steps == rounds * (warmup + 1):
        return Mistake("warm-up-in-every-round", "The warm-up is repeated in each round. Once, before the first round, is enough; take the loop over `warmup` out of the loop over `rounds`.")
    if alike(got, -middle):
        return Mistake("subtraction-reversed", "`seconds` is negative: subtract the first reading of the clock from the second.")
    if got == 0 and readings >= 2 * rounds:
        return Mistake("nothing-timed", "`seconds` is 0: nothing happens between the two readings of the clock, or their difference is rounded. The step belongs between them.")
    for digits in (0, 1, 2, 3):
        if any(math.isclose(got, value, rel_tol=1e-9) for value in (round(middle, digits), statistics.median([round(v, digits) for v in right]))):
            return Mistake("rounded", f"`seconds` is rounded to {got:g}; it is {middle:.5g}. Small networks take less than a millisecond: round only where you print.")
    return None


def _run(time_step: Any, machine: Machine, rounds: int, warmup: int) -> Any:
    """What the student's function returns on a machine; sentences for where it looks for the device."""
    try:
        return call(time_step, machine.step, machine.load, rounds, warmup, machine.synchronise, machine.clock, what="time_step")
    except Mistake as mistake:
        if "has no attribute 'type'" in mistake.message:
            raise Mistake("device-as-text", "time_step asks for `.type` of the device. That of numpy's scalars is plain text, which has none: take `str(loss.device)`.") from None
        if "'int' object has no attribute 'device'" in mistake.message:
            raise Mistake("device-of-the-batch", "time_step reads the device of a batch, but a batch can be anything. Read that of the loss, which the step returns: `str(loss.device)`.") from None
        raise


def _timed(time_step: Any, make: Callable[[], Machine], rounds: int, warmup: int) -> tuple[Mapping[str, Any], Machine, list[float]]:
    """The student's result on a machine, when its median and spread are right; else a Mistake."""
    machine = make()
    found = _run(time_step, machine, rounds, warmup)
    right = Way().measure(make(), rounds, warmup)
    got = value_of(found, "seconds", "time_step")
    if machine.strangers:
        raise Mistake("batch-not-handed-on", "`step` is called with something that `load()` has not returned. Pass it the batch: `step(batch)`.")
    if not alike(got, statistics.median(right)):
        named = _by_events(machine, rounds, warmup) if machine.readings == 0 or machine.steps <= warmup else _by_count(got, right, machine, rounds, warmup) or _named(got, machine.steps, make, rounds, warmup)
        mistake = named or _by_events(machine, rounds, warmup)
        raise mistake or Mistake("differs", f"On a machine whose steps take {statistics.median(right) * 1e3:.3f} ms (median), time_step says {got * 1e3:.3f} ms. Load, synchronise, read the clock, step, synchronise, read the clock; all that {rounds} times, after {warmup} warm-up steps.")
    return found, machine, right


@check("Timing a step", "B2")
def time_step(time_step: Any, *, seed: int = 1, sizes: Sequence[tuple[int, int]] = ((9, 2), (6, 3))) -> Iterator[str]:
    """On a machine without a queue: warm-up and loading left out, as many rounds as asked for, their median, in seconds."""
    for rounds, warmup in sizes:
        found, machine, right = _timed(time_step, lambda r=rounds, w=warmup: runtime_machine.cpu(seed, w, r), rounds, warmup)  # type: ignore[misc]
        if machine.steps < rounds + warmup:
            raise Mistake("wrong-number-of-rounds", f"`step` is called {machine.steps} times; {warmup} warm-up steps and {rounds} rounds make {rounds + warmup}.")
        spread(found, right, "time_step")
        said = value_of(found, "rounds", "time_step")
        if said != rounds:
            raise Mistake("wrong-number-of-rounds", f"'rounds' says {said:g}; {rounds} were asked for and timed.")
        yield f"{rounds} rounds after {warmup} warm-up steps: their median and quartiles, in seconds, without loading"


@check("Waiting for the device", "B3")
def time_on_a_queue(time_step: Any, *, seed: int = 2, sizes: Sequence[tuple[int, int]] = ((9, 2), (6, 3))) -> Iterator[str]:
    """On a device with a queue: awaited before each reading of the clock."""
    for rounds, warmup in sizes:
        found, _, right = _timed(time_step, lambda r=rounds, w=warmup: runtime_machine.gpu(seed, w, r), rounds, warmup)  # type: ignore[misc]
        spread(found, right, "time_step")
        yield f"a device with a queue, {rounds} rounds: synchronised before both readings"


def device_of(value: Any) -> str:
    """"cpu" or "cuda", of a label or a torch device."""
    text = str(value).strip().lower().split(":")[0]
    return "cuda" if text in ("cuda", "gpu") else text


@check("Where it ran", "B4")
def where_it_ran(time_step: Any, *, seed: int = 3, rounds: int = 5, warmup: int = 2) -> Iterator[str]:
    """'device' is what the step's loss says: "cuda:0" on a GPU, "cpu" where the network was left on the CPU."""
    for make, right, words in ((runtime_machine.gpu, "cuda", "a step on the GPU"), (runtime_machine.cpu, "cpu", "a step on the CPU"), (runtime_machine.forgotten, "cpu", "a machine with a GPU, but a network that was left on the CPU")):
        machine = make(seed, warmup, rounds)
        found = _run(time_step, machine, rounds, warmup)
        value_of({**found, "device": 0} if isinstance(found, Mapping) and "device" in found else found, "device", "time_step")
        got = device_of(found["device"])
        if got == right:
            yield words
        elif got == "cuda":
            raise Mistake("cpu-run-labelled-gpu", "The step ran on the CPU, and the result says 'cuda'. A hand-in of such a course compared two CPUs like this and called one of them a GPU. Don't write what you meant to use; read it from the loss: `loss.device`.")
        elif got == "cpu":
            raise Mistake("gpu-run-labelled-cpu", "The step ran on the GPU, and the result says 'cpu'. Read it from the loss: `loss.device`.")
        else:
            raise Mistake("device-unknown", f"'device' is {str(found['device'])[:40]!r}. It should be the device of the loss, `str(loss.device)`: 'cpu' or 'cuda:0'.")
