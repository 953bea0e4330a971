"""Work whose length is known: what a timing of it can say, whatever the machine is doing."""

from __future__ import annotations

import itertools
import time

import pytest

from helpers.check.core.known_work import Bench, demand_possible, lengths
from helpers.check.core.report import Mistake


def test_a_timing_lies_between_the_wait_and_the_calls_around_it():
    bench = Bench()
    one, other = bench.piece(0.002, lambda x: 2 * x), bench.piece(0.006)
    seen = []
    for piece in (one, other, one):
        began = time.perf_counter()
        piece(3)
        seen.append(time.perf_counter() - began)
        time.sleep(0.003)
    assert one(3) == 6
    assert (bench.count(one), bench.count(other)) == (3, 1)
    assert one.seconds <= min(seen[::2]) <= max(seen[::2]) <= bench.longest(one) < bench.spent()
    assert other.seconds <= seen[1] <= bench.longest(other)


def test_one_number_for_all_work_is_too_short_or_too_long():
    for seed in range(20):
        found = sorted(lengths(seed, 4, 1e-3, 5))
        assert all(b / a > 3 for a, b in itertools.pairwise(found))
    assert lengths(1, 4) == lengths(1, 4) != lengths(2, 4)


@pytest.mark.parametrize(
    ("found", "name"), [([0.004], "not-measured"), ([0.01, 0.021], "not-measured"), ([11.0], "wrong-unit")]
)
def test_seconds_that_cannot_be_are_named(found, name):
    demand_possible([0.006, 0.012], 0.01, 0.02, "It")
    with pytest.raises(Mistake) as told:
        demand_possible(found, 0.01, 0.02, "It")
    assert told.value.name == name
