"""The sample class: five hand-ins that are right, misread, endless, cut short and damaged.

Expected scores stand in expected.csv."""

from __future__ import annotations

from autograder.authoring.student import Edit, Student, form
from autograder.mistakes import load

BANK = load("cudnn_reading")
OTHERWISE = (
    "B-cost: cost from arrays",
    "B-lower: lowering with places before channels",
    "tables with other keys",
    "letters in one string",
    "B-algorithm: approaches by other names",
    "B-claims: places in short",
    "timed by a loop of one's own",
    "C-amdahl: Amdahl by shares",
    "D-marks: marks by name",
    "a short review that rejects",
)


STUDENTS = (
    Student(
        "aisha",
        "right, in other words, other orders and other forms; declares every part",
        replace={id_: text for name in OTHERWISE for id_, text in BANK[name].cells.items()},
        form=form(["Aisha"], ["A", "B", "C", "D"]),
    ),
    Student(
        "bruno",
        "believes the abstract: 36% less time, seconds, measured memory, a mild marker; no review written",
        done=("B", "C", "D", "form"),
        edits=(
            Edit("B-sizes", "return ceil(", "return floor("),
            Edit("B-table3", "explaining_peak = 4.9", "disagree = []\nexplaining_peak = 4.9"),
            Edit("B-table4", '"milliseconds"', '"seconds"'),
            Edit("B-36", "(before - after) / before", "(before - after) / after"),
            Edit("B-about36", '{"b", "c", "f", "i"}', '{"a", "d", "f"}'),
            Edit("B-blas", '{"a", "c", "f"}', '{"a", "c", "f", "g"}'),
            Edit("B-algorithm", '"fastest at mini-batch 128": "direct"', '"fastest at mini-batch 128": "tiled"'),
            Edit("B-claims", '("stated", "abstract")', '("measured", "table 4")'),
            Edit(
                "D-marks", '"insight": 0, "evidence": 0, "judgement": 1', '"insight": 2, "evidence": 2, "judgement": 2'
            ),
        ),
        form=form(["Bruno"], ["B"]),
    ),
    Student(
        "carla",
        "a loop that never ends in lower_images; Amdahl's law with weights the wrong way round",
        edits=(
            # It ends for the example in the notebook, which has four columns.
            Edit(
                "B-lower",
                "    return np.stack(columns",
                "    while len(columns) != 4:\n        columns = list(columns)\n    return np.stack(columns",
            ),
            Edit(
                "C-amdahl",
                "sum(seconds[part] / speedups[part] for part in seconds)",
                "sum(seconds[part] * speedups[part] for part in seconds)",
            ),
        ),
        form=form(["Carla"], ["C"]),
    ),
    Student(
        "dong",
        "an insight of 240 words, and a cell that ends Python before the measurement",
        edits=(
            Edit(
                "A-review",
                "Section 3 has the way out:",
                "The matrix is never written to memory. " * 20 + "Section 3 has the way out:",
            ),
            Edit(
                "C-measure",
                "def step_times(functions, rounds, synchronise):",
                "import os\n\nos._exit(1)\n\n\ndef step_times(functions, rounds, synchronise):",
            ),
        ),
        form=form(["Dong"], ["B"]),
    ),
    Student("elif", "a file cut off in the middle", raw=b'{"cells": [{"cell_type": "markdown", "metadata": {}, "sour'),
)
