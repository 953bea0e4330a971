"""Checks of Part E of `cnn_runtime`: fits, and errors at points that the fit did not see."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np

from helpers.check.cnn_runtime import probes, reference
from helpers.check.cnn_runtime.counts import parameters_of, step_flops_of
from helpers.check.cnn_runtime.reference import KINDS, WAYS, Numbers
from helpers.check.cnn_runtime.some_rows import demand_used, taken
from helpers.check.core.ask import Answer, array, ask, demand_lasting, kind_of, number
from helpers.check.core.compare import Hypothesis, explained
from helpers.check.core.draw import drawn, told_apart
from helpers.check.core.probe import calls
from helpers.check.core.report import Mistake, check


def curves(seed: int) -> tuple[dict[str, tuple[float, ...]], np.ndarray]:
    """Coefficients of each kind, and six sizes."""
    rng = np.random.default_rng(seed)
    ranges: dict[str, tuple[tuple[float, float], ...]] = {
        "linear": ((0.5, 1.5), (0.2, 0.8)),
        "quadratic": ((0.4, 1.0), (0.1, 0.25), (0.01, 0.03)),
        "exponential": ((0.6, 1.8), (0.03, 0.06)),
    }
    coefficients = {kind: tuple(round(rng.uniform(*ends), 4) for ends in ranges[kind]) for kind in KINDS}
    return coefficients, np.cumsum(rng.integers((4, 4, 5, 6, 8, 9), (9, 8, 12, 14, 17, 19))).astype(float)


def _predicted(coefficients: Numbers, x: Numbers, kind: str) -> np.ndarray:
    return np.array([reference.predict(coefficients, size, kind) for size in x])


# E1: fits ---------------------------------------------------------------------------------------------------------


def _alike(a: np.ndarray, b: Any, tolerance: float = 1e-3) -> bool:
    b = np.asarray(b, dtype=float)
    return a.shape == b.shape and bool(np.allclose(a, b, rtol=tolerance, atol=tolerance * 1e-3))


def _coefficients(found: Any, kind: str) -> np.ndarray:
    """What fit returned, as an array."""
    if isinstance(found, dict):
        raise Mistake(
            "not-a-list",
            f"fit for {kind!r} returns a dictionary; return a list of the coefficients, the constant first, which is "
            "what `predict` takes.",
        )
    got = array(found, f"the result of fit for {kind!r}").reshape(-1)
    if not np.isfinite(got).all():
        raise Mistake("not-finite", f"fit for {kind!r} returns a coefficient that is not a number: {got.tolist()}.")
    return got


def _scaled(x: np.ndarray) -> list[tuple[str, np.ndarray]]:
    """What may be fitted against in place of x."""
    half = (x[-1] - x[0]) / 2
    return [
        ("a window from −1 to 1, as those of `Polynomial.fit(…).coef`; `.convert()` makes them those of x",
         (x - x[0]) / half - 1),
        *(("x minus its mean, divided by its deviation", (x - x.mean()) / x.std(ddof=d)) for d in (0, 1)),
        ("x divided by its largest value", x / x[-1]),
        ("x scaled to lie between 0 and 1", (x - x[0]) / (x[-1] - x[0])),
        ("x minus its mean", x - x.mean()),
    ]  # fmt: skip


SCALED = "These are coefficients against {}. Return those of x itself, as `predict` takes them."


NATURAL = "The curve is a · e^(b·x): np.log is the natural logarithm."


def _wrong_exponentials(x: np.ndarray, y: np.ndarray) -> list[Hypothesis]:
    def line(by: np.ndarray, through: np.ndarray) -> np.ndarray:
        """Constant and slope."""
        return np.polyfit(by, through, 1)[::-1]

    (constant, slope), plain, power = line(x, np.log(y)), line(x, y), line(np.log(x), np.log(y))
    swapped, of_x = line(np.log(y), x), line(np.log(x), y)
    ends = np.log(y[-1] / y[0]) / (x[-1] - x[0])
    both = np.array([constant, slope])
    return [
        Hypothesis("coefficients-reversed", [slope, np.exp(constant)], REVERSED.format("exponential")),
        Hypothesis(
            "logarithm-left", both,
            "The first coefficient is still ln a. The line through ln y begins at ln a, so a = e^(that).",
        ),
        Hypothesis("logarithm-left", both[::-1], "The first coefficient is still ln a (and np.polyfit puts the slope "
            "first)."),
        Hypothesis(
            "coefficients-reversed", [np.exp(slope), constant],
            "Slope and constant are exchanged: np.polyfit puts the slope first. a = e^(constant), b = slope.",
        ),
        Hypothesis("slope-exponentiated", np.exp(both), "Both coefficients went through exp; only a = e^(constant), b "
            "is the slope itself."),
        *(
            Hypothesis(
                "wrong-base", [first, slope / np.log(base)],
                f"The logarithm to base {base} was taken, so b belongs to {base}^(b·x). {NATURAL}",
            )
            for base in (10, 2)
            for first in (np.exp(constant), np.exp(constant / np.log(base)))
        ),
        Hypothesis(
            "power-for-exponential", [np.exp(power[0]), power[1]],
            "The logarithm of x was taken, too: that is a power a · x^b. Only y goes through the logarithm.",
        ),
        Hypothesis(
            "axes-exchanged", [np.exp(swapped[0]), swapped[1]],
            "x and ln y are exchanged: `np.polyfit(x, np.log(y), 1)` takes x first.",
        ),
        *(
            Hypothesis(
                "logarithm-of-x", wrong,
                "The logarithm of x was taken, not that of y. The line goes through ln y, against x itself.",
            )
            for wrong in (of_x, [np.exp(of_x[0]), of_x[1]])
        ),
        *(
            Hypothesis(
                "logarithm-forgotten", wrong,
                "The straight line goes through y itself; for the exponential it goes through ln y.",
            )
            for wrong in (plain, [np.exp(plain[0]), plain[1]])
        ),
        Hypothesis(
            "fitted-to-the-ends", [y[0] * np.exp(-ends * x[0]), ends],
            "The curve is drawn through the first and the last point. Least squares uses all of them.",
        ),
        *(Hypothesis("x-scaled", [np.exp(c), b], SCALED.format(words))
          for words, z in _scaled(x) for c, b in (line(z, np.log(y)),)),
        Hypothesis("exponential-of-x", lambda: line(np.exp(x), y), "The line goes through e^x; the line is ln y "
            "against x."),
    ]  # fmt: skip


REVERSED = (
    "The coefficients for '{}' come in the reverse order. np.polyfit begins with the highest power; here the constant "
    "comes first: `[::-1]`."
)


def _wrong_polynomials(x: np.ndarray, y: np.ndarray, kind: str, relative: float) -> list[Hypothesis]:
    right = reference.fit(x, y, kind, relative)
    weights = y**-relative

    def through(*powers: int, of: np.ndarray = x) -> np.ndarray:
        design = np.stack([of**power for power in powers], axis=1)
        return np.asarray(np.linalg.lstsq(design * weights[:, None], y * weights, rcond=None)[0])

    slope, many = (y[-1] - y[0]) / (x[-1] - x[0]), len(right)
    found = [
        Hypothesis("coefficients-reversed", right[::-1], REVERSED.format(kind)),
        Hypothesis("axes-exchanged", np.polyfit(y, x, many - 1)[::-1], "x and y are exchanged: this is x as a curve in "
            "y."),
        Hypothesis(
            "constant-missing", [0, *through(*range(1, many))],
            f"The curve for {kind!r} is forced through the origin. Even a network with no filters at all would take "
            "some time: a constant belongs to it.",
        ),
        Hypothesis(
            "constant-missing", through(*range(1, many)),
            f"The constant is missing from {kind!r}: it has {many} coefficients.",
        ),
        Hypothesis(
            "fitted-to-the-ends", [y[0] - slope * x[0], slope],
            "The line is drawn through the first and the last point. Least squares uses all of them.",
        ),
    ]  # fmt: skip
    found += [Hypothesis("x-scaled", through(*range(many), of=z), SCALED.format(words)) for words, z in _scaled(x)]
    if kind == "linear":
        return [*found, Hypothesis("wrong-degree", through(0, 1, 2), "This is the quadratic; the line has two "
            "coefficients.")]
    first, square = through(0, 2)
    missing = "The linear term is missing: a + b·x + c·x² has three coefficients."
    return [
        *found,
        Hypothesis("linear-term-missing", [first, 0, square], missing),
        Hypothesis("linear-term-missing", [first, square], missing),
        Hypothesis("wrong-degree", through(0, 1), "This is the straight line; the quadratic has three coefficients."),
        Hypothesis("wrong-degree", through(0, 1, 2, 3), "This is a cubic; the quadratic has three coefficients."),
    ]


def _wrong_fits(x: np.ndarray, y: np.ndarray, kind: str) -> list[Hypothesis]:
    if kind == "exponential":
        return _wrong_exponentials(x, y)
    squared = Hypothesis("weights-squared", reference.fit(x, y, kind, 2), "The weights are 1/y². `np.polyfit` "
                         "multiplies each difference by its weight and squares it then: w = 1/y makes differences "
                         "relative.")  # fmt: skip
    return [squared, *(one for way in WAYS for one in _wrong_polynomials(x, y, kind, way))]


@check("Fits", "E1")
def fit(fit: Any, *, seed: int = 0) -> Iterator[str]:
    """Coefficients by least squares of the differences, or of the relative ones; constant first. The exponential
    through ln y, or any other way."""
    coefficients, x = curves(seed)
    rng = np.random.default_rng([seed, len(x)])
    # Points beside the curve, now above and now below, so that a curve through some of them is not the best one.
    beside = rng.uniform(0.03, 0.11, size=len(x)) * (-1) ** np.arange(len(x)) * rng.choice((-1, 1))
    on_curve = {kind: _predicted(coefficients[kind], x, kind) for kind in KINDS}
    cases = [(x, y, kind) for kind in KINDS for y in (on_curve[kind], on_curve[kind] + beside)]
    turned = [(x[::-1].copy(), y[::-1].copy(), kind) for x, y, kind in cases[1::2]]
    mixed, cases = len(cases), [*cases, *turned]
    seen = ask(calls, "fit", fit, cases, ("x", "y"))
    for i, (_, y, kind) in enumerate(cases[:mixed]):
        got, right, noisy = _coefficients(seen[i], kind), reference.fit(x, y, kind), bool(i % 2)
        if not any(_alike(got, reference.fit(x, y, kind, way)) for way in WAYS):
            if mistake := explained(got, _wrong_fits(x, y, kind), _alike):
                raise mistake
            if len(got) != len(right):
                raise Mistake(
                    "wrong-shape",
                    f"fit for {kind!r} returns {len(got)} numbers; it has {len(right)} coefficients, constant first.",
                )
            if not noisy:
                raise Mistake(
                    "differs",
                    f"For {kind!r} the points lie on the curve with the coefficients {list(coefficients[kind])}; fit "
                    f"returns {np.round(got, 4).tolist()}, a curve that is up to {_beside(got, x, y, kind):.0%} off.",
                )
            # Beside the curve, fitting ln y and fitting y differ, in several ways that have their reasons.
            if not (kind == "exponential" and _as_close(got, right, x, y)):
                raise Mistake("not-least-squares",
                              f"For {kind!r} with points beside the curve, least squares gives "
                              f"{np.round(right, 4).tolist()}, and fit {np.round(got, 4).tolist()}. "
                              "For points that lie exactly on the curve it was right: "
                              "are all points used, and does every point have the same weight?")
        if noisy:
            yield f"{kind}, {len(coefficients[kind])} coefficients"
    for i, (_, y, kind) in enumerate(cases[1:mixed:2]):
        one, other = (_predicted(_coefficients(seen[at], kind), x, kind) for at in (2 * i + 1, mixed + i))
        if not np.allclose(one, other, rtol=0.03, atol=0.03 * float(np.min(y))):
            raise Mistake("order-of-points", f"For {kind!r} the same points in another order, from the largest x to "
                          "the smallest, give another curve. A point is an x with its y: are x or y sorted alone, or "
                          "is the first or the last x taken for the smallest or the largest?")
    demand_lasting(seen, "fit")


def _beside(got: np.ndarray, x: np.ndarray, y: np.ndarray, kind: str) -> float:
    """The largest relative distance of a curve from points."""
    with np.errstate(all="ignore"):
        return float(np.max(np.abs(_predicted(got, x, kind) - y) / y))


def _as_close(got: np.ndarray, right: np.ndarray, x: np.ndarray, y: np.ndarray) -> bool:
    """Whether one exponential comes about as close to the points as another, in some sense of least squares."""
    mine, best = (c[0] * np.exp(c[1] * x) - y for c in (got, right))
    return any(float((mine**2 / y ** (2 * way)).sum()) <= 1.5 * float((best**2 / y ** (2 * way)).sum()) for way in WAYS)


# E2: held-out errors ----------------------------------------------------------------------------------------------

GUESSED = 1e-5
"""Relative difference up to which a wrong number counts as explained. There are so many explanations that a wide one
would often fit by chance."""


def _about(got: Any, wrong: Any, tolerance: float = GUESSED) -> bool:
    return bool(np.all(np.isclose(got, wrong, rtol=tolerance, atol=0)))


def _errors(x: Numbers, y: Numbers, kind: str) -> list[float]:
    """The right held-out errors, by the ways in which a fit may weight its points."""
    return [float(reference.held_out_errors(x, y, kind, way).mean()) for way in WAYS]


def _wrong_errors(x: np.ndarray, y: np.ndarray, kind: str, relative: float) -> list[Hypothesis]:
    n, everywhere = len(x), _predicted(reference.fit(x, y, kind, relative), x, kind)
    seen = np.abs(everywhere - y) / y
    without = [reference.fit(np.delete(x, i), np.delete(y, i), kind, relative) for i in range(n)]
    each = np.array([np.abs(_predicted(one, x, kind) - y) / y for one in without])
    held = np.array([reference.predict(one, x[i], kind) for i, one in enumerate(without)])
    difference, errors = held - y, np.diag(each)

    def fitted_to_times() -> np.ndarray:
        rest = (np.delete(y, i) for i in range(n))
        curves = [reference.fit(one, one, kind, relative) for one in rest]
        return np.array([abs(reference.predict(c, x[i], kind) - y[i]) / y[i] for i, c in enumerate(curves)])

    def overwritten() -> float:
        now, found = y.copy(), []
        for i, measured in enumerate(y):
            now[i] = reference.predict(
                reference.fit(np.delete(x, i), np.delete(now, i), kind, relative), x[i], kind
            )
            found.append(abs(now[i] - measured) / measured)
        return float(np.mean(found))

    def by_halves() -> float:
        """Every second point left out together, then the others."""
        found = np.empty(n)
        for left_out in (np.arange(n) % 2 == 0, np.arange(n) % 2 == 1):
            curve = reference.fit(x[~left_out], y[~left_out], kind, relative)
            found[left_out] = [reference.predict(curve, size, kind) for size in x[left_out]]
        return float(np.mean(np.abs(found - y) / y))

    stayed = float((each.sum() - errors.sum()) / (n * n - n))
    leave = "These are errors at points that the fit has seen. Leave the point out *before* fitting"
    largest = "so the largest network alone decides. Divide each by what was measured."
    turn = "each point has its turn."
    return [
        Hypothesis("not-held-out", seen.mean(), f"{leave}: a curve with more coefficients always comes closer to what "
            "it has seen."),
        Hypothesis("not-held-out", np.median(seen), f"{leave}."),
        Hypothesis("not-held-out", np.abs(everywhere - y).mean(), f"{leave}, and divide by y: these are in seconds."),
        Hypothesis(
            "not-held-out", stayed,
            "The error is taken at the points that stayed in the fit. "
            "Predict the one that was left out, and only that.",
        ),
        Hypothesis("not-held-out", each.mean(),
                   "The error is taken at all points each time, also at those that stayed in the fit. "
                   "Predict the one that was left out, and only that."),
        Hypothesis(
            "in-logarithms", np.abs(np.log(held) - np.log(y)).mean(),
            "The error is taken in logarithms. Compare the three curves on the same scale: |predicted − measured| / "
            "measured, in seconds.",
        ),
        Hypothesis(
            "divided-by-the-mean", np.abs(difference).mean() / y.mean(),
            "The errors in seconds are divided by the mean of all times, so the largest network still decides. Divide "
            "each by its own time.",
        ),
        Hypothesis("absolute-for-relative", np.abs(difference).mean(), f"These are errors in seconds, {largest}"),
        Hypothesis("absolute-for-relative", (difference**2).mean(), f"These are squared errors in seconds, {largest}"),
        Hypothesis(
            "absolute-for-relative", (difference**2).mean() ** 0.5,
            f"These are errors in seconds (root of the mean square), {largest}",
        ),
        Hypothesis("times-overwritten", overwritten, "held_out_error writes its predictions into `y`, so that later "
            "fits see predictions in place of measured times. `predicted = y` is the same array under another name: "
            "make a new one."),
        Hypothesis("fitted-to-times", lambda: fitted_to_times().mean(), "The curve is fitted to the times on both "
            "axes: leave the point out of x and of y, `np.delete(x, i)` and `np.delete(y, i)`."),
        Hypothesis("axes-exchanged", lambda: reference.held_out_errors(y, x, kind, relative).mean(), "x and y are "
            "exchanged: the times are fitted against x."),
        Hypothesis("sum-for-mean", errors.sum(), "This is the sum of the relative errors; take their mean."),
        Hypothesis("worst-for-mean", errors.max(), "This is the largest of the relative errors; take their mean."),
        Hypothesis("median-for-mean", np.median(errors), "This is the median of the relative errors; their mean is "
            "asked for."),
        Hypothesis(
            "last-point-only", errors[-1],
            f"Only the last point is left out; {turn} Is the `return` inside the loop, "
            "or the result overwritten in it?",
        ),
        Hypothesis("first-point-only", errors[0], f"Only the first point is left out; {turn} Is there a `return` "
            "inside the loop?"),
        Hypothesis("percent-for-fraction", 100 * errors.mean(), "This is in percent; return a fraction."),
        Hypothesis(
            "signs-cancel", (difference / y).mean(),
            "The errors keep their signs and cancel each other. Take the absolute value of each.",
        ),
        Hypothesis(
            "signs-cancel", abs((difference / y).mean()),
            "The signs cancel before the absolute value is taken. Take it of each error, then the mean.",
        ),
        Hypothesis("squared-for-absolute", (errors**2).mean(), "The relative errors are squared; take their absolute "
            "values."),
        Hypothesis(
            "squared-for-absolute", (errors**2).mean() ** 0.5,
            "This is the root of the mean square; take the mean of the absolute values.",
        ),
        Hypothesis(
            "divided-by-prediction", (np.abs(difference) / np.abs(held)).mean(),
            "The error is divided by what was predicted; divide by what was measured.",
        ),
        Hypothesis(
            "divided-by-n-minus-1", errors.sum() / (n - 1),
            "The sum is divided by n − 1; every point is left out once, that makes n errors.",
        ),
        Hypothesis("one-point-missing", errors[:-1].mean(), f"The last point is never left out; {turn}"),
        Hypothesis("several-left-out", by_halves, f"Half of the points are left out together; {turn} Leave out one "
            "at a time, and fit to all others."),
        *(Hypothesis("one-point-missing", some.sum() / n, f"The {words} point is never left out; {turn}")
          for words, some in (("first", errors[1:]), ("last", errors[:-1]))),
        Hypothesis("one-point-missing", errors[1:].mean(), f"The first point is never left out; {turn}"),
        Hypothesis("one-point-missing", errors[1:-1].mean(), "The first and the last point are never left out; "
            f"{turn}"),
    ]  # fmt: skip


def _explained_error(got: float, x: np.ndarray, y: np.ndarray, kind: str) -> Mistake | None:
    """A number that should be the held-out error."""
    wrong = [one for way in WAYS for one in _wrong_errors(x, y, kind, way)]
    wrong += [
        Hypothesis("kind-ignored", error,
                   f"For {kind!r} this is the error of the {other} fit. "
                   "Pass `kind` on to `fit`, and predict with the curve of that kind.")
        for other in KINDS
        for error in _errors(x, y, other)
        if other != kind
    ]  # fmt: skip
    return explained(got, wrong, _about)


def _times(rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
    """Sizes, and times around a curve that bends a little."""
    x = np.cumsum(rng.integers((4, 4, 5, 6, 8, 9), (9, 8, 12, 14, 17, 19))).astype(float)
    return x, np.round((2 + 0.4 * x + 0.004 * x**2) * rng.uniform(0.8, 1.2, size=len(x)), 2)


def _tell_errors_apart(case: tuple[np.ndarray, np.ndarray]) -> bool:
    """Whether mistakes differ with the line, which comes first and is below zero nowhere."""
    x, y = case
    lines = [reference.fit(np.delete(x, i), np.delete(y, i), "linear", way) for i in range(len(x)) for way in WAYS]
    return all((_predicted(line, x, "linear") > 0).all() for line in lines) and all(
        told_apart([(_wrong_errors(x, y, "linear", way), right)], _about)
        for way, right in zip(WAYS, _errors(x, y, "linear"), strict=True)
    )


def _others(y: np.ndarray) -> np.ndarray:
    """Other times, of which no curve has the same errors."""
    return y * np.where(np.arange(len(y)) % 2, 1.9, 0.8)


@check("Error at points left out", "E2", builds_on="`fit`", after="E1")
def held_out_error(held_out_error: Any, fit: Any, *, seed: int = 0) -> Iterator[str]:
    """Mean over the points of |predicted − measured| / measured, the fit without that point. The student's own fit
    will do."""
    x, y = drawn(seed, _times, _tell_errors_apart)
    n = len(x)
    twice = np.where(np.arange(n) == 3, x[2], x)  # one size was measured twice
    cases = [*((x, kind) for kind in KINDS), (twice, KINDS[0])]
    fits = [
        (np.delete(sizes, i), np.delete(times, i), kind)
        for sizes, kind in cases
        for times in (y, _others(y))
        for i in range(n)
    ]
    seen = ask(
        probes.calls_and_own,
        "held_out_error",
        held_out_error,
        [(sizes, y, kind) for sizes, kind in cases],
        "fit",
        fit,
        fits,
    )
    for k, (x, kind) in enumerate(cases):
        got, right = number(seen[k], f"the result of held_out_error for {kind!r}"), _errors(x, y, kind)
        if not any(_about(got, error, 2e-3) for error in right):
            own, other = (
                _error_of(seen.part("own"), 2 * n * k + first, x, times, kind)
                for first, times in ((0, y), (n, _others(y)))
            )
            if not _about(got, own, 2e-3) or _about(own, other, 2e-3):
                raise _by_value(got, x, y, kind) or _explained_error(got, x, y, kind) or Mistake("differs", f"The "
                    f"error for {kind!r} should be {right[0]:.4g}; it is {got:.4g}."
                    + " (One size was measured twice.)" * (x is twice))
        yield f"{kind}, each of {n} points left out once" + ", one size measured twice" * (x is twice)


def _by_value(got: float, x: np.ndarray, y: np.ndarray, kind: str) -> Mistake | None:
    """All points of a size left out together."""
    if len(set(x)) == len(x):
        return None
    for way in WAYS:
        held = [reference.predict(reference.fit(x[x != size], y[x != size], kind, way), size, kind) for size in x]
        if _about(got, np.mean(np.abs(held - y) / y)):
            return Mistake("left-out-by-value", "Where two points have the same x, both are left out: a point is left "
                "out by its value (`x != x[i]`). Leave it out by its place, `np.delete(x, i)`.")
    return None


def _error_of(seen: Answer, first: int, x: np.ndarray, y: np.ndarray, kind: str) -> float:
    """The held-out error with the student's own fits, those from number `first` on; NaN where there are none."""
    try:
        held = [reference.predict(_coefficients(seen[first + i], kind), size, kind) for i, size in enumerate(x)]
    except (Mistake, IndexError):
        return float("nan")
    return float(np.mean(np.abs(held - y) / y))


# E3: which curve? -------------------------------------------------------------------------------------------------

BACKENDS = {"numpy": "quadratic", "cuda": "linear", "torch": "exponential", "cuda graph": "quadratic"}
"""And the kind of curve beside which their times lie. The name of one is part of another's."""
Row = dict[str, Any]


def made_up_rows(seed: int) -> list[Row]:
    """Rows of four backends in turn, in no order of sizes, each time a little beside the backend's curve. One size was
    measured twice, and on one backend a larger network takes less time."""
    coefficients, sizes = curves(seed)
    rng = np.random.default_rng([seed, 6])
    order = [*rng.permutation(sizes).astype(int).tolist()]
    if order == sorted(order):
        order.reverse()
    found = []
    for size in [*order[:4], order[1], *order[4:]]:
        for backend, kind in BACKENDS.items():
            seconds = 1e-2 * reference.predict(coefficients[kind], size, kind) * rng.uniform(0.93, 1.07)
            if backend == "cuda graph":
                seconds *= 0.3
            row: Row = {
                "filters": size,
                "backend": backend,
                "batch": 64,
                "parameters": sum(parameters_of(size)),
                "flops": sum(step_flops_of(size, 64)),
            }
            found.append(
                {
                    **row,
                    "seconds": seconds,
                    "low": seconds * rng.uniform(0.8, 0.98),
                    "high": seconds * rng.uniform(1.02, 1.2),
                }
            )
    mine = sorted((row for row in found if row["backend"] == "cuda"), key=lambda row: (row["filters"], row["seconds"]))
    small, large = mine[-3:-1]
    for key in ("seconds", "low", "high"):  # a larger network that takes less time
        small[key], large[key] = large[key], small[key]
    return found


def _columns(rows: Sequence[Row], *keys: str) -> tuple[np.ndarray, ...]:
    return tuple(np.array([float(row[key]) for row in rows]) for key in keys)


@check("Which curve?", "E3", builds_on="`held_out_error`", after="E1 E2")
def compare(compare: Any, held_out_error: Any, *, seed: int = 1) -> Iterator[str]:
    """compare(rows, backend): the held-out errors of the rows' seconds against filters, kind -> error, and the kind
    with the least.

    What the student's own held_out_error says will do, so that a mistake in it costs its points once.
    """
    rows = made_up_rows(seed)
    of_backend = {backend: [row for row in rows if row["backend"] == backend] for backend in BACKENDS}
    asked = [
        (x, times, kind)
        for x, y in (_columns(of_backend[backend], "filters", "seconds") for backend in BACKENDS)
        for kind in KINDS
        for times in (y, _others(y))
    ]
    seen = ask(probes.of_rows, "compare", compare, rows, list(BACKENDS), "held_out_error", held_out_error, asked)
    for i, backend in enumerate(BACKENDS):
        found, best = _errors_and_best(taken(seen, i, backend, _has_errors))
        errors = {}
        for k, kind in enumerate(KINDS):
            errors[kind] = got = number(found[kind], f"the error of {kind!r}")
            x, y, _ = asked[first := 6 * i + 2 * k]
            right = [*_errors(x, y, kind), _own_error(seen.part("own"), first)]
            if not np.isfinite(got):
                raise Mistake("no-rows-taken", f"compare(rows, {backend!r}) gives {kind!r} an error that is not a "
                    f"number, as if there were no row of {backend}. Take the rows that are given, `some_rows` (not "
                    "`cpu_rows` or another list of the notebook), those whose `backend` equals `name`.")
            if not any(_about(got, error, 5e-3) for error in right):
                demand_used(seen, i)
                own = right[-1] if np.isfinite(right[-1]) else right[0]
                raise (
                    _rounded(got, right, kind)
                    or _explained_error(got, x, y, kind)
                    or explained(got, _wrong_rows(rows, backend, kind), _about)
                    or Mistake("differs", f"compare(rows, {backend!r}) gives {kind!r} the error {got:.4g}; for the "
                        f"rows of {backend}, seconds against filters, it is {own:.4g}.")
                )
        least, most = (extreme(KINDS, key=errors.__getitem__) for extreme in (min, max))
        if not isinstance(best, str) or best not in KINDS:
            raise Mistake("not-a-kind", f"The best kind that compare returns is {str(best)[:40]!r}; it should be one "
                f"of {', '.join(KINDS)}.")
        if best != least:
            raise Mistake(
                "worst-for-best" if best == most else "not-the-least",
                f"compare(rows, {backend!r}) says that {best!r} is best, but the error of {least!r} is the smallest: "
                f"{errors[least]:.3g} against {errors[best]:.3g}.",
            )
        yield f"{backend}: {least} with an error of {errors[least]:.1%}"
    demand_lasting(seen, "compare")


def _rounded(got: float, right: Sequence[float], kind: str) -> Mistake | None:
    for error in right:
        if any(got == round(error, digits) for digits in (1, 2, 3)):
            return Mistake("rounded", f"compare rounds the error of {kind!r}, {error:.4g}, to {got:g}. Errors that are "
                "close then become equal, and the first of them wins: round only where you print.")
    return None


def _has_errors(found: Any) -> bool:
    try:
        return bool(np.isfinite([float(error) for error in _errors_and_best(found)[0].values()]).all())
    except Exception:
        return False


def _errors_and_best(found: Any) -> tuple[dict[Any, Any], Any]:
    if found is None:
        raise Mistake("returns-none", "compare returns None. Is the `return` missing?")
    if not isinstance(found, tuple | list) or len(found) != 2:
        raise Mistake("not-a-pair",
                      "compare should return two things, the errors and the best kind: `return errors, best`; "
                      f"what it returns is {kind_of(found)}.")
    errors, best = found
    if isinstance(errors, str) and isinstance(best, dict):
        raise Mistake("results-exchanged", "compare returns the best kind first; it should return the errors and then "
            "the kind.")
    if not isinstance(errors, dict):
        raise Mistake("not-a-dictionary", "The errors that compare returns should be a dictionary, kind → error; they "
            f"are {kind_of(errors)}.")
    if set(errors) != set(KINDS):
        raise Mistake("kinds-missing", "The errors that compare returns should have the three kinds "
            f"{', '.join(KINDS)} as keys.")
    return errors, best


def _own_error(seen: Answer, first: int) -> float:
    """What the student's function says, NaN where there is none, or where it says the same whatever the times are."""
    try:
        own, other = (number(seen[first + i], "its result") for i in range(2))
    except Mistake:
        return float("nan")
    return float("nan") if _about(own, other, 5e-3) else own


def _wrong_rows(rows: Sequence[Row], backend: str, kind: str) -> list[Hypothesis]:
    """Errors against something else, or of rows that don't belong to this backend."""
    mine, others = ([row for row in rows if (row["backend"] == backend) is own] for own in (True, False))
    x, y = _columns(mine, "filters", "seconds")
    what = f"compare(rows, {backend!r}): the error of {kind!r} is that of"
    take = f"Take those whose `backend` is {backend!r}."
    sizes = np.unique(x)
    tried: list[tuple[Any, ...]] = [
        ("rows-averaged", sizes, np.array([y[x == size].mean() for size in sizes]), f"{what} one point for each "
         "number of filters, the mean of its rows. Every row is a point of its own."),
        ("axes-exchanged", y, x, "x and y are exchanged: seconds against the number of filters is asked for."),
        *(
            ("wrong-axis", np.asarray(places / places[0]), y,
             f"The errors are those of fits against {key}; against the number of filters is asked for.")
            for key, places in zip(("parameters", "flops"), _columns(mine, "parameters", "flops"), strict=True)
        ),
        *(
            ("other-rows", *_columns(chosen, "filters", "seconds"), f"{what} {hint}")
            for chosen, hint in (
                *(
                    ([row for row in others if row["backend"] == other], f"the rows of {other}. {take}")
                    for other in BACKENDS
                    if other != backend
                ),
                (others, f"other backends' rows. {take}"),
                (rows, "the rows of all backends together. Each backend has a curve of its own."),
                (mine[:-1], "all rows but the last. Take all rows of the backend."),
                (mine[1:], "all rows but the first. Take all rows of the backend."),
                ([row for row in rows if backend in row["backend"]], "all rows in whose `backend` this text is found, "
                 "as `in` and `startswith` find \"cuda\" in \"cuda graph\". Compare with `==`."),
                (list({row["filters"]: row for row in mine}.values()), "one row of each number of filters: a "
                 "dictionary keeps the last of equal keys. One was measured twice; take all rows."),
                (list({row["filters"]: row for row in mine[::-1]}.values()), "one row of each number of filters. One "
                 "was measured twice; take all rows."),
            )
        ),
        ("sorted-apart", np.sort(x), y, f"{what} sizes that were sorted and seconds that were not, so that each size "
         "has another's time. Rows may come in any order: sort both together, or none."),
        ("sorted-apart", x, np.sort(y), f"{what} seconds that were sorted and sizes that were not, so that each size "
         "has another's time. Rows may come in any order: sort both together, or none."),
        ("sorted-apart", np.sort(x), np.sort(y), f"{what} sizes and seconds that were sorted apart, so that a size may "
         "have another's time. Sort them together, or not at all."),
        *(
            ("other-rows", x, _columns(mine, key)[0], f"{what} `{key}`; take the rows' `seconds`.")
            for key in ("low", "high")
        ),
    ]
    return [Hypothesis(name, error, hint) for name, x, y, hint in tried for error in _errors(x, y, kind)]
