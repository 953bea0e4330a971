"""Work whose length is known: what a timing of it can say, whatever the machine is doing."""

from __future__ import annotations

import itertools
import time

import pytest

from helpers.check.core.known_work import Calls, demand_possible, lengths
from helpers.check.core.probe import Bench
from helpers.check.core.report import Mistake


def test_a_timing_lies_between_the_wait_and_the_calls_around_it():
    bench = Bench()
    one, other = bench.piece("one", 0.002, lambda x: 2 * x), bench.piece("other", 0.006)
    seen = []
    for piece in (one, other, one):
        began = time.perf_counter()
        piece(3)
        seen.append(time.perf_counter() - began)
        time.sleep(0.003)
    assert one(3) == 6
    calls = Calls(bench.notes())
    assert calls.made == ["one", "other", "one", "one"]
    assert (calls.count("one"), calls.count("other")) == (3, 1)
    assert 0.002 <= min(seen[::2]) <= max(seen[::2]) <= calls.longest("one") < calls.spent()
    assert 0.006 <= seen[1] <= calls.longest("other")


@pytest.mark.parametrize(
    "forged", [None, 3, [], {}, {"calls": [1], "began": "x"}, {"calls": [("a", 1, 2), (), ("a", 1.0, 2.0)]}]
)
def test_notes_that_are_no_notes_are_no_calls(forged):
    calls = Calls(forged)
    assert calls.count("a") <= 1
    assert calls.longest("b") == 0


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
