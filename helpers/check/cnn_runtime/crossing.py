"""Check of F1 of `cnn_runtime`: where two curves cross."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np

from helpers.check.cnn_runtime import reference
from helpers.check.core.calls import call, number
from helpers.check.core.report import Mistake, check

Case = tuple[Sequence[float], Sequence[float], Sequence[float]]
CURVES: tuple[Case, ...] = (
    ((8, 16, 32, 64), (1.0, 2.5, 6.0, 20.0), (3.0, 3.5, 4.0, 5.0)),
    ((1, 4, 16, 64, 256), (9.0, 8.0, 7.5, 4.0, 3.0), (2.0, 3.0, 5.0, 6.0, 7.0)),
    ((8, 16, 32), (1.0, 2.0, 3.0), (4.0, 5.0, 7.0)),
    ((8, 16, 32), (5.0, 6.0, 9.0), (4.0, 5.0, 7.0)),
    ((10, 20, 40, 80), (1.0, 4.0, 9.0, 11.0), (3.0, 4.0, 5.0, 6.0)),
    ((2, 4, 8, 16), (1.0, 5.0, 2.0, 9.0), (3.0, 3.0, 3.0, 3.0)),
    ((6, 12, 24), (9.0, 7.0, 4.0), (2.0, 3.0, 4.0)),
)
"""a overtakes b, b overtakes a, never (below), never (above), equal at a measured size, three times, equal at the last size."""


def _number(value: Any) -> float | None:
    """A size, or None; what cannot be either is a Mistake."""
    if value is None:
        return None
    if isinstance(value, bool | str):
        raise Mistake("not-one-number", f"crossover returns {value!r}; it should be a size or None.")
    return number(value, "the result of crossover")


@check("Where two curves cross", "F1")
def crossover(crossover: Any, *, curves: Sequence[Case] = CURVES) -> Iterator[str]:
    """The first size at which a = b, on straight lines between the points, in logarithms or not; None where they don't meet."""
    for sizes, a, b in curves:
        got = _number(call(crossover, list(sizes), list(a), list(b), what="crossover"))
        right = reference.crossover(sizes, a, b)
        plain = reference.crossover(sizes, a, b, logarithmic=False)
        if (got is None) == (right is None) and (got is None or any(math.isclose(got, one, rel_tol=1e-4) for one in (right, plain) if one)):
            yield "a crossing" if right is not None else "no crossing"
            continue
        raise _crossing(got, right, sizes, a, b)


def _crossing(got: float | None, right: float | None, sizes: Sequence[float], a: Sequence[float], b: Sequence[float]) -> Mistake:
    data = f"sizes {list(sizes)}, a {list(a)}, b {list(b)}"
    if right is None:
        if got in (0, -1) or (got is not None and math.isnan(got)):
            return Mistake("none-expected", f"Where the curves don't cross, the result should be None; it is {got:g}. ({data})")
        if got is not None and not min(sizes) <= got <= max(sizes):
            return Mistake("extrapolated", f"The curves do not cross between the sizes that were measured; {got:g} is a guess beyond them. Return None. ({data})")
        return Mistake("none-expected", f"One curve is above the other everywhere, so there is no crossing: return None, not {got}. ({data})")
    difference = [p - q for p, q in zip(a, b, strict=True)]
    first = next((i for i in range(len(difference) - 1) if difference[i] * difference[i + 1] < 0), None)
    exact = next((i for i, d in enumerate(difference) if d == 0), None)
    if got is None:
        if exact is not None:
            return Mistake("equal-overlooked", f"At size {sizes[exact]} the two are equal, and that is the crossing; the result is None. ({data})")
        if difference[0] > 0:
            return Mistake("one-direction-only", f"The crossing is overlooked where a is above b at first. Look for a change of sign in either direction. ({data})")
        return Mistake("crossing-overlooked", f"a is below b at first and above it in the end, so there is a crossing near {right:.4g}; the result is None. ({data})")
    if first is not None:
        s, t = sizes[first], sizes[first + 1]
        p, q = abs(difference[first]), abs(difference[first + 1])
        v, w = (abs(math.log(a[i] / b[i])) for i in (first, first + 1))
        for name, wrong, hint in (
            ("not-interpolated", s, "This is the last measured size before the crossing. It lies between two sizes: on straight lines between the points, a = b there."),
            ("not-interpolated", t, "This is the first measured size after the crossing. It lies between two sizes: on straight lines between the points, a = b there."),
            ("index-for-size", first, "This is the index of a point, not a size."),
            ("index-for-size", first + 1, "This is the index of a point, not a size."),
            ("midpoint", (s + t) / 2, "This is the middle between two sizes. The crossing lies closer to the size at which the two are closer."),
            ("midpoint", math.sqrt(s * t), "This is the middle between two sizes (of their logarithms). The crossing lies closer to the size at which the two are closer."),
            ("weights-exchanged", s + (t - s) * q / (p + q), "The weights are exchanged: the crossing lies closer to the size at which the two are *closer*."),
            ("weights-exchanged", s * (t / s) ** (w / (v + w)), "The weights are exchanged: the crossing lies closer to the size at which the two are *closer*."),
            ("half-logarithmic", s * (t / s) ** (p / (p + q)), "The size is interpolated in its logarithm and the times are not. Either both axes are logarithmic or none."),
            ("half-logarithmic", s + (t - s) * v / (v + w), "The times are interpolated in their logarithms and the size is not. Either both axes are logarithmic or none."),
            ("logarithm-left", math.log(s) + math.log(t / s) * v / (v + w), "This is the logarithm of the size; return the size, `np.exp` of it."),
            ("time-for-size", a[first] + (a[first + 1] - a[first]) * p / (p + q), "This is the time at the crossing; the size is asked for."),
            ("only-the-fraction", p / (p + q), "This is how far the crossing lies between two sizes, as a fraction; return the size itself."),
            ("only-the-fraction", v / (v + w), "This is how far the crossing lies between two sizes, as a fraction; return the size itself."),
            ("start-forgotten", (t - s) * p / (p + q), "The size at which the interval begins has to be added."),
            ("signs-mixed-up", s + (t - s) * p / (p - q) if p != q else float("nan"), "The two distances have opposite signs: d₀ / (d₀ − d₁), where the minus makes a sum of them."),
            ("signs-mixed-up", s * (t / s) ** (-v / (v + w)), "The minus is in the wrong place: d₀ / (d₀ − d₁) is a fraction between 0 and 1."),
            ("signs-mixed-up", s - (t - s) * p / (p + q), "The minus is in the wrong place: d₀ / (d₀ − d₁) is a fraction between 0 and 1."),
            ("fraction-of-the-rest", s * (t / s) ** (v / w), "The first distance is divided by the second, not by both together: d₀ / (d₀ − d₁)."),
            ("fraction-of-the-rest", s + (t - s) * p / q, "The first distance is divided by the second, not by both together: d₀ / (d₀ − d₁)."),
            ("rounded", round(right), "This is a whole number. The crossing lies between two sizes, and need not be a network that exists: return it as it is."),
            ("signs-mixed-up", s * (t / s) ** (v / (v - w)) if v != w else float("nan"), "The two distances have opposite signs: d₀ / (d₀ − d₁), where the minus makes a sum of them."),
        ):
            if math.isclose(got, wrong, rel_tol=1e-4):
                return Mistake(name, f"{hint} ({data})")
    every = _all_crossings(sizes, a, b, True)
    later = [*every[1:], *_all_crossings(sizes, a, b, False)[1:]]
    if len(every) > 1 and any(math.isclose(got, other, rel_tol=1e-4) for other in later):
        return Mistake("not-the-first", f"The curves cross several times; return the first crossing, {right:.4g}, not {got:.4g}. ({data})")
    if len(every) > 1 and math.isclose(got, float(np.mean(every)), rel_tol=1e-4):
        return Mistake("not-the-first", f"The curves cross several times; this is the mean of them. Return the first. ({data})")
    if got in [float(size) for size in sizes]:
        return Mistake("not-the-crossing", f"This is a measured size, and at {got:g} the two are not equal. The crossing lies near {right:.4g}, where a goes from below b to above it, or the other way. ({data})")
    return Mistake("differs", f"The crossing should be at {right:.4g}; the result is {got:.4g}. ({data})")


def _all_crossings(sizes: Sequence[float], a: Sequence[float], b: Sequence[float], logarithmic: bool) -> list[float]:
    pairs = [slice(i, i + 2) for i in range(len(sizes) - 1)]
    found = [reference.crossover(sizes[pair], a[pair], b[pair], logarithmic) for pair in pairs]
    return [one for one in found if one is not None]
