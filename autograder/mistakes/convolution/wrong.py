"""Wrong solutions, as changes of the model solution's text: (its right names, old text, new text)."""

from __future__ import annotations

from . import (
    wrong_definition,
    wrong_gradients,
    wrong_later,
    wrong_lowering,
    wrong_outside,
    wrong_outside_built,
    wrong_outside_later,
)

WRONG: dict[str, list[tuple[str, ...]]] = {}
for part in (wrong_definition, wrong_lowering, wrong_gradients, wrong_later, wrong_outside, wrong_outside_built, wrong_outside_later):
    for cell, rows in part.ROWS.items():
        WRONG[cell] = [*WRONG.get(cell, []), *rows]
