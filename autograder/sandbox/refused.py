"""Which system calls are allowed, and which a notebook was refused.

``python -m autograder.sandbox.refused`` prints the filter's list: each call, and what each mode answers. With a
notebook or a script it runs the code in the sandbox and prints what was refused there.
"""

from __future__ import annotations

import argparse
import contextlib
import errno
import fcntl
import json
import os
import select
import socket
import struct
import sys
import tempfile
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import NoReturn

import nbformat

from helpers.errors import CourseError

from ..text import one_line
from . import seccomp
from . import syscalls as sc
from .fork import fork_into, reap, settle
from .modes import Inmate, Limits, Mode
from .paths import standard_room
from .rootfs import copy_files
from .syscalls import NUMBERS
from .tree import gone, kill_tree
from .trial import choose

# struct seccomp_notif and seccomp_notif_resp, and the requests that take and answer one (linux/seccomp.h)
HEARD, ANSWER = "=QIIiIQ6Q", "=QqiI"
RECEIVE, SEND = 0xC0502100, 0xC0182101
BY_ARGUMENTS = "by its arguments"
MOST = 1000


def table(machine: str) -> Iterator[str]:
    """The filter's list in lines of text. KeyError: no such machine."""
    alone, beside = (_answers(seccomp.program(machine, beside=beside), machine) for beside in (False, True))
    yield f"{'number':>6}  {'call':26}{'namespaces':18}landlock"
    for name, number in sorted(NUMBERS[machine].items(), key=lambda item: item[1]):
        yield f"{number:6}  {name:26}{alone[name]:18}{beside[name]}"


def _answers(code: bytes, machine: str) -> dict[str, str]:
    return {name: _answer(code, machine, number) for name, number in NUMBERS[machine].items()}


def _answer(code: bytes, machine: str, number: int) -> str:
    try:
        return word(seccomp.outcome(code, machine, number))
    except KeyError:
        return BY_ARGUMENTS


def word(action: int) -> str:
    """ "allowed", "pretended" (the answer is that it has worked), or the name of an error."""
    return "allowed" if action == seccomp.ALLOW else errno.errorcode.get(action & 0xFFFF, "pretended")


def refusals(cells: Iterable[str], folder: Path, mode: Mode) -> list[str]:
    """Run the cells one after the other in the sandbox, with a copy of `folder`'s files: what was refused and which
    cells failed, each once, in the order of its first time.

    Call it in a process with one thread, once; it may return in a child (see `settle`).
    """
    settle(mode)
    with tempfile.TemporaryDirectory(prefix="refused-") as place:
        os.chmod(place, 0o755)
        copy_files(str(folder), f"{place}/work")
        heard, told = os.pipe()
        ours, theirs = socket.socketpair()
        with ours, theirs:
            if not os.fork():
                _watch(ours, theirs, heard, told)
            inmate = fork_into(
                mode, standard_room(Path(place, "work")), Limits(), lambda: _run(cells, told),
                keep=(told, theirs.fileno()), install=lambda code: _hand_over(code, theirs),
            )  # fmt: skip
        os.close(told)
        lines = _all(heard, inmate).decode().splitlines()
        reap()
    return list(dict.fromkeys(one_line(json.loads(line)) for line in lines))


def _all(heard: int, inmate: Inmate) -> bytes:
    """Messages until all senders have ended."""
    said = b""
    with os.fdopen(heard, "rb", buffering=0) as pipe:
        while True:
            if select.select([pipe], [], [], 0.2)[0]:
                part = pipe.read(65536)
                if not part:
                    return said
                said += part
            elif gone(inmate) and inmate.mode != "namespaces":  # there the kernel ends what it left behind
                kill_tree(inmate)


def _run(cells: Iterable[str], told: int) -> None:
    from IPython.core.interactiveshell import InteractiveShell

    class Shell(InteractiveShell):
        def enable_gui(self, gui: str | None = None) -> None:
            """``%matplotlib`` asks for one."""

    shell = Shell.instance()
    for number, cell in enumerate(cells, 1):
        result = shell.run_cell(cell)
        if error := result.error_before_exec or result.error_in_exec:
            _tell(told, f"code cell {number} failed: {type(error).__name__}: {error}")


def _tell(told: int, line: str) -> None:
    os.write(told, json.dumps(line).encode() + b"\n")


def _hand_over(code: bytes, line: socket.socket) -> None:
    listener = seccomp.install_with_listener(code)
    socket.send_fds(line, [code], [listener])
    os.close(listener)


def _watch(ours: socket.socket, theirs: socket.socket, heard: int, told: int) -> NoReturn:
    """Answer as the filter would have, and tell of each refusal, until all that were shut in have ended."""
    with contextlib.suppress(BaseException):
        theirs.close()
        os.close(heard)
        code, (listener,), _, _ = socket.recv_fds(ours, 1 << 16, 1)
        waiting, machine = select.poll(), sc.machine()
        known: set[str] = set()
        waiting.register(listener, select.POLLIN)
        while waiting.poll()[0][1] & select.POLLIN:
            request = bytearray(struct.calcsize(HEARD))
            with contextlib.suppress(FileNotFoundError):  # the caller has been killed
                fcntl.ioctl(listener, RECEIVE, request)
                name, action, key = _named(code, machine, bytes(request))
                if name not in known and len(known) < MOST:
                    known.add(name)
                    _tell(told, f"{name}: {word(action)}")
                fcntl.ioctl(listener, SEND, struct.pack(ANSWER, key, 0, -(action & 0xFFFF), 0))
    os._exit(0)


def _named(code: bytes, machine: str, request: bytes) -> tuple[str, int, int]:
    """The call in words, the filter's answer to it, and the request's own number."""
    key, _, _, number, architecture, _, *arguments = struct.unpack(HEARD, request)
    number &= 0xFFFFFFFF
    action = seccomp.outcome(code, machine, number, arguments, architecture)
    if architecture != seccomp.ARCHITECTURE[machine]:
        return f"call {number} of another architecture", action, key
    name = next((name for name, known in NUMBERS[machine].items() if known == number), f"call {number}")
    if _answer(code, machine, number) == BY_ARGUMENTS:
        name += f"({', '.join(map(hex, arguments[:3]))}, …)"
    return name, action, key


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m autograder.sandbox.refused", description=__doc__)
    parser.add_argument("file", nargs="?", type=Path, help="a notebook (.ipynb) or a script")
    parser.add_argument("--sandbox", help="namespaces or landlock; the strongest that works, if left out")
    given = parser.parse_args()
    try:
        if given.file is None:
            print(*table(sc.machine()), sep="\n")
            return
        mode = choose(wanted=given.sandbox)
        lines = refusals(_cells(given.file), given.file.resolve().parent, mode)
    except (CourseError, OSError, ValueError) as error:
        sys.exit(one_line(error))
    print(*lines or [f'nothing was refused in mode "{mode.name}"'], sep="\n")


def _cells(file: Path) -> list[str]:
    if file.suffix != ".ipynb":
        return [file.read_text()]
    return [cell.source for cell in nbformat.read(file, as_version=4).cells if cell.cell_type == "code"]


if __name__ == "__main__":
    main()
