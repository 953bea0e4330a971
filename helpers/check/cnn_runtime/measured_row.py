"""One row of `cnn_runtime`: its counts, and the function that makes it, tried on parts whose answers are known and on networks that wait."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from types import SimpleNamespace
from typing import Any

import numpy as np

from helpers.check.cnn_runtime import machine as runtime_machine
from helpers.check.cnn_runtime.counts import forward_flops_of, parameters_of, step_flops_of
from helpers.check.core import reach
from helpers.check.core.calls import array, call, number
from helpers.check.core.known_work import Bench, Piece, demand_possible, lengths
from helpers.check.core.limits import around
from helpers.check.core.report import Mistake, check
from helpers.timing import environment


def named(row: Mapping[str, Any]) -> str:
    """A row's name in sentences."""
    return f"The row of {row.get('backend', 'an unnamed backend')} with {row.get('filters', '?')} filters" + (f", batch {row['batch']}" if "batch" in row else "")


def _own(function: Any, *sizes: int) -> float:
    """The sum of the student's own counts, NaN where there is none."""
    try:
        found = call(function, *sizes, what="a count")
        return float(array(list(found.values()) if isinstance(found, Mapping) else found, "a count").sum())
    except Mistake:
        return float("nan")


def _count(row: Mapping[str, Any], key: str) -> float:
    """A count of the row as one number."""
    value = row[key]
    if isinstance(value, list | tuple | np.ndarray) and np.size(value) != 1:
        raise Mistake("layers-for-total", f"{named(row)} has the {key} of each layer; a row has one number, their sum.")
    return number(value, f"{key!r} of a row")


def counts(row: Mapping[str, Any], own_parameters: Any, own_flops: Any) -> None:
    """Parameters and operations of the row follow from its filters and batch, rightly counted or as the student counts them."""
    filters, batch = int(row["filters"]), int(row["batch"])
    got, right = _count(row, "parameters"), sum(parameters_of(filters))
    flops, right_flops = _count(row, "flops"), sum(step_flops_of(filters, batch))
    if math.isclose(got, right_flops, rel_tol=1e-9) and math.isclose(flops, right, rel_tol=1e-9):
        raise Mistake("counts-exchanged", f"{named(row)} has its operations under 'parameters' and its parameters under 'flops'; exchange them.")
    if not math.isclose(got, right, rel_tol=1e-9) and not math.isclose(got, _own(own_parameters, filters), rel_tol=1e-9):
        other = next((f for f in range(1, 300) if got == sum(parameters_of(f))), None)
        if other:
            raise Mistake("counts-of-another-network", f"{named(row)} has the parameters of a network with {other} filters.")
        raise Mistake("wrong-parameters", f"{named(row)} has {got:,.0f} parameters; they should be {right:,.0f}, the sum of your `parameters({filters})`.")
    if not math.isclose(flops, right_flops, rel_tol=1e-9) and not math.isclose(flops, _own(own_flops, filters, batch), rel_tol=1e-9):
        if math.isclose(flops, sum(forward_flops_of(filters, batch))):
            raise Mistake("forward-only", f"{named(row)} counts the forward pass only; what is timed is a training step, the sum of your `step_flops`.")
        if math.isclose(flops, sum(step_flops_of(filters, 1))):
            raise Mistake("batch-forgotten", f"{named(row)} counts one image; a step is a batch of {batch}.")
        other = next((f for f in range(1, 300) if math.isclose(flops, sum(step_flops_of(f, batch)))), None)
        if other:
            raise Mistake("counts-of-another-network", f"{named(row)} has the operations of a network with {other} filters.")
        raise Mistake("wrong-flops", f"{named(row)} has {flops:,.0f} operations; they should be {right_flops:,.0f}, the sum of your `step_flops({filters}, {batch})`.")


def hardware(row: Mapping[str, Any]) -> None:
    """A processor's name stands in the row; the name that this machine gives itself is one, whatever it is."""
    said = str(row["hardware"]).strip()
    if not isinstance(row["hardware"], str) or (said != str(environment()["cpu"]).strip() and said.lower() in ("", "cpu", "gpu", "cuda", "numpy", "torch", "unknown", "none")):
        raise Mistake("hardware-unnamed", f"{named(row)} names no hardware: {row['hardware']!r}. Say which processor it is.")


Asked = tuple[int, str, int]
"""Filters, backend and batch of a row."""

ASKED: tuple[Asked, ...] = ((24, "torch", 40), (11, "numpy", 7))
HARDWARE = "Processor of numbers, model 7"


def _loss(batch: Any = None) -> runtime_machine.Loss:
    return runtime_machine.Loss(runtime_machine.cpu(4, 2, 9), "cpu")


def _prepared_by_name(measure_row: Any) -> None:
    if measure_row is not None and callable(measure_row) and not reach.has_globals(measure_row, ("prepare",)):
        raise Mistake("prepare-not-called", "measure_row should be a function of this notebook that prepares its network by `prepare` and times it by `time_step`: the check tries it with stand-ins of these names.")


def _row_of(measure_row: Any, asked: Asked, prepare: Any, prepared: Sequence[Any], **parts: Any) -> Mapping[str, Any]:
    """What measure_row returns where `prepare`, which fills `prepared`, and other `parts` have the place of the notebook's."""
    with around("globals", prepare=prepare, **parts):
        row = call(measure_row, *asked, what="measure_row")
    if row is None:
        raise Mistake("returns-none", "measure_row returns None. Is the `return` missing?")
    if not isinstance(row, Mapping):
        raise Mistake("not-a-row", f"measure_row should return a row, a dictionary; it returns {type(row).__name__}.")
    if not prepared:
        raise Mistake("prepare-not-called", "measure_row never calls `prepare`: the network that was asked for is not made, so nothing of it can be measured.")
    return row


@dataclass
class Parts:
    """What stands for the notebook's `prepare` and the student's `time_step`: they note what they are asked, and their answers are known."""

    seed: int
    asked: list[tuple[Any, Any, Any]] = field(default_factory=list)
    timed: list[tuple[Any, Any]] = field(default_factory=list)
    answers: list[dict[str, Any]] = field(default_factory=list)

    def prepare(self, filters: Any, name: Any, batch: Any = None) -> SimpleNamespace:
        self.asked.append((filters, name, batch))
        machine = runtime_machine.cpu(4, 2, 9)
        return SimpleNamespace(step=machine.step, load=machine.load, synchronise=machine.synchronise, hardware=HARDWARE)

    def time_step(self, step: Any, load: Any, rounds: Any, warmup: Any, synchronise: Any, clock: Any = None) -> dict[str, Any]:
        self.timed.append((rounds, warmup))
        seconds = (0.0271828 + 0.0031 * len(self.timed)) * float(np.random.default_rng(self.seed).uniform(1, 1.4))
        self.answers.append({"seconds": seconds, "low": seconds * 0.9917, "high": seconds * 1.0129, "rounds": rounds, "device": "cpu"})
        return dict(self.answers[-1])


@check("One row", "C2", builds_on="`time_step`")
def row(measure_row: Any, parameters: Any, step_flops: Any, *, rounds: int, warmup: int, seed: int = 1, asked: Sequence[Asked] = ASKED) -> Iterator[str]:
    """The row that `measure_row` makes of networks, processors and times that are known, then of networks that wait, with the student's own time_step.

    No machine is too slow or too busy for it.
    """
    for i, one in enumerate(asked):
        _told_by_parts(measure_row, one, Parts(seed + i), parameters, step_flops, rounds, warmup)
    yield "measure_row: the network that was asked for, its processor, and what time_step returned"
    measured(measure_row, asked, rounds, seed)
    yield "times that fit how long the steps of a network take"


def _told_by_parts(measure_row: Any, asked: Asked, parts: Parts, own_parameters: Any, own_flops: Any, rounds: int, warmup: int) -> None:
    _prepared_by_name(measure_row)
    timer = {"time_step": parts.time_step} if reach.has_globals(measure_row, ("time_step",)) else {}
    row = _row_of(measure_row, asked, parts.prepare, parts.asked, **timer)
    _arguments(parts.asked[-1], asked)
    filters, backend, batch = asked
    words = f"measure_row({filters}, {backend!r}, {batch})"
    for key, value in zip(("filters", "backend", "batch"), asked, strict=True):
        if key in row and row[key] != value:
            raise Mistake("wrong-label", f"{words} says {row[key]!r} under {key!r}; it should say {value!r}.")
    if {"filters", "batch", "parameters", "flops"} <= row.keys():
        try:
            counts(row, own_parameters, own_flops)
        except Mistake as mistake:
            raise Mistake(mistake.name, f"Tried as {words}: {mistake.message}") from None
    if row.get("hardware", HARDWARE) != HARDWARE:
        raise Mistake("hardware-written-in", f"measure_row says {str(row['hardware'])[:40]!r} under 'hardware', whatever the network runs on. Take `.hardware` of what `prepare` returns: it names the processor, on a CPU and on a GPU.")
    if parts.answers:
        _answers(row, parts, rounds, warmup, batch)


@dataclass
class Waiting:
    """What stands for the notebook's `prepare` alone: a network whose step waits."""

    step: Piece
    asked: list[tuple[Any, Any, Any]] = field(default_factory=list)

    def prepare(self, filters: Any, name: Any, batch: Any = None) -> SimpleNamespace:
        self.asked.append((filters, name, batch))
        return SimpleNamespace(step=self.step, load=lambda: len(self.asked), synchronise=lambda: None, hardware=HARDWARE)


def measured(measure_row: Any, asked: Sequence[Asked], rounds: int, seed: int) -> None:
    """Rows of networks whose steps wait, each much longer than the next: `measure_row` and the student's own `time_step` made them.

    Nothing but that they were measured is asked of them, so that a mistake that has cost its points elsewhere costs none here.
    """
    _prepared_by_name(measure_row)
    for one, seconds in zip(asked, lengths(seed, len(asked), 5e-4, 60), strict=True):
        bench = Bench()
        network = Waiting(bench.piece(seconds, _loss))
        row = _row_of(measure_row, one, network.prepare, network.asked)
        _arguments((one[0], one[1], network.asked[-1][2]), one)
        count = bench.count(network.step)
        if count < rounds / 2:
            raise Mistake("not-called", f"For a row of {rounds} rounds the network's `step` is called {count} times. What is not run can't be measured: pass `prepare(…).step` to your `time_step`.")
        if "seconds" not in row:
            raise Mistake("key-missing", f"{named(row)} has no 'seconds'. `time_step` returns them.")
        got = number(row["seconds"], "'seconds' of measure_row's row")
        demand_possible([got], seconds, bench.spent(), "'seconds' of measure_row's row")


def _arguments(got: tuple[Any, Any, Any], asked: Asked) -> None:
    """measure_row hands on what it is given."""
    if got[0] != asked[0]:
        raise Mistake("filters-not-handed-on", f"Asked for {asked[0]} filters, measure_row prepares a network with {got[0]}. Pass `filters` on to `prepare`.")
    if got[1] != asked[1]:
        raise Mistake("backend-not-handed-on", f"Asked for {asked[1]!r}, measure_row prepares a network on {got[1]!r}: the row would name a backend that never ran. Pass `name` on to `prepare`.")
    if got[2] != asked[2]:
        raise Mistake("batch-not-handed-on", f"Asked for a batch of {asked[2]}, measure_row prepares {'the usual one' if got[2] is None else f'one of {got[2]}'}. Pass `batch` on to `prepare`.")


def _answers(row: Mapping[str, Any], parts: Parts, rounds: int, warmup: int, batch: int) -> None:
    """The row holds what time_step returned, in a timing with all rounds and the warm-up."""
    if not any(many >= rounds for many, _ in parts.timed):
        raise Mistake("too-few-rounds", f"measure_row lets time_step make {parts.timed[-1][0]} rounds; ROUNDS is {rounds}.")
    if not any(many >= rounds and warm >= warmup for many, warm in parts.timed):
        raise Mistake("warm-up-left-out", f"measure_row lets time_step make {parts.timed[-1][1]} warm-up steps; WARMUP is {warmup}.")
    good = [answer for answer, (many, warm) in zip(parts.answers, parts.timed, strict=True) if many >= rounds and warm >= warmup]
    for key in ("seconds", "low", "high"):
        if key not in row:
            continue
        got = number(row[key], f"{key!r} of measure_row's row")
        if not any(math.isclose(got, answer[key], rel_tol=1e-3) for answer in good):
            raise _changed(key, got, good[-1], batch)


def _changed(key: str, got: float, answer: Mapping[str, Any], batch: int) -> Mistake:
    right = answer[key]
    for factor, name, hint in (
        (1e3, "wrong-unit", "it is in milliseconds. Use seconds everywhere and convert only where you print."),
        (1e6, "wrong-unit", "it is in microseconds. Use seconds everywhere and convert only where you print."),
        (1 / 60, "wrong-unit", "it is in minutes. Use seconds everywhere and convert only where you print."),
        (1 / batch, "per-image", "it is divided by the images of the batch. A row has the seconds of a whole step."),
        (batch, "times-the-batch", "it is multiplied by the images of the batch. A row has the seconds of one step."),
        (answer["rounds"], "all-rounds", "it is multiplied by the rounds. A row has the seconds of one step."),
        (1 / answer["rounds"], "divided-by-rounds", "it is divided by the rounds; time_step has returned the seconds of one step already."),
    ):
        if math.isclose(got, right * factor, rel_tol=1e-3):
            return Mistake(name, f"{key!r} of measure_row's row is not what time_step returned: {hint}")
    if any(math.isclose(got, round(right, digits), rel_tol=1e-9) for digits in range(5)):
        return Mistake("rounded", f"{key!r} of measure_row's row is rounded to {got:g} s; time_step returned {right:.5g}. Small networks take less than a millisecond: round only where you print.")
    for other in ("seconds", "low", "high"):
        if math.isclose(got, answer[other], rel_tol=2e-3):
            return Mistake("wrong-entry", f"{key!r} of measure_row's row is the {other!r} that time_step returned.")
    return Mistake("changed-after-timing", f"{key!r} of measure_row's row is {got:.5g}, and time_step returned {right:.5g}. Keep the measured value as it is.")
