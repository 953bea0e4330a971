"""Frames: whole or refused."""

import json
import os
import signal
import socket
import struct
import threading
import time

import pytest

from autograder.kernel import wire


@pytest.fixture
def pair():
    ours, theirs = socket.socketpair()
    with ours, theirs:
        yield ours, theirs


def test_a_frame_comes_as_it_was_sent(pair):
    ours, theirs = pair
    big = os.urandom(3_000_000)
    sender = threading.Thread(target=wire.send, args=(ours, {"a": [1, "é", None]}, [b"", b"xyz", big]))
    sender.start()
    header, buffers = wire.receive(theirs, 4_000_000, time.monotonic() + 10)
    sender.join()
    assert header == {"a": [1, "é", None]}
    assert [bytes(one) for one in buffers] == [b"", b"xyz", big]


def frame(size, rest, count=0, whole=None):
    return struct.pack("<4sIIQ", b"CSK2", size, count, len(rest) if whole is None else whole) + rest


@pytest.mark.parametrize(
    "raw",
    [
        b"GET /index.html HTTP/1.1\r\n\r\n",
        frame(5, b"[1,2]"),
        frame(9, b'{"a":NaN}'),
        frame(7, b'{"a":\xff}'),
        frame(4, b"{}{}"),
        frame(2, b"", count=1 << 20, whole=1 << 30),
        frame(1 << 30, b"", whole=1 << 30),
        frame(2, b"{}", whole=1 << 60),
        frame(2, b"{}x"),
        frame(2, b"{}", whole=1) + b" ",
        frame(2, b"{}", count=1),
        frame(2, struct.pack("<Q", 1 << 60) + b"{}", count=1),
        frame(2, struct.pack("<Q", 1) + b"{}", count=1),
        frame(2, struct.pack("<Q", 1) + b"{}xx", count=1),
        frame(2, struct.pack("<QQ", 2, (1 << 64) - 1) + b"{}x", count=2),
        frame(200_001, b"[" * 200_001),
        frame(206, b'{"a":' + b"[" * 100 + b"]" * 100 + b"}"),
    ],
)
def test_what_is_no_frame_is_refused(pair, raw):
    ours, theirs = pair
    ours.setblocking(False)
    ours.send(raw)
    ours.shutdown(socket.SHUT_WR)
    with pytest.raises(wire.WireError) as caught:
        wire.receive(theirs, 1_000_000, time.monotonic() + 5)
    assert not isinstance(caught.value, (wire.Closed, wire.TooLate))


def test_half_a_frame_is_a_closed_peer_and_silence_is_too_late(pair):
    ours, theirs = pair
    frame = b"".join(wire.encode({"a": 1}))
    ours.send(frame[:-1])
    with pytest.raises(wire.TooLate):
        wire.receive(theirs, 1000, time.monotonic() + 0.05)
    ours.close()
    with pytest.raises(wire.Closed):
        wire.receive(theirs, 1000, time.monotonic() + 0.05)


def test_a_sender_nobody_reads_does_not_wait_for_ever(pair):
    with pytest.raises(wire.TooLate):
        wire.send(pair[0], {}, [bytes(50_000_000)], time.monotonic() + 0.05)


def test_nan_and_foreign_objects_are_never_sent(pair):
    with pytest.raises(ValueError, match="not JSON compliant"):
        wire.send(pair[0], {"a": float("nan")})
    with pytest.raises(TypeError):
        wire.send(pair[0], {"a": object()})


def test_frames_come_out_of_any_pieces():
    stream = b"".join(b"".join(wire.encode({"n": n}, [bytes([n]) * n])) for n in range(20))
    for piece in (1, 7, 64, len(stream)):
        frames = wire.Frames(1000)
        got = [one for at in range(0, len(stream), piece) for one in frames.feed(stream[at : at + piece])]
        assert got == [({"n": n}, [bytes([n]) * n]) for n in range(20)]


def test_a_frame_over_the_limit_is_skipped_without_being_held():
    frames = wire.Frames(1000)
    stream = b"".join(b"".join(wire.encode(h, b)) for h, b in [({"n": 1}, []), ({}, [bytes(500_000)]), ({"n": 2}, [])])
    got, most = [], 0
    for at in range(0, len(stream), 4096):
        got += list(frames.feed(stream[at : at + 4096]))
        most = max(most, len(frames._held))
    assert got == [({"n": 1}, []), None, ({"n": 2}, [])]
    assert most <= 8192


def test_an_interrupt_waits_for_the_end_of_the_frame(pair):
    ours, theirs = pair
    before = signal.getsignal(signal.SIGINT)
    wire.raise_interrupts()
    try:
        data = bytes(5_000_000)
        reader_got = []
        reader = threading.Thread(target=lambda: (time.sleep(0.1), reader_got.append(wire.receive(theirs, 6_000_000))))
        reader.start()
        threading.Timer(0.03, os.kill, (os.getpid(), signal.SIGINT)).start()
        with pytest.raises(KeyboardInterrupt):
            wire.send(ours, {"whole": True}, [data])
        reader.join(5)
        assert [header for header, _ in reader_got] == [{"whole": True}]
    finally:
        signal.signal(signal.SIGINT, before)


def test_depth_is_counted_for_lists_and_objects():
    assert wire.decode_header(json.dumps({"a": [[1]]}).encode()) == {"a": [[1]]}
    deep: object = 1
    for _ in range(70):
        deep = {"a": deep}
    with pytest.raises(wire.WireError):
        wire.decode_header(json.dumps(deep).encode())


def test_an_order_brings_open_files_and_nothing_of_the_next_frame(pair):
    ours, theirs = pair
    with open(os.devnull, "rb") as one, open("/proc/self/status", "rb") as two:
        wire.send_order(ours, {"do": "a"}, [one.fileno(), two.fileno()])
    wire.send_order(ours, {"do": "b"}, [])
    header, descriptors = wire.receive_order(theirs)
    assert (header, len(descriptors)) == ({"do": "a"}, 2)
    assert os.read(descriptors[1], 5) == b"Name:"
    for descriptor in descriptors:
        os.close(descriptor)
    assert wire.receive_order(theirs) == ({"do": "b"}, [])
    ours.close()
    with pytest.raises(wire.Closed):
        wire.receive_order(theirs)


def test_a_frame_in_memory_is_whole_or_none():
    frame = b"".join(wire.encode({"a": 1}, [b"xy", b""]))
    header, buffers = wire.decode(frame)
    assert (header, list(map(bytes, buffers))) == ({"a": 1}, [b"xy", b""])
    for bad in (frame[:-1], frame + b"x", frame[:10], b"", b"x" * len(frame)):
        with pytest.raises(wire.WireError):
            wire.decode(bad)
