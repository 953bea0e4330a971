"""Code from elsewhere is listed for a human, with its line; it costs no points."""

import nbformat
import pytest

from autograder import report
from autograder.borrowed import MOST, borrowed, copies, fingerprint, fingerprints, given
from autograder.course import Course
from autograder.grade import Graded
from autograder.results import Row, Words, row_of, words_in
from autograder.source import Cell, grade_id, read

LONG = """
def train_epoch(network, images, labels, lr, batch_size=64, order=None):
    total = 0.0
    for start in range(0, len(images), batch_size):
        chosen = order[start : start + batch_size]
        p = network.forward(images[chosen])
        total += cross_entropy(p, labels[chosen]) * len(chosen)
        network.backward(labels[chosen])
        network.update(lr)
    return total / len(images)
"""


@pytest.fixture(scope="module")
def scratch():
    return read(Course().source("network_from_scratch"))


def changed(scratch, **cells):
    notebook = nbformat.reads(nbformat.writes(scratch[1]), as_version=4)
    for cell in notebook.cells:
        if grade_id(cell).replace("-", "_") in cells:
            cell.source = cells[grade_id(cell).replace("-", "_")]
    return notebook


@pytest.mark.parametrize(
    ("source", "line", "what"),
    [
        ("from torch import nn\nclass Linear(nn.Linear):\n    pass", 1, "torch.nn"),
        ("import torch as t\n\nclass Linear:\n    layer = t.nn.Linear(3, 4)", 4, "torch.nn"),
        ("import torch.nn.functional as F", 1, "torch.nn"),
        ("x = 1\nimport importlib\nm = importlib.import_module('torch.nn.functional')\nm.linear", 3, "torch.nn"),
        ("F = __import__('torch').nn.functional", 1, ""),
        ("import torch\n\ndef f(x):\n    y = torch.sigmoid(x)", 4, "torch.sigmoid"),
        ("import torch\nx = torch.ones(2, requires_grad=True)", 2, "torch.autograd"),
        ("import torch\nx = torch.ones(2)\n(x * x).sum().backward()", 3, "torch.autograd"),
        ("from scipy.signal import convolve2d as c", 1, "scipy.signal"),
        ("from sklearn.neural_network import MLPClassifier", 1, "sklearn"),
        ("import jax.numpy as jnp", 1, "jax"),
        ("import tensorflow as tf", 1, "tensorflow"),
        ("from helpers.nn import Linear", 1, "helpers.nn"),
        ("from helpers import nn", 1, "helpers.nn"),
        ("from helpers.check.core.oracle import Net", 1, "helpers.check.core.oracle"),
        ("import torch\nx = torch.tensor([1.0]) @ torch.ones(1)", 1, ""),
        ("class L:\n    def backward(self, g):\n        return self.inner.backward(g)", 1, ""),
        ("def broken(:\n  from torch import nn", 1, ""),
        ("x = " + "(" * 3000 + ")" * 3000, 1, ""),
        ("import sklearnish, my.torch.nn", 1, ""),
    ],
)
def test_a_library_is_named_with_its_line(scratch, source, line, what):
    told = borrowed(changed(scratch, A_linear=source), scratch[0])
    sentence = f"A-linear uses {what} (line {line} of its cell), which may do what was to be written."
    assert told == ([sentence] if what else [])


@pytest.mark.parametrize("name", Course().assignments())
def test_model_solutions_and_the_assignments_own_cells_are_not_listed(name):
    assignment, solved = read(Course().source(name))
    assert borrowed(solved, assignment) == []


def test_what_a_cell_of_their_own_imports_counts_where_it_is_used(scratch):
    notebook = changed(scratch, A_sigmoid="class Sigmoid:\n    forward = nn.functional.sigmoid")
    notebook.cells.insert(5, nbformat.v4.new_code_cell("import numpy as np\nfrom torch import nn"))
    assert [one.partition(" uses")[0] for one in borrowed(notebook, scratch[0])] == ["cell 6", "A-sigmoid"]
    many = changed(scratch)
    many.cells += [nbformat.v4.new_code_cell("import keras") for _ in range(3 * MOST)]
    assert len(borrowed(many, scratch[0])) == MOST


def test_copies_are_the_same_whatever_their_comments_and_blanks(scratch):
    assignment, _ = scratch
    other = LONG.replace("    total = 0.0\n", '    "One epoch."\n\n    total   =  0.0  # of the losses\n')
    hand_ins = [changed(scratch, B_epoch=text, B_mlp="", A_linear="x = 1") for text in (LONG, other)]
    marks = [fingerprints(notebook, assignment) for notebook in hand_ins]
    assert marks[0] == marks[1] != {}
    renamed = fingerprints(changed(scratch, B_epoch=LONG.replace("total", "summed")), assignment)["B-epoch"]
    assert renamed != marks[0]["B-epoch"]
    rows = [("ana", marks[0]), ("ben", marks[1]), ("cem", {"B-epoch": renamed})]
    assert copies(rows, assignment) == [("ana, ben", "Word for word the same: B-epoch.")]


def test_the_model_solution_is_known_word_for_word(scratch):
    assignment, solved = scratch
    ((who, told),) = copies([("ana", fingerprints(solved, assignment))], assignment)
    assert who == "ana"
    assert told.startswith("Word for word the model solution's: ")
    assert "B-epoch" in told


@pytest.mark.parametrize("text", ["", "def f(:", "def f(x):\n    return x", '"""' + "x\n" * 50 + '"""'])
def test_what_is_short_or_no_python_is_nobodys(text):
    assert fingerprint(text, "def f(x):\n    pass") == ""


def test_a_stub_as_released_is_nobodys(scratch):
    assignment, _ = scratch
    for cell in assignment.cells:
        if cell.kind == "exercise":
            assert fingerprint(given(cell), given(cell)) == ""
    text = "def f():\n    ### BEGIN SOLUTION\n    x\n    ### END SOLUTION"
    assert given(Cell("exercise", "A", 0, "code", text, 1, 0)) == "def f():\n    pass"


@pytest.mark.promise(
    "The class report lists, under hand-ins to look at, cells that use a library for what was to be written "
    "(`torch.nn`, `torch.autograd`, `scipy.signal`, `sklearn` and the like) or a closed module, with the line, and "
    "longer cells that are word for word another's or the model solution's. Points stay: they are yours to take. "
    "Whoever renames what was copied is not seen."
)
def test_the_class_report_lists_them_and_points_stay(scratch, tmp_path):
    assignment, _ = scratch
    texts = {
        "ana": {"B_epoch": LONG, "A_linear": "from torch.nn import Linear"},
        "ben": {"B_epoch": LONG + "\n# mine", "A_linear": "from helpers.nn import Linear"},
        "cem": {"B_epoch": LONG.replace("chosen", "index")},
    }
    rows = []
    for student, cells in texts.items():
        words = words_in(changed(scratch, **cells), assignment)
        assert Words.of(words.plain()) == words
        grades = [type("G", (), {"name": "A-linear-init", "manual_score": None, "auto_score": 1.0, "extra_credit": None,
                                 "needs_manual_grade": False, "max_score": 1.0})]  # fmt: skip
        notebooks = [type("N", (), {"comments": [], "grades": grades})]
        submission = type("S", (), {"late_submission_penalty": 0.0, "notebooks": notebooks})
        rows.append(row_of(student, "", submission, assignment, [], (0.0, words.form), words))
    assert [row.scores["A-linear-init"] for row in rows] == [1.0, 1.0, 1.0]
    told = report.look_at(Graded(assignment, rows, []))
    assert ("ana", "A-linear uses torch.nn (line 1 of its cell), which may do what was to be written.") in told
    assert ("ben", "A-linear uses helpers.nn (line 1 of its cell), which may do what was to be written.") in told
    assert ("ana, ben", "Word for word the same: B-epoch.") in told
    assert not any(student.startswith("cem") and "B-epoch" in sentence for student, sentence in told)
    assert isinstance(rows[0], Row)
