"""One hand-in as a pure function: bytes in, a graded notebook or a reason out. Any executor can run it."""

from __future__ import annotations

import contextlib
import dataclasses
import functools
import gc
import json
import socket
import tempfile
import time
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import nbformat
from nbformat import NotebookNode

from helpers.errors import CourseError

from ..authoring.snapshot import Snapshot
from ..kernel.meter import PATIENCE
from ..parallel.executor import Executor, Order
from ..parallel.parcel import unwrap, wrap
from ..parallel.worker import LARGEST_ANSWER
from ..submission.best import around, best
from ..submission.reading import Ungradable
from ..text import fault, one_line, sentences, whole

if TYPE_CHECKING:
    from ..authoring.source import Assignment
    from ..reports.findings import Findings


MEMORY_MB = 2_000
"""What a worker may take for one hand-in, beyond what it holds when it is warm."""
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
        head |= {"snapshot": Snapshot.decode(head["snapshot"], snapshot), "guarded": tuple(head["guarded"])}
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


def work(task: Task) -> Result:
    """Rebuild, execute and write a hand-in. Never raises; the reason stands in the result."""
    from .workplace import Unsafe

    begun = time.monotonic()
    result = Result(task.student)
    try:
        _work(task, result)
    except Ungradable as error:
        result.reason = str(error)
    except Unsafe as error:
        result.fatal = result.reason = str(error)
    except CourseError as error:
        result.reason = str(error).rstrip(".")
        result.fatal = _no_room()
    except MemoryError:
        result.reason = f"to read it and what it puts out takes more than {MEMORY_MB:,} MB of memory"
    except Exception as error:
        result.reason = fault(error)
        result.fatal = _no_room()
    result.seconds = time.monotonic() - begun
    return result


def _no_room() -> str:
    """Why nobody could be graded now: no file can be written, though what this hand-in wrote is gone."""
    try:
        with tempfile.TemporaryFile() as file:
            file.write(bytes(100_000))
    except OSError as error:
        return (
            f"The folder for temporary files (TMPDIR, else /tmp) takes no more ({error.strerror}): make room there and "
            "grade again."
        )
    return ""


def _work(task: Task, result: Result) -> None:
    from .execute import execute
    from .scrub import scrub
    from .workplace import workplace

    notebook, result.notes, file = best(task.notebooks, task.snapshot)
    task = dataclasses.replace(task, files=around(file, task.files))
    mode = workplace.mode(task)
    result.mode = mode.name
    machine = workplace.machine(task, mode)
    done = execute(notebook, task.snapshot, machine, task.timeout, task.budget)
    result.dead, result.starved = done.dead, done.starved
    result.notes += [*done.skipped, *([done.left_out] if done.left_out else [])]
    notebook.metadata["course"] = about(mode, result.notes, done.dead, machine.words())
    scrub(notebook, task.snapshot)
    result.notebook = written(notebook)
    if task.snapshot.source is not None:
        from ..reports.findings import find

        result.findings = find(notebook, task.snapshot.source).plain()


def about(mode: Any, notes: list[str], dead: str, more: str = "") -> NotebookNode:
    """What a graded notebook says of its grading, in its metadata."""
    return NotebookNode(mode=mode.name, sandbox=mode.words + more, notes=notes, **({"dead": dead} if dead else {}))


def written(notebook: NotebookNode) -> bytes:
    """The notebook's file, a cell a line: seven times faster than nbformat, which indents."""

    def line(value: Any) -> str:
        return json.dumps(value, ensure_ascii=False, sort_keys=True)

    rest = {key: value for key, value in notebook.items() if key != "cells"}
    cells = ",\n".join(line(cell) for cell in notebook.cells)
    return whole(f'{{"cells": [\n{cells}\n],\n{line(rest)[1:]}\n').encode()


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


def work_bytes(body: bytes) -> bytes:
    """The same, from and to parcels."""
    result = work(Task.unpack(body))
    try:
        answer = result.pack()
    except Exception as error:
        answer = Result(result.student, fault(error), result.notes, mode=result.mode, seconds=result.seconds).pack()
    if len(answer) > LARGEST_ANSWER:
        words = f"what came of it is {len(answer) // 10**6} MB large, more than {LARGEST_ANSWER // 10**6}"
        answer = Result(result.student, words, mode=result.mode, seconds=result.seconds).pack()
    return answer


def warm(line: socket.socket | None = None) -> None:
    """Let the program that all kernels and judges come from start while the first hand-in is still on its way.

    `line` leads to one that several workers share; see kernel.fork_client.
    """
    from ..kernel import fork_client

    if line is not None:
        fork_client.adopt(line)
    else:
        fork_client.acquire()
    from ..judge import judge  # noqa: F401
    from ..reports import findings  # noqa: F401
    from ..reports.feedback_page.safe import code_html
    from ..sandbox.limits import limit_memory
    from . import execute, scrub, workplace  # noqa: F401

    code_html("x = 1")  # the rules of its colours are made ready

    limit_memory(MEMORY_MB)
    gc.freeze()  # modules are no garbage, and to look for some in them takes time in each hand-in
