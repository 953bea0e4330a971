"""All that the checks of an assignment can say, read from their sources: `python -m autograder hints NAME`.

A hint is a mistake's name that stands beside a sentence, in a call (`Mistake(name, hint)`, `Hypothesis(…)`, a function
that makes one) or in a row of a table. It belongs to the checks from which its function or table can be reached.
"""

from __future__ import annotations

import ast
import importlib.util
import json
import re
import textwrap
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from functools import cache, cached_property
from pathlib import Path
from typing import Any

from helpers.check.core.report import EDITED

from ..course import Course

NAME = re.compile(r"[a-z0-9]+(-[a-z0-9]+)*|.*\{.*\}-\S+|\S+-\{.*\}")
FEW = 6
"""Checks whose titles stand above hints that they share."""
MAKERS = ("Hypothesis", "Hypothesis.each", "Mistake")
Unit = tuple[str, str]
"""A module, and what is defined at its top."""


@dataclass(frozen=True)
class Hint:
    """What a check says. place: file and line; a name or sentence has {expressions} where something is put in."""

    name: str
    sentence: str
    place: str


@dataclass(frozen=True)
class Group:
    """The hints that belong to the same checks. checks: (section, title)."""

    checks: tuple[tuple[str, str], ...]
    hints: tuple[Hint, ...]


class Source:
    """A module of checks."""

    def __init__(self, module: str):
        self.module, self.path = module, _place(module)
        self.tree = ast.parse(self.path.read_text(encoding="utf-8"))
        self.units: dict[str, ast.stmt] = {}
        for statement in self.tree.body:
            if isinstance(statement, ast.FunctionDef | ast.ClassDef):
                self.units[statement.name] = statement
            elif isinstance(statement, ast.Assign | ast.AnnAssign):
                for target in statement.targets if isinstance(statement, ast.Assign) else [statement.target]:
                    self.units |= {one.id: statement for one in ast.walk(target) if isinstance(one, ast.Name)}

    @cached_property
    def imports(self) -> dict[str, tuple[str, str]]:
        """Local name -> (module, what of it, "" for the module itself), of `helpers.check`."""
        found = {}
        for one in ast.walk(self.tree):
            if isinstance(one, ast.ImportFrom) and (one.module or "").startswith("helpers.check"):
                for alias in one.names:
                    module = str(one.module)
                    whole = f"{module}.{alias.name}"
                    found[alias.asname or alias.name] = (whole, "") if _is_module(whole) else (module, alias.name)
        return found

    def refers(self, node: ast.AST) -> Unit | None:
        """The unit that a name or an attribute stands for."""
        if isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name):
            module, name = self.imports.get(node.value.id, ("", "-"))
            return None if name else (module, node.attr)
        if not isinstance(node, ast.Name):
            return None
        if node.id in self.units:
            return self.module, node.id
        found = self.imports.get(node.id, ("", ""))
        return found if found[1] else None


def _is_module(name: str) -> bool:
    try:
        return importlib.util.find_spec(name) is not None
    except ModuleNotFoundError:  # what it would lie in is no package
        return False


def _place(module: str) -> Path:
    return Path(str(importlib.util.find_spec(module).origin))  # type: ignore[union-attr]


source = cache(Source)


@cache
def reached(unit: Unit) -> frozenset[Unit]:
    """All units that can be reached from one, itself included."""
    found, waiting = set(), [unit]
    while waiting:
        one = waiting.pop()
        if one in found or one[1] not in source(one[0]).units:
            continue
        found.add(one)
        waiting += direct(one)
    return frozenset(found)


@cache
def direct(unit: Unit) -> frozenset[Unit]:
    """Units whose names stand in one."""
    of = source(unit[0])
    return frozenset(filter(None, map(of.refers, ast.walk(of.units[unit[1]]))))


# Texts ------------------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Reader:
    """Texts of expressions, where a source and the statements around them say what names stand for."""

    of: Source
    around: tuple[ast.AST, ...] = ()
    meaning: frozenset[str] = frozenset()
    """Names whose meaning is being looked for: `x = f"{x} …"` ends there."""

    def text(self, node: ast.expr) -> str:
        if isinstance(node, ast.Constant):
            return str(node.value)
        if isinstance(node, ast.JoinedStr):
            return "".join(self.text(piece) for piece in node.values)
        if isinstance(node, ast.FormattedValue):
            return self.text(node.value) if isinstance(node.value, ast.Name) else f"{{{ast.unparse(node.value)}}}"
        if isinstance(node, ast.BinOp) and isinstance(node.op, ast.Add):
            return self.text(node.left) + self.text(node.right)
        if isinstance(node, ast.IfExp):
            return f"{{{self.text(node.body)} / {self.text(node.orelse)}}}"
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.func.attr == "format":
            return self._formatted(node, node.func.value)
        return self._meant(node) or f"{{{ast.unparse(node)}}}"

    def _formatted(self, call: ast.Call, template: ast.expr) -> str:
        found = self.text(template)
        for arg in call.args:
            found = found.replace("{}", self.text(arg), 1)
        for keyword in call.keywords:
            found = found.replace(f"{{{keyword.arg}}}", self.text(keyword.value))
        return found

    def _meant(self, node: ast.expr) -> str:
        """The text that a name was given, here or in the module where it is defined; "" where it is no text."""
        if isinstance(node, ast.Name):
            if node.id in self.meaning:
                return ""
            inner = replace(self, meaning=self.meaning | {node.id})
            for scope in reversed(self.around):
                given = [value for name, value in _assigned(scope) if name == node.id]
                texts = [inner.text(one) for one in given if _is_text(one)]
                if texts:
                    return texts[0] if len(texts) == 1 else f"{{{' / '.join(texts)}}}"
                if given:
                    return ""
        unit = self.of.refers(node)
        statement = source(unit[0]).units.get(unit[1]) if unit else None
        if not unit or not isinstance(statement, ast.Assign) or not _is_text(statement.value):
            return ""
        return Reader(source(unit[0])).text(statement.value)


def _assigned(scope: ast.AST) -> Iterator[tuple[str, ast.expr]]:
    """Names and the values that they are given, one by one or several in a row."""
    for one in ast.walk(scope):
        if isinstance(one, ast.Assign):
            target, value = one.targets[0], one.value
            together = isinstance(target, ast.Tuple) and isinstance(value, ast.Tuple)
            pairs = zip(target.elts, value.elts, strict=False) if together else [(target, value)]  # type: ignore[attr-defined]
            yield from ((ast.unparse(name), meant) for name, meant in pairs)


def _is_text(node: ast.expr) -> bool:
    if isinstance(node, ast.IfExp):
        return _is_text(node.body) and _is_text(node.orelse)
    return (
        (isinstance(node, ast.Constant) and isinstance(node.value, str))
        or isinstance(node, ast.JoinedStr)
        or (isinstance(node, ast.BinOp) and (_is_text(node.left) or _is_text(node.right)))
        or (isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.func.attr == "format")
    )


def hints(unit: Unit) -> Iterator[Hint]:
    """Of one function, class or table."""
    of = source(unit[0])

    def walk(node: ast.AST, around: tuple[ast.AST, ...]) -> Iterator[Hint]:
        scopes = (*around, node) if isinstance(node, ast.FunctionDef) else around
        found = _hint(of, node, scopes)
        if found:
            yield found
        for child in ast.iter_child_nodes(node):
            yield from walk(child, scopes)

    yield from walk(of.units[unit[1]], ())


def _hint(of: Source, node: ast.AST, around: tuple[ast.AST, ...]) -> Hint | None:
    """The hint that a call or a row of a table holds."""
    maker = ast.unparse(node.func) if isinstance(node, ast.Call) else ""
    if isinstance(node, ast.Call):
        items = [*node.args, *(one.value for one in node.keywords)]
    elif isinstance(node, ast.Tuple | ast.List):
        items = node.elts
    elif isinstance(node, ast.Dict):
        items = list(node.values)
    else:
        return None
    reader = Reader(of, around)
    literal = [reader.text(one) for one in items if isinstance(one, ast.Constant | ast.JoinedStr)]
    names = [one for one in literal if NAME.fullmatch(one)]
    if maker in MAKERS and items and not names:
        if isinstance(items[0], ast.Attribute):
            return None  # a mistake that is raised again, as it is
        names = [reader.text(items[0])]
    texts = [reader.text(one) for one in items if _is_text(one) or isinstance(one, ast.Name | ast.Attribute)]
    sentences = [one for one in texts if one not in names and " " in one and not one.startswith("{")]
    if maker in MAKERS and not sentences:
        sentences = [reader.text(items[-1])]
    name = names[0] if maker in MAKERS else next((one for one in reversed(names) if "-" in one), *names[-1:] or [""])
    if not name or not sentences or (maker not in MAKERS and not _is_hint(name, sentences[-1])):
        return None
    return Hint(name, sentences[-1], f"{of.path.name}:{getattr(node, 'lineno', 0)}")


def _is_hint(name: str, text: str) -> bool:
    """Of a row of a table, which may hold other texts: whether it is a mistake's name and a sentence."""
    return text.endswith((".", "?", ")")) or ("-" in name and text.count(" ") > 3)


# The page ---------------------------------------------------------------------------------------------------------


def checks_of(name: str, course: Course) -> list[tuple[Unit, str, str]]:
    """(function, section, title) of an assignment's checks, in the notebook's order."""
    folder = _place(f"helpers.check.{name}").parent
    found = []
    for path in [*sorted(folder.glob("*.py")), folder.parent / "core" / "form.py"]:
        module = f"helpers.check.{path.parent.name}.{path.stem}"
        for unit, statement in source(module).units.items() if path.stem != "__init__" else ():
            for made in statement.decorator_list if isinstance(statement, ast.FunctionDef) else ():
                if isinstance(made, ast.Call) and ast.unparse(made.func) == "check":
                    title, section = (ast.literal_eval(one) for one in made.args[:2])
                    found.append(((module, unit), section, title))
    text = course.source(name).read_text(encoding="utf-8")
    places = {unit: place.start() if (place := re.search(rf"check\.\w+\.{unit[1]}\(", text)) else len(text)
              for unit, _, _ in found}  # fmt: skip
    return sorted((one for one in found if places[one[0]] < len(text)), key=lambda one: places[one[0]])


def groups(name: str, course: Course | None = None) -> list[Group]:
    """All hints of an assignment, those of one check first, then those that several share, in the notebook's order."""
    checks = checks_of(name, course or Course())
    within: dict[Unit, list[int]] = {}
    for number, (unit, _, _) in enumerate(checks):
        for one in reached(unit):
            within.setdefault(one, []).append(number)
    by_checks: dict[tuple[int, ...], dict[tuple[str, str], Hint]] = {}
    for unit in sorted(within, key=lambda unit: (unit[0], source(unit[0]).units[unit[1]].lineno)):
        for hint in hints(unit):
            by_checks.setdefault(tuple(within[unit]), {}).setdefault((hint.name, hint.sentence), hint)
    if sealed := _sealed(name):
        by_checks[()] = sealed
    order = sorted(by_checks, key=lambda numbers: (len(numbers) > FEW, numbers[:1], len(numbers)))
    return [Group(tuple(checks[i][1:] for i in numbers), tuple(by_checks[numbers].values())) for numbers in order]


def _sealed(name: str) -> dict[tuple[str, str], Hint]:
    """Those that stand beside the right answers of multiple choice."""
    path = _place("helpers.check").parent / "right_answers" / f"{name}.json"
    found: dict[tuple[str, str], Hint] = {}

    def look(data: Any) -> None:
        if isinstance(data, dict) and "mistake" in data and "hint" in data:
            found[data["mistake"], data["hint"]] = Hint(data["mistake"], data["hint"], path.name)
        for one in data.values() if isinstance(data, dict) else data if isinstance(data, list) else ():
            look(one)

    if path.exists():
        look(json.loads(path.read_text(encoding="utf-8")))
    return found


def page(name: str, found: Sequence[Group], width: int = 120) -> str:
    """For people to read."""
    lines = [f"{name}: all that the checks can say. {{…}} stands for what is put in."]
    for group in found:
        titles = [f"{title} ({section})" for section, title in group.checks]
        if len(titles) > FEW:
            titles = [f"{len(titles)} checks, from {titles[0]} to {titles[-1]}"]
        lines += ["", ", ".join(titles) or "Multiple choice"]
        for hint in group.hints:
            lines.append(f"  {hint.name}  [{hint.place}]")
            lines += textwrap.wrap(hint.sentence, width, initial_indent="      ", subsequent_indent="      ")
    lines += ["", "Behind a sentence that tells no cause: Look at the line `{line}`: …, this check passes."]
    lines += [f"  {kind}: {words}" for kind, words in EDITED.items()]
    return "\n".join(lines)
