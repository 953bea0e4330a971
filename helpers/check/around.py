"""What stands around the call of a student's function: a limit of time, and what a check wants to hold or to measure meanwhile."""

from __future__ import annotations

import contextlib
import inspect
import signal
import threading
import tracemalloc
from collections.abc import Callable, Iterator, Sequence
from typing import Any


class TooLong(BaseException):
    """Not an Exception, so that a bare ``except Exception`` in a student's loop does not swallow it."""


@contextlib.contextmanager
def time_limit(seconds: float) -> Iterator[None]:
    """Stop after `seconds` of computing, so that a busy machine costs nobody points, or six times that of waiting."""
    usable = hasattr(signal, "setitimer") and threading.current_thread() is threading.main_thread()
    if not usable:
        yield
        return

    def stop(signum: int, frame: Any) -> None:
        raise TooLong

    limits = ((signal.SIGPROF, signal.ITIMER_PROF, seconds), (signal.SIGALRM, signal.ITIMER_REAL, 6 * seconds))
    before = [signal.signal(number, stop) for number, _, _ in limits]
    for _, timer, limit in limits:
        signal.setitimer(timer, limit)
    try:
        yield
    finally:
        for (number, timer, _), handler in zip(limits, before, strict=True):
            signal.setitimer(timer, 0)
            signal.signal(number, handler)


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
