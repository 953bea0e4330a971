"""A process that runs attacks on request: `python -m tests.attacks.serve ENGINE MODE [bare]`.

JSON lines in and out. It imports everything once and forks for each run, which saves seconds, and it has one thread,
which namespaces demand.
"""

from __future__ import annotations

import json
import os
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

from . import fence, room
from .attack import NOTHING, Attack, Places
from .bank import by_name
from .course import Secrets

PREPARING = 180


class Server:
    """One engine with its template, and runs of it."""

    def __init__(self, engine: str, mode: str, bare: bool) -> None:
        self.bare, self.known = bare, Secrets.draw(token=os.environ.get("GRADING_TOKEN", ""))
        root = Path(tempfile.mkdtemp(prefix="attacks-")) / "arena" if bare else room.PLACE
        self.places = Places(root)
        self._imports()
        used = fence.run(lambda: room.make(engine, mode, self.known, self.places), PREPARING, bare=bare)
        if used.ended != "well":
            raise SystemExit(f"The attacks could not be prepared: {used.details or used.ended}.")
        head, _, tar = used.result.partition(b"\n")
        self.template = room.Template(engine, mode, self.known, tar, json.loads(head)["released"])
        first = self.run([NOTHING], 30, 1, 120)
        if first.get("error") or "people" not in first:
            raise SystemExit(f"{engine} can't grade a hand-in without an attack: {first}")
        self.template.usual, self.template.expected = set(first["usual"]), first["honest"]
        self.template.base = first["people"][NOTHING.name]["points"]
        self.template.anyway = first["people"][NOTHING.name]["harm"]

    def _imports(self) -> None:
        """What both engines need, before anybody forks."""
        import nbgrader.converters  # noqa: F401

        import autograder.grade
        import autograder.reports.class_report  # noqa: F401

    def run(self, attacks: list[Attack], timeout: int, jobs: int, wall: float) -> dict[str, Any]:
        begun = time.monotonic()
        body = lambda: room.attempt(self.template, attacks, self.places, timeout, jobs, wall)  # noqa: E731
        linger = max((a.linger for a in attacks), default=0.0)
        used = fence.run(body, wall + linger + 30, bare=self.bare)
        try:
            found = dict(json.loads(used.result))
        except ValueError:
            found = {"people": {}, "harm": ["whoever watched was killed, too"], "error": used.details or used.ended}
        if used.out_of_memory:
            found["harm"].append(f"took all memory ({used.peak_mb:.0f} MB)")
        if used.out_of_processes:
            found["harm"].append("took all processes")
        return found | {"memory_mb": used.peak_mb, "wall": time.monotonic() - begun}


def main() -> None:
    os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")
    out = os.fdopen(os.dup(1), "w", encoding="utf-8")
    os.dup2(2, 1)  # whatever others print is not for the one who asks
    server = Server(sys.argv[1], sys.argv[2], "bare" in sys.argv[3:])
    told: dict[str, Any] = {"ready": True, "expected": server.template.expected, "base": server.template.base,
                            "anyway": server.template.anyway}  # fmt: skip
    while True:
        print(json.dumps(told), file=out, flush=True)
        line = sys.stdin.readline()
        if not line.strip():
            return
        asked = json.loads(line)
        attacks = [by_name(name) for name in asked["attacks"]]
        told = server.run(attacks, asked["timeout"], asked["jobs"], asked["wall"])


if __name__ == "__main__":
    main()
