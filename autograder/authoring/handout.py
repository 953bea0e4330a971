"""What a class gets: one zip with the student's notebook, a wheel of `helpers`, a cell that installs it, and the
configuration with which nbgrader's Validate, where there is one, passes right work."""

from __future__ import annotations

import hashlib
import io
import os
import shutil
import subprocess
import sys
import tomllib
import zipfile
from collections.abc import Iterable
from pathlib import Path

import nbformat
from nbformat import NotebookNode

from helpers.errors import CourseError

from ..course import REPOSITORY, Course
from ..files import stage, write_bytes, write_notebook
from .release import checked
from .source import read as read_source
from .start_page import CONFIG, with_neighbours

TEMPLATES = Path(__file__).with_name("templates")
OF_THE_PROJECT = ("pyproject.toml", "README.md", "LICENSE", "LICENSE-TEXT")
PRIVATE = ("right_answers", "__pycache__", "*.pyc", ".*")
WHEN = (1980, 1, 1, 0, 0, 0)
"""The time of every file, so that the same source gives the same bytes."""


def handout(name: str, course: Course | None = None) -> Path:
    """Write build/handout/NAME.zip and return its path. The same source gives the same bytes.

    LeakError or SourceError, as of a release, and the old zip stays, if the notebook must not be handed out.
    """
    course = course or Course()
    target = course.root / "build" / "handout" / f"{name}.zip"
    with stage() as folder:
        released = checked(name, course, folder)
        wheel = build_wheel(folder / "wheel")
        path = released / f"{name}.ipynb"
        alone = with_neighbours(nbformat.read(path, as_version=4), name, [])  # the zip holds one assignment
        write_notebook(with_install_cell(alone, wheel.name), path)
        words = filled("handout.md", NAME=name, TITLE=read_source(course.source(name))[0].title, WHEEL=wheel.name)
        files = {str(p.relative_to(released)): p.read_bytes() for p in released.rglob("*") if p.is_file()}
        files |= {wheel.name: wheel.read_bytes(), "README.md": words.encode(), CONFIG: filled(CONFIG).encode()}
        content = zipped(name, files.items())
    write_bytes(content, target)
    return target


def build_wheel(folder: Path) -> Path:
    """The wheel of `helpers` alone, without right answers, in `folder`.

    Its version ends in a number made of its contents: where a check was mended, pip and the install cell see another.
    """
    source = folder / "source"
    source.mkdir(parents=True)
    for each in OF_THE_PROJECT:
        shutil.copyfile(REPOSITORY / each, source / each)
    shutil.copytree(REPOSITORY / "helpers", source / "helpers", ignore=shutil.ignore_patterns(*PRIVATE))
    project = (source / "pyproject.toml").read_text(encoding="utf-8")
    version = tomllib.loads(project)["project"]["version"]
    digest = hashlib.sha256()
    for path in sorted(p for p in source.rglob("*") if p.is_file()):
        digest.update(str(path.relative_to(source)).encode() + b"\0" + path.read_bytes() + b"\0")
    new = f'version = "{version}.post{int(digest.hexdigest()[:6], 16)}"'
    (source / "pyproject.toml").write_text(project.replace(f'version = "{version}"', new, 1), encoding="utf-8")
    command = [sys.executable, "-m", "pip", "wheel", "--quiet", "--no-deps", "--no-build-isolation", "--no-index"]
    done = subprocess.run(
        [*command, "--disable-pip-version-check", "--wheel-dir", str(folder), str(source)],
        capture_output=True, text=True, env={**os.environ, "SOURCE_DATE_EPOCH": "315532800"},
    )  # fmt: skip
    made = list(folder.glob("*.whl"))
    if done.returncode or len(made) != 1:
        why = (done.stderr.strip() or "pip made none").splitlines()[-1]
        raise CourseError(f"The wheel of helpers could not be built: {why}; `make` brings what that takes.")
    return made[0]


def with_install_cell(notebook: NotebookNode, wheel: str) -> NotebookNode:
    """The notebook with a cell above all others that installs this wheel; the others stay as they are."""
    cell = nbformat.v4.new_code_cell(filled("install_cell.py", WHEEL=wheel).rstrip("\n"), id="install")
    notebook.cells.insert(0, cell)
    return notebook


def filled(template: str, **words: str) -> str:
    text = (TEMPLATES / template).read_text(encoding="utf-8")
    for placeholder, word in words.items():
        text = text.replace(placeholder, word)
    return text


def zipped(folder: str, files: Iterable[tuple[str, bytes]]) -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
        for path, content in sorted(files):
            info = zipfile.ZipInfo(f"{folder}/{path}", WHEN)
            info.external_attr = 0o644 << 16
            archive.writestr(info, content, zipfile.ZIP_DEFLATED)
    return buffer.getvalue()
