"""A notebook file that is not one JSON text: the ways to read it, one row each, and what it is where there is none."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from typing import Any

from ..text import one_line

STRING = r'"(?:[^"\\]++|\\.)*+'
COMMA = re.compile(rf'({STRING}(?:"|\Z))|,(?=\s*[\]}}])', re.DOTALL)
BRACKET = re.compile(rf'(?:[^"\[\]{{}}]++|{STRING}(?:"|\Z))*+([\[\]{{}}]|\Z)'.encode(), re.DOTALL)
CELLS = re.compile(r'"cells"\s*:\s*\[\s*')
NEXT = re.compile(r"\s*,?\s*")
CELL = re.compile(r'\{\s*"(?:attachments|cell_type)"\s*:')
MOST_GAPS, MOST_NOTEBOOKS = 20, 10
GENERATED = re.compile(rb'"(?:outputs"\s*:\s*\[|widgets"\s*:\s*\{)')
MARKS = ("<<<<<<<", "|||||||", "=======", ">>>>>>>")
CONFLICT = re.compile(rb"^<{7}[ \r\n]", re.MULTILINE)
CONFLICT_TOLD = "holds git's conflict markers; of the two sides the one with more of the student's own work was taken"
TITLE = re.compile(r"(?is)<title[^>]*>([^<]{1,200})")

AGAIN = "hand in the .ipynb file itself"
KINDS = (
    (rb"(?:<\?xml[^>]*>\s*|<!--[^>]*-->\s*)*<(?:!doctype\s+html|html|head|script)", "a web page"),
    (rb"%PDF-", "a PDF"),
    (rb"PK\x03\x04.{26}(?:\[Content_Types\]|word/|_rels/)", "a Word document"),
    (rb"PK\x03\x04|\x1f\x8b|7z\xbc\xaf|Rar!", "an archive, which has to be unpacked"),
    (rb"\xd0\xcf\x11\xe0|\{\\rtf", "a Word document"),
    (rb"\x89PNG|\xff\xd8\xff|GIF8|RIFF....WEBP|.{4}ftyphei", "a picture"),
    (rb"version https://git-lfs", "a pointer of Git LFS, in whose place `git lfs pull` puts the file"),
    (rb"\[InternetShortcut\]|\[\{000214A0|L\0\0\0\x01\x14\x02\0|bplist00|<\?xml.{0,200}<plist|\{\s*\"(?:url|doc_id)\"",
     "a shortcut to a file or page"),
    (rb"(?:[ \t]*+(?:#[^\n]*+)?+\r?\n)*+(?:import|from|def|class|get_ipython)\b|# (?:%%|In\[)", "a Python script"),
)  # fmt: skip
"""How files begin that are sometimes called .ipynb, and what they are."""


def kind(raw: bytes, text: str) -> str:
    """What a file is that is no notebook, and what to do, "" where nobody knows."""
    begin = raw[:4096].removeprefix(b"\xef\xbb\xbf").lstrip()
    for pattern, what in KINDS:
        if re.match(pattern, begin, re.DOTALL | re.IGNORECASE):
            title = TITLE.search(text[:100_000]) if what == "a web page" else None
            called = f" ({one_line(title[1], 60)!r}; perhaps a login page)" if title else ""
            return f"{what}{called}: {AGAIN}"
    return ""


def readings(text: str) -> list[tuple[Any, str]]:
    """What can be read of a text, each with a sentence on how it was mended ("" where nothing had to be).

    Several where only their content can tell which is meant. ValueError where nothing can be read.
    """
    found = _sides(text)
    if found is None:
        return _documents(text)
    told = CONFLICT_TOLD
    made, error = [], ValueError()
    for side in found:
        try:
            made += [(content, f"{told}; it {mended}" if mended else told) for content, mended in _documents(side)]
        except ValueError as met:
            error = met
    if not made:
        raise error
    return made


def _documents(text: str) -> list[tuple[Any, str]]:
    try:
        return [(content, "") for content in (load(text),)]
    except json.JSONDecodeError as error:
        first = error
    for repair, told in REPAIRS:
        found = [content for content in repair(text) if isinstance(content, dict) and content.get("cells")]
        if found:
            count = len(found) if repair is _one_after_the_other else len(found[0]["cells"])
            return [(content, told(count)) for content in found]
    raise first


def load(text: str, **how: Any) -> Any:
    """As json.loads, but that a number of thousands of digits, of which Python makes none, becomes 0."""
    try:
        return json.loads(text, **how)
    except json.JSONDecodeError:
        raise
    except ValueError:
        return json.loads(text, parse_int=lambda digits: int(digits) if len(digits) < 1000 else 0, **how)


def _one_after_the_other(text: str) -> Iterator[Any]:
    """The documents of a text that holds several, or one and something behind it."""
    decoder, at = json.JSONDecoder(), 0
    for _ in range(MOST_NOTEBOOKS):
        try:
            content, at = decoder.raw_decode(text, NEXT.match(text, at).end())  # type: ignore[union-attr]
        except ValueError:
            return
        yield content


def _without_commas(text: str) -> Iterator[Any]:
    """Without commas before a closing bracket."""
    try:
        yield load(COMMA.sub(r"\1", text))
    except ValueError:
        return


def _cells(text: str) -> Iterator[Any]:
    """The cells that are whole, one after the other; what is damaged between them is passed over."""
    begin = CELLS.search(text)
    decoder, cells, gaps = json.JSONDecoder(), [], 0
    at = begin.end() if begin else len(text)
    while at < len(text) and gaps < MOST_GAPS:
        try:
            cell, end = decoder.raw_decode(text, at)
        except ValueError:
            gaps += 1
            following = CELL.search(text, at + 1)
            at = following.start() if following else len(text)
            continue
        cells.append(cell)
        at = NEXT.match(text, end).end()  # type: ignore[union-attr]
        if text[at : at + 1] == "]":
            break
    kept = [cell for cell in cells if isinstance(cell, dict)]
    yield {"cells": kept, "metadata": {}, "nbformat": 4, "nbformat_minor": 5}


REPAIRS = (
    (_one_after_the_other, lambda n: "holds more behind its end, which was left out" if n == 1 else
     f"holds {n} notebooks, one after the other; the one with most of the student's own work was taken"),
    (_without_commas, lambda n: "had a comma too many"),
    (_cells, lambda n: f"is cut off or damaged; {n} {'cell' if n == 1 else 'cells'} could be read"),
)  # fmt: skip
"""What is tried with a text that is no JSON, in this order, and how it is told of n notebooks or cells."""


def _sides(text: str) -> tuple[str, str] | None:
    """Both sides of a merge whose conflicts git has marked in the text; None where it holds none."""
    if MARKS[0] not in text or MARKS[3] not in text:
        return None
    sides: tuple[list[str], list[str]] = ([], [])
    part, met = -1, False
    for line in text.split("\n"):
        mark = MARKS.index(line[:7]) if line[:7] in MARKS and line[7:8] in ("", " ", "\r") else -1
        if mark == 0 if part < 0 else mark > part:
            part, met = mark if mark < 3 else -1, met or mark == 3
            continue
        for side, left_out in zip(sides, ((1, 2), (0, 1)), strict=True):
            if part not in left_out:
                side.append(line)
    return ("\n".join(sides[0]), "\n".join(sides[1])) if met else None


def merged(content: dict[str, Any]) -> list[dict[str, Any]]:
    """The two notebooks of one in whose cells a merge has left its marks; none where it has left none."""
    made: list[dict[str, Any]] = []
    cells = content.get("cells")
    found = [_sides(_source(cell)) for cell in cells] if isinstance(cells, list) else []
    if isinstance(cells, list) and any(found):
        for side in (0, 1):
            made.append(content | {"cells": [
                {**cell, "source": sides[side]} if sides else cell for cell, sides in zip(cells, found, strict=True)
            ]})  # fmt: skip
    return made


def _source(cell: Any) -> str:
    source = cell.get("source") if isinstance(cell, dict) else ""
    if isinstance(source, list):
        source = "".join(line for line in source if isinstance(line, str))
    return source if isinstance(source, str) else ""


def without_outputs(raw: bytes) -> bytes:
    """A notebook's text without what its cells put out and what widgets remember, which grading makes anew; in one
    look, without reading it as JSON."""
    kept: list[bytes] = []
    at, tokens = 0, BRACKET.finditer(raw)
    for begin in GENERATED.finditer(raw):
        depth, first = 0, begin.end() - 1
        for found in tokens:
            if found.start(1) < first:
                continue
            depth += 1 if found[1] in (b"[", b"{") else -1
            if depth <= 0:
                if found.start(1) > first >= at and found[1]:
                    kept += [raw[at : begin.end()], found[1]]
                    at = found.end()
                break
    return b"".join([*kept, raw[at:]])
