"""Fits, intervals and crossings of the runtime study, against tables, exact curves and simulated runs."""

import math

import numpy as np
import pytest

from helpers.errors import CourseError
from helpers.study.cnn_runtime import fits

X = [8.0, 16.0, 24.0, 32.0, 64.0]
EXACT = {
    "linear": ((0.002, 0.0003), lambda x: 0.002 + 0.0003 * x),
    "quadratic": ((0.001, 0.0002, 1e-5), lambda x: 0.001 + 0.0002 * x + 1e-5 * x * x),
    "exponential": ((0.003, 0.05), lambda x: 0.003 * math.exp(0.05 * x)),
}


@pytest.mark.parametrize(
    ("p", "freedom", "value"),
    [
        (0.975, 1, 12.7062), (0.975, 2, 4.30265), (0.975, 4, 2.77645), (0.95, 9, 1.83311), (0.975, 18, 2.10092),
        (0.995, 30, 2.75000), (0.9, 5, 1.47588),
    ],
)  # fmt: skip
def test_students_t_is_that_of_the_tables(p, freedom, value):
    assert fits.t_quantile(p, freedom) == pytest.approx(value, rel=1e-5)
    assert fits.t_quantile(1 - p, freedom) == pytest.approx(-value, rel=1e-5)


def test_many_degrees_of_freedom_are_the_normal_distribution():
    assert fits.t_quantile(0.975, 10_001) == pytest.approx(1.95996, rel=2e-4)


@pytest.mark.parametrize("relative", [True, False])
@pytest.mark.parametrize("form", fits.FORMS)
def test_a_curve_is_found_again_and_predicts_what_it_has_not_seen(form, relative):
    coefficients, curve = EXACT[form]
    times = [curve(x) for x in X]
    found = fits.fit(form, X, times, relative)
    assert found.coefficients == pytest.approx(coefficients, rel=1e-6)
    assert found(100.0) == pytest.approx(curve(100.0))
    assert fits.leave_one_out(form, X, times, relative) == pytest.approx([0] * len(X), abs=1e-7)
    assert fits.held_out(form, X, times, 2, relative) == pytest.approx([0, 0], abs=1e-7)
    if relative:
        assert next(iter(fits.compare(X, times))) == form or form == "linear"  # a quadratic finds a line, too


def test_a_curve_of_parameters_is_found_as_well_as_one_of_filters():
    x = [27_682.0, 55_098.0, 113_386.0, 243_786.0, 559_882.0]
    found = fits.fit("quadratic", x, [1e-3 + 2e-8 * v + 3e-13 * v * v for v in x])
    assert found.coefficients == pytest.approx((1e-3, 2e-8, 3e-13), rel=1e-4)


def test_left_out_points_are_those_that_the_curve_has_not_seen():
    times = [1.0, 2.2, 2.9, 4.4, 9.0]
    expected = []
    for i, (x, t) in enumerate(zip(X, times, strict=True)):
        rest = [j for j in range(5) if j != i]
        b, a = np.polyfit([X[j] for j in rest], [times[j] for j in rest], 1, w=[1 / times[j] for j in rest])
        expected.append((a + b * x) / t - 1)
    assert fits.leave_one_out("linear", X, times) == pytest.approx(expected)
    plain = np.polyfit(X[:4], times[:4], 1)
    assert fits.held_out("linear", X, times, relative=False) == pytest.approx([np.polyval(plain, 64.0) / 9.0 - 1])


def test_relative_errors_let_small_networks_count():
    times = [0.001, 0.002, 0.003, 0.004, 0.9]
    relative, plain = (abs(fits.relative_errors(fits.fit("linear", X, times, r), X, times)[0]) for r in (True, False))
    assert relative < 2 < plain


@pytest.mark.parametrize("form", ["linear", "quadratic"])
def test_fewer_places_than_coefficients_are_refused(form):
    need = len(EXACT[form][0])
    with pytest.raises(CourseError, match=f"{need} coefficients and 1 different"):
        fits.fit(form, [8, 8, 8], [1.0, 1.1, 1.2])


@pytest.mark.parametrize(
    ("call", "words"),
    [
        (lambda: fits.fit("cubic", X, X), "no form 'cubic'"),
        (lambda: fits.fit("linear", X, [1.0, 0.0, 1.0, 1.0, 1.0]), "zero, negative or not a number"),
        (lambda: fits.fit("linear", X, [1.0, math.nan, 1.0, 1.0, 1.0]), "not a number"),
        (lambda: fits.fit("linear", X, [1.0]), "one time for each place"),
        (lambda: fits.held_out("linear", X, X, 5), "beyond=5"),
        (lambda: fits.prediction_interval([1.0], 20), "at least two that count"),
        (lambda: fits.prediction_interval([1.0, 1.0, 1.0], 2), "fewer than that"),
        (lambda: fits.prediction_interval([1.0, 1.0, 1.0], 9, drop=2), "drop=2"),
        (lambda: fits.prediction_interval([1.0, 1.0], 9, confidence=95), "between 0 and 1"),
        (lambda: fits.t_quantile(1.0, 3), "no quantile"),
        (lambda: fits.crossover([0, 1], [1, 2], [2, 1]), "no logarithm"),
    ],
)
def test_what_makes_no_sense_is_refused_in_a_sentence(call, words):
    with pytest.raises(CourseError, match=words):
        call()


@pytest.mark.parametrize(("n", "drop"), [(2, 0), (5, 0), (6, 2)])
def test_a_95_percent_interval_holds_in_95_of_100_runs(n, drop):
    draw = np.random.default_rng(n).normal(1.0, 0.05, (2000, 20))
    held = 0
    for run in draw:
        p = fits.prediction_interval(run[:n], 20, drop=drop)
        held += p.low <= run.sum() <= p.high
    assert held / 2000 == pytest.approx(0.95, abs=0.015)


def test_the_interval_is_the_formula_and_two_epochs_tell_little():
    p = fits.prediction_interval([1.0, 1.1], 20)
    assert p.total == pytest.approx(21)
    assert p.high - p.total == pytest.approx(12.7062 * math.sqrt(0.005) * math.sqrt(18 + 18**2 / 2), rel=1e-4)
    assert fits.prediction_interval([1.0, 1.1], 2).high == pytest.approx(2.1)


def test_a_slow_first_epoch_is_counted_and_not_multiplied():
    p = fits.prediction_interval([3.0, 1.0, 1.0, 1.0], 20, drop=1)
    assert (p.total, p.low, p.high) == pytest.approx((22, 22, 22))
    assert fits.prediction_interval([3.0, 1.0], 20).total == pytest.approx(40)


def test_power_laws_cross_where_they_cross():
    x = [8, 16, 32, 64]
    a, b = [1e-3 * v for v in x], [20e-3 * v**0.5 for v in x]  # equal at 400
    assert fits.crossover(x, a, b) is None
    b = [4e-3 * v**0.5 for v in x]  # equal at 16, a measured place
    assert fits.crossover(x, a, b) == pytest.approx(16)
    b = [5e-3 * v**0.5 for v in x]
    assert fits.crossover(x[::-1], a[::-1], b[::-1]) == pytest.approx(25)
    assert fits.crossover([0, 10], [0.1, 2.1], [1.1, 1.1], logarithmic=False) == pytest.approx(5)


def test_an_exponential_says_infinity_rather_than_nothing():
    assert fits.Fit("exponential", (1e-3, 1.0))(1e4) == math.inf
    assert fits.Fit("quadratic", (0.5, -2.0, 1.0)).formula == "0.5 − 2·x + 1·x²"
