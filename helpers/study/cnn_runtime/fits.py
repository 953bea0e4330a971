"""What a few timings say about those not taken: curves and their held-out errors, intervals, crossings.

Errors are relative, because a millisecond is much for 8 filters and nothing for 256. Where a function takes `relative`,
False gives the plain least squares of a textbook, in which the largest network outweighs all others.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from helpers.backend import nearest
from helpers.errors import CourseError
from helpers.study.cnn_runtime.student_t import Interval, t_quantile

FORMS = {"linear": "a + b·x", "quadratic": "a + b·x + c·x²", "exponential": "a·exp(b·x)"}
Numbers = Sequence[float] | np.ndarray

DEGREES = {"linear": 1, "quadratic": 2}


@dataclass(frozen=True)
class Fit:
    """A curve of one of the FORMS; coefficients: (a, b) or (a, b, c)."""

    form: str
    coefficients: tuple[float, ...]

    def __call__(self, x: float) -> float:
        """Seconds at x."""
        if self.form == "exponential":
            a, b = self.coefficients
            exponent = b * x + math.log(a)
            return math.exp(exponent) if exponent < 700 else math.inf
        return float(sum(c * x**i for i, c in enumerate(self.coefficients)))

    @property
    def formula(self) -> str:
        """The curve with its numbers."""
        numbers = [f"{c:.3g}" for c in self.coefficients]
        if self.form == "exponential":
            return f"{numbers[0]}·exp({numbers[1]}·x)"
        return " + ".join(n + ("", "·x", "·x²")[i] for i, n in enumerate(numbers)).replace("+ -", "− ")


def fit(form: str, x: Numbers, seconds: Numbers, relative: bool = True) -> Fit:
    """The curve of that form, one of FORMS, through timings `seconds` at places x, by least squares.

    Polynomials minimise the sum of ((curve − t)/t)² or, not `relative`, of (curve − t)². The exponential is a straight
    line through the logarithms either way, which comes to relative errors where they are small. Raises CourseError for
    an unknown form, fewer different places than coefficients, or seconds that are no times.
    """
    if form not in FORMS:
        raise CourseError(f"There is no form {form!r}{nearest(form, tuple(FORMS))}; choose one of {', '.join(FORMS)}.")
    places, times = _pairs(x, seconds)
    need = DEGREES.get(form, 1) + 1
    if len(set(places)) < need:
        raise CourseError(
            f"A {form} curve has {need} coefficients and {len(set(places))} different places to fit; measure more."
        )
    if form == "exponential":
        # a and b of log t = log a + b·x
        (log_a, b), *_ = np.linalg.lstsq(np.stack([np.ones_like(places), places], 1), np.log(times), rcond=None)
        return Fit(form, (float(np.exp(log_a)), float(b)))
    # Places are scaled to at most 1, so that x² of a million parameters doesn't drown a.
    scale = float(np.abs(places).max()) or 1.0
    weights = 1 / times if relative else np.ones_like(times)
    rows = (places[:, None] / scale) ** np.arange(need) * weights[:, None]
    found, *_ = np.linalg.lstsq(rows, times * weights, rcond=None)
    return Fit(form, tuple(float(c / scale**i) for i, c in enumerate(found)))


def relative_errors(curve: Fit, x: Numbers, seconds: Numbers) -> list[float]:
    """curve/t − 1 at each place: 0.1 is a tenth too slow, −0.5 half of the time that was measured."""
    places, times = _pairs(x, seconds)
    return [curve(float(p)) / float(t) - 1 for p, t in zip(places, times, strict=True)]


def leave_one_out(form: str, x: Numbers, seconds: Numbers, relative: bool = True) -> list[float]:
    """Relative error at each place of the curve that was fitted to all the others: what the fit has not seen judges it.

    The outermost places ask for extrapolation and so weigh most, as they should where larger networks are the question.
    """
    places, times = _pairs(x, seconds)
    errors = []
    for i in range(len(places)):
        rest = np.arange(len(places)) != i
        curve = fit(form, places[rest], times[rest], relative)
        errors += relative_errors(curve, places[i : i + 1], times[i : i + 1])
    return errors


def held_out(form: str, x: Numbers, seconds: Numbers, beyond: int = 1, relative: bool = True) -> list[float]:
    """Relative errors at the `beyond` largest places of the curve fitted to the smaller ones."""
    places, times = _pairs(x, seconds)
    order = np.argsort(places)
    if not 1 <= beyond < len(places):
        raise CourseError(f"beyond={beyond} leaves no place to fit or none to test; there are {len(places)}.")
    seen, kept = order[:-beyond], order[-beyond:]
    return relative_errors(fit(form, places[seen], times[seen], relative), places[kept], times[kept])


def root_mean_square(errors: Numbers) -> float:
    """One number for several errors; infinite where one of them is."""
    return math.sqrt(math.fsum(e * e for e in errors) / len(errors))


def compare(x: Numbers, seconds: Numbers, relative: bool = True) -> dict[str, float]:
    """form -> root mean square of its leave-one-out errors, the best form first."""
    found = {form: root_mean_square(leave_one_out(form, x, seconds, relative)) for form in FORMS}
    return dict(sorted(found.items(), key=lambda item: item[1]))


def prediction_interval(seconds: Numbers, epochs: int, confidence: float = 0.95, drop: int = 0) -> Interval:
    """Total time of `epochs` epochs of which the first len(seconds) have been measured.

    With n epochs measured (after the first `drop`, which count as seen but say nothing about the rest), mean m and
    standard deviation s (divisor n − 1), the r epochs to come take r·m on average, and their sum lies within
    t · s · √(r + r²/n), t the quantile of Student's distribution with n − 1 degrees of freedom: r for their own spread,
    r²/n because m is itself an estimate. It holds for epochs that are independent and alike; a slow first epoch is not.
    """
    times = [float(t) for t in seconds]
    kept = times[drop:]
    if drop < 0 or len(kept) < 2 or epochs < len(times) or not 0 < confidence < 1:
        raise CourseError(
            f"{len(times)} epochs less drop={drop}, for {epochs} with confidence {confidence}, give no interval; "
            "measure at least two that count, ask for no fewer than that, and for a confidence between 0 and 1."
        )
    n, rest = len(kept), epochs - len(times)
    mean = math.fsum(kept) / n
    deviation = math.sqrt(math.fsum((t - mean) ** 2 for t in kept) / (n - 1))
    total = math.fsum(times) + rest * mean
    half = t_quantile(0.5 + confidence / 2, n - 1) * deviation * math.sqrt(rest + rest**2 / n)
    return Interval(total, total - half, total + half, confidence)


def crossover(x: Numbers, ours: Numbers, other: Numbers, logarithmic: bool = True) -> float | None:
    """Where `ours` and `other`, seconds at the same places x, take equally long; None where they don't cross.

    Between two places both are straight lines, in logarithms of place and time or, not `logarithmic`, in themselves.
    The first crossing counts.
    """
    places, a = _pairs(x, ours)
    _, b = _pairs(x, other)
    if logarithmic and min(places) <= 0:
        raise CourseError(f"A place of {min(places):g} has no logarithm; give sizes above zero.")
    order = np.argsort(places)
    where, gap = places[order], a[order] - b[order]
    if logarithmic:
        where, gap = np.log(where), np.log(a[order] / b[order])
    place = np.exp if logarithmic else float
    for i in range(len(where)):
        if gap[i] == 0:
            return float(place(where[i]))
        if i + 1 < len(where) and gap[i] * gap[i + 1] < 0:
            share = gap[i] / (gap[i] - gap[i + 1])
            return float(place(where[i] + share * (where[i + 1] - where[i])))
    return None


def _pairs(x: Numbers, seconds: Numbers) -> tuple[np.ndarray, np.ndarray]:
    places, times = np.asarray(x, np.float64), np.asarray(seconds, np.float64)
    if places.ndim != 1 or places.shape != times.shape or not len(places):
        raise CourseError(f"{places.shape} places and {times.shape} times don't match; give one time for each place.")
    if not (np.isfinite(places).all() and np.isfinite(times).all() and (times > 0).all()):
        raise CourseError("A time is zero, negative or not a number, or a size is not a number; give seconds above 0.")
    return places, times
