"""One of the processes that train together; torchrun or `distributed.two_processes` starts them.

RANK, WORLD_SIZE, MASTER_ADDR and MASTER_PORT stand in the environment, as torchrun sets them.
"""

from __future__ import annotations

import json
import os
import signal
import sys
import time
from pathlib import Path
from typing import Any

from helpers.command import run
from helpers.errors import CourseError

JOB: dict[str, Any] = {
    "batch": 64, "steps": 20, "threads": 1, "sizes": (784, 512, 512, 10), "dtype": "float64", "rate": 0.1,
    "device": "cpu", "folder": "", "kill": None,
}  # fmt: skip


def main(job: dict[str, Any]) -> None:
    """Train on this worker's share of every batch; write the weights and the times into job["folder"]."""
    import datetime

    rank, workers = _place(job["batch"])
    import numpy as np
    import torch
    import torch.distributed as dist

    torch.set_num_threads(job["threads"])
    cuda = job["device"] == "cuda"
    device = torch.device("cuda", int(os.environ.get("LOCAL_RANK", rank))) if cuda else torch.device("cpu")
    dtype = getattr(torch, job["dtype"])
    dist.init_process_group("nccl" if cuda else "gloo", timeout=datetime.timedelta(seconds=30))
    torch.manual_seed(0)  # the same weights everywhere
    layers: list[Any] = []
    for n_in, n_out in zip(job["sizes"][:-1], job["sizes"][1:], strict=True):
        layers += [torch.nn.Linear(n_in, n_out, dtype=dtype), torch.nn.ReLU()]
    network = torch.nn.Sequential(*layers[:-1]).to(device)
    rng = np.random.default_rng(1)  # the same batches everywhere
    share = job["batch"] // workers
    mine = slice(rank * share, (rank + 1) * share)
    times = []
    for number in range(job["steps"]):
        x = torch.from_numpy(rng.standard_normal((job["batch"], job["sizes"][0])))[mine].to(device, dtype)
        labels = torch.from_numpy(rng.integers(0, job["sizes"][-1], job["batch"]))[mine].to(device)
        if job["kill"] == rank and number == job["steps"] // 2:
            os.kill(os.getpid(), signal.SIGKILL)
        dist.barrier()
        began = time.perf_counter()
        network.zero_grad()
        torch.nn.functional.cross_entropy(network(x), labels).backward()
        gradients = torch.cat([p.grad.reshape(-1) for p in network.parameters() if p.grad is not None])
        _wait(torch, cuda)
        sending = time.perf_counter()
        dist.all_reduce(gradients)
        _wait(torch, cuda)
        sent = time.perf_counter()
        with torch.no_grad():
            start = 0
            for parameter in network.parameters():
                part = gradients[start : start + parameter.numel()].reshape(parameter.shape)
                parameter.sub_(part, alpha=job["rate"] / workers)
                start += parameter.numel()
        _wait(torch, cuda)
        times.append((time.perf_counter() - began, sent - sending))
    found = {name: value.detach().cpu().numpy() for name, value in network.named_parameters()}
    if job["folder"]:
        kept: dict[str, Any] = {"times": np.array(times[1:] or times), **found}
        np.savez(Path(job["folder"], f"{rank}.npz"), **kept)
    elif rank == 0:
        seconds, sending = np.median(times, axis=0)
        print(f"{workers} workers: {seconds * 1e3:.2f} ms a step, {sending * 1e3:.2f} ms of it in the all-reduce")
    dist.destroy_process_group()


def _place(batch: int) -> tuple[int, int]:
    """(rank, workers) that torchrun has set; CourseError where it hasn't, or where a batch can't be divided evenly."""
    try:
        rank, workers = int(os.environ["RANK"]), int(os.environ["WORLD_SIZE"])
    except (KeyError, ValueError):
        raise CourseError(
            "RANK and WORLD_SIZE are not set, as torchrun does; start `torchrun --nproc-per-node 2 -m "
            "helpers.study.performance_factors.train_worker`."
        ) from None
    if batch % workers:
        raise CourseError(f"A batch of {batch} can't be divided evenly among {workers} workers; start another number.")
    return rank, workers


def _job(text: str) -> dict[str, Any]:
    """What a worker is to do: JOB, changed by a JSON object."""
    try:
        changes = json.loads(text)
    except ValueError:
        changes = None
    if not isinstance(changes, dict) or (unknown := sorted(set(changes) - set(JOB))):
        known = ", ".join(JOB)
        found = f"{unknown[0]!r} in the job" if isinstance(changes, dict) else f"The job {text[:60]!r}"
        raise CourseError(f"{found} can't be trained; give a JSON object with some of {known}.")
    return {**JOB, **changes}


def _wait(torch: Any, cuda: bool) -> None:
    if cuda:
        torch.cuda.synchronize()


if __name__ == "__main__":
    sys.exit(run(lambda: main(_job(sys.argv[1] if len(sys.argv) > 1 else "{}"))))
