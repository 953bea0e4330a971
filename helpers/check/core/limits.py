"""What stands around the call of a student's function: a limit of time, no warnings, a process that may crash."""

from __future__ import annotations

import _signal
import contextlib
import faulthandler
import importlib
import json
import os
import select
import signal
import sys
import threading
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from helpers.errors import TooLong

_TIMERS = (
    ((signal.SIGPROF, signal.ITIMER_PROF, 1), (signal.SIGALRM, signal.ITIMER_REAL, 6))
    if hasattr(signal, "setitimer")
    else ()
)
_limits = 0
"""How many limits the main thread is inside of."""
_leaving = False
"""Whether a limit is being taken away: whatever strikes then is over."""


def _stop(number: int, frame: Any) -> None:
    if not _limits:
        signal.signal(number, signal.SIG_DFL)
        signal.raise_signal(number)
    elif not _leaving:
        raise TooLong


class time_limit:
    """Stop after `seconds` of computing, so that a busy machine costs nobody points, or six times that of waiting.

    A limit around this one stands still meanwhile. Outside of the main thread, and on Windows, there is no limit.
    """

    def __init__(self, seconds: float):
        self.seconds = seconds

    def __enter__(self) -> None:
        global _limits
        self.before: list[tuple[Any, float]] = []
        if not _TIMERS or threading.current_thread() is not threading.main_thread():
            return
        _limits += 1
        for number, timer, times in _TIMERS:
            handler = _signal.getsignal(number)  # signal.getsignal takes 40 times as long
            if handler is not _stop:
                signal.signal(number, _stop)
            self.before.append((handler, signal.setitimer(timer, times * self.seconds)[0]))

    def __exit__(self, *about: object) -> None:
        global _limits, _leaving
        if not self.before:
            return
        _leaving = True
        for (number, timer, _), (handler, rest) in zip(_TIMERS, self.before, strict=True):
            signal.setitimer(timer, rest)
            # Installing one takes long, so ours stays where there was none.
            if handler not in (_stop, signal.SIG_DFL, None):
                signal.signal(number, handler)
        _limits -= 1
        _leaving = False


def in_a_copy(work: Callable[[], Any], seconds: float) -> Any:
    """What `work` returns, as JSON has it, run in a fork of this process; None if that crashes or takes longer, or if
    there can be none."""
    receiving, sending = os.pipe()
    try:
        pid = os.fork()
    except (AttributeError, OSError):  # Windows, browsers, not enough memory
        os.close(receiving)
        os.close(sending)
        return None
    if pid == 0:
        try:
            _modest()
            os.write(sending, json.dumps(work()).encode())
        finally:
            os._exit(0)
    os.close(sending)
    try:
        ready, _, _ = select.select([receiving], [], [], seconds)
        told = os.read(receiving, 1 << 16) if ready else b""
    finally:
        os.kill(pid, signal.SIGKILL)
        os.waitpid(pid, 0)
        os.close(receiving)
    return json.loads(told) if told else None


def _modest() -> None:
    """No more memory for this process than it has and a gigabyte, no word of a crash, and one thread: those of OpenMP
    don't live in a fork."""
    faulthandler.disable()
    nothing = os.open(os.devnull, os.O_WRONLY)
    for number in (1, 2):
        os.dup2(nothing, number)
    with contextlib.suppress(Exception):
        resource = importlib.import_module("resource")
        has = int(Path("/proc/self/statm").read_text().split()[0]) * resource.getpagesize()
        resource.setrlimit(resource.RLIMIT_AS, (has + (1 << 30), resource.RLIM_INFINITY))
    if "torch" in sys.modules:
        sys.modules["torch"].set_num_threads(1)


class quiet:
    """No warnings of Python or numpy: a student's overflow is found by its result."""

    def __enter__(self) -> None:
        self.numbers = np.errstate(all="ignore")
        self.numbers.__enter__()
        # `warnings.catch_warnings` would throw away what every module knows of its warnings.
        # "ignore" makes nothing new known.
        self.filters, warnings.filters = warnings.filters, [("ignore", None, Warning, None, 0)]

    def __exit__(self, *about: Any) -> None:
        warnings.filters = self.filters
        self.numbers.__exit__(*about)
