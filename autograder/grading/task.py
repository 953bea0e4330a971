"""One hand-in as a pure function: bytes in, a graded notebook or a reason out. Any executor can run it."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import Any

from ..parallel.parcel import unwrap, wrap
from .snapshot import Snapshot


@dataclass(frozen=True)
class Task:
    """One hand-in. `notebook` is the file's bytes, `files` the data files that lie beside it (relative name -> bytes).

    `limits` are the fields of sandbox.Limits, `mode` the sandbox that is wanted ("" for the strongest here), `timeout`
    and `budget` seconds for one cell and for the submission. `batch` names the run: a process proves its sandbox once a
    batch, against `guarded`, the paths that no student's code may see.
    """

    student: str
    notebook: bytes
    snapshot: Snapshot
    files: Mapping[str, bytes] = field(default_factory=dict)
    limits: Mapping[str, Any] = field(default_factory=dict)
    mode: str = ""
    timeout: int = 60
    budget: int = 300
    unsafe: bool = False
    batch: str = ""
    guarded: tuple[str, ...] = ()

    def pack(self) -> bytes:
        head = {f.name: getattr(self, f.name) for f in dataclasses.fields(self)}
        head |= {
            "notebook": None,
            "files": list(self.files),
            "limits": dict(self.limits),
            "snapshot": self.snapshot.digest,
        }
        return wrap(head, [self.notebook, self.snapshot.encoded, *self.files.values()])

    @classmethod
    def unpack(cls, body: bytes) -> Task:
        head, blobs = unwrap(body)
        notebook, snapshot, *contents = blobs
        head |= {"notebook": notebook, "files": dict(zip(head["files"], contents, strict=True))}
        head |= {"snapshot": Snapshot.decode(head["snapshot"], snapshot), "guarded": tuple(head["guarded"])}
        return cls(**head)


@dataclass
class Result:
    """What came of a task: a notebook in nbgrader's form (JSON in UTF-8), or None and the reason in words.

    `notes` are sentences for the instructor, `dead` says in which cell Python first ended. `fatal` is a fault of this
    machine, not of the hand-in, for which the whole batch stops.
    """

    student: str
    reason: str = ""
    notes: list[str] = field(default_factory=list)
    notebook: bytes | None = None
    mode: str = ""
    seconds: float = 0.0
    dead: str = ""
    fatal: str = ""

    def pack(self) -> bytes:
        head = asdict(self) | {"notebook": self.notebook is not None}
        return wrap(head, [self.notebook or b""])

    @classmethod
    def unpack(cls, body: bytes) -> Result:
        head, (notebook,) = unwrap(body)
        return cls(**head | {"notebook": notebook if head["notebook"] else None})
