"""What the checks of multiple choice say to an answer.
Students have the sealed file, instructors the right answers that it is made of.

The place of a verdict in the file, and the key to its text, are made of the question and the answer, so that it is read
by giving the answer, and no text of the file tells a right one. Whoever tries all answers finds it, as with the check
itself.
"""

from __future__ import annotations

import functools
import hashlib
import json
from base64 import b85decode, b85encode
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from helpers.errors import CourseError

FOLDER = Path(__file__).parents[1] / "right_answers"
SEALED = Path(__file__).parents[1] / "sealed_answers"
CLOSED = "The right answers are closed while a hand-in is graded; the assignment's own test below this cell knows them."


def questions(name: str, group: str) -> list[str]:
    """The questions of a group in sealed_answers/NAME.json, in their order.
    CourseError in a student's process in grading."""
    return list(_sealed(name)["questions"][group])


def verdict(name: str, group: str, question: str, *answer: Any) -> dict[str, str]:
    """What there is to say to an answer, with "mistake" and "hint" where it is wrong.
    KeyError for what is no answer."""
    place, key = _place_and_key(group, question, answer)
    return dict(json.loads(_mixed(b85decode(_sealed(name)["verdicts"][place]), key)))


def accepted(name: str, group: str, question: str, *answer: Any) -> bool:
    """Whether this answer, with a place that shows it, is one of those that are accepted."""
    return _place_and_key(group, question, answer)[0] in _sealed(name)["verdicts"]


@functools.cache
def right_answers(name: str) -> dict[str, Any]:
    """The contents of right_answers/NAME.json.
    CourseError where they are closed or, as for students, not there at all."""
    return _read(FOLDER / f"{name}.json")


@functools.cache
def _sealed(name: str) -> dict[str, Any]:
    return _read(SEALED / f"{name}.json")


def _read(path: Path) -> dict[str, Any]:
    try:
        return dict(json.loads(path.read_text(encoding="utf-8")))
    except OSError:
        raise CourseError(CLOSED) from None


def sealed(right: dict[str, Any]) -> str:
    """The text of the sealed file of such right answers."""
    verdicts = {
        _place_and_key(*asked): json.dumps(value, ensure_ascii=False).encode() for asked, value in _verdicts(right)
    }
    longest = max(map(len, verdicts.values()))  # as long as each other: a right answer has less to say
    told = {place: b85encode(_mixed(text.ljust(longest), key)).decode() for (place, key), text in verdicts.items()}
    content = {
        "questions": {group: list(table) for group, table in right.items()},
        "verdicts": dict(sorted(told.items())),
    }
    return json.dumps(content, indent=1, ensure_ascii=False) + "\n"


def seal() -> None:
    """Write the sealed files anew, after a change of right answers."""
    for plain in sorted(FOLDER.glob("*.json")):
        (SEALED / plain.name).write_text(sealed(_read(plain)), encoding="utf-8")


def _verdicts(right: dict[str, Any]) -> Iterator[tuple[tuple[str, str, tuple[Any, ...]], dict[str, str]]]:
    """((group, question, answer), what is said to it) of statements, of choices,
    and of choices with a place in the paper."""
    for group, table in right.items():
        for question, about in table.items():
            if "supported" in about:
                wrong = {"mistake": about["mistake"], "hint": about["hint"]}
                for chosen in (True, False):
                    yield (group, question, (chosen,)), {} if chosen == about["supported"] else wrong
                continue
            yield (group, question, (about["right"],)), {"where": about["where"]} if "where" in about else {}
            for answer, wrong in about["wrong"].items():
                yield (group, question, (answer,)), wrong
            for answer, place in [*((about["right"], p) for p in about.get("places", ())), *about.get("also", ())]:
                yield (group, question, (answer, *place)), {}


def _place_and_key(group: str, question: str, answer: tuple[Any, ...]) -> tuple[str, bytes]:
    key = hashlib.sha256(json.dumps([group, question, *answer]).encode()).digest()
    return hashlib.sha256(key).hexdigest()[:20], key


def _mixed(text: bytes, key: bytes) -> bytes:
    stream = hashlib.shake_256(key).digest(len(text))
    return bytes(a ^ b for a, b in zip(text, stream, strict=True))
