"""What the names in an archive say: people, whose each file is, and how sure that is."""

from __future__ import annotations

from collections.abc import Callable, Container
from dataclasses import dataclass
from datetime import datetime

from .safe_path import Refused


@dataclass(frozen=True, slots=True)
class Person:
    """Who handed in, as the platform says it: `key` is theirs in this archive, and nobody else's.

    student: the name of their folder where no roster and no earlier hand-in says another. number: the platform's own.
    logins: what else tells them from others (login, e-mail, student number). lasting: whether the platform gives the
    same number for every assignment. team: for which they handed in.
    """

    key: str
    student: str
    name: str = ""
    number: str = ""
    logins: tuple[str, ...] = ()
    lasting: bool = True
    team: str = ""


@dataclass(frozen=True, slots=True)
class Item:
    """A file of the archive: whose it is (several people's where a group handed in), its path in their hand-in ("" for
    a platform's receipt), when it was handed in (without a zone where the platform's own is meant)."""

    people: tuple[Person, ...]
    path: str
    time: datetime | None = None
    late: bool = False


@dataclass(frozen=True)
class About:
    """What a reading may know besides the paths: the assignment, the folder around them, who is known already, who is
    on the roster, and what stands in a file that the platform itself has written."""

    assignment: str
    around: str
    known: Container[str]
    roster: Container[str]
    content: Callable[[str], bytes]


Found = dict[str, Item | Refused]
"""What a reading says of the paths that it explains: whose each is, or why that can't be said for sure."""
Reading = Callable[[list[str], About], Found]
