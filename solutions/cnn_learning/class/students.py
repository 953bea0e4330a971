"""The sample class: eight hand-ins, among them right ones, typical mistakes, a stuck loop,
a crash and a damaged file."""

from __future__ import annotations

from autograder.authoring.student import Edit, Student, form
from autograder.mistakes import load

BANK = load("cnn_learning")


STUDENTS = (
    Student(
        "aiko",
        "right: im2col by hand, pooling in loops, a network and a loop of their own; declares every part",
        replace=BANK["A-conv: im2col by hand, float64"].cells
        | BANK["A-pool: pooling in loops"].cells
        | BANK["A-network: a network of its own, by match"].cells
        | BANK["B-train: a loop over images put in order first"].cells,
        form=form(["Aiko"], ["A", "B", "C"]),
    ),
    Student(
        "bruno",
        "right: PyTorch inside convolution and pool, the choice by the mean, the spread as a pair",
        replace=BANK["PyTorch inside both"].cells,
        edits=(
            Edit("B-choose", "np.median", "np.mean"),
            Edit("B-report", "float(np.std(test_errors, ddof=1))", "(min(test_errors), max(test_errors))"),
        ),
        form=form(["Bruno"], ["A"]),
    ),
    Student(
        "carla",
        "the usual slips in the layers: biases not counted, summed over the wrong axes, ties, "
        "a flatten that moves axes",
        edits=(
            Edit("A-count", "(shape[0] * R * S + 1)", "(shape[0] * R * S)"),
            Edit("A-conv", "grad_output.sum(axis=(0, 2, 3))", "grad_output.sum(axis=(2, 3))"),
            Edit("A-flatten", "x.reshape(x.shape[0], -1)", "x.transpose(0, 2, 3, 1).reshape(x.shape[0], -1)"),
        ),
        replace=BANK["A-pool: gradient-to-every-tie"].cells,
        form=form(["Carla"], ["A", "B"]),
    ),
    Student(
        "deniz",
        "chooses by the test set: curves on test images for validation, every rate opened, the best seed reported",
        edits=(
            Edit("B-train", "split.validation_images, split.validation_labels", "split.test_images, split.test_labels"),
            Edit("B-choose", "np.median", "min"),
            Edit(
                "B-report",
                "rate = choose_rate(curves)",
                "found = {r: min(open_test_set(r, SEEDS)) for r in RATES_WIDE}\nrate = min(found, key=found.get)",
            ),
        ),
        form=form(["Deniz"], ["B"]),
    ),
    Student(
        "elif",
        "one rate trained and its curves kept under every name; lengths that end at a lucky batch; "
        "norms without the root",
        edits=(
            Edit(
                "B-study",
                "curves = learning_curves(RATES, SEEDS, **size.settings)",
                "curves = {rate: learning_curves([0.1], SEEDS, **size.settings)[0.1] for rate in RATES}",
            ),
            Edit("C-length", "range(window, len(losses) + 1)", "range(window := 1, len(losses) + 1)"),
            Edit("C-norms", "np.sqrt(np.sum(layer.grad_weight**2))", "np.sum(layer.grad_weight**2)"),
        ),
        form=form(["Elif"], ["C"]),
    ),
    Student(
        "filip",
        "only Part A, with a loop in train that never ends; declares A",
        done=("A", "B-error", "B-train", "form"),
        edits=(
            Edit(
                "B-train",
                "        for start in range(0, len(images), batch_size):\n",
                "        start = 0\n        while start < len(images):\n",
            ),
        ),
        form=form(["Filip"], ["A"]),
    ),
    Student(
        "greta",
        "a cell that ends Python in the middle of the study",
        edits=(Edit("B-study", "curves = None\n", "import os\n\nos._exit(1)\n"),),
        form=form(["Greta"], ["B"]),
    ),
    Student("hugo", "a file cut off in the middle", raw=b'{"cells": [{"cell_type": "markdown", "metadata": {}, "sour'),
)
