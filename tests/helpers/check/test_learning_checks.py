"""The CNN assignment's checks: their reference against finite differences, their cases, and what they name."""

from __future__ import annotations

import functools
import time
from dataclasses import replace

import numpy as np
import pytest

from autograder.authoring.source import read
from autograder.course import Course
from helpers.backend import backend
from helpers.check import CheckFailed, cnn_learning
from helpers.check.cnn_learning import oracle
from helpers.check.cnn_learning.cnn import gradient_hypotheses
from helpers.check.cnn_learning.plateau import length_of
from helpers.check.cnn_learning.rate_study import choice_case
from helpers.check.cnn_learning.sizes import SIZES, study_size
from helpers.check.cnn_learning.training import problem, reference
from helpers.check.core import probe
from helpers.check.core import report as report_module
from helpers.check.core.gradients import numerical_gradient
from helpers.data import load_split
from helpers.errors import CourseError
from helpers.nn.network import Network
from helpers.nn.spec import NETWORKS, load_spec, read_spec
from helpers.study.cnn_learning import RATES_FINE, RATES_WIDE, Plateau, learning_curves

SEEDS = (0, 3, 41)
RATES = sorted({*RATES_WIDE, *RATES_FINE})


@functools.cache
def quick_curves():
    """The learning curves of the quick size."""
    size = study_size("quick")
    return learning_curves(RATES, size.seeds, jobs=0, progress=False, **size.settings)


@pytest.fixture(autouse=True)
def kept(monkeypatch):
    reports = []
    monkeypatch.setattr(report_module, "_show", reports.append)
    return reports


def mistake(kept, check, *args, **kwargs):
    with pytest.raises(CheckFailed):
        check(*args, **kwargs)
    return kept[-1].mistake


@pytest.fixture(scope="module")
def model():
    """What the model solution's cells of Part A and B1, B2 define, on a backend of choice."""
    cells = {cell.id: cell.text for cell in read(Course().source("cnn_learning"))[0].cells}

    def names(on=None):
        found = {}
        exec(cells["setup"].replace("%matplotlib inline", ""), found)
        found["on"] = on or found["on"]
        for name in (
            "A-shape", "A-count", "A-table", "A-conv", "A-relu", "A-pool", "A-flatten", "A-dense", "A-network",
            "B-error", "B-order", "B-train",
        ):  # fmt: skip
            exec(cells[name], found)
        return found

    return names


@pytest.mark.promise(
    "The checks of this course try many shapes and seeds, compare with an oracle and have met thousands of wrong "
    "solutions ([mistakes.md](mistakes.md));"
)
@pytest.mark.parametrize("seed", SEEDS)
def test_the_references_gradients_agree_with_finite_differences(seed):
    net, x, labels = oracle.small_problem(seed)
    grads = net.gradients(x, labels)
    for i in range(len(net.weights)):
        for part in ("weights", "biases"):

            def loss(values, i=i, part=part):
                moved = net.copy()
                getattr(moved, part)[i] = values
                return moved.loss(x, labels)

            numerical = numerical_gradient(loss, getattr(net, part)[i])
            np.testing.assert_allclose(getattr(grads, part)[i], numerical, rtol=1e-5, atol=1e-8)


def in_order(net):
    """Weight and bias of each layer, the first layer first."""
    return [p for pair in zip(net.weights, net.biases, strict=True) for p in pair]


def test_the_reference_is_the_courses_network():
    net, x, labels = oracle.small_problem(1)
    spec = read_spec(
        {"name": "small", "input": list(oracle.IMAGE), "classes": 3, "layers": oracle.ENTRIES, "backend": "numpy"}
    )
    network = Network(spec, backend("numpy", "float64"))
    for (_, own), values in zip(network.parameters(), in_order(net), strict=True):
        own[...] = values
    np.testing.assert_allclose(network.forward(x), net.forward(x), rtol=1e-10)
    network.backward(labels)
    network.update(0.3)
    moved = net.stepped(net.gradients(x, labels), 0.3)
    for (_, own), values in zip(network.parameters(), in_order(moved), strict=True):
        np.testing.assert_allclose(own, values, rtol=1e-9, atol=1e-12)


@pytest.mark.parametrize("seed", SEEDS)
def test_every_mistake_in_the_gradients_differs_from_the_right_ones(seed):
    net, x, labels = oracle.small_problem(seed)
    right = net.gradients(x, labels)
    for hypothesis in gradient_hypotheses(net, x, labels):
        if hypothesis.name != "gradient-to-every-tie":  # random numbers have no ties but ReLU's zeros
            assert not hypothesis.explains(right.parameters()), hypothesis.name


@pytest.mark.parametrize("seed", range(8))
def test_the_trajectory_tells_all_sets_and_times_apart(seed):
    net, split = problem(seed, 0.15, 2, 3, seed + 5)
    _, losses, errors = reference(net, split, 0.15, 2, 3, seed + 5)
    validation = [row["validation"] for row in errors]
    assert [len(found) for found, _ in losses] == [3, 3]
    assert losses[0][1] == [3, 3, 1]
    for other in ([row["train"] for row in errors], [row["test"] for row in errors]):
        assert validation != pytest.approx(other)
        assert validation != pytest.approx([1 - e for e in other])


@pytest.mark.parametrize("seed", range(6))
def test_all_honest_criteria_choose_the_same_rate_and_the_others_do_not(seed):
    curves, choices = choice_case(seed, flip=bool(seed % 2))
    for over_seeds in (np.mean, np.median, max):
        for of_run in (lambda run: run.error[-1], lambda run: min(run.error), lambda run: np.mean(run.error[-3:])):
            score = {rate: over_seeds([of_run(run) for run in runs]) for rate, runs in curves.items()}
            assert min(score, key=score.get) == choices["right"]
    assert len({choices[kind] for kind in ("right", "best-seed", "training", "first-epoch", "largest-error")}) == 5


def test_a_plateau_is_as_long_for_the_check_as_for_the_study():
    rng = np.random.default_rng(3)
    for drop in (4, 9, 40, 400):
        losses = [2.3 + 0.05 * float(rng.normal()) - max(0, n - drop) / 20 for n in range(90)]
        found = Plateau(0.1, 1.0, 0, 2.0, loss=losses)
        assert length_of(losses, 2.0) == found.steps


def test_the_model_solution_passes_with_torch_tensors_and_in_float64(model):
    pytest.importorskip("torch")
    for on in (backend("torch"), backend("torch", "float64"), backend("numpy", "float64")):
        made = model(on)
        cnn_learning.conv_forward(made["Conv"])
        cnn_learning.conv_backward(made["Conv"])
        cnn_learning.relu(made["ReLU"])
        cnn_learning.max_pool(made["MaxPool"])
        cnn_learning.dense(made["Dense"])
        cnn_learning.network(made["build"])


def test_parameters_of_another_dtype_than_the_backends_are_named(model, kept):
    class Double(model()["Conv"]):
        def __init__(self, *args, **named):
            super().__init__(*args, **named)
            self.weight = self.weight.astype(np.float64)

    assert mistake(kept, cnn_learning.conv_backward, Double) == "type-changed"


def test_a_network_that_is_right_only_for_its_first_batch_is_seen(model, kept):
    made = model()

    class Stale(made["Flatten"]):
        def forward(self, x):
            self.first = getattr(self, "first", x)
            return super().forward(self.first)

    made["Flatten"] = Stale
    assert mistake(kept, cnn_learning.network, made["build"]) == "keeps-state"


def test_a_loop_that_looks_at_the_test_images_is_named(model, kept):
    made = model()
    train = made["train"]

    def swapped(network, split, *args, **kwargs):
        return train(
            network,
            replace(split, validation_images=split.test_images, validation_labels=split.test_labels),
            *args,
            **kwargs,
        )

    assert mistake(kept, cnn_learning.train, swapped, made["build"]) == "test-for-validation"


def median(curves):
    final = {rate: np.median([run.error[-1] for run in runs]) for rate, runs in curves.items()}
    return min(final, key=final.get)


class TestReport:
    """The log of looks at the test set against what is reported."""

    curves = choice_case(0)[0]
    rate = choice_case(0)[1]["right"]
    errors = (0.051, 0.06, 0.072)
    seeds = (0, 1, 2)

    def opened(self, rate=None, seeds=None):
        return [(rate or self.rate, seed, self.errors[seed % 3]) for seed in seeds or self.seeds]

    def reported(self, **changes):
        errors = list(self.errors)
        return {
            "rate": self.rate,
            "errors": errors,
            "mean": float(np.mean(errors)),
            "spread": float(np.std(errors, ddof=1)),
            **changes,
        }

    def run(self, report, opened=None):
        cnn_learning.report(report, self.opened() if opened is None else opened, self.curves, median, self.seeds)

    @pytest.mark.parametrize(
        "spread", [np.std(errors), np.std(errors, ddof=1), (0.051, 0.072), [0.072, 0.051]]
    )
    def test_every_honest_spread_passes(self, spread):
        self.run(self.reported(spread=spread))

    def test_errors_in_any_order_and_rounded_mean_pass(self):
        self.run(self.reported(errors=list(reversed(self.errors)), mean=0.061))

    @pytest.mark.parametrize(
        ("name", "changes"),
        [
            ("range-for-spread", {"spread": 0.021}),
            ("best-seed-reported", {"mean": 0.051}),
            ("worst-seed-reported", {"mean": 0.072}),
            ("median-for-mean", {"mean": 0.06}),
            ("percent-for-share", {"mean": 6.1}),
            ("accuracy-for-error", {"mean": 0.939}),
            ("wrong-mean", {"mean": 0.3}),
            ("variance-for-spread", {"spread": float(np.var(errors))}),
            ("percent-for-share", {"spread": 100 * float(np.std(errors))}),
            ("wrong-spread", {"spread": 0.3}),
            ("wrong-spread", {"spread": (0.0, 0.072)}),
            ("spread-zero", {"spread": 0}),
            ("seed-picked", {"errors": [0.051]}),
            ("errors-differ", {"errors": [0.051, 0.06, 0.05]}),
            ("another-rate", {"rate": 123.0}),
        ],
    )
    def test_what_is_wrong_with_a_report_is_named(self, kept, name, changes):
        assert mistake(kept, self.run, self.reported(**changes)) == name

    def test_what_is_wrong_with_the_looks_is_named(self, kept):
        twice, lucky, late = self.opened() * 2, self.opened(seeds=(1,)), self.opened(seeds=(5, 6, 7))
        other = [*self.opened(), *self.opened(rate=0.123)]
        for opened, name in (
            (twice, "test-opened-twice"),
            (lucky, "seed-picked"),
            (late, "another-seed"),
            (other, "test-used-for-selection"),
            ([], "test-not-opened"),
            (self.opened(rate=0.123), "another-rate"),
        ):
            assert mistake(kept, self.run, self.reported(), opened) == name


class TestStudy:
    """The quick study's own curves, changed."""

    def changed(self, change):
        curves = {
            rate: [
                replace(run, **{
                    name: list(getattr(run, name))
                    for name in ("train_loss", "test_loss", "test_accuracy", "learning_rate")
                })
                for run in runs
            ]
            for rate, runs in quick_curves().items()
        }  # fmt: skip
        return change(curves) or curves

    def named(self, kept, change):
        return mistake(kept, cnn_learning.study, self.changed(change), RATES, study_size("quick").seeds, size="quick")

    def test_the_curves_pass_as_they_are(self):
        cnn_learning.study(self.changed(lambda curves: None), RATES, study_size("quick").seeds, size="quick")

    @pytest.mark.promise("timings and learning curves are checked for being possible and consistent.")
    def test_curves_of_another_rate_do_not_become_right_by_their_label(self, kept):
        """The recorded rates are changed, the fingerprints, too: only making the run again tells."""

        def forged(curves):
            for rate in RATES:
                for run, own in zip(curves[rate], quick_curves()[0.16], strict=True):
                    run.train_loss = [loss + 1e-6 * rate for loss in own.train_loss]
                    run.test_loss, run.test_accuracy, run.ended_at = (
                        list(own.test_loss),
                        list(own.test_accuracy),
                        f"{rate}",
                    )

        assert self.named(kept, forged) == "not-reproduced"

    def test_seeds_that_were_picked_afterwards_are_seen(self, kept):
        def picked(curves):
            for rate in RATES[:3]:
                curves[rate][1].seed = 17

        assert self.named(kept, picked) == "another-seed"

    def test_curves_of_test_images_are_seen(self, kept):
        def on_test(curves):
            curves[RATES[4]][0].held_out = "test"

        assert self.named(kept, on_test) == "test-for-validation"

    def test_a_network_that_trained_on_is_seen(self, kept):
        def continued(curves):
            curves[RATES[1]][0].started_from = curves[RATES[0]][0].ended_at

        assert self.named(kept, continued) == "network-not-renewed"


LENGTHS = {1.0: {0.08: 12, 0.16: 9}, 0.5: {0.08: 44, 0.16: 24}}


class TestPrediction:
    """C5 with lengths and runs of the quick size."""

    @pytest.fixture(scope="class")
    def measured(self):
        from helpers.study.cnn_learning import plateau

        return plateau(
            [0.5], [0.12], [0], jobs=0, progress=False, **study_size("quick").plateau_settings
        )[0.5][0.12][0].below(2.0)  # fmt: skip

    def filled(self, found, **changes):
        return {"scale": 0.5, "rate": 0.12, "predicted": 32, "measured": found, **changes}

    @pytest.mark.parametrize("predicted", [30, 32, 31, 29.3])
    def test_predictions_from_either_rate_pass(self, measured, predicted):
        cnn_learning.prediction_tested(self.filled(measured, predicted=predicted), LENGTHS, size="quick")

    def test_what_is_wrong_is_named(self, kept, measured):
        for changes, name in (
            ({"rate": 0.16}, "already-tried"),
            ({"predicted": 12}, "another-scale"),
            ({"predicted": 400}, "prediction-unfounded"),
            ({"predicted": -3}, "not-a-length"),
            ({"measured": 44}, "not-measured"),
            ({"measured": measured + 1}, "not-reproduced"),
            ({"measured": None}, "not-reached"),
            ({"predicted": None}, "still-to-do"),
        ):
            assert (
                mistake(kept, cnn_learning.prediction_tested, self.filled(measured, **changes), LENGTHS, size="quick")
                == name
            )

    def test_a_prediction_that_is_the_measurement_is_copied(self, kept, measured):
        far = {0.5: {0.08: 400, 0.16: 300}}
        assert (
            mistake(kept, cnn_learning.prediction_tested, self.filled(measured, predicted=measured), far, size="quick")
            == "prediction-copied"
        )

    def test_an_untried_scale_has_a_free_prediction(self):
        from helpers.study.cnn_learning import plateau

        found = plateau(
            [0.7], [0.16], [0], jobs=0, progress=False, **study_size("quick").plateau_settings
        )[0.7][0.16][0].below(2.0)  # fmt: skip
        cnn_learning.prediction_tested(
            {"scale": 0.7, "rate": 0.16, "predicted": 12, "measured": found}, LENGTHS, size="quick"
        )


def test_sizes_are_named_and_graded_quickly(monkeypatch):
    monkeypatch.setenv("COURSE_SIZE", "quick")
    assert study_size().name == "quick"
    assert study_size("standard").scale in study_size("standard").scales
    assert all(size.scale in size.scales for size in SIZES.values())
    with pytest.raises(CourseError, match="quick"):
        study_size("quik")


def test_a_slip_is_named_by_all_cases_together(kept):
    def along(n, window, stride, pad):
        return (n + 2 * pad - window + 1) // stride  # right where the stride is 1

    def output_shape(layer, shape):
        sides = [along(*each) for each in zip(shape[1:], layer["size"], layer["stride"], layer["padding"], strict=True)]
        return (layer.get("filters", shape[0]), *sides)

    for seed in (0, 41):
        assert mistake(kept, cnn_learning.output_shape, output_shape, seed=seed) == "parentheses"


def test_a_file_that_cannot_be_built_may_be_refused_by_an_error_of_ones_own(model):
    made = model()

    class BadFile(ValueError):
        pass

    def layer_table(layers, shape):
        try:
            return made["layer_table"](layers, shape)
        except ValueError as error:
            raise BadFile(str(error)) from None

    cnn_learning.layer_table(layer_table)


def test_choosing_nothing_but_the_best_seed_is_named_for_many_seeds(kept):
    def lucky(curves):
        return min(curves, key=lambda rate: min(run.error[-1] for run in curves[rate]))

    for seed in range(5):
        assert mistake(kept, cnn_learning.choose_rate, lucky, seed=seed) == "seed-picked"


def test_a_rate_that_blew_up_does_not_win(kept):
    def by_loss(curves):
        loss = {rate: np.mean([run.test_loss[-1] for run in runs]) for rate, runs in curves.items()}
        return min(loss, key=loss.get)

    assert mistake(kept, cnn_learning.choose_rate, by_loss) == "nan-wins"


def test_a_slow_network_may_take_its_time_in_its_own_run(model, monkeypatch, kept):
    names = model()
    split = load_split(train=64, validation=50, test=50)
    monkeypatch.setattr(probe, "SECONDS", 0.05)

    def slowly(*args, **kwargs):
        until = time.process_time() + 0.1
        while time.process_time() < until:
            pass
        return names["train"](*args, **kwargs)

    spec = load_spec(NETWORKS / "convolutional_nn.json")
    network = names["build"](spec.values()["layers"], (1, 28, 28), seed=0)
    losses, errors = names["train"](network, split, lr=0.1, epochs=2)
    cnn_learning.own_run(losses, errors, slowly, names["build"], spec, split, epochs=2)
    assert (
        mistake(kept, cnn_learning.own_run, losses, [errors[0], 0.1], slowly, names["build"], spec, split, epochs=2)
        == "not-reproduced"
    )
    assert probe.SECONDS == 0.05


def test_other_random_numbers_pass_and_other_seeds_are_named(model, kept):
    names = model()
    build, on = names["build"], names["on"]
    shown = build.__globals__
    plain = shown["Conv"], shown["Dense"]

    def seeded(change):
        def make(cls):
            return lambda *args, seed=0, **more: cls(*args, seed=change(seed), **more)

        shown["Conv"], shown["Dense"] = (make(cls) for cls in plain)

    for change, name in (
        (lambda s: [s[0], s[1] + 1], "seed-from-one"),
        (lambda s: s[0] + s[1], "seeds-added"),
        (lambda s: s[::-1], "seed-reversed"),
    ):
        seeded(change)
        assert mistake(kept, cnn_learning.build, build) == name
    seeded(lambda s: [s[0] + 77, 5 * s[1] + 3])
    cnn_learning.build(build)
    assert on is shown["on"]


def test_what_is_not_written_yet_has_its_own_name(kept):
    def parameter_count(layer, shape):
        raise NotImplementedError

    def layer_table(layers, shape):
        return [(shape, parameter_count(layer, shape)) for layer in layers]

    assert mistake(kept, cnn_learning.layer_table, layer_table) == "still-to-do"
    assert "`parameter_count`, which layer_table calls," in kept[-1].message


def test_update_may_follow_the_students_own_gradient(model):
    names = model()

    class Halved(names["Conv"]):
        def backward(self, grad_output):
            result = super().backward(grad_output)
            self.grad_bias = self.grad_bias / 2
            return result

    cnn_learning.conv_update(Halved)
    with pytest.raises(CheckFailed):
        cnn_learning.conv_backward(Halved)


def test_accuracies_that_no_number_of_images_gives_were_edited(kept):
    curves = quick_curves()
    run = curves[0.1][0]
    edited = {**curves, 0.1: [replace(run, test_accuracy=[0.123, 0.4567]), *curves[0.1][1:]]}
    assert mistake(kept, cnn_learning.study, edited, RATES, (0, 1), size="quick", replay=False) == "curve-edited"
