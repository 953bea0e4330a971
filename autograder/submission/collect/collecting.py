"""Collect: put what a class handed in where grading looks for it, and lose nothing on the way."""

from __future__ import annotations

import contextlib
from dataclasses import dataclass, field
from datetime import datetime, tzinfo
from pathlib import Path
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from helpers.errors import CourseError

from ...course import Course
from ...dates import utc
from ...scratch import Scratch, remove
from .archive import DAMAGED, LARGEST, Archive, Entry
from .collected import Record
from .file_kinds import is_archive, is_notebook, unpacked
from .hand_in import TIMESTAMP, Fresh, Left, put
from .people import About, Item, Person
from .plain_folders import by_pattern
from .platforms import OWN, read
from .roster import Earlier, Roster
from .safe_path import Refused, sound


@dataclass
class Given:
    """What one student gets: the name in the archive, how many files and notebooks (archives may hold more), when."""

    student: str
    called: str
    files: int
    notebooks: int
    time: str = ""
    late: bool = False
    team: str = ""


@dataclass
class Collected:
    """What became of an archive.

    new, changed, unchanged: students. left_out: (file, why) of work that nobody was given, and questions. passed_over:
    (file, why) of what is no hand-in. missing: students of the class who are not in the archive and have handed in
    nothing earlier. known: how many the class has, as far as that is known.
    """

    platform: str = ""
    around: str = ""
    zone: str = ""
    new: list[str] = field(default_factory=list)
    changed: list[str] = field(default_factory=list)
    unchanged: list[str] = field(default_factory=list)
    left_out: list[tuple[str, str]] = field(default_factory=list)
    passed_over: list[tuple[str, str]] = field(default_factory=list)
    missing: list[str] = field(default_factory=list)
    known: int = 0
    given: list[Given] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class _Claim:
    """An entry that a student is given, and who that student is in the archive."""

    entry: Entry
    item: Item
    person: Person
    sure: bool


def collect(
    name: str,
    archive: Path,
    course: Course,
    pattern: str | None = None,
    *,
    roster: Path | None = None,
    timezone: str | None = None,
    dry_run: bool = False,
) -> Collected:
    """Unpack a learning platform's zip file into CLASSDIR/submitted/STUDENT/NAME.

    Of several attempts with a time, the latest counts of which anything can be read. A hand-in that differs from an
    earlier one takes its place, and the earlier one moves to CLASSDIR/earlier/. A file or a student that can't be
    taken costs nobody else anything. `roster` (CLASSDIR/roster.csv, where there is one) decides who is who. Times
    without a zone are of `timezone` (this machine's). With `dry_run` nothing is written. CourseError where the archive
    can't be read or nothing is understood.
    """
    if name not in course.assignments():
        course.source(name)
    zone = _zone(timezone)
    told = Collected()
    with contextlib.ExitStack() as stack:
        opened = _archive(archive, stack)
        people = _people(course, name, roster)
        handed_in = _sorted_out(name, opened, pattern, people, told)
        if not handed_in:
            why = f" ({told.left_out[0][0]}: {told.left_out[0][1]})" if told.left_out else ""
            raise CourseError(
                f"Nothing in {archive.name!r} could be given to a student{why}. Known are the downloads of Moodle, "
                "Canvas, Blackboard, Brightspace, ILIAS, Gradescope, GitHub Classroom and Google Classroom, and "
                "folders with the students' names; for others give --pattern."
            )
        told.given = [_given(student, claims, zone) for student, claims in sorted(handed_in.items())]
        if any(claim.item.time and not claim.item.time.tzinfo for claims in handed_in.values() for claim in claims):
            told.zone = timezone or f"this machine's, {datetime.now().astimezone().tzname()}"
        if not dry_run:
            _lay_all(opened, course, name, handed_in, zone, people.record, told, stack)
        told.left_out += people.doubts(handed_in)
        have = {*handed_in} if dry_run else {*told.new, *told.changed, *told.unchanged}
        everybody = sorted({*people.everybody(), *handed_in})
        told.known = len(everybody)
        told.missing = [s for s in everybody if s not in have and not (course.submitted / s / name).exists()]
    return told


def _people(course: Course, name: str, roster: Path | None) -> Earlier:
    path = roster or course.class_dir / "roster.csv"
    return Roster(path, course, name) if roster or path.exists() else Earlier(course, name)


def _zone(name: str | None) -> tzinfo | None:
    try:
        return ZoneInfo(name) if name else None
    except (ZoneInfoNotFoundError, ValueError, OSError):
        raise CourseError(
            f"--timezone {name!r} is not known; it is a name like Europe/Berlin or America/Toronto."
        ) from None


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


def _sorted_out(
    name: str, opened: Archive, pattern: str | None, people: Earlier, told: Collected
) -> dict[str, list[_Claim]]:
    """Student -> what is theirs. Only the archive's own list is read, so a student's archive is nobody else's."""
    entries: dict[str, list[Entry]] = {}
    for entry in opened.entries():
        try:
            _check(entry)
            entries.setdefault(entry.path, []).append(entry)
        except Refused as why:
            told.left_out.append((entry.path, str(why)))

    def content(path: str) -> bytes:
        with contextlib.suppress(Refused):
            return b"".join(opened.read(entries[path][-1], LARGEST))
        return b""

    paths = list(entries)
    if pattern is not None:
        found = by_pattern(pattern, paths)
    else:
        listed = people if isinstance(people, Roster) else ()
        told.platform, told.around, found = read(paths, About(name, "", people, listed, content))
    claims: dict[str, list[_Claim]] = {}
    receipts: list[tuple[str, Item]] = []
    for path, same in entries.items():
        item = found.get(path, Refused("its name does not say whose it is"))
        if len(same) > 1 and not told.platform and "/" not in path.removeprefix(told.around):
            item = Refused(f"{len(same)} files have this name, perhaps of several students")
        for entry in same:
            if isinstance(item, Refused) and path.rpartition("/")[2].casefold() in OWN:
                told.passed_over.append((path, "it is the platform's"))
            elif isinstance(item, Refused):
                told.left_out.append((path, str(item)))
            elif not item.path:
                receipts.append((path, item))
            else:
                _claim(entry, item, people, claims, told)
    came = {person for item in found.values() if isinstance(item, Item) and item.path for person in item.people}
    for path, receipt in receipts:
        if came & {*receipt.people}:
            told.passed_over.append((path, "it is the platform's receipt"))
        else:
            told.left_out.append((path, "it is the platform's receipt, and there is no file beside it"))
    return _apart(claims, told)


def _check(entry: Entry) -> None:
    if entry.fault:
        raise Refused(entry.fault)
    sound(entry.path)
    if entry.archive:
        sound(unpacked(entry.path))  # it stands for a folder of this name


def _claim(entry: Entry, item: Item, people: Earlier, claims: dict[str, list[_Claim]], told: Collected) -> None:
    for person in item.people:
        try:
            students, sure = people.find(person, told.platform)
        except Refused as why:
            told.left_out.append((entry.path, str(why)))
        except CourseError:
            told.left_out.append((entry.path, f"{person.student!r} can't be the name of a student"))
        else:
            for student in students:
                claims.setdefault(student, []).append(_Claim(entry, item, person, sure))


def _apart(claims: dict[str, list[_Claim]], told: Collected) -> dict[str, list[_Claim]]:
    """Where two names in the archive lead to one student, the one that says so itself counts; if none does, or both,
    one of them may be somebody else's, and nobody gets it."""
    handed_in = {}
    for student, theirs in claims.items():
        keys = {claim.person.key for claim in theirs}
        sure = {claim.person.key for claim in theirs if claim.sure}
        right = sure if len(sure) == 1 else keys if len(keys) == 1 else set()
        for claim in theirs:
            if claim.person.key not in right:
                others = " and ".join(map(repr, sorted(keys - {claim.person.key})))
                why = f"it would count as {student!r}, who has another name in this archive: is it {others}?"
                told.left_out.append((claim.entry.path, why))
        if right:
            handed_in[student] = [claim for claim in theirs if claim.person.key in right]
    return handed_in


def _given(student: str, claims: list[_Claim], zone: tzinfo | None) -> Given:
    times = [claim.item.time for claim in claims if claim.item.time]
    paths = {claim.item.path for claim in claims}
    latest = f"{utc(max(times), zone):%Y-%m-%d %H:%M:%S} UTC" if times else ""
    notebooks = sum(is_notebook(path) or is_archive(path) for path in paths)
    late, person = any(claim.item.late for claim in claims), claims[0].person
    return Given(student, person.key, len(paths), notebooks, latest, late, person.team)


def _lay_all(
    opened: Archive,
    course: Course,
    name: str,
    handed_in: dict[str, list[_Claim]],
    zone: tzinfo | None,
    record: Record,
    told: Collected,
    stack: contextlib.ExitStack,
) -> None:
    scratch = _scratch(course)
    stack.callback(scratch.remove)
    for number, (student, claims) in enumerate(sorted(handed_in.items())):
        if _lay(opened, course, name, student, claims, zone, scratch.path / str(number), told):
            late = any(claim.item.late for claim in claims)
            record.add(student, claims[0].person.key, told.platform, late)
    try:
        record.save()
    except OSError as error:
        told.left_out.append((str(record.path), f"the disk does not take it ({error.strerror})"))


def _lay(
    opened: Archive,
    course: Course,
    name: str,
    student: str,
    claims: list[_Claim],
    zone: tzinfo | None,
    scratch: Path,
    told: Collected,
) -> bool:
    """Lay a hand-in down whole or not at all."""
    attempts: dict[datetime | None, list[tuple[Entry, str]]] = {}
    for claim in claims:
        path = claim.item.path
        if claim.entry.archive:
            folder = unpacked(path)
            path = "" if folder in ("", name) else f"{folder}/"
        attempts.setdefault(claim.item.time, []).append((claim.entry, path))
    left = Left(student, told.left_out)
    undated = attempts.pop(None, [])
    laid = False
    try:
        scratch.mkdir()
        fresh, counts = Fresh(scratch, left), None
        for time in sorted(attempts, key=lambda time: utc(time, zone) if time else datetime.min, reverse=True):
            if counts:
                told.passed_over += [(entry.path, "there is a later attempt") for entry, _ in attempts[time]]
                continue
            fresh.fill(opened, attempts[time])
            counts = time if fresh.files else None
        fresh.fill(opened, undated)
        if fresh.files:
            if counts:
                stamp = f"{utc(counts, zone):%Y-%m-%d %H:%M:%S} UTC\n"
                (fresh.folder / TIMESTAMP).write_text(stamp, encoding="utf-8")
            getattr(told, put(fresh.folder, course, student, name)).append(student)
            laid = True
    except Refused as why:
        told.left_out.append((student, str(why)))
    except OSError as error:
        told.left_out.append((student, f"the disk does not take it ({error.strerror}); what was there stays"))
    except Exception as error:  # whatever it is, it is this student's
        told.left_out.append((student, f"it can't be laid down ({type(error).__name__}); what was there stays"))
    finally:
        left.rest()
        remove(scratch)
    return laid
