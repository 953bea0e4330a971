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

KNOWN = {
    ("autograder.borrowed", "autograder.grading.names"),
    ("autograder.findings", "autograder.grading.answer_digests"),
    ("autograder.findings", "autograder.grading.cells"),
    ("autograder.grading.machine", "autograder.grading.task"),
    ("autograder.intake", "autograder.collect"),
    ("autograder.intake", "autograder.grading.reading"),
    ("autograder.mistakes.judged", "autograder.mistakes.bank"),
    ("helpers.check.core.conv_cases", "helpers.check.core.conv_slips"),
    ("helpers.nn.layer_costs", "helpers.nn.layer_table"),
    ("helpers.nn.spec_model", "helpers.nn.spec"),
    ("helpers.plots.runtime", "helpers.study.cnn_runtime.point"),
    ("helpers.plots.runtime_curves", "helpers.study.cnn_runtime.fits"),
    ("helpers.primitives.pooling_torch", "helpers.primitives.pooling"),
    ("helpers.primitives.spec", "helpers.primitives.counts"),
    ("helpers.primitives.spec", "helpers.primitives.registry"),
    ("helpers.study.cnn_learning.plateau_quantities", "helpers.study.cnn_learning.runs"),
}
"""(who, whom): imports that still close a circle, to be mended. Strike an entry when it is gone; add none."""


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


def cut(graph: Graph) -> Graph:
    return {name: {other for other in others if (name, other) not in KNOWN} for name, others in graph.items()}


def test_no_files_import_each_other_in_a_circle() -> None:
    assert circles(cut(files())) == []


def test_no_folders_import_each_other_in_a_circle() -> None:
    assert circles(folders(cut(files()))) == []


def test_what_is_known_to_be_wrong_is_still_there() -> None:
    graph = files()
    assert {(name, other) for name, other in KNOWN if other not in graph.get(name, ())} == set()


@pytest.mark.parametrize(
    ("folder", "never"),
    [
        ("helpers", {"autograder", "solutions", "tests", "nbgrader"}),
        ("autograder", {"solutions", "tests"}),
        ("solutions", {"autograder", "tests", "nbgrader"}),
    ],
)
def test_arrows_run_one_way(folder: str, never: set[str]) -> None:
    for path in (ROOT / folder).rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            found = [alias.name for alias in node.names] if isinstance(node, ast.Import) else []
            found += [node.module] if isinstance(node, ast.ImportFrom) and node.module and not node.level else []
            assert not {name.partition(".")[0] for name in found} & never, path


def test_a_circle_is_found() -> None:
    graph: Graph = {"a": {"b"}, "b": {"c", "d"}, "c": {"a"}, "d": {"e"}, "e": set(), "f": {"g"}, "g": {"f"}}
    assert circles(graph) == [["a", "b", "c"], ["f", "g"]]
