"""What travels between the recording process and the grading processes, and is kept: bytes, never objects.

A parcel is a frame of `kernel.wire`. Nothing is pickled, so nothing that a student wrote can become more than bytes or
text on the way; and whatever text it was, what arrives can be written to a file.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

from helpers.errors import CourseError

from ..kernel import wire
from ..text import whole

HEAD_LIMIT = 256_000_000


class ParcelError(CourseError):
    """Bytes that are no parcel."""


def wrap(head: dict[str, Any], blobs: Sequence[wire.Buffer] = ()) -> bytes:
    """One bytes object of a JSON-able head and binary blobs.

    ValueError or TypeError where the head is no plain data: numbers that are none, too long, or too deep.
    """
    text = whole(json.dumps(head, ensure_ascii=False, allow_nan=False))
    if len(text) > HEAD_LIMIT:
        raise ValueError(f"{len(text) // 10**6} MB of text are more than a parcel holds")
    return b"".join(wire.encode(text, blobs))


def unwrap(body: wire.Buffer) -> tuple[dict[str, Any], list[bytes]]:
    """The head and the blobs; ParcelError for anything but what `wrap` writes."""
    try:
        head, blobs = wire.decode(body)
    except wire.WireError as error:
        raise ParcelError(
            f"{len(body)} bytes from another process are not a parcel ({error}); install one version everywhere."
        ) from None
    return head, [bytes(blob) for blob in blobs]
