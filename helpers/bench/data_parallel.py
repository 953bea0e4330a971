"""Training on two cores: two processes that share each batch, against one process with two threads."""

from __future__ import annotations

import statistics

from helpers.bench.result import Result, demand
from helpers.study.performance_factors.distributed import Trained, two_processes
from helpers.timing import Timing, ratio, spread

BATCH, STEPS = 256, 30
SIZES = (784, 512, 512, 10)


def bench(rounds: int = 7) -> Result:
    """Milliseconds of a step of an MLP in PyTorch, medians of 30 steps, the ways in turn.

    Where the time of the two goes: their all-reduce, and what they compute, beside a process that has half of the batch
    and nobody to wait for. What is left is the second process: shared caches, memory, and waiting for the other.
    """
    ways = {"two": (2, 1, BATCH), "threads": (1, 2, BATCH), "half": (1, 1, BATCH // 2), "one": (1, 1, BATCH)}
    found: dict[str, list[Trained]] = {name: [] for name in ways}
    for _ in range(rounds):
        for name, (workers, threads, batch) in ways.items():
            found[name].append(
                two_processes(workers, threads=threads, batch=batch, steps=STEPS, sizes=SIZES, dtype="float32")
            )
    apart = max(
        float(abs(weight - found["threads"][0].weights[name]).max()) for name, weight in found["two"][0].weights.items()
    )
    demand(apart < 1e-4, f"Two processes and one end with weights that differ by {apart:.2g}; they must agree.")
    times = {name: Timing(name, [run.seconds for run in runs]) for name, runs in found.items()}
    middle, ratios = ratio(times["two"], times["threads"])
    return Result(
        f"data-parallel: a step of {'-'.join(map(str, SIZES))}, batch {BATCH}, float32, two processes of one thread",
        1e3 * times["two"].median, 1e3 * times["threads"].median, middle, "ms", 1, rounds,
        {
            "against": "one process of two threads",
            "ratio": ratios,
            "ours": spread([1e3 * s for s in times["two"].seconds]),
            "other": spread([1e3 * s for s in times["threads"].seconds]),
            "all-reduce": 1e3 * statistics.median(run.communicating for run in found["two"]),
            "half of the batch, alone": 1e3 * times["half"].median,
            "the batch, one thread": 1e3 * times["one"].median,
        },
        None,
    )  # fmt: skip
