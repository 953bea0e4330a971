"""What a fork server and its zygotes run once to be warm: the first use of a library costs far more than the second."""

from __future__ import annotations

import gc
import os
import random
import sys
from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from .shell import CourseShell

BASE = """
%matplotlib inline
import matplotlib.pyplot as plt
import numpy as np
import json, math, time, functools, itertools, collections, dataclasses, copy, pickle, gzip
from tqdm.auto import tqdm
from helpers import check, plots
from helpers.backend import array_namespace, backend
from helpers.data import load
from helpers.train import fit, study_size
load("mnist", train=3000, test=1000)
x = np.random.default_rng(0).normal(size=(8, 12)).astype(np.float32)
w = np.random.default_rng(1).normal(size=(12, 3))
np.exp(x @ w).sum(axis=1), np.linalg.norm(w), np.einsum("nk,km->nm", x, w)
np.testing.assert_allclose(w, w)
fig, ax = plt.subplots(1, 2)
ax[0].plot([1, 2, 4], label="a")
ax[0].set_yscale("log")
ax[0].legend()
ax[0].set_title("a $x^2$")
ax[1].imshow(np.eye(4), cmap="gray")
fig.tight_layout()
plt.show()
"""

TORCH = """
import numpy as np
import torch
from helpers.backend import array_namespace, backend
model = torch.nn.Sequential(torch.nn.Conv2d(1, 2, 3, padding=1), torch.nn.BatchNorm2d(2), torch.nn.ReLU(),
                            torch.nn.MaxPool2d(2), torch.nn.Flatten(), torch.nn.Dropout(0.1), torch.nn.Linear(32, 4))
torch.nn.functional.cross_entropy(model(torch.randn(3, 1, 8, 8)), torch.tensor([0, 1, 2])).backward()
with torch.no_grad():
    torch.sigmoid(model(torch.zeros(1, 1, 8, 8))).numpy()
numbers = backend("torch").asarray(np.ones((2, 3)))
array_namespace(numbers).exp(numbers @ numbers.T).sum()
"""

OPTIM = """
import torch
weight = torch.nn.Parameter(torch.ones(2))
for optimiser in torch.optim.SGD([weight], 0.1, momentum=0.9), torch.optim.Adam([weight]):
    optimiser.zero_grad()
    (weight * weight).sum().backward()
    optimiser.step()
"""

BROKEN = "fit(None, None, None, None, lr=0.1, epochs=1)"
"""Formatting a traceback is slow the first time, too, especially for lines in files."""

STAGES = {"torch": TORCH, "torch.optim": OPTIM}
"""What only some assignments use, and what loading it costs the others: 1.2 s and another 1.2 s."""


def needs_of(sources: Iterable[str]) -> tuple[str, ...]:
    """What an assignment of these cells needs to be warm."""
    text = "\n".join(sources)
    return tuple(need for need in STAGES if need in text)


def needs_of_file(source: Path) -> tuple[str, ...]:
    """The same, read from an assignment's source before anything else is looked at; () where it can't be read."""
    try:
        lines = source.read_text(encoding="utf-8").splitlines()
    except (OSError, UnicodeDecodeError):
        return ()  # grading says what is wrong
    return needs_of(line for line in lines if not line.startswith("#"))


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
