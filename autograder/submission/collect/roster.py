"""Which student of the class somebody is: by the roster where there is one, else by who has handed in before."""

from __future__ import annotations

import csv
import difflib
import re
import unicodedata
from collections.abc import Iterable
from pathlib import Path

from helpers.errors import CourseError

from ...course import Course, clean_name
from .collected import Record
from .people import Person
from .safe_path import Refused

ONE = str.maketrans({"ø": "o", "ł": "l", "đ": "d", "ð": "d", "ı": "i", "æ": "ae", "œ": "oe", "þ": "th"})
TWO: tuple[dict[str, str | int | None], ...] = (
    {}, {"ä": "ae", "ö": "oe", "ü": "ue"}, {"ä": "ae", "ö": "oe", "ü": "ue", "ø": "oe", "å": "aa"},
)  # fmt: skip
"""How names are written where there are ASCII letters only: one letter for one, or two for some."""


def bare(text: str) -> str:
    """Without what one person writes now so, now so: capitals, accents, blanks, signs."""
    flat = unicodedata.normalize("NFKD", unicodedata.normalize("NFC", text).casefold().translate(ONE))
    return "".join(c for c in flat if c.isalnum())


def spellings(name: str) -> set[str]:
    """A name in its usual forms, each as one word: first or last name first, umlauts as one letter or as two."""
    forms = set()
    for letters in TWO:
        text = unicodedata.normalize("NFC", name).casefold().translate(str.maketrans(letters))
        words = [word for word in map(bare, re.split(r"[\W_]+", text)) if word]
        forms |= {"".join(words[i:] + words[:i]) for i in range(len(words))}
    return forms


class Earlier:
    """No roster: people are called as the platform calls them, and as they were called before.

    Where a platform's numbers are new for every assignment (Moodle's), a name tells who it was before.
    """

    def __init__(self, course: Course, assignment: str) -> None:
        folders = [p.name for p in course.submitted.iterdir()] if course.submitted.is_dir() else []
        self.ids = {unicodedata.normalize("NFC", name): name for name in folders if not name.startswith(".")}
        self.record = Record(course, assignment)

    def __contains__(self, name: object) -> bool:
        return name in self.ids

    def find(self, person: Person, platform: str) -> tuple[list[str], bool]:
        """The students' ids (several where a group handed in), and whether their names say so themselves."""
        student = clean_name(person.student, "a student")
        if student in self.ids:
            return [self.ids[student]], student == person.key
        if not person.lasting:
            was = self.record.students()
            if person.key in was:
                return [was[person.key]], False
            pattern = re.escape(person.name) + r"(?:_[0-9]+)?"
            same = [name for name in self.ids if re.fullmatch(pattern, name) and self.ids[name] not in was.values()]
            if len(same) > 1:
                raise Refused(
                    f"is it {' or '.join(map(repr, sorted(same)))}? {platform}'s number is a new one: a roster says"
                )
            if same:
                return [self.ids[same[0]]], False
        return [student], student == person.key

    def doubts(self, students: Iterable[str]) -> list[tuple[str, str]]:
        """Students of other names who may be the same, as both stand there now."""
        groups: dict[str, set[str]] = {}
        for name in {*students, *self.ids.values()}:
            groups.setdefault(bare(name) or name, set()).add(name)
        mine = set(students)
        return [
            (", ".join(sorted(names)), "are they one student? If so, let a roster say it")
            for names in groups.values()
            if len(names) > 1 and names & mine
        ]

    def everybody(self) -> list[str]:
        return sorted(self.ids.values())


class Roster(Earlier):
    """The class as a CSV file says it: columns id and name, and where wanted email, login, group and each platform's
    own number or login under the platform's name. Nobody else is taken."""

    def __init__(self, path: Path, course: Course, assignment: str) -> None:
        super().__init__(course, assignment)
        self.path = path
        self.rows: list[dict[str, str]] = []
        try:
            text = path.read_text(encoding="utf-8-sig")
        except UnicodeDecodeError:
            raise CourseError(f"{str(path)!r} is not UTF-8: save it as 'CSV UTF-8'.") from None
        except OSError as error:
            raise CourseError(f"The roster {str(path)!r} can't be read: {error.strerror}.") from None
        head = text.partition("\n")[0]
        for row in csv.DictReader(text.splitlines(), delimiter=max(",;\t", key=head.count)):
            said = [(column, text) for column, text in row.items() if isinstance(column, str) and isinstance(text, str)]
            fields = {c.strip().casefold(): unicodedata.normalize("NFC", text).strip() for c, text in said}
            if any(fields.values()):
                self.rows.append(fields)
        if not self.rows or "id" not in self.rows[0]:
            raise CourseError(f"The roster {str(path)!r} needs a first line that names its columns, `id` among them.")
        self.spelt = [(spellings(row.get("name", "")), row) for row in self.rows]
        ids = [clean_name(row["id"], f"a student in {path.name}") for row in self.rows]
        if twice := sorted({name for name in ids if ids.count(name) > 1}):
            raise CourseError(f"The roster {str(path)!r} holds {twice[0]!r} twice.")

    def __contains__(self, name: object) -> bool:
        person = Person(str(name), str(name), str(name), "", (str(name),))
        return bool(self._exactly(person, "") or self._named(person, ""))

    def find(self, person: Person, platform: str) -> tuple[list[str], bool]:
        if team := self._group(person.team):
            return team, True
        exact = self._exactly(person, platform)
        found = exact or self._named(person, platform)
        if len(found) == 1:
            return [self._id(found[0])], bool(exact)
        shown = person.name or person.student
        if found:
            either = " or ".join(repr(row["id"]) for row in found)
            raise Refused(f"is {shown!r} {either}? Say it in the roster: a column {platform.lower() or 'login'!r}")
        if group := self._group(person.name):
            return group, True
        number = f" with the number {person.number}" if person.number else ""
        raise Refused(f"{shown!r} is not on the roster{number}{self._nearest(person)}")

    def _group(self, name: str) -> list[str]:
        return [self._id(row) for row in self.rows if bare(name) and bare(row.get("group", "")) == bare(name)]

    def _id(self, row: dict[str, str]) -> str:
        return self.ids.get(row["id"], row["id"])

    def _exactly(self, person: Person, platform: str) -> list[dict[str, str]]:
        own = platform.lower()
        logins = {login.casefold() for login in person.logins if login}

        def fits(row: dict[str, str]) -> bool:
            said = {row.get(column, "").casefold() for column in ("id", "email", "e-mail", "login", own)}
            return bool(logins & said) or bool(own and person.number and person.number == row.get(own))

        return [row for row in self.rows if fits(row)]

    def _named(self, person: Person, platform: str) -> list[dict[str, str]]:
        """Whose name it is, but for rows with another number: somebody else may call themselves so."""
        wanted = spellings(person.name)
        rows = [row for spelt, row in self.spelt if wanted & spelt]
        numbers = [row.get(platform.lower(), "") for row in rows]
        return [row for row, no in zip(rows, numbers, strict=True) if not person.number or not no.isdigit()]

    def _nearest(self, person: Person) -> str:
        by_name = {bare(text): row for row in self.rows for text in (row.get("name", ""), row["id"]) if bare(text)}
        near = difflib.get_close_matches(bare(person.name or person.student), by_name, 1, 0.5)
        row = by_name[near[0]] if near else {}
        return f"; nearest is {row.get('name') or row['id']!r} ({row['id']})" if row else ""

    def doubts(self, students: Iterable[str]) -> list[tuple[str, str]]:
        return []

    def everybody(self) -> list[str]:
        return [self._id(row) for row in self.rows]
