"""The assignment's own cells in a student's kernel: their text is read once, before the fork.

They are part of the release, so nothing here is secret. IPython runs them like all cells; it is
only spared reading again what it would read in the same way. A cell with another text is not affected.
"""

from __future__ import annotations

from typing import Any

from .cell_loop import CellLoop, Make
from .cell_names import CellCompiler, murmur2
from .closed_modules import close
from .colab import stand_in
from .once import Once
from .shell import CourseShell


def prepare(shell: CourseShell, given: dict[str, Any]) -> Make:
    """In the zygote of students: close the modules `closed`, learn the texts of `cells`, stand in for Colab."""
    stand_in()
    close(given["closed"], given["cells"])
    for text in given["cells"]:
        learn(shell, text)
    return CellLoop


def learn(shell: CourseShell, text: str) -> None:
    """Remember how IPython reads the text, unless it has to say something about it."""
    if "await" in text or "async" in text:
        return
    once = Once(shell.written)
    before, shell._once = shell._once, once
    shell.input_transformer_manager.once = once
    try:
        transformed = shell.transform_cell(text)
        if not once.compiles(transformed):
            return
        assert isinstance(shell.compile, CellCompiler)
        tree = shell.compile.ast_parse(transformed)
        if once.spoke:
            return
        shell.compile.trees[transformed] = tree
        shell.foreseen[text] = transformed
        murmur2(text.encode("utf-8", "replace"))
    except Exception:
        return  # IPython will say what is wrong with it
    finally:
        shell._once = before
        shell.input_transformer_manager.once = before
