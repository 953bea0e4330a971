"""Right solutions by outsiders: each way alone, and whole notebooks, where the first has the first way to do each exercise, and so on."""

from __future__ import annotations

from . import (
    right_outside_conv,
    right_outside_layers,
    right_outside_network,
    right_outside_shapes,
    right_outside_studies,
)

CELLS: dict[str, dict[str, str]] = {
    **right_outside_shapes.CELLS,
    **right_outside_conv.CELLS,
    **right_outside_layers.CELLS,
    **right_outside_network.CELLS,
    **right_outside_studies.CELLS,
}

RIGHT: dict[str, dict[str, str]] = {
    f"outside, {cell}: {way}": {cell: text} for cell, ways in CELLS.items() for way, text in ways.items()
}
RIGHT.update(
    {
        f"outside, way {i + 1} of each exercise": {
            cell: list(ways.values())[i % len(ways)] for cell, ways in CELLS.items()
        }
        for i in range(4)
    }
)
