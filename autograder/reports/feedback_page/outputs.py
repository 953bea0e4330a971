"""A student's own outputs as harmless blocks: text, tables, pictures, errors. Large ones are cut, with a sentence."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

from markupsafe import Markup

from ...submission.saved_figures import SAVED, SMALL_RUN
from ...text import one_line, plain, text
from .diagnosis import ENGINE
from .redact import Secrets
from .sanitize import Html, cut, image_url, table_html, text_html

IMAGES = ("image/png", "image/jpeg", "image/svg+xml")
PASTED = ("image/png", "image/jpeg")
DATA_PICTURE = re.compile(r"!\[([^\[\]\n]{0,200})\]\(data:(image/(?:png|jpeg));base64,([A-Za-z0-9+/=]+)\)")
MORE_PICTURES = "This text has more pictures; they are left out here."
PER_CELL = 20
PICTURES, TEXTS, CELLS = 12_000_000, 4_000_000, 4_000_000
"""Bytes of HTML on one page: of pictures, of what cells put out otherwise, of the cells themselves."""
FRAME = 100
"""Bytes around a block."""
PATH = re.compile(r"(?:[A-Za-z]:)?[/\\](?:[^\s/\\:'\"<>]+[/\\])+")
KNOWN = re.compile(r"(?<=[/\\])(?:site-packages|python3\.\d+|helpers)[/\\]")
KEPT_OUT = "This output repeats something that is not for students; it is left out here."
FULL = "What else this cell put out is left out here, because this page already holds much."
AFTER_HIDDEN = (
    "This cell redefines what earlier hidden tests had to run with, or stands below one that does; what it may have "
    "printed is therefore left out here."
)
OWN = {
    "KernelDied": "Python itself ended in this cell: a crash, an exit, or too much memory.",
    "NotRun": "This cell was not run, because Python had ended before.",
    "TimeUp": "This cell was stopped, because it ran too long.",
    "NotImplementedError": "Still to do.",
}


@dataclass
class Block:
    """`kind` is text, table, image, error or note; `html` is safe, `words` are escaped by the template."""

    kind: str
    html: Html = field(default_factory=Markup)
    words: str = ""
    url: str = ""
    width: int = 0
    """CSS pixels of a picture, 0 for its own size."""


class Room:
    """How many bytes of a page are left; when they are used up, nothing more is taken."""

    def __init__(self, size: int) -> None:
        self.left = size

    @property
    def full(self) -> bool:
        return self.left < 0

    def take(self, size: int) -> bool:
        self.left -= size
        return not self.full


def blocks(outputs: Any, secrets: Secrets, pictures: Room, texts: Room) -> list[Block]:
    """The outputs of a cell that is not a test, in order, as far as there is room on the page."""
    outputs = [o for o in outputs if isinstance(o, dict)] if isinstance(outputs, list) else []
    made: list[Block] = []
    late = any(_error_name(o) == "TimeUp" for o in outputs)
    for output in _joined(outputs):
        if late and _error_name(output) == "KeyboardInterrupt":  # the engine's own, before it says why
            continue
        if texts.full:
            return [*made, Block("note", words=FULL)]
        for block in _blocks(output, secrets, pictures):
            if len(made) == PER_CELL:
                return [*made, Block("note", words="This cell has more outputs; they are left out here.")]
            if not texts.take(len(block.html.encode()) + len(block.words.encode()) + FRAME):
                return [*made, Block("note", words=FULL)]
            made.append(block)
    return made


def attached(cell: Any, secrets: Secrets, pictures: Room) -> list[Block]:
    """The pictures that were pasted into a text: its attachments, and those that stand in it as data."""
    found: list[tuple[str, str, Any]] = []
    attachments = cell.get("attachments")
    for name, bundle in attachments.items() if isinstance(attachments, dict) else ():
        found += [(mime, text(name), bundle[mime]) for mime in PASTED if isinstance(bundle, dict) and mime in bundle]
    for one in DATA_PICTURE.finditer(text(cell.get("source"))):
        found.append((one[2], one[1], one[3]))
    made = []
    for mime, name, data in found[:PER_CELL]:
        about = {mime: {"alt": f"A picture in this text: {one_line(name, 200)}"}}
        made.append(_image(mime, {mime: data}, about, secrets, pictures))
    return made + ([Block("note", words=MORE_PICTURES)] if len(found) > PER_CELL else [])


def without_data(source: str) -> str:
    """A text without the data of its pictures, which are shown below it."""
    return DATA_PICTURE.sub(r"(picture: \1)", source)


def _error_name(output: Any) -> str:
    return one_line(output.get("ename"), 80) if output.get("output_type") == "error" else ""


def _joined(outputs: list[Any]) -> Iterator[Any]:
    """With neighbouring pieces of one stream put together."""
    waiting: list[str] = []
    for output in outputs:
        if output.get("output_type") == "stream":
            waiting.append(text(output.get("text")))
            continue
        if waiting:
            yield {"output_type": "stream", "text": "".join(waiting)}
            waiting = []
        yield output
    if waiting:
        yield {"output_type": "stream", "text": "".join(waiting)}


def _blocks(output: Any, secrets: Secrets, pictures: Room) -> Iterator[Block]:
    kind = output.get("output_type")
    if kind == "error":
        yield _error(output, secrets)
    elif kind == "stream":
        yield from _text(output.get("text"), secrets)
    else:
        data = output.get("data")
        data = data if isinstance(data, dict) else {}
        found = next((mime for mime in IMAGES if mime in data), "")
        table = table_html(data["text/html"]) if not found and "text/html" in data else None
        if found:
            yield _image(found, data, output.get("metadata"), secrets, pictures)
        elif table is not None:
            yield Block("note", words=KEPT_OUT) if secrets.in_text(text(data["text/html"])) else Block("table", table)
        elif "text/plain" in data:
            yield from _text(data["text/plain"], secrets)
        elif data:
            kind = one_line(min(map(text, data)), 60)
            yield Block("note", words=f"An output of type {kind} is not shown here.")


def _text(value: Any, secrets: Secrets) -> Iterator[Block]:
    whole = text(value)
    if not whole.strip():
        return
    if whole in (SMALL_RUN, SAVED):
        yield Block("note", words=whole)
        return
    if any(secrets.in_text(part) for part in cut(whole)):
        yield Block("note", words=KEPT_OUT)
    else:
        yield Block("text", text_html(whole.strip("\n")))


def _image(mime: str, data: Any, metadata: Any, secrets: Secrets, pictures: Room) -> Block:
    url = image_url(mime, data[mime])
    if not url:
        return Block("note", words="A picture is left out here: it is damaged, or too large.")
    if not pictures.take(len(url)):
        return Block("note", words="A picture is left out here, because this page already holds many.")
    about = metadata.get(mime) if isinstance(metadata, dict) else None
    alt = about.get("alt") if isinstance(about, dict) else None
    words = one_line(alt or "A picture that this cell drew.", 1000)
    width = about.get("width") if isinstance(about, dict) else 0
    width = width if type(width) is int and 0 < width < 5000 else 0
    return Block("image", words="A picture." if secrets.in_text(words) else words, url=url, width=width)


def _error(output: Any, secrets: Secrets) -> Block:
    name, value = one_line(output.get("ename"), 80), one_line(output.get("evalue"), 400)
    if name in OWN and (name in ENGINE or value.startswith("still to do")):
        return Block("note", words=OWN[name])
    lines = output.get("traceback")
    trace = "\n".join(text(line)[-20_000:] for line in lines[-40:]) if isinstance(lines, list) else ""
    if secrets.in_text(trace + name + value):
        return Block("error", words=name)
    trace = PATH.sub(_shortened, trace)
    shown = text_html("\n".join(trace.split("\n")[-40:])) if plain(trace).strip() else Markup("")
    return Block("error", shown, f"{name}: {value}" if value else name)


def _shortened(found: re.Match[str]) -> str:
    """A path without what stands before the last folder that is the same on every machine."""
    path = found[0]
    first = re.search(r"[/\\]", path)
    known = [one.start() for one in KNOWN.finditer(path) if first and one.start() > first.end()]
    return f"…/{path[known[-1] :]}" if known else path
