"""Read an archive that strangers have filled: a fault of one entry is that entry's alone."""

from __future__ import annotations

import io
import stat
import struct
import unicodedata
import zipfile
from collections.abc import Iterator
from dataclasses import dataclass
from typing import BinaryIO

from .file_kinds import is_archive
from .safe_path import Refused

LARGEST = 200_000_000
"""Bytes of one file."""
LISTED = 64_000_000
"""Bytes of an archive's list of files: 300,000 of them with names of usual length."""
CHUNK = 1 << 18
IGNORED = {"__MACOSX", "__pycache__", ".ipynb_checkpoints", ".DS_Store", ".git"}
DAMAGED = "it is a damaged zip file"
TOO_MANY = "it lists more files than anybody hands in"
HEAD = 46
"""Bytes of a file's line in the list, before its name."""
LOCKED, UTF8 = 0x41, 0x800
"""Flags: encrypted in one of two ways; a name in UTF-8."""


@dataclass(frozen=True, slots=True)
class Entry:
    """A file of an archive: its path with forward slashes, where it stands in the archive's list, or why it can't be
    had."""

    path: str
    at: int
    fault: str = ""

    @property
    def archive(self) -> bool:
        return is_archive(self.path)


class Archive:
    """A zip archive in an open file; Refused where it is none, or lists more than `most` bytes of names.

    The standard library reads an archive whole or not at all: one name that is no UTF-8, or one unknown version, and
    nobody's work is found. So each entry is given to it in an archive of its own.
    """

    def __init__(self, file: BinaryIO, most: int = LISTED) -> None:
        self.file = file
        self.shift, self.lines = _list_of(file, most)
        self.listed = len(self.lines)

    def entries(self) -> Iterator[Entry]:
        """Its files in the order of its list, without folders and what systems put beside them."""
        at = 0
        while at < len(self.lines):
            head = self.lines[at : at + HEAD]
            end = self._end(at) if len(head) == HEAD else -1
            if not head.startswith(b"PK\1\2") or not at < end <= len(self.lines):
                yield Entry("the archive", at, "its list of files is damaged; what stands after this is lost")
                return
            entry = self._entry(at)
            folder = entry.path.endswith("/") and not any(self.lines[at + 24 : at + 28])  # of no size
            if not folder and IGNORED.isdisjoint(entry.path.split("/")):
                yield entry
            at = end

    def _end(self, at: int) -> int:
        return at + HEAD + sum(struct.unpack_from("<3H", self.lines, at + 28))

    def _entry(self, at: int) -> Entry:
        (flags,) = struct.unpack_from("<H", self.lines, at + 8)
        (length,) = struct.unpack_from("<H", self.lines, at + 28)
        (attributes,) = struct.unpack_from("<L", self.lines, at + 38)
        name = self.lines[at + HEAD : at + HEAD + length]
        fault = "it is a link, not a file" if stat.S_ISLNK(attributes >> 16) else ""
        try:
            path = name.decode("utf-8")  # macOS writes UTF-8 without saying so
        except UnicodeDecodeError:
            path = name.decode("utf-8", "replace") if flags & UTF8 else name.decode("cp437")
            fault = "its name is not the text that it says it is" if flags & UTF8 else fault
        return Entry(unicodedata.normalize("NFC", path.replace("\\", "/")), at, fault)

    def read(self, entry: Entry, room: int) -> Iterator[bytes]:
        """The bytes of a file, piece by piece; Refused, in the midst of it too, where they can't be had."""
        if entry.fault:
            raise Refused(entry.fault)
        try:
            line = self.lines[entry.at : self._end(entry.at)]
            with zipfile.ZipFile(_Alone(self.file, self.shift, line)) as alone:
                (info,) = alone.infolist()
                if info.flag_bits & LOCKED:
                    raise Refused("it is locked with a password")
                if info.file_size > LARGEST:
                    raise Refused(f"it is larger than {LARGEST // 10**6} MB")
                if info.file_size > room:
                    raise Refused("its student's files are too large together")
                with alone.open(info) as content:
                    while piece := content.read(CHUNK):
                        yield piece
        except Refused:
            raise
        except NotImplementedError:
            raise Refused("it is packed in a way that is not known here") from None
        except Exception:  # each way to pack has errors of its own, and lies bring others
            raise Refused("it is damaged") from None


class _Alone(io.RawIOBase):
    """The data of an archive, and after it a list of one file: the zip64 form, which has room for any offset."""

    def __init__(self, file: BinaryIO, shift: int, line: bytes) -> None:
        self.file, self.shift, self.at = file, shift, 0
        self.data = file.seek(0, io.SEEK_END) - shift
        end = self.data + len(line)
        self.list = (
            line
            + struct.pack("<4sQ2H2L4Q", b"PK\6\6", 44, 45, 45, 0, 0, 1, 1, len(line), self.data)
            + struct.pack("<4sLQL", b"PK\6\7", 0, end, 1)
            + struct.pack("<4s4H2LH", b"PK\5\6", 0, 0, 0xFFFF, 0xFFFF, 0xFFFFFFFF, 0xFFFFFFFF, 0)
        )

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return True

    def seek(self, offset: int, whence: int = io.SEEK_SET) -> int:
        self.at = offset + {io.SEEK_SET: 0, io.SEEK_CUR: self.at, io.SEEK_END: self.data + len(self.list)}[whence]
        if self.at < 0:
            raise OSError("a place before the beginning")
        return self.at

    def tell(self) -> int:
        return self.at

    def read(self, size: int = -1) -> bytes:
        size = self.data + len(self.list) if size < 0 else size
        found = b""
        if self.at < self.data:
            self.file.seek(self.shift + self.at)
            found = self.file.read(min(size, self.data - self.at))
        if len(found) < size and self.at + len(found) >= self.data:
            begin = self.at + len(found) - self.data
            found += self.list[begin : begin + size - len(found)]
        self.at += len(found)
        return found


def _list_of(file: BinaryIO, most: int) -> tuple[int, bytes]:
    """How many bytes stand before the archive's first, and its list of files."""
    size = file.seek(0, io.SEEK_END)
    tail_at = file.seek(max(0, size - 65_557))
    tail = file.read()
    at = tail.rfind(b"PK\5\6")
    if at < 0 or at + 22 > len(tail):
        raise Refused(DAMAGED)
    length, offset = struct.unpack_from("<2L", tail, at + 12)
    end = tail_at + at
    if not _begins(file, end - length):  # there may be a zip64 record; a name that only looks like one is none
        file.seek(max(0, end - 76))
        record = file.read(76)
        if len(record) < 76 or record[:4] + record[56:60] != b"PK\6\6PK\6\7":
            raise Refused(DAMAGED)
        length, offset = struct.unpack_from("<2Q", record, 40)
        end -= 76
    if length + offset > end:
        raise Refused(DAMAGED)
    if length > most:
        raise Refused(TOO_MANY)
    file.seek(end - length)
    return end - length - offset, file.read(length)


def _begins(file: BinaryIO, at: int) -> bool:
    """Whether a list of files, or the end of an empty one, is there."""
    file.seek(max(0, at))
    return at >= 0 and file.read(4) in (b"PK\1\2", b"PK\5\6")
