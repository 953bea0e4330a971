"""Collect: put what a class handed in where grading looks for it, and lose nothing on the way."""

from __future__ import annotations

import contextlib
import io
import itertools
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

from helpers.errors import CourseError

from ..course import Course, clean_name
from ..scratch import Scratch, remove
from .archive import DAMAGED, LARGEST, Archive, Entry
from .hand_in import MOST_LISTED, TIMESTAMP, Fresh, Inside, Left, put
from .names import Belongs, Whose, plain, reader
from .place import Refused, sound


@dataclass
class Collected:
    """What became of an archive: students with new, changed and unchanged work; (file, why not) for the rest."""

    new: list[str] = field(default_factory=list)
    changed: list[str] = field(default_factory=list)
    unchanged: list[str] = field(default_factory=list)
    left_out: list[tuple[str, str]] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class _Claim:
    """Whose an entry is; for an archive of the student's, `inside` says where a file of it goes."""

    entry: Entry
    belongs: Belongs
    inside: Inside | None
    platform: bool


def collect(name: str, archive: Path, course: Course, pattern: str | None = None) -> Collected:
    """Unpack a learning platform's zip file into CLASSDIR/submitted/STUDENT/NAME.

    Of several attempts with a time, the latest counts of which anything can be read. A hand-in that differs from an
    earlier one takes its place, and the earlier one moves to CLASSDIR/earlier/. A file or a student that can't be
    taken costs nobody else anything. CourseError where the archive can't be read or nothing is understood.
    """
    if name not in course.assignments():
        course.source(name)
    told = Collected()
    with contextlib.ExitStack() as stack:
        opened = _archive(archive, stack)
        handed_in = _sorted_out(name, opened, pattern, told)
        if not handed_in:
            why = f" ({told.left_out[0][0]}: {told.left_out[0][1]})" if told.left_out else ""
            raise CourseError(
                f"Nothing in {archive.name!r} could be given to a student{why}. Known are the downloads of Moodle, "
                "Canvas, Blackboard and Brightspace, and folders with the students' names; for others give --pattern."
            )
        scratch = _scratch(course)
        stack.callback(scratch.remove)
        for number, (student, claims) in enumerate(sorted(handed_in.items())):
            _lay(opened, course, name, student, claims, scratch.path / str(number), told)
    return told


def _scratch(course: Course) -> Scratch:
    """Beside where the hand-ins go, so that they need only be renamed."""
    try:
        course.submitted.mkdir(parents=True, exist_ok=True)
        return Scratch(".collecting-", course.submitted)
    except PermissionError:
        raise  # the command line has words for it
    except OSError as error:
        raise CourseError(f"{str(course.submitted)!r} can't be written to: {error.strerror}.") from None


def _archive(path: Path, stack: contextlib.ExitStack) -> Archive:
    """The archive, whose file the stack closes."""
    if not path.exists():
        raise CourseError(f"There is no file {str(path)!r}.")
    if not path.is_file():
        kind = "is a folder" if path.is_dir() else "is no file"
        raise CourseError(f"{str(path)!r} {kind}; give the zip file that the learning platform makes.")
    try:
        return Archive(stack.enter_context(open(path, "rb")))
    except PermissionError:
        raise CourseError(f"{str(path)!r} can't be read; check its rights.") from None
    except Refused as why:
        fault = (
            "is no zip file, or a damaged one; download it again" if str(why) == DAMAGED else f"can't be taken: {why}"
        )
        raise CourseError(f"{str(path)!r} {fault}.") from None


def _sorted_out(name: str, opened: Archive, pattern: str | None, told: Collected) -> dict[str, list[_Claim]]:
    """Student -> what is theirs. Only the archive's own list is read, so a student's archive is nobody else's."""
    whose = reader(pattern)
    claims: list[_Claim] = []
    strangers: list[Entry] = []
    for entry in opened.entries():
        try:
            _check(entry)
            found = _claim(opened, entry, whose, name, pattern is not None)
        except Refused as why:
            told.left_out.append((entry.path, str(why)))
            continue
        if found is None:
            strangers.append(entry)
        else:
            claims.append(_Claim(entry, *found, platform=True))
    found_plain = _plain(opened, strangers, name, claims) if pattern is None else []
    taken = {claim.entry for claim in found_plain}
    told.left_out += [(e.path, "its name does not say whose it is") for e in strangers if e not in taken]
    return _apart(claims + found_plain, told)


def _check(entry: Entry) -> None:
    if entry.fault:
        raise Refused(entry.fault)
    sound(entry.path)
    if entry.archive:
        sound(entry.path[:-4])  # it stands for a folder of this name


def _claim(opened: Archive, entry: Entry, whose: Whose, name: str, look: bool) -> tuple[Belongs, Inside | None] | None:
    """Whose an entry is, which the archive of a student says by its own name alone.

    Where that does not fit, it stands for a folder; `look` into it for a file that the folder's pattern fits.
    """
    belongs = whose(entry.path)
    if belongs is not None:
        folder = belongs.path.removesuffix(entry.path[-4:])
        return belongs, (lambda inner: f"{folder}/{inner}") if entry.archive else None
    if not entry.archive:
        return None
    stem, notebook = entry.path[:-4], f"{name}.ipynb"
    for file in itertools.chain([notebook], _names(opened, entry) if look else []):
        belongs = whose(f"{stem}/{file}", len(stem))
        if belongs is not None:
            break
    else:
        return None
    whole = belongs.path.removesuffix(notebook) if file == notebook else None

    def inside(inner: str) -> str:
        found = whose(f"{stem}/{inner}", len(stem))
        if found is None and whole is None:
            raise Refused("its name does not say whose it is")
        return found.path if found else f"{whole}{inner}"

    return belongs, inside


def _names(opened: Archive, entry: Entry) -> Iterator[str]:
    content = io.BytesIO(b"".join(opened.read(entry, LARGEST)))
    for inner in Archive(content, MOST_LISTED).entries():
        with contextlib.suppress(Refused):
            _check(inner)
            yield inner.path


def _plain(opened: Archive, strangers: list[Entry], name: str, known: list[_Claim]) -> list[_Claim]:
    """What folders with the students' names hold.

    None of it where more students have a platform's names. Where fewer have, one odd name must not cost a class.
    """
    whose = plain([entry.path for entry in strangers], name)
    found = [(entry, _claim(opened, entry, whose, name, False)) for entry in strangers]
    claims = [_Claim(entry, *its, platform=False) for entry, its in found if its is not None]
    by_folder, by_platform = ({claim.belongs.student for claim in some} for some in (claims, known))
    return claims if len(by_folder) >= len(by_platform) else []


def _apart(claims: list[_Claim], told: Collected) -> dict[str, list[_Claim]]:
    """Student -> claims. Where names differ that lead to one student, one of them is somebody else's."""
    handed_in: dict[str, list[_Claim]] = {}
    for claim in claims:
        try:
            student = clean_name(claim.belongs.student.strip(), "a student")
        except CourseError:
            told.left_out.append((claim.entry.path, f"{claim.belongs.student!r} can't be the name of a student"))
            continue
        if claim.belongs.path:
            handed_in.setdefault(student, []).append(claim)
        else:
            told.left_out.append((claim.entry.path, "it is the platform's receipt"))
    for student, theirs in handed_in.items():
        right = min((c.platform, c.belongs.text != student, len(c.belongs.text), c.belongs.text) for c in theirs)
        for claim in theirs:
            if (claim.platform, claim.belongs.text) != (right[0], right[3]):
                why = f"it would count as {student!r}, who has another name in this archive"
                told.left_out.append((claim.entry.path, why))
        handed_in[student] = [c for c in theirs if (c.platform, c.belongs.text) == (right[0], right[3])]
    return handed_in


def _lay(
    opened: Archive, course: Course, name: str, student: str, claims: list[_Claim], scratch: Path, told: Collected
) -> None:
    """Lay a hand-in down whole or not at all."""
    attempts: dict[str, list[tuple[Entry, str | Inside]]] = {}
    for claim in claims:
        place = claim.inside or claim.belongs.path
        attempts.setdefault(claim.belongs.time, []).append((claim.entry, place))
    left = Left(student, told.left_out)
    undated = attempts.pop("", [])
    try:
        scratch.mkdir()
        fresh, counts = Fresh(scratch, left), ""
        for time in sorted(attempts, reverse=True):
            if counts:
                for entry, _ in attempts[time]:
                    left.out(entry.path, "there is a later attempt")
                continue
            fresh.fill(opened, attempts[time])
            counts = time if fresh.files else ""
        fresh.fill(opened, undated)
        if fresh.files:
            if counts:
                (fresh.folder / TIMESTAMP).write_text(f"{counts} UTC\n", encoding="utf-8")
            getattr(told, put(fresh.folder, course, student, name)).append(student)
    except Refused as why:
        told.left_out.append((student, str(why)))
    except OSError as error:
        told.left_out.append((student, f"the disk does not take it ({error.strerror}); what was there stays"))
    except Exception as error:  # whatever it is, it is this student's
        told.left_out.append((student, f"it can't be laid down ({type(error).__name__}); what was there stays"))
    finally:
        left.rest()
        remove(scratch)
