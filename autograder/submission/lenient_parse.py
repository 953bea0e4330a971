"""What can still be read of a notebook that breaks the format's rules: its cells, their text, their ids.

Editors, converters and merges break notebooks in ways that hurt nobody: a field too many, an id that is not allowed, an
output without a name. Outputs are made anew in grading, and tags are dropped, so only cells have to be found.
"""

from __future__ import annotations

import hashlib
import re
from typing import Any

import nbformat
from nbformat import NotebookNode

from ..text import whole

ID = re.compile(r"[A-Za-z0-9_-]{1,64}\Z")
TYPES = ("code", "markdown", "raw")
KEPT = ("nbgrader", "course")
"""The cell's metadata that grading looks at."""


def lenient_parse(content: dict[str, Any]) -> NotebookNode | None:
    """A valid notebook of version 4.5 with the cells of `content`, without outputs; None where it holds no cells."""
    found = [made for made in map(_cell, _cells(content)) if made is not None]
    if not found:
        return None
    seen: set[str] = set()
    for number, cell in enumerate(found):
        if not ID.match(cell["id"]) or cell["id"] in seen:
            cell["id"] = hashlib.sha256(f"{number} {cell['source']}".encode()).hexdigest()[:16]
        seen.add(cell["id"])
    return nbformat.from_dict({"cells": found, "metadata": {}, "nbformat": 4, "nbformat_minor": 5})


def _cells(content: dict[str, Any]) -> list[Any]:
    """The cells, which version 3 kept in worksheets."""
    sheets = content.get("worksheets")
    parts = [content, *(sheets if isinstance(sheets, list) else [])]
    return [
        c for part in parts if isinstance(part, dict) and isinstance(part.get("cells"), list) for c in part["cells"]
    ]


def _cell(cell: Any) -> dict[str, Any] | None:
    if not isinstance(cell, dict):
        return None
    kind = cell.get("cell_type")
    if kind not in TYPES:
        kind = "code" if "execution_count" in cell or "outputs" in cell else "markdown"
    metadata = cell.get("metadata")
    meta = (
        {k: plain(metadata[k]) for k in KEPT if isinstance(metadata.get(k), dict)} if isinstance(metadata, dict) else {}
    )
    made = {"cell_type": kind, "id": str(cell.get("id", "")), "metadata": meta, "source": _text(cell)}
    if kind == "code":
        made |= {"outputs": [], "execution_count": None}
    return made


def _text(cell: dict[str, Any]) -> str:
    source = cell.get("source", cell.get("input", ""))
    if isinstance(source, list):
        source = "".join(line for line in source if isinstance(line, str))
    return whole(source) if isinstance(source, str) else ""


def plain(value: Any) -> Any:
    """A JSON value whose texts can be written to a file."""
    if isinstance(value, str):
        return whole(value)
    if isinstance(value, list):
        return [plain(v) for v in value]
    if isinstance(value, dict):
        return {whole(str(k)): plain(v) for k, v in value.items()}
    return value
