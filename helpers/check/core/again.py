"""What a check that has failed tries once more, with the student's code changed a little: see `report`."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from typing import Any

changed: dict[str, str] = {}
"""Lists, dictionaries and sets that a student's functions keep between calls, in defaults, modules and closures, and
that a probe saw changed in a call -> the name of that function."""
around: list[tuple[str, tuple[Any, ...]]] = []
"""The probe, with its own arguments, that each probe is run by."""
asked: list[Any] = []
"""The things that were asked of last."""


@contextlib.contextmanager
def run_by(probe: str, *arguments: Any) -> Iterator[None]:
    """Within this block each probe is run by this one, "module:name": `probe(seen, name of the other, *arguments,
    *things)`."""
    around.append((probe, arguments))
    try:
        yield
    finally:
        around.pop()
