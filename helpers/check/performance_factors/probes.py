"""What the checks of `performance_factors` run beside the student's code. Nothing here knows a right result."""

from __future__ import annotations

import contextlib
import os
import sys
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from helpers.check.core.probe import Seen, Stopped, calls, copied, run
from helpers.errors import CourseError
from helpers.messages import Deadlock, Port, Run, run_workers

MARK = "COURSE_CHECK_MARK"
"""A variable that stands in the environment while `seconds_at` is tried: who replaces the environment loses it."""


# Threads ----------------------------------------------------------------------------------------------------------


def threads(
    seen: Seen, seconds_at: Any, asked: Sequence[tuple[int, int, Sequence[float]]], variables: Sequence[str]
) -> None:
    """What `seconds_at` does with processes that take given times: for each (threads, rounds, seconds of each run).
    variables: what of an environment is noted."""
    for number, (many, rounds, seconds) in enumerate(asked):
        _threads(seen.part(number), seconds_at, many, rounds, seconds, variables)


def _threads(
    seen: Seen, seconds_at: Any, many: int, rounds: int, seconds: Sequence[float], variables: Sequence[str]
) -> None:
    events: list[str] = []
    started: list[Any] = []
    given: list[Any] = []
    wrong: list[str] = []

    class Process:
        def __init__(self) -> None:
            self.runs = 0

        def run(self) -> float:
            events.append("run")
            found = seconds[min(self.runs, len(seconds) - 1)]
            self.runs += 1
            return found

        def close(self) -> None:
            events.append("close")

        def __enter__(self) -> Process:
            return self

        def __exit__(self, *about: object) -> None:
            self.close()

    def start(environment: Any = None, *args: Any, **named: Any) -> Process:
        events.append("start")
        given.append(environment)
        if not isinstance(environment, Mapping):
            wrong.append("no environment")
            raise TypeError("start needs an environment, a dictionary of text by name")
        for name, value in environment.items():
            if not isinstance(value, str):
                wrong.append(f"{name} is of type {type(value).__name__}")
                raise TypeError(f"the environment holds text, but {name} is of type {type(value).__name__}")
        started.append({name: environment.get(name) for name in (*variables, MARK)})
        return Process()

    before = dict(os.environ)
    os.environ[MARK] = "1"
    try:
        with contextlib.ExitStack() as after:
            after.callback(lambda: seen.__setitem__("events", events))
            after.callback(lambda: seen.__setitem__("started", started))
            after.callback(lambda: seen.__setitem__("wrong", wrong))
            after.callback(lambda: seen.__setitem__("own", {name: os.environ.get(name) for name in variables}))
            after.callback(lambda: seen.__setitem__("own before", {name: before.get(name) for name in variables}))
            after.callback(lambda: seen.__setitem__("later", [_later(one, variables) for one in given]))
            seen["result"] = run("seconds_at", seconds_at, many, start, rounds)
    finally:
        os.environ.clear()
        os.environ.update(before)


def _later(environment: Any, variables: Sequence[str]) -> dict[str, Any]:
    """The thread variables of an environment when all is over."""
    if not isinstance(environment, Mapping):
        return {}
    return {name: environment.get(name) for name in variables}


# Rates -----------------------------------------------------------------------------------------------------------


def rates(seen: Seen, rate_for: Any, cases: Sequence[tuple[int, str, int, float]]) -> None:
    """`calls`, with rules that are equal texts but not the same as those of the code; under "same", of the last
    case of each rule, with the same."""
    for batch, rule, *base in cases:
        seen.part("same")[rule] = run("rate_for", rate_for, batch, sys.intern(rule), *base)
    calls(seen, "rate_for", rate_for, [(batch, "".join(list(rule)), *base) for batch, rule, *base in cases])


# Steps to a level -------------------------------------------------------------------------------------------------


MOST_LOOKS = 10_000


class _Trainer:
    """Counts its steps; its accuracy after so many of them is given."""

    def __init__(self, curve: Sequence[float]):
        self.curve, self.steps = curve, 0
        self.looked: list[int] = []

    def step(self) -> None:
        self.steps += 1
        if self.steps > 20 * len(self.curve):
            raise RuntimeError(f"step was called {self.steps} times")

    def accuracy(self) -> float:
        if len(self.looked) < MOST_LOOKS:  # a loop that never ends is stopped for its time
            self.looked.append(self.steps)
        return self.curve[min(self.steps, len(self.curve) - 1)]


def steps(seen: Seen, steps_to: Any, asked: Sequence[tuple[Sequence[float], float, int, int]]) -> None:
    """`steps_to` with trainers whose accuracy is known: (accuracy after 0, 1, 2, … steps, level, every, most)."""
    for number, (curve, level, every, most) in enumerate(asked):
        notes, trainer = seen.part(number), _Trainer(curve)
        try:
            notes["result"] = run("steps_to", steps_to, trainer, level, every, most)
        finally:
            notes["steps"], notes["looked"] = trainer.steps, trainer.looked


# Workers ----------------------------------------------------------------------------------------------------------


def ring(seen: Seen, ring_mean: Any, asked: Sequence[Sequence[np.ndarray]], latency: float = 1.0) -> None:
    """Runs of simulated workers, one for each list of vectors: what each returned, the messages, the seconds, or what
    ended the run."""
    for number, vectors in enumerate(asked):
        notes, changed = seen.part(number), list[int]()

        async def watched(port: Port, vector: np.ndarray, changed: list[int] = changed) -> Any:
            before = vector.copy()
            made = ring_mean(port, vector)
            if not hasattr(made, "__await__"):
                raise CourseError("A worker should be an `async def` function.")
            found = await made
            if before.tobytes() != vector.tobytes():
                changed.append(port.rank)
            return np.array(found, copy=True) if isinstance(found, np.ndarray) else found

        def drive(vectors: Sequence[np.ndarray] = vectors, watched: Any = watched) -> Run | tuple[str, str]:
            try:
                return run_workers(watched, vectors, latency=latency)
            except Deadlock as error:
                return "deadlock", str(error)
            except CourseError as error:
                return "refused", str(error)

        if ring_mean is None or not callable(ring_mean):
            run("ring_mean", ring_mean)
        notes["async"] = _is_async(ring_mean)
        found = run("ring_mean", drive)
        if isinstance(found, tuple):
            notes["ended"] = found
            return
        notes["results"] = found.results
        notes["messages"] = [(m.source, m.target, m.bytes) for m in found.messages]
        notes["seconds"], notes["changed"] = found.seconds, changed


def _is_async(function: Any) -> bool:
    import inspect

    return inspect.iscoroutinefunction(function)


def shares(
    seen: Seen, shared_gradient: Any, asked: Sequence[tuple[np.ndarray, np.ndarray, int]], weight: np.ndarray
) -> None:
    """`shared_gradient` of a linear network with squared loss, for each (x, labels, workers), labels being the numbers
    of classes; with which images the gradient was asked for."""
    classes = np.eye(weight.shape[1])
    for number, (x, labels, workers) in enumerate(asked):
        notes, sizes, strangers = seen.part(number), list[int](), list[int]()
        known = {row.tobytes(): i for i, row in enumerate(x)}
        asked_for: list[int] = []

        def gradient(
            some: Any, their: Any, sizes: list[int] = sizes, known: dict[bytes, int] = known,
            asked_for: list[int] = asked_for, strangers: list[int] = strangers, labels: np.ndarray = labels,
        ) -> np.ndarray:  # fmt: skip
            some, their = np.asarray(some), np.asarray(their).reshape(-1)
            sizes.append(len(some))
            for row, label in zip(some, their, strict=False):
                i = known.get(np.ascontiguousarray(row).tobytes(), -1)
                asked_for.append(i)
                if i < 0 or not np.array_equal(labels[i], label):
                    strangers.append(i)
            if len(some) != len(their):
                raise ValueError(f"{len(some)} images and {len(their)} labels")
            with np.errstate(all="ignore"):
                return np.asarray(some.T @ (some @ weight - classes[their.astype(int)])) / np.float64(len(some))

        try:
            notes["result"] = run(
                "shared_gradient",
                shared_gradient,
                gradient,
                *copied([x, labels]),
                workers,
            )
        finally:
            notes["sizes"], notes["asked for"], notes["strangers"] = sizes, asked_for, strangers


def calls_and_own(
    seen: Seen, what: str, function: Any, cases: Sequence[Any], own_what: str, own: Any, own_cases: Sequence[Any]
) -> None:
    """`calls` of a function; under "own" those of another one on which it builds, as far as they go."""
    with contextlib.suppress(Stopped):
        calls(seen.part("own"), own_what, own, own_cases)
    calls(seen, what, function, cases)
