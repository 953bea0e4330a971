"""The strongest mode that works on this machine. Each is tried in a disposable process: can it be entered, and does it
hold? ``main`` is that process: it says in one line of JSON what is wrong, "" for nothing."""

from __future__ import annotations

import json
import os
import socket
import subprocess
import sys
import tempfile
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

from helpers.errors import CourseError

from .modes import LANDLOCK, MODES, NAMESPACES, NONE, Limits, Mode
from .paths import helpers_folder, hidden_paths, standard_room

SECONDS = 60
WHAT_UNSAFE_MEANS = (
    "Without a sandbox a student's code runs with your rights: it can read and change all your files, the gradebook "
    "and other submissions included, use the network, and leave programs running."
)
_tried: dict[str, str] = {}


def choose(unsafe: bool = False, wanted: str | None = None) -> Mode:
    """The strongest mode that was tried and holds, or the one that is `wanted` (by name).

    CourseError where there is none, with the reasons and what to do. Only `unsafe` gives mode "none", and only where
    nothing better works, unless it is `wanted`.
    """
    if wanted is not None and wanted not in MODES:
        raise CourseError(f"the sandbox {wanted!r} does not exist; there are: {', '.join(MODES)}")
    if wanted == NONE.name and not unsafe:
        raise CourseError(f'mode "none" must be asked for with --unsafe. {WHAT_UNSAFE_MEANS}')
    modes = [MODES[wanted]] if wanted else [NAMESPACES, LANDLOCK]
    for mode in modes:
        if mode is NONE or not works(mode):
            return mode
    if unsafe and wanted is None:
        return NONE
    reasons = "; ".join(f"{mode.name}: {works(mode)}" for mode in modes)
    raise CourseError(f"no sandbox for students' code works here ({reasons}). {_advice()} {WHAT_UNSAFE_MEANS}")


def works(mode: Mode) -> str:
    """ "" if the mode holds here, else why not. Tried once per process."""
    if mode.name not in _tried:
        _tried[mode.name] = attempt(mode) if sys.platform.startswith("linux") else f"not on {_system()}"
    return _tried[mode.name]


def _system() -> str:
    return {"darwin": "macOS", "win32": "Windows"}.get(sys.platform, sys.platform)


def _advice() -> str:
    if sys.platform == "darwin":
        return "Grade on a Linux machine or in a Linux virtual machine (Lima, Colima), or add --unsafe."
    if sys.platform == "win32":
        return "Grade in WSL 2 or on a Linux machine; --unsafe does not help on Windows itself."
    return (
        "Allow user namespaces (sysctl user.max_user_namespaces; on Ubuntu set "
        "kernel.apparmor_restrict_unprivileged_userns=0; in Docker --security-opt seccomp=unconfined), "
        "or use Linux 5.13 or newer with Landlock, or add --unsafe."
    )


def attempt(mode: Mode) -> str:
    """ "" if `mode` works here, else why not. Starts a Python of its own, because trying may need a process with one
    thread."""
    course = str(Path(__file__).resolve().parent.parent.parent)
    code = f"import sys; sys.path.insert(0, {course!r}); from autograder.sandbox.trial import main; main()"
    try:
        done = subprocess.run(
            [sys.executable, "-c", code, mode.name], capture_output=True, text=True, timeout=SECONDS, check=False,
            env={"PATH": os.defpath, "HOME": os.path.expanduser("~"), "PYTHONDONTWRITEBYTECODE": "1"},
        )  # fmt: skip
        return json.loads(done.stdout.splitlines()[-1])["wrong"]
    except subprocess.TimeoutExpired:
        return f"it was not ready after {SECONDS} s"
    except (OSError, ValueError, IndexError, KeyError):
        return "the process that tried it died"


def main() -> None:
    print(json.dumps({"wrong": _try(MODES[sys.argv[1]])}), flush=True)


def _try(mode: Mode) -> str:
    from . import fork

    try:
        fork.settle(mode)
        with tempfile.TemporaryDirectory(prefix="trial-") as place, socket.create_server(("127.0.0.1", 0)) as server:
            folder, secret = Path(place, "inside"), Path(place, "secret.txt")
            folder.mkdir()
            (folder / "mine.txt").write_text("mine")
            secret.write_text("secret")
            for path, mode_bits in ((Path(place), 0o777), (secret, 0o666)):
                path.chmod(mode_bits)  # so that only the sandbox prevents access, whatever the user
            room = standard_room(folder)
            heard, told = os.pipe()
            probes = _probes(secret, server.getsockname()[1], _secrets())
            fork.fork_into(mode, room, Limits(), lambda: _report(told, probes), keep=(told,))
            os.close(told)
            with os.fdopen(heard) as file:
                lines = file.read().splitlines()
            fork.reap()
            if secret.read_text() != "secret" or len(list(Path(place).iterdir())) != 2:
                return "a file outside its folder was changed"
            return lines[-1] if lines and lines[-1] != "held" else "" if lines else "it died"
    except CourseError as error:
        return str(error)


def _report(told: int, probes: list[tuple[str, Callable[[], object]]]) -> None:
    words = "held"
    for needed in (Path("mine.txt"), helpers_folder() / "errors.py", Path(os.__file__), Path(sys.executable)):
        if not _opens(needed):
            words = f"inside it one can't read {needed.name}"
    for what, probe in probes:
        with suppress(OSError):
            if probe():
                words = f"inside it one can {what}"
    os.write(told, words.encode() + b"\n")


def _secrets() -> list[Path]:
    """What lies in the folders that are always hidden, but for Python and `helpers`, which may lie there, too."""
    shown = (helpers_folder(), Path(sys.prefix), Path(sys.base_prefix))
    allowed = {p for path in shown for p in (path, *path.parents)}
    return [p for folder in hidden_paths() if folder.is_dir() for p in folder.iterdir() if p not in allowed]


def _probes(secret: Path, port: int, hidden: list[Path]) -> list[tuple[str, Callable[[], object]]]:
    """What must not be possible, and a function that is true, and raises no OSError, where it is."""
    return [
        ("read a file outside its folder", secret.read_text),
        ("write a file outside its folder", lambda: secret.write_text("changed") or True),
        ("make a file outside its folder", lambda: Path(secret.parent, "new.txt").write_text("new")),
        ("read the course", lambda: any(map(_opens, hidden))),
        ("change the system's settings", lambda: _opens(Path("/proc/sys/kernel/hostname"), os.O_WRONLY)),
        ("connect to this machine", lambda: socket.create_connection(("127.0.0.1", port), 1)),
        ("gain rights", lambda: "NoNewPrivs:\t1" not in _status() or "CapEff:\t0000000000000000" not in _status()),
        ("make any system call", lambda: "Seccomp:\t2" not in _status()),
    ]


def _opens(path: Path, flags: int = os.O_RDONLY) -> bool:
    try:
        os.close(os.open(path, flags))
    except OSError:
        return False
    return True


def _status() -> str:
    """ "" where /proc can't be read."""
    return Path("/proc/self/status").read_text()
