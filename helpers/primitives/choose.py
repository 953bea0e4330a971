"""Which algorithm for which convolution: by a model, or by measurement on request.

cuDNN's callers do the same: they ask its heuristics, or let it "find" the fastest by trying all of them on their own
device, and keep the answer (cudnnFindConvolutionForwardAlgorithm and its two sisters).
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import numpy as np

from helpers.errors import CourseError
from helpers.primitives import layout
from helpers.primitives.registry import NAMES, get, run
from helpers.primitives.spec import ConvSpec, check_pass
from helpers.timing import measure

LARGEST_TRIAL = 2**32
"""Bytes of workspace above which `find` does not try an algorithm unless a limit allows it."""


@dataclass(frozen=True)
class Choice:
    """An algorithm for one pass of one spec: seconds (modelled or measured) and bytes of workspace."""

    algorithm: str
    seconds: float
    workspace: int


_found: dict[tuple[ConvSpec, str, str, bool], list[Choice]] = {}


def modelled(spec: ConvSpec, which: str, dtype: Any = np.float32, chwn: bool = False) -> list[Choice]:
    """All algorithms that can compute the pass, cheapest by count first. chwn: images fastest in memory."""
    return list(_modelled(spec, check_pass(which), np.dtype(dtype).itemsize, chwn))


@lru_cache(maxsize=1024)
def _modelled(spec: ConvSpec, which: str, itemsize: int, chwn: bool) -> tuple[Choice, ...]:
    """Kept, because every call with "auto" asks, and counting takes longer than a small convolution."""
    choices = []
    for name in NAMES:
        module = get(name)
        if not module.supports(spec, which):
            seconds = module.cost(spec, which, 1 if chwn else spec.N).seconds * itemsize / 4
            choices.append(Choice(name, seconds, spec.workspace(name, which, itemsize, chwn)))
    return tuple(sorted(choices, key=lambda choice: choice.seconds))


def find(
    spec: ConvSpec,
    which: str,
    dtype: Any = np.float32,
    chwn: bool = False,
    workspace_limit: int | None = None,
    rounds: int = 3,
) -> list[Choice]:
    """All algorithms that can compute the pass, fastest first as measured here and now on random numbers; remembered.

    Until `forget` is called, "auto" takes the fastest of them within its limit. An algorithm that the model calls a
    hundred times slower than the best, or that needs more workspace than the limit, is not tried.
    """
    limit = LARGEST_TRIAL if workspace_limit is None else workspace_limit
    choices = _within(modelled(spec, which, dtype, chwn), limit, spec, which)
    runs = {
        c.algorithm: _trial(spec, which, c.algorithm, dtype, chwn)
        for c in choices
        if c.seconds < 100 * choices[0].seconds
    }
    times = measure(runs, rounds=rounds)
    space = {choice.algorithm: choice.workspace for choice in choices}
    found = sorted((Choice(name, times[name].median, space[name]) for name in runs), key=lambda c: c.seconds)
    _found[_key(spec, which, dtype, chwn)] = found
    return found


def forget() -> None:
    """Forget what `find` has measured."""
    _found.clear()


def algorithm(spec: ConvSpec, which: str, dtype: Any, chwn: bool, workspace_limit: int | None = None) -> str:
    """The algorithm that "auto" takes: the fastest known within the limit; a CourseError where none is."""
    known = _found.get(_key(spec, which, dtype, chwn)) or modelled(spec, which, dtype, chwn)
    return _within(known, workspace_limit, spec, which)[0].algorithm


def _within(choices: list[Choice], limit: int | None, spec: ConvSpec, which: str) -> list[Choice]:
    if limit is None:
        return choices
    fitting = [choice for choice in choices if choice.workspace <= limit]
    if not fitting:
        least = min(choice.workspace for choice in choices)
        raise CourseError(
            f"No algorithm computes {which} of {spec} within {limit:,} bytes of workspace; allow at least {least:,}."
        )
    return fitting


def _key(spec: ConvSpec, which: str, dtype: Any, chwn: bool) -> tuple[ConvSpec, str, str, bool]:
    return spec, check_pass(which), np.dtype(dtype).name, chwn


def _trial(spec: ConvSpec, which: str, name: str, dtype: Any, chwn: bool) -> Any:
    rng = np.random.default_rng(0)

    def array(shape: tuple[int, int, int, int], place: bool = True) -> np.ndarray:
        a = rng.standard_normal(shape, np.float32).astype(dtype)
        return layout.to_chwn(a) if chwn and place else a

    module, w = get(name), array(spec.w_shape, place=False)
    x, dy = array(spec.x_shape), array(spec.y_shape)
    return lambda: run(module, spec, which, x, w, dy)
