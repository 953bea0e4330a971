"""The sample class: nine hand-ins, among them right ones, typical mistakes, an endless loop and a crash."""

from __future__ import annotations

from autograder.authoring.student import Edit, Student, form
from autograder.mistakes import load

BANK = load("generate")

OTHERWISE = {
    id_: BANK[f"{id_}: {way}"].cells[id_]
    for id_, way in {
        "A-loss": "image by image",
        "A-pca": "singular values",
        "A-seconds": "whole numbers, a loop",
        "B-probabilities": "one through the other",
        "B-draw": "binomial",
        "B-cd": "einsum, a list",
        "B-update": "assigned into the arrays",
        "B-likelihood": "softplus by hand, from scratch",
        "C-sample": "row by row",
        "C-kl": "as PyTorch examples write it",
        "C-pixels": "the stable formula by hand",
        "C-through": "from sigma",
        "D-discriminator": "labels in one array",
        "D-generator": "minus the sigmoid of the minus",
        "D-steps": "two passes whose gradients are added",
        "D-found": "point by point",
    }.items()
}

NEVER_ENDS = """
def found(points):
    counted, k = 0, 0
    while k < len(MODES):
        if np.linalg.norm(points - MODES[k], axis=1).min() < 4 * SPREAD:
            counted += 1
            k += 1
    return counted, 1.0
"""

STUDENTS = (
    Student(
        "anouk",
        "right, everything written in another way; declares every part",
        replace=OTHERWISE,
        form=form(["Anouk"], ["A", "B", "C", "D", "E"]),
    ),
    Student(
        "bilal",
        "the usual slips: means over pixels, drawn units in the gradient, decay without the rate, ½ forgotten",
        replace={
            "A-loss": BANK["A-loss: averaged-over-pixels"].cells["A-loss"],
            "B-cd": BANK["B-cd: samples-in-gradient"].cells["B-cd"],
            "B-update": BANK["B-update: decay-without-rate"].cells["B-update"],
            "C-pixels": BANK["C-pixels: averaged-over-pixels"].cells["C-pixels"],
            "C-through": BANK["C-through: half-forgotten"].cells["C-through"],
        },
        form=form(["Bilal"], ["A", "C"]),
    ),
    Student(
        "chiara",
        "noise that all images share, a KL with the wrong sign, labels swapped",
        replace={
            "C-sample": BANK["C-sample: noise-shared-over-batch"].cells["C-sample"],
            "C-kl": BANK["C-kl: kl-sign"].cells["C-kl"],
            "D-discriminator": BANK["D-discriminator: labels-swapped"].cells["D-discriminator"],
        },
        form=form(["Chiara"], ["B"]),
    ),
    Student(
        "dmitri",
        "only Parts A and B; the rest as released",
        done=("A", "B", "form"),
        form=form(["Dmitri"], ["B"]),
    ),
    Student(
        "esra",
        "a loop in found that never ends where a Gaussian is missing",
        replace={"D-found": NEVER_ENDS},
        form=form(["Esra"], ["C", "D"]),
    ),
    Student(
        "farid",
        "a cell that ends Python",
        edits=(Edit("A-seconds", "def training_seconds", "import os\n\nos._exit(1)\n\n\ndef training_seconds"),),
        form=form(["Farid"], []),
    ),
    Student(
        "gwen",
        "a free energy that overflows, on which the likelihood builds, and logits split by rows",
        replace={
            "B-likelihood": BANK["B-likelihood: overflow"].cells["B-likelihood"],
            "D-steps": BANK["D-steps: split-by-rows"].cells["D-steps"],
        },
        form=form(["Gwen"], ["D", "E"]),
    ),
    Student.untouched("hana", "hands in the notebook as it was released"),
    Student("ivo", "hands in a file that is no notebook", raw=b'{"cells": [{"cell_type": "code"'),
)
