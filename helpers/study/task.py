"""What a run of a study is, so that it can be sent to another process, kept in a file, and found there again."""

from __future__ import annotations

import hashlib
import inspect
import json
from collections.abc import Callable
from dataclasses import asdict
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np

import helpers
from helpers.train import History

# A kept run is used again only if none of these has changed since, for they decide what comes out.
ROOMS = ("backend.py", "data", "nn", "primitives", "train", "zoo")


class Task:
    """The base of frozen dataclasses of plain values that say all that a result depends on.

    label names it for people; epochs counts the calls of on_epoch; cost is about the images seen, for sharing out.
    """

    label: str
    seed: int
    epochs: int

    @property
    def cost(self) -> float:
        raise NotImplementedError

    def perform(self, on_epoch: Callable[[Any], None] | None = None) -> Any:
        """Do it; the result depends on this record alone."""
        raise NotImplementedError

    def pack(self, result: Any) -> dict[str, Any]:
        """The result as plain values."""
        return vars(result)

    def unpack(self, values: dict[str, Any]) -> Any:
        """The result from what `pack` returned."""
        return History(**values)

    def record(self) -> dict[str, Any]:
        """All that the result depends on, the code and numpy among it, as JSON would give it back."""
        kind = type(self)
        values = {
            "kind": kind.__name__,
            **asdict(self),  # type: ignore[call-overload]
            "code": _code(inspect.getfile(kind)),
            "numpy": np.__version__,
        }
        return json.loads(json.dumps(values))


@cache
def _code(module: str) -> str:
    """A fingerprint of the code that trains, and of the module that defines the run."""
    found = hashlib.sha256(Path(module).read_bytes())
    for room in ROOMS:
        place = Path(helpers.__file__).parent / room
        for path in sorted(place.rglob("*.py")) if place.is_dir() else [place]:
            found.update(path.read_bytes())
    return found.hexdigest()[:16]
