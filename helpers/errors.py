"""The one kind of error that the course shows to people, what an interrupt says, and what ends a student's code that
takes too long.
"""

from __future__ import annotations

import textwrap


def one_line(name: str, text: str) -> list[str]:
    """What IPython shows in place of a traceback: the error's name and its text, wrapped."""
    first, *rest = (piece for line in f"{name}: {text}".splitlines() for piece in textwrap.wrap(line, 90))
    return [first.replace(name, f"\x1b[0;31m{name}\x1b[0m", 1), *rest]


class CourseError(ValueError):
    """Something that the reader can fix. The message is one plain sentence: what was wrong, which value, what to do.

    Command lines print it as ``error: …`` and leave with exit code 2. A notebook shows the sentence and no traceback.
    """

    def _render_traceback_(self) -> list[str]:
        return one_line(type(self).__name__, str(self))


class Stopped(KeyboardInterrupt):
    """An interrupt (the button "stop", Ctrl-C) that says what is kept and how to go on."""

    def _render_traceback_(self) -> list[str]:
        return one_line("Stopped", str(self))


class TooLong(BaseException):
    """Raised in code that has used up its time. Not an Exception, so that ``except Exception`` does not catch it."""
