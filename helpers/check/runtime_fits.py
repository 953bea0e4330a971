"""Checks of Parts E and F of `cnn_runtime`: fits, errors at points that the fit did not see, and where two curves cross."""

from __future__ import annotations

import itertools
import math
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import numpy as np

from helpers.check import runtime_reference as reference
from helpers.check.calls import array, call, number
from helpers.check.report import Mistake, check
from helpers.check.runtime_reference import KINDS, Numbers

X = (8.0, 16.0, 24.0, 40.0, 64.0)
COEFFICIENTS = {"linear": (0.7, 0.31), "quadratic": (0.9, 0.12, 0.0137), "exponential": (1.7, 0.043)}
WOBBLE = (0.06, -0.09, 0.11, -0.05, 0.04)
"""Added to y, so that a curve through some of the points is not the best one."""


def _alike(a: np.ndarray, b: Any, tolerance: float = 1e-3) -> bool:
    b = np.asarray(b, dtype=float)
    return a.shape == b.shape and bool(np.allclose(a, b, rtol=tolerance, atol=tolerance * 1e-3))


def _coefficients(fit: Any, x: Numbers, y: Numbers, kind: str) -> np.ndarray:
    found = call(fit, np.array(x), np.array(y), kind, what="fit")
    if isinstance(found, Mapping):
        raise Mistake("not-a-list", f"fit for {kind!r} returns a dictionary; return a list of the coefficients, the constant first, which is what `predict` takes.")
    got = array(found, f"the result of fit for {kind!r}").reshape(-1)
    if not np.isfinite(got).all():
        raise Mistake("not-finite", f"fit for {kind!r} returns a coefficient that is not a number: {got.tolist()}.")
    return got


def _wrong_fits(x: Sequence[float], y: Sequence[float], kind: str, relative: bool) -> list[tuple[str, Any, str]]:
    xs, ys = np.asarray(x, dtype=float), np.asarray(y, dtype=float)
    right = reference.fit(x, y, kind, relative)
    weights = 1 / ys if relative and kind != "exponential" else np.ones_like(ys)

    def through(design: list[np.ndarray], target: np.ndarray) -> np.ndarray:
        return np.asarray(np.linalg.lstsq(np.stack(design, axis=1) * weights[:, None], target * weights, rcond=None)[0])

    one = np.ones_like(xs)
    found: list[tuple[str, Any, str]] = [
        ("coefficients-reversed", right[::-1], f"The coefficients for {kind!r} come in the reverse order. np.polyfit begins with the highest power; here the constant comes first: `[::-1]`."),
    ]
    if kind == "exponential":
        raw = through([one, xs], np.log(ys))
        found += [
            ("logarithm-left", raw, "The first coefficient is still ln a. The line through ln y begins at ln a, so a = e^(that)."),
            ("logarithm-left", raw[::-1], "The first coefficient is still ln a (and np.polyfit puts the slope first)."),
            ("coefficients-reversed", [np.exp(raw[1]), raw[0]], "Slope and constant are exchanged: np.polyfit puts the slope first. a = e^(constant), b = slope."),
            ("slope-exponentiated", np.exp(raw), "Both coefficients went through exp; only a = e^(constant), b is the slope itself."),
            ("wrong-base", [10 ** through([one, xs], np.log10(ys))[0], through([one, xs], np.log10(ys))[1]], "The logarithm to base 10 was taken, so b belongs to 10^(b·x). The curve is a · e^(b·x): np.log is the natural logarithm."),
            ("wrong-base", [2 ** through([one, xs], np.log2(ys))[0], through([one, xs], np.log2(ys))[1]], "The logarithm to base 2 was taken, so b belongs to 2^(b·x). The curve is a · e^(b·x): np.log is the natural logarithm."),
            ("wrong-base", [np.exp(through([one, xs], np.log10(ys))[0]), through([one, xs], np.log10(ys))[1]], "The logarithm to base 10 was taken; np.log is the natural one."),
            ("power-for-exponential", [np.exp(through([one, np.log(xs)], np.log(ys))[0]), through([one, np.log(xs)], np.log(ys))[1]], "The logarithm of x was taken, too: that is a power a · x^b. Only y goes through the logarithm."),
            ("logarithm-forgotten", through([one, xs], ys), "This is the straight line through y itself; for the exponential it goes through ln y."),
            ("exponential-of-x", through([one, np.exp(xs)], ys), "The line goes through e^x; the line is ln y against x."),
        ]
    else:
        found += [
            ("constant-missing", [0, *through([xs**k for k in range(1, len(right))], ys)], f"The curve for {kind!r} is forced through the origin. Even a network with no filters at all would take some time: a constant belongs to it."),
            ("constant-missing", through([xs**k for k in range(1, len(right))], ys), f"The constant is missing from {kind!r}: it has {len(right)} coefficients."),
            ("fitted-to-the-ends", [*(lambda b: (ys[0] - b * xs[0], b))((ys[-1] - ys[0]) / (xs[-1] - xs[0]))], "The line is drawn through the first and the last point. Least squares uses all of them."),
        ]
        if kind == "quadratic":
            square = through([one, xs**2], ys)
            found += [
                ("linear-term-missing", [square[0], 0, square[1]], "The linear term is missing: a + b·x + c·x² has three coefficients."),
                ("linear-term-missing", square, "The linear term is missing: a + b·x + c·x² has three coefficients."),
                ("wrong-degree", reference.fit(x, y, "linear", relative), "This is the straight line; the quadratic has three coefficients."),
                ("wrong-degree", through([one, xs, xs**2, xs**3], ys), "This is a cubic; the quadratic has three coefficients."),
            ]
        else:
            found += [
                ("wrong-degree", reference.fit(x, y, "quadratic", relative), "This is the quadratic; the line has two coefficients."),
            ]
    return found


@check("Fits", "E1")
def fit(fit: Any, *, coefficients: Mapping[str, Sequence[float]] = COEFFICIENTS, x: Sequence[float] = X, wobble: Sequence[float] = WOBBLE) -> Iterator[str]:
    """Coefficients by least squares of the differences, or of the relative ones; constant first. The exponential through ln y, or any other way."""
    for kind in KINDS:
        exact = [reference.predict(coefficients[kind], v, kind) for v in x]
        noisy = [v + w for v, w in zip(exact, wobble, strict=True)]
        for y, words in ((exact, "points on the curve"), (noisy, "points beside the curve")):
            if kind == "exponential" and y is noisy:
                continue  # fitting ln y and fitting y differ here, and both have their reasons
            got, right = _coefficients(fit, x, y, kind), reference.fit(x, y, kind)
            if _alike(got, right) or _alike(got, reference.fit(x, y, kind, relative=True)):
                continue
            for name, wrong, hint in (*_wrong_fits(x, y, kind, False), *_wrong_fits(x, y, kind, True)):
                if _alike(got, wrong):
                    raise Mistake(name, hint)
            if len(got) != len(right):
                raise Mistake("wrong-shape", f"fit for {kind!r} returns {len(got)} numbers; it has {len(right)} coefficients, constant first.")
            if y is noisy:
                raise Mistake("not-least-squares", f"For {kind!r} with {words}, least squares gives {np.round(right, 4).tolist()}, and fit {np.round(got, 4).tolist()}. For points that lie exactly on the curve it was right: does every point have the same weight?")
            raise Mistake("differs", f"For {kind!r} the points lie on the curve with the coefficients {list(coefficients[kind])}; fit returns {np.round(got, 4).tolist()}.")
        yield f"{kind}, {len(coefficients[kind])} coefficients"


Y = (4.1, 9.6, 11.2, 29.0, 41.5)


def _held_out_guesses(x: Sequence[float], y: Sequence[float], kind: str) -> list[tuple[str, float, str]]:
    return [*_guesses_of(x, y, kind, False), *_guesses_of(x, y, kind, True)]


def _guesses_of(x: Sequence[float], y: Sequence[float], kind: str, relative: bool) -> list[tuple[str, float, str]]:
    xs, ys = np.asarray(x, dtype=float), np.asarray(y, dtype=float)
    errors = reference.held_out_errors(x, y, kind, relative)
    whole = np.array([reference.predict(reference.fit(x, y, kind, relative), v, kind) for v in xs])
    held = np.array([reference.predict(reference.fit(np.delete(xs, i), np.delete(ys, i), kind, relative), xs[i], kind) for i in range(len(xs))])
    seen = np.abs(whole - ys) / ys
    return [
        ("not-held-out", float(seen.mean()), "These are errors at points that the fit has seen. Leave the point out *before* fitting: a curve with more coefficients always comes closer to what it has seen."),
        ("not-held-out", float(np.median(seen)), "These are errors at points that the fit has seen. Leave the point out *before* fitting."),
        ("not-held-out", float(np.abs(whole - ys).mean()), "These are errors at points that the fit has seen, and in seconds. Leave the point out before fitting, and divide by y."),
        ("absolute-for-relative", float(np.abs(held - ys).mean()), "These are errors in seconds, so the largest network alone decides. Divide each by what was measured."),
        ("absolute-for-relative", float(((held - ys) ** 2).mean()), "These are squared errors in seconds. Take |predicted − measured| / measured."),
        ("absolute-for-relative", float(np.sqrt(((held - ys) ** 2).mean())), "These are errors in seconds (root of the mean square), so the largest network alone decides. Divide each by what was measured."),
        ("sum-for-mean", float(errors.sum()), "This is the sum of the relative errors; take their mean."),
        ("worst-for-mean", float(errors.max()), "This is the largest of the relative errors; take their mean."),
        ("median-for-mean", float(np.median(errors)), "This is the median of the relative errors; their mean is asked for."),
        ("last-point-only", float(errors[-1]), "Only the last point is left out; each point has its turn. Is the `return` inside the loop, or the result overwritten in it?"),
        ("first-point-only", float(errors[0]), "Only the first point is left out; each point has its turn. Is there a `return` inside the loop?"),
        ("percent-for-fraction", float(100 * errors.mean()), "This is in per cent; return a fraction."),
        ("signs-cancel", float(((held - ys) / ys).mean()), "The errors keep their signs and cancel each other. Take the absolute value of each."),
        ("signs-cancel", float(abs(((held - ys) / ys).mean())), "The signs cancel before the absolute value is taken. Take it of each error, then the mean."),
        ("squared-for-absolute", float(((held - ys) ** 2 / ys**2).mean()), "The relative errors are squared; take their absolute values."),
        ("squared-for-absolute", float(np.sqrt(((held - ys) ** 2 / ys**2).mean())), "This is the root of the mean square; take the mean of the absolute values."),
        ("divided-by-prediction", float((np.abs(held - ys) / np.abs(held)).mean()), "The error is divided by what was predicted; divide by what was measured."),
        ("divided-by-n-minus-1", float(errors.sum() / (len(errors) - 1)), "The sum is divided by n − 1; every point is left out once, that makes n errors."),
        ("one-point-missing", float(errors[:-1].mean()), "The last point is never left out; each point has its turn."),
        ("one-point-missing", float(errors[1:].mean()), "The first point is never left out; each point has its turn."),
        ("one-point-missing", float(errors[1:-1].mean()), "The first and the last point are never left out; each point has its turn."),
    ]


@check("Error at points left out", "E2")
def held_out_error(held_out_error: Any, fit: Any, *, x: Sequence[float] = X, y: Sequence[float] = Y) -> Iterator[str]:
    """Mean over the points of |predicted − measured| / measured, the fit without that point. The student's own fit will do."""
    for kind in KINDS:
        got = number(call(held_out_error, np.array(x), np.array(y), kind, what="held_out_error"), f"the result of held_out_error for {kind!r}")
        right = float(reference.held_out_errors(x, y, kind).mean())
        if not any(math.isclose(got, float(reference.held_out_errors(x, y, kind, way).mean()), rel_tol=2e-3) for way in (False, True)):
            own = _own_error(fit, x, y, kind)
            if own is None or not math.isclose(got, own, rel_tol=2e-3):
                for name, wrong, hint in _held_out_guesses(x, y, kind):
                    if math.isclose(got, wrong, rel_tol=2e-3):
                        raise Mistake(name, hint)
                for other, way in itertools.product(KINDS, (False, True)):
                    if other != kind and math.isclose(got, float(reference.held_out_errors(x, y, other, way).mean()), rel_tol=2e-3):
                        raise Mistake("kind-ignored", f"For {kind!r} this is the error of the {other} fit. Hand `kind` on to `fit`, and predict with the curve of that kind.")
                raise Mistake("differs", f"The error for {kind!r} should be {right:.4g}; it is {got:.4g}.")
        yield f"{kind}, each of {len(x)} points left out once"


def _own_error(fit: Any, x: Sequence[float], y: Sequence[float], kind: str) -> float | None:
    """The held-out error with the student's own fit, or None where it can't be called."""
    try:
        errors = []
        for i in range(len(x)):
            rest = _coefficients(fit, np.delete(x, i), np.delete(y, i), kind)
            errors.append(abs(reference.predict(rest, x[i], kind) - y[i]) / y[i])
    except Mistake:
        return None
    return float(np.mean(errors))


@check("Which curve?", "E3")
def chosen(errors: Any, best: Any, rows: Any, backends: Sequence[str]) -> Iterator[str]:
    """errors[backend][kind] are the held-out errors of the rows' seconds against filters; best[backend] is the kind with the least."""
    for name, value in (("errors", errors), ("best", best)):
        if not value:
            raise Mistake("still-to-do", f"Still to do: `{name}` is still empty; write and run the exercise's cell above.")
        if not isinstance(value, Mapping):
            raise Mistake("not-a-dictionary", f"`{name}` should be a dictionary; it is of type {type(value).__name__}.")
    for backend in backends:
        mine = [row for row in rows if row["backend"] == backend]
        x, y = [float(row["filters"]) for row in mine], [float(row["seconds"]) for row in mine]
        if backend not in errors or backend not in best:
            raise Mistake("backend-missing", f"There is nothing for {backend!r}; {' and '.join(map(repr, backends))} are asked for.")
        found = errors[backend]
        if not isinstance(found, Mapping) or set(found) != set(KINDS):
            raise Mistake("kinds-missing", f"errors[{backend!r}] should have the three kinds {', '.join(KINDS)} as keys.")
        for kind in KINDS:
            got, right = number(found[kind], f"errors[{backend!r}][{kind!r}]"), float(reference.held_out_errors(x, y, kind).mean())
            both = (right, float(reference.held_out_errors(x, y, kind, relative=True).mean()))
            if kind != "exponential" and not any(math.isclose(got, one, rel_tol=5e-3) for one in both):
                raise _other_errors(got, x, y, kind, backend, mine) or Mistake("differs", f"errors[{backend!r}][{kind!r}] is {got:.4g}; for these rows, seconds against filters, it is {right:.4g}.")
        least = min(KINDS, key=lambda kind: float(found[kind]))
        if best[backend] not in KINDS:
            raise Mistake("not-a-kind", f"best[{backend!r}] is {best[backend]!r}; it should be one of {', '.join(KINDS)}.")
        if best[backend] != least:
            extreme = max(KINDS, key=lambda kind: float(found[kind]))
            raise Mistake("worst-for-best" if best[backend] == extreme else "not-the-least", f"best[{backend!r}] is {best[backend]!r}, but the error of {least!r} is the least: {float(found[least]):.3g} against {float(found[best[backend]]):.3g}.")
        yield f"{backend}: {least} with an error of {float(found[least]):.1%}"


def _other_errors(got: float, x: Sequence[float], y: Sequence[float], kind: str, backend: str, mine: Sequence[Mapping[str, Any]]) -> Mistake | None:
    for name, wrong, hint in _held_out_guesses(x, y, kind):
        if math.isclose(got, wrong, rel_tol=2e-3):
            return Mistake(name, hint)
    for key, way in itertools.product(("parameters", "flops"), (False, True)):
        places = [float(row[key]) / float(mine[0][key]) for row in mine]
        if math.isclose(got, float(reference.held_out_errors(places, y, kind, way).mean()), rel_tol=5e-3):
            return Mistake("wrong-axis", f"errors[{backend!r}] are fits against {key}; against the number of filters is asked for.")
    for other, way in itertools.product(KINDS, (False, True)):
        if other != kind and math.isclose(got, float(reference.held_out_errors(x, y, other, way).mean()), rel_tol=5e-3):
            return Mistake("kind-ignored", f"errors[{backend!r}][{kind!r}] is the error of the {other} fit.")
    return None


Case = tuple[Sequence[float], Sequence[float], Sequence[float]]
CURVES: tuple[Case, ...] = (
    ((8, 16, 32, 64), (1.0, 2.5, 6.0, 20.0), (3.0, 3.5, 4.0, 5.0)),
    ((1, 4, 16, 64, 256), (9.0, 8.0, 7.5, 4.0, 3.0), (2.0, 3.0, 5.0, 6.0, 7.0)),
    ((8, 16, 32), (1.0, 2.0, 3.0), (4.0, 5.0, 7.0)),
    ((8, 16, 32), (5.0, 6.0, 9.0), (4.0, 5.0, 7.0)),
    ((10, 20, 40, 80), (1.0, 4.0, 9.0, 11.0), (3.0, 4.0, 5.0, 6.0)),
    ((2, 4, 8, 16), (1.0, 5.0, 2.0, 9.0), (3.0, 3.0, 3.0, 3.0)),
)
"""a overtakes b, b overtakes a, never (below), never (above), equal at a measured size, three times."""


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
            ("index-for-size", first, "This is the index of the point and not a size."),
            ("index-for-size", first + 1, "This is the index of the point and not a size."),
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
    return Mistake("differs", f"The crossing should be at {right:.4g}; the result is {got:.4g}. ({data})")


def _all_crossings(sizes: Sequence[float], a: Sequence[float], b: Sequence[float], logarithmic: bool) -> list[float]:
    pairs = [slice(i, i + 2) for i in range(len(sizes) - 1)]
    found = [reference.crossover(sizes[pair], a[pair], b[pair], logarithmic) for pair in pairs]
    return [one for one in found if one is not None]
