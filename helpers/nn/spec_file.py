"""Reading a small JSON file that a person wrote, so that every mistake in it becomes a sentence."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from helpers.errors import CourseError

LARGEST_FILE = 1_000_000


def read_json(path: str | Path) -> Any:
    """What the file holds. CourseError for a file that can't be read, is no UTF-8 or no JSON (with line and column),
    repeats a key, or has more than a million bytes.
    """
    name = Path(path).name or str(path)
    try:
        with open(path, "rb") as file:
            content = file.read(LARGEST_FILE + 1)
    except (OSError, ValueError) as error:
        why = getattr(error, "strerror", None) or "no file can have this name"
        raise CourseError(f"{str(path)!r} can't be read ({why}); give the path of a JSON file.") from None
    if len(content) > LARGEST_FILE:
        raise CourseError(f"{name}: the file has more than {LARGEST_FILE:,} bytes; give a small JSON file.")
    try:
        text = content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise CourseError(f"{name}: byte {error.start} is not UTF-8; save the file as UTF-8 text.") from None
    try:
        return parse(text)
    except CourseError as error:
        raise CourseError(f"{name}: {error}") from None


def parse(text: str) -> Any:
    """What a JSON text holds. CourseError as of `read_json`; NaN and Infinity, which JSON lacks, are refused."""
    try:
        return json.loads(text, parse_constant=_refuse, object_pairs_hook=_once)
    except json.JSONDecodeError as error:
        raise CourseError(
            f"line {error.lineno}, column {error.colno}: this is not JSON ({error.msg}); look for a missing or surplus "
            "comma, quote or bracket there or just before."
        ) from None
    except RecursionError:
        raise CourseError("the brackets are nested too deeply; a few levels are enough.") from None
    except CourseError:
        raise
    except ValueError:
        # Python reads no whole number of more than 4,300 digits.
        raise CourseError("a number has thousands of digits; give a shorter one.") from None


def _refuse(name: str) -> None:
    raise CourseError(f"{name} is not a JSON number; give a finite number.")


def _once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    values: dict[str, Any] = {}
    for key, value in pairs:
        if key in values:
            raise CourseError(f"the key {key[:60]!a} stands twice in one object; keep one of them.")
        values[key] = value
    return values
