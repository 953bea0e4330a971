"""Comparing a student's array with the expected one, and naming the mistake that explains the difference."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from helpers.check.report import Mistake

RTOL, ATOL = 2e-4, 2e-5
"""Relative to the entry and to the largest entry: a right float32 solution passes, a mistake is far larger."""


@dataclass(frozen=True)
class Hypothesis:
    """A mistake by name: what the student would have computed, and what to tell them.

    Args:
        name: identifier of the mistake.
        wrong: the array that this mistake gives, of any shape.
        hint: one or two plain sentences.
    """

    name: str
    wrong: np.ndarray
    hint: str


def close(got: np.ndarray, expected: np.ndarray) -> bool:
    """Same shape, and equal within a tolerance that a float32 solution meets."""
    if got.shape != expected.shape:
        return False
    scale = float(np.max(np.abs(expected[np.isfinite(expected)]), initial=0.0))
    return bool(np.allclose(got, expected, rtol=RTOL, atol=ATOL * scale + 1e-12, equal_nan=True))


def verify(
    got: np.ndarray,
    expected: np.ndarray,
    what: str,
    hypotheses: Sequence[Hypothesis] = (),
    sizes: Mapping[str, float] | None = None,
    numerical: np.ndarray | None = None,
) -> None:
    """Raise the `Mistake` that explains why `got` is not `expected`; return silently when they agree.

    Args:
        got, expected: float64 arrays.
        what: the result's name in sentences ("grad_weight").
        hypotheses: tried in order.
        sizes: meaning -> number; a constant factor made of one of them is named with its meaning.
        numerical: finite-difference gradient, shown beside the first wrong entry.
    """
    if close(got, expected):
        return
    for hypothesis in hypotheses:
        if close(got, hypothesis.wrong):
            raise Mistake(hypothesis.name, hypothesis.hint)
    if got.shape != expected.shape:
        raise Mistake("wrong-shape", _shapes(got, expected, what))
    if not np.isfinite(got).all():
        where = _first(~np.isfinite(got))
        raise Mistake("not-finite", f"{what} has a value that is not a number at {where}: {got[where]}.")
    _constant_factor(got, expected, what, sizes or {})
    where = _first(~np.isclose(got, expected, rtol=RTOL, atol=ATOL * float(np.max(np.abs(expected), initial=0.0))))
    count = int((~np.isclose(got, expected, rtol=RTOL, atol=ATOL)).sum())
    extra = "" if numerical is None else f" (finite differences give {numerical[where]:.6g})"
    place = f" at index {tuple(int(i) for i in where)}" if where else ""
    many = f" {count} of {expected.size} entries differ." if expected.size > 1 else ""
    raise Mistake(
        "differs", f"{what} is wrong{place}: expected {expected[where]:.6g}{extra}, got {got[where]:.6g}.{many}"
    )


def _first(mask: np.ndarray) -> tuple[int, ...]:
    return tuple(int(i) for i in np.argwhere(mask)[0])


def _shapes(got: np.ndarray, expected: np.ndarray, what: str) -> str:
    text = f"{what} has shape {got.shape}; it should be {expected.shape}."
    if got.ndim == 2 and got.shape == expected.shape[::-1]:
        text += " It looks transposed."
    return text


def _constant_factor(got: np.ndarray, expected: np.ndarray, what: str, sizes: Mapping[str, float]) -> None:
    """Name a constant ratio: 'every entry is 1/5 of what it should be; 5 is the batch size'."""
    big = np.abs(expected) > 1e-3 * np.max(np.abs(expected), initial=0.0)
    if not big.any():
        return
    factor = float(np.median(got[big] / expected[big]))
    if factor == 0 or not close(got, factor * expected):
        return
    if abs(factor + 1) < 1e-3:
        raise Mistake("sign-flipped", f"The sign of {what} is wrong; its size is right. Look for a minus too many or too few.")
    for meaning, size in sizes.items():
        for power, words in ((-1, f"1/{size:g} of"), (1, f"{size:g} times"), (-2, f"1/{size:g}² of"), (2, f"{size:g}² times")):
            if abs(factor / size**power - 1) < 1e-3:
                slug = meaning.split(" (")[0].replace(" ", "-")
                raise Mistake(
                    f"{'divided' if power < 0 else 'multiplied'}-by-{slug}",
                    f"Every entry of {what} is {words} what it should be, and {size:g} is {meaning if 'features' in meaning else 'the ' + meaning}. "
                    "See 'One convention' in the notebook: the mean over the batch is taken once, in the loss, and nothing else is divided.",
                )
    raise Mistake("constant-factor", f"Every entry of {what} is {factor:.4g} times what it should be.")


def unchanged(before: np.ndarray, after: np.ndarray, what: str, where: str) -> None:
    """Raise if a student's function wrote into an array that it was only given to read."""
    if before.shape != after.shape or not np.array_equal(before, after, equal_nan=True):
        raise Mistake(
            "input-changed",
            f"{where} changed its input {what} in place. The caller still needs it: compute into a new array "
            "(`a - b`, not `a -= b`; copy before you assign to entries).",
        )
