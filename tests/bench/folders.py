"""A synthetic class, and the folders in which ours and stock nbgrader grade it."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from dataclasses import dataclass, replace
from pathlib import Path

import nbformat

from autograder.authoring.release import put_source
from autograder.authoring.sample import build, release_of
from autograder.authoring.source import Assignment
from autograder.authoring.source import read as read_source
from autograder.authoring.student import Student
from autograder.course import REPOSITORY, Course, load_config
from helpers.errors import CourseError

# Exercises that compute almost nothing: no training, no study (E-rescale would make a given cell train). The others
# stay as released, and figures are left out.
TRIVIAL = {"network_from_scratch": ("A", "B-mlp", "B-epoch", "C-seen", "D-decay", "E-predict", "form")}
FIGURE = "plots.show("
MARK = "# submission number "
STOCK = """\
c = get_config()
c.CourseDirectory.root = {root!r}
c.CourseDirectory.submitted_directory = {submitted!r}
c.CourseDirectory.ignore = {ignore!r}
# Our rubrics stand in locked text; without this, stock refuses to make the assignment.
c.ClearMarkScheme.enforce_metadata = False
"""


@dataclass(frozen=True)
class Bench:
    """Where things lie: `course` with a class of its own in the scratch folder, `stock` a course of nbgrader's."""

    name: str
    course: Course
    assignment: Assignment
    template: bytes
    scratch: Path

    def ours(self, label: str, count: int) -> Path:
        """A class folder with `count` hand-ins; one that `prepare` made ready is copied, so that nothing is set up."""
        folder = self.scratch / label
        ready = self.scratch / "ready"
        if ready.is_dir():
            shutil.copytree(ready, folder)
        hand_in(self, folder, count)
        return folder

    def command(self, folder: Path, jobs: int, force: bool = False) -> list[str]:
        options = ["--class-dir", str(folder), "--jobs", str(jobs)] + (["--force"] if force else [])
        return [sys.executable, "-m", "autograder", "grade", self.name, *options]

    def environ(self) -> dict[str, str]:
        """Both sides keep bytecode: stock nbgrader imports everything anew for each hand-in, and pays more without."""
        kept = {name: value for name, value in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"}
        return kept | {"COURSE_ROOT": str(self.course.root), "COURSE_SIZE": "quick"}

    def prepare(self) -> None:
        """What happens once for a class: the model solution is graded, the gradebook made, bytecode compiled."""
        folder = self.ours("first", 1)
        run(self.command(folder, 1), REPOSITORY, self.environ())
        for part in ("submitted", "autograded", "feedback"):
            shutil.rmtree(folder / part, ignore_errors=True)
        folder.rename(self.scratch / "ready")

    def stock(self, label: str, submitted: Path) -> tuple[Path, list[str]]:
        """A course of stock nbgrader with the same assignment and the very same submitted/; its command."""
        folder = self.scratch / label
        folder.mkdir()
        ignore = list(load_config().CourseDirectory.ignore)
        (folder / "nbgrader_config.py").write_text(
            STOCK.format(root=str(folder), submitted=str(submitted), ignore=ignore), encoding="utf-8"
        )
        _, notebook = read_source(self.course.source(self.name))
        put_source(folder, self.course, self.name, notebook, ignore)
        (folder / "solutions").rename(folder / "source")
        run([sys.executable, "-m", "nbgrader", "generate_assignment", self.name], folder, self.environ())
        return folder, [sys.executable, "-m", "nbgrader", "autograde", self.name]


def lay_out(name: str, course: Course, scratch: Path) -> Bench:
    """The bench of one assignment; CourseError where there is no such assignment."""
    assignment, solved = read_source(course.source(name))
    student = Student("one", "what takes no time", done=TRIVIAL.get(name))
    made = build(student, release_of(name, course), solved)
    made.cells = [cell for cell in made.cells if "nbgrader" in cell.metadata or FIGURE not in cell.source]
    written = [c for c in made.cells if c.cell_type == "code" and not c.metadata.get("nbgrader", {}).get("locked")]
    written[0].source += f"\n{MARK}0"
    course = replace(course, class_dir=scratch / "none")
    return Bench(name, course, assignment, nbformat.writes(made).encode(), scratch)


def students(count: int) -> list[str]:
    return [f"s{number:04d}" for number in range(1, count + 1)]


def hand_in(bench: Bench, folder: Path, count: int) -> None:
    """`count` submissions, each a little different."""
    for number, student in enumerate(students(count), 1):
        place = folder / "submitted" / student / bench.name
        place.mkdir(parents=True)
        body = bench.template.replace(f"{MARK}0".encode(), f"{MARK}{number}".encode())
        (place / f"{bench.name}.ipynb").write_bytes(body)


def run(command: list[str], folder: Path, environ: dict[str, str]) -> None:
    """A step that is not measured; CourseError with its last words if it fails."""
    done = subprocess.run(command, cwd=folder, env=environ, capture_output=True, text=True)
    if done.returncode:
        last = (done.stderr.strip() or done.stdout.strip()).splitlines()[-1:]
        raise CourseError(f"The benchmark could not be set up, {' '.join(command[2:5])} failed: {' '.join(last)[:300]}")
