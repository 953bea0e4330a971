"""All-reduce: the formulas against workers that really pass messages, in simulated time."""

import numpy as np
import pytest

from helpers.cost import ALGORITHMS, Link, all_reduce, bandwidth_only, half_size, messages
from helpers.errors import CourseError

LINK = Link(2e-5, 1e9)


def ring_of_messages(vectors, link):
    """The sum in every worker, and the seconds: in each round all pass one chunk on at the same time."""
    n = len(vectors)
    chunks = [np.split(v.copy(), n) for v in vectors]
    seconds = 0.0
    for spread in (False, True):
        for turn in range(n - 1):
            passed = [(i, (i + spread - turn) % n) for i in range(n)]
            on_the_way = [chunks[i][k].copy() for i, k in passed]
            for (i, k), chunk in zip(passed, on_the_way, strict=True):
                target = chunks[(i + 1) % n]
                target[k] = chunk if spread else target[k] + chunk
            seconds += link.seconds(max(chunk.nbytes for chunk in on_the_way))
    return [np.concatenate(c) for c in chunks], seconds


def butterfly_of_messages(vectors, link):
    n, values, seconds, away = len(vectors), [v.copy() for v in vectors], 0.0, 1
    while away < n:
        values = [values[i] + values[i ^ away] for i in range(n)]
        seconds += link.seconds(values[0].nbytes)
        away *= 2
    return values, seconds


def tree_of_messages(vectors, link):
    values, away, seconds, n = [v.copy() for v in vectors], 1, 0.0, len(vectors)
    while away < n:
        for i in range(0, n - away, 2 * away):
            values[i] += values[i + away]
        seconds += link.seconds(values[0].nbytes)
        away *= 2
    return [values[0]] * n, 2 * seconds


def server_of_messages(vectors, link):
    total, seconds = vectors[0].copy(), 0.0
    for vector in vectors[1:]:
        total += vector
        seconds += link.seconds(vector.nbytes)
    return [total] * len(vectors), 2 * seconds


SIMULATED = {"ring": ring_of_messages, "butterfly": butterfly_of_messages, "tree": tree_of_messages,
             "parameter_server": server_of_messages}  # fmt: skip


@pytest.mark.parametrize("algorithm", ALGORITHMS)
@pytest.mark.parametrize("workers", [1, 2, 4, 8])
def test_a_formula_is_what_messages_take(algorithm, workers):
    vectors = [np.random.default_rng(i).standard_normal(840) for i in range(workers)]
    sums, seconds = SIMULATED[algorithm](vectors, LINK)
    for found in sums:
        np.testing.assert_allclose(found, sum(vectors))
    assert all_reduce(algorithm, vectors[0].nbytes, workers, LINK) == pytest.approx(seconds)


@pytest.mark.parametrize("workers", [3, 5, 6, 7])
@pytest.mark.parametrize("algorithm", ["ring", "tree", "parameter_server"])
def test_other_numbers_of_workers(algorithm, workers):
    vectors = [np.random.default_rng(i).standard_normal(840) for i in range(workers)]
    sums, seconds = SIMULATED[algorithm](vectors, LINK)
    np.testing.assert_allclose(sums[-1], sum(vectors))
    assert all_reduce(algorithm, vectors[0].nbytes, workers, LINK) == pytest.approx(seconds)


def test_paleo_has_the_bandwidth_alone():
    nbytes, n = 10**9, 6
    assert bandwidth_only("parameter_server", nbytes, n, LINK) == pytest.approx(2 * 5 * 1.0)
    assert bandwidth_only("tree", nbytes, n, LINK) == pytest.approx(2 * 3 * 1.0)
    assert bandwidth_only("butterfly", nbytes, n, LINK) == pytest.approx(3 * 1.0)
    for name in ALGORITHMS:
        large = all_reduce(name, nbytes, n, LINK) / bandwidth_only(name, nbytes, n, LINK)
        small = all_reduce(name, 400, n, LINK) / bandwidth_only(name, 400, n, LINK)
        assert 1 < large < 1.001
        assert small > 40
        extra = all_reduce(name, 400, n, LINK) - bandwidth_only(name, 400, n, LINK)
        assert extra == pytest.approx(messages(name, n) * LINK.latency)


def test_a_ring_sends_less_and_more_often():
    assert [messages(name, 1024) for name in ("ring", "tree", "butterfly", "parameter_server")] == [2046, 20, 10, 2046]
    assert all_reduce("ring", 1e9, 1024, LINK) < all_reduce("tree", 1e9, 1024, LINK)
    assert all_reduce("ring", 1e3, 1024, LINK) > all_reduce("tree", 1e3, 1024, LINK)
    assert half_size(LINK) == pytest.approx(20_000)
    assert LINK.seconds(half_size(LINK)) == pytest.approx(2 * LINK.latency)


@pytest.mark.parametrize(
    ("arguments", "words"),
    [(("rings", 1, 2, LINK), "did you mean 'ring'"), (("ring", 1, 0, LINK), "number of workers"),
     (("ring", 1, 2.0, LINK), "number of workers"), (("ring", -1, 2, LINK), "number of bytes")],
)  # fmt: skip
def test_bad_input_is_a_sentence(arguments, words):
    with pytest.raises(CourseError, match=words):
        all_reduce(*arguments)


@pytest.mark.parametrize(("latency", "bandwidth"), [(-1, 1), (0, 0), (0, float("inf")), (float("nan"), 1)])
def test_impossible_links(latency, bandwidth):
    with pytest.raises(CourseError, match="impossible"):
        Link(latency, bandwidth)
