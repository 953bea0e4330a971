"""A worker's side of a zygote for the tests of the sandbox: code is sent as text and runs shut in."""

from __future__ import annotations

import json
import os
import select
import socket
import subprocess
import sys
import tempfile
import textwrap
import time
from dataclasses import asdict
from pathlib import Path

from autograder.sandbox import Inmate, Limits, Mode, kill_tree

REPOSITORY = Path(__file__).resolve().parent.parent.parent
PROGRAM = """
import json, os, socket, sys
sys.path.insert(0, sys.argv[1])
from autograder.sandbox import *
control = socket.socket(fileno=int(sys.argv[2]))
mode = MODES[sys.argv[3]]
settle(mode)
exec(sys.argv[4])
from pathlib import Path
while True:
    message, fds, _, _ = socket.recv_fds(control, 1 << 20, 4)
    if not message:
        break
    order = json.loads(message)
    def body():
        def say(value):
            os.write(fds[0], json.dumps(value).encode() + b"\\n")
        try:
            exec(order["code"], {"say": say, "os": os, "fds": fds, "__name__": "__main__"})
        except BaseException as error:
            say({"error": f"{type(error).__name__}: {error}"})
            raise
    try:
        room = standard_room(Path(order["folder"]), order["env"], order["hidden"])
        inmate = fork_into(mode, room, Limits(**order["limits"]), body, keep=fds)
        answer = {"pid": inmate.pid, "mode": inmate.mode, "started": inmate.started}
    except Exception as error:
        answer = {"error": str(error)}
    for fd in fds:
        os.close(fd)
    if order.get("reap", True):
        reap()
    answer["descriptors"] = len(os.listdir("/proc/self/fd"))
    control.send(json.dumps(answer).encode())
"""


def open_to_all(path: Path, rights: int = 0o755) -> None:
    """Let every user in. The folder for temporary files itself keeps its rights: they are everybody's."""
    path.chmod(rights)
    for parent in path.parents[:3]:
        if parent == Path(tempfile.gettempdir()).resolve():
            return
        parent.chmod(0o755)


class Zygote:
    """`before`: statements that the zygote runs once it has settled. `prelude`: a program and its arguments that
    starts Python, such as ``unshare``."""

    def __init__(self, mode: Mode, before: str = "", prelude: tuple[str, ...] = (), environment: dict | None = None):
        ours, theirs = socket.socketpair()
        self.control = ours
        self.process = subprocess.Popen(
            [*prelude, sys.executable, "-c", PROGRAM, str(REPOSITORY), str(theirs.fileno()), mode.name, before],
            pass_fds=(theirs.fileno(),), env={"PATH": os.defpath, **(environment or {})},
        )  # fmt: skip
        theirs.close()
        self.last: dict = {}

    def start(self, folder: Path, code: str, *, limits=None, env: dict | None = None, hidden=(), fds=()) -> Guest:
        """`fds`: more descriptors; the code finds their numbers in its ``fds[1:]``."""
        heard, told = os.pipe()
        order = {"folder": str(folder), "code": textwrap.dedent(code), "limits": asdict(limits or Limits()),
                 "env": env or {}, "hidden": [str(p) for p in hidden]}  # fmt: skip
        socket.send_fds(self.control, [json.dumps(order).encode()], [told, *fds])
        os.close(told)
        self.last = json.loads(self.control.recv(1 << 16) or b'{"error": "the zygote died", "descriptors": 0}')
        self.last_descriptors = self.last.pop("descriptors")
        if "error" in self.last:
            os.close(heard)
            raise RuntimeError(self.last["error"])
        return Guest(Inmate(**self.last), heard)

    def run(self, folder: Path, code: str, seconds: float = 120, **more) -> list:
        """What the code said, once it has ended."""
        guest = self.start(folder, code, **more)
        try:
            return guest.all(seconds)
        finally:
            assert kill_tree(guest.inmate)
            guest.close()

    def close(self) -> None:
        self.control.close()
        self.process.kill()
        self.process.wait(10)

    def __enter__(self) -> Zygote:
        return self

    def __exit__(self, *_) -> None:
        self.close()


class Guest:
    def __init__(self, inmate: Inmate, heard: int):
        self.inmate, self.heard, self.rest = inmate, heard, b""

    def next(self, seconds: float = 120):
        """The next thing it says; EOFError when it has ended."""
        until = time.monotonic() + seconds
        while b"\n" not in self.rest:
            if not select.select([self.heard], [], [], max(0, until - time.monotonic()))[0]:
                raise TimeoutError(f"silent for {seconds} s")
            part = os.read(self.heard, 65536)
            if not part:
                raise EOFError
            self.rest += part
        line, _, self.rest = self.rest.partition(b"\n")
        return json.loads(line)

    def all(self, seconds: float = 120) -> list:
        said = []
        try:
            while True:
                said.append(self.next(seconds))
        except EOFError:
            return said

    def close(self) -> None:
        os.close(self.heard)


ROOTS_HOME = os.path.expanduser("~root")
PYTHON_HOME = str(Path(sys.base_prefix).resolve())
# Another user than root, who sees Python even where it lies in root's home: for that, a view of the files of its own.
_VISIBLE = f"""
set -e
home=$(mktemp -d)
mount --bind "{PYTHON_HOME}" "$home"
case "{PYTHON_HOME}" in "{ROOTS_HOME}"/*)
    mount -t tmpfs -o mode=755 none "{ROOTS_HOME}"
    mkdir -p "{PYTHON_HOME}"
    mount --bind "$home" "{PYTHON_HOME}";;
esac
exec """
_UNSHARE = ("unshare", "-m", "sh", "-c")
ORDINARY = (*_UNSHARE, _VISIBLE + 'setpriv --reuid=64321 --regid=64321 --clear-groups "$@"', "sh")
ROOT_WHOSE_PYTHON_ALL_SEE = (*_UNSHARE, _VISIBLE + '"$@"', "sh")
# All users exist here, and it has all rights over them, but no other user namespace can be made.
_ALL_USERS = """
import ctypes, os, sys
ready, go = os.pipe(), os.pipe()
if child := os.fork():
    os.read(ready[0], 1)
    for name in ("uid_map", "gid_map"):
        with open(f"/proc/{child}/{name}", "w") as file:
            file.write("0 0 4294967295")
    os.write(go[1], b"x")
    os.close(go[1])
    sys.exit(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]))
assert ctypes.CDLL(None).unshare(0x10000000) == 0
os.write(ready[1], b"x")
os.read(go[0], 1)
for one in (*ready, *go):
    os.close(one)
with open("/proc/sys/user/max_user_namespaces", "w") as file:
    file.write("0")
os.execvp(sys.argv[1], sys.argv[1:])
"""
ROOT_WITHOUT_USER_NAMESPACES = (sys.executable, "-c", _ALL_USERS)
NO_USER_NAMESPACES = (*ROOT_WITHOUT_USER_NAMESPACES, *ORDINARY)
