"""Which names of a test cell belong to the course, and which to the student.

What the locked cells of the source define without anything of a student's (settings, rubrics, data) a check takes from
the source itself, so that no hand-in can change it. Functions count as a student's as soon as they call a student's.
Every other name is asked for in the student's process at the start of a test cell.
"""

from __future__ import annotations

import ast
import builtins
import contextlib
import functools
import io
import symtable
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

from ..submission.bindings import python, table

BUILTINS = frozenset(vars(builtins))
HIDDEN = "HIDDEN TESTS"


@dataclass(frozen=True)
class Code:
    """A code cell of the source: `kind` is "given", "test", or anything else for what students may change."""

    kind: str
    text: str


@dataclass(frozen=True)
class Statement:
    """One statement of a locked cell and its names: bound, changed in place, needed at once, needed when called."""

    text: str
    binds: frozenset[str]
    changes: frozenset[str]
    now: frozenset[str]
    later: frozenset[str]
    imports: bool
    function: bool


@dataclass(frozen=True)
class Namespace:
    """`own`: names that tests take from the source; `preamble`: the code that defines them, to be run once."""

    own: frozenset[str]
    preamble: str

    def wanted(self, test: str) -> list[str]:
        """The names that a test cell needs from the student's process."""
        return sorted(free(test) - self.own - BUILTINS)

    def run(self, names: dict[str, Any]) -> None:
        """Define the course's own names in `names`, silently."""
        with contextlib.redirect_stdout(io.StringIO()), contextlib.redirect_stderr(io.StringIO()):
            exec(compile(self.preamble, "<the assignment's locked cells>", "exec"), names)


def namespace(cells: Iterable[Code]) -> Namespace:
    """The course's own names among those that the test cells of these code cells use."""
    cells = list(cells)
    given = [s for cell in cells if cell.kind == "given" for s in statements(cell.text)]
    loose = [s for cell in cells if cell.kind not in ("given", "test") for s in statements(cell.text)]
    imported = {name for s in given if s.imports for name in s.binds}
    # A list that a locked function fills while a student's code calls it holds the student's entries.
    state = {name for s in given for name in s.changes & s.later} | {name for s in loose for name in s.changes}
    student = {name for s in loose if not s.imports for name in s.binds} | (state - imported)
    own = _own(given, student)
    tests = frozenset().union(*(free(cell.text) for cell in cells if cell.kind == "test"))
    chosen, needed = _slice(given, own, tests & own)
    return Namespace(frozenset(needed), "\n".join(s.text for s in chosen))


def _own(given: Sequence[Statement], student: set[str]) -> set[str]:
    """The names whose every statement needs nothing of a student's; each loss may cost others."""
    own = {name for s in given for name in s.binds} - student
    while True:
        known = own | BUILTINS
        lost = {
            name
            for s in given
            if not s.now <= known or (s.function and not s.later <= known)
            for name in (s.binds | (s.changes - s.later)) & own
        }
        if not lost:
            return own
        own -= lost


def _slice(given: Sequence[Statement], own: set[str], wanted: Iterable[str]) -> tuple[list[Statement], set[str]]:
    """The statements that make the wanted names, in their order, and all names that these define."""
    needed = set(wanted)
    while True:
        chosen = [s for s in given if (s.binds | (s.changes - s.later)) & needed and s.now <= own | BUILTINS]
        more = {name for s in chosen for name in (s.now | s.later | s.binds) & own} - needed
        if not more:
            return chosen, needed
        needed |= more


def parts(test: str) -> Iterator[tuple[bool, str]]:
    """(hidden, code) of the parts of a test cell, in their order; those without code are left out."""
    held: list[str] = []
    hidden = False
    for line in [*test.splitlines(), f"### BEGIN {HIDDEN}"]:
        if f"BEGIN {HIDDEN}" in line or f"END {HIDDEN}" in line:
            text = "\n".join(held)
            if any(one.strip() and not one.lstrip().startswith("#") for one in held):
                yield hidden, text
            held, hidden = [], f"BEGIN {HIDDEN}" in line
        else:
            held.append(line)


@functools.lru_cache(1000)
def free(text: str) -> frozenset[str]:
    """Names that a cell's code takes from outside; none where the code can't be read."""
    try:
        found = table(python(text))
    except SyntaxError:
        return frozenset()
    bound = {s.get_name() for s in found.get_symbols() if s.is_assigned() or s.is_imported()}
    return frozenset(_used(found)) - bound


def _used(scope: symtable.SymbolTable) -> set[str]:
    top = scope.get_type() == "module"
    found = {s.get_name() for s in scope.get_symbols() if s.is_referenced() and (top or s.is_global())}
    return found.union(*(_used(child) for child in scope.get_children()))


def statements(text: str) -> list[Statement]:
    """The statements of a cell; none where it can't be read."""
    try:
        tree = ast.parse(python(text))
    except SyntaxError:
        return []
    return [_statement(node) for node in tree.body]


def _statement(node: ast.stmt) -> Statement:
    text = ast.unparse(node)
    scope = table(text)
    binds = {s.get_name() for s in scope.get_symbols() if s.is_assigned() or s.is_imported()}
    looked = _Look()
    looked.visit(node)
    imports = isinstance(node, ast.Import | ast.ImportFrom)
    function = isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef)
    function = function or (isinstance(node, ast.Assign) and isinstance(node.value, ast.Lambda))
    used = _used(scope)
    later = frozenset(looked.later & used)
    # A name that only a body uses is needed when that is called; one that is bound right here is there already.
    now = frozenset(looked.now & used) - (binds if function or not _reads_first(node, binds) else set())
    inside = frozenset((looked.changed_later & used) | looked.rebound)
    changes = frozenset(looked.changed_now) | inside
    return Statement(text, frozenset(binds), changes, now, later | inside, imports, function)


def _reads_first(node: ast.stmt, binds: set[str]) -> bool:
    """`x = x + 1` needs an earlier x; `for x in …: use(x)` does not."""
    if isinstance(node, ast.AugAssign):
        return True
    return isinstance(node, ast.Assign | ast.AnnAssign) and any(
        isinstance(n, ast.Name) and isinstance(n.ctx, ast.Load) and n.id in binds for n in ast.walk(node)
    )


@dataclass
class _Look(ast.NodeVisitor):
    """Names that are read, and names whose objects are changed, at once or in the bodies of functions."""

    now: set[str] = field(default_factory=set)
    later: set[str] = field(default_factory=set)
    changed_now: set[str] = field(default_factory=set)
    changed_later: set[str] = field(default_factory=set)
    rebound: set[str] = field(default_factory=set)
    _inside: bool = False

    def visit_Name(self, node: ast.Name) -> None:
        if isinstance(node.ctx, ast.Load):
            (self.later if self._inside else self.now).add(node.id)

    def visit_FunctionDef(self, node: ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda) -> None:
        for part in (*getattr(node, "decorator_list", ()), node.args):
            self.visit(part)
        before, self._inside = self._inside, True
        for part in node.body if isinstance(node.body, list) else [node.body]:
            self.visit(part)
        self._inside = before

    visit_AsyncFunctionDef = visit_Lambda = visit_FunctionDef

    def visit_Expr(self, node: ast.Expr) -> None:
        if isinstance(node.value, ast.Call) and isinstance(node.value.func, ast.Attribute):
            self._changed(node.value.func)
        self.generic_visit(node)

    def visit_Global(self, node: ast.Global) -> None:
        self.rebound.update(node.names)

    def visit_AugAssign(self, node: ast.AugAssign) -> None:
        self._changed(node.target)
        self.generic_visit(node)

    def visit_Assign(self, node: ast.Assign | ast.Delete) -> None:
        for target in node.targets:
            for part in ast.walk(target):
                if isinstance(part, ast.Subscript | ast.Attribute):
                    self._changed(part)
        self.generic_visit(node)

    visit_Delete = visit_Assign

    def _changed(self, target: ast.expr) -> None:
        while isinstance(target, ast.Subscript | ast.Attribute):
            target = target.value
        if isinstance(target, ast.Name):
            (self.changed_later if self._inside else self.changed_now).add(target.id)
