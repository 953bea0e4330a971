"""What stands around the call of a student's function: a limit of time, and what a check wants to hold or to measure meanwhile."""

from __future__ import annotations

import _signal
import contextlib
import inspect
import signal
import threading
import tracemalloc
import warnings
from collections.abc import Callable, Iterator, Sequence
from typing import Any

import numpy as np

from helpers.errors import TooLong

_TIMERS = ((signal.SIGPROF, signal.ITIMER_PROF, 1), (signal.SIGALRM, signal.ITIMER_REAL, 6)) if hasattr(signal, "setitimer") else ()
_limits = 0
"""How many limits the main thread is inside of."""
_held = _late = False


def _stop(number: int, frame: Any) -> None:
    global _late
    if not _limits:
        signal.signal(number, signal.SIG_DFL)
        signal.raise_signal(number)
    elif _held:
        _late = True
    else:
        raise TooLong


class time_limit:
    """Stop after `seconds` of computing, so that a busy machine costs nobody points, or six times that of waiting.

    A limit around this one stands still meanwhile. Outside of the main thread, and on Windows, there is no limit.
    """

    def __init__(self, seconds: float):
        self.seconds = seconds

    def __enter__(self) -> None:
        global _limits, _held, _late
        self.before: list[tuple[Any, float]] = []
        if not _TIMERS or threading.current_thread() is not threading.main_thread():
            return
        self.held, _held, _late = (_held, _late), False, False
        _limits += 1
        for number, timer, times in _TIMERS:
            handler = _signal.getsignal(number)  # signal.getsignal takes 40 times as long
            if handler is not _stop:
                signal.signal(number, _stop)
            self.before.append((handler, signal.setitimer(timer, times * self.seconds)[0]))

    def __exit__(self, *about: object) -> None:
        global _limits, _held, _late
        if not self.before:
            return
        _held = True
        for (number, timer, _), (handler, rest) in zip(_TIMERS, self.before, strict=True):
            signal.setitimer(timer, rest)
            if handler not in (_stop, signal.SIG_DFL, None):  # installing one takes long, so ours stays where there was none
                signal.signal(number, handler)
        _limits -= 1
        _held, _late = self.held


def limits_itself(function: Callable[..., Any]) -> Callable[..., Any]:
    """Marks a function that runs beside a student's object and does so within a `time_limit` of its own."""
    function.limits_itself = True  # type: ignore[attr-defined]
    return function


class held:
    """Within this block no limit of time strikes that began before it; one that is over strikes at the end of the block."""

    def __enter__(self) -> None:
        global _held
        self.before, _held = _held, True

    def __exit__(self, *about: object) -> None:
        global _held, _late
        _held = self.before
        if _late and not _held:
            _late = False
            raise TooLong


class quiet:
    """No warnings of Python or numpy: a student's overflow is found by its result."""

    def __enter__(self) -> None:
        self.numbers = np.errstate(all="ignore")
        self.numbers.__enter__()
        # `warnings.catch_warnings` would throw away what every module knows of its warnings. "ignore" makes nothing new known.
        self.filters, warnings.filters = warnings.filters, [("ignore", None, Warning, None, 0)]

    def __exit__(self, *about: Any) -> None:
        warnings.filters = self.filters
        self.numbers.__exit__(*about)


asked: list[tuple[str, dict[str, Any]]] = []
"""What calls happen inside of now: names out of `SURROUNDINGS`, and what each is given."""
_noted: list[dict[str, Any]] = []


@contextlib.contextmanager
def around(name: str, **given: Any) -> Iterator[dict[str, Any]]:
    """Calls of a student's functions within this block happen inside of one of `SURROUNDINGS`; yields what it notes.

    "memory" notes under "bytes" the most that the call had allocated at a time. It is measured beside the student's code, which could
    stop the measurement. "another device": numpy can't read torch's tensors, as on a GPU, so that a laptop finds a stray `np.`,
    too; code that looks for it could undo it. "globals" puts `given` in place of the function's globals of these names.
    """
    notes: dict[str, Any] = {}
    asked.append((name, given))
    _noted.append(notes)
    try:
        yield notes
    finally:
        asked.pop()
        _noted.pop()


def note(found: Sequence[dict[str, Any]]) -> None:
    """Hand what was noted around a call to those who asked for it."""
    for mine, theirs in zip(_noted, found, strict=False):
        mine.update(theirs)


@contextlib.contextmanager
def entered(function: Any, wanted: Sequence[tuple[str, dict[str, Any]]], notes: list[dict[str, Any]]) -> Iterator[None]:
    """Inside of all that is wanted; `notes` gets what each noted."""
    if not wanted:
        yield
        return
    with contextlib.ExitStack() as stack:
        for name, given in wanted:
            notes.append({})
            stack.enter_context(SURROUNDINGS[name](function, notes[-1], **given))
        yield


@contextlib.contextmanager
def _memory(function: Any, notes: dict[str, Any]) -> Iterator[None]:
    tracemalloc.start()
    try:
        tracemalloc.reset_peak()
        before = tracemalloc.get_traced_memory()[0]
        yield
        notes["bytes"] = tracemalloc.get_traced_memory()[1] - before
    finally:
        tracemalloc.stop()


@contextlib.contextmanager
def _another_device(function: Any, notes: dict[str, Any]) -> Iterator[None]:
    import torch

    def refuse(*args: Any, **kwargs: Any) -> Any:
        raise TypeError("a function of numpy was called with an array of another backend")

    own, torch.Tensor.__array__ = torch.Tensor.__array__, refuse  # type: ignore[method-assign]
    try:
        yield
    finally:
        torch.Tensor.__array__ = own  # type: ignore[method-assign]


@contextlib.contextmanager
def _globals(function: Any, notes: dict[str, Any], **parts: Any) -> Iterator[None]:
    scope = inspect.unwrap(function).__globals__
    before = {name: scope[name] for name in parts}
    scope.update(parts)
    try:
        yield
    finally:
        scope.update(before)


SURROUNDINGS: dict[str, Callable[..., contextlib.AbstractContextManager[None]]] = {
    "memory": _memory,
    "another device": _another_device,
    "globals": _globals,
}
