"""Collect: put what a class handed in where grading looks for it, and lose nothing on the way."""

from __future__ import annotations

import shutil
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path, PurePosixPath

from helpers.errors import CourseError

from ..course import Course, clean_name
from ..engine import make_writable
from .archive import entries
from .names import Belongs, plain, reader


@dataclass
class Collected:
    """What became of an archive: students with new, changed and unchanged work; (file, why not) for the rest."""

    new: list[str] = field(default_factory=list)
    changed: list[str] = field(default_factory=list)
    unchanged: list[str] = field(default_factory=list)
    left_out: list[tuple[str, str]] = field(default_factory=list)


@dataclass
class _HandIn:
    files: dict[str, bytes] = field(default_factory=dict)
    time: str = ""


def collect(name: str, archive: Path, course: Course, pattern: str | None = None) -> Collected:
    """Unpack a learning platform's zip file into CLASSDIR/submitted/STUDENT/NAME.

    Of several attempts with a time, the latest counts. A hand-in that differs from an earlier one takes its place, and
    the earlier one moves to CLASSDIR/earlier/. CourseError where the archive can't be read or nothing is understood.
    """
    if name not in course.assignments():
        course.source(name)
    told = Collected()
    handed_in = _sorted_out(name, archive, pattern, told)
    if not handed_in:
        why = f" ({told.left_out[0][0]}: {told.left_out[0][1]})" if told.left_out else ""
        raise CourseError(
            f"Nothing in {archive.name!r} could be given to a student{why}. Known are the downloads of Moodle, Canvas, "
            "Blackboard and Brightspace, and folders with the students' names; for others give --pattern."
        )
    for student, work in sorted(handed_in.items()):
        _put(course, name, student, work, told)
    return told


def _sorted_out(name: str, archive: Path, pattern: str | None, told: Collected) -> dict[str, _HandIn]:
    whose = reader(pattern)
    strangers: dict[str, bytes] = {}
    handed_in: dict[str, _HandIn] = {}
    for entry in entries(archive):
        if entry.fault:
            told.left_out.append((entry.path, entry.fault))
            continue
        belongs = whose(entry.path)
        if belongs is None:
            strangers[entry.path] = entry.content
        else:
            _give(handed_in, belongs, entry.path, entry.content, told)
    others = plain(list(strangers), name) if not handed_in and pattern is None else {}
    for path, content in strangers.items():
        if path in others:
            _give(handed_in, others[path], path, content, told)
        else:
            told.left_out.append((path, "its name does not say whose it is"))
    return handed_in


def _give(handed_in: dict[str, _HandIn], belongs: Belongs, path: str, content: bytes, told: Collected) -> None:
    try:
        student = clean_name(belongs.student.strip(), "a student")
    except CourseError:
        told.left_out.append((path, f"{belongs.student!r} can't be the name of a student"))
        return
    if not belongs.path:
        told.left_out.append((path, "it is the platform's receipt"))
        return
    work = handed_in.setdefault(student, _HandIn())
    if belongs.time and work.time and belongs.time < work.time:
        told.left_out.append((path, "there is a later attempt"))
        return
    if belongs.time > work.time:
        if work.time:
            told.left_out += [(f"{student}: {earlier}", "there is a later attempt") for earlier in work.files]
            work.files = {}
        work.time = belongs.time
    place, number = PurePosixPath(belongs.path), 2
    while str(place) in work.files and work.files[str(place)] != content:
        place = PurePosixPath(belongs.path).with_stem(f"{PurePosixPath(belongs.path).stem} ({number})")
        number += 1
    work.files[str(place)] = content


def _put(course: Course, name: str, student: str, work: _HandIn, told: Collected) -> None:
    """Lay a hand-in down whole: into a folder beside, then with one renaming to its place."""
    files = dict(work.files)
    if work.time:
        files["timestamp.txt"] = f"{work.time} UTC\n".encode()
    place = course.submitted / student / name
    before = (
        {str(p.relative_to(place)): p.read_bytes() for p in place.rglob("*") if p.is_file()} if place.is_dir() else None
    )
    if before == files:
        told.unchanged.append(student)
        return
    fresh = place.with_name(f".{name}.collecting")
    shutil.rmtree(fresh, ignore_errors=True)
    for path, content in files.items():
        target = fresh / path
        try:
            target.parent.mkdir(parents=True, exist_ok=True)
            target.write_bytes(content)
        except OSError as error:
            told.left_out.append((f"{student}: {path}", f"it can't be written ({error.strerror})"))
    if before is not None:
        stamp = datetime.now(UTC).strftime("%Y-%m-%d-%H-%M-%S-%f")
        earlier = course.class_dir / "earlier" / student / f"{name}-{stamp}"
        earlier.parent.mkdir(parents=True, exist_ok=True)
        make_writable(place)
        place.rename(earlier)
    fresh.rename(place)
    (told.new if before is None else told.changed).append(student)
