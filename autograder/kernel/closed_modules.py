"""What a student's process must do without: the modules of `helpers` that an assignment closes, and all checks.

The fork server has never imported them, so that nothing of them lies in the memory of what it forks; the
sandbox hides their files (`sandbox.paths.closed_paths`); and here is what students are told who ask for them.
"""

from __future__ import annotations

import ast
import contextlib
import importlib
import importlib.util
import sys
from collections.abc import Callable, Iterable, Mapping, Sequence
from importlib.abc import MetaPathFinder
from typing import Any

from helpers.check import ASSIGNMENTS

from ..sandbox.paths import CHECKS

BESIDE = (
    "core.again", "core.edits", "core.gradients", "core.probe", "core.report", "core.summary", "cnn_learning.sizes",
    "cnn_runtime.machine",
)  # fmt: skip
"""Modules of the checks that know no right result, besides every assignment's `probes`: they run beside the student's
code, or given cells need them."""


class Closed(MetaPathFinder):
    """Says why a module is not there. `modules`: those that are closed, with what of each stays."""

    def __init__(self, modules: Mapping[str, Sequence[str]]) -> None:
        self.modules = dict(modules)

    def find_spec(self, name: str, path: Any = None, target: Any = None) -> None:
        if is_in(name, CHECKS):
            raise ImportError(
                f"{name} knows the right results, so it is not there while your work is graded; in your own Jupyter "
                "it stays.",
                name=name,
            )
        if any(is_closed(name, module, kept) for module, kept in self.modules.items()):
            raise ImportError(
                f"{name} holds what this assignment asks you to write, so it is not there while your work is graded; "
                "write it in the cell of the exercise.",
                name=name,
            )


def is_closed(name: str, module: str, kept: Sequence[str]) -> bool:
    """Whether the module of this name lies in `module` and not in what is kept of that."""
    stays = bool(kept) and (name == module or any(is_in(name, f"{module}.{one}") for one in kept))
    return is_in(name, module) and not stays


def is_in(name: str, module: str) -> bool:
    """Whether this is the module or lies in it."""
    return f"{name}.".startswith(f"{module}.")


def whole() -> None:
    """All checks, in a judge's process."""
    for assignment in ASSIGNMENTS:
        package = importlib.import_module(f"{CHECKS}.{assignment}")
        for name in package.__all__:
            getattr(package, name)


def close(modules: Mapping[str, Sequence[str]], cells: Iterable[str]) -> None:
    """In the zygote of students: close the modules, after the rest of what these cells import has been imported."""
    probes = [f"{name}.probes" for name in ASSIGNMENTS if importlib.util.find_spec(f"{CHECKS}.{name}.probes")]
    for name in (*BESIDE, *probes):
        importlib.import_module(f"{CHECKS}.{name}")
    sys.meta_path.insert(0, Closed(modules))
    for name in imported(cells):
        with contextlib.suppress(Exception):  # the cell will say what is wrong with it
            importlib.import_module(name)
    for name in ASSIGNMENTS:
        package: Any = importlib.import_module(f"{CHECKS}.{name}")
        package.__getattr__ = _or_stand_in(package.__getattr__, name)


def imported(cells: Iterable[str]) -> list[str]:
    """The modules of `helpers` that stand in import statements of these cells, in their order."""
    found: dict[str, None] = {}
    for text in cells:
        with contextlib.suppress(SyntaxError, ValueError):
            for node in ast.walk(ast.parse("\n".join(line for line in text.splitlines() if line.lstrip()[:1] != "%"))):
                if isinstance(node, ast.ImportFrom) and node.module and is_in(node.module, "helpers"):
                    found |= dict.fromkeys([node.module, *(f"{node.module}.{name.name}" for name in node.names)])
                elif isinstance(node, ast.Import):
                    found |= dict.fromkeys(name.name for name in node.names if is_in(name.name, "helpers"))
    return list(found)


def _or_stand_in(found: Callable[[str], Any], assignment: str) -> Callable[[str], Any]:
    """The names of an assignment's checks; in place of a check that is closed, one that says so."""

    def attribute(name: str) -> Any:
        try:
            return found(name)
        except ImportError:
            return not_here(name)

    def not_here(name: str) -> Callable[..., None]:
        words = f"check.{assignment}.{name} is not run here while your work is graded; the assignment's tests run it."
        return lambda *args, **named: print(words)

    return attribute
