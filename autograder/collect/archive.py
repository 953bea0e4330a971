"""Read an archive that strangers have filled: nothing is written outside, and nothing swells without end."""

from __future__ import annotations

import io
import stat
import zipfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from helpers.errors import CourseError

LARGEST = 50_000_000
"""Bytes of one file."""
TOTAL = 4_000_000_000
"""Bytes of everything in one archive."""
IGNORED = ("__MACOSX", "__pycache__", ".ipynb_checkpoints")


@dataclass(frozen=True)
class Entry:
    """A file of an archive: its path with forward slashes, its bytes, or in `fault` why there are none."""

    path: str
    content: bytes = b""
    fault: str = ""


def entries(archive: Path) -> Iterator[Entry]:
    """The files of a zip archive, archives of students inside it opened once. CourseError where it is none."""
    try:
        with zipfile.ZipFile(archive) as opened:
            yield from _entries(opened, [TOTAL], nested=True)
    except FileNotFoundError:
        raise CourseError(f"There is no file {str(archive)!r}.") from None
    except IsADirectoryError:
        raise CourseError(
            f"{str(archive)!r} is a folder; give the zip file that the learning platform makes."
        ) from None
    except PermissionError:
        raise CourseError(f"{str(archive)!r} can't be read; check its rights.") from None
    except (zipfile.BadZipFile, EOFError):
        raise CourseError(f"{str(archive)!r} is no zip file, or a damaged one; download it again.") from None


def _entries(opened: zipfile.ZipFile, left: list[int], nested: bool) -> Iterator[Entry]:
    for info in opened.infolist():
        path = info.filename.replace("\\", "/")
        parts = PurePosixPath(path).parts
        if info.is_dir() or any(p in IGNORED or p == ".DS_Store" for p in parts):
            continue
        if not parts or path.startswith("/") or ".." in parts or any(ord(c) < 32 for c in path) or ":" in parts[0]:
            yield Entry(path, fault="its name would lead out of the folder")
        elif stat.S_ISLNK(info.external_attr >> 16):
            yield Entry(path, fault="it is a link, not a file")
        else:
            entry = _read(opened, info, "/".join(parts), left)
            if nested and not entry.fault and path.lower().endswith(".zip"):
                yield from _inside(entry, left)
            else:
                yield entry


def _read(opened: zipfile.ZipFile, info: zipfile.ZipInfo, path: str, left: list[int]) -> Entry:
    try:
        with opened.open(info) as file:
            content = file.read(LARGEST + 1)  # what the archive says of its size may be untrue
    except RuntimeError:
        return Entry(path, fault="it is locked with a password")
    except (zipfile.BadZipFile, NotImplementedError, EOFError, OSError, ValueError):
        return Entry(path, fault="it is damaged")
    except Exception as error:  # each way to compress has errors of its own
        return Entry(path, fault=f"it can't be unpacked ({type(error).__name__})")
    if len(content) > LARGEST:
        return Entry(path, fault=f"it is larger than {LARGEST // 10**6} MB")
    left[0] -= len(content)
    if left[0] < 0:
        return Entry(path, fault=f"the archive holds more than {TOTAL // 10**9} GB")
    return Entry(path, content)


def _inside(entry: Entry, left: list[int]) -> Iterator[Entry]:
    """The files of an archive that a student handed in, as if they had been handed in one by one."""
    try:
        with zipfile.ZipFile(io.BytesIO(entry.content)) as opened:
            for inner in _entries(opened, left, nested=False):
                # The platform's marks stand in the archive's own name, which therefore stays in front.
                yield Entry(f"{entry.path[:-4]}/{inner.path}", inner.content, inner.fault)
    except zipfile.BadZipFile:
        yield Entry(entry.path, fault="it is a damaged zip file")
