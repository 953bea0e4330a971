"""What of a cell still runs when one of its statements fails: all that does not need what this one would have defined.

It is what a reader does who wants to see the rest: leave the line out and go on. A cell that stops itself (`raise`, an
exit, what is still to do) stays stopped.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any

from nbformat import NotebookNode

from ..judge.namespace import Statement, statements
from ..reports.feedback_page.diagnosis import CHECK
from ..submission.bindings import names, parsed, python
from ..text import one_line, text

STOPS = ("NotImplementedError", "SystemExit", "KeyboardInterrupt", "MemoryError")
MOST = 20
"""Statements of one cell that may fail."""
INSTALLS = re.compile(
    r"^([^\S\n]*)[!%][^\S\n]*(?:sudo[^\S\n]+)?(?:(?:python3?|\{sys\.executable\})[^\S\n]+-m[^\S\n]+)?"
    r"(?:pip3?|conda|mamba|uv|apt|apt-get|git|wget|curl)[^\S\n]+\S.*$",
    re.MULTILINE,
)
"""Lines that install or fetch something, for which there is no network; trying takes seconds."""


NO_NAME = re.compile(r"name '(\w+)' is not defined|`?(\w+)`? is not defined yet")


@dataclass(frozen=True)
class Part:
    """A statement of a cell, from (line, column) to (line, column), lines from 1, columns in bytes."""

    begin: tuple[int, int]
    end: tuple[int, int]
    stops: bool
    about: Statement


@dataclass
class Passed:
    """What came of a cell: outputs, watched names that have changed, sentences, how it ended, the text of what ran,
    which makes the same again, and the seconds that count of the last run."""

    outputs: list[NotebookNode]
    changed: list[str]
    notes: list[str]
    status: str
    ran: str
    used: float


def through(source: str, place: str, run: Callable[[str], Any], own: bool, causes: dict[str, str]) -> Passed:
    """Run a cell, and where a statement of one's own fails, what does not need it. `run` runs a text in K.

    `causes` gets, for each name that is now missing, the sentence that says why, and loses those that are there.
    """
    code, notes = _without_installs(source, place) if own else (source, [])
    ran = run(code)
    passed = Passed(list(ran.outputs), list(ran.changed), notes, ran.status, code, ran.used)
    if ran.status == "ok":
        _there(causes, defined(code))
        return passed
    parts = cell_parts(code)
    todo = list(range(len(parts)))
    done: list[int] = []
    missing: frozenset[str] = frozenset()
    for _ in range(MOST):
        error = _error(ran.outputs)
        failed = _find(parts, code, ran.at) if ran.status == "error" and ran.at else None
        if failed is None or failed not in todo:
            missing |= defined(code) - {name for number in done for name in parts[number].about.binds}
            _missing(causes, missing, f"cell {place} failed", error)
            break
        where = f"line {parts[failed].begin[0]} of cell {place} (`{_first_line(code, parts[failed])}`)"
        done += [number for number in todo if number < failed]
        todo, missing = _left(parts, [number for number in todo if number > failed], failed, missing)
        if not own or parts[failed].stops or error.partition(":")[0] in STOPS:
            missing |= {name for number in todo for name in parts[number].about.binds}
            todo = []
        _there(causes, frozenset(name for number in done for name in parts[number].about.binds) - missing)
        _missing(causes, missing, f"{where} failed", error)
        if not todo:
            break
        notes.append(f"{where[:1].upper()}{where[1:]} failed ({error}); what does not need it was run all the same.")
        ran = run(_only(code, parts, todo))
        passed.outputs += ran.outputs
        passed.changed += ran.changed
        passed.status, passed.used = ran.status, ran.used
        if ran.status == "ok":
            done += todo
            _there(causes, frozenset(name for number in todo for name in parts[number].about.binds))
            break
    passed.ran = _only(code, parts, done) if parts else code
    return passed


def explain(cell: NotebookNode, causes: dict[str, str]) -> None:
    """Note in a test that failed for want of a name why there is none."""
    said = []
    for output in cell.outputs:
        report = output.get("data", {}).get(CHECK)
        said += [output.get("evalue")] if output.output_type == "error" else []
        said += [report.get("message")] if isinstance(report, dict) and report.get("passed") is False else []
    for name in (found[1] or found[2] for one in said for found in NO_NAME.finditer(one_line(one))):
        if name in causes:
            told = f"There is no `{name}`, because {causes[name]}."
            cell.metadata["course"] = NotebookNode(cell.metadata.get("course", {}), cause=told)
            return


def _missing(causes: dict[str, str], names: frozenset[str], what: str, error: str) -> None:
    if error.startswith("NotImplementedError"):
        return  # still to do, which its own check says
    said = "Python itself ended in it" if error.startswith("KernelDied") else error.rstrip(".")
    root = next((causes[f[1]] for f in NO_NAME.finditer(error) if f[1] in causes), f"{what}: {said}")
    for name in names:
        causes.setdefault(name, root)


def _there(causes: dict[str, str], names: frozenset[str]) -> None:
    for name in names:
        causes.pop(name, None)


def _error(outputs: list[NotebookNode]) -> str:
    """What a cell said when it failed; magics say it on standard error."""
    errors = [output for output in outputs if output.output_type == "error"]
    if errors:
        return one_line(f"{errors[-1].ename}: {errors[-1].evalue}".rstrip(": "), 200)
    said = [text(output.text).strip().splitlines() for output in outputs if output.get("name") == "stderr"]
    return one_line(said[-1][-1], 200) if said and said[-1] else "it stopped without saying why"


def _without_installs(source: str, place: str) -> tuple[str, list[str]]:
    """The cell without lines that install or fetch something, and sentences about these."""
    notes: list[str] = []

    def leave_out(found: re.Match[str]) -> str:
        line = 1 + source.count("\n", 0, found.start())
        what = one_line(found[0], 80)
        notes.append(f"Line {line} of cell {place} (`{what}`) was not run: nothing is installed or fetched in grading.")
        return f"{found[1]}pass"

    return INSTALLS.sub(leave_out, source), notes


def cell_parts(source: str) -> list[Part]:
    """The statements of a cell; none where it can't be read, or is a text for a magic."""
    if source.lstrip().startswith("%%"):
        return []
    plain = python(source)
    try:
        nodes, found = parsed(plain).body, statements(plain)
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return []
    if len(nodes) != len(found):
        return []
    lines, read = source.split("\n"), plain.split("\n")
    made = []
    for node, about in zip(nodes, found, strict=True):
        first = min([node, *getattr(node, "decorator_list", ())], key=lambda one: (one.lineno, one.col_offset))
        begin, end = (first.lineno, first.col_offset), (node.end_lineno or node.lineno, node.end_col_offset or 0)
        begin = (begin[0], begin[1] - 1) if first is not node else begin  # the @
        if lines[begin[0] - 1] != read[begin[0] - 1]:  # a magic: the whole line
            begin, end = (begin[0], 0), (begin[0], len(lines[begin[0] - 1].encode()))
        made.append(Part(begin, end, isinstance(node, ast.Raise), about))
    return made


def _find(parts: list[Part], source: str, at: tuple[int, int]) -> int | None:
    """Which statement stands at a place of the cell as IPython runs it, which is without empty lines at its start."""
    line = at[0] + next((number for number, text in enumerate(source.split("\n")) if text.strip()), 0)
    here = [i for i, part in enumerate(parts) if part.begin[0] <= line <= part.end[0]]
    exact = [i for i in here if parts[i].begin <= (line, at[1]) <= parts[i].end]
    return next(iter(exact or here), None)


def _left(
    parts: list[Part], todo: list[int], failed: int, missing: frozenset[str]
) -> tuple[list[int], frozenset[str]]:
    """Which statements can run after one has failed, and which names are then missing."""
    missing |= parts[failed].about.binds
    run = []
    for number in todo:
        about = parts[number].about
        if about.now & missing:
            missing |= about.binds
        else:
            missing -= about.binds
            run.append(number)
    return run, missing


def _only(source: str, parts: list[Part], chosen: Iterable[int]) -> str:
    """The cell with these statements alone, each in its line."""
    kept = set(chosen)
    lines = [line.encode() for line in source.split("\n")]
    for number in reversed(range(len(parts))):
        if number in kept:
            continue
        (first, column), (last, end) = parts[number].begin, parts[number].end
        tail = lines[last - 1][end:]
        lines[first - 1] = lines[first - 1][:column] + b"pass" + (tail if first == last else b"")
        for between in range(first, last):
            lines[between] = b""
        if first != last:
            lines[first - 1] += tail
    return b"\n".join(lines).decode()


def _first_line(source: str, part: Part) -> str:
    """How a statement begins, for a sentence."""
    line = source.split("\n")[part.begin[0] - 1].encode()[part.begin[1] :]
    line = line[: part.end[1] - part.begin[1]] if part.begin[0] == part.end[0] else line
    return one_line(line.decode("utf-8", "replace"), 80)


def defined(source: str) -> frozenset[str]:
    """What a cell would define if all of it ran."""
    return names(source).defines
