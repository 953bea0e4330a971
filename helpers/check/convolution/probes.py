"""What the checks of `convolution` run beside the student's code. Nothing here knows a right result."""

from __future__ import annotations

import contextlib
from collections.abc import Mapping, Sequence
from functools import partial
from typing import Any

import numpy as np

from helpers.check.core.probe import Bench, Seen, Stopped, calls, memory, plain, run


def tiled(seen: Seen, conv_tiled: Any, cases: Sequence[Sequence[Any]], large: Sequence[Any]) -> None:
    """`calls` of the cases; then the result of a large one, and the bytes that were in use at a time for it, as "bytes"
    and, with eight times the workspace, by the numbers' type as "float32" and "float64".

    The memory is measured where the student's code runs, which could stop or reset the measurement.
    """
    calls(seen, "conv_tiled", conv_tiled, cases, ("x", "w"))
    x, w, *more = large
    run("conv_tiled", conv_tiled, x[:1], w, *more)  # imports count once
    with memory() as most:
        found = run("conv_tiled", conv_tiled, x, w, *more)
    seen["bytes"], seen["large"] = most[0], found
    *geometry, workspace = more
    for dtype in ("float32", "float64"):
        with memory() as most:
            run("conv_tiled", conv_tiled, x.astype(dtype), w.astype(dtype), *geometry, 8 * workspace)
        seen[dtype] = most[0]


def max_pools(seen: Seen, backward: Any, forward: Any, cases: Sequence[tuple[Any, ...]]) -> None:
    """(x, other x, dy, window, stride, padding) each: notes what forward returns, the gradient that backward makes of
    its winner, and the one that it makes after forward has seen other images."""
    for number, (x, other, dy, *geometry) in enumerate(cases):
        notes = seen.part(number)
        for name, between in (("dx", None), ("dx later", other)):
            found = run("max_pool_forward", forward, x.copy(), *geometry, inputs=("x",))
            notes["forward"] = found
            noted = plain(found)
            if not isinstance(noted, tuple | list) or len(noted) != 2:
                return
            if between is not None:
                run("max_pool_forward", forward, between.copy(), *geometry)
            given = (dy.copy(), found[1], x.shape, *geometry)
            notes[name] = run("max_pool_backward", backward, *given, inputs=("dy", "winner"))


def average_pools(seen: Seen, forward: Any, backward: Any, cases: Sequence[tuple[Any, ...]]) -> None:
    """(x, dy, window, stride, padding) each: notes "y" and "dx"."""
    for number, (x, dy, *geometry) in enumerate(cases):
        notes = seen.part(number)
        notes["y"] = run("average_pool_forward", forward, x.copy(), *geometry, inputs=("x",))
        notes["dx"] = run("average_pool_backward", backward, dy.copy(), x.shape, *geometry, inputs=("dy",))


def intensities(
    seen: Seen, intensity: Any, flops: Any, moved: Any, layers: Sequence[Any], itemsizes: Sequence[int]
) -> None:
    """The intensity of each layer, and where they work the counts that it is made of, by size of a number."""
    for itemsize in itemsizes:
        calls(seen.part(itemsize), "arithmetic_intensity", intensity, [(*layer, itemsize) for layer in layers])
    with contextlib.suppress(Stopped):
        calls(seen.part("flops"), "conv_flops", flops, layers)
        for itemsize in itemsizes:
            calls(seen.part("bytes").part(itemsize), "compulsory_bytes", moved, [(*each, itemsize) for each in layers])


def layer_timings(
    seen: Seen, measure_layer: Any, x: np.ndarray, w: np.ndarray, layer: Any, rounds: int,
    results: Mapping[str, np.ndarray], seconds: Mapping[str, float], far: Mapping[str, np.ndarray],
) -> None:  # fmt: skip
    """What measure_layer returns for functions that wait so many seconds and return these results, timings as lists of
    seconds; when each was called, and which were called with other images or filters; whether another call returns the
    same dictionaries ("kept"); and what it returns for functions with the results `far`, which it may refuse."""
    bench, odd = Bench(), list[str]()

    def computed(name: str, images: Any, filters: Any, _: Any, of: Mapping[str, Any] = results) -> np.ndarray:
        same = np.shape(images) == x.shape and np.shape(filters) == w.shape
        if not (same and np.allclose(images, x) and np.allclose(filters, w)):
            odd.append(name)
        return np.array(of[name])

    functions = {name: bench.piece(name, seconds[name], partial(computed, name)) for name in results}
    found = run(
        "measure_layer", measure_layer, functions, x.copy(), w.copy(), layer, rounds, inputs=("functions", "x", "w")
    )
    seen["calls"], seen["odd"] = bench.notes(), odd
    seen["found"] = run("measure_layer", _with_seconds, found)
    at_once = {name: partial(computed, name) for name in results}
    again = run("measure_layer", measure_layer, at_once, x.copy(), w.copy(), layer, rounds)
    both = list(zip(found, again, strict=False)) if isinstance(found, tuple) and isinstance(again, tuple) else []
    seen["kept"] = any(isinstance(one, dict) and one is other for one, other in both)
    wrong = {name: partial(computed, name, of=far) for name in far}
    with contextlib.suppress(Stopped):
        told = run("measure_layer", measure_layer, wrong, x.copy(), w.copy(), layer, rounds)
        seen["far"] = run("measure_layer", _with_seconds, told)


def _with_seconds(found: Any) -> Any:
    """The pair that measure_layer returns, with the seconds of each Timing in its place."""
    if isinstance(found, tuple | list) and len(found) == 2 and isinstance(found[0], Mapping):
        timings = {name: getattr(timing, "seconds", timing) for name, timing in found[0].items()}
        return timings, dict(found[1]) if isinstance(found[1], Mapping) else found[1]
    return found
