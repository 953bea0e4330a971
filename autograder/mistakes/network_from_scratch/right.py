"""Right solutions that differ from the model solution, by what is different about them."""

from __future__ import annotations

from . import right_layers, right_losses, right_network, right_runs, right_studies, right_torch
from .variants import EINSUM, FLOAT32, LOOPS, OTHER_LAYOUT, TORCH

RIGHT = {
    "einsum": EINSUM,
    "loops": LOOPS,
    "torch": TORCH,
    "float32": FLOAT32,
    "other layout": OTHER_LAYOUT,
    **right_layers.RIGHT,
    **right_losses.RIGHT,
    **right_torch.RIGHT,
    **right_network.RIGHT,
    **right_studies.RIGHT,
    **right_runs.RIGHT,
}
