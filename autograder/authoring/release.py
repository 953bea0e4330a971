"""Make the student's notebook from the text source, by nbgrader's own generate_assignment."""

from __future__ import annotations

import logging
import re
import shutil
from pathlib import Path

import nbformat
from nbformat import NotebookNode
from traitlets.config import Config

from helpers.errors import CourseError

from ..course import Course, load_config, prepare_environment
from ..files import make_writable, new_folder, stage, write_notebook
from .leaks import leaks
from .source import grade_id, source_files
from .source import read as read_source
from .start_page import bring_up_to_date, entries, with_neighbours
from .static_check import refuse

log = logging.getLogger("autograder.nbgrader")


class LeakError(CourseError):
    """The release contains instructor-only content; nothing was written."""


class EngineError(CourseError):
    """nbgrader stopped; the message is its last word."""


def keep_outputs(notebook: NotebookNode, executed: Path) -> NotebookNode:
    """Give each code cell the outputs that it has in `executed`, where its source did not change."""
    if not executed.is_file():
        return notebook
    try:
        old = nbformat.read(executed, as_version=4)
    except Exception:  # a damaged file is simply generated again
        return notebook
    known = {(cell.get("id"), cell.source): cell for cell in old.cells if cell.cell_type == "code"}
    for cell in notebook.cells:
        before = known.get((cell.id, cell.source))
        if cell.cell_type == "code" and before is not None:
            cell.outputs, cell.execution_count = before.outputs, before.execution_count
    return notebook


def refresh(course: Course, name: str) -> None:
    """Make solutions/NAME/NAME.ipynb, which nbgrader reads, agree with the text source."""
    _, notebook = read_source(course.source(name))
    target = course.solutions / name / f"{name}.ipynb"
    write_notebook(keep_outputs(notebook, target), target)


def put_source(folder: Path, course: Course, name: str, notebook: NotebookNode, ignore: list[str]) -> None:
    """Copy an assignment's notebook and data files to the source folder of a course in `folder`."""
    target = folder / "solutions" / name
    write_notebook(notebook, target / f"{name}.ipynb")
    here = course.solutions / name
    for path in source_files(here, ignore):
        copy = target / path.relative_to(here)
        copy.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(path, copy)


def convert(converter: type, folder: Path, name: str, db_url: str, config: Config) -> None:
    """Run one of nbgrader's converters over the course in `folder`; EngineError if it fails.

    The folder is a scratch one: that keeps a class's files untouched, and from nbgrader, which uses paths as patterns,
    the names that it can't read.
    """
    from nbgrader.coursedir import CourseDirectory
    from nbgrader.utils import capture_log

    prepare_environment()
    local = Config(config)
    local.CourseDirectory.merge({
        "root": str(folder), "db_url": db_url, "assignment_id": name, "submitted_directory": "submitted",
        "autograded_directory": "autograded", "feedback_directory": "feedback",
    })  # fmt: skip
    app = converter(coursedir=CourseDirectory(config=local), config=local, log=log)
    app.force = True
    log.propagate = False
    result = capture_log(app)
    if not result["success"]:
        said = f"{result.get('log', '')}\n{result.get('error', '')}".splitlines()
        errors = [line.strip() for line in said if re.match(r"\s*\w*(?:Error|Exception)\b", line)]
        raise EngineError(f"nbgrader stopped: {[*said, *errors][-1].strip()[:200]}")


def generate(name: str, course: Course, folder: Path, db_url: str) -> Path:
    """Generate the release inside the scratch folder, recording the assignment in `db_url`; returns its
    folder."""
    from nbgrader.converters import GenerateAssignment

    prepare_environment()
    config = load_config()
    _, notebook = read_source(course.source(name))
    put_source(folder, course, name, notebook, list(config.CourseDirectory.ignore))
    convert(GenerateAssignment, folder, name, db_url, config)
    released = folder / "notebooks" / name
    path = released / f"{name}.ipynb"
    write_notebook(with_neighbours(nbformat.read(path, as_version=4), name, entries(course)), path)
    return released


def checked(name: str, course: Course, folder: Path) -> Path:
    """A release inside the scratch folder. LeakError, SourceError where it must not be handed out."""
    refuse(read_source(course.source(name))[0])
    released = generate(name, course, folder, f"sqlite:///{folder / 'gradebook.db'}")
    found = leaks(name, course, released)
    if found:
        more = f" (and {len(found) - 5} more)" if len(found) > 5 else ""
        raise LeakError("Nothing was released, because it would give away: " + " ".join(found[:5]) + more)
    return released


def release(name: str, course: Course | None = None, force: bool = False) -> str:
    """Write notebooks/NAME from solutions/NAME; returns a sentence. The same source gives the same bytes.

    The first page and the links between the assignments are brought up to date, too.

    The gradebook of a class is not touched: grading records the assignment there from the same source.
    A notebook that somebody worked in stays unless `force`. LeakError, and the old release stays, if
    anything secret is found in the new one; SourceError, if a test cell can't be judged from another process.
    """
    course = course or Course()
    target = course.notebooks / name
    with stage() as folder:
        released = checked(name, course, folder)
        refresh(course, name)
        said = put(released, target, name, force)
    bring_up_to_date(course)
    return said


def put(released: Path, target: Path, name: str, force: bool) -> str:
    """Put a release in its place, where that has to be; returns a sentence."""
    if same_files(released, target):
        return f"notebooks/{name} is up to date"
    place = "" if force else worked_in(target / f"{name}.ipynb")
    if place:
        return f"notebooks/{name} was left as it is, because somebody worked in {place}; --force replaces it"
    with new_folder(target) as folder:
        shutil.copytree(released, folder, dirs_exist_ok=True)
        make_writable(folder)
    return f"released notebooks/{name}/{name}.ipynb"


def worked_in(path: Path) -> str:
    """The cell that shows that a released notebook was run or filled in, "" where there is none."""
    from nbgrader.utils import compute_checksum

    if not path.is_file():
        return ""
    try:
        notebook = nbformat.read(path, as_version=4)
    except Exception:  # a damaged release contains no work
        return ""
    for number, cell in enumerate(notebook.cells, 1):
        place = f"cell {grade_id(cell)!r}" if grade_id(cell) else f"cell number {number}"
        if cell.cell_type == "code" and (cell.outputs or cell.execution_count):
            return place
        checksum = cell.metadata.get("nbgrader", {}).get("checksum")
        if checksum and checksum != compute_checksum(cell):
            return place
    return ""


def same_files(one: Path, other: Path) -> bool:
    def contents(folder: Path) -> dict[str, bytes]:
        return {
            str(p.relative_to(folder)): p.read_bytes()
            for p in folder.rglob("*")
            if p.is_file() and ".ipynb_checkpoints" not in p.parts
        }

    return other.is_dir() and contents(one) == contents(other)
