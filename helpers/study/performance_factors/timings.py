"""What is timed: threads, waiting policies, precision, the roof and the layers below it; always on this machine."""

from __future__ import annotations

import os
import statistics
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np

from helpers.backend import torch_or_none
from helpers.cost.machine import measure_peak, staircase
from helpers.study.performance_factors.processes import THREAD_VARIABLES, cores, start
from helpers.study.task import Task
from helpers.timing import measure

ROUNDS = 9


@dataclass(frozen=True)
class Timed(Task):
    """One experiment, by its name in EXPERIMENTS, on the machine that this names; its result is a list of rows."""

    label: str
    cpu: str
    cores: int
    torch: str | None
    quick: bool = False
    seed: int = 0
    epochs: int = 1

    @property
    def cost(self) -> float:
        return 1.0

    def perform(self, on_epoch: Callable[[Any], None] | None = None) -> list[dict[str, Any]]:
        """Measure it now."""
        return EXPERIMENTS[self.label](self.quick)

    def pack(self, result: Any) -> dict[str, Any]:
        return {"rows": result}

    def unpack(self, values: dict[str, Any]) -> Any:
        return values["rows"]


def _seconds(threads: int, begin: Any, rounds: int, **more: str) -> float:
    """The median of some runs after one that does not count."""
    with begin({**os.environ, **dict.fromkeys(THREAD_VARIABLES, str(threads)), **more}) as process:
        process.run()
        return statistics.median(process.run() for _ in range(rounds))


def _libraries() -> Sequence[str]:
    return ("numpy", "torch") if torch_or_none() else ("numpy",)


def _threads(quick: bool) -> list[dict[str, Any]]:
    """A product by library, size and threads."""
    most = 2 if quick else max(8, cores())
    counts = sorted({1, 2, *(n for n in (4, 8, cores()) if n <= most)})
    return [
        {"library": library, "size": size, "threads": n,
         "seconds": _seconds(n, partial(start, library=library, size=size), 3 if quick else ROUNDS)}
        for library in _libraries() for size in ((64,) if quick else (2048, 512, 128)) for n in counts
    ]  # fmt: skip


def _policy(quick: bool) -> list[dict[str, Any]]:
    """A training step by threads, waiting passively and actively; nothing without PyTorch."""
    if not torch_or_none():
        return []
    begin = partial(start, library="torch", work="training step", size=64)
    return [
        {"policy": policy, "threads": n, "seconds": _seconds(n, begin, 3 if quick else ROUNDS, OMP_WAIT_POLICY=policy)}
        for policy in ("passive", "active") for n in ((1,) if quick else sorted({1, cores(), 2 * cores(), 4 * cores()}))
    ]  # fmt: skip


def _precision(quick: bool) -> list[dict[str, Any]]:
    """GFLOP/s of a square product by type of number, one thread; on a GPU, too, where there is one."""
    rows = []
    for library in _libraries():
        for dtype in ("float64", "float32", "float16", *(("bfloat16",) if library == "torch" else ())):
            n = 64 if quick else 128 if (library, dtype) == ("numpy", "float16") else 1024
            seconds = _seconds(1, partial(start, library=library, size=n, dtype=dtype), 3 if quick else ROUNDS)
            rows.append({"library": library, "dtype": dtype, "gflops": 2 * n**3 / seconds / 1e9})
    return [*rows, *_precision_on_a_gpu(quick)]


def _precision_on_a_gpu(quick: bool) -> list[dict[str, Any]]:
    torch = torch_or_none()
    if torch is None or not torch.cuda.is_available():
        return []
    rows, n = [], 256 if quick else 8192
    before = torch.backends.cuda.matmul.allow_tf32
    try:
        for dtype, tf32 in (
            ("float64", False),
            ("float32", False),
            ("TF32", True),
            ("bfloat16", False),
            ("float16", False),
        ):
            torch.backends.cuda.matmul.allow_tf32 = tf32
            kind = torch.float32 if tf32 else getattr(torch, dtype)
            a, b = (torch.randn(n, n, device="cuda").to(kind) for _ in range(2))
            out = torch.empty_like(a)
            work = partial(torch.mm, a, b, out=out)
            seconds = measure({"it": work}, rounds=ROUNDS, synchronise=torch.cuda.synchronize)["it"].median
            rows.append(
                {
                    "library": "torch on " + torch.cuda.get_device_name(),
                    "dtype": dtype,
                    "gflops": 2 * n**3 / seconds / 1e9,
                }
            )
    finally:
        torch.backends.cuda.matmul.allow_tf32 = before
    return rows


def _roof(quick: bool) -> list[dict[str, Any]]:
    """Layers with their operations, bytes and seconds, and two rows beside them: a product, and the largest copy."""
    rng = np.random.default_rng(0)

    def normal(*shape: int) -> np.ndarray:
        return rng.standard_normal(shape, dtype=np.float32)

    images, wide, side = (16, 128, 16) if quick else (256, 2048, 64)
    x, w, bias, y, y1 = normal(images, wide), normal(wide, wide), normal(wide), normal(images, wide), normal(1, wide)
    maps, filters = normal(side // 2, side // 2, 32, 32), normal(side, side // 2, 3, 3)
    numbers, pooled = normal(side**4), normal(side, side, side, side)
    rectified = np.empty_like(numbers)

    def convolve() -> None:
        windows = np.lib.stride_tricks.sliding_window_view(maps, (3, 3), axis=(2, 3))
        np.tensordot(windows, filters, axes=((1, 4, 5), (1, 2, 3)))

    def pool() -> None:
        rows = np.maximum(pooled[:, :, ::2], pooled[:, :, 1::2])
        np.maximum(rows[..., ::2], rows[..., 1::2])

    outputs = len(maps) * len(filters) * 30 * 30
    dense_1 = 2 * wide + wide**2 + wide
    layers: dict[str, tuple[Callable[[], Any], float, float]] = {
        f"dense {images}": (
            lambda: np.add(np.matmul(x, w, y), bias, y), 2 * images * wide**2, 4 * (2 * images * wide + wide**2 + wide)
        ),
        "dense 1": (lambda: np.add(np.matmul(x[:1], w, y1), bias, y1), 2 * wide**2, 4 * dense_1),
        "conv": (convolve, 2 * outputs * filters[0].size, 4 * (maps.size + filters.size + outputs)),
        "ReLU": (lambda: np.maximum(numbers, 0, out=rectified), numbers.size, 8 * numbers.size),
        "pool": (pool, 0.75 * pooled.size, 4 * 1.25 * pooled.size),
    }  # fmt: skip
    rounds = 3 if quick else 15
    times = measure({name: work for name, (work, _, _) in layers.items()}, rounds=rounds)
    peak = measure_peak(128 if quick else 1024, rounds).median
    return [
        {"layer": name, "flops": flops, "bytes": nbytes, "seconds": times[name].median, "peak": peak}
        for name, (_, flops, nbytes) in layers.items()
    ]


def _stairs(quick: bool) -> list[dict[str, Any]]:
    """The bandwidth of copying by working set."""
    sizes = [2**k for k in range(13, 16)] if quick else None
    return [{"bytes": stair.working_set, "bytes_per_s": stair.bandwidth} for stair in staircase(sizes)]


EXPERIMENTS: dict[str, Callable[[bool], list[dict[str, Any]]]] = {
    "threads": _threads, "policy": _policy, "precision": _precision, "roof": _roof, "staircase": _stairs,
}  # fmt: skip
