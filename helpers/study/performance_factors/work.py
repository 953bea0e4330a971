"""The process that `processes.start` starts: a job as JSON on the command line, a line out for each line in."""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Callable
from typing import Any


def main(job: dict[str, Any]) -> None:
    """Prepare the work, say how many threads there are, then time it once for each line of standard input."""
    do, threads = prepared(job)
    say({"threads": threads})
    for _ in sys.stdin:
        began = time.perf_counter()
        do()
        say({"seconds": time.perf_counter() - began})


def prepared(job: dict[str, Any]) -> tuple[Callable[[], Any], int]:
    """A function that does the work once, and the number of threads of the library, 0 where it can't be known."""
    from helpers.errors import CourseError

    library, work, size = job["library"], job["work"], job["size"]
    if library == "numpy":
        import numpy as np

        dtype = np.dtype(job["dtype"])
        rng = np.random.default_rng(0)
        shape: Any = (size, size) if work == "product" else size
        a, b = (rng.standard_normal(shape, dtype=np.float32).astype(dtype) for _ in range(2))
        out = np.empty(shape, dtype)
        return (lambda: np.matmul(a, b, out)) if work == "product" else (lambda: np.add(a, b, out)), _blas_threads()
    from helpers.backend import torch_or_none

    torch = torch_or_none()
    if torch is None:
        raise CourseError("PyTorch is not installed; install torch, or time numpy alone.")
    kind = getattr(torch, job["dtype"])
    if work == "training step":
        torch.manual_seed(0)
        layers = torch.nn
        network = layers.Sequential(
            layers.Linear(784, 512), layers.ReLU(), layers.Linear(512, 512), layers.ReLU(), layers.Linear(512, 10)
        )
        x, labels = torch.randn(size, 784), torch.randint(10, (size,))

        def step() -> None:
            network.zero_grad()
            torch.nn.functional.cross_entropy(network(x), labels).backward()

        return step, torch.get_num_threads()
    shape = (size, size) if work == "product" else (size,)
    first, second = (torch.randn(shape).to(kind) for _ in range(2))
    result = torch.empty(shape, dtype=kind)
    operation = torch.mm if work == "product" else torch.add
    return lambda: operation(first, second, out=result), torch.get_num_threads()


def _blas_threads() -> int:
    """The threads of numpy's BLAS, where threadpoolctl is there to ask."""
    try:
        from threadpoolctl import threadpool_info
    except ImportError:
        return 0
    return max((pool["num_threads"] for pool in threadpool_info()), default=0)


def say(something: dict[str, Any]) -> None:
    print(json.dumps(something), flush=True)


if __name__ == "__main__":
    try:
        main(json.loads(sys.argv[1]))
    except KeyboardInterrupt:
        pass
    except Exception as error:
        say({"error": " ".join(str(error).split()) or type(error).__name__})
