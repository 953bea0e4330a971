"""Wrong solutions, as changes of the model solution's text: (its right names, old text, new text)."""

from __future__ import annotations

from . import (
    wrong_counts,
    wrong_fits,
    wrong_measured,
    wrong_outside,
    wrong_outside_fits,
    wrong_outside_timing,
    wrong_timing,
)

WRONG: dict[str, list[tuple[str, ...]]] = {}
for part in (wrong_counts, wrong_timing, wrong_measured, wrong_fits, wrong_outside, wrong_outside_timing, wrong_outside_fits):
    for cell, rows in part.ROWS.items():
        WRONG[cell] = [*WRONG.get(cell, []), *rows]
