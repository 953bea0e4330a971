"""What one test says to the student: passed or not, in words, with the picture of the wrong entries."""

from __future__ import annotations

import ast
import re
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Any

from nbformat import NotebookNode

from ...authoring.source import Cell, shown
from ...text import one_line, plain
from .redact import HIDDEN, Secrets, redacted

CHECK = "application/vnd.course.check+json"
PASSED, FAILED, TO_DO, NOT_RUN = "passed", "failed", "todo", "notrun"
SAME_KIND = "The check that you see passes. A check of the same kind with other numbers does not"
OTHER_NUMBERS = "This check also uses numbers that are not shown, and it does not pass"
AFTERWARDS = (
    "This check does not pass. It ran after hidden ones, because a cell above it redefines what these had to run with, "
    "so only the kind of the mistake is told"
)
LEFT_OUT = "Numbers that belong to it are left out (…)."
ENGINE = {
    "KernelDied": "Python itself ended while this check ran: a crash, an exit, or too much memory.",
    "NotRun": "This check was not run, because Python had ended before.",
    "TimeUp": "This check was stopped, because your code ran too long. Waiting for a busy machine does not count.",
}
ENDED = (
    "Python ended, or was stopped, while this check called your code with numbers that are not shown: a crash, an "
    "exit, too much memory or output, or a loop that takes too long."
)
"""Of all ends in a hidden part alike: code that holds the hidden numbers could choose one of several sentences."""


@dataclass
class Told:
    """A test on the page. `picture` is (caption, rows of marks); `verified` is what was right before the mistake."""

    title: str
    state: str
    message: str = ""
    verified: list[str] = field(default_factory=list)
    picture: tuple[str, tuple[str, ...]] | None = None
    see: str = ""


@dataclass(frozen=True)
class Report:
    """A check's report as an output holds it. Everything in it is text of unknown origin."""

    title: str
    passed: bool
    mistake: str
    message: str
    verified: tuple[str, ...]
    picture: tuple[str, tuple[str, ...]] | None
    see: str


def course_data(node: Any) -> dict[str, Any]:
    found = node.get("metadata", {}) if isinstance(node, dict) else {}
    found = found.get("course", {}) if isinstance(found, dict) else {}
    return found if isinstance(found, dict) else {}


def report(output: Any) -> Report | None:
    """The report in an output, None where there is none."""
    data = output.get("data") if isinstance(output, dict) else None
    told = data.get(CHECK) if isinstance(data, dict) else None
    if not isinstance(data, dict) or not isinstance(told, dict):
        return None
    lines = plain(data.get("text/plain", ""))[:20_000].split("\n")
    title = re.match(r"(.{1,120}?): (?:passed|not yet)\.", lines[0])
    verified = [line.strip()[2:] for line in lines[1:] if line.strip().startswith("✓ ")]
    if told.get("passed") is True and "Verified: " in lines[0]:
        verified = lines[0].partition("Verified: ")[2].rstrip(".").split("; ")
    see = next((line.strip() for line in lines if re.match(r"\s*See .{1,80} in the notebook\.$", line)), "")
    return Report(
        title=title[1] if title else "",
        passed=told.get("passed") is True,
        mistake=one_line(told.get("mistake"), 100),
        message=one_line(told.get("message"), 1200),
        verified=tuple(one_line(item, 300) for item in verified[:12]),
        picture=_picture(lines),
        see=see,
    )


def _picture(lines: list[str]) -> tuple[str, tuple[str, ...]] | None:
    """The grid of marks below its caption, read from a report's text."""
    caption = re.compile(r"\s*Where .* is wrong, \d+ of \d+ entries: ")
    at = next((i for i, line in enumerate(lines) if caption.match(line)), None)
    if at is None:
        return None
    from helpers.check.core.picture import MEANING  # brings numpy

    rows = []
    for line in lines[at + 1 : at + 40]:
        marks = line.split()
        if not marks or any(mark not in MEANING for mark in marks):
            break
        rows.append("".join(marks[:60]))
    return (one_line(lines[at], 300), tuple(rows)) if rows else None


@lru_cache(maxsize=512)
def visible_checks(source: str) -> int:
    """How many checks a test cell calls in its visible part; each shows one report."""
    try:
        tree = ast.parse(shown(source))
    except (SyntaxError, ValueError):
        return 0
    calls = [n.value for n in tree.body if isinstance(n, ast.Expr) and isinstance(n.value, ast.Call)]
    return sum(ast.unparse(call.func).split(".")[0] == "check" for call in calls)


def hidden_from(graded: Cell, cell: NotebookNode, outputs: list[Any], told: list[Report | None]) -> int:
    """Index of the first output that may belong to the hidden part of a test cell; `told` are the outputs' reports.

    In a cell that ran after a hidden part all may. Marks by the engine count, but outputs without any do not become
    visible by that: as many reports as the visible part calls checks are visible, and nothing else.
    """
    if course_data(cell).get("told"):
        return 0
    sources = [graded.text, plain(cell.get("source", ""))]
    if not any(f"BEGIN {HIDDEN}" in source for source in sources):
        return len(outputs)
    begins = [i for i, output in enumerate(outputs) if course_data(output).get("hidden")]
    marked = course_data(cell).get("hidden_from")
    if isinstance(marked, int) and not isinstance(marked, bool):
        begins.append(max(0, marked))
    allowed = min(visible_checks(source) for source in sources)
    reports = [i for i, one in enumerate(told) if one]
    begins.append(reports[allowed - 1] + 1 if 0 < allowed <= len(reports) else len(outputs) if allowed else 0)
    return min(begins)


def diagnose(graded: Cell, cell: NotebookNode | None, secrets: Secrets) -> Told:
    """What to tell of one test cell of an autograded notebook."""
    if cell is None:
        return Told(graded.id, NOT_RUN, "This check is missing from the graded notebook.")
    put_out = cell.get("outputs")
    outputs = [o for o in put_out if isinstance(o, dict)] if isinstance(put_out, list) else []
    reports = [report(output) for output in outputs]
    border = hidden_from(graded, cell, outputs, reports)
    visible = [r for r in reports[:border] if r]
    hidden = [r for r in reports[border:] if r]
    title = secrets.without(next((r.title for r in visible if r.title), "")) or graded.id
    errors = [o for o in outputs if o.get("output_type") == "error"]
    unseen = _ran_unseen(cell, outputs)
    failed = next((r for r in visible if not r.passed), None)
    if carried := one_line(course_data(cell).get("carried")):
        own = f" With your own it says: {secrets.without(failed.message)}" if failed else ""
        return Told(title, PASSED, f"{secrets.without(carried)}{own}")
    if not errors:
        ran = bool(visible or hidden) or cell.get("execution_count") is not None
        told = Told(title, PASSED) if ran else Told(title, NOT_RUN, "This check has not been run.")
        told.verified = [secrets.without(item) for r in visible for item in r.verified][:6]
        return told
    name = next((e for o in errors for e in ENGINE if one_line(o.get("ename")) == e), "")
    if (cause := one_line(course_data(cell).get("cause"))) and not unseen:
        return Told(title, FAILED, secrets.without(cause))
    if failed is not None:
        return Told(
            title,
            TO_DO if failed.mistake == "still-to-do" else FAILED,
            secrets.without(failed.message),
            [secrets.without(item) for item in failed.verified],
            failed.picture,
            secrets.without(failed.see),
        )
    if name and unseen:
        return Told(title, FAILED, ENDED)
    if name:
        return Told(title, NOT_RUN if name == "NotRun" else FAILED, ENGINE[name])
    error = one_line(errors[0].get("ename"), 80)
    if error == "NotImplementedError" or any(r.mistake == "still-to-do" for r in hidden):
        return Told(title, TO_DO, "Still to do.")
    if not unseen and _visible_message(errors[0], graded, secrets):
        return Told(title, FAILED, _error_text(errors[0]))
    if unseen or f"BEGIN {HIDDEN}" in graded.text or f"BEGIN {HIDDEN}" in plain(cell.get("source", "")):
        # Only a report is the check's own words; what is raised may have been written by the student's code.
        raw = next((r.message for r in hidden if not r.passed), "" if unseen else _error_text(errors[0]))
        why = _missing_name(errors[0], shown(graded.text) if unseen else secrets.public) or redacted(raw, secrets)
        opening = SAME_KIND if visible and all(r.passed for r in visible) else OTHER_NUMBERS
        opening = AFTERWARDS if course_data(cell).get("told") else opening
        cut = f" {LEFT_OUT}" if "…" in why else ""
        return Told(title, FAILED, f"{opening}: {why}{cut}" if why else f"{opening}.")
    return Told(title, FAILED, secrets.without(_error_text(errors[0])) or "This check failed without saying why.")


def _ran_unseen(cell: NotebookNode, outputs: list[Any]) -> bool:
    """Whether a test ended, as the engine marked it, when the student's code had met hidden numbers."""
    about = course_data(cell)
    begins = about.get("hidden_from")
    begins = begins if isinstance(begins, int) and not isinstance(begins, bool) else len(outputs)
    return bool(about.get("told")) or any(o.get("output_type") == "error" for o in outputs[max(0, begins) :])


def _error_text(error: Any) -> str:
    name, value = one_line(error.get("ename"), 80), one_line(error.get("evalue"), 600)
    return value if name in ("AssertionError", "CheckFailed") and value else f"{name}: {value}".rstrip(": ")


def _missing_name(error: Any, public: str) -> str:
    """A sentence for a name in what students can read that their code does not define."""
    found = re.fullmatch(r"name '(\w+)' is not defined", one_line(error.get("evalue"), 200))
    known = found and re.search(rf"\b{found[1]}\b", public)
    return (
        f"there is no `{found[1]}`; is its cell written, and is the name spelled the same?" if found and known else ""
    )


def _visible_message(error: Any, graded: Cell, secrets: Secrets) -> bool:
    """Whether an error says what the visible part of the test says when it fails, word for word."""
    said = _error_text(error)
    try:
        nodes = list(ast.walk(ast.parse(shown(graded.text))))
    except (SyntaxError, ValueError):
        return False
    texts = {one_line(n.value, 600) for n in nodes if isinstance(n, ast.Constant) and isinstance(n.value, str)}
    return said in texts and secrets.without(said) == said
