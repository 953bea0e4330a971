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
from types import ModuleType
from typing import Any

import helpers

from ..sandbox.paths import CHECKS

BESIDE = (
    "around", "beside", "gradients", "learning_sizes", "picture", "reach", "report", "runtime_machine",
    "student_errors",
)  # fmt: skip
"""Modules of the checks that know no right result: some run beside the student's code, some are for given cells."""
OPEN = {
    "CheckFailed": "report:CheckFailed",
    "Report": "report:Report",
    "learning.study_size": "learning_sizes:study_size",
    "numerical_gradient": "gradients:numerical_gradient",
}
"""Of what the checks offer to a notebook, that which is there in a student's process, too."""
GROUPS = ("learning", "reading", "runtime")


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


def bare() -> None:
    """`helpers.check` as a package without its contents; call it before anything imports one of its modules."""
    if CHECKS in sys.modules:
        return
    spec = importlib.util.find_spec(CHECKS)
    assert spec is not None, CHECKS
    sys.modules[CHECKS] = helpers.check = importlib.util.module_from_spec(spec)  # type: ignore[attr-defined]


def whole() -> None:
    """The checks as they are, in a judge's process."""
    package = sys.modules.get(CHECKS)
    if package is not None and not hasattr(package, "__all__"):
        loader: Any = package.__spec__ and package.__spec__.loader
        loader.exec_module(package)
    else:
        importlib.import_module(CHECKS)


def close(modules: Mapping[str, Sequence[str]], cells: Iterable[str]) -> None:
    """In the zygote of students: close the modules, after the rest of what these cells import has been imported."""
    bare()
    for name in BESIDE:
        importlib.import_module(f"{CHECKS}.{name}")
    sys.meta_path.insert(0, Closed(modules))
    for name in imported(cells):
        with contextlib.suppress(Exception):  # the cell will say what is wrong with it
            importlib.import_module(name)
    package: Any = sys.modules[CHECKS]
    package.__getattr__ = _stand_in("")
    for group in GROUPS:
        stand_in: Any = ModuleType(f"{CHECKS}.{group}")
        stand_in.__getattr__ = _stand_in(f"{group}.")
        setattr(package, group, stand_in)


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


def _stand_in(before: str) -> Callable[[str], Any]:
    def attribute(name: str) -> Any:
        if name.startswith("__"):
            raise AttributeError(name)
        module, _, there = OPEN.get(before + name, "").partition(":")
        if module:
            return getattr(sys.modules[f"{CHECKS}.{module}"], there)

        def not_here(*args: Any, **named: Any) -> None:
            print(f"check.{before}{name} is not run here while your work is graded; the assignment's tests run it.")

        return not_here

    return attribute
