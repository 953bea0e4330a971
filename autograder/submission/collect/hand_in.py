"""One student's hand-in: a new folder, filled within limits, then put where grading looks for it."""

from __future__ import annotations

import filecmp
import hashlib
import os
import stat
from collections import Counter
from collections.abc import Iterable, Iterator
from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path, PurePosixPath

from ...course import Course
from ...files import UNFIT_NAME
from .archive import Entry
from .file_kinds import as_notebook, is_notebook, unpacked
from .safe_path import Refused, below, sound
from .unpack import Unpacks, opened

MOST_FILES = 2000
MOST_BYTES = 200_000_000
"""Unpacked, of one student; what was unpacked in vain counts, too."""
MOST_LISTED = 4_000_000
"""Bytes of the lists of files in one student's own archives: 20,000 files with names of usual length."""
MOST_TOLD = 100
"""Files of one student that are told of one by one when they are left out; the others are counted."""
TIMESTAMP = "timestamp.txt"


class Left:
    """What is left out of one hand-in."""

    def __init__(self, student: str, told: list[tuple[str, str]]) -> None:
        self.student, self.told = student, told
        self.room = MOST_TOLD
        self.more: Counter[str] = Counter()

    def out(self, path: str, why: str) -> None:
        if self.room:
            self.room -= 1
            self.told.append((path, why))
        else:
            self.more[why] += 1

    def rest(self) -> None:
        self.told += [(f"{self.student}: {n} more", why) for why, n in self.more.items()]


class Fresh:
    """A new folder for a hand-in, within its limits.

    A file that can't be had or be put into it is left out; OSError where the disk takes none.
    """

    def __init__(self, scratch: Path, left: Left) -> None:
        self.left = left
        self.folder, self.part = scratch / "hand-in", scratch / "file"
        self.folder.mkdir()
        self.files = self.tries = self.bytes = self.listed = 0
        self.contents: dict[str, set[bytes]] = {}
        self.numbers: dict[str, int] = {}

    def fill(self, archive: Unpacks, items: Iterable[tuple[Entry, str]]) -> None:
        """Unpack entries, each to its path in the hand-in; of a student's own archives, what is in them, to a folder.

        Notebooks come first, so that nothing else can use up what they need.
        """
        for entry, place in sorted(items, key=lambda item: (not is_notebook(item[0].path), not item[0].archive)):
            if entry.archive:
                self._open(archive, entry, place)
            else:
                self._take(archive, entry, entry.path, place)

    def _open(self, archive: Unpacks, entry: Entry, folder: str) -> None:
        try:
            self._count()
            content = b"".join(self._unpacked(archive, entry))
            own = opened(entry.path, content, MOST_LISTED - self.listed, MOST_BYTES - self.bytes, self._spend)
        except Refused as why:
            self.left.out(entry.path, str(why))
            return
        self.listed += own.listed
        for inner in sorted(own.entries(), key=lambda inner: not is_notebook(inner.path)):
            self._take(own, inner, f"{unpacked(entry.path)}/{inner.path}", f"{folder}{inner.path}")

    def _take(self, archive: Unpacks, entry: Entry, shown: str, place: str) -> None:
        try:
            self._count()
            sound(entry.path)
            self._add(as_notebook(place), self._unpacked(archive, entry))
        except Refused as why:
            self.left.out(shown, str(why))

    def _count(self) -> None:
        self.tries += 1
        if self.tries > MOST_FILES:
            raise Refused(f"its student handed in more than {MOST_FILES} files")

    def _spend(self, count: int) -> None:
        self.bytes += count

    def _unpacked(self, archive: Unpacks, entry: Entry) -> Iterator[bytes]:
        for piece in archive.read(entry, MOST_BYTES - self.bytes):
            self.bytes += len(piece)
            yield piece

    def _add(self, path: str, pieces: Iterator[bytes]) -> None:
        """A second file with one path gets a number, unless it is the same."""
        below(self.folder, path)  # before it costs anything
        if path.split("/")[0].casefold() == TIMESTAMP:
            raise Refused("the time of a hand-in is not taken from what was handed in")
        content = hashlib.sha256()
        with open(self.part, "wb") as file:
            for piece in pieces:
                content.update(piece)
                file.write(piece)
        known = self.contents.setdefault(path, set())
        if content.digest() in known:
            return
        try:
            target = self._free(path)
            target.parent.mkdir(parents=True, exist_ok=True)
            self.part.rename(target)
        except (FileExistsError, NotADirectoryError):
            raise Refused("there is a file where its folder should be") from None
        except OSError as error:
            if error.errno in UNFIT_NAME:
                raise Refused(f"its name can't be written ({error.strerror})") from None
            raise
        known.add(content.digest())
        self.files += 1

    def _free(self, path: str) -> Path:
        place, pure = below(self.folder, path), PurePosixPath(path)
        while os.path.lexists(place):
            number = self.numbers[path] = self.numbers.get(path, 1) + 1
            place = below(self.folder, str(pure.with_stem(f"{pure.stem} ({number})")))
        return place


def put(fresh: Path, course: Course, student: str, name: str) -> str:
    """Put a filled folder at submitted/STUDENT/NAME in one step: "new", "changed", or "unchanged" and left alone.

    What was there moves to earlier/, and comes back if that fails. Refused or OSError where it can't be done.
    """
    home = below(course.submitted, student)
    if os.path.lexists(home):
        if not home.is_dir():
            raise Refused("submitted/ has a file of this name, where a folder is needed")
        if student not in os.listdir(course.submitted):
            raise Refused("this disk can't tell the name from another student's")
    place = home / name
    if not os.path.lexists(place):
        home.mkdir(exist_ok=True)
        try:
            fresh.rename(place)
        except BaseException:
            with suppress(OSError):
                home.rmdir()
            raise
        return "new"
    if _same(place, fresh):
        return "unchanged"
    stamp = datetime.now(UTC).strftime("%Y-%m-%d-%H-%M-%S-%f")
    earlier = below(course.class_dir / "earlier", f"{student}/{name}-{stamp}")
    earlier.parent.mkdir(parents=True, exist_ok=True)
    if place.is_dir() and not place.is_symlink():
        with suppress(OSError):  # it may be another's; moving it shows whether that is enough
            place.chmod(stat.S_IMODE(place.stat().st_mode) | stat.S_IRWXU)
    place.rename(earlier)
    try:
        fresh.rename(place)
    except BaseException:
        earlier.rename(place)
        raise
    return "changed"


def _same(old: Path, new: Path) -> bool:
    """Whether two folders hold the same files. What is no file, such as a pipe, is never read."""
    try:
        if old.is_symlink():
            return False
        sizes = _sizes(old)
        return sizes == _sizes(new) and all(filecmp.cmp(old / path, new / path, shallow=False) for path in sizes)
    except (OSError, RecursionError):
        return False


def _sizes(folder: Path) -> dict[str, int]:
    """The files of a folder; -1 for a link and whatever else is none."""
    found = {}
    for parent, folders, names in os.walk(folder, onerror=_raise):
        for name in [*names, *folders]:
            path = Path(parent, name)
            about = path.lstat()
            if not stat.S_ISDIR(about.st_mode):
                found[str(path.relative_to(folder))] = about.st_size if stat.S_ISREG(about.st_mode) else -1
    return found


def _raise(error: OSError) -> None:
    raise error
