"""Limits on how much of a hand-in is read, above any real work; the rest is cut, and a note says so.

A notebook is read, parsed, kept and shown by processes that many students share: its size must not
affect what the others get.
"""

from __future__ import annotations

from typing import Any

from ..text import some
from .bindings import LONGEST
from .saved_figures import keep_figures

CELLS = 1_000
CODE, TEXT = 1_000_000, 4_000_000
"""Characters of one cell."""
PARSED, UNPARSED = 2_000_000, 10_000_000
"""Characters of all cells that Python's parser is asked about, and of all that are too long for it."""
OURS = ("nbgrader", "course")


def cut(content: dict[str, Any]) -> list[str]:
    """Cut what a notebook's JSON holds too much of, in place; the sentences. Of outputs only figures stay:
    grading makes new ones.

    Of too many cells those that name a cell of the assignment stay (the last of them), then the first of the others.
    """
    sheets = content.get("worksheets")
    parts = [part for part in [content, *(sheets if isinstance(sheets, list) else [])] if isinstance(part, dict)]
    lists = [part["cells"] for part in parts if isinstance(part.get("cells"), list)]
    cells = [cell for found in lists for cell in found if isinstance(cell, dict)]
    notes = []
    if sum(map(len, lists)) > CELLS:
        ours = [cell for cell in cells if _ours(cell)][-CELLS:]
        others = [cell for cell in cells if not _ours(cell)][: CELLS - len(ours)]
        kept = set(map(id, ours + others))
        notes.append(f"The notebook has {sum(map(len, lists)):,} cells, more than {CELLS:,}; the rest was left out.")
        for found in lists:
            found[:] = [cell for cell in found if id(cell) in kept]
        cells = [cell for cell in cells if id(cell) in kept]
    for cell in cells if content.get("nbformat") != 4 else ():
        if isinstance(cell.get("outputs"), list):
            cell["outputs"] = []
    keep_figures(cell for cell in cells if isinstance(cell.get("outputs"), list))
    left, long = {True: PARSED, False: UNPARSED}, []
    for number, cell in enumerate(cells, 1):
        key = "source" if "source" in cell else "input"
        text = cell.get(key)
        text = "".join(line for line in text if isinstance(line, str)) if isinstance(text, list) else text
        if not isinstance(text, str):
            continue
        size, code = len(text), cell.get("cell_type") == "code"
        most = min(CODE if code else TEXT, left[size <= LONGEST])
        if size > most:
            long.append(number)
            words = f"this cell has {size:,} characters, and there was room for {most:,}."
            cell[key] = f"# Left out: {words}" if code else f"{text[:most]}\n\n(Cut: {words})"
            size = 0 if code else most
        left[len(text) <= LONGEST] -= size
    if long:
        notes.append(f"Cells with too much text were cut, code as a whole: number {some([*map(str, long)])}.")
    return notes


def _ours(cell: dict[str, Any]) -> bool:
    metadata = cell.get("metadata")
    return isinstance(metadata, dict) and any(isinstance(metadata.get(key), dict) for key in OURS)
