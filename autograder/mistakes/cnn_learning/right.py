"""Right solutions that differ from the model solution, by what is different about them."""

from __future__ import annotations

from . import right_layers, right_network, right_outside, right_shapes, right_studies

RIGHT = {**right_shapes.RIGHT, **right_layers.RIGHT, **right_network.RIGHT, **right_studies.RIGHT, **right_outside.RIGHT}
