"""One hand-in as a pure function: bytes in, a graded notebook or a reason out. Any executor can run it."""

from __future__ import annotations

import contextlib
import dataclasses
import functools
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import nbformat
from nbformat import NotebookNode

from ..authoring.snapshot import Snapshot
from ..kernel.meter import PATIENCE
from ..parallel.executor import Executor, Order
from ..parallel.parcel import unwrap, wrap
from ..text import fault, one_line, sentences

if TYPE_CHECKING:
    from ..authoring.source import Assignment
    from ..reports.findings import Findings


SLACK = 180.0
"""Seconds beyond the time that a submission may take on the clock: warming up on a slow machine, restarts after deaths,
writing the notebook. Only a grading process that is itself stuck takes longer."""


@dataclass(frozen=True)
class Task:
    """One hand-in. `notebook` is the bytes of `file`, `files` the data files and modules beside it (relative name ->
    bytes), `others` further notebooks among which the work may be.

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
    file: str = "the notebook"
    others: Mapping[str, bytes] = field(default_factory=dict)

    @property
    def notebooks(self) -> dict[str, bytes]:
        return {self.file: self.notebook, **self.others}

    def pack(self) -> bytes:
        head = {f.name: getattr(self, f.name) for f in dataclasses.fields(self)}
        head |= {
            "notebook": None,
            "files": list(self.files),
            "others": list(self.others),
            "limits": dict(self.limits),
            "snapshot": self.snapshot.digest,
        }
        return wrap(head, [self.notebook, self.snapshot.encoded, *self.files.values(), *self.others.values()])

    @classmethod
    def unpack(cls, body: bytes) -> Task:
        head, blobs = unwrap(body)
        notebook, snapshot, *contents = blobs
        names = [*head["files"], *head["others"]]
        held = list(zip(names, contents, strict=True))
        files, others = dict(held[: len(head["files"])]), dict(held[len(head["files"]) :])
        head |= {"notebook": notebook, "files": files, "others": others}
        of = Snapshot.from_json(snapshot.decode("utf-8", "surrogatepass"))
        head |= {"snapshot": of, "guarded": tuple(head["guarded"])}
        return cls(**head)


@dataclass
class Result:
    """What came of a task: a notebook in nbgrader's form (JSON in UTF-8), or None and the reason in words.

    `notes` are sentences on what was mended, `dead` says in which cells Python ended. `fatal` is a fault of this
    machine, not of the hand-in, for which the whole batch stops. `findings` are the notebook's, as plain data.
    `starved` says that its time ran out while a busy machine kept it waiting.
    """

    student: str
    reason: str = ""
    notes: list[str] = field(default_factory=list)
    notebook: bytes | None = None
    mode: str = ""
    seconds: float = 0.0
    dead: str = ""
    fatal: str = ""
    findings: dict[str, Any] | None = None
    starved: bool = False

    def __post_init__(self) -> None:
        self.reason, self.dead, self.notes = one_line(self.reason), one_line(self.dead), sentences(self.notes)

    def note(self, sentence: str) -> None:
        """Tell the instructor, once."""
        if sentence not in self.notes:
            self.notes.append(sentence)

    def found(self, assignment: Assignment) -> Findings:
        """What the notebook says, worked out here where nobody has yet."""
        from ..reports.findings import Findings, find

        if self.findings:
            with contextlib.suppress(TypeError, ValueError, KeyError, AttributeError):  # kept by an older version
                return Findings.of(self.findings)
        return find(self.graded, assignment)

    @functools.cached_property
    def graded(self) -> NotebookNode:
        """The notebook, where there is one, read once; it was found valid when it was written."""
        assert self.notebook is not None
        return nbformat.v4.reads(self.notebook.decode("utf-8"))

    def pack(self) -> bytes:
        head = {f.name: getattr(self, f.name) for f in dataclasses.fields(self)}
        head |= {"notebook": self.notebook is not None}
        return wrap(head, [self.notebook or b""])

    @classmethod
    def unpack(cls, body: bytes) -> Result:
        head, (notebook,) = unwrap(body)
        return cls(**head | {"notebook": notebook if head["notebook"] else None})


def order(task: Task) -> Order:
    """A task as an executor takes it."""
    return Order(task.student, task.pack(), 1.2 * PATIENCE * task.budget + SLACK)  # 1.2: execute.ALL


def results(executor: Executor, orders: Iterable[Order]) -> Iterator[Result]:
    """Results as they come; orders are taken only as they are needed. One whose answer can't be read has a reason."""
    for answer in executor.run(orders):
        if answer.body is None:
            yield Result(answer.key, reason=answer.why)
            continue
        try:
            found = Result.unpack(answer.body)
            if found.student != answer.key:
                raise ValueError(f"the answer is about {found.student!r}")
        except Exception as error:
            found = Result(answer.key, reason=fault(error))
        yield found
