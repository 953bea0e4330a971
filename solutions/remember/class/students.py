"""The sample class: nine hand-ins, among them right ones, typical mistakes of PyTorch users and beginners, a crash and an endless loop."""

from __future__ import annotations

from autograder.authoring.student import Edit, Student, form
from autograder.mistakes import load

BANK = load("remember")

OTHERWISE = {
    id_: BANK[f"{id_}: {way}"].cells[id_]
    for id_, way in {
        "A-step": "row by row in loops",
        "A-back": "einsum, in place on a copy",
        "A-time": "lists, turned around at the end",
        "A-clip": "as PyTorch does, with a factor of at most 1",
        "B-step": "reshaped to (N, 4, H)",
        "B-back": "gate by gate",
        "B-start": "float32, gate by gate",
        "B-cost": "added up, float",
        "C-read": "a while loop",
        "C-bits": "logaddexp",
        "D-forward": "einsum, −10⁹ above the diagonal",
        "D-back": "einsum",
        "E-block": "where, masks kept",
        "E-back": "with the masks as numbers",
        "F-pool": "reshape, and put_along_axis",
        "F-transposed": "number by number",
        "F-project": "ReLU before unpooling, recursive",
    }.items()
}

NEVER_ENDS = """
def read_through(learn, texts, length):
    losses = []
    for text in texts:
        start, state = 0, None
        while start < len(text) - 1:
            loss, state = learn(text[start : start + length], text[start + 1 : start + length + 1], state)
            losses.append(loss)
            start == start + length
    return np.mean(losses)
"""

STUDENTS = (
    Student(
        "aylin",
        "right, everything written in another way; declares every part",
        replace=OTHERWISE,
        form=form(["Aylin"], ["A", "B", "C", "D", "E", "F", "G"]),
    ),
    Student(
        "bruno",
        "the habits of PyTorch: its order of the gates, clipped by value, a mask that hides the diagonal, a plain mean of windows",
        edits=(
            Edit("A-clip", "gradients = [g * (most / norm) for g in gradients]", "gradients = [np.clip(g, -most, most) for g in gradients]"),
            Edit("C-read", "total + loss * targets.size, count + targets.size", "total + loss, count + 1"),
            Edit("D-forward", "np.tri(T, dtype=bool)", "np.tri(T, k=-1, dtype=bool)"),
        ),
        replace={"B-step": BANK["B-step: gate-order"].cells["B-step"]},
        form=form(["Bruno"], ["A", "D"]),
    ),
    Student(
        "carla",
        "the gradient is cut between steps, the state is not carried over, the skip comes after the activation",
        edits=(
            Edit("A-time", "grad_h[t] + later", "grad_h[t]"),
            Edit("E-block", "y = np.maximum(x + hidden @ W2 + b2, 0)", "y = x + np.maximum(hidden @ W2 + b2, 0)"),
        ),
        replace={"C-read": BANK["C-read: state-not-carried"].cells["C-read"]},
        form=form(["Carla"], ["E"]),
    ),
    Student(
        "deniz",
        "only Parts A and B; the rest as released",
        done=("A", "B", "form"),
        form=form(["Deniz"], ["B"]),
    ),
    Student(
        "emil",
        "a loop over windows that never goes on",
        replace={"C-read": NEVER_ENDS},
        form=form(["Emil"], ["C", "D"]),
    ),
    Student(
        "fatou",
        "a cell that ends Python where the LSTM begins",
        edits=(Edit("B-start", "def lstm_start", "import os\n\nos._exit(1)\n\n\ndef lstm_start"),),
        form=form(["Fatou"], []),
    ),
    Student(
        "goran",
        "unpooling without switches, filters turned around, the 1/√d left out of the backward",
        edits=(
            Edit("D-back", " / math.sqrt(q.shape[-1])", ""),
            Edit("F-transposed", "w[:, :, r, s]", "w[:, :, R - 1 - r, S - 1 - s]"),
        ),
        replace={"F-pool": BANK["F-pool: switches-ignored"].cells["F-pool"]},
        form=form(["Goran"], ["F", "G"]),
    ),
    Student.untouched("hedda", "hands in the notebook as it was released"),
    Student("igor", "hands in a file that is no notebook", raw=b'{"cells": [{"cell_type": "code"'),
)
