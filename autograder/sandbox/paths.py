"""What of this machine a student's code needs to see: Python, its packages, and the package `helpers` alone."""

from __future__ import annotations

import functools
import os
import site
import sys
import sysconfig
from collections.abc import Iterable, Mapping
from pathlib import Path

import helpers

from .modes import Room

SYSTEM = (
    "/usr", "/bin", "/sbin", "/lib", "/lib32", "/lib64", "/libx32", "/nix/store", "/gnu/store",
    "/etc/ld.so.cache", "/etc/ld.so.conf", "/etc/ld.so.conf.d", "/etc/localtime", "/etc/timezone", "/etc/fonts",
    "/etc/alternatives", "/var/cache/fontconfig",
)  # fmt: skip
IN_A_PREFIX = ("bin", "lib", "lib64", "share", "etc/fonts", "pyvenv.cfg")


@functools.cache
def readable_paths() -> tuple[Path, ...]:
    """The system's programs and libraries, Python's own folders and those of its packages, and `helpers` alone.

    Never from ``sys.path``, which may hold the course; of a prefix only the folders Python makes, because the course
    may be the folder that the environment was made in.
    """
    wanted = [Path(p) for p in SYSTEM]
    for prefix in {sys.prefix, sys.exec_prefix, sys.base_prefix, sys.base_exec_prefix}:
        wanted += [Path(prefix) / name for name in IN_A_PREFIX]
    wanted += [Path(sysconfig.get_path(name)) for name in ("stdlib", "platstdlib", "purelib", "platlib")]
    wanted += [Path(p) for p in site.getsitepackages()]
    if site.ENABLE_USER_SITE:
        wanted.append(Path(site.getusersitepackages()))
    wanted.append(helpers_folder())
    found = {p for path in wanted if path.exists() for p in (path, path.resolve())}
    return tuple(sorted(p for p in found if not found.intersection(p.parents)))


def helpers_folder() -> Path:
    return Path(helpers.__file__).absolute().parent


@functools.cache
def hidden_paths() -> tuple[Path, ...]:
    """The grader, the course that `helpers` lies in, and what ``COURSE_ROOT`` and ``COURSE_CLASS_DIR`` name."""
    grader = Path(__file__).resolve().parent.parent
    hidden = [grader]
    if (grader.parent / "solutions").is_dir():
        hidden.append(grader.parent)
    hidden += [Path(os.environ[name]) for name in ("COURSE_ROOT", "COURSE_CLASS_DIR") if os.environ.get(name)]
    return tuple(dict.fromkeys(hidden))


@functools.cache
def closed_paths() -> tuple[Path, ...]:
    """Folders of `helpers` that know right answers: not for a student's code that is graded, but for its judge."""
    folders = [helpers_folder() / "check" / name for name in ("right_answers", "sealed_answers")]
    return tuple(dict.fromkeys(path for folder in folders for path in (folder, folder.resolve())))


def standard_room(folder: Path, env: Mapping[str, str] | None = None, hidden: Iterable[Path] = ()) -> Room:
    """The room of a submission on this installation."""
    return Room(Path(folder), readable_paths(), dict(env or {}), (*hidden_paths(), *closed_paths(), *map(Path, hidden)))


def without(readable: Iterable[Path], hidden: Iterable[Path]) -> tuple[Path, ...]:
    """`readable` with every path that holds something hidden replaced by its other entries, all the way down.

    What is readable *inside* something hidden was named on purpose and stays.
    """
    taken = [Path(p) for p in readable]
    for secret in {s for h in hidden for s in (Path(h), Path(h).resolve())}:
        opened: list[Path] = []
        for path in taken:
            opened += _around(path, secret)
        taken = opened
    return tuple(sorted(set(taken)))


def _around(path: Path, secret: Path) -> list[Path]:
    if path == secret:
        return []
    if path not in secret.parents:
        return [path]
    try:
        entries = list(path.iterdir())
    except OSError:
        return []
    return [kept for entry in entries for kept in _around(entry, secret)]
