"""What a zygote runs once to warm up: the first use of a library costs far more than the second."""

from collections.abc import Iterable
from pathlib import Path

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
import autograder.judge.line
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
