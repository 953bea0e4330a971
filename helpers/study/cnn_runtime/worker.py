"""The process that times one backend: a job as JSON on the command line, JSON lines on standard output.

Every backend has a process of its own, which reads the number of threads before it imports numpy or PyTorch: the
thread pools of the two spin against each other in one process.
"""

from __future__ import annotations

import datetime
import json
import sys
import time
from contextlib import nullcontext
from typing import Any

from helpers.errors import CourseError


def main(job: dict[str, Any]) -> None:
    """Do the job and print its result."""
    from helpers.study.cnn_runtime.backends import check_backend

    check_backend(job["backend"])
    with _precision(job):
        result = {"steps": _steps, "epochs": _epochs}[job["task"]](job)
    _say({"result": result, **_machine(job)})


def _steps(job: dict[str, Any]) -> list[list[float]]:
    """Seconds of every round, for each [filters, batch] of job["cases"]."""
    from helpers.study.cnn_runtime.backends import batches_of, demand_right, held_bytes, training
    from helpers.study.cnn_runtime.clock import time_steps
    from helpers.study.cnn_runtime.point import BATCH, study_spec

    made, checked = {}, set()
    for filters, batch in job["cases"]:
        made[filters, batch] = training(job["backend"], study_spec(filters, batch), *batches_of(batch))
        # the same steps on fewer images where a batch is so large that checking would take longer than timing
        few = filters, min(batch, BATCH)
        if few not in checked:
            spec, (images, labels) = study_spec(*few), batches_of(few[1], 1)
            demand_right(training(job["backend"], spec, images, labels), spec, images[0], labels[0])
            checked.add(few)
        _say({"round": 0})
    seconds = time_steps(
        made,
        rounds=job["rounds"],
        warmup=job["warmup"],
        budget_seconds=job["budget"],
        on_round=lambda: _say({"round": 1}),
    )
    job["held"] = [held_bytes(one.network) if job["backend"] == "numpy" else 0 for one in made.values()]
    return list(seconds.values())


def _epochs(job: dict[str, Any]) -> list[float]:
    """Seconds of each epoch, the first one cold, as a user sees them: nothing has run before it."""
    from helpers.study.cnn_runtime.backends import batches_of, training
    from helpers.study.cnn_runtime.point import study_spec

    spec = study_spec(job["filters"])
    count = -(-job["images"] // spec.batch_size)
    images, labels = batches_of(spec.batch_size, count)
    one = training(job["backend"], spec, images, labels)
    one.synchronise()
    seconds = []
    for _ in range(job["epochs"]):
        began = time.perf_counter()
        for _ in range(count):
            one.step()
        one.synchronise()
        seconds.append(time.perf_counter() - began)
        _say({"round": 1})
    return seconds


def _precision(job: dict[str, Any]) -> Any:
    """Float32 that stays float32, as numpy's does."""
    if job["backend"] == "numpy":
        return nullcontext()
    import torch

    torch.set_num_threads(job["threads"])
    from helpers.primitives.torch_precision import pinned

    return pinned()


def _machine(job: dict[str, Any]) -> dict[str, Any]:
    from helpers.timing import environment

    found = environment()
    versions = {name: str(found[name]) for name in ("python", "numpy", "torch", "blas") if found[name]}
    hardware = found["cpu"]
    if job["backend"] not in ("numpy", "torch"):
        import torch

        hardware = torch.cuda.get_device_name()
        versions |= {"cuda": str(torch.version.cuda), "cudnn": str(torch.backends.cudnn.version())}
    today = datetime.date.today().isoformat()
    said = {"hardware": hardware, "versions": versions, "load": found["load"], "made": today}
    return {**said, "held": job.get("held", [])}


def _say(values: dict[str, Any]) -> None:
    print(json.dumps(values), flush=True)


if __name__ == "__main__":
    try:
        main(json.loads(sys.argv[1]))
    except CourseError as error:
        _say({"error": str(error)})
    except KeyboardInterrupt:
        sys.exit(130)
