"""nbgrader's rules for one cell, without importing nbgrader (which takes two seconds): checksum and points."""

from __future__ import annotations

import hashlib
from typing import Any

from nbformat import NotebookNode

from .snapshot import SnapshotCell

MOST_LINES, MOST_TRACEBACK = 1000, 100  # nbgrader's LimitOutput


def meta(cell: NotebookNode) -> dict[str, Any]:
    found = cell.get("metadata", {}).get("nbgrader", {})
    return found if isinstance(found, dict) else {}


def is_test(cell: NotebookNode) -> bool:
    """A code cell whose outputs decide about points."""
    return cell.cell_type == "code" and bool(meta(cell).get("grade")) and not meta(cell).get("solution")


def metadata(cell: SnapshotCell) -> NotebookNode:
    """nbgrader's metadata as the release has it."""
    made = NotebookNode(
        cell_type=cell.cell_type, checksum=cell.checksum, grade=cell.grade, grade_id=cell.name,
        locked=cell.kind in ("given", "test"), schema_version=3, solution=cell.solution, task=False,
    )  # fmt: skip
    if cell.grade:
        made["points"] = cell.points
    return made


def checksum(cell: NotebookNode) -> str:
    """nbgrader.utils.compute_checksum."""
    about = meta(cell)
    grade, solution = bool(about.get("grade")), bool(about.get("solution"))
    locked = not solution and (grade or bool(about.get("locked")))
    parts = [cell.source, cell.cell_type, str(grade), str(solution), str(locked), about["grade_id"]]
    if grade:
        parts.append(str(float(about["points"])))
    return hashlib.md5("".join(parts).encode("utf-8", "surrogatepass"), usedforsecurity=False).hexdigest()


def points(cell: NotebookNode) -> float | None:
    """nbgrader.utils.determine_grade of a graded cell: None where a human must look.

    Where stock stops the whole batch (partial credit above the points, a result without text) the points are given.
    """
    most = float(meta(cell)["points"])
    if meta(cell).get("solution"):
        return 0.0 if meta(cell).get("checksum") == checksum(cell) else None
    if cell.cell_type != "code":
        return None
    for output in cell.outputs:
        if output.output_type == "error" or (output.output_type == "stream" and output.name == "stderr"):
            return 0.0
        if output.output_type == "execute_result":
            return _partial(output.get("data", {}).get("text/plain"), most)
    return most


def _partial(shown: Any, most: float) -> float:
    if isinstance(shown, list):
        if len(shown) != 1:
            return most
        shown = shown[0]
    try:
        value = float(shown)
    except (TypeError, ValueError):
        return most
    return min(value, most) if value >= 0.0 else most


def limit(cell: NotebookNode) -> None:
    """Cut long streams and tracebacks as nbgrader's LimitOutput does."""
    length, kept = 0, []
    for output in cell.outputs:
        if output.output_type == "stream":
            if length == MOST_LINES:
                continue
            lines = output.text.split("\n")
            if len(lines) + length > MOST_LINES:
                lines = [*lines[: MOST_LINES - length - 1], "... Output truncated ..."]
            length += len(lines)
            output.text = "\n".join(lines)
        elif output.output_type == "error" and len(output.traceback) > MOST_TRACEBACK:
            start = MOST_TRACEBACK // 2
            end = MOST_TRACEBACK - start - 1
            output.traceback = [*output.traceback[:start], "... Traceback truncated ...", *output.traceback[-end:]]
        kept.append(output)
    cell.outputs = kept
