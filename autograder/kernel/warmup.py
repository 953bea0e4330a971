"""What a zygote does once so that no submission has to: the first use of a library costs far more than the second."""

import gc
import os
import random
from pathlib import Path
from typing import Any

from .shell import CourseShell

STUDENT = """
%matplotlib inline
import json, math, time, functools, itertools, collections, dataclasses, copy, pickle, gzip, urllib.parse
import numpy as np
import matplotlib.pyplot as plt
from helpers import check, plots
from helpers.backend import array_namespace, backend
from helpers.data import load
from helpers.train import fit, study_size
import torch
from tqdm.auto import tqdm
"""

STEPS = """
_x = np.random.default_rng(0).normal(size=(8, 12)).astype(np.float32)
_w = np.random.default_rng(1).normal(size=(12, 3))
np.exp(_x @ _w).sum(axis=1), np.linalg.norm(_w), np.einsum("nk,km->nm", _x, _w)
np.testing.assert_allclose(_w, _w)
_model = torch.nn.Sequential(torch.nn.Conv2d(1, 2, 3, padding=1), torch.nn.BatchNorm2d(2), torch.nn.ReLU(),
                             torch.nn.MaxPool2d(2), torch.nn.Flatten(), torch.nn.Dropout(0.1), torch.nn.Linear(32, 4))
_optimisers = [torch.optim.SGD(_model.parameters(), 0.1, momentum=0.9), torch.optim.Adam(_model.parameters())]
for _optimiser in _optimisers:
    _optimiser.zero_grad()
    torch.nn.functional.cross_entropy(_model(torch.randn(3, 1, 8, 8)), torch.tensor([0, 1, 2])).backward()
    _optimiser.step()
with torch.no_grad():
    torch.sigmoid(_model(torch.zeros(1, 1, 8, 8))).numpy()
fig, ax = plt.subplots(1, 2)
ax[0].plot([1, 2, 4], label="a"); ax[0].set_yscale("log"); ax[0].legend(); ax[0].set_title("a $x^2$"); ax[0].grid()
ax[1].imshow(np.eye(4), cmap="gray"); ax[1].set_xlabel("b")
fig.tight_layout()
plt.show()
"""

BROKEN = "_warm = {}\n_warm['nothing here']"


def warm(shell: CourseShell, steps: bool = True) -> None:
    """Import and try everything the assignments use, then forget the names."""
    for source in [STUDENT, STEPS, BROKEN, "1 + 1"] if steps else [STUDENT]:
        good, _ = shell.run_one(source)
        if not good and source is not BROKEN:
            raise RuntimeError(f"the warm-up failed at: {source[:60]!r}")
    import autograder.judge.serve  # noqa: F401  a kernel may not read the grader's files

    fresh(shell)


def fresh(shell: CourseShell) -> None:
    """The shell as if nothing had run in it."""
    from matplotlib import pyplot

    pyplot.close("all")
    shell.reset(new_session=True)
    shell.execution_count = 1
    shell.user_ns.pop("_warm", None)
    gc.collect()
    gc.freeze()


def one_thread() -> None:
    """torch can be forked only if nothing in this process ever ran in a second thread."""
    for line in Path("/proc/self/status").read_text().splitlines():
        if line.startswith("Threads:") and line.split()[1] != "1":
            raise RuntimeError(f"the zygote has {line.split()[1]} threads and can't be forked safely")


def reseed(seed: int | None) -> None:
    """Random numbers of a forked process: its own, or ``seed``'s."""
    import sys

    if seed is None:
        seed = int.from_bytes(os.urandom(4), "little")
    random.seed(seed)
    for name in ("numpy", "torch"):
        module: Any = sys.modules.get(name)
        if module is not None:
            (module.random.seed if name == "numpy" else module.manual_seed)(seed % 2**32)
