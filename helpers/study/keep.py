"""Finished runs in a folder, one file each, so that a study goes on where it was stopped."""

from __future__ import annotations

import hashlib
import json
import os
import re
import tempfile
from pathlib import Path
from typing import Any

from helpers.errors import CourseError
from helpers.study.task import Task


class Keep:
    """A folder of finished runs. fresh: read none of them, but do write."""

    def __init__(self, folder: str | Path, fresh: bool = False) -> None:
        self.folder, self.fresh = Path(folder), fresh

    def path(self, task: Task) -> Path:
        """Where this run lies; a run whose record differs in anything lies elsewhere."""
        name = re.sub(r"[^a-z0-9.]+", "-", task.label.lower()).strip("-")
        return self.folder / f"{name}-seed-{task.seed}-{_sum(task.record())[:12]}.json"

    def load(self, task: Task) -> Any:
        """The result of this run, or None where there is none. Says so where a file is damaged."""
        path = self.path(task)
        if self.fresh or not path.exists():
            return None
        try:
            kept = json.loads(path.read_text(encoding="utf-8"))
            if kept["run"] == task.record() and kept["sum"] == _sum([kept["run"], kept["result"]]):
                return task.unpack(kept["result"])
        except (OSError, ValueError, LookupError, TypeError):
            pass
        print(f"{path.name} is damaged; this run is repeated.")
        return None

    def save(self, task: Task, result: Any) -> None:
        """Keep a result; the file appears whole or not at all. CourseError where it can't be written."""
        run, values = task.record(), task.pack(result)
        try:
            self.folder.mkdir(parents=True, exist_ok=True)
            self._write({"run": run, "result": values, "sum": _sum([run, values])}, self.path(task))
        except OSError as error:
            raise CourseError(
                f"The run {task.label!r} can't be kept in {self.folder} ({error.strerror}); make room there, or choose "
                "another folder."
            ) from None

    def _write(self, values: dict[str, Any], path: Path) -> None:
        handle, part = tempfile.mkstemp(dir=self.folder, prefix=".part-")
        try:
            with os.fdopen(handle, "w", encoding="utf-8") as file:
                json.dump(values, file)
            os.replace(part, path)
        except BaseException:
            Path(part).unlink(missing_ok=True)
            raise


def _sum(values: Any) -> str:
    return hashlib.sha256(json.dumps(values, sort_keys=True).encode()).hexdigest()
