"""A forked process as the worker sees it: run a cell in it, within limits. All that it says is taken as hostile."""

import contextlib
import os
import select
import signal
import socket
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from nbformat import NotebookNode

from ..sandbox import Limits, Usage, kill_tree, memory_group
from . import wire
from .meter import EVERY_S, PATIENCE, Meter
from .output_collector import Collector, Full, Room
from .zygote_client import ZygoteClient

GRACE_S = 2.0
BESIDES_MB = 64
"""What the group of a hand-in may hold besides memory and files: it is weighed more exactly than that."""
SECONDS_TO_TAKE = 5.0
SIGNALS = {
    signal.SIGSEGV: "it crashed with a segmentation fault",
    signal.SIGBUS: "it crashed with a bus error",
    signal.SIGFPE: "it crashed with an arithmetic error in compiled code",
    signal.SIGILL: "it crashed at an instruction that this processor doesn't know",
    signal.SIGABRT: "it aborted itself",
    signal.SIGKILL: "it was killed from outside; most likely the machine had run out of memory",
    signal.SIGSYS: "it tried something that the sandbox forbids",
}
KINDS = {"stream", "display_data", "update_display_data", "execute_result", "error", "clear_output", "done"}


@dataclass
class Ran:
    """What came of one cell. ``beside``: what the other processes wrote meanwhile; ``changed``: names of the ``watch``
    of its request which, as the process itself says, are gone or name something else now; ``used``: the seconds that
    count, of the ``seconds`` on the clock (`Meter`); ``at``: line and column of the cell where, as it says, an error
    arose.
    """

    outputs: list[NotebookNode]
    count: int | None
    status: str
    seconds: float
    beside: list[NotebookNode] = field(default_factory=list)
    answer: dict[str, Any] = field(default_factory=dict)
    changed: list[str] = field(default_factory=list)
    used: float = 0.0
    at: tuple[int, int] | None = None


class Process:
    """One process of a zygote, for a student's cells or a judge's."""

    def __init__(
        self,
        zygote: ZygoteClient,
        request: dict[str, Any],
        *,
        limits: Limits,
        peer: socket.socket | None = None,
        trusted: bool = False,
    ) -> None:
        self.limits = limits
        self.why = ""
        self.room: Room | None = None
        """What its cells may put out together with those of others; None for no limit but each one's own."""
        self._zygote = zygote
        self.folder = Path(request["folder"])
        self._trusted = trusted
        self._collector = Collector(limits.output_bytes, trusted)
        self._frames = wire.Frames(2 * limits.output_bytes + 1_000_000)
        self._done: dict[str, Any] | None = None
        self._full, self._heard = False, 0
        self._control, theirs = socket.socketpair()
        pipes = [os.pipe(), os.pipe()]
        descriptors = [theirs.fileno(), pipes[0][1], pipes[1][1]] + ([peer.fileno()] if peer is not None else [])
        try:
            self._inmate = zygote.fork(request, descriptors)
            self.pid = self._inmate.pid
            self._usage = Usage(self._inmate, limits, None if trusted else self.folder)
            self._group = None if trusted else memory_group(self.pid, limits.memory_mb + limits.disk_mb + BESIDES_MB)
        except BaseException:
            self._control.close()
            for read, _ in pipes:
                os.close(read)
            raise
        finally:
            theirs.close()
            for _, write in pipes:
                os.close(write)
        self._pipes = {pipes[0][0]: "stdout", pipes[1][0]: "stderr"}
        for descriptor in self._pipes:
            os.set_blocking(descriptor, False)
        self._alive = True

    @property
    def alive(self) -> bool:
        """False once it is known to have ended; ``why`` then says in words what happened."""
        if self._alive:
            self._read()
        if self._alive and self._zygote.ended(self.pid) is not None:
            self._note_end()
        return self._alive

    def run(self, source: str, seconds: float, beside: Sequence["Process"] = (), **more: Any) -> Ran:
        """Run a cell for at most ``seconds`` that count, those ``beside`` it included, and `PATIENCE` times as long on
        the clock; then it is interrupted and, 2 s later, killed with all its children."""
        began = time.monotonic()
        self._begin()
        for other in beside:
            other._begin()
        meter = Meter(one.pid for one in (self, *beside))
        status = self._run(source, seconds, meter, beside, more) if self.alive else "died"
        spent = time.monotonic() - began
        if status == "timeout":
            self._say("Timeout", f"This cell ran longer than {seconds:g} s and was stopped.")
        if self._full and self._alive:
            status = "error"
        if not self._alive:
            status = "timeout" if status == "timeout" else "died"
            self._say("KernelDied", f"The process that ran this cell is gone: {self.why}.")
        answer = self._done or {}
        count, told = answer.get("count"), answer.get("changed")
        changed = {name for name in told if isinstance(name, str)} if isinstance(told, list) else set()
        return Ran(
            outputs=self._collector.finish(),
            count=count if type(count) is int and 0 <= count < 2**31 else None,
            status=status,
            seconds=spent,
            beside=[
                one
                for other in beside
                for one in other._collector.finish()
                if one["output_type"] in ("stream", "display_data")
            ],
            answer=answer if self._trusted else {},
            changed=[name for name in more.get("watch", ()) if name in changed],
            used=meter.look(last=True),
            at=_place(answer.get("at")),
        )

    def interrupt(self) -> None:
        """As Ctrl-C would, for the process and those it started."""
        if self._alive:
            for send in (os.killpg, os.kill):
                with contextlib.suppress(ProcessLookupError, PermissionError):
                    send(self.pid, signal.SIGINT)
                    return

    def kill(self, why: str = "it was no longer needed") -> None:
        """End it and its children at once."""
        if self._alive:
            self.why = why
            self._end()
            self._close()

    def _begin(self) -> None:
        if self._alive:
            self._read()  # what came between two cells belongs to none of them
        self._collector.begin(self.room)
        self._done, self._full, self._heard = None, False, 0

    def _run(
        self, source: str, seconds: float, meter: Meter, beside: Sequence["Process"], more: dict[str, Any]
    ) -> str:
        deadline = time.monotonic() + PATIENCE * seconds
        try:
            wire.send(
                self._control, {"do": "run", "source": source, **more}, deadline=time.monotonic() + SECONDS_TO_TAKE
            )
        except wire.TooLate:
            self.kill("it did not take the next cell")
        except wire.Closed:
            self._note_end()
        late = False
        steps: list[Callable[[], None]] = []
        step_at = check_at = time.monotonic() + EVERY_S
        everyone = [self, *beside]
        flooding: dict[int, float] = {}
        while self._done is None and self._alive:
            now = time.monotonic()
            if not late and (now >= deadline or meter.counted >= seconds):
                late = True
                if not steps:
                    # A judge may be waiting for the student's code: that one is stopped first.
                    steps = [other.interrupt for other in beside] + [self.interrupt, lambda: self.kill(self._stuck())]
                    step_at = now
            if not steps and self._full:
                steps = [self.interrupt, lambda: self.kill(self._flooded())]
                step_at = now
            if steps and now >= step_at:
                steps.pop(0)()
                step_at = now + (GRACE_S if len(steps) == 1 else GRACE_S / 2)
                continue
            if now >= check_at:
                for one in everyone:
                    one._check_usage()
                for other in beside:
                    other._stop_flood(flooding)
                meter.look()
                check_at = time.monotonic() + EVERY_S
                continue
            until = min([check_at] + ([] if late else [deadline]) + ([step_at] if steps else []))
            self._wait(everyone, max(0.0, until - now))
        for one in everyone:
            if one._alive:
                one._drain()
        if late:
            return "timeout"
        return "error" if (self._done or {}).get("status") != "ok" else "ok"

    def _stop_flood(self, flooding: dict[int, float]) -> None:
        # One that floods while another runs a cell is interrupted, then killed, without that one's doing.
        if self._full and self._alive:
            if self.pid not in flooding:
                flooding[self.pid] = time.monotonic() + GRACE_S
                self.interrupt()
            elif time.monotonic() > flooding[self.pid]:
                self.kill(self._flooded())

    def _stuck(self) -> str:
        return "it ran longer than allowed and could not be stopped"

    def _flooded(self) -> str:
        return f"it wrote more than {self.limits.output_bytes:,} bytes of output and could not be stopped"

    @staticmethod
    def _wait(everyone: Sequence["Process"], seconds: float) -> None:
        poller = select.poll()
        owners: dict[int, Process] = {}
        for one in everyone:
            if one._alive:
                for descriptor in (one._control.fileno(), *one._pipes):
                    poller.register(descriptor, select.POLLIN)
                    owners[descriptor] = one
                zygote = one._zygote.sock
                if zygote is not None:
                    poller.register(zygote.fileno(), select.POLLIN)
        ready = {descriptor for descriptor, _ in poller.poll(int(seconds * 1000) + 1)}
        for one in {owners[descriptor] for descriptor in ready if descriptor in owners}:
            one._read()
        if ready - owners.keys():
            for one in everyone:
                one.alive  # noqa: B018  looks whether its end was told

    def _read(self) -> None:
        if not self._alive:
            return
        try:
            data = self._control.recv(1 << 20, socket.MSG_DONTWAIT)
        except BlockingIOError:
            data = None
        except OSError:
            data = b""
        if data:
            self._heard += len(data)
            if self._heard > 8 * self.limits.output_bytes + 1_000_000:
                self._overflow()
            try:
                for frame in self._frames.feed(data):
                    self._take(frame)
            except wire.WireError:
                self.kill("it sent its grader something that is no output")
                return
        self._drain()
        if data == b"":
            self._note_end()

    def _take(self, frame: tuple[dict[str, Any], list[bytes]] | None) -> None:
        if frame is None:
            self._overflow()
            return
        header, buffers = frame
        if buffers or not isinstance(header.get("is"), str) or header["is"] not in KINDS:
            raise wire.WireError("a frame that no cell sends")
        if header.get("pipes_empty") is not True:
            self._drain()
        if header["is"] == "done":
            self._done = header
        elif not self._full:
            try:
                self._collector.add(header)
            except Full:
                self._overflow()

    def _drain(self) -> None:
        for descriptor, name in list(self._pipes.items()):
            try:
                data = os.read(descriptor, 1 << 17)
            except BlockingIOError:
                continue
            except OSError:
                data = b""
            if not data:
                os.close(descriptor)
                del self._pipes[descriptor]
            elif not self._full:
                try:
                    self._collector.text(name, data.decode("utf-8", "replace"))
                except Full:
                    self._overflow()

    def _overflow(self) -> None:
        if not self._full:
            self._full = True
            self._say("OutputLimit", f"This cell wrote more than {self.limits.output_bytes:,} bytes and was stopped.")

    def _say(self, ename: str, evalue: str) -> None:
        self._collector.own_words(ename, evalue)

    def _check_usage(self) -> None:
        words = (self._too_large() or self._usage.exceeded()) if self._alive else ""
        if words:
            self.kill(f"it {words}")

    def _too_large(self) -> str:
        exceeded = self._group and self._group.exceeded()
        return f"used more than {self.limits.memory_mb} MB of memory" if exceeded else ""

    def _note_end(self) -> None:
        # It has gone, or has closed its end of the line, which comes to the same.
        if not self._alive:
            return
        ended, words = self._zygote.ended(self.pid, wait=1.0), self._too_large()
        self.why = f"it {words}" if words else how_it_ended(ended, self.limits)
        self._end()
        self._close()

    def _end(self) -> None:
        if self._trusted:  # runs the course's own code only, so nobody hides from a signal to its group
            with contextlib.suppress(ProcessLookupError, PermissionError):
                os.killpg(self.pid, signal.SIGKILL)
        else:
            kill_tree(self._inmate)

    def _close(self) -> None:
        self._alive = False
        if self._group:
            self._group.close()
        self._control.close()
        for descriptor in self._pipes:
            os.close(descriptor)
        self._pipes = {}


def _place(told: Any) -> tuple[int, int] | None:
    if not (isinstance(told, list) and len(told) == 2 and all(type(one) is int and 0 <= one < 2**31 for one in told)):
        return None
    return told[0], told[1]


def how_it_ended(ended: tuple[int, float] | None, limits: Limits) -> str:
    """In words. `ended`: exit code or minus the signal's number, and the processor's seconds; None if unknown."""
    if ended is None:
        return "it cut the line to its grader"
    code, cpu_s = ended
    if code >= 0:
        return f"it ended itself with exit code {code}"
    if code == -signal.SIGXCPU or (code == -signal.SIGKILL and cpu_s >= limits.cpu_s - 1):
        return f"it used more than {limits.cpu_s:,} s of processor time"
    try:
        known = signal.Signals(-code)
    except ValueError:
        return f"it was ended by signal {-code}"
    return SIGNALS.get(known, f"it was ended by signal {known.name}")
