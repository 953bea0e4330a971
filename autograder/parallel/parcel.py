"""The messages between the recording process and the grading processes: bytes, never objects.

A parcel is a JSON head and the raw bytes of the files behind it. Nothing is pickled, so nothing that a student wrote
can become more than bytes or text on the way; and whatever text it was, what arrives can be written to a file.
"""

from __future__ import annotations

import json
import struct
import threading
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

from helpers.errors import CourseError

from ..text import whole

HEAD = struct.Struct(">II")
HEAD_LIMIT = 256_000_000
Sendable = bytes | bytearray | memoryview


class ParcelError(CourseError):
    """Bytes that are no parcel."""


@dataclass(frozen=True)
class Order:
    """Work for an executor: `body` is a parcel, `seconds` how long it may take before its process is given up."""

    key: str
    body: bytes
    seconds: float


@dataclass(frozen=True)
class Answer:
    """What came of an order: a parcel, or None and the reason in words."""

    key: str
    body: bytes | None
    why: str = ""


class Executor(Protocol):
    """Where orders are worked on. `hired` is set when no process has to be started here any longer."""

    hired: threading.Event

    def run(self, orders: Iterable[Order]) -> Iterator[Answer]:
        """Answers as they arrive; orders are taken as they are needed."""

    def close(self) -> None:
        """End every process that was started."""


def wrap(head: dict[str, Any], blobs: Sequence[Sendable] = ()) -> bytes:
    """One bytes object of a JSON-able head and binary blobs.

    ValueError or TypeError where the head is no plain data: numbers that are none, too long, or too deep.
    """
    text = json.dumps({"sizes": [len(b) for b in blobs], "head": head}, ensure_ascii=False, allow_nan=False)
    encoded = whole(text).encode("utf-8")
    if len(encoded) > HEAD_LIMIT:
        raise ValueError(f"{len(encoded) // 10**6} MB of text are more than a parcel holds")
    return b"".join([HEAD.pack(len(encoded), len(blobs)), encoded, *blobs])


def unwrap(body: Sendable) -> tuple[dict[str, Any], list[bytes]]:
    """The head and the blobs; ParcelError where lengths or types are not what `wrap` writes."""
    view = memoryview(body)
    try:
        length, count = HEAD.unpack_from(view)
        if length > HEAD_LIMIT:
            raise ValueError("too long")
        end = HEAD.size + length
        said = json.loads(bytes(view[HEAD.size : end]).decode("utf-8"))
        sizes, head = said["sizes"], said["head"]
        if not isinstance(head, dict) or len(sizes) != count or any(type(s) is not int or s < 0 for s in sizes):
            raise ValueError("sizes")
        if end + sum(sizes) != len(view):
            raise ValueError("length")
    except (struct.error, ValueError, KeyError, TypeError, RecursionError) as error:
        raise ParcelError(
            f"{len(view)} bytes from another process are not a parcel ({error}); install one version everywhere."
        ) from None
    blobs = []
    for size in sizes:
        blobs.append(bytes(view[end : end + size]))
        end += size
    return head, blobs
