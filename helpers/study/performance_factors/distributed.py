"""Data-parallel training in real processes with torch.distributed, watched so that none is left behind."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from helpers.backend import torch_or_none
from helpers.errors import CourseError
from helpers.progress import counted
from helpers.threads import VARIABLES as THREAD_VARIABLES

LIMIT = 120.0
"""Seconds that the processes may take in all."""


@dataclass(frozen=True)
class Trained:
    """Weights after the steps, the same on all workers, and medians over the steps, of the first worker.

    weights: parameters of the network by name; seconds: of a step; communicating: of it in the all-reduce; differ: the
    largest difference between the weights of two workers.
    """

    weights: dict[str, np.ndarray]
    seconds: float
    communicating: float
    differ: float
    workers: int


def cannot_run_two() -> str:
    """Why no two processes can train together here, a sentence, or "" where they can."""
    torch = torch_or_none()
    if torch is None:
        return "PyTorch is not installed, so no two processes train together here."
    if not torch.distributed.is_available():
        return "This PyTorch was built without torch.distributed, so no two processes train together here."
    if not torch.distributed.is_gloo_available():
        return "This PyTorch has no gloo, through which CPUs talk, so no two processes train together here."
    try:
        socket.create_server(("127.0.0.1", 0)).close()
    except OSError as error:
        return f"Processes may not open a connection here ({error.strerror or error}), so no two train together."
    return ""


def gpus() -> int:
    """GPUs that PyTorch can use here."""
    torch = torch_or_none()
    return torch.cuda.device_count() if torch is not None and torch.cuda.is_available() else 0


def two_processes(
    workers: int = 2,
    *,
    batch: int = 64,
    steps: int = 20,
    threads: int = 1,
    sizes: tuple[int, ...] = (784, 512, 512, 10),
    dtype: str = "float64",
    rate: float = 0.1,
    device: str = "cpu",
    port: int | None = None,
    kill: int | None = None,
) -> Trained:
    """Train an MLP of these sizes in so many processes, each on its share of the same batches.

    batch: of all workers together, which it has to be divided among evenly; threads: of each; device: "cpu" (gloo) or
    "cuda" (NCCL, a GPU each). port: None for a free one. kill: the rank of a worker that is killed in the middle, to
    see what becomes of the others. Any worker that ends early ends all of them, and the CourseError says which it was.
    torchrun starts the same: `torchrun --nproc-per-node 2 -m helpers.study.performance_factors.train_worker`.
    """
    for name, value in (("workers", workers), ("batch", batch), ("steps", steps), ("threads", threads)):
        if isinstance(value, bool) or not isinstance(value, int) or value < 1:
            raise CourseError(f"{name}={value!r} can't be trained with; give a whole number of at least 1.")
    if batch % workers:
        raise CourseError(f"A batch of {batch} can't be divided evenly among {workers} workers; take a multiple.")
    if workers * threads > 64:
        raise CourseError(f"{workers} workers of {threads} threads are more than this course starts; take fewer.")
    if device not in ("cpu", "cuda"):
        raise CourseError(f"device={device!r} can't be trained on; give 'cpu' or 'cuda'.")
    if dtype not in ("float64", "float32"):
        raise CourseError(f"dtype={dtype!r} can't be trained with; give 'float64' or 'float32'.")
    if len(sizes) < 2 or any(isinstance(n, bool) or not isinstance(n, int) or n < 1 for n in sizes):
        raise CourseError(f"sizes={sizes!r} are not those of a network; give two whole numbers or more, of at least 1.")
    if kill is not None and kill not in range(workers):
        raise CourseError(f"kill={kill!r} is none of the workers, 0 to {workers - 1}; give one of these, or none.")
    if why := cannot_run_two():
        raise CourseError(why)
    if device == "cuda" and (there := gpus()) < workers:
        raise CourseError(f"{counted(workers, 'worker')} on GPUs take as many GPUs, and here are {there}; take fewer.")
    address = port or _free_port()
    if port is not None:
        _demand_free(port)
    with tempfile.TemporaryDirectory() as folder:
        job = {
            "batch": batch, "steps": steps, "threads": threads, "sizes": sizes, "dtype": dtype, "rate": rate,
            "device": device, "folder": folder, "kill": kill,
        }  # fmt: skip
        processes = [_start(job, rank, workers, address, threads) for rank in range(workers)]
        try:
            _watch(processes, LIMIT)
        finally:
            for process in processes:
                process.kill()
                process.communicate()
        found = [dict(np.load(Path(folder, f"{rank}.npz"))) for rank in range(workers)]
    times = found[0].pop("times")
    for other in found[1:]:
        other.pop("times")
    differ = max((float(np.abs(other[k] - w).max()) for other in found[1:] for k, w in found[0].items()), default=0.0)
    seconds, communicating = (float(s) for s in np.median(times, axis=0))
    return Trained(found[0], seconds, communicating, differ, workers)


def _start(job: dict[str, Any], rank: int, workers: int, port: int, threads: int) -> subprocess.Popen[str]:
    root = str(Path(__file__).parents[3])
    paths = [root, *filter(None, [os.environ.get("PYTHONPATH")])]
    environment = {
        **os.environ,
        **dict.fromkeys(THREAD_VARIABLES, str(threads)),
        "PYTHONPATH": os.pathsep.join(paths),
        "MASTER_ADDR": "127.0.0.1",
        "MASTER_PORT": str(port),
        "RANK": str(rank),
        "LOCAL_RANK": str(rank),
        "WORLD_SIZE": str(workers),
    }
    command = [sys.executable, "-m", "helpers.study.performance_factors.train_worker", json.dumps(job)]
    return subprocess.Popen(command, env=environment, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True)


def _watch(processes: list[subprocess.Popen[str]], limit: float) -> None:
    """Wait for all; CourseError as soon as one has ended without success, or when the time is over."""
    until = time.monotonic() + limit
    while True:
        codes = [process.poll() for process in processes]
        # One that was killed is the cause; what others say of it then is a consequence.
        for rank, code in sorted(enumerate(codes), key=lambda item: (item[1] or 0) >= 0):
            if code:
                raise CourseError(_ended(rank, code, processes))
        if all(code == 0 for code in codes):
            return
        if time.monotonic() > until:
            slow = ", ".join(str(rank) for rank, code in enumerate(codes) if code is None)
            raise CourseError(f"Worker {slow} did not end within {limit:g} seconds, so all were ended; take fewer.")
        time.sleep(0.05)


def _ended(rank: int, code: int, processes: list[subprocess.Popen[str]]) -> str:
    who = f"Worker {rank} of {len(processes)} (0 to {len(processes) - 1})"
    if code < 0:
        try:
            name = signal.Signals(-code).name
        except ValueError:
            name = str(-code)
        return f"{who} was killed ({name}), and the others were ended; start all of them again."
    process = processes[rank]
    assert process.stderr is not None
    said = [line for line in process.stderr.read().strip().splitlines() if line.strip()]
    why = next((line for line in reversed(said) if "rror" in line), said[-1] if said else "it said nothing")
    if "EADDRINUSE" in why or "in use" in why:
        return f"The port of {who} is in use by another program; give another one, or none."
    return f"{who} ended early ({why.strip()[:300]}), and the others were ended."


def _free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as server:
        return int(server.getsockname()[1])


def _demand_free(port: int) -> None:
    if isinstance(port, bool) or not isinstance(port, int) or not 1024 <= port <= 65535:
        raise CourseError(f"port={port!r} can't be used; give a number from 1024 to 65535, or none.")
    try:
        socket.create_server(("127.0.0.1", port)).close()
    except OSError:
        raise CourseError(f"The port {port} is in use by another program; give another one, or none.") from None
