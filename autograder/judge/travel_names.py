"""Which names of a test cell come from the student's process, found in the text of an assignment's cells."""

from __future__ import annotations

import ast
from dataclasses import dataclass, field

from ..authoring.source import Cell

CONTAINERS = (ast.List, ast.Dict, ast.Set, ast.ListComp, ast.DictComp, ast.SetComp)


@dataclass
class Names:
    """Names that the student's process holds, and among them functions, classes, objects of these, and containers."""

    student: set[str] = field(default_factory=set)
    functions: set[str] = field(default_factory=set)
    classes: set[str] = field(default_factory=set)
    instances: set[str] = field(default_factory=set)
    containers: set[str] = field(default_factory=set)

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
        elif isinstance(statement, ast.ClassDef):
            self.classes.add(name)
        elif isinstance(statement, ast.Assign):
            if isinstance(statement.value, CONTAINERS):
                self.containers.add(name)
            elif self.handle(statement.value):
                self.instances.add(name)

    def _all(self) -> tuple[set[str], ...]:
        return self.student, self.functions, self.classes, self.instances, self.containers

    def forget(self, name: str) -> None:
        for names in self._all():
            names.discard(name)

    def copy(self) -> Names:
        return Names(*map(set, self._all()))

    def theirs(self, node: ast.AST) -> bool:
        """Whether the expression begins with something of the student's."""
        return root(node) in self.student | self.instances

    def handle(self, node: ast.AST) -> bool:
        """Certainly a handle and no plain data: a student's function, class, or an object that was made of one."""
        if isinstance(node, ast.Call):
            return isinstance(node.func, ast.Name) and node.func.id in self.classes
        return isinstance(node, ast.Name) and node.id in self.functions | self.classes | self.instances


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
    """The name that an expression such as `net.layers[0].forward(x)` begins with, "" where it begins with none."""
    while isinstance(node, ast.Attribute | ast.Subscript | ast.Call | ast.Starred | ast.Await):
        node = node.func if isinstance(node, ast.Call) else node.value
    return node.id if isinstance(node, ast.Name) else ""
