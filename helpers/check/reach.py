"""What a check does with a student's object, wherever the object lives.

In a notebook the object lies in the check's own process. When a hand-in is graded it may lie in another process, which holds the
student's code and nothing else, and the check has a handle: its type has `__course_remote__` and a method `beside`, which runs
one public function of this file in that other process, on the object itself, and brings back what it returns. The functions
here hide the difference. What comes back was made beside the student's code and can be forged: it may cost or gain this
student what the right result would, so whatever can be verified here is verified here and not there.

One question to another process takes longer than most answers, so that attributes, parameters and many small calls go together.
"""

from __future__ import annotations

import contextlib
import inspect
import itertools
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from types import FunctionType
from typing import Any

import numpy as np

from helpers.backend import to_numpy
from helpers.check import around as surroundings
from helpers.check.around import TooLong, limits_itself, quiet, time_limit
from helpers.check.student_errors import described, in_words, rebuilt

MISSING = object()

Told = tuple[str, Any, Sequence[dict[str, Any]]]
"""How a call ended ("value", "missing", "uncallable", "too long", "raised"), the value or the error, and what was noted."""


def remote(thing: Any) -> bool:
    """Whether this is a handle of something in the student's process."""
    return bool(getattr(type(thing), "__course_remote__", False))


def _beside(thing: Any, name: str, *args: Any) -> Any:
    return type(thing).beside(thing, f"{__name__}:{name}", *args)


@dataclass(frozen=True)
class Method:
    """The method of a handle: asked for and called in one go."""

    thing: Any
    name: str
    owner: str


class NoMethod(Exception):
    """There is no such method: what there is instead, or MISSING."""

    def __init__(self, found: Any):
        self.found = found


# Calls -------------------------------------------------------------------------------------------------------------


def run(function: Any, args: Sequence[Any], named: Mapping[str, Any], seconds: float) -> Any:
    """function(*args, **named) within `seconds` and within what `around` asks for. Raises what it raises, or TooLong.

    Of a function in the student's process the error is one of the same name and text, which knows the student's own lines. NoMethod
    where a `Method` is none.
    """
    if isinstance(function, Method) or remote(function):
        thing, name = (function.thing, function.name) if isinstance(function, Method) else (function, "")
        how, value = _settled(_beside(thing, "outcome", name, seconds, tuple(surroundings.asked), tuple(args), tuple(named.items())))
        if how != "value":
            raise NoMethod(MISSING if how == "missing" else value)
        return value
    if function is getattr and remote(args[0]):
        return read(args[0], args[1], seconds)
    notes: list[dict[str, Any]] = []
    with time_limit(seconds), surroundings.entered(function, surroundings.asked, notes):
        found = function(*args, **named)
    surroundings.note(notes)
    return found


def run_each(function: Any, cases: Sequence[Sequence[Any]], seconds: float) -> Iterator[Any]:
    """What a handle's function returns for each list of arguments, one after the other. What went wrong raises when it is its turn."""
    done = 0
    while done < len(cases):
        replies = _beside(function, "outcomes", seconds, tuple(map(tuple, cases[done:])))
        replies = replies if isinstance(replies, tuple) and 0 < len(replies) <= len(cases) - done else [None]
        done += len(replies)
        for reply in replies:
            yield _settled(reply)[1]


def _settled(reply: Any) -> tuple[str, Any]:
    """("value", …), ("missing", None) or ("uncallable", …) of the reply of `outcome`; raises the error that it tells of.

    Whoever forges a reply of another form gets an error.
    """
    how, value, notes = reply if isinstance(reply, tuple) and len(reply) == 3 else ("raised", None, None)
    if isinstance(notes, tuple) and notes:
        surroundings.note([found for found in notes if isinstance(found, dict)])
    if how == "too long":
        raise TooLong
    if how not in ("value", "missing", "uncallable"):
        raise rebuilt(value)
    return how, value


@limits_itself
def outcome(thing: Any, method: str, seconds: float, asked: Sequence[Any], args: Sequence[Any], named: Sequence[tuple[str, Any]]) -> Told:
    """What becomes of a call of `thing`, or of its method, beside the student's code."""
    notes: list[dict[str, Any]] = []
    try:
        with quiet(), time_limit(seconds):
            function = getattr(thing, method, MISSING) if method else thing
            if function is MISSING or not callable(function):
                return ("missing", None, ()) if function is MISSING else ("uncallable", function, ())
            if not asked:
                return "value", function(*args, **dict(named)), ()
            with surroundings.entered(function, asked, notes):
                found = function(*args, **dict(named))
            return "value", found, tuple(notes)
    except TooLong:
        return "too long", None, tuple(notes)
    except BaseException as error:
        return "raised", described(error), tuple(notes)


@limits_itself
def outcomes(function: Any, seconds: float, cases: Sequence[Sequence[Any]]) -> tuple[Told, ...]:
    """`outcome` of several calls, up to the first that goes wrong, or as many as the time allows."""
    began, found = time.monotonic(), list[Told]()
    for args in cases:
        found.append(outcome(function, "", seconds, (), args, ()))
        if found[-1][0] != "value" or time.monotonic() - began > seconds:
            break
    return tuple(found)


# Attributes --------------------------------------------------------------------------------------------------------

_seen: dict[tuple[int, str], Any] = {}


@contextlib.contextmanager
def together(things: Sequence[Any], *names: str) -> Iterator[None]:
    """Within this block, in which nothing may change, these attributes of these things are there without asking again."""
    keys = [(id(thing), name) for thing in things for name in names]
    if all(key in _seen for key in keys) or not all(remote(thing) for thing in things):
        yield
        return
    replies = _beside(things[0], "attributes", tuple(things), names)
    new = dict(zip(keys, replies, strict=True)) if isinstance(replies, tuple) and len(replies) == len(keys) else {}
    before = dict(_seen)
    _seen.update(new)
    try:
        yield
    finally:
        _seen.clear()
        _seen.update(before)


def read(thing: Any, name: str, seconds: float = 60) -> Any:
    """The attribute or MISSING. Raises what a property of the student's raises, or TooLong."""
    if not remote(thing):
        return getattr(thing, name, MISSING)
    reply = _seen.get((id(thing), name))
    if reply is None:
        reply = _beside(thing, "attribute", name, seconds)
    how, value = _settled(reply)
    return value if how == "value" else MISSING


def peek(thing: Any, name: str) -> Any:
    """The attribute, None where there is none."""
    found = read(thing, name)
    return None if found is MISSING else found


@limits_itself
def attribute(thing: Any, name: str, seconds: float) -> Told:
    """What becomes of reading an attribute beside the student's code."""
    try:
        with quiet(), time_limit(seconds):
            found = getattr(thing, name, MISSING)
    except TooLong:
        return "too long", None, ()
    except BaseException as error:
        return "raised", described(error), ()
    return ("missing", None, ()) if found is MISSING else ("value", found, ())


@limits_itself
def attributes(thing: Any, things: Sequence[Any], names: Sequence[str]) -> tuple[Told, ...]:
    """`attribute` of several things, all names of the first one first; fewer where one takes too long."""
    found: list[Told] = []
    for one, name in itertools.product(things, names):
        found.append(attribute(one, name, 5))
        if found[-1][0] == "too long":
            break
    return tuple(found)


def has_globals(function: Any, names: Sequence[str]) -> bool:
    """Whether this is a function in whose globals all the names are defined."""
    if remote(function):
        return _beside(function, "has_globals", tuple(names)) is True
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


def place(wanted: Sequence[tuple[Any, str, np.ndarray]]) -> tuple[str, str] | None:
    """Give attributes our values: inside the student's own arrays where that works, because a list, a property or an optimiser of
    theirs may hold them; else as new arrays. The first that can't be given its values, and why, None where all could."""
    things = [thing for thing, _, _ in wanted]
    if things and all(remote(thing) for thing in things):
        fault = _beside(things[0], "placed", tuple(things), tuple(name for _, name, _ in wanted), tuple(values for _, _, values in wanted))
        return (str(fault[0])[:80], str(fault[1])[:300]) if isinstance(fault, tuple) and len(fault) == 2 else None
    return placed(None, things, [name for _, name, _ in wanted], [values for _, _, values in wanted])


def placed(_: Any, things: Sequence[Any], names: Sequence[str], arrays: Sequence[np.ndarray]) -> tuple[str, str] | None:
    """`place` beside the student's code."""
    for thing, name, values in zip(things, names, arrays, strict=True):
        own = getattr(thing, name)
        without_gradients = sys.modules["torch"].no_grad() if is_torch(own) else contextlib.nullcontext()
        with contextlib.suppress(Exception), without_gradients:
            own[...] = like(own, values)
            if np.allclose(to_numpy(getattr(thing, name)), values, rtol=1e-5, atol=1e-6):
                continue
        try:
            setattr(thing, name, like(own, values))
        except Exception as error:
            return name, in_words(error)
    return None


def as_array(value: Any) -> Any:
    """A handle of something that numpy can read as an array of numbers, as that array; everything else as it is."""
    if not remote(value):
        return value
    found = _beside(value, "numbers")
    return value if found is None else found


def numbers(value: Any) -> np.ndarray | None:
    """The array that numpy makes of `value`, None where it makes none of numbers."""
    try:
        found = np.asarray(to_numpy(value))
    except Exception:
        return None
    return found if found.dtype.kind in "biufc" else None
