"""The sample class: nine hand-ins, among them right ones, typical mistakes, a ring that waits for ever, a crash and an endless loop."""

from __future__ import annotations

from autograder.authoring.student import Edit, Student, form
from autograder.mistakes import load

BANK = load("performance_factors")

OTHERWISE = {
    id_: BANK[f"{id_}: {way}"].cells[id_]
    for id_, way in {
        "A-dense": "with the bias's additions",
        "A-others": "real arrays and floats",
        "A-roof": "by the attainable speed",
        "B-measure": "with, and names written out",
        "B-fit": "lstsq of relative differences",
        "C-steps": "looks in an outer loop",
        "C-rate": "powers",
        "C-time": "the statistics module",
        "D-quantise": "column by column, halves up",
        "D-bytes": "whole numbers alone",
        "D-prune": "argpartition",
        "E-ring": "even ones send first",
        "E-share": "sum of sums",
        "E-model": "in a loop",
        "E-scaling": "without math",
        "F-bill": "numbers of numpy",
    }.items()
}

NEVER_ENDS = """
def steps_to(trainer, level, every, most):
    steps = 0
    while steps <= most:
        if steps % every == 0 and trainer.accuracy() >= level:
            return steps
    return None
"""

STUDENTS = (
    Student(
        "anouk",
        "right, everything written in another way; declares every part",
        replace=OTHERWISE,
        form=form(["Anouk"], ["A", "B", "C", "D", "E", "F"]),
    ),
    Student(
        "bilal",
        "the usual slips: the output not written, threads set too late, percentiles, one scale for all, a sum for the mean",
        edits=(
            Edit("A-dense", " + n_out + N * n_out", " + n_out"),
            Edit("C-time", "float(x.mean() - half)", "float(np.percentile(x, 2.5))"),
            Edit("C-time", "float(x.mean() + half)", "float(np.percentile(x, 97.5))"),
            Edit("D-quantise", "np.abs(w).max(axis=0)", "np.full(w.shape[1], np.abs(w).max())"),
            Edit("E-share", "len(rows) / len(labels) * gradient", "gradient"),
        ),
        replace={"B-measure": BANK["B-measure: threads-set-too-late"].cells["B-measure"]},
        form=form(["Bilal"], ["A", "C"]),
    ),
    Student(
        "chiara",
        "a ring in which all workers send first, so that nobody receives",
        replace={"E-ring": BANK["E-ring: all-send-first"].cells["E-ring"]},
        form=form(["Chiara"], ["E"]),
    ),
    Student(
        "dmitri",
        "only Parts A and B; the rest as released",
        done=("A", "B", "form"),
        form=form(["Dmitri"], ["B"]),
    ),
    Student(
        "esra",
        "a loop in steps_to that never makes a step and never ends",
        replace={"C-steps": NEVER_ENDS},
        form=form(["Esra"], ["C", "D"]),
    ),
    Student(
        "farid",
        "a cell that ends Python while it measures threads",
        edits=(Edit("B-measure", "def seconds_at", "import os\n\nos._exit(1)\n\n\ndef seconds_at"),),
        form=form(["Farid"], []),
    ),
    Student(
        "gwen",
        "the latency left out of the ring, on which the scaling builds, and a whole vector at each step",
        edits=(Edit("E-model", "(latency + nbytes / workers / bandwidth)", "(nbytes / workers / bandwidth)"),),
        replace={"E-ring": BANK["E-ring: whole-vector-sent"].cells["E-ring"]},
        form=form(["Gwen"], ["E", "F"]),
    ),
    Student.untouched("hana", "hands in the notebook as it was released"),
    Student("ivo", "hands in a file that is no notebook", raw=b'{"cells": [{"cell_type": "code"'),
)
