"""Simulated workers: who waits for whom, what is counted, and what is said where nobody can go on."""

from __future__ import annotations

import numpy as np
import pytest

from helpers.errors import CourseError
from helpers.messages import Deadlock, run_workers


async def around(port, vector):
    """Each hands its vector to the right and returns what came from the left."""
    n, me = port.size, port.rank
    return await port.exchange((me + 1) % n, vector, (me - 1) % n)


def vectors(n, length=3):
    return [np.full(length, float(rank)) for rank in range(n)]


def test_an_exchange_takes_one_latency_and_the_bytes_for_all_at_the_same_time():
    run = run_workers(around, vectors(5), latency=2.0, bandwidth=12.0)
    assert [one[0] for one in run.results] == [4, 0, 1, 2, 3]
    assert run.seconds == 2.0 + 24 / 12
    assert (run.most_messages, run.most_bytes, len(run.messages)) == (1, 24, 5)


def test_messages_one_after_the_other_take_as_many_latencies():
    async def along(port, vector):
        if port.rank:
            vector = await port.receive(port.rank - 1)
        if port.rank < port.size - 1:
            await port.send(port.rank + 1, vector)
        return vector

    run = run_workers(along, vectors(4), latency=1.0)
    assert run.seconds == 3.0
    assert all((one == 0).all() for one in run.results)


def test_what_is_sent_is_as_it_was_then():
    async def changes(port, vector):
        if port.rank == 0:
            waiting = port.send(1, vector)
            vector += 100
            await waiting
            return vector
        return await port.receive(0)

    assert run_workers(changes, vectors(2)).results[1].tolist() == [0, 0, 0]


def test_all_sending_first_is_a_deadlock_that_names_who_waits_for_whom():
    async def sends_first(port, vector):
        await port.send((port.rank + 1) % port.size, vector)
        return await port.receive((port.rank - 1) % port.size)

    with pytest.raises(Deadlock, match="0 waits for 1 to take its message; 1 waits for 2") as caught:
        run_workers(sends_first, vectors(3))
    assert sorted(caught.value.waiting) == [0, 1, 2]


def test_a_worker_that_dies_is_named_and_those_that_wait_for_it():
    with pytest.raises(Deadlock, match="Worker 1 has died, and the others wait for ever: 0 waits for 1"):
        run_workers(around, vectors(3), dies={1: 0})


def test_a_worker_that_has_returned_is_told():
    async def leaves(port, vector):
        return None if port.rank else await port.receive(1)

    with pytest.raises(Deadlock, match=r"0 waits for a message from 1\. \(1 have returned\.\)"):
        run_workers(leaves, vectors(2))


@pytest.mark.parametrize(
    ("call", "words"),
    [
        (lambda port, v: port.send(7, v), "can't send to 7; there are the workers 0 to 1"),
        (lambda port, v: port.receive("left"), "can't receive from 'left'"),
        (lambda port, v: port.send(port.rank, v), "can't send to itself"),
        (lambda port, v: port.send(1 - port.rank, ["text"]), "sends something that is no array of numbers"),
    ],
)
def test_messages_that_cannot_be_sent(call, words):
    async def worker(port, vector):
        await call(port, vector)

    with pytest.raises(CourseError, match=words):
        run_workers(worker, vectors(2))


def test_what_is_no_worker():
    with pytest.raises(CourseError, match="should be an `async def` function"):
        run_workers(lambda port, vector: vector, vectors(2))
    with pytest.raises(CourseError, match="There are no workers"):
        run_workers(around, [])


def test_messages_without_end_are_stopped(monkeypatch):
    monkeypatch.setattr("helpers.messages.MOST", 50)

    async def endless(port, vector):
        while True:
            vector = await port.exchange(1 - port.rank, vector, 1 - port.rank)

    with pytest.raises(CourseError, match="look for a loop without end"):
        run_workers(endless, vectors(2))
