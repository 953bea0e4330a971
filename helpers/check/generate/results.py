"""Reading several results of a function at once, and comparing losses and gradients with the right ones."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np

from helpers.check.core.ask import Answer, array, kind_of
from helpers.check.core.compare import NOTHING, Hypothesis, close, verify
from helpers.check.core.report import Mistake

Wrong = Sequence[tuple[str, Callable[..., Any], str]]
"""(name, what a case's arguments give by this mistake, hint)"""


def several(found: Any, count: int, what: str, words: str) -> list[Any]:
    """The parts of what a function returned; `words` names them: "(loss, gradient)"."""
    if found is None:
        raise Mistake("returns-none", f"{what} returns None. Is the `return` missing?")
    if not isinstance(found, tuple | list):
        raise Mistake("not-several", f"{what} returns one value, {kind_of(found)}; it should return {count}: {words}.")
    if len(found) != count:
        raise Mistake("not-several", f"{what} returns {len(found)} values; it should return {count}: {words}.")
    return list(found)


def scalar(value: Any, what: str) -> np.ndarray:
    """One number, of shape ()."""
    found = array(value, what, "one number")
    if found.shape == (1,) or found.ndim == 0:
        return found.reshape(())
    if found.size == 1:
        raise Mistake("not-one-number", f"{what} should be one number, but it is an array of shape {found.shape}: sum "
                      f"over all axes, `keepdims` keeps them.")
    raise Mistake("not-one-number", f"{what} should be one number, but it has shape {found.shape}: is a sum over an "
                  f"axis missing?")


def of(formula: Callable[..., Any], case: Sequence[Any]) -> Any:
    """What a formula gives for a case, float64; what fits nothing where it can't be computed."""
    try:
        with np.errstate(all="ignore"):
            return np.asarray(formula(*case), dtype=np.float64)
    except Exception:
        return NOTHING


def hypotheses(wrong: Wrong, case: Sequence[Any]) -> list[Hypothesis]:
    return [Hypothesis(name, of(formula, case), hint) for name, formula, hint in wrong]


def verify_values(
    got: Sequence[np.ndarray], cases: Sequence[Sequence[Any]], right: Callable[..., Any], wrong: Wrong, what: str,
    sizes: Sequence[Mapping[str, float]] = (),
) -> None:
    """Numbers for all cases at once: a mistake has to explain every one."""  # fmt: skip
    expected = [of(right, case) for case in cases]
    if all(close(one, two) for one, two in zip(got, expected, strict=True)):
        return
    for name, formula, hint in wrong:
        if all(close(one, of(formula, case)) for one, case in zip(got, cases, strict=True)):
            raise Mistake(name, hint)
    with np.errstate(all="ignore"):
        ratios = np.array([float(one / two) for one, two in zip(got, expected, strict=True)])
    if len(ratios) > 2 and np.isfinite(ratios).all() and np.ptp(ratios) < 1e-3 * abs(ratios[0]):
        raise Mistake("constant-factor", f"{what} is {ratios[0]:.4g} times what it should be in every case tried; look "
                      f"for a factor too many or too few.")
    for meaning in sizes[0] if sizes else ():
        for power, words in ((-1, "divided by"), (1, "multiplied by")):
            if all(abs(r * s[meaning] ** -power - 1) < 1e-3 for r, s in zip(ratios, sizes, strict=True)):
                raise Mistake(f"{words.replace(' ', '-')}-{meaning.replace(' ', '-')}",
                              f"{what} is {words} the {meaning}, and should not be.")
    for one, case, other in zip(got, cases, expected, strict=True):
        verify(one, other, f"{what}{_shape(case)}")


def _shape(case: Sequence[Any]) -> str:
    first = next((one for one in case if isinstance(one, np.ndarray)), None)
    return "" if first is None else f" for {'an array' if len(case) == 1 else 'arrays'} of shape {first.shape}"


def no_overflow(value: np.ndarray, right: float, what: str, instead: str) -> None:
    """A loss for inputs of ±1000."""
    if not np.isfinite(value).all():
        raise Mistake("overflow", f"{what} is {float(value.ravel()[0])} for large inputs (±1000), where e^1000 "
                      f"overflows or a logarithm of 0 is taken. {instead}")
    if not close(value, np.asarray(right)):
        raise Mistake("cut-off", f"{what} is {float(value):.6g} for large inputs (±1000); it should be "
                      f"{right:.6g}. Is something cut off (`clip`, `+ 1e-8`) so that a logarithm stays finite? "
                      f"{instead}")


def in_type(value: Any, dtype: str, what: str) -> None:
    """A float32 input has to give float32."""
    found = getattr(value, "dtype", None)
    if found is not None and str(found) != dtype:
        raise Mistake("wrong-type", f"{what} is {found} where the input is {dtype}, and layers refuse to mix them. "
                      f"Where does it become {found}? Make such arrays of the input's dtype, `.astype(….dtype)`.")


def parts(seen: Answer, count: int, number: int, what: str, words: str) -> list[list[Any]]:
    """The parts of the results of so many calls, part by part."""
    found = [several(seen[i], number, what, words) for i in range(count)]
    return [[one[k] for one in found] for k in range(number)]
