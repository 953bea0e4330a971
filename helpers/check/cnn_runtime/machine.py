"""A machine made of numbers: a clock, a data loader, and a device that works off a queue, to try a timing function on.

Nothing is computed and no time passes; the machine adds up what each call would have cost, so that the right answer is known
exactly and every way to get it wrong leaves its own number.

A timing function has to be handed functions. A judge in another process would run the machine on the student's side and look at
nothing but the dictionary that comes back.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field


class Device(str):
    """"cuda:0", with `.type` as torch's devices have it. The CPU machines say "cpu" as plain text, as numpy's numbers do."""

    @property
    def type(self) -> str:
        return self.split(":")[0]


@dataclass
class Loss:
    """What a step returns. Reading its value waits for the device, as it does in PyTorch."""

    machine: Machine
    device: str

    def __repr__(self) -> str:
        return "loss(2.3026)"

    def item(self) -> float:
        self.machine.synchronise()
        return 2.302585

    __float__ = item

    def detach(self) -> Loss:
        return self

    cpu = detach


@dataclass
class Machine:
    """costs: seconds of each step, in the order in which steps are made; the last `len - slow` repeat without end.

    slow: how many of the first steps are not repeated. launch: seconds that the host needs to hand a step over. load: seconds
    of loading a batch on the host. copy: seconds that the device copies the batch, after `load` has returned. queue: the device works
    off a queue while the host goes on (a GPU); without it every step is finished when it returns (a CPU).
    """

    costs: Sequence[float]
    slow: int
    launch: float
    load_seconds: float
    copy: float
    queue: bool
    device: str
    now: float = 100.0
    busy_until: float = 0.0
    steps: int = 0
    loads: int = 0
    readings: int = 0
    waits: int = 0
    strangers: int = 0
    events: list[str] = field(default_factory=list)

    def step(self, batch: object) -> Loss:
        """One training step; `strangers` counts those on something that `load` has not returned."""
        self.strangers += not (isinstance(batch, int) and 1 <= batch <= self.loads)
        i = self.steps if self.steps < len(self.costs) else self.slow + (self.steps - self.slow) % (len(self.costs) - self.slow)
        self.steps += 1
        self.events.append("step")
        self.now += self.launch
        self._work(self.costs[i])
        return Loss(self, self.device)

    def load(self) -> int:
        """The next batch. The first one takes three times as long."""
        self.now += self.load_seconds * (3 if self.loads == 0 else 1)
        self.loads += 1
        self.events.append("load")
        if self.copy:
            self._work(self.copy)
        return self.loads

    def synchronise(self) -> None:
        """Wait until the device has worked off its queue."""
        self.waits += 1
        self.events.append("wait")
        self.now = max(self.now, self.busy_until)

    def clock(self) -> float:
        """Seconds, from some time on."""
        self.readings += 1
        self.events.append("clock")
        return self.now

    def _work(self, seconds: float) -> None:
        self.busy_until = max(self.now, self.busy_until) + seconds
        if not self.queue:
            self.now = self.busy_until


def costs(seed: int, slow: int, count: int, typical: float) -> list[float]:
    """Seconds of steps: `slow` slow ones, then `count` that differ by some per cent, with two that the system held up and a lucky one."""
    first = [typical * factor for factor in (41.0, 9.0, 3.1, 2.3, 1.9)[:slow]]
    # Steps become a little faster, no two are alike: what comes out tells which steps were counted.
    rest = [typical * (1.4 - 0.023 * i + 0.009 * ((seed * 3 + 5 * i) % 7) / 7) for i in range(count)]
    rest[1] *= 6.3
    rest[3] *= 4.1
    rest[-5] *= 0.71  # the round before the last one that is asked for: the fastest is not the last
    return [*first, *rest]


def cpu(seed: int, warmup: int, rounds: int) -> Machine:
    """A step is finished when it returns."""
    return Machine(costs(seed, warmup, rounds + 3, 0.0123), warmup, 0.0, 0.0071, 0.0, False, "cpu")


def gpu(seed: int, warmup: int, rounds: int) -> Machine:
    """A step is only in the queue when it returns; loading leaves a copy in the queue, too."""
    return Machine(costs(seed, warmup, rounds + 3, 0.0021), warmup, 0.00019, 0.0037, 0.00083, True, Device("cuda:0"))


def forgotten(seed: int, warmup: int, rounds: int) -> Machine:
    """There is a GPU, but the network was left on the CPU."""
    return Machine(costs(seed, warmup, rounds + 3, 0.0087), warmup, 0.0, 0.0043, 0.0, False, "cpu")
