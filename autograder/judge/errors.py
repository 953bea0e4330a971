"""Errors as plain data: the name of a builtin type, a text of limited length, and where the student's code failed."""

from __future__ import annotations

import builtins
import functools
import linecache
import os
import sysconfig
import traceback
from pathlib import Path
from typing import Any

import helpers
from helpers.errors import CourseError, TooLong

from ..kernel.wire import WireError
from ..text import whole

TEXT, FRAMES, LINE = 4_000, 20, 400

LIBRARIES = tuple(
    os.path.abspath(folder) + os.sep
    for folder in (Path(helpers.__file__).parent, Path(__file__).parents[1], sysconfig.get_paths()["stdlib"])
)
"""Lines from here are not the student's: the course's own packages, and Python's."""

KNOWN: dict[str, type[BaseException]] = {
    name: cls
    for name, cls in vars(builtins).items()
    if isinstance(cls, type) and issubclass(cls, Exception) and not issubclass(cls, ExceptionGroup | Warning)
} | {"SystemExit": SystemExit, "CourseError": CourseError}


class StudentGone(BaseException):
    """The student's process can't be reached any more. Checks must not catch this, so it is not an Exception."""

    def _render_traceback_(self) -> list[str]:
        return [f"KernelDied: {self}"]


StudentGone.__name__ = StudentGone.__qualname__ = "KernelDied"


def as_error(error: BaseException, places: bool) -> dict[str, Any]:
    """What the other side may know of an error; `places`: also the lines of code on its way."""
    name = type(error).__name__
    base = next((cls.__name__ for cls in type(error).__mro__ if KNOWN.get(cls.__name__) is cls), "RuntimeError")
    try:
        text = str(error)
    except BaseException:
        text = ""
    code = error.code if isinstance(error, SystemExit) else None
    return {
        "name": name[:100],
        "base": base,
        "text": text[:TEXT],
        "late": isinstance(error, TooLong),
        "code": code if isinstance(code, int | str) and not isinstance(code, bool) and len(str(code)) < 100 else None,
        "frames": _frames(error) if places else [],
    }


def _frames(error: BaseException) -> list[list[Any]]:
    """The student's own lines on the way of the error, the deepest one last."""
    found: list[list[Any]] = []
    for frame, number in traceback.walk_tb(error.__traceback__):
        code = frame.f_code
        if os.path.abspath(code.co_filename).startswith(LIBRARIES) or "site-packages" in code.co_filename:
            continue
        line = linecache.getline(code.co_filename, number, frame.f_globals).strip()
        found.append([code.co_name[:100], number, line[:LINE]])
    return found[-FRAMES:]


def from_error(told: Any) -> BaseException:
    """The error to raise here: of a type alike, with its text; `course_frames` has (name, line number, line)."""
    if not isinstance(told, dict):
        raise WireError("an error that is none")
    name, base, text, code = told.get("name"), told.get("base"), told.get("text"), told.get("code")
    if not isinstance(name, str) or base not in KNOWN or not isinstance(text, str) or len(text) > TEXT:
        raise WireError("an error of an unknown kind")
    error: BaseException = TooLong()
    if told.get("late") is not True:
        error = _class(name[:100] if name.isidentifier() else base, base)(whole(text))
    if isinstance(error, SystemExit):
        error.code = code if isinstance(code, int | str) else None
    error.course_frames = list(map(_frame, told.get("frames", [])))[-FRAMES:]  # type: ignore[attr-defined]
    return error


def _frame(told: Any) -> tuple[str, int, str]:
    if not isinstance(told, list) or [type(part) for part in told] != [str, int, str]:
        raise WireError("a place that is none")
    name, number, line = told
    return whole(name[:100]), number, whole(line[:LINE])


@functools.lru_cache(256)
def _class(name: str, base: str) -> type[BaseException]:
    """A class that is called as the student's, prints its text as it is, and is the builtin one to every `except`."""

    def __init__(self: BaseException, text: str) -> None:
        BaseException.__init__(self, text)
        self.text = text  # type: ignore[attr-defined]

    def __str__(self: BaseException) -> str:
        return self.text  # type: ignore[attr-defined,no-any-return]

    return type(name, (KNOWN[base],), {"__init__": __init__, "__str__": __str__, "__module__": "builtins"})
