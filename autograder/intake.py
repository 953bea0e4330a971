"""Take a student's hand-in as it lies there, or say in words why that can't be done."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path

from .course import Course
from .grading.reading import LARGEST, Ungradable, parse

__all__ = ["HandIn", "Ungradable", "choose", "data_beside", "hand_in", "parse", "students"]
MOST_DATA = 64_000_000


@dataclass
class HandIn:
    """A notebook file's bytes and name, the data files beside it, and what is worth knowing about them."""

    notebook: bytes
    file: str
    files: dict[str, Path]
    notes: list[str] = field(default_factory=list)


def students(course: Course, name: str) -> list[str]:
    """Everybody who has something in submitted/ that may be meant for this assignment, sorted."""
    if not course.submitted.is_dir():
        return []
    others = set(course.assignments()) - {name}
    found = []
    for path in course.submitted.iterdir():
        if path.name.startswith("."):
            continue
        inside = {p.name for p in path.iterdir() if not p.name.startswith(".")} if path.is_dir() else set()
        if name in inside or not inside or not inside <= others:
            found.append(path.name)
    return sorted(found)


def hand_in(course: Course, name: str, student: str) -> HandIn:
    """What lies in submitted/STUDENT/NAME; Ungradable with a sentence where there is no notebook to grade."""
    place = course.submitted / student
    if any(ord(c) < 32 for c in student):
        raise Ungradable("the name of the folder holds control characters")
    if not place.is_dir():
        raise Ungradable("it is a file, where a folder with the student's name is expected")
    folder = place / name
    for path in (place, folder):
        if path.is_symlink():
            raise Ungradable(f"{path.name!r} is a link to another place, where a folder is expected")
    try:
        if not folder.is_dir():
            inside = sorted(p.name for p in place.iterdir() if not p.name.startswith("."))
            if not inside:
                raise Ungradable("the folder is empty, nothing was handed in")
            raise Ungradable(f"there is no folder {name!r} in it, only {listing(inside)}")
        files = sorted(p for p in folder.rglob("*") if p.is_file() and not p.is_symlink() and visible(p, folder))
        path, notes = choose(files, folder, name)
        if path.stat().st_size > LARGEST:
            raise Ungradable(f"{path.name} is {path.stat().st_size / 1e6:.0f} MB large, more than {LARGEST // 10**6}")
        notebook = path.read_bytes()
    except OSError as error:
        raise Ungradable(f"{Path(str(error.filename)).name} can't be read: {error.strerror}") from None
    data, told = _data(files, folder)
    return HandIn(notebook, path.name, data, notes + told)


def _others(path: Path, place: Path) -> bool:
    """Whether another student's hand-in holds this very file (a hard link, which archives can bring)."""
    about = path.stat()
    if about.st_nlink == 1:
        return False
    for other in sorted(place.parent.iterdir()):
        if other.name != place.name and other.is_dir():
            for file in other.rglob("*"):
                if (file.lstat().st_dev, file.lstat().st_ino) == (about.st_dev, about.st_ino):
                    return True
    return False


def data_beside(folder: Path) -> dict[str, Path]:
    """The data files of a hand-in by their names in its folder: no notebooks, no Python, nothing hidden, no links."""
    files = sorted(p for p in folder.rglob("*") if p.is_file() and not p.is_symlink() and visible(p, folder))
    return _data(files, folder)[0]


def _data(files: list[Path], folder: Path) -> tuple[dict[str, Path], list[str]]:
    notes, kept, room = [], {}, MOST_DATA
    code = [p.name for p in files if p.suffix == ".py"]
    if code:
        notes.append(f"Python files beside the notebook were left out: {listing(code)}.")
    large = []
    for path in files:
        if path.suffix in (".ipynb", ".py"):
            continue
        room -= path.stat().st_size
        if room < 0:
            room += path.stat().st_size
            large.append(path.name)
        else:
            kept[str(path.relative_to(folder))] = path
    shared = [name for name, path in kept.items() if _others(path, folder.parent)]
    if shared:
        notes.append(f"Files that are another student's, too, by a link were left out: {listing(shared)}.")
        kept = {name: path for name, path in kept.items() if name not in shared}
    if large:
        notes.append(f"Files beyond {MOST_DATA // 10**6} MB in all were left out: {listing(large)}.")
    return kept, notes


def visible(path: Path, folder: Path) -> bool:
    return not any(p.startswith(".") or p == "__pycache__" for p in path.relative_to(folder).parts)


def listing(names: list[str]) -> str:
    return ", ".join(names[:3]) + (f" and {len(names) - 3} more" if len(names) > 3 else "")


def choose(files: list[Path], folder: Path, name: str) -> tuple[Path, list[str]]:
    """The notebook among the files, and a note where it has another name."""
    if folder / f"{name}.ipynb" in files:
        return folder / f"{name}.ipynb", []
    notebooks = [p for p in files if p.suffix == ".ipynb"]
    if len(notebooks) == 1:
        return notebooks[0], [f"The notebook is called {notebooks[0].name!r}; it was taken as {name}.ipynb."]
    if notebooks:
        raise Ungradable(
            f"none of its {len(notebooks)} notebooks is called {name}.ipynb ({listing([p.name for p in notebooks])})"
        )
    if files:
        raise Ungradable(f"there is no notebook in it, only {listing([p.name for p in files])}")
    raise Ungradable("the folder is empty, nothing was handed in")
