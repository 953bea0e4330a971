"""Whole notebooks of outsiders' right solutions: the first one has the first way to do each exercise, and so on."""

from __future__ import annotations

from . import right_outside_definition, right_outside_gradients, right_outside_lowering, right_outside_pooling

CELLS: dict[str, dict[str, str]] = {
    **right_outside_definition.CELLS,
    **right_outside_lowering.CELLS,
    **right_outside_gradients.CELLS,
    **right_outside_pooling.CELLS,
}

RIGHT: dict[str, dict[str, str]] = {
    f"outside, way {i + 1} of each exercise": {cell: list(ways.values())[i % len(ways)] for cell, ways in CELLS.items()}
    for i in range(max(map(len, CELLS.values())))
}
