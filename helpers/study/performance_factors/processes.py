"""Work in a process of its own, which reads the number of threads from its environment before it loads a library."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from helpers.errors import CourseError
from helpers.threads import VARIABLES as THREAD_VARIABLES

WORKS = {
    "product": "a product of two square float32 matrices, `size` rows each",
    "training step": "a step of an MLP 784-512-512-10 at batch `size`, forward and backward, in PyTorch",
    "add": "a + b of two float32 arrays of `size` numbers, into a third",
}
__all__ = ["THREAD_VARIABLES", "WORKS", "Worker", "cores", "start"]


def cores() -> int:
    """Cores that this process may use."""
    try:
        return len(os.sched_getaffinity(0))
    except AttributeError:  # macOS and Windows
        return os.cpu_count() or 1


class Worker:
    """A process that does one piece of work each time it is asked: `run()`, and `close()` in the end."""

    def __init__(self, environment: Mapping[str, str], job: Mapping[str, Any]):
        root = str(Path(__file__).parents[3])
        paths = [root, *filter(None, [environment.get("PYTHONPATH")])]
        command = [sys.executable, "-m", "helpers.study.performance_factors.work", json.dumps(job)]
        try:
            self._process = subprocess.Popen(
                command,
                env={**environment, "PYTHONPATH": os.pathsep.join(paths)},
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=subprocess.PIPE,
                text=True,
                encoding="utf-8",
            )
        except OSError as error:
            raise CourseError(f"The process for {job['library']} can't be started: {error}.") from None
        self._job = dict(job)
        self.threads = int(self._heard()["threads"])

    def run(self) -> float:
        """Seconds of doing the work once, by the process's own clock."""
        if self._process.poll() is None and self._process.stdin is not None:
            try:
                self._process.stdin.write("run\n")
                self._process.stdin.flush()
            except OSError:
                pass  # `_heard` says why it has ended
        return float(self._heard()["seconds"])

    def close(self) -> None:
        """End the process."""
        self._process.kill()
        self._process.communicate()

    def __enter__(self) -> Worker:
        return self

    def __exit__(self, *about: object) -> None:
        self.close()

    def _heard(self) -> dict[str, Any]:
        assert self._process.stdout is not None
        line = self._process.stdout.readline()
        if not line:
            _, err = self._process.communicate()
            last = (err.strip().splitlines() or ["it said nothing"])[-1]
            raise CourseError(f"The process of {self._job['library']} has ended ({last}); start another one.")
        said: dict[str, Any] = json.loads(line)
        if "error" in said:
            self.close()
            raise CourseError(said["error"])
        return said


def start(
    environment: Mapping[str, str],
    library: str = "numpy",
    work: str = "product",
    size: int = 512,
    dtype: str = "float32",
) -> Worker:
    """A new process with this environment (all of it: text by name), ready for its first `run()`.

    library: "numpy", or "torch" for PyTorch on the CPU; work: of `WORKS`; size: what that says; dtype: of a product.
    How many threads a library starts is decided when it is loaded, by the environment.
    Raises CourseError for an unknown library or work, more than 64 threads a core, or a library that is not there.
    """
    if library not in ("numpy", "torch"):
        raise CourseError(f"There is no library {library!r} to time; choose numpy or torch.")
    if work not in WORKS or (work == "training step" and library == "numpy"):
        raise CourseError(f"{library} has no work {work!r}; choose one of {', '.join(WORKS)}, the step with torch.")
    if isinstance(size, bool) or not isinstance(size, int) or not 1 <= size <= 10**9:
        raise CourseError(f"size={size!r} can't be timed; give a whole number of at least 1.")
    for name in THREAD_VARIABLES:
        said = environment.get(name, "1")
        if not isinstance(said, str):
            raise TypeError(f"The environment holds text, but {name} is of type {type(said).__name__}; take str(…).")
        if not said.isdigit() or not 1 <= int(said) <= 64 * cores():
            raise CourseError(
                f"{name}={said!r} can't be timed on {cores()} cores; give a whole number from 1 to {64 * cores()}."
            )
    return Worker(environment, {"library": library, "work": work, "size": size, "dtype": dtype})
