"""Text of unknown origin, made fit to be written to a file, shown on a screen, or read on one line.

Names of students and files, texts of cells, outputs and errors all pass through here before anybody sees them.
"""

from __future__ import annotations

import html
import logging
import re
import traceback
from collections.abc import Sequence
from pathlib import PurePath
from typing import Any

ESCAPES = re.compile(r"\x1b(?:\[([0-?]*)[ -/]*([@-~])|\][^\x07\x1b]*(?:\x07|\x1b\\)?|[PX^_][^\x1b]*(?:\x1b\\)?|.)?")
CONTROL = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f]")
DISGUISE = re.compile("[\u061c\u200b\u200e\u200f\u2028-\u202e\u2060-\u206f\ufeff\ufff9-\ufffb\U000e0000-\U000e007f]")
"""Invisible characters that reorder or hide the text around them."""


def whole(value: str) -> str:
    """A string that can be written as UTF-8: two halves of a character become one, a single half becomes U+FFFD.

    Halves come from `\\ud83d` in JSON or Python source, and from names of files that are not UTF-8 (PEP 383).
    """
    return value if value.isascii() else value.encode("utf-16", "surrogatepass").decode("utf-16", "replace")


def text(value: Any) -> str:
    """A notebook's text (a string or a list of lines) as a string that can be written to a file."""
    if isinstance(value, list | tuple):
        value = "".join(part for part in value if isinstance(part, str))
    value = value if isinstance(value, str) else "" if value is None else str(value)
    return whole(value)


def visible(value: str) -> str:
    """Without control characters; invisible ones that reorder text are shown by their number."""
    value = value.replace("\r\n", "\n")
    if "\r" in value:  # a progress bar writes over its own line
        value = "\n".join(line.rstrip("\r").rpartition("\r")[2] for line in value.split("\n"))
    value = CONTROL.sub("", value)
    return value if value.isascii() else DISGUISE.sub(lambda found: f"⟨U+{ord(found[0]):04X}⟩", value)


def plain(value: Any) -> str:
    """Text without colours and control characters, not yet escaped."""
    return visible(ESCAPES.sub("", text(value)))


def lines(value: Any) -> str:
    """For a terminal or a log, where nothing may overwrite what was printed."""
    return plain(text(value).replace("\r", " "))


def with_code(value: str) -> str:
    """Escaped for HTML; what stands in backticks is code."""
    return re.sub("`([^`]+)`", r"<code>\1</code>", html.escape(value))


def one_line(value: Any, limit: int = 600) -> str:
    flat = " ".join(lines(text(value)[: 4 * limit]).split())
    return flat if len(flat) <= limit else flat[: limit - 1] + "…"


def some(values: Sequence[str], most: int = 3) -> str:
    """The first few, and how many more there are."""
    return ", ".join(values[:most]) + (f" and {len(values) - most} more" if len(values) > most else "")


class LogFilter(logging.Filter):
    """For handlers of logs whose messages quote students, such as nbgrader's."""

    def filter(self, record: logging.LogRecord) -> bool:
        record.msg, record.args = lines(record.getMessage()), None
        if record.exc_info:
            record.exc_text = lines(logging.Formatter().formatException(record.exc_info))
        return True


def sentences(values: Any, most: int = 30) -> list[str]:
    """Notes, each on one line, and how many more there were."""
    told = [one_line(value) for value in values if isinstance(value, str)] if isinstance(values, list | tuple) else []
    return [*told[:most], f"{len(told) - most} more notes are left out."] if len(told) > most + 1 else told


def fault(error: BaseException) -> str:
    """An unexpected error, as the reason of its hand-in: its type, where it arose, its message."""
    met = traceback.extract_tb(error.__traceback__)
    where = f" in line {met[-1].lineno} of {PurePath(met[-1].filename).name}" if met else ""
    return f"the grader met {type(error).__name__}{where}: {one_line(error, 200)}"
