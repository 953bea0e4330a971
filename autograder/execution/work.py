"""Work on one hand-in, in a process of an executor: bytes in, bytes out, whatever happens in between."""

from __future__ import annotations

import dataclasses
import json
import socket
import tempfile
import time
from typing import Any

from nbformat import NotebookNode

from helpers.errors import CourseError

from ..kernel import fork_client
from ..parallel.worker import LARGEST_ANSWER
from ..submission.best_notebook import around, best
from ..submission.reading import Ungradable
from ..submission.saved_figures import put_beside, saved
from ..text import fault, whole
from .task import Result, Task

MEMORY_MB = 2_000
"""What a worker may take for one hand-in, beyond what it holds when it is warm."""


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
    from .carried_forward import carry_forward
    from .execute import execute
    from .scrub import scrub
    from .workplace import workplace

    notebook, result.notes, file = best(task.notebooks, task.snapshot)
    task = dataclasses.replace(task, files=around(file, task.files))
    mode = workplace.mode(task)
    result.mode = mode.name
    machine = workplace.machine(task, mode)
    figures = saved(notebook)
    done = execute(notebook, task.snapshot, machine, task.timeout, task.budget)
    result.dead, result.starved = done.dead, done.starved
    result.notes += [*done.skipped, *([done.left_out] if done.left_out else [])]
    result.notes += carry_forward(notebook, task.snapshot, machine, task.timeout, task.budget)
    put_beside(notebook, figures, task.snapshot)
    notebook.metadata["course"] = about(mode, result.notes, done.dead, machine.words())
    scrub(notebook, task.snapshot)
    result.notebook = whole(json.dumps(notebook, ensure_ascii=False, sort_keys=True) + "\n").encode()
    if task.snapshot.source is not None:
        from ..reports.findings import find

        result.findings = find(notebook, task.snapshot.source).plain()


def about(mode: Any, notes: list[str], dead: str, more: str = "") -> NotebookNode:
    """What a graded notebook says of its grading, in its metadata."""
    return NotebookNode(mode=mode.name, sandbox=mode.words + more, notes=notes, **({"dead": dead} if dead else {}))


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
    if line is not None:
        fork_client.adopt(line)
    else:
        fork_client.acquire()
    from ..judge import judge  # noqa: F401
    from ..reports import findings  # noqa: F401
    from ..sandbox.limits import limit_memory
    from . import execute, scrub, workplace  # noqa: F401

    limit_memory(MEMORY_MB)
