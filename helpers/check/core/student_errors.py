"""Errors of a student's code: where in it they arose, and how they come from another process."""

from __future__ import annotations

import dis
import linecache
import os
import re
import sysconfig
import traceback
from collections.abc import Iterator, Sequence
from inspect import CO_NEWLOCALS
from pathlib import Path
from typing import Any

import helpers

LIBRARIES = tuple(
    os.path.abspath(folder) + os.sep
    for folder in (Path(helpers.__file__).parent, sysconfig.get_paths()["stdlib"])
)
"""Lines from here are not the student's: the course's own package, and Python's."""

_BASES = (
    NotImplementedError, RecursionError, NameError, TypeError, AttributeError, ValueError, RuntimeError,
    SystemExit, Exception,
)  # fmt: skip
"""What checks tell apart; every other error comes as an Exception of its name."""


class FromStudent(Exception):
    """An error that a student's code raised in its own process: its text, and where it passed through that code.

    course_frames: (function, number of the line, line), the deepest last.
    """

    course_frames: Sequence[tuple[str, int, str]] = ()
    course_text = ""
    course_operator = ""
    """The operator at which it arose, "*" or "@" or another, where that is known."""
    course_shapes: Sequence[tuple[str, tuple[int, ...]]] = ()
    """The arrays that stand in the line where it arose: (how they are written there, shape)."""
    course_kept: tuple[int, int] | None = None
    """Sizes that met: of an earlier call of the same function, and of the one that failed."""
    course_unfinished: tuple[str, bool] = ("", False)
    """Of a NotImplementedError: the function that raised it, and whether there is more in it than that line."""

    def __str__(self) -> str:
        return self.course_text


def own_frames(error: BaseException) -> Iterator[traceback.FrameSummary]:
    """Where the error passed through the student's own code, the deepest place first."""
    told = getattr(error, "course_frames", None)  # an error that came from the student's process
    if told is not None:
        yield from (
            traceback.FrameSummary("", number, name, lookup_line=False, line=line)
            for name, number, line in reversed(told)
        )
        return
    for frame in reversed(traceback.extract_tb(error.__traceback__)):
        ours = os.path.abspath(frame.filename).startswith(LIBRARIES) or "site-packages" in frame.filename
        if not ours and (frame.filename, frame.name) != ("<string>", "__init__"):  # which dataclasses generate
            yield frame


SHAPES = re.compile("shape|broadcast|matmul|align|dimension|size|index|axis|axes")
ARRAY = re.compile(r"(?<![.\w])(?:self\.)?[A-Za-z_]\w*(?![\w(])")


def shapes_there(error: BaseException) -> Sequence[tuple[str, tuple[int, ...]]]:
    """(name, shape) of up to four arrays in the student's line where an error of shapes arose."""
    told = getattr(error, "course_shapes", None)  # an error that came from the student's process
    if told is not None:
        return told
    place, frame = error.__traceback__, next(own_frames(error), None)
    if frame is None or not isinstance(error, ValueError | IndexError | RuntimeError) or not SHAPES.search(str(error)):
        return []
    while place is not None and (place.tb_frame.f_code.co_filename, place.tb_lineno) != (frame.filename, frame.lineno):
        place = place.tb_next
    names = place.tb_frame.f_locals if place else {}
    line = frame.line or linecache.getline(frame.filename, frame.lineno or 0)
    found = {}
    for name in ARRAY.findall(line):
        value = names.get(name.removeprefix("self."))
        if name.startswith("self."):
            value = vars(names.get("self", object)).get(name[5:])
        shape = getattr(value, "shape", None)
        if type(value).__module__ in ("numpy", "torch") and isinstance(shape, tuple) and shape:
            found[name] = tuple(map(int, shape))
    return list(found.items())[:4]


def in_words(error: BaseException) -> str:
    """An error's name and text on one line."""
    text = " ".join(str(error).split())
    return type(error).__name__ + (f": {text[:200].rstrip('.')}" if text else "")


def described(error: BaseException) -> dict[str, Any]:
    """An error as plain data: its name, what it counts as, its text, and the student's own lines, the deepest last."""
    frames = [
        [frame.name, frame.lineno or 0,
         (frame.line or linecache.getline(frame.filename, frame.lineno or 0)).strip()[:300]]
        for frame in own_frames(error)
    ]
    try:
        text = str(error)[:2000]
    except Exception:
        text = ""
    base = next((base.__name__ for base in _BASES if isinstance(error, base)), "Exception")
    told = {"type": type(error).__name__, "base": base, "text": text, "frames": frames[:20][::-1],
            "operator": _operator(error), "shapes": _told(error)}
    return told | ({"unfinished": _unfinished(error)} if base == "NotImplementedError" else {})


def _told(error: BaseException) -> list[list[Any]]:
    try:
        return [[name, list(shape)] for name, shape in shapes_there(error)]
    except Exception:  # a student's object may do anything when it is looked at
        return []


def _operator(error: BaseException) -> str:
    """The operator between two values at which Python was when the error arose."""
    place = error.__traceback__
    if place is None:
        return ""
    while place.tb_next is not None:
        place = place.tb_next
    instructions = dis.get_instructions(place.tb_frame.f_code)
    at = next((one for one in instructions if one.offset == place.tb_lasti), None)
    return at.argrepr if at and at.opname == "BINARY_OP" else ""


def _unfinished(error: BaseException) -> list[Any]:
    place = error.__traceback__
    if place is None:
        return ["", False]
    while place.tb_next is not None:
        place = place.tb_next
    code = place.tb_frame.f_code
    first = code.co_firstlineno if code.co_flags & CO_NEWLOCALS else 0
    others = {line for *_, line in code.co_lines() if line} - {first, place.tb_lineno}
    return [code.co_qualname.rpartition("<locals>.")[2], bool(others)]


def rebuilt(told: Any) -> FromStudent:
    """The error that `described` described. It may be forged: anything odd in it is left out."""
    told = told if isinstance(told, dict) else {}
    name, text, frames = (told.get(key) for key in ("type", "text", "frames"))
    base = next((base for base in _BASES if base.__name__ == told.get("base")), Exception)
    name = name if isinstance(name, str) and name.isidentifier() and len(name) < 80 else "Exception"
    error: FromStudent = type(name, (FromStudent,) if base is Exception else (FromStudent, base), {})()
    error.course_text = text if isinstance(text, str) else ""
    operator, kept, shapes = told.get("operator"), told.get("kept"), told.get("shapes")
    error.course_shapes = [
        (one[0][:40], tuple(one[1]))
        for one in (shapes[:4] if isinstance(shapes, list) else [])
        if isinstance(one, list) and [type(part) for part in one] == [str, list] and ARRAY.fullmatch(one[0][:40])
        and all(type(size) is int for size in one[1]) and len(one[1]) < 9
    ]
    error.course_operator = operator[:3] if isinstance(operator, str) else ""
    if isinstance(kept, list | tuple) and [type(size) for size in kept] == [int, int]:
        error.course_kept = (kept[0], kept[1])
    unfinished = told.get("unfinished")
    if isinstance(unfinished, list) and [type(part) for part in unfinished] == [str, bool]:
        error.course_unfinished = unfinished[0][:80], unfinished[1]
    lines = [frame for frame in frames if isinstance(frame, list)] if isinstance(frames, list) else []
    error.course_frames = [
        (frame[0][:80], frame[1], frame[2][:300])
        for frame in lines
        if [type(part) for part in frame] == [str, int, str]
    ]
    return error
