"""What the runtime study measures, piece by piece: each piece is one process, kept when it is done."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from helpers.study.cnn_runtime.measuring import ROUNDS, WARMUP, point, run_worker
from helpers.study.cnn_runtime.point import BACKENDS, BATCH, CPU_FILTERS, GPU_FILTERS, Point
from helpers.study.cnn_runtime.record import Epochs
from helpers.study.task import Task


@dataclass(frozen=True)
class Piece(Task):
    """One process. task: "steps" of cases (filters, batch), or "epochs" epochs of filters, images.

    sitting tells repetitions apart; machine: this CPU, for results of another one are none of ours.
    """

    task: str
    backend: str
    threads: int
    machine: str
    sitting: int = 0
    cases: tuple[tuple[int, int], ...] = ()
    rounds: int = ROUNDS
    warmup: int = WARMUP
    budget: float | None = None
    filters: int = 0
    images: int = 0
    epochs: int = 0
    seed: int = 0

    @property
    def label(self) -> str:  # type: ignore[override]
        """A name for people and files."""
        batches = sorted({n for _, n in self.cases})
        what = f"batch {batches[0]}" + (f" to {batches[-1]}" if len(batches) > 1 else "") if batches else "epochs"
        return f"{self.backend}, threads {self.threads}, {what}, {self.sitting + 1}"

    @property
    def calls(self) -> int:
        """How often a bar moves on."""
        return self.epochs or len(self.cases) + self.rounds

    def perform(self, on_epoch: Callable[[Any], None] | None = None) -> dict[str, Any]:
        """Run the process; what it says at the end."""
        names = "task", "backend", "threads", "cases", "rounds", "warmup", "budget", "filters", "images", "epochs"
        job = {name: getattr(self, name) for name in names}
        return run_worker(job, self.threads, lambda: on_epoch(self.label) if on_epoch else None)

    def pack(self, result: dict[str, Any]) -> dict[str, Any]:
        return result

    def unpack(self, values: dict[str, Any]) -> dict[str, Any]:
        # what a result lacks is missed here, so that a damaged file is made again
        return {name: values[name] for name in ("result", "hardware", "versions", "load", "made", "held")}


@dataclass(frozen=True)
class Plan:
    """Sizes of the study. sittings: how often all backends take their turn, so that a slow minute hits every one."""

    filters: tuple[int, ...] = CPU_FILTERS
    gpu_filters: tuple[int, ...] = GPU_FILTERS
    threads: tuple[int, ...] = (1,)
    rounds: int = 8
    sittings: int = 2
    batch_filters: tuple[int, ...] = (8, 32)
    batches: tuple[int, ...] = (1, 4, 16, 64, 256, 1024)
    gpu_batches: tuple[int, ...] = (1, 4, 16, 64, 256, 1024, 4096)
    epochs: int = 20
    images: int = 2_000
    runs: int = 1
    backends: tuple[str, ...] = BACKENDS[:2]

    def pieces(self, machine: str) -> list[Piece]:
        """All of it, in the order of measuring."""
        found = []
        for sitting in range(self.sittings):
            for threads in self.threads:
                for backend in self.backends:
                    if cases := self._cases(backend, threads, sitting):
                        found.append(Piece("steps", backend, threads, machine, sitting, cases, self.rounds))
        for run in range(self.runs):
            for backend in self.backends:
                size: dict[str, Any] = {"filters": min(self.filters), "images": self.images, "epochs": self.epochs}
                found.append(Piece("epochs", backend, 1, machine, run, rounds=1, **size))
        return found

    def _cases(self, backend: str, threads: int, sitting: int) -> tuple[tuple[int, int], ...]:
        """(filters, batch). Larger batches, more threads and a GPU, which has no neighbours, take one sitting."""
        first = sitting == 0 and threads == self.threads[0]
        gpu = backend not in BACKENDS[:2]
        if (gpu and not first) or (sitting and threads != self.threads[0]):
            return ()
        usual = [(k, BATCH) for k in (self.gpu_filters if gpu else self.filters)]
        batches = [(k, n) for k in self.batch_filters for n in (self.gpu_batches if gpu else self.batches)]
        return tuple(dict.fromkeys(usual + batches * first))


QUICK = Plan(
    filters=(8, 16, 24), gpu_filters=(8, 16), rounds=3, sittings=1, batch_filters=(8,), batches=(16,),
    gpu_batches=(16,), epochs=4, images=256,
)  # fmt: skip

THOROUGH = Plan(
    filters=(8, 12, 16, 24, 32, 48, 64, 96, 128), threads=(1, 2), rounds=8, sittings=3, images=5_000, runs=4,
)  # fmt: skip
"""What a record holds: more networks and runs, so that curves and intervals can be put to the test."""


def assembled(pieces: list[Piece], done: list[dict[str, Any]]) -> tuple[list[Point], list[Epochs]]:
    """Points, the rounds of all sittings together, and runs epoch by epoch."""
    rounds: dict[tuple[Any, ...], list[float]] = {}
    said: dict[tuple[Any, ...], tuple[dict[str, Any], int]] = {}
    runs = []
    for piece, result in zip(pieces, done, strict=True):
        if piece.task == "epochs":
            runs.append(
                Epochs(
                    piece.filters, piece.backend, result["hardware"], piece.threads, piece.images,
                    tuple(result["result"]), result["made"],
                )
            )  # fmt: skip
            continue
        for i, (case, seconds) in enumerate(zip(piece.cases, result["result"], strict=True)):
            key = (piece.backend, piece.threads, *case)
            rounds.setdefault(key, []).extend(seconds)
            said[key] = result, i
    points = [point(k, n, b, t, seconds, *said[b, t, k, n]) for (b, t, k, n), seconds in rounds.items()]
    return points, runs
