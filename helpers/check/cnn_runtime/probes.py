"""What the checks of `cnn_runtime` run beside the student's code. Nothing here knows a right result."""

from __future__ import annotations

import contextlib
import inspect
from collections.abc import Mapping, Sequence
from types import FunctionType, SimpleNamespace
from typing import Any

from helpers.check.cnn_runtime.machine import Machine
from helpers.check.core.probe import Bench, Seen, Stopped, calls, run

Asked = tuple[int, str, int]
"""Filters, backend and batch of a row."""
HARDWARE = "Processor of numbers, model 7"


def calls_and_own(
    seen: Seen, what: str, function: Any, cases: Sequence[Any], own_what: str, own: Any, own_cases: Sequence[Any]
) -> None:
    """`calls` of a function; under "own" those of another one on which it builds and which has a check of its own, as
    far as they go."""
    with contextlib.suppress(Stopped):
        calls(seen.part("own"), own_what, own, own_cases)
    calls(seen, what, function, cases)


def of_rows(
    seen: Seen,
    what: str,
    function: Any,
    rows: Sequence[dict[str, Any]],
    names: Sequence[str],
    own_what: str = "",
    own: Any = None,
    own_cases: Sequence[Any] = (),
    inputs: Sequence[str] = (),
) -> None:
    """`calls` of a function of rows and of each name of a backend, which stand in the rows as equal texts, not as the
    same; of the first with the same text under "same", and with no rows under "others"; under "own" as in
    `calls_and_own`. inputs: as `calls` has them."""
    if own_what:
        with contextlib.suppress(Stopped):
            calls(seen.part("own"), own_what, own, own_cases)
    equal = [{**row, "backend": "".join(list(row["backend"]))} for row in rows]
    same = [{**row, "backend": names[0] if row["backend"] == names[0] else row["backend"]} for row in rows]
    for part, some in (("same", same), ("others", [])):
        with contextlib.suppress(Stopped):
            seen.part(part)["0"] = run(what, function, some, names[0])
    calls(seen, what, function, [(equal, name) for name in names], inputs)


def timings(
    seen: Seen, time_step: Any, machines: Sequence[dict[str, Any]], rounds: Sequence[int], warmups: Sequence[int]
) -> None:
    """What `time_step` returns on each of these machines, and which of their functions it called."""
    for number, (parts, many, warmup) in enumerate(zip(machines, rounds, warmups, strict=True)):
        notes, machine = seen.part(number), Machine(**parts)
        try:
            found = run(
                "time_step", time_step, machine.step, machine.load, many, warmup, machine.synchronise, machine.clock
            )
        finally:
            notes["events"], notes["strangers"] = machine.events, machine.strangers
            notes["batches"], notes["without gradients"] = len(machine.batches), machine.without_gradients
        notes["result"] = _device_as_text(found)


def _device_as_text(found: Any) -> Any:
    """A row or timing with its device as text, which torch has an object for; anything else as it is."""
    if not isinstance(found, Mapping):
        return found
    return {key: str(value) if key == "device" else value for key, value in found.items()}


# Rows -------------------------------------------------------------------------------------------------------------


def own_counts(seen: Seen, parameters: Any, step_flops: Any, sizes: Sequence[tuple[int, int]]) -> None:
    """The student's own counts for these filters and batches, as far as they can be had."""
    for name, function, width in (("parameters", parameters, 1), ("flops", step_flops, 2)):
        with contextlib.suppress(Stopped):
            for case in dict.fromkeys(size[:width] for size in sizes):
                found = run(name, function, *case)
                seen.part(name)[str(case)] = list(found.values()) if isinstance(found, Mapping) else found


def rows(seen: Seen, rows: Any, parameters: Any, step_flops: Any) -> None:
    """The rows that were measured, and the student's own counts for them."""
    listed = rows if isinstance(rows, list | tuple) else ()
    seen["rows"] = [_device_as_text(row) for row in listed] if listed else rows
    sizes = []
    for row in listed:
        with contextlib.suppress(Exception):  # the verdict tells what is wrong with such a row
            sizes.append((int(row["filters"]), int(row["batch"])))
    own_counts(seen.part("own"), parameters, step_flops, sizes)


def row(
    seen: Seen,
    measure_row: Any,
    parameters: Any,
    step_flops: Any,
    asked: Sequence[Asked],
    answers: Sequence[Any],
    waits: Sequence[float],
) -> None:
    """Rows from networks and times that are known, then from networks that wait; and the student's own counts for
    them."""
    own_counts(seen.part("own"), parameters, step_flops, [(filters, batch) for filters, _, batch in asked])
    for number, one in enumerate(asked):
        told(seen.part("told").part(number), measure_row, one, answers)
    waited(seen.part("waited"), measure_row, asked[: len(waits)], waits)


def batches(
    seen: Seen,
    batch_rows: Any,
    parameters: Any,
    step_flops: Any,
    measure_row: Any,
    asked: Sequence[Asked],
    waits: Sequence[float],
) -> None:
    """`rows` of larger batches, and rows from networks that wait."""
    rows(seen, batch_rows, parameters, step_flops)
    waited(seen.part("waited"), measure_row, asked, waits)


def told(seen: Seen, measure_row: Any, asked: Asked, answers: Sequence[tuple[float, float, float]]) -> None:
    """The row that `measure_row` makes where others have the place of the notebook's `prepare` and the student's
    `time_step`: what they are asked, and the row. answers: seconds, low and high that `time_step` says in turn."""
    prepared: list[Any] = []
    timed: list[Any] = []
    machine = Machine([0.01], 0, 0.01)
    synchronised: list[bool] = []
    nothing: list[bool] = []

    def time_step(
        step: Any, load: Any, rounds: Any, warmup: Any, synchronise: Any, clock: Any = None
    ) -> dict[str, Any]:
        seconds, low, high = answers[len(timed) % len(answers)]
        timed.append((rounds, warmup))
        before = machine.count("synchronise")
        nothing.append(synchronise is None)
        with contextlib.suppress(Exception):  # it may be anything
            synchronise()
        synchronised.append(machine.count("synchronise") > before)
        return {"seconds": seconds, "low": low, "high": high, "rounds": rounds, "device": "cpu"}

    _row(seen, measure_row, asked, prepared, machine.step, machine.load, machine.synchronise, time_step=time_step)
    seen["timed"], seen["synchronised"], seen["nothing to wait by"] = timed, synchronised, nothing


def waited(seen: Seen, measure_row: Any, asked: Sequence[Asked], waits: Sequence[float]) -> None:
    """The rows that `measure_row` makes with the student's own `time_step` of networks whose steps wait so long, and
    when each step was called."""
    for number, (one, seconds) in enumerate(zip(asked, waits, strict=True)):
        notes, bench, prepared = seen.part(number), Bench(), list[Any]()
        step = bench.piece("step", seconds, lambda batch=None: Machine([0.01], 0, 0.01).step(batch))
        _row(notes, measure_row, one, prepared, step, lambda prepared=prepared: len(prepared), lambda: None)
        notes["calls"] = bench.notes()


def _row(
    seen: Seen,
    measure_row: Any,
    asked: Asked,
    prepared: list[Any],
    step: Any,
    load: Any,
    synchronise: Any,
    **parts: Any,
) -> None:
    """The row that `measure_row` makes of a network of these functions, in place of what `prepare` makes; the numbers
    of the networks whose step and load were "used"."""

    used: dict[str, set[int]] = {"step": set(), "load": set()}

    def prepare(filters: Any, name: Any, batch: Any = None) -> SimpleNamespace:
        prepared.append((filters, name, batch))
        number = len(prepared)

        def own_step(batch: Any) -> Any:
            used["step"].add(number)
            return step(batch)

        def own_load() -> Any:
            used["load"].add(number)
            return load()

        return SimpleNamespace(step=own_step, load=own_load, synchronise=synchronise, hardware=HARDWARE)

    scope = _globals(measure_row)
    seen["prepares by name"] = "prepare" in scope
    if callable(measure_row) and "prepare" not in scope:
        return
    parts = {name: part for name, part in {"prepare": prepare, **parts}.items() if name in scope}
    before = {name: scope[name] for name in parts}
    scope.update(parts)
    try:
        seen["row"] = run("measure_row", measure_row, *asked)
    finally:
        scope.update(before)
    seen["prepared"] = prepared
    seen["used"] = {name: sorted(numbers) for name, numbers in used.items()}


def _globals(function: Any) -> dict[str, Any]:
    """Of a function of a notebook; nothing of other objects that can be called."""
    with contextlib.suppress(Exception):  # a student's object may answer to `__wrapped__` with anything
        function = inspect.unwrap(function)
    return function.__globals__ if isinstance(function, FunctionType) else {}
