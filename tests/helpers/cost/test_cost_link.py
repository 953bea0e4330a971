"""A link between two real processes: what is fitted, and what happens when one of them is gone."""

import subprocess
import sys
import time

import pytest

from helpers.cost import Link, fit_link, link, measure_link
from helpers.cost.link import link_text
from helpers.errors import CourseError

TRUE = Link(2e-5, 1e9)


def test_the_fit_finds_latency_and_bandwidth():
    found = fit_link({size: TRUE.seconds(size) for size in (4, 1000, 10**5, 10**7)})
    assert (found.latency, found.bandwidth) == pytest.approx((2e-5, 1e9))
    assert fit_link({1: 1.0, 2: 2.1}).latency == 0


@pytest.mark.parametrize(
    ("times", "words"),
    [({4: 1.0}, "two sizes at least"), ({4: 1.0, 8: 0}, "above zero"), ({4: 1.0, 8: 0.5}, "no bandwidth to see")],
)
def test_times_of_no_link(times, words):
    with pytest.raises(CourseError, match=words):
        fit_link(times)


def test_messages_go_there_and_back():
    times = measure_link((1, 70_000), rounds=2)
    assert list(times) == [1, 70_000]
    assert min(times.values()) > 0


@pytest.mark.parametrize(("sizes", "rounds"), [((), 1), ((0,), 1), ((4,), 0)])
def test_nothing_to_measure(sizes, rounds):
    with pytest.raises(CourseError, match="can't be measured"):
        measure_link(sizes, rounds)


def test_a_process_that_never_comes_is_told(monkeypatch):
    monkeypatch.setattr(link, "WAIT", 0.3)
    monkeypatch.setattr(sys, "executable", "/bin/false")
    with pytest.raises(CourseError, match="other process of the link is gone"):
        measure_link((4,), rounds=1)


def test_no_connections_are_told(monkeypatch):
    def refuse(address):
        raise PermissionError(1, "Operation not permitted")

    monkeypatch.setattr(link.socket, "create_server", refuse)
    with pytest.raises(CourseError, match="lets no process open a connection"):
        measure_link((4,), rounds=1)


def test_a_process_killed_in_the_middle_ends_it_at_once(monkeypatch):
    started = []

    class Started(subprocess.Popen):
        def __init__(self, *arguments):
            super().__init__(*arguments)
            started.append(self)

    monkeypatch.setattr(link.subprocess, "Popen", Started)
    real, calls = link._there_and_back, []

    def killing(connection, message):
        calls.append(1)
        if len(calls) == 5:
            started[0].kill()
        return real(connection, message)

    monkeypatch.setattr(link, "_there_and_back", killing)
    began = time.monotonic()
    with pytest.raises(CourseError, match="gone"):
        measure_link((4,), rounds=100)
    assert started[0].poll() is not None
    assert time.monotonic() - began < link.WAIT  # it did not wait for an answer


def test_both_formulas_stand_beside_the_times():
    text = link_text({1000: 3e-5, 10**6: 1e-3}, TRUE)
    assert "30.0         21.0              1.000" in text
    assert "latency 20.0 µs, bandwidth 1.00 GB/s" in text
