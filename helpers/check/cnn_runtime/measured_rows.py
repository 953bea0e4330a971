"""Checks of the measured rows of `cnn_runtime` (Parts C and F): complete, counted rightly, labelled, and times that can be real."""

from __future__ import annotations

import itertools
import math
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import numpy as np

from helpers.check.cnn_runtime import measured_row as one
from helpers.check.cnn_runtime.measured_row import named as _row
from helpers.check.cnn_runtime.timing import device_of
from helpers.check.core.calls import array, call, number
from helpers.check.core.report import Mistake, check

KEYS = ("filters", "backend", "batch", "parameters", "flops", "hardware", "threads", "rounds", "device", "seconds", "low", "high")
NAMED = {"cuda": "cuda", "cuda graph": "cuda", "numpy": "cpu", "torch": "cpu"}

FASTEST = {"cpu": 2e13, "cuda": 2e15}
"""FLOP/s that no machine reaches in float32 on this network; a CPU's as on one core with room to spare."""


def _list(rows: Any, name: str) -> list[Mapping[str, Any]]:
    if rows is None or (hasattr(rows, "__len__") and not len(rows)):
        raise Mistake("still-to-do", f"Still to do: `{name}` is still empty; write `measure_row`, then run the cell that measures.")
    if not isinstance(rows, list | tuple) or not all(isinstance(row, Mapping) for row in rows):
        raise Mistake("not-a-list-of-rows", f"`{name}` should be a list of rows, each a dictionary.")
    for row in rows:
        missing = [key for key in KEYS if key not in row]
        if missing:
            hint = {
                "threads": " A CPU's time means little without the number of threads that computed.",
                "hardware": " A time means little without the name of what it was measured on.",
                "device": " `time_step` returns where the step ran.",
            }.get(missing[0], "")
            raise Mistake("key-missing", f"{_row(row)} has no {missing[0]!r}.{hint}")
        for key in ("filters", "batch"):
            if not isinstance(row[key], int | float | np.number) or row[key] % 1:
                raise Mistake("not-a-whole-number", f"A row says {str(row[key])[:40]!r} under {key!r}; it should be a whole number.")
    return list(rows)


def _given(row: Mapping[str, Any]) -> bool:
    return bool(row.get("recorded")) or bool(row.get("predicted"))


def _times(row: Mapping[str, Any], rounds: int) -> None:
    """One row by itself: positive, ordered, possible."""
    if not rounds <= number(row["rounds"], "'rounds'") < math.inf:
        raise Mistake("too-few-rounds", f"{_row(row)} was timed {row['rounds']} times; {rounds} rounds are asked for.")
    seconds, low, high = (number(row[key], f"{key!r} of a row") for key in ("seconds", "low", "high"))
    if not all(math.isfinite(v) and v > 0 for v in (seconds, low, high)):
        raise Mistake("not-a-time", f"{_row(row)} has a time that is zero, negative or not a number: seconds {seconds:g}, low {low:g}, high {high:g}.")
    if not low * (1 - 1e-9) <= seconds <= high * (1 + 1e-9):
        raise Mistake("not-in-order", f"{_row(row)}: low {low:.4g}, seconds {seconds:.4g}, high {high:.4g} are not in order. The median lies between the quartiles.")
    speed = number(row["flops"], "'flops'") / seconds
    if speed > FASTEST[NAMED[row["backend"]]] or seconds < 1e-6:
        raise Mistake("too-fast", f"{_row(row)} has {seconds:.3g} s a step; that would be {speed / 1e9:,.0f} GFLOP/s. Was `synchronise` called, did a step run at all, and are these seconds?")


def _labels(row: Mapping[str, Any], threads: int | None) -> None:
    if not isinstance(row["backend"], str) or row["backend"] not in NAMED:
        raise Mistake("unknown-backend", f"A row has the backend {row['backend']!r}; known are {', '.join(NAMED)}.")
    ran, meant = device_of(row["device"]), NAMED[row["backend"]]
    if ran != meant:
        raise Mistake("cpu-run-labelled-gpu" if meant == "cuda" else "gpu-run-labelled-cpu", f"{_row(row)} ran on {ran!r}. A time with the wrong device in its label can't be compared with anything.")
    one.hardware(row)
    if row["threads"] is None or isinstance(row["threads"], str):
        raise Mistake("threads-unknown", f"{_row(row)} says {row['threads']!r} under 'threads'; it is the number of threads that computed, {threads or 1}.")
    count = number(row["threads"], "'threads'")
    if count < 1 or count % 1:
        raise Mistake("threads-unknown", f"{_row(row)} says {row['threads']!r} threads; it is a whole number of at least 1.")
    if threads is not None and not _given(row) and count != threads:
        raise Mistake("wrong-threads", f"{_row(row)} says {count:g} threads; the setup cell set {threads}.")


def _measured_each(rows: Sequence[Mapping[str, Any]]) -> None:
    """No row is another one, copied or multiplied, and not all are a single timing."""
    narrow = [row for row in rows if row["low"] == row["high"]]
    # on a coarse clock a quiet row may have equal quartiles, but not most of them
    if len(narrow) > 1 and 2 * len(narrow) >= len(rows):
        raise Mistake("no-spread", f"{_row(narrow[0])} has two equal quartiles, to the last digit, and so have {len(narrow) - 1} more. Clocks never do that: is one timing repeated?")
    for a, b in itertools.combinations(rows, 2):
        if a["low"] == a["high"] or any(not math.isclose(a[key] / a["seconds"], b[key] / b["seconds"], rel_tol=1e-11) for key in ("low", "high")):
            continue
        if a["seconds"] != b["seconds"]:
            raise Mistake("computed-not-measured", f"{_row(b)} is {b['seconds'] / a['seconds']:.6g} times that of {a['backend']} with {a['filters']} filters, batch {a['batch']}, in its median and both quartiles, to the last digit. It was calculated: each network has to be timed.")
        size = a["filters"] != b["filters"] or a["batch"] != b["batch"]
        name = "copied-to-another-size" if a["backend"] == b["backend"] and size else "copied-from-another-backend"
        raise Mistake(name, f"{_row(a)} and that of {b['backend']} with {b['filters']} filters, batch {b['batch']}, took exactly the same time, to the last digit. One of them is a copy: each network has to be timed.")


def _not_recorded(rows: Sequence[Mapping[str, Any]]) -> None:
    """No row that is given as measured stands in the course's records, to the last digit."""
    from helpers.study.cnn_runtime import recorded

    for point, row in itertools.product(recorded(), rows):
        if point.low < point.high and all(row[key] == getattr(point, key) for key in ("seconds", "low", "high")):
            raise Mistake("recorded-as-measured", f"{_row(row)} is the recorded one of {point.hardware} ({point.backend}, {point.filters} filters), to the last digit, and is not marked. Measure it yourself, or mark it as recorded.")


def _same_as_given(rows: Sequence[Mapping[str, Any]], given: Sequence[Any]) -> None:
    """Rows that come from a file or a model stay as they are, and marked."""
    for point in given:
        mine = [row for row in rows if (row["backend"], row["filters"], row["batch"]) == (point.backend, point.filters, point.batch)]
        named = f"{point.backend} with {point.filters} filters"
        if not mine:
            raise Mistake("gpu-row-missing", f"The {point.kind} row of {named} is missing: `rows` holds what you measured and then the `gpu_rows`, as they are.")
        if len(mine) > 1:
            raise Mistake("row-twice", f"The {point.kind} row of {named} is there {len(mine)} times; keep one. (Was the cell with `+=` run twice without emptying the list?)")
        for row in mine:
            for kind in ("recorded", "predicted"):
                if getattr(point, kind) and not row.get(kind):
                    raise Mistake(f"{kind}-as-measured", f"The row of {named} is no longer marked as {kind}. It was not measured here: say so, in the row and in every figure.")
                if row.get(kind) and not getattr(point, kind):
                    raise Mistake("wrongly-marked", f"The row of {named} is marked as {kind}, and it is {point.kind}.")
            for key in ("seconds", "low", "high", "hardware", "rounds"):
                if row[key] != getattr(point, key):
                    raise Mistake(f"{point.kind}-row-changed", f"{key!r} of the {point.kind} row of {named} was {getattr(point, key)!r} and is now {row[key]!r}. Rows from others are used unchanged.")


@check("Measured rows", "C2")
def rows(rows: Any, gpu: Sequence[Any], filters: Mapping[str, Sequence[int]], parameters: Any, step_flops: Any, *, batch: int, rounds: int, threads: int) -> Iterator[str]:
    """One row for each backend and number of filters, measured here, and the rows of `gpu` (Points) unchanged.

    filters: backend -> numbers of filters that are measured here. The student's own counts will do, so that a mistake in them costs
    its points once.
    """
    found = _list(rows, "rows")
    for row in found:
        _labels(row, threads)
    measured = [row for row in found if not _given(row)]
    for backend, sizes in filters.items():
        mine = [row for row in measured if row["backend"] == backend]
        for size in sizes:
            here = [row for row in mine if row["filters"] == size]
            if not here:
                marked = any(row["backend"] == backend and row["filters"] == size for row in found)
                hint = " There is one that is marked as recorded or predicted, but you measured it yourself." if marked else ""
                raise Mistake("wrongly-marked" if marked else "size-missing", f"There is no measured row of {backend} with {size} filters.{hint}")
            if len(here) > 1:
                raise Mistake("row-twice", f"There are {len(here)} rows of {backend} with {size} filters; keep one. (Picking the best of several is selecting by the result.)")
    extra = [row for row in measured if row["filters"] not in filters.get(row["backend"], ())]
    known = {(point.backend, point.filters) for point in gpu}
    if any((row["backend"], row["filters"]) in known for row in extra):
        _same_as_given(found, gpu)
    if any(NAMED[row["backend"]] == "cuda" for row in extra):
        raise Mistake("gpu-invented", f"{_row(next(row for row in extra if NAMED[row['backend']] == 'cuda'))} is given as measured here, and there is no such device.")
    for row in found:
        if not _given(row) and row["batch"] != batch:
            raise Mistake("wrong-batch", f"{_row(row)}: the batch should be {batch}, as everywhere in this part.")
        one.counts(row, None if _given(row) else parameters, None if _given(row) else step_flops)
    yield f"{len(measured)} measured rows, parameters and operations as counted, device, hardware and threads stated"
    _same_as_given(found, gpu)
    if gpu:
        yield f"{len(gpu)} rows that were not measured here, unchanged and marked"
    for row in found:
        _times(row, 0 if _given(row) else rounds)
    _measured_each(measured)
    _not_recorded(measured)
    yield f"at least {rounds} rounds each, medians between their quartiles, no row copied, times that can be real"


BATCH_ROWS = (("numpy", (3, 10, 35), (0.0021, 0.0047, 0.0131)), ("torch", (3, 10, 35), (0.0083, 0.0091, 0.0112)), ("cuda", (5, 20), (0.0004, 0.00043)))
"""Backend, batches and the seconds of a step."""


@check("Seconds per image", "F2")
def per_image(per_image: Any, *, table: Sequence[tuple[str, Sequence[int], Sequence[float]]] = BATCH_ROWS) -> Iterator[str]:
    """per_image(rows, backend): seconds of a step ÷ images of the batch, for each of this backend's rows, in their order."""
    made_up = [
        {"filters": 7, "backend": backend, "batch": batch, "seconds": value, "low": 0.97 * value, "high": 1.06 * value, "rounds": 9, "device": "cpu"}
        for i in range(max(len(sizes) for _, sizes, _ in table))
        for backend, sizes, seconds in table
        for batch, value in zip(sizes[i : i + 1], seconds[i : i + 1], strict=True)
    ]
    for backend, sizes, seconds in table:
        value = call(per_image, [dict(row) for row in made_up], backend, what="per_image")
        if value is None:
            raise Mistake("returns-none", "per_image returns None. Is the `return` missing?")
        got = array(list(value.values()) if isinstance(value, Mapping) else value, f"per_image(rows, {backend!r})")
        _seconds_per_image(got, backend, np.asarray(sizes, float), np.asarray(seconds, float), made_up)
    yield f"{len(table)} backends, seconds per image of each row"


def _seconds_per_image(got: np.ndarray, backend: str, sizes: np.ndarray, seconds: np.ndarray, rows: Sequence[Mapping[str, Any]]) -> None:
    right = seconds / sizes
    what = f"per_image(rows, {backend!r})"
    if got.shape == right.shape and np.allclose(got, right, rtol=1e-6):
        return
    if got.shape == (len(rows),):
        raise Mistake("all-rows-for-one", f"{what} has {len(rows)} numbers, one for each of all rows. Take the rows whose `backend` is {backend!r}.")
    if got.shape != right.shape:
        raise Mistake("wrong-shape", f"{what} should have {len(sizes)} numbers, one for each row of {backend}; it has shape {got.shape}.")
    for name, wrong, hint in (
        ("not-divided", seconds, "These are seconds of a step; divide each by the images of its batch."),
        ("upside-down", sizes / seconds, "These are images per second; seconds per image are asked for."),
        ("one-batch-for-all", seconds * (got[0] / seconds[0]), "All are divided by the same number; each row has its own `batch`."),
        ("order-reversed", right[::-1], "The order is reversed: the first entry belongs to the first row."),
        ("multiplied-for-divided", seconds * sizes, "The seconds are multiplied by the batch; divide."),
        ("wrong-unit", 1e3 * right, "These are milliseconds. Use seconds everywhere and convert only where you print."),
        ("wrong-unit", 1e6 * right, "These are microseconds. Use seconds everywhere and convert only where you print."),
        ("wrong-entry", 0.97 * right, "These come from `low`; take the rows' `seconds`."),
        ("wrong-entry", 1.06 * right, "These come from `high`; take the rows' `seconds`."),
    ):
        if np.allclose(got, wrong, rtol=1e-6):
            raise Mistake(name, f"{what}: {hint}")
    for other in dict.fromkeys(row["backend"] for row in rows if row["backend"] != backend):
        theirs = [row["seconds"] / row["batch"] for row in rows if row["backend"] == other]
        if len(theirs) == len(got) and np.allclose(got, theirs, rtol=1e-6):
            raise Mistake("other-backend", f"{what} holds the times of {other}.")
    raise Mistake("differs", f"{what} should be {np.array2string(right, precision=5)} s, seconds ÷ batch of these rows; it is {np.array2string(got, precision=5)}.")


@check("Larger batches", "F2", builds_on="`measure_row`")
def batches(batch_rows: Any, backends: Sequence[str], batches: Sequence[int], parameters: Any, step_flops: Any, measure_row: Any, *, filters: int, rounds: int, seed: int = 1, asked: Sequence[int] = (9, 33)) -> Iterator[str]:
    """A row for each backend and batch size, measured by the student's own functions, as they measure batches of `asked`."""
    one.measured(measure_row, [(filters, backends[i % len(backends)], batch) for i, batch in enumerate(asked)], rounds, seed)
    yield "measure_row: times that fit how long the steps of a network take"
    found = _list(batch_rows, "batch_rows")
    for row in found:
        _labels(row, None)
        if row["filters"] != filters:
            raise Mistake("wrong-filters", f"{_row(row)}: this experiment is about {filters} filters; only the batch changes.")
        one.counts(row, parameters, step_flops)
        _times(row, rounds)
    for backend in backends:
        there = [row["batch"] for row in found if row["backend"] == backend]
        missing = [size for size in batches if size not in there]
        if missing:
            raise Mistake("size-missing", f"There is no row of {backend} with a batch of {missing[0]}.")
        yield f"{backend}: {len(batches)} batch sizes"
    _measured_each(found)
    _not_recorded(found)
