"""Which names a cell's code binds at its top level, and which it takes from outside."""

from __future__ import annotations

import ast
import re
import symtable
from dataclasses import dataclass
from functools import lru_cache

MAGIC = re.compile(r"^(\s*)[%!?]", re.MULTILINE)
BINDS = re.compile(r"^(?:async\s+)?(?:def|class)\s+(\w+)|^(\w+)\s*=(?!=)", re.MULTILINE)


@dataclass(frozen=True)
class Names:
    """`defines`: bound at the top level. `uses`: read there or in any function, without being bound by it."""

    defines: frozenset[str] = frozenset()
    uses: frozenset[str] = frozenset()
    code: bool = False


@lru_cache(maxsize=1024)
def names(source: str) -> Names:
    """Never raises. Code that is broken, or no Python at all, tells only the definitions that stand in it as lines."""
    plain = MAGIC.sub(r"\1pass  #", source)
    try:
        ast.parse(plain)
        top = symtable.symtable(plain, "<cell>", "exec")
        uses = {s.get_name() for s in top.get_symbols() if s.is_referenced()} | _global(top)
        bound = {s.get_name() for s in top.get_symbols() if s.is_assigned() or s.is_imported()}
        return Names(frozenset(bound), frozenset(uses), True)
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return Names(frozenset(a or b for a, b in BINDS.findall(plain)))


def _global(table: symtable.SymbolTable) -> set[str]:
    found: set[str] = set()
    for child in table.get_children():
        found |= {s.get_name() for s in child.get_symbols() if s.is_global() and s.is_referenced()}
        found |= _global(child)
    return found
