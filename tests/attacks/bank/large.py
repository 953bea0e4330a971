"""Exhausting those who read, run and show a notebook: by its size, its depth, and what it puts out."""


import nbformat
from nbformat import NotebookNode

from ..attack import Attack

KIND = "exhaust"


def of(name: str, about: str, code: str = "", **more: object) -> Attack:
    return Attack(name, KIND, about, code, **more)  # type: ignore[arg-type]


def huge_notebook(notebook: NotebookNode) -> bytes:
    return nbformat.writes(notebook).replace("# A small assignment", "A" * 120_000_000).encode()


def many_cells(notebook: NotebookNode) -> None:
    notebook.cells += [nbformat.v4.new_code_cell(f"x{i} = {i}", id=f"c{i}") for i in range(4000)]


def many_outputs(notebook: NotebookNode) -> None:
    out = nbformat.v4.new_output("stream", name="stdout", text="A" * 1000)
    for cell in notebook.cells:
        if cell.cell_type == "code":
            cell.outputs = [out] * 3000


def nested(notebook: NotebookNode) -> bytes:
    text = nbformat.writes(notebook)
    return text.replace('"metadata": {', '"metadata": {"deep": ' + "[" * 40_000 + "]" * 40_000 + ",", 1).encode()


def huge_number(notebook: NotebookNode) -> bytes:
    return (
        nbformat.writes(notebook)
        .replace('"nbformat_minor": ', '"big": ' + "9" * 6000 + ', "nbformat_minor": ')
        .encode()
    )


def long_line(notebook: NotebookNode) -> None:
    notebook.cells[-1].source = "(" * 20_000 + ")" * 20_000


def huge_cell(notebook: NotebookNode) -> None:
    notebook.cells.append(nbformat.v4.new_code_cell("a\n" * 1_500_000, id="huge"))


def long_cells(notebook: NotebookNode) -> None:
    notebook.cells += [nbformat.v4.new_code_cell("a\n" * 24_000, id=f"long{i}") for i in range(300)]


def empty_lines(notebook: NotebookNode) -> None:
    notebook.cells += [nbformat.v4.new_code_cell("\n" * 450_000 + "x = 1", id="lines")]


def half_tags(notebook: NotebookNode) -> None:
    code = """
from IPython.display import display
for html in ("<table" + "<" + "a" * 55_000, "<table>" + "<a " * 18_000):
    display({"text/html": html, "text/plain": ""}, raw=True)
display({"image/svg+xml": "<!DOCTYPE " * 55_000, "text/plain": ""}, raw=True)
raise ValueError("/a" * 9_000)
"""
    notebook.cells += [nbformat.v4.new_code_cell(code, id=f"tags{i}") for i in range(8)]


def outputs_in_all(notebook: NotebookNode) -> None:
    code = (
        "print('A' * 700_000)\n"
        "from IPython.display import display\n"
        "display({'application/json': [[]] * 20_000}, raw=True)"
    )
    notebook.cells += [nbformat.v4.new_code_cell(code, id=f"out{i}") for i in range(150)]


def many_places(notebook: NotebookNode) -> None:
    code = """
from IPython.display import display
for _ in range(100): handle = display(".", display_id="x{0}")
handle.update("A" * 400_000)
"""
    notebook.cells += [nbformat.v4.new_code_cell(code.format(i), id=f"place{i}") for i in range(20)]


ATTACKS = (
    of("huge-cell", "A cell of 3 MB whose parts take a kilobyte each to be parsed.", change=huge_cell),
    of("long-cells", "Three hundred cells that are just short enough to be parsed.", change=long_cells),
    of("empty-lines", "A cell of half a million empty lines.", change=empty_lines),
    of("half-tags", "Outputs that make patterns look at all of the rest, at each place.", change=half_tags),
    of("outputs-in-all", "A hundred and fifty cells, each of which puts out as much as it may.", change=outputs_in_all),
    of("outputs-in-many-places", "What is shown a hundred times is changed at once to much more.", change=many_places),
    of("huge-notebook", "A notebook of 120 MB.", raw=huge_notebook),
    of("many-cells", "Four thousand cells.", change=many_cells, slow=True),
    of("many-outputs", "A notebook full of old outputs.", change=many_outputs),
    of("nested-notebook", "A notebook nested forty thousand deep.", raw=nested),
    of("huge-number-in-notebook", "A notebook that holds a number of six thousand digits.", raw=huge_number),
    of("nested-source", "Source text with twenty thousand parentheses.", change=long_line),
)  # fmt: skip
