"""Wrong solutions, as changes of the model solution's text: (its right names, old text, new text)."""

from __future__ import annotations

from . import (
    wrong_habits,
    wrong_layers,
    wrong_network,
    wrong_outside,
    wrong_outside_studies,
    wrong_outside_training,
    wrong_plateau,
    wrong_shapes,
    wrong_study,
    wrong_training,
)

WRONG: dict[str, list[tuple[str, ...]]] = {}
PARTS = (
    wrong_shapes,
    wrong_layers,
    wrong_network,
    wrong_training,
    wrong_study,
    wrong_plateau,
    wrong_habits,
    wrong_outside,
    wrong_outside_training,
    wrong_outside_studies,
)
for part in PARTS:
    for cell, rows in part.ROWS.items():
        WRONG[cell] = [*WRONG.get(cell, []), *rows]
