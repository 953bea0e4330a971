"""Reading the results of a plain function for several cases at once: a wrong formula shows in all of them, and a
hypothesis has to explain them all."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

import numpy as np

from helpers.check.core.ask import Answer, array, number
from helpers.check.core.compare import Hypothesis, close, verify
from helpers.check.core.report import Mistake

Case = Sequence[Any]
Formula = Callable[..., float]
Wrong = Iterable[tuple[str, Formula, str]]
"""(name, formula of a case's arguments, hint)"""


def pairs(seen: Answer, count: int, what: str, words: str) -> tuple[list[Any], list[Any]]:
    """The two parts of what a function returned for each case; `words` names them: "(operations, bytes)"."""
    first, second = [], []
    for i in range(count):
        found = seen[i]
        if found is None:
            raise Mistake("returns-none", f"{what} returns None. Is the `return` missing?")
        if isinstance(found, np.ndarray):
            found = found.tolist()
        if not isinstance(found, tuple | list) or len(found) != 2:
            raise Mistake("not-a-pair", f"{what} should return two values, {words}.")
        first.append(found[0])
        second.append(found[1])
    return first, second


def numbers(values: Sequence[Any], what: str) -> np.ndarray:
    """One float for each case."""
    return np.array([number(value, what) for value in values])


def of(formula: Formula, cases: Sequence[Case]) -> np.ndarray:
    """What a formula gives for each case; NaN where it gives nothing."""
    found = []
    for case in cases:
        try:
            with np.errstate(all="ignore"):
                found.append(float(formula(*case)))
        except (ArithmeticError, ValueError):
            found.append(np.nan)
    return np.array(found)


def halves(number: float) -> np.float16:
    """The number in half precision."""
    with np.errstate(all="ignore"):
        return np.float16(number)


def hypotheses(wrong: Wrong, cases: Sequence[Case]) -> list[Hypothesis]:
    """Each wrong formula for all cases."""
    return [Hypothesis(name, of(formula, cases), hint) for name, formula, hint in wrong]


def verify_formula(
    got: np.ndarray,
    right: Formula | Sequence[Formula],
    wrong: Wrong,
    cases: Sequence[Case],
    what: str,
    names: Sequence[str],
) -> None:
    """Mistake where `got` is what no right formula gives for these cases. names: of the arguments, for the sentence
    that tells the first wrong case."""
    formulas = [right] if callable(right) else list(right)
    accepted = [of(formula, cases) for formula in formulas]
    if any(close(got, one) for one in accepted):
        return
    named = next((h for h in hypotheses(wrong, cases) if h.explains(got)), None)
    if named:
        raise Mistake(named.name, named.hint)
    close_to = min(accepted, key=lambda one: int(np.sum(~np.isclose(got, one, rtol=2e-4))))
    bad = int(np.flatnonzero(~np.isclose(got, close_to, rtol=2e-4, atol=0))[0])
    if not np.isfinite(got[bad]):
        raise Mistake(
            "not-finite", f"{what} is {got[bad]} for {_case(cases[bad], names)}; it should be {close_to[bad]:.6g}."
        )
    if len(got) > 1 and not got.any():
        raise Mistake("all-zero", f"{what} is 0 in every case tried. Is it divided with `//`, or rounded?")
    with np.errstate(all="ignore"):
        ratios = got / close_to
    if len(got) > 2 and np.ptp(ratios) < 1e-3 * abs(ratios[0]):
        raise Mistake(
            "constant-factor",
            f"{what} is {ratios[0]:.4g} times what it should be in every case tried; look "
            "for a factor too many or too few.",
        )
    raise Mistake(
        "differs", f"{what} is {got[bad]:.6g} for {_case(cases[bad], names)}; it should be {close_to[bad]:.6g}."
    )


def _case(case: Case, names: Sequence[str]) -> str:
    return ", ".join(f"{name} = {value:g}" if isinstance(value, int | float) else f"{name} = {value}"
                     for name, value in zip(names, case, strict=False))  # fmt: skip


def entries(found: Any, keys: Sequence[str], what: str) -> Mapping[str, Any]:
    """A dictionary with these keys."""
    if found is None:
        raise Mistake("returns-none", f"{what} returns None. Is the `return` missing?")
    if not isinstance(found, dict):
        raise Mistake("not-a-dictionary", f"{what} should return a dictionary with the keys {', '.join(keys)}.")
    missing = next((key for key in keys if key not in found), None)
    if missing is not None:
        raise Mistake("key-missing", f"What {what} returns has no entry {missing!r}; it needs {', '.join(keys)}.")
    return found


__all__ = ["array", "entries", "halves", "hypotheses", "numbers", "of", "pairs", "verify", "verify_formula"]
