"""What the checks of `cudnn_reading` run beside the student's code. Nothing here knows a right result."""

from __future__ import annotations

import contextlib
from collections.abc import Sequence
from typing import Any

import numpy as np

from helpers.check.core.probe import Bench, Seen, run


def lowered_matrices(
    seen: Seen, lower_filters: Any, lower_images: Any, examples: Sequence[tuple[np.ndarray, np.ndarray]]
) -> None:
    """By number of the example (images D, filters F): the lowered filters F_m and images D_m, the lowered images of
    another call, and what the first ones are after that."""
    for number, (d, f) in enumerate(examples):
        notes = seen.part(number)
        notes["F_m"] = run("lower_filters", lower_filters, f, inputs=("F",))
        notes["D_m"] = found = run("lower_images", lower_images, d, *f.shape[2:], inputs=("D",))
        notes["D_m again"] = run("lower_images", lower_images, d[::-1, ::-1, ::-1, ::-1].copy(), *f.shape[2:])
        notes["D_m later"] = found


def timed_steps(
    seen: Seen, step_times: Any, pieces: Sequence[tuple[str, str, str, float]], rounds: int, many: int
) -> None:
    """What `step_times(functions, rounds, synchronise)` makes of functions[algorithm][part]
    that wait some seconds each.

    pieces: (algorithm, part, name, seconds) each. Notes the "result", when the functions were called ("bench"), how
    often the device was waited for ("synchronised"), how many rounds another call has that asks for `many` ("many"),
    and whether it returns the same dictionaries ("kept").
    """
    bench, waited = Bench(), list[None]()
    functions: dict[str, dict[str, Any]] = {}
    for algorithm, part, name, seconds in pieces:
        functions.setdefault(algorithm, {})[part] = bench.piece(name, seconds)
    found = run("step_times", step_times, functions, rounds, lambda: waited.append(None))
    seen["result"], seen["bench"], seen["synchronised"] = found, bench.notes(), len(waited)
    others = {algorithm: dict.fromkeys(parts, lambda: None) for algorithm, parts in functions.items()}
    again = run("step_times", step_times, others, many, lambda: None)
    for algorithm, part, name, _ in pieces:
        with contextlib.suppress(Exception):
            seen.part("many")[name] = len(again[algorithm][part].seconds)
    both = [(found, again), *((found.get(a), again.get(a)) for a in others if type(found) is type(again) is dict)]
    seen["kept"] = any(isinstance(one, dict) and one is other for one, other in both)
