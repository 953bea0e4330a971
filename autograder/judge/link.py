"""Requests and replies over one socket, in both directions and inside each other. What the other side says is data.

A request names an operation and what it is done with; the reply is a value or an error, and the arguments that changed.
The side of the checks answers only for what it handed over, and never waits longer than it said.
"""

from __future__ import annotations

import functools
import select
import socket
import sys
import time
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from helpers.check.core.limits import held

from ..kernel import wire
from .changes import overwrite, picture, unchanged
from .codec import Encoder
from .decode import Decoder
from .errors import StudentGone, as_error, from_error
from .memory import Memory
from .remote import Remote, link_of, make, number_of
from .steady import Steady


@dataclass(frozen=True)
class Limits:
    """Bytes of a message, of its JSON, and of all together; seconds that an answer may take beyond those of a call."""

    message: int = 256_000_000
    header: int = 12_000_000
    total: int = 1_000_000_000
    grace: float = 5.0


class _Interrupted(BaseException):
    """Between two messages, where nothing breaks."""


class _Unbroken:
    """Whatever breaks off a conversation, ends it: nobody could say what the next message belongs to."""

    def __init__(self, link: Link) -> None:
        self._link = link

    def __enter__(self) -> None:
        if self._link.why:
            raise StudentGone(self._link.why)

    def __exit__(self, kind: Any, error: BaseException | None, trace: Any) -> None:
        if error is None:
            return
        if isinstance(error, wire.WireError):
            self._link.end(f"The process with the student's code can't be asked any longer: {error}.")
            raise StudentGone(self._link.why) from None
        if isinstance(error, _Interrupted):
            raise KeyboardInterrupt from None
        self._link.end(f"A question to the student's code was broken off ({type(error).__name__}).")


Answer = Callable[[str, list[Any], dict[str, Any]], Any]
"""(operation, values, the rest of the request) -> the value that is sent back."""


class Link:
    """One side's end of the socket.

    answer: does what the other side asks. patience: seconds that a request of this side may compute. sealed: objects of
    this side that stay as they are, whatever a call did to its copies. trusting: this is the student's side, which may
    believe what a check's objects say and tells where its own errors come from. note: what the student's side tells of
    its names with each answer, `steady.Watch.note`.
    """

    def __init__(
        self,
        sock: socket.socket,
        answer: Answer,
        patience: Callable[[], float],
        limits: Limits | None = None,
        sealed: Iterable[Any] = (),
        trusting: bool = False,
        note: Callable[[], Any] = lambda: None,
    ) -> None:
        self.sock, self.limits, self.trusting = sock, limits or Limits(), trusting
        self.why = ""
        """Why nothing can be asked any longer; empty while all is well."""
        self.asks_words = True
        """Whether an object of the other side says in its own words what it is."""
        self._answer, self._patience, self._note = answer, patience, note
        self.steady = Steady()
        self._sealed = {id(value): value for value in sealed}
        self._memory = Memory(functools.partial(make, self))
        self._asked = self._bytes = 0
        self._given_up: set[int] = set()
        self._unbroken = _Unbroken(self)
        self._arrival = select.poll()
        self._arrival.register(sock, select.POLLIN)

    def request(self, operation: str, *values: Any, seconds: float | None = None, **plain: Any) -> Any:
        """Ask the other side: its value, or its error raised. StudentGone if it can't be asked or does not answer.

        values may be anything, and those that the other side changed are changed here, too; plain is JSON.
        """
        seconds = self._patience() if seconds is None else seconds
        with held():  # a check's own time limit must not strike in the middle of a message
            self._asked += 1
            number, encoder = self._asked, self._encoder()
            header = {"op": operation, "n": number, "s": seconds, "v": [encoder.node(v) for v in values], **plain}
            deadline = time.monotonic() + 6 * seconds + self.limits.grace
            with self._unbroken:
                self._send(header, encoder, deadline)
                reply, buffers = self._await(number, deadline)
                failed, found = self._result(reply, buffers, encoder.mutable)
        if failed:
            raise found
        return found

    def names(self, wanted: Sequence[str]) -> dict[str, Any]:
        """Those of the wanted names that the other side defines. It can't define others here."""
        found = self.request("names", tuple(wanted))
        return {name: found[name] for name in wanted if name in found} if isinstance(found, dict) else {}

    def serve_one(self) -> bool:
        """Wait for one request and answer it; False when the other side has gone."""
        try:
            with self._unbroken:
                frame = self._receive(None)
            self._serve(*frame, None)
        except StudentGone:
            return False
        return True

    def handed_over(self, value: Any) -> bool:
        """Whether the other side has a handle of this very object."""
        return self._memory.is_own(value)

    def end(self, why: str) -> None:
        """Nothing more goes through this link."""
        if not self.why:
            self.why = why
            self.sock.close()

    def _encoder(self, known: dict[int, int] | None = None) -> Encoder:
        return Encoder(self._memory, self._theirs, known)

    def _theirs(self, value: Any) -> int | None:
        return number_of(value) if issubclass(type(value), Remote) and link_of(value) is self else None

    def _send(self, header: dict[str, Any], encoder: Encoder, deadline: float | None) -> None:
        if self._memory.forgotten:
            header["drop"] = list(self._memory.forgotten)
            self._memory.forgotten.clear()
        wire.send(self.sock, header, encoder.buffers, deadline)

    def _receive(self, deadline: float | None) -> wire.Frame:
        left = min(self.limits.message, self.limits.total - self._bytes)
        header, buffers = wire.receive(self.sock, left, deadline, header_bytes=self.limits.header)
        self._bytes += 1000 + sum(map(len, buffers))
        if "names" in header:
            self.steady.hear(header["names"])
        if "drop" in header:
            drop = header["drop"]
            if not isinstance(drop, list) or not all(type(number) is int for number in drop):
                raise wire.WireError("a message with odd numbers")
            self._memory.drop(drop)
        return header, buffers

    def _await(self, number: int, deadline: float) -> wire.Frame:
        while True:
            self._wait(number, deadline)
            with wire.shield():
                header, buffers = self._receive(deadline)
            if "op" in header:
                self._serve(header, buffers, deadline)
            elif header.get("re") == number:
                return header, buffers
            elif header.get("re") in self._given_up:
                self._given_up.remove(header["re"])
            else:
                raise wire.WireError("an answer that nobody asked for")

    def _wait(self, number: int, deadline: float) -> None:
        """Until a message begins. Here an interrupt does no harm: the answer is thrown away when it comes."""
        try:
            left = deadline - time.monotonic()  # checked first: a peer that never stops asking never answers
            if left <= 0 or not self._arrival.poll(left * 1000):
                raise wire.TooLate("no answer in time")
        except KeyboardInterrupt:
            self._given_up.add(number)
            raise _Interrupted from None

    def _result(self, reply: dict[str, Any], buffers: list[wire.Buffer], mutable: list[Any]) -> tuple[bool, Any]:
        decoder = Decoder(self._memory, buffers, mutable)
        for place, node in decoder.pairs(reply["out"]) if "out" in reply else ():
            new = decoder.value(node)
            if place < len(mutable) and type(mutable[place]) is type(new) and id(mutable[place]) not in self._sealed:
                overwrite(mutable[place], new)
        failed = "error" in reply
        found = from_error(reply["error"]) if failed else decoder.value(reply.get("v"))
        self._bytes += 16 * decoder.nodes
        return failed, found

    def _serve(self, header: dict[str, Any], buffers: list[wire.Buffer], deadline: float | None) -> None:
        """Do what is asked, and answer. What the code that is called raises is an answer, too."""
        with self._unbroken:
            operation, nodes, number = header.get("op"), header.get("v"), header.get("n")
            if not isinstance(operation, str) or not isinstance(nodes, list) or type(number) is not int:
                raise wire.WireError("a request that is none")
            decoder = Decoder(self._memory, buffers)
            values = [decoder.value(node) for node in nodes]
            self._bytes += 16 * decoder.nodes
            given = [(value, picture(value)) for value in decoder.mutable]
        known = {id(value): place for place, (value, _) in enumerate(given)}
        encoder = self._encoder(known)
        reply: dict[str, Any] = {"re": number}
        try:
            found = self._answer(
                operation, values, header
            )  # held until it is sent: a handle that nobody holds is dropped
            reply["v"] = encoder.node(found)
        except BaseException as error:
            if isinstance(error, StudentGone) and self.why:
                raise
            encoder, reply = self._encoder(known), {"re": number, "error": as_error(error, self.trusting)}
        changed = [(place, value) for place, (value, old) in enumerate(given) if not unchanged(old, value)]
        if changed:
            reply["out"] = [[place, encoder.content(value)] for place, value in changed]
        if note := self._note():
            reply["names"] = note
        with self._unbroken:
            self._send(reply, encoder, deadline)


def patience() -> float:
    """Seconds that a check lets a probe compute."""
    probe = sys.modules.get("helpers.check.core.probe")
    calls = sys.modules.get("helpers.check.core.calls")
    return max(probe.SECONDS * probe.WHOLE if probe else 60.0, float(getattr(calls, "SECONDS", 0)))
