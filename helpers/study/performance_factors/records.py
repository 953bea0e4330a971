"""What named machines measured, marked as recorded: `recorded/*.json`, each with the command that made it."""

from __future__ import annotations

import json
from functools import cache
from pathlib import Path
from typing import Any

FOLDER = Path(__file__).parent / "recorded"


@cache
def recorded_machines() -> tuple[dict[str, Any], ...]:
    """Each machine's record: "machine", "command", "made", "versions" and its rows by name of experiment."""
    return tuple(json.loads(path.read_text(encoding="utf-8")) for path in sorted(FOLDER.glob("*.json")))


def recorded(experiment: str) -> list[dict[str, Any]]:
    """Rows of an experiment ("threads", "precision") on all machines, each with "machine" and "recorded": True."""
    return [
        {**row, "machine": record["machine"], "recorded": True}
        for record in recorded_machines()
        for row in record.get(experiment, ())
    ]
