"""How a wrong array comes from the right one, whatever it is of: axes in another order, a part that is missing, values
that are turned round, shifted, rounded, cut off or counted in too few bits.

Only what is true of the numbers themselves is said, so a sentence fits whatever code gave them.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from itertools import combinations, permutations, product

import numpy as np

from helpers.check.core.report import Mistake

Array = np.ndarray
Alike = Callable[[Array, Array], bool]
MOST_AXES = 4
FEW = 4
"""Values of which chance could make fewer stand in a relation."""


def of_another_shape(got: Array, expected: Array, alike: Alike) -> str:
    """What makes an array of another shape of the right one, a sentence; nothing where that can't be told."""
    if not 1 <= expected.ndim <= MOST_AXES or expected.size < FEW or not got.size:
        return ""
    return next(_of_another_shape(got, expected, alike), "")


def _of_another_shape(got: Array, expected: Array, alike: Alike) -> Iterator[str]:
    axes = range(expected.ndim)
    for order in permutations(axes) if got.ndim == expected.ndim > 1 else ():
        if [*order] != [*axes] and alike(got, expected.transpose(order)):
            back = tuple(int(axis) for axis in np.argsort(order))
            yield (
                "The values are right and their axes are in another order: it should be the `.transpose"
                f"{back}` of what it is."
            )
    for some in _subsets([axis for axis in axes if expected.shape[axis] > 1]):
        for made, words in ((expected.sum, "added up"), (expected.mean, "averaged")):
            if got.ndim in (expected.ndim, expected.ndim - len(some)) and alike(
                got, made(axis=some, keepdims=got.ndim == expected.ndim)
            ):
                yield f"The right values are {words} over {_axes(some)} here, which should stay."
    for axis in axes:
        for place, words in ((0, "first"), (-1, "last")):
            if expected.shape[axis] > 1 and alike(got, expected.take(place, axis)):
                yield f"Only the {words} entry along axis {axis} is there, and it is right."
    if got.ndim == expected.ndim:
        cut = _offsets(got, expected, alike)
        if cut:
            yield f"What is there is right, and something is missing: {cut}."
        cut = _offsets(expected, got, alike)
        if cut:
            yield f"The right values are in it, and there is more: {cut}."


def _offsets(part: Array, whole: Array, alike: Alike) -> str:
    """Where the part lies in the whole: how much there is before and behind it along each axis, in words."""
    rest = [b - a for a, b in zip(part.shape, whole.shape, strict=True)]
    if min(rest) < 0 or not any(rest) or np.prod([r + 1 for r in rest]) > 200 or min(part.shape) < 1 or part.size < FEW:
        return ""
    for start in product(*(range(r + 1) for r in rest)):
        if alike(part, whole[tuple(slice(s, s + n) for s, n in zip(start, part.shape, strict=True))]):
            told = [
                f"{' and '.join(f'{n} at the {end}' for n, end in ((s, 'start'), (r - s, 'end')) if n)} of axis {axis}"
                for axis, (s, r) in enumerate(zip(start, rest, strict=True))
                if r
            ]
            return ", ".join(told)
    return ""


def of_values(got: Array, expected: Array, what: str, alike: Alike) -> Mistake | None:
    """What makes the values of an array of the right shape, if it is one thing that can be told."""
    return next(_of_values(got, expected, what, alike), None)


def _of_values(got: Array, expected: Array, what: str, alike: Alike) -> Iterator[Mistake]:
    distinct = len(np.unique(expected)) >= FEW
    if not distinct or expected.ndim > MOST_AXES:
        return
    yield from _places(got, expected, what, alike)
    yield from _functions(got, expected, what, alike)
    yield from _limits(got, expected, what, alike)


def of_digits(got: Array, expected: Array, what: str, alike: Alike) -> Mistake | None:
    """What says that the values of an array of the right shape have too few digits or bits."""
    return next(_digits(got, expected, what, alike), None)


def _digits(got: Array, expected: Array, what: str, alike: Alike) -> Iterator[Mistake]:
    off, largest = got - expected, np.abs(expected).max(initial=0)
    whole = (got == np.round(got)).all() and (expected == np.round(expected)).all()
    for bits in (32, 16, 8) if whole and off.any() else ():
        certain = expected.size >= FEW or bits == 32
        if certain and np.abs(got).max() <= 2.0**bits <= 2 * largest and not np.any(off % 2.0**bits):
            yield Mistake(
                "integer-overflow",
                f"{what} is wrong by a multiple of 2^{bits}: a number became too large for integers of {bits} bits, "
                "which begin again from the smallest then. Python's own whole numbers have no limit; numpy's have.",
            )
    with np.errstate(all="ignore"):
        half = expected.astype(np.float16).astype(np.float64)
    exact = alike(half, expected)
    if not exact and np.isfinite(half).all() and expected.size >= FEW and np.array_equal(got, half):
        yield Mistake("computed-in-float16", f"{what} is computed in float16, which has three digits and no number "
                      f"above 65,504. Keep the type of what is given.")
    for digits in range(1, 5):
        if got.any() and not alike(got, expected) and np.allclose(got, np.round(expected, digits), rtol=1e-12, atol=0):
            yield Mistake("rounded", f"{what} is rounded to {digits} decimal{'s' * (digits > 1)}. Return it as it is.")


def _places(got: Array, expected: Array, what: str, alike: Alike) -> Iterator[Mistake]:
    """The right values in other places."""
    axes = range(expected.ndim)
    long = [axis for axis in axes if expected.shape[axis] > 1]
    for some in _subsets(long):
        if alike(got, np.flip(expected, some)):
            yield Mistake("reversed", f"The values of {what} are right and lie in the reverse order"
                          f"{f' along {_axes(some)}' if expected.ndim > 1 else ''}.")
    for order in permutations(axes) if expected.ndim > 1 else ():
        moved = expected.transpose(order)
        if moved.shape == expected.shape and [*order] != [*axes] and alike(got, moved):
            yield Mistake("axes-exchanged", f"The values of {what} are right and their axes are exchanged: it should "
                          f"be the `.transpose{tuple(int(axis) for axis in np.argsort(order))}` of what it is.")
        if [*order] != [*axes] and alike(got, moved.reshape(expected.shape)):
            yield Mistake("places-mixed-up", f"The numbers of {what} are right and in the wrong places: they stand as "
                          f"its axes would in the order {order}, one after the other. Where indices are computed, look "
                          f"at which one changes fastest; where there is a `reshape`: it never reorders numbers, "
                          f"`transpose` does.")
    for axis in long:
        n = expected.shape[axis]
        for by in range(1, min(n, 65)):
            if n > 2 and alike(got, np.roll(expected, by, axis)):
                yield Mistake("shifted", f"The values of {what} are right and begin {_places_further(by, n)}"
                              f"{f' along axis {axis}' if expected.ndim > 1 else ''}.")
        for place, words in ((0, "first"), (-1, "last")):
            if alike(got, np.broadcast_to(expected.take([place], axis), expected.shape)):
                yield Mistake("one-for-all", f"All entries of {what} along axis {axis} are the {words} one's; each has "
                              f"its own.")
        if alike(got, np.cumsum(expected, axis)):
            yield Mistake("total-not-reset", f"Each entry of {what} along axis {axis} has those before it added in: a "
                          f"sum goes on where it should begin anew.")
    for some in _subsets(long):
        for made, words in ((expected.sum, "the sum"), (expected.mean, "the mean")):
            if alike(got, np.broadcast_to(made(axis=some, keepdims=True), expected.shape)) and expected.ndim > 1:
                yield Mistake("one-for-all", f"All entries of {what} along {_axes(some)} are {words} of the right "
                              f"ones; each has its own.")
    if alike(np.sort(got, axis=None), np.sort(expected, axis=None)):
        yield Mistake("another-order", f"{what} holds the right numbers in another order: it begins with "
                      f"{_begin(got)}, and should with {_begin(expected)}.")


def _functions(got: Array, expected: Array, what: str, alike: Alike) -> Iterator[Mistake]:
    """A function of each value."""
    with np.errstate(all="ignore"):
        made = (
            ("reciprocal", 1 / expected, "1 divided by what it should be"),
            ("complement", 1 - expected, "1 minus what it should be"),
            ("square", expected**2, "the square of what it should be"),
            ("square-root", np.sqrt(np.abs(expected)), "the square root of what it should be"),
            ("logarithm", np.log(np.abs(expected)), "the logarithm of what it should be"),
            ("exponential", np.exp(np.minimum(expected, 700)), "e to the power of what it should be"),
        )
    for name, values, words in made:
        if np.isfinite(values).all() and alike(got, values):
            yield Mistake(name, f"Every entry of {what} is {words}.")


def _limits(got: Array, expected: Array, what: str, alike: Alike) -> Iterator[Mistake]:
    """Values cut off at one end; the end is a number that people write, or comes several times."""
    for limit, cut, words in (
        (float(got.min()), np.maximum, "below"), (float(got.max()), np.minimum, "above")
    ):  # fmt: skip
        at = got == limit
        if alike(got, cut(expected, limit)) and (at.sum() > 1 or limit in (0.0, 1.0)) and not at.all():
            yield Mistake("cut-off", f"{what} is cut off {words} {limit:.4g}; values {words} that are right as they "
                          f"are.")


def where_wrong(right: Array) -> str:
    """Of the entries that are right: a sentence where all wrong ones lie at one end of an axis."""
    for axis in range(right.ndim) if right.size > FEW else ():
        others = tuple(other for other in range(right.ndim) if other != axis)
        fine, n = right.all(axis=others), right.shape[axis]
        bad = np.flatnonzero(~fine)
        if 0 < len(bad) <= n // 2 and (bad[0] == 0 or bad[-1] == n - 1) and len(bad) == bad[-1] - bad[0] + 1:
            end = "first" if bad[0] == 0 else "last"
            count = f"{len(bad)} of {n}" if len(bad) > 1 else f"of {n}"
            return f" All wrong ones lie in the {end} {count}{f' along axis {axis}' if right.ndim > 1 else ''}."
    return ""


def _subsets(axes: list[int]) -> Iterator[tuple[int, ...]]:
    for count in range(1, len(axes) + 1):
        yield from combinations(axes, count)


def _axes(some: tuple[int, ...]) -> str:
    return f"axis {some[0]}" if len(some) == 1 else f"the axes {', '.join(map(str, some[:-1]))} and {some[-1]}"


def _places_further(by: int, n: int) -> str:
    back = n - by
    by, way = (by, "late") if by <= back else (back, "early")
    return f"{by} place{'s' * (by > 1)} too {way}, with what leaves at one end coming in at the other"


def _begin(values: Array) -> str:
    return ", ".join(f"{value:.4g}" for value in values.reshape(-1)[:3])
