"""The fork server of all students' processes, started before the command line is read, because results wait for it.

Typer, rich and the rest of `grade` take a fifth of a second to import, on another core.
"""

from __future__ import annotations

import atexit
import contextlib
import sys
from collections.abc import Iterable, Sequence

from .course import Course
from .kernel.fork_client import ForkServerProcess
from .kernel.warmup import needs_of_file

_started: tuple[set[str], ForkServerProcess] | None = None


def start(arguments: Sequence[str]) -> None:
    """Start it if these arguments look like grading on this machine; the command line validates them later.

    One that is not used ends with this process.
    """
    global _started
    if arguments[:1] != ["grade"] or not sys.platform.startswith("linux"):
        return
    if any(word == "--help" or word.startswith("--scheduler") for word in arguments):
        return
    solutions = Course().solutions
    for word in arguments[1:]:
        source = solutions / word / f"{word}.py"
        if "/" not in word and source.is_file():
            needs = needs_of_file(source)
            with contextlib.suppress(OSError):  # told when it is wanted
                _started = set(needs), ForkServerProcess(needs)
                atexit.register(_end)
            return


def fork_server(needs: Iterable[str]) -> ForkServerProcess:
    """A fork server that warms up for `needs`: the one already started, if it fits, or a new one."""
    global _started
    needs = list(needs)
    if _started is not None and _started[0] == set(needs):
        (_, found), _started = _started, None
        return found
    return ForkServerProcess(needs)


def _end() -> None:
    if _started is not None:
        _started[1].close()
