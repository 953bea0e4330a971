"""Execute the model solution and keep its notebook beside its source."""

from __future__ import annotations

import base64
import json
import os
import re
import tomllib
from collections.abc import Callable
from pathlib import Path

import nbformat
from nbformat import NotebookNode

from helpers.errors import CourseError
from helpers.train import study_size

from ..course import Course, prepare_environment
from ..files import stage, write_text
from .source import label
from .source import read as read_source

LARGEST = 500_000
CELL_SECONDS = 600
PROGRESS = re.compile(r"\d+%\||\bit/s\b|\bs/it\b|\r")

Progress = Callable[[int, int], None]


def solve(name: str, course: Course | None = None, size: str = "standard", progress: Progress | None = None) -> Path:
    """Run solutions/NAME/NAME.py from top to bottom and write NAME.ipynb beside it, outputs included.

    `progress(done, cells)` is called after each cell. CourseError, and the old notebook stays, if a cell
    raises or if the result is larger than LARGEST bytes.
    """
    course = course or Course()
    source = course.source(name)
    _, notebook = read_source(source)
    study_size(size)
    prepare_environment()
    _execute(notebook, source.parent, size, progress or (lambda done, cells: None))
    tidy(notebook)
    nbformat.validate(notebook)
    text = nbformat.writes(notebook).rstrip("\n") + "\n"
    if len(text.encode()) > LARGEST:
        heavy, bytes_ = heaviest(notebook)
        raise CourseError(
            f"The solution of {name} takes {len(text.encode()) / 1000:.0f} KB, more than {LARGEST // 1000}; "
            f"its largest output ({bytes_ / 1000:.0f} KB) is in cell {heavy}: save smaller figures there."
        )
    target = source.with_suffix(".ipynb")
    write_text(text, target)
    for path, data in doc_figures(source.parent, notebook).items():
        (course.root / path).parent.mkdir(parents=True, exist_ok=True)
        (course.root / path).write_bytes(data)
    return target


def doc_figures(folder: Path, notebook: NotebookNode) -> dict[str, bytes]:
    """Path -> PNG of each figure of the executed notebook that the documentation shows.

    They stand in assignment.toml under [figures]: path = what the figure's alt text contains. CourseError where not
    exactly one figure does.
    """
    wanted = tomllib.loads((folder / "assignment.toml").read_text(encoding="utf-8")).get("figures", {})
    pictures = [
        (output["metadata"]["image/png"].get("alt", ""), output["data"]["image/png"])
        for cell in notebook.cells for output in cell.get("outputs", ()) if "image/png" in output.get("data", {})
    ]  # fmt: skip
    found = {}
    for path, words in wanted.items():
        fitting = [picture for alt, picture in pictures if words in alt]
        if len(fitting) != 1:
            raise CourseError(f"{len(fitting)} figures have {words!r} in their alt text; {path} needs exactly one.")
        found[path] = base64.b64decode(fitting[0])
    return found


def _execute(notebook: NotebookNode, folder: Path, size: str, progress: Progress) -> None:
    from nbclient import NotebookClient
    from nbclient.exceptions import CellExecutionError, DeadKernelError

    total = len(notebook.cells)
    current = 0

    def started(cell: NotebookNode, cell_index: int) -> None:
        nonlocal current
        current = cell_index
        progress(cell_index, total)

    with stage("solution-") as scratch:
        # What the notebook writes must not land beside the source, so it runs where only its data files are.
        for path in folder.iterdir():
            if path.suffix not in (".py", ".ipynb", ".toml"):
                (scratch / path.name).symlink_to(path)
        client = NotebookClient(
            notebook, timeout=CELL_SECONDS, kernel_name="python3", record_timing=False,
            extra_arguments=["--log-level=ERROR"],
            resources={"metadata": {"path": str(scratch)}}, on_cell_start=started,
        )  # fmt: skip
        try:
            client.execute(env={**os.environ, "COURSE_SIZE": size})
        except CellExecutionError as error:
            place = label(notebook.cells[current], current)
            raise CourseError(
                f"The model solution fails in cell {place}: {error.ename}: {error.evalue[:300]}"
            ) from None
        except (DeadKernelError, TimeoutError) as error:
            place = label(notebook.cells[current], current)
            what = "ran too long" if isinstance(error, TimeoutError) else "ended Python itself"
            raise CourseError(f"The model solution fails: cell {place} {what}.") from None
    progress(total, total)


def tidy(notebook: NotebookNode) -> None:
    """Take out what differs between two runs or means nothing to a reader."""
    notebook.metadata.pop("widgets", None)
    notebook.metadata["language_info"] = NotebookNode(name="python")
    for cell in notebook.cells:
        cell.metadata.pop("execution", None)
        if cell.cell_type != "code":
            continue
        kept = []
        for output in cell.outputs:
            if output.output_type == "stream":
                lines = [line for line in output.text.split("\n") if not PROGRESS.search(line)]
                output.text = output.text if output.name == "stdout" else "\n".join(lines)
            if output.output_type == "stream" and not output.text.strip():
                continue
            if "application/vnd.jupyter.widget-view+json" in output.get("data", {}):
                continue
            kept.append(output)
        cell.outputs = kept


def heaviest(notebook: NotebookNode) -> tuple[str, int]:
    """The cell with the largest outputs, and their size in bytes."""
    sizes = [
        (len(json.dumps(cell.outputs)), label(cell, number))
        for number, cell in enumerate(notebook.cells)
        if cell.cell_type == "code"
    ]
    size, name = max(sizes, default=(0, "none"))
    return name, size
