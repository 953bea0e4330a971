"""A cell whose text is known before the fork: read and compiled once for all processes, and run without IPython's
look at its text."""

from __future__ import annotations

import ast
from dataclasses import dataclass
from types import CodeType
from typing import Any

from .cell_names import CellCompiler
from .no_input import no_input
from .shell import CourseShell


@dataclass(frozen=True)
class Known:
    """`source`, and `text`, which has its magics replaced; `name`: of the file that tracebacks tell; `codes`: the
    statements, the last of them shown if it is a value."""

    source: str
    text: str
    name: str
    codes: tuple[CodeType, ...]

    @classmethod
    def of(cls, shell: CourseShell, source: str) -> Known | None:
        """None for what only the shell itself can run: magics that take a cell, `await`, text that is no Python."""
        if "await" in source or "async" in source or source.lstrip().startswith("%%"):
            return None
        try:
            text = shell.transform_cell(source)
            name = shell.compile.cache(text, raw_code=source)
            body = shell.transform_ast(shell.compile.ast_parse(text, filename=name)).body
            return cls(source, text, name, tuple(_code(shell, name, node, node is body[-1]) for node in body))
        except Exception:
            return None

    def run(self, shell: CourseShell) -> tuple[bool, int]:
        """As `shell.run_one` runs it: (it went well, its execution count)."""
        shell.begin()
        number = shell.execution_count
        shell.execution_count += 1
        assert isinstance(shell.compile, CellCompiler)
        shell.compile.number(self.name, number)
        assert shell.history_manager is not None
        shell.history_manager.store_inputs(number, self.text, self.source)  # a `;` at its end is looked for there
        try:
            with no_input(), shell.builtin_trap, shell.display_trap:
                good = not any(_at_once(shell.run_code(code)) for code in self.codes)
            shell.events.trigger("post_execute")  # shows figures
        finally:
            shell.flush()
        return good and not shell.failed_to_show, number


def _code(shell: CourseShell, name: str, node: ast.stmt, last: bool) -> CodeType:
    shown = last and isinstance(node, ast.Expr)
    tree = ast.Interactive([node]) if shown else ast.Module([node], [])
    return compile(tree, name, "single" if shown else "exec", shell.compile.flags)


def _at_once(running: Any) -> bool:
    """Whether it failed; what awaits nothing has ended when it is first sent on."""
    try:
        running.send(None)
    except StopIteration as end:
        return bool(end.value)
    raise RuntimeError("a cell without `await` awaits something")
