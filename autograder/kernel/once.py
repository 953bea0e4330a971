"""What IPython does twice or at length with the text of each cell, done once and quickly, with the same result."""

from __future__ import annotations  # as where IPython compiles a cell to look for `await`

import inspect
import re
from ast import PyCF_ALLOW_TOP_LEVEL_AWAIT
from collections.abc import Callable

from IPython.core.inputtransformer2 import TransformerManager

SPECIAL = re.compile(r"^[^\S\n]*[!%,;/]|=[\s\\]*[%!]|\?", re.MULTILINE)
"""Where a text might hold a magic, a shell command or a question for help. Only if it does are its tokens read."""


class Once:
    """What is known of one cell's text.

    ``written``: how much the streams have been given so far. ``foreseen``: the text and what IPython makes of it, which
    has no ``await``, where that is known already.

    If something was written on the way (a warning of the compiler's), it is done again when asked again: IPython would.
    """

    def __init__(self, written: Callable[[], int], foreseen: tuple[str, str] | None = None) -> None:
        self._written, self._at_first = written, written()
        self._foreseen = foreseen
        self._transformed: tuple[str, str] | None = None
        self._flags: tuple[str, int, bool] | None = None

    @property
    def spoke(self) -> bool:
        """Whether anything was written since this was made."""
        return self._written() != self._at_first

    def transform(self, text: str, work: Callable[[str], str]) -> str:
        """``work(text)``, kept for the one time that it is asked for again."""
        if self._foreseen is not None and self._foreseen[0] == text:
            return self._foreseen[1]
        known, self._transformed = self._transformed, None
        if known is not None and known[0] == text:
            return known[1]
        before = self._written()
        found = work(text)
        if self._written() == before:
            self._transformed = text, found
        return found

    def compiles(self, text: str) -> bool:
        """Whether Python can read it; this counts as the first time that ``awaits`` is asked."""
        try:
            flags, quiet = self._compile(text)
        except Exception:
            return False
        self._flags = text, flags, quiet
        return flags >= 0

    def awaits(self, text: str) -> bool:
        """Whether it has an ``await`` outside functions, as IPython's ``_should_be_async`` finds out."""
        if self._foreseen is not None and self._foreseen[1] == text:
            return False
        if self._flags is None or self._flags[0] != text:
            flags, quiet = self._compile(text)
            self._flags = (text, flags, quiet) if quiet else None
        else:
            _, flags, quiet = self._flags
            if not quiet:
                self._flags = None
        return flags > 0 and flags & inspect.CO_COROUTINE != 0

    def _compile(self, text: str) -> tuple[int, bool]:
        before = self._written()
        try:
            flags = compile(text, "<>", "exec", flags=PyCF_ALLOW_TOP_LEVEL_AWAIT).co_flags
        except (SyntaxError, ValueError, MemoryError):
            flags = -1
        return flags, self._written() == before


class QuickTransformer(TransformerManager):
    """IPython's, but that it doesn't look for what can't be there. ``once``: that of the cell."""

    once: Once | None = None

    def do_token_transforms(self, lines: list[str]) -> list[str]:
        text = "".join(lines)
        if self.once is not None and not SPECIAL.search(text) and self.once.compiles(text):
            return lines
        return super().do_token_transforms(lines)
