"""Autograded notebooks made cheaply, and what a feedback page may be made of."""

from __future__ import annotations

import copy
import functools
import html
import re
from html.parser import HTMLParser
from types import SimpleNamespace
from typing import Any

import nbformat
from nbformat import NotebookNode

from autograder.authoring.sample import build, load, release_of
from autograder.authoring.source import Assignment, cells_by_id, grade_id
from autograder.authoring.source import read as read_source
from autograder.authoring.student import Student
from autograder.course import Course
from autograder.reports.feedback_page import page
from autograder.reports.feedback_page.pieces import pieces
from autograder.reports.results import Row
from helpers.check.core.picture import Picture
from helpers.check.core.report import MIME, Report

ASSIGNMENTS = Course().assignments()
MODEL = Student("model", "everything right")


@functools.cache
def read(name: str) -> tuple[Assignment, NotebookNode]:
    return read_source(Course().source(name))


@functools.cache
def released(name: str) -> NotebookNode:
    return release_of(name, Course())


def students(name: str) -> list[Student]:
    """The sample class's, less those who hand in no notebook."""
    return [s for s in load(name) if s.raw is None and not s.empty]


def autograded(name: str, student: Student = MODEL, outputs: Any = None) -> NotebookNode:
    """A hand-in as nbgrader's sanitising leaves it: hidden tests and rubrics are back in their cells.

    outputs: function of (cell of the source, its notebook cell) -> list of outputs, for code cells.
    """
    assignment, solved = read(name)
    notebook = build(student, released(name), solved)
    source = cells_by_id(solved)
    known = {cell.id: cell for cell in assignment.cells if cell.id}
    for cell in notebook.cells:
        course = known.get(grade_id(cell))
        if course is not None and course.kind in ("test", "given"):
            cell.source = source[course.id].source
        if cell.cell_type == "code":
            cell.execution_count = 1
            cell.outputs = list(outputs(course, cell)) if outputs else []
    return copy.deepcopy(notebook)


def row(assignment: Assignment, student: str = "zoe", **changes: Any) -> Row:
    """Half of the points of each test; the answers wait."""
    made = Row(student, maximum=assignment.points)
    made.scores = {c.id: c.points / 2 if c.kind == "test" else 0.0 for c in assignment.graded}
    made.waiting = {c.id: c.points for c in assignment.graded if c.kind == "answer"}
    made.auto = sum(made.scores.values())
    for key, value in changes.items():
        setattr(made, key, value)
    return made


def told(title: str, message: str = "", mistake: str = "differs", picture: Picture | None = None,
         verified: tuple[str, ...] = ("shapes",), hidden: bool = False, section: str = "") -> NotebookNode:  # fmt: skip
    """A check's report, as it stands in a notebook; it passed where there is no message."""
    report = Report("a_check", title, section, list(verified), mistake if message else "", message, picture)
    metadata = {"course": {"hidden": True}} if hidden else {}
    return nbformat.v4.new_output("display_data", data=report._repr_mimebundle_(), metadata=metadata)


def error(ename: str, evalue: str, traceback: list[str] | None = None) -> NotebookNode:
    return nbformat.v4.new_output("error", ename=ename, evalue=evalue, traceback=traceback or [f"{ename}: {evalue}"])


def stream(text: str) -> NotebookNode:
    return nbformat.v4.new_output("stream", text=text)


def display(**data: Any) -> NotebookNode:
    """display(text_html="…", image_png="…")"""
    bundle = {key.replace("_", "/", 1).replace("svg", "svg+xml"): value for key, value in data.items()}
    return nbformat.v4.new_output("display_data", data=bundle)


def words(page: str) -> str:
    """The text of a page, as a reader sees it; white space is one blank."""
    page = re.sub(r"(?s)<style>.*?</style>|</(?:p|li|ul|h\d|t[dhr]|table|div|section|article|pre|summary)>", " ", page)
    return " ".join(html.unescape(re.sub(r"<[^>]*>", "", page)).split())


ALLOWED: dict[str, set[str]] = {
    "meta": {"charset", "http-equiv", "content", "name"},
    "html": {"lang"},
    "a": {"href", "class"},
    "img": {"src", "alt"},
    "svg": {"class", "viewbox", "preserveaspectratio", "aria-hidden", "focusable"},
    "rect": {"class", "width", "height", "x"},
    "th": {"scope", "class"},
    "table": {"class", "role", "aria-label"},
    "details": {"open"},
    "article": {"id", "class"},
    "section": {"class", "aria-labelledby"},
    "nav": {"aria-label"},
    "div": {"class", "role", "aria-label", "tabindex"},
    "pre": {"class", "tabindex"},
    "figure": {"class", "tabindex"},
    "ol": {"class", "start"},
    "h2": {"id", "class"},
    "span": {"class", "aria-hidden"},
    **{tag: {"class"} for tag in ("p", "ul", "tr", "td", "b")},
    **{
        tag: set()
        for tag in ("head", "title", "style", "body", "header", "main", "footer", "h1", "h3", "small", "bdi", "caption",
                    "thead", "tbody", "li", "code", "strong", "summary", "figcaption", "em", "s",
                    "blockquote", "hr", "br")
    },
}  # fmt: skip
MATH = {"display", "mathvariant", "stretchy", "fence", "form", "accent", "minsize", "maxsize", "width", "columnalign",
        "displaystyle", "linethickness", "separator", "movablelimits", "lspace", "rspace"}  # fmt: skip
"""Attributes of the elements of formulas."""
FORMULA = (
    "math mi mo mn mtext mspace mrow mfrac msub msup msubsup munder mover munderover msqrt mroot mtable mtr mtd mstyle"
)
ALLOWED |= dict.fromkeys(FORMULA.split(), MATH)


class _Walk(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.wrong: list[str] = []
        self.seen: list[SimpleNamespace] = []
        self.open: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.seen.append(SimpleNamespace(tag=tag, attrs=dict(attrs)))
        if tag not in ALLOWED:
            self.wrong.append(f"<{tag}>")
            return
        if tag not in ("meta", "img", "br", "hr"):
            self.open.append(tag)
        for name, value in attrs:
            if name not in ALLOWED[tag]:
                self.wrong.append(f"<{tag} {name}={value!r}>")
            if name == "src" and not re.match(r"data:image/(png|jpeg|svg\+xml);base64,[A-Za-z0-9+/=]+\Z", value or ""):
                self.wrong.append(f"<{tag} src={value!r}>"[:200])
            if name == "href" and not re.match(r"#e-[\w-]+\Z", value or ""):
                self.wrong.append(f"<{tag} href={value!r}>")
            if name == "class" and not re.match(r"[a-z0-9 -]*\Z", value or ""):
                self.wrong.append(f"<{tag} class={value!r}>")

    def handle_endtag(self, tag: str) -> None:
        if not self.open or self.open.pop() != tag:
            self.wrong.append(f"</{tag}> out of place")

    def handle_comment(self, data: str) -> None:
        self.wrong.append(f"<!--{data}-->")

    def handle_pi(self, data: str) -> None:
        self.wrong.append(f"<?{data}>")


def walk(page: str) -> _Walk:
    """Every tag of a page. `wrong` lists what our own template does not write: it came from somewhere else."""
    walker = _Walk()
    walker.feed(page)
    walker.close()
    walker.wrong += [f"<{tag}> stays open" for tag in walker.open]
    return walker


__all__ = [
    "ASSIGNMENTS", "MIME", "MODEL", "autograded", "display", "error", "read", "row", "stream", "students", "told",
    "walk", "words",
]  # fmt: skip


def render(row, notebook, assignment, **more) -> str:
    """The page of an autograded notebook, or of none."""
    return page.render(row, pieces(notebook, assignment) if notebook is not None else None, assignment, **more)
