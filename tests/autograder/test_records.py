"""Records out of thin air earn no points; whoever trained, rightly or not, is believed."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from autograder.authoring.source import read
from autograder.course import Course
from autograder.mistakes import load
from autograder.mistakes.run import BEGIN, judge
from helpers import check
from helpers.backend import backend
from helpers.check import CheckFailed
from helpers.check.core.report import Mistake
from helpers.check.network_from_scratch.recorded import Recorded
from helpers.data import load as load_data
from helpers.train import fit

NAME = "network_from_scratch"
SIZES = (784, 512, 128, 10)
FUNCTIONS = ("A-linear", "A-sigmoid", "A-softmax", "A-loss", "B-mlp", "B-epoch", "B-evaluate")
WITHOUT_TRAINING = [
    solution
    for solution in load(NAME).wrong
    for cell, text in solution.cells.items()
    if cell in ("B-run", "C-study", "D-experiment", "F-move") and "def evaluate" in text
]


def student(**cells):
    """What the model solution's cells define; cells: exercise -> (old text, new text), or its whole new text."""
    names = dict(BEGIN)
    exec("from helpers.backend import array_namespace", names)
    for cell in read(Course().source(NAME))[0].cells:
        if cell.id in FUNCTIONS:
            change = cells.get(cell.id.replace("-", "_"), ("", ""))
            assert isinstance(change, str) or change[0] in cell.text
            exec(change if isinstance(change, str) else cell.text.replace(*change), names)
    return names["MLP"], names["train_epoch"], names["evaluate"]


@pytest.fixture(autouse=True)
def _quick(monkeypatch):
    monkeypatch.setenv("COURSE_SIZE", "quick")


SOFTMAX_OVER_BATCH = {"A_softmax": ("xp.sum(powers, axis=1, keepdims=True)", "xp.sum(powers, axis=0)")}


def test_whether_a_mistake_trained_does_not_depend_on_the_seed():
    MLP, train_epoch, _ = student(**SOFTMAX_OVER_BATCH)
    for seed in range(40):
        check.network_from_scratch.portable(MLP, train_epoch, seed=seed)


@pytest.mark.parametrize("mistake", ["gradient of the sum", "divided by in_features"])
def test_rescaled_gradients_are_compared_with_those_of_the_students_own_network(mistake):
    own = student(**WRONG_BUT_TRAINED[mistake])[0]
    names = own.__init__.__globals__
    exec(next(cell.text for cell in read(Course().source(NAME))[0].cells if cell.id == "E-rescale"), names)
    check.network_from_scratch.convention(names["rescale"], own, seed=7)
    with pytest.raises(CheckFailed, match="gradients of the network are still those"):
        check.network_from_scratch.convention(lambda network, batch_size, convention: None, own, seed=7)


def test_of_gradients_that_are_not_there_nothing_can_be_said():
    own = student(A_linear=("self.x.T @ grad_output", "0 * self.x.T @ grad_output"))[0]
    with pytest.raises(CheckFailed, match=r"some of the gradients .* are zero or not finite"):
        check.network_from_scratch.convention(lambda network, batch_size, convention: None, own, seed=7)


@pytest.fixture(scope="module")
def data():
    return load_data("mnist", train=100, test=200)


def trained(own, data, rate=0.5, seed=0, on="numpy", dtype="float32", **settings):
    """The history of three epochs."""
    MLP, *functions = own
    on = backend(on, dtype)
    options = {"epochs": 3, "progress": False, **settings}
    return fit(MLP(SIZES, on, seed=seed), *functions, data.to(on), lr=rate, **options)


def again(own, run, on="numpy"):
    """Makes it again; raises a Mistake where it is another."""
    seen = Recorded("history", {on: run}, own, "quick", 0, [on])
    assert seen.filled() == [on]
    assert len(list(seen.own_functions({"history": (on, 0)}))) == 2


@pytest.mark.promise("But a record alone earns nothing:")
@pytest.mark.parametrize("solution", WITHOUT_TRAINING, ids=lambda solution: solution.name)
def test_who_trained_nothing_has_no_points_for_records(solution):
    verdict = judge(read(Course().source(NAME))[0], load(NAME), solution)
    assert verdict.good, verdict
    assert verdict.test == f"{next(iter(solution.cells))}-check"


def test_there_are_such_hand_ins_for_each_exercise_that_asks_for_a_record():
    cells = [next(iter(solution.cells)) for solution in WITHOUT_TRAINING]
    assert all(cells.count(cell) >= 2 for cell in ("B-run", "C-study", "D-experiment", "F-move"))


STILL = "def train_epoch(network, images, labels, lr, batch_size=64, order=None):\n    return 2.3\n"
NUDGES = STILL.replace(
    "    return",
    "    for layer in network.layers[::2]:\n        layer.weight = layer.weight - lr * float(images[0, 0])\n    return",
)


@pytest.mark.promise("The student's own functions must train on numbers that are drawn for the check,")
@pytest.mark.parametrize("train_epoch", [STILL, NUDGES])
def test_weights_that_stay_or_go_just_anywhere_are_no_training(train_epoch):
    own = student(B_epoch=train_epoch)
    checks = check.network_from_scratch
    for run in (lambda: checks.own_training(*own, seed=41), lambda: checks.portable(*own[:2])):
        with pytest.raises(CheckFailed, match=r"weights? of your network"):
            run()


ANSWERS = ["2.3, 0.1", "float(images[0, 0]), 0.5", "float(network.layers[0].weight[0, 0]), float(labels[0]) / 10"]


@pytest.mark.promise("The student's own functions must train on numbers that are drawn for the check,")
@pytest.mark.parametrize("answer", ANSWERS)
def test_an_evaluation_that_knows_nothing_of_the_network_is_none(answer):
    own = student(B_evaluate=f"def evaluate(network, images, labels):\n    return {answer}\n")
    with pytest.raises(CheckFailed, match="nothing to do with how well the network does"):
        check.network_from_scratch.own_training(*own, seed=41)


WRONG_BUT_TRAINED = {
    "gradient of the sum": {"A_loss": ("probabilities.dtype)) / n", "probabilities.dtype))")},
    "bias stays": {"A_linear": ("self.bias = self.bias - lr * self.grad_bias", "pass")},
    "divided by in_features": {"A_linear": ("self.x.T @ grad_output", "self.x.T @ grad_output / self.x.shape[1]")},
    "last batch skipped": {"B_epoch": ("range(0, n, batch_size)", "range(0, n - batch_size + 1, batch_size)")},
    "order ignored": {"B_epoch": ("order is None", "True")},
    "loss of the last batch": {"B_epoch": ("total +=", "total =")},
    "accuracy in percent": {"B_evaluate": ("float(xp.sum(right)) / len", "100 * float(xp.sum(right)) / len")},
    "only the last layer": {"B_mlp": ("layer.update(lr)", "layer is self.layers[-2] and layer.update(lr)")},
}


@pytest.mark.parametrize("mistake", WRONG_BUT_TRAINED)
def test_whoever_made_a_mistake_and_trained_with_it_is_believed(mistake, data):
    own = student(**WRONG_BUT_TRAINED[mistake])
    check.network_from_scratch.own_training(*own, seed=41)
    again(own, trained(own, data))


@pytest.fixture(scope="module")
def model():
    return student()


@pytest.fixture(scope="module")
def run(model, data):
    return trained(model, data)


HOW = {
    "another seed": {"seed": 33},
    "float64": {"dtype": "float64", "seed": 3},
    "torch": {"on": "torch"},
    "another order": {"seed": 1, "batch_size": 32},
}


@pytest.mark.promise("and make the first epochs of the record again.")
@pytest.mark.parametrize("how", HOW)
def test_a_run_is_made_again_however_it_was_made(how, model, data):
    again(model, trained(model, data, **HOW[how]))


CHANGED = {
    "a curve": {"test_loss": [2.3, 2.2, 2.1]},
    "its first point": {"train_loss": lambda run: [run.train_loss[0] + 0.01, *run.train_loss[1:]]},
    "an accuracy": {"test_accuracy": lambda run: [a + 0.01 for a in run.test_accuracy]},
    "no start": {"started_from": "", "test_loss": [2.3, 2.2, 2.1]},
    "the order": {"seed": 1},
    "the rates": {"learning_rate": [0.4, 0.4, 0.4]},
    "the size of batches": {"batch_size": 16},
}


@pytest.mark.promise("and make the first epochs of the record again.")
@pytest.mark.parametrize("what", CHANGED)
def test_a_record_that_was_changed_is_not_what_the_own_functions_do(what, model, run):
    values = {name: value(run) if callable(value) else value for name, value in CHANGED[what].items()}
    with pytest.raises(Mistake, match="A record alone earns nothing"):
        again(model, replace(run, **values))


def test_a_network_that_nobody_can_make_again_is_told_as_such(model, run):
    with pytest.raises(Mistake, match=r"did not start from .* a seed from 0 to 99"):
        again(model, replace(run, started_from="0123456789abcdef"))


def test_networks_that_start_anew_at_random_are_believed_near_their_like(data):
    own = student(B_mlp=("seed=[seed, i]", "seed=np.random.default_rng().integers(9**9)"))
    run = trained(own, data, 0.1)
    again(own, run)
    with pytest.raises(Mistake, match="A record alone"):
        again(own, replace(run, train_loss=[9.9] * 3))


def test_what_an_edge_of_numbers_makes_of_the_drawn_problem(model):
    """Sizes, images and rates are drawn: right functions pass for every seed."""
    for seed in range(25):
        check.network_from_scratch.own_training(*model, seed=seed)


@pytest.mark.parametrize("seed", [1, 2, 3, 41])
def test_numbers_of_a_test_that_is_shown_say_nothing_of_the_hidden_one(seed):
    """Tables of the shown answers, by all that a function is given."""
    shown: dict[tuple, float] = {}

    def writes(right):
        def function(*args):
            return shown.setdefault(repr(args), right(*args))

        return function

    def reads(*args):
        return shown.get(repr(args), 1.0)

    rules = {
        check.network_from_scratch.sweet_spot: lambda losses: int(np.nanargmin(losses)) + 1,
        check.network_from_scratch.step_decay: lambda epoch, first, factor, every: first * factor ** (epoch // every),
        check.network_from_scratch.exponential_decay: lambda epoch, first, gamma: first * gamma**epoch,
    }
    for checks, right in rules.items():
        checks(writes(right))
        checks(reads)
        checks(right, seed=seed)
        with pytest.raises(CheckFailed):
            checks(reads, seed=seed)
