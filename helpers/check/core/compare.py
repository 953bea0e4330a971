"""Comparing a student's array with the expected one, and naming the mistake that explains the difference."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from itertools import permutations
from typing import Any, TypeAlias, TypeVar

import numpy as np

from helpers.check.core import again, relations
from helpers.check.core.picture import picture
from helpers.check.core.report import Mistake

RTOL, ATOL = 2e-4, 2e-5
"""Relative to the entry and to the largest entry: a right float32 solution passes, a mistake is far larger."""


METHOD = re.compile(r"\b[A-Z]\w*\.(\w+)")
"""A method in the name of a result, "the output of ReLU.forward", which a sentence names that doesn't so far."""

NOTHING = np.full((1,) * 9, np.nan)
"""What a mistake gives that is impossible here: no result is equal to it."""
T = TypeVar("T")
Lazy: TypeAlias = T | Callable[[], T]
"""A value, or a function that makes it: for what only a wrong result needs."""


def needed(value: Lazy[T]) -> T:
    return value() if callable(value) else value


@dataclass(frozen=True)
class Hypothesis:
    """A mistake by name: what the student would have computed, and what to tell them.

    Args:
        name: identifier of the mistake.
        wrong: what this mistake gives: an array of any shape, or several (all parameters of a network), or a number;
            or a function that makes it, called where the result is wrong.
        hint: one or two plain sentences.
    """

    name: str
    wrong: Lazy[Any]
    hint: str

    def result(self) -> np.ndarray:
        """The array that this mistake gives, float64; one that fits nothing where the mistake is impossible here."""
        try:
            with np.errstate(all="ignore"):
                return np.asarray(needed(self.wrong), dtype=np.float64)
        except Exception:
            return NOTHING

    def explains(self, got: np.ndarray | Sequence[np.ndarray]) -> bool:
        """Whether this mistake gives what the student got; no, where nobody asks for its name."""
        if again.around:
            return False
        if isinstance(got, np.ndarray):
            return close(got, self.result())
        try:
            return close_all(got, needed(self.wrong))
        except Exception:
            return False  # as in `result`: impossible here

    @classmethod
    def each(cls, name: str, wrong: Callable[[Any], Any], values: Iterable[Any], hint: str) -> list[Hypothesis]:
        """One hypothesis for each value, `wrong(value)`; the value stands for {} in the hint."""
        return [cls(name, partial(wrong, value), hint.format(value)) for value in values]


def close(got: np.ndarray, expected: np.ndarray) -> bool:
    """Same shape, and equal within a tolerance that a float32 solution meets."""
    if got.shape != expected.shape or expected is NOTHING:
        return False
    finite = np.isfinite(expected)
    size = np.abs(expected)
    if finite.all():  # np.allclose asks more, and takes three times as long
        return bool((np.abs(got - expected) <= RTOL * size + (ATOL * size.max(initial=0.0) + 1e-12)).all())
    atol = ATOL * float(size[finite].max(initial=0.0)) + 1e-12
    return bool(np.allclose(got, expected, rtol=RTOL, atol=atol, equal_nan=True))


def close_all(got: Sequence[np.ndarray], expected: Sequence[np.ndarray]) -> bool:
    """As many arrays, each close to its counterpart."""
    return len(got) == len(expected) and all(map(close, got, expected))


def verify(
    got: np.ndarray,
    expected: np.ndarray,
    what: str,
    hypotheses: Lazy[Sequence[Hypothesis]] = (),
    sizes: Mapping[str, float] | None = None,
    numerical: Lazy[np.ndarray | None] = None,
    shape: Callable[[tuple[int, ...]], Mistake | None] | None = None,
) -> None:
    """Raise the `Mistake` that explains why `got` is not `expected`; return silently when they agree.

    Args:
        got, expected: float64 arrays.
        what: the result's name in sentences ("grad_weight").
        hypotheses: tried in order, before those that fit every result.
        sizes: meaning -> number; a constant factor made of one of them is named with its meaning.
        numerical: finite-difference gradient, shown beside the first wrong entry.
        shape: what it makes of a wrong shape that no hypothesis gives; None if it can't explain that either.

    hypotheses and numerical may be functions, which are called where `got` is wrong.
    """
    if close(got, expected):
        return
    if again.around:
        raise Mistake("differs", what)
    mistake = (
        _named(got, needed(hypotheses))
        or (shape(got.shape) if shape and got.shape != expected.shape else None)
        or _general(got, expected, what, sizes or {})
        or _first_difference(got, expected, what, needed(numerical))
    )
    method = METHOD.search(what)
    if method and method[1] not in mistake.message:
        mistake.message = f"{method[0]}: {mistake.message}"
    if got.shape == expected.shape:
        mistake.picture = picture(got, expected, _right(got, expected), what)
    raise mistake


def verify_all(
    got: Sequence[np.ndarray],
    expected: Sequence[np.ndarray],
    names: Sequence[str],
    hypotheses: Lazy[Sequence[Hypothesis]] = (),
    sizes: Mapping[str, float] | None = None,
    numerical: Callable[[int], np.ndarray | None] | None = None,
) -> None:
    """`verify` of arrays that one mistake has to explain together, such as all parameters of a network.

    names: of each array in sentences, in the order in which they are told. numerical: of an array, by its number.
    """
    if close_all(got, expected):
        return
    for hypothesis in needed(hypotheses):
        if hypothesis.explains(got):
            raise Mistake(hypothesis.name, hypothesis.hint)
    for i, (found, right, name) in enumerate(zip(got, expected, names, strict=True)):
        verify(found, right, name, (), sizes, partial(numerical, i) if numerical else None)


def _named(got: np.ndarray, hypotheses: Sequence[Hypothesis]) -> Mistake | None:
    return next((Mistake(h.name, h.hint) for h in hypotheses if h.explains(got)), None)


def _general(got: np.ndarray, expected: np.ndarray, what: str, sizes: Mapping[str, float]) -> Mistake | None:
    """Mistakes that any result can have: shape, NaN, sign, a factor, an offset, lost fractions, a limit."""
    if got.shape != expected.shape:
        return Mistake("wrong-shape", _shapes(got, expected, what))
    if not np.isfinite(got).all():
        where = _first(~np.isfinite(got))
        return Mistake("not-finite", f"{what} has a value that is not a number{_at(where)}: {got[where]}.")
    if expected.size > 1 and not got.any():
        return Mistake("all-zero",
                       f"{what} is zero everywhere. Is it computed, and stored under the name that the exercise gives?")
    found = _left_out(got, expected, what) or relations.of_digits(got, expected, what, close)
    if found:
        return found
    for lost in (np.trunc, np.round, np.floor):
        if close(got, lost(expected)) and got.any():
            return Mistake("fractions-lost",
                           f"{what} holds integers only: the fractions are lost. "
                           "Is it stored in an array of integers, or divided with `//`?")
    if expected.size > 2 and close(got, np.abs(expected)):
        return Mistake("absolute-value", f"{what} has lost its signs: these are absolute values.")
    if expected.size > 2 and close(got, np.sign(expected)):
        return Mistake("only-the-sign", f"{what} holds only the signs, 1 and −1, of what it should be.")
    limit = float(np.max(np.abs(got), initial=0.0))
    written = limit == float(f"{limit:.2g}") or (np.abs(got) == limit).sum() > 1
    if expected.size > 2 and written and close(got, np.clip(expected, -limit, limit)):
        return Mistake("clipped", f"{what} is clipped at ±{limit:.4g}; larger values are right as they are.")
    return (
        _constant_factor(got, expected, what, sizes)
        or _constant_offset(got, expected, what)
        or relations.of_values(got, expected, what, close)
        or _imprecise(got, expected, what)
    )


def _left_out(got: np.ndarray, expected: np.ndarray, what: str) -> Mistake | None:
    """Zeros at one place, or several at one end, of an axis, along which all others are right."""
    for axis in range(expected.ndim) if expected.ndim > 1 else ():
        n = expected.shape[axis]
        slices = [np.moveaxis(one, axis, 0) for one in (got, expected)]
        wrong = np.flatnonzero([not _right(a, b).all() for a, b in zip(*slices, strict=True)])
        if not 0 < len(wrong) <= max(1, n // 2) or n < 2 or slices[0][wrong].any():
            continue
        if len(wrong) == 1 and axis == 0:
            return Mistake("rows-missing", f"Row {wrong[0]} of {what} is zero, and all others are right: it is left "
                           f"out. Rows count from 0 to {n - 1}.")
        if wrong[-1] - wrong[0] + 1 == len(wrong) and (wrong[0] == 0 or wrong[-1] == n - 1 or len(wrong) == 1):
            some = f"Index {wrong[0]}" if len(wrong) == 1 else f"From index {wrong[0]} to {wrong[-1]}"
            return Mistake("rows-missing", f"{some} along axis {axis} {what} is zero, and all the rest is right: this "
                           f"is left out. Indices count from 0 to {n - 1} there.")
    return None


def _imprecise(got: np.ndarray, expected: np.ndarray, what: str) -> Mistake | None:
    if not np.allclose(got, expected, rtol=8e-3, atol=2e-3 * float(np.max(np.abs(expected), initial=0.0))):
        return None
    if expected.size == 1:
        return Mistake("imprecise",
                       f"{what} is {float(got.ravel()[0]):.6g}; it should be {float(expected.ravel()[0]):.6g}. That is "
                       "nearly right: a small part is missing or too much, or something is rounded.")
    return Mistake("imprecise",
                   f"{what} has only two or three correct digits. "
                   "Is something rounded, computed in float16, or a small number added where it is not needed?")


def _first_difference(got: np.ndarray, expected: np.ndarray, what: str, numerical: np.ndarray | None) -> Mistake:
    wrong = ~_right(got, expected)
    where = _first(wrong)
    extra = "" if numerical is None else f" (finite differences give {numerical[where]:.6g})"
    many = f" {int(wrong.sum())} of {expected.size} entries differ." if expected.size > 1 else ""
    many += relations.where_wrong(~wrong)
    return Mistake("differs",
                   f"{what} is wrong{_at(where)}: expected {expected[where]:.6g}{extra}, got {got[where]:.6g}.{many}")


def verify_digits(got: np.ndarray, expected: np.ndarray, what: str) -> None:
    """Raise where an array that is close has fewer digits than it was computed with: rounded, or in float16."""
    mistake = relations.of_digits(got, expected, what, partial(np.allclose, rtol=1e-6, atol=1e-7))
    if mistake:
        raise mistake


def verify_copied(got: np.ndarray, expected: np.ndarray, what: str) -> None:
    """Raise where an array that is close holds float64 numbers rounded to float32, and they were only to be copied."""
    rounded = expected.astype(np.float32).astype(np.float64)
    if np.array_equal(got, rounded) and not np.array_equal(expected, rounded):
        raise Mistake("computed-in-float32",
                      f"The numbers of {what} are copies, and they are rounded to float32, which has seven digits; "
                      "they are given in float64. Make the array that holds them with the input's dtype (`x.dtype`).")


def _right(got: np.ndarray, expected: np.ndarray) -> np.ndarray:
    return np.isclose(got, expected, rtol=RTOL, atol=ATOL * float(np.max(np.abs(expected), initial=0.0)) + 1e-12)


def _first(mask: np.ndarray) -> tuple[int, ...]:
    return tuple(int(i) for i in np.argwhere(mask)[0])


def _at(where: tuple[int, ...]) -> str:
    return f" at index {where if len(where) > 1 else where[0]}" if where else ""


def _shapes(got: np.ndarray, expected: np.ndarray, what: str) -> str:
    text = f"{what} has shape {got.shape}; it should be {expected.shape}."
    if got.ndim < expected.ndim and [n for n in got.shape if n > 1] == [n for n in expected.shape if n > 1]:
        return text + " An axis of length 1 is gone: `squeeze` takes away all of them, unless it is told which."
    if got.size == expected.size and close(got.reshape(expected.shape), expected):
        return text + " The values are right: only the shape is not."
    told = relations.of_another_shape(got, expected, close)
    if told:
        return f"{text} {told}"
    if got.ndim == 2 and got.shape == expected.shape[::-1]:
        text += " It looks transposed."
    return text


def _constant_factor(got: np.ndarray, expected: np.ndarray, what: str, sizes: Mapping[str, float]) -> Mistake | None:
    """Name a constant ratio: 'every entry is 1/5 of what it should be; 5 is the batch size'."""
    big = np.abs(expected) > 1e-3 * np.max(np.abs(expected), initial=0.0)
    if not big.any():
        return None
    factor = float(np.median(got[big] / expected[big]))
    if factor == 0 or not close(got, factor * expected):
        return None
    if abs(factor + 1) < 1e-3 and expected.size > 1:
        return Mistake("sign-flipped",
                       f"The sign of {what} is wrong; its size is right. Look for a minus too many or too few.")
    for sign in (1, -1):
        for meaning, size in sizes.items():
            for power, words in (
                (-1, f"1/{size:g} of"), (1, f"{size:g} times"), (-2, f"1/{size:g}² of"), (2, f"{size:g}² times")
            ):
                if abs(sign * factor / size**power - 1) < 1e-3:
                    slug = meaning.split(" (")[0].replace(" ", "-")
                    also = "" if sign > 0 else ", and its sign is wrong"
                    return Mistake(
                        f"{'divided' if power < 0 else 'multiplied'}-by-{slug}",
                        f"Every entry of {what} is {words} what it should be{also}, "
                        f"and {size:g} is {_the(meaning)}."
                        + ("" if meaning == "learning rate" else
                           " See 'One convention' in the notebook: the mean over the batch is taken once, "
                           "in the loss, and nothing else is divided."),
                    )
    for meaning, size in sizes.items():
        if meaning.startswith(("batch size", "number of images")):
            for other, words in (
                (64, "64, a number written into the code"), (size - 1, f"{size - 1:g}"), (size + 1, f"{size + 1:g}")
            ):
                if other > 0 and abs(abs(factor) * other / size - 1) < 1e-3:
                    return Mistake("wrong-batch-size",
                                   f"{what} is divided by {words}, where the {meaning} is {size:g}. "
                                   "Take it from the shape of the array.")
                if other > 0 and abs(abs(factor) * size / other - 1) < 1e-3:
                    return Mistake("wrong-batch-size",
                                   f"{what} is multiplied by {words}, where the {meaning} is {size:g}. "
                                   "Take it from what is given.")
    for (of, right), (by, other) in permutations(sizes.items(), 2):
        if min(right, other) > 1 and right != other and abs(factor * other / right - 1) < 1e-5:
            return Mistake("another-divisor", f"Every entry of {what} is {right:g}/{other:g} of what it should be: it "
                           f"is divided by {other:g}, {_the(by)}, where {right:g}, {_the(of)}, belongs.")
    if expected.size < 2:
        return None  # any two numbers have a ratio
    return Mistake("constant-factor",
                   f"Every entry of {what} is {factor:.4g} times what it should be. "
                   "Look for a factor too many or too few.")


def _the(meaning: str) -> str:
    return meaning if "features" in meaning else f"the {meaning}"


def _constant_offset(got: np.ndarray, expected: np.ndarray, what: str) -> Mistake | None:
    offset = float(np.median(got - expected))
    if expected.size < 3 or not close(got, expected + offset):
        return None
    return Mistake("constant-offset",
                   f"Every entry of {what} is too {'large' if offset > 0 else 'small'} by {abs(offset):.4g}. "
                   "Look for a number that is added to all of them.")


def telling(hypotheses: Sequence[Hypothesis], right: np.ndarray) -> bool:
    """Whether a case can tell these mistakes apart: none gives the right result, and no two names give the same."""
    values = [(one.name, needed(one.wrong)) for one in hypotheses]
    if any(close(value, right) for _, value in values):
        return False
    return not any(a != b and close(one, other) for i, (a, one) in enumerate(values) for b, other in values[:i])


def explained(got: Any, hypotheses: Iterable[Hypothesis], alike: Callable[[Any, Any], bool] = close) -> Mistake | None:
    """The Mistake of the first hypothesis that gives `got`, within what `alike` takes for equal."""

    def fits(one: Hypothesis) -> bool:
        try:
            return alike(got, needed(one.wrong))
        except (ArithmeticError, ValueError):  # numpy's LinAlgError is one: impossible here
            return False

    return next((Mistake(h.name, h.hint) for h in hypotheses if fits(h)), None)
