"""An instructor's own regular expression, for archives that nobody else knows."""

from __future__ import annotations

import re

from helpers.errors import CourseError

from .file_kinds import is_archive, unpacked
from .names import Found, Item, Person
from .place import Refused


def by_pattern(pattern: str, paths: list[str]) -> Found:
    """What a regular expression with the groups `student` and `path` says; an archive may stand for a folder."""
    try:
        own = re.compile(pattern)
    except re.error as error:
        raise CourseError(f"--pattern is no regular expression: {error}.") from None
    missing = {"student", "path"} - own.groupindex.keys()
    if missing:
        raise CourseError(f"--pattern needs a group (?P<{min(missing)}>…).")
    found: Found = {}
    for path in paths:
        match = own.fullmatch(path) or (is_archive(path) and own.fullmatch(f"{unpacked(path)}/*.zip")) or None
        if match is None or (match.string != path and match.end("student") > len(unpacked(path))):
            continue
        student, inside = match["student"] or "", (match["path"] or "")
        if inside:
            person = Person(student, student.strip(), student, "", (student,))
            found[path] = Item((person,), inside.removesuffix("*.zip") + ("" if match.string == path else ".zip"))
        else:
            found[path] = Refused("--pattern finds no file's name in it")
    return found
