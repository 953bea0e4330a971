"""A name that is missing in a notebook, in one line that says which cell to run first, in place of a traceback.

The checks switch it on when they are imported. The package also installs `ipython_kernel_config.py`, so that it is on
in a kernel in which no cell has run, as after a restart.
"""

from __future__ import annotations

import ast
import json
import os
import re
import sys
from collections.abc import Iterator
from pathlib import Path
from types import TracebackType
from typing import Any

from helpers.errors import one_line
from helpers.progress import in_notebook

SETUP = "setup"
"""What the first code cell of an assignment is called in its metadata."""
INLINE = {"<module>", "<listcomp>", "<setcomp>", "<dictcomp>", "<genexpr>", "<lambda>"}


def load_ipython_extension(shell: Any) -> None:
    """For `%load_ext helpers.notebook` and for configurations."""
    shell.set_custom_exc((NameError,), _explain)


def explain_missing_names() -> None:
    """Switch it on, where this is a notebook."""
    if in_notebook():
        load_ipython_extension(sys.modules["IPython"].get_ipython())


def _explain(
    shell: Any, kind: type[BaseException], error: NameError, trace: TracebackType | None, tb_offset: int | None = None
) -> None:
    name = getattr(error, "name", None)
    if name and not isinstance(error, UnboundLocalError) and _of_the_cell(trace, shell.user_ns):
        words = missing(name, _cells(shell.user_ns), shell.user_ns)
        error._render_traceback_ = lambda: one_line("NameError", words)  # type: ignore[attr-defined]
    shell.showtraceback((kind, error, trace), tb_offset=tb_offset)


def _of_the_cell(trace: TracebackType | None, names: dict[str, Any]) -> bool:
    """Whether the line that failed stands in the cell itself. What a student's function misses, its traceback shows."""
    inside = False
    while trace is not None:
        frame = trace.tb_frame
        mine = frame.f_globals is names
        if inside and not (mine and frame.f_code.co_name in INLINE):
            return False
        inside = inside or mine
        trace = trace.tb_next
    return inside


def missing(name: str, cells: list[dict[str, Any]], there: dict[str, Any]) -> str:
    """What to do about a name that no cell has defined yet. cells: of the notebook, none where its file is not known;
    there: the names that are defined.
    """
    heading = ""
    for cell in cells:
        source = "".join(cell.get("source", ""))
        if cell.get("cell_type") == "markdown":
            headings = re.findall(r"^#{1,4} (.+)$", source, re.M)
            heading = headings[-1].partition(" (")[0].strip() if headings else heading
        elif cell.get("cell_type") == "code" and name in (names := set(bound(source))):
            if cell.get("metadata", {}).get("nbgrader", {}).get("grade_id") == SETUP:
                return f"`{name}` is not there yet: run the setup cell first, the first code cell of the notebook."
            where = f"the cell below \"{heading}\" that makes it" if heading else "the cell that makes it"
            done = any(other in there for other in names - {name})
            why = "; it ended before it came to that" if done else ""
            return f"`{name}` is not there yet: run {where} first{why}.{_restarted(cells, there)}"
    if cells:
        return f"`{name}` is not defined, and no cell of the notebook defines it. Is it spelled the same?"
    return (
        f"`{name}` is not there yet: run the cell that makes it first. After a restart, run the setup cell first, then "
        "all cells above this one (Run All Above Selected Cell)."
    )


def _restarted(cells: list[dict[str, Any]], there: dict[str, Any]) -> str:
    """More, where the setup cell has not run either."""
    for cell in cells:
        if cell.get("metadata", {}).get("nbgrader", {}).get("grade_id") == SETUP:
            if any(name not in there for name in bound("".join(cell["source"]))):
                return " Before that, run the setup cell: after a restart, run all cells above this one."
            break
    return ""


def bound(source: str) -> Iterator[str]:
    """The names that a cell binds when it runs, not those inside of its functions and classes."""
    plain = "\n".join("" if line.lstrip().startswith(("%", "!")) else line for line in source.split("\n"))
    try:
        todo: list[ast.AST] = list(ast.parse(plain).body)
    except (SyntaxError, ValueError):
        return
    while todo:
        node = todo.pop(0)
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
            yield node.name
        elif isinstance(node, ast.alias):
            yield (node.asname or node.name).partition(".")[0]
        elif isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store):
            yield node.id
        elif not isinstance(node, ast.Lambda | ast.ListComp | ast.SetComp | ast.DictComp | ast.GeneratorExp):
            todo += ast.iter_child_nodes(node)


def _cells(names: dict[str, Any]) -> list[dict[str, Any]]:
    """The cells of the notebook as it was saved last, none where nobody says which it is."""
    # JupyterLab and Notebook say it in the environment, VS Code among the names.
    path = os.environ.get("JPY_SESSION_NAME") or names.get("__vsc_ipynb_file__")
    try:
        return list(json.loads(Path(str(path)).read_text(encoding="utf-8"))["cells"]) if path else []
    except (OSError, ValueError, LookupError, TypeError):
        return []
