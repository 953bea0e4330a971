"""Which names a cell's code binds at its top level, and which it takes from outside."""

from __future__ import annotations

import ast
import re
import symtable
import sys
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from functools import wraps
from typing import TypeVar

MAGIC = re.compile(r"^([^\S\n]*)(?:(?=[%!?])|(?=[\w.]+\?\??[^\S\n]*$))", re.MULTILINE)
"""Where a line is one of IPython's: `%time`, `!ls`, `?np.pad`, `np.pad?`."""
ASSIGNED = re.compile(r"^([^\S\n]*\w[\w, ]*=[^\S\n]*)[!%].*$", re.MULTILINE)
"""`files = !ls`."""
BINDS = re.compile(r"^(?:async[ \t]+)?(?:def|class)[ \t]+(\w+)|^(\w+)[ \t]*=(?!=)", re.MULTILINE)
LONGEST = 50_000
"""Characters of code that Python's parser is asked about. It takes up to 1.3 KB for each."""
KEPT = 100_000_000
"""Bytes that what is remembered of code may take: of one hand-in all. Names take up to thirty times the room of the
code that they stand in."""
Found = TypeVar("Found")


def kept(make: Callable[[str], Found]) -> Callable[[str], Found]:
    """Remember what a function finds in code, up to KEPT bytes of it; then begin anew."""
    known: dict[str, Found] = {}
    size = 0

    @wraps(make)
    def found(source: str) -> Found:
        nonlocal size
        if source not in known:
            more = len(source) * (30 if len(source) <= LONGEST else 2)
            size += more
            if size > KEPT:
                known.clear()
                size = more
            known[source] = make(source)
        return known[source]

    return found


@dataclass(frozen=True)
class Names:
    """`defines`: bound at the top level. `uses`: read there or in any function, without being bound by it."""

    defines: frozenset[str] = frozenset()
    uses: frozenset[str] = frozenset()
    code: bool = False


def python(source: str) -> str:
    """A cell's code, line for line, with `pass` for what only IPython reads, and None for what it assigns."""
    return ASSIGNED.sub(r"\1None", MAGIC.sub(r"\1pass  #", source))


def parsed(source: str) -> ast.Module:
    """Python's reading of a text of unknown origin. SyntaxError, ValueError, RecursionError or MemoryError where it is
    none; one that is longer than LONGEST is none."""
    if len(source) > LONGEST:
        raise ValueError(f"{len(source)} characters of code are more than {LONGEST}")
    return ast.parse(source)


class _Generators(ast.NodeTransformer):
    """Comprehensions as generators."""

    def visit_ListComp(self, node: ast.ListComp | ast.SetComp) -> ast.AST:
        return self.generic_visit(ast.GeneratorExp(node.elt, node.generators))

    visit_SetComp = visit_ListComp

    def visit_DictComp(self, node: ast.DictComp) -> ast.AST:
        return self.generic_visit(ast.GeneratorExp(ast.Tuple([node.key, node.value], ast.Load()), node.generators))


def table(source: str, tree: ast.AST | None = None) -> symtable.SymbolTable:
    """The names of code by scope; tree: the code parsed, if it is. A comprehension is a scope of its own, of which
    Python tells nothing since 3.12, but a generator still is one. SyntaxError, ValueError, RecursionError or
    MemoryError for what is no code."""
    if sys.version_info >= (3, 12):
        source = ast.unparse(_Generators().visit(tree or ast.parse(source)))
    return symtable.symtable(source, "<cell>", "exec")


@kept
def names(source: str) -> Names:
    """Never raises. Code that is broken, very long, or not Python gives only the definitions that stand in (the
    first 200,000 characters of) it as lines."""
    plain = python(source[: 4 * LONGEST])
    try:
        top = table(plain, parsed(plain))
        uses = {s.get_name() for s in top.get_symbols() if s.is_referenced()} | _global(top)
        bound = {s.get_name() for s in top.get_symbols() if s.is_assigned() or s.is_imported()}
        return Names(frozenset(bound), frozenset(uses), True)
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return Names(frozenset(a or b for a, b in BINDS.findall(plain)))


@kept
def names_by_statement(source: str) -> tuple[Names, ...]:
    """`names` of each statement at the top level, of the whole where it can't be read."""
    try:
        return tuple(names(ast.unparse(statement)) for statement in parsed(python(source)).body)
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return (names(source),)


def used(sources: Iterable[str], earlier: Sequence[str]) -> frozenset[str]:
    """The names that `sources` use, and those that the statements in `earlier` cells that define them use in turn."""
    found = {name for source in sources for name in names(source).uses}
    pieces = [piece for cell in earlier for piece in names_by_statement(cell)]
    while True:
        more = {n for piece in pieces if piece.defines & found for n in piece.uses}
        if more <= found:
            return frozenset(found)
        found |= more


def _global(table: symtable.SymbolTable) -> set[str]:
    found: set[str] = set()
    for child in table.get_children():
        found |= {s.get_name() for s in child.get_symbols() if s.is_global() and s.is_referenced()}
        found |= _global(child)
    return found
