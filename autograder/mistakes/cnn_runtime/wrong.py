"""Wrong solutions, as changes of the model solution's text: (its right names, old text, new text)."""

from __future__ import annotations

from . import wrong_counts, wrong_fits, wrong_measured, wrong_timing

WRONG: dict[str, list[tuple[str, ...]]] = {}
for part in (wrong_counts, wrong_timing, wrong_measured, wrong_fits):
    WRONG.update(part.ROWS)
