"""What was collected: CLASSDIR/collected/NAME.json says how the archive called each student, and who was late."""

from __future__ import annotations

import json
from typing import TypedDict

from ...course import Course
from ...files import write_text


class Entry(TypedDict):
    called: str
    platform: str
    late: bool


class Record:
    """Student -> how the archive called them, for one assignment."""

    def __init__(self, course: Course, assignment: str) -> None:
        self.path = course.class_dir / "collected" / f"{assignment}.json"
        self.entries: dict[str, Entry] = {}
        try:
            said = json.loads(self.path.read_text(encoding="utf-8"))
            for student, one in said.items():
                self.add(student, str(one["called"]), str(one["platform"]), bool(one["late"]))
        except (OSError, ValueError, AttributeError, KeyError, TypeError):
            pass  # there is none yet, or none that we wrote

    def students(self) -> dict[str, str]:
        """How the archive called somebody -> the student."""
        return {entry["called"]: student for student, entry in self.entries.items()}

    def add(self, student: str, called: str, platform: str, late: bool) -> None:
        self.entries[student] = Entry(called=called, platform=platform, late=late)

    def save(self) -> None:
        write_text(json.dumps(self.entries, ensure_ascii=False, indent=1), self.path)


def late_note(course: Course, assignment: str, student: str) -> list[str]:
    """A note for a hand-in that the platform calls late without a time."""
    entry = Record(course, assignment).entries.get(student)
    late = entry is not None and entry["late"]
    return [f"{entry['platform']} marks it as LATE and does not say when it was handed in."] if entry and late else []
