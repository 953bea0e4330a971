"""Checks of Part E of `cnn_runtime`: fits, and errors at points that the fit did not see."""

from __future__ import annotations

import itertools
import math
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import numpy as np

from helpers.check.cnn_runtime import reference
from helpers.check.cnn_runtime.counts import parameters_of, step_flops_of
from helpers.check.cnn_runtime.reference import KINDS, WAYS, Numbers
from helpers.check.core.calls import array, call, number
from helpers.check.core.report import Mistake, check

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


def _wrong_fits(x: Sequence[float], y: Sequence[float], kind: str, relative: float) -> list[tuple[str, Any, str]]:
    xs, ys = np.asarray(x, dtype=float), np.asarray(y, dtype=float)
    right = reference.fit(x, y, kind, relative)
    weights = ys**-relative if kind != "exponential" else np.ones_like(ys)

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
            ("logarithm-forgotten", [np.exp(through([one, xs], ys)[0]), through([one, xs], ys)[1]], "The line goes through y itself; for the exponential it goes through ln y."),
            ("fitted-to-the-ends", [*(lambda b: (ys[0] * np.exp(-b * xs[0]), b))(np.log(ys[-1] / ys[0]) / (xs[-1] - xs[0]))], "The curve is drawn through the first and the last point. Least squares uses all of them."),
            ("exponential-of-x", through([one, np.exp(xs)], ys), "The line goes through e^x; the line is ln y against x."),
        ]
    else:
        found += [
            ("axes-exchanged", np.polyfit(ys, xs, len(right) - 1)[::-1], "x and y are exchanged: this is x as a curve in y."),
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
            got, right = _coefficients(fit, x, y, kind), reference.fit(x, y, kind)
            if any(_alike(got, reference.fit(x, y, kind, way)) for way in WAYS):
                continue
            for name, wrong, hint in (guess for way in WAYS for guess in _wrong_fits(x, y, kind, way)):
                if _alike(got, wrong):
                    raise Mistake(name, hint)
            if kind == "exponential" and y is noisy and len(got) == len(right) and _as_close(got, right, x, y):
                continue  # fitting ln y and fitting y differ here, in several ways that have their reasons
            if len(got) != len(right):
                raise Mistake("wrong-shape", f"fit for {kind!r} returns {len(got)} numbers; it has {len(right)} coefficients, constant first.")
            if y is noisy:
                raise Mistake("not-least-squares", f"For {kind!r} with {words}, least squares gives {np.round(right, 4).tolist()}, and fit {np.round(got, 4).tolist()}. For points that lie exactly on the curve it was right: are all points used, and does every point have the same weight?")
            raise Mistake("differs", f"For {kind!r} the points lie on the curve with the coefficients {list(coefficients[kind])}; fit returns {np.round(got, 4).tolist()}.")
        yield f"{kind}, {len(coefficients[kind])} coefficients"


def _as_close(got: np.ndarray, right: np.ndarray, x: Numbers, y: Numbers) -> bool:
    """Whether one exponential comes about as close to the points as another, in some sense of least squares."""
    ys = np.asarray(y, dtype=float)
    with np.errstate(all="ignore"):
        curves = [c[0] * np.exp(c[1] * np.asarray(x, dtype=float)) for c in (got, right)]
        senses = [[float(((curve - ys) ** 2 / ys ** (2 * way)).sum()) for curve in curves] for way in WAYS]
    return any(mine <= 1.5 * best for mine, best in senses)


GUESSED = 1e-5
"""Relative difference up to which a wrong number counts as explained. There are so many explanations that a wide one would often fit by chance."""

Y = (4.1, 9.6, 11.2, 29.0, 41.5)


def _held_out_guesses(x: Sequence[float], y: Sequence[float], kind: str) -> list[tuple[str, float, str]]:
    return [guess for way in WAYS for guess in _guesses_of(x, y, kind, way)]


def _guesses_of(x: Sequence[float], y: Sequence[float], kind: str, relative: float) -> list[tuple[str, float, str]]:
    xs, ys = np.asarray(x, dtype=float), np.asarray(y, dtype=float)
    errors = reference.held_out_errors(x, y, kind, relative)
    whole = np.array([reference.predict(reference.fit(x, y, kind, relative), v, kind) for v in xs])
    held = np.array([reference.predict(reference.fit(np.delete(xs, i), np.delete(ys, i), kind, relative), xs[i], kind) for i in range(len(xs))])
    seen = np.abs(whole - ys) / ys
    kept = []  # errors at all points but the one left out, of the fit without it
    for i in range(len(xs)):
        coefficients, rest = reference.fit(np.delete(xs, i), np.delete(ys, i), kind, relative), np.delete(ys, i)
        curve = np.array([reference.predict(coefficients, v, kind) for v in np.delete(xs, i)])
        kept.append(float((np.abs(curve - rest) / rest).mean()))
    with np.errstate(all="ignore"):
        logarithms = np.abs(np.log(held) - np.log(ys))
    return [
        ("not-held-out", float(seen.mean()), "These are errors at points that the fit has seen. Leave the point out *before* fitting: a curve with more coefficients always comes closer to what it has seen."),
        ("not-held-out", float(np.median(seen)), "These are errors at points that the fit has seen. Leave the point out *before* fitting."),
        ("not-held-out", float(np.abs(whole - ys).mean()), "These are errors at points that the fit has seen, and in seconds. Leave the point out before fitting, and divide by y."),
        ("not-held-out", float(np.mean(kept)), "The error is taken at the points that stayed in the fit. Predict the one that was left out, and only that."),
        ("not-held-out", float(np.mean([(k * (len(errors) - 1) + e) / len(errors) for k, e in zip(kept, errors, strict=True)])), "The error is taken at all points each time, also at those that stayed in the fit. Predict the one that was left out, and only that."),
        ("in-logarithms", float(logarithms.mean()), "The error is taken in logarithms. Compare the three curves on the same scale: |predicted − measured| / measured, in seconds."),
        ("divided-by-the-mean", float(np.abs(held - ys).mean() / ys.mean()), "The errors in seconds are divided by the mean of all times, so the largest network still decides. Divide each by its own time."),
        ("absolute-for-relative", float(np.abs(held - ys).mean()), "These are errors in seconds, so the largest network alone decides. Divide each by what was measured."),
        ("absolute-for-relative", float(((held - ys) ** 2).mean()), "These are squared errors in seconds. Take |predicted − measured| / measured."),
        ("absolute-for-relative", float(np.sqrt(((held - ys) ** 2).mean())), "These are errors in seconds (root of the mean square), so the largest network alone decides. Divide each by what was measured."),
        ("sum-for-mean", float(errors.sum()), "This is the sum of the relative errors; take their mean."),
        ("worst-for-mean", float(errors.max()), "This is the largest of the relative errors; take their mean."),
        ("median-for-mean", float(np.median(errors)), "This is the median of the relative errors; their mean is asked for."),
        ("last-point-only", float(errors[-1]), "Only the last point is left out; each point has its turn. Is the `return` inside the loop, or the result overwritten in it?"),
        ("first-point-only", float(errors[0]), "Only the first point is left out; each point has its turn. Is there a `return` inside the loop?"),
        ("percent-for-fraction", float(100 * errors.mean()), "This is in percent; return a fraction."),
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
        if not any(math.isclose(got, float(reference.held_out_errors(x, y, kind, way).mean()), rel_tol=2e-3) for way in WAYS):
            own, other = (_own_error(fit, x, times, kind) for times in (y, _others(y)))
            if own is None or not math.isclose(got, own, rel_tol=2e-3) or (other is not None and math.isclose(own, other, rel_tol=2e-3)):
                for name, wrong, hint in _held_out_guesses(x, y, kind):
                    if math.isclose(got, wrong, rel_tol=GUESSED):
                        raise Mistake(name, hint)
                for another, way in itertools.product(KINDS, WAYS):
                    if another != kind and math.isclose(got, float(reference.held_out_errors(x, y, another, way).mean()), rel_tol=GUESSED):
                        raise Mistake("kind-ignored", f"For {kind!r} this is the error of the {another} fit. Pass `kind` on to `fit`, and predict with the curve of that kind.")
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


def _made_up(seed: int, filters: Sequence[int]) -> list[dict[str, Any]]:
    """Rows of three backends in turn: a line, a quadratic and an exponential, each a little beside its curve."""
    rng = np.random.default_rng([seed, len(filters)])
    found = []
    for size in filters:
        for backend, kind in zip(BACKENDS, KINDS, strict=True):
            seconds = 1e-2 * reference.predict(COEFFICIENTS[kind], size, kind) * float(rng.uniform(0.93, 1.07))
            row = {"filters": size, "backend": backend, "batch": 64, "parameters": sum(parameters_of(size)), "flops": sum(step_flops_of(size, 64))}
            found.append({**row, "seconds": seconds, "low": seconds * float(rng.uniform(0.8, 0.98)), "high": seconds * float(rng.uniform(1.02, 1.2))})
    return found


BACKENDS = ("cuda", "numpy", "torch")


@check("Which curve?", "E3", builds_on="`held_out_error`")
def compare(compare: Any, held_out_error: Any, *, seed: int = 1, filters: Sequence[int] = (8, 12, 16, 24, 32, 64)) -> Iterator[str]:
    """compare(rows, backend): the held-out errors of the rows' seconds against filters, kind -> error, and the kind with the least.

    What the student's own held_out_error says will do, so that a mistake in it costs its points once.
    """
    rows = _made_up(seed, filters)
    for backend in BACKENDS:
        mine = [row for row in rows if row["backend"] == backend]
        x, y = [float(row["filters"]) for row in mine], [float(row["seconds"]) for row in mine]
        errors, best = _errors_and_best(call(compare, [dict(row) for row in rows], backend, what="compare"))
        for kind in KINDS:
            got, right = number(errors[kind], f"the error of {kind!r}"), float(reference.held_out_errors(x, y, kind).mean())
            ways = (float(reference.held_out_errors(x, y, kind, way).mean()) for way in WAYS)
            if not any(math.isclose(got, one, rel_tol=5e-3) for one in (*ways, _own_held_out(held_out_error, x, y, kind))):
                raise _other_errors(got, x, y, kind, backend, mine) or _other_rows(got, rows, kind, backend) or Mistake("differs", f"compare(rows, {backend!r}) gives {kind!r} the error {got:.4g}; for the rows of {backend}, seconds against filters, it is {right:.4g}.")
        least = min(KINDS, key=lambda kind: float(errors[kind]))
        if not isinstance(best, str) or best not in KINDS:
            raise Mistake("not-a-kind", f"The best kind that compare returns is {str(best)[:40]!r}; it should be one of {', '.join(KINDS)}.")
        if best != least:
            extreme = max(KINDS, key=lambda kind: float(errors[kind]))
            raise Mistake("worst-for-best" if best == extreme else "not-the-least", f"compare(rows, {backend!r}) says that {best!r} is best, but the error of {least!r} is the smallest: {float(errors[least]):.3g} against {float(errors[best]):.3g}.")
        yield f"{backend}: {least} with an error of {float(errors[least]):.1%}"


def _errors_and_best(found: Any) -> tuple[Mapping[str, Any], Any]:
    if found is None:
        raise Mistake("returns-none", "compare returns None. Is the `return` missing?")
    if not isinstance(found, tuple | list) or len(found) != 2:
        raise Mistake("not-a-pair", f"compare should return two things, the errors and the best kind: `return errors, best`; it returns {type(found).__name__}.")
    errors, best = found
    if isinstance(errors, str) and isinstance(best, Mapping):
        raise Mistake("results-exchanged", "compare returns the best kind first; it should return the errors and then the kind.")
    if not isinstance(errors, Mapping):
        raise Mistake("not-a-dictionary", f"The errors that compare returns should be a dictionary, kind → error; they are of type {type(errors).__name__}.")
    if set(errors) != set(KINDS):
        raise Mistake("kinds-missing", f"The errors that compare returns should have the three kinds {', '.join(KINDS)} as keys.")
    return errors, best


def _own_held_out(held_out_error: Any, x: Numbers, y: Numbers, kind: str) -> float:
    """What the student's function says, NaN where there is none, or where it says the same whatever the times are."""
    try:
        own, other = (number(call(held_out_error, np.array(x), np.array(times), kind, what="held_out_error"), "its result") for times in (y, _others(y)))
    except Mistake:
        return float("nan")
    return float("nan") if math.isclose(own, other, rel_tol=5e-3) else own


def _others(y: Numbers) -> list[float]:
    """Other times, of which no curve has the same errors."""
    return [float(v) * (0.8, 1.9)[i % 2] for i, v in enumerate(y)]


def _other_errors(got: float, x: Sequence[float], y: Sequence[float], kind: str, backend: str, mine: Sequence[Mapping[str, Any]]) -> Mistake | None:
    for name, wrong, hint in _held_out_guesses(x, y, kind):
        if math.isclose(got, wrong, rel_tol=GUESSED):
            return Mistake(name, hint)
    for key, way in itertools.product(("parameters", "flops"), WAYS):
        places = [float(row[key]) / float(mine[0][key]) for row in mine]
        if math.isclose(got, float(reference.held_out_errors(places, y, kind, way).mean()), rel_tol=GUESSED):
            return Mistake("wrong-axis", f"The errors are those of fits against {key}; against the number of filters is asked for.")
    for other, way in itertools.product(KINDS, WAYS):
        if other != kind and math.isclose(got, float(reference.held_out_errors(x, y, other, way).mean()), rel_tol=GUESSED):
            return Mistake("kind-ignored", f"The error of {kind!r} is that of the {other} fit.")
    return None


def _other_rows(got: float, rows: Sequence[Mapping[str, Any]], kind: str, backend: str) -> Mistake | None:
    """The error of rows that don't belong to this backend."""
    mine = [row for row in rows if row["backend"] == backend]
    for others, hint in (
        *(([row for row in rows if row["backend"] == other], f"is the error of the rows of {other}. Take those whose `backend` is {backend!r}.") for other in BACKENDS if other != backend),
        ([row for row in rows if row["backend"] != backend], f"is the error of other backends' rows. Take those whose `backend` is {backend!r}."),
        (rows, "is the error of the rows of all backends together. Each backend has a curve of its own."),
        (mine[:-1], "leaves out the largest network. Take all rows of the backend."),
        (mine[1:], "leaves out the smallest network. Take all rows of the backend."),
    ):
        x, y = [float(row["filters"]) for row in others], [float(row["seconds"]) for row in others]
        if len(set(x)) > 3 and any(math.isclose(got, float(reference.held_out_errors(x, y, kind, way).mean()), rel_tol=GUESSED) for way in WAYS):
            return Mistake("other-rows", f"compare(rows, {backend!r}): the error of {kind!r} {hint}")
    for key in ("low", "high"):
        x, y = [float(row["filters"]) for row in mine], [float(row[key]) for row in mine]
        if any(math.isclose(got, float(reference.held_out_errors(x, y, kind, way).mean()), rel_tol=GUESSED) for way in WAYS):
            return Mistake("other-rows", f"compare(rows, {backend!r}): the error of {kind!r} is that of `{key}`; take the rows' `seconds`.")
    return None
