"""Hidden parts of tests wait until the student's last cell has run, so that nothing can tell what they asked.

They must wait no longer than until a later cell takes back what they ask for: then they run before it, and what that
cell and the later ones print is not shown to students. Where only the process can tell that a cell did so (`%reset`, a
call, `exec`), they run at the end, in a fresh process that has run the cells above that one.
"""

from __future__ import annotations

import ast
from collections.abc import Iterable, Sequence

from ..submission.bindings import kept, names, parsed, python, used


def taken_back(source: str, earlier: Sequence[str], tests: Iterable[str]) -> frozenset[str]:
    """The names that a cell binds anew, deletes or changes a part of, of those that `tests` need.

    `earlier` are the cells run so far, whose definitions need names in turn. A name that is only imported again stays
    what it is. What a cell changes through a call can't be seen here.
    """
    changed = changes(source)
    return changed & needed(earlier, tests) if changed else changed


def needed(earlier: Sequence[str], tests: Iterable[str]) -> frozenset[str]:
    """What `tests` need of the names that the `earlier` cells define, also through definitions of these cells."""
    return used(tests, earlier) & {n for cell in earlier for n in names(cell).defines}


@kept
def changes(source: str) -> frozenset[str]:
    """Names that the top level of a cell binds otherwise than by an import, deletes, or sets a part of."""
    try:
        tree = parsed(python(source))
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return names(source).defines
    imported = {
        (alias.asname or alias.name).split(".")[0]
        for node in ast.walk(tree)
        if isinstance(node, ast.Import | ast.ImportFrom)
        for alias in node.names
    }
    parts = {
        base
        for node in ast.walk(tree)
        if isinstance(node, ast.Attribute | ast.Subscript | ast.Name) and isinstance(node.ctx, ast.Store | ast.Del)
        if (base := _base(node)) and not (isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store))
    }
    return frozenset(names(source).defines - imported) | frozenset(parts)


def _base(node: ast.expr) -> str:
    while isinstance(node, ast.Attribute | ast.Subscript):
        node = node.value
    return node.id if isinstance(node, ast.Name) else ""
