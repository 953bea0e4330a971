"""Different right solutions pass every check: other formulas, layouts, libraries and types."""

from __future__ import annotations

import pytest
from conftest import CELLS, DEFINITIONS, HEADER
from test_mistakes import CHECKS

from autograder.mistakes.network_from_scratch.right import EINSUM, FLOAT32, LOOPS, OTHER_LAYOUT, TORCH

VARIANTS = {"einsum": EINSUM, "loops": LOOPS, "torch": TORCH, "float32": FLOAT32, "other layout": OTHER_LAYOUT}


@pytest.mark.parametrize("which", CHECKS)
@pytest.mark.parametrize("variant", VARIANTS)
def test_a_different_right_solution_passes(variant, which):
    cells = {**CELLS, **VARIANTS[variant]}
    names: dict = {}
    exec(HEADER + "\n".join(cells[cell] for cell in DEFINITIONS), names)
    CHECKS[which](names)
