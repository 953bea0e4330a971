"""The sample class: nine hand-ins, among them right ones, typical mistakes, an endless loop, a crash and rows that
nobody measured."""

from __future__ import annotations

from autograder.authoring.student import Edit, Student, form
from autograder.mistakes import load

BANK = load("cnn_runtime")


OTHERWISE = {
    id_: BANK[f"{id_}: {way}"].cells[id_]
    for id_, way in {
        "A-parameters": "a real network is asked",
        "A-forward": "forward from sizes, layer by layer",
        "A-step": "step as an array",
        "B-summary": "summary by hand",
        "B-time": "all batches first",
        "C-rows": "a comprehension, more rounds",
        "D-interval": "interval cut off at zero",
        "E-fit": "lstsq",
        "E-held": "a mask",
        "E-compare": "loops",
        "F-crossover": "crossover on plain axes",
        "F-batch": "batches row by row",
    }.items()
}

NEVER_ENDS = """
def crossover(sizes, a, b):
    i = 0
    while i + 1 < len(sizes):
        here, there = np.log(a[i] / b[i]), np.log(a[i + 1] / b[i + 1])
        if here == 0 or there == 0:
            continue
        if here * there < 0:
            return sizes[i] * (sizes[i + 1] / sizes[i]) ** (here / (here - there))
        i += 1
    return None
"""

STUDENTS = (
    Student(
        "aiko",
        "right, everything written in another way; declares every part",
        replace=OTHERWISE,
        form=form(["Aiko"], ["A", "B", "C", "D", "E", "F"]),
    ),
    Student(
        "bruno",
        "the usual slips: no biases, the images' gradient counted, no synchronise, 1.96 for t, "
        "errors at points that the fit has seen",
        edits=(
            Edit("A-parameters", "9 * filters + filters,", "9 * filters,"),
            Edit("A-step", "[2 * first,", "[3 * first,"),
            Edit("B-time", "        loss = step(batch)\n        synchronise()\n", "        loss = step(batch)\n"),
            Edit("D-interval", "t_quantile((1 + level) / 2, n - 1)", "1.96"),
            Edit("E-held", "fit(np.delete(x, i), np.delete(y, i), kind)", "fit(x, y, kind)"),
        ),
        form=form(["Bruno"], ["A", "B"]),
    ),
    Student(
        "carla",
        "a mean with the warm-up in it, and every step labelled as a GPU's",
        edits=(
            Edit("B-summary", "float(middle)", "float(np.mean(seconds))"),
            Edit("B-time", "    for _ in range(warmup):\n        step(load())\n", ""),
            Edit("B-time", "str(loss.device)", '"cuda"'),
        ),
        form=form(["Carla"], ["B"]),
    ),
    Student(
        "deniz",
        "only Parts A and B; the rest as released",
        done=("A", "B", "form"),
        form=form(["Deniz"], ["A"]),
    ),
    Student(
        "elif",
        "every network prepared with 8 filters, whatever is asked for",
        edits=(Edit("C-rows", "prepare(filters, name, batch)", "prepare(8, name, batch)"),),
        form=form(["Elif"], ["C", "D"]),
    ),
    Student(
        "femi",
        "a loop in crossover that never ends where two times are equal",
        replace={"F-crossover": NEVER_ENDS},
        form=form(["Femi"], ["F"]),
    ),
    Student(
        "greta",
        "a cell that ends Python while it measures",
        edits=(Edit("C-rows", "def measure_row", "import os\n\nos._exit(1)\n\n\ndef measure_row"),),
        form=form(["Greta"], []),
    ),
    Student(
        "ilse",
        "only Part A; no timer and no network, and plausible rows made up in cells of her own",
        done=("A", "form"),
        cells_added=(
            ("C-rows-measured", BANK["C-rows: still-to-do"].cells["C-rows-measured"]),
            ("E-compared", BANK["E-compare: still-to-do"].cells["E-compared"]),
            ("F-batch-measured", BANK["F-batch: still-to-do"].cells["F-batch-measured"]),
        ),
        form=form(["Ilse"], ["C", "F"]),
    ),
    Student("hiro", "hands in a file that is no notebook", raw=b'{"cells": [{"cell_type": "code"'),
)
