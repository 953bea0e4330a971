"""Frames over a Unix stream socket: a JSON header and buffers of bytes. Nothing is ever unpickled, whoever sent it.

A frame is ``b"CSK1"``, the header's length and the number of buffers (u32, little-endian), one u64 length a buffer,
the header as UTF-8 JSON, then the buffers. Whoever receives one trusts nothing: memory is taken only as bytes arrive.
"""

import contextlib
import json
import select
import signal
import socket
import struct
import time
from collections.abc import Iterator, Sequence
from types import FrameType
from typing import Any

Buffer = bytes | bytearray | memoryview

MAGIC = b"CSK1"
START = struct.Struct("<4sII")
LENGTH = struct.Struct("<Q")
MOST_BUFFERS = 1024
MOST_DEPTH = 64


class WireError(Exception):
    """What came is no frame, is too large, or did not come in time. The peer can't be talked to any longer."""


class Closed(WireError):
    """The peer has gone."""


class TooLate(WireError):
    """The deadline passed."""


def encode(header: dict[str, Any], buffers: Sequence[Buffer] = ()) -> list[memoryview]:
    """The frame in pieces, ready for ``sendmsg``. ValueError for a header that isn't strict JSON (NaN included)."""
    text = json.dumps(header, ensure_ascii=True, allow_nan=False, separators=(",", ":")).encode()
    views = [memoryview(buffer).cast("B") for buffer in buffers]
    if len(views) > MOST_BUFFERS:
        raise WireError(f"a frame carries at most {MOST_BUFFERS} buffers, not {len(views)}")
    start = START.pack(MAGIC, len(text), len(views)) + b"".join(LENGTH.pack(len(view)) for view in views)
    return [memoryview(start + text), *(view for view in views if len(view))]


def decode_header(text: Buffer) -> dict[str, Any]:
    """The header of a frame. WireError unless it is a JSON object, without NaN, at most ``MOST_DEPTH`` deep."""
    try:
        header = json.loads(bytes(text).decode("utf-8"), parse_constant=_no_constant)
    except (ValueError, RecursionError) as error:
        raise WireError(f"the header of a frame can't be read: {error}") from None
    if not isinstance(header, dict):
        raise WireError("the header of a frame is not an object")
    if _deeper(header, MOST_DEPTH):
        raise WireError(f"the header of a frame is nested deeper than {MOST_DEPTH}")
    return header


def _no_constant(name: str) -> None:
    raise ValueError(f"{name} is no JSON")


def _deeper(value: Any, depth: int) -> bool:
    level = [value]
    for _ in range(depth):
        inner: list[Any] = []
        for one in level:
            inner.extend(one.values() if isinstance(one, dict) else one if isinstance(one, list) else ())
        level = [one for one in inner if isinstance(one, (dict, list))]
        if not level:
            return False
    return True


def send(
    sock: socket.socket, header: dict[str, Any], buffers: Sequence[Buffer] = (), deadline: float | None = None
) -> None:
    """Send one frame, whole even if SIGINT comes (it is raised afterwards). ``deadline`` as in ``time.monotonic()``."""
    views = encode(header, buffers)
    with shield():
        while views:
            try:
                done = sock.sendmsg(views[:64], (), socket.MSG_DONTWAIT | socket.MSG_NOSIGNAL)
            except BlockingIOError:
                _wait(sock, select.POLLOUT, deadline)
                continue
            except OSError as error:
                raise Closed(f"the other process has gone ({error.strerror})") from None
            while done and views:
                if done >= len(views[0]):
                    done -= len(views.pop(0))
                else:
                    views[0] = views[0][done:]
                    done = 0


def receive(
    sock: socket.socket, limit_bytes: int, deadline: float | None = None, header_bytes: int | None = None
) -> tuple[dict[str, Any], list[bytearray]]:
    """The next frame, of at most ``limit_bytes``. After Closed, TooLate or WireError the socket is of no more use.

    ``header_bytes`` limits the header alone: as Python objects JSON takes up to 25 times the room.
    """
    magic, size, count = START.unpack(_exactly(sock, START.size, deadline))
    _check_start(magic, count)
    lengths = [LENGTH.unpack_from(part)[0] for part in _chunks(_exactly(sock, LENGTH.size * count, deadline))]
    if size + sum(lengths) > limit_bytes:
        raise WireError(f"a frame of {size + sum(lengths)} bytes, {limit_bytes} are allowed")
    if header_bytes is not None and size > header_bytes:
        raise WireError(f"a header of {size} bytes, {header_bytes} are allowed")
    header = decode_header(_exactly(sock, size, deadline))
    return header, [_exactly(sock, length, deadline) for length in lengths]


def _check_start(magic: bytes, count: int) -> None:
    if magic != MAGIC:
        raise WireError("what came is not a frame")
    if count > MOST_BUFFERS:
        raise WireError(f"a frame with {count} buffers")


def _chunks(part: bytearray) -> list[bytearray]:
    return [part[at : at + LENGTH.size] for at in range(0, len(part), LENGTH.size)]


def _exactly(sock: socket.socket, size: int, deadline: float | None) -> bytearray:
    # A length is believed only as fast as bytes arrive: a lie costs the liar's memory, not ours.
    got = bytearray()
    while len(got) < size:
        try:
            part = sock.recv(min(size - len(got), 1 << 20), socket.MSG_DONTWAIT)
        except BlockingIOError:
            _wait(sock, select.POLLIN, deadline)
            continue
        except OSError as error:
            raise Closed(f"the other process has gone ({error.strerror})") from None
        if not part:
            raise Closed("the other process has gone")
        got += part
    return got


def _wait(sock: socket.socket, event: int, deadline: float | None) -> None:
    poller = select.poll()
    poller.register(sock, event)
    while True:
        left = None if deadline is None else (deadline - time.monotonic()) * 1000
        if left is not None and left <= 0:
            raise TooLate("no answer in time")
        if poller.poll(left):
            return


class Frames:
    """Frames out of bytes as they come in, for a reader who may not wait. ``None`` stands for one over the limit."""

    def __init__(self, limit_bytes: int) -> None:
        self.limit = limit_bytes
        self._held = bytearray()
        self._skip = 0

    def feed(self, data: Buffer) -> Iterator[tuple[dict[str, Any], list[bytes]] | None]:
        """Every frame that is complete with ``data``. WireError if this can't be the work of ``send``."""
        skipped = min(self._skip, len(data))
        self._skip -= skipped
        self._held += memoryview(data)[skipped:]
        while len(self._held) >= START.size:
            magic, size, count = START.unpack_from(self._held)
            _check_start(magic, count)
            at = START.size + LENGTH.size * count
            if len(self._held) < at:
                return
            lengths = [LENGTH.unpack_from(self._held, START.size + LENGTH.size * i)[0] for i in range(count)]
            whole = at + size + sum(lengths)
            if size + sum(lengths) > self.limit:
                self._skip = max(0, whole - len(self._held))
                del self._held[:whole]
                yield None
                continue
            if len(self._held) < whole:
                return
            header = decode_header(self._held[at : at + size])
            at += size
            buffers = []
            for length in lengths:
                buffers.append(bytes(self._held[at : at + length]))
                at += length
            del self._held[:whole]
            yield header, buffers


_depth = 0
_pending = False


def raise_interrupts() -> None:
    """SIGINT raises KeyboardInterrupt in this process from now on, but never in the middle of a frame."""
    signal.signal(signal.SIGINT, _interrupt)


def _interrupt(number: int, frame: FrameType | None) -> None:
    global _pending
    if _depth:
        _pending = True
    else:
        raise KeyboardInterrupt


@contextlib.contextmanager
def shield() -> Iterator[None]:
    """No KeyboardInterrupt within, where ``raise_interrupts`` was called; one that came is raised at the end."""
    global _depth, _pending
    _depth += 1
    try:
        yield
    finally:
        _depth -= 1
        if _pending and not _depth:
            _pending = False
            signal.raise_signal(signal.SIGINT)
