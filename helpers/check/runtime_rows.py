"""Checks of the measured rows of `cnn_runtime` (Parts C and F): complete, counted rightly, labelled, and times that can be real."""

from __future__ import annotations

import itertools
import math
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import numpy as np

from helpers.check import runtime_row as one
from helpers.check.calls import array, number
from helpers.check.report import Mistake, check
from helpers.check.runtime_row import named as _row
from helpers.check.runtime_timing import device_of

KEYS = ("filters", "backend", "batch", "parameters", "flops", "hardware", "threads", "rounds", "device", "seconds", "low", "high")
NAMED = {"cuda": "cuda", "cuda graph": "cuda", "numpy": "cpu", "torch": "cpu"}

FASTEST = {"cpu": 2e13, "cuda": 2e15}
"""FLOP/s that no machine reaches in float32 on this network; a CPU's as on one core with room to spare."""

SLOWEST = 1.5e8
"""FLOP/s that every machine with numpy surpasses on its best row; a step in milliseconds called seconds stays below it."""


def _list(rows: Any, name: str) -> list[Mapping[str, Any]]:
    if rows is None or (hasattr(rows, "__len__") and not len(rows)):
        raise Mistake("still-to-do", f"Still to do: `{name}` is still empty; write and run the exercise's cell above.")
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
        raise Mistake("too-fast", f"{_row(row)} has {seconds:.3g} s a step; that would be {speed / 1e9:,.0f} GFLOP/s. Was the device awaited, was a step taken at all, and are these seconds?")


def _labels(row: Mapping[str, Any], threads: int | None) -> None:
    if not isinstance(row["backend"], str) or row["backend"] not in NAMED:
        raise Mistake("unknown-backend", f"A row has the backend {row['backend']!r}; known are {', '.join(NAMED)}.")
    ran, meant = device_of(row["device"]), NAMED[row["backend"]]
    if ran != meant:
        raise Mistake("cpu-run-labelled-gpu" if meant == "cuda" else "gpu-run-labelled-cpu", f"{_row(row)} ran on {ran!r}. What ran on another device than its label says can't be compared with anything.")
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
        raise Mistake("no-spread", f"{_row(narrow[0])} has two equal quartiles, to the last digit, and so have {len(narrow) - 1} more. Clocks do not do that: is one timing repeated?")
    for a, b in itertools.combinations(rows, 2):
        if a["low"] == a["high"] or any(not math.isclose(a[key] / a["seconds"], b[key] / b["seconds"], rel_tol=1e-11) for key in ("low", "high")):
            continue
        if a["seconds"] != b["seconds"]:
            raise Mistake("computed-not-measured", f"{_row(b)} is {b['seconds'] / a['seconds']:.6g} times that of {a['backend']} with {a['filters']} filters, batch {a['batch']}, in its median and both quartiles, to the last digit. It was calculated: each network has to be timed itself.")
        size = a["filters"] != b["filters"] or a["batch"] != b["batch"]
        name = "copied-to-another-size" if a["backend"] == b["backend"] and size else "copied-from-another-backend"
        raise Mistake(name, f"{_row(a)} and that of {b['backend']} with {b['filters']} filters, batch {b['batch']}, took exactly the same time, to the last digit. One of them is a copy: each network has to be timed itself.")


def _not_recorded(rows: Sequence[Mapping[str, Any]]) -> None:
    """No row that is given as measured stands in the course's records, to the last digit."""
    from helpers.study.cnn_runtime import recorded

    for point, row in itertools.product(recorded(), rows):
        if point.low < point.high and all(row[key] == getattr(point, key) for key in ("seconds", "low", "high")):
            raise Mistake("recorded-as-measured", f"{_row(row)} is the recorded one of {point.hardware} ({point.backend}, {point.filters} filters), to the last digit, and is not marked. Measure it yourself, or mark it as recorded.")


def _grows(rows: Sequence[Mapping[str, Any]], axis: str) -> None:
    """Much more work takes more time, on one backend at least.

    Nothing is asked of neighbours, nor of each backend: on a busy machine everything may take twenty times as long for a moment,
    and the smallest network may be the one that meets it.
    """
    found: list[Mistake] = []
    for backend in dict.fromkeys(row["backend"] for row in rows if NAMED[row["backend"]] == "cpu"):
        mine = sorted((row for row in rows if row["backend"] == backend), key=lambda row: row["flops"])
        if len(mine) < 2 or mine[-1]["flops"] < 8 * mine[0]["flops"]:
            continue
        times = [float(row["seconds"]) for row in mine]
        more, longer = mine[-1]["flops"] / mine[0]["flops"], times[-1] / times[0]
        if longer >= 1.5:
            return
        if longer < 0.7 and sorted(times, reverse=True) == times:
            found.append(Mistake("rows-exchanged", f"With {backend} each step with more operations takes less time than the one before. Are the times in the reverse order?"))
        found.append(Mistake("size-not-reaching", f"With {backend} the largest step has {more:.0f} times the operations of the smallest and takes {longer:.2f} times as long. Is it the same network each time? Does `{axis}` reach `prepare`?"))
    if found:
        raise found[0]


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
                    raise Mistake(f"{kind}-as-measured", f"The row of {named} is no longer marked as {kind}. Nobody measured it here: say so, in the row and in every figure.")
                if row.get(kind) and not getattr(point, kind):
                    raise Mistake("wrongly-marked", f"The row of {named} is marked as {kind}, and it is {point.kind}.")
            for key in ("seconds", "low", "high", "hardware", "rounds"):
                if row[key] != getattr(point, key):
                    raise Mistake(f"{point.kind}-row-changed", f"{key!r} of the {point.kind} row of {named} was {getattr(point, key)!r} and is now {row[key]!r}. Rows that others made are taken as they are.")


def _slow(rows: Sequence[Mapping[str, Any]]) -> None:
    cpu = [row for row in rows if NAMED[row["backend"]] == "cpu"]
    best = max((float(row["flops"]) / float(row["seconds"]) for row in cpu), default=SLOWEST)
    if best < SLOWEST:
        raise Mistake("wrong-unit", f"The fastest row would do {best / 1e9:.2g} GFLOP/s, a hundred times slower than a laptop. Are these milliseconds? `seconds` is in seconds.")


@check("Measured rows", "C2")
def rows(rows: Any, gpu: Sequence[Any], filters: Mapping[str, Sequence[int]], parameters: Any, step_flops: Any, *, batch: int, rounds: int, threads: int, measure_row: Any = None, warmup: int = 0) -> Iterator[str]:
    """One row for each backend and number of filters, measured here, and the rows of `gpu` (Points) unchanged.

    filters: backend -> numbers of filters that are measured here. The student's own counts will do, so that a mistake in them costs
    its points once. measure_row: the function that made the rows, tried on made-up parts first.
    """
    found = _list(rows, "rows")
    yield from one.tried(measure_row, parameters, step_flops, rounds, warmup)
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
                raise Mistake("row-twice", f"There are {len(here)} rows of {backend} with {size} filters; keep one. (Picking the best of several is choosing by the result.)")
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
    _slow(measured)
    _grows(measured, "filters")
    yield f"at least {rounds} rounds each, medians between their quartiles, no row copied, times that can be real"


@check("Larger batches", "F2")
def batches(batch_rows: Any, per_image: Any, backends: Sequence[str], batches: Sequence[int], parameters: Any, step_flops: Any, *, filters: int, rounds: int) -> Iterator[str]:
    """A row for each backend and batch size, and per_image[backend] = seconds of a step ÷ images of the batch."""
    found = _list(batch_rows, "batch_rows")
    for row in found:
        _labels(row, None)
        if row["filters"] != filters:
            raise Mistake("wrong-filters", f"{_row(row)}: this experiment is about {filters} filters; only the batch changes.")
        one.counts(row, parameters, step_flops)
        _times(row, rounds)
    if not per_image:
        raise Mistake("still-to-do", "Still to do: `per_image` is still empty.")
    if not isinstance(per_image, Mapping):
        raise Mistake("not-a-dictionary", f"`per_image` should be a dictionary, backend -> list of seconds; it is of type {type(per_image).__name__}.")
    for backend in backends:
        mine = [next((row for row in found if (row["backend"], row["batch"]) == (backend, size)), None) for size in batches]
        if None in mine:
            raise Mistake("size-missing", f"There is no row of {backend} with a batch of {batches[mine.index(None)]}.")
        if backend not in per_image:
            raise Mistake("backend-missing", f"`per_image` has nothing for {backend!r}; {' and '.join(map(repr, backends))} are asked for.")
        value = per_image[backend]
        got = array(list(value.values()) if isinstance(value, Mapping) else value, f"per_image[{backend!r}]")
        seconds = np.array([float(row["seconds"]) for row in mine if row])
        sizes = np.array(batches, dtype=float)
        if got.shape != sizes.shape:
            raise Mistake("wrong-shape", f"per_image[{backend!r}] should have {len(batches)} numbers, one for each batch of {list(batches)}; it has shape {got.shape}.")
        if not np.allclose(got, seconds / sizes, rtol=1e-6):
            for name, wrong, hint in (
                ("not-divided", seconds, "These are seconds of a step; divide each by the images of its batch."),
                ("upside-down", sizes / seconds, "These are images per second; seconds per image are asked for."),
                ("one-batch-for-all", seconds / sizes[0], "All are divided by the same batch; each row has its own `batch`."),
                ("one-batch-for-all", seconds / sizes[-1], "All are divided by the same batch; each row has its own `batch`."),
                ("one-batch-for-all", seconds * (got[0] / seconds[0]), "All are divided by the same number; each row has its own `batch`."),
                ("order-reversed", (seconds / sizes)[::-1], "The order is reversed: the first entry belongs to the first batch size."),
                ("multiplied-for-divided", seconds * sizes, "The seconds are multiplied by the batch; divide."),
                ("wrong-unit", 1e3 * seconds / sizes, "These are milliseconds. Keep seconds everywhere and turn them into others only where you print."),
                ("wrong-unit", 1e6 * seconds / sizes, "These are microseconds. Keep seconds everywhere and turn them into others only where you print."),
                ("per-filter", seconds / filters, "These are divided by the filters; divide by the images of the batch."),
            ):
                if np.allclose(got, wrong, rtol=1e-6):
                    raise Mistake(name, f"per_image[{backend!r}]: {hint}")
            for other in backends:
                theirs = {row["batch"]: float(row["seconds"]) / row["batch"] for row in found if row["backend"] == other}
                if np.allclose(got, [theirs.get(size, np.nan) for size in batches], rtol=1e-6):
                    raise Mistake("other-backend", f"per_image[{backend!r}] holds the times of {other}.")
            raise Mistake("differs", f"per_image[{backend!r}] should be {np.array2string(seconds / sizes, precision=3)} s, seconds ÷ batch of your rows; it is {np.array2string(got, precision=3)}.")
        yield f"{backend}: {len(batches)} batch sizes, seconds per image"
    _measured_each(found)
    _not_recorded(found)
    _slow(found)
    _grows(found, "batch")
