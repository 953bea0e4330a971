"""Simulated workers that exchange messages.

A worker is an `async def` function of its `Port`. It runs until it awaits a message; then another one goes on. Only
one runs at a time, so that a run is the same each time, and who waits for whom is known.
"""

from __future__ import annotations

from collections.abc import Callable, Coroutine, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from helpers.errors import CourseError

MOST = 100_000
"""Messages of a run; more are taken for a loop that never ends."""


class Deadlock(CourseError):
    """No worker can go on. `waiting`: rank -> what it waits for."""

    def __init__(self, message: str, waiting: Mapping[int, str]):
        super().__init__(message)
        self.waiting = dict(waiting)


@dataclass(frozen=True)
class Message:
    """From one rank to another: its bytes and, in seconds of the simulated clock, when it arrived."""

    source: int
    target: int
    bytes: int
    arrived: float


@dataclass
class Run:
    """What the workers returned, in the order of their ranks, the messages in the order of their arrival, and the
    seconds of the simulated clock."""

    results: list[Any]
    messages: list[Message] = field(default_factory=list)
    seconds: float = 0.0

    def sent(self, rank: int) -> list[Message]:
        """The messages that one worker sent."""
        return [message for message in self.messages if message.source == rank]

    @property
    def most_bytes(self) -> int:
        """Bytes sent by the worker that sent most."""
        return max((sum(m.bytes for m in self.sent(rank)) for rank in range(len(self.results))), default=0)

    @property
    def most_messages(self) -> int:
        """Messages of the worker that sent most."""
        return max((len(self.sent(rank)) for rank in range(len(self.results))), default=0)


class _Wait:
    """What a worker waits for; `await` hands it to the loop in `run_workers`, which sends the answer back."""

    def __init__(self, to: int | None, array: np.ndarray | None, source: int | None):
        self.to, self.array, self.source = to, array, source
        self.got: np.ndarray | None = None

    def __await__(self) -> Any:
        return (yield self)

    def __str__(self) -> str:
        if self.to is None:
            return f"a message from {self.source}"
        taken = f"{self.to} to take its message"
        return taken if self.source is None else f"{taken}, or for a message from {self.source}"


class Port:
    """What a worker knows of the others: its `rank` from 0 to size − 1, their number `size`, and three calls to await.

    `await port.send(to, array)` ends when the worker `to` has received the array. `await port.receive(source)` returns
    the next array from `source`. `await port.exchange(to, array, source)` sends and receives at the same time, which
    saves the thought about who goes first; it returns what was received.
    """

    def __init__(self, rank: int, size: int):
        self.rank, self.size = rank, size

    def send(self, to: int, array: Any) -> _Wait:
        """Send an array, and wait until it has been received."""
        return _Wait(self._other(to, "send to"), self._array(array), None)

    def receive(self, source: int) -> _Wait:
        """Wait for the next array from `source`."""
        return _Wait(None, None, self._other(source, "receive from"))

    def exchange(self, to: int, array: Any, source: int) -> _Wait:
        """Send an array to one worker and receive one from another (or the same) at the same time."""
        return _Wait(self._other(to, "send to"), self._array(array), self._other(source, "receive from"))

    def _other(self, rank: Any, what: str) -> int:
        if isinstance(rank, bool) or not isinstance(rank, int | np.integer) or not 0 <= rank < self.size:
            raise CourseError(f"Worker {self.rank} can't {what} {rank!r}; there are the workers 0 to {self.size - 1}.")
        if rank == self.rank:
            raise CourseError(f"Worker {rank} can't {what} itself; the ranks are counted modulo the number of workers.")
        return int(rank)

    def _array(self, array: Any) -> np.ndarray:
        found = np.array(array, copy=True)
        if found.dtype.kind not in "iufb":
            raise CourseError(f"Worker {self.rank} sends something that is no array of numbers; send an array.")
        return found


def run_workers(
    worker: Callable[[Port, np.ndarray], Coroutine[Any, Any, Any]],
    vectors: Sequence[np.ndarray],
    *,
    latency: float = 0.0,
    bandwidth: float = float("inf"),
    dies: Mapping[int, int] | None = None,
) -> Run:
    """Run `worker(port, vector)` once for each vector, all at the same time.

    latency: seconds of a message, however short; bandwidth: bytes/s of each direction of a link. dies: rank -> messages
    sent after which this worker is gone. Raises Deadlock where no worker can go on, and CourseError for a worker that
    is no `async def` function or sends without end.
    """
    n = len(vectors)
    if n == 0:
        raise CourseError("There are no workers; give at least one vector.")
    dies = dict(dies or {})
    tasks: list[Any] = []
    for rank, vector in enumerate(vectors):
        task = worker(Port(rank, n), np.array(vector, copy=True))
        if not hasattr(task, "send") or not hasattr(task, "close"):
            for other in tasks:
                other.close()
            raise CourseError("A worker should be an `async def` function, which waits for its messages by `await`.")
        tasks.append(task)
    run = Run([None] * n)
    clock, sent = [0.0] * n, [0] * n
    waits: dict[int, _Wait] = {}
    ready: list[tuple[int, Any]] = [(rank, None) for rank in range(n)]
    gone: set[int] = set()
    ended: set[int] = set()
    try:
        while ready or waits:
            for rank, answer in ready:
                try:
                    wait = tasks[rank].send(answer)
                except StopIteration as stop:
                    run.results[rank] = stop.value
                    ended.add(rank)
                    continue
                if not isinstance(wait, _Wait):
                    raise CourseError(f"Worker {rank} awaits something else than a message of its port.")
                waits[rank] = wait
            ready = []
            for rank in [rank for rank in waits if rank in dies and sent[rank] >= dies[rank]]:
                gone.add(rank)
                del waits[rank]
            arrived = _delivered(waits, clock, latency, bandwidth)
            for message in arrived:
                run.messages.append(message)
                sent[message.source] += 1
            if len(run.messages) > MOST:
                raise CourseError(f"The workers have sent {MOST:,} messages and go on; look for a loop without end.")
            for rank in list(waits):
                wait = waits[rank]
                if wait.to is None and wait.source is None:
                    ready.append((rank, wait.got))
                    del waits[rank]
            if not arrived and not ready and waits:
                raise _deadlock(waits, gone, ended)
    finally:
        for task in tasks:
            task.close()
    run.seconds = max(clock)
    return run


def _delivered(waits: dict[int, _Wait], clock: list[float], latency: float, bandwidth: float) -> list[Message]:
    """Messages whose sender and receiver both wait; what was sent or received is no longer waited for. All of one
    round go at the same time: a worker's clock is that of the later end of what it sends and receives."""
    found, before = [], list(clock)
    for source, wait in waits.items():
        target = wait.to
        if target is None or target not in waits or waits[target].source != source:
            continue
        assert wait.array is not None
        seconds = max(before[source], before[target]) + latency + wait.array.nbytes / bandwidth
        clock[source], clock[target] = max(clock[source], seconds), max(clock[target], seconds)
        found.append(Message(source, target, wait.array.nbytes, seconds))
        waits[target].got = wait.array
    for message in found:
        waits[message.source].to = None
        waits[message.target].source = None
    return found


def _deadlock(waits: Mapping[int, _Wait], gone: set[int], ended: set[int]) -> Deadlock:
    told = {rank: str(wait) for rank, wait in sorted(waits.items())}
    words = "; ".join(f"{rank} waits for {what}" for rank, what in list(told.items())[:4])
    more = "; …" if len(told) > 4 else ""
    if gone:
        who = ", ".join(map(str, sorted(gone)))
        return Deadlock(f"Worker {who} has died, and the others wait for ever: {words}{more}.", told)
    left = f" ({', '.join(map(str, sorted(ended)))} have returned.)" if ended else ""
    return Deadlock(f"No worker can go on: {words}{more}.{left}", told)
