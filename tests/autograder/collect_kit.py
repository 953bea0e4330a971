"""Archives as platforms and students make them, and a class to collect them into."""

from __future__ import annotations

import io
import tarfile
import zipfile

from autograder.course import Course

NOTEBOOK = b'{"cells": [], "metadata": {}, "nbformat": 4, "nbformat_minor": 5}'


def course_in(folder, *assignments):
    for name in assignments or ("mini",):
        place = folder / "a course" / "solutions" / name
        place.mkdir(parents=True)
        (place / f"{name}.py").write_text("")
    (folder / "a class").mkdir()
    return Course(root=folder / "a course", class_dir=folder / "a class")


def zipped(files, path=None):
    """A zip file of name (or ZipInfo) -> bytes."""
    target = io.BytesIO() if path is None else path
    with zipfile.ZipFile(target, "w", zipfile.ZIP_DEFLATED) as made:
        for name, content in files.items():
            made.writestr(name, content)
    return target.getvalue() if path is None else path


def tarred(files, mode="w:gz"):
    """A tar archive of name (or TarInfo) -> bytes."""
    target = io.BytesIO()
    with tarfile.open(fileobj=target, mode=mode) as made:
        for name, content in files.items():
            info = name if isinstance(name, tarfile.TarInfo) else tarfile.TarInfo(name)
            info.size = len(content) if info.isfile() else 0
            made.addfile(info, io.BytesIO(content))
    return target.getvalue()


def arrived(course):
    return {str(p.relative_to(course.submitted)): p.read_bytes() for p in course.submitted.rglob("*") if p.is_file()}
