"""The sample class: what a dozen and a half different students hand in. Expected scores stand in expected.csv."""

from __future__ import annotations

from autograder.authoring.student import Edit, Student, form
from autograder.mistakes import load

BANK = load("network_from_scratch")

ALL = ["A", "B", "C", "D", "E", "F"]


STUDENTS = (
    Student("ada", "the model solution; declares every part", form=form(["Ada"], ALL)),
    Student(
        "alma",
        "a loop that never ends in train_epoch",
        edits=(Edit("B-epoch", "for start in range(0, n, batch_size):", "start = 0\n    while start < n:"),),
        form=form(["Alma"], []),
    ),
    Student(
        "boris",
        "right, with einsum, tanh for the sigmoid, updates in place",
        replace=BANK["einsum"].cells,
        form=form(["Boris", "Bea"], ["A", "B"]),
    ),
    Student("chen", "right, with a loop over the examples: slow", replace=BANK["loops"].cells, form=form(["Chen"], [])),
    Student(
        "dalia",
        "right, written with PyTorch alone",
        replace=BANK["torch"].cells,
        form=form(["Dalia", "Dov", "Dana"], ["F"]),
    ),
    Student(
        "emre", "right, computes in float32 whatever comes in", replace=BANK["float32"].cells, form=form(["Emre"], ALL)
    ),
    Student(
        "freya",
        "right, weights that lie in memory by columns",
        replace=BANK["other layout"].cells,
        form=form(["Freya"], ["E"]),
    ),
    Student(
        "gabriel",
        "right, with own helper functions, cells of his own, prints and warnings",
        edits=(
            Edit(
                "A-linear",
                "class Linear:",
                "import warnings\n\n\n"
                "def matmul(a, b):\n"
                "    warnings.warn('matmul is called')\n"
                "    print('shapes', a.shape, b.shape)\n"
                "    return a @ b\n\n\n"
                "class Linear:",
            ),
            Edit(
                "A-linear",
                "return x @ self.weight + self.bias",
                "return matmul(x, self.weight) + self.bias if len(x) < 9 else x @ self.weight + self.bias",
            ),
        ),
        cells_added=(
            ("A-linear", "layer = Linear(3, 2, on)\nlayer.forward(on.asarray([[1.0, 2.0, 3.0]]))"),
            ("B-run", "import sys\nprint('done', file=sys.stderr)"),
        ),
        form=form(["Gabriel"], ["A", "B", "C"]),
    ),
    Student.untouched("hana", "an untouched notebook"),
    Student(
        "igor",
        "only Part A, and declares it",
        done=("A", "form"),
        form=form(["Igor"], ["A", "B"]),
    ),
    Student(
        "jun",
        "gradients divided by in_features, bias gradient averaged, sigmoid without the chain rule",
        edits=(
            Edit(
                "A-linear",
                "self.grad_weight = self.x.T @ grad_output",
                "self.grad_weight = self.x.T @ grad_output / self.x.shape[1]",
            ),
            Edit("A-linear", "xp.sum(grad_output, axis=0)", "xp.mean(grad_output, axis=0)"),
            Edit("A-sigmoid", "return grad_output * self.output", "return self.output"),
        ),
        form=form(["Jun"], ["A"]),
    ),
    Student(
        "kofi",
        "softmax over the batch, no clamp in the logarithm, gradient of the summed loss",
        edits=(
            Edit("A-softmax", "powers / xp.sum(powers, axis=1, keepdims=True)", "powers / xp.sum(powers, axis=0)"),
            Edit("A-loss", "xp.clip(probabilities[rows, labels], 1e-12, 1.0)", "probabilities[rows, labels]"),
            Edit("A-loss", "probabilities.dtype)) / n", "probabilities.dtype))"),
        ),
        form=form(["Kofi"], []),
    ),
    Student(
        "lena",
        "last batch skipped, losses divided twice, the study's rate ignored",
        edits=(
            Edit("B-epoch", "range(0, n, batch_size)", "range(0, n - batch_size + 1, batch_size)"),
            Edit("B-epoch", " * len(batch_labels)\n", "\n"),
            Edit("C-study", "lr=rate", "lr=0.1"),
        ),
        form=form(["Lena"], ["C"]),
    ),
    Student(
        "mateo",
        "one network for all rates, decays that do nothing, accuracy in percent",
        edits=(
            Edit("B-evaluate", "float(xp.sum(right)) / len(labels)", "100 * float(xp.sum(right)) / len(labels)"),
            Edit("C-study", "histories = {}\nfor", "histories = {}\nnet = MLP(SIZES, on, seed=0)\nfor"),
            Edit("C-study", "MLP(SIZES, on, seed=0), train_epoch", "net, train_epoch"),
            Edit("D-decay", "first * factor ** (epoch // every)", "first * factor ** (epoch // every // 1000)"),
            Edit("D-decay", "first * gamma**epoch", "first"),
        ),
        form=form(["Mateo"], ["D"]),
    ),
    Student(
        "nora",
        "sign errors: the gradient of the loss and the update both go uphill",
        edits=(
            Edit("A-loss", "return (probabilities - xp", "return -(probabilities - xp"),
            Edit("A-linear", "self.weight - lr", "self.weight + lr"),
        ),
        form=form(["Nora"], []),
    ),
    Student(
        "omar",
        "a cell that ends the kernel in the middle of the study",
        edits=(Edit("C-study", "histories = {}\n", "import os\n\nos._exit(1)\nhistories = {}\n"),),
        form=form(["Omar"], ["A"]),
    ),
    Student(
        "quentin", "a file cut off in the middle", raw=b'{"cells": [{"cell_type": "markdown", "metadata": {}, "sour'
    ),
    Student(
        "rosa",
        "results written down by hand instead of trained: no network, and records of all its runs",
        done=("A", "C-seen", "C-spot-answer", "D-verdict", "E-predict", "E-explain", "form"),
        replace={
            id_: BANK[f"{id_}: not-reproduced"].cells[id_] for id_ in ("B-run", "C-study", "D-experiment", "F-move")
        },
        form=form(["Rosa", "Rafael", "Ruth", "Rui", "Roman"], ["C"]),
    ),
)
