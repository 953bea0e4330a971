"""The sample class: seven hand-ins, among them right ones, typical mistakes, an endless loop, a crash and times that
nobody measured."""

from __future__ import annotations

from autograder.authoring.student import Edit, Student, form
from autograder.mistakes import load

BANK = load("convolution")


STUDENTS = (
    Student(
        "amara",
        "right, written with PyTorch wherever it can; declares every part",
        replace=BANK["torch throughout"].cells,
        form=form(["Amara"], ["A", "B", "C", "D", "E", "F", "G"]),
    ),
    Student(
        "bilal",
        "the usual slips: overlaps assigned, zeros win in max pooling, ties, a mean over the batch, MB instead of MiB, "
        "no factor 2",
        edits=(
            Edit("B-col2im", "+= windows[:, r, s]", "= windows[:, r, s]"),  # costs C-data, too, which builds on it
            Edit("C-filter", ".reshape(w_shape)", ".reshape(w_shape) / len(x)"),
            Edit("D-max", ", constant_values=-np.inf", ""),
            Edit("E-fft", "np.conj(np.fft.rfft2(w, shape))", "np.fft.rfft2(w, shape)"),
            Edit("F-count", "return 2 * N * K", "return N * K"),
            Edit("F-count", "/ 2**20", "/ 1e6"),
        ),
        form=form(["Bilal"], ["C", "D"]),
    ),
    Student(
        "chloe",
        "only Parts A and B, in plain loops, the filter flipped; declares both",
        done=("A", "B", "form"),
        replace={
            name: text
            for name, text in BANK["loops throughout"].cells.items()
            if name[0] in "AB" and name != "A-forward"
        },
        edits=(Edit("A-forward", "np.sum(window * w[k])", "np.sum(window * w[k, :, ::-1, ::-1])"),),
        form=form(["Chloe"], ["A", "B"]),
    ),
    Student(
        "dmitri",
        "a loop in average_pool_backward that never ends",
        edits=(Edit("D-average", "    for r in range(R):\n", "    r = 0\n    while r < R:\n"),),
        form=form(["Dmitri"], []),
    ),
    Student(
        "eleni",
        "a cell that ends Python while it measures",
        edits=(Edit("G-measure", "def measure_layer", "import os\n\nos._exit(1)\n\n\ndef measure_layer"),),
        form=form(["Eleni"], ["G"]),
    ),
    Student(
        "farid",
        "one layer measured, the times of the others copied from it",
        edits=(
            Edit(
                "G-measure", "return timings, errors", "return vars(measure_layer).setdefault('kept', timings), errors"
            ),
            Edit("G-roof", "min(peak", "max(peak"),
        ),
        form=form(["Farid"], ["F", "G"]),
    ),
    Student(
        "gita",
        "only Part A; plausible times made up in a cell of her own",
        done=("A", "form"),
        cells_added=(("G-measure-layers", BANK["G-measure: still-to-do"].cells["G-measure-layers"]),),
        form=form(["Gita"], ["G"]),
    ),
)
