"""What a check does with a student's object, wherever the object lives.

In a notebook the object lies in the check's own process. When a hand-in is graded it may lie in another process, which holds the
student's code and nothing else, and the check has a handle: its type has `__course_remote__` and a method `beside`, which runs
one function of `helpers.check.core.beside` in that other process, on the object itself, and brings back what it returns. The functions
here hide the difference. What comes back was made beside the student's code and can be forged: it may cost or gain this
student what the right result would, so whatever can be verified here is verified here and not there.

One question to another process takes longer than most answers. So many calls can be asked for at once (`run_each`), a thing comes
with its parameters, which are given our values on the way (`make`), and an answer brings attributes that are read next (`bring`).
These are hints: whoever gives none gets the same values by more questions, and in a notebook they do nothing.
"""

from __future__ import annotations

import contextlib
import itertools
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np

from helpers.check.core import beside as here
from helpers.check.core import limits as surroundings
from helpers.check.core.beside import MISSING, Told, fitted, is_torch
from helpers.check.core.limits import TooLong, time_limit
from helpers.check.core.student_errors import rebuilt


def remote(thing: Any) -> bool:
    """Whether this is a handle of something in the student's process."""
    return bool(getattr(type(thing), "__course_remote__", False))


def _beside(thing: Any, name: str, *args: Any) -> Any:
    forget()
    return type(thing).beside(thing, f"helpers.check.core.beside:{name}", *args)


@dataclass(frozen=True)
class Method:
    """The method of an object: asked for and called in one go."""

    thing: Any
    name: str
    owner: str


class NoMethod(Exception):
    """There is no such method, or it is no function: what there is instead, or MISSING."""

    def __init__(self, function: Any, found: Any):
        self.function, self.found = function, found


Bring = tuple[Sequence[Any], Sequence[str]]
"""Things and names of their attributes."""
NOTHING: Bring = ((), ())


def far(function: Any) -> bool:
    """Whether this function or `Method` runs in the student's process."""
    return remote(function.thing if isinstance(function, Method) else function)


# Calls -------------------------------------------------------------------------------------------------------------


def run(function: Any, args: Sequence[Any], named: Mapping[str, Any], seconds: float, bring: Bring = NOTHING) -> Any:
    """function(*args, **named) within `seconds` and within what `around` asks for. Raises what it raises, or TooLong.

    Of a function in the student's process the error is one of the same name and text, which knows the student's own lines. NoMethod
    where a `Method` is none.
    """
    if far(function):
        thing, name = (function.thing, function.name) if isinstance(function, Method) else (function, "")
        how = (name, seconds, tuple(surroundings.asked), tuple(args), tuple(named.items()))
        if not bring[1]:
            return _returned(function, _beside(thing, "outcome", *how))
        reply = _beside(thing, "outcome_and", *how, tuple(bring[0]), tuple(bring[1]))
        told, found = reply if isinstance(reply, tuple) and len(reply) == 2 else (None, None)
        _keep(*bring, found)
        return _returned(function, told)
    if function is getattr and remote(args[0]):
        return read(args[0], args[1], seconds)
    notes: list[dict[str, Any]] = []
    with time_limit(seconds), surroundings.entered(function, surroundings.asked, notes):
        found = function(*args, **named)
    surroundings.note(notes)
    return found


def run_each(calls: Sequence[tuple[Any, Sequence[Any]]], seconds: float, bring: Bring = NOTHING) -> Iterator[Any]:
    """What these functions of the student's process return, called one after the other with these arguments each.

    What went wrong, and what a call did to its arguments, is seen when it is its turn. `bring` is what is there after the last.
    """
    done = 0
    while done < len(calls):
        waiting = tuple((f.thing, f.name, tuple(args)) if isinstance(f, Method) else (f, "", tuple(args)) for f, args in calls[done:])
        reply = _beside(waiting[0][0], "outcomes", seconds, tuple(surroundings.asked), waiting, tuple(bring[0]), tuple(bring[1]))
        told, brought = reply if isinstance(reply, tuple) and len(reply) == 2 else (None, None)
        for one in told if isinstance(told, tuple) and 0 < len(told) <= len(waiting) else [None]:
            function, args = calls[done]
            done += 1
            if done == len(calls):
                _keep(*bring, brought)
            answer, changes = one if isinstance(one, tuple) and len(one) == 2 else (None, None)
            _change(args, changes)
            yield _returned(function, answer)


def _returned(function: Any, reply: Any) -> Any:
    how, value = _settled(reply)
    if how != "value":
        raise NoMethod(function, MISSING if how == "missing" else value)
    return value


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


def _change(args: Sequence[Any], changes: Any) -> None:
    """Do to our arguments what a call did to its copies; nothing where that is impossible or forged."""
    for change in changes if isinstance(changes, tuple) else ():
        place, new = change if isinstance(change, tuple) and len(change) == 2 else (None, None)
        mine = args[place] if type(place) is int and 0 <= place < len(args) else None
        if type(mine) is not type(new):
            continue
        with contextlib.suppress(ValueError, TypeError, RuntimeError):
            if isinstance(mine, list) and isinstance(new, list):
                mine[:] = new
            elif isinstance(mine, np.ndarray) and isinstance(new, np.ndarray):
                mine.shape = new.shape
                np.copyto(mine, new, casting="no")
            elif mine is not None and is_torch(mine):
                mine.copy_(new)


# Attributes --------------------------------------------------------------------------------------------------------

_seen: dict[tuple[int, str], Told] = {}
"""What `together` has read."""


class _Brought(NamedTuple):
    thing: Any
    told: Told


_brought: dict[tuple[int, str], _Brought] = {}
"""What came with the last answer. It holds the things, too, so that their ids stay theirs."""


def forget() -> None:
    """What was brought along may not be so any longer."""
    _brought.clear()
    _placed.clear()


def _keep(things: Sequence[Any], names: Sequence[str], told: Any) -> None:
    keys = list(itertools.product(things, names))
    if isinstance(told, tuple) and len(told) == len(keys):
        _brought.update({(id(thing), name): _Brought(thing, one) for (thing, name), one in zip(keys, told, strict=True)})


@contextlib.contextmanager
def together(things: Sequence[Any], *names: str) -> Iterator[None]:
    """Within this block, in which nothing may change, these attributes of these things are there without asking again."""
    keys = [(id(thing), name) for thing in things for name in names]
    if not all(remote(thing) for thing in things) or all(key in _seen for key in keys):
        yield
        return
    new = {key: _brought[key].told for key in keys if key in _brought}
    if len(new) < len(keys):
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
    key = (id(thing), name)
    reply = _seen.get(key) or (_brought[key].told if key in _brought else None)
    if reply is None:
        reply = _beside(thing, "attribute", name, seconds)
    how, value = _settled(reply)
    return value if how == "value" else MISSING


def peek(thing: Any, name: str) -> Any:
    """The attribute, None where there is none."""
    found = read(thing, name)
    return None if found is MISSING else found


def assign(thing: Any, **values: Any) -> None:
    """Set attributes, as `thing.name = value` does."""
    if remote(thing):
        _beside(thing, "assigned", tuple(values), tuple(values.values()))
    else:
        here.assigned(thing, tuple(values), tuple(values.values()))


def has_globals(function: Any, names: Sequence[str]) -> bool:
    """Whether this is a function in whose globals all the names are defined."""
    if remote(function):
        return _beside(function, "has_globals", tuple(names)) is True
    return here.has_globals(function, names)


# Arrays ------------------------------------------------------------------------------------------------------------


def place(wanted: Sequence[tuple[Any, str, np.ndarray]]) -> tuple[str, str] | None:
    """Give attributes our values: inside the student's own arrays where that works, because a list, a property or an optimiser of
    theirs may hold them; else as new arrays. The first that can't be given its values, and why, None where all could."""
    things, names, values = [thing for thing, _, _ in wanted], [name for _, name, _ in wanted], [one for _, _, one in wanted]
    if not things or not all(remote(thing) for thing in things):
        return here.placed(None, things, names, values)
    if _placed and _placed[0].was(wanted):
        fault = _placed[0].fault
        forget()  # the attributes were read before
    else:
        fault = _beside(things[0], "placed", tuple(things), tuple(names), tuple(values))
    return (str(fault[0])[:80], str(fault[1])[:300]) if isinstance(fault, tuple) and len(fault) == 2 else None


# Making ------------------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class _Placed:
    """What `make` has given its values already: the things, the names and the values of each, and the first that couldn't be given them."""

    things: Sequence[Any]
    names: Sequence[str]
    values: Sequence[Sequence[np.ndarray]]
    fault: Any

    def was(self, wanted: Sequence[tuple[Any, str, np.ndarray]]) -> bool:
        """Whether these are the same values for the same attributes."""
        places = itertools.product(self.things, self.names)
        mine = [(*place, one) for place, one in zip(places, itertools.chain(*self.values), strict=False)]
        return len(mine) == len(wanted) and all(
            thing is other and name == same and one.size == new.size and np.array_equal(fitted(one, new.shape), new)
            for (thing, name, one), (other, same, new) in zip(mine, wanted, strict=True)
        )


_placed: list[_Placed] = []
"""What came with the last answer: nothing, or one."""


def make(cls: Any, args: Sequence[Any], named: Mapping[str, Any], seconds: float, parts: str, names: Sequence[str], values: Sequence[Sequence[np.ndarray]]) -> Any:
    """`run` of a class. From another process the object comes with these attributes of its own, or of its `parts`.

    values: what `place` will give those attributes next, `fitted`, of each part whose first one is not None; so that it is done by then.
    """
    if not remote(cls):
        return run(cls, args, named, seconds)
    reply = _beside(cls, "built", seconds, tuple(surroundings.asked), tuple(args), tuple(named.items()), parts, tuple(names), tuple(tuple(each) for each in values))
    told, inside, found, fault = reply if isinstance(reply, tuple) and len(reply) == 4 else (None, None, None, None)
    thing = _returned(cls, told)
    things: Sequence[Any] = [thing]
    if parts:
        _keep([thing], [parts], (inside,) if inside else None)
        within = inside[1] if isinstance(inside, tuple) and len(inside) == 3 else None
        things = within if isinstance(within, list | tuple) else []
    _keep(things, names, found)
    if isinstance(fault, tuple) and len(fault) == 1 and names and isinstance(found, tuple) and len(found) == len(things) * len(names):
        filled = [one for one, first in zip(things, found[:: len(names)], strict=True) if here.there(first)]
        _placed[:] = [_Placed(filled, names, values, fault[0])]
    return thing


# Training ----------------------------------------------------------------------------------------------------------


def first_weights(MLP: Any, seconds: float, *how: Any) -> Any:
    """What `beside.first_weights` found out."""
    return _returned(MLP, _beside(MLP, "first_weights", seconds, *how) if remote(MLP) else here.first_weights(MLP, seconds, *how))


def retrain(MLP: Any, seconds: float, *how: Any) -> Any:
    """What `beside.retrained` found out."""
    return _returned(MLP, _beside(MLP, "retrained", seconds, *how) if remote(MLP) else here.retrained(MLP, seconds, *how))


# Arrays of handles -------------------------------------------------------------------------------------------------


def as_array(value: Any) -> Any:
    """A handle of something that numpy can read as an array of numbers, as that array; everything else as it is."""
    if not remote(value):
        return value
    found = _beside(value, "numbers")
    return value if found is None else found
