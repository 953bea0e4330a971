"""Whose hand-in is a file of an archive? Each learning platform writes it into the name in its own way."""

from __future__ import annotations

import contextlib
import re
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime

from helpers.errors import CourseError


@dataclass(frozen=True)
class Belongs:
    """A file of the archive: the student, the file's path in their folder, when it was handed in ("" where the name
    does not say it)."""

    student: str
    path: str
    time: str = ""


def _blackboard(found: re.Match[str]) -> Belongs:
    when = ""
    with contextlib.suppress(ValueError):
        when = datetime.strptime(found["time"], "%Y-%m-%d-%H-%M-%S").isoformat(" ")
    return Belongs(found["student"], found["path"] or "", when)


DATES = tuple(
    f"{day} {time}"
    for day in ("%b %d %Y", "%B %d %Y", "%d %b %Y", "%d %B %Y")
    for time in ("%I%M %p", "%I:%M %p", "%H%M", "%H:%M")
)


def _brightspace(found: re.Match[str]) -> Belongs:
    text = " ".join(found["time"].replace(",", " ").split())
    for form in DATES:
        with contextlib.suppress(ValueError):
            when = datetime.strptime(text, form).isoformat(" ")
            return Belongs(f"{found['name']}_{found['id']}", found["path"], when)
    return Belongs(f"{found['name']}_{found['id']}", found["path"])


def _named(found: re.Match[str]) -> Belongs:
    return Belongs(f"{found['name']}_{found['id']}", found["path"])


def _canvas(found: re.Match[str]) -> Belongs:
    # A second upload of one file gets "-1" before its extension.
    return Belongs(f"{found['name']}_{found['id']}", re.sub(r"-\d+(?=\.\w+$)", "", found["path"]))


PLATFORMS: dict[str, tuple[str, Callable[[re.Match[str]], Belongs]]] = {
    "Moodle": (r"(?P<name>[^/]+?)_(?P<id>\d+)_assignsubmission_(?:file|onlinetext)(?:_?/|_)(?P<path>.+)", _named),
    "Brightspace": (
        r"(?P<id>\d+-\d+) ?- ?(?P<name>[^/]+?) ?- ?(?P<time>[^/]*\d{4}[^/]*?)(?: ?- ?|/)(?P<path>[^/]+(?:/.+)?)",
        _brightspace,
    ),
    "Blackboard": (
        r"[^/]*?_(?P<student>[^/_]+)_attempt_(?P<time>\d{4}(?:-\d\d){5})(?:_(?P<path>.+)|\.txt)",
        _blackboard,
    ),
    "Canvas": (r"(?P<name>[^/_]+)(?:_LATE)?_(?P<id>\d+)_\d+_(?P<path>[^/]+)", _canvas),
}
"""Platform -> how its downloads name what they hold; the order decides where two would fit."""


def reader(pattern: str | None) -> Callable[[str], Belongs | None]:
    """A function from a path in the archive to whose it is, None where nothing fits.

    pattern: a regular expression with the groups `student` and `path` (and `time`, if there is one), for others.
    """
    if pattern is None:
        return _by_platform
    try:
        own = re.compile(pattern)
    except re.error as error:
        raise CourseError(f"--pattern is no regular expression: {error}.") from None
    missing = {"student", "path"} - own.groupindex.keys()
    if missing:
        raise CourseError(f"--pattern needs a group (?P<{min(missing)}>…).")

    def by_pattern(path: str) -> Belongs | None:
        found = own.fullmatch(path)
        return found and Belongs(found["student"], found["path"], found.groupdict().get("time") or "")

    return by_pattern


def _by_platform(path: str) -> Belongs | None:
    for pattern, belongs in PLATFORMS.values():
        found = re.fullmatch(pattern, path)
        if found:
            return belongs(found)
    return None


def plain(paths: list[str], assignment: str) -> dict[str, Belongs]:
    """Where no platform's way fits: STUDENT/…, or STUDENT.ipynb; a single folder around everything is passed over."""
    parts = {path: path.split("/") for path in paths}
    around = len({p[0] for p in parts.values()}) == 1 and all(len(p) > 2 for p in parts.values())
    if around and len({p[1] for p in parts.values()}) > 1:
        parts = {path: p[1:] for path, p in parts.items()}
    found = {}
    for path, p in parts.items():
        if len(p) == 1:
            stem, dot, extension = p[0].rpartition(".")
            if extension == "ipynb" and stem != assignment:
                found[path] = Belongs(stem, f"{assignment}{dot}{extension}")
        else:
            inside = p[2:] if len(p) > 2 and p[1] == assignment else p[1:]
            found[path] = Belongs(p[0], "/".join(inside))
    return found
