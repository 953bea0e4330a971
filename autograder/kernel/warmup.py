"""In the zygote: warm up, and stay safe to fork."""

import gc
import os
import random
import sys
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from .shell import CourseShell
from .stages import BASE, BROKEN, STAGES


class Warmth:
    """How far this process has been warmed up."""

    def __init__(self, shell: CourseShell) -> None:
        self.shell = shell
        self._done: set[str] = set()

        self._run("base", BASE)
        shell.run_one(BROKEN)
        self._forget()

    def reaches(self, needs: Iterable[str]) -> bool:
        """Whether everything in ``needs`` is loaded."""
        return self._done.issuperset(needs)

    def reach(self, needs: Iterable[str]) -> None:
        """Load everything in ``needs``."""
        wanted = [need for need in STAGES if need in set(needs) - self._done]
        for need in wanted:
            self._run(need, STAGES[need])
        if wanted:
            self._forget()

    def _run(self, name: str, source: str) -> None:
        gc.disable()  # what is imported stays: to look for garbage in it takes a tenth of the time
        if not self.shell.run_one(source)[0]:
            raise RuntimeError(f"the warm-up of {name} failed")
        self._done.add(name)

    def _forget(self) -> None:
        # As if nothing had run in the shell, and with nothing that a child's garbage collection would copy.
        gc.freeze()  # first, too: the shell looks for garbage, and among all that was imported that takes 0.2 s
        self.shell.reset(new_session=True)
        self.shell.execution_count = 1
        gc.freeze()
        gc.enable()


def one_thread() -> None:
    """torch can be forked only if nothing in this process ever ran in a second thread."""
    for line in Path("/proc/self/status").read_text().splitlines():
        if line.startswith("Threads:") and line.split()[1] != "1":
            raise RuntimeError(f"the zygote has {line.split()[1]} threads and can't be forked safely")


def reseed(seed: int | None) -> None:
    """Random numbers of a forked process: its own, or ``seed``'s."""
    if seed is None:
        seed = int.from_bytes(os.urandom(4), "little")
    random.seed(seed)
    modules: dict[str, Any] = sys.modules
    if "numpy" in modules:
        modules["numpy"].random.seed(seed % 2**32)
    if "torch" in modules:
        # torch.manual_seed would note for each kind of GPU from where it was called: 3 ms.
        modules["torch"].default_generator.manual_seed(seed % 2**32)
