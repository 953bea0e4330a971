"""One line of text that tells how far something is, where somebody watches, and what came out at its end.

In a notebook it is a plain display that is updated, which a saved notebook keeps as that one line; in a terminal it is
rewritten on standard error; in a file, a pipe, or while a hand-in is graded, nothing is written.
"""

from __future__ import annotations

import contextlib
import shutil
import sys
import time
from collections.abc import Callable, Iterable, Iterator, Sized
from typing import Any, TypeVar

Item = TypeVar("Item")

EVERY = 0.25
"""Seconds between two updates of the line."""

_shown: list[Progress] = []
"""Those whose line is on the screen, the outermost first."""
_quiet = 0


class Progress:
    """`with Progress(30, "epoch", "rate 0.1") as line:`, and `line.advance()` thirty times.

    total, unit: how many of what; label: stands in front; done: of an earlier run; shown: False for no line at all;
    after: show the line only once it is clear that all will take longer than so many seconds. Within another one there
    is no second line: its words stand behind the other's.
    """

    def __init__(
        self, total: int, unit: str, label: str = "", *, done: int = 0, shown: bool = True, after: float = 0.0
    ) -> None:
        self.total, self.unit, self.label, self.done, self.after = total, unit, label, done, after
        self.before, self.note, self.inner = done, "", ""
        self.on_screen = False
        """Whether its last line stands on the screen."""
        self._write = writer() if shown and not _quiet else None
        self._began = self._updated = time.monotonic()

    def __enter__(self) -> Progress:
        self._began = time.monotonic()
        if self._write is not None and not self.after:
            self._show()
        return self

    def advance(self, note: str = "") -> None:
        """One more is done; note: what to say of it behind a comma."""
        self.done, self.note, self.inner = self.done + 1, note, ""
        if self._write is None:
            return
        if self not in _shown:
            if self._seconds() * self.total >= self.after * (self.done - self.before):
                self._show()
        elif time.monotonic() - self._updated >= EVERY:
            self._update()

    def __exit__(self, kind: type[BaseException] | None, *_: object) -> None:
        if self not in _shown:
            return
        outer = self._outer()
        _shown.remove(self)
        if outer is not None:
            outer.inner = ""
        elif self._write is not None:
            self._write(self._said(self.last(kind)), True)
            self.on_screen = True

    def last(self, kind: type[BaseException] | None = None) -> str:
        """What stays: how long it took, or where it ended early and why. kind: of the exception that ended it."""
        took, note = duration(self._seconds()), f", {self.note}" if self.note else ""
        if kind is None and self.done >= self.total:
            return f"{counted(self.done, self.unit)}, {took}{note}"
        why = "ended by an error" if kind is not None and issubclass(kind, Exception) else "stopped"
        return f"{why} after {self.done:,} of {counted(self.total, self.unit)}, {took}{note}"

    def _show(self) -> None:
        _shown.append(self)
        self._update()

    def _update(self) -> None:
        self._updated = time.monotonic()
        outer = self._outer()
        if outer is not None:
            outer.inner = self._said(f"{self.done:,} of {counted(self.total, self.unit)}")
            outer._update()
        elif self._write is not None:
            self._write(self._said(self._now()), False)

    def _now(self) -> str:
        passed, done = self._seconds(), self.done - self.before
        left = f", about {duration(passed / done * (self.total - self.done))} left" if 0 < done < self.total else ""
        rest = "".join(f", {words}" for words in (self.note, self.inner) if words)
        return f"{self.done:,} of {counted(self.total, self.unit)}, {duration(passed)}{left}{rest}"

    def _said(self, words: str) -> str:
        return f"{self.label}: {words}" if self.label else words

    def _seconds(self) -> float:
        return time.monotonic() - self._began

    def _outer(self) -> Progress | None:
        at = _shown.index(self)
        return _shown[at - 1] if at else None


def track(items: Iterable[Item], unit: str, label: str = "") -> Iterator[Item]:
    """The items, one after the other, with a line that says how many are done: `for layer in track(layers, "layer")`.

    items: with a length, as a list, a dictionary or a range has.
    """
    if not isinstance(items, Sized):
        items = list(items)
    with Progress(len(items), unit, label) as line:
        for item in items:
            yield item
            line.advance()


@contextlib.contextmanager
def silence() -> Iterator[None]:
    """No new line of progress within."""
    global _quiet
    _quiet += 1
    try:
        yield
    finally:
        _quiet -= 1


def counted(number: int, unit: str) -> str:
    """ "1 epoch", "30 epochs", "60,000 images"."""
    return f"{number:,} {unit}{'s' * (number != 1)}"


def duration(seconds: float) -> str:
    """ "0.4 s", "47 s", "2 min 20 s"."""
    if seconds < 9.95:
        return f"{seconds:.1f} s"
    minutes, rest = divmod(round(seconds), 60)
    return f"{minutes} min {rest} s" if minutes >= 2 else f"{round(seconds)} s"


def in_notebook() -> bool:
    """Whether this is the kernel of a notebook, JupyterLab's or another's. What grades hand-ins is none."""
    ipython = sys.modules.get("IPython")
    return ipython is not None and getattr(ipython.get_ipython(), "kernel", None) is not None


def running_cell() -> int | None:
    """The number of the notebook's cell that is running, None where there is no notebook."""
    return sys.modules["IPython"].get_ipython().execution_count if in_notebook() else None


def writer() -> Callable[[str, bool], None] | None:
    """(text, whether it is the last one) -> the line on the screen is this text. None where nobody watches."""
    if in_notebook():
        return _display()
    if sys.stderr is not None and sys.stderr.isatty():
        return _terminal(sys.stderr)
    return None


def _display() -> Callable[[str, bool], None]:
    from IPython.display import display

    handle: Any = None

    def write(text: str, last: bool) -> None:
        nonlocal handle
        data = {"text/plain": text}
        if handle is None:
            handle = display(data, raw=True, display_id=True)
        else:
            handle.update(data, raw=True)

    return write


def _terminal(stream: Any) -> Callable[[str, bool], None]:
    width = 0

    def write(text: str, last: bool) -> None:
        nonlocal width
        text = text[: shutil.get_terminal_size().columns - 1]
        stream.write("\r" + text.ljust(width) + "\n" * last)
        stream.flush()
        width = len(text)

    return write
