"""Whole notebooks of an outsider's right solutions: the first one has the first way to do each exercise, and so on."""

from __future__ import annotations

from autograder.mistakes import Edits

from . import right_outside_counts, right_outside_fits, right_outside_measured, right_outside_timing

CELLS: dict[str, dict[str, str]] = {
    **right_outside_counts.CELLS,
    **right_outside_timing.CELLS,
    **right_outside_measured.CELLS,
    **right_outside_fits.CELLS,
}

RIGHT: dict[str, dict[str, str | Edits]] = {
    f"outside, way {i + 1} of each exercise": {cell: list(ways.values())[i % len(ways)] for cell, ways in CELLS.items()}
    for i in range(max(map(len, CELLS.values())))
}
