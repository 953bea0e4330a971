"""Code that a hand-in has from elsewhere, for a human to look at: a library that does what was to be written, a module
that the assignment closes, or a cell that is word for word somebody else's. It costs no points.
"""

from __future__ import annotations

import ast
import hashlib
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from ..submission.bindings import parsed, python
from ..kernel.closed_modules import is_closed, is_in
from ..sandbox.paths import CHECKS
from ..authoring.source import Assignment, Cell, grade_id
from ..text import one_line, some

LIBRARIES = (
    "torch.nn", "torch.autograd", "torch.optim", "torch.func", "torchvision", "scipy.signal", "scipy.ndimage",
    "scipy.special", "sklearn", "skimage", "jax", "flax", "tensorflow", "keras", "mxnet", "cupy", "cv2",
)  # fmt: skip
FUNCTIONS = {
    "torch": (
        "conv1d", "conv2d", "conv3d", "conv_transpose2d", "max_pool1d", "max_pool2d", "avg_pool1d", "relu", "sigmoid",
        "softmax", "log_softmax", "batch_norm", "dropout", "cdist",
    ),
}  # fmt: skip
"""What lies beside the rest of a library."""
LEAST = 6
"""Statements that a copied cell must have beyond those that were given."""
MOST = 20

Place = tuple[str, int, str]
"""Cell, line in it, what is used there."""


def borrowed(notebook: Any, assignment: Assignment) -> list[str]:
    """A sentence for each cell of the student's that uses a library for what was to be written, or asks for a module
    that is closed. What the model solution of that cell uses itself is not told of.
    """
    known = {cell.id: cell for cell in assignment.cells if cell.id}
    code = [cell for cell in assignment.cells if cell.type == "code"]
    released = {_words(given(cell)) for cell in code}
    closed = Closed(assignment.closed)
    for cell in code:
        if cell.kind in ("given", ""):
            closed.given.update(_paths(cell.text, closed.names))
    names: dict[str, str] = {}
    told = []
    for number, cell in enumerate(notebook.cells, 1):
        name = grade_id(cell)
        mine = known.get(name)
        if cell.cell_type != "code" or (mine is not None and mine.kind == "test"):
            continue
        found = list(uses(cell.source, names, closed))
        if (mine is not None and mine.kind == "given") or _words(cell.source) in released:
            continue  # it belongs to everybody, and so do the names that it imports
        if found and mine is not None:
            allowed = {what for _, what in uses(mine.text, dict(names), closed)}
            found = [(line, what) for line, what in found if what not in allowed]
        if found:
            first = min(line for line, _ in found)
            what = ", ".join(sorted({what for _, what in found})[:4])
            place = name or f"cell {number}"
            sentence = f"{place} uses {what} (line {first} of its cell), which may do what was to be written."
            told.append(one_line(sentence))
    return told[:MOST]


@dataclass
class Closed:
    """`modules` that are closed, with what of each stays; `given`: what the assignment's own cells use, and their
    `names`."""

    modules: Mapping[str, Sequence[str]]
    given: set[str] = field(default_factory=set)
    names: dict[str, str] = field(default_factory=dict)


def uses(source: str, names: dict[str, str], closed: Closed) -> Iterator[tuple[int, str]]:
    """(line, what) of each use of a library or of a closed module. `names`: what names of earlier cells stand for;
    those of this cell are added."""
    nodes = _nodes(source)
    for node in nodes:
        for path in _imports(node, names):
            if what := _told(path, closed):
                yield node.lineno, what  # type: ignore[attr-defined]
    for node in nodes:
        if isinstance(node, ast.Attribute | ast.Name) and (what := _told(_path(node, names), closed)):
            yield node.lineno, what
        if _differentiates(node) and any(is_in(path, "torch") for path in names.values()):
            yield node.lineno, "torch.autograd"  # type: ignore[attr-defined]


def _nodes(source: str) -> list[ast.AST]:
    """All parts of a cell, from top to bottom; none of one that is no Python."""
    try:
        tree = parsed(python(source))
        return sorted(ast.walk(tree), key=lambda node: getattr(node, "lineno", 0))
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return []


def _paths(source: str, names: dict[str, str]) -> Iterator[str]:
    nodes = _nodes(source)
    for node in nodes:
        yield from _imports(node, names)
    for node in nodes:
        yield _path(node, names)


def _differentiates(node: ast.AST) -> bool:
    """A tensor that wants a gradient, or `loss.backward()`: our own `backward` is given something."""
    if isinstance(node, ast.Call):
        bare = isinstance(node.func, ast.Attribute) and node.func.attr == "backward"
        given = {word.arg for word in node.keywords}
        return "requires_grad" in given or (bare and not node.args and not given)
    return isinstance(node, ast.Attribute) and node.attr in ("requires_grad", "requires_grad_")


def _imports(node: ast.AST, names: dict[str, str]) -> Iterator[str]:
    """What an import, or a call that imports, brings; its names are noted."""
    if isinstance(node, ast.Import):
        for one in node.names:
            names[one.asname or one.name.partition(".")[0]] = one.name if one.asname else one.name.partition(".")[0]
            yield one.name
    elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
        for one in node.names:
            names[one.asname or one.name] = f"{node.module}.{one.name}"
            yield f"{node.module}.{one.name}"
    elif isinstance(node, ast.Assign) and (path := _called_for(node.value, names)):
        names.update({target.id: path for target in node.targets if isinstance(target, ast.Name)})
    elif path := _called_for(node, names):
        yield path


def _called_for(node: ast.AST, names: Mapping[str, str]) -> str:
    """The module of `importlib.import_module("…")` or `__import__("…")`, "" for anything else."""
    if not isinstance(node, ast.Call) or not node.args or not isinstance(node.args[0], ast.Constant):
        return ""
    called = _path(node.func, names).rpartition(".")[2]
    return str(node.args[0].value) if called in ("import_module", "__import__") else ""


def _path(node: ast.AST, names: Mapping[str, str]) -> str:
    """The dotted path that a name or attribute stands for, "" where it stands for none."""
    parts: list[str] = []
    while isinstance(node, ast.Attribute):
        parts.append(node.attr)
        node = node.value
    if not isinstance(node, ast.Name):
        return ""
    return ".".join([names.get(node.id, node.id if not parts else ""), *reversed(parts)])


def _told(path: str, closed: Closed) -> str:
    """What is to be told of a path, as short as it can be."""
    for library in LIBRARIES:
        if is_in(path, library):
            return library
    for library, functions in FUNCTIONS.items():
        name = path.removeprefix(f"{library}.")
        if name != path and name in functions:
            return path
    if path in closed.given:
        return ""
    for module, kept in closed.modules.items():
        if is_closed(path, module, kept):
            return f"{module}.{path.removeprefix(f'{module}.').partition('.')[0]}" if kept else module
    inside = path.removeprefix(f"{CHECKS}.").split(".") if is_in(path, CHECKS) else []
    # `check.ASSIGNMENT.NAME` is a check that students call.
    deep = 2 if inside[:1] == ["core"] else 3
    return ".".join([CHECKS, *inside[:2]]) if len(inside) >= deep else ""


# Copies ---------------------------------------------------------------------------------------------------------------


def fingerprints(notebook: Any, assignment: Assignment) -> dict[str, str]:
    """Exercise -> what is equal for cells that are word for word the same, of those that are long enough to tell."""
    found = {}
    known = {cell.id: cell for cell in assignment.cells if cell.kind == "exercise"}
    for cell in notebook.cells:
        name = grade_id(cell)
        if name in known and cell.cell_type == "code" and (mark := fingerprint(cell.source, given(known[name]))):
            found[name] = mark
    return found


def fingerprint(source: str, stub: str) -> str:
    """The same for texts that differ in comments, blanks and docstrings only; "" for what is no Python, or hardly has
    more statements than the stub."""
    try:
        text, count = _plain(source)
        least = _plain(stub)[1] + LEAST
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return ""
    return hashlib.sha256(text.encode("utf-8", "replace")).hexdigest()[:32] if count >= least else ""


def _plain(source: str) -> tuple[str, int]:
    tree = parsed(python(source))
    count = 0
    for node in ast.walk(tree):
        body = getattr(node, "body", None)
        if isinstance(body, list):
            if isinstance(node, ast.FunctionDef | ast.ClassDef | ast.Module) and ast.get_docstring(node) is not None:
                body = node.body = body[1:] or [ast.Pass()]
            count += len(body)
    return ast.dump(tree), count


def copies(rows: Iterable[tuple[str, Mapping[str, str]]], assignment: Assignment) -> list[tuple[str, str]]:
    """(students, sentence) of cells that several hand-ins share, or that are the model solution's. `rows`: student and
    fingerprints."""
    model = {cell.id: fingerprint(cell.text, given(cell)) for cell in assignment.cells if cell.kind == "exercise"}
    who: dict[tuple[str, str], list[str]] = defaultdict(list)
    for student, marks in rows:
        for exercise, mark in marks.items():
            who[exercise, mark].append(student)
    shared: dict[tuple[tuple[str, ...], bool], list[str]] = defaultdict(list)
    for (exercise, mark), students in who.items():
        same = model.get(exercise) == mark
        if len(students) > 1 or same:
            shared[tuple(students), same].append(exercise)
    told = []
    for (group, same), exercises in shared.items():
        whose = "the model solution's" if same else "the same"
        told.append((some(group, 4), f"Word for word {whose}: {', '.join(exercises)}."))
    return told


def given(cell: Cell) -> str:
    """A cell as it was handed out, but for the lines that say what to write."""
    inside, lines = False, []
    for line in cell.text.splitlines():
        inside = "BEGIN SOLUTION" in line or (inside and "END SOLUTION" not in line)
        if not inside and "END SOLUTION" not in line:
            lines.append(line)
        elif "BEGIN SOLUTION" in line:
            lines.append(line[: len(line) - len(line.lstrip())] + "pass")
    return "\n".join(lines)


def _words(text: str) -> str:
    return " ".join(text.split())
