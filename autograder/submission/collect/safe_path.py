"""Where a file of a stranger's naming may be written: below one folder, and nowhere else."""

from __future__ import annotations

import os
import re
from pathlib import Path

LONGEST_PART, LONGEST, DEEPEST = 255, 1000, 40
"""Bytes of one name, characters of a path, and folders in each other."""
PORTS = {port + number for port in ("COM", "LPT") for number in "123456789¹²³"}
DEVICES = PORTS | {"CON", "CONIN$", "CONOUT$", "PRN", "AUX", "NUL"}


class Refused(ValueError):
    """A file that is left out. The message says why, after "left out:"."""


def sound(path: str) -> None:
    """Refuse a path, with forward slashes, that is no plain way down from a folder."""
    if len(path) > LONGEST:
        raise Refused(f"its name is longer than {LONGEST} characters")
    if any(ord(c) < 32 or 127 <= ord(c) < 160 for c in path):
        raise Refused("its name holds control characters")
    for part in path.split("/"):
        # Windows passes over dots and spaces at the end, so `.. ` climbs there.
        if not part.strip(" .") or "\\" in part or re.match("[A-Za-z]:", part):
            raise Refused("its name would lead out of the folder")


def below(folder: Path, path: str) -> Path:
    """The place of `path` below `folder`, asked for at the moment of writing; Refused with the reason."""
    sound(path)
    parts = path.split("/")
    if len(parts) > DEEPEST:
        raise Refused(f"it lies in more than {DEEPEST} folders")
    for part in parts:
        if len(part.encode("utf-8", "replace")) > LONGEST_PART:
            raise Refused(f"a part of its name is longer than {LONGEST_PART} bytes")
        if part.split(".")[0].rstrip().upper() in DEVICES:
            raise Refused(f"{part!r} is the name of a device on some machines")
    place = os.path.join(os.path.realpath(folder), *parts)
    if os.path.realpath(place) != place:
        raise Refused("a link to another place is in its way")
    return folder / path
