"""What nbgrader's pipeline lacks, as preprocessors for its own lists (see nbgrader_config.py)."""

from __future__ import annotations

import re
import time
from typing import Any

from nbclient.exceptions import CellTimeoutError, DeadKernelError
from nbconvert.preprocessors import CSSHTMLHeaderPreprocessor
from nbformat import NotebookNode
from nbgrader import utils
from nbgrader.api import Gradebook
from nbgrader.preprocessors import Execute, NbGraderPreprocessor
from traitlets import Integer

from .source import FORM, grade_id, regions

Result = tuple[NotebookNode, Any]
ANSI = re.compile(r"\x1b\[[0-9;]*m")


def stock_css_header() -> type:
    return CSSHTMLHeaderPreprocessor


def note(notebook: NotebookNode, sentence: str) -> None:
    """Remember something about a submission that the instructor should read."""
    notebook.metadata.setdefault("course", NotebookNode()).setdefault("notes", []).append(sentence)


def error_output(ename: str, evalue: str) -> NotebookNode:
    return NotebookNode(output_type="error", ename=ename, evalue=evalue, traceback=[f"{ename}: {evalue}"])


def label(cell: NotebookNode, index: int) -> str:
    """What to call a cell in a sentence: its grade id, or its number with its first line."""
    if grade_id(cell):
        return repr(grade_id(cell))
    first = next((line.strip() for line in cell.source.splitlines() if line.strip()), "")
    return f"number {index + 1} ({first[:40]!r})"


class ExecuteSubmission(Execute):
    """nbgrader's Execute with a time budget for the whole submission, and cells that outlive their kernel.

    Once a cell ran out of time, each later one gets a quarter of the time: the same loop is often called
    again.
    """

    budget = Integer(300, help="Seconds for one submission; cells after that get 2 seconds each.").tag(config=True)
    last_seconds = 2

    def preprocess(self, nb: NotebookNode, resources: Any = None, km: Any = None) -> Result:
        self.dead = ""
        self.late = False
        self.started = time.monotonic()
        limit = self.timeout
        self.timeout_func = lambda cell: self._seconds(limit)
        return super().preprocess(nb, resources, km)

    def _seconds(self, limit: int | None) -> int:
        left = self.budget - (time.monotonic() - self.started)
        allowed = (limit or left) / (4 if self.late else 1)
        return max(self.last_seconds, int(min(allowed, left)))

    def preprocess_cell(self, cell: NotebookNode, resources: Any, index: int) -> Result:
        if cell.cell_type != "code":
            return cell, resources
        if self.dead:
            cell.outputs = [error_output("NotRun", f"This cell was not run, because {self.dead}.")]
            return cell, resources
        allowed = self._seconds(self.timeout)
        spent = self.budget - (time.monotonic() - self.started) <= 0
        self.error_on_timeout = {
            "ename": "TimeUp",
            "evalue": "This cell was stopped, because "
            + ("the time for the whole submission was used up." if spent else f"it ran longer than {allowed} s."),
            "traceback": ["TimeUp"],
        }
        try:
            cell, resources = super().preprocess_cell(cell, resources, index)
        except DeadKernelError:
            self.dead = f"Python itself ended in cell {label(cell, index)}"
            cell.outputs.append(error_output("KernelDied", "Python itself ended in this cell (a crash, or an exit)."))
        except CellTimeoutError:
            self.dead = f"cell {label(cell, index)} ran longer than {allowed} s and could not be interrupted"
            cell.outputs.append(
                error_output("TimeUp", f"This cell ran longer than {allowed} s and could not be stopped.")
            )
        for output in cell.outputs:
            if output.output_type == "error" and output.ename == "TimeUp":
                output.traceback = [f"TimeUp: {output.evalue}"]
                self.late = True
        if self.dead:
            self.nb.metadata.setdefault("course", NotebookNode())["dead"] = self.dead
        self.nb.cells[index] = cell
        return cell, resources


class ForgiveStderr(NbGraderPreprocessor):
    """A warning is no error: what a test cell writes to stderr becomes plain output, so it costs no
    points."""

    def preprocess_cell(self, cell: NotebookNode, resources: Any, cell_index: int) -> Result:
        if cell.cell_type == "code" and utils.is_grade(cell):
            for output in cell.outputs:
                if output.output_type == "stream" and output.name == "stderr":
                    output.name = "stdout"
        return cell, resources


class RepairCells(NbGraderPreprocessor):
    """Give a submission the cells and the metadata that the gradebook knows, whatever was done to them.

    Copies of a cell lose their role, deleted graded cells come back, unknown ids and tags are dropped; each
    repair that can matter to a score is noted for the instructor.
    """

    def preprocess(self, nb: NotebookNode, resources: Any) -> Result:
        info = resources["nbgrader"]
        with Gradebook(info["db_url"]) as gradebook:
            known = gradebook.find_notebook(info["notebook"], info["assignment"])
            order = [cell.name for cell in known.source_cells]
            source = {cell.name: cell for cell in known.source_cells}
            points = {cell.name: cell.max_score for cell in known.grade_cells}
            solutions = {cell.name for cell in known.solution_cells}
            nb.metadata.pop("course", None)
            self._strip(nb, source, points, solutions)
            self._drop_copies(nb, source, solutions)
            self._restore(nb, order, source, points, solutions)
        return nb, resources

    def _strip(self, nb: NotebookNode, source: dict, points: dict, solutions: set) -> None:
        for cell in nb.cells:
            cell.metadata.pop("tags", None)
            found = grade_id(cell)
            if found in source:
                cell.metadata.nbgrader = _metadata(source[found], points, solutions)
            else:
                cell.metadata.pop("nbgrader", None)
                if found == FORM and cell.cell_type == "code":
                    cell.metadata["course"] = NotebookNode(id=FORM)
                else:
                    cell.metadata.pop("course", None)

    def _drop_copies(self, nb: NotebookNode, source: dict, solutions: set) -> None:
        copies: dict[str, list[NotebookNode]] = {}
        for cell in nb.cells:
            if grade_id(cell):
                copies.setdefault(grade_id(cell), []).append(cell)
        for found, cells in copies.items():
            if len(cells) < 2:
                continue
            changed = [c for c in cells if found in solutions and utils.compute_checksum(c) != source[found].checksum]
            kept = (changed or cells)[-1]
            for cell in cells:
                if cell is not kept:
                    cell.metadata.pop("nbgrader", None)
                    cell.metadata.pop("course", None)
            note(nb, f"The cell {found!r} stood {len(cells)} times; the last one written in was graded.")

    def _restore(self, nb: NotebookNode, order: list, source: dict, points: dict, solutions: set) -> None:
        present = {grade_id(c) for c in nb.cells}
        for position, name in enumerate(order):
            if name in present or name not in points:
                continue
            earlier = set(order[:position])
            at = max((i for i, c in enumerate(nb.cells) if grade_id(c) in earlier), default=-1) + 1
            cell = NotebookNode(cell_type=source[name].cell_type, metadata=NotebookNode(), source=source[name].source)
            cell["id"] = re.sub(r"[^A-Za-z0-9_-]", "-", f"back-{name}")[:64]
            if cell.cell_type == "code":
                cell.update(outputs=[], execution_count=None)
            cell.metadata["nbgrader"] = _metadata(source[name], points, solutions)
            nb.cells.insert(at, cell)
            note(nb, f"The graded cell {name!r} was missing from the submission and was put back.")


def _metadata(cell: Any, points: dict, solutions: set) -> NotebookNode:
    meta = NotebookNode(
        grade=cell.name in points, grade_id=cell.name, locked=bool(cell.locked), schema_version=3,
        solution=cell.name in solutions, task=False, checksum=cell.checksum, cell_type=cell.cell_type,
    )  # fmt: skip
    if cell.name in points:
        meta["points"] = points[cell.name]
    return meta


class HideTests(NbGraderPreprocessor):
    """Take hidden tests out of feedback: out of the cell's source and out of its tracebacks."""

    def preprocess_cell(self, cell: NotebookNode, resources: Any, cell_index: int) -> Result:
        if cell.cell_type != "code" or not utils.is_grade(cell) or utils.is_solution(cell):
            return cell, resources
        hidden = {squash(line) for region in regions(cell.source, "HIDDEN TESTS") for line in region}
        hidden = {line for line in hidden if len(line) > 3}
        for output in cell.outputs:
            if output.output_type == "error":
                shown = [e for e in output.traceback if not any(line in squash(ANSI.sub("", e)) for line in hidden)]
                output.traceback = shown or [f"{output.ename}: a test that is not shown failed"]
        kept, inside = [], False
        for line in cell.source.splitlines():
            inside = (inside or "BEGIN HIDDEN TESTS" in line) and "END HIDDEN TESTS" not in line
            if not inside and "END HIDDEN TESTS" not in line:
                kept.append(line)
        cell.source = "\n".join(kept)
        return cell, resources


def squash(text: str) -> str:
    """Text without any white space, so that wrapping and indentation don't matter."""
    return re.sub(r"\s+", "", text)
