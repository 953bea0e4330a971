"""What of this machine a student's code needs to see: Python, its packages, and the package `helpers` alone."""

from __future__ import annotations

import functools
import os
import site
import sys
import sysconfig
from collections.abc import Iterable, Mapping, Sequence
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


CHECKS = "helpers.check"
"""It knows the right results: never for a student's code that is graded, but for its judge."""


def closed_paths(modules: Mapping[str, Sequence[str]] | None = None) -> tuple[Path, ...]:
    """Where the checks lie, and these modules of `helpers` but for what of each stays, compiled or not; and all other
    copies of `helpers`."""
    found = [*other_copies(), *_module(CHECKS)]
    for module, kept in (modules or {}).items():
        places, stays = _module(module), {"__init__.py", *kept, *(f"{name}.py" for name in kept)}
        if kept:  # bytecode may come into being later
            places = [p for p in places[0].iterdir() if p.name not in stays] + [places[0] / "__pycache__"]
        found += places
    return tuple(dict.fromkeys(p for path in found for p in (path, path.resolve())))


def _module(name: str) -> list[Path]:
    place = helpers_folder().joinpath(*name.split(".")[1:])
    return [place] if place.is_dir() else [place.with_name(f"{place.name}.py"), place.parent / "__pycache__"]


@functools.cache
def other_copies() -> tuple[Path, ...]:
    """The course where it is installed among Python's packages, too, by any Python that can be read."""
    places = {Path(sysconfig.get_path(name)) for name in ("purelib", "platlib")}
    places |= {folder for path in readable_paths() for folder in _packages_below(path)}
    found = {place / name for place in places for name in ("helpers", "autograder") if (place / name).is_dir()}
    ours = {helpers_folder(), helpers_folder().resolve()}
    return tuple(sorted(path for path in found if path not in ours and path.resolve() not in ours))


def _packages_below(path: Path) -> Iterable[Path]:
    """Folders of packages in a prefix, or in its lib; or the path itself."""
    if path.name in ("site-packages", "dist-packages"):
        return [path]
    tops = ("python3*", "lib/python3*", "local/lib/python3*") if path.is_dir() else ()
    return (found for top in tops for found in path.glob(f"{top}/*-packages"))


def standard_room(folder: Path, env: Mapping[str, str] | None = None, hidden: Iterable[Path] = ()) -> Room:
    """The room of a submission on this installation."""
    return Room(Path(folder), readable_paths(), dict(env or {}), (*hidden_paths(), *closed_paths(), *map(Path, hidden)))


@functools.lru_cache(maxsize=4)
def emptied(readable: tuple[Path, ...], hidden: tuple[Path, ...]) -> tuple[Path, ...]:
    """Those hidden folders in which nothing was named as readable on purpose."""
    below = {parent for path in readable for parent in path.parents}
    shown = {*readable}
    return tuple(p for p in hidden if p not in below and shown.intersection(p.parents) and p.is_dir())


def without(readable: Iterable[Path], hidden: Iterable[Path]) -> tuple[Path, ...]:
    """`readable` with every path that holds something hidden replaced by its other entries, all the way down.

    What is readable *inside* something hidden was named on purpose and stays.
    """
    taken = [Path(p) for p in readable]
    # A folder before what lies in it: its entries would stay, once they stand there by themselves.
    for secret in sorted({s for h in hidden for s in (Path(h), Path(h).resolve())}):
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
