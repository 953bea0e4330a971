"""Training steps of the runtime study: numpy against PyTorch on a CPU and, where there is a GPU, launches and a graph.

Every backend is timed in a process of its own; a ratio is therefore one of medians, not of interleaved rounds.
"""

from __future__ import annotations

from collections.abc import Iterator

from helpers.backend import cuda_available
from helpers.bench.result import Result
from helpers.study.cnn_runtime import CPU_FILTERS, GPU_FILTERS, Point, measure
from helpers.timing import environment


def bench(rounds: int = 7) -> Iterator[Result]:
    """One record for each number of filters: convolutional_nn.json, batches of 64, float32."""
    yield from compared("numpy", "torch", CPU_FILTERS, rounds)
    if cuda_available():
        yield from compared("cuda graph", "cuda", GPU_FILTERS, rounds)


def compared(one: str, other: str, filters: tuple[int, ...], rounds: int) -> Iterator[Result]:
    """Records of two backends against each other."""
    points = measure(filters, [one, other], rounds=rounds, progress=False)
    for a, b in zip(points[: len(filters)], points[len(filters) :], strict=True):
        yield Result(
            f"cnn-runtime: training step of convolutional_nn.json, {a.filters} filters, {one} against {other}, "
            f"{a.hardware}",
            1e3 * a.seconds,
            1e3 * b.seconds,
            a.seconds / b.seconds,
            "ms",
            a.threads,
            a.rounds,
            {"ours": quartiles(a), "other": quartiles(b), "flops": a.flops, "parameters": a.parameters},
            None,
            {**environment(), **a.versions, **b.versions},
        )


def quartiles(point: Point) -> dict[str, float]:
    """In milliseconds."""
    return {"q1": 1e3 * point.low, "q3": 1e3 * point.high}
