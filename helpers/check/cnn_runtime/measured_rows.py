"""Checks of rows of `cnn_runtime` (Parts C and F): the function that measures one, tried on networks and times that are
known; and measured rows, which have to be complete, counted rightly, labelled, and have times that can be real."""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import partial
from typing import Any

import numpy as np

from helpers.check.cnn_runtime import probes
from helpers.check.cnn_runtime.counts import PRIMES, forward_flops_of, parameters_of, step_flops_of
from helpers.check.cnn_runtime.probes import HARDWARE, Asked
from helpers.check.cnn_runtime.some_rows import demand_used, taken
from helpers.check.cnn_runtime.timing import device_of
from helpers.check.core.ask import Answer, array, ask, demand_lasting, kind_of, number
from helpers.check.core.compare import Hypothesis, explained
from helpers.check.core.known_work import Calls, demand_possible, lengths
from helpers.check.core.report import Mistake, check
from helpers.timing import environment

Row = dict[str, Any]


def named(row: Row) -> str:
    """A row's name in sentences."""
    return f"The row of {row.get('backend', 'an unnamed backend')} with {row.get('filters', '?')} filters" + (
        f", batch {row['batch']}" if "batch" in row else "")


# A row's counts and labels ----------------------------------------------------------------------------------------


def _own(seen: Answer, *sizes: int) -> float:
    """The sum of the student's own counts, NaN where there is none."""
    try:
        return float(array(seen[sizes], "a count").sum())
    except Mistake:
        return math.nan


def _count(row: Row, key: str) -> float:
    """A count of the row as one number."""
    value = row[key]
    if isinstance(value, list | tuple | np.ndarray) and np.size(value) != 1:
        raise Mistake("layers-for-total", f"{named(row)} has the {key} of each layer; a row has one number, their sum.")
    return number(value, f"{key!r} of a row")


def counts(row: Row, own: Answer | None) -> None:
    """Parameters and operations of the row follow from its filters and batch, rightly counted or as the student
    counts them."""
    filters, batch = int(row["filters"]), int(row["batch"])
    own_parameters = _own(own.part("parameters"), filters) if own else math.nan
    own_flops = _own(own.part("flops"), filters, batch) if own else math.nan
    got, right = _count(row, "parameters"), sum(parameters_of(filters))
    flops, right_flops = _count(row, "flops"), sum(step_flops_of(filters, batch))
    if math.isclose(got, right_flops, rel_tol=1e-9) and math.isclose(flops, right, rel_tol=1e-9):
        raise Mistake("counts-exchanged", f"{named(row)} has its operations under 'parameters' and its parameters "
            "under 'flops'; exchange them.")
    if not math.isclose(got, right, rel_tol=1e-9) and not math.isclose(got, own_parameters, rel_tol=1e-9):
        other = next((f for f in range(1, 300) if got == sum(parameters_of(f))), None)
        if other:
            raise Mistake("counts-of-another-network", f"{named(row)} has the parameters of a network with {other} "
                "filters.")
        raise Mistake("wrong-parameters", f"{named(row)} has {got:,.0f} parameters; they should be {right:,.0f}, the "
            f"sum of your `parameters({filters})`.")
    if not math.isclose(flops, right_flops, rel_tol=1e-9) and not math.isclose(flops, own_flops, rel_tol=1e-9):
        if math.isclose(flops, sum(forward_flops_of(filters, batch))):
            raise Mistake("forward-only", f"{named(row)} counts the forward pass only; what is timed is a training "
                "step, the sum of your `step_flops`.")
        if math.isclose(flops, sum(step_flops_of(filters, 1))):
            raise Mistake("batch-forgotten", f"{named(row)} counts one image; a step is a batch of {batch}.")
        other = next((f for f in range(1, 300) if math.isclose(flops, sum(step_flops_of(f, batch)))), None)
        if other:
            raise Mistake("counts-of-another-network", f"{named(row)} has the operations of a network with {other} "
                "filters.")
        raise Mistake("wrong-flops", f"{named(row)} has {flops:,.0f} operations; they should be {right_flops:,.0f}, "
            f"the sum of your `step_flops({filters}, {batch})`.")


def hardware(row: Row) -> None:
    """A processor's name stands in the row; the name that this machine gives itself is one, whatever it is."""
    said = str(row["hardware"]).strip()
    here, none = str(environment()["cpu"]).strip(), ("", "cpu", "gpu", "cuda", "numpy", "torch", "unknown", "none")
    if not isinstance(row["hardware"], str) or (said != here and said.lower() in none):
        raise Mistake("hardware-unnamed", f"{named(row)} names no hardware: {row['hardware']!r}. Say which processor "
            "it is.")


# C2: one row ------------------------------------------------------------------------------------------------------


def rows_to_ask(seed: int) -> list[Asked]:
    """Filters and batches that are primes, no two alike, on each backend."""
    chosen = [int(n) for n in np.random.default_rng(seed).choice(PRIMES, 6, replace=False)]
    return [(chosen[2 * i], backend, chosen[2 * i + 1]) for i, backend in enumerate(("torch", "numpy", "cuda"))]


@check("One row", "C2", builds_on="`time_step`", after="A1 A2 A3 B1 B2 B3 B4")
def row(
    measure_row: Any, parameters: Any, step_flops: Any, *, rounds: int, warmup: int, seed: int = 1
) -> Iterator[str]:
    """The row that `measure_row` makes of networks, processors and times that are known, then of networks that wait,
    with the student's own time_step.

    No machine is too slow or too busy for it.
    """
    asked, rng = rows_to_ask(seed), np.random.default_rng(seed)
    answers = [(s, 0.9917 * s, 1.0129 * s) for s in (0.0271828 + 0.0031 * np.arange(1, 40)) * rng.uniform(1, 1.4)]
    waits = lengths(seed, 2, 5e-4, 60)  # of the first two
    seen = ask(probes.row, measure_row, parameters, step_flops, asked, answers, waits)
    for i, one in enumerate(asked):
        _told(seen.part("told").part(i), seen.part("own"), one, answers, rounds, warmup)
    yield "measure_row: the network that was asked for, its processor, and what time_step returned"
    _waited(seen.part("waited"), asked[:2], waits, rounds, again=True)
    yield "times that fit how long the steps of a network take"


def _row_of(seen: Answer) -> tuple[Row, tuple[Any, Any, Any]]:
    """What measure_row returned, and what it asked `prepare` for last."""
    if not seen["prepares by name"]:
        seen.finish()
        raise Mistake("prepare-not-called", "measure_row should be a function of this notebook that prepares its "
            "network by `prepare` and times it by `time_step`: the check tries it with stand-ins of these names.")
    row, prepared = seen["row"], seen["prepared"]
    if row is None:
        raise Mistake("returns-none", "measure_row returns None. Is the `return` missing?")
    if not isinstance(row, dict):
        raise Mistake("not-a-row", f"measure_row should return a row, a dictionary; what it returns is {kind_of(row)}.")
    if not prepared:
        raise Mistake("prepare-not-called", "measure_row never calls `prepare`: the network that was asked for is not "
            "made, so nothing of it can be measured.")
    return row, prepared[-1]


def _told(
    seen: Answer, own: Answer, asked: Asked, answers: Sequence[tuple[float, float, float]], rounds: int, warmup: int
) -> None:
    row, prepared = _row_of(seen)
    _arguments(prepared, asked)
    filters, backend, batch = asked
    words = f"measure_row({filters}, {backend!r}, {batch})"
    for key, value in zip(("filters", "backend", "batch"), asked, strict=True):
        if key in row and row[key] != value:
            raise Mistake("wrong-label", f"{words} says {row[key]!r} under {key!r}; it should say {value!r}.")
    if {"filters", "batch", "parameters", "flops"} <= row.keys():
        try:
            counts(row, own)
        except Mistake as mistake:
            raise Mistake(mistake.name, f"Tried as {words}: {mistake.message}") from None
    if row.get("hardware", HARDWARE) != HARDWARE:
        raise Mistake("hardware-written-in", f"measure_row says {str(row['hardware'])[:40]!r} under 'hardware', "
            "whatever the network runs on. Take `.hardware` of what `prepare` returns: it names the processor, on a "
            "CPU and on a GPU.")
    if backend == "cuda" and seen["timed"] and all(seen["nothing to wait by"]):
        raise Mistake("synchronise-not-handed-on", f"{words} hands time_step None where the function `synchronise` "
            "belongs. Is it called there? `.synchronise()` waits once and gives None; without parentheses, "
            "`.synchronise`, the function itself is handed on.")
    if backend == "cuda" and seen["timed"] and not any(seen["synchronised"]):
        raise Mistake("synchronise-not-handed-on", f"{words} hands time_step a function that does not wait for this "
            "network. Pass it `synchronise` of what `prepare` returns: that knows the device.")
    if seen["timed"]:
        _answers(row, seen["timed"], answers, rounds, warmup, batch)


def _waited(
    seen: Answer, asked: Sequence[Asked], waits: Sequence[float], rounds: int, again: bool = False
) -> None:
    """Rows of networks whose steps wait, each much longer than the next: `measure_row` and the student's own
    `time_step` made them.

    Nothing but that they were measured is asked of them, so that a mistake that has cost its points elsewhere costs
    none here. again: each was asked for before.
    """
    for i, (one, seconds) in enumerate(zip(asked, waits, strict=True)):
        of_row = seen.part(i)
        if of_row["prepares by name"] and isinstance(of_row["row"], dict) and not of_row["prepared"] and again:
            raise Mistake("row-kept", f"Asked for the row of {one[1]} with {one[0]} filters again, measure_row "
                "prepares no network: it returns a row, or times a network, that it kept from an earlier call "
                "(`lru_cache`, a dictionary?), which may have had another batch, and is warm. Prepare and time a new "
                "network in each call.")
        row, prepared = _row_of(of_row)
        if isinstance(used := of_row["used"], dict) and all(used.values()) and not {*used["step"]} & {*used["load"]}:
            raise Mistake("several-networks", f"For one row measure_row calls `prepare` {len(of_row['prepared'])} "
                "times, and times the step of one network on the batches of another. Prepare one network, keep it, "
                "`network = prepare(filters, name, batch)`, and take step, load, synchronise and hardware of it.")
        _arguments((prepared[0], prepared[1], one[2]), one)
        steps = Calls(of_row["calls"])
        if steps.count("step") < rounds / 2:
            raise Mistake("not-called", f"For a row of {rounds} rounds the network's `step` is called "
                f"{steps.count('step')} times. What is not run can't be measured: pass `prepare(…).step` to your "
                "`time_step`.")
        if "seconds" not in row:
            raise Mistake("key-missing", f"{named(row)} has no 'seconds'. `time_step` returns them.")
        demand_possible([number(row["seconds"], "'seconds' of measure_row's row")], seconds, steps.spent(),
            "'seconds' of measure_row's row")


def _arguments(got: tuple[Any, Any, Any], asked: Asked) -> None:
    """measure_row hands on what it is given."""
    if got[0] != asked[0]:
        raise Mistake("filters-not-handed-on", f"Asked for {asked[0]} filters, measure_row prepares a network with "
            f"{got[0]}. Pass `filters` on to `prepare`.")
    if got[1] != asked[1]:
        raise Mistake("backend-not-handed-on", f"Asked for {asked[1]!r}, measure_row prepares a network on {got[1]!r}: "
            "the row would name a backend that never ran. Pass `name` on to `prepare`.")
    if got[2] != asked[2]:
        raise Mistake("batch-not-handed-on", f"Asked for a batch of {asked[2]}, measure_row prepares "
            f"{'the usual one' if got[2] is None else f'one of {got[2]}'}. Pass `batch` on to `prepare`.")


def _answers(
    row: Row,
    timed: Sequence[tuple[Any, Any]],
    answers: Sequence[tuple[float, float, float]],
    rounds: int,
    warmup: int,
    batch: int,
) -> None:
    """The row holds what time_step returned, in a timing with all rounds and the warm-up."""
    if not any(many >= rounds for many, _ in timed):
        raise Mistake("too-few-rounds", f"measure_row lets time_step make {timed[-1][0]} rounds; ROUNDS is {rounds}.")
    good = [
        (answer, many)
        for answer, (many, warm) in zip(itertools.cycle(answers), timed, strict=False)
        if many >= rounds and warm >= warmup
    ]
    if not good:
        raise Mistake("warm-up-left-out", f"measure_row lets time_step make {timed[-1][1]} warm-up steps; WARMUP is "
            f"{warmup}.")
    if row.get("device") is not None and device_of(row["device"]) != "cpu":
        raise Mistake("device-overwritten", f"'device' of measure_row's row is {str(row['device'])[:40]!r}, and "
            "time_step returned 'cpu': keep that, which says where the step *did* run. (A network that was meant for a "
            "GPU may have been left on the CPU.)")
    for i, key in enumerate(TIMES):
        if key not in row:
            continue
        got, what = number(row[key], f"{key!r} of measure_row's row"), f"{key!r} of measure_row's row"
        if any(_alike(got, answer[i]) for answer, _ in good):
            continue
        answer, many = good[-1]
        raise explained(got, _changed(what, answer[i], many, batch), _alike) or (
            explained(got, [Hypothesis("rounded", round(answer[i], digits), f"{what} is rounded to {got:g} s; "
                f"time_step returned {answer[i]:.5g}. Small networks take less than a millisecond: round only where "
                "you print.") for digits in range(5)], math.isclose)
            or explained(
                got,
                [
                    Hypothesis("wrong-entry", value, f"{what} is the {other!r} that time_step returned.")
                    for other, value in zip(TIMES, answer, strict=True)
                ],
                _alike,
            )
            or Mistake("changed-after-timing", f"{what} is {got:.5g}, and time_step returned {answer[i]:.5g}. Keep the "
                "measured value as it is.")
        )


TIMES = ("seconds", "low", "high")


def _alike(got: Any, right: Any) -> bool:
    return math.isclose(got, right, rel_tol=1e-3)


def _changed(what: str, right: float, rounds: int, batch: int) -> list[Hypothesis]:
    """What may have become of a time that time_step returned."""
    unit = "Use seconds everywhere and convert only where you print."
    return [
        Hypothesis(name, right * factor, f"{what} is not what time_step returned: {hint}")
        for factor, name, hint in (
            (1e3, "wrong-unit", f"it is in milliseconds. {unit}"),
            (1e6, "wrong-unit", f"it is in microseconds. {unit}"),
            (1 / 60, "wrong-unit", f"it is in minutes. {unit}"),
            (1 / batch, "per-image", "it is divided by the images of the batch. A row has the seconds of a whole "
                "step."),
            (batch, "times-the-batch", "it is multiplied by the images of the batch. A row has the seconds of one "
                "step."),
            (rounds, "all-rounds", "it is multiplied by the rounds. A row has the seconds of one step."),
            (1 / rounds, "divided-by-rounds", "it is divided by the rounds; time_step has returned the seconds of one "
                "step already."),
        )
    ]


# C2: measured rows ------------------------------------------------------------------------------------------------

KEYS = (
    "filters",
    "backend",
    "batch",
    "parameters",
    "flops",
    "hardware",
    "threads",
    "rounds",
    "device",
    "seconds",
    "low",
    "high",
)
NAMED = {"cuda": "cuda", "cuda graph": "cuda", "numpy": "cpu", "torch": "cpu"}

FASTEST = {"cpu": 2e13, "cuda": 2e15}
"""FLOP/s that no machine reaches in float32 on this network; a CPU's as on one core with room to spare."""


def _list(rows: Any, name: str) -> list[Row]:
    if rows is None or (hasattr(rows, "__len__") and not len(rows)):
        raise Mistake("still-to-do", f"Still to do: `{name}` is still empty; write `measure_row`, then run the cell "
            "that measures.")
    if not isinstance(rows, list | tuple) or not all(isinstance(row, dict) for row in rows):
        raise Mistake("not-a-list-of-rows", f"`{name}` should be a list of rows, each a dictionary.")
    for row in rows:
        missing = [key for key in KEYS if key not in row]
        if missing:
            hint = {
                "threads": " A CPU's time means little without the number of threads that computed.",
                "hardware": " A time means little without the name of what it was measured on.",
                "device": " `time_step` returns where the step ran.",
            }.get(missing[0], "")
            raise Mistake("key-missing", f"{named(row)} has no {missing[0]!r}.{hint}")
        for key in ("filters", "batch"):
            if not isinstance(row[key], int | float | np.number) or row[key] % 1:
                raise Mistake("not-a-whole-number", f"A row says {str(row[key])[:40]!r} under {key!r}; it should be a "
                    "whole number.")
    return list(rows)


def _given(row: Row) -> bool:
    return bool(row.get("recorded")) or bool(row.get("predicted"))


def _times(row: Row, rounds: int) -> None:
    """One row by itself: positive, ordered, possible."""
    if not rounds <= number(row["rounds"], "'rounds'") < math.inf:
        raise Mistake("too-few-rounds", f"{named(row)} was timed {row['rounds']} times; {rounds} rounds are asked for.")
    seconds, low, high = (number(row[key], f"{key!r} of a row") for key in ("seconds", "low", "high"))
    if not all(math.isfinite(v) and v > 0 for v in (seconds, low, high)):
        raise Mistake("not-a-time", f"{named(row)} has a time that is zero, negative or not a number: seconds "
            f"{seconds:g}, low {low:g}, high {high:g}.")
    if not low * (1 - 1e-9) <= seconds <= high * (1 + 1e-9):
        raise Mistake("not-in-order", f"{named(row)}: low {low:.4g}, seconds {seconds:.4g}, high {high:.4g} are not in "
            "order. The median lies between the quartiles.")
    speed = number(row["flops"], "'flops'") / seconds
    if speed > FASTEST[NAMED[row["backend"]]] or seconds < 1e-6:
        raise Mistake("too-fast", f"{named(row)} has {seconds:.3g} s a step; that would be {speed / 1e9:,.0f} GFLOP/s. "
            "Was `synchronise` called, did a step run at all, and are these seconds?")


def _labels(row: Row, threads: int | None) -> None:
    if not isinstance(row["backend"], str) or row["backend"] not in NAMED:
        raise Mistake("unknown-backend", f"A row has the backend {row['backend']!r}; known are {', '.join(NAMED)}.")
    ran, meant = device_of(row["device"]), NAMED[row["backend"]]
    if ran != meant:
        raise Mistake("cpu-run-labelled-gpu" if meant == "cuda" else "gpu-run-labelled-cpu",
            f"{named(row)} ran on {ran!r}. A time with the wrong device in its label can't be compared with anything.")
    hardware(row)
    if row["threads"] is None or isinstance(row["threads"], str):
        raise Mistake("threads-unknown", f"{named(row)} says {row['threads']!r} under 'threads'; it is the number of "
            f"threads that computed, {threads or 1}.")
    count = number(row["threads"], "'threads'")
    if count < 1 or count % 1:
        raise Mistake("threads-unknown", f"{named(row)} says {row['threads']!r} threads; it is a whole number of at "
            "least 1.")
    if threads is not None and not _given(row) and count != threads:
        raise Mistake("wrong-threads", f"{named(row)} says {count:g} threads; the setup cell set {threads}.")


def _measured_each(rows: Sequence[Row]) -> None:
    """No row is another one, copied or multiplied, and not all are a single timing."""
    narrow = [row for row in rows if row["low"] == row["high"]]
    # on a coarse clock a quiet row may have equal quartiles, but not most of them
    if len(narrow) > 1 and 2 * len(narrow) >= len(rows):
        raise Mistake("no-spread", f"{named(narrow[0])} has two equal quartiles, to the last digit, and so have "
            f"{len(narrow) - 1} more. Clocks never do that: is one timing repeated?")
    for a, b in itertools.combinations(rows, 2):
        shares = ((a[key] / a["seconds"], b[key] / b["seconds"]) for key in ("low", "high"))
        if a["low"] == a["high"] or any(not math.isclose(p, q, rel_tol=1e-11) for p, q in shares):
            continue
        if a["seconds"] != b["seconds"]:
            raise Mistake("computed-not-measured", f"{named(b)} is {b['seconds'] / a['seconds']:.6g} times that of "
                f"{a['backend']} with {a['filters']} filters, batch {a['batch']}, in its median and both quartiles, to "
                "the last digit. It was calculated: each network has to be timed.")
        size = a["filters"] != b["filters"] or a["batch"] != b["batch"]
        name = "copied-to-another-size" if a["backend"] == b["backend"] and size else "copied-from-another-backend"
        raise Mistake(name, f"{named(a)} and that of {b['backend']} with {b['filters']} filters, batch {b['batch']}, "
            "took exactly the same time, to the last digit. One of them is a copy: each network has to be timed.")


def _not_recorded(rows: Sequence[Row]) -> None:
    """No row that is given as measured stands in the course's records, to the last digit."""
    from helpers.study.cnn_runtime import recorded

    for point, row in itertools.product(recorded(), rows):
        if point.low < point.high and all(row[key] == getattr(point, key) for key in ("seconds", "low", "high")):
            raise Mistake("recorded-as-measured", f"{named(row)} is the recorded one of {point.hardware} "
                f"({point.backend}, {point.filters} filters), to the last digit, and is not marked. Measure it "
                "yourself, or mark it as recorded.")


def _same_as_given(rows: Sequence[Row], given: Sequence[Any]) -> None:
    """Rows that come from a file or a model stay as they are, and marked."""
    for point in given:
        mine = [
            row
            for row in rows
            if (row["backend"], row["filters"], row["batch"]) == (point.backend, point.filters, point.batch)
        ]
        named = f"{point.backend} with {point.filters} filters"
        if not mine:
            raise Mistake("gpu-row-missing", f"The {point.kind} row of {named} is missing: `rows` holds what you "
                "measured and then the `gpu_rows`, as they are.")
        if len(mine) > 1:
            raise Mistake("row-twice", f"The {point.kind} row of {named} is there {len(mine)} times; keep one. (Was "
                "the cell with `+=` run twice without emptying the list?)")
        for row in mine:
            for kind in ("recorded", "predicted"):
                if getattr(point, kind) and not row.get(kind):
                    raise Mistake(f"{kind}-as-measured", f"The row of {named} is no longer marked as {kind}. It was "
                        "not measured here: say so, in the row and in every figure.")
                if row.get(kind) and not getattr(point, kind):
                    raise Mistake("wrongly-marked", f"The row of {named} is marked as {kind}, and it is {point.kind}.")
            for key in ("seconds", "low", "high", "hardware", "rounds"):
                if row[key] != getattr(point, key):
                    raise Mistake(f"{point.kind}-row-changed", f"{key!r} of the {point.kind} row of {named} was "
                        f"{getattr(point, key)!r} and is now {row[key]!r}. Rows from others are used unchanged.")


@check("Measured rows", "C2", builds_on="`time_step` and `measure_row`", after="A1 A2 A3 B1 B2 B3 B4 C2")
def rows(
    rows: Any,
    gpu: Sequence[Any],
    filters: Mapping[str, Sequence[int]],
    parameters: Any,
    step_flops: Any,
    *,
    batch: int,
    rounds: int,
    threads: int,
) -> Iterator[str]:
    """One row for each backend and number of filters, measured here, and the rows of `gpu` (Points) unchanged.

    filters: backend -> numbers of filters that are measured here. The student's own counts will do, so that a mistake
    in them costs
    its points once.
    """
    seen = ask(probes.rows, rows, parameters, step_flops)
    found = _list(seen["rows"], "rows")
    for row in found:
        _labels(row, threads)
    measured = [row for row in found if not _given(row)]
    for backend, sizes in filters.items():
        mine = [row for row in measured if row["backend"] == backend]
        for size in sizes:
            here = [row for row in mine if row["filters"] == size]
            if not here:
                marked = any(row["backend"] == backend and row["filters"] == size for row in found)
                hint = (
                    " There is one that is marked as recorded or predicted, but you measured it yourself."
                    if marked
                    else ""
                )
                raise Mistake("wrongly-marked" if marked else "size-missing", f"There is no measured row of {backend} "
                    f"with {size} filters.{hint}")
            if len(here) > 1:
                raise Mistake("row-twice", f"There are {len(here)} rows of {backend} with {size} filters; keep one. "
                    "(Picking the best of several is selecting by the result.)")
    extra = [row for row in measured if row["filters"] not in filters.get(row["backend"], ())]
    known = {(point.backend, point.filters) for point in gpu}
    if any((row["backend"], row["filters"]) in known for row in extra):
        _same_as_given(found, gpu)
    if any(NAMED[row["backend"]] == "cuda" for row in extra):
        raise Mistake("gpu-invented", f"{named(next(row for row in extra if NAMED[row['backend']] == 'cuda'))} is "
            "given as measured here, and there is no such device.")
    for row in found:
        if not _given(row) and row["batch"] != batch:
            raise Mistake("wrong-batch", f"{named(row)}: the batch should be {batch}, as everywhere in this part.")
        counts(row, None if _given(row) else seen.part("own"))
    yield f"{len(measured)} measured rows, parameters and operations as counted, device, hardware and threads stated"
    _same_as_given(found, gpu)
    if gpu:
        yield f"{len(gpu)} rows that were not measured here, unchanged and marked"
    for row in found:
        _times(row, 0 if _given(row) else rounds)
    _measured_each(measured)
    _not_recorded(measured)
    yield f"at least {rounds} rounds each, medians between their quartiles, no row copied, times that can be real"


# F2: larger batches -----------------------------------------------------------------------------------------------


def batch_rows(seed: int) -> dict[str, list[Row]]:
    """Five rows of each of four backends, in no order of their batches, of which each backend has one twice and the
    first one a single image. The name of a backend is part of another's."""
    rng = np.random.default_rng(seed)
    images = rng.choice((*PRIMES, 6, 8, 24, 36, 48, 50, 64, 96), 16, replace=False)
    images[rng.integers(4)] = 1
    found = {}
    for backend, some in zip(("numpy", "torch", "cuda", "cuda graph"), images.reshape(4, 4).tolist(), strict=True):
        while some == sorted(some) or some == sorted(some, reverse=True):
            some = rng.permutation(some).tolist()
        found[backend] = [
            {"filters": 7, "backend": backend, "batch": n, "seconds": s, "low": 0.97 * s, "high": 1.06 * s, "rounds": 9}
            for n, s in zip([*some, some[1]], rng.uniform(0.001, 0.009, size=5).tolist(), strict=True)
        ]
    return found


@check("Seconds per image", "F2")
def per_image(per_image: Any, *, seed: int = 0) -> Iterator[str]:
    """per_image(rows, backend): seconds of a step ÷ images of the batch, for each of this backend's rows, in their
    order."""
    table = batch_rows(seed)
    rows = [row for turn in zip(*table.values(), strict=True) for row in turn]
    seen = ask(probes.of_rows, "per_image", per_image, rows, list(table), "", None, (), ("the rows",))
    for i, backend in enumerate(table):
        value = taken(seen, i, backend, lambda found: found is not None and bool(np.size(found)))
        if value is None:
            raise Mistake("returns-none", "per_image returns None. Is the `return` missing?")
        got = array(list(value.values()) if isinstance(value, dict) else value, f"per_image(rows, {backend!r})")
        _seconds_per_image(got, backend, table, len(rows), partial(demand_used, seen, i))
    demand_lasting(seen, "per_image")
    yield f"{len(table)} backends, seconds per image of each row"


def _seconds_per_image(
    got: np.ndarray, backend: str, table: Mapping[str, Sequence[Row]], many: int, used: Callable[[], None]
) -> None:
    sizes, seconds = (np.array([row[key] for row in table[backend]], float) for key in ("batch", "seconds"))
    right, what = seconds / sizes, f"per_image(rows, {backend!r})"
    if _close(got, right):
        return
    used()
    unit = "Use seconds everywhere and convert only where you print."
    once = "Of two rows with the same batch only one is there, as a dictionary by batches keeps one of equal keys."
    order = "in the order of their batches; keep that of the rows, so that each entry belongs to its row."
    last, first = (dict(zip(sizes[::step], right[::step], strict=True)) for step in (1, -1))
    of_part = [row for name, some in table.items() if backend in name for row in some]
    fixed = np.array((1, 4, 16, 64, 256))
    wrong = [
        Hypothesis("not-divided", seconds, f"{what}: These are seconds of a step; divide each by the images of its "
            "batch."),
        Hypothesis("upside-down", sizes / seconds, f"{what}: These are images per second; seconds per image are asked "
            "for."),
        Hypothesis("batches-written-in", seconds / fixed, f"{what}: The rows are divided by 1, 4, 16, 64 and 256 in "
            "turn, the notebook's `BATCHES`; each row says its own `batch`, and rows may be others and in any order."),
        Hypothesis("order-changed", right[np.argsort(sizes, kind="stable")], f"{what}: The results come {order}"),
        Hypothesis("order-changed", np.sort(right), f"{what}: The results are sorted; keep the order of the rows."),
        Hypothesis("order-reversed", right[::-1], f"{what}: The order is reversed: the first entry belongs to the "
            "first row."),
        *(
            Hypothesis("equal-batches-once", [some[n] for n in order_of(some)], f"{what}: {once}")
            for some in (last, first)
            for order_of in (list, sorted, lambda some: list(some)[::-1])
        ),
        Hypothesis("multiplied-for-divided", seconds * sizes, f"{what}: The seconds are multiplied by the batch; "
            "divide."),
        Hypothesis("wrong-unit", 1e3 * right, f"{what}: These are milliseconds. {unit}"),
        Hypothesis("wrong-unit", 1e6 * right, f"{what}: These are microseconds. {unit}"),
        Hypothesis("wrong-entry", 0.97 * right, f"{what}: These come from `low`; take the rows' `seconds`."),
        Hypothesis("wrong-entry", 1.06 * right, f"{what}: These come from `high`; take the rows' `seconds`."),
        *(
            Hypothesis("other-backend", _per_image(theirs), f"{what} holds the times of {other}.")
            for other, theirs in table.items()
            if other != backend
        ),
        *(
            Hypothesis("other-backend", _per_image(some), f"{what} has {len(some)} numbers for {len(right)} rows: in "
                "other backends' names this text is found, too, as `in` and `startswith` find \"cuda\" in \"cuda "
                "graph\". Compare with `==`.")
            for some in (of_part, [row for turn in zip(*table.values(), strict=True) for row in turn if row in of_part])
            if len(some) < many
        ),
    ]
    if named := explained(got, wrong, _close):
        raise named
    if got.shape == right.shape and _close(got / got[0], seconds / seconds[0]):
        raise Mistake("one-batch-for-all", f"{what}: All are divided by the same number; each row has its own `batch`.")
    if got.shape == (many,):
        raise Mistake("all-rows-for-one", f"{what} has {many} numbers, one for each of all rows. Take the rows whose "
            f"`backend` is {backend!r}.")
    if got.shape != right.shape:
        raise Mistake("wrong-shape", f"{what} should have {len(sizes)} numbers, one for each row of {backend}; it has "
            f"shape {got.shape}.")
    raise Mistake("differs", f"{what} should be {np.array2string(right, precision=5)} s, seconds ÷ batch of its rows; "
        f"it is {np.array2string(got, precision=5)}.")


def _per_image(rows: Sequence[Row]) -> np.ndarray:
    return np.array([row["seconds"] / row["batch"] for row in rows])


def _close(got: np.ndarray, wrong: Any) -> bool:
    return got.shape == np.shape(wrong) and bool(np.allclose(got, wrong, rtol=1e-6))


@check("Larger batches", "F2", builds_on="`measure_row`", after="A1 A2 A3 B1 B2 C2")
def batches(
    batch_rows: Any,
    backends: Sequence[str],
    batches: Sequence[int],
    parameters: Any,
    step_flops: Any,
    measure_row: Any,
    *,
    filters: int,
    rounds: int,
    seed: int = 1,
) -> Iterator[str]:
    """A row for each backend and batch size, measured by the student's own functions, as they measure batches of
    other sizes."""
    images = np.random.default_rng(seed).choice(PRIMES, 2, replace=False)
    asked = [(filters, backends[i % len(backends)], int(n)) for i, n in enumerate(images)]
    waits = lengths(seed, len(asked), 5e-4, 60)
    seen = ask(probes.batches, batch_rows, parameters, step_flops, measure_row, asked, waits)
    _waited(seen.part("waited"), asked, waits, rounds)
    yield "measure_row: times that fit how long the steps of a network take"
    found = _list(seen["rows"], "batch_rows")
    for row in found:
        _labels(row, None)
        if row["filters"] != filters:
            raise Mistake("wrong-filters", f"{named(row)}: this experiment is about {filters} filters; only the batch "
                "changes.")
        counts(row, seen.part("own"))
        _times(row, rounds)
    for backend in backends:
        there = [row["batch"] for row in found if row["backend"] == backend]
        missing = [size for size in batches if size not in there]
        if missing:
            raise Mistake("size-missing", f"There is no row of {backend} with a batch of {missing[0]}.")
        yield f"{backend}: {len(batches)} batch sizes"
    _measured_each(found)
    _not_recorded(found)
