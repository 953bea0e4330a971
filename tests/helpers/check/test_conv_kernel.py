"""The Triton kernel of the model solution in the interpreter, and the check that judges it."""

from __future__ import annotations

import importlib.util
import subprocess
import sys

import pytest

from autograder.authoring.source import read
from autograder.course import REPOSITORY, Course

pytestmark = pytest.mark.skipif(importlib.util.find_spec("triton") is None, reason="Triton is not installed here.")

BEGIN = """
import os
os.environ["TRITON_INTERPRET"] = "1"
import numpy as np
import torch
import triton
import triton.language as tl
from helpers import check
TILE = 16
"""


def judged(tmp_path, change=("", "")):
    """What the check prints about the model solution's kernel with one change, in a Python of its own."""
    cells = {cell.id: cell.text for cell in read(Course().source("convolution"))[0].cells}
    kernel = cells["H-kernel"]
    assert change[0] in kernel
    # Triton reads a kernel's source from its file.
    program = tmp_path / "kernel.py"
    parts = (BEGIN, cells["A-size"], kernel.replace(*change), cells["H-launch"], cells["H-kernel-check"])
    program.write_text("\n".join(parts))
    done = subprocess.run([sys.executable, program], cwd=REPOSITORY, capture_output=True, text=True, timeout=120)
    return done.stdout + done.stderr


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (("", ""), "(optional): passed. Verified: stride 1"),
        (("row = (p * u - pad_h)", "row = (p - pad_h)"), "along one axis only"),
        pytest.param(("total += tl.dot", "total = tl.dot"), "not yet", marks=pytest.mark.slow),
        pytest.param(
            ("total = tl.zeros((TILE, TILE), tl.float32)", "raise NotImplementedError()"), "the kernel is not written",
            marks=pytest.mark.slow,
        ),
    ],
)  # fmt: skip
def test_the_kernel_is_judged_in_the_interpreter(tmp_path, change, words):
    assert words in judged(tmp_path, change)
