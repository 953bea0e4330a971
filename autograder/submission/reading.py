"""A hand-in's notebook file as a valid notebook, or a sentence that says why it is none."""

from __future__ import annotations

import json
import math
from typing import Any

import nbformat
from nbformat import NotebookNode

from . import repairs, size_limits
from .lenient_parse import lenient_parse, plain

LARGEST, LARGE, MOST_READ = 50_000_000, 5_000_000, 250_000_000
"""Bytes of a notebook that are looked at; from how many on its outputs are left out before; and with these."""
MOST_METADATA, DEEPEST = 100_000, 40
MERGED = repairs.CONFLICT_TOLD.replace("markers", "markers in its cells")
HALF = "\\ud"
"""Only so written a file can hold halves of characters, which no other file can."""


class Ungradable(Exception):
    """A hand-in that can't be graded; the message is a sentence for people."""


def parse(raw: bytes, name: str) -> tuple[NotebookNode, list[str]]:
    """The first of `ways`."""
    return ways(raw, name)[0]


def ways(raw: bytes, name: str) -> list[tuple[NotebookNode, list[str]]]:
    """A notebook file's bytes as a valid notebook of version 4, with notes where it had to be mended; as several, where
    only what is in them can tell which is meant.

    What only breaks rules of the format (fields, ids, outputs) is passed over. Ungradable with a sentence that begins
    with `name` where no cell can be read.
    """
    if len(raw) > LARGEST:
        raise Ungradable(f"{name} is {len(raw) / 1e6:.0f} MB large, more than {LARGEST // 10**6}, its outputs aside")
    if not raw.strip(b"\0 \t\r\n\xef\xbb\xbf"):
        raise Ungradable(f"{name} is an empty file; was it saved?")
    text, whole = _text(raw)
    try:
        found = repairs.readings(text)
    except ValueError as error:
        if what := repairs.kind(raw, text):
            raise Ungradable(f"{name} is no notebook but {what}") from None
        if not whole:
            raise Ungradable(f"{name} is no notebook: it is not text") from None
        line = getattr(error, "lineno", 0)
        raise Ungradable(f"{name} is damaged: it stops being a notebook in line {line}") from None
    except RecursionError:
        raise Ungradable(f"{name} is damaged: it is nested too deeply") from None
    marked = [] if whole else [f"{name} holds characters that can't be read; they were replaced."]
    read: list[tuple[NotebookNode, list[str]]] = []
    met = Ungradable(f"{name} is no notebook: it holds no cells")
    for content, mended in found:
        if not isinstance(content, dict) or not ("cells" in content or "worksheets" in content):
            what = repairs.kind(raw, text)
            met = Ungradable(f"{name} is no notebook but {what}") if what else met
            continue
        sides = repairs.merged(content)
        mended = MERGED if sides else mended
        for side in sides or [content]:
            try:
                notebook, told = _notebook(side, name, text)
            except Ungradable as error:
                met = error
                continue
            read.append((notebook, marked + ([f"{name} {mended}."] if mended else []) + told))
    if not read:
        raise met
    return read


def _notebook(content: dict[str, Any], name: str, text: str) -> tuple[NotebookNode, list[str]]:
    """A notebook's JSON, which is `text` in its file, as a valid notebook; Ungradable where no cell can be read."""
    told = size_limits.cut(content)
    try:
        content = plain(content) if HALF in text.lower() else content
        if content.get("nbformat") == 4 and isinstance(minor := content.get("nbformat_minor"), int) and minor > 5:
            content["nbformat_minor"] = 5  # of a format that is still to come nbformat would let any cell pass
        notebook = _usual(content)
        if notebook is None:
            notebook = nbformat.reads(json.dumps(content), as_version=4)
            _, notebook = nbformat.validator.normalize(notebook, strip_invalid_metadata=True)
            nbformat.validate(notebook)
        return notebook, told
    except Exception as error:
        what = str(error).strip().splitlines()[0] if str(error).strip() else type(error).__name__
    found = lenient_parse(content)
    if found is None:
        raise Ungradable(f"{name} is damaged: it holds no cell that can be read")
    return found, [
        *told,
        f"{name} breaks the rules of notebook files ({what[:120]}); its cells could be read and were graded.",
    ]


def _usual(content: dict[str, Any]) -> NotebookNode | None:
    """What is valid as it came, which most are, in two fifths of the time of converting and mending; else None."""
    if (content.get("nbformat"), content.get("nbformat_minor")) != (4, 5):
        return None
    notebook = nbformat.v4.to_notebook(content)
    if next(nbformat.validator.iter_validate(notebook, version=4, version_minor=5), None) is not None:
        return None
    return notebook if len({cell.id for cell in notebook.cells}) == len(notebook.cells) else None


def slim(raw: bytes) -> bytes:
    """A notebook file without its outputs, in UTF-8, where it is larger than what is looked at; else as it is."""
    if len(raw) <= LARGE:
        return raw
    encoding = json.detect_encoding(raw)
    if not encoding.startswith("utf-8"):
        raw = raw.decode(encoding, "replace").encode("utf-8", "replace")
    return raw if repairs.CONFLICT.search(raw) else repairs.without_outputs(raw)


def _text(raw: bytes) -> tuple[str, bool]:
    """The text of a file, and whether all of it could be read."""
    encoding = json.detect_encoding(raw)
    try:
        return raw.decode(encoding), True
    except UnicodeDecodeError:
        return raw.decode("utf-8-sig", "replace"), False


def kept_metadata(found: Any) -> NotebookNode:
    """Metadata without what no editor writes and no tool can bear: large things, deep things, numbers that are none."""
    if not isinstance(found, dict):
        return NotebookNode()
    return NotebookNode({k: v for k, v in found.items() if v is None or isinstance(v, (bool, int, str)) or _sound(v)})


def _sound(value: Any) -> bool:
    level, depth = [value], 0
    while level:
        depth += 1
        if depth > DEEPEST or any(isinstance(v, float) and not math.isfinite(v) for v in level):
            return False
        level = [i for v in level if isinstance(v, (dict, list)) for i in (v.values() if isinstance(v, dict) else v)]
    return len(json.dumps(value)) <= MOST_METADATA
