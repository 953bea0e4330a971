"""nbgrader's rules for one cell, without importing nbgrader (which takes two seconds): checksum and points."""

from __future__ import annotations

import hashlib
import math
import re
import sys
from typing import Any

from nbformat import NotebookNode

from ..authoring.snapshot import SnapshotCell

MOST_LINES, MOST_TRACEBACK = 1000, 100  # nbgrader's LimitOutput
SCALAR = re.compile(r"(?:np\.\w+|array|tensor)\(([^(),]+)(?:, \w+=[\w.':]+)*\)")
NO_POINTS = ("NoPoints", "The value of this test is not a finite number from 0 up, so it gives no points.")


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

    Where stock stops the whole batch (partial credit above the points, a result without text) the points are given. A
    value that is negative or not finite gives none, where stock gives all.
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
    value = _number(shown)
    if value is None:
        return most
    return min(value, most) if math.isfinite(value) and value >= 0 else 0.0


def _number(shown: Any) -> float | None:
    """The number that a result's text tells, also one of numpy's or torch's; None for any other text."""
    if isinstance(shown, list):
        shown = shown[0] if len(shown) == 1 else None
    if not isinstance(shown, str):
        return None
    found = SCALAR.fullmatch(shown.strip())
    text = found[1] if found else shown
    try:
        value = float(text)
    except ValueError:
        return None
    large = math.isinf(value) and re.fullmatch(r"\s*[+-]?\d[\d_]*\s*", text)  # a whole number, which is finite
    return math.copysign(sys.float_info.max, value) if large else value


def settle(cell: NotebookNode) -> None:
    """Let nbgrader's own rule give a test the same points: to it, what is no number from 0 up is worth all points, and
    a number above the points stops a batch.
    """
    most = float(meta(cell)["points"])
    deciding = (i for i, output in enumerate(cell.outputs) if output.output_type in ("error", "execute_result"))
    place = next(deciding, None)
    if place is None or cell.outputs[place].output_type == "error":
        return
    data = cell.outputs[place].data
    value = _number(data.get("text/plain"))
    if value is None:
        return
    if not math.isfinite(value) or value < 0:
        cell.outputs.insert(place, NotebookNode(output_type="error", ename=NO_POINTS[0], evalue=NO_POINTS[1],
                                                traceback=[": ".join(NO_POINTS)]))  # fmt: skip
    elif value > most or SCALAR.fullmatch("".join(data["text/plain"]).strip()):
        data["text/plain"] = repr(min(value, most))


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
