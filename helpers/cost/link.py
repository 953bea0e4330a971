"""Measure a link: how long messages of several sizes take between two processes, and the α + b/β that fits them.

The processes speak TCP through this machine's loopback, as workers on one computer do; between computers the same two
numbers are larger and smaller. `python -m helpers.cost link` prints both beside Paleo's bytes/bandwidth.
"""

from __future__ import annotations

import math
import socket
import statistics
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence

from helpers.cost.communication import Link
from helpers.errors import CourseError

SIZES = tuple(4 * 8**i for i in range(8))
"""Bytes of the messages: 4 bytes to 8 MiB."""

WAIT = 20.0
"""Seconds after which a process that says nothing counts as lost."""

LENGTH = 8


def measure_link(sizes: Sequence[int] = SIZES, rounds: int = 30) -> dict[int, float]:
    """Bytes of a message -> seconds that it takes, one way: half of the median time there and back.

    CourseError where the other process can't be started, or ends in the middle.
    """
    if rounds < 1 or not sizes or min(sizes) < 1:
        raise CourseError(f"Messages of {list(sizes)} bytes in {rounds} rounds can't be measured; give 1 or more each.")
    found: dict[int, list[float]] = {size: [] for size in sizes}
    try:
        server = socket.create_server(("127.0.0.1", 0))
    except OSError as error:
        raise CourseError(f"This machine lets no process open a connection ({error}), so there is no link.") from None
    with server:
        server.settimeout(WAIT)
        other = subprocess.Popen([sys.executable, "-m", "helpers.cost.link", str(server.getsockname()[1])])
        try:
            with server.accept()[0] as here:
                _ready(here)
                for turn in range(rounds + 1):
                    for size in sizes:
                        _there_and_back(here, bytes(size))  # brings this size into the caches again
                        seconds = _there_and_back(here, bytes(size))
                        if turn:  # the first round warms up
                            found[size].append(seconds / 2)
        except OSError as error:
            raise CourseError(f"The other process of the link is gone ({error}); measure again.") from None
        finally:
            other.kill()
            other.wait()
    return {size: statistics.median(seconds) for size, seconds in found.items()}


def fit_link(times: Mapping[int, float]) -> Link:
    """The link whose α + b/β comes nearest to these times, bytes -> seconds: least squares of the relative errors."""
    if len(times) < 2 or not all(0 < t < math.inf for t in times.values()):
        raise CourseError("A latency and a bandwidth take the times of two sizes at least, all above zero.")
    rows = [(1 / t, size / t) for size, t in times.items()]
    aa, ab, bb = (sum(r[i] * r[j] for r in rows) for i, j in ((0, 0), (0, 1), (1, 1)))
    a, b = sum(r[0] for r in rows), sum(r[1] for r in rows)
    determinant = aa * bb - ab * ab
    latency, per_byte = (a * bb - b * ab) / determinant, (b * aa - a * ab) / determinant
    if per_byte <= 0:
        raise CourseError("Longer messages did not take longer, so there is no bandwidth to see; measure larger ones.")
    return Link(max(latency, 0.0), 1 / per_byte)


def link_text(times: Mapping[int, float], link: Link) -> str:
    """Measured times beside both formulas."""
    lines = ["     bytes  measured µs   α + b/β µs  bandwidth only µs   measured ÷ bandwidth only"]
    for size, seconds in times.items():
        bare = size / link.bandwidth
        lines.append(f"{size:10,}  {1e6 * seconds:11.1f}  {1e6 * link.seconds(size):11.1f}  {1e6 * bare:17.3f}  "
                     f"{seconds / bare:25,.3g}")  # fmt: skip
    lines.append(f"fitted: latency {1e6 * link.latency:.1f} µs, bandwidth {link.bandwidth / 1e9:.2f} GB/s")
    return "\n".join(lines)


def _there_and_back(connection: socket.socket, message: bytes) -> float:
    began = time.perf_counter()
    _send(connection, message)
    _receive(connection)
    return time.perf_counter() - began


def _ready(connection: socket.socket) -> None:
    connection.settimeout(WAIT)
    connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)  # or short messages wait for company


def _send(connection: socket.socket, message: bytes) -> None:
    connection.sendall(len(message).to_bytes(LENGTH, "big") + message)


def _receive(connection: socket.socket) -> bytes:
    return _exactly(connection, int.from_bytes(_exactly(connection, LENGTH), "big"))


def _exactly(connection: socket.socket, count: int) -> bytes:
    block, at = bytearray(count), 0
    while at < count:
        got = connection.recv_into(memoryview(block)[at:])
        if not got:
            raise ConnectionError("it closed the connection")
        at += got
    return bytes(block)


def _echo(port: int) -> None:
    """The other process: sends back what it gets, until nobody is there."""
    with socket.create_connection(("127.0.0.1", port), timeout=WAIT) as connection:
        _ready(connection)
        try:
            while True:
                _send(connection, _receive(connection))
        except OSError:
            return


if __name__ == "__main__":
    _echo(int(sys.argv[1]))
