"""A child process that is sandboxed before it runs foreign code."""

from __future__ import annotations

import contextlib
import functools
import json
import os
import select
import sys
import threading
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import NoReturn

from helpers.errors import CourseError

from . import landlock, namespaces, rootfs, seccomp
from . import syscalls as sc
from .limits import (
    close_descriptors,
    offer_to_be_killed,
    reset_signals,
    set_environment,
    set_limit,
    set_limits,
)
from .modes import Inmate, Limits, Mode, Room
from .paths import emptied, without
from .tree import start_time

PATIENCE_S = 60


def settle(mode: Mode) -> None:
    """Make a zygote of this process. Call it before anything that starts a thread or takes memory; it returns in a
    child process, except in the modes that need nothing ("landlock", "none").

    CourseError: this machine does not let us make namespaces.
    """
    if mode.name == "namespaces":
        try:
            namespaces.settle()
        except OSError as error:
            raise CourseError(f"no namespaces can be made on this machine ({_words(error)})") from error


def fork_into(
    mode: Mode,
    room: Room,
    limits: Limits,
    body: Callable[[], None],
    keep: Sequence[int] = (),
    install: Install | None = None,
) -> Inmate:
    """Run `body` in a child process that has been shut in; it ends with body, whatever body does.

    The child has `keep`'s descriptors open and no others (0, 1 and 2 are the null device unless they are kept), the
    room's files in its working directory, and the room's environment. This process is left as it was, but for a child
    to `reap`. `install` puts the filter on system calls over the child (`seccomp.install`, if left out). CourseError:
    the child could not be shut in (nothing of body has run then), or this process has several threads, of which a
    child would inherit the locks but not the owners.
    """
    if not hasattr(os, "fork"):
        raise CourseError(f"student code can't be run on {sys.platform}: it has no fork; use Linux, macOS or WSL 2")
    if _threads() > 1:
        raise CourseError(f"the process to be forked has {_threads()} threads; it must have one")
    plan = _plan(mode, room, limits, install or seccomp.install)
    news, told = os.pipe()
    try:
        pid = namespaces.fork() if mode.name == "namespaces" else os.fork()
        if pid == 0:
            os.close(news)
            _live(plan, room, limits, body, told, keep)
        os.close(told)
        told = -1
        answer = _answer(news)
        if "pid" not in answer:
            with contextlib.suppress(ChildProcessError):
                os.waitpid(pid, 0)
            raise CourseError(f"the student's process could not be shut in: {answer.get('error', 'it died')}")
        return Inmate(answer["pid"], mode.name, answer["started"])
    except OSError as error:
        raise CourseError(f"no process for the student's code could be started ({_words(error)})") from error
    finally:
        os.close(news)
        if told >= 0:
            os.close(told)


def reap() -> list[int]:
    """Take note of children that have ended; their numbers as this process sees them."""
    ended = []
    with contextlib.suppress(ChildProcessError):
        while (pid := os.waitpid(-1, os.WNOHANG)[0]) != 0:
            ended.append(pid)
    return ended


def _threads() -> int:
    try:
        return len(os.listdir("/proc/self/task"))
    except OSError:
        return threading.active_count()


def _answer(news: int) -> dict:
    text = b""
    while select.select([news], [], [], PATIENCE_S)[0]:
        part = os.read(news, 4096)
        text += part
        if not part or text.endswith(b"\n"):
            break
    return json.loads(text) if text.endswith(b"\n") else {}


Plan = Callable[[], None]
Install = Callable[[bytes], None]


def _plan(mode: Mode, room: Room, limits: Limits, install: Install) -> Plan:
    """What the child must do to be shut in. Whatever takes time and is the same each time is done here, before the
    fork."""
    if mode.name == "none":
        return lambda: _enter_none(room, limits)
    # One mount over a hidden folder is cheaper than a mount for each of its neighbours.
    covered = emptied(room.readable, room.hidden) if mode.name == "namespaces" else ()
    shown = _shown(room.readable, tuple(p for p in room.hidden if p not in covered))
    machine = sc.machine()
    if mode.name == "namespaces":
        code = seccomp.program(machine, beside=False, processes=limits.forks)
        return lambda: _enter_namespaces(room, shown, covered, limits, code, install)
    known = min(landlock.abi(), landlock.NEWEST)
    drop = landlock.may_drop(room)
    return lambda: _enter_landlock(room, shown, limits, machine, known, drop, install)


@functools.lru_cache(maxsize=4)
def _shown(readable: tuple[Path, ...], hidden: tuple[Path, ...]) -> tuple[Path, ...]:
    return without(readable, hidden)


def _live(plan: Plan, room: Room, limits: Limits, body: Callable[[], None], told: int, keep: Sequence[int]) -> NoReturn:
    code = 1
    try:
        reset_signals()
        offer_to_be_killed()
        me = {"pid": _my_number(), "started": start_time("self")}
        try:
            close_descriptors((*keep, told))  # while /proc still names them all
            plan()
            close_descriptors((*keep, told))
            os.write(told, json.dumps(me).encode() + b"\n")
            os.close(told)
        except BaseException as error:
            with contextlib.suppress(OSError):
                os.write(told, json.dumps({"error": _words(error)[:1000]}).encode() + b"\n")
            os._exit(1)
        body()
        code = 0
    finally:
        os._exit(code)


def _words(error: BaseException) -> str:
    if isinstance(error, OSError):
        return f"{error.strerror or error}{f': {error.filename}' if error.filename else ''}"
    return f"{type(error).__name__}: {error}"


def _my_number() -> int:
    """This process's number where /proc was mounted, which is where the worker lives."""
    try:
        return int(os.readlink("/proc/self"))
    except OSError:
        return os.getpid()


def _enter_namespaces(
    room: Room, shown: tuple, covered: tuple, limits: Limits, code: bytes, install: Install
) -> None:
    os.setsid()
    processes = namespaces.enter(room, shown, covered, limits)
    set_environment(rootfs.HOME, rootfs.TEMPORARY, room.env)
    set_limits(limits, processes)
    sc.prctl(sc.PR_SET_PDEATHSIG, 9)
    sc.drop_capabilities()
    sc.no_new_privileges()
    install(code)


def _enter_landlock(
    room: Room, shown: tuple, limits: Limits, machine: str, known: int, drop: bool, install: Install
) -> None:
    os.setsid()
    temporary = str(room.folder / ".tmp")
    set_environment(temporary, temporary, room.env)
    set_limits(limits, None)
    processes = landlock.enter(room, shown, limits, drop, known)
    set_limit("NPROC", processes)
    sc.prctl(sc.PR_SET_PDEATHSIG, 9)
    sc.drop_capabilities()
    code = seccomp.program(
        machine, beside=True, signals=known >= 6, processes=processes is not None and limits.forks, truncate=known >= 3
    )
    install(code)


def _enter_none(room: Room, limits: Limits) -> None:
    os.setsid()
    temporary = room.folder / ".tmp"
    temporary.mkdir(exist_ok=True, mode=0o700)
    os.chdir(room.folder)
    set_environment(str(temporary), str(temporary), room.env)
    set_limits(limits, None)
    with contextlib.suppress(OSError, AttributeError):
        sc.prctl(sc.PR_SET_CHILD_SUBREAPER, 1)
        sc.prctl(sc.PR_SET_PDEATHSIG, 9)
