"""A student's own archive, whatever kind it is of: its files one by one, and no more of them than there is room for."""

from __future__ import annotations

import bz2
import gzip
import io
import lzma
import tarfile
import unicodedata
from collections.abc import Callable, Iterator
from typing import BinaryIO, Protocol, cast

from .archive import CHUNK, DAMAGED, IGNORED, LARGEST, TOO_MANY, Archive, Entry
from .safe_path import Refused

INFLATED = {"gz": gzip.open, "bz2": bz2.open, "xz": lzma.open}
SHORT = {"tgz": "gz", "tbz2": "bz2", "txz": "xz"}
NO_ROOM = "its student's files are too large together"


class Unpacks(Protocol):
    """What an archive of any kind can do; `listed` are the bytes that its list of files takes."""

    listed: int

    def entries(self) -> Iterator[Entry]: ...

    def read(self, entry: Entry, room: int) -> Iterator[bytes]: ...


def opened(name: str, content: bytes, most: int, room: int, spent: Callable[[int], None]) -> Unpacks:
    """A student's archive; Refused where it can't be read, lists more than `most` bytes of names or has no room.

    What can be read only whole is unpacked here; `spent` is told of its bytes.
    """
    kind = name.lower().rpartition(".")[2]
    if kind == "zip":
        return Archive(io.BytesIO(content), most)
    if kind == "rar":
        raise Refused("a rar archive is not opened here; open it by hand, or ask for a zip file")
    try:
        if kind == "7z":
            return _seven(content, most, room, spent)
        return _Tar(_inflated(SHORT.get(kind, kind), content, room, spent), most)
    except Refused:
        raise
    except Exception:  # each library has errors of its own
        raise Refused(DAMAGED.replace("zip file", "archive")) from None


def _inflated(kind: str, content: bytes, room: int, spent: Callable[[int], None]) -> bytes:
    if kind not in INFLATED:
        return content
    with cast(BinaryIO, INFLATED[kind](io.BytesIO(content))) as file:  # type: ignore[operator]
        found = file.read(room + 1)
    spent(len(found))
    if len(found) > room:
        raise Refused(NO_ROOM)
    return found


class _Kept:
    """Files that are in memory already, or can be had by their number."""

    def __init__(self, names: list[tuple[str, str]], most: int) -> None:
        self.names = names
        self.listed = sum(46 + len(name.encode("utf-8", "replace")) for name, _ in names)
        if self.listed > most:
            raise Refused(TOO_MANY)

    def entries(self) -> Iterator[Entry]:
        for number, (name, fault) in enumerate(self.names):
            path = unicodedata.normalize("NFC", name.replace("\\", "/").removeprefix("./"))
            if IGNORED.isdisjoint(path.split("/")):
                yield Entry(path, number, fault)

    def size(self, number: int) -> int:
        raise NotImplementedError

    def file(self, number: int) -> BinaryIO:
        raise NotImplementedError

    def read(self, entry: Entry, room: int) -> Iterator[bytes]:
        if entry.fault:
            raise Refused(entry.fault)
        if self.size(entry.at) > min(LARGEST, room):
            raise Refused(NO_ROOM if self.size(entry.at) <= LARGEST else f"it is larger than {LARGEST // 10**6} MB")
        try:
            file = self.file(entry.at)
            while piece := file.read(CHUNK):
                yield piece
        except Exception:
            raise Refused("it is damaged") from None


class _Tar(_Kept):
    def __init__(self, content: bytes, most: int) -> None:
        self.tar = tarfile.open(fileobj=io.BytesIO(content))  # noqa: SIM115, it is memory
        self.members = []
        for member in self.tar:
            if not member.isdir():
                self.members.append(member)
            if 46 * len(self.members) > most:
                raise Refused(TOO_MANY)
        super().__init__([(m.name, "" if m.isfile() else "it is a link, not a file") for m in self.members], most)

    def size(self, number: int) -> int:
        return self.members[number].size

    def file(self, number: int) -> BinaryIO:
        return cast(BinaryIO, self.tar.extractfile(self.members[number]))


def _seven(content: bytes, most: int, room: int, spent: Callable[[int], None]) -> _Kept:
    try:
        import py7zr
        from py7zr.io import BytesIOFactory
    except ImportError:
        raise Refused("a 7z archive is opened only where py7zr is installed: pip install py7zr") from None
    with py7zr.SevenZipFile(io.BytesIO(content)) as archive:
        if archive.needs_password():
            raise Refused("it is locked with a password")
        listed = [about for about in archive.list() if not about.is_directory]
        if sum(about.uncompressed for about in listed) > room:
            raise Refused(NO_ROOM)
        found = _Seven(
            [(about.filename, "" if about.is_file else "it is a link, not a file") for about in listed], most
        )
        spent(sum(about.uncompressed for about in listed))
        factory = BytesIOFactory(limit=room)
        archive.extractall(factory=factory)
        found.products = factory.products
    return found


class _Seven(_Kept):
    products: dict[str, BinaryIO]

    def size(self, number: int) -> int:
        return cast(int, self.file(number).size())  # type: ignore[attr-defined]

    def file(self, number: int) -> BinaryIO:
        file = self.products[self.names[number][0]]
        file.seek(0)
        return file
