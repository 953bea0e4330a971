"""Refuse, at release time, test cells that can't be judged from another process.

When hand-ins are graded, a test cell runs in a process that holds none of the student's code. What the student defined
is there as handles, which can be called and asked for attributes, items and lengths, and as copies of plain data. A
cell that needs more than that is found here, by its text, before a class gets it.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Iterable, Iterator

from ..authoring.source import Assignment, Cell, SourceError
from .travel_names import Names, bound, names_used

MAGIC = re.compile(r"^\s*[%!?].*|^.*=\s*[%!]\w.*|^\s*\w[\w.]*\?\??\s*$", re.M)
INSIDE = {"vars", "dir", "type", "id", "hash", "help"}
INSIDE_MODULES = {"inspect", "dis", "gc", "pickle", "copy", "dataclasses"}
NOTEBOOK = {"exec", "eval", "compile", "globals", "locals", "__import__", "get_ipython", "input", "breakpoint"}
ITERATORS = {"open", "iter", "zip", "map", "filter"}
AS_NUMBER = {"bool", "float", "int", "complex", "round", "abs"}
CHANGING = {"append", "extend", "insert", "remove", "popitem", "sort", "reverse", "setdefault", "discard", "setflags"}
CHANGING_PLAIN = CHANGING | {"pop", "clear", "update", "add", "fill", "put", "resize", "partition"}
"""Methods of containers and arrays. Objects of a student may have methods of the names that only the second one has."""

PLAIN = "Call it with values whose answer you know, and compare the plain results."
NUMBER = "A handle is not a number: call a method or read an attribute that is one."
SAYINGS = {
    "magic": ("has the magic or shell line {!r}", "The judge runs plain Python: move it into a given cell."),
    "syntax": ("is no Python that can be read", "Mend its syntax."),
    "relied on": (
        "defines {!r}, which {} uses",
        "What a test defines stays with the judge: define it in a given cell above both.",
    ),
    "subclass": (
        "makes {!r} a subclass of the student's {}",
        "A handle can't be a base class: make an object of it and call its methods.",
    ),
    "decorator": ("decorates {!r} with the student's {}", PLAIN),
    "inside": ("looks inside of the student's {} ({})", PLAIN),
    "isinstance": ("asks {}() about the student's {}", "Classes don't travel: call the object's methods instead."),
    "in place": (
        "changes the student's {} in place",
        "That changes a copy that their code never sees: set a whole attribute, or work on a variable of yours.",
    ),
    "set function": (
        "puts a function into the student's {}",
        "Only numbers, texts and arrays can be set: call the student's own function, and look at what it did.",
    ),
    "handed over": (
        "hands {} to the student's {}",
        "Files, generators, iterators and classes don't travel: hand over a list, an array or a text.",
    ),
    "notebook": ("calls {}()", "The judge has names of its own and no notebook: call functions by name."),
    "compared": ("compares the student's {}", "Only plain values can be compared: read attributes, or call methods."),
    "number": ("computes with the student's {}", NUMBER),
    "truth": ("asks whether the student's {} is true", "Compare it with None, or ask for an attribute."),
    "with": ("enters the student's {} by `with`", "A handle is not a context manager: call its methods one by one."),
    "except": ("catches the student's {}", "Classes don't travel: catch the builtin error on which it is based."),
    "raise": ("raises the student's {}", "Raise an error of your own."),
    "global": ("has the statement `global {}`", "The judge has names of its own: return values instead."),
}
"""What is wrong, and what to write instead."""


def refuse(assignment: Assignment) -> None:
    """SourceError with a sentence for each thing in a test cell that can't travel."""
    if found := faults(assignment):
        more = f" (and {len(found) - 8} more)" if len(found) > 8 else ""
        raise SourceError(f"solutions/{assignment.name}: " + " ".join(found[:8]) + more)


def faults(assignment: Assignment) -> list[str]:
    """A sentence for each thing in a test cell that can't travel: the cell, what it does, what to write instead."""
    known, found = Names(), list[str]()
    code = [(cell, _parsed(cell)) for cell in assignment.cells if cell.type == "code"]
    for place, (cell, tree) in enumerate(code):
        if cell.kind != "test":
            known.learn(cell, tree or ast.Module([], []))
        elif tree is None:
            magic = MAGIC.search(cell.text)
            found.append(_sentence(cell, "magic", magic[0].strip()[:40]) if magic else _sentence(cell, "syntax"))
        else:
            walk = _Walk(cell, known.copy())
            walk.visit(tree)
            found += [*walk.found, *_relied_on(cell, tree, code[place + 1 :])]
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


def _relied_on(cell: Cell, tree: ast.Module, later: Iterable[tuple[Cell, ast.Module | None]]) -> Iterator[str]:
    """What this test defines and a later cell reads before it defines it itself."""
    mine = {name for statement in tree.body for name in bound(statement)}
    for other, body in later:
        for statement in body.body if body else ():
            for name in sorted(mine & names_used(statement)):
                yield _sentence(cell, "relied on", name, other.place)
                mine.discard(name)
            mine -= bound(statement)


class _Walk(ast.NodeVisitor):
    """Goes through one test cell and writes down what can't travel."""

    def __init__(self, cell: Cell, names: Names):
        self.cell, self.names, self.found, self.own_classes = cell, names, list[str](), set[str]()

    def say(self, kind: str, *words: str | ast.AST) -> None:
        sentence = _sentence(self.cell, kind, *(w if isinstance(w, str) else ast.unparse(w)[:60] for w in words))
        if sentence not in self.found:
            self.found.append(sentence)

    # What a test defines

    def visit_ClassDef(self, node: ast.ClassDef) -> None:
        for base in (*node.bases, *(keyword.value for keyword in node.keywords)):
            if self.names.theirs(base):
                self.say("subclass", node.name, base)
        self._decorated(node)
        self.generic_visit(node)
        self.names.forget(node.name)
        self.own_classes.add(node.name)

    def visit_FunctionDef(self, node: ast.FunctionDef) -> None:
        self._decorated(node)
        outside = self.names.copy()
        for argument in ast.walk(node.args):
            if isinstance(argument, ast.arg):
                self.names.forget(argument.arg)
        self.generic_visit(node)
        self.names = outside
        self.names.forget(node.name)

    def _decorated(self, node: ast.FunctionDef | ast.ClassDef) -> None:
        for decorator in node.decorator_list:
            if self.names.theirs(decorator):
                self.say("decorator", node.name, decorator)

    def visit_Global(self, node: ast.Global) -> None:
        self.say("global", ", ".join(node.names))

    # What a test changes

    def visit_Assign(self, node: ast.Assign) -> None:
        self.visit(node.value)
        made = isinstance(node.value, ast.Call) and self.names.handle(node.value)
        for target in node.targets:
            self._changed(target, node.value)
            for name in bound(target):
                self.names.forget(name)
            if made and isinstance(target, ast.Name):
                self.names.instances.add(target.id)

    def _changed(self, target: ast.AST, value: ast.AST) -> None:
        if isinstance(target, ast.Tuple | ast.List):
            for one in target.elts:
                self._changed(one, value)
        elif isinstance(target, ast.Subscript) and self.names.theirs(target):
            self.say("in place", target)
        elif isinstance(target, ast.Attribute) and self.names.theirs(target) and isinstance(value, ast.Lambda):
            self.say("set function", target)

    def visit_AugAssign(self, node: ast.AugAssign) -> None:
        if self.names.theirs(node.target) and not isinstance(node.target, ast.Attribute):
            self.say("in place", node.target)
        self.generic_visit(node)

    def visit_Delete(self, node: ast.Delete) -> None:
        for target in node.targets:
            if self.names.theirs(target) and not isinstance(target, ast.Name):
                self.say("in place", target)

    def visit_Expr(self, node: ast.Expr) -> None:
        called = node.value.func if isinstance(node.value, ast.Call) else None
        if isinstance(called, ast.Attribute) and self.names.theirs(called):
            plain = isinstance(called.value, ast.Name) and called.value.id in self.names.containers
            if called.attr in (CHANGING_PLAIN if plain else CHANGING) and not self.names.handle(called.value):
                self.say("in place", called.value)
        self.generic_visit(node)

    # What a test calls

    def visit_Call(self, node: ast.Call) -> None:
        name = node.func.id if isinstance(node.func, ast.Name) else ""
        module = node.func.value if isinstance(node.func, ast.Attribute) else None
        given = [*node.args, *(keyword.value for keyword in node.keywords)]
        theirs = [one for one in given if self.names.theirs(one)]
        if name in NOTEBOOK and name not in self.names.student:
            self.say("notebook", name)
        if theirs and (name in INSIDE or (isinstance(module, ast.Name) and module.id in INSIDE_MODULES)):
            self.say("inside", theirs[0], node.func)
        if name in ("isinstance", "issubclass") and names_used(ast.Tuple(node.args[1:])) & self.names.student:
            self.say("isinstance", name, ast.Tuple(node.args[1:]).elts[0])
        if name in AS_NUMBER and given and self.names.handle(given[0]):
            self.say("number", given[0])
        for keyword in node.keywords:
            if keyword.arg == "out" and self.names.theirs(keyword.value):
                self.say("in place", keyword.value)
        for one in given if self.names.theirs(node.func) else ():
            if self._stays(one):
                self.say("handed over", one, node.func)
        self.generic_visit(node)

    def _stays(self, node: ast.AST) -> bool:
        """A file, generator, iterator, or one of the test's own classes or their objects."""
        called = node.func if isinstance(node, ast.Call) else node
        named = called.id if isinstance(called, ast.Name) else ""
        made_here = named in self.own_classes or (called is not node and named in ITERATORS)
        return made_here or isinstance(node, ast.GeneratorExp)

    def visit_Attribute(self, node: ast.Attribute) -> None:
        if node.attr.startswith("__") and self.names.theirs(node):
            self.say("inside", node.value, node.attr)
        self.generic_visit(node)

    # What a test asks

    def visit_Compare(self, node: ast.Compare) -> None:
        sides = [node.left, *node.comparators]
        for operator, left, right in zip(node.ops, sides, sides[1:], strict=False):
            asked = [left] if isinstance(operator, ast.In | ast.NotIn) else [left, right]
            for one in asked if not isinstance(operator, ast.Is | ast.IsNot) else ():
                if self.names.handle(one):
                    self.say("compared", one)
        self.generic_visit(node)

    def visit_BinOp(self, node: ast.BinOp) -> None:
        for one in (node.left, node.right):
            if self.names.handle(one):
                self.say("number", one)
        self.generic_visit(node)

    def visit_If(self, node: ast.If | ast.IfExp | ast.While | ast.Assert | ast.BoolOp | ast.UnaryOp) -> None:
        conditions = {ast.BoolOp: "values", ast.UnaryOp: "operand"}.get(type(node), "test")
        asked = getattr(node, conditions)
        for one in asked if isinstance(asked, list) else [asked]:
            if self.names.handle(one):
                self.say("truth", one)
        self.generic_visit(node)

    visit_IfExp = visit_While = visit_Assert = visit_BoolOp = visit_UnaryOp = visit_If

    def visit_With(self, node: ast.With) -> None:
        for item in node.items:
            if self.names.theirs(item.context_expr):
                self.say("with", item.context_expr)
        self.generic_visit(node)

    def visit_ExceptHandler(self, node: ast.ExceptHandler) -> None:
        if node.type is not None and names_used(node.type) & self.names.student:
            self.say("except", node.type)
        self.generic_visit(node)

    def visit_Raise(self, node: ast.Raise) -> None:
        if node.exc is not None and self.names.theirs(node.exc):
            self.say("raise", node.exc)
        self.generic_visit(node)
