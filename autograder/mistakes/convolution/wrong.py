"""Wrong solutions, as changes of the model solution's text: (its right names, old text, new text)."""

from __future__ import annotations

from . import wrong_definition, wrong_gradients, wrong_later, wrong_lowering

WRONG: dict[str, list[tuple[str, ...]]] = {
    **wrong_definition.ROWS,
    **wrong_lowering.ROWS,
    **wrong_gradients.ROWS,
    **wrong_later.ROWS,
}
