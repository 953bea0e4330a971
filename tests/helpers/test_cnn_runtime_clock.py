"""How a step and an epoch are timed, on a fake device that works while the CPU goes on."""

import pytest

from helpers.errors import CourseError
from helpers.study.cnn_runtime import backends as cnn_runtime_backends
from helpers.study.cnn_runtime import worker as cnn_runtime_worker
from helpers.study.cnn_runtime.clock import ROUND, time_steps


class Machine:
    """A clock, and a device that works while the CPU goes on."""

    def __init__(self):
        self.now = self.free = 0.0

    def clock(self):
        return self.now


class Asynchronous:
    """A step is launched in no time and done later; the first ones take long."""

    def __init__(self, machine, launch, work, slow=2, slowness=50):
        self.machine, self.launch, self.work, self.slow, self.slowness = machine, launch, work, slow, slowness
        self.steps, self.log = 0, []

    def step(self):
        self.machine.now += self.launch
        took = self.work * (self.slowness if self.steps < self.slow else 1)
        self.machine.free = max(self.machine.free, self.machine.now) + took
        self.steps += 1

    def synchronise(self):
        self.machine.now = max(self.machine.now, self.machine.free)


def test_the_device_is_timed_and_not_the_launch():
    machine = Machine()
    one = Asynchronous(machine, 1e-4, 5e-3)
    seconds = time_steps({"one": one}, rounds=5, warmup=2, clock=machine.clock)["one"]
    assert len(seconds) == 5
    # several steps a round hide the launch of all but the first
    assert seconds == pytest.approx([5e-3] * 5, rel=0.01)


def test_a_device_that_waits_for_launches_takes_as_long_as_these():
    machine = Machine()
    one = Asynchronous(machine, 4e-3, 1e-3)
    seconds = time_steps({"one": one}, rounds=3, warmup=2, clock=machine.clock)["one"]
    assert seconds == pytest.approx([4e-3 + 1e-3 / 10] * 3, rel=0.05)


def test_warm_up_is_not_timed():
    machine = Machine()
    one = Asynchronous(machine, 0, 1e-2, slow=4)
    seconds = time_steps({"one": one}, rounds=3, warmup=4, clock=machine.clock)["one"]
    assert seconds == pytest.approx([1e-2] * 3)
    machine = Machine()
    # the fourth step decides how many steps make a round, so it must not be a slow one either
    one = Asynchronous(machine, 0, 1e-2, slow=4)
    assert max(time_steps({"one": one}, rounds=3, warmup=0, clock=machine.clock)["one"]) > 1e-1


def test_networks_take_turns_and_a_round_spans_enough_time():
    machine, order = Machine(), []

    class Logged(Asynchronous):
        def step(self):
            super().step()
            order.append(self.work)

    made = {"fast": Logged(machine, 0, ROUND / 4, 0), "slow": Logged(machine, 0, 2 * ROUND, 0)}
    calls = []
    found = time_steps(made, rounds=4, warmup=1, clock=machine.clock, on_round=lambda: calls.append(1))
    assert {name: len(values) for name, values in found.items()} == {"fast": 4, "slow": 4}
    assert len(calls) == 4
    fast, slow = ROUND / 4, 2 * ROUND
    # one untimed step and the timed ones; the order turns round
    there, back = [fast] * 5 + [slow] * 2, [slow] * 2 + [fast] * 5
    assert order[4:] == (there + back) * 2


def test_a_budget_stops_rounds_but_leaves_three():
    machine = Machine()
    one = Asynchronous(machine, 0, 1.0, 0)
    assert len(time_steps({"one": one}, rounds=50, clock=machine.clock, budget_seconds=0.5)["one"]) == 3
    assert len(time_steps({"one": one}, rounds=50, clock=machine.clock, budget_seconds=24)["one"]) == 10


def test_nothing_and_no_rounds_are_refused():
    with pytest.raises(CourseError, match="0 networks"):
        time_steps({})
    with pytest.raises(CourseError, match="rounds=0"):
        time_steps({"one": Asynchronous(Machine(), 0, 1)}, rounds=0)


def test_an_epoch_is_all_its_steps_and_the_wait_for_them(monkeypatch):
    machine, made = Machine(), []

    def training(backend, spec, images, labels):
        assert images.shape == (3, 64, 1, 28, 28)
        made.append(Asynchronous(machine, 1e-4, 1e-2, slow=1, slowness=21))
        return made[0]

    monkeypatch.setattr(cnn_runtime_backends, "training", training)
    monkeypatch.setattr(cnn_runtime_worker.time, "perf_counter", machine.clock)
    seconds = cnn_runtime_worker._epochs({"backend": "numpy", "filters": 3, "images": 150, "epochs": 4})
    # 150 images are three batches of 64; the first step takes as long as 21
    assert seconds == pytest.approx([0.23, 0.03, 0.03, 0.03], rel=0.01)
    assert made[0].steps == 12
