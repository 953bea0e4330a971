"""The roofline and Amdahl's law."""

import math

import pytest

from helpers.cost import Work, attainable, bound, fit_amdahl, ridge, roofline_seconds, speedup
from helpers.errors import CourseError


def test_the_roof():
    assert ridge(100e9, 20e9) == 5
    assert attainable(1, 100e9, 20e9) == 20e9
    assert attainable(5, 100e9, 20e9) == attainable(50, 100e9, 20e9) == 100e9
    memory, compute = Work(10, 10), Work(100, 10)
    assert (bound(memory, 100, 20), bound(compute, 100, 20), bound(Work(50, 10), 100, 20)) == (
        "memory", "compute", "compute")  # fmt: skip
    assert roofline_seconds(memory, 100, 20) == 0.5
    assert roofline_seconds(compute, 100, 20) == 1
    with pytest.raises(CourseError, match="no machine"):
        attainable(1, 0, 20)


def test_speedup():
    assert speedup(0, 8) == 8
    assert speedup(1, 8) == 1
    assert speedup(0.1, 10**6) == pytest.approx(10, rel=1e-4)
    for serial, workers, words in ((-0.1, 2, "serial fraction"), (5, 2, "serial fraction"), (0.5, 0, "workers")):
        with pytest.raises(CourseError, match=words):
            speedup(serial, workers)


def test_the_fit_finds_the_law_that_made_the_times():
    fit = fit_amdahl({n: 0.3 + 2.7 / n for n in (1, 2, 4, 16)})
    assert (fit.serial_seconds, fit.parallel_seconds) == pytest.approx((0.3, 2.7))
    assert (fit.serial, fit.limit, fit.one) == pytest.approx((0.1, 10, 3))
    assert fit.seconds(8) == pytest.approx(0.3 + 2.7 / 8)
    assert fit.speedup(8) == pytest.approx(3 / (0.3 + 2.7 / 8))
    assert fit.residual < 1e-9


def test_it_is_the_least_of_the_relative_errors():
    times = {1: 1.0, 2: 0.62, 4: 0.36, 8: 0.26}
    fit = fit_amdahl(times)

    def loss(serial, parallel):
        return sum(((serial + parallel / n) / t - 1) ** 2 for n, t in times.items())

    least = loss(fit.serial_seconds, fit.parallel_seconds)
    for serial, parallel in ((1e-3, 0), (-1e-3, 0), (0, 1e-3), (0, -1e-3)):
        assert loss(fit.serial_seconds + serial, fit.parallel_seconds + parallel) > least


def test_no_part_is_negative():
    better = fit_amdahl({1: 1.0, 2: 0.4, 4: 0.15})  # faster than any law: caches
    assert better.serial_seconds == 0
    assert math.isinf(better.limit)
    worse = fit_amdahl({1: 1.0, 2: 1.3, 4: 2.0})
    assert (worse.parallel_seconds, worse.serial) == (0, 1)
    assert worse.residual > 0.2


def test_the_published_eight_threads_follow_no_law():
    caffe = {1: 1.324, 2: 0.790, 4: 0.578}
    assert fit_amdahl(caffe).residual < 0.05
    assert fit_amdahl({**caffe, 8: 15.444}).residual > 1


@pytest.mark.parametrize(
    ("times", "words"),
    [({1: 1.0}, "at least"), ({1: 1.0, 2: 0}, "not a time"), ({1: 1.0, 2: math.nan}, "not a time"),
     ({0: 1.0, 2: 1.0}, "number of workers"), ({1: "1", 2: 1.0}, "not a time")],
)  # fmt: skip
def test_bad_times_are_sentences(times, words):
    with pytest.raises(CourseError, match=words):
        fit_amdahl(times)
