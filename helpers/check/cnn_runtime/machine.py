"""A machine made of numbers: a clock, a data loader, and a device that works off a queue, to try a timing function on.

Nothing is computed and no time passes; the machine adds up what each call would have cost, so that the right answer is
known exactly and every way to get it wrong leaves its own number. A timing function has to be handed functions: a probe
makes the machine beside the student's code, of nothing but what its calls cost, and notes what the function returns.
"""

from __future__ import annotations

import sys
from collections.abc import Sequence
from dataclasses import dataclass, field


class Device(str):
    """"cuda:0", with `.type` as torch's devices have it. A CPU is "cpu" as plain text, as numpy's numbers say it."""

    @property
    def type(self) -> str:
        return self.split(":")[0]


def _gradients() -> bool:
    """Whether PyTorch would compute gradients here."""
    torch = sys.modules.get("torch")
    return torch is None or bool(torch.is_grad_enabled())


@dataclass
class Loss:
    """What a step returns. Reading its value waits until it is there, which is before the step is finished: the
    gradients and the update come after it."""

    machine: Machine
    device: str
    there: float

    def __repr__(self) -> str:
        return "loss(2.3026)"

    def item(self) -> float:
        self.machine.now = max(self.machine.now, self.there)
        return 2.302585

    __float__ = item

    def detach(self) -> Loss:
        return self

    cpu = detach


@dataclass
class Machine:
    """costs: seconds of each step, in the order in which steps are made; from number `slow` on they repeat without end.

    launch: seconds that the host needs to hand a step over. loading: seconds of loading a batch on the host. copying:
    seconds that the device copies the batch, after `load` has returned. queue: the device works off a queue while the
    host goes on (a GPU); without it every step is finished when it returns (a CPU).
    """

    costs: Sequence[float]
    slow: int
    loading: float
    launch: float = 0.0
    copying: float = 0.0
    queue: bool = False
    device: str = "cpu"
    now: float = 100.0
    busy_until: float = 0.0
    strangers: int = 0
    batches: set[object] = field(default_factory=set)
    """Those that a step was made on."""
    without_gradients: int = 0
    """Steps within `torch.no_grad()`, where a real one can't be made."""
    events: list[str] = field(default_factory=list)
    """Names of the functions that were called, in their order."""

    def count(self, name: str) -> int:
        return self.events.count(name)

    def step(self, batch: object) -> Loss:
        """One training step; `strangers` counts those on something that `load` has not returned."""
        self.strangers += not (isinstance(batch, int) and 1 <= batch <= self.count("load"))
        self.batches.add(batch if isinstance(batch, int) else None)
        self.without_gradients += not _gradients()
        i, many = self.count("step"), len(self.costs)
        self.events.append("step")
        self.now += self.launch
        seconds = self.costs[i if i < many else self.slow + (i - self.slow) % (many - self.slow)]
        self._work(seconds)
        return Loss(self, Device(self.device) if self.queue else self.device, self.busy_until - 0.6 * seconds)

    def load(self) -> int:
        """The next batch. The first one takes three times as long, and every third of the others a little longer."""
        number = self.count("load")
        self.now += self.loading * (1.3 if number % 3 == 1 else 1) if number else 3 * self.loading
        self.events.append("load")
        if self.copying:
            self._work(self.copying)
        return self.count("load")

    def synchronise(self) -> None:
        """Wait until the device has worked off its queue."""
        self.events.append("synchronise")
        self.now = max(self.now, self.busy_until)

    def clock(self) -> float:
        """Seconds, from some time on."""
        self.events.append("clock")
        return self.now

    def _work(self, seconds: float) -> None:
        self.busy_until = max(self.now, self.busy_until) + seconds
        if not self.queue:
            self.now = self.busy_until
