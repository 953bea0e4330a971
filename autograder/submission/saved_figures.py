"""The figures that a student saved, beside those that grading draws from its small run.

An answer in words is about the figure that the student saw, which grading, with fewer images and other times, does not
draw again.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

from nbformat import NotebookNode

from ..authoring.snapshot import Snapshot
from ..authoring.source import grade_id
from ..text import text

BEGIN = {"image/png": "iVBORw0KGg", "image/jpeg": "/9j/"}
"""How the base64 of a picture begins."""
LARGEST, IN_ALL = 400_000, 3_000_000
"""Characters of base64 of one figure, and of all of a notebook."""
SMALL_RUN = "Drawn from grading's small run:"
SAVED = "As it was saved in the hand-in:"


def keep_figures(cells: Iterable[dict[str, Any]]) -> None:
    """Of the outputs of code cells only the pictures stay, as long as there is room for them."""
    left = IN_ALL
    for cell in cells:
        kept = []
        for output in cell["outputs"] if isinstance(cell.get("outputs"), list) else ():
            mime, packed = _picture(output)
            if packed and len(packed) <= min(LARGEST, left):
                left -= len(packed)
                kept.append(_output({mime: packed}, {mime: _about(output, mime)}))
        cell["outputs"] = kept


def _picture(output: Any) -> tuple[str, str]:
    """(type, base64) of an output's picture; empty where it has none."""
    data = output.get("data") if isinstance(output, dict) else None
    for mime, begin in BEGIN.items():
        packed = "".join(text(data[mime]).split()) if isinstance(data, dict) and mime in data else ""
        if packed.startswith(begin):
            return mime, packed
    return "", ""


def _about(output: dict[str, Any], mime: str) -> dict[str, Any]:
    """The size and the words of a picture."""
    metadata = output.get("metadata")
    about = metadata.get(mime) if isinstance(metadata, dict) else None
    about = about if isinstance(about, dict) else {}
    sizes = {key: about[key] for key in ("width", "height") if type(about.get(key)) is int}
    return sizes | ({"alt": about["alt"][:1000]} if isinstance(about.get("alt"), str) else {})


def _output(data: dict[str, str], metadata: dict[str, Any]) -> NotebookNode:
    about = {key: NotebookNode(value) for key, value in metadata.items()}
    return NotebookNode(output_type="display_data", data=NotebookNode(data), metadata=NotebookNode(about))


def saved(notebook: NotebookNode) -> list[list[NotebookNode]]:
    """The outputs of each cell of a rebuilt notebook that has not run yet: its saved figures."""
    return [list(cell.get("outputs", ())) for cell in notebook.cells]


def put_beside(notebook: NotebookNode, figures: Sequence[Sequence[NotebookNode]], snapshot: Snapshot) -> None:
    """Say of each figure that it is from grading's small run, and add the `saved` one where it is another."""
    for cell, own in zip(notebook.cells, figures, strict=True):
        known = snapshot.known.get(grade_id(cell))
        if cell.cell_type != "code" or (known is not None and known.judged):
            continue
        before = {_picture(output)[1] for output in own}
        outputs, drawn = [], {""}
        for output in cell.outputs:
            if (packed := _picture(output)[1]) not in before | drawn:
                outputs.append(_output({"text/plain": SMALL_RUN}, {}))
            drawn.add(packed)
            outputs.append(output)
        for output in own:
            if _picture(output)[1] not in drawn:
                outputs += [_output({"text/plain": SAVED}, {}), output]
        cell.outputs = outputs
