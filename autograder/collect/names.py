"""Whose hand-in is a file of an archive? Each learning platform writes it into the name in its own way."""

from __future__ import annotations

import contextlib
import re
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime

from helpers.errors import CourseError

from .place import Refused


@dataclass(frozen=True, slots=True)
class Belongs:
    """A file of the archive: the student, the file's path in their folder, when it was handed in ("" where the name
    does not say it), and the text that the student's name was taken out of."""

    student: str
    path: str
    time: str = ""
    text: str = ""


Whose = Callable[..., Belongs | None]
"""From a path in the archive to whose it is: None where nothing fits, Refused where it may be somebody else's. With a
second argument, only so many characters of the path may say whose it is: what comes after is a student's own archive.
"""


def _blackboard(found: re.Match[str]) -> Belongs:
    _once(re.findall(r"_attempt_[0-9]{4}(?:-[0-9]{2}){5}", found.string.partition("/")[0]))
    when = ""
    with contextlib.suppress(ValueError):
        when = datetime.strptime(found["time"], "%Y-%m-%d-%H-%M-%S").isoformat(" ")
    return Belongs(found["student"], found["path"] or "", when, found.string[: found.end("student")])


DATES = tuple(
    f"{day} {time}"
    for day in ("%b %d %Y", "%B %d %Y", "%d %b %Y", "%d %B %Y")
    for time in ("%I%M %p", "%I:%M %p", "%H%M", "%H:%M")
)


def _date(text: str) -> str:
    text = " ".join(text.replace(",", " ").split())
    for form in DATES:
        with contextlib.suppress(ValueError):
            return datetime.strptime(text, form).isoformat(" ")
    return ""


def _brightspace(found: re.Match[str]) -> Belongs:
    head = found.string.partition("/")[0]
    _once([piece for piece in head.split(" - ") if _date(piece)])
    return _with_number(found, found["path"], _date(found["time"]))


def _moodle(found: re.Match[str]) -> Belongs:
    _once(re.findall(r"_[0-9]+_assignsubmission_", found.string.partition("/")[0]))
    return _with_number(found, found["path"])


def _canvas(found: re.Match[str]) -> Belongs:
    # Canvas takes numbers between underscores out of names of people, but not all versions take all. In a file's own
    # name there may be some; they are shorter than those of people.
    later = re.findall(r"_([0-9]+)(?=_[0-9]+_)", f"_{found['path']}")
    _once([found["id"], *(number for number in later if len(number) >= len(found["id"]))])
    # A second upload of one file gets "-1" before its extension.
    return _with_number(found, re.sub(r"-\d+(?=\.\w+$)", "", found["path"]))


def _with_number(found: re.Match[str], path: str, time: str = "") -> Belongs:
    student = f"{found['name']}_{found['id']}"
    return Belongs(student, path, time, student)


def _once(marks: list[str]) -> None:
    """Whoever holds the platform's marks in their own name could be taken for somebody else."""
    if len(marks) > 1:
        raise Refused("its name holds the platform's own marks more than once, so whose it is can't be said for sure")


PLATFORMS: dict[str, tuple[str, Callable[[re.Match[str]], Belongs]]] = {
    "Moodle": (r"(?P<name>[^/]+?)_(?P<id>[0-9]+)_assignsubmission_(?:file|onlinetext)(?:_?/|_)(?P<path>.+)", _moodle),
    "Brightspace": (
        r"(?P<id>[0-9]+-[0-9]+) ?- ?(?P<name>[^/]+?) ?- ?(?P<time>[^/]*\d{4}[^/]*?)(?: ?- ?|/)(?P<path>[^/]+(?:/.+)?)",
        _brightspace,
    ),
    "Blackboard": (
        r"[^/]*?_(?P<student>[^/_]+)_attempt_(?P<time>[0-9]{4}(?:-[0-9]{2}){5})(?:_(?P<path>.+)|\.txt)",
        _blackboard,
    ),
    "Canvas": (r"(?P<name>[^/_]+)(?:_LATE)?_(?P<id>[0-9]+)_[0-9]+_(?P<path>[^/]+)", _canvas),
}
"""Platform -> how its downloads name what they hold; the order decides where two would fit."""


def reader(pattern: str | None) -> Whose:
    """How to find whose a file of the archive is.

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

    def by_pattern(path: str, within: int | None = None) -> Belongs | None:
        found = own.fullmatch(path)
        if found is None or not _said_by_platform(found, within):
            return None
        student, inside = found["student"] or "", found["path"] or ""
        if not inside:
            raise Refused("--pattern finds no file's name in it")
        return Belongs(student, inside, found.groupdict().get("time") or "", student)

    return by_pattern


def _by_platform(path: str, within: int | None = None) -> Belongs | None:
    for pattern, belongs in PLATFORMS.values():
        found = re.fullmatch(pattern, path)
        if found and _said_by_platform(found, within):
            return belongs(found)
    return None


def _said_by_platform(found: re.Match[str], within: int | None) -> bool:
    return within is None or all(found.end(group) <= within for group in found.groupdict() if group != "path")


def plain(paths: list[str], assignment: str) -> Whose:
    """Where no platform's way fits: STUDENT/…, or STUDENT.ipynb; a single folder around everything is passed over.

    A student's archive stands for a folder of its name, whatever it holds.
    """
    folders = [p[:-4].split("/") if p.lower().endswith(".zip") else p.split("/")[:-1] for p in paths]
    around = all(len(f) > 1 for f in folders) and len({f[0] for f in folders}) == 1 < len({f[1] for f in folders})
    first = 1 if around else 0

    def whose(path: str, within: int | None = None) -> Belongs | None:
        parts = path.split("/")[first:]
        if within is None and path.lower().endswith(".zip"):
            return None
        if len(parts) > 1:
            inside = parts[2:] if len(parts) > 2 and parts[1] == assignment else parts[1:]
            return Belongs(parts[0], "/".join(inside), text=parts[0])
        stem, _, extension = parts[0].rpartition(".")
        if extension == "ipynb" and stem != assignment:
            return Belongs(stem, f"{assignment}.ipynb", text=stem)
        return None

    return whose
