"""The form of a group: who is in it, and which parts it would present. It is read from the text and never run."""

from __future__ import annotations

import ast
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from nbformat import NotebookNode

from ..authoring.source import FORM, Assignment, grade_id
from ..text import one_line

LONGEST, MOST_MEMBERS, MOST_FIELDS, MOST_WORDS = 20_000, 20, 10, 200
"""Characters of a form, members of a group, entries of a member, characters of an entry."""


@dataclass(frozen=True)
class Declaration:
    """What a form says: the members, the letters of the parts declared, and what is wrong with it in
    words."""

    group: tuple[dict[str, str], ...] = ()
    parts: tuple[str, ...] = ()
    fault: str = ""


def read_form(source: str, letters: Iterable[str]) -> Declaration:
    """Read `group` and `ready_to_present` out of a form cell's text. Never raises; `fault` says what is
    wrong. Whatever stands in the form, a declaration holds short texts that can be written to a file."""
    letters = list(letters)
    if len(source) > LONGEST:
        return Declaration(fault=f"The form is longer than {LONGEST:,} characters, so it was not read.")
    try:
        tree = ast.parse(source)
        values = {
            target.id: ast.literal_eval(node.value)
            for node in tree.body
            if isinstance(node, ast.Assign)
            for target in node.targets
            if isinstance(target, ast.Name) and target.id in ("group", "ready_to_present")
        }
    except SyntaxError as error:
        return Declaration(fault=f"The form can't be read: {one_line(error.msg, 200)} in its line {error.lineno}.")
    except Exception:  # also what is nested too deeply, or has more digits than Python reads
        return Declaration(fault="The form holds something other than plain lists and texts.")
    for name in ("group", "ready_to_present"):
        if not isinstance(values.get(name), (list, tuple)):
            return Declaration(fault=f"The form does not give {name} as a list.")
    group = values["group"]
    if not all(isinstance(m, dict) for m in group):
        return Declaration(fault="The form's group must hold one {…} for each member.")
    members = tuple({_words(k): _words(v) for k, v in list(m.items())[:MOST_FIELDS]} for m in group[:MOST_MEMBERS])
    declared = [(d, d.strip().upper() if isinstance(d, str) else "") for d in values["ready_to_present"]]
    parts = tuple(dict.fromkeys(part for _, part in declared if part in letters))
    wrong = next((d for d, part in declared if part not in letters), None)
    told = ""
    if len(group) > MOST_MEMBERS:
        told = f"The form names {len(group)} members; the first {MOST_MEMBERS} are shown."
    if any(part not in letters for _, part in declared):
        what = repr(_words(wrong)) if isinstance(wrong, str) else _words(wrong)
        told = f"The form declares {what}, which is not a part ({', '.join(letters)})."
    return Declaration(members, parts, told)


def _words(value: Any) -> str:
    """A value of the form in one short line. Python writes no number of thousands of digits, and nothing too deep."""
    try:
        return one_line(value if isinstance(value, str) else str(value), MOST_WORDS)
    except Exception:
        return f"({type(value).__name__})"


def declared_in(notebook: NotebookNode, assignment: Assignment) -> Declaration:
    """The form in a graded notebook."""
    if not any(cell.id == FORM for cell in assignment.cells):
        return Declaration()
    forms = [c for c in notebook.cells if grade_id(c) == FORM and c.cell_type == "code"]
    return read_form(forms[-1].source, assignment.parts) if forms else Declaration(fault="The form is missing.")
