"""The model solution's code, with one piece exchanged: how a student's mistake is made."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

SOURCE = Path(__file__).parents[3] / "solutions/network_from_scratch/network_from_scratch.py"
CELLS = dict(re.findall(r'^# %% exercise="([^"]+)"\n(.*?)(?=^# %%|\Z)', SOURCE.read_text(), re.M | re.S))
DEFINITIONS = ("A-linear", "A-sigmoid", "A-softmax", "A-loss", "B-mlp", "B-epoch", "B-evaluate", "C-spot", "D-decay", "E-rescale")
HEADER = "import numpy as np\nfrom helpers.backend import array_namespace, backend\n"


def run(changes: dict[str, str] | None = None) -> dict[str, Any]:
    """Names that the notebook's definitions leave behind, after `changes` (old text -> new text)."""
    code = HEADER + "\n".join(CELLS[cell] for cell in DEFINITIONS)
    for old, new in (changes or {}).items():
        assert old in code, f"the model solution no longer contains {old!r}"
        code = code.replace(old, new)
    names: dict[str, Any] = {}
    exec(compile(code, "<student>", "exec"), names)
    return names


@pytest.fixture(scope="session")
def student() -> Callable[..., dict[str, Any]]:
    return run
