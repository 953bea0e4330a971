"""The line between a judge and a student's process: one question, one answer, plain data both ways.

The judge asks for names of the student's (`names`), for what a probe of the checks notes beside the student's code
(`probe`), and for what a plain function of theirs returns (`call`). Whatever comes back was made in the student's
process: it is decoded strictly, counts as the student's result and as nothing else.
"""

from __future__ import annotations

import select
import socket
import time
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from helpers.check.core import probe as probes
from helpers.check.core.limits import time_limit
from helpers.check.core.student_errors import described, rebuilt

from ..kernel import wire
from .codec import Decoder, Encoder, referring

MESSAGE, HEADER, TOTAL = 256_000_000, 12_000_000, 1_000_000_000
"""Bytes of an answer, of its JSON, and of all answers of one student's process together."""
GRACE_S = 5.0
"""Seconds that an answer may take beyond those that the code may wait."""
WAITING = 6
"""Code may wait as many times as long as it may compute (`helpers.check.core.limits`)."""
LAST_S = 60.0
"""Seconds of computing for what has no limit of its own."""


class StudentGone(BaseException):
    """The student's process can't be reached any more. Checks must not catch this, so it is not an Exception."""

    def _render_traceback_(self) -> list[str]:
        return [f"KernelDied: {self}"]


StudentGone.__name__ = StudentGone.__qualname__ = "KernelDied"


class Line:
    """The judge's end."""

    def __init__(self, sock: socket.socket) -> None:
        self.sock = sock
        self.why = ""
        """Why nothing can be asked any longer; empty while all is well."""
        self._asked = self._bytes = 0
        self._given_up: set[int] = set()
        self._arrival = select.poll()
        self._arrival.register(sock, select.POLLIN)

    def names(self, wanted: Sequence[str]) -> dict[str, Any]:
        """Those of the wanted names that the other side defines: plain data as it is, all else as a `Reference`."""
        found = self._ask("names", tuple(wanted), seconds=LAST_S)
        names: dict[str, Any] = {}
        for name in wanted if isinstance(found, dict) else ():
            if name in found:
                one = found[name]
                named = isinstance(one, probes.Odd)
                names[name] = referring(name, one.type, one.callable, self.call) if named else one
        return names

    def probe(self, name: str, seconds: float, args: Sequence[Any]) -> Any:
        """What `helpers.check.core.probe.observed` returns there."""
        return self._ask("probe", name, seconds, tuple(args), seconds=probes.WHOLE * seconds)

    def call(self, name: str, args: tuple[Any, ...], named: dict[str, Any]) -> Any:
        """What the student's function returns, as plain data; what it raises is raised here, of a kind alike."""
        reply = self._ask("call", name, args, named, seconds=LAST_S)
        how, value = reply if isinstance(reply, tuple) and len(reply) == 2 else ("raised", None)
        if how != "value":
            raise rebuilt(value)
        return value

    def run(self, text: str, name: str, seconds: float) -> None:
        """Execute a cell there (`judge.local`); what it raises is raised here."""
        error = self._ask("run", text, name, seconds=seconds)
        if error is not None:
            raise rebuilt(error)

    def end(self, why: str) -> None:
        """Nothing more goes through this line."""
        if not self.why:
            self.why = why
            self.sock.close()

    def _ask(self, operation: str, *values: Any, seconds: float) -> Any:
        """One question and its answer. StudentGone if there is none."""
        if self.why:
            raise StudentGone(self.why)
        self._asked += 1
        number, encoder = self._asked, Encoder()
        header = {"op": operation, "n": number, "v": [encoder.node(value) for value in values]}
        deadline = time.monotonic() + WAITING * seconds + GRACE_S
        try:
            wire.send(self.sock, header, encoder.buffers, deadline)
            return self._answer(number, deadline)
        except wire.WireError as error:
            self.end(f"The process with the student's code can't be asked any longer: {error}.")
            raise StudentGone(self.why) from None

    def _answer(self, number: int, deadline: float) -> Any:
        while True:
            self._wait(number, deadline)
            with wire.shield():
                left = min(MESSAGE, TOTAL - self._bytes)
                reply, buffers = wire.receive(self.sock, left, deadline, header_bytes=HEADER)
                self._bytes += 1000 + sum(map(len, buffers))
                if reply.get("re") in self._given_up:
                    self._given_up.remove(reply["re"])
                    continue
                if reply.get("re") != number:
                    raise wire.WireError("an answer that nobody asked for")
                decoder = Decoder(buffers)
                value = decoder.value(reply.get("v"))
                self._bytes += 16 * decoder.nodes
                return value

    def _wait(self, number: int, deadline: float) -> None:
        """Until a message begins. Here an interrupt does no harm: the answer is thrown away when it comes."""
        try:
            left = deadline - time.monotonic()
            if left <= 0 or not self._arrival.poll(left * 1000):
                raise wire.TooLate("no answer in time")
        except KeyboardInterrupt:
            self._given_up.add(number)
            raise


# The student's side. Nothing here is a protection: this is the student's process, and its answers are not trusted. ---


def serve_one(sock: socket.socket, names: Mapping[str, Any], run: Callable[[str, str], None] | None = None) -> bool:
    """Answer the question that waits on `sock`, about the objects in `names`; False when the judge has gone.

    run: executes a cell, where the judge's side may ask for that.
    """
    try:
        header, buffers = wire.receive(sock, MESSAGE)
        decoder = Decoder(buffers, names.__getitem__)
        operation, values = header["op"], [decoder.value(node) for node in header["v"]]
        for answer in (lambda: _does(operation, values, names, run), lambda: _too_much(operation)):
            encoder = Encoder()
            try:
                node = encoder.node(answer())
                break
            except OverflowError:
                continue
        wire.send(sock, {"re": header["n"], "v": node}, encoder.buffers)
    except wire.WireError:
        return False
    return True


def _does(operation: str, values: list[Any], names: Mapping[str, Any], run: Callable[[str, str], None] | None) -> Any:
    try:
        if operation == "names":
            return {name: probes.by_value(names[name]) for name in values[0] if name in names}
        if operation == "probe":
            return probes.observed(*values)
        if operation == "call":
            name, args, named = values
            with time_limit(LAST_S):
                return "value", probes.plain(names[name](*args, **named))
        assert run is not None
        run(*values)
        return None
    except BaseException as error:
        return _failed(operation, described(error))


def _failed(operation: str, told: dict[str, Any]) -> Any:
    if operation == "probe":
        return {"seen": {}, "ended": ("", "raised", told)}
    return {} if operation == "names" else told if operation == "run" else ("raised", told)


def _too_much(operation: str) -> Any:
    words = "What your code returned is too large to be looked at; results should be small."
    return _failed(operation, {"type": "OverflowError", "base": "Exception", "text": words, "frames": []})
