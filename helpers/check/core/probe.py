"""The half of a check that runs a student's code: it makes their objects, calls them and notes what came of it.

A probe is a function `probe(seen, *things)` of ordinary objects. It knows no right result: what it notes in `seen` is
plain data, which a verdict compares (`helpers.check.core.ask`). While a hand-in is graded it runs in the student's
process, where the verdicts are not; in a notebook both run in the notebook. What goes wrong ends the probe, and the
verdict tells it in words as soon as it asks for what was not noted.
"""

from __future__ import annotations

import contextlib
import decimal
import fractions
import importlib
import inspect
import re
import sys
import time
import tracemalloc
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, is_dataclass
from pathlib import PurePath
from types import FunctionType, SimpleNamespace
from typing import Any, cast

import numpy as np

from helpers.backend import Backend, to_numpy
from helpers.check.core.limits import TooLong, quiet, time_limit
from helpers.check.core.student_errors import described, in_words

SECONDS = 5.0
"""One call on small arrays may compute this long; honest loops need well under a second."""
WHOLE = 5
"""A probe may take as many times as long in all."""
MISSING = object()
DEPTH, ITEMS = 8, 100_000
"""Of containers inside each other, and of their items in all; what lies beyond is only named."""


@dataclass(frozen=True)
class Odd:
    """Stands for what is no plain data: the name of its type, whether it can be called, the device of a tensor."""

    type: str
    callable: bool = False
    device: str = ""


class Stopped(Exception):
    """A probe can't go on: `what` it did, how that ended ("raised", "too long", "missing", …), and more about it."""

    def __init__(self, what: str, how: str, about: Any = None):
        super().__init__(what)
        self.what, self.how, self.about = what, how, about


class Seen:
    """What a probe notes, by name: a copy as plain data of what it is at that moment."""

    def __init__(self, notes: dict[str, Any] | None = None, before: str = ""):
        self.notes: dict[str, Any] = {} if notes is None else notes
        self.before = before

    def __setitem__(self, name: Any, value: Any) -> None:
        self.notes[f"{self.before}{name}"] = plain(value)

    def part(self, name: Any) -> Seen:
        """Notes that have a name of their own in front: of one of several cases."""
        return Seen(self.notes, f"{self.before}{name}/")


# What a student's functions keep from one call to the next --------------------------------------------------------

Box = list[Any] | dict[Any, Any] | set[Any]
changed: dict[str, str] = {}
"""Names of lists, dictionaries and sets that outlive a call of a student's function and were changed in one, since the
probe that runs now was begun, and what that call is named."""
_forgotten: frozenset[str] = frozenset()
"""Of those, which each function finds now as they were at first."""
REMEMBERED = 50
_at_first: dict[int, tuple[Box, Box]] = {}
"""id of what is kept -> itself, and a copy of it from before the first call that was watched."""


def keeps(function: Any) -> dict[str, Box]:
    """The lists, dictionaries and sets that a function has from call to call, by name: its defaults, what it finds in
    functions around it and outside of all, and those of functions that it uses."""
    found: dict[str, Box] = {}
    todo, seen = [function], set[int]()
    while todo:
        one = todo.pop()
        with contextlib.suppress(Exception):  # a student's object may answer to `__wrapped__` with anything
            one = getattr(inspect.unwrap(one), "__func__", one)
        if not isinstance(one, FunctionType) or id(one) in seen or len(seen) > 50:
            continue
        seen.add(id(one))
        code = one.__code__
        ours = (one.__module__ or "").startswith("helpers.")  # such as a wrapper of a probe's
        defaults = one.__defaults__ or ()
        there = dict(zip(code.co_varnames[: code.co_argcount][-len(defaults) :], defaults, strict=False))
        there |= one.__kwdefaults__ or {}
        with contextlib.suppress(ValueError):  # a cell that is still empty
            there |= {name: cell.cell_contents for name, cell in zip(code.co_freevars, one.__closure__ or (),
                                                                     strict=False)}  # fmt: skip
        if not ours:
            there |= {name: one.__globals__[name] for name in code.co_names if name in one.__globals__}
            found |= {name: value for name, value in there.items() if type(value) in (list, dict, set)}
        todo += [value for value in there.values() if isinstance(value, FunctionType)]
    return found


@contextlib.contextmanager
def watched(what: str, function: Any) -> Iterator[None]:
    """Note in `changed` what a call inside changes of what `function` keeps; what is forgotten it finds as it was at
    first, and afterwards it is as it was."""
    boxes = keeps(function)
    before = {name: box.copy() for name, box in boxes.items()}
    for name, box in boxes.items():
        first = _at_first.setdefault(id(box), (box, before[name]))[1]
        if len(_at_first) > REMEMBERED:
            del _at_first[next(iter(_at_first))]
        if name in _forgotten:
            _fill(box, first)
    try:
        yield
    finally:
        for name, box in boxes.items():
            old = before[name]
            if name in _forgotten:
                _fill(box, old)
            elif _another(old, box):
                changed[name] = what


def _fill(box: Box, values: Box) -> None:
    box.clear()
    if isinstance(box, list):
        box.extend(values)
    else:
        box.update(values)  # type: ignore[arg-type]


def _another(old: Box, new: Box) -> bool:
    if isinstance(old, dict) and isinstance(new, dict):
        return [*map(id, old)] != [*map(id, new)] or [*map(id, old.values())] != [*map(id, new.values())]
    return [*map(id, old)] != [*map(id, new)]


def forgetting(seen: Seen, probe: str, names: Sequence[str], *things: Any) -> None:
    """Another probe, "module:name", in which functions find what they keep under these names as it was at first."""
    global _forgotten
    before, _forgotten = _forgotten, frozenset(names)
    try:
        found(probe)(seen, *things)
    finally:
        _forgotten = before


# What a probe does with a student's things ------------------------------------------------------------------------


def run(what: str, function: Any, *args: Any, inputs: Sequence[str] = (), **named: Any) -> Any:
    """function(*args, **named), within `SECONDS`.

    what: its name in sentences, "Linear.forward". inputs: the names of the first arguments, which it must leave alone.
    """
    if function is None:
        raise Stopped(what, "not defined")
    if not callable(function):
        raise Stopped(what, "uncallable", type(function).__name__)
    before = [copied(arg) for arg in args[: len(inputs)]]
    try:
        with watched(what, function), time_limit(SECONDS):
            found = function(*args, **named)
            if _forgotten:
                found = copied(found)  # it may be what is kept
    except Stopped:
        raise
    except TooLong:
        raise Stopped(what, "too long", SECONDS) from None
    except BaseException as error:
        if isinstance(error, KeyboardInterrupt):
            raise
        told = described(error)
        raise Stopped(what, "raised", told | _kept(what, args, told["text"])) from None
    _calls.setdefault(what, []).append(_shapes(args))
    for name, old, new in zip(inputs, before, args, strict=False):
        if differ(old, new):
            raise Stopped(what, "input changed", name)
    return found


_calls: dict[str, list[list[tuple[int, ...]]]] = {}
"""Shapes of the arrays that functions were called with while this probe runs."""


def _shapes(args: Sequence[Any]) -> list[tuple[int, ...]]:
    return [tuple(arg.shape) for arg in args if isinstance(arg, np.ndarray) or is_torch(arg)]


def _kept(what: str, args: Sequence[Any], text: str) -> dict[str, Any]:
    """{"kept": (earlier size, size now)} where an error's text names the only size in which an earlier call of the
    function differs from this one, and that of this one, too."""
    now, named = _shapes(args), {int(number) for number in re.findall(r"\d+", text[:2000])}
    for earlier in reversed(_calls.get(what, [])):
        if [len(shape) for shape in earlier] != [len(shape) for shape in now]:
            continue
        sizes = [pair for shapes in zip(earlier, now, strict=True) for pair in zip(*shapes, strict=True)]
        apart = {pair for pair in sizes if pair[0] != pair[1]}
        if len(apart) == 1 and set(*apart) <= named and next(iter(apart))[0] not in {size for _, size in sizes}:
            return {"kept": next(iter(apart))}
    return {}


@contextlib.contextmanager
def within(seconds: float) -> Iterator[None]:
    """What is run inside has only so long, where a check that is patient with the rest gives more."""
    global SECONDS
    before, SECONDS = SECONDS, min(SECONDS, seconds)
    try:
        yield
    finally:
        SECONDS = before


def read(thing: Any, name: str, owner: str, default: Any = MISSING) -> Any:
    """The attribute, which may be a property of the student's; `owner` is the thing's name in sentences."""
    if thing is None:
        raise Stopped(owner, "none")
    found = run(f"{owner}.{name}", getattr, thing, name, default)
    if found is MISSING:
        raise Stopped(owner, "attribute missing", name)
    return found


def method(thing: Any, name: str, owner: str) -> Any:
    """The bound method."""
    found = read(thing, name, owner, None)
    if found is None:
        raise Stopped(owner, "method missing", name)
    return found


def twice(layers: Sequence[Any]) -> str:
    """The class of a layer that stands more than once in the list, or nothing."""
    places = [id(layer) for layer in layers]
    return next((type(layer).__name__ for layer in layers if places.count(id(layer)) > 1), "")


def give(thing: Any, name: str, values: np.ndarray) -> None:
    """Give a parameter our values: inside the student's own array where that works, because a list, a property or an
    optimiser of theirs may hold it; else as a new array of its kind. The shape is that of `values`."""
    own = getattr(thing, name, None)
    without_gradients = sys.modules["torch"].no_grad() if is_torch(own) else contextlib.nullcontext()
    with contextlib.suppress(Exception), without_gradients:
        own[...] = like(own, values)  # type: ignore[index]
        now = to_numpy(getattr(thing, name))
        if np.array_equal(now, values) or np.allclose(now, values, rtol=1e-5, atol=1e-6):
            return
    try:
        setattr(thing, name, like(own, values))
    except Exception as error:
        raise Stopped(name, "read-only", in_words(error)) from None


def like(kind: Any, values: np.ndarray) -> Any:
    """A copy of `values` in the array kind of `kind`: numpy, or torch on its device. Their dtype stays."""
    if is_torch(kind):
        import torch

        return torch.as_tensor(values.copy(), device=kind.device)
    return values.copy()


def is_torch(value: Any) -> bool:
    return type(value).__module__.split(".")[0] == "torch" and hasattr(value, "device")


@contextlib.contextmanager
def memory() -> Iterator[list[int]]:
    """The most bytes that were allocated at a time within the block, in the list at its end. Numpy's arrays count."""
    most: list[int] = []
    tracemalloc.start()
    try:
        tracemalloc.reset_peak()
        before = tracemalloc.get_traced_memory()[0]
        yield most
        most.append(tracemalloc.get_traced_memory()[1] - before)
    finally:
        tracemalloc.stop()


def calls(seen: Seen, what: str, function: Any, cases: Sequence[Sequence[Any]], inputs: Sequence[str] = ()) -> None:
    """A probe of a plain function: notes under "0", "1", … what it returns for each list of arguments, and under
    "first, later" what its first result is when all are made."""
    first = None
    for number, args in enumerate(cases):
        seen[str(number)] = found = run(what, function, *copied(args), inputs=inputs)
        first = first if number else found
    seen["first, later"] = first


def calls_of_each(seen: Seen, asked: Sequence[tuple[Any, ...]]) -> None:
    """`calls` of several functions, one after the other: each (what, function, cases), with inputs where there are
    any, in a part of its own, `what`."""
    for what, *more in asked:
        calls(seen.part(what), what, *more)


class Bench:
    """Work for a student's code to time: functions that wait as long as they are told, and when each was called."""

    def __init__(self) -> None:
        self.calls: list[tuple[str, float, float]] = []
        self.began = time.perf_counter()

    def piece(self, name: str, seconds: float, result: Callable[..., Any] = lambda *args: None) -> Callable[..., Any]:
        """A function that waits so many seconds and returns what `result` makes of its arguments."""

        def work(*args: Any) -> Any:
            began = time.perf_counter()
            found = result(*args)
            time.sleep(seconds)
            self.calls.append((name, began, time.perf_counter()))
            return found

        return work

    def notes(self) -> dict[str, Any]:
        """For `known_work.Calls`, when the student's function has returned."""
        return {"began": self.began, "calls": self.calls, "ended": time.perf_counter()}


# Plain data -------------------------------------------------------------------------------------------------------


def copied(value: Any) -> Any:
    """Arrays, and containers with what they hold, anew; everything else as it is."""
    if type(value) in (list, tuple):
        return type(value)(copied(one) for one in value)
    if type(value) is dict:
        return {key: copied(one) for key, one in value.items()}
    if isinstance(value, np.ndarray):
        return value.copy(order="K")
    if is_torch(value) and hasattr(value, "clone"):
        return value.detach().clone()
    return value


def differ(one: Any, other: Any) -> bool:
    """Whether two pieces of plain data are not the same, to the bit."""
    if type(one) is not type(other):
        return True
    if type(one) in (list, tuple):
        return len(one) != len(other) or any(map(differ, one, other))
    if type(one) is dict:
        return one.keys() != other.keys() or any(differ(one[key], other[key]) for key in one)
    if is_torch(one):
        return one.dtype != other.dtype or one.shape != other.shape or differ(to_numpy(one), to_numpy(other))
    if isinstance(one, np.ndarray):
        return one.dtype != other.dtype or one.shape != other.shape or one.tobytes() != other.tobytes()
    return one is not other and type(one) in _SCALARS and one != other


_SCALARS = (bool, int, float, complex, str, bytes)


def plain(value: Any) -> Any:
    """The value as plain data, copied: None, bool, int, float, complex, str, bytes, fractions, numpy's numbers and
    arrays of numbers, records of `helpers`, and lists, tuples, sets and dicts of these. Tensors and all else that numpy
    reads as numbers become arrays, arrays of texts or objects lists, subclasses their base; types of numbers, devices
    and paths become their names; what is left becomes an `Odd`."""
    return _Plain().of(value, 0)


class _Plain:
    def __init__(self) -> None:
        self.items = 0
        self.made: dict[int, Any] = {}
        """What was made of a thing that stood here already; an `Odd` while it is being made, so that circles end."""
        self.kept: list[Any] = []

    def of(self, value: Any, depth: int) -> Any:
        self.items += 1
        cls = type(value)
        if value is None or cls in _SCALARS or cls in (fractions.Fraction, decimal.Decimal):
            return value
        if id(value) in self.made:
            return self.made[id(value)]
        if depth > DEPTH or self.items > ITEMS:
            return odd(value)
        self.made[id(value)] = odd(value)
        self.kept.append(value)
        with contextlib.suppress(Exception):  # a student's object may do anything when it is looked at
            self.made[id(value)] = self._inside(value, depth + 1)
        return self.made[id(value)]

    def _inside(self, value: Any, depth: int) -> Any:
        if isinstance(value, np.ndarray) and value.shape and value.dtype.kind in "UO":
            return self.of(value.tolist(), depth)
        if isinstance(value, np.ndarray | np.generic) or is_torch(value):
            return _numbers(value)
        for base in _SCALARS:
            if isinstance(value, base):
                return _base(base, value)
        for kind in (list, tuple, set, frozenset):
            if isinstance(value, kind):
                return kind([self.of(one, depth) for one in kind.__iter__(value)])  # type: ignore[arg-type]
        if isinstance(value, range):
            return [self.of(one, depth) for one in value[:ITEMS]]
        if isinstance(value, dict):
            return {_key(key): self.of(one, depth) for key, one in dict.items(value)}
        if isinstance(value, np.dtype | PurePath) or f"{type(value).__module__}.{type(value).__name__}" in _NAMED:
            return _base(str, str(value))
        if isinstance(value, SimpleNamespace):
            return SimpleNamespace(**{str(key): self.of(one, depth) for key, one in vars(value).items()})
        if is_record(value):
            return value
        return odd(value) if callable(value) else _numbers(value)


_NAMED = ("torch.device", "torch.dtype")


def is_record(value: Any) -> bool:
    """A dataclass of the course's own, or a backend."""
    return type(value).__module__.startswith("helpers.") and (is_dataclass(value) or type(value) is Backend)


_BY_VALUE = (
    *_SCALARS, fractions.Fraction, decimal.Decimal, np.ndarray, np.generic,
    list, tuple, set, frozenset, dict, range, SimpleNamespace,
)  # fmt: skip


def by_value(value: Any) -> Any:
    """What a verdict gets of a student's variable: plain data as `plain` has it; an `Odd` for a function, a class or
    any other object, which stays beside the student's code and is there for probes."""
    if value is None or isinstance(value, _BY_VALUE) or is_torch(value) or is_record(value):
        return plain(value)
    return odd(value)


def _base(base: Any, value: Any) -> Any:
    return base.__str__(value) if base is str else base.__new__(base, value)


def _key(key: Any) -> Any:
    return (
        key
        if type(key) in _SCALARS or key is None
        else plain(key)
        if isinstance(key, tuple | np.generic)
        else str(odd(key))
    )


def _numbers(value: Any) -> Any:
    found = value if isinstance(value, np.generic) else np.array(to_numpy(value), copy=True, order="K", subok=False)
    if found.dtype.kind == "U" and not found.shape:
        return str(found)
    return found if found.dtype.kind in "biufc" else odd(value)


def odd(value: Any) -> Odd:
    """What stands for a value that is no plain data."""
    if isinstance(value, Odd):
        return value
    device = ""
    if is_torch(value):
        with contextlib.suppress(Exception):
            device = str(value.device)
    return Odd(type(value).__name__[:80], callable(value), device)


# Running a probe --------------------------------------------------------------------------------------------------

Probe = Callable[..., None]


def observed(probe: Probe | str, seconds: float, args: Sequence[Any]) -> dict[str, Any]:
    """What the probe (or "module:name" of one) notes, and how it ended:
    {"seen": …, "ended": None or (what, how, about), "changed": as `changed`}.

    seconds: what `SECONDS` is meanwhile.
    """
    global SECONDS
    if isinstance(probe, str):
        probe = found(probe)
    seen, ended = Seen(), None
    _calls.clear()
    changed.clear()
    before, SECONDS = SECONDS, seconds
    try:
        with quiet(), time_limit(WHOLE * seconds):
            probe(seen, *args)
    except Stopped as stopped:
        ended = (stopped.what, stopped.how, plain(stopped.about))
    except TooLong:
        ended = ("your code", "too long", WHOLE * seconds)
    except Exception as error:
        ended = ("", "raised", described(error))
    finally:
        SECONDS = before
    return {"seen": seen.notes, "ended": ended, "changed": dict(changed)}


def found(name: str) -> Probe:
    """The probe of "module:name"."""
    module, _, name = name.partition(":")
    return cast(Probe, getattr(importlib.import_module(module), name))
