"""Outputs of a notebook cell, rebuilt by the worker from what a process says. Whatever that is, they are valid."""

import json
import re
from dataclasses import dataclass
from typing import Any

from nbformat import NotebookNode

from ..text import whole

CHECK = "application/vnd.course.check+json"
MIME = re.compile(r"[A-Za-z0-9][\w.+-]{0,100}/[\w.+-]{1,100}", re.ASCII)
JSON_MIME = re.compile(r"application/(.*\+)?json", re.ASCII)
MOST_OUTPUTS = 2000
MOST_PLACES = 100
MOST_WORDS, FEW_WORDS = 20_000, 500
NODE = 64
"""Bytes that a list or object of JSON takes in memory beyond its text."""

Outputs = list[NotebookNode]


class Full(Exception):
    """The cell has written all that it may."""


@dataclass
class Room:
    """How many bytes the cells of a notebook may still put out together."""

    left: int
    over: bool = False

    def __post_init__(self) -> None:
        self.words = f"The cells put out more than {self.left / 1e6:g} MB in all; what came after that is left out."

    def take(self, size: int) -> bool:
        """Whether so much more fits. Once something did not, nothing does: what is left out is an end, not a gap."""
        self.over = self.over or size > self.left
        self.left -= 0 if self.over else size
        return not self.over


class Era:
    """What a cell shows between two ``clear_output``."""

    over = False


class Collector:
    """The outputs of one cell after another, ``limit`` bytes each. ``trusted``: may use the course's MIME type.

    Between two rich outputs the text of a stream is one output, standard output before standard error, however the
    pieces came. A display that is updated by a later cell changes where it was shown, as in Jupyter.
    """

    def __init__(self, limit: int, trusted: bool = False) -> None:
        self.limit = limit
        self.trusted = trusted
        self._shown: dict[str, list[tuple[Era, NotebookNode]]] = {}
        self.begin()

    def begin(self, room: Room | None = None) -> None:
        """A new cell. `room` is what it shares with the others of its notebook."""
        self.room, self._cut = room, False
        self.outputs: Outputs = []
        self.size = 0
        self._clear = False
        self._era = Era()
        self._texts: dict[str, list[str]] = {}

    def finish(self) -> Outputs:
        """The outputs of the cell that has ended."""
        self._join()
        if self._cut and self.room is not None:
            self.outputs.append(NotebookNode(output_type="stream", name="stdout", text=f"{self.room.words}\n"))
            self._cut = False
        return self.outputs

    def add(self, header: dict[str, Any]) -> None:
        """One frame of an output. Nonsense is dropped, a bit of it where that is enough."""
        kind = header.get("is")
        if kind == "stream":
            self.text(header.get("name"), header.get("text"))
        elif kind == "clear_output":
            if header.get("wait") is True:
                self._clear = True
            else:
                self._wipe()
        elif kind in ("display_data", "execute_result", "update_display_data"):
            self._rich(str(kind), header)
        elif kind == "error":
            traceback = header.get("traceback")
            lines = [_clean(line) for line in traceback if isinstance(line, str)] if isinstance(traceback, list) else []
            ename, evalue = (_clean(header.get(key))[:MOST_WORDS] for key in ("ename", "evalue"))
            if not self._weigh(*lines):
                evalue, lines = evalue[:FEW_WORDS], []
            self._append(NotebookNode(output_type="error", ename=ename, evalue=evalue, traceback=lines))

    def text(self, name: Any, text: Any) -> None:
        if name not in ("stdout", "stderr") or not isinstance(text, str) or not text:
            return
        if self._clear:
            self._wipe()
        text = _clean(text)
        size = len(text.encode())
        left = self.limit - self.size
        if size > left:
            text = text.encode()[: max(0, left)].decode("utf-8", "ignore")
        self.size += size
        if not self._fits(min(size, max(0, left))):
            text = ""
        elif name not in self._texts:
            node = NotebookNode(output_type="stream", name=name, text="")
            # Standard output comes first, as it does from ipykernel where both are flushed together.
            self.outputs.insert(len(self.outputs) - (name == "stdout" and "stderr" in self._texts), node)
            self._texts[name] = []
        if text:
            self._texts[name].append(text)
        if size > left:
            raise Full

    def own_words(self, ename: str, evalue: str) -> None:
        """An error in the worker's own words, below whatever the cell has written."""
        self._join()
        self.outputs.append(NotebookNode(output_type="error", ename=ename, evalue=evalue, traceback=[evalue]))

    def _weigh(self, *texts: str, more: int = 0, times: int = 1) -> bool:
        """Whether there is room for this in the notebook; Full where there is none in the cell."""
        size = times * (more + sum(len(text.encode()) for text in texts))
        if self.size + size > self.limit or len(self.outputs) >= MOST_OUTPUTS:
            raise Full
        self.size += size
        return self._fits(size)

    def _fits(self, size: int) -> bool:
        fits = self.room is None or self.room.take(size)
        self._cut = self._cut or not fits
        return fits

    def _join(self) -> None:
        for node in self.outputs[len(self.outputs) - len(self._texts) :]:
            node["text"] = "".join(self._texts[node["name"]])
        self._texts = {}

    def _rich(self, kind: str, header: dict[str, Any]) -> None:
        data = self._data(header.get("data"))
        metadata = header.get("metadata")
        metadata = _scrub(metadata) if isinstance(metadata, dict) else {}
        if not self.trusted:
            metadata.pop("course", None)
        name = header.get("display_id")
        name = name if isinstance(name, str) else None
        text = json.dumps([data, metadata], ensure_ascii=False)
        nodes = json.dumps([metadata, *(data[mime] for mime in data if JSON_MIME.fullmatch(mime))])
        places = len(self._shown.get(name, ())) if name else 0
        places = max(1, places + (kind != "update_display_data"))
        if not self._weigh(text, more=NODE * (nodes.count("[") + nodes.count("{") - 2), times=places):
            return
        if name:
            shown = self._shown[name] = [one for one in self._shown.get(name, ()) if not one[0].over][-MOST_PLACES:]
            updated = _node(data), _node(metadata)
            for _, node in shown:
                node["data"], node["metadata"] = updated
        if kind == "update_display_data":
            return
        node = NotebookNode(output_type=kind, metadata=_node(metadata), data=_node(data))
        if kind == "execute_result":
            count = header.get("execution_count")
            node["execution_count"] = count if type(count) is int and 0 <= count < 2**31 else None
        self._append(node)
        if name:
            self._shown[name].append((self._era, node))

    def _append(self, node: NotebookNode) -> None:
        if self._clear:
            self._wipe()
        self._join()
        self.outputs.append(node)

    def _wipe(self) -> None:
        self._clear = False
        self._texts = {}
        self._era.over = True
        self._era = Era()
        self.outputs.clear()

    def _data(self, data: Any) -> dict[str, Any]:
        clean: dict[str, Any] = {}
        for mime, value in data.items() if isinstance(data, dict) else ():
            if not MIME.fullmatch(mime) or (mime == CHECK and not self.trusted):
                continue
            if JSON_MIME.fullmatch(mime):
                clean[mime] = _scrub(value)
            elif isinstance(value, str):
                clean[mime] = _clean(value)
            elif isinstance(value, list) and all(isinstance(line, str) for line in value):
                clean[mime] = [_clean(line) for line in value]
        return clean


def _clean(text: Any) -> str:
    return whole(text) if isinstance(text, str) else ""


def _scrub(value: Any) -> Any:
    if isinstance(value, str):
        return _clean(value)
    if isinstance(value, list):
        return [_scrub(one) for one in value]
    if isinstance(value, dict):
        return {_clean(key): _scrub(one) for key, one in value.items()}
    return value


def _node(value: Any) -> Any:
    if isinstance(value, dict):
        return NotebookNode({key: _node(one) for key, one in value.items()})
    return [_node(one) for one in value] if isinstance(value, list) else value
