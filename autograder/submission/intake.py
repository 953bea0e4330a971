"""Take a student's hand-in as it lies there, or say in words why that can't be done.

Names of folders and files enter our data here, and only here: whatever they are made of, what comes out is text that
can be written and shown, and no two students become one.
"""

from __future__ import annotations

import functools
import heapq
import os
import site
import stat
import sys
import sysconfig
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from importlib.machinery import PathFinder
from pathlib import Path, PurePosixPath

from helpers.errors import CourseError

from ..authoring.source import source_files
from ..course import IGNORED, Course
from ..files import read
from ..text import one_line, some, whole
from .collect.collected import late_note
from .collect.file_kinds import PERHAPS_NOTEBOOK
from .reading import LARGEST, MOST_READ, Ungradable, parse, slim

__all__ = ["HandIn", "Ungradable", "beside", "choose", "data_beside", "hand_in", "parse", "read", "students", "walk"]
MOST_DATA = 64_000_000
MOST_FILES, MOST_SEEN, DEEPEST = 2_000, 20_000, 20
"""Files that are taken of a hand-in, names that are looked at to find them, folders in each other."""
SHOWN = 80
"""Characters of a name in a sentence."""
MOST_NOTEBOOKS = 10
OURS = ("helpers", "autograder")


@dataclass
class HandIn:
    """A notebook file's bytes and name, the data files and modules beside it, what is worth knowing about them, and
    other notebooks by their names."""

    notebook: bytes
    file: str
    files: dict[str, bytes]
    notes: list[str] = field(default_factory=list)
    others: dict[str, bytes] = field(default_factory=dict)


@dataclass(frozen=True)
class Found:
    """A file, link, pipe or the like: its path, its name in the hand-in's folder, and what lstat says of it."""

    path: Path
    name: str
    about: os.stat_result

    @property
    def plain(self) -> bool:
        return stat.S_ISREG(self.about.st_mode)


def students(course: Course, name: str) -> list[str]:
    """Everybody who has something in submitted/ that may be meant for this assignment, sorted."""
    others = set(course.assignments()) - {name}
    found = []
    for student, path in _folders(course).items():
        inside = _inside(path)
        if name in inside or not inside or not inside <= others:
            found.append(student)
    return sorted(found)


def _folders(course: Course) -> dict[str, Path]:
    """Student -> what lies in submitted/. A name that no file and no gradebook can hold is told by its characters'
    numbers, and differs from everybody else's."""
    paths = [p for p in course.submitted.iterdir() if p.name[0] != "."] if course.submitted.is_dir() else []
    found = {path.name: path for path in paths if _usable(path.name)}
    for path in sorted(path for path in paths if not _usable(path.name)):
        told = os.fsencode(path.name).decode("utf-8", "backslashreplace")
        told = "".join(c if ord(c) >= 32 else f"\\x{ord(c):02x}" for c in told)
        while told in found:
            told += "'"
        found[told] = path
    return found


def _usable(name: str) -> bool:
    return name == whole(name) and min(map(ord, name)) >= 32


def _inside(path: Path) -> set[str]:
    try:
        return {name for name in os.listdir(path) if not name.startswith(".")}
    except OSError:
        return set()


def hand_in(course: Course, name: str, student: str) -> HandIn:
    """What lies in submitted/STUDENT/NAME; Ungradable with a sentence where there is no notebook to grade."""
    place = course.submitted / student
    if not _usable(student) or (not os.path.lexists(place) and student in _folders(course)):
        raise Ungradable("the name of the folder holds control characters or is not UTF-8: rename it and grade again")
    folder = place / name
    try:
        if not stat.S_ISDIR(_no_link(place)):
            raise Ungradable("it is a file, where a folder with the student's name is expected")
        if os.path.lexists(folder):
            _no_link(folder)
        if not folder.is_dir():
            inside = sorted(n for n in os.listdir(place) if not n.startswith("."))
            if not inside:
                raise Ungradable("the folder is empty, nothing was handed in")
            raise Ungradable(f"there is no folder {name!r} in it, only {listing(inside)}")
        os.listdir(folder)  # says why, where it may not be read
        files, told = walk(folder)
        chosen, notes = _chosen([file for file in files if file.plain], name, told)
        notebooks: dict[str, bytes] = {}
        room = LARGEST
        for file in chosen:
            if file.about.st_size > MOST_READ:
                large = file.about.st_size / 1e6
                raise Ungradable(f"{shown(file.path.name)} is {large:.0f} MB large, more than {MOST_READ // 10**6}")
            content = slim(read(file.path, MOST_READ))
            room -= len(content)
            if room >= 0 or not notebooks:
                called = shown(file.name)
                while called in notebooks:
                    called += "'"
                notebooks[called] = content
    except OSError as error:
        where = shown(Path(os.fsdecode(error.filename or place)).name)
        raise Ungradable(f"{where} can't be read: {error.strerror or error}") from None
    data, left_out = beside(files, folder, modules=True)
    first, *others = notebooks
    more = {other: notebooks[other] for other in others}
    notes += told + left_out + late_note(course, name, student)
    return HandIn(notebooks[first], first, data, notes, more)


def _chosen(files: list[Found], name: str, told: list[str]) -> tuple[list[Found], list[str]]:
    """As `choose`, where `told` says what was passed over, the notebook perhaps."""
    try:
        return choose(files, name)
    except Ungradable as error:
        if not told:
            raise
        why = str(error) if files else "there is no notebook in it that can be read"
        raise Ungradable(f"{why}. {' '.join(told)}".rstrip(".")) from None


def _no_link(path: Path) -> int:
    """The mode of what lies there."""
    mode = path.lstat().st_mode
    if stat.S_ISLNK(mode):
        raise Ungradable(f"{path.name!r} is a link to another place, where a folder is expected")
    return mode


def walk(folder: Path) -> tuple[list[Found], list[str]]:
    """What lies in a folder and below, level by level, notebooks first, and sentences about what was passed over.

    Follows no link, enters nothing hidden, and ends whatever was put there: see MOST_FILES, MOST_SEEN and DEEPEST.
    """
    found: list[Found] = []
    notes: list[str] = []
    unread: list[str] = []
    level, left, more = [(folder, "")], MOST_SEEN, False
    for _ in range(DEEPEST):
        below: list[tuple[Path, str]] = []
        for place, prefix in level:
            try:
                names = _listed(place, left + 1)
            except OSError:
                unread.append(prefix)
                continue
            more |= len(names) > left
            names = names[:left]
            left -= len(names)
            for name in names:
                try:
                    about = (place / name).lstat()
                except OSError:
                    unread.append(prefix + name)
                    continue
                if stat.S_ISDIR(about.st_mode):
                    below.append((place / name, f"{prefix}{name}/"))
                elif len(found) < MOST_FILES:
                    found.append(Found(place / name, prefix + name, about))
                else:
                    more = True
        level = below
    if more:
        notes.append(f"More than {MOST_FILES:,} files were handed in; the others were left out.")
    if level:
        notes.append(f"Folders more than {DEEPEST} deep in each other were left out: {listing([p for _, p in level])}.")
    if unread:
        notes.append(f"What can't be read was left out: {listing(unread)}.")
    return found, notes


def _listed(place: Path, most: int) -> list[str]:
    """The names in a folder that come first: notebooks, then by the alphabet. Nothing hidden, and nothing of a link."""
    if stat.S_ISLNK(place.lstat().st_mode):
        return []
    with os.scandir(place) as entries:
        names = (e.name for e in entries if not e.name.startswith(".") and e.name != "__pycache__")
        first = heapq.nsmallest(most, ((not PERHAPS_NOTEBOOK.search(name), name) for name in names))
    return [name for _, name in first]


def data_beside(folder: Path, modules: bool = False) -> dict[str, bytes]:
    """The data files of a hand-in by their names in its folder: no notebooks, nothing hidden, no links, and Python
    `modules` only where they are asked for."""
    return beside(walk(folder)[0], folder, modules)[0]


def beside(files: Iterable[Found], folder: Path, modules: bool = False) -> tuple[dict[str, bytes], list[str]]:
    """The data files among what was found in a hand-in's folder, and sentences about those that were left out."""
    kept: dict[str, bytes] = {}
    out: dict[str, list[str]] = {why: [] for why in (TAKEN, SHARED, ODD, UNREAD, LARGE)}
    plain = [file for file in files if file.plain]
    links = [file for file in plain if file.about.st_nlink > 1]
    others = _of_others(folder.parent) if links else set()
    room = MOST_DATA
    for file in plain:
        if PERHAPS_NOTEBOOK.search(file.name) or (file.path.suffix == ".py" and not modules):
            continue
        if file.path.suffix == ".py" and _installed(file.name):
            out[TAKEN].append(file.name)
        elif (file.about.st_dev, file.about.st_ino) in others:
            out[SHARED].append(file.name)
        elif file.name != whole(file.name):
            out[ODD].append(file.name)
        elif file.about.st_size > room:
            out[LARGE].append(file.path.name)
        else:
            try:
                kept[file.name] = read(file.path, room)
                room -= len(kept[file.name])
            except OSError:
                out[UNREAD].append(file.name)
    return kept, [f"{why}: {listing(names)}." for why, names in out.items() if names]


TAKEN = "Modules with the name of an installed one were left out"
SHARED = "Files that are another student's, too, by a link were left out"
ODD = "Files whose names are not UTF-8 were left out"
UNREAD = "Files that can't be read were left out"
LARGE = f"Files beyond {MOST_DATA // 10**6} MB in all were left out"


def _installed(name: str) -> bool:
    """Whether a module's file, by its name in the hand-in, would stand in for one that is installed."""
    return installed(Path(name).parts[0].removesuffix(".py"))


@functools.lru_cache(1000)
def installed(module: str) -> bool:
    """Whether Python, its packages or the course have a module of this name (that of a top-level one)."""
    if module in sys.stdlib_module_names or module in OURS:
        return True
    places = [sysconfig.get_path(name) for name in ("purelib", "platlib")]
    places += [*site.getsitepackages(), *([site.getusersitepackages()] if site.ENABLE_USER_SITE else [])]
    return PathFinder.find_spec(module, places) is not None


def _of_others(place: Path) -> set[tuple[int, int]]:
    """The files of other students, by device and number: a hard link, which archives can bring, is the same file."""
    others = (other for other in place.parent.iterdir() if other.name != place.name)
    return {(file.about.st_dev, file.about.st_ino) for other in others for file in walk(other)[0]}


def shown(name: str) -> str:
    """A name of a file or folder in a sentence."""
    return one_line(name, SHOWN) or repr(one_line(ascii(name), SHOWN))


def listing(names: list[str]) -> str:
    return some([*map(shown, names)])


def choose(files: list[Found], name: str) -> tuple[list[Found], list[str]]:
    """The notebooks among the files, the most likely first, and a note where it has another name.

    Which one holds the work is found out where they are read; of equal ones it is the latest, by the minute, and then
    the one of the right name.
    """
    notebooks = [file for file in files if PERHAPS_NOTEBOOK.search(file.name)]
    notebooks = notebooks or [file for file in files if _holds_cells(file)]
    right = f"{name}.ipynb"
    notebooks.sort(key=lambda file: (-int(file.about.st_mtime // 60), file.name != right, file.name))
    if len(notebooks) == 1 and notebooks[0].name != right:
        return notebooks, [f"The notebook is called {shown(notebooks[0].name)!r}; it was taken as {right}."]
    if len(notebooks) > MOST_NOTEBOOKS:
        return notebooks[:MOST_NOTEBOOKS], [f"Of {len(notebooks)} notebooks the latest {MOST_NOTEBOOKS} were read."]
    if notebooks:
        return notebooks, []
    if files:
        raise Ungradable(f"there is no notebook in it, only {listing([file.path.name for file in files])}")
    raise Ungradable("the folder is empty, nothing was handed in")


def _holds_cells(file: Found) -> bool:
    """Whether a file of another name begins as a notebook does."""
    if file.path.suffix.lower() not in ("", ".json", ".txt") or not file.about.st_size:
        return False
    try:
        begin = read(file.path, MOST_READ)[:1000]
    except OSError:
        return False
    return begin.lstrip()[:1] == b"{" and b'"cells"' in begin


def data_files(course: Course, name: str, handed_in: Mapping[str, bytes]) -> dict[str, bytes]:
    """What lies beside the graded notebook: the hand-in's data files, and over them those of the assignment.

    What of the hand-in stands in the place of these, or of the notebook, is left out: a folder of the same name, too.
    """
    here = course.solutions / name
    try:
        own = {str(p.relative_to(here)): p.read_bytes() for p in source_files(here, IGNORED)}
    except OSError as error:
        raise CourseError(f"{error.filename} can't be read ({error.strerror}): mend that and grade again.") from None
    files = {*own, f"{name}.ipynb"}
    folders = {str(parent) for file in files for parent in PurePosixPath(file).parents}
    kept = {
        file: content
        for file, content in handed_in.items()
        if file not in folders and files.isdisjoint(map(str, [PurePosixPath(file), *PurePosixPath(file).parents]))
    }
    return kept | own


def read_timestamp(path: Path) -> datetime | None:
    """nbgrader's timestamp.txt, in UTC; None where there is none that can be read."""
    from nbgrader.utils import parse_utc

    try:
        text = read(path, 200).decode("utf-8").strip()
        found: datetime | None = parse_utc(text) if text else None
        return found
    except Exception:  # dateutil has many ways to fail
        return None


def sound_timestamp(path: Path) -> bool:
    """No file, an empty one, or one that can be read."""
    try:
        return not path.is_file() or not path.stat().st_size or read_timestamp(path) is not None
    except OSError:
        return True
