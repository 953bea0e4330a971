"""What a check does with a student's object beyond calling it, wherever the object lives.

In a notebook the object lies in the check's own process. When a hand-in is graded it may lie in another process, which holds the
student's code and nothing else, and the check has a handle: its type has `__course_remote__` and a method `beside`, which runs
one public function of this file in that other process, on the object itself, and brings back what it returns. The functions
here hide the difference. What comes back was made beside the student's code and can be forged: it may cost or gain this
student what the right result would, so whatever can be verified here is verified here and not there.
"""

from __future__ import annotations

import contextlib
import inspect
import linecache
import os
import signal
import sys
import sysconfig
import threading
import traceback
import tracemalloc
import warnings
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from types import FunctionType
from typing import Any

import numpy as np

import helpers
from helpers.backend import to_numpy

LIBRARIES = tuple(os.path.abspath(folder) + os.sep for folder in (Path(helpers.__file__).parent, sysconfig.get_paths()["stdlib"]))
"""Lines from here are not the student's: the course's own package, and Python's."""

MISSING = object()


def remote(thing: Any) -> bool:
    """Whether this is a handle of something in the student's process."""
    return bool(getattr(type(thing), "__course_remote__", False))


def _beside(thing: Any, name: str, *args: Any) -> Any:
    return type(thing).beside(thing, f"{__name__}:{name}", *args)


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


# Calls -------------------------------------------------------------------------------------------------------------


def run(function: Any, args: Sequence[Any], named: Mapping[str, Any], seconds: float) -> Any:
    """function(*args, **named) within `seconds` and within what `around` asks for. Raises what it raises, or TooLong.

    Of a function in the student's process the error is one of the same name and text, which knows the student's own lines.
    """
    holder = function
    if function is getattr and len(args) == 3 and remote(args[0]):
        holder, args = args[0], args[:2]
    if not remote(holder):
        notes = [notes for _, _, notes in _around]
        with time_limit(seconds), _entered(function, [(name, given) for name, given, _ in _around], notes):
            return function(*args, **named)
    asked = [(name, given) for name, given, _ in _around]
    how, value, notes = _told(_beside(holder, "outcome", "" if holder is function else args[1], seconds, asked, tuple(args), dict(named)))
    for (_, _, mine), theirs in zip(_around, notes, strict=False):
        mine.update(theirs)
    if how == "value":
        return value
    if how == "missing":
        return MISSING
    raise TooLong if how == "too long" else _rebuilt(value)


def outcome(thing: Any, attribute: str, seconds: float, asked: Sequence[tuple[str, dict[str, Any]]], args: Sequence[Any], named: Mapping[str, Any]) -> tuple[str, Any, list[dict[str, Any]]]:
    """What becomes of a call of `thing`, or of reading its attribute, beside the student's code: (how, value or error, notes)."""
    notes: list[dict[str, Any]] = [{} for _ in asked]
    try:
        with np.errstate(all="ignore"), warnings.catch_warnings(), time_limit(seconds):
            warnings.simplefilter("ignore")
            if attribute:
                found = getattr(thing, attribute, MISSING)
                return ("missing", None, notes) if found is MISSING else ("value", found, notes)
            with _entered(thing, asked, notes):
                found = thing(*args, **named)
            return "value", found, notes
    except TooLong:
        return "too long", None, notes
    except BaseException as error:
        return "raised", described(error), notes


def _told(reply: Any) -> tuple[str, Any, list[dict[str, Any]]]:
    """The reply of `outcome`, where it is one: whoever forges another gets an error."""
    if not isinstance(reply, tuple) or len(reply) != 3 or reply[0] not in ("value", "missing", "too long", "raised"):
        return "raised", {}, []
    how, value, notes = reply
    return how, value, [n for n in notes if isinstance(n, dict)] if isinstance(notes, list) else []


# Errors ------------------------------------------------------------------------------------------------------------

_BASES = (NotImplementedError, RecursionError, NameError, TypeError, AttributeError, ValueError, RuntimeError, SystemExit, Exception)
"""What checks tell apart; every other error comes as an Exception of its name."""


class FromStudent(Exception):
    """An error that a student's code raised in its own process: its text, and where it passed through that code."""

    course_frames: tuple[traceback.FrameSummary, ...] = ()
    course_text = ""

    def __str__(self) -> str:
        return self.course_text


def described(error: BaseException) -> dict[str, Any]:
    """An error as plain data: its name, what it counts as, its text, and the student's own lines, the deepest first."""
    frames = [[frame.name, (frame.line or linecache.getline(frame.filename, frame.lineno or 0)).strip()[:300]] for frame in own_frames(error)]
    try:
        text = str(error)[:2000]
    except Exception:
        text = ""
    base = next((base.__name__ for base in _BASES if isinstance(error, base)), "Exception")
    return {"type": type(error).__name__, "base": base, "text": text, "frames": frames[:20]}


def _rebuilt(told: Any) -> BaseException:
    """The error that `described` described; anything odd in it is left out."""
    told = told if isinstance(told, dict) else {}
    name, text, frames = (told.get(key) for key in ("type", "text", "frames"))
    base = next((base for base in _BASES if base.__name__ == told.get("base")), Exception)
    name = name if isinstance(name, str) and name.isidentifier() and len(name) < 80 else "Exception"
    pairs = [pair for pair in frames if isinstance(pair, list | tuple) and len(pair) == 2 and all(isinstance(one, str) for one in pair)] if isinstance(frames, list) else []
    kind = type(name, (FromStudent,) if base is Exception else (FromStudent, base), {})
    error: BaseException = kind()
    error.course_text = text if isinstance(text, str) else ""  # type: ignore[attr-defined]
    error.course_frames = tuple(traceback.FrameSummary("<student>", 0, where, lookup_line=False, line=line) for where, line in pairs)  # type: ignore[attr-defined]
    return error


def own_frames(error: BaseException) -> Iterator[traceback.FrameSummary]:
    """Where the error passed through the student's own code, the deepest place first."""
    if isinstance(error, FromStudent):
        yield from error.course_frames
        return
    for frame in reversed(traceback.extract_tb(error.__traceback__)):
        if not os.path.abspath(frame.filename).startswith(LIBRARIES) and "site-packages" not in frame.filename:
            yield frame


# What stands around a call -----------------------------------------------------------------------------------------

_around: list[tuple[str, dict[str, Any], dict[str, Any]]] = []


@contextlib.contextmanager
def around(name: str, **given: Any) -> Iterator[dict[str, Any]]:
    """Calls of a student's functions within this block happen inside one of `SURROUNDINGS`; yields what it notes.

    "memory" notes under "bytes" the most that the call had allocated at a time. It is measured beside the student's code, which could
    stop the measurement. "another device": numpy can't read torch's tensors, as on a GPU, so that a laptop finds a stray `np.`,
    too; code that looks for it could undo it. "globals" puts `given` in place of the function's globals of these names.
    """
    notes: dict[str, Any] = {}
    _around.append((name, given, notes))
    try:
        yield notes
    finally:
        _around.pop()


@contextlib.contextmanager
def _entered(function: Any, asked: Sequence[Any], notes: Sequence[dict[str, Any]]) -> Iterator[None]:
    with contextlib.ExitStack() as stack:
        for (name, given), mine in zip(asked, notes, strict=True):
            stack.enter_context(SURROUNDINGS[name](function, mine, **given))
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


def has_globals(function: Any, names: Sequence[str]) -> bool:
    """Whether this is a function in whose globals all the names are defined."""
    if remote(function):
        return _beside(function, "has_globals", list(names)) is True
    function = inspect.unwrap(function) if isinstance(function, FunctionType) else None
    return isinstance(function, FunctionType) and set(names) <= function.__globals__.keys()


# Arrays ------------------------------------------------------------------------------------------------------------


def is_torch(value: Any) -> bool:
    return type(value).__module__.split(".")[0] == "torch" and hasattr(value, "device")


def like(kind: Any, values: np.ndarray) -> Any:
    """`values` in the array kind of `kind` (numpy or torch on its device), float64; integers stay integers."""
    if is_torch(kind):
        import torch

        return torch.as_tensor(values.copy(), device=kind.device)
    return values.copy()


def placed(thing: Any, name: str, values: np.ndarray) -> str:
    """Give an attribute our values: inside the student's own array where that works, because a list, a property or an optimiser
    of theirs may hold it; else as a new array. What went wrong in words, "" where nothing did."""
    if remote(thing):
        return str(_beside(thing, "placed", name, values))
    own = getattr(thing, name)
    without_gradients = sys.modules["torch"].no_grad() if is_torch(own) else contextlib.nullcontext()
    with contextlib.suppress(Exception), without_gradients:
        own[...] = like(own, values)
        if np.allclose(to_numpy(getattr(thing, name)), values, rtol=1e-5, atol=1e-6):
            return ""
    try:
        setattr(thing, name, like(own, values))
    except Exception as error:
        return in_words(error)
    return ""


def in_words(error: BaseException) -> str:
    """An error's name and text on one line."""
    text = " ".join(str(error).split())
    return type(error).__name__ + (f": {text[:200].rstrip('.')}" if text else "")


def as_array(value: Any) -> Any:
    """A handle of something that numpy can read as an array of numbers, as that array; everything else as it is."""
    if not remote(value):
        return value
    found = _beside(value, "numbers_of")
    return value if found is None else found


def numbers_of(value: Any) -> np.ndarray | None:
    """The array that numpy makes of `value`, None where it makes none of numbers."""
    try:
        found = np.asarray(to_numpy(value))
    except Exception:
        return None
    return found if found.dtype.kind in "biufc" else None
