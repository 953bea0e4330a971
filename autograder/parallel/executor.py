"""The interface of everything that grades tasks, here or on other machines."""

from __future__ import annotations

import threading
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Protocol


@dataclass(frozen=True)
class Order:
    """Work for an executor: `body` is a parcel, `seconds` how long it may take before its process is given up."""

    key: str
    body: bytes
    seconds: float


@dataclass(frozen=True)
class Answer:
    """What came of an order: a parcel, or None and the reason in words."""

    key: str
    body: bytes | None
    why: str = ""


class Executor(Protocol):
    """Where orders are worked on. `hired` is set when no process has to be started here any longer."""

    hired: threading.Event

    def run(self, orders: Iterable[Order]) -> Iterator[Answer]:
        """Answers as they arrive; orders are taken as they are needed."""

    def close(self) -> None:
        """End every process that was started."""
