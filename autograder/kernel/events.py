"""Where outputs of a cell go: frames to the worker. Runs in the process of a submission, so nothing here is trusted.

A frame's header says what it ``is``: ``stream``, ``display_data``, ``update_display_data``, ``execute_result``,
``error``, ``clear_output``, or ``done`` at the end of a cell. What is written to file descriptors 1 and 2 (by C code,
by child processes) goes through pipes that the worker reads; ``pipes_empty`` says that nothing of that waited when the
frame was sent.
"""

import base64
import datetime
import fcntl
import io
import math
import numbers
import os
import socket
import struct
import termios
import threading
import time
from collections.abc import Iterable
from typing import Any

from . import wire

EAGER_LINES = 200
PIECE = 8192
PAUSE_S = 0.05
MOST_DEPTH = 40


class Events:
    """Sends what happens to the worker. Before ``connect`` (in the zygote) everything is dropped."""

    def __init__(self) -> None:
        self._sock: socket.socket | None = None
        self._owner = 0
        self._lock = threading.RLock()

    def connect(self, sock: socket.socket) -> None:
        self._sock = sock
        self._owner = os.getpid()

    @property
    def ours(self) -> bool:
        """False in a process that the cell's code has forked. It may write to its file descriptors only."""
        return os.getpid() == self._owner

    def send(self, header: dict[str, Any]) -> None:
        if self._sock is None or not self.ours:
            return
        with wire.shield(), self._lock:
            header["pipes_empty"] = _empty(1) and _empty(2)
            try:
                wire.send(self._sock, header)
            except wire.Closed:
                os._exit(0)

    def text(self, name: str, text: str) -> None:
        if self._sock is None:
            return
        if self.ours:
            self.send({"is": "stream", "name": name, "text": text})
        else:
            _write_all(1 if name == "stdout" else 2, text.encode("utf-8", "replace"))


def _empty(descriptor: int) -> bool:
    try:
        return struct.unpack("i", fcntl.ioctl(descriptor, termios.FIONREAD, b"\0" * 4))[0] == 0
    except (OSError, ValueError):
        return True


def _write_all(descriptor: int, data: bytes) -> None:
    while data:
        data = data[os.write(descriptor, data) :]


class Stream(io.TextIOBase):
    """``sys.stdout`` or ``sys.stderr``. A cell's first lines go at once: a crash loses none. Then in pieces."""

    encoding = "UTF-8"
    errors = "replace"

    def __init__(self, events: Events, name: str) -> None:
        self.name = name
        self._events = events
        self._parts: list[str] = []
        self._size = 0
        self._eager = EAGER_LINES
        self._sent = 0.0

    def start_cell(self) -> None:
        self._eager = EAGER_LINES

    def write(self, string: str) -> int:
        if not isinstance(string, str):
            raise TypeError(f"write() argument must be str, not {type(string)}")
        with wire.shield():
            self._parts.append(string)
            self._size += len(string)
            if self._size > PIECE or (not self._events.ours):
                self.flush()
            elif ("\n" in string or "\r" in string) and (self._eager or time.monotonic() - self._sent > PAUSE_S):
                self._eager = max(0, self._eager - 1)
                self.flush()
        return len(string)

    def flush(self) -> None:
        with wire.shield():
            parts, self._parts, self._size = self._parts, [], 0
            text = "".join(parts)
            for at in range(0, len(text), 16 * PIECE):
                self._events.text(self.name, text[at : at + 16 * PIECE])
            self._sent = time.monotonic()

    def fileno(self) -> int:
        return 1 if self.name == "stdout" else 2

    def isatty(self) -> bool:
        return False

    def writable(self) -> bool:
        return True


def plain(value: Any, depth: int = 0) -> Any:
    """A copy that is strict JSON, as jupyter_client makes it: bytes as base64, dates as ISO text, NaN as ``"nan"``.

    ValueError or TypeError, raised in the student's own call, where that can't be.
    """
    if depth > MOST_DEPTH:
        raise ValueError(f"what is displayed is nested deeper than {MOST_DEPTH}")
    if value is None or isinstance(value, (bool, str)):
        return value
    if isinstance(value, numbers.Integral):
        return int(value)
    if isinstance(value, numbers.Real):
        number = float(value)
        return number if math.isfinite(number) else repr(number)
    if isinstance(value, bytes):
        return base64.b64encode(value).decode("ascii")
    if isinstance(value, dict):
        return {str(key): plain(one, depth + 1) for key, one in value.items()}
    if isinstance(value, datetime.date):
        return value.isoformat()
    if isinstance(value, Iterable):
        return [plain(one, depth + 1) for one in value]
    raise TypeError(f"{value!r} is not JSON serializable")
