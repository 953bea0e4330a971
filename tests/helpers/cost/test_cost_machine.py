"""Measuring: what is divided by what, on a clock that ticks as we say."""

import itertools
import json
from dataclasses import asdict

import pytest

from helpers.cost import Machine, Rate, Stair, machine, measure_bandwidth, measure_machine, measure_peak, staircase
from helpers.cost.machine import device_of, level_of, machine_text, size_text, the_clock, threads
from helpers.errors import CourseError

CACHES = {"L1": 32 * 2**10, "L2": 2**20}


@pytest.fixture
def ticking(monkeypatch):
    """Every reading of the clock is a second after the last."""
    seconds = itertools.count()
    monkeypatch.setattr(machine, "the_clock", lambda backend="numpy": lambda: next(seconds))


@pytest.mark.parametrize("backend", ["numpy", "torch"])
def test_peak_is_operations_over_seconds(ticking, backend):
    if backend == "torch":
        pytest.importorskip("torch")
    assert measure_peak(10, rounds=3, backend=backend).values == [2000] * 3


def test_bandwidth_counts_what_is_read_and_what_is_written(ticking):
    assert measure_bandwidth(2**24, rounds=3).values == [2**24] * 3


def test_a_short_copy_is_repeated_and_the_call_taken_off(monkeypatch):
    """A clock that only numpy's calls move: 3 s each, and 1 s more for each KiB of the source."""
    now = [0.0]

    def copyto(target, source):
        now[0] += 3 + (source.nbytes / 1024 if source.size > 1 else 0)

    monkeypatch.setattr(machine.np, "copyto", copyto)
    monkeypatch.setattr(machine, "the_clock", lambda backend="numpy": lambda: now[0])
    (stair,) = staircase([8192], rounds=1)
    assert (stair.working_set, stair.bandwidth) == (8192, pytest.approx(2 * 4096 / 4))


def test_the_stairs_are_powers_of_two_to_beyond_the_caches(monkeypatch):
    monkeypatch.setattr(machine, "_copies", lambda size, rounds: [1.0])
    monkeypatch.setattr(machine, "cache_sizes", lambda: {"L3": 2**27})
    monkeypatch.setattr(machine, "memory_bytes", lambda: 2**40)
    sizes = [stair.working_set for stair in staircase()]
    assert sizes[0] == 8192
    assert sizes[-1] == 2**28
    assert all(b == 2 * a for a, b in itertools.pairwise(sizes))
    monkeypatch.setattr(machine, "memory_bytes", lambda: 2**28)
    assert staircase()[-1].working_set == 2**26  # a quarter of a small memory


@pytest.fixture
def small(monkeypatch):
    monkeypatch.setattr(machine, "_largest", lambda: 2**22)


def test_this_machine_can_be_measured_and_described(small):
    found = measure_machine(rounds=1, stairs=False)
    device = found.device()
    assert device.peak == found.peak.median > device.bandwidth == found.bandwidth.median > 0
    assert json.loads(json.dumps(asdict(found)))["threads"] == found.threads


def test_a_backend_is_measured_by_its_own_product(small, monkeypatch):
    torch = pytest.importorskip("torch")
    real, products = torch.matmul, []
    monkeypatch.setattr(torch, "matmul", lambda a, b, out: products.append(a.shape) or real(a, b, out=out))
    assert device_of("numpy", rounds=1).peak > 0
    assert not products
    assert device_of("torch", rounds=1).peak > 0
    assert products
    with pytest.raises(CourseError, match="no CUDA GPU"):
        device_of("cuda")


def test_one_thread_is_timed_by_the_processor(monkeypatch):
    monkeypatch.setenv("OPENBLAS_NUM_THREADS", "1")
    assert (threads(), the_clock().__name__) == (1, "process_time")
    assert the_clock("cuda").__name__ == "perf_counter"
    monkeypatch.setenv("OPENBLAS_NUM_THREADS", "2")
    assert (threads(), the_clock().__name__) == (2, "perf_counter")


def test_levels_and_text():
    assert [level_of(size, CACHES) for size in (1, 32 * 2**10, 2**15 + 1, 2**21)] == ["L1", "L1", "L2", "memory"]
    assert level_of(1, {}) == "?"
    assert [size_text(n) for n in (4, 2048, 3 * 2**20, 2**30)] == ["4 B", "2 KiB", "3 MiB", "1 GiB"]
    stairs, environment = [Stair(2**14, 4e11), Stair(2**22, 1e10)], {"cpu": "One", "numpy": "2", "blas": "B"}
    found = Machine(Rate([9e10, 1e11, 2e11]), Rate([1e10] * 3), stairs, CACHES, 1, 2**33, environment)
    text = machine_text(found)
    for words in ("100.0 GFLOP/s", "10.0 GB/s", "10.0 FLOPs per byte", "16 KiB    400.0 GB/s  L1", "memory"):
        assert words in text
    assert "working set" not in machine_text(Machine(found.peak, found.bandwidth, [], {}, 1, 1, found.environment))


@pytest.mark.parametrize("call", [lambda: measure_peak(0), lambda: measure_bandwidth(-1), lambda: staircase([0]),
                                  lambda: measure_peak(10, rounds=0)])  # fmt: skip
def test_bad_sizes_are_sentences(call):
    with pytest.raises(CourseError, match="can't be measured; give a whole number"):
        call()
