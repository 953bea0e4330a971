"""Begin an assignment: its two folders, with one small exercise that is complete, to be replaced."""

from __future__ import annotations

import re
from pathlib import Path

from helpers.errors import CourseError

from ..course import Course
from ..files import write_text
from .handout import filled

FILES = {
    "solutions/NAME/NAME.py": "notebook.py",
    "solutions/NAME/assignment.toml": "assignment.toml",
    "solutions/NAME/mistakes/A-square.md": "mistake.md",
    "solutions/NAME/mistakes/right/A-square.md": "right.md",
    "solutions/NAME/class/students.py": "students.py",
    "solutions/NAME/class/expected.csv": "expected.csv",
    "helpers/check/NAME/__init__.py": "package.py",
    "helpers/check/NAME/elementwise.py": "check.py",
}
"""Where each file goes -> its template."""


def new(name: str, course: Course | None = None) -> str:
    """Write the files of a new assignment; returns a sentence. CourseError, and nothing written, for a name that is
    taken or is no name of a Python module."""
    root = (course or Course()).root
    if not re.fullmatch(r"[a-z][a-z0-9_]*", name):
        raise CourseError(f"{name!r} can't be the name of an assignment; use small letters, digits and _.")
    targets = {root / path.replace("NAME", name): template for path, template in FILES.items()}
    taken = next((folder for folder in {path.parent for path in targets} if folder.exists()), None)
    if taken:
        raise CourseError(f"There is an assignment {name!r} already: {taken.relative_to(root)} exists.")
    for path, template in targets.items():
        write_text(filled(f"assignment/{template}", NAME=name, TITLE=name.replace("_", " ").capitalize()), Path(path))
    return f"wrote solutions/{name} and helpers/check/{name}; now make release ASSIGNMENT={name}"
