"""The strongest mode that works on this machine."""

from __future__ import annotations

import sys

from helpers.errors import CourseError

from .modes import LANDLOCK, MODES, NAMESPACES, NONE, Mode
from .trial import attempt

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
