"""When hand-ins are due: CLASSDIR/dates.toml, in the instructor's own time, for nbgrader's gradebook."""

from __future__ import annotations

import math
import tomllib
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, time, tzinfo
from typing import Any
from zoneinfo import ZoneInfo

from helpers.errors import CourseError

from .course import Course

FILE = "dates.toml"
DAY = 24 * 3600


@dataclass(frozen=True)
class Dates:
    """All in UTC. `due`: assignment -> date; `more_time`: assignment -> student -> date. `penalty` is the part of the
    points that each day begun costs, None where nbgrader's own setting decides."""

    due: dict[str, datetime] = field(default_factory=dict)
    more_time: dict[str, dict[str, datetime]] = field(default_factory=dict)
    penalty: float | None = None


def read(course: Course) -> Dates:
    """What dates.toml says, nothing where there is none; CourseError with a sentence for what is wrong in it."""
    path = course.class_dir / FILE
    try:
        plain = tomllib.loads(path.read_text(encoding="utf-8-sig"))
    except FileNotFoundError:
        return Dates()
    except (OSError, ValueError) as error:
        raise CourseError(f"{path} can't be read: {error}.") from None
    zone, penalty = _zone(plain.pop("timezone", None)), plain.pop("penalty", None)
    if penalty is not None and not (type(penalty) in (int, float) and 0 <= penalty <= 1):
        raise CourseError(f"{FILE}: penalty must be a part of the points from 0 to 1 for each day, not {penalty!r}.")
    due, more_time = {}, {}
    for name, section in plain.items():
        if not isinstance(section, dict) or name not in course.assignments():
            known = ", ".join(course.assignments())
            raise CourseError(f"{FILE}: {name!r} is neither timezone nor penalty nor an assignment ({known}).")
        if set(section) - {"due", "more_time"} or "due" not in section:
            found = ", ".join(section) or "nothing"
            raise CourseError(f"{FILE}: [{name}] needs due, and may have more_time; there is {found}.")
        due[name] = _utc(section["due"], zone, f"due of [{name}]")
        given = section.get("more_time", {})
        if not isinstance(given, dict):
            raise CourseError(f"{FILE}: more_time of [{name}] needs a line STUDENT = DATE for each student.")
        more_time[name] = {student: _utc(when, zone, f"more_time of {student!r}") for student, when in given.items()}
    return Dates(due, more_time, penalty)


def _zone(name: Any) -> tzinfo | None:
    if name is None:
        return None
    try:
        return ZoneInfo(name)
    except (OSError, ValueError, LookupError, TypeError, AttributeError):
        raise CourseError(f"{FILE}: {name!r} is no time zone; write one like \"Europe/Berlin\".") from None


def _utc(when: Any, zone: tzinfo | None, what: str) -> datetime:
    """Without a zone of its own: in that of the file, else in this machine's. A day alone lasts until it ends."""
    if isinstance(when, date) and not isinstance(when, datetime):
        when = datetime.combine(when, time(23, 59, 59))
    if not isinstance(when, datetime):
        raise CourseError(f"{FILE}: {what} must be a date like 2026-11-30 23:59:00, without quotes, not {when!r}.")
    return utc(when, zone).replace(tzinfo=None)


def utc(when: datetime, zone: tzinfo | None) -> datetime:
    """A time in UTC; without a zone of its own it is in `zone`, or in this machine's."""
    return (when.replace(tzinfo=zone) if zone and not when.tzinfo else when).astimezone(UTC)


def bring(gradebook: Any, dates: Dates, name: str, submissions: Iterable[Any]) -> None:
    """Make these the dates of the gradebook, which keeps its own where the file does not name the assignment."""
    if name not in dates.due:
        return
    assignment = gradebook.find_assignment(name)
    due = dates.due[name]
    if assignment.duedate != due:
        assignment.duedate = due
    for submission in submissions:
        when = dates.more_time[name].get(submission.student_id)
        extension = None if when is None else when - due
        if submission.extension != extension:
            submission.extension = extension


def strangers(dates: Dates, name: str, students: Iterable[str]) -> list[str]:
    """A sentence for who has more time and has handed in nothing: most likely a name that is misspelt."""
    unknown = sorted(dates.more_time.get(name, {}).keys() - {*students})
    return [f"{FILE} gives {student!r} more time, who has not handed in {name}." for student in unknown]


def penalty(dates: Dates, score: float, seconds: float) -> float | None:
    """Points that being so late costs, None where dates.toml says nothing of it."""
    if dates.penalty is None:
        return None
    return min(score, score * dates.penalty * math.ceil(seconds / DAY))


def in_words(seconds: float) -> str:
    """Like "2 d 3 h"; what is less than an hour is told in minutes, at least one."""
    minutes = max(1, math.ceil(seconds / 60))
    days, hours = divmod(minutes // 60, 24)
    return f"{days} d {hours} h" if days else f"{hours} h" if hours else f"{minutes} min"
