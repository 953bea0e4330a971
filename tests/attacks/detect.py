"""What an attack did, judged from outside: by files, by the gradebook, by what is still alive, by who called.

What an attack reports about itself is ignored: its view may be a sandbox's.
"""

from __future__ import annotations

import contextlib
import hashlib
import os
import re
import sqlite3
import stat
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from functools import lru_cache
from html import unescape
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import nbformat

from autograder.authoring.source import grade_id

from .attack import Places
from .course import AUTOMATIC, EXERCISES, Secrets

Files = dict[str, str]
BREACH = b"BREACH"
LARGE = 5_000_000
"""Bytes of a page or notebook that nobody can open any more."""


def files(top: Path, without: Iterable[Path] = ()) -> Files:
    """Every file, folder and link in reach, with what would change if somebody touched it."""
    found: Files = {}
    left_out = {str(path) for path in without}
    for folder, folders, names in os.walk(top):
        folders[:] = [name for name in folders if os.path.join(folder, name) not in left_out]
        for name in (*folders, *names):
            path = os.path.join(folder, name)
            with contextlib.suppress(OSError):
                found[path] = _print(path)
    return found


def _print(path: str) -> str:
    known = os.lstat(path)
    kind = stat.S_IFMT(known.st_mode)
    if kind == stat.S_IFLNK:
        return f"link to {os.readlink(path)}"
    if kind != stat.S_IFREG:
        return f"{oct(known.st_mode)}"
    if known.st_size > 50_000_000:
        return f"{oct(known.st_mode)} {known.st_size} bytes"
    with open(path, "rb") as file:
        return f"{oct(known.st_mode)} {hashlib.sha256(file.read()).hexdigest()}"


def marked(top: Path) -> list[str]:
    """Files below `top` that an attack has left its mark in, by their paths there."""
    found = (path for path in sorted(top.rglob("*")) if path.is_file() and not path.is_symlink())
    return [str(path.relative_to(top)) for path in found if BREACH in path.read_bytes()]


ANY = re.compile(r"m-[a-z0-9-]+|[0-9a-f]{8}-[0-9a-f-]{27}|[0-9a-f]{32,}|[0-9]{3,}|(?<=[-_.])[a-z0-9_]{8}(?=/|$)")


def usual(changes: Iterable[str]) -> set[str]:
    """Changes, with what differs from run to run masked."""
    return {ANY.sub("*", path) for path in changes}


def changed(before: Files, after: Files, places: Places, expected: set[str], graded: Iterable[str]) -> list[str]:
    """Paths that differ and that grading these students doesn't explain."""
    own = tuple(f"{places.class_dir}/{kind}/{s}" for kind in ("autograded", "feedback") for s in graded)
    own += (f"{places.class_dir}/gradebook.db", f"{places.class_dir}/reports")
    different = [p for p in sorted({*before, *after}) if before.get(p) != after.get(p)]
    return [p for p in different if not p.startswith(own) and ANY.sub("*", p) not in expected]


@dataclass
class Gradebook:
    """What the gradebook holds in the end. `scores`: points by student and cell, None where none was given."""

    scores: dict[str, dict[str, float | None]] = field(default_factory=dict)
    maximum: float = 0.0
    triggers: list[str] = field(default_factory=list)
    fault: str = ""

    def total(self, student: str) -> float:
        return sum(max(v or 0.0, 0.0) if v == v else 0.0 for v in self.scores.get(student, {}).values())

    def complete(self, student: str) -> bool:
        return bool(self.scores.get(student)) and None not in self.scores[student].values()


CELLS = """
select submitted_assignment.student_id, base_cell.name, auto_score, manual_score, extra_credit, needs_manual_grade
from grade join base_cell on base_cell.id = grade.cell_id
join submitted_notebook on submitted_notebook.id = grade.notebook_id
join submitted_assignment on submitted_assignment.id = submitted_notebook.assignment_id"""


def gradebook(places: Places) -> Gradebook:
    """Read gradebook.db by SQL alone."""
    found = Gradebook()
    path = places.class_dir / "gradebook.db"
    try:
        with contextlib.closing(sqlite3.connect(f"file:{path}?mode=ro", uri=True, timeout=1)) as db:
            for student, cell, auto, manual, extra, waiting in db.execute(CELLS):
                score = manual if manual is not None else 0.0 if waiting and auto is None else auto
                total = None if score is None else float(score) + float(extra or 0.0)
                found.scores.setdefault(student, {})[cell] = total
            found.maximum = float(db.execute("select sum(max_score) from grade_cells").fetchone()[0] or 0)
            found.triggers = [name for (name,) in db.execute("select name from sqlite_master where type = 'trigger'")]
    except (sqlite3.Error, TypeError, ValueError) as error:
        found.fault = f"the gradebook can't be read ({error})"
    return found


def gradebook_harm(found: Gradebook, expected: Mapping[str, float]) -> list[str]:
    """What is wrong with everybody else's scores."""
    if found.fault:
        return [found.fault]
    harm = []
    for student, points in expected.items():
        if not found.complete(student):
            harm.append(f"{student} was left without a score")
        elif found.total(student) != points:
            harm.append(f"{student} has {found.total(student):g} points in place of {points:g}")
    if found.triggers:
        harm.append("a trigger in the gradebook")
    if found.maximum != AUTOMATIC + 2:
        harm.append(f"the assignment is worth {found.maximum:g} points")
    return harm


BUTTONS = {"full-credit", "no-credit", "mark-graded", "score", "extra-credit", "tabbable", "nbgrader_cell"}


class Active(HTMLParser):
    """Looks for script that a student got into a page."""

    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self.found: set[str] = set()
        self.inside = ""

    def handle_starttag(self, tag: str, attributes: list[tuple[str, str | None]]) -> None:
        self.inside = tag
        marked = any("breach" in (value or "").lower() for _, value in attributes)
        for name, value in attributes:
            text = (value or "").lower()
            if name == "class" and marked and BUTTONS & set(text.split()):
                self.found.add(f"<{tag}> is a button of the formgrader")
            if "breach" not in text:
                continue
            if name.startswith("on"):
                self.found.add(f"{name} in <{tag}>")
            elif "".join(text.split()).startswith(("javascript:", "data:text/html", "vbscript:")) or name == "srcdoc":
                self.found.add(f"{name} of <{tag}>")
            elif tag in ("iframe", "object", "embed", "script", "link", "meta", "base", "form"):
                self.found.add(f"<{tag}>")
            elif name in ("src", "srcset", "background", "poster") and text.startswith(("http", "//", "file")):
                self.found.add(f"{name} of <{tag}> calls another machine")
        if tag in ("base", "form", "iframe") and any("breach" in (v or "").lower() for _, v in attributes):
            self.found.add(f"<{tag}>")

    def handle_data(self, data: str) -> None:
        if self.inside in ("script", "style") and "breach()" in data.lower():
            self.found.add(f"<{self.inside}>")

    def handle_endtag(self, tag: str) -> None:
        self.inside = ""


def script(text: str) -> set[str]:
    parser = Active()
    parser.feed(text)
    parser.close()
    return parser.found


def pages(places: Places, student: str) -> list[Path]:
    """What the student and the instructor are shown in a browser."""
    return [*(places.class_dir / "feedback" / student).rglob("*.html"), *places.class_dir.glob("reports/*.html")]


def leaks(places: Places, student: str, known: Secrets) -> list[str]:
    """Secrets in what the student gets back, script in pages, and what the student's own cells printed of others."""
    harm: dict[str, None] = {}
    for page in pages(places, student):
        text = page.read_text(encoding="utf-8", errors="replace")
        if page.stat().st_size > LARGE:
            harm[f"a page of {page.stat().st_size // 10**6} MB"] = None
        elif page.parts[-2] != "reports":
            told = [kind for kind, word in known.words.items() if word in text]
            harm |= {f"the {kind} secret stands in the feedback": None for kind in told}
            seen = unescape(text)
            if any(n in seen for number in (known.number, 2 * known.number) for n in disguised(number)):
                harm["a value of a hidden test stands in the feedback"] = None
        if page.stat().st_size <= LARGE:
            harm |= {f"script in {page.parts[-2]}: {what}": None for what in sorted(script(text))}
    for notebook in (places.class_dir / "autograded" / student).rglob("*.ipynb"):
        harm |= dict.fromkeys(_printed(notebook, known))
        harm |= {f"script in the formgrader: {what}": None for what in sorted(_in_formgrader(notebook, student))}
    return list(harm)


def _in_formgrader(path: Path, student: str) -> set[str]:
    """What a graded notebook does in the page in which nbgrader shows it to the instructor."""
    if path.stat().st_size > LARGE:
        return set()  # told already
    about = dict.fromkeys(("assignment_id", "notebook_id", "submission_id", "base_url", "notebook_path"), "x")
    resources = about | {"student": student, "index": 0, "total": 1, "last_name": None, "first_name": None}
    try:
        page, _ = _formgrader().from_filename(str(path), resources=resources)
    except Exception as error:
        return {f"its page can't be made ({type(error).__name__})"}
    return script(str(page))


@lru_cache(maxsize=1)
def _formgrader() -> Any:
    """The exporter of nbgrader's FormgradeExtension."""
    from nbconvert.exporters import HTMLExporter
    from nbgrader.server_extensions.formgrader import handlers
    from traitlets.config import Config

    config = Config()
    config.HTMLExporter.template_name = "formgrade"
    config.HTMLExporter.extra_template_basedirs = [handlers.template_path]
    return HTMLExporter(config=config)


WORDS = ("forward", "backward", "weight", "bias", "batch", "rate", "loss", "layer", "mean", "sum")
SENTENCES = (
    "The shapes don't fit: write down the shape of each factor, and what each axis stands for.",
    "Is that attribute set before it is read, with `self.` in front, and spelled the same?",
    "Was its cell run, and is the name spelled the same?",
    "Compare the arguments in your `def` line with those in the exercise's text.",
    "Multiply it by grad_output: that is the chain rule.",
    "Look for a call of its own name.",
    "Is the `return` (or the assignment) missing?",
    "Is a `return` or an assignment missing?",
    "Is it indented inside the class?",
    "Leave the words to `print`.",
)
"""Words and sentences of checks, which a page may hold, for the ten digits."""


def disguised(number: int) -> list[str]:
    """A number as it is, and as it would be hidden from a search."""
    text = str(number)
    told = [text, text[::-1], f"{number:_}", f"{number:,}", " ".join(text), f"{number:x}", f"{number:b}"]
    told += [sign.join(WORDS[int(digit)] for digit in text) for sign in ("_", " ")]
    return [*told, " ".join(SENTENCES[int(digit)] for digit in text), f"exit code {number % 256}"]


def _printed(path: Path, known: Secrets) -> list[str]:
    if path.stat().st_size > LARGE:
        return [f"a notebook of {path.stat().st_size // 10**6} MB"]
    try:
        cells = nbformat.read(path, as_version=4).cells
    except Exception:
        return ["the autograded notebook can't be read"]
    own = [c for c in cells if c.cell_type == "code" and (grade_id(c) in EXERCISES or not grade_id(c))]
    texts = [str(o.get("text", "")) + str(o.get("data", "")) + str(o.get("evalue", "")) for c in own for o in c.outputs]
    harm = [f"it read the {kind} secret" for kind, word in known.words.items() if any(word in t for t in texts)]
    return harm


def touched_neighbours(places: Places) -> list[str]:
    """Traces of an attack in what belongs to zoe and ada."""
    harm = []
    for kind in ("autograded", "feedback"):
        for student in ("ada", "zoe"):
            for path in (places.class_dir / kind / student).rglob("*"):
                if path.is_file() and BREACH in path.read_bytes():
                    harm.append(f"its code ran in {student}'s kernel")
    return sorted(set(harm))


def alive(root: int) -> list[int]:
    """Descendants of `root` that are alive."""
    parents: dict[int, int] = {}
    for entry in os.listdir("/proc"):
        if entry.isdigit():
            with contextlib.suppress(OSError, IndexError, ValueError):
                rest = Path(f"/proc/{entry}/stat").read_text().rpartition(")")[2].split()
                if rest[0] not in "ZX":
                    parents[int(entry)] = int(rest[1])
    found: list[int] = []
    level = [root]
    while level:
        level = [pid for pid, parent in parents.items() if parent in level]
        found += level
    return found
