"""What of the checks runs in the student's process, beside the student's code and on the object itself; see `reach`.

Here nothing is believed or verified: whatever these functions return could be forged. In a notebook some of them do the same at home.
"""

from __future__ import annotations

import contextlib
import inspect
import itertools
import sys
import time
from collections.abc import Sequence
from math import prod
from types import FunctionType
from typing import Any

import numpy as np

from helpers.backend import to_numpy
from helpers.check.core import limits as surroundings
from helpers.check.core.limits import TooLong, limits_itself, quiet, time_limit
from helpers.check.core.student_errors import described, in_words

MISSING = object()

Told = tuple[str, Any, tuple[dict[str, Any], ...]]
"""How a call ended ("value", "missing", "uncallable", "too long", "raised"), the value or the error, and what was noted.

Replies and what is asked are tuples: lists would travel with an identity each.
"""
Named = tuple[tuple[str, Any], ...]

# Calls -------------------------------------------------------------------------------------------------------------


@limits_itself
def outcome(thing: Any, method: str, seconds: float, asked: Sequence[Any], args: Sequence[Any], named: Named) -> Told:
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
def outcome_and(thing: Any, method: str, seconds: float, asked: Sequence[Any], args: Sequence[Any], named: Named, things: Sequence[Any], names: Sequence[str]) -> tuple[Told, tuple[Told, ...]]:
    """`outcome`, and `attributes` after it, where there is time left for them."""
    began = time.monotonic()
    told = outcome(thing, method, seconds, asked, args, named)
    return told, attributes(None, things, names) if told[0] == "value" and time.monotonic() - began < seconds else ()


Change = tuple[int, Any]
"""The place of an argument, and what it is after the call."""


@limits_itself
def outcomes(_: Any, seconds: float, asked: Sequence[Any], calls: Sequence[tuple[Any, str, tuple[Any, ...]]], things: Sequence[Any], names: Sequence[str]) -> tuple[tuple[tuple[Told, tuple[Change, ...]], ...], tuple[Told, ...]]:
    """`outcome` of several calls, up to the first that goes wrong, or as many as the time allows; after the last, `attributes`."""
    began, found = time.monotonic(), list[tuple[Told, tuple[Change, ...]]]()
    for thing, method, args in calls:
        # It gets copies, and what it returns is copied: what a later one does to them is not to be seen yet.
        given = [_copied(arg) for arg in args]
        how, value, notes = outcome(thing, method, seconds, asked, given, ())
        changes = tuple((i, _copied(one)) for i, (one, arg) in enumerate(zip(given, args, strict=True)) if _differ(one, arg))
        found.append(((how, _copied(value), notes), changes))
        if how != "value" or time.monotonic() - began > seconds:
            return tuple(found), ()
    return tuple(found), attributes(None, things, names)


def _copied(value: Any, depth: int = 3) -> Any:
    """Arrays, and lists and tuples with what they hold, anew; everything else as it is."""
    if type(value) in (list, tuple) and depth:
        return type(value)(_copied(one, depth - 1) for one in value)
    if is_torch(value) and hasattr(value, "clone"):
        return value.clone()
    if type(value) is not np.ndarray:
        return value
    copy = value.copy(order="K")
    copy.flags.writeable = value.flags.writeable
    return copy


def _differ(one: Any, other: Any) -> bool:
    if type(one) is not type(other):
        return True
    if type(one) in (list, tuple):
        return len(one) != len(other) or any(map(_differ, one, other))
    if is_torch(one):
        return one.dtype != other.dtype or one.shape != other.shape or _differ(to_numpy(one), to_numpy(other))
    if isinstance(one, np.ndarray):
        return one.dtype != other.dtype or one.shape != other.shape or one.tobytes() != other.tobytes()
    return one is not other


# Attributes --------------------------------------------------------------------------------------------------------


@limits_itself
def attribute(thing: Any, name: str, seconds: float) -> Told:
    """What becomes of reading an attribute beside the student's code."""
    try:
        with quiet(), time_limit(seconds):
            return _read(thing, name)
    except TooLong:
        return "too long", None, ()


@limits_itself
def attributes(_: Any, things: Sequence[Any], names: Sequence[str], seconds: float = 5) -> tuple[Told, ...]:
    """What becomes of reading these attributes, all names of the first thing first; fewer where they take too long."""
    found: list[Told] = []
    try:
        with quiet(), time_limit(seconds):
            for thing, name in itertools.product(things, names):
                found.append(_read(thing, name))
    except TooLong:
        found.append(("too long", None, ()))
    return tuple(found)


def _read(thing: Any, name: str) -> Told:
    try:
        found = getattr(thing, name, MISSING)
    except TooLong:
        raise
    except BaseException as error:
        return "raised", described(error), ()
    return ("missing", None, ()) if found is MISSING else ("value", found, ())


def assigned(thing: Any, names: Sequence[str], values: Sequence[Any]) -> None:
    """`assign` beside the student's code."""
    for name, value in zip(names, values, strict=True):
        setattr(thing, name, value)


def has_globals(function: Any, names: Sequence[str]) -> bool:
    """Whether this is a function in whose globals all the names are defined."""
    with contextlib.suppress(Exception):  # a student's object may answer to `__wrapped__` with anything
        function = inspect.unwrap(function)
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


def fitted(values: np.ndarray, shape: tuple[int, ...]) -> np.ndarray:
    """(in, out) values in the student's own layout: (out, in) weights and (1, out) biases are right, too."""
    return values.T if values.ndim == 2 and values.shape != shape == values.shape[::-1] else values.reshape(shape)


def placed(_: Any, things: Sequence[Any], names: Sequence[str], arrays: Sequence[np.ndarray]) -> tuple[str, str] | None:
    """`place` beside the student's code."""
    for thing, name, values in zip(things, names, arrays, strict=True):
        own = getattr(thing, name)
        without_gradients = sys.modules["torch"].no_grad() if is_torch(own) else contextlib.nullcontext()
        with contextlib.suppress(Exception), without_gradients:
            own[...] = like(own, values)
            now = to_numpy(getattr(thing, name))
            if np.array_equal(now, values) or np.allclose(now, values, rtol=1e-5, atol=1e-6):
                continue
        try:
            setattr(thing, name, like(own, values))
        except Exception as error:
            return name, in_words(error)
    return None


def numbers(value: Any) -> np.ndarray | None:
    """The array that numpy makes of `value`, None where it makes none of numbers."""
    try:
        found = np.asarray(to_numpy(value))
    except Exception:
        return None
    return found if found.dtype.kind in "biufc" else None


# Making ------------------------------------------------------------------------------------------------------------


def there(told: Any) -> bool:
    """Whether an attribute is not None."""
    return isinstance(told, tuple) and len(told) == 3 and told[0] == "value" and told[1] is not None


@limits_itself
def built(
    cls: Any, seconds: float, asked: Sequence[Any], args: Sequence[Any], named: Named, parts: str, names: Sequence[str], values: Sequence[Sequence[np.ndarray]]
) -> tuple[Told, Told | None, tuple[Told, ...], tuple[Any, ...]]:
    """`make` beside the student's code: the object, its parts, their attributes as they were first, and (what `placed` says,) where they have our values now."""
    began = time.monotonic()
    told = outcome(cls, "", seconds, asked, args, named)
    if told[0] != "value" or time.monotonic() - began > seconds:
        return told, None, (), ()
    inside = attribute(told[1], parts, seconds) if parts else None
    things = inside[1] if inside else (told[1],)
    if type(things) not in (list, tuple):
        return told, inside, (), ()
    found = attributes(None, things, names)
    width = len(names)
    filled = [i for i in range(len(things)) if there(found[i * width])] if width and len(found) == len(things) * width else []
    own = [told[1] for i in filled for told in found[i * width : (i + 1) * width]]
    wanted = [one for each in values for one in each]
    if not values or len(filled) != len(values) or len(own) != len(wanted) or not all(map(_fits, wanted, own)):
        return told, inside, found, ()
    found = tuple((how, _copied(value), notes) for how, value, notes in found)
    fits = [fitted(one, tuple(mine.shape)) for one, mine in zip(wanted, own, strict=True)]
    try:
        with time_limit(seconds):
            return told, inside, found, (placed(None, [things[i] for i in filled for _ in names], [*names] * len(filled), fits),)
    except BaseException:  # whoever asks for the placing alone sees it
        return told, inside, found, ()


def _fits(values: np.ndarray, own: Any) -> bool:
    return (type(own) is np.ndarray or is_torch(own)) and prod(own.shape) == values.size


# Training ----------------------------------------------------------------------------------------------------------


@limits_itself
def first_weights(MLP: Any, seconds: float, on: Any, sizes: tuple[int, ...], seeds: tuple[int | None, ...], wanted: str) -> Told:
    """`outcome` of making new networks with these seeds: the fingerprints of their weights, up to the wanted one; "" where a class takes no seed."""

    def prints() -> tuple[str, ...]:
        from helpers.train import fingerprint

        found: list[str] = []
        for seed in seeds:
            try:
                found.append(fingerprint(MLP(sizes, on) if seed is None else MLP(sizes, on, seed=seed)))
            except TypeError:
                found.append("")
            if wanted and found[-1] == wanted:
                break
        return tuple(found)

    return outcome(prints, "", seconds, (), (), ())


@limits_itself
def retrained(
    MLP: Any, seconds: float, train_epoch: Any, evaluate: Any, on: Any, sizes: tuple[int, ...], start: int | None,
    images: int, test: int, rates: tuple[float, ...], seed: int, batch_size: int,
) -> Told:  # fmt: skip
    """`outcome` of a new network (seed `start`) and `fit` on so many images of MNIST, at these rates, with these functions: training losses, test losses, accuracies."""

    def curves() -> tuple[list[float], ...]:
        from helpers.data import load
        from helpers.train import fit

        data = load("mnist", train=images, test=test).to(on)
        network = MLP(sizes, on) if start is None else MLP(sizes, on, seed=start)
        run = fit(network, train_epoch, evaluate, data, lr=lambda epoch: rates[epoch], epochs=len(rates), batch_size=batch_size, seed=seed, progress=False)
        return run.train_loss, run.test_loss, run.test_accuracy

    return outcome(curves, "", seconds, (), (), ())
