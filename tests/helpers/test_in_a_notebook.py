"""What a reader of a notebook sees: plain lines of progress, interrupts that keep what was finished, errors of one
line. Each test is a notebook that runs in ipykernel, as in JupyterLab.
"""

import json
import os
import re
from pathlib import Path

import nbformat
import pytest
from nbclient import NotebookClient

ROOT = Path(__file__).parents[2]

SETUP = """
from helpers import check, plots
from helpers.data import load
from helpers.errors import CourseError
from helpers.train import fit
from helpers.timing import measure
data = load(train=100, test=50)
def epoch(stop=0, error=KeyboardInterrupt, loss=1.0):
    calls = []
    def train_epoch(network, images, labels, lr, batch_size, order):
        calls.append(0)
        if len(calls) == stop:
            raise error
        return loss
    return train_epoch
def evaluate(network, images, labels):
    return 1.0, 0.5
"""


def run(folder, *sources, cells=None):
    """The outputs of each of these cells, after the setup cell's, in one kernel. cells: of the notebook on the disk."""
    book = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(source) for source in (SETUP, *sources)])
    path = folder / "mine.ipynb"
    nbformat.write(nbformat.v4.new_notebook(cells=cells if cells is not None else book.cells), path)
    paths = os.pathsep.join([str(ROOT), *filter(None, [os.environ.get("PYTHONPATH")])])
    client = NotebookClient(book, timeout=120, allow_errors=True, resources={"metadata": {"path": str(folder)}})
    client.execute(env={**os.environ, "PYTHONPATH": paths, "JPY_SESSION_NAME": str(path)})
    assert "widget" not in json.dumps(book)
    assert book.cells[0].outputs == []
    return [cell.outputs for cell in book.cells[1:]]


def texts(outputs):
    """The plain text of each output."""
    return [
        "\n".join(one["traceback"]) if one.output_type == "error"
        else one["text"].strip() if one.output_type == "stream" else one["data"]["text/plain"]
        for one in outputs
    ]  # fmt: skip


def plain(text):
    """On one line, without colours."""
    return " ".join(re.sub(r"\x1b\[[\d;]*m", "", text).split())


def test_progress_is_one_plain_output_that_ends_in_what_came_out(tmp_path):
    ran, two, slow, quick = run(
        tmp_path,
        "history = fit(None, epoch(), evaluate, data, lr=0.1, epochs=30)",
        "for rate in (1, 0.5): fit(None, epoch(), evaluate, data, lr=rate, epochs=2)",
        "import time\nrows = measure({'a': lambda: time.sleep(0.3), 'b': lambda: 0}, rounds=4)",
        "rows = measure({'a': lambda: 0}, rounds=4)",
    )
    assert [dict(one["data"]).keys() for one in ran] == [{"text/plain"}]
    assert texts(ran)[0].startswith("rate 0.1: 30 epochs, ")
    assert texts(ran)[0].endswith(" s, test accuracy 50.0%")
    assert [text[:18] for text in texts(two)] == ["rate 1: 2 epochs, ", "rate 0.5: 2 epochs"]
    assert texts(slow)[0].startswith("2 functions, 4 rounds: 10 timings, ")
    assert quick == []


def test_a_diverging_run_says_that_it_blew_up(tmp_path):
    nan, large = run(
        tmp_path,
        "fit(None, epoch(loss=float('nan')), evaluate, data, lr=9, epochs=2);",
        "fit(None, epoch(loss=20.0), evaluate, data, lr=9, epochs=2);",
    )
    assert texts(nan)[0].endswith("test accuracy 50.0%; it blew up: the loss is not finite from epoch 1 on")
    assert texts(large)[0].endswith("it blew up: the loss ended at 20, that of guessing is 2.30")


def test_an_interrupt_keeps_what_was_finished(tmp_path):
    stopped, said, quiet, more, nothing = run(
        tmp_path,
        "runs = {}\nfor rate in (1, 2, 3):\n"
        "    runs[rate] = fit(None, epoch(0 if rate == 1 else 4), evaluate, data, lr=rate, epochs=30)",
        "print({rate: (h.epochs, len(h.seconds)) for rate, h in runs.items()})",
        "history = fit(None, epoch(3), evaluate, data, lr=1, epochs=30, progress=False)",
        "fit(None, epoch(), evaluate, data, lr=1, epochs=30, history=history, progress=False).epochs",
        "fit(None, epoch(1), evaluate, data, lr=1, epochs=30)",
    )
    first, second, error = map(plain, texts(stopped))
    assert first.startswith("rate 1: 30 epochs, ")
    assert second.startswith("rate 2: stopped after 3 of 30 epochs, ")
    assert error == "Stopped: the cell was stopped, so its next run was not begun; what was finished is kept."
    assert texts(said) == ["{1: (30, 30), 2: (3, 3)}"]
    assert texts(quiet)[0].startswith("stopped after 2 of 30 epochs, ")
    assert texts(more) == ["30"]
    assert plain(texts(nothing)[-1]).startswith("Stopped: stopped before the first epoch was finished")


def test_a_study_that_was_interrupted_goes_on(tmp_path):
    stopped, again = run(
        tmp_path,
        """
from dataclasses import dataclass
from helpers.study import carry_out as module
from helpers.study.task import Task
made = []
@dataclass(frozen=True)
class One(Task):
    seed: int
    epochs: int = 1
    label = "one"
    cost = 1
    def record(self):
        return {"seed": self.seed}
    def perform(self, on_epoch=None):
        made.append(self.seed)
        if made == [0, 1, 2]:
            raise KeyboardInterrupt
        on_epoch(None)
        return self.seed
results = module.carry_out([One(seed) for seed in range(4)], jobs=0)
""",
        "results = module.carry_out([One(seed) for seed in range(4)], jobs=0)\nprint(made, results)",
    )
    line, error = map(plain, texts(stopped))
    assert line.startswith("stopped after 2 of 4 runs, ")
    assert error == "Stopped: stopped after 2 of 4 runs; run the cell again, and it goes on from there."
    assert texts(again)[0].startswith("2 runs, ")
    assert texts(again)[1] == "[0, 1, 2, 2, 3] [0, 1, 2, 3]"


def test_an_error_of_the_course_is_its_sentence_alone(tmp_path):
    error, figure, odd = run(
        tmp_path,
        "fit(None, epoch(), evaluate, data, lr=-1, epochs=1)",
        "plots.show(plots.learning_curves(None))",
        "plots.show(plots.learning_rates({1: 'nothing'}))",
    )
    assert plain(texts(error)[0]).startswith("CourseError: The learning rate -1 (lr) cannot train")
    assert "There is nothing to draw yet: `history" in plain(texts(figure)[0])
    assert "can't draw what it was given" in plain(texts(odd)[0])
    assert not any("Traceback" in text for text in texts([*error, *figure, *odd]))


def test_a_student_s_own_error_does_not_lead_through_our_code(tmp_path):
    (outputs,) = run(tmp_path, "fit(None, epoch(1, NotImplementedError), evaluate, data, lr=1, epochs=1)")
    text = texts(outputs)[-1]
    assert "NotImplementedError" in text
    assert "loop.py" not in text
    assert texts(outputs)[0].startswith("rate 1: ended by an error after 0 of 1 epoch, ")


def test_checks_show_no_progress_of_what_they_call(tmp_path):
    (outputs,) = run(
        tmp_path,
        """
from helpers.check.core.report import check as make
@make("Thing")
def thing():
    fit(None, epoch(), evaluate, data, lr=1, epochs=2)
    yield "trained"
thing()
""",
    )
    assert [text.split(".")[0] for text in texts(outputs)] == ["Thing: passed"]


def cell(source, kind="code", **nbgrader):
    made = nbformat.v4.new_code_cell(source) if kind == "code" else nbformat.v4.new_markdown_cell(source)
    made.metadata["nbgrader"] = nbgrader
    return made


BOOK = [
    cell("from helpers import check, plots\nimport numpy as np\nsize = 3", grade_id="setup"),
    cell("## Part B\n### B4. Thirty epochs (1 point, 5 min)\nTrain.", "markdown"),
    cell("%matplotlib inline\nhistory = None\ndef train(a):\n    inner = a\n"),
]


def test_a_name_that_is_missing_names_its_cell(tmp_path):
    known, restarted, unknown, inner, own = map(
        plain,
        (
            text
            for outputs in run(
                tmp_path,
                "np = size = 0\nplots.show(plots.learning_curves(history))",
                "del size\n[size for _ in range(2)]",
                "print(Lineare)",
                "inner + 1",
                "def mine():\n    return history\nmine()",
                cells=BOOK,
            )
            for text in texts(outputs)
        ),
    )
    assert known == (
        'NameError: `history` is not there yet: run the cell below "B4. Thirty epochs" that makes it first.'
    )
    assert restarted.startswith("NameError: `size` is not there yet: run the setup cell first")
    assert "no cell of the notebook defines it" in unknown
    assert "no cell of the notebook defines it" in inner
    assert "mine()" in own
    assert "Traceback" in own  # a student's own function keeps its traceback


def test_without_the_notebook_s_file_it_says_what_to_do(tmp_path):
    (outputs,) = run(tmp_path, "len(history)", cells=[])
    words = plain(texts(outputs)[0])
    assert words.startswith("NameError: `history` is not there yet: run the cell that makes it first. After a restart")


def test_in_a_kernel_in_which_nothing_has_run(tmp_path):
    """The package installs a file where IPython's kernels look; here it stands in a folder that they are told of."""
    pytest.importorskip("ipykernel")
    folder = tmp_path / "profile_default"
    folder.mkdir()
    text = (ROOT / "helpers" / "ipython_kernel_config.py").read_text()
    (folder / "ipython_kernel_config.py").write_text(text)
    book = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell("check.thing(history)")])
    path = tmp_path / "mine.ipynb"
    nbformat.write(nbformat.v4.new_notebook(cells=BOOK), path)
    client = NotebookClient(book, timeout=120, allow_errors=True, resources={"metadata": {"path": str(tmp_path)}})
    paths = os.pathsep.join([str(ROOT), *filter(None, [os.environ.get("PYTHONPATH")])])
    variables = {"PYTHONPATH": paths, "JPY_SESSION_NAME": str(path), "IPYTHONDIR": str(tmp_path)}
    client.execute(env={**os.environ, **variables})
    assert "`check` is not there yet: run the setup cell first" in plain(texts(book.cells[0].outputs)[0])
