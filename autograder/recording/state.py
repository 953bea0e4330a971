"""What the last run knew about each student, beside the reports, and the fingerprints that tell what changed since."""

from __future__ import annotations

import hashlib
import json
import os
import time
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

from ..course import REPOSITORY, Course
from ..files import read, write_text
from ..reports.results import Words
from ..submission.intake import MOST_DATA, walk
from ..submission.reading import LARGEST

EVERY, SHARE = 1.0, 100
PACKAGES = "authoring", "submission", "execution", "recording", "reports", "kernel", "sandbox", "judge"
CODE = (
    "autograder/*.py", *(f"autograder/{package}/**/*.py" for package in PACKAGES), "helpers/**/*.py",
    "helpers/check/**/*.json",
)  # fmt: skip


class State:
    """CLASSDIR/reports/.NAME.json: student -> reason, notes, fingerprint, the page's stamp, words."""

    def __init__(self, course: Course, name: str) -> None:
        self.course, self.name = course, name
        self.path = course.reports / f".{name}.json"
        self.saved, self.pause = time.monotonic(), EVERY
        try:
            self.data = json.loads(self.path.read_text(encoding="utf-8"))
            self.students: dict[str, dict[str, Any]] = {
                s: e for s, e in dict(self.data["students"]).items() if isinstance(e, dict)
            }
        except (OSError, ValueError, KeyError, TypeError):
            self.data, self.students = {}, {}

    def save(self) -> None:
        self.data = {**self.data, "students": dict(sorted(self.students.items()))}
        begun = time.monotonic()
        write_text(json.dumps(self.data, ensure_ascii=False) + "\n", self.path)
        self.saved = time.monotonic()
        self.pause = max(EVERY, SHARE * (self.saved - begun))

    @property
    def due(self) -> bool:
        """Whether to save again; in a class of hundreds, saving each time would take longer than grading."""
        return time.monotonic() - self.saved > self.pause

    def reason(self, student: str) -> str:
        return str(self.students.get(student, {}).get("reason", ""))

    def notes(self, student: str) -> list[str]:
        found = self.students.get(student, {}).get("notes", [])
        return [str(n) for n in found] if isinstance(found, list) else []

    def whole(self, student: str) -> bool:
        """Whether the recorded files still exist."""
        return bool(self.reason(student)) or (
            self._notebook(student).is_file() and (self.course.class_dir / "gradebook.db").is_file()
        )

    def words(self, student: str) -> Words | None:
        """What the graded notebook says, None if its file is not the one that was recorded."""
        entry = self.students.get(student, {})
        try:
            return Words.of(entry["words"]) if entry["file"] == self._stamp(student) else None
        except (KeyError, TypeError, ValueError, OSError):
            return None

    def remember(self, student: str, entry: dict[str, Any], words: Words | None) -> None:
        """What the next run has to know, of a graded notebook also its `words`. ValueError or TypeError, and nothing is
        changed, where it can't be written to a file."""
        if words is not None:
            entry = entry | {"words": words.plain(), "file": self._stamp(student)}
        json.dumps({student: entry}, ensure_ascii=False, allow_nan=False).encode("utf-8")
        self.students[student] = entry

    def note(self, student: str, sentence: str) -> None:
        notes = self.notes(student)
        self.students[student]["notes"] = notes if sentence in notes else [*notes, sentence]

    def _notebook(self, student: str) -> Path:
        return self.course.autograded / student / self.name / f"{self.name}.ipynb"

    def _stamp(self, student: str) -> list[int]:
        found = self._notebook(student).stat()
        return [found.st_mtime_ns, found.st_size]


def digest(parts: Iterable[bytes]) -> str:
    total = hashlib.sha256()
    for part in parts:
        total.update(len(part).to_bytes(8, "big") + part)
    return total.hexdigest()


def contents(folder: Path) -> Iterator[bytes]:
    """Names and bytes of a hand-in's files, in a fixed order; of those too large to be graded, and of links and pipes,
    what is known of them."""
    room = LARGEST + MOST_DATA
    files, passed_over = walk(folder)
    for file in files:
        yield os.fsencode(file.name)
        about = file.about
        if file.plain and about.st_size <= room:
            room -= about.st_size
            try:
                yield read(file.path, about.st_size)
            except OSError as error:  # told as the reason of this hand-in, or in a note
                yield f"unreadable: {error.strerror}".encode()
        else:
            yield f"{about.st_mode} {about.st_size} {about.st_mtime_ns}".encode()
    yield from (sentence.encode() for sentence in passed_over)


def source_digest(course: Course, name: str) -> str:
    folder = course.solutions / name
    own = [p for p in sorted(folder.rglob("*")) if p.is_file() and p.suffix != ".ipynb"]
    return digest(part for p in own for part in (p.name.encode(), p.read_bytes()))


def code_digest() -> str:
    """Of everything whose change can change a score: the engine's and the helpers' own code."""
    found = (path for pattern in CODE for path in sorted(REPOSITORY.glob(pattern)))
    return digest(part for path in found for part in (bytes(path.relative_to(REPOSITORY)), path.read_bytes()))
