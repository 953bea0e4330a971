"""Calling a student's code: whatever it does, the student reads a sentence and never a traceback of ours."""

from __future__ import annotations

import contextlib
import itertools
import linecache
import re
import sys
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from helpers.backend import to_numpy
from helpers.check.core import reach
from helpers.check.core.beside import MISSING, is_torch
from helpers.check.core.beside import like as like
from helpers.check.core.limits import TooLong
from helpers.check.core.reach import NOTHING, Bring, Method
from helpers.check.core.report import Mistake
from helpers.check.core.student_errors import in_words, own_frames

SECONDS = 5
"""A check lets one call on small arrays compute this long; honest loops need well under a second."""


@contextlib.contextmanager
def patience(seconds: int) -> Iterator[None]:
    """Let calls inside compute longer: for those that are no small arrays."""
    global SECONDS
    before, SECONDS = SECONDS, max(SECONDS, seconds)
    try:
        yield
    finally:
        SECONDS = before


def _unwritten(error: BaseException, what: str) -> str:
    """`what`, or what it calls: the function of the student's that raised."""
    name = next((frame.name for frame in own_frames(error)), "")
    if not name.isidentifier() or name.startswith("__") or name in what:
        return what
    return f"`{name}`, which {what} calls,"


def _place(error: BaseException) -> str:
    """The student's own line that failed, as ' in the line `…`', or nothing."""
    for frame in own_frames(error):
        line = (frame.line or linecache.getline(frame.filename, frame.lineno or 0)).strip()
        if line:
            return f" in the line `{line}`"
    return ""


def call(function: Any, *args: Any, what: str, bring: Bring = NOTHING, **kwargs: Any) -> Any:
    """Call a student's function or `Method`; `what` names it in messages ("Linear.forward").

    bring: (things, names of attributes) that are read next, before anything else is called or put.
    """
    if isinstance(function, Method) and not reach.remote(function.thing):
        function = method(function.thing, function.name, function.owner)
    if not isinstance(function, Method):
        _callable(function, what)
    return _called(what, reach.run, function, args, kwargs, SECONDS, bring)


def make(cls: Any, *args: Any, what: str, parts: str = "", names: Sequence[str] = (), values: Sequence[Sequence[np.ndarray]] = (), **kwargs: Any) -> Any:
    """`call` of a class, of whose object these attributes are read next, or those of each of its `parts` ("layers").

    values: what `put_all` gives these attributes then, of each part that has them, in the shapes of `reach.fitted`.
    """
    _callable(cls, what)
    return _called(what, reach.make, cls, args, kwargs, SECONDS, parts, names, values)


def first_weights(MLP: Any, on: Any, sizes: tuple[int, ...], seeds: Sequence[int | None], wanted: str = "") -> list[str]:
    """Fingerprints, as `fit` records them, of the weights that new networks with these seeds start from, up to the wanted one."""
    found = _called("MLP(sizes, backend, seed)", reach.first_weights, MLP, SECONDS, on, sizes, tuple(seeds), wanted)
    found = [one for one in found if isinstance(one, str)] if isinstance(found, tuple) else []
    return found[: len(seeds)] + [""] * (len(seeds) - len(found))


def retrain(MLP: Any, train_epoch: Any, evaluate: Any, *how: Any, what: str) -> np.ndarray:
    """Training losses, test losses and accuracies, (3, epochs), of a run that the student's functions make; see `beside.retrained`."""
    return array(_called(what, reach.retrain, MLP, SECONDS, train_epoch, evaluate, *how), what)


@dataclass(frozen=True)
class Later:
    """A call, by position, that waits for its turn."""

    function: Any
    args: Sequence[Any]
    what: str


def in_turn(calls: Sequence[Later], bring: Bring = NOTHING) -> Iterator[Any]:
    """`call` of each, when its result is asked for: of functions that are called one after the other, whatever they return."""
    there = list(itertools.takewhile(lambda one: reach.far(one.function), calls))
    results = reach.run_each([(one.function, one.args) for one in there], SECONDS, bring if len(there) == len(calls) else NOTHING)
    for one in there:
        yield _called(one.what, next, results)
    for one in calls[len(there) :]:
        yield call(one.function, *one.args, what=one.what)


def call_each(function: Any, cases: Sequence[Sequence[Any]], *, what: str) -> Iterator[Any]:
    """`call` with each list of arguments, one result after the other; for functions that are called many times."""
    return in_turn([Later(function, args, what) for args in cases])


def _callable(function: Any, what: str) -> None:
    if function is None:
        raise Mistake("still-to-do", f"Still to do: {what} is not defined yet; run its cell first.")
    if not callable(function):
        raise Mistake("not-callable", f"{what} should be a function, but it is {_kind(function)}.")


def _called(what: str, run: Callable[..., Any], *how: Any) -> Any:
    """What `run` returns; sentences for all that it may raise."""
    try:
        return run(*how)
    except reach.NoMethod as no:
        if no.found is MISSING:
            raise Mistake("method-missing", f"{no.function.owner} has no method `{no.function.name}`. Is it indented inside the class?") from None
        _callable(no.found, what)
        raise
    except NotImplementedError as error:
        raise Mistake("still-to-do", f"Still to do: {_unwritten(error, what)} is not written yet.") from None
    except TooLong:
        raise Mistake(
            "never-returns",
            f"{what} did not return within {SECONDS} seconds on very small arrays. "
            "Look for a loop whose condition never becomes false, such as a counter that is not advanced.",
        ) from None
    except RecursionError:
        raise Mistake("calls-itself", f"{what} calls itself endlessly. Look for a call of its own name.") from None
    except (Exception, SystemExit, KeyboardInterrupt) as error:
        if isinstance(error, KeyboardInterrupt):
            raise
        mistake = Mistake("raises", f"{what} raised {in_words(error)}{_place(error)}.{_advice(error)}")
        mistake.of_torch = isinstance(error, TypeError) or (isinstance(error, AttributeError) and "numpy" in str(error))
        raise mistake from None


def _advice(error: BaseException) -> str:
    text = str(error)
    if isinstance(error, TypeError) and "argument" in text:
        return " Compare the arguments in your `def` line with those in the exercise's text."
    if isinstance(error, AttributeError) and "object has no attribute" in text:
        return " Is that attribute set before it is read, with `self.` in front, and spelled the same?"
    shapes = re.findall(r"\((\d+),(\d*)\)", text)
    if "broadcast" in text and len(shapes) == 2 and shapes[0][0] == shapes[1][0] and shapes[1][1] == "":
        return " A sum or maximum over an axis loses that axis: keep it with `keepdims=True`, so that each row meets its own number. (Labels are integers, one per row; they have no second axis.)"
    if isinstance(error, ValueError) and any(word in text for word in ("matmul", "broadcast", "align", "shape")):
        return " The shapes don't fit: write down the shape of each factor, and what each axis stands for."
    if isinstance(error, RuntimeError) and "shapes cannot be multiplied" in text:
        return " The shapes don't fit: write down the shape of each factor, and what each axis stands for."
    if isinstance(error, NameError):
        return " Was its cell run, and is the name spelled the same?"
    return ""


def _kind(value: Any) -> str:
    return "None" if value is None else f"of type {type(value).__name__}"


def method(thing: Any, name: str, owner: str) -> Any:
    """The student's method, or a sentence that it is missing."""
    if reach.remote(thing):
        return Method(thing, name, owner)
    found = _get(thing, name, owner)
    if found is MISSING:
        raise Mistake("method-missing", f"{owner} has no method `{name}`. Is it indented inside the class?")
    return found


def attribute(thing: Any, name: str, owner: str) -> Any:
    """The student's attribute, or a sentence that it is missing."""
    found = _get(thing, name, owner)
    if found is MISSING:
        raise Mistake("attribute-missing", f"{owner} has no attribute `{name}`. The exercise asks to keep it as `self.{name}`.")
    return found


def _get(thing: Any, name: str, owner: str) -> Any:
    """An attribute may be a property of the student's, which can do anything; and an object may be none at all."""
    if thing is None:
        raise Mistake("returns-none", f"{owner} is None. Is a `return` or an assignment missing?")
    return call(getattr, thing, name, MISSING, what=f"{owner}.{name}")


def array(value: Any, what: str) -> np.ndarray:
    """A student's result as a float64 array of any shape; sentences for None, text, ragged lists, NaN and so on."""
    if value is None:
        raise Mistake("returns-none", f"{what} is None. Is the `return` (or the assignment) missing?")
    if value is NotImplemented or callable(value):
        raise Mistake("not-an-array", f"{what} should be an array, but it is {_kind(value)}.")
    value = reach.as_array(value)
    try:
        if reach.remote(value):
            raise TypeError
        found = np.asarray(to_numpy(value))
        if found.dtype == object or found.dtype.kind not in "fiub":
            raise TypeError
        return found.astype(np.float64)
    except Exception:
        device = str(value.device) if is_torch(value) else "cpu"
        where = "" if device == "cpu" else f" on the device {device}, where it can't be read; move it back to the device of its input"
        raise Mistake("not-an-array", f"{what} should be an array of numbers, but it is {_kind(value)}{where}.") from None


def number(value: Any, what: str) -> float:
    """A student's result as one float."""
    if isinstance(value, str):
        raise Mistake("not-an-array", f"{what} should be a number, but it is text, {value[:40]!r}. Leave the words to `print`.")
    found = array(value, what)
    if found.size != 1:
        raise Mistake("not-one-number", f"{what} should be one number, but it has shape {found.shape}.")
    return float(found.reshape(()))


def put(thing: Any, name: str, values: np.ndarray) -> None:
    """Give a parameter our values: inside the student's own array where that works, because a list, a property or an
    optimiser of theirs may hold it; else as a new array."""
    put_all([(thing, name, values)])


def put_all(wanted: Sequence[tuple[Any, str, np.ndarray]]) -> None:
    """`put` of several, (thing, name, values) each."""
    if fault := reach.place(wanted):
        name, words = fault
        raise Mistake("read-only", f"`{name}` can neither be changed in place nor assigned ({words}). Keep it as a plain array in `self.{name}`.")


def torch_kind() -> Any:
    """An empty torch tensor where the notebook has torch loaded, else None."""
    torch = sys.modules.get("torch")
    return None if torch is None else torch.empty(0)
