"""Refuse, at release time, test cells that can't be judged from another process.

When hand-ins are graded, a test cell runs in a process that holds none of the student's code. Plain data of the
student's is there as copies; their functions, classes and objects are only named: a check is given them, and a function
can be called with plain data. A cell that needs more is found here, by its text, before a class gets it.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field

from .source import Assignment, Cell, SourceError

MAGIC = re.compile(r"^\s*[%!?].*|^.*=\s*[%!]\w.*|^\s*\w[\w.]*\?\??\s*$", re.M)
NOTEBOOK = {"exec", "eval", "compile", "globals", "locals", "__import__", "get_ipython", "input", "breakpoint"}
CHANGING = {"append", "extend", "insert", "remove", "pop", "popitem", "sort", "reverse", "setdefault", "discard"}
CHANGING |= {"clear", "update", "add", "fill", "put", "resize", "partition", "setflags"}
CHECKS = "check"
"""The name under which a notebook imports the checks."""

SAYINGS = {
    "magic": ("has the magic or shell line {!r}", "The judge runs plain Python: move it into a given cell."),
    "syntax": ("is no Python that can be read", "Mend its syntax."),
    "relied on": (
        "defines {!r}, which {} uses",
        "What a test defines stays with the judge: define it in a given cell above both.",
    ),
    "uses": (
        "uses the student's {} in `{}`",
        "It stays in the student's process: call a function with plain data, or give it to a check, whose probe runs "
        "there.",
    ),
    "in place": (
        "changes the student's {} in place",
        "That changes a copy that their code never sees: work on a variable of yours.",
    ),
    "handed over": (
        "hands {} to the student's {}",
        "Files, generators, functions and objects don't travel: hand over a number, a list, an array or a text.",
    ),
    "notebook": ("calls {}()", "The judge has names of its own and no notebook: call functions by name."),
    "global": ("has the statement `global {}`", "The judge has names of its own: return values instead."),
}  # fmt: skip
"""What is wrong, and what to write instead."""


@dataclass
class Names:
    """Names that the student's process holds; among them, functions and what else is certainly no plain data."""

    student: set[str] = field(default_factory=set)
    functions: set[str] = field(default_factory=set)
    objects: set[str] = field(default_factory=set)

    def learn(self, cell: Cell, tree: ast.Module) -> None:
        """What a cell defines. A given cell's names are the student's where their statement uses a student's name."""
        for statement in tree.body:
            given = cell.kind == "given" and not names_used(statement) & self.student
            for name in bound(statement):
                self.forget(name)
                if not given:
                    self._bind(name, statement)

    def _bind(self, name: str, statement: ast.stmt) -> None:
        self.student.add(name)
        if isinstance(statement, ast.FunctionDef):
            self.functions.add(name)
        elif isinstance(statement, ast.ClassDef) or (isinstance(statement, ast.Assign) and self._made(statement.value)):
            self.objects.add(name)

    def _made(self, node: ast.expr) -> bool:
        """An object of a student's class."""
        return isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id in self.objects

    def forget(self, name: str) -> None:
        for names in (self.student, self.functions, self.objects):
            names.discard(name)

    def without(self, own: set[str]) -> Names:
        return Names(self.student - own, self.functions - own, self.objects - own)


def refuse(assignment: Assignment) -> None:
    """SourceError with a sentence for each thing in a test cell that can't be judged."""
    if found := faults(assignment):
        more = f" (and {len(found) - 8} more)" if len(found) > 8 else ""
        raise SourceError(f"solutions/{assignment.name}: " + " ".join(found[:8]) + more)


def faults(assignment: Assignment) -> list[str]:
    """A sentence for each thing in a test cell that can't be judged: the cell, what it does, what to write instead."""
    known, found = Names(), list[str]()
    code = [(cell, _parsed(cell)) for cell in assignment.cells if cell.type == "code"]
    for place, (cell, tree) in enumerate(code):
        if cell.kind != "test":
            known.learn(cell, tree or ast.Module([], []))
        elif tree is None:
            magic = MAGIC.search(cell.text)
            found.append(_sentence(cell, "magic", magic[0].strip()[:40]) if magic else _sentence(cell, "syntax"))
        else:
            kinds = [*_uses(tree, known), *_relied_on(tree, code[place + 1 :])]
            found += dict.fromkeys(_sentence(cell, kind, *words) for kind, *words in kinds)
    return found


def _sentence(cell: Cell, kind: str, *words: str) -> str:
    what, instead = SAYINGS[kind]
    return f"The test {cell.place} {what.format(*words)}. {instead}"


def _parsed(cell: Cell) -> ast.Module | None:
    """The code of a cell, None where it is no plain Python; in cells that are no tests magics are left out."""
    lines = cell.text.splitlines()
    if cell.kind != "test":
        lines = ["" if line.lstrip()[:1] in ("%", "!", "?") else line for line in lines]
    try:
        return ast.parse("\n".join(lines))
    except SyntaxError:
        return None


def _relied_on(tree: ast.Module, later: Iterable[tuple[Cell, ast.Module | None]]) -> Iterator[tuple[str, ...]]:
    """What this test defines and a later cell reads before it defines it itself."""
    mine = {name for statement in tree.body for name in bound(statement)}
    for other, body in later:
        for statement in body.body if body else ():
            for name in sorted(mine & names_used(statement)):
                yield "relied on", name, other.place
                mine.discard(name)
            mine -= bound(statement)


def _uses(tree: ast.Module, known: Names) -> Iterator[tuple[str, ...]]:
    """What a test cell does that needs the student's process, or a notebook."""
    parents = {child: node for node in ast.walk(tree) for child in ast.iter_child_nodes(node)}
    arguments = {node.arg for node in ast.walk(tree) if isinstance(node, ast.arg)}
    own = {name for statement in tree.body for name in bound(statement)}
    names = known.without(arguments | (own - _read_first(tree)))
    for node in ast.walk(tree):
        if isinstance(node, ast.Global):
            yield "global", ", ".join(node.names)
        elif isinstance(node, ast.Name) and isinstance(node.ctx, ast.Load):
            yield from _of_name(node, parents, names)
        elif isinstance(node, ast.Call) and isinstance(node.func, ast.Name):
            if node.func.id in NOTEBOOK and node.func.id not in names.student:
                yield "notebook", node.func.id
            if node.func.id in names.functions:
                for one in (*node.args, *(keyword.value for keyword in node.keywords)):
                    if _stays(one, tree):
                        yield "handed over", ast.unparse(one)[:60], node.func.id
        elif isinstance(node, ast.AugAssign | ast.Subscript | ast.Attribute):
            target = node.target if isinstance(node, ast.AugAssign) else node
            stored = isinstance(node, ast.AugAssign) or isinstance(node.ctx, ast.Store | ast.Del)
            if stored and root(target) in known.student - arguments - names.functions - names.objects:
                yield "in place", ast.unparse(target)[:60]


def _read_first(tree: ast.Module) -> set[str]:
    """Names that a cell reads in a statement before, or in which, it binds them."""
    found: set[str] = set()
    own: set[str] = set()
    for statement in tree.body:
        found |= names_used(statement) - own
        own |= bound(statement)
    return found


def _of_name(node: ast.Name, parents: dict[ast.AST, ast.AST], names: Names) -> Iterator[tuple[str, ...]]:
    """A function or object of the student's is called, or given to a check; of plain data nothing is changed."""
    parent = parents[node]
    if node.id in names.functions | names.objects:
        called = isinstance(parent, ast.Call) and parent.func is node and node.id in names.functions
        while isinstance(parent, ast.keyword | ast.Starred | ast.List | ast.Tuple | ast.Dict | ast.IfExp):
            parent = parents[parent]
        to_check = isinstance(parent, ast.Call) and root(parent.func) == CHECKS
        compared = isinstance(parent, ast.Compare) and all(isinstance(op, ast.Is | ast.IsNot) for op in parent.ops)
        if not (called or to_check or compared):
            yield "uses", node.id, ast.unparse(parents[node])[:60]
    elif node.id in names.student:
        path: ast.AST = node
        while isinstance(parents.get(path), ast.Attribute | ast.Subscript):
            path = parents[path]
        call = parents.get(path)
        changes = isinstance(path, ast.Attribute) and path.attr in CHANGING
        if changes and isinstance(call, ast.Call) and call.func is path and isinstance(parents.get(call), ast.Expr):
            yield "in place", ast.unparse(path.value)[:60]  # type: ignore[attr-defined]
        if isinstance(parent, ast.keyword) and parent.arg == "out":
            yield "in place", node.id


def _stays(node: ast.AST, tree: ast.Module) -> bool:
    """What can't be sent: a file, generator, function, or one of the test's own objects."""
    called = node.func if isinstance(node, ast.Call) else node
    named = called.id if isinstance(called, ast.Name) else ""
    own = {one.name for one in ast.walk(tree) if isinstance(one, ast.ClassDef)}
    made_here = named in own or (called is not node and named in ("open", "iter", "zip", "map", "filter"))
    return made_here or isinstance(node, ast.GeneratorExp | ast.Lambda)


def bound(node: ast.AST) -> set[str]:
    """Names that a statement binds where it stands, and not inside of functions and classes that it defines."""
    found: set[str] = set()
    waiting: list[ast.AST] = [node]
    while waiting:
        one = waiting.pop()
        if isinstance(one, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
            found.add(one.name)
        elif not isinstance(one, ast.Lambda | ast.ListComp | ast.SetComp | ast.DictComp | ast.GeneratorExp):
            if isinstance(one, ast.Name) and isinstance(one.ctx, ast.Store):
                found.add(one.id)
            elif isinstance(one, ast.alias):
                found.add((one.asname or one.name).split(".")[0])
            elif isinstance(one, ast.ExceptHandler | ast.MatchAs | ast.MatchStar) and one.name:
                found.add(one.name)
            waiting += ast.iter_child_nodes(one)
    return found


def names_used(node: ast.AST) -> set[str]:
    """Names that are read somewhere in the node, inside of functions, too."""
    return {one.id for one in ast.walk(node) if isinstance(one, ast.Name) and isinstance(one.ctx, ast.Load)}


def root(node: ast.AST) -> str:
    """The name that an expression such as `table["a"].rows` begins with, "" where it begins with none."""
    while isinstance(node, ast.Attribute | ast.Subscript | ast.Starred):
        node = node.value
    return node.id if isinstance(node, ast.Name) else ""
