"""Check of F1 of `cnn_runtime`: where two curves cross."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np

from helpers.check.cnn_runtime import reference
from helpers.check.core.ask import Answer, ask, demand_lasting, number
from helpers.check.core.compare import Hypothesis, explained
from helpers.check.core.draw import drawn, told_apart
from helpers.check.core.probe import calls
from helpers.check.core.report import Mistake, check

Numbers = Sequence[float]
Case = tuple[list[int], list[float], list[float]]
"""Sizes and the seconds of two machines."""

NEARLY = 0.03
"""Where a and b differ by so little, they are not equal, but no more apart than noise."""
SIGNS: tuple[tuple[float, ...], ...] = (
    (-1, -1, 1, 1),  # a overtakes b
    (1, 1, 1, -1, -1),  # b overtakes a
    (-1, -1, -1),  # below everywhere
    (1, 1, 1),  # above everywhere
    (-1, 0, 1, 1),  # equal at a measured size
    (-1, 1, -1, 1),  # three times
    (1, 1, 0),  # equal at the last size
    (-1, 1, 1, 0),  # crosses, and is equal at a later size
    (0, 1, 1),  # equal at the first size
    (0, 0, -1),  # equal at the first two
    (0, 0, 0),  # equal everywhere
    (1, NEARLY, 1),  # nearly equal, and no crossing
    (-1, -NEARLY, 1, 1),  # nearly equal, and a crossing elsewhere
    (-1, -1, 1, 1),  # very short times
)
"""Of a − b at the sizes of each case."""
SHORT = 1e-5
"""By what the times of the last case are multiplied."""


def cases(seed: int) -> list[Case]:
    """Curves of two to three digits, with sizes that grow by factors that differ."""

    def curves(signs: Sequence[float], rng: np.random.Generator) -> Case:
        sizes = np.cumprod([rng.integers(2, 12), *rng.choice((1.6, 2.0, 2.5, 3.0), size=len(signs) - 1)])
        b = np.round(rng.uniform(2, 6, size=len(signs)), 1)
        a = np.round(b * np.exp(np.array(signs) * rng.uniform(0.2, 1.3, size=len(signs))), 2)
        return [math.ceil(s) for s in sizes], a.tolist(), b.tolist()

    def tells(cases: Sequence[Case]) -> bool:
        between = [case for case, signs in zip(cases, SIGNS, strict=True) if {-1, 1} <= set(signs) and 0 not in signs]
        right = ([reference.crossover(*case, logarithmic) for logarithmic in (True, False)] for case in between)
        return told_apart([(_wrong_places(*case), one) for case, one in zip(between, right, strict=True)], _like_either)

    *usual, (sizes, a, b) = drawn(seed, lambda rng: [curves(signs, rng) for signs in SIGNS], tells)
    a, b = ([float(f"{SHORT * one:.3g}") for one in times] for times in (a, b))
    return [*usual, (sizes, a, b)]


def _like_either(wrong: Any, right: Any) -> bool:
    return bool(np.isclose(wrong, right, rtol=1e-3, atol=0).any())


def _number(value: Any) -> float | None:
    """A size, or None; what cannot be either is a Mistake."""
    if value is None:
        return None
    if isinstance(value, bool | str):
        raise Mistake("not-one-number", f"crossover returns {value!r}; it should be a size or None.")
    return number(value, "the result of crossover")


def _alike(got: Any, right: Any) -> bool:
    return bool(np.all(np.isclose(got, right, rtol=1e-4, atol=0)))


@check("Where two curves cross", "F1")
def crossover(crossover: Any, *, seed: int = 0) -> Iterator[str]:
    """The first size at which a = b, on straight lines between the points, in logarithms or not; None where they
    don't meet."""
    asked = cases(seed)
    seen = ask(calls, "crossover", crossover, asked, ("sizes", "a", "b"), advice=_advice)
    for i, (sizes, a, b) in enumerate(asked):
        got, right = _number(seen[i]), reference.crossover(sizes, a, b)
        if right is None or got is None:
            agree = got is right
        elif a[0] == b[0] and a[1] == b[1]:
            agree = any(_alike(got, size) for size, p, q in zip(sizes, a, b, strict=True) if p == q)
        else:
            agree = _alike(got, right) or _alike(got, reference.crossover(sizes, a, b, logarithmic=False))
        if not agree:
            if _by_interp(seen, asked):
                raise Mistake("interp-not-increasing", "crossover gives `np.interp` differences that do not increase "
                    "from point to point. It needs that, and returns nonsense otherwise, without an error. Look for "
                    "the first pair of sizes between which the sign changes, and interpolate between these two.")
            mistake = (
                _first_interval_only(seen, asked)
                or _nearly(got, sizes, a, b)
                or _overlooked(got, right, sizes, a, b)
                or _misplaced(got, right, sizes, a, b)
            )
            raise Mistake(mistake.name, f"{mistake.message} (sizes {sizes}, a {a}, b {b})")
        yield "a crossing" if right is not None else "no crossing"
    demand_lasting(seen, "crossover")


def _advice(error: BaseException, what: str) -> str:
    if type(error).__name__ in ("IndexError", "StopIteration"):
        return " Where the curves do not cross, nothing is found: look whether there is a crossing, and return None."
    return ""


def _first_interval_only(seen: Answer, asked: Sequence[Case]) -> Mistake | None:
    """Where every crossing between the first two sizes is found, and None stands for every later one."""
    later = 0
    for i, (sizes, a, b) in enumerate(asked):
        right, got = reference.crossover(sizes, a, b), _number(seen[i])
        if right is not None and right <= sizes[1]:
            if got is None:
                return None
        elif got is not None:
            return None
        else:
            later += right is not None
    if later < 2:
        return None
    return Mistake("first-interval-only", "Only the first two sizes are looked at: where the curves cross later, the "
                   "result is None. Does `return None` stand inside the loop? It belongs behind it.")


def _by_interp(seen: Answer, asked: Sequence[Case]) -> bool:
    """Whether all results but None are what `np.interp` makes of whole curves of differences."""
    results = [(_number(seen[i]), *(np.asarray(one, float) for one in case)) for i, case in enumerate(asked)]
    some = [one for one in results if one[0] is not None]
    return len(some) > 2 and any(
        all(_alike(got, through(sizes, a, b)) for got, sizes, a, b in some)
        for through in (
            lambda s, a, b: np.exp(np.interp(0, np.log(a / b), np.log(s))),
            lambda s, a, b: np.interp(0, np.log(a / b), s),
            lambda s, a, b: np.interp(0, a - b, s),
        )
    )


def _nearly(got: float | None, sizes: Numbers, a: Numbers, b: Numbers) -> Mistake | None:
    """A size at which the two are nearly equal, or the time so short that a tolerance takes them for equal."""
    for size, p, q in zip(sizes, a, b, strict=True):
        if got is not None and _alike(got, size) and 0 < abs(p / q - 1) < 0.06:
            return Mistake("nearly-equal", f"At {size} the two differ by {abs(p / q - 1):.1%} and are taken for equal. "
                "Nearly equal is not the crossing: that is where they are equal, or between two sizes where a − b has "
                "different signs.")
        if got is not None and _alike(got, size) and abs(p - q) < 1e-3 < abs(p / q - 1):
            return Mistake("absolute-tolerance", f"At {size} one takes {max(p, q) / min(p, q):.3g} times as long as "
                "the other, and they are taken for equal. Is there a tolerance in seconds (`abs_tol`, `atol`, "
                "`round`)? Such times are shorter than it: compare a and b themselves.")
    return None


def _overlooked(got: float | None, right: float | None, sizes: Numbers, a: Numbers, b: Numbers) -> Mistake | None:
    """A crossing where there is none, or none where there is one."""
    if got is not None and math.isnan(got) and right is not None:
        return Mistake("not-finite", f"The result is not a number, and the crossing is at {right:.4g}. Where two "
            "neighbours are both equal, d₀ − d₁ is 0: return a measured size where a = b before you divide.")
    if right is None:
        if got in (0, -1) or (got is not None and math.isnan(got)):
            return Mistake("none-expected", f"Where the curves don't cross, the result should be None; it is {got:g}.")
        if got is not None and not min(sizes) <= got <= max(sizes):
            return Mistake("extrapolated", f"The curves do not cross between the sizes that were measured; {got:g} is "
                "a guess beyond them. Return None.")
        return Mistake("none-expected", "One curve is above the other everywhere, so there is no crossing: return "
            f"None, not {got}.")
    if got is not None:
        return None
    equal = next((size for size, p, q in zip(sizes, a, b, strict=True) if p == q), None)
    if equal is not None:
        last = " It is the last size: a loop over pairs of neighbours looks at it as the second of a pair only."
        return Mistake("equal-overlooked", f"At size {equal} the two are equal, and that is the crossing; the result "
            f"is None.{last * (equal == sizes[-1])}")
    if a[0] > b[0]:
        return Mistake("one-direction-only", "The crossing is overlooked where a is above b at first. Look for a "
            "change of sign in either direction.")
    return Mistake("crossing-overlooked", "a is below b at first and above it in the end, so there is a crossing near "
        f"{right:.4g}; the result is None.")


def _misplaced(got: Any, right: Any, sizes: Numbers, a: Numbers, b: Numbers) -> Mistake:
    every, linear = (_all_crossings(sizes, a, b, logarithmic) for logarithmic in (True, False))
    several = f"The curves meet several times; return the first of these sizes, {right:.4g}, not {got:.4g}."
    size = (
        f"This is a measured size, and at {got:g} the two are not equal. "
        f"The crossing lies near {right:.4g}, where a goes from below b to above it, or the other way."
    )
    wrong = [
        *_wrong_places(sizes, a, b),
        *(Hypothesis("not-the-first", other, several) for other in (*every[1:], *linear[1:], np.mean(every))),
        *(Hypothesis("not-the-crossing", one, size) for one in sizes),
    ]
    return explained(got, wrong, _alike) or Mistake(
        "differs", f"The crossing should be at {right:.4g}; the result is {got:.4g}."
    )


def _all_crossings(sizes: Numbers, a: Numbers, b: Numbers, logarithmic: bool) -> list[float]:
    pairs = [slice(i, i + 2) for i in range(len(sizes) - 1)]
    found = [reference.crossover(sizes[pair], a[pair], b[pair], logarithmic) for pair in pairs]
    return [one for one in found if one is not None]


def _wrong_places(sizes: Numbers, a: Numbers, b: Numbers) -> list[Hypothesis]:
    """What may be taken for the first crossing between two measured sizes."""
    difference = [p - q for p, q in zip(a, b, strict=True)]
    first = next((i for i in range(len(difference) - 1) if difference[i] * difference[i + 1] < 0), None)
    if first is None:
        return []
    s, t = sizes[first], sizes[first + 1]
    p, q = abs(difference[first]), abs(difference[first + 1])
    v, w = (abs(math.log(a[i] / b[i])) for i in (first, first + 1))
    linear, logarithmic = p / (p + q), v / (v + w)

    def on_line(share: float) -> float:
        return s + (t - s) * share

    def on_logarithm(share: float) -> float:
        return s * (t / s) ** share

    lies = "It lies between two sizes: on straight lines between the points, a = b there."
    closer = "The crossing lies closer to the size at which the two are closer."
    exchanged = "The weights are exchanged: the crossing lies closer to the size at which the two are *closer*."
    fraction = "This is how far the crossing lies between two sizes, as a fraction; return the size itself."
    signs = "The two distances have opposite signs: d₀ / (d₀ − d₁), where the minus makes a sum of them."
    minus = "The minus is in the wrong place: d₀ / (d₀ − d₁) is a fraction between 0 and 1."
    rest = "The first distance is divided by the second, not by both together: d₀ / (d₀ − d₁)."
    return [
        Hypothesis("not-interpolated", s, f"This is the last measured size before the crossing. {lies}"),
        Hypothesis("not-interpolated", t, f"This is the first measured size after the crossing. {lies}"),
        *Hypothesis.each("index-for-size", float, (first, first + 1), "This is the index of a point, {}, and not a "
            "size."),
        Hypothesis("midpoint", on_line(0.5), f"This is the middle between two sizes. {closer}"),
        Hypothesis("midpoint", on_logarithm(0.5), "This is the middle between two sizes (of their logarithms). "
            f"{closer}"),
        Hypothesis("weights-exchanged", on_line(1 - linear), exchanged),
        Hypothesis("weights-exchanged", on_logarithm(1 - logarithmic), exchanged),
        Hypothesis("half-logarithmic", on_logarithm(linear), "The size is interpolated in its logarithm and the times "
            "are not. Either both axes are logarithmic or none."),
        Hypothesis("half-logarithmic", on_line(logarithmic), "The times are interpolated in their logarithms and the "
            "size is not. Either both axes are logarithmic or none."),
        Hypothesis("logarithm-left", math.log(on_logarithm(logarithmic)), "This is the logarithm of the size; return "
            "the size, `np.exp` of it."),
        Hypothesis("time-for-size", a[first] + (a[first + 1] - a[first]) * linear, "This is the time at the crossing; "
            "the size is asked for."),
        Hypothesis("only-the-fraction", linear, fraction),
        Hypothesis("only-the-fraction", logarithmic, fraction),
        Hypothesis("start-forgotten", (t - s) * linear, "The size at which the interval begins has to be added."),
        Hypothesis("signs-mixed-up", on_line(p / (p - q)) if p != q else math.nan, signs),
        Hypothesis("signs-mixed-up", on_logarithm(-logarithmic), minus),
        Hypothesis("signs-mixed-up", on_line(-linear), minus),
        Hypothesis("fraction-of-the-rest", on_logarithm(v / w), rest),
        Hypothesis("fraction-of-the-rest", on_line(p / q), rest),
        *(
            Hypothesis("rounded", round(place), "This is a whole number. The crossing lies between two sizes, and need "
                "not be a network that exists: return it as it is.")
            for place in (on_logarithm(logarithmic), on_line(linear))
        ),
        Hypothesis("signs-mixed-up", on_logarithm(v / (v - w)) if v != w else math.nan, signs),
    ]
