"""The structure that imports make: no circles between files or folders, and arrows that run one way.

Every import counts, wherever it stands: in a function, or for types alone, it says as much about who knows whom.
"""

from __future__ import annotations

import ast
import functools
from collections.abc import Iterator, Mapping
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
PACKAGES = ("helpers", "autograder")
Graph = dict[str, set[str]]


@functools.cache
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


@functools.cache
def files() -> Graph:
    known = modules()
    return {name: set(imported(name, path, known)) for name, path in known.items()}


def folders(graph: Graph) -> Graph:
    """The same between the folders of a package; what lies in no folder of it stands for itself."""
    known = modules()

    def place(name: str) -> str:
        parts = known[name].relative_to(ROOT).parts
        return ".".join(parts[:2]) if len(parts) > 2 else name

    found: Graph = {place(name): set() for name in graph}
    for name, others in graph.items():
        found[place(name)] |= {place(other) for other in others} - {place(name)}
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


def test_what_is_imported_is_there() -> None:
    """Also in functions, where neither a start nor a linter sees it."""
    known, missing = modules(), []
    for name, path in known.items():
        parts = name.split(".") if path.stem == "__init__" else name.split(".")[:-1]
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.ImportFrom):
                above = parts[: len(parts) - node.level + 1] if node.level else []
                module = ".".join([*above, *([node.module] if node.module else [])])
                ours = module.split(".")[0] in PACKAGES
                if ours and module not in known and not (ROOT / module.replace(".", "/")).is_dir():
                    missing.append(f"{name} imports {module}")
    assert missing == []


def test_no_files_import_each_other_in_a_circle() -> None:
    assert circles(files()) == []


def test_no_folders_import_each_other_in_a_circle() -> None:
    assert circles(folders(files())) == []


@pytest.mark.parametrize(
    ("folder", "never"),
    [
        ("helpers", {"autograder", "solutions", "tests", "nbgrader"}),
        ("autograder", {"solutions", "tests"}),
        ("solutions", {"autograder", "tests", "nbgrader"}),
    ],
)
def test_arrows_run_one_way(folder: str, never: set[str]) -> None:
    for path in (ROOT / folder).glob("*/*.py" if folder == "solutions" else "**/*.py"):  # classes are made for grading
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            found = [alias.name for alias in node.names] if isinstance(node, ast.Import) else []
            found += [node.module] if isinstance(node, ast.ImportFrom) and node.module and not node.level else []
            assert not {name.partition(".")[0] for name in found} & never, path


def test_a_circle_is_found() -> None:
    graph: Graph = {"a": {"b"}, "b": {"c", "d"}, "c": {"a"}, "d": {"e"}, "e": set(), "f": {"g"}, "g": {"f"}}
    assert circles(graph) == [["a", "b", "c"], ["f", "g"]]
