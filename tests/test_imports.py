"""The structure that imports make: no circles between files or folders, and arrows that run one way.

Every import counts, wherever it stands: in a function, or for types alone, it says as much about who knows whom.
"""

from __future__ import annotations

import ast
from collections.abc import Iterator, Mapping
from pathlib import Path

ROOT = Path(__file__).parents[1]
PACKAGES = ("helpers", "autograder")
Graph = dict[str, set[str]]


def modules() -> dict[str, Path]:
    """Each module of the packages by its dotted name; a folder's name is its `__init__.py`."""
    paths = [path for package in PACKAGES for path in (ROOT / package).rglob("*.py")]
    return {".".join(path.relative_to(ROOT).with_suffix("").parts).removesuffix(".__init__"): path for path in paths}


def imported(name: str, path: Path, known: Mapping[str, Path]) -> Iterator[str]:
    """The modules that stand in import statements: for `from package import name` the module `name`, if it is one."""
    parts = name.split(".") if path.stem == "__init__" else name.split(".")[:-1]
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names if alias.name in known)
        elif isinstance(node, ast.ImportFrom):
            above = parts[: len(parts) - node.level + 1] if node.level else []
            module = ".".join([*above, *([node.module] if node.module else [])])
            for alias in node.names:
                found = f"{module}.{alias.name}" if f"{module}.{alias.name}" in known else module
                if found in known and found != name:
                    yield found


def files() -> Graph:
    known = modules()
    return {name: set(imported(name, path, known)) for name, path in known.items()}


def folders(graph: Graph) -> Graph:
    """The same between folders; what lies in one does not count, nor does a folder that lies in another."""
    known = modules()
    place = {name: path.parent.relative_to(ROOT).as_posix() for name, path in known.items()}
    found: Graph = {folder: set() for folder in place.values()}
    for name, others in graph.items():
        found[place[name]] |= {place[other] for other in others} - {place[name]}
    return found


def circles(graph: Graph) -> list[list[str]]:
    """The strongly connected components of more than one, sorted (Tarjan's algorithm)."""
    index: dict[str, int] = {}
    low: dict[str, int] = {}
    stack: list[str] = []
    found: list[list[str]] = []

    def visit(name: str) -> None:
        index[name] = low[name] = len(index)
        stack.append(name)
        for other in sorted(graph[name]):
            if other not in index:
                visit(other)
            if other in stack:
                low[name] = min(low[name], low[other])
        if low[name] == index[name]:
            at = stack.index(name)
            if len(stack) - at > 1:
                found.append(sorted(stack[at:]))
            del stack[at:]

    for name in sorted(graph):
        if name not in index:
            visit(name)
    return sorted(found)
