"""The memory that passes share: taken, given back, kept up to a limit, one for each thread."""

import threading

import numpy as np
import pytest

from helpers.primitives import workspace as room
from helpers.primitives.workspace import workspace


@pytest.fixture(autouse=True)
def empty():
    room.release()
    yield
    room.release()


def test_what_is_taken_does_not_overlap_and_is_aligned():
    for _ in range(2):  # the first time from the system, the second from what is kept
        with workspace() as take:
            arrays = [take((3, 5), np.float32), take(7, np.float64), take((2, 0), np.float32), take((11,), np.uint8)]
            for i, a in enumerate(arrays):
                a[...] = i
                assert a.flags.c_contiguous
            assert [a.shape for a in arrays] == [(3, 5), (7,), (2, 0), (11,)]
            for i, a in enumerate(arrays):
                assert (a == i).all()
    assert room.last_used() == 64 * 3


def test_the_second_time_comes_from_the_same_memory():
    addresses = []
    for _ in range(3):
        with workspace() as take:
            addresses.append(take(1000, np.float64).ctypes.data)
    assert addresses[1] == addresses[2]
    assert addresses[1] % room.ALIGNMENT == 0


def test_an_inner_block_gives_back_only_its_own():
    with workspace() as take:
        outer = take(10, np.float64)
        outer[...] = 1
        for _ in range(2):
            with workspace():
                take(10, np.float64)[...] = 2
        assert (outer == 1).all()
        assert room._memory.used == 128


def test_an_error_gives_everything_back():
    def fail():
        with workspace() as take:
            take(100, np.float64)
            raise RuntimeError

    with pytest.raises(RuntimeError):
        fail()
    assert room._memory.used == 0


def test_too_much_is_not_kept(monkeypatch):
    monkeypatch.setattr(room, "KEPT", 1000)
    with workspace() as take:
        take(10_000, np.uint8)
    assert len(room._memory.block) == 0


def test_each_thread_has_its_own():
    with workspace() as take:
        mine = take(100, np.float64)
        mine[...] = 1

        def other():
            with workspace() as take:
                take(100, np.float64)[...] = 2

        thread = threading.Thread(target=other)
        thread.start()
        thread.join()
        assert (mine == 1).all()
