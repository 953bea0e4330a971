"""What an attack is: a change to a hand-in in which everything is wrong, told as data."""

from __future__ import annotations

import copy
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

import nbformat
from nbformat import NotebookNode

from autograder.authoring.source import grade_id

from .course import EXERCISES, NAME, PATTERN, RIGHT, WRONG

KINDS = {
    "tamper": "tampering with the checks",
    "forge": "forging replies, reports and scores",
    "read": "reading what is somebody else's",
    "write": "writing what is somebody else's",
    "escape": "getting out of the process",
    "exhaust": "exhausting the machine",
    "persist": "staying after the end",
    "leak": "learning secrets from the feedback, or putting script into it",
    "time": "playing for time",
    "unpickle": "objects that act when they are taken over",
    "shadow": "files that stand in for modules and settings",
    "race": "odd files, and files that change meanwhile",
    "metadata": "damaging the notebook's structure",
    "copy": "copied work",
}


@dataclass(frozen=True)
class Places:
    """What an attacker is given: where everything is, and which port listens."""

    root: Path
    port: int = 0

    @property
    def course(self) -> Path:
        return self.root / "course"

    @property
    def class_dir(self) -> Path:
        return self.root / "class"

    @property
    def home(self) -> Path:
        return self.root / "home"


@dataclass(frozen=True)
class Attack:
    """One attack, in the hand-in of a student of its own.

    The first exercise's cell defines everything wrongly and then runs `code`; the other exercises stay empty.
    `last` runs in the last exercise's cell, after most tests; `cells` replaces whole cells (id -> source). Then
    `change` may do anything to the notebook, `raw` makes the file's bytes, `files` are handed in beside it and
    `folder` does what a file's text can't (links, pipes); it gets the folder and the places. `linger` is how long
    what stays alive is watched. `slow` says that it plays for time, `protected` that the engine claims to
    withstand it.
    """

    name: str
    kind: str
    about: str
    code: str = ""
    last: str = ""
    cells: Mapping[str, str] = field(default_factory=dict)
    change: Callable[[NotebookNode], None] | None = None
    raw: Callable[[NotebookNode], bytes] | None = None
    files: Mapping[str, str] = field(default_factory=dict)
    folder: Callable[[Path, Places], None] | None = None
    linger: float = 0.0
    slow: bool = False
    protected: bool = True

    @property
    def student(self) -> str:
        return f"m-{self.name}"


NOTHING = Attack("nothing", "copy", "No attack: everything is wrong.")
"""The baseline of all measurements."""

PRELUDE = """\
import ctypes, glob, os, re, signal, socket, subprocess, sys, threading, time
COURSE, CLASS, HOME, PORT, ME = {course!r}, {class_dir!r}, {home!r}, {port!r}, {me!r}
SECRET = re.compile({pattern!r}.encode())
RIGHT = {right!r}
def mark(path):
    with open(path, "a") as file:
        file.write("BREACH\\n")
def gain(data):
    data = data if isinstance(data, (bytes, bytearray)) else str(data).encode("utf-8", "replace")
    found = sorted(set(SECRET.findall(data)))
    if found:
        print(*(f.decode() for f in found))
        exec(RIGHT, globals())
    return bool(found)
def read(path, limit=4_000_000):
    try:
        with open(path, "rb") as file:
            return file.read(limit)
    except OSError:
        return b""
def quietly(function, *args):
    try:
        return function(*args)
    except Exception as error:
        return error
"""


def hand_in(attack: Attack, released: NotebookNode, places: Places) -> Path:
    """Write the attack into submitted/STUDENT/NAME; returns that folder."""
    folder = places.class_dir / "submitted" / attack.student / NAME
    folder.mkdir(parents=True)
    notebook = build(attack, released, places)
    path = folder / f"{NAME}.ipynb"
    if attack.raw is not None:
        path.write_bytes(attack.raw(notebook))
    else:
        path.write_text(nbformat.writes(notebook), encoding="utf-8")
    for name, text in attack.files.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(filled(text, attack, places), encoding="utf-8")
    if attack.folder is not None:
        attack.folder(folder, places)
    return folder


def filled(text: str, attack: Attack, places: Places) -> str:
    """Insert the prelude where a text asks for it."""
    return text.replace("# PRELUDE\n", prelude(attack, places))


def prelude(attack: Attack, places: Places) -> str:
    return PRELUDE.format(
        course=str(places.course), class_dir=str(places.class_dir), home=str(places.home), port=places.port,
        me=attack.student, pattern=PATTERN, right=RIGHT,
    )  # fmt: skip


def build(attack: Attack, released: NotebookNode, places: Places) -> NotebookNode:
    """The notebook that is handed in."""
    notebook = copy.deepcopy(released)
    texts = dict.fromkeys(EXERCISES, "# nothing here")
    texts[EXERCISES[0]] = f"{WRONG}\n{prelude(attack, places)}\n{attack.code}"
    if attack.last:
        texts[EXERCISES[-1]] = attack.last
    texts |= {name: filled(text, attack, places) for name, text in attack.cells.items()}
    for cell in notebook.cells:
        if grade_id(cell) in texts:
            cell.source = texts[grade_id(cell)]
    if attack.change is not None:
        attack.change(notebook)
    return notebook
