"""What can happen to a notebook between a student's editor and us: small mutations, drawn at random and piled up."""

from __future__ import annotations

import copy
import json
from collections.abc import Callable
from random import Random
from typing import Any

Notebook = dict[str, Any]

TEXTS = (
    *("", " ", "\n\n", "x = (", "%%bash\nexit 3", "%magic", "!true", "1 / 0", "1.0", "def f(:", "x" * 5000),
    *("raise SystemExit", "import os; os._exit(7)", "for i in range(3): print(i)", "double = None", "del double"),
    *("\x00", "\ufeffx = 1", "\r\nx = 1\r\n", "'\\ud800'", "𝔘 = '\U0001f600'", "half = 5", "### BEGIN HIDDEN TESTS"),
    *("### END SOLUTION", "def double(x):\n    return 2 * x"),
)
JUNK: tuple[Any, ...] = (
    *(None, True, 0, -1, 1e308, 10**30, float("nan"), float("inf"), "", "x", "\ud83d\ude00", [], {}, [[]], {"a": None}),
    *(["x", 1, None], {"nbgrader": {"nbgrader": {}}}),
)


def junk(rng: Random, depth: int = 0) -> Any:
    """A JSON value that nobody expects."""
    if depth < 3 and rng.random() < 0.2:
        inner = [junk(rng, depth + 1) for _ in range(rng.randrange(4))]
        return (
            inner
            if rng.random() < 0.5
            else {rng.choice(("a", "nbgrader", "course", "tags", "id", "")): v for v in inner}
        )
    return copy.deepcopy(rng.choice(JUNK))


def some_cell(rng: Random, notebook: Notebook) -> Any:
    cells = notebook.get("cells")
    return rng.choice(cells) if isinstance(cells, list) and cells else {}


def delete(rng: Random, notebook: Notebook) -> None:
    cells = notebook.get("cells")
    if isinstance(cells, list) and cells:
        del cells[rng.randrange(len(cells))]


def double(rng: Random, notebook: Notebook) -> None:
    cells = notebook.get("cells")
    if isinstance(cells, list) and cells:
        cells.insert(rng.randrange(len(cells) + 1), copy.deepcopy(rng.choice(cells)))


def shuffle(rng: Random, notebook: Notebook) -> None:
    if isinstance(notebook.get("cells"), list):
        rng.shuffle(notebook["cells"])


def swap(rng: Random, notebook: Notebook) -> None:
    cells = notebook.get("cells")
    if isinstance(cells, list) and len(cells) > 1:
        a, b = rng.sample(range(len(cells)), 2)
        cells[a], cells[b] = cells[b], cells[a]


def retype(rng: Random, notebook: Notebook) -> None:
    cell = some_cell(rng, notebook)
    if isinstance(cell, dict):
        cell["cell_type"] = rng.choice(("code", "markdown", "raw", "heading", "", None, 7))


def rewrite(rng: Random, notebook: Notebook) -> None:
    cell = some_cell(rng, notebook)
    if isinstance(cell, dict):
        text = rng.choice(TEXTS)
        cell["source"] = rng.choice((text, [text], text.splitlines(keepends=True), junk(rng)))


def append(rng: Random, notebook: Notebook) -> None:
    cell = some_cell(rng, notebook)
    if isinstance(cell, dict) and isinstance(cell.get("source"), str):
        cell["source"] += "\n" + rng.choice(TEXTS)


def insert(rng: Random, notebook: Notebook) -> None:
    cells = notebook.get("cells")
    if isinstance(cells, list):
        cell = {
            "cell_type": "code",
            "metadata": {},
            "source": rng.choice(TEXTS),
            "outputs": [],
            "execution_count": None,
        }
        cells.insert(rng.randrange(len(cells) + 1), rng.choice((cell, cell, cell, junk(rng))))


def metadata(rng: Random, notebook: Notebook) -> None:
    cell = some_cell(rng, notebook)
    meta = cell.get("metadata") if isinstance(cell, dict) else None
    if not isinstance(meta, dict):
        return
    keys = ("grade", "grade_id", "locked", "points", "schema_version", "solution", "task", "checksum", "cell_type")
    nbgrader = meta.get("nbgrader")
    way = rng.randrange(5)
    if way == 0:
        meta.pop("nbgrader", None)
    elif way == 1 and isinstance(nbgrader, dict):
        nbgrader[rng.choice(keys)] = junk(rng)
    elif way == 2 and isinstance(nbgrader, dict):
        nbgrader.pop(rng.choice(keys), None)
    elif way == 3:
        other = some_cell(rng, notebook)
        theirs = other.get("metadata") if isinstance(other, dict) else None
        if isinstance(theirs, dict) and "nbgrader" in theirs:
            meta["nbgrader"] = copy.deepcopy(theirs["nbgrader"])
    else:
        meta[rng.choice(("tags", "course", "nbgrader", "collapsed", "jupyter", "editable"))] = rng.choice(
            (junk(rng), ["skip-execution", "raises-exception"])
        )


def outputs(rng: Random, notebook: Notebook) -> None:
    cell = some_cell(rng, notebook)
    if isinstance(cell, dict):
        cell["outputs"] = rng.choice(
            (junk(rng), [junk(rng)], [{"output_type": "error", "ename": "E", "evalue": "v", "traceback": junk(rng)}],
             [{"output_type": "stream", "name": "stdout", "text": junk(rng)}])
        )  # fmt: skip


def field(rng: Random, notebook: Notebook) -> None:
    """Any field of a cell or of the notebook."""
    target = rng.choice((notebook, some_cell(rng, notebook)))
    if isinstance(target, dict) and target:
        key = rng.choice(sorted(map(str, target)))
        if rng.random() < 0.5:
            target.pop(key, None)
        else:
            target[key] = junk(rng)


def ids(rng: Random, notebook: Notebook) -> None:
    cell, other = some_cell(rng, notebook), some_cell(rng, notebook)
    if isinstance(cell, dict) and isinstance(other, dict):
        cell["id"] = rng.choice((other.get("id"), "", "not a valid id!", "x" * 200, junk(rng)))


def version(rng: Random, notebook: Notebook) -> None:
    notebook["nbformat"] = rng.choice((4, 4, 4, 3, 2, 5, 99, "4", None))
    notebook["nbformat_minor"] = rng.choice((0, 1, 2, 4, 5, 6, 99, -1, "5", None))


def kernelspec(rng: Random, notebook: Notebook) -> None:
    meta = notebook.get("metadata")
    if isinstance(meta, dict):
        meta["kernelspec"] = rng.choice(
            (junk(rng), {"name": "julia-1.9", "display_name": "Julia", "language": "julia"})
        )


def attachments(rng: Random, notebook: Notebook) -> None:
    cell = some_cell(rng, notebook)
    if isinstance(cell, dict):
        cell["attachments"] = rng.choice((junk(rng), {"a.png": {"image/png": "AAAA"}}))


MUTATIONS: tuple[Callable[[Random, Notebook], None], ...] = (
    *(delete, double, shuffle, swap, retype, rewrite, append, insert, metadata, metadata, outputs, field, ids),
    *(version, kernelspec, attachments),
)

GENTLE = (double, shuffle, swap, retype, metadata, metadata, outputs, ids, kernelspec, attachments)
"""Mutations that leave each cell's text as it is."""


def damaged(rng: Random, raw: bytes) -> bytes:
    """What disks, mails and editors do to bytes."""
    way, at = rng.randrange(8), rng.randrange(len(raw) + 1)
    if way == 0:
        return raw[:at]
    if way == 1:
        return raw[:at] + bytes([rng.randrange(256)]) + raw[at + 1 :]
    if way == 2:
        return b"\xef\xbb\xbf" + raw
    if way == 3:
        return raw.decode("utf-8", "replace").encode("utf-16")
    if way == 4:
        return raw + b"\n<<<<<<< HEAD\n"
    if way == 5:
        return raw.replace(b'"cells"', b'"cells": ' + b"[" * rng.choice((3, 900, 5000)) + b', "x"', 1)
    if way == 6:
        return raw.replace(b"\n", b"\r\n")
    return b""


def mutated(rng: Random, notebook: Notebook, most: int = 6) -> bytes:
    """The notebook after one to `most` mutations, as the bytes of a file; now and then those are damaged, too."""
    made = copy.deepcopy(notebook)
    for _ in range(rng.randint(1, most)):
        rng.choice(MUTATIONS)(rng, made)
    raw = json.dumps(made, indent=1, ensure_ascii=rng.random() < 0.5).encode("utf-8", "surrogatepass")
    return damaged(rng, raw) if rng.random() < 0.1 else raw


def moved(rng: Random, notebook: Notebook, most: int = 4) -> bytes:
    """The notebook after mutations that leave all of the student's text in it."""
    made = copy.deepcopy(notebook)
    for _ in range(rng.randint(1, most)):
        rng.choice(GENTLE)(rng, made)
    return json.dumps(made).encode()
