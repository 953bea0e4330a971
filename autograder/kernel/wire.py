"""Frames over a Unix stream socket: a JSON header and buffers of bytes. Nothing is ever unpickled.

A frame is ``b"CSK2"``, the header's length and the number of buffers (u32, little-endian), the number of all bytes that
follow (u64): one u64 length a buffer, the header as UTF-8 JSON, the buffers. The receiver trusts nothing:
memory is taken only as bytes arrive, and nothing is read beyond a frame's end.
"""

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
Frame = tuple[dict[str, Any], list[Any]]
"""The header, and the buffers as views of what came."""

MAGIC = b"CSK2"
START = struct.Struct("<4sIIQ")
LENGTH = struct.Struct("<Q")
MOST_BUFFERS = 1 << 16
MOST_DEPTH = 64
MOST_ORDER = 1_000_000
PIECE = 1 << 20
FAILED = 71
"""The exit code of a process of ours that could not go on; its log says why."""
_AT_ONCE = int(socket.MSG_DONTWAIT)
_AND_QUIETLY = int(socket.MSG_DONTWAIT | socket.MSG_NOSIGNAL)


class WireError(Exception):
    """The data is not a frame, is too large, or came too late. The connection is unusable afterwards."""


class Closed(WireError):
    """The peer has closed the connection."""


class TooLate(WireError):
    """The deadline passed."""


def encode(header: dict[str, Any] | str, buffers: Sequence[Buffer] = ()) -> list[Buffer]:
    """The frame in pieces, ready for ``sendmsg``; `header` may be JSON already.

    ValueError for a header that isn't strict JSON (NaN included).
    """
    text = header if isinstance(header, str) else json.dumps(header, allow_nan=False, separators=(",", ":"))
    views = [memoryview(buffer).cast("B") for buffer in buffers]
    if len(views) > MOST_BUFFERS:
        raise WireError(f"a frame carries at most {MOST_BUFFERS} buffers, not {len(views)}")
    head = b"".join([LENGTH.pack(len(view)) for view in views]) + (encoded := text.encode())
    start = START.pack(MAGIC, len(encoded), len(views), len(head) + sum(map(len, views)))
    return [start + head, *[view for view in views if len(view)]]


def decode(frame: Buffer) -> Frame:
    """A frame that lies in memory, whole; WireError for anything else."""
    if len(frame) < START.size:
        raise WireError("half a frame")
    size, count, whole = _started(frame)
    if START.size + whole != len(frame):
        raise WireError("a frame whose lengths do not fit")
    return _parts(memoryview(frame)[START.size :], size, count)


def decode_header(text: Buffer) -> dict[str, Any]:
    """The header of a frame. WireError unless it is a JSON object, without NaN, at most ``MOST_DEPTH`` deep."""
    try:
        plain = str(text, "utf-8")
        header = json.loads(plain, parse_constant=_no_constant)
    except (ValueError, RecursionError) as error:
        raise WireError(f"the header of a frame can't be read: {error}") from None
    if not isinstance(header, dict):
        raise WireError("the header of a frame is not an object")
    # Only what opens more than MOST_DEPTH times can be nested deeper.
    if plain.count("[") + plain.count("{") > MOST_DEPTH and _deeper(header, MOST_DEPTH):
        raise WireError(f"the header of a frame is nested deeper than {MOST_DEPTH}")
    return header


def _no_constant(name: str) -> None:
    raise ValueError(f"{name} is no JSON")


def _deeper(value: Any, depth: int) -> bool:
    level = [value]
    for _ in range(depth + 1):
        level = [one for one in level if isinstance(one, (dict, list))]
        level = [inner for one in level for inner in (one.values() if isinstance(one, dict) else one)]
    return bool(level)


def send(
    sock: socket.socket, header: dict[str, Any], buffers: Sequence[Buffer] = (), deadline: float | None = None
) -> None:
    """Send one frame, whole even if SIGINT comes (it is raised afterwards). ``deadline`` as in ``time.monotonic()``."""
    pieces = encode(header, buffers)
    with shield():
        while pieces:
            try:
                done = sock.sendmsg(pieces[:64], (), _AND_QUIETLY)
            except BlockingIOError:
                _wait(sock, select.POLLOUT, deadline)
                continue
            except OSError as error:
                raise Closed(f"the other process has gone ({error.strerror})") from None
            while pieces and done >= len(pieces[0]):
                done -= len(pieces.pop(0))
            if done:
                pieces[0] = memoryview(pieces[0])[done:]


def receive(
    sock: socket.socket, limit_bytes: int, deadline: float | None = None, header_bytes: int | None = None
) -> Frame:
    """The next frame, of at most ``limit_bytes``. After Closed, TooLate or WireError the socket is of no more use.

    ``header_bytes`` limits the header alone: as Python objects JSON takes up to 25 times the room.
    """
    size, count, whole = _started(_exactly(sock, START.size, deadline))
    if whole - LENGTH.size * count > limit_bytes:
        raise WireError(f"a frame of {whole} bytes, {limit_bytes} are allowed")
    if header_bytes is not None and size > header_bytes:
        raise WireError(f"a header of {size} bytes, {header_bytes} are allowed")
    return _parts(memoryview(_exactly(sock, whole, deadline)), size, count)


def send_order(sock: socket.socket, header: dict[str, Any], descriptors: Sequence[int]) -> None:
    """Send a frame with open files. They travel with a byte before it, so that no part of the frame is read with them.

    WireError where the other end has gone or takes nothing for ten seconds.
    """
    try:
        socket.send_fds(sock, [b"F"], descriptors)
    except OSError as error:
        raise Closed(f"the other process has gone ({error.strerror})") from None
    send(sock, header, deadline=time.monotonic() + 10)


def receive_order(sock: socket.socket) -> tuple[dict[str, Any], list[int]]:
    """What `send_order` sent, and the descriptors; Closed where the other end is closed."""
    try:
        data, descriptors, _, _ = socket.recv_fds(sock, 1, 8)
    except ConnectionResetError:  # it ended without having read everything
        data = b""
    if not data:
        raise Closed("the other process has gone")
    return receive(sock, MOST_ORDER)[0], descriptors


def _started(start: Buffer) -> tuple[int, int, int]:
    """Length of the header, number of buffers, and bytes of all that follows."""
    magic, size, count, whole = START.unpack_from(start)
    if magic != MAGIC:
        raise WireError("what came is not a frame")
    if count > MOST_BUFFERS:
        raise WireError(f"a frame with {count} buffers")
    if size + LENGTH.size * count > whole:
        raise WireError("a frame whose lengths do not fit")
    return size, count, whole


def _parts(body: memoryview, size: int, count: int) -> Frame:
    """The header and the buffers; these are views of `body`."""
    at = LENGTH.size * count + size
    buffers = []
    for place in range(count):
        end = at + LENGTH.unpack_from(body, LENGTH.size * place)[0]
        buffers.append(body[at:end])
        at = end
    if at != len(body):
        raise WireError("a frame whose lengths do not fit")
    return decode_header(body[LENGTH.size * count :][:size]), buffers


def _exactly(sock: socket.socket, size: int, deadline: float | None) -> Buffer:
    # Memory is allocated only as bytes arrive, so a false length costs us nothing.
    got = bytearray()
    while len(got) < size:
        try:
            part = sock.recv(min(size - len(got), PIECE), _AT_ONCE)
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

    def feed(self, data: Buffer) -> Iterator[Frame | None]:
        """Every frame that is complete with ``data``. WireError if this can't be the work of ``send``."""
        skipped = min(self._skip, len(data))
        self._skip -= skipped
        self._held += memoryview(data)[skipped:]
        while len(self._held) >= START.size:
            _, count, whole = _started(self._held)
            end = START.size + whole
            if whole - LENGTH.size * count > self.limit:
                self._skip = max(0, end - len(self._held))
                del self._held[:end]
                yield None
                continue
            if len(self._held) < end:
                return
            frame = bytes(memoryview(self._held)[:end])
            del self._held[:end]
            yield decode(frame)


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


class shield:
    """No KeyboardInterrupt within, where ``raise_interrupts`` was called; one that came is raised at the end."""

    def __enter__(self) -> None:
        global _depth
        _depth += 1

    def __exit__(self, *about: object) -> None:
        global _depth, _pending
        _depth -= 1
        if _pending and not _depth:
            _pending = False
            signal.raise_signal(signal.SIGINT)
