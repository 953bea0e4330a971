"""What a student's functions keep between calls: lists, dictionaries and sets in defaults, modules and closures."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator, Sequence

changed: dict[str, str] = {}
"""What was kept and was changed in a call, in the probes since this was last emptied -> the name of that function."""
forgotten: list[str] = []


@contextlib.contextmanager
def forgetting(names: Sequence[str]) -> Iterator[None]:
    """Within this block the student's functions find what they keep under these names empty in each call."""
    before = list(forgotten)
    forgotten[:] = names
    try:
        yield
    finally:
        forgotten[:] = before
